/* Energy files: any bytes, given as a file without a name. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/edr.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    char path[64];
    struct asim_error err = {0};
    struct asim_edr_last last;
    int fd = memfd_create("edr", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    (void)asim_edr_read_last(path, &last, &err);
    close(fd);
}
