/*
 * The modes of periodic boundaries against systems that were whole before they were
 * broken: cluster and nojump, with and without bonds, in boxes of any shape that change
 * from frame to frame; and what must be refused. Seeds are printed where one fails.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "structure/whole.h"
#include "topology_fixture.h"

enum { MOST = 80 };

static double between(struct asim_random *random, double low, double high)
{
    return low + (high - low) * asim_random_uniform(random);
}

static void make_box(struct asim_random *random, float box[3][3])
{
    memset(box, 0, 9 * sizeof(float));
    for (int k = 0; k < 3; k++)
        box[k][k] = (float)between(random, 3.0, 5.0);
    if (asim_random_u64(random) % 3 == 0)
        return;
    box[1][0] = (float)between(random, -0.5, 0.5) * box[0][0];
    box[2][0] = (float)between(random, -0.5, 0.5) * box[0][0];
    box[2][1] = (float)between(random, -0.5, 0.5) * box[1][1];
}

static void wrap(struct asim_random *random, const float box[3][3], double (*x)[3],
                 float (*wrapped)[3], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double n[3];
        for (int k = 0; k < 3; k++)
            n[k] = floor(between(random, -2.0, 3.0));
        for (int k = 0; k < 3; k++)
            wrapped[i][k] =
                (float)(x[i][k] + n[0] * (double)box[0][k] + n[1] * (double)box[1][k] +
                        n[2] * (double)box[2][k]);
    }
}

/* `molecules` of `size` atoms each, all in one residue chain, without bonds. */
static void make_topology(struct asim_topology *top, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        struct fixture_atom atom = {.name = "CA",
                                    .resname = "GLY",
                                    .resid = (int)i + 1,
                                    .molecule = (unsigned)(i / size)};
        fixture_add(top, &atom);
    }
}

static void all_atoms(uint32_t *atoms, size_t count)
{
    for (size_t i = 0; i < count; i++)
        atoms[i] = (uint32_t)i;
}

/* A walk with steps of 0.38 nm. */
static void walk_chain(struct asim_random *random, double (*x)[3], size_t count)
{
    for (int k = 0; k < 3; k++)
        x[0][k] = between(random, -3.0, 6.0);
    for (size_t i = 1; i < count; i++) {
        double d[3], norm = 0.0;
        for (int k = 0; k < 3; k++) {
            d[k] = asim_random_gaussian(random);
            norm += d[k] * d[k];
        }
        for (int k = 0; k < 3; k++)
            x[i][k] = x[i - 1][k] + 0.38 * d[k] / sqrt(norm);
    }
}

/* The least distance between an atom and an image of another, or of itself. */
static double image_distance(const float box[3][3], double (*x)[3], size_t count)
{
    double best = INFINITY;
    for (int n = 0; n < 7 * 7 * 7; n++) {
        double t[3];
        int i[3] = {n % 7 - 3, n / 7 % 7 - 3, n / 49 - 3};
        if (i[0] == 0 && i[1] == 0 && i[2] == 0)
            continue;
        for (int k = 0; k < 3; k++)
            t[k] = i[0] * (double)box[0][k] + i[1] * (double)box[1][k] +
                   i[2] * (double)box[2][k];
        for (size_t a = 0; a < count; a++) {
            for (size_t b = 0; b < count; b++) {
                double sum = 0.0;
                for (int k = 0; k < 3; k++) {
                    double d = x[a][k] - x[b][k] + t[k];
                    sum += d * d;
                }
                best = fmin(best, sqrt(sum));
            }
        }
    }
    return best;
}

static void expect_same_shape(float (*x)[3], double (*truth)[3], size_t count,
                              unsigned long seed)
{
    for (size_t i = 1; i < count; i++)
        for (int k = 0; k < 3; k++) {
            double off =
                ((double)x[i][k] - (double)x[0][k]) - (truth[i][k] - truth[0][k]);
            if (fabs(off) > 2e-5)
                fail_msg("seed %lu atom %zu: %g nm off", seed, i, off);
        }
}

