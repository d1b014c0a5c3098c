/*
 * Trajectories of a part of a system: what mdrun writes where the run input names
 * compressed-x-grps.
 *
 * Frames then have the atoms of the system, each at its own place, so that whoever
 * reads them needs one numbering only; atoms that are not in the file have no position
 * (NaN). `place` lists the system's number of each atom of the file. Knows no format.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/trajectory_internal.h"

static void forget(struct asim_frame *frame, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        for (int d = 0; d < 3; d++)
            frame->x_nm[i][d] = NAN;
}

/* From the last atom on: none lies behind its place, so none is overwritten before it
 * has moved. */
static void spread(const struct asim_trajectory *traj, struct asim_frame *frame)
{
    size_t end = traj->atom_limit;
    for (size_t i = traj->file_limit; i > 0; i--) {
        size_t place = traj->place[i - 1];
        if (place != i - 1)
            memcpy(frame->x_nm[place], frame->x_nm[i - 1], sizeof *frame->x_nm);
        forget(frame, place + 1, end);
        end = place;
    }
    forget(frame, 0, end);
    frame->atom_count = traj->atom_limit;
}

int asim_trajectory_decode(const struct asim_trajectory *traj,
                           struct asim_decode_scratch *scratch,
                           struct asim_frame_span span, struct asim_frame *frame,
                           char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    /* A format may not be asked for nothing: its first atom is decoded then. */
    size_t limit = traj->file_limit > 0 ? traj->file_limit : 1;
    int rc = traj->format->decode(traj->state, &traj->source, scratch, span, limit,
                                  frame, what, err);
    if (rc > 0 && traj->place)
        spread(traj, frame);
    return rc;
}

size_t asim_trajectory_place_below(const struct asim_trajectory *traj, size_t atom)
{
    size_t low = 0, high = traj->file_atoms;
    if (!traj->place)
        return atom;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (traj->place[middle] < atom)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int asim_trajectory_check_atoms(const struct asim_trajectory *traj,
                                const uint32_t *atoms, size_t count,
                                struct asim_error *err)
{
    for (size_t i = 0; traj->place && i < count; i++) {
        size_t at = asim_trajectory_place_below(traj, atoms[i]);
        if (at == traj->file_atoms || traj->place[at] != atoms[i])
            return asim_fail(err, ASIM_EINPUT,
                             "'%s' holds %zu of the system's %zu atoms, those of its "
                             "compressed-x-grps, and atom %u is not one of them",
                             traj->path, traj->file_atoms, traj->atom_count,
                             atoms[i] + 1);
    }
    return 0;
}

bool asim_trajectory_is_subset(const struct asim_trajectory *traj)
{
    return traj->place != NULL;
}

int asim_trajectory_match(struct asim_trajectory *traj, const struct asim_topology *top,
                          struct asim_error *err)
{
    if (traj->atom_count == top->atom_count)
        return 0;
    if (traj->place || !top->written || top->written_count != traj->atom_count)
        return asim_fail(err, ASIM_EINPUT,
                         "the topology has %zu atoms, the trajectory '%s' has %zu; "
                         "give the topology "
                         "that this trajectory was written with",
                         top->atom_count, traj->path, traj->atom_count);
    traj->place = asim_alloc_array(top->written_count, sizeof *traj->place, err);
    if (!traj->place)
        return -1;
    memcpy(traj->place, top->written, top->written_count * sizeof *traj->place);
    traj->atom_count = top->atom_count;
    asim_trajectory_limit_atoms(traj, 0);
    return 0;
}
