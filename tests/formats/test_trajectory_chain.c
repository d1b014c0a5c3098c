/* Several files as one trajectory: which frames are kept, and what they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "formats/trajectory_format.h"
#include "formats/trr.h"
#include "formats/xtc.h"

enum { ATOMS = 5, MOST_TIMES = 8, MOST_FILES = 3 };

/* Atom 0 says which file and frame it is, so that a mix-up shows. */
static float mark(size_t file, size_t frame)
{
    return (float)(10 * file + frame);
}

/* Times end with -1. Odd files are TRR, even ones XTC; `cut` bytes are missing. */
static void write_file(const char *path, size_t number, const double *times,
                       size_t atoms, size_t cut)
{
    struct asim_frame frame = {0};
    struct asim_xtc_bytes xtc = {0};
    struct asim_trr_bytes trr = {0};
    struct asim_error err;
    assert_int_equal(asim_frame_reserve(&frame, atoms, &err), 0);
    frame.atom_count = atoms;
    memset(frame.x_nm, 0, atoms * sizeof *frame.x_nm);
    for (size_t f = 0; times[f] >= 0; f++) {
        frame.time_ps = times[f];
        frame.x_nm[0][0] = frame.x_nm[atoms - 1][2] = mark(number, f);
        int rc = number % 2 ? asim_trr_append(&trr, &frame, NULL, &err)
                            : asim_xtc_append(&xtc, &frame, 0, &err);
        assert_int_equal(rc, 0);
    }
    const unsigned char *data = number % 2 ? trr.data : xtc.data;
    size_t size = number % 2 ? trr.size : xtc.size;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size - cut, file), size - cut);
    assert_int_equal(fclose(file), 0);
    asim_xtc_bytes_finish(&xtc);
    asim_trr_bytes_finish(&trr);
    asim_frame_finish(&frame);
}

static const char *const paths[MOST_FILES] = {"chain-0.test", "chain-1.test",
                                              "chain-2.test"};

static void remove_files(void)
{
    for (size_t m = 0; m < MOST_FILES; m++)
        remove(paths[m]);
}

static void keeps_the_last(void **state)
{
    (void)state;
    static const struct {
        double times[MOST_FILES][MOST_TIMES];
        int kept[16]; /* 10 * file + frame, in order, ended by -1 */
        size_t cut;   /* of the first file */
    } rows[] = {
        {{{0, 1, 2, -1}, {3, 4, -1}, {5, -1}}, {0, 1, 2, 10, 11, 20, -1}, 0},
        {{{0, 1, 2, -1}, {2, 3, -1}, {3, 4, -1}}, {0, 1, 10, 20, 21, -1}, 0},
        {{{0, 1, 2, 3, 4, -1}, {2, 3, 4, 5, -1}, {6, -1}},
         {0, 1, 10, 11, 12, 13, 20, -1},
         0},
        {{{0, 1, -1}, {1, 2, -1}, {1, 2, 3, -1}}, {0, 20, 21, 22, -1}, 0},
        {{{0, 1, 2, 1, 2, 3, -1}, {4, -1}, {4, 5, -1}}, {0, 3, 4, 5, 20, 21, -1}, 0},
        {{{0, 1, 2, -1}, {0, 1, 2, -1}, {0, 1, 2, -1}}, {20, 21, 22, -1}, 0},
        {{{0, 1, 2, -1}, {2, 3, -1}, {4, -1}}, {0, 1, 10, 11, 20, -1}, 7},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct asim_trajectory *traj;
        struct asim_frame frame = {0};
        struct asim_error err;
        size_t kept = 0, count, damages, parts, total = 0;
        for (size_t m = 0; m < MOST_FILES; m++)
            write_file(paths[m], m, rows[k].times[m], ATOMS, m == 0 ? rows[k].cut : 0);
        if (asim_trajectory_open_many(paths, MOST_FILES, &traj, &err) < 0)
            fail_msg("row %zu: %s", k, err.text);
        while (rows[k].kept[kept] >= 0)
            kept++;
        assert_int_equal(asim_trajectory_frame_count(traj, &count, &err), 0);
        assert_int_equal(count, kept);
        for (int pass = 0; pass < 2; pass++)
            for (size_t n = 0; n < kept; n++) {
                /* In order, then from the end, with fewer atoms. */
                size_t i = pass ? kept - 1 - n : n;
                if (pass) {
                    asim_trajectory_limit_atoms(traj, 2);
                    assert_int_equal(asim_trajectory_seek(traj, i, &err), 0);
                }
                assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
                size_t m = (size_t)rows[k].kept[i] / 10;
                size_t f = (size_t)rows[k].kept[i] % 10;
                if (frame.x_nm[0][0] != mark(m, f))
                    fail_msg("row %zu, frame %zu: %g", k, i, (double)frame.x_nm[0][0]);
                assert_int_equal(frame.frame_index, i);
                assert_int_equal(frame.atom_count, pass ? 2 : ATOMS);
                assert_true(frame.time_ps == rows[k].times[m][f]);
                assert_true(pass || frame.x_nm[ATOMS - 1][2] == mark(m, f));
            }
        assert_int_equal(asim_trajectory_seek(traj, kept - 1, &err), 0);
        assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
        assert_int_equal(asim_trajectory_next(traj, &frame, &err), 0);
        const struct asim_damage *damage = asim_trajectory_damage(traj, &damages);
        assert_int_equal(damages, rows[k].cut > 0);
        if (damages) {
            assert_int_equal(damage[0].frame_index, 2);
            assert_non_null(strstr(damage[0].what, paths[0]));
        }
        const struct asim_trajectory_part *part = asim_trajectory_parts(traj, &parts);
        assert_int_equal(parts, MOST_FILES);
        for (size_t m = 0; m < parts; m++) {
            assert_string_equal(part[m].path, paths[m]);
            total += part[m].kept_count;
        }
        assert_int_equal(total, kept);
        asim_frame_finish(&frame);
        asim_trajectory_close(traj);
    }
    remove_files();
}

