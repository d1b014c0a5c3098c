/* Energy files: the last whole frame, torn tails, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "formats/edr.h"

/*
 * 500 steps of the three-particle system of the TPR corpus, a frame every 50 steps, by
 * GROMACS 2022. The potential is what `gmx energy` prints for the last frame, which has
 * six digits behind the point.
 */
static const struct {
    const char *name;
    double potential_kj_mol;
} seeds[] = {{"tri-single.edr", 0.819103}, {"tri-double.edr", 0.819082}};

struct bytes {
    char *data;
    size_t size;
};

static struct bytes read_seed_file(const char *name)
{
    const char *corpus = getenv("AUTOSIM_CORPUS");
    assert_non_null(corpus);
    struct asim_error err = {0};
    struct bytes file;
    char path[4096];
    snprintf(path, sizeof path, "%s/edr/%s", corpus, name);
    if (asim_file_read(path, 1u << 30, &file.data, &file.size, &err) < 0)
        fail_msg("%s", err.text);
    return file;
}

static int read_bytes(const void *data, size_t size, struct asim_edr_last *last,
                      struct asim_error *err)
{
    char path[64];
    int fd = memfd_create("edr", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = asim_edr_read_last(path, last, err);
    close(fd);
    return rc;
}

static void reads_the_last_frame(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct bytes file = read_seed_file(seeds[k].name);
        struct asim_edr_last last;
        assert_int_equal(read_bytes(file.data, file.size, &last, NULL), 0);
        assert_int_equal(last.step, 500);
        assert_true(last.time_ps == 2.0);
        assert_int_equal(last.frame_count, 11);
        assert_true(fabs(last.potential_kj_mol - seeds[k].potential_kj_mol) < 1e-6);
        assert_false(last.torn_tail);
        assert_int_equal(last.end_bytes, file.size);
        free(file.data);
    }
}

static void every_truncation_keeps_the_whole_frames(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct bytes file = read_seed_file(seeds[k].name);
        size_t frames = 0;
        int64_t step = -50;
        size_t end = 0;
        for (size_t size = 0; size <= file.size; size++) {
            struct asim_edr_last last;
            struct asim_error err = {0};
            if (read_bytes(file.data, size, &last, &err) < 0) {
                assert_int_equal(frames, 0);
                assert_int_equal(err.status, ASIM_EINPUT);
                continue;
            }
            if (last.frame_count != frames) {
                assert_int_equal(last.frame_count, frames + 1);
                assert_int_equal(last.step, step + 50);
                assert_int_equal(last.end_bytes, size);
                frames = last.frame_count;
                step = last.step;
                end = size;
            }
            assert_int_equal(last.end_bytes, end);
            assert_int_equal(last.torn_tail, size != end);
        }
        assert_int_equal(frames, 11);
        free(file.data);
    }
}

static void zeros_are_a_torn_tail_and_garbage_is_damage(void **state)
{
    (void)state;
    struct bytes file = read_seed_file(seeds[0].name);
    struct asim_edr_last last;
    struct asim_error err = {0};
    char *longer = calloc(1, file.size + 300);
    assert_non_null(longer);
    memcpy(longer, file.data, file.size);
    assert_int_equal(read_bytes(longer, file.size + 300, &last, NULL), 0);
    assert_true(last.torn_tail);
    assert_int_equal(last.frame_count, 11);
    memset(longer + file.size, 0x5a, 300);
    assert_int_equal(read_bytes(longer, file.size + 300, &last, &err), -1);
    char at[32];
    snprintf(at, sizeof at, "byte %zu", file.size);
    assert_non_null(strstr(err.text, at));
    free(longer);
    free(file.data);
}

static void bit_flips_never_crash(void **state)
{
    (void)state;
    struct asim_random random;
    asim_random_seed(&random, 42);
    print_message("seed 42\n");
    for (int n = 0; n < 20000; n++) {
        struct bytes file = read_seed_file(seeds[n % 2].name);
        struct asim_edr_last last;
        struct asim_error err = {0};
        uint64_t bit = asim_random_u64(&random) % (8 * file.size);
        file.data[bit / 8] = (char)(file.data[bit / 8] ^ (1 << bit % 8));
        if (read_bytes(file.data, file.size, &last, &err) < 0)
            assert_true(err.status == ASIM_EINPUT || err.status == ASIM_ENOMEM);
        else
            assert_in_range(last.frame_count, 1, 11);
        free(file.data);
    }
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    struct asim_edr_last last;
    struct asim_error err = {0};
    assert_int_equal(asim_edr_read_last("no/such/ener.edr", &last, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
    assert_non_null(strstr(err.text, "no/such/ener.edr"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_last_frame),
        cmocka_unit_test(every_truncation_keeps_the_whole_frames),
        cmocka_unit_test(zeros_are_a_torn_tail_and_garbage_is_damage),
        cmocka_unit_test(bit_flips_never_crash),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
