/* Making molecules whole, against structures that were whole before they were broken.
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

enum { LARGEST = 400 };

static int integer_below(struct asim_random *random, int count)
{
    return (int)(asim_random_uniform(random) * count);
}

static double between(struct asim_random *random, double low, double high)
{
    return low + (high - low) * asim_random_uniform(random);
}

/* A random box as GROMACS accepts them: skewed by up to half an edge. */
static void random_box(struct asim_random *random, float box[3][3])
{
    memset(box, 0, 9 * sizeof(float));
    for (int i = 0; i < 3; i++)
        box[i][i] = (float)between(random, 3.0, 6.0);
    if (integer_below(random, 3) == 0)
        return;
    box[1][0] = (float)between(random, -0.5, 0.5) * box[0][0];
    box[2][0] = (float)between(random, -0.5, 0.5) * box[0][0];
    box[2][1] = (float)between(random, -0.5, 0.5) * box[1][1];
}

/* Moves every atom by up to two box vectors each way. */
static void wrap_at_random(struct asim_random *random, const float box[3][3],
                           double (*x)[3], float (*wrapped)[3], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int n[3];
        for (int k = 0; k < 3; k++)
            n[k] = integer_below(random, 5) - 2;
        for (int k = 0; k < 3; k++)
            wrapped[i][k] =
                (float)(x[i][k] + n[0] * (double)box[0][k] + n[1] * (double)box[1][k] +
                        n[2] * (double)box[2][k]);
    }
}

/* How far d is from the lattice vector nearest to it, by trying them. */
static double off_lattice(const float box[3][3], const double d[3])
{
    double best = INFINITY;
    for (int n = 0; n < 13 * 13 * 13; n++) {
        int i[3] = {n % 13 - 6, n / 13 % 13 - 6, n / 169 - 6};
        double sum = 0.0;
        for (int k = 0; k < 3; k++) {
            double r = d[k] - i[0] * (double)box[0][k] - i[1] * (double)box[1][k] -
                       i[2] * (double)box[2][k];
            sum += r * r;
        }
        best = fmin(best, sqrt(sum));
    }
    return best;
}

/* One molecule as a random tree with some rings; bonds of 0.15 nm. */
static size_t grow_molecule(struct asim_random *random, struct asim_topology *top,
                            unsigned molecule, size_t count, double (*x)[3])
{
    size_t first = top->atom_count;
    for (size_t i = 0; i < count; i++) {
        struct fixture_atom atom = {.name = "C",
                                    .resname = "MOL",
                                    .resid = (int)molecule + 1,
                                    .molecule = molecule};
        fixture_add(top, &atom);
        size_t me = first + i;
        if (i == 0) {
            for (int k = 0; k < 3; k++)
                x[me][k] = between(random, -1.0, 5.0);
            continue;
        }
        int back = integer_below(random, i < 4 ? (int)i : 4) + 1;
        size_t parent = me - (size_t)back;
        double direction[3], norm = 0.0;
        for (int k = 0; k < 3; k++) {
            direction[k] = asim_random_gaussian(random);
            norm += direction[k] * direction[k];
        }
        for (int k = 0; k < 3; k++)
            x[me][k] = x[parent][k] + 0.15 * direction[k] / sqrt(norm);
        if (integer_below(random, 2))
            fixture_bond(top, (unsigned)parent, (unsigned)me);
        else
            fixture_bond(top, (unsigned)me, (unsigned)parent);
        /* A ring of four: the bond between its ends is still short. */
        if (i >= 4 && integer_below(random, 5) == 0)
            fixture_bond(top, (unsigned)me, (unsigned)(me - 1));
    }
    return first;
}

static size_t choose_atoms(struct asim_random *random, size_t count, uint32_t *atoms)
{
    size_t chosen = 0;
    while (chosen == 0)
        for (size_t i = 0; i < count; i++)
            if (integer_below(random, 3) == 0)
                atoms[chosen++] = (uint32_t)i;
    return chosen;
}