/* Blocks on threads over three files give what one frame after the other gives; a frame
 * whose payload is broken is named with its file and byte. */
static void blocks_on_threads(void **state)
{
    (void)state;
    enum { MANY_ATOMS = 40, MOST_FRAMES = 20 };
    static const double times[MOST_FILES][MOST_TIMES] = {
        {0, 1, 2, 3, 4, -1}, {3, 4, 5, 6, 7, 8, -1}, {7, 8, 9, 10, 11, 12, 13, -1}};
    struct asim_trajectory *traj, *single;
    struct asim_frame one = {0}, many[MOST_FRAMES] = {{0}};
    struct asim_error err;
    size_t got, damages;
    char *data;
    size_t size;
    for (size_t m = 0; m < MOST_FILES; m++)
        write_file(paths[m], m, times[m], MANY_ATOMS, 0);
    /* The last frame of file 2: a set bit behind the first atom's number. */
    assert_int_equal(asim_file_read(paths[2], 1 << 20, &data, &size, &err), 0);
    memset(data + size - 40, 0xff, 40);
    assert_int_equal(asim_file_replace(paths[2], data, size, &err), 0);
    free(data);
    for (int threads = 1; threads <= 3; threads++)
        for (size_t limit = 1; limit <= MANY_ATOMS; limit += MANY_ATOMS - 1) {
            size_t frames = 0;
            assert_int_equal(asim_trajectory_open_many(paths, MOST_FILES, &traj, &err),
                             0);
            assert_int_equal(
                asim_trajectory_open_many(paths, MOST_FILES, &single, &err), 0);
            asim_trajectory_limit_atoms(traj, limit);
            asim_trajectory_limit_atoms(single, limit);
            assert_int_equal(asim_trajectory_read_block(traj, many, MOST_FRAMES,
                                                        threads, &got, &err),
                             0);
            while (asim_trajectory_next(single, &one, &err) == 1) {
                const struct asim_frame *frame = &many[frames++];
                assert_true(frames <= got);
                assert_int_equal(frame->frame_index, one.frame_index);
                assert_int_equal(frame->offset_bytes, one.offset_bytes);
                assert_true(frame->time_ps == one.time_ps);
                assert_memory_equal(frame->x_nm, one.x_nm, limit * sizeof *one.x_nm);
            }
            assert_int_equal(frames, got);
            const struct asim_damage *damage = asim_trajectory_damage(traj, &damages);
            if (limit > 1) {
                assert_int_equal(got, 13);
                assert_int_equal(damages, 1);
                assert_int_equal(damage[0].frame_index, 13);
                assert_non_null(strstr(damage[0].what, paths[2]));
                assert_int_equal(damage[0].offset_bytes, size / 7 * 6);
            }
            asim_trajectory_close(traj);
            asim_trajectory_close(single);
        }
    for (size_t k = 0; k < MOST_FRAMES; k++)
        asim_frame_finish(&many[k]);
    asim_frame_finish(&one);
    remove_files();
}

