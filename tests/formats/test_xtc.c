/* XTC: round trips of every shape, and every damage that a file can have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "formats/trajectory_format.h"
#include "formats/xtc.h"

static void fill(struct asim_frame *frame, size_t atom_count, double width_nm,
                 double near_chance, float precision, struct asim_random *random)
{
    struct asim_error err;
    assert_int_equal(asim_frame_reserve(frame, atom_count, &err), 0);
    frame->atom_count = atom_count;
    frame->precision = precision;
    for (size_t i = 0; i < atom_count; i++) {
        int near = i > 0 && asim_random_uniform(random) < near_chance;
        for (int d = 0; d < 3; d++) {
            double centre = near ? (double)frame->x_nm[i - 1][d] : 0;
            double reach = near ? fmin(0.1, width_nm) : width_nm;
            frame->x_nm[i][d] =
                (float)(centre + reach * (2 * asim_random_uniform(random) - 1));
        }
    }
}

/* A file of `frame_count` frames of `atom_count` atoms; ends[f] is where frame f ends.
 */
static struct asim_xtc_bytes make_file(size_t atom_count, size_t frame_count,
                                       enum asim_xtc_magic magic, size_t *ends)
{
    struct asim_random random;
    struct asim_frame frame = {0};
    struct asim_xtc_bytes bytes = {0};
    struct asim_error err;
    asim_random_seed(&random, 7);
    for (size_t f = 0; f < frame_count; f++) {
        fill(&frame, atom_count, 3, 0.7, 1000, &random);
        frame.time_ps = 10 * (double)f;
        frame.step = (int64_t)f - 1;
        frame.box_nm[0][0] = frame.box_nm[1][1] = frame.box_nm[2][2] = 6;
        frame.box_nm[2][0] = 1.5f;
        assert_int_equal(asim_xtc_append(&bytes, &frame, magic, &err), 0);
        if (ends)
            ends[f] = bytes.size;
    }
    asim_frame_finish(&frame);
    return bytes;
}

/* What a reader makes of some bytes. */
struct outcome {
    int opened;
    size_t frames, damages;
    struct asim_damage first;
    double last_time_ps;
    struct asim_error err;
};

static struct outcome read_all(const void *data, size_t size)
{
    struct outcome outcome = {0};
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    /* A copy of the exact size lets the sanitizer see every read past the end. */
    unsigned char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    if (asim_trajectory_open_memory(copy, size, "test.xtc", &traj, &outcome.err) == 0) {
        int rc;
        outcome.opened = 1;
        while ((rc = asim_trajectory_next(traj, &frame, &outcome.err)) == 1) {
            outcome.frames++;
            outcome.last_time_ps = frame.time_ps;
        }
        assert_int_equal(rc, 0);
        const struct asim_damage *damage =
            asim_trajectory_damage(traj, &outcome.damages);
        if (outcome.damages)
            outcome.first = damage[0];
        asim_trajectory_close(traj);
    } else {
        assert_true(outcome.err.status == ASIM_EINPUT ||
                    outcome.err.status == ASIM_ENOMEM);
        assert_true(strlen(outcome.err.text) > 10);
    }
    asim_frame_finish(&frame);
    free(copy);
    return outcome;
}

