/* Trajectories of a part of a system, held against those of all of it. */
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

enum { ATOMS = 60, FRAMES = 9, PARTS = 40 };

struct pair {
    struct asim_xtc_bytes all_bytes, part_bytes;
    struct asim_trajectory *all, *part;
    uint32_t written[ATOMS];
    struct asim_topology top;
};

static struct asim_trajectory *open_bytes(const struct asim_xtc_bytes *bytes)
{
    struct asim_trajectory *traj;
    assert_int_equal(
        asim_trajectory_open_memory(bytes->data, bytes->size, "m", &traj, NULL), 0);
    return traj;
}

/* The same frames twice. Separate random parts, or the first atoms, are written. */
static void set_up(struct pair *pair, uint64_t seed)
{
    struct asim_random random;
    struct asim_frame all = {0}, part = {0};
    *pair = (struct pair){.top = {.atom_count = ATOMS, .written = pair->written}};
    asim_random_seed(&random, seed);
    double share = asim_random_uniform(&random);
    for (uint32_t i = 0; i < ATOMS; i++)
        if (seed % 3 == 0 ? i < 20 + seed % 30 : asim_random_uniform(&random) < share)
            pair->written[pair->top.written_count++] = i;
    if (pair->top.written_count == 0)
        pair->written[pair->top.written_count++] = (uint32_t)(seed % ATOMS);
    assert_int_equal(asim_frame_reserve(&all, ATOMS, NULL), 0);
    assert_int_equal(asim_frame_reserve(&part, ATOMS, NULL), 0);
    all.atom_count = ATOMS;
    part.atom_count = pair->top.written_count;
    for (size_t f = 0; f < FRAMES; f++) {
        all.time_ps = part.time_ps = (double)f;
        for (size_t i = 0; i < 3 * ATOMS; i++) /* multiples of the precision */
            all.x_nm[i / 3][i % 3] =
                (float)floor(3000 * asim_random_uniform(&random)) / 1000;
        for (size_t i = 0; i < part.atom_count; i++)
            memcpy(part.x_nm[i], all.x_nm[pair->written[i]], sizeof *part.x_nm);
        assert_int_equal(
            asim_xtc_append(&pair->all_bytes, &all, ASIM_XTC_MAGIC_AUTO, NULL), 0);
        assert_int_equal(
            asim_xtc_append(&pair->part_bytes, &part, ASIM_XTC_MAGIC_AUTO, NULL), 0);
    }
    asim_frame_finish(&all);
    asim_frame_finish(&part);
    pair->all = open_bytes(&pair->all_bytes);
    pair->part = open_bytes(&pair->part_bytes);
    assert_int_equal(asim_trajectory_match(pair->part, &pair->top, NULL), 0);
}

static void tear_down(struct pair *pair)
{
    asim_trajectory_close(pair->all);
    asim_trajectory_close(pair->part);
    asim_xtc_bytes_finish(&pair->all_bytes);
    asim_xtc_bytes_finish(&pair->part_bytes);
}

static bool is_written(const struct pair *pair, size_t atom)
{
    for (size_t i = 0; i < pair->top.written_count; i++)
        if (pair->written[i] == atom)
            return true;
    return false;
}

/* `wanted`: atoms that must have their positions; NULL: all that are written. */
static void compare(const struct pair *pair, const struct asim_frame *part,
                    const struct asim_frame *all, const bool *wanted)
{
    assert_int_equal(part->atom_count, all->atom_count);
    assert_true(part->time_ps == all->time_ps);
    for (size_t i = 0; i < all->atom_count; i++)
        if (!is_written(pair, i))
            assert_true(isnan(part->x_nm[i][0]) && isnan(part->x_nm[i][1]) &&
                        isnan(part->x_nm[i][2]));
        else if (!wanted || wanted[i]) /* nine atoms and fewer are floats in XTC */
            for (int d = 0; d < 3; d++)
                assert_true(fabsf(part->x_nm[i][d] - all->x_nm[i][d]) < 1e-6f);
}

static int keep_frame(void *context, struct asim_frame *frame, int thread_index,
                      struct asim_error *err)
{
    struct asim_frame *kept = context; /* [FRAMES] */
    (void)thread_index;
    (void)err;
    kept[frame->frame_index] = *frame;
    *frame = (struct asim_frame){0};
    return 0;
}

