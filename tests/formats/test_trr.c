/* TRR: every kind of frame, built byte by byte; every damage; and what we write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "formats/trajectory_format.h"
#include "formats/trr.h"
#include "mutation.h"

enum {
    BOX = 1,
    VIRIAL = 2,
    PRESSURE = 4,
    X = 8,
    V = 16,
    F = 32,
    DOUBLE = 64,
    NO_X = BOX | V | F,
    ALL = BOX | VIRIAL | PRESSURE | X | V | F,
};
enum { ATOMS = 11 };

struct file {
    unsigned char bytes[100000];
    size_t size;
    size_t starts[100];
    size_t frames; /* with and without x */
};

static void put_u32(struct file *file, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        file->bytes[file->size++] = (unsigned char)(value >> shift);
}

static void put_real(struct file *file, double value, int parts)
{
    union {
        double d;
        uint64_t u;
    } wide = {value};
    union {
        float f;
        uint32_t u;
    } narrow = {(float)value};
    if (parts & DOUBLE)
        put_u32(file, (uint32_t)(wide.u >> 32));
    put_u32(file, parts & DOUBLE ? (uint32_t)wide.u : narrow.u);
}

/* Block `kind` of frame f, element i: different everywhere, no two alike. */
static double number_of(size_t f, int kind, size_t i)
{
    return (double)kind * 1000 + (double)f * 50 + (double)i + 0.1;
}

static void put_block(struct file *file, size_t count, int parts, int kind)
{
    for (size_t i = 0; parts & kind && i < count; i++)
        put_real(file, number_of(file->frames, kind, i), parts);
}

static void add_frame(struct file *file, int parts)
{
    const uint32_t real = parts & DOUBLE ? 8 : 4, vectors = 3 * ATOMS * real;
    file->starts[file->frames] = file->size;
    put_u32(file, 1993);
    put_u32(file, 13);
    put_u32(file, 12);
    memcpy(file->bytes + file->size, "GMX_trn_file", 12);
    file->size += 12;
    put_u32(file, 0);
    put_u32(file, 0);
    put_u32(file, parts & BOX ? 9 * real : 0);
    put_u32(file, parts & VIRIAL ? 9 * real : 0);
    put_u32(file, parts & PRESSURE ? 9 * real : 0);
    put_u32(file, 0);
    put_u32(file, 0);
    put_u32(file, parts & X ? vectors : 0);
    put_u32(file, parts & V ? vectors : 0);
    put_u32(file, parts & F ? vectors : 0);
    put_u32(file, ATOMS);
    put_u32(file, (uint32_t)file->frames - 1); /* from -1 on */
    put_u32(file, 0);
    put_real(file, 0.3 * (double)file->frames, parts);
    put_real(file, 0.5, parts);
    put_block(file, 9, parts, BOX);
    put_block(file, 9, parts, VIRIAL);
    put_block(file, 9, parts, PRESSURE);
    put_block(file, 3 * ATOMS, parts, X);
    put_block(file, 3 * ATOMS, parts, V);
    put_block(file, 3 * ATOMS, parts, F);
    file->frames++;
    file->starts[file->frames] = file->size;
}

static void check_frame(const struct asim_frame *frame, const struct file *file,
                        size_t f, size_t index, int parts, size_t atoms)
{
    assert_int_equal(frame->frame_index, index);
    assert_int_equal(frame->offset_bytes, file->starts[f]);
    assert_int_equal(frame->atom_count, atoms);
    assert_int_equal(frame->step, (int64_t)f - 1);
    double time_ps = 0.3 * (double)f;
    assert_true(frame->time_ps == (parts & DOUBLE ? time_ps : (double)(float)time_ps));
    assert_true(frame->precision == 0);
    for (size_t i = 0; i < 9; i++)
        assert_true(frame->box_nm[i / 3][i % 3] ==
                    (parts & BOX ? (float)number_of(f, BOX, i) : 0));
    for (size_t i = 0; i < 3 * atoms; i++)
        assert_true(frame->x_nm[i / 3][i % 3] == (float)number_of(f, X, i));
}

