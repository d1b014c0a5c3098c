/*
 * The frame that a plan names, and no other.
 *
 * The analysis decodes only the atoms that it needs, so a frame that it took may still
 * be damaged elsewhere; reading then goes on with the frame behind it, which is not the
 * one whose projection was planned with.
 */
#include "windows/planned_frame.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

int asim_tpr_frame(const struct asim_tpr *tpr, struct asim_frame *frame,
                   struct asim_error *err)
{
    if (asim_frame_reserve(frame, tpr->atom_count, err) < 0)
        return -1;
    frame->atom_count = tpr->atom_count;
    memcpy(frame->x_nm, tpr->x_nm, tpr->atom_count * sizeof *tpr->x_nm);
    memcpy(frame->box_nm, tpr->box_nm, sizeof tpr->box_nm);
    return 0;
}

/* What the trajectory says of a frame that it passed over. */
static const char *find_damage(const struct asim_trajectory *traj, uint64_t frame_index)
{
    size_t count;
    const struct asim_damage *damage = asim_trajectory_damage(traj, &count);
    for (size_t i = 0; i < count; i++)
        if (damage[i].frame_index == frame_index)
            return damage[i].what;
    return "it is not among the frames that are read";
}

int asim_read_planned_frame(struct asim_trajectory *traj, uint64_t frame_index,
                            struct asim_frame *frame, struct asim_error *err)
{
    if (asim_trajectory_seek(traj, frame_index, err) < 0)
        return -1;
    int got = asim_trajectory_next(traj, frame, err);
    if (got < 0)
        return -1;
    if (got == 1 && frame->frame_index == frame_index)
        return 0;
    return asim_fail(
        err, ASIM_EINPUT,
        "'%s': frame %" PRIu64 " (counted from 0), which the analysis took, "
        "cannot be read with all its atoms: %s; leave that frame out of the "
        "trajectory (or its time, by begin and end), and analyse anew",
        asim_trajectory_path(traj), frame_index, find_damage(traj, frame_index));
}
