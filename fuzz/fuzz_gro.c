/* GRO: any bytes as a topology and as a trajectory. */
#include <stddef.h>
#include <stdint.h>

#include "formats/gro.h"
#include "formats/trajectory_format.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_error err = {0};
    struct asim_topology top;
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    if (asim_gro_parse_topology(data, size, "fuzz", &top, &err) == 0)
        asim_topology_finish(&top);
    if (asim_trajectory_open_memory(data, size, "fuzz", &traj, &err) == 0) {
        while (asim_trajectory_next(traj, &frame, &err) == 1)
            ;
        asim_trajectory_close(traj);
    }
    asim_frame_finish(&frame);
}