/* All 128 kinds of frames in random order in one file; those without x are passed. */
static void every_kind_of_frame(void **state)
{
    (void)state;
    static struct file file;
    struct asim_random random;
    struct asim_error err;
    asim_random_seed(&random, 11);
    for (int k = 0; k < 200; k++) {
        static int parts[60];
        memset(&file, 0, sizeof file);
        size_t with_x = 0, count, damages;
        for (size_t f = 0; f < 60; f++) {
            parts[f] = k < 4 ? (int)(f + 60 * (size_t)k) % 128
                             : (int)(asim_random_u64(&random) % 128);
            if ((parts[f] & ALL) == 0)
                parts[f] |= BOX;
            add_frame(&file, parts[f]);
            with_x += (parts[f] & X) != 0;
        }
        struct asim_trajectory *traj;
        struct asim_frame frame = {0};
        if (asim_trajectory_open_memory(file.bytes, file.size, "m", &traj, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(asim_trajectory_format(traj), "TRR");
        size_t atoms = k % 3 ? ATOMS : 3;
        asim_trajectory_limit_atoms(traj, atoms);
        size_t index = 0;
        for (size_t f = 0; f < 60; f++)
            if (parts[f] & X) {
                assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
                check_frame(&frame, &file, f, index++, parts[f], atoms);
            }
        assert_int_equal(asim_trajectory_next(traj, &frame, &err), 0);
        assert_int_equal(asim_trajectory_frame_count(traj, &count, &err), 0);
        assert_int_equal(count, with_x);
        asim_trajectory_damage(traj, &damages);
        assert_int_equal(damages, 0);
        asim_frame_finish(&frame);
        asim_trajectory_close(traj);
    }
}

static void no_coordinates_at_all(void **state)
{
    (void)state;
    struct file file = {0};
    for (int k = 0; k < 3; k++)
        add_frame(&file, NO_X);
    struct reading reading = read_bytes(file.bytes, file.size);
    assert_false(reading.opened);
    assert_non_null(strstr(reading.err.text, "none of the 3 frames has coordinates"));
}

static const int mixed[] = {BOX | X, NO_X, ALL | DOUBLE, X, NO_X | DOUBLE, BOX | X | V};
enum { MIXED = sizeof mixed / sizeof *mixed };

static void truncated_at_every_byte(void **state)
{
    (void)state;
    struct file file = {0};
    for (size_t k = 0; k < MIXED; k++)
        add_frame(&file, mixed[k]);
    for (size_t size = 0; size <= file.size; size++) {
        struct reading reading = read_bytes(file.bytes, size);
        size_t whole = 0, with_x = 0;
        while (whole < MIXED && file.starts[whole + 1] <= size)
            with_x += (mixed[whole++] & X) != 0;
        assert_int_equal(reading.opened, with_x > 0);
        assert_int_equal(reading.frames, with_x);
        assert_int_equal(reading.damages, whole > 0 && size != file.starts[whole]);
        if (reading.damages) {
            /* Frames without x are passed in one go with the place behind them. */
            size_t from = whole;
            while (from > 0 && !(mixed[from - 1] & X))
                from--;
            assert_int_equal(reading.first.offset_bytes, file.starts[from]);
            assert_int_equal(reading.first.frame_index, with_x);
        }
    }
}

static void append_behind_a_cut_frame(void **state)
{
    (void)state;
    struct file file = {0};
    unsigned char joined[2 * 10000];
    int excused = 0;
    for (size_t k = 0; k < MIXED; k++)
        add_frame(&file, mixed[k]);
    for (size_t f = 1; f < MIXED; f++)
        for (size_t cut = file.starts[f] + 1; cut < file.starts[f + 1]; cut++) {
            /* What is missing is the size of whole frames: see the head of trr.c. */
            size_t missing = file.starts[f + 1] - cut, n = 0;
            while (file.starts[n] < missing)
                n++;
            if (file.starts[n] == missing && excused++ < 20)
                continue;
            memcpy(joined, file.bytes, cut);
            memcpy(joined + cut, file.bytes, file.size);
            struct reading reading = read_bytes(joined, cut + file.size);
            size_t with_x = 0;
            for (size_t k = 0; k < f; k++)
                with_x += (mixed[k] & X) != 0;
            if (reading.frames != with_x + 4 || reading.damages != 1)
                fail_msg("frame %zu cut at %zu: %zu frames, %zu damages, %s", f,
                         cut - file.starts[f], reading.frames, reading.damages,
                         reading.first.what);
            assert_int_equal(reading.first.frame_index, with_x);
            assert_true(reading.last_time_ps == (double)(float)(0.3 * 5));
        }
}

/* One field of the second of three frames set to a bad value: that frame is lost and
 * named, the third is found. */
static void bad_fields(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint32_t value;
        const char *expected;
    } rows[] = {
        {0, 1994, "1993"},
        {4, 14, "GMX_trn_file"},
        {12, 0x474d5859, "GMX_trn_file"},
        {24, 4, "input record"},
        {28, 4, "energies"},
        {44, 4, "topology"},
        {48, 4, "symbols"},
        {32, 40, "neither floats nor doubles"},
        {32, 72, "neither floats nor doubles"},
        {36, 0xffffffff, "neither floats nor doubles"},
        {52, 130, "neither floats nor doubles"},
        {52, 264, "neither floats nor doubles"},
        {56, 0x80000000, "neither floats nor doubles"},
        {64, 0, "0 atoms"},
        {64, 0xffffffff, "-1 atoms"},
        {64, 12, "neither floats nor doubles"},
        {76, 0x7fc00000, "time"},
        {84, 0x7f800000, "box"},
        {120, 0xff800000, "coordinate"},
        {120 + 131 - 3, 0x7f800001, "coordinate"},
    };
    struct file file = {0};
    for (int k = 0; k < 3; k++)
        add_frame(&file, BOX | X);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        unsigned char *copy = malloc(file.size);
        memcpy(copy, file.bytes, file.size);
        for (size_t i = 0; i < 4; i++)
            copy[file.starts[1] + rows[k].offset + i] =
                (unsigned char)(rows[k].value >> (24 - 8 * i));
        struct reading reading = read_bytes(copy, file.size);
        if (reading.frames != 2 || reading.damages != 1 ||
            reading.last_time_ps != (double)(float)0.6 ||
            reading.first.frame_index != 1 ||
            reading.first.offset_bytes != file.starts[1] ||
            !strstr(reading.first.what, rows[k].expected))
            fail_msg("row %zu: %zu frames, %zu damages, frame %zu at %llu: %s", k,
                     reading.frames, reading.damages, reading.first.frame_index,
                     (unsigned long long)reading.first.offset_bytes,
                     reading.first.what);
        free(copy);
    }
}

