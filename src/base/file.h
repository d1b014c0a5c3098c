/* Files: whole reads, atomic replacement, durable appends, folders. No shell, ever. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* "a/b" from two parts; free with free(). */
char *asim_path_join(const char *folder, const char *name, struct asim_error *err);

/* Creates the folder and what is missing above it. */
int asim_make_folder(const char *path, struct asim_error *err);

/* Opens a file for reading by position. ASIM_EIO where it cannot be opened, ASIM_EINPUT
 * where it is a folder, a pipe or a device; a pipe is not waited for. */
int asim_file_open(const char *path, int *ret_fd, uint64_t *ret_size,
                   struct asim_error *err);

/* The same for reading from the beginning; the caller closes the stream. */
int asim_file_open_stream(const char *path, FILE **ret_file, uint64_t *ret_size,
                          struct asim_error *err);

/* Reads a whole regular file of at most max_bytes; data gets a NUL behind its end. */
int asim_file_read(const char *path, uint64_t max_bytes, char **ret_data,
                   size_t *ret_size, struct asim_error *err);

/* Replaces `path` by `size` bytes: written beside, fsynced, renamed, folder fsynced. A
 * reader sees the old or the new file, whole; a failure leaves no litter. */
int asim_file_replace(const char *path, const void *data, size_t size,
                      struct asim_error *err);

/* The same for output that is written piece by piece. Use stream, then commit; close
 * alone throws it away. Write errors are remembered by stdio and reported by commit. */
struct asim_output {
    FILE *stream;
    char *path;
    char *temporary;
};
int asim_output_open(const char *path, struct asim_output *ret_output,
                     struct asim_error *err);
int asim_output_commit(struct asim_output *output, struct asim_error *err);
void asim_output_close(struct asim_output *output);

/* Removes a folder with the files in it, as far as that can be done; folders in it
 * stay, and it with them. */
void asim_folder_remove(const char *path);
int asim_folder_sync(const char *path, struct asim_error *err);
bool asim_file_exists(const char *path);

/* Hex SHA-256 of a file's bytes or of memory. */
int asim_file_sha256(const char *path, char ret_hex[65], struct asim_error *err);
/* The same, given up with ASIM_EFAIL once *stop holds. */
int asim_file_sha256_unless(const atomic_bool *stop, const char *path, char ret_hex[65],
                            struct asim_error *err);
void asim_sha256(const void *data, size_t size, char ret_hex[65]);

#endif
