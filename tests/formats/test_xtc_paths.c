/*
 * Every decoder of XTC coordinates gives the same answer to the same bytes: the same
 * frames bit for bit, the same damage in the same words. Paths that this machine lacks
 * are named and left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "formats/simd.h"
#include "formats/trajectory_internal.h"
#include "formats/xtc.h"

enum { MOST_PICKED = 4000 };

/* Atoms that are looked at; `last` of them is the last one. */
struct picked {
    uint32_t atom[MOST_PICKED];
    size_t count, last;
};

/* What is asked of a trajectory: the first atoms, of which some may be all that is
 * looked at, or these alone. */
struct request {
    size_t atom_limit;
    const struct picked *picked; /* NULL: all */
    bool select;
};

/* What one path makes of some bytes. */
struct outcome {
    int opened;
    size_t frame_count, damage_count, atom_count;
    uint64_t hash;  /* of all that is looked at in the frames, and the damage list */
    char what[200]; /* of the first damage */
    struct asim_error err;
};

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3;
    return hash;
}

static uint64_t mix_frame(uint64_t hash, const struct asim_frame *frame,
                          const struct picked *picked)
{
    hash = mix(hash, &frame->frame_index, sizeof frame->frame_index);
    if (!picked)
        return mix(hash, frame->x_nm, frame->atom_count * sizeof *frame->x_nm);
    for (size_t i = 0; i < picked->count; i++) {
        assert_true(picked->atom[i] < frame->atom_count);
        hash = mix(hash, frame->x_nm[picked->atom[i]], sizeof *frame->x_nm);
    }
    return hash;
}

static struct outcome read_by(enum asim_simd simd, const void *data, size_t size,
                              const struct request *request)
{
    struct outcome outcome = {.hash = 0xcbf29ce484222325};
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    setenv("AUTOSIM_SIMD", asim_simd_name(simd), 1);
    if (asim_trajectory_open_memory(data, size, "test.xtc", &traj, &outcome.err) < 0)
        return outcome;
    outcome.opened = 1;
    outcome.atom_count = asim_trajectory_atom_count(traj);
    if (!request->select)
        asim_trajectory_limit_atoms(traj, request->atom_limit);
    else if (asim_trajectory_select_atoms(traj, request->picked->atom,
                                          request->picked->count, &outcome.err) < 0)
        fail_msg("%s", outcome.err.text);
    int rc;
    while ((rc = asim_trajectory_next(traj, &frame, &outcome.err)) == 1) {
        outcome.frame_count++;
        outcome.hash = mix_frame(outcome.hash, &frame, request->picked);
    }
    assert_int_equal(rc, 0);
    const struct asim_damage *damage =
        asim_trajectory_damage(traj, &outcome.damage_count);
    if (outcome.damage_count > 0)
        memcpy(outcome.what, damage->what, sizeof outcome.what);
    for (size_t i = 0; i < outcome.damage_count; i++)
        outcome.hash = mix(outcome.hash, damage[i].what, strlen(damage[i].what));
    asim_trajectory_close(traj);
    asim_frame_finish(&frame);
    return outcome;
}

/* All paths on a copy of the exact size, so that a sanitizer sees every stray read. */
static struct outcome ask_all(const void *data, size_t size,
                              const struct request *request, const char *what,
                              uint64_t seed)
{
    unsigned char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    struct outcome first = read_by(ASIM_SIMD_SCALAR, copy, size, request);
    for (enum asim_simd simd = ASIM_SIMD_AVX2; simd <= ASIM_SIMD_AVX512; simd++) {
        if (!asim_simd_available(simd))
            continue;
        struct outcome other = read_by(simd, copy, size, request);
        if (other.opened != first.opened || other.frame_count != first.frame_count ||
            other.damage_count != first.damage_count || other.hash != first.hash ||
            strcmp(other.err.text, first.err.text) != 0)
            fail_msg("%s differs from scalar: %s, seed %llu, limit %zu: %zu and %zu "
                     "frames, %zu and %zu damages",
                     asim_simd_name(simd), what, (unsigned long long)seed,
                     request->atom_limit, other.frame_count, first.frame_count,
                     other.damage_count, first.damage_count);
    }
    free(copy);
    return first;
}