/* Restarts at random, against the rule said in another way: a frame is kept if no later
 * one has its time or an earlier one. */
static void random_restarts(void **state)
{
    (void)state;
    struct asim_random random;
    uint64_t seed = 77;
    asim_random_seed(&random, seed);
    size_t dropped = 0;
    for (int round = 0; round < 300; round++) {
        double times[MOST_FILES][MOST_TIMES], list[MOST_FILES * MOST_TIMES];
        float marks[MOST_FILES * MOST_TIMES];
        size_t count = 0, kept = 0;
        double start = 0;
        for (size_t m = 0; m < MOST_FILES; m++) {
            size_t length = 1 + asim_random_u64(&random) % (MOST_TIMES - 1);
            for (size_t f = 0; f < length; f++) {
                /* Now and then the time goes back within a file as well. */
                if (f > 0 && asim_random_u64(&random) % 8 == 0)
                    start = (double)(asim_random_u64(&random) % (uint64_t)(start + 1));
                times[m][f] = list[count] = start;
                marks[count++] = mark(m, f);
                start += (double)(asim_random_u64(&random) % 3);
            }
            times[m][length] = -1;
            write_file(paths[m], m, times[m], ATOMS, 0);
            start -= (double)(asim_random_u64(&random) % 4);
            if (start < 0)
                start = 0;
        }
        for (size_t i = 0; i < count; i++) {
            bool later = true;
            for (size_t j = i + 1; j < count; j++)
                later = later && list[j] > list[i];
            if (later) {
                list[kept] = list[i];
                marks[kept++] = marks[i];
            }
        }
        dropped += count - kept;
        struct asim_trajectory *traj;
        struct asim_frame frame = {0};
        struct asim_error err;
        if (asim_trajectory_open_many(paths, MOST_FILES, &traj, &err) < 0) {
            /* A file may end before one in front of it starts. */
            assert_non_null(strstr(err.text, "order of time"));
            continue;
        }
        for (size_t i = 0; i < kept; i++) {
            assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
            if (frame.time_ps != list[i] || frame.x_nm[0][0] != marks[i])
                fail_msg("seed %llu, round %d, frame %zu", (unsigned long long)seed,
                         round, i);
        }
        assert_int_equal(asim_trajectory_next(traj, &frame, &err), 0);
        asim_frame_finish(&frame);
        asim_trajectory_close(traj);
    }
    assert_true(dropped > 1000);
    remove_files();
}

static void refuses(void **state)
{
    (void)state;
    static const double early[] = {0, 1, -1}, late[] = {5, 6, -1};
    struct asim_trajectory *traj;
    struct asim_error err;
    write_file(paths[0], 0, late, ATOMS, 0);
    write_file(paths[1], 1, early, ATOMS, 0);
    assert_int_equal(asim_trajectory_open_many(paths, 2, &traj, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "order of time"));
    write_file(paths[0], 0, early, ATOMS + 1, 0);
    assert_int_equal(asim_trajectory_open_many(paths, 2, &traj, &err), -1);
    assert_non_null(strstr(err.text, "same atoms"));
    remove_files();
    assert_int_equal(asim_trajectory_open_many(paths, 2, &traj, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
    assert_int_equal(asim_trajectory_open_many(paths, 0, &traj, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_last),
        cmocka_unit_test(blocks_on_threads),
        cmocka_unit_test(random_restarts),
        cmocka_unit_test(refuses),
    };
    char folder[] = "chain-XXXXXX";
    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return chdir("..") < 0 || rmdir(folder) < 0 || failed;
}
