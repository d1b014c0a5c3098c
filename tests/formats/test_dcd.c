/* DCD: every flavour, built byte by byte; every damage. */
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
#include "formats/dcd.h"
#include "formats/trajectory_format.h"
#include "mutation.h"

/* CHARMM's unit of time in ps. */
#define AKMA_PS 0.04888821

static void check_frames(const struct dcd_flavour *f, const struct dcd_bytes *bytes,
                         size_t atoms, const char *name)
{
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    struct asim_error err;
    if (asim_trajectory_open_memory(bytes->data, bytes->size, "m", &traj, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    assert_string_equal(asim_trajectory_format(traj), "DCD");
    assert_int_equal(asim_trajectory_atom_count(traj), f->atom_count);
    asim_trajectory_limit_atoms(traj, atoms);
    double step_akma = f->charmm_version ? (double)(float)f->step_akma : f->step_akma;
    for (size_t n = 0; n < (size_t)f->frame_count; n++) {
        if (asim_trajectory_next(traj, &frame, &err) != 1)
            fail_msg("%s: frame %zu of %d is missing", name, n, f->frame_count);
        assert_int_equal(frame.frame_index, n);
        assert_int_equal(frame.offset_bytes, bytes->starts[n]);
        int64_t step = f->first_step + (int64_t)n * f->step_interval;
        assert_int_equal(frame.step, step);
        assert_true(fabs(frame.time_ps - (double)step * step_akma * AKMA_PS) <= 1e-12);
        assert_int_equal(frame.atom_count, atoms);
        for (size_t i = 0; i < atoms; i++)
            for (int d = 0; d < 3; d++)
                if (frame.x_nm[i][d] !=
                    bytes->x_angstrom[n * (size_t)f->atom_count + i][d] * 0.1f)
                    fail_msg("%s: frame %zu, atom %zu", name, n, i);
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 3; k++) {
                double edge = i != k || !f->cell ? 0
                              : i == 0           ? 6.2
                              : i == 1           ? 7.1
                                                 : 5.4;
                assert_true(frame.box_nm[i][k] == (float)edge);
            }
    }
    assert_int_equal(asim_trajectory_next(traj, &frame, &err), 0);
    size_t damages;
    asim_trajectory_damage(traj, &damages);
    assert_int_equal(damages, 0);
    /* Backwards, so that every frame is reached without the one before it. */
    for (size_t n = (size_t)f->frame_count; n-- > 0;) {
        assert_int_equal(asim_trajectory_seek(traj, n, &err), 0);
        assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
        assert_true(frame.x_nm[atoms - 1][2] ==
                    bytes->x_angstrom[n * (size_t)f->atom_count + atoms - 1][2] * 0.1f);
    }
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
}

/* Two byte orders x two markers x X-PLOR or CHARMM x cell x fourth dimension x fixed
 * atoms x numbers of atoms x what the header says of the number of frames. */
static void every_flavour(void **state)
{
    (void)state;
    static const int32_t counts[] = {1, 4, 12, 24, 100, 1500};
    size_t cases = 0;
    for (unsigned k = 0; k < 64; k++)
        for (size_t c = 0; c < 6; c++)
            for (int32_t said = -1; said <= 7; said += 2) {
                struct dcd_flavour f = dcd_flavour_plain();
                f.other_endian = k & 1;
                f.wide_markers = k & 2;
                f.charmm_version = k & 4 ? 24 : 0;
                f.cell = k & 8;
                f.fourth = k & 16;
                if (f.charmm_version == 0 && (f.fourth || (f.cell && counts[c] == 12)))
                    continue; /* X-PLOR has no flags */
                f.cell_unflagged = f.cell && said == 1 && counts[c] != 12;
                f.atom_count = counts[c];
                f.fixed_count = k & 32 ? counts[c] / 4 : 0;
                f.header_frame_count = said < 0 ? 0 : said;
                f.title_count = said + 1;
                memcpy(f.cell_record, (double[6]){62, 0, 71, 0, 0, 54}, 48);
                if (said == 3)
                    f.cell_record[1] = f.cell_record[3] = f.cell_record[4] = 90;
                struct dcd_bytes bytes = dcd_build(&f, k + 1);
                char name[100];
                snprintf(name, sizeof name, "flavour %u, %d atoms, %d frames said", k,
                         counts[c], said);
                check_frames(&f, &bytes, (size_t)f.atom_count, name);
                check_frames(&f, &bytes, ((size_t)f.atom_count + 1) / 2, name);
                dcd_bytes_finish(&bytes);
                cases++;
            }
    assert_true(cases > 1000);
}

static void times(void **state)
{
    (void)state;
    static const double bad[] = {0, -1, NAN, INFINITY};
    for (size_t k = 0; k < 4; k++)
        for (int version = 0; version <= 24; version += 24) {
            struct dcd_flavour f = dcd_flavour_plain();
            f.step_akma = bad[k];
            f.charmm_version = version;
            struct dcd_bytes bytes = dcd_build(&f, 1);
            struct reading reading = read_bytes(bytes.data, bytes.size);
            assert_int_equal(reading.frames, 5);
            assert_true(reading.last_time_ps == 4); /* numbered */
            dcd_bytes_finish(&bytes);
        }
}

/* The cells of one lattice in all three notations, and what is none. */
static void cells(void **state)
{
    (void)state;
    /* a = 40, b = 50, c = 60; alpha 70, beta 80, gamma 100 degrees; the symmetric
     * matrix of this lattice from numpy: the root of the matrix of scalar products. */
    static const struct {
        int version;
        double record[6];
        int kind; /* 0 none, 1 the triclinic one, 2 rectangular, 3 damage */
    } rows[] = {
        {24, {40, 100, 50, 80, 70, 60}, 1},
        {24,
         {40, -0.17364817766693041, 50, 0.17364817766693041, 0.34202014332566882, 60},
         1},
        {35,
         {39.29104157229661, -5.2083106283402, 48.60034205711155, 5.3428604519889,
          10.5480371842117, 58.8240155},
         4},
        /* Only the version tells these from degrees and from cosines. */
        {35, {80, 15, 75, 12, 14, 70}, 4},
        {35, {80, 0.5, 75, 0.25, 0.125, 70}, 4},
        {24, {40, 90, 50, 90, 90, 60}, 2},
        {24, {40, 0, 50, 0, 0, 60}, 2},
        {35, {40, 0, 50, 0, 0, 60}, 2},
        {35, {40, 90, 50, 90, 90, 60}, 2},
        {35, {200, 90, 200, 90, 90, 200}, 5},
        {24, {0, 90, 0, 90, 90, 0}, 0},
        {24, {0, 0, 0, 0, 0, 0}, 0},
        {24, {40, 100, -50, 80, 70, 60}, 3},
        {24, {40, 10, 50, 80, 170, 60}, 3},
        {24, {40, 1, 50, 0, 0, 60}, 3},
        {24, {NAN, 90, 50, 90, 90, 60}, 3},
        {24, {40, INFINITY, 50, 90, 90, 60}, 3},
        {24, {1e200, 90, 1e200, 90, 90, 1e200}, 3},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct asim_dcd_cell cell = {0};
        char what[ASIM_DAMAGE_TEXT] = "";
        int rc = asim_dcd_cell_parse(rows[k].record, rows[k].version, &cell, what);
        assert_int_equal(rc, rows[k].kind == 3 ? -1 : 0);
        if (rc < 0) {
            assert_non_null(strstr(what, "unit cell"));
            continue;
        }
        const double edges[6][3] = {{0, 0, 0}, {4, 5, 6}, {4, 5, 6},
                                    {0, 0, 0}, {0, 0, 0}, {20, 20, 20}};
        double cosine[3] = {0};
        if (rows[k].kind == 1) {
            cosine[0] = cos(70 * M_PI / 180);
            cosine[1] = cos(80 * M_PI / 180);
            cosine[2] = cos(100 * M_PI / 180);
        }
        double wanted[6], found[6];
        for (int n = 0; n < 6; n++) {
            int a = n < 3 ? n : n == 3 ? 1 : 0, b = n < 3 ? n : n == 5 ? 1 : 2;
            found[n] = 0;
            for (int d = 0; d < 3; d++)
                found[n] += (double)cell.box_nm[a][d] * (double)cell.box_nm[b][d];
            wanted[n] = edges[rows[k].kind][a] * edges[rows[k].kind][b] *
                        (n < 3 ? 1 : cosine[n - 3]);
            if (rows[k].kind == 4) { /* scalar products of the matrix's own rows */
                const double *r = rows[k].record;
                const double h[3][3] = {
                    {r[0], r[1], r[3]}, {r[1], r[2], r[4]}, {r[3], r[4], r[5]}};
                wanted[n] = 0;
                for (int d = 0; d < 3; d++)
                    wanted[n] += h[a][d] * h[b][d] / 100;
            }
            if (fabs(found[n] - wanted[n]) > 1e-5)
                fail_msg("row %zu, product %d: %g, not %g", k, n, found[n], wanted[n]);
        }
        assert_true(cell.box_nm[0][1] == 0 && cell.box_nm[0][2] == 0 &&
                    cell.box_nm[1][2] == 0);
        assert_int_equal(cell.turned, rows[k].kind == 4);
    }
}

/* A frame whose cell is a shape matrix: box and coordinates are turned together, so
 * that fractional coordinates stay. */
static void shape_matrix_turns_coordinates(void **state)
{
    (void)state;
    struct dcd_flavour f = dcd_flavour_plain();
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    struct asim_error err;
    static const double record[6] = {39, -5, 48, 5.5, 10, 58};
    f.charmm_version = 35;
    f.cell = true;
    memcpy(f.cell_record, record, sizeof record);
    struct dcd_bytes bytes = dcd_build(&f, 3);
    /* Atoms at whole sums of the vectors, but for the first frame. */
    const double h[3][3] = {{39, -5, 5.5}, {-5, 48, 10}, {5.5, 10, 58}};
    unsigned char *x = bytes.data + bytes.starts[1] + 56;
    for (size_t d = 0; d < 3; d++)
        for (size_t i = 0; i < 20; i++) {
            float value = (float)((double)(i % 3) * h[0][d] +
                                  (double)(i / 3) * h[1][d] - (double)i * h[2][d]);
            memcpy(x + d * 88 + 4 + 4 * i, &value, 4);
        }
    assert_int_equal(
        asim_trajectory_open_memory(bytes.data, bytes.size, "m", &traj, &err), 0);
    assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
    assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
    for (size_t i = 0; i < 20; i++)
        for (int d = 0; d < 3; d++) {
            double wanted = (double)(i % 3) * (double)frame.box_nm[0][d] +
                            (double)(i / 3) * (double)frame.box_nm[1][d] -
                            (double)i * (double)frame.box_nm[2][d];
            assert_true(fabs((double)frame.x_nm[i][d] - wanted) < 3e-5);
        }
    assert_true(frame.box_nm[1][0] != 0 && frame.box_nm[0][1] == 0);
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
    dcd_bytes_finish(&bytes);
}

static struct dcd_flavour flavour_of(unsigned k)
{
    struct dcd_flavour f = dcd_flavour_plain();
    f.other_endian = k & 1;
    f.wide_markers = k & 2;
    f.cell = k & 4;
    f.fixed_count = k & 8 ? 4 : 0;
    f.fourth = k & 16;
    memcpy(f.cell_record, (double[6]){62, 0, 71, 0, 0, 54}, 48);
    return f;
}
enum { FLAVOURS = 32 };

static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (unsigned k = 0; k < FLAVOURS; k++) {
        struct dcd_flavour f = flavour_of(k);
        struct dcd_bytes bytes = dcd_build(&f, 1);
        for (size_t size = 0; size <= bytes.size; size++) {
            struct reading reading = read_bytes(bytes.data, size);
            size_t whole = 0;
            while (whole < 5 && bytes.starts[whole + 1] <= size)
                whole++;
            assert_int_equal(reading.opened, whole > 0);
            assert_int_equal(reading.frames, whole);
            assert_int_equal(reading.damages, whole > 0 && size != bytes.starts[whole]);
            if (reading.damages) {
                assert_int_equal(reading.first.frame_index, whole);
                assert_int_equal(reading.first.offset_bytes, bytes.starts[whole]);
            }
        }
        dcd_bytes_finish(&bytes);
    }
}

