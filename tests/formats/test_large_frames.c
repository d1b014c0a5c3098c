/* TRR and DCD frames that are read in parts: every way of the instructions, limits,
 * selections, and what is no number, at the edges of registers and parts. */
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
#include "dcd_builder.h"
#include "formats/simd.h"
#include "formats/trajectory_format.h"
#include "formats/trr.h"

enum { ATOMS = 20003, FRAMES = 3 };

/* A file, what it reads as, and where its numbers lie. */
struct large {
    const char *name;
    unsigned char *data;
    size_t size;
    float (*x_nm)[3]; /* atoms of frame 0, of frame 1, ... */
    size_t first[FRAMES], atom_stride, axis_stride, real_size;
    bool big_endian;
};

static struct large large_dcd(bool other_endian)
{
    struct dcd_flavour flavour = dcd_flavour_plain();
    flavour.other_endian = other_endian;
    flavour.atom_count = ATOMS;
    flavour.frame_count = flavour.header_frame_count = FRAMES;
    struct dcd_bytes bytes = dcd_build(&flavour, 3);
    struct large large = {.name = other_endian ? "DCD, other byte order" : "DCD",
                          .data = bytes.data,
                          .size = bytes.size,
                          .x_nm = bytes.x_angstrom,
                          .atom_stride = 4,
                          .axis_stride = 4 * ATOMS + 8,
                          .real_size = 4,
                          .big_endian = other_endian};
    for (size_t i = 0; i < (size_t)FRAMES * ATOMS; i++)
        for (int d = 0; d < 3; d++)
            large.x_nm[i][d] *= 0.1f;
    for (size_t f = 0; f < FRAMES; f++)
        large.first[f] = bytes.starts[f] + 4;
    free(bytes.starts);
    return large;
}

static struct large large_trr(bool of_doubles)
{
    struct asim_random random;
    struct asim_trr_bytes bytes = {0};
    struct asim_error err;
    const size_t real_size = of_doubles ? 8 : 4;
    struct large large = {.name = of_doubles ? "TRR of doubles" : "TRR of floats",
                          .atom_stride = 3 * real_size,
                          .axis_stride = real_size,
                          .real_size = real_size,
                          .big_endian = true};
    large.x_nm = calloc((size_t)FRAMES * ATOMS, sizeof *large.x_nm);
    asim_random_seed(&random, 4);
    for (size_t f = 0; f < FRAMES; f++) {
        struct asim_frame frame = {
            .x_nm = large.x_nm + f * ATOMS, .atom_count = ATOMS, .time_ps = (double)f};
        for (int d = 0; d < 3; d++)
            frame.box_nm[d][d] = 5;
        for (size_t i = 0; i < ATOMS; i++)
            for (int d = 0; d < 3; d++)
                frame.x_nm[i][d] = (float)(20 * asim_random_uniform(&random) - 10);
        struct asim_trr_extra extra = {.v_nm_ps = (const float(*)[3])large.x_nm,
                                       .of_doubles = of_doubles};
        large.first[f] = bytes.size + (of_doubles ? 92 + 72 : 84 + 36);
        assert_int_equal(asim_trr_append(&bytes, &frame, &extra, &err), 0);
    }
    large.data = bytes.data;
    large.size = bytes.size;
    return large;
}

static void large_finish(struct large *large)
{
    free(large->data);
    free(large->x_nm);
}

static struct asim_trajectory *open_large(const struct large *large)
{
    struct asim_trajectory *traj;
    struct asim_error err;
    if (asim_trajectory_open_memory(large->data, large->size, "m", &traj, &err) < 0)
        fail_msg("%s: %s", large->name, err.text);
    return traj;
}

static bool same_atom(const struct large *large, const struct asim_frame *frame,
                      size_t i)
{
    return memcmp(frame->x_nm[i], large->x_nm[frame->frame_index * ATOMS + i], 12) == 0;
}