/* A chain without bonds, also longer than half a box, comes back as it was, unless it
 * comes nearer to its own image than its atoms are to each other. */
static void cluster_needs_no_bonds(void **state)
{
    (void)state;
    size_t restored = 0, longer = 0;
    for (unsigned long seed = 1; seed <= 400; seed++) {
        struct asim_random random;
        struct asim_topology top = {0};
        struct asim_whole *whole = NULL;
        struct asim_error err = {0};
        double truth[MOST][3];
        float x[MOST][3];
        uint32_t atoms[MOST];
        struct asim_frame frame = {.x_nm = x};
        asim_random_seed(&random, seed);
        size_t count = 3 + asim_random_u64(&random) % (MOST - 3);
        make_topology(&top, count, count);
        all_atoms(atoms, count);
        frame.atom_count = count;
        assert_int_equal(
            asim_whole_create(&top, ASIM_PBC_CLUSTER, atoms, count, &whole, &err), 0);
        for (int pass = 0; pass < 2; pass++) {
            make_box(&random, frame.box_nm);
            walk_chain(&random, truth, count);
            double gap = image_distance(frame.box_nm, truth, count);
            wrap(&random, frame.box_nm, truth, x, count);
            int rc = asim_whole_apply(whole, &frame, &err);
            if (gap < 0.381) {
                if (rc < 0)
                    assert_non_null(strstr(err.text, "no single cluster"));
                continue;
            }
            if (rc < 0)
                fail_msg("seed %lu: %s", seed, err.text);
            expect_same_shape(x, truth, count, seed);
            restored++;
            longer += fabs(truth[count - 1][2] - truth[0][2]) >
                      0.5 * (double)frame.box_nm[2][2];
        }
        asim_whole_destroy(whole);
        fixture_finish(&top);
    }
    assert_true(restored > 300);
    assert_true(longer > 10);
}

/* Molecules with bonds that lie next to each other, wherever they are put. */
static void cluster_joins_molecules(void **state)
{
    (void)state;
    enum { MOLECULES = 4, SIZE = 8, ATOMS = MOLECULES * SIZE };
    for (unsigned long seed = 1; seed <= 200; seed++) {
        struct asim_random random;
        struct asim_topology top = {0};
        struct asim_whole *whole = NULL;
        struct asim_error err = {0};
        double truth[ATOMS][3];
        float x[ATOMS][3];
        uint32_t atoms[ATOMS];
        struct asim_frame frame = {.atom_count = ATOMS, .x_nm = x};
        asim_random_seed(&random, seed);
        make_topology(&top, ATOMS, SIZE);
        for (unsigned i = 0; i < ATOMS; i++)
            if (i % SIZE > 0)
                fixture_bond(&top, i - 1, i);
        top.has_bonds = true;
        all_atoms(atoms, ATOMS);
        assert_int_equal(
            asim_whole_create(&top, ASIM_PBC_CLUSTER, atoms, ATOMS, &whole, &err), 0);
        make_box(&random, frame.box_nm);
        walk_chain(&random, truth, ATOMS);
        if (image_distance(frame.box_nm, truth, ATOMS) > 0.4) {
            wrap(&random, frame.box_nm, truth, x, ATOMS);
            if (asim_whole_apply(whole, &frame, &err) < 0)
                fail_msg("seed %lu: %s", seed, err.text);
            expect_same_shape(x, truth, ATOMS, seed);
        }
        asim_whole_destroy(whole);
        fixture_finish(&top);
    }
}

