/* Trajectories by time, by range and in blocks, held against one frame at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/random.h"
#include "formats/trajectory_format.h"
#include "formats/xtc.h"

enum { ATOMS = 60, FRAMES = 41 };

/* Times that repeat, go back after a restart, and are no binary fractions. */
static double time_of(size_t f)
{
    if (f < 20)
        return 0.7 * (double)f;
    if (f < 23)
        return 0.7 * 19;
    return 0.7 * (double)(f - 8);
}

/* Frame `broken` decodes to nothing: its payload is all ones. */
static struct asim_xtc_bytes make_file(size_t broken)
{
    struct asim_random random;
    struct asim_frame frame = {0};
    struct asim_xtc_bytes bytes = {0};
    struct asim_error err;
    asim_random_seed(&random, 5);
    assert_int_equal(asim_frame_reserve(&frame, ATOMS, &err), 0);
    frame.atom_count = ATOMS;
    for (size_t f = 0; f < FRAMES; f++) {
        for (size_t i = 0; i < 3 * ATOMS; i++)
            frame.x_nm[i / 3][i % 3] = (float)(3 * asim_random_uniform(&random));
        frame.time_ps = time_of(f);
        frame.step = (int64_t)f;
        size_t start = bytes.size;
        assert_int_equal(asim_xtc_append(&bytes, &frame, ASIM_XTC_MAGIC_1995, &err), 0);
        if (f == broken)
            memset(bytes.data + start + 92, 0xff, bytes.size - start - 92);
    }
    asim_frame_finish(&frame);
    return bytes;
}

static struct asim_trajectory *open_bytes(const struct asim_xtc_bytes *bytes)
{
    struct asim_trajectory *traj;
    struct asim_error err;
    assert_int_equal(
        asim_trajectory_open_memory(bytes->data, bytes->size, "m", &traj, &err), 0);
    return traj;
}

static void seeks_by_time(void **state)
{
    (void)state;
    struct asim_xtc_bytes bytes = make_file(7);
    struct asim_random random;
    asim_random_seed(&random, 6);
    for (int round = 0; round < 20; round++) {
        struct asim_trajectory *traj = open_bytes(&bytes);
        struct asim_frame frame = {0};
        struct asim_error err;
        for (int k = 0; k < 30; k++) {
            double wish = 30 * asim_random_uniform(&random) - 2;
            if (k % 3 == 0) /* exactly a frame's time, which the file rounds */
                wish = time_of(asim_random_u64(&random) % FRAMES);
            size_t expected = 0;
            while (expected < FRAMES &&
                   (expected == 7 || time_of(expected) < wish - 1e-5))
                expected++;
            int rc = asim_trajectory_seek_time(traj, wish, &err);
            assert_int_equal(rc, expected < FRAMES ? 0 : -1);
            if (rc < 0) {
                assert_int_equal(err.status, ASIM_EINPUT);
                continue;
            }
            assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
            assert_int_equal(frame.frame_index, expected);
        }
        asim_frame_finish(&frame);
        asim_trajectory_close(traj);
    }
    asim_xtc_bytes_finish(&bytes);
}