/* A cut frame with whole ones behind it, as a restarted program leaves them. */
static void append_behind_a_cut_frame(void **state)
{
    (void)state;
    for (unsigned k = 0; k < FLAVOURS; k++) {
        struct dcd_flavour f = flavour_of(k);
        struct dcd_bytes bytes = dcd_build(&f, 1);
        unsigned char *joined = malloc(2 * bytes.size);
        for (size_t cut = bytes.starts[2] + 1; cut < bytes.starts[3]; cut++) {
            size_t from = bytes.starts[2], rest = bytes.size - from;
            size_t record =
                4 * (size_t)(f.atom_count - f.fixed_count) + (f.wide_markers ? 16 : 8);
            if (!f.cell && (cut - from) % record == 0)
                continue; /* see the head of dcd.c */
            memcpy(joined, bytes.data, cut);
            memcpy(joined + cut, bytes.data + from, rest);
            struct reading reading = read_bytes(joined, cut + rest);
            if (reading.frames != 5 || reading.damages != 1 ||
                reading.first.frame_index != 2 || reading.first.offset_bytes != from)
                fail_msg("flavour %u cut at %zu: %zu frames, %zu damages, %s", k,
                         cut - from, reading.frames, reading.damages,
                         reading.first.what);
        }
        free(joined);
        dcd_bytes_finish(&bytes);
    }
}

