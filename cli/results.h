/*
 * What a campaign has produced so far, read together: the plan as it has become, the
 * windows' states and their samples.
 */
#ifndef CLI_RESULTS_H
#define CLI_RESULTS_H

#include <autosim/autosim.h>

struct results {
    struct asim_plan plan;      /* nsteps: as long as windows have become */
    int64_t *planned_steps;     /* [plan.window_count] as long as they were planned */
    int64_t total_steps;        /* of all windows together */
    struct asim_series *series; /* [plan.window_count]; empty: none yet */
    struct asim_window_status *statuses; /* [plan.window_count] */
    struct asim_window_check *checks;    /* [plan.window_count] of check.json */
};

/* Without samples and checks: how far the windows are. */
int results_read_progress(const char *folder, struct results *ret_results,
                          struct asim_error *err);

int results_read(const char *folder, struct results *ret_results,
                 struct asim_error *err);
void results_finish(struct results *results);

#endif
