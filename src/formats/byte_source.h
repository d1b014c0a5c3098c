/*
 * Bytes of a file or of memory, by absolute position, and a window on them.
 *
 * A source is immutable after opening and may be shared by threads; a window belongs to
 * one thread. The size is fixed at opening: what is appended later is not seen.
 */
#ifndef FORMATS_BYTE_SOURCE_H
#define FORMATS_BYTE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Zero bytes that a window keeps behind the bytes it hands out, so that decoders may
 * load whole words past the end of what is theirs. */
enum { ASIM_WINDOW_SLACK = 256 };

struct asim_byte_source {
    int fd;                      /* -1: memory */
    const unsigned char *memory; /* borrowed */
    uint64_t size;
    const char *name; /* for messages; borrowed */
};

/* ASIM_EIO where the file cannot be opened, ASIM_EINPUT where it is a folder, a pipe or
 * a device. `path` must outlive the source. */
int asim_byte_source_open(const char *path, struct asim_byte_source *ret_source,
                          struct asim_error *err);
void asim_byte_source_from_memory(const void *data, size_t size, const char *name,
                                  struct asim_byte_source *ret_source);
void asim_byte_source_close(struct asim_byte_source *source);

/* Reads `size` bytes at `offset` into `target`; *ret_done is less where the source ends
 * before. */
int asim_byte_source_read(const struct asim_byte_source *source, uint64_t offset,
                          void *target, size_t size, size_t *ret_done,
                          struct asim_error *err);

struct asim_byte_window {
    const struct asim_byte_source *source; /* of the bytes that are here; borrowed */
    unsigned char *data;                   /* owned */
    size_t capacity;
    uint64_t start;
    size_t size;
};

void asim_byte_window_finish(struct asim_byte_window *window);

/*
 * Points *ret_bytes at the bytes from `offset` on: at least `size` of them or, where
 * the source ends earlier, all there are; *ret_available says how many may be read.
 * When the disk has to be asked, it is asked for `ahead` bytes (if more than `size`).
 * The pointer holds until the next call on this window, which may be for another
 * source.
 */
int asim_byte_window_get(struct asim_byte_window *window,
                         const struct asim_byte_source *source, uint64_t offset,
                         size_t size, size_t ahead, const unsigned char **ret_bytes,
                         size_t *ret_available, struct asim_error *err);

/*
 * Reads `count` pieces of `size` bytes each, which lie apart, into the window's memory:
 * ret_pieces[k] holds the one at offsets[k]. *ret_whole is false where the source ends
 * before a piece does. The window remembers none of them.
 */
int asim_byte_window_gather(struct asim_byte_window *window,
                            const struct asim_byte_source *source,
                            const uint64_t *offsets, size_t count, size_t size,
                            const unsigned char **ret_pieces, bool *ret_whole,
                            struct asim_error *err);

#endif