/* Damage inside a frame loses that frame only; the times behind it stay. */
static void damaged_frame(void **state)
{
    (void)state;
    for (unsigned k = 0; k < FLAVOURS; k++) {
        struct dcd_flavour f = flavour_of(k);
        struct dcd_bytes bytes = dcd_build(&f, 1);
        size_t marker = f.wide_markers ? 8 : 4, start = bytes.starts[2];
        size_t x = start + (f.cell ? 48 + 2 * marker : 0);
        size_t record = 4 * (size_t)(f.atom_count - f.fixed_count) + 2 * marker;
        const size_t places[] = {start, x, x + record - 1, x + record,
                                 x + 3 * record - 1};
        for (size_t n = 0; n < 7; n++) {
            unsigned char *copy = malloc(bytes.size);
            memcpy(copy, bytes.data, bytes.size);
            if (n < 5)
                copy[places[n]] ^= 0x40;
            else /* a coordinate, or the cell, that is no number */
                memset(copy + (n == 5 ? x : start) + marker, 0xff, 8);
            struct reading reading = read_bytes(copy, bytes.size);
            double last = 300 * (double)(float)f.step_akma * AKMA_PS;
            if (reading.frames != 4 || reading.damages != 1 ||
                reading.first.frame_index != 2 || reading.first.offset_bytes != start ||
                fabs(reading.last_time_ps - last) > 1e-12)
                fail_msg("flavour %u, place %zu: %zu frames, %zu damages, %g ps, %s", k,
                         n, reading.frames, reading.damages, reading.last_time_ps,
                         reading.first.what);
            free(copy);
        }
        dcd_bytes_finish(&bytes);
    }
}

