/* GRO: names, numbers of any width, several frames, wrapped numbers, cut files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/gro.h"
#include "formats/trajectory_format.h"

static const char two_frames[] =
    "first, t= 1.500 step= 30\n"
    "  3\n"
    "    7ALA      N    1   1.001  -2.002   3.003  0.0001 -0.0002  0.0003\n"
    "    7ALA     CA    2   1.101  -2.102   3.103  1.0000  2.0000  3.0000\n"
    "    8GLY      N    3   1.201  -2.202   3.203  0.0000  0.0000  0.0000\n"
    "   4.00000   5.00000   6.00000\n"
    "second, cat=3 t= 2.500\n"
    "  3\n"
    "    7ALA      N    1   9.001  -2.002   3.003\n"
    "    7ALA     CA    2   9.101  -2.102   3.103\n"
    "    8GLY      N    3   9.201  -2.202   3.203\n"
    "   4.0 5.0 6.0 0.0 0.0 0.5 0.0 0.25 -0.125\n"
    "\n";

static void frames(void **state)
{
    (void)state;
    struct asim_error err;
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    assert_int_equal(
        asim_trajectory_open_memory(two_frames, strlen(two_frames), "m", &traj, &err),
        0);
    assert_string_equal(asim_trajectory_format(traj), "GRO");
    assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
    assert_int_equal(frame.atom_count, 3);
    assert_true(frame.time_ps == 1.5 && frame.step == 30 && frame.precision == 1000);
    assert_true(frame.x_nm[1][0] == 1.101f && frame.x_nm[2][1] == -2.202f);
    assert_true(frame.box_nm[0][0] == 4 && frame.box_nm[2][2] == 6);
    asim_trajectory_limit_atoms(traj, 2);
    assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
    assert_int_equal(frame.atom_count, 2);
    assert_true(frame.time_ps == 2.5 && frame.step == 0 && frame.frame_index == 1);
    assert_true(frame.x_nm[1][0] == 9.101f);
    /* v1x v2y v3z v1y v1z v2x v2z v3x v3y */
    assert_true(frame.box_nm[1][0] == 0.5f && frame.box_nm[2][0] == 0.25f &&
                frame.box_nm[2][1] == -0.125f && frame.box_nm[0][1] == 0);
    assert_int_equal(asim_trajectory_next(traj, &frame, &err), 0);
    size_t count;
    asim_trajectory_damage(traj, &count);
    assert_int_equal(count, 0);
    assert_int_equal(asim_trajectory_seek(traj, 1, &err), 0);
    assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
    assert_true(frame.x_nm[0][0] == 9.001f);
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    size_t first = (size_t)(strstr(two_frames, "second") - two_frames);
    size_t second = strlen(two_frames) - 1;
    for (size_t size = 0; size <= strlen(two_frames); size++) {
        char *copy = malloc(size ? size : 1);
        memcpy(copy, two_frames, size);
        struct asim_error err;
        struct asim_trajectory *traj;
        struct asim_frame frame = {0};
        size_t count = 0, damages = 0;
        if (asim_trajectory_open_memory(copy, size, "m", &traj, &err) == 0) {
            while (asim_trajectory_next(traj, &frame, &err) == 1)
                count++;
            asim_trajectory_damage(traj, &damages);
            asim_trajectory_close(traj);
        } else {
            assert_int_equal(err.status, ASIM_EINPUT);
        }
        /* Whole numbers and boxes may end where the file does. */
        if (size < first - 40)
            assert_int_equal(count, 0);
        if (size > first + 1 && size < second - 60) {
            assert_int_equal(count, 1);
            assert_int_equal(damages, 1);
        }
        if (size >= second) {
            assert_int_equal(count, 2);
            assert_int_equal(damages, 0);
        }
        asim_frame_finish(&frame);
        free(copy);
    }
}

static void more_decimals(void **state)
{
    (void)state;
    static const char text[] =
        "precise\r\n1\r\n"
        "    1SOL     OW    1   1.234567  -2.345678   3.456789\r\n"
        " 1 1 1\r\n";
    struct asim_error err;
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    assert_int_equal(asim_trajectory_open_memory(text, strlen(text), "m", &traj, &err),
                     0);
    assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
    assert_true(frame.x_nm[0][0] == 1.234567f && frame.x_nm[0][1] == -2.345678f &&
                frame.x_nm[0][2] == 3.456789f && frame.precision == 1e6f);
    asim_frame_finish(&frame);
    asim_trajectory_close(traj);
}

