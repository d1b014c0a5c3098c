/* Arrays in a file without a name. Invariant: every byte mapped has space on disk. */
#include "base/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"

static int open_nameless(const char *folder, struct asim_error *err)
{
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0)
        return file;
    /* Some file systems make only files that have a name. */
    char *path = asim_format(err, "%s/autosim-XXXXXX", folder);
    if (!path)
        return -1;
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0)
        unlink(path);
    else
        asim_fail(err, ASIM_EIO, "cannot make a file in '%s': %s", folder,
                  strerror(errno));
    free(path);
    return file;
}

static int reserve(int file, size_t bytes, struct asim_error *err)
{
    int cause = posix_fallocate(file, 0, (off_t)bytes);
    if (cause)
        return asim_fail(err, ASIM_EIO,
                         "no room on disk for %.1f MB of intermediate results: %s; set "
                         "TMPDIR to a folder with room, or allow more memory",
                         (double)bytes / 1e6, strerror(cause));
    return 0;
}

int asim_spill_create(const char *folder, size_t bytes, struct asim_spill *ret_spill,
                      struct asim_error *err)
{
    if (!folder || !*folder)
        folder = getenv("TMPDIR");
    if (!folder || !*folder)
        folder = "/var/tmp";
    int file = open_nameless(folder, err);
    if (file < 0)
        return -1;
    bytes = bytes ? bytes : 1;
    void *data = MAP_FAILED;
    if (reserve(file, bytes, err) < 0)
        goto fail;
    data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (data == MAP_FAILED) {
        asim_fail(err, ASIM_ENOMEM, "cannot map %zu bytes of a file: %s", bytes,
                  strerror(errno));
        goto fail;
    }
    *ret_spill = (struct asim_spill){data, bytes, file + 1};
    return 0;
fail:
    close(file);
    return -1;
}

int asim_spill_grow(struct asim_spill *spill, size_t bytes, struct asim_error *err)
{
    if (bytes <= spill->bytes)
        return 0;
    if (reserve(spill->file_plus_1 - 1, bytes, err) < 0)
        return -1;
    void *data = mremap(spill->data, spill->bytes, bytes, MREMAP_MAYMOVE);
    if (data == MAP_FAILED)
        return asim_fail(err, ASIM_ENOMEM, "cannot map %zu bytes of a file: %s", bytes,
                         strerror(errno));
    spill->data = data;
    spill->bytes = bytes;
    return 0;
}

void asim_spill_finish(struct asim_spill *spill)
{
    if (!spill || !spill->file_plus_1)
        return;
    munmap(spill->data, spill->bytes);
    close(spill->file_plus_1 - 1);
    *spill = (struct asim_spill){0};
}

void asim_spill_release(const void *first, size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)first, end = begin + bytes;
    begin = (begin + page - 1) / page * page;
    end = end / page * page;
    if (begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}