static void round_trip(void **state)
{
    (void)state;
    static const double widths[] = {0, 0.004, 0.3, 4, 60, 900, 20000, 1000000};
    static const float precisions[] = {100, 1000, 12345, 1e6f};
    struct asim_random random;
    struct asim_error err;
    uint64_t seed = 20240;
    asim_random_seed(&random, seed);
    size_t large = 0, cases = 0;
    for (size_t atom_count = 1; atom_count <= 30; atom_count++)
        for (size_t w = 0; w < 8; w++)
            for (size_t p = 0; p < 4; p++)
                for (int m = 0; m < 2; m++) {
                    struct asim_frame frame = {0}, back = {0};
                    struct asim_xtc_bytes bytes = {0};
                    struct asim_trajectory *traj;
                    if (widths[w] * (double)precisions[p] > 1e9)
                        continue;
                    large += 2 * widths[w] * (double)precisions[p] > 0xffffff;
                    fill(&frame, atom_count, widths[w], 0.6, precisions[p], &random);
                    frame.time_ps = 0.25;
                    frame.step = -5;
                    for (int d = 0; d < 9; d++)
                        frame.box_nm[d / 3][d % 3] = (float)d - 3;
                    if (asim_xtc_append(&bytes, &frame,
                                        m ? ASIM_XTC_MAGIC_2023 : ASIM_XTC_MAGIC_1995,
                                        &err) < 0)
                        fail_msg("seed %llu: %s", (unsigned long long)seed, err.text);
                    if (asim_trajectory_open_memory(bytes.data, bytes.size, "m", &traj,
                                                    &err) < 0 ||
                        asim_trajectory_next(traj, &back, &err) != 1)
                        fail_msg("%zu atoms, width %g, precision %g, seed %llu: %s",
                                 atom_count, widths[w], (double)precisions[p],
                                 (unsigned long long)seed, err.text);
                    assert_int_equal(back.atom_count, atom_count);
                    assert_int_equal(back.step, -5);
                    assert_true(back.time_ps == 0.25);
                    assert_memory_equal(back.box_nm, frame.box_nm, sizeof back.box_nm);
                    for (size_t i = 0; i < 3 * atom_count; i++) {
                        /* The rounding that the format prescribes, in its floats. */
                        float x = frame.x_nm[i / 3][i % 3], scaled = x * precisions[p];
                        float grid =
                            (float)((double)scaled + (scaled >= 0 ? 0.5 : -0.5));
                        float expected = atom_count <= 9
                                             ? x
                                             : (float)(int32_t)grid *
                                                   (float)(1.0 / (double)precisions[p]);
                        assert_true(back.x_nm[i / 3][i % 3] == expected);
                    }
                    assert_int_equal(asim_trajectory_next(traj, &back, &err), 0);
                    asim_trajectory_close(traj);
                    asim_xtc_bytes_finish(&bytes);
                    asim_frame_finish(&frame);
                    asim_frame_finish(&back);
                    cases++;
                }
    assert_true(large > 50 && cases > 1000);
}

static void limits_give_the_same_atoms(void **state)
{
    (void)state;
    struct asim_xtc_bytes bytes = make_file(500, 4, ASIM_XTC_MAGIC_AUTO, NULL);
    struct asim_error err;
    struct asim_trajectory *all, *some;
    assert_int_equal(
        asim_trajectory_open_memory(bytes.data, bytes.size, "m", &all, &err), 0);
    assert_int_equal(
        asim_trajectory_open_memory(bytes.data, bytes.size, "m", &some, &err), 0);
    struct asim_frame a = {0}, b = {0};
    static const size_t limits[] = {1, 2, 10, 77, 250, 499, 500, 600, 0, 3};
    for (size_t k = 0; k < 10; k++) {
        asim_trajectory_limit_atoms(some, limits[k]);
        assert_int_equal(asim_trajectory_seek(all, 0, &err), 0);
        assert_int_equal(asim_trajectory_seek(some, 0, &err), 0);
        for (size_t f = 0; f < 4; f++) {
            assert_int_equal(asim_trajectory_next(all, &a, &err), 1);
            assert_int_equal(asim_trajectory_next(some, &b, &err), 1);
            size_t expected = limits[k] == 0 || limits[k] > 500 ? 500 : limits[k];
            assert_int_equal(b.atom_count, expected);
            assert_int_equal(b.frame_index, f);
            assert_memory_equal(a.x_nm, b.x_nm, expected * sizeof *a.x_nm);
        }
    }
    asim_frame_finish(&a);
    asim_frame_finish(&b);
    asim_trajectory_close(all);
    asim_trajectory_close(some);
    asim_xtc_bytes_finish(&bytes);
}