/* A double that no float can hold is no coordinate. */
static void too_large_for_a_float(void **state)
{
    (void)state;
    struct file file = {0};
    add_frame(&file, X | DOUBLE);
    add_frame(&file, X | DOUBLE);
    file.bytes[file.starts[1] + 92] = 0x7f; /* 8.9e307 and more */
    struct reading reading = read_bytes(file.bytes, file.size);
    assert_int_equal(reading.frames, 1);
    assert_int_equal(reading.damages, 1);
    assert_non_null(strstr(reading.first.what, "coordinate"));
}

static void tails_and_other_atom_counts(void **state)
{
    (void)state;
    static unsigned char joined[400000];
    struct file file = {0};
    for (int k = 0; k < 3; k++)
        add_frame(&file, BOX | X);
    struct asim_random random;
    asim_random_seed(&random, 5);
    static const size_t sizes[] = {1, 3, 4, 83, 84, 100, 100000, 300000};
    for (size_t k = 0; k < 16; k++) {
        memcpy(joined, file.bytes, file.size);
        for (size_t i = 0; i < sizes[k % 8]; i++)
            joined[file.size + i] = k < 8 ? 0 : (unsigned char)asim_random_u64(&random);
        struct reading reading = read_bytes(joined, file.size + sizes[k % 8]);
        assert_int_equal(reading.frames, 3);
        assert_int_equal(reading.damages, 1);
        assert_int_equal(reading.first.frame_index, 3);
        assert_int_equal(reading.first.offset_bytes, file.size);
    }
    /* A frame of six atoms behind frames of eleven, right in itself. */
    struct asim_trr_bytes bytes = {0};
    struct asim_frame frame = {0};
    struct asim_error err;
    assert_int_equal(asim_frame_reserve(&frame, 6, &err), 0);
    frame.atom_count = 6;
    memset(frame.x_nm, 0, 6 * sizeof *frame.x_nm);
    assert_int_equal(asim_trr_append(&bytes, &frame, NULL, &err), 0);
    memcpy(joined, file.bytes, file.size);
    memcpy(joined + file.size, bytes.data, bytes.size);
    struct reading reading = read_bytes(joined, file.size + bytes.size);
    assert_int_equal(reading.frames, 3);
    assert_int_equal(reading.damages, 1);
    assert_non_null(strstr(reading.first.what, "6 atoms, the first one 11"));
    asim_trr_bytes_finish(&bytes);
    asim_frame_finish(&frame);
}

static void mutations(void **state)
{
    (void)state;
    struct file file = {0};
    for (size_t k = 0; k < MIXED; k++)
        add_frame(&file, mixed[k]);
    read_mutations(file.bytes, file.size, 50000, 77);
}

/* Frames without x, and damage between them: the time must not grow with the square of
 * their number. */
