/* The frame that a plan names, and no other. */
#ifndef WINDOWS_PLANNED_FRAME_H
#define WINDOWS_PLANNED_FRAME_H

#include <autosim/topology.h>
#include <autosim/trajectory.h>

/* Whether windows of this system can start from the trajectory's frames; ASIM_EINPUT
 * where it is of another system, or of a part of it. */
int asim_check_start_frames(struct asim_trajectory *traj,
                            const struct asim_topology *top, const char *tpr_path,
                            struct asim_error *err);

/* Reads frame `frame_index` of the file. ASIM_EINPUT where that one cannot be read,
 * also where the frames behind it can. */
int asim_read_planned_frame(struct asim_trajectory *traj, uint64_t frame_index,
                            struct asim_frame *frame, struct asim_error *err);

#endif