static struct outcome read_by_all(const void *data, size_t size, size_t atom_limit,
                                  const char *what, uint64_t seed)
{
    const struct request request = {.atom_limit = atom_limit};
    return ask_all(data, size, &request, what, seed);
}

enum kind { CHAIN, WATER3, WATER4, LOOSE, MIXED, CRYSTAL, KINDS };
static const char *const kind_names[] = {"chain", "3-site water", "4-site water",
                                         "loose", "mixed",        "crystal"};

static float near_to(double centre, double reach, struct asim_random *random)
{
    return (float)(centre + reach * (2 * asim_random_uniform(random) - 1));
}

/* Atoms of one kind of system in a box of `width_nm`; a flat one has all z alike. */
static void fill(struct asim_frame *frame, size_t atom_count, enum kind kind,
                 double width_nm, int flat, struct asim_random *random)
{
    struct asim_error err;
    assert_int_equal(asim_frame_reserve(frame, atom_count, &err), 0);
    frame->atom_count = atom_count;
    for (size_t i = 0; i < atom_count; i++) {
        enum kind of = kind;
        if (kind == MIXED) /* long stretches of each */
            of = (enum kind)((i / 97) % 4);
        size_t group = of == WATER3 ? 3 : of == WATER4 ? 4 : 1;
        double chance = asim_random_uniform(random);
        int near = of == CHAIN   ? chance < 0.95
                   : of == LOOSE ? chance < 0.3
                                 : i % group != 0;
        double bond = of == LOOSE ? 0.47 * chance : 0.1;
        for (int d = 0; d < 3; d++) {
            float *x = &frame->x_nm[i][d];
            if (of == CRYSTAL)
                *x = (float)(0.1 * (double)((i >> (4 * d)) & 15));
            else if (near && i > 0)
                *x = near_to((double)frame->x_nm[i - 1][d], bond, random);
            else
                *x = near_to(0, width_nm, random);
            if (flat && d == 2)
                *x = 0.25f;
        }
    }
}

static struct asim_xtc_bytes make_file(size_t atom_count, size_t frame_count,
                                       enum kind kind, double width_nm, float precision,
                                       int flat, enum asim_xtc_magic magic,
                                       struct asim_random *random)
{
    struct asim_frame frame = {.precision = precision};
    struct asim_xtc_bytes bytes = {0};
    struct asim_error err;
    for (size_t f = 0; f < frame_count; f++) {
        fill(&frame, atom_count, kind, width_nm, flat, random);
        frame.time_ps = (double)f;
        if (asim_xtc_append(&bytes, &frame, magic, &err) < 0)
            fail_msg("%s", err.text);
    }
    asim_frame_finish(&frame);
    return bytes;
}

/* Small systems of every size, wide and narrow, coarse and fine; the scalar path
 * itself is held against the rounding by the test of round trips. */
static void every_size_and_range(void **state)
{
    (void)state;
    static const double widths_nm[] = {0.0005, 0.04, 3, 60, 9000};
    static const float precisions[] = {100, 1000, 12345, 1e6f};
    struct asim_random random;
    asim_random_seed(&random, 11);
    for (size_t atom_count = 1; atom_count <= 100; atom_count++)
        for (int k = 0; k < 40; k++) {
            double width = widths_nm[k % 5];
            float precision = precisions[k % 4];
            if (width * (double)precision > 1e9)
                continue;
            enum kind kind = (enum kind)(asim_random_u64(&random) % KINDS);
            struct asim_xtc_bytes bytes =
                make_file(atom_count, 2, kind, width, precision, k % 7 == 0,
                          k % 3 ? ASIM_XTC_MAGIC_1995 : ASIM_XTC_MAGIC_2023, &random);
            struct outcome all =
                read_by_all(bytes.data, bytes.size, 0, kind_names[kind], (uint64_t)k);
            assert_int_equal(all.frame_count, 2);
            assert_int_equal(all.damage_count, 0);
            read_by_all(bytes.data, bytes.size, 1 + (size_t)k * atom_count / 40,
                        kind_names[kind], (uint64_t)k);
            asim_xtc_bytes_finish(&bytes);
        }
}

