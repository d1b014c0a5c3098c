/*
 * Bytes of a file or of memory, by absolute position.
 * Invariant: a window never holds bytes past the source's size, and the slack behind
 * its bytes is zero. It knows no file format.
 */
#include "formats/byte_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

int asim_byte_source_open(const char *path, struct asim_byte_source *ret_source,
                          struct asim_error *err)
{
    int fd;
    uint64_t size;
    if (asim_file_open(path, &fd, &size, err) < 0)
        return -1;
    *ret_source = (struct asim_byte_source){.fd = fd, .size = size, .name = path};
    return 0;
}

void asim_byte_source_from_memory(const void *data, size_t size, const char *name,
                                  struct asim_byte_source *ret_source)
{
    *ret_source =
        (struct asim_byte_source){.fd = -1, .memory = data, .size = size, .name = name};
}

void asim_byte_source_close(struct asim_byte_source *source)
{
    if (!source)
        return;
    /* A zeroed source holds neither a file nor memory. */
    if (source->fd >= 0 && source->name && !source->memory)
        close(source->fd);
    *source = (struct asim_byte_source){.fd = -1};
}

int asim_byte_source_read(const struct asim_byte_source *source, uint64_t offset,
                          void *target, size_t size, size_t *ret_done,
                          struct asim_error *err)
{
    const uint64_t left = offset < source->size ? source->size - offset : 0;
    size_t done = 0;
    if (size > left)
        size = (size_t)left;
    if (source->fd < 0) {
        if (size > 0)
            memcpy(target, source->memory + offset, size);
        done = size;
    }
    while (done < size) {
        ssize_t got = pread(source->fd, (unsigned char *)target + done, size - done,
                            (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return asim_fail(err, ASIM_EIO, "cannot read '%s' at byte %llu: %s",
                             source->name, (unsigned long long)(offset + done),
                             strerror(errno));
        if (got == 0)
            break; /* shortened meanwhile: what is there counts */
        done += (size_t)got;
    }
    *ret_done = done;
    return 0;
}

void asim_byte_window_finish(struct asim_byte_window *window)
{
    if (!window)
        return;
    free(window->data);
    *window = (struct asim_byte_window){0};
}

int asim_byte_window_get(struct asim_byte_window *window,
                         const struct asim_byte_source *source, uint64_t offset,
                         size_t size, size_t ahead, const unsigned char **ret_bytes,
                         size_t *ret_available, struct asim_error *err)
{
    uint64_t left = offset < source->size ? source->size - offset : 0;
    if (size > left)
        size = (size_t)left;
    if (window->source != source) {
        window->source = source;
        window->size = 0;
    }
    uint64_t end = window->start + window->size;
    if (!window->data || offset < window->start || offset > end ||
        end - offset < size) {
        size_t want = ahead > size ? ahead : size;
        if (want > left)
            want = (size_t)left;
        /* Bytes that are here already are moved, not read again. */
        size_t kept = 0;
        if (window->data && offset >= window->start && offset < end)
            kept = (size_t)(end - offset);
        if (kept > want)
            want = kept;
        size_t needed;
        if (__builtin_add_overflow(want, (size_t)ASIM_WINDOW_SLACK, &needed))
            return asim_fail(err, ASIM_ENOMEM, "a frame of '%s' exceeds the memory",
                             source->name);
        size_t keep_from = kept ? (size_t)(offset - window->start) : 0;
        if (asim_grow(&window->data, &window->capacity, needed, 1, err) < 0)
            return -1;
        if (kept && keep_from)
            memmove(window->data, window->data + keep_from, kept);
        window->start = offset;
        window->size = kept;
        size_t done = 0;
        if (asim_byte_source_read(source, offset + kept, window->data + kept,
                                  want - kept, &done, err) < 0)
            return -1;
        window->size = kept + done;
        memset(window->data + window->size, 0, ASIM_WINDOW_SLACK);
    }
    *ret_bytes = window->data + (offset - window->start);
    *ret_available = window->size - (size_t)(offset - window->start);
    return 0;
}

int asim_byte_window_gather(struct asim_byte_window *window,
                            const struct asim_byte_source *source,
                            const uint64_t *offsets, size_t count, size_t size,
                            const unsigned char **ret_pieces, bool *ret_whole,
                            struct asim_error *err)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)ASIM_WINDOW_SLACK, &bytes))
        return asim_fail(err, ASIM_ENOMEM, "a frame of '%s' exceeds the memory",
                         source->name);
    window->size = 0;
    if (asim_grow(&window->data, &window->capacity, bytes, 1, err) < 0)
        return -1;
    *ret_whole = true;
    for (size_t k = 0; k < count && *ret_whole; k++) {
        size_t done = 0;
        ret_pieces[k] = window->data + k * size;
        if (asim_byte_source_read(source, offsets[k], window->data + k * size, size,
                                  &done, err) < 0)
            return -1;
        *ret_whole = done == size;
    }
    return 0;
}