/* A row across the box with an atom aside: cut anywhere, it would be as good. */
static void cluster_refuses_its_own_image(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    struct asim_whole *whole = NULL;
    struct asim_error err = {0};
    float x[11][3] = {{0}};
    uint32_t atoms[11];
    struct asim_frame frame = {.atom_count = 11, .x_nm = x};
    make_topology(&top, 11, 11);
    all_atoms(atoms, 11);
    for (int k = 0; k < 3; k++)
        frame.box_nm[k][k] = 5.0f;
    for (int i = 0; i < 10; i++)
        x[i][0] = 0.49f * (float)i;
    x[10][1] = 1.0f;
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_CLUSTER, atoms, 11, &whole, &err),
                     0);
    assert_int_equal(asim_whole_apply(whole, &frame, &err), -1);
    assert_non_null(
        strstr(err.text, "atoms 1 and 10 are 0.59 nm apart across the box"));
    asim_whole_destroy(whole);
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_CLUSTER, atoms, 10, &whole, &err),
                     0);
    assert_int_equal(asim_whole_apply(whole, &frame, &err), 0);
    asim_whole_destroy(whole);
    fixture_finish(&top);
}

/* Atoms that wander through a box that breathes; the second pass is as the first. */
static void nojump_follows(void **state)
{
    (void)state;
    enum { FRAMES = 40, ATOMS = 12 };
    for (unsigned long seed = 1; seed <= 100; seed++) {
        struct asim_random random;
        struct asim_topology top = {0};
        struct asim_whole *whole = NULL;
        struct asim_error err = {0};
        static double truth[FRAMES][ATOMS][3];
        static float boxes[FRAMES][3][3];
        float x[ATOMS][3];
        uint32_t atoms[ATOMS];
        struct asim_frame frame = {.atom_count = ATOMS, .x_nm = x};
        asim_random_seed(&random, seed);
        bool bonds = seed % 2;
        make_topology(&top, ATOMS, 1);
        top.has_bonds = bonds; /* single atoms, none bonded */
        all_atoms(atoms, ATOMS);
        make_box(&random, boxes[0]);
        for (int i = 0; i < ATOMS; i++)
            for (int k = 0; k < 3; k++)
                truth[0][i][k] = between(&random, 0.0, 0.5);
        for (int f = 1; f < FRAMES; f++) {
            double scale = between(&random, 0.99, 1.01);
            for (int k = 0; k < 9; k++)
                boxes[f][k / 3][k % 3] = (float)scale * boxes[f - 1][k / 3][k % 3];
            for (int i = 0; i < ATOMS; i++)
                for (int k = 0; k < 3; k++)
                    truth[f][i][k] =
                        truth[f - 1][i][k] * scale + between(&random, -0.3, 0.35);
        }
        assert_int_equal(
            asim_whole_create(&top, ASIM_PBC_NOJUMP, atoms, ATOMS, &whole, &err), 0);
        assert_true(asim_whole_in_order(whole));
        for (int pass = 0; pass < 2; pass++) {
            asim_whole_restart(whole);
            for (int f = 0; f < FRAMES; f++) {
                memcpy(frame.box_nm, boxes[f], sizeof frame.box_nm);
                if (f > 0 || pass > 0)
                    wrap(&random, boxes[f], truth[f], x, ATOMS);
                else
                    for (int i = 0; i < 3 * ATOMS; i++)
                        x[i / 3][i % 3] = (float)truth[f][i / 3][i % 3];
                if (asim_whole_apply(whole, &frame, &err) < 0)
                    fail_msg("seed %lu frame %d: %s", seed, f, err.text);
                for (int i = 0; i < 3 * ATOMS; i++)
                    if (fabs((double)x[i / 3][i % 3] - truth[f][i / 3][i % 3]) > 1e-4)
                        fail_msg("seed %lu pass %d frame %d atom %d: %g nm off", seed,
                                 pass, f, i / 3,
                                 (double)x[i / 3][i % 3] - truth[f][i / 3][i % 3]);
            }
        }
        asim_whole_destroy(whole);
        fixture_finish(&top);
    }
}

