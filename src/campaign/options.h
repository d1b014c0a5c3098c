/* From the options of a run to the command of a window. */
#ifndef CAMPAIGN_OPTIONS_H
#define CAMPAIGN_OPTIONS_H

#include "campaign/campaign_internal.h"

/* Windows that are neither completed nor given up. */
size_t asim_campaign_unfinished_count(const struct asim_campaign *campaign);

/* Fills in what 0 stands for; ASIM_EUSAGE for negative values. */
int asim_options_resolve(const struct asim_campaign *campaign,
                         struct asim_run_options *options, struct asim_error *err);
/* `options` are resolved. argv is freed by asim_argv_free. */
int asim_options_command(const struct asim_campaign *campaign,
                         const struct asim_run_options *options,
                         const struct asim_gromacs *gromacs, char ***ret_argv,
                         struct asim_error *err);
/* ASIM_EINPUT where this GROMACS cannot simulate what is to be started, so that one
 * sentence is said instead of every window failing. All windows are of one system: the
 * first that may start is looked at. */
int asim_options_check_gromacs(const struct asim_campaign *campaign,
                               const struct asim_gromacs *gromacs,
                               struct asim_error *err);

#endif