static void topology(void **state)
{
    (void)state;
    struct asim_error err;
    struct asim_topology top;
    assert_int_equal(
        asim_gro_parse_topology(two_frames, strlen(two_frames), "m", &top, &err), 0);
    assert_int_equal(top.atom_count, 3);
    assert_int_equal(top.residue_count, 2);
    assert_int_equal(top.residues[1].resid, 8);
    assert_int_equal(top.residues[1].first_atom, 2);
    assert_int_equal(top.residues[0].atom_count, 2);
    assert_string_equal(asim_topology_atom_name(&top, 1), "CA");
    assert_string_equal(asim_topology_residue_name(&top, 2), "GLY");
    assert_int_equal(top.name[0], top.name[2]);
    assert_string_equal(top.strings[0], "");
    assert_string_equal(top.strings[top.residues[0].segment], "");
    assert_false(top.has_bonds);
    assert_null(top.mass_amu);
    asim_topology_finish(&top);
}

/* 200,005 water atoms of one each: both numbers wrap at 100000, twice. */
static void wrapped_numbers(void **state)
{
    (void)state;
    enum { COUNT = 200005 };
    struct asim_error err;
    struct asim_topology top;
    char *text = malloc((size_t)COUNT * 60 + 200), *p = text;
    p += sprintf(p, "water\n%d\n", COUNT);
    for (int i = 1; i <= COUNT; i++)
        p += sprintf(p, "%5d%-5s%5s%5d%8.3f%8.3f%8.3f\n", i % 100000, "W", "W",
                     i % 100000, 0.001 * (i % 1000), 1.0, 2.0);
    p += sprintf(p, " 1 1 1\n");
    assert_int_equal(asim_gro_parse_topology(text, (size_t)(p - text), "m", &top, &err),
                     0);
    assert_int_equal(top.residue_count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(top.residues[i].resid, i + 1);
        assert_int_equal(top.residues[i].resnum, (i + 1) % 100000);
    }
    asim_topology_finish(&top);
    free(text);
}

static void check(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected; /* NULL: whole */
    } rows[] = {
        {"t\n1\n    1SOL     OW    1   1.000   2.000   3.000\n 1 1 1\n", NULL},
        {"t\n0\n 1 1 1\n", NULL},
        {"t\n1\n    1SOL     OW    1   1.000   2.000   3.000\n 1 1 1", "box line"},
        {"t\n1\n    1SOL     OW    1   1.000   2.000   3.000\n 1 1\n", "3 or 9"},
        {"t\n1\n    1SOL     OW    1   1.000   2.000   3.000\n 1 1 nan\n", "3 or 9"},
        {"t\n2\n    1SOL     OW    1   1.000   2.000   3.000\n 1 1 1\n", "line 4"},
        {"t\n1\n    1SOL     OW    1   1.000     nan   3.000\n 1 1 1\n", "line 3"},
        {"t\n1\n    1SOL     OW    1   1.000   2.000   3.000     nan  0.0000  0.0000\n"
         " 1 1 1\n",
         "line 3"},
        {"t\n1\n    1SOL     OW    1   1.000   2.000   3.000\n 1 1 1\nt\n", "goes on"},
        {"", "an empty file"},
        {"t\n99999999999\nx\n", "a text file"},
    };
    char folder[] = "gro-test-XXXXXX";
    struct asim_error err;
    assert_non_null(mkdtemp(folder));
    char *path = asim_path_join(folder, "x.gro", &err);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        size_t count = 12345;
        assert_int_equal(
            asim_file_replace(path, rows[k].text, strlen(rows[k].text), &err), 0);
        int rc = asim_gro_check(path, &count, &err);
        if (rc != (rows[k].expected ? -1 : 0) ||
            (rows[k].expected && (err.status != ASIM_EINPUT || count != 12345 ||
                                  !strstr(err.text, rows[k].expected))))
            fail_msg("row %zu: %d %s", k, rc, rc < 0 ? err.text : "");
    }
    remove(path);
    remove(folder);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),          cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(more_decimals),   cmocka_unit_test(topology),
        cmocka_unit_test(wrapped_numbers), cmocka_unit_test(check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
