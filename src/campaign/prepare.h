/* What is done in a window's folder before an attempt: checks, new velocities, cmd.sh.
 */
#ifndef CAMPAIGN_PREPARE_H
#define CAMPAIGN_PREPARE_H

#include "campaign/campaign_internal.h"

/*
 * Checks that the folder holds what was planned: window.tpr and the bias' files with
 * the plan's checksums. Where `start` differs from the plan, window.tpr is instead
 * derived from the planned one (kept as planned.tpr); it is made where it is not there.
 * ASIM_EINPUT where a file is missing or was changed.
 */
int asim_window_prepare_inputs(const char *folder, const struct asim_plan *plan,
                               const struct asim_window *window,
                               const struct asim_window_start *start,
                               asim_make_tpr_fn make_tpr, struct asim_error *err);

/* The asim_make_tpr_fn of real windows: asim_tpr_patch on planned.tpr. The seeds derive
 * from the window's own and the reseed index, so that it can be repeated. */
int asim_window_make_tpr(const char *folder, const struct asim_plan *plan,
                         const struct asim_window *window,
                         const struct asim_window_start *start, struct asim_error *err);

/* Writes cmd.sh, which runs exactly `argv` in the folder. */
int asim_window_write_command(const char *folder, char *const *argv,
                              struct asim_error *err);

#endif