/* Large enough that every way through the wide decoders is taken, and left. */
static void every_kind_of_system(void **state)
{
    (void)state;
    struct asim_random random;
    asim_random_seed(&random, 12);
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (int k = 0; k < 24; k++) {
            static const double widths_nm[] = {1.5, 5, 40, 300};
            static const float precisions[] = {100, 1000, 10000};
            size_t atom_count = 3000 + asim_random_u64(&random) % 50;
            struct asim_xtc_bytes bytes =
                make_file(atom_count, 1, kind, widths_nm[k % 4], precisions[k % 3],
                          k == 5, ASIM_XTC_MAGIC_AUTO, &random);
            struct outcome all =
                read_by_all(bytes.data, bytes.size, 0, kind_names[kind], (uint64_t)k);
            assert_int_equal(all.frame_count, 1);
            assert_int_equal(all.damage_count, 0);
            for (int limit = 0; limit < 5; limit++)
                read_by_all(bytes.data, bytes.size,
                            1 + asim_random_u64(&random) % atom_count, kind_names[kind],
                            (uint64_t)k);
            asim_xtc_bytes_finish(&bytes);
        }
}

static void every_truncation(void **state)
{
    (void)state;
    struct asim_random random;
    asim_random_seed(&random, 13);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct asim_xtc_bytes bytes =
            make_file(200, 2, kind, 3, 1000, 0, ASIM_XTC_MAGIC_1995, &random);
        for (size_t size = 0; size < bytes.size; size++)
            read_by_all(bytes.data, size, 0, kind_names[kind], size);
        /* The same with headers that promise less: the payload itself ends early. */
        size_t payload = (size_t)bytes.data[90] << 8 | bytes.data[91];
        for (size_t size = 200; size < payload; size++) {
            bytes.data[90] = (unsigned char)(size >> 8);
            bytes.data[91] = (unsigned char)size;
            read_by_all(bytes.data, bytes.size, 0, kind_names[kind], size);
        }
        asim_xtc_bytes_finish(&bytes);
    }
}

/* AUTOSIM_TEST_FLIPS asks for more of them. */
static void bit_flips(void **state)
{
    (void)state;
    const char *wish = getenv("AUTOSIM_TEST_FLIPS");
    size_t flips = wish ? strtoull(wish, NULL, 10) : 12000, damaged = 0, lost = 0;
    struct asim_random random;
    asim_random_seed(&random, 14);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct asim_xtc_bytes bytes =
            make_file(150, 1, kind, 3, 1000, 0, ASIM_XTC_MAGIC_AUTO, &random);
        for (size_t k = 0; k < flips / KINDS; k++) {
            /* Mostly in the coordinates, where decoders look. */
            size_t from = k % 8 ? 92 : 0, bit[3], count = 1 + k % 3;
            for (size_t i = 0; i < count; i++) {
                bit[i] =
                    8 * from + asim_random_u64(&random) % (8 * (bytes.size - from));
                bytes.data[bit[i] / 8] ^= (unsigned char)(1 << bit[i] % 8);
            }
            struct outcome outcome =
                read_by_all(bytes.data, bytes.size, 0, kind_names[kind], k);
            damaged += outcome.damage_count > 0;
            lost += outcome.frame_count == 0;
            for (size_t i = 0; i < count; i++)
                bytes.data[bit[i] / 8] ^= (unsigned char)(1 << bit[i] % 8);
        }
        asim_xtc_bytes_finish(&bytes);
    }
    assert_true(lost > flips / 20 && lost < flips && damaged > flips / 20);
}

/* Each atom below `limit` with a chance of one in `one_in`, and at least one. */
static void pick(struct picked *picked, size_t limit, size_t one_in,
                 struct asim_random *random)
{
    picked->count = 0;
    for (size_t i = 0; i < limit; i++)
        if (asim_random_u64(random) % one_in == 0)
            picked->atom[picked->count++] = (uint32_t)i;
    if (picked->count == 0)
        picked->atom[picked->count++] = (uint32_t)(asim_random_u64(random) % limit);
    picked->last = picked->atom[picked->count - 1];
    /* In any order. */
    uint32_t *first = picked->atom, *other = first + picked->count / 2, swap = *first;
    *first = *other;
    *other = swap;
}

