/* The selection language on a topology made by hand: which atoms, which errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <autosim/selection.h>

#include "structure/select.h"
#include "topology_fixture.h"

static struct asim_topology small;

static int set_up(void **state)
{
    (void)state;
    fixture_small(&small);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_finish(&small);
    return 0;
}

static char *write_ndx(const char *content)
{
    static char path[64];
    snprintf(path, sizeof path, "test_selection_%ld.ndx", (long)getpid());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(content, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* "0-4,7" for the atoms 0 1 2 3 4 7; order kept. */
static void list_text(const struct asim_atom_list *list, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->count;) {
        size_t j = i;
        while (j + 1 < list->count && list->index[j + 1] == list->index[j] + 1)
            j++;
        int length = j > i ? snprintf(text + used, size - used, "%s%u-%u", i ? "," : "",
                                      list->index[i], list->index[j])
                           : snprintf(text + used, size - used, "%s%u", i ? "," : "",
                                      list->index[i]);
        assert_true(length > 0 && (size_t)length < size - used);
        used += (size_t)length;
        i = j + 1;
    }
}

static int evaluate(const struct asim_topology *top, const char *text, const char *ndx,
                    struct asim_atom_list *ret_list, struct asim_error *err)
{
    const struct asim_selection_context context = {.ndx_path = ndx};
    return asim_selection_evaluate(top, text, &context, ret_list, err);
}

static void expect_atoms(const char *selection, const char *ndx, const char *expected)
{
    struct asim_atom_list list = {0};
    struct asim_error err = {0};
    char text[200];
    if (evaluate(&small, selection, ndx, &list, &err) < 0)
        fail_msg("'%s': %s", selection, err.text);
    list_text(&list, text, sizeof text);
    if (strcmp(text, expected) != 0)
        fail_msg("'%s' selects %s, expected %s", selection, text, expected);
    asim_atom_list_finish(&list);
}

static void expect_error(const char *selection, const char *ndx, const char *part)
{
    struct asim_atom_list list = {.count = 77};
    struct asim_error err = {0};
    if (evaluate(&small, selection, ndx, &list, &err) == 0)
        fail_msg("'%s' was accepted", selection);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_int_equal(list.count, 77);
    if (!strstr(err.text, part))
        fail_msg("'%s' gives\n%s\nexpected to find\n%s", selection, err.text, part);
}

