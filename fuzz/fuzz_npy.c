/* A .npy file, as a saved PCA has them: any bytes, read from a file in memory; what is
 * taken holds exactly the numbers that its shape promises. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/npy.h"
#include "target.h"

static void read_values(FILE *file, size_t count)
{
    double value;
    for (size_t i = 0; i < count; i++)
        if (fread(&value, sizeof value, 1, file) != 1)
            abort();
    if (fread(&value, 1, 1, file) != 0)
        abort();
}

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_error err = {0};
    FILE *file;
    size_t shape[2];
    int dimensions;
    char path[64];
    int descriptor = memfd_create("npy", MFD_CLOEXEC);
    if (descriptor < 0)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (write(descriptor, data, size) == (ssize_t)size &&
        asim_npy_open(path, &file, shape, &dimensions, &err) == 0) {
        read_values(file, shape[0] * shape[1]);
        fclose(file);
    }
    close(descriptor);
}