static void seeks_and_counts(void **state)
{
    (void)state;
    size_t ends[20], count;
    struct asim_xtc_bytes bytes = make_file(40, 20, ASIM_XTC_MAGIC_2023, ends);
    struct asim_error err;
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    assert_int_equal(
        asim_trajectory_open_memory(bytes.data, bytes.size, "m", &traj, &err), 0);
    static const size_t order[] = {19, 0, 7, 8, 3};
    for (size_t k = 0; k < 5; k++) {
        assert_int_equal(asim_trajectory_seek(traj, order[k], &err), 0);
        assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
        assert_int_equal(frame.frame_index, order[k]);
        assert_true(frame.time_ps == 10 * (double)order[k]);
        assert_int_equal(frame.offset_bytes, order[k] ? ends[order[k] - 1] : 0);
    }
    assert_int_equal(asim_trajectory_frame_count(traj, &count, &err), 0);
    assert_int_equal(count, 20);
    assert_int_equal(asim_trajectory_seek(traj, 20, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
    asim_xtc_bytes_finish(&bytes);
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (size_t atom_count = 5; atom_count <= 35; atom_count += 30) {
        size_t ends[4];
        struct asim_xtc_bytes bytes =
            make_file(atom_count, 4, ASIM_XTC_MAGIC_AUTO, ends);
        for (size_t size = 0; size <= bytes.size; size++) {
            struct outcome outcome = read_all(bytes.data, size);
            size_t whole = 0;
            while (whole < 4 && ends[whole] <= size)
                whole++;
            assert_int_equal(outcome.opened, whole > 0);
            assert_int_equal(outcome.frames, whole);
            int clean = whole > 0 && ends[whole - 1] == size;
            assert_int_equal(outcome.damages, whole > 0 && !clean);
            if (outcome.damages) {
                assert_int_equal(outcome.first.frame_index, whole);
                assert_int_equal(outcome.first.offset_bytes, ends[whole - 1]);
            }
        }
        asim_xtc_bytes_finish(&bytes);
    }
}

static void random_bit_flips(void **state)
{
    (void)state;
    struct asim_random random;
    uint64_t seed = 99;
    asim_random_seed(&random, seed);
    size_t seen = 0;
    for (int m = 0; m < 2; m++) {
        struct asim_xtc_bytes bytes =
            make_file(60, 3, m ? ASIM_XTC_MAGIC_2023 : ASIM_XTC_MAGIC_1995, NULL);
        for (int k = 0; k < 10000; k++) {
            int flips = 1 + k % 3;
            unsigned char *copy = malloc(bytes.size);
            memcpy(copy, bytes.data, bytes.size);
            for (int f = 0; f < flips; f++) {
                uint64_t bit = asim_random_u64(&random) % (bytes.size * 8);
                copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
            }
            struct outcome outcome = read_all(copy, bytes.size);
            assert_true(outcome.frames <= 3);
            /* A frame that is missing is never missing in silence. */
            if (outcome.opened && outcome.frames < 3)
                assert_true(outcome.damages > 0);
            seen += !outcome.opened || outcome.damages > 0;
            free(copy);
        }
        asim_xtc_bytes_finish(&bytes);
    }
    assert_true(seen > 2000);
}

static struct outcome read_joined(const void *a, size_t a_size, const void *b,
                                  size_t b_size)
{
    unsigned char *joined = malloc(a_size + b_size + 1);
    memcpy(joined, a, a_size);
    memcpy(joined + a_size, b, b_size);
    struct outcome outcome = read_all(joined, a_size + b_size);
    free(joined);
    return outcome;
}

static void append_behind_a_cut_frame(void **state)
{
    (void)state;
    size_t ends[4];
    struct asim_xtc_bytes bytes = make_file(200, 4, ASIM_XTC_MAGIC_AUTO, ends);
    for (size_t cut = ends[1] + 1; cut < ends[2]; cut++) {
        /* Frames 0 and 1, a piece of 2, then 0 to 3 again. */
        struct outcome outcome = read_joined(bytes.data, cut, bytes.data, bytes.size);
        assert_int_equal(outcome.frames, 6);
        assert_int_equal(outcome.damages, 1);
        assert_int_equal(outcome.first.frame_index, 2);
        assert_int_equal(outcome.first.offset_bytes, ends[1]);
        assert_true(outcome.last_time_ps == 30);
    }
    asim_xtc_bytes_finish(&bytes);
}

static void tails(void **state)
{
    (void)state;
    static const unsigned char zeros[100000];
    unsigned char garbage[100000];
    struct asim_random random;
    asim_random_seed(&random, 3);
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (unsigned char)asim_random_u64(&random);
    size_t ends[3];
    struct asim_xtc_bytes bytes = make_file(50, 3, ASIM_XTC_MAGIC_AUTO, ends);
    static const size_t sizes[] = {1, 3, 4, 56, 100, 100000};
    for (size_t k = 0; k < 12; k++) {
        struct outcome outcome =
            read_joined(bytes.data, bytes.size, k < 6 ? zeros : garbage, sizes[k % 6]);
        assert_int_equal(outcome.frames, 3);
        assert_int_equal(outcome.damages, 1);
        assert_int_equal(outcome.first.frame_index, 3);
        assert_int_equal(outcome.first.offset_bytes, ends[2]);
    }
    asim_xtc_bytes_finish(&bytes);
}

static void both_magics_in_one_file(void **state)
{
    (void)state;
    struct asim_xtc_bytes a = make_file(50, 2, ASIM_XTC_MAGIC_1995, NULL);
    struct asim_xtc_bytes b = make_file(50, 3, ASIM_XTC_MAGIC_2023, NULL);
    assert_true(a.data[2] == 7 && a.data[3] == 0xcb && b.data[3] == 0xe7);
    struct outcome outcome = read_joined(a.data, a.size, b.data, b.size);
    assert_int_equal(outcome.frames, 5);
    assert_int_equal(outcome.damages, 0);
    asim_xtc_bytes_finish(&a);
    asim_xtc_bytes_finish(&b);
}

static void other_atom_count(void **state)
{
    (void)state;
    struct asim_xtc_bytes a = make_file(50, 2, ASIM_XTC_MAGIC_1995, NULL);
    struct asim_xtc_bytes b = make_file(51, 2, ASIM_XTC_MAGIC_1995, NULL);
    struct outcome outcome = read_joined(a.data, a.size, b.data, b.size);
    assert_int_equal(outcome.frames, 2);
    assert_int_equal(outcome.damages, 1);
    assert_int_equal(outcome.first.frame_index, 2);
    assert_non_null(strstr(outcome.first.what, "51 atoms"));
    asim_xtc_bytes_finish(&a);
    asim_xtc_bytes_finish(&b);
}

/* One header field of the second of three frames set to a bad value: that frame is
 * lost, named, and the third is found. */
static void bad_header_fields(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint32_t value;
    } rows[] = {
        {0, 1994},        {4, 0},           {4, 49},          {4, 0xffffffff},
        {52, 49},         {12, 0x7fc00000}, {16, 0x7f800000}, {56, 0},
        {56, 0xc47a0000}, {56, 0x7fc00000}, {60, 0x7fffffff}, {72, 0x80000000},
        {84, 8},          {84, 73},         {84, 0xffffffff}, {88, 0},
        {88, 0xffffffff}, {88, 0x7fffffff}, {88, 49},         {88, 900},
        {84, 72},
    };
    size_t ends[3];
    struct asim_xtc_bytes bytes = make_file(50, 3, ASIM_XTC_MAGIC_1995, ends);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        unsigned char *copy = malloc(bytes.size);
        memcpy(copy, bytes.data, bytes.size);
        for (size_t i = 0; i < 4; i++)
            copy[ends[0] + rows[k].offset + i] =
                (unsigned char)(rows[k].value >> (24 - 8 * i));
        struct outcome outcome = read_all(copy, bytes.size);
        if (outcome.frames != 2 || outcome.damages == 0 || outcome.last_time_ps != 20 ||
            outcome.first.frame_index != 1 || outcome.first.offset_bytes != ends[0])
            fail_msg("row %zu: %zu frames, %zu damages, frame %zu at %llu: %s", k,
                     outcome.frames, outcome.damages, outcome.first.frame_index,
                     (unsigned long long)outcome.first.offset_bytes,
                     outcome.first.what);
        free(copy);
    }
    asim_xtc_bytes_finish(&bytes);
}

