/* The files that a campaign is made from, known again by size, time and SHA-256. */
#ifndef CLI_INPUT_FILES_H
#define CLI_INPUT_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct input_file {
    char path[4096]; /* absolute */
    char sha256[65];
    int64_t size_bytes;
    int64_t modified_ns;
};

/* Size and time of input->path. */
int input_file_stat(struct input_file *input, struct asim_error *err);
int input_file_describe(const char *path, struct input_file *ret_input,
                        struct asim_error *err);

/*
 * Several files, described by a thread while something else goes on: a trajectory that
 * is analysed meanwhile is read from the disk once, and its hash costs no time where
 * there is a second core.
 */
struct input_files;

/* `paths` [count], borrowed until the end. */
int input_files_begin(char *const *paths, size_t count, struct input_files **ret_inputs,
                      struct asim_error *err);
/* Waits for them: [count], borrowed until the end. */
int input_files_wait(struct input_files *inputs, const struct input_file **ret_files,
                     struct asim_error *err);
/* Stops what is still going on. `inputs` may be NULL. */
void input_files_end(struct input_files *inputs);

#endif