static void selects_the_right_atoms(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"all", "0-26"},
        {"not none", "0-26"},
        {"protein", "0-14"},
        {"not protein", "15-26"},
        {"NOT protein", "15-26"},
        {"not not protein", "0-14"},
        {"backbone", "0-3,5,7-13"},
        {"nucleic", "15-18"},
        {"nucleicbackbone", "15-16,18"},
        {"nucleicbase", "17"},
        {"water", "19-24"},
        {"ion", "25-26"},
        {"heavy", "0-5,7-19,22,25-26"},
        {"name CA", "1,7,11,26"},
        {"atomname CA", "1,7,11,26"},
        {"protein and name CA", "1,7,11"},
        {"protein AND name CA", "1,7,11"},
        {"name CA and not resname CA", "1,7,11"},
        {"name CA CB N", "0-1,4-5,7,10-11,26"},
        {"name C*", "1-2,4,7-8,11-12,16,26"},
        {"name C?", "1,4,7,11,26"},
        {"name [CN]", "0,2,5,8,10,12"},
        {"name [!H]*", "0-5,7-19,22,25-26"},
        {"name H*", "6,20-21,23-24"},
        {"name *5'", "16,18"},
        {"name C[A-B]", "1,4,7,11,26"},
        {"name \"CA\"", "1,7,11,26"},
        {"resname ALA GLY", "0-9"},
        {"resname S*", "10-14,19-24"},
        {"resid 1", "0-4"},
        {"resid 1:2", "0-9"},
        {"resid 1-2", "0-9"},
        {"resid 1 to 2", "0-9"},
        {"resid 1 - 2", "0-9"},
        {"resid 1- 2", "0-9"},
        {"resid 1 :2", "0-9"},
        {"resid 1: 2", "0-9"},
        {"resid 1 3", "0-4,10-14"},
        {"resid 1:2 4", "0-9,15-18"},
        {"resid -5:1", "0-4"},
        {"resid -5 1", "0-4"},
        {"resid -5 --3 1", "0-4"},
        {"resid 1 1:2 2 1-1", "0-9"},
        {"resid 1:2 2:3", "0-14"},
        {"resid 2:3 1:2 1:1", "0-14"},
        {"resnum 100", "5-9"},
        {"resnum 100A", "10-14"},
        {"resnum 100-100A", "5-14"},
        {"resnum 99:100", "0-9"},
        {"resnum 99 to 101", "0-14"},
        {"resnr 100A", "10-14"},
        {"resnum 100A-100C", "10-14"},
        {"index 0", "0"},
        {"index 0:3 26", "0-3,26"},
        {"index 20 to 1000", "20-26"},
        {"bynum 1", "0"},
        {"serial 1 to 3", "0-2"},
        {"id 0", "0"},
        {"segid PROA", "0-14"},
        {"segid PRO*", "0-14"},
        {"chainID A", "0-14"},
        {"chainid B", "15-18"},
        {"chain A B", "0-18"},
        {"type t6", "1-2,4,7-8,11-12,16"},
        {"element O", "3,9,13-14,18-19,22"},
        {"element Ca", "26"},
        {"element CA NA", "25-26"},
        {"prop mass > 25", "15,26"},
        {"prop mass>25", "15,26"},
        {"prop 25<mass", "15,26"},
        {"prop 25 < mass", "15,26"},
        {"mass > 25", "15,26"},
        {"mass 1.008", "6,20-21,23-24"},
        {"mass 20 to 35", "15,25"},
        {"mass 20:35", "15,25"},
        {"prop mass == 1.008", "6,20-21,23-24"},
        {"prop mass != 1.008", "0-5,7-19,22,25-26"},
        {"prop charge < 0", "3,9,13-14,18-19,22"},
        {"prop abs charge >= 0.5", "3,9,13-14,18-19,22,25-26"},
        {"charge -0.6 to -0.4", "3,9,13-14,18-19,22"},
        {"charge -0.6--0.4", "3,9,13-14,18-19,22"},
        {"(protein)", "0-14"},
        {"((protein)and(name CA))", "1,7,11"},
        {"protein and (name CA or name CB)", "1,4,7,11"},
        {"(protein and name CA) or name CB", "1,4,7,11"},
        {"not (protein or water)", "15-18,25-26"},
        {"not protein and not water", "15-18,25-26"},
        {"protein and backbone and name N", "0,5,10"},
        {"resid 1 or resid 2 or resid 3", "0-14"},
        {"  protein\n\tand\r\nname   CA ", "1,7,11"},
        {"protein and (name CA or (resname SER and (name OG or name N)))",
         "1,7,10-11,14"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_atoms(rows[i][0], NULL, rows[i][1]);
}