static void many_frames_without_coordinates(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct file one = {0};
    add_frame(&one, BOX | X);
    size_t first = one.size;
    add_frame(&one, BOX);
    size_t each = one.size - first;
    unsigned char *bytes = malloc(first + each * COUNT + 4);
    memcpy(bytes, one.bytes, first);
    for (size_t k = 0; k < COUNT; k++)
        memcpy(bytes + first + k * each, one.bytes + first, each);
    memset(bytes + first + each * COUNT, 9, 4);
    struct reading reading = read_bytes(bytes, first + each * COUNT + 4);
    assert_int_equal(reading.frames, 1);
    assert_int_equal(reading.damages, 1);
    free(bytes);
}

/* What the writer gives is, byte for byte, what the test builds by hand. */
static void written_bytes(void **state)
{
    (void)state;
    struct asim_error err;
    static const int kinds[] = {BOX | X, BOX | X | V, BOX | X | F, BOX | X | V | F};
    for (int k = 0; k < 8; k++) {
        int parts = kinds[k % 4] | (k < 4 ? 0 : DOUBLE);
        struct file file = {0};
        struct asim_trr_bytes bytes = {0};
        struct asim_frame frame = {0};
        float v[ATOMS][3], f[ATOMS][3];
        assert_int_equal(asim_frame_reserve(&frame, ATOMS, &err), 0);
        frame.atom_count = ATOMS;
        for (size_t n = 0; n < 3; n++) {
            struct asim_trr_extra extra = {
                .v_nm_ps = parts & V ? (const float(*)[3])v : NULL,
                .f_kj_mol_nm = parts & F ? (const float(*)[3])f : NULL,
                .lambda = 0.5,
                .of_doubles = k >= 4};
            for (size_t i = 0; i < 9; i++)
                frame.box_nm[i / 3][i % 3] = (float)number_of(n, BOX, i);
            for (size_t i = 0; i < 3 * ATOMS; i++) {
                frame.x_nm[i / 3][i % 3] = (float)number_of(n, X, i);
                v[i / 3][i % 3] = (float)number_of(n, V, i);
                f[i / 3][i % 3] = (float)number_of(n, F, i);
            }
            frame.time_ps = 0.3 * (double)n;
            frame.step = (int64_t)n - 1;
            add_frame(&file, parts);
            assert_int_equal(asim_trr_append(&bytes, &frame, &extra, &err), 0);
        }
        assert_int_equal(bytes.size, file.size);
        if (k < 4) /* doubles of floats differ from doubles */
            assert_memory_equal(bytes.data, file.bytes, file.size);
        assert_int_equal(read_bytes(bytes.data, bytes.size).frames, 3);
        asim_trr_bytes_finish(&bytes);
        asim_frame_finish(&frame);
    }
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct asim_error err;
    struct asim_trr_bytes bytes = {0};
    struct asim_frame frame = {0};
    float v[2][3] = {{0}};
    struct asim_trr_extra extra = {.v_nm_ps = (const float(*)[3])v};
    assert_int_equal(asim_frame_reserve(&frame, 2, &err), 0);
    for (int k = 0; k < 8; k++) {
        frame.atom_count = 2;
        frame.step = 0;
        frame.time_ps = 0;
        memset(frame.x_nm, 0, 2 * sizeof *frame.x_nm);
        memset(v, 0, sizeof v);
        frame.box_nm[0][0] = 0;
        if (k == 0)
            frame.x_nm[1][2] = NAN;
        else if (k == 1)
            v[1][0] = INFINITY;
        else if (k == 2)
            frame.step = (int64_t)1 << 31;
        else if (k == 3)
            frame.time_ps = 1e300; /* not in a float */
        else if (k == 4)
            frame.atom_count = 0;
        else if (k == 5)
            frame.atom_count = 200000000;
        else if (k == 6)
            frame.box_nm[0][0] = NAN;
        else
            extra.lambda = NAN;
        assert_int_equal(asim_trr_append(&bytes, &frame, &extra, &err), -1);
        assert_int_equal(err.status, ASIM_EINPUT);
        assert_int_equal(bytes.size, 0);
    }
    asim_trr_bytes_finish(&bytes);
    asim_frame_finish(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_frame),
        cmocka_unit_test(no_coordinates_at_all),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(append_behind_a_cut_frame),
        cmocka_unit_test(bad_fields),
        cmocka_unit_test(too_large_for_a_float),
        cmocka_unit_test(tails_and_other_atom_counts),
        cmocka_unit_test(mutations),
        cmocka_unit_test(many_frames_without_coordinates),
        cmocka_unit_test(written_bytes),
        cmocka_unit_test(refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
