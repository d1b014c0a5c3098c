/* What looks broken across the box where no bonds are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "structure/whole.h"
#include "topology_fixture.h"

/* A chain of ten alpha carbons, 0.38 nm apart along x, in a cube of 5 nm. */
static void tells_broken_frames(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    uint32_t atoms[12];
    float x[12][3];
    for (uint32_t i = 0; i < 12; i++) {
        struct fixture_atom atom = {.name = i < 10 ? "CA" : "OW",
                                    .resname = i < 10 ? "GLY" : "SOL",
                                    .resid = (int)i + 1,
                                    .resnum = (int)i + 1};
        fixture_add(&top, &atom);
        atoms[i] = i;
        x[i][0] = 0.5f + 0.38f * (float)i;
        x[i][1] = x[i][2] = 2.0f;
    }
    char why[300];
    struct asim_frame frame = {.atom_count = 12, .x_nm = x};
    for (int k = 0; k < 3; k++)
        frame.box_nm[k][k] = 5.0f;
    assert_false(asim_looks_broken(&top, atoms, 10, &frame, why, sizeof why));
    for (int i = 0; i < 5; i++)
        x[i][0] += 3.0f;
    assert_true(asim_looks_broken(&top, atoms, 10, &frame, why, sizeof why));
    assert_non_null(strstr(why, "atoms 5 and 6 follow each other in a chain"));
    /* Two chains may lie apart; numbers that start again begin a new chain. */
    for (int i = 5; i < 10; i++)
        top.residues[i].resnum = i - 4;
    assert_false(asim_looks_broken(&top, atoms, 10, &frame, why, sizeof why));
    /* Whole in itself, but from face to face. */
    top.residues[9].resnum = 50;
    x[9][0] = 0.05f;
    x[0][0] = 4.95f;
    x[1][0] = 4.5f;
    assert_true(asim_looks_broken(&top, atoms, 10, &frame, why, sizeof why));
    assert_non_null(strstr(why, "span 0.99 of box vector a"));
    memset(frame.box_nm, 0, sizeof frame.box_nm);
    assert_false(asim_looks_broken(&top, atoms, 10, &frame, why, sizeof why));
    /* Neighbouring waters may lie anywhere. */
    frame.box_nm[0][0] = frame.box_nm[1][1] = frame.box_nm[2][2] = 5.0f;
    x[10][1] = 0.2f;
    x[11][1] = 4.5f;
    assert_false(asim_looks_broken(&top, atoms + 10, 2, &frame, why, sizeof why));
    x[4][2] = NAN;
    assert_true(asim_looks_broken(&top, atoms, 10, &frame, why, sizeof why));
    assert_non_null(strstr(why, "the position of atom 5 is not finite"));
    fixture_finish(&top);
}

/* Two chains of three, each whole in every frame: the second one goes through a face.
 */
static void tells_chains_that_jump(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    uint32_t atoms[6];
    float x[6][3] = {{0}};
    for (uint32_t i = 0; i < 6; i++) {
        struct fixture_atom atom = {.name = "CA",
                                    .resname = "GLY",
                                    .chain = i < 3 ? "A" : "B",
                                    .resid = (int)i + 1,
                                    .resnum = (int)i % 3 + 1};
        fixture_add(&top, &atom);
        atoms[i] = i;
    }
    char why[300] = "";
    struct asim_parts parts = {0};
    struct asim_frame frame = {.atom_count = 6, .x_nm = x};
    for (int k = 0; k < 3; k++)
        frame.box_nm[k][k] = 5.0f;
    assert_int_equal(asim_parts_init(&top, atoms, 6, &parts, NULL), 0);
    assert_int_equal(parts.count, 2);
    static const float places[] = {1.0f, 2.0f, 1.0f, 0.2f, 4.8f};
    for (int f = 0; f < 5; f++) {
        for (int i = 0; i < 6; i++)
            x[i][1] = (i < 3 ? 1.5f : places[f]) + 0.1f * (float)(i % 3);
        assert_int_equal(asim_parts_jumped(&parts, &frame, why, sizeof why), f == 4);
    }
    assert_non_null(
        strstr(why, "begins with atom 4 has moved by 0.92 of box vector b"));
    asim_parts_finish(&parts);
    /* All of them together may jump. */
    assert_int_equal(asim_parts_init(&top, atoms, 6, &parts, NULL), 0);
    for (int f = 0; f < 2; f++) {
        for (int i = 0; i < 6; i++)
            x[i][1] += f ? 4.5f : 0.0f;
        assert_false(asim_parts_jumped(&parts, &frame, why, sizeof why));
    }
    asim_parts_finish(&parts);
    fixture_finish(&top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_broken_frames),
        cmocka_unit_test(tells_chains_that_jump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
