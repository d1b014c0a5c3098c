/* Operators and clauses that ask for positions or bonds, on a system made by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <autosim/selection.h>

#include "structure/residue_names.h"
#include "topology_fixture.h"

/*
 * fixture_small with atom i at x = 0.1 i nm, y = z = 0.5 nm, in a box of 2.8 x 4 x 5
 * nm: atom 26 (CA) is 0.2 nm from atom 0 through the face of the box, 25 0.3 nm.
 */
static struct asim_topology top;
static float x[27][3];
static struct asim_frame frame = {
    .atom_count = 27, .x_nm = x, .box_nm = {{2.8f, 0, 0}, {0, 4, 0}, {0, 0, 5}}};

static int set_up(void **state)
{
    (void)state;
    fixture_small(&top);
    for (int i = 0; i < 27; i++) {
        x[i][0] = 0.1f * (float)i;
        x[i][1] = x[i][2] = 0.5f;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_finish(&top);
    return 0;
}

static void list_text(const struct asim_atom_list *list, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%u", i ? " " : "",
                                 list->index[i]);
}

static void expect_atoms(const char *selection, const char *residues,
                         const char *expected)
{
    const struct asim_selection_context context = {.frame = &frame,
                                                   .residues = residues};
    struct asim_atom_list list = {0};
    struct asim_error err = {0};
    char text[200];
    if (asim_selection_evaluate(&top, selection, &context, &list, &err) < 0)
        fail_msg("'%s': %s", selection, err.text);
    list_text(&list, text, sizeof text);
    if (strcmp(text, expected) != 0)
        fail_msg("'%s' selects %s, expected %s", selection, text, expected);
    asim_atom_list_finish(&list);
}

static void expect_error(const char *selection, const char *residues, const char *part)
{
    const struct asim_selection_context context = {.frame = &frame,
                                                   .residues = residues};
    struct asim_atom_list list = {.count = 77};
    struct asim_error err = {0};
    if (asim_selection_evaluate(&top, selection, &context, &list, &err) == 0)
        fail_msg("'%s' was accepted", selection);
    assert_int_equal(list.count, 77);
    if (!strstr(err.text, part))
        fail_msg("'%s' gives\n%s\nexpected to find\n%s", selection, err.text, part);
}

static void measures_distances(void **state)
{
    (void)state;
    expect_atoms("around 2.5A index 0", NULL, "1 2 26");
    expect_atoms("around 0.25nm index 0", NULL, "1 2 26");
    expect_atoms("around 2.5 A index 0", NULL, "1 2 26");
    expect_atoms("around 2.5\xc3\x85 index 0", NULL, "1 2 26");
    expect_atoms("within 2.5A of index 0", NULL, "0 1 2 26");
    expect_atoms("pbwithin 2.5A of index 0", NULL, "0 1 2 26");
    expect_atoms("exwithin 2.5A of index 0", NULL, "1 2 26");
    /* A distance that equals the limit is inside. */
    expect_atoms("around 2A index 10", NULL, "8 9 11 12");
    expect_atoms("around 0.3nm (index 0 1)", NULL, "2 3 4 25 26");
    expect_atoms("isolayer 1.5A 3.5A index 10", NULL, "7 8 12 13");
    expect_atoms("byres around 1.5A index 22", NULL, "19 20 21 22 23 24");
    expect_atoms("not around 100A index 0", NULL, "0");
    expect_atoms("within 0 of index 3", NULL, "3");
    expect_atoms("sphzone 1.2A index 10 12", NULL, "10 11 12");
    expect_atoms("sphlayer 0.5A 1.2A index 10 12", NULL, "10 12");
    expect_atoms("point 10A 5A 5A 1.2A", NULL, "9 10 11");
    expect_atoms("point 1nm 5A 45A 1.2nm", NULL, "4 5 6 7 8 9 10 11 12 13 14 15 16");
    expect_atoms("cyzone 1.2A 1A -1A index 10", NULL, "9 10 11");
    expect_atoms("cylayer 0.5A 1.2A 1A -1A index 10", NULL, "9 11");
    expect_atoms("prop x < 2.5A", NULL, "0 1 2");
    expect_atoms("prop x <= 0.2nm", NULL, "0 1 2");
    expect_atoms("prop 0.2nm >= x", NULL, "0 1 2");
    expect_atoms("prop 2 A >= x", NULL, "0 1 2");
    expect_atoms("x>2.45nm", NULL, "25 26");
    expect_atoms("prop abs z > 0 and prop x > 25.5A", NULL, "26");
    expect_atoms("global index 3", NULL, "3");
}