static void restores_one_molecule_exactly(void **state)
{
    (void)state;
    static double x[LARGEST][3];
    static float wrapped[LARGEST][3];
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct asim_random random;
        asim_random_seed(&random, seed);
        struct asim_topology top = {0};
        size_t count = 2 + (size_t)integer_below(&random, LARGEST - 2);
        grow_molecule(&random, &top, 0, count, x);
        uint32_t atoms[LARGEST];
        size_t chosen = choose_atoms(&random, count, atoms);
        struct asim_frame frame = {.atom_count = count, .x_nm = wrapped};
        random_box(&random, frame.box_nm);
        struct asim_whole *whole = NULL;
        struct asim_error err = {0};
        assert_int_equal(
            asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, chosen, &whole, &err), 0);
        for (int pass = 0; pass < 2; pass++) {
            wrap_at_random(&random, frame.box_nm, x, wrapped, count);
            if (asim_whole_apply(whole, &frame, &err) < 0)
                fail_msg("seed %lu: %s", (unsigned long)seed, err.text);
            double shift[3];
            for (int k = 0; k < 3; k++)
                shift[k] = (double)wrapped[atoms[0]][k] - x[atoms[0]][k];
            if (off_lattice(frame.box_nm, shift) > 1e-5)
                fail_msg("seed %lu: not moved by a lattice vector",
                         (unsigned long)seed);
            for (size_t i = 0; i < chosen; i++)
                for (int k = 0; k < 3; k++)
                    if (fabs((double)wrapped[atoms[i]][k] - x[atoms[i]][k] - shift[k]) >
                        1e-5)
                        fail_msg("seed %lu: atom %u is %g off", (unsigned long)seed,
                                 atoms[i],
                                 (double)wrapped[atoms[i]][k] - x[atoms[i]][k] -
                                     shift[k]);
        }
        asim_whole_destroy(whole);
        fixture_finish(&top);
    }
}

/* Three compact molecules close to each other stay so, from frame to frame, also when
 * one of them moves by a third of the box later. */
static void keeps_molecules_together(void **state)
{
    (void)state;
    static double x[LARGEST][3];
    static float wrapped[LARGEST][3];
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct asim_random random;
        asim_random_seed(&random, seed);
        struct asim_topology top = {0};
        double centre[3] = {0.0, 0.0, 0.0};
        for (unsigned m = 0; m < 3; m++) {
            size_t first = grow_molecule(&random, &top, m, 12, x);
            for (int k = 0; k < 3; k++) {
                double here = x[first][k];
                centre[k] += between(&random, -0.4, 0.4);
                for (size_t i = first; i < first + 12; i++)
                    x[i][k] += centre[k] - here;
            }
        }
        uint32_t atoms[36];
        for (uint32_t i = 0; i < 36; i++)
            atoms[i] = i;
        struct asim_frame frame = {.atom_count = 36, .x_nm = wrapped};
        random_box(&random, frame.box_nm);
        struct asim_whole *whole = NULL;
        struct asim_error err = {0};
        assert_int_equal(
            asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, 36, &whole, &err), 0);
        for (int pass = 0; pass < 4; pass++) {
            if (pass > 0)
                for (size_t i = 12; i < 24; i++)
                    x[i][0] += 0.1; /* drifts, but less than half a box in all */
            wrap_at_random(&random, frame.box_nm, x, wrapped, 36);
            assert_int_equal(asim_whole_apply(whole, &frame, &err), 0);
            for (size_t i = 1; i < 36; i++)
                for (int k = 0; k < 3; k++) {
                    double off = ((double)wrapped[i][k] - (double)wrapped[0][k]) -
                                 (x[i][k] - x[0][k]);
                    if (fabs(off) > 1e-5)
                        fail_msg("seed %lu pass %d atom %zu: %g off",
                                 (unsigned long)seed, pass, i, off);
                }
        }
        asim_whole_destroy(whole);
        fixture_finish(&top);
    }
}

/* A random rotation: the quaternion of four normal deviates, made of length 1. */
static void random_rotation(struct asim_random *random, double ret[3][3])
{
    double q[4], norm = 0.0;
    for (int i = 0; i < 4; i++) {
        q[i] = asim_random_gaussian(random);
        norm += q[i] * q[i];
    }
    for (int i = 0; i < 3; i++) {
        int j = (i + 1) % 3, k = (i + 2) % 3;
        double w = q[0], a = q[1 + i], b = q[1 + j], c = q[1 + k];
        ret[i][i] = (w * w + a * a - b * b - c * c) / norm;
        ret[i][j] = 2.0 * (a * b - w * c) / norm;
        ret[i][k] = 2.0 * (a * c + w * b) / norm;
    }
}

