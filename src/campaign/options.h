/* From the options of a run to the command of a window. */
#ifndef CAMPAIGN_OPTIONS_H
#define CAMPAIGN_OPTIONS_H

#include "campaign/campaign_internal.h"

/* Windows that are neither completed nor given up. */
size_t asim_campaign_unfinished_count(const struct asim_campaign *campaign);

/* ASIM_EUSAGE for what no campaign can be run with. */
int asim_options_check(const struct asim_campaign *campaign,
                       const struct asim_run_options *options, struct asim_error *err);
/* The user leaves it to us how many windows run at once, with how many threads. */
bool asim_options_leave_division(const struct asim_campaign *campaign,
                                 const struct asim_run_options *options);
/* Fills in what 0 stands for, by what was measured where there is something
 * (*ret_measured). `gpu_count` and `cores` as the windows get them. */
int asim_options_resolve(const struct asim_campaign *campaign,
                         const struct asim_gromacs *gromacs, int gpu_count,
                         const struct asim_cores *cores,
                         struct asim_run_options *options, bool *ret_measured,
                         struct asim_error *err);
/* `options` are resolved. `maxh` 0: no limit; `gpu_id` NULL: gmx chooses. argv is freed
 * by asim_argv_free. */
int asim_options_command(const struct asim_campaign *campaign,
                         const struct asim_run_options *options,
                         const struct asim_gromacs *gromacs, double maxh,
                         const int *gpu_id, char ***ret_argv, struct asim_error *err);
/* Hours that a window has left; 0: no limit. -1: it has used them up. */
double asim_options_hours_left(const struct asim_run_options *options,
                               const struct asim_window_life *life);
/* ASIM_EINPUT where this GROMACS cannot simulate what is to be started, so that one
 * sentence is said instead of every window failing. All windows are of one system: the
 * first that may start is looked at. */
int asim_options_check_gromacs(const struct asim_campaign *campaign,
                               const struct asim_gromacs *gromacs,
                               struct asim_error *err);

#endif
