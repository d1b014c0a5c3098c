/*
 * Memory that fails: every allocation of an analysis, of writing and reading it, of
 * projecting on it fails once; each time the answer is an error, nothing is leaked and
 * nothing crashes. The same for a disk that is full when coordinates are to go there.
 * Linked with --wrap, so that the project's own calls come here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
int __real_posix_memalign(void **ret, size_t alignment, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **ret, const char *format, va_list arguments);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
int __wrap_posix_memalign(void **ret, size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_vasprintf(char **ret, const char *format, va_list arguments);
void __wrap_free(void *memory);
int __real_posix_fallocate64(int file, off_t offset, off_t bytes);
int __wrap_posix_fallocate64(int file, off_t offset, off_t bytes);

/* Only addresses handed out here are counted: free() also gets what libraries
 * allocated. */
enum { MOST = 4096 };
static void *live[MOST];
static size_t live_count, calls, fail_at = SIZE_MAX;

static bool fails(void)
{
    return calls++ == fail_at;
}

static void *keep(void *memory)
{
    if (memory) {
        if (live_count == MOST)
            abort();
        live[live_count++] = memory;
    }
    return memory;
}

static void drop(const void *memory)
{
    for (size_t i = live_count; i-- > 0;)
        if (live[i] == memory) {
            live[i] = live[--live_count];
            return;
        }
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : keep(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : keep(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (fails())
        return NULL;
    drop(old);
    return keep(__real_realloc(old, size));
}

int __wrap_posix_memalign(void **ret, size_t alignment, size_t size)
{
    if (fails())
        return ENOMEM;
    int rc = __real_posix_memalign(ret, alignment, size);
    if (rc == 0)
        keep(*ret);
    return rc;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : keep(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : keep(__real_strdup(text));
}

int __wrap_vasprintf(char **ret, const char *format, va_list arguments)
{
    if (fails())
        return -1;
    int rc = __real_vasprintf(ret, format, arguments);
    if (rc >= 0)
        keep(*ret);
    return rc;
}

void __wrap_free(void *memory)
{
    if (memory)
        drop(memory);
    __real_free(memory);
}

static size_t reserved, full_at = SIZE_MAX;

int __wrap_posix_fallocate64(int file, off_t offset, off_t bytes)
{
    return reserved++ == full_at ? ENOSPC
                                 : __real_posix_fallocate64(file, offset, bytes);
}

static char folder[] = "pca-fault-test-XXXXXX";
static float *motion;
static struct fixture fixture;

static int analyse(size_t align_count, enum asim_memory_mode memory,
                   struct asim_error *err)
{
    struct asim_pca pca = {0};
    if (fixture_analyse(motion, align_count, memory, &pca, err) < 0)
        return -1;
    asim_pca_finish(&pca);
    return 0;
}

static int in_memory(struct asim_error *err)
{
    return analyse(0, ASIM_MEMORY_AUTO, err);
}

static int streaming(struct asim_error *err)
{
    return analyse(0, ASIM_MEMORY_STREAM, err);
}

static int other_fit(struct asim_error *err)
{
    return analyse(10, ASIM_MEMORY_STREAM, err);
}

/* 200 frames: large enough for the matrix-free search and its halves. */
static int matrix_free(struct asim_error *err)
{
    struct array_source source = {.x = motion, .frames = 200, .atoms = FIXTURE_ATOMS};
    struct asim_frame_source from = array_source(&source, FIXTURE_ATOMS, 0);
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    struct asim_pca pca = {0};
    options.thread_count = 2;
    if (asim_pca_analyse(&from, &options, NULL, &pca, err) < 0)
        return -1;
    asim_pca_finish(&pca);
    return 0;
}

enum { LONG_FRAMES = 6000, LONG_ATOMS = 120 };
static float *long_motion;

/* Coordinates, or times and projections alone, in files. */
static int large(enum asim_memory_mode memory, uint64_t limit, const char *plan,
                 struct asim_error *err)
{
    struct array_source source = {
        .x = long_motion, .frames = LONG_FRAMES, .atoms = LONG_ATOMS};
    struct asim_frame_source from = array_source(&source, LONG_ATOMS, 0);
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    struct asim_pca pca = {0};
    options.memory = memory;
    options.memory_limit_bytes = limit;
    options.component_count = 4;
    options.thread_count = 1;
    options.precision = ASIM_PRECISION_DOUBLE;
    options.scratch_folder = folder;
    options.mean_tolerance_nm = 1.0; /* one pass is enough here */
    options.skip_rmsip = true;
    if (asim_pca_analyse(&from, &options, NULL, &pca, err) < 0)
        return -1;
    assert_non_null(strstr(pca.plan, plan));
    asim_pca_finish(&pca);
    return 0;
}

static int in_a_file(struct asim_error *err)
{
    return large(ASIM_MEMORY_AUTO, UINT64_C(3000) << 10, "in a mapped file, because",
                 err);
}

static int long_stream(struct asim_error *err)
{
    return large(ASIM_MEMORY_STREAM, 0, "streaming on request", err);
}

static struct asim_pca to_write;

static int write_files(struct asim_error *err)
{
    return asim_pca_write(&to_write, &fixture.top, folder, err);
}

static int read_files(struct asim_error *err)
{
    struct asim_pca pca = {0};
    if (asim_pca_read(folder, &pca, err) < 0)
        return -1;
    asim_pca_finish(&pca);
    return 0;
}

static int project(struct asim_error *err)
{
    double value;
    return asim_pca_project(&to_write, (const float(*)[3])motion, 0, &value, err);
}

static int read_frame(void *context, size_t frame_index, const float (**ret_x)[3],
                      float (*ret_box)[3], double *ret_time_ps)
{
    (void)context;
    (void)ret_box;
    *ret_x = (const float(*)[3])(motion + frame_index * 3 * FIXTURE_ATOMS);
    *ret_time_ps = (double)frame_index;
    return 0;
}

static int count_frame(void *context, double time_ps, uint64_t frame_index,
                       const double *projections_nm, struct asim_error *err)
{
    (void)time_ps;
    (void)frame_index;
    (void)projections_nm;
    (void)err;
    ++*(size_t *)context;
    return 0;
}

static int project_trajectory(struct asim_error *err)
{
    const struct asim_frame_reader reader = {.atom_count = FIXTURE_ATOMS,
                                             .frame_count = 200,
                                             .nm_per_unit = 1.0f,
                                             .read = read_frame};
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    struct asim_trajectory *traj = NULL;
    size_t count = 0;
    options.pbc = ASIM_PBC_NONE;
    options.thread_count = 1;
    if (asim_trajectory_open_reader(&reader, "frames", &traj, err) < 0)
        return -1;
    int rc = asim_pca_project_trajectory(&to_write, &fixture.top, traj, &options, NULL,
                                         count_frame, &count, err);
    asim_trajectory_close(traj);
    if (rc == 0)
        assert_int_equal(count, 200);
    return rc;
}

static void test_every_allocation(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int (*run)(struct asim_error *err);
        size_t least; /* allocations, so that the test tests something */
    } rows[] = {
        {"in memory", in_memory, 20},     {"streaming", streaming, 30},
        {"fit on others", other_fit, 30}, {"matrix-free", matrix_free, 40},
        {"write", write_files, 3},        {"read", read_files, 8},
        {"project", project, 1},          {"project all", project_trajectory, 15},
        {"in a file", in_a_file, 20}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct asim_error err = {0};
        fail_at = SIZE_MAX;
        calls = 0;
        if (rows[r].run(&err) < 0)
            fail_msg("%s: %s", rows[r].name, err.text);
        size_t total = calls, survived = 0;
        assert_true(total >= rows[r].least);
        for (size_t k = 0; k < total; k++) {
            size_t before = live_count;
            err = (struct asim_error){0};
            calls = 0;
            fail_at = k;
            int rc = rows[r].run(&err);
            fail_at = SIZE_MAX;
            if (live_count != before)
                fail_msg("%s, allocation %zu: %zu blocks leaked", rows[r].name, k,
                         live_count - before);
            if (rc == 0)
                survived++;
            else if (err.status != ASIM_ENOMEM)
                fail_msg("%s, allocation %zu: status %d, %s", rows[r].name, k,
                         (int)err.status, err.text);
        }
        print_message("%s: %zu allocations, %zu could be done without\n", rows[r].name,
                      total, survived);
        assert_int_equal(survived, 0);
    }
}

static size_t names_in_folder(void)
{
    DIR *dir = opendir(folder);
    size_t count = 0;
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void test_full_disk(void **state)
{
    (void)state;
    int (*const runs[])(struct asim_error *) = {in_a_file, long_stream};
    size_t names = names_in_folder();
    for (size_t r = 0; r < 2; r++) {
        struct asim_error err = {0};
        reserved = 0;
        assert_int_equal(runs[r](&err), 0);
        size_t total = reserved;
        assert_true(total > 0);
        for (size_t k = 0; k < total; k++) {
            size_t before = live_count;
            reserved = 0;
            full_at = k;
            int rc = runs[r](&err);
            full_at = SIZE_MAX;
            assert_int_equal(rc, -1);
            assert_int_equal(err.status, ASIM_EIO);
            assert_non_null(strstr(err.text, "no room on disk"));
            assert_int_equal(live_count, before);
        }
    }
    assert_int_equal(names_in_folder(), names);
}

static int set_up(void **state)
{
    (void)state;
    motion = synthetic_motion(200, FIXTURE_ATOMS, 6);
    long_motion = synthetic_motion(LONG_FRAMES, LONG_ATOMS, 31);
    fixture_init(&fixture);
    return mkdtemp(folder) &&
                   fixture_analyse(motion, 0, ASIM_MEMORY_AUTO, &to_write, NULL) == 0 &&
                   write_files(NULL) == 0
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const files[] = {
        "eigenval.xvg", "proj.xvg",  "proj.npy",     "frames.npy", "eigenvec.npy",
        "average.pdb",  "mode1.pdb", "extremes.pdb", "group.ndx",  "pca.json"};
    char path[100];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    asim_pca_finish(&to_write);
    free(motion);
    free(long_motion);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation),
                                       cmocka_unit_test(test_full_disk)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