static void bad_headers(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint32_t value;
        const char *expected;
    } rows[] = {
        {4, 0x444c4556, "velocities (VELD)"},
        {88, 83, "the marker behind these differs"},
        {92, 0x7fffffff, "the titles"},
        {92, 0xffffffff, "the titles"},
        {92, 160, "the titles"},
        {264, 8, "the number of atoms"},
        {268, 0, "0 atoms"},
        {268, 0xffffffff, "-1 atoms"},
        {268, 0x20000000, "536870912 atoms"},
        {268, 10, "64-bit numbers"},
        {268, 21, "holds no whole frame"},
        {40, 21, "21 of its 20 atoms are fixed"},
        {40, 20, "20 of its 20 atoms are fixed"},
        {40, 0xffffffff, "-1 of its 20 atoms are fixed"},
        {40, 3, "list of free atoms"},
    };
    struct dcd_flavour f = dcd_flavour_plain();
    struct dcd_bytes bytes = dcd_build(&f, 1);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        unsigned char *copy = malloc(bytes.size);
        memcpy(copy, bytes.data, bytes.size);
        memcpy(copy + rows[k].offset, &rows[k].value, 4);
        struct reading reading = read_bytes(copy, bytes.size);
        if (reading.opened || !strstr(reading.err.text, rows[k].expected))
            fail_msg("row %zu: %s", k, reading.opened ? "opened" : reading.err.text);
        free(copy);
    }
    dcd_bytes_finish(&bytes);
    /* A list of free atoms that is out of order, or names an atom that is not there. */
    f.fixed_count = 4;
    for (int k = 0; k < 3; k++) {
        bytes = dcd_build(&f, 1);
        uint32_t value = k == 0 ? 0 : k == 1 ? 21 : 2;
        memcpy(bytes.data + 280 + (k == 2 ? 4 : k == 1 ? 60 : 0), &value, 4);
        struct reading reading = read_bytes(bytes.data, bytes.size);
        assert_false(reading.opened);
        assert_non_null(strstr(reading.err.text, "ascending"));
        dcd_bytes_finish(&bytes);
    }
}

/* A file full of what looks like the start of a frame of one atom: the search must not
 * grow with the square of the size. */
static void many_false_starts(void **state)
{
    (void)state;
    struct dcd_flavour f = dcd_flavour_plain();
    f.atom_count = 1;
    struct dcd_bytes bytes = dcd_build(&f, 1);
    size_t size = 4000000;
    unsigned char *data = calloc(1, size);
    memcpy(data, bytes.data, bytes.size);
    for (size_t i = bytes.size + 1; i < size; i += 4)
        data[i] = 4;
    struct reading reading = read_bytes(data, size);
    assert_true(reading.frames >= 5);
    assert_true(reading.damages > 0);
    free(data);
    dcd_bytes_finish(&bytes);
}

static void mutations(void **state)
{
    (void)state;
    for (unsigned k = 0; k < FLAVOURS; k++) {
        struct dcd_flavour f = flavour_of(k);
        f.title_count = 1;
        struct dcd_bytes bytes = dcd_build(&f, 1);
        read_mutations(bytes.data, bytes.size, 2000, k);
        dcd_bytes_finish(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flavour),
        cmocka_unit_test(times),
        cmocka_unit_test(cells),
        cmocka_unit_test(shape_matrix_turns_coordinates),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(append_behind_a_cut_frame),
        cmocka_unit_test(damaged_frame),
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(many_false_starts),
        cmocka_unit_test(mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
