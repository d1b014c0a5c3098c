/* Fuzzing of PLUMED output: any bytes give a series in order of time, or an error. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <autosim/samples.h>

#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    const struct asim_bias bias = {-0.1, 2000};
    struct asim_series series = {0};
    struct asim_error err = {0};
    char path[64];
    int descriptor = memfd_create("colvar", MFD_CLOEXEC);
    if (descriptor < 0)
        return;
    if (write(descriptor, data, size) == (ssize_t)size) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
        if (asim_series_read_file(path, ASIM_BIAS_PLUMED, &bias, 0.002, &series,
                                  &err) == 0) {
            for (size_t i = 1; i < series.count; i++)
                if (!(series.time_ps[i] > series.time_ps[i - 1]))
                    abort();
            asim_series_finish(&series);
        }
    }
    close(descriptor);
}
