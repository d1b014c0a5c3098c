/*
 * Every format read while memory runs out at the k-th allocation, for every k: an error
 * with ASIM_ENOMEM, outputs untouched, nothing leaked. The inputs are the seeds of the
 * fuzz targets. The program is linked with --wrap for the allocators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "formats/edr.h"
#include "formats/gro.h"
#include "formats/pdb.h"
#include "formats/psf.h"
#include "formats/tpr.h"
#include "formats/trajectory_format.h"
#include "formats/xvg.h"

void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
int __real_posix_memalign(void **ret, size_t alignment, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **text, const char *format, va_list arguments);
void __real_free(void *memory);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *memory, size_t size);
int __wrap_posix_memalign(void **ret, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_vasprintf(char **text, const char *format, va_list arguments);
void __wrap_free(void *memory);

static long allocations_left = -1; /* -1: without end */
static long live_count;

static int may_allocate(void)
{
    if (allocations_left == 0)
        return 0;
    if (allocations_left > 0)
        allocations_left--;
    return 1;
}

static void *counted(void *memory)
{
    live_count += memory != NULL;
    return memory;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? counted(__real_calloc(count, size)) : NULL;
}

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? counted(__real_malloc(size)) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (!may_allocate())
        return NULL;
    live_count += memory == NULL;
    return __real_realloc(memory, size);
}

int __wrap_posix_memalign(void **ret, size_t alignment, size_t size)
{
    if (!may_allocate())
        return 12; /* ENOMEM */
    int rc = __real_posix_memalign(ret, alignment, size);
    live_count += rc == 0;
    return rc;
}

char *__wrap_strdup(const char *text)
{
    return may_allocate() ? counted(__real_strdup(text)) : NULL;
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
    if (!may_allocate())
        return -1;
    int length = __real_vasprintf(text, format, arguments);
    live_count += length >= 0;
    return length;
}

void __wrap_free(void *memory)
{
    live_count -= memory != NULL;
    __real_free(memory);
}

struct input {
    const char *path;
    const void *data;
    size_t size;
};

static int read_tpr(const struct input *input, struct asim_error *err)
{
    struct asim_tpr tpr;
    struct asim_topology top, untouched;
    memset(&top, 0x5a, sizeof top);
    untouched = top;
    if (asim_tpr_parse(input->data, input->size, &tpr, &top, err) < 0) {
        assert_memory_equal(&top, &untouched, sizeof top);
        return -1;
    }
    asim_tpr_finish(&tpr);
    asim_topology_finish(&top);
    return 0;
}

typedef int (*parse_fn)(const void *data, size_t size, const char *name,
                        struct asim_topology *ret_top, struct asim_error *err);

static int read_topology(parse_fn parse, const struct input *input,
                         struct asim_error *err)
{
    struct asim_topology top, untouched;
    memset(&top, 0x5a, sizeof top);
    untouched = top;
    if (parse(input->data, input->size, "test", &top, err) < 0) {
        assert_memory_equal(&top, &untouched, sizeof top);
        return -1;
    }
    asim_topology_finish(&top);
    return 0;
}

static int read_psf(const struct input *input, struct asim_error *err)
{
    return read_topology(asim_psf_parse_topology, input, err);
}

static int read_pdb(const struct input *input, struct asim_error *err)
{
    return read_topology(asim_pdb_parse_topology, input, err);
}

static int read_gro(const struct input *input, struct asim_error *err)
{
    return read_topology(asim_gro_parse_topology, input, err);
}

static int read_xvg(const struct input *input, struct asim_error *err)
{
    struct asim_xvg xvg;
    if (asim_xvg_parse(input->data, input->size, "test", &xvg, err) < 0)
        return -1;
    asim_xvg_finish(&xvg);
    return 0;
}

static int read_edr(const struct input *input, struct asim_error *err)
{
    struct asim_edr_last last;
    return asim_edr_read_last(input->path, &last, err);
}

static int pass_frame(void *context, struct asim_frame *frame, int thread_index,
                      struct asim_error *err)
{
    (void)context;
    (void)frame;
    (void)thread_index;
    (void)err;
    return 0;
}