static void explains_what_is_wrong(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "the selection is empty"},
        {"   ", "the selection is empty"},
        {"protien", "unknown keyword 'protien': did you mean 'protein'?\n"
                    "  protien\n"
                    "  ^~~~~~~"},
        {"protein and nam CA", "did you mean 'name'?\n"
                               "  protein and nam CA\n"
                               "              ^~~"},
        {"Protein", "did you mean 'protein'"},
        {"foobarbaz", "expected one such as name"},
        {"name", "expected a name after 'name'"},
        {"name and resid 1", "expected a name after 'name' (quote it where it is a "
                             "keyword)\n"
                             "  name and resid 1\n"
                             "       ^~~"},
        {"protein and", "the selection ends too early: expected a keyword here\n"
                        "  protein and\n"
                        "             ^"},
        {"and protein", "expected a keyword before 'and'"},
        {"(protein", "this parenthesis is not closed\n  (protein\n  ^"},
        {"protein)", "this parenthesis was never opened\n  protein)\n         ^"},
        {"()", "expected a keyword before this parenthesis"},
        {"protein name CA", "expected 'and' or 'or' before 'name'\n"
                            "  protein name CA\n"
                            "          ^~~~"},
        {"protein adn name CA", "did you mean 'and'?"},
        {"name CA adn resid 1", "did you mean 'and' for 'adn'?"},
        {"resid x", "expected residue numbers"},
        {"resid 1,2", "separated by blanks"},
        {"resid 1:", "expected residue numbers"},
        {"resid 99999999999", "expected residue numbers"},
        {"resid 5:1", "this range runs backwards"},
        {"index 1.5", "expected whole numbers"},
        {"index 5A", "expected whole numbers"},
        {"mass x", "expected numbers"},
        {"mass nan", "expected numbers"},
        {"prop mass", "expected one of < <="},
        {"prop mass > x", "expected a number here"},
        {"prop x > 5A", "this asks for positions, which are not at hand: give a "
                        "trajectory, or a TPR, GRO or PDB file\n"
                        "  prop x > 5A\n"
                        "  ^~~~~~~~~~~"},
        {"prop radius > 5",
         "expected mass, charge, occupancy, bfactor, x, y or z after prop"},
        {"name CA > 5", "comparisons are understood for numbers"},
        {"smarts C",
         "'smarts' is not supported in selections: use gmx select or MDAnalysis to "
         "write an .ndx group\n"
         "  smarts C\n"
         "  ^~~~~~"},
        {"around 5A protein", "this asks for positions"},
        {"name CA around 5", "expected 'and' or 'or' before 'around'"},
        {"sidechain", "write: protein and not backbone"},
        {"resindex 4", "MDAnalysis counts residues from 0 here, GROMACS from 1"},
        {"name \"CA", "this quote is not closed"},
        {"group \"X\"", "no index file was given for group 'X'"},
        {"name C\x01 X", "name C? X"},
        {"name \xff\xfe and", "name ?? and"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_error(rows[i][0], NULL, rows[i][1]);
}

static void refuses_mixed_and_or(void **state)
{
    (void)state;
    /* 6 waters' atoms; 4 atoms CA, of which 3 of protein: left to right, the CA among
     * water and protein are 3; and first, 6 + 3. */
    expect_error("resname SOL or protein and name CA", NULL,
                 "mixed without parentheses; write one of\n"
                 "  (resname SOL or protein) and name CA: 3 atoms (as MDAnalysis reads "
                 "it)\n"
                 "  resname SOL or (protein and name CA): 9 atoms (as GROMACS and VMD "
                 "read it)\n"
                 "  resname SOL or protein and name CA\n"
                 "                         ^~~");
    expect_error("protein and name CA or name CB", NULL,
                 "  (protein and name CA) or name CB: 4 atoms (as MDAnalysis, GROMACS "
                 "and VMD read it)\n"
                 "  protein and (name CA or name CB): 4 atoms (as it may be meant)");
    expect_error("water or name CA and not (protein or resname CA) or ion and all",
                 NULL,
                 "  (((water or name CA) and not (protein or resname CA)) or ion) and "
                 "all: 8 atoms");
    expect_error("water or name CA and not (protein or resname CA) or ion and all",
                 NULL,
                 "  water or (name CA and not (protein or resname CA)) or (ion and "
                 "all): 8 atoms");
    /* The mix may sit deeper. */
    expect_error("all and (water or protein and name CA)", NULL,
                 "  all and ((water or protein) and name CA): 3 atoms");
    expect_error("all and (water or protein and name CA)", NULL,
                 "  all and (water or (protein and name CA)): 9 atoms");
}

static void counts_the_clauses_of_nothing(void **state)
{
    (void)state;
    expect_error("protein and name CX", NULL,
                 "the selection 'protein and name CX' selects no atom: protein: 15 "
                 "atoms; name CX: 0 atoms <- empty (did you mean 'CA'?)");
    expect_error("resname SOL and name CA", NULL,
                 "resname SOL: 6 atoms; name CA: 4 atoms; no atom fits them together");
    expect_error("resname ALAA", NULL, "did you mean 'ALA'");
    expect_error("resid 500", NULL, "resid 500: 0 atoms <- empty");
    expect_error("not all", NULL, "not all: 0 atoms <- empty");
    expect_error("name ca", NULL, "did you mean 'CA'");
    expect_error("id 27", NULL, "id 27: 0 atoms");
    expect_error("element Xx", NULL, "element Xx: 0 atoms");
}

