/*
 * The frame that a plan names, and no other.
 *
 * The analysis decodes only the atoms that it needs, so a frame that it took may still
 * be damaged elsewhere; reading then goes on with the frame behind it, which is not the
 * one whose projection was planned with.
 */
#include "windows/planned_frame.h"

#include <inttypes.h>

#include "base/error.h"

int asim_check_start_frames(struct asim_trajectory *traj,
                            const struct asim_topology *top, const char *tpr_path,
                            struct asim_error *err)
{
    if (asim_trajectory_match(traj, top, err) < 0)
        return -1;
    if (asim_trajectory_is_subset(traj))
        return asim_fail(err, ASIM_EINPUT,
                         "a window can only start from a frame of the whole system, "
                         "and '%s' holds the %zu atoms of %zu that the "
                         "compressed-x-grps of '%s' name: give the .trr of the "
                         "simulation, or an .xtc with all atoms",
                         asim_trajectory_path(traj), top->written_count,
                         top->atom_count, tpr_path);
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
