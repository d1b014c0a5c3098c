/* Occupancy, temperature factor and alternate location from the columns of a PDB to the
 * atoms that a selection gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <autosim/selection.h>

#include "base/error.h"
#include "formats/pdb.h"

/* Values everywhere, blanks, no number, the end of the line in the middle of one. */
static const char full[] =
    "ATOM      1  N   GLY A   1       1.000   2.000   3.000  1.00 10.00           N\n"
    "ATOM      2  CA AGLY A   1       1.000   2.000   3.000  0.60-20.50           C\n"
    "ATOM      3  CA BGLY A   1       1.000   2.000   3.000  0.40 21.00           C\n"
    "ATOM      4  C   GLY A   1       1.000   2.000   3.000                       C\n"
    "ATOM      5  O   GLY A   1       1.000   2.000   3.000 *****  ****           O\n"
    "ATOM      6  CB 1GLY A   1       1.000   2.000   3.000  0.00100.00\n"
    "ATOM      7  OXT GLY A   1       1.000   2.000   3.000  0.5\n"
    "END\n";
static const char bare[] = "ATOM      1  N   GLY A   1       1.000   2.000   3.000\n"
                           "ATOM      2  CA  GLY A   1       1.000   2.000   3.000\n"
                           "END\n";

static int select_text(const char *pdb, const char *selection, char *text, size_t size,
                       struct asim_error *err)
{
    struct asim_topology top = {0};
    struct asim_atom_list list = {0};
    assert_int_equal(asim_pdb_parse_topology(pdb, strlen(pdb), "test.pdb", &top, err),
                     0);
    int rc = asim_selection_evaluate(&top, selection, NULL, &list, err);
    text[0] = '\0';
    for (size_t i = 0; rc == 0 && i < list.count; i++)
        snprintf(text + strlen(text), size - strlen(text), "%s%u", i ? " " : "",
                 list.index[i]);
    asim_atom_list_finish(&list);
    asim_topology_finish(&top);
    return rc;
}

/* Atom 2 of the topology is the fourth record: location B is left out. */
static void selects_by_columns(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"occupancy 1", "0"},
        {"prop occupancy < 1", "1 4 5"},
        {"occupancy 0:0.6", "1 4 5"},
        {"occupancy 0.6", "1"},
        {"prop occupancy != 1", "1 4 5"},
        {"bfactor > 0", "0 4"},
        {"beta < 0", "1"},
        {"prop abs tempfactor >= 20.5", "1 4"},
        {"tempfactor 100", "4"},
        {"betafactor 9 to 11", "0"},
        {"altLoc A", "1"},
        {"altloc 1", "4"},
        {"altloc ?", "1 4"},
        {"altloc \"\"", "0 2 3 5"},
        {"not altloc B", "0 1 2 3 4 5"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asim_error err = {0};
        char text[100];
        if (select_text(full, rows[i][0], text, sizeof text, &err) < 0)
            fail_msg("'%s': %s", rows[i][0], err.text);
        if (strcmp(text, rows[i][1]) != 0)
            fail_msg("'%s' selects %s, expected %s", rows[i][0], text, rows[i][1]);
    }
}

static void refuses_absent_columns(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"prop occupancy > 0", "no occupancies: give a PDB file that has them"},
        {"bfactor 0:9", "no temperature factors: give a PDB file that has them"},
        {"altLoc A", "no alternate locations: give a PDB file that has them"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asim_error err = {0};
        char text[100];
        assert_int_equal(select_text(bare, rows[i][0], text, sizeof text, &err), -1);
        assert_int_equal(err.status, ASIM_EINPUT);
        if (!strstr(err.text, rows[i][1]))
            fail_msg("'%s' gives: %s", rows[i][0], err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selects_by_columns),
        cmocka_unit_test(refuses_absent_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