static void reads_groups(void **state)
{
    (void)state;
    const char *ndx = write_ndx("; made by hand\n"
                                "[ System ]\n"
                                "1 2 3\n 4   5 ; the first ones\n"
                                "[ odd order ]\n"
                                "7 3 1\n"
                                "[ high ]\n28\n"
                                "[ twice ]\n5 5\n"
                                "[ same ]\n1 2\n[ same ]\n1 2\n"
                                "[ other ]\n1 2\n[ other ]\n1 3\n"
                                "[ empty ]\n");
    expect_atoms("group System", ndx, "0-4");
    expect_atoms("group \"System\"", ndx, "0-4");
    expect_atoms("group \"odd order\"", ndx, "6,2,0");
    expect_atoms("group \"odd order\" and all", ndx, "0,2,6");
    expect_atoms("(group \"odd order\")", ndx, "6,2,0");
    expect_atoms("group System and name CA", ndx, "1");
    expect_atoms("not group System and protein", ndx, "5-14");
    expect_atoms("group same", ndx, "0-1");
    expect_error("group Sytem", ndx,
                 "has no group 'Sytem': did you mean 'System'?; it has 'System', "
                 "'odd order', 'high'");
    expect_error("group odd", ndx, "did you mean 'odd order'?");
    expect_error("group high", ndx, "line 7) holds atom 28 but the topology has 27");
    expect_error("group twice", ndx, "holds atom 5 twice");
    expect_atoms("group twice or none", ndx, "4");
    expect_error("group other", ndx,
                 "two different groups 'other', on lines 15 and 17");
    expect_error("group empty", ndx, "group empty: 0 atoms <- empty");
    expect_error("group System protein", ndx,
                 "expected 'and' or 'or' before 'protein'");
    unlink(ndx);
    struct asim_atom_list list = {0};
    struct asim_error err = {0};
    assert_int_equal(evaluate(&small, "group A", ndx, &list, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
    assert_non_null(strstr(err.text, ndx));
    expect_error("group A", write_ndx("[ A \n1\n"), "line 1: a group header must end");
    expect_error("group A", write_ndx("1 2\n"), "line 1: expected a group header");
    expect_error("group A", write_ndx("[ A ]\n1 x\n"), "line 2, column 3: expected an");
    expect_error("group A", write_ndx("[ A ]\n0\n"), "line 2, column 1: expected an");
    expect_error("group A", write_ndx("[ A ]\n-1\n"), "line 2, column 1: expected an");
    expect_error("group A", write_ndx("[ A ]\n4294967296\n"), "line 2, column 1");
    expect_error("group A", write_ndx("[ ]\n1\n"), "line 1: a group without a name");
    expect_error("group A", write_ndx("\n; nothing\n"), "holds no group");
    unlink(ndx);
}

static void bounds_nesting_and_length(void **state)
{
    (void)state;
    char text[1000] = "";
    for (int i = 0; i < ASIM_SELECT_MAX_DEPTH; i++)
        strcat(text, "(");
    strcat(text, "all");
    for (int i = 0; i < ASIM_SELECT_MAX_DEPTH; i++)
        strcat(text, ")");
    expect_atoms(text, NULL, "0-26");
    for (int i = 0; i <= ASIM_SELECT_MAX_DEPTH; i++)
        text[i] = '(';
    expect_error(text, NULL, "parentheses nest deeper than 100");
    size_t size = (size_t)ASIM_SELECT_MAX_TEXT + 2;
    char *deep = malloc(size);
    assert_non_null(deep);
    memset(deep, '(', size - 2);
    deep[size - 2] = '\0';
    expect_error(deep, NULL, "parentheses nest deeper than 100");
    for (size_t i = 0; i + 4 < size; i += 4)
        memcpy(deep + i, "not ", 5);
    expect_error(deep, NULL, "the selection ends too early");
    memset(deep, 'x', size - 1);
    deep[size - 1] = '\0';
    expect_error(deep, NULL, "the selection is longer than 1048576 bytes");
    free(deep);
}

static void default_selection_follows_what_there_is(void **state)
{
    (void)state;
    struct asim_atom_list list = {0};
    struct asim_error err = {0};
    char text[100], atoms[200];
    /* 3 alpha carbons are too few. */
    assert_int_equal(
        asim_selection_default(&small, NULL, &list, text, sizeof text, &err), 0);
    assert_string_equal(text, "heavy and (protein or nucleic)");
    list_text(&list, atoms, sizeof atoms);
    assert_string_equal(atoms, "0-5,7-18");
    asim_atom_list_finish(&list);

    struct asim_topology top = {0};
    for (int i = 0; i < 10; i++) {
        struct fixture_atom atom = {.name = "CA",
                                    .resname = "GLY",
                                    .resid = i + 1,
                                    .resnum = i + 1,
                                    .atomic_number = 6,
                                    .mass = 12.011f};
        fixture_add(&top, &atom);
        atom = (struct fixture_atom){.name = "N",
                                     .resname = "GLY",
                                     .resid = i + 1,
                                     .resnum = i + 1,
                                     .atomic_number = 7,
                                     .mass = 14.007f};
        fixture_add(&top, &atom);
    }
    assert_int_equal(asim_selection_default(&top, NULL, &list, text, sizeof text, &err),
                     0);
    assert_string_equal(text, "protein and name CA");
    assert_int_equal(list.count, 10);
    asim_atom_list_finish(&list);
    fixture_finish(&top);

    /* A solute of unknown residue, elements and masses known; a lone charged atom of
     * unknown name; a massless site. */
    static const struct fixture_atom solute[] = {
        {.name = "C1", .resname = "LIG", .resid = 1, .atomic_number = 6, .mass = 12.0f},
        {.name = "H1", .resname = "LIG", .resid = 1, .atomic_number = 1, .mass = 1.0f},
        {.name = "B", .resname = "LIG", .resid = 1, .mass = 72.0f},
        {.name = "M", .resname = "LIG", .resid = 1, .mass = 0.0f},
        {.name = "OW", .resname = "SOL", .resid = 2, .molecule = 1, .atomic_number = 8},
        {.name = "Q",
         .resname = "Q",
         .resid = 3,
         .molecule = 2,
         .mass = 9,
         .charge = 1},
        {.name = "AR", .resname = "AR", .resid = 4, .molecule = 3, .mass = 39},
    };
    for (size_t i = 0; i < sizeof solute / sizeof *solute; i++)
        fixture_add(&top, &solute[i]);
    assert_int_equal(asim_selection_default(&top, NULL, &list, text, sizeof text, &err),
                     0);
    assert_string_equal(text, "heavy and not (water or ion)");
    list_text(&list, atoms, sizeof atoms);
    assert_string_equal(atoms, "0,2,6");
    asim_atom_list_finish(&list);
    fixture_finish(&top);

    static const struct fixture_atom water = {
        .name = "OW", .resname = "SOL", .resid = 1, .atomic_number = 8};
    fixture_add(&top, &water);
    assert_int_equal(asim_selection_default(&top, NULL, &list, text, sizeof text, &err),
                     -1);
    assert_non_null(strstr(err.text, "no atom but water"));
    fixture_finish(&top);
}

static void heavy_atoms_by_name_where_nothing_else_is_known(void **state)
{
    (void)state;
    struct asim_topology top = {0};
    static const char *const names[] = {"CA", "HA", "1HB", "12H", "O", "NH1", "C1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fixture_atom atom = {.name = names[i], .resname = "X", .resid = 1};
        fixture_add(&top, &atom);
    }
    free(top.mass_amu);
    free(top.charge_e);
    top.mass_amu = top.charge_e = NULL;
    struct asim_atom_list list = {0};
    struct asim_error err = {0};
    char atoms[100];
    assert_int_equal(asim_selection_evaluate(&top, "heavy", NULL, &list, &err), 0);
    list_text(&list, atoms, sizeof atoms);
    assert_string_equal(atoms, "0,4-6");
    asim_atom_list_finish(&list);
    /* Without masses the file is one whose atoms are numbered from 1. */
    assert_int_equal(asim_selection_evaluate(&top, "id 1", NULL, &list, &err), 0);
    assert_int_equal(list.index[0], 0);
    asim_atom_list_finish(&list);
    assert_int_equal(asim_selection_evaluate(&top, "mass > 2", NULL, &list, &err), -1);
    assert_non_null(strstr(err.text, "no masses: give a TPR file"));
    fixture_finish(&top);
}

/* Where resid is the file's own number, the insertion code belongs to it. */
static void insertion_codes_order_residues(void **state)
{
    (void)state;
    static const struct {
        int resid;
        char code;
    } residues[] = {{99, 0}, {100, 0}, {100, 'A'}, {100, 'B'}, {101, 0}, {101, 'A'}};
    static const char *const rows[][2] = {
        {"resid 100", "1"},
        {"resid 100A", "2"},
        {"resid 99:100", "0-1"},
        {"resid 100:101", "1-4"},
        {"resid 100A:101", "2-4"},
        {"resid 100A-100B", "2-3"},
        {"resid 100A to 101A", "2-5"},
        {"resid 99 101A", "0,5"},
    };
    struct asim_topology top = {0};
    for (size_t i = 0; i < sizeof residues / sizeof *residues; i++) {
        struct fixture_atom atom = {.name = "CA",
                                    .resname = "GLY",
                                    .resid = residues[i].resid,
                                    .resnum = residues[i].resid,
                                    .insertion_code = residues[i].code};
        fixture_add(&top, &atom);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asim_atom_list list = {0};
        char text[100];
        assert_int_equal(asim_selection_evaluate(&top, rows[i][0], NULL, &list, NULL),
                         0);
        list_text(&list, text, sizeof text);
        if (strcmp(text, rows[i][1]) != 0)
            fail_msg("'%s' selects %s, expected %s", rows[i][0], text, rows[i][1]);
        asim_atom_list_finish(&list);
    }
    fixture_finish(&top);
}

static void tells_calcium_from_alpha_carbon(void **state)
{
    (void)state;
    struct asim_atom_list list = {0};
    char why[200] = "";
    assert_int_equal(asim_selection_evaluate(&small, "name CA", NULL, &list, NULL), 0);
    assert_true(asim_selection_calcium(&small, &list, why, sizeof why));
    assert_non_null(strstr(why, "1 calcium ion besides 3 alpha carbons"));
    asim_atom_list_finish(&list);
    assert_int_equal(
        asim_selection_evaluate(&small, "protein and name CA", NULL, &list, NULL), 0);
    assert_false(asim_selection_calcium(&small, &list, why, sizeof why));
    asim_atom_list_finish(&list);
}

static void matches_like_file_names(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool match;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"a*c", "abbc", true},
        {"a*c", "abb", false},
        {"a*b*c", "aXbYbZc", true},
        {"?", "", false},
        {"?", "a", true},
        {"[ab]", "b", true},
        {"[ab]", "c", false},
        {"[!ab]", "c", true},
        {"[!ab]", "a", false},
        {"[a-c]x", "bx", true},
        {"[]]", "]", true},
        {"[!]]", "]", false},
        {"[ab", "[ab", true},
        {"[", "[", true},
        {"[a-]", "-", true},
        {"**a", "ba", true},
        {"*a*a*a*b", "aaaaaaaa", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (asim_select_matches(rows[i].pattern, rows[i].text) != rows[i].match)
            fail_msg("'%s' against '%s'", rows[i].pattern, rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selects_the_right_atoms),
        cmocka_unit_test(explains_what_is_wrong),
        cmocka_unit_test(refuses_mixed_and_or),
        cmocka_unit_test(counts_the_clauses_of_nothing),
        cmocka_unit_test(reads_groups),
        cmocka_unit_test(bounds_nesting_and_length),
        cmocka_unit_test(default_selection_follows_what_there_is),
        cmocka_unit_test(heavy_atoms_by_name_where_nothing_else_is_known),
        cmocka_unit_test(insertion_codes_order_residues),
        cmocka_unit_test(tells_calcium_from_alpha_carbon),
        cmocka_unit_test(matches_like_file_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