/* What a selection finds of a damaged frame is what a limit finds, but for values that
 * no atom asked for needs. */
static void compare_damage(const struct outcome *selected, const struct outcome *whole)
{
    const char *range = "exceeds the range its header gives";
    if (selected->opened != whole->opened)
        fail_msg("opened %d and %d", selected->opened, whole->opened);
    if (selected->damage_count > 0)
        assert_string_equal(selected->what, whole->what);
    else if (whole->damage_count > 0 && !strstr(whole->what, range))
        fail_msg("not seen: %s", whole->what);
}

/* The atoms asked for are those of a whole frame, bit for bit, whatever they are. */
static void random_selections(void **state)
{
    (void)state;
    static const size_t one_in[] = {1, 3, 9, 12, 30, 100, 1000};
    static struct picked picked;
    struct asim_random random;
    asim_random_seed(&random, 15);
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (int k = 0; k < 42; k++) {
            static const double widths_nm[] = {1.5, 5, 40, 300, 9000};
            static const float precisions[] = {100, 1000, 10000};
            size_t atom_count = k < 12 ? 1 + asim_random_u64(&random) % 60
                                       : 2000 + asim_random_u64(&random) % 50;
            struct asim_xtc_bytes bytes =
                make_file(atom_count, 1, kind, widths_nm[k % 5], precisions[k % 3],
                          k % 11 == 0, ASIM_XTC_MAGIC_AUTO, &random);
            /* Every third goes to the end, which all paths reach in their own way. */
            pick(&picked,
                 k % 3 == 0 ? atom_count : 1 + asim_random_u64(&random) % atom_count,
                 one_in[k % 7], &random);
            const struct request whole = {picked.last + 1, &picked, false};
            const struct request select = {picked.last + 1, &picked, true};
            struct outcome expected =
                ask_all(bytes.data, bytes.size, &whole, kind_names[kind], (uint64_t)k);
            struct outcome found =
                ask_all(bytes.data, bytes.size, &select, kind_names[kind], (uint64_t)k);
            assert_int_equal(expected.frame_count, 1);
            if (found.frame_count != 1 || found.hash != expected.hash)
                fail_msg("%s, %d: %zu atoms of %zu are not those of the whole frame",
                         kind_names[kind], k, picked.count, atom_count);
            for (size_t flip = 0; flip < 8; flip++) {
                size_t bit = asim_random_u64(&random) % (8 * bytes.size);
                bytes.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
                expected = ask_all(bytes.data, bytes.size, &whole, "flip", bit);
                found = ask_all(bytes.data, bytes.size, &select, "flip, selected", bit);
                bytes.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
                /* The number of atoms may be what was flipped. */
                if (expected.atom_count == atom_count)
                    compare_damage(&found, &expected);
            }
            asim_xtc_bytes_finish(&bytes);
        }
}