static int read_frames(struct asim_trajectory *traj, struct asim_error *err)
{
    struct asim_frame frame = {0}, block[2] = {{0}};
    size_t count, got;
    int rc;
    while ((rc = asim_trajectory_next(traj, &frame, err)) == 1)
        ;
    if (rc == 0)
        rc = asim_trajectory_frame_count(traj, &count, err);
    if (rc == 0)
        rc = asim_trajectory_set_range(traj, -1e9, 1e9, 1, err);
    if (rc == 0 && count > 0)
        rc = asim_trajectory_seek(traj, 0, err);
    if (rc == 0)
        rc = asim_trajectory_read_block(traj, block, 2, 1, &got, err);
    if (rc == 0)
        rc = asim_trajectory_visit(traj, 1, pass_frame, NULL, err);
    asim_frame_finish(&frame);
    asim_frame_finish(&block[0]);
    asim_frame_finish(&block[1]);
    return rc;
}

static int read_trajectory(const struct input *input, struct asim_error *err)
{
    struct asim_trajectory *traj = NULL;
    if (asim_trajectory_open_memory(input->data, input->size, "test", &traj, err) < 0) {
        assert_null(traj);
        return -1;
    }
    int rc = read_frames(traj, err);
    asim_trajectory_close(traj);
    return rc;
}

/* The same file three times over, of which the last is kept. */
static int read_several(const struct input *input, struct asim_error *err)
{
    const char *paths[] = {input->path, input->path, input->path};
    struct asim_trajectory *traj = NULL;
    if (asim_trajectory_open_many(paths, 3, &traj, err) < 0) {
        assert_null(traj);
        return -1;
    }
    int rc = read_frames(traj, err);
    asim_trajectory_close(traj);
    return rc;
}

typedef int (*read_fn)(const struct input *input, struct asim_error *err);

/* Fails the k-th allocation for every k, until the reader needs no more of them; the
 * number of allocations. */
static long fail_each(read_fn read, const struct input *input, const char *name)
{
    struct asim_error err = {0};
    live_count = 0;
    int expected = read(input, &err);
    enum asim_status status = err.status;
    if (live_count != 0)
        fail_msg("%s leaks", name);
    for (long k = 0;; k++) {
        err = (struct asim_error){0};
        live_count = 0;
        allocations_left = k;
        int rc = read(input, &err);
        bool ran_out = allocations_left == 0;
        allocations_left = -1;
        if (live_count != 0)
            fail_msg("%s leaks where allocation %ld fails", name, k);
        /* As many as it needs were allowed, and it ends as it does with plenty. */
        if (rc == expected && err.status == status)
            return k;
        if (!ran_out || rc != -1 || err.status != ASIM_ENOMEM)
            fail_msg("%s, allocation %ld: %d, status %d, %s", name, k, rc,
                     (int)err.status, err.text);
    }
}

static void every_format(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        read_fn reads[3];
    } rows[] = {
        {"tpr", {read_tpr}},
        {"psf", {read_psf}},
        {"pdb", {read_pdb, read_trajectory, read_several}},
        {"gro", {read_gro, read_trajectory, read_several}},
        {"xtc", {read_trajectory, read_several}},
        {"trr", {read_trajectory, read_several}},
        {"dcd", {read_trajectory, read_several}},
        {"xvg", {read_xvg}},
        {"edr", {read_edr}},
    };
    const char *corpus = getenv("AUTOSIM_CORPUS");
    assert_non_null(corpus);
    long total = 0, files = 0;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        char path[2000];
        snprintf(path, sizeof path, "%s/%s", corpus, rows[r].folder);
        DIR *folder = opendir(path);
        assert_non_null(folder);
        struct dirent *entry;
        while ((entry = readdir(folder))) {
            struct asim_error err;
            char *data;
            size_t size;
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s/%s", corpus, rows[r].folder,
                     entry->d_name);
            assert_int_equal(asim_file_read(path, 1 << 20, &data, &size, &err), 0);
            struct input input = {.path = path, .data = data, .size = size};
            for (size_t k = 0; k < 3 && rows[r].reads[k]; k++)
                total += fail_each(rows[r].reads[k], &input, path);
            free(data);
            files++;
        }
        closedir(folder);
    }
    print_message("%ld allocations of %ld files failed\n", total, files);
    assert_true(files > 60 && total > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_format)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