static void ranges_and_strides(void **state)
{
    (void)state;
    struct asim_xtc_bytes bytes = make_file(3);
    struct asim_trajectory *traj = open_bytes(&bytes);
    struct asim_frame frame = {0};
    struct asim_error err;
    static const struct {
        double begin_ps, end_ps;
        size_t stride;
    } rows[] = {{NAN, NAN, 1}, {NAN, NAN, 4},  {0.7, 13.3, 1}, {2.1, NAN, 3},
                {NAN, 0.7, 1}, {13.3, 14, 2},  {-5, -1, 1},    {0.7, 0.7, 7},
                {21, 99, 1},   {13.3, 13.3, 1}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        bool timed = !isnan(rows[r].begin_ps) || !isnan(rows[r].end_ps);
        assert_int_equal(asim_trajectory_set_range(traj, rows[r].begin_ps,
                                                   rows[r].end_ps, rows[r].stride,
                                                   &err),
                         0);
        for (size_t start = 0; start < FRAMES; start += 13) {
            size_t inside = 0;
            assert_int_equal(asim_trajectory_seek(traj, start, &err), 0);
            for (size_t f = 0; f < FRAMES; f++) {
                double t = time_of(f);
                if ((timed && f == 3) || t < rows[r].begin_ps - 1e-5 ||
                    t > rows[r].end_ps + 1e-5 || inside++ % rows[r].stride != 0 ||
                    f == 3 || f < start)
                    continue;
                assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
                assert_int_equal(frame.frame_index, f);
            }
            assert_int_equal(asim_trajectory_next(traj, &frame, &err), 0);
        }
    }
    assert_int_equal(asim_trajectory_set_range(traj, 2, 1, 1, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    assert_int_equal(asim_trajectory_set_range(traj, NAN, NAN, 0, &err), -1);
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
    asim_xtc_bytes_finish(&bytes);
}

/* Blocks of every size on several threads, over damage, with a range and a limit. */
static void blocks_are_the_same_frames(void **state)
{
    (void)state;
    struct asim_xtc_bytes bytes = make_file(12);
    struct asim_frame one = {0}, many[FRAMES + 3] = {{0}};
    struct asim_error err;
    for (int threads = 0; threads <= 3; threads++)
        for (size_t count = 1; count <= FRAMES + 3; count++) {
            struct asim_trajectory *single = open_bytes(&bytes);
            struct asim_trajectory *traj = open_bytes(&bytes);
            size_t got, total = 0, damages, expected_damages;
            if (count % 2) {
                asim_trajectory_limit_atoms(single, 1 + count % ATOMS);
                asim_trajectory_limit_atoms(traj, 1 + count % ATOMS);
            }
            if (count % 3 == 0) {
                asim_trajectory_set_range(single, 2, 20, 1 + count % 5, &err);
                asim_trajectory_set_range(traj, 2, 20, 1 + count % 5, &err);
            }
            do {
                /* The number of threads may change from block to block. */
                int now = threads + (int)(total % 2);
                assert_int_equal(
                    asim_trajectory_read_block(traj, many, count, now, &got, &err), 0);
                for (size_t k = 0; k < got; k++) {
                    assert_int_equal(asim_trajectory_next(single, &one, &err), 1);
                    assert_int_equal(many[k].frame_index, one.frame_index);
                    assert_int_equal(many[k].offset_bytes, one.offset_bytes);
                    assert_int_equal(many[k].atom_count, one.atom_count);
                    assert_true(many[k].time_ps == one.time_ps);
                    assert_memory_equal(many[k].x_nm, one.x_nm,
                                        one.atom_count * sizeof *one.x_nm);
                }
                total += got;
            } while (got == count);
            assert_int_equal(asim_trajectory_next(single, &one, &err), 0);
            if (count % 3)
                assert_int_equal(total, FRAMES - 1);
            asim_trajectory_damage(single, &expected_damages);
            asim_trajectory_damage(traj, &damages);
            assert_int_equal(damages, expected_damages);
            asim_trajectory_close(single);
            asim_trajectory_close(traj);
        }
    for (size_t k = 0; k < FRAMES + 3; k++)
        asim_frame_finish(&many[k]);
    asim_frame_finish(&one);
    asim_xtc_bytes_finish(&bytes);
}

enum { MOST_THREADS = 4 };

/* What visitors have seen; every frame has its own place. */
struct visited {
    struct asim_frame frames[FRAMES];
    size_t times_seen[FRAMES];
    size_t last_index[MOST_THREADS];
    size_t fail_from; /* these frames and those behind them fail */
};

static int keep_frame(void *context, struct asim_frame *frame, int thread_index,
                      struct asim_error *err)
{
    struct visited *visited = context;
    size_t i = frame->frame_index;
    /* Other threads shall get frames, too, and fail behind the first that fails. */
    if (visited->fail_from == FRAMES || i >= visited->fail_from)
        nanosleep(&(struct timespec){.tv_nsec = 20000 + 10000 * (long)i}, NULL);
    if (thread_index < 0 || thread_index >= MOST_THREADS || i >= FRAMES ||
        i + 1 <= visited->last_index[thread_index])
        return asim_fail(err, ASIM_EINPUT, "thread %d, frame %zu", thread_index, i);
    visited->times_seen[i]++;
    visited->last_index[thread_index] = i + 1;
    if (i >= visited->fail_from)
        return asim_fail(err, ASIM_EUSAGE, "frame %zu", i);
    struct asim_frame *kept = &visited->frames[i];
    if (asim_frame_reserve(kept, frame->atom_count, err) < 0)
        return -1;
    float(*x_nm)[3] = kept->x_nm;
    size_t capacity = kept->capacity;
    memcpy(x_nm, frame->x_nm, frame->atom_count * sizeof *x_nm);
    *kept = *frame;
    kept->x_nm = x_nm;
    kept->capacity = capacity;
    return 0;
}

/* Every frame once, as reading one by one gives it, whatever threads there are. */
static void visits_are_the_same_frames(void **state)
{
    (void)state;
    struct asim_xtc_bytes bytes = make_file(12);
    /* The last frame but one is cut, so walking meets a damage behind that of 12. */
    const size_t cut = bytes.size / FRAMES * (FRAMES - 2) + 200;
    memmove(bytes.data + cut, bytes.data + cut + 40, bytes.size - cut - 40);
    bytes.size -= 40;
    struct asim_frame one = {0};
    struct asim_error err;
    for (int round = 0; round < 60; round++) {
        const int threads = round % (MOST_THREADS + 1);
        static struct visited visited;
        visited = (struct visited){.fail_from = FRAMES};
        struct asim_trajectory *single = open_bytes(&bytes), *traj = open_bytes(&bytes);
        struct asim_trajectory *both[2] = {single, traj};
        for (int k = 0; k < 2; k++) {
            if (round % 2)
                asim_trajectory_limit_atoms(both[k], 1 + (size_t)round % ATOMS);
            if (round % 3 == 0)
                asim_trajectory_set_range(both[k], 2, 20, 1 + (size_t)round % 5, &err);
            assert_int_equal(asim_trajectory_seek(both[k], (size_t)round % 4, &err), 0);
        }
        assert_int_equal(
            asim_trajectory_visit(traj, threads, keep_frame, &visited, &err), 0);
        while (asim_trajectory_next(single, &one, &err) == 1) {
            const struct asim_frame *kept = &visited.frames[one.frame_index];
            assert_int_equal(visited.times_seen[one.frame_index]--, 1);
            assert_int_equal(kept->offset_bytes, one.offset_bytes);
            assert_int_equal(kept->atom_count, one.atom_count);
            assert_true(kept->time_ps == one.time_ps);
            assert_memory_equal(kept->x_nm, one.x_nm,
                                one.atom_count * sizeof *one.x_nm);
        }
        for (size_t i = 0; i < FRAMES; i++) {
            assert_int_equal(visited.times_seen[i], 0);
            asim_frame_finish(&visited.frames[i]);
        }
        assert_int_equal(asim_trajectory_next(traj, &one, &err), 0);
        size_t count, expected;
        const struct asim_damage *damage = asim_trajectory_damage(traj, &count);
        asim_trajectory_damage(single, &expected);
        assert_int_equal(count, expected);
        for (size_t i = 1; i < count; i++)
            assert_true(damage[i - 1].frame_index <= damage[i].frame_index);
        asim_trajectory_close(single);
        asim_trajectory_close(traj);
    }
    asim_frame_finish(&one);
    asim_xtc_bytes_finish(&bytes);
}

/* The first failure is told, all in front of it was visited, and nothing was read. */
static void visits_that_fail(void **state)
{
    (void)state;
    struct asim_xtc_bytes bytes = make_file(FRAMES);
    struct asim_frame frame = {0};
    for (int round = 0; round < 60; round++) {
        static struct visited visited;
        struct asim_error err = {0};
        char expected[40];
        visited = (struct visited){.fail_from = 3 + (size_t)round % 30};
        snprintf(expected, sizeof expected, "frame %zu", visited.fail_from);
        struct asim_trajectory *traj = open_bytes(&bytes);
        assert_int_equal(asim_trajectory_seek(traj, 2, &err), 0);
        assert_int_equal(asim_trajectory_visit(traj, 1 + round % MOST_THREADS,
                                               keep_frame, &visited, &err),
                         -1);
        assert_int_equal(err.status, ASIM_EUSAGE);
        assert_string_equal(err.text, expected);
        for (size_t i = 2; i <= visited.fail_from; i++)
            assert_int_equal(visited.times_seen[i], 1);
        assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
        assert_int_equal(frame.frame_index, 2);
        for (size_t i = 0; i < FRAMES; i++)
            asim_frame_finish(&visited.frames[i]);
        asim_trajectory_close(traj);
    }
    asim_frame_finish(&frame);
    asim_xtc_bytes_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeks_by_time),
        cmocka_unit_test(ranges_and_strides),
        cmocka_unit_test(blocks_are_the_same_frames),
        cmocka_unit_test(visits_are_the_same_frames),
        cmocka_unit_test(visits_that_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