static void follows_what_atoms_share(void **state)
{
    (void)state;
    expect_atoms("byres name CB", NULL, "0 1 2 3 4");
    expect_atoms("same residue as name OG", NULL, "10 11 12 13 14");
    expect_atoms("same resname as index 19", NULL, "19 20 21 22 23 24");
    expect_atoms("same name as index 4", NULL, "4");
    expect_atoms("same chain as name P", NULL, "15 16 17 18");
    expect_atoms("same segid as name P", NULL, "15 16 17 18");
    expect_atoms("same molecule as name OG", NULL,
                 "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14");
    expect_atoms("same fragment as index 22", NULL, "22 23 24");
    expect_atoms("same mass as name HW1", NULL, "6 20 21 23 24");
    expect_atoms("same element as name OG", NULL, "3 9 13 14 18 19 22");
    expect_atoms("bonded index 19", NULL, "20 21");
    expect_atoms("bonded index 20", NULL, "19");
    expect_atoms("molnum 3 5", NULL, "22 23 24 26");
    expect_atoms("atom PROA 2 CA", NULL, "7");
    expect_atoms("resid > 6", NULL, "25 26");
    expect_atoms("resid >= 7 and resid != 8", NULL, "25");
    expect_atoms("protein and resnum <= 99", NULL, "0 1 2 3 4");
    expect_atoms("index < 2", NULL, "0 1");
}

static void asks_what_is_meant(void **state)
{
    (void)state;
    expect_error("around 2.5 index 0", NULL,
                 "a length needs a unit; write one of\n"
                 "  around 2.5A index 0: 3 atoms (Angstrom, as MDAnalysis and VMD have "
                 "it)\n"
                 "  around 2.5nm index 0: 26 atoms (nm, as GROMACS has it)\n"
                 "  around 2.5 index 0\n"
                 "         ^~~");
    expect_error("prop x > 5", NULL, "prop x > 5A: 21 atoms");
    expect_error(
        "cyzone 5 1 -1 index 10", NULL,
        "cyzone 5nm 1nm -1nm index 10: not in this box (nm, as GROMACS has it)");
    expect_error("around 2.5A index 0 and name CA", NULL,
                 "needs parentheses; write one of\n"
                 "  around 2.5A (index 0 and name CA): 0 atoms (as MDAnalysis and "
                 "GROMACS read it)\n"
                 "  (around 2.5A index 0) and name CA: 2 atoms (as it may be meant)\n"
                 "  around 2.5A index 0 and name CA\n"
                 "                      ^~~");
    expect_error(
        "name P or around 2 index 0 and name CA or name N", NULL,
        "  name P or around 2A ((index 0 and name CA) or name N): 12 atoms (as "
        "MDAnalysis reads it)\n"
        "  name P or around 2nm ((index 0 and name CA) or name N): 24 atoms (as "
        "GROMACS reads it)\n"
        "  name P or ((around 2A index 0) and name CA) or name N: 6 atoms (as it "
        "may be meant)");
    expect_error(
        "byres name CB or name P", NULL,
        "  byres (name CB or name P): 9 atoms (as MDAnalysis and GROMACS read");
    expect_error("not byres name CB and name P", NULL,
                 "  not byres (name CB and name P)");
    /* Parentheses and the end of the text leave nothing to ask. */
    expect_atoms("(around 2.5A index 0) and name CA", NULL, "1 26");
    expect_atoms("name CA and around 2.5A index 0", NULL, "1 26");
    expect_atoms("global protein and name OG", NULL, "14");
}