static void check_limits(const struct large *large)
{
    static const size_t limits[] = {1, 7, 17, 4096, 4097, 8192, 8193, 16385, ATOMS};
    struct asim_frame frame = {0};
    struct asim_error err;
    struct asim_trajectory *traj = open_large(large);
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
        asim_trajectory_limit_atoms(traj, limits[k]);
        assert_int_equal(asim_trajectory_seek(traj, 0, &err), 0);
        for (size_t f = 0; f < FRAMES; f++) {
            assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
            assert_int_equal(frame.atom_count, limits[k]);
            for (size_t i = 0; i < limits[k]; i++)
                if (!same_atom(large, &frame, i))
                    fail_msg("%s: frame %zu, atom %zu of %zu", large->name, f, i,
                             limits[k]);
        }
    }
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
}

/* Writes a number into the file and returns what was there. */
static void put(const struct large *large, size_t f, size_t atom, size_t axis,
                double value, unsigned char old[8])
{
    unsigned char *p = large->data + large->first[f] + atom * large->atom_stride +
                       axis * large->axis_stride;
    unsigned char bytes[8];
    float narrow = (float)value;
    if (large->real_size == 8)
        memcpy(bytes, &value, 8);
    else
        memcpy(bytes, &narrow, 4);
    memcpy(old, p, large->real_size);
    for (size_t b = 0; b < large->real_size; b++)
        p[b] = bytes[large->big_endian ? large->real_size - 1 - b : b];
}

static void restore(const struct large *large, size_t f, size_t atom, size_t axis,
                    const unsigned char old[8])
{
    memcpy(large->data + large->first[f] + atom * large->atom_stride +
               axis * large->axis_stride,
           old, large->real_size);
}

/* One number of frame 1 is none: that frame is passed over, the others are there. */
static void check_not_finite(const struct large *large)
{
    static const size_t atoms[] = {0,    5,    16,    4095,      4096,
                                   8191, 8192, 16383, ATOMS - 3, ATOMS - 1};
    static const double values[] = {NAN, INFINITY, -INFINITY, -NAN};
    struct asim_frame frame = {0};
    struct asim_error err;
    for (size_t k = 0; k < 40; k++) {
        unsigned char old[8];
        const size_t atom = atoms[k % 10], axis = k % 3;
        put(large, 1, atom, axis, values[k / 10], old);
        struct asim_trajectory *traj = open_large(large);
        for (size_t f = 0; f < FRAMES; f += 2) {
            assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
            if (frame.frame_index != f)
                fail_msg("%s: atom %zu, axis %zu is no number", large->name, atom,
                         axis);
        }
        size_t damages;
        const struct asim_damage *damage = asim_trajectory_damage(traj, &damages);
        assert_int_equal(damages, 1);
        assert_int_equal(damage->frame_index, 1);
        assert_string_equal(damage->what, "a coordinate is not a number");
        asim_trajectory_close(traj);
        restore(large, 1, atom, axis, old);
    }
    asim_frame_finish(&frame);
}

/* Parts without atoms that are asked for are not read: what is there goes unseen. */
static void check_selection(const struct large *large)
{
    static const uint32_t atoms[] = {3, 17, 17000, ATOMS - 1};
    unsigned char old[8];
    struct asim_frame frame = {0};
    struct asim_error err;
    put(large, 1, 13000, 1, NAN, old);
    struct asim_trajectory *traj = open_large(large);
    assert_int_equal(asim_trajectory_select_atoms(traj, atoms, 4, &err), 0);
    for (size_t f = 0; f < FRAMES; f++) {
        assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
        assert_int_equal(frame.frame_index, f);
        for (size_t k = 0; k < 4; k++)
            assert_true(same_atom(large, &frame, atoms[k]));
    }
    asim_trajectory_close(traj);
    restore(large, 1, 13000, 1, old);
    asim_frame_finish(&frame);
}

static void every_way(void **state)
{
    (void)state;
    struct large files[] = {large_dcd(false), large_dcd(true), large_trr(false),
                            large_trr(true)};
    for (enum asim_simd simd = ASIM_SIMD_SCALAR; simd <= ASIM_SIMD_AVX512; simd++) {
        if (!asim_simd_available(simd)) {
            print_message("this machine has no %s: not tested\n", asim_simd_name(simd));
            continue;
        }
        setenv("AUTOSIM_SIMD", asim_simd_name(simd), 1);
        for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
            check_limits(&files[k]);
            check_not_finite(&files[k]);
            check_selection(&files[k]);
        }
    }
    unsetenv("AUTOSIM_SIMD");
    for (size_t k = 0; k < sizeof files / sizeof *files; k++)
        large_finish(&files[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
