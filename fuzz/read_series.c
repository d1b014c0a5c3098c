/* Series are read from files by their path: the bytes go into one that is in memory. */
#include "read_series.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void asim_fuzz_read_series(enum asim_bias_engine engine, const uint8_t *data,
                           size_t size)
{
    const struct asim_bias bias = {-0.1, 2000};
    struct asim_series series = {0};
    struct asim_error err = {0};
    char path[64];
    int descriptor = memfd_create("series", MFD_CLOEXEC);
    if (descriptor < 0)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (write(descriptor, data, size) == (ssize_t)size &&
        asim_series_read_file(path, engine, &bias, 0.002, &series, &err) == 0) {
        for (size_t i = 1; i < series.count; i++)
            if (!(series.time_ps[i] > series.time_ps[i - 1]))
                abort();
        asim_series_finish(&series);
    }
    close(descriptor);
}