static void explains_what_is_wrong(void **state)
{
    (void)state;
    expect_error("around index 0", NULL, "expected a length such as 5A or 0.5nm here");
    expect_error("around -5A index 0", NULL, "a distance cannot be negative");
    expect_error("around 5B index 0", NULL, "expected a length such as 5A");
    expect_error("within 5A index 0", NULL, "expected 'of' here");
    expect_error("sphlayer 5A 3A index 0", NULL, "the inner radius comes first");
    expect_error("cyzone 5A -1A 1A index 0", NULL, "the upper height comes first");
    expect_error("same colour as index 0", NULL, "expected what the atoms share");
    expect_error("same residu as index 0", NULL, "did you mean 'residue'?");
    expect_error("same residue index 0", NULL, "expected 'as' here");
    expect_error("byres", NULL, "the selection ends too early");
    expect_error("around 5A", NULL, "the selection ends too early");
    expect_error("atom PROA x CA", NULL, "expected residue numbers");
    expect_error("point 1A 1A 1A", NULL, "expected a length such as 5A");
    expect_error("resid > x", NULL, "expected a whole number");
    expect_error("around 2A resname LIG", NULL,
                 "resname LIG: 0 atoms <- empty; around 2A resname LIG: 0 atoms");
    float kept = x[5][1];
    x[5][1] = (float)NAN;
    expect_error("around 2A index 0", NULL, "is not finite");
    x[5][1] = kept;
    frame.atom_count = 26;
    expect_error(
        "around 2A index 0", NULL,
        "the topology has 27 atoms but the frame whose positions the selection "
        "asks for has 26");
    frame.atom_count = 27;
    top.has_bonds = false;
    expect_error("bonded index 0", NULL, "does not say what is bonded");
    expect_error("same fragment as index 0", NULL, "does not say what is bonded");
    top.has_bonds = true;
    struct asim_atom_list list;
    struct asim_error err = {0};
    assert_int_equal(asim_selection_evaluate(&top, "around 2A all", NULL, &list, &err),
                     -1);
    assert_non_null(strstr(err.text, "this asks for positions, which are not at hand"));
}

static void bounds_the_readings(void **state)
{
    (void)state;
    static char text[400000];
    size_t used = 0;
    for (int i = 0; i < 3000; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "around 1A index 0 and name CA or ");
    snprintf(text + used, sizeof text - used, "all");
    expect_error(text, NULL, "needs parentheses here");
    used = 0;
    for (int i = 0; i < 200; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "byres ");
    snprintf(text + used, sizeof text - used, "all");
    expect_error(text, NULL, "operators nest deeper than 100");
}

static void takes_names_of_residues(void **state)
{
    (void)state;
    expect_atoms("protein", "protein:DA",
                 "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18");
    expect_atoms("protein", "other:GLY,SER", "0 1 2 3 4");
    expect_atoms("nucleic", "protein:DA;nucleic:SER", "10 11 12 13 14");
    expect_atoms("water", "water:NA nucleic:ALA", "19 20 21 22 23 24 25");
    expect_error("all", "protien:X", "did you mean 'protein'?");
    expect_error("all", "protein:", "expected names behind the colon");
    expect_error("all", "protein:A,,B", "expected names behind the colon");
    expect_error("all", "protein:A;water:A", "residue 'A' is given two kinds");
    expect_error("all", "no-such-file", "or the name of a file");
    char path[64];
    snprintf(path, sizeof path, "test_positions_%ld.dat", (long)getpid());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("; as residuetypes.dat\nDA\tProtein\nALA RNA\nXYZ Lipid\n\n", file);
    assert_int_equal(fclose(file), 0);
    expect_atoms("nucleic", path, "0 1 2 3 4");
    unlink(path);
    struct asim_residue_lists lists;
    struct asim_error err = {0};
    static const char *const wrong[][2] = {
        {"A Protein\nB\n", "line 2: expected the name of a residue and its type"},
        {"A Protein x\n", "line 1: expected"},
        {"A Protien\n", "did you mean 'protein'?"},
        {"A Water\nA Ion\n", "'A' is given two kinds"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(asim_residue_lists_parse(wrong[i][0], strlen(wrong[i][0]),
                                                  "made", &lists, &err),
                         -1);
        assert_non_null(strstr(err.text, wrong[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_distances),
        cmocka_unit_test(follows_what_atoms_share),
        cmocka_unit_test(asks_what_is_meant),
        cmocka_unit_test(explains_what_is_wrong),
        cmocka_unit_test(bounds_the_readings),
        cmocka_unit_test(takes_names_of_residues),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
