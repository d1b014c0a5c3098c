/* Where windows start: the frame that a plan names and no other, or the TPR's own. */
#ifndef WINDOWS_PLANNED_FRAME_H
#define WINDOWS_PLANNED_FRAME_H

#include <autosim/trajectory.h>

#include "formats/tpr.h"

/* The coordinates of a TPR, not made whole. */
int asim_tpr_frame(const struct asim_tpr *tpr, struct asim_frame *frame,
                   struct asim_error *err);

/* Reads frame `frame_index` of the file. ASIM_EINPUT where that one cannot be read,
 * also where the frames behind it can. */
int asim_read_planned_frame(struct asim_trajectory *traj, uint64_t frame_index,
                            struct asim_frame *frame, struct asim_error *err);

#endif