/* Headers that look right and payloads that do not belong to them. */
static void payload_contradicts_header(void **state)
{
    (void)state;
    struct asim_error err;
    struct asim_random random;
    size_t counted = 0, ranged = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct asim_frame frame = {0};
        struct asim_xtc_bytes bytes = {0};
        asim_random_seed(&random, seed);
        fill(&frame, 40, 3, 0.5, 1000, &random);
        /* Far from all others: stored relative to the minimum, and the largest. */
        frame.x_nm[0][0] = 100;
        assert_int_equal(asim_xtc_append(&bytes, &frame, 0, &err), 0);
        assert_int_equal(read_all(bytes.data, bytes.size).frames, 1);
        /* One byte more or less in the same padding. */
        unsigned char *low = bytes.data + 91, kept = *low;
        for (int change = -1; change <= 1; change += 2) {
            *low = (unsigned char)(kept + change);
            if ((kept + 3) / 4 == (*low + 3) / 4) {
                struct outcome outcome = read_all(bytes.data, bytes.size);
                assert_int_equal(outcome.frames, 0);
                assert_int_equal(outcome.damages, 1);
                counted++;
            }
            *low = kept;
        }
        /* The largest x one less than it is: only the range check can see it. */
        if (bytes.data[75] > 0) {
            bytes.data[75]--;
            struct outcome outcome = read_all(bytes.data, bytes.size);
            ranged += outcome.frames == 0 && outcome.damages == 1;
        }
        asim_frame_finish(&frame);
        asim_xtc_bytes_finish(&bytes);
    }
    assert_true(counted > 30);
    if (ranged <= 30)
        fail_msg("%zu of 40 noticed", ranged);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct asim_error err;
    struct asim_frame frame = {0};
    struct asim_xtc_bytes bytes = {0};
    struct asim_random random;
    asim_random_seed(&random, 1);
    static const float bad[] = {NAN, INFINITY, 3e6f, -3e6f};
    for (size_t k = 0; k < 4; k++) {
        fill(&frame, 20, 1, 0, 1000, &random);
        frame.x_nm[7][1] = bad[k];
        assert_int_equal(asim_xtc_append(&bytes, &frame, 0, &err), -1);
        assert_int_equal(err.status, ASIM_EINPUT);
        assert_non_null(strstr(err.text, "atom 8"));
        assert_int_equal(bytes.size, 0);
    }
    asim_frame_finish(&frame);
    asim_xtc_bytes_finish(&bytes);
}

