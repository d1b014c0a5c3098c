/* Describing input files, one by one or beside other work. */
#include "input_files.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"

struct input_files {
    char *const *paths;
    size_t count;
    struct input_file *files; /* [count] */
    atomic_bool stop;
    pthread_t thread;
    bool running;
    int rc; /* of the thread, and its error */
    struct asim_error err;
};

int input_file_stat(struct input_file *input, struct asim_error *err)
{
    struct stat status;
    if (stat(input->path, &status) < 0)
        return asim_fail(err, ASIM_EIO, "cannot open '%s': %s", input->path,
                         strerror(errno));
    if (!S_ISREG(status.st_mode))
        return asim_fail(err, ASIM_EINPUT, "'%s' is not a regular file", input->path);
    input->size_bytes = status.st_size;
    input->modified_ns =
        (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    return 0;
}

static int describe(const char *path, const atomic_bool *stop,
                    struct input_file *ret_input, struct asim_error *err)
{
    char *absolute = realpath(path, NULL);
    if (!absolute)
        return asim_fail(err, errno == ENOENT ? ASIM_EINPUT : ASIM_EIO,
                         "cannot open '%s': %s", path, strerror(errno));
    int length = snprintf(ret_input->path, sizeof ret_input->path, "%s", absolute);
    free(absolute);
    if (length >= (int)sizeof ret_input->path)
        return asim_fail(err, ASIM_EINPUT, "the path of '%s' is too long", path);
    json_t *writable = json_string(ret_input->path);
    json_decref(writable);
    if (!writable)
        return asim_fail(err, ASIM_EINPUT,
                         "the path '%s' is not UTF-8 and cannot be put on record: "
                         "rename the file or its folder",
                         ret_input->path);
    if (input_file_stat(ret_input, err) < 0)
        return -1;
    return asim_file_sha256_unless(stop, ret_input->path, ret_input->sha256, err);
}

int input_file_describe(const char *path, struct input_file *ret_input,
                        struct asim_error *err)
{
    return describe(path, NULL, ret_input, err);
}

static void *describe_all(void *context)
{
    struct input_files *inputs = context;
    for (size_t i = 0; inputs->rc == 0 && i < inputs->count; i++)
        inputs->rc =
            describe(inputs->paths[i], &inputs->stop, &inputs->files[i], &inputs->err);
    return NULL;
}

int input_files_begin(char *const *paths, size_t count, struct input_files **ret_inputs,
                      struct asim_error *err)
{
    struct input_files *inputs = asim_alloc_array(1, sizeof *inputs, err);
    if (!inputs)
        return -1;
    inputs->paths = paths;
    inputs->count = count;
    inputs->files = asim_alloc_array(count, sizeof *inputs->files, err);
    if (inputs->files) {
        int cause = pthread_create(&inputs->thread, NULL, describe_all, inputs);
        inputs->running = cause == 0;
        if (cause != 0)
            asim_fail(err, ASIM_EENV, "cannot start a thread: %s", strerror(cause));
    }
    if (!inputs->running) {
        input_files_end(inputs);
        return -1;
    }
    *ret_inputs = inputs;
    return 0;
}

static void join(struct input_files *inputs)
{
    if (inputs->running)
        pthread_join(inputs->thread, NULL);
    inputs->running = false;
}

int input_files_wait(struct input_files *inputs, const struct input_file **ret_files,
                     struct asim_error *err)
{
    join(inputs);
    if (inputs->rc < 0 && err)
        *err = inputs->err;
    *ret_files = inputs->files;
    return inputs->rc;
}

void input_files_end(struct input_files *inputs)
{
    if (!inputs)
        return;
    atomic_store(&inputs->stop, true);
    join(inputs);
    free(inputs->files);
    free(inputs);
}