/* A complex of two chains whose centres are 0.42 of the box apart tumbles: half a turn
 * takes the second chain further from where it lay than half the box. */
static void follows_a_complex_that_tumbles(void **state)
{
    (void)state;
    enum { EACH = 12, ATOMS = 2 * EACH };
    static double x[LARGEST][3], turned[LARGEST][3];
    static float wrapped[LARGEST][3];
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct asim_random random;
        asim_random_seed(&random, seed);
        struct asim_topology top = {0};
        for (unsigned m = 0; m < 2; m++) {
            double centre[3] = {0.0, 0.0, 0.0};
            size_t first = grow_molecule(&random, &top, m, EACH, x);
            for (size_t i = first; i < first + EACH; i++)
                for (int k = 0; k < 3; k++)
                    centre[k] += x[i][k] / EACH;
            for (size_t i = first; i < first + EACH; i++)
                for (int k = 0; k < 3; k++)
                    x[i][k] += (k == 0 ? 2.1 * m : 0.0) - centre[k];
        }
        uint32_t atoms[ATOMS];
        for (uint32_t i = 0; i < ATOMS; i++)
            atoms[i] = i;
        struct asim_frame frame = {.atom_count = ATOMS, .x_nm = wrapped};
        for (int k = 0; k < 3; k++)
            frame.box_nm[k][k] = 5.0f;
        struct asim_whole *whole = NULL;
        struct asim_error err = {0};
        assert_int_equal(
            asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, ATOMS, &whole, &err), 0);
        for (int pass = 0; pass < 10; pass++) {
            double r[3][3];
            random_rotation(&random, r);
            for (size_t i = 0; i < ATOMS; i++)
                for (int k = 0; k < 3; k++)
                    turned[i][k] =
                        r[k][0] * x[i][0] + r[k][1] * x[i][1] + r[k][2] * x[i][2];
            wrap_at_random(&random, frame.box_nm, turned, wrapped, ATOMS);
            assert_int_equal(asim_whole_apply(whole, &frame, &err), 0);
            for (size_t i = 1; i < ATOMS; i++)
                for (int k = 0; k < 3; k++) {
                    double off = ((double)wrapped[i][k] - (double)wrapped[0][k]) -
                                 (turned[i][k] - turned[0][k]);
                    if (fabs(off) > 1e-5)
                        fail_msg("seed %lu pass %d atom %zu: %g off",
                                 (unsigned long)seed, pass, i, off);
                }
        }
        asim_whole_destroy(whole);
        fixture_finish(&top);
    }
}

/* Two molecules of one atom anywhere: no image is nearer than the one chosen, in the
 * first frame; in the next, none is nearer to where the second lay. */
static void chooses_the_nearest_image(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    static const uint32_t atoms[2] = {0, 1};
    for (unsigned m = 0; m < 2; m++) {
        struct fixture_atom atom = {
            .name = "C", .resname = "M", .resid = (int)m + 1, .molecule = m};
        fixture_add(&top, &atom);
    }
    top.has_bonds = true;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct asim_random random;
        asim_random_seed(&random, seed);
        float x[2][3];
        struct asim_frame frame = {.atom_count = 2, .x_nm = x};
        struct asim_whole *whole = NULL;
        struct asim_error err = {0};
        random_box(&random, frame.box_nm);
        assert_int_equal(
            asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, 2, &whole, &err), 0);
        double lay[3] = {0.0, 0.0, 0.0};
        for (int pass = 0; pass < 2; pass++) {
            for (int i = 0; i < 6; i++)
                x[i / 3][i % 3] = (float)between(&random, -5.0, 10.0);
            assert_int_equal(asim_whole_apply(whole, &frame, &err), 0);
            double off[3], chosen = 0.0, best = INFINITY;
            for (int k = 0; k < 3; k++) {
                off[k] = (double)x[1][k] - (double)x[0][k] - lay[k];
                chosen += off[k] * off[k];
            }
            for (int n = 0; n < 7 * 7 * 7; n++) {
                int i[3] = {n % 7 - 3, n / 7 % 7 - 3, n / 49 - 3};
                double sum = 0.0;
                for (int k = 0; k < 3; k++) {
                    double d = off[k] + i[0] * (double)frame.box_nm[0][k] +
                               i[1] * (double)frame.box_nm[1][k] +
                               i[2] * (double)frame.box_nm[2][k];
                    sum += d * d;
                }
                best = fmin(best, sum);
            }
            if (sqrt(chosen) > sqrt(best) + 1e-5)
                fail_msg("seed %lu pass %d: at %g nm, but an image lies at %g nm",
                         (unsigned long)seed, pass, sqrt(chosen), sqrt(best));
            for (int k = 0; k < 3; k++)
                lay[k] = (double)x[1][k] - (double)x[0][k];
        }
        asim_whole_destroy(whole);
    }
    fixture_finish(&top);
}