/* The same through blocks of frames, and what cannot be asked for. */
static void selections_of_blocks(void **state)
{
    (void)state;
    enum { ATOMS = 500, FRAMES = 7 };
    static const uint32_t atoms[] = {400, 3, 77, 3};
    struct asim_frame frames[FRAMES] = {{0}}, whole = {0};
    struct asim_trajectory *some, *all;
    struct asim_random random;
    struct asim_error err;
    size_t got;
    asim_random_seed(&random, 16);
    struct asim_xtc_bytes bytes =
        make_file(ATOMS, FRAMES, CHAIN, 5, 1000, 0, ASIM_XTC_MAGIC_AUTO, &random);
    unsetenv("AUTOSIM_SIMD");
    assert_int_equal(
        asim_trajectory_open_memory(bytes.data, bytes.size, "t", &some, &err), 0);
    assert_int_equal(
        asim_trajectory_open_memory(bytes.data, bytes.size, "t", &all, &err), 0);
    assert_int_equal(
        asim_trajectory_select_atoms(some, (const uint32_t[]){ATOMS}, 1, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    assert_int_equal(asim_trajectory_select_atoms(some, atoms, 0, &err), -1);
    /* Atoms that are listed twice are no more atoms: an eighth of the first 401. */
    uint32_t twice[2 * (ATOMS / 10)];
    for (uint32_t i = 0; i < ATOMS / 10; i++)
        twice[2 * i] = twice[2 * i + 1] = 8 * i + 8;
    assert_int_equal(asim_trajectory_select_atoms(some, twice, 2 * (ATOMS / 10), &err),
                     0);
    assert_non_null(some->wanted);
    for (int threads = 1; threads <= 2; threads++) {
        assert_int_equal(asim_trajectory_select_atoms(some, atoms, 4, &err), 0);
        assert_int_equal(asim_trajectory_seek(some, 0, &err), 0);
        assert_int_equal(asim_trajectory_seek(all, 0, &err), 0);
        assert_int_equal(
            asim_trajectory_read_block(some, frames, FRAMES, threads, &got, &err), 0);
        assert_int_equal(got, FRAMES);
        for (size_t f = 0; f < FRAMES; f++) {
            assert_int_equal(asim_trajectory_next(all, &whole, &err), 1);
            assert_int_equal(frames[f].atom_count, 401);
            for (size_t i = 0; i < 4; i++)
                assert_memory_equal(frames[f].x_nm[atoms[i]], whole.x_nm[atoms[i]],
                                    sizeof *whole.x_nm);
        }
        /* A limit takes the place of the selection. */
        asim_trajectory_limit_atoms(some, 0);
        assert_int_equal(asim_trajectory_seek(some, 0, &err), 0);
        assert_int_equal(
            asim_trajectory_read_block(some, frames, 1, threads, &got, &err), 0);
        assert_int_equal(asim_trajectory_seek(all, 0, &err), 0);
        assert_int_equal(asim_trajectory_next(all, &whole, &err), 1);
        assert_memory_equal(frames[0].x_nm, whole.x_nm, ATOMS * sizeof *whole.x_nm);
    }
    for (size_t f = 0; f < FRAMES; f++)
        asim_frame_finish(&frames[f]);
    asim_frame_finish(&whole);
    asim_trajectory_close(some);
    asim_trajectory_close(all);
    asim_xtc_bytes_finish(&bytes);
}

static void choice_of_path(void **state)
{
    (void)state;
    struct asim_random random;
    struct asim_error err = {0};
    struct asim_trajectory *traj = NULL;
    enum asim_simd simd;
    asim_random_seed(&random, 15);
    struct asim_xtc_bytes bytes =
        make_file(20, 1, CHAIN, 3, 1000, 0, ASIM_XTC_MAGIC_AUTO, &random);
    for (simd = ASIM_SIMD_SCALAR; simd <= ASIM_SIMD_AVX512; simd++) {
        setenv("AUTOSIM_SIMD", asim_simd_name(simd), 1);
        if (asim_simd_available(simd)) {
            enum asim_simd chosen;
            assert_int_equal(asim_simd_choose(&chosen, &err), 0);
            assert_int_equal(chosen, simd);
            continue;
        }
        print_message("this machine has no %s: not tested\n", asim_simd_name(simd));
        assert_int_equal(
            asim_trajectory_open_memory(bytes.data, bytes.size, "t", &traj, &err), -1);
        assert_int_equal(err.status, ASIM_EENV);
    }
    setenv("AUTOSIM_SIMD", "sse9", 1);
    assert_int_equal(
        asim_trajectory_open_memory(bytes.data, bytes.size, "t", &traj, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    assert_non_null(strstr(err.text, "'sse9'"));
    setenv("AUTOSIM_SIMD", "", 1);
    assert_int_equal(asim_simd_choose(&simd, &err), 0);
    assert_true(asim_simd_available(simd));
    asim_xtc_bytes_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choice_of_path),
        cmocka_unit_test(every_size_and_range),
        cmocka_unit_test(every_kind_of_system),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(bit_flips),
        cmocka_unit_test(random_selections),
        cmocka_unit_test(selections_of_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