static void nojump_refuses_what_moves_too_far(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    struct asim_whole *whole = NULL;
    struct asim_error err = {0};
    float x[2][3] = {{0}};
    uint32_t atoms[2] = {0, 1};
    struct asim_frame frame = {.atom_count = 2, .x_nm = x};
    make_topology(&top, 2, 2);
    for (int k = 0; k < 3; k++)
        frame.box_nm[k][k] = 4.0f;
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_NOJUMP, atoms, 2, &whole, &err),
                     0);
    assert_int_equal(asim_whole_apply(whole, &frame, &err), 0);
    x[1][1] = 3.9f;
    assert_int_equal(asim_whole_apply(whole, &frame, &err), 0);
    assert_float_equal(x[1][1], -0.1f, 1e-6);
    x[1][1] = 1.7f;
    assert_int_equal(asim_whole_apply(whole, &frame, &err), -1);
    assert_non_null(strstr(err.text, "atom 2 have moved by 0.45 of box vector b"));
    asim_whole_destroy(whole);
    fixture_finish(&top);
}

/* Ten atoms in a ring: a real one, broken, closes again; one that is bonded through the
 * faces of the box has no end. */
static void rings_close_or_are_refused(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    struct asim_error err = {0};
    float x[10][3] = {{0}};
    uint32_t atoms[10];
    struct asim_frame frame = {.atom_count = 10, .x_nm = x};
    make_topology(&top, 10, 10);
    for (unsigned i = 0; i < 10; i++)
        fixture_bond(&top, i, (i + 1) % 10);
    top.has_bonds = true;
    all_atoms(atoms, 10);
    for (int k = 0; k < 3; k++)
        frame.box_nm[k][k] = 2.0f;
    static const enum asim_pbc_mode modes[] = {ASIM_PBC_WHOLE, ASIM_PBC_NOJUMP,
                                               ASIM_PBC_CLUSTER};
    for (size_t m = 0; m < 3; m++) {
        struct asim_whole *whole = NULL;
        assert_int_equal(asim_whole_create(&top, modes[m], atoms, 10, &whole, &err), 0);
        for (int i = 0; i < 10; i++) {
            double angle = 2.0 * 3.14159265358979 * i / 10.0;
            x[i][0] = (float)fmod(2.0 + 0.3 * cos(angle), 2.0);
            x[i][1] = (float)fmod(2.0 + 0.3 * sin(angle), 2.0);
        }
        assert_int_equal(asim_whole_apply(whole, &frame, &err), 0);
        for (int i = 0; i < 10; i++)
            assert_true(fabsf(x[i][0] - x[(i + 1) % 10][0]) < 0.2f);
        asim_whole_destroy(whole);
        assert_int_equal(asim_whole_create(&top, modes[m], atoms, 10, &whole, &err), 0);
        for (int i = 0; i < 10; i++) {
            x[i][0] = 0.2f * (float)i;
            x[i][1] = 0.0f;
        }
        assert_int_equal(asim_whole_apply(whole, &frame, &err), -1);
        assert_non_null(strstr(err.text, "bonded to its own periodic image"));
        asim_whole_destroy(whole);
    }
    fixture_finish(&top);
}

static void bonds_must_be_short_for_the_box(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    struct asim_whole *whole = NULL;
    struct asim_error err = {0};
    float x[2][3] = {{0}, {0.95f, 0, 0}};
    uint32_t atoms[2] = {0, 1};
    struct asim_frame frame = {.atom_count = 2, .x_nm = x};
    make_topology(&top, 2, 2);
    fixture_bond(&top, 0, 1);
    top.has_bonds = true;
    for (int k = 0; k < 3; k++)
        frame.box_nm[k][k] = 2.0f;
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, 2, &whole, &err),
                     0);
    assert_int_equal(asim_whole_apply(whole, &frame, &err), -1);
    assert_non_null(
        strstr(err.text, "atoms 1 and 2 are bonded but lie 0.950 nm apart"));
    asim_whole_destroy(whole);
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_NONE, atoms, 2, &whole, &err),
                     -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    fixture_finish(&top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cluster_needs_no_bonds),
        cmocka_unit_test(cluster_joins_molecules),
        cmocka_unit_test(cluster_refuses_its_own_image),
        cmocka_unit_test(nojump_follows),
        cmocka_unit_test(nojump_refuses_what_moves_too_far),
        cmocka_unit_test(rings_close_or_are_refused),
        cmocka_unit_test(bonds_must_be_short_for_the_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
