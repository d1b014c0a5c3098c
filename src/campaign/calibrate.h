/*
 * Which division of the cores among windows is fastest: short trial runs of the
 * windows' own system before the first of them starts, kept in calibration.json.
 *
 * The file is nothing but a memory of measurements: where it is missing, damaged or of
 * another machine, gmx or plan, it counts as not there.
 */
#ifndef CAMPAIGN_CALIBRATE_H
#define CAMPAIGN_CALIBRATE_H

#include "campaign/campaign_internal.h"

enum { ASIM_THREADS_MOST = 64 }; /* mdrun's own limit is 128; more never pays */

/* What was measured here with this gmx for this plan, made use of for the windows that
 * are left: false where there is nothing. */
bool asim_calibration_recall(const struct asim_campaign *campaign,
                             const struct asim_gromacs *gromacs, int gpu_count,
                             const struct asim_cores *cores, int *ret_ntomp);

/* Divisions that are worth a trial, the one without a measurement first: about half as
 * many windows each time. Returns how many. */
size_t asim_calibration_candidates(int cores, size_t windows_left,
                                   struct asim_split ret_splits[ASIM_SPLITS_MOST]);
/* The index of the division that simulates most in the time until the last window has
 * ended; cores that idle beside the last windows count. */
size_t asim_calibration_choose(const struct asim_split *splits, size_t count, int cores,
                               size_t windows_left);

/* Trials in progress. */
struct asim_calibration;

struct asim_calibration_request {
    const struct asim_campaign *campaign;
    const struct asim_run_options *options; /* as the user gave them */
    const struct asim_gromacs *gromacs;
    const struct asim_gpus *gpus;
    const struct asim_cores *cores; /* that are divided */
    int epoll_fd;                   /* ends of trials wake it, */
    uint64_t tag;                   /* with this */
};
/* NULL where there is nothing to choose, the work is too short, a window runs already
 * or others use the cores. What `request` points to is borrowed until the end. */
struct asim_calibration *
asim_calibration_begin(const struct asim_calibration_request *request);
/* Goes on, whenever something may have happened; true: it is over, and its result, if
 * any, is in the file and the log. Never waits. */
bool asim_calibration_step(struct asim_calibration *calibration, double now);
/* When asim_calibration_step shall be called at the latest. */
double asim_calibration_due(const struct asim_calibration *calibration);
/* Trials that run are killed. */
void asim_calibration_destroy(struct asim_calibration *calibration);

#endif
