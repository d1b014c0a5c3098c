/* TRR trajectories from any bytes. */
#include "read_trajectory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_trajectory(data, size);
    return 0;
}
