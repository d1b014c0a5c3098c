/* What the targets of trajectory formats do with bytes that are recognised: read them
 * to the end, then again with a limit after a seek; a frame lost in silence aborts. */
#ifndef FUZZ_READ_TRAJECTORY_H
#define FUZZ_READ_TRAJECTORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "formats/trajectory_format.h"

static inline void read_trajectory(const struct asim_trajectory_format *format,
                                   const uint8_t *data, size_t size)
{
    if (!format->recognise(data, size))
        return; /* another target's */
    struct asim_error err = {0};
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    size_t frames = 0, counted, damages;
    if (asim_trajectory_open_memory(data, size, "fuzz", &traj, &err) < 0)
        return;
    int rc;
    while ((rc = asim_trajectory_next(traj, &frame, &err)) == 1)
        frames++;
    if (rc < 0)
        abort(); /* damage is never an error of reading */
    if (asim_trajectory_frame_count(traj, &counted, &err) < 0 || frames > counted)
        abort();
    asim_trajectory_damage(traj, &damages);
    if (frames < counted && damages == 0)
        abort();
    asim_trajectory_limit_atoms(traj, asim_trajectory_atom_count(traj) / 2 + 1);
    if (counted > 0 && asim_trajectory_seek(traj, counted / 2, &err) < 0)
        abort();
    while (asim_trajectory_next(traj, &frame, &err) == 1)
        ;
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
}

#endif
