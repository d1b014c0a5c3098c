/* Fuzzing of mdrun -eo output. */
#include "read_series.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    asim_fuzz_read_series(ASIM_BIAS_EDI, data, size);
}