/* A filament longer than half a box is kept by comparing with every molecule before,
 * and its far end stays on its side in later frames. */
static void keeps_a_long_row_of_molecules(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    uint32_t atoms[5];
    float x[5][3];
    for (unsigned m = 0; m < 5; m++) {
        struct fixture_atom atom = {
            .name = "C", .resname = "M", .resid = (int)m + 1, .molecule = m};
        fixture_add(&top, &atom);
        atoms[m] = m;
    }
    top.has_bonds = true;
    struct asim_whole *whole = NULL;
    struct asim_error err = {0};
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, 5, &whole, &err),
                     0);
    struct asim_frame frame = {.atom_count = 5, .x_nm = x};
    for (int k = 0; k < 3; k++)
        frame.box_nm[k][k] = 5.0f;
    for (int pass = 0; pass < 3; pass++) {
        for (int m = 0; m < 5; m++) {
            x[m][0] = fmodf(4.5f + 0.9f * (float)m, 5.0f);
            x[m][1] = x[m][2] = 1.0f;
        }
        assert_int_equal(asim_whole_apply(whole, &frame, &err), 0);
        for (int m = 1; m < 5; m++)
            assert_float_equal(x[m][0] - x[0][0], 0.9f * (float)m, 1e-5);
    }
    asim_whole_destroy(whole);
    fixture_finish(&top);
}

/* Atoms 0-1-2-3 in a row with a branch 1-4-5, and a second molecule 6-7. */
static void small_topology(struct asim_topology *top)
{
    static const unsigned bonds[][2] = {{0, 1}, {1, 2}, {2, 3}, {1, 4}, {4, 5}, {6, 7}};
    for (int i = 0; i < 8; i++) {
        struct fixture_atom atom = {
            .name = "C", .resname = "M", .resid = i < 6 ? 1 : 2, .molecule = i >= 6};
        fixture_add(top, &atom);
    }
    for (size_t i = 0; i < sizeof bonds / sizeof *bonds; i++)
        fixture_bond(top, bonds[i][0], bonds[i][1]);
}

static void moves_only_atoms_on_the_tree(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    small_topology(&top);
    static const uint32_t atoms[] = {0, 3};
    struct asim_whole *whole = NULL;
    struct asim_error err = {0};
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, 2, &whole, &err),
                     0);
    assert_int_equal(asim_whole_atom_limit(whole), 4);
    float x[8][3] = {{0.1f, 0, 0}, {1.95f, 0, 0}, {1.8f, 0, 0}, {1.65f, 0, 0},
                     {0.2f, 0, 0}, {0.3f, 0, 0},  {1.9f, 0, 0}, {0.1f, 0, 0}};
    struct asim_frame frame = {.atom_count = 8, .x_nm = x};
    for (int k = 0; k < 3; k++)
        frame.box_nm[k][k] = 2.0f;
    assert_int_equal(asim_whole_apply(whole, &frame, &err), 0);
    static const float expected[8] = {0.1f, -0.05f, -0.2f, -0.35f,
                                      0.2f, 0.3f,   1.9f,  0.1f};
    for (int i = 0; i < 8; i++)
        assert_float_equal(x[i][0], expected[i], 1e-6);
    asim_whole_destroy(whole);
    /* The branch is on the tree when its end is selected. */
    static const uint32_t branch[] = {5, 0};
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_WHOLE, branch, 2, &whole, &err),
                     0);
    assert_int_equal(asim_whole_atom_limit(whole), 6);
    asim_whole_destroy(whole);
    fixture_finish(&top);
}