static void atoms_are_at_their_places(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= PARTS; seed++) {
        struct pair pair;
        struct asim_frame all = {0}, part = {0}, many[FRAMES] = {{0}};
        size_t got;
        set_up(&pair, seed);
        assert_int_equal(asim_trajectory_atom_count(pair.part), ATOMS);
        assert_true(asim_trajectory_is_subset(pair.part) ==
                    (pair.top.written_count < ATOMS));
        for (size_t limit = 0; limit <= ATOMS; limit++) {
            asim_trajectory_limit_atoms(pair.all, limit);
            asim_trajectory_limit_atoms(pair.part, limit);
            assert_int_equal(asim_trajectory_seek(pair.all, limit % FRAMES, NULL), 0);
            assert_int_equal(asim_trajectory_seek(pair.part, limit % FRAMES, NULL), 0);
            assert_int_equal(asim_trajectory_next(pair.all, &all, NULL), 1);
            assert_int_equal(asim_trajectory_next(pair.part, &part, NULL), 1);
            compare(&pair, &part, &all, NULL);
        }
        assert_int_equal(asim_trajectory_seek(pair.part, 0, NULL), 0);
        assert_int_equal(asim_trajectory_seek(pair.all, 0, NULL), 0);
        assert_int_equal(
            asim_trajectory_read_block(pair.part, many, FRAMES, 2, &got, NULL), 0);
        assert_int_equal(got, FRAMES);
        for (size_t f = 0; f < FRAMES; f++) {
            assert_int_equal(asim_trajectory_next(pair.all, &all, NULL), 1);
            compare(&pair, &many[f], &all, NULL);
            asim_frame_finish(&many[f]);
        }
        assert_int_equal(asim_trajectory_seek(pair.part, 0, NULL), 0);
        assert_int_equal(asim_trajectory_seek(pair.all, 0, NULL), 0);
        assert_int_equal(asim_trajectory_visit(pair.part, 2, keep_frame, many, NULL),
                         0);
        for (size_t f = 0; f < FRAMES; f++) {
            assert_int_equal(asim_trajectory_next(pair.all, &all, NULL), 1);
            compare(&pair, &many[f], &all, NULL);
            asim_frame_finish(&many[f]);
        }
        asim_frame_finish(&all);
        asim_frame_finish(&part);
        tear_down(&pair);
    }
}

static void atoms_are_asked_for_by_their_numbers(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= PARTS; seed++) {
        struct pair pair;
        struct asim_frame all = {0}, part = {0};
        struct asim_error err;
        uint32_t some[ATOMS];
        bool wanted[ATOMS] = {false};
        size_t count = 0;
        set_up(&pair, seed);
        for (size_t i = 0; i < pair.top.written_count; i += 1 + seed % 9) {
            some[count++] = pair.written[i];
            wanted[pair.written[i]] = true;
        }
        assert_int_equal(asim_trajectory_select_atoms(pair.all, some, count, NULL), 0);
        assert_int_equal(asim_trajectory_select_atoms(pair.part, some, count, NULL), 0);
        assert_int_equal(asim_trajectory_next(pair.all, &all, NULL), 1);
        assert_int_equal(asim_trajectory_next(pair.part, &part, NULL), 1);
        compare(&pair, &part, &all, wanted);
        for (uint32_t i = 0; i < ATOMS; i++) {
            int rc = asim_trajectory_select_atoms(pair.part, &i, 1, &err);
            assert_int_equal(rc, is_written(&pair, i) ? 0 : -1);
            if (rc < 0) {
                assert_int_equal(err.status, ASIM_EINPUT);
                char atom[30];
                snprintf(atom, sizeof atom, "atom %u is not", i + 1);
                assert_non_null(strstr(err.text, atom));
            }
        }
        asim_frame_finish(&all);
        asim_frame_finish(&part);
        tear_down(&pair);
    }
}

static void other_numbers_of_atoms_do_not_match(void **state)
{
    (void)state;
    struct pair pair;
    struct asim_error err;
    set_up(&pair, 3);
    struct asim_trajectory *part = open_bytes(&pair.part_bytes);
    const struct asim_topology whole = {.atom_count = ATOMS};
    struct asim_topology other = pair.top;
    other.written_count--;
    assert_int_equal(asim_trajectory_match(part, &whole, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "the topology has 60 atoms"));
    assert_int_equal(asim_trajectory_match(part, &other, &err), -1);
    assert_int_equal(asim_trajectory_match(part, &pair.top, &err), 0);
    assert_int_equal(asim_trajectory_match(part, &pair.top, &err), 0);
    assert_int_equal(asim_trajectory_match(pair.all, &pair.top, &err), 0);
    assert_false(asim_trajectory_is_subset(pair.all));
    asim_trajectory_close(part);
    tear_down(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(atoms_are_at_their_places),
        cmocka_unit_test(atoms_are_asked_for_by_their_numbers),
        cmocka_unit_test(other_numbers_of_atoms_do_not_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