static void names_the_wrong_kind(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        size_t size;
        const char *expected;
    } rows[] = {
        {"", 0, "an empty file"},
        {"\0\0\0\x1f\0\0\0\x1eVERSION 2022.5-Debian", 29, "a TPR file"},
        {"\0\0\x07\xc9\0\0\0\x0d\0\0\0\x0cGMX_trn_file", 24, "a TRR"},
        {"\x54\0\0\0CORD\0\0\0\0", 12, "a DCD"},
        {"\x1f\x8b\x08\0\0\0\0\0", 8, "gzip"},
        {"CRYST1   52.763   52.763", 24, "has no atoms"},
        {"PSF CMAP CHEQ\n\n", 15, "a PSF"},
        {"\0\0\0\0\0\0\0\0\0", 9, "zero bytes"},
        {"hello\nworld\n", 12, "a text file"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct outcome outcome = read_all(rows[k].head, rows[k].size);
        assert_false(outcome.opened);
        if (!strstr(outcome.err.text, rows[k].expected) ||
            !strstr(outcome.err.text, "test.xtc"))
            fail_msg("row %zu: %s", k, outcome.err.text);
    }
    struct asim_trajectory *traj;
    struct asim_error err;
    assert_int_equal(asim_trajectory_open(".", &traj, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "folder"));
    assert_int_equal(asim_trajectory_open("no-such-file.xtc", &traj, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(limits_give_the_same_atoms),
        cmocka_unit_test(seeks_and_counts),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(random_bit_flips),
        cmocka_unit_test(append_behind_a_cut_frame),
        cmocka_unit_test(tails),
        cmocka_unit_test(both_magics_in_one_file),
        cmocka_unit_test(other_atom_count),
        cmocka_unit_test(bad_header_fields),
        cmocka_unit_test(payload_contradicts_header),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(names_the_wrong_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