static void leaves_frames_without_a_box_alone(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    small_topology(&top);
    uint32_t atoms[8];
    float x[8][3], before[8][3];
    for (uint32_t i = 0; i < 8; i++) {
        atoms[i] = i;
        for (int k = 0; k < 3; k++)
            x[i][k] = (float)(i * i) * 100.0f - (float)k;
    }
    memcpy(before, x, sizeof x);
    struct asim_whole *whole = NULL;
    struct asim_error err = {0};
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, 8, &whole, &err),
                     0);
    struct asim_frame frame = {.atom_count = 8, .x_nm = x};
    for (int pass = 0; pass < 2; pass++) {
        assert_int_equal(asim_whole_apply(whole, &frame, &err), 0);
        assert_memory_equal(x, before, sizeof x);
    }
    asim_whole_destroy(whole);
    fixture_finish(&top);
}

static void refuses_what_cannot_be_made_whole(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    small_topology(&top);
    static const uint32_t atoms[] = {0, 3, 7}, beyond[] = {8};
    struct asim_whole *whole = NULL;
    struct asim_error err = {0};
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_WHOLE, beyond, 1, &whole, &err),
                     -1);
    assert_non_null(strstr(err.text, "atom 9 is selected but the topology has 8"));
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, 0, &whole, &err),
                     -1);
    top.has_bonds = false;
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, 3, &whole, &err),
                     -1);
    assert_non_null(strstr(err.text, "does not say which atoms are bonded"));
    top.has_bonds = true;
    assert_null(whole);
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, 3, &whole, &err),
                     0);
    assert_int_equal(asim_whole_atom_limit(whole), 8);
    static const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f};
    static const float edges[] = {0.0f, 2.0f};
    for (size_t e = 0; e < 2; e++) {
        for (size_t b = 0; b < (edges[e] > 0 ? 4 : 3); b++) {
            static const int places[] = {0, 2, 6, 7};
            for (size_t p = 0; p < 4; p++) {
                float x[8][3] = {{0}};
                struct asim_frame frame = {.atom_count = 8, .x_nm = x};
                for (int k = 0; k < 3; k++)
                    frame.box_nm[k][k] = edges[e];
                /* 6 is not needed, but it is between nothing: it stays out. */
                x[places[p]][1] = bad[b];
                int rc = asim_whole_apply(whole, &frame, &err);
                assert_int_equal(rc, places[p] == 6 ? 0 : -1);
                if (rc < 0)
                    assert_non_null(strstr(err.text, "not a finite position"));
            }
        }
    }
    float x[8][3] = {{0}};
    struct asim_frame frame = {.atom_count = 7, .x_nm = x};
    assert_int_equal(asim_whole_apply(whole, &frame, &err), -1);
    assert_non_null(
        strstr(err.text, "the frame has 7 atoms but the selection needs 8"));
    frame.atom_count = 8;
    frame.box_nm[0][0] = NAN;
    assert_int_equal(asim_whole_apply(whole, &frame, &err), -1);
    frame.box_nm[0][0] = 2.0f;
    frame.box_nm[0][1] = 1.0f;
    assert_int_equal(asim_whole_apply(whole, &frame, &err), -1);
    assert_non_null(strstr(err.text, "not oriented as GROMACS"));
    asim_whole_destroy(whole);
    asim_whole_destroy(NULL);
    top.bonds[2][1] = 100;
    assert_int_equal(asim_whole_create(&top, ASIM_PBC_WHOLE, atoms, 3, &whole, &err),
                     -1);
    assert_non_null(strstr(err.text, "bond 3 joins atoms 3 and 101"));
    fixture_finish(&top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restores_one_molecule_exactly),
        cmocka_unit_test(keeps_molecules_together),
        cmocka_unit_test(follows_a_complex_that_tumbles),
        cmocka_unit_test(chooses_the_nearest_image),
        cmocka_unit_test(keeps_a_long_row_of_molecules),
        cmocka_unit_test(moves_only_atoms_on_the_tree),
        cmocka_unit_test(leaves_frames_without_a_box_alone),
        cmocka_unit_test(refuses_what_cannot_be_made_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
