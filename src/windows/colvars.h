/*
 * Colvars configuration of one window: the harmonic restraint of a principal component.
 */
#ifndef WINDOWS_COLVARS_H
#define WINDOWS_COLVARS_H

#include "windows/bias_method.h"

/* Colvars keeps its output in memory except when it writes its state: every so many
 * rows. */
enum { ASIM_COLVARS_FLUSH_ROWS = 20 };

/*
 * The text (owned by the caller), for component 0 of `pca`. Every number has 17 digits.
 * Its atoms are those of asim_bias_atoms, first used in that order.
 */
int asim_colvars_compose(const struct asim_bias_request *request, char **ret_text,
                         struct asim_error *err);

#endif
