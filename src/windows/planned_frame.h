/* The frame that a plan names, and no other. */
#ifndef WINDOWS_PLANNED_FRAME_H
#define WINDOWS_PLANNED_FRAME_H

#include <autosim/trajectory.h>

/* Reads frame `frame_index` of the file. ASIM_EINPUT where that one cannot be read,
 * also where the frames behind it can. */
int asim_read_planned_frame(struct asim_trajectory *traj, uint64_t frame_index,
                            struct asim_frame *frame, struct asim_error *err);

#endif
