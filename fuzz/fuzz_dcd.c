/* DCD trajectories from any bytes. */
#include "read_trajectory.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    read_trajectory(&asim_dcd_format, data, size);
}
