/* Can a GROMACS simulate a TPR that has been read already? */
#ifndef ASIM_ENGINE_READABLE_H
#define ASIM_ENGINE_READABLE_H

#include <autosim/engine.h>

#include "formats/tpr.h"

/* As asim_gromacs_check_tpr; `path` is for the message. */
int asim_gromacs_check_parsed(const struct asim_gromacs *gromacs,
                              const struct asim_tpr *tpr, const char *path,
                              struct asim_error *err);

/* Whether it is new enough to apply the bias of a plan; ASIM_EENV where not. One of an
 * unknown version passes. */
int asim_gromacs_check_bias(const struct asim_gromacs *gromacs,
                            enum asim_bias_engine bias, struct asim_error *err);

#endif
