/* Topologies: the format is recognised by content, whatever the file is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <autosim/topology.h>

static char *seed_path(const char *name)
{
    static char path[4096];
    const char *corpus = getenv("AUTOSIM_CORPUS");
    assert_non_null(corpus);
    snprintf(path, sizeof path, "%s/tpr/%s", corpus, name);
    return path;
}

/* A file that has no telling name. */
static int read_text(const char *text, struct asim_topology *top,
                     struct asim_error *err)
{
    char path[64];
    int fd = memfd_create("topology", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = asim_topology_read(path, top, err);
    close(fd);
    return rc;
}

/*
 * Two molecules of 25 atoms, five waters, one more of the first kind, and a bond
 * between molecules (see tpr_systems.py). The residues of a molecule are numbered 1 to
 * 5 in the file; resid goes on through the system.
 */
static void expands_molecules(void **state)
{
    (void)state;
    struct asim_error err = {0};
    struct asim_topology top;
    if (asim_topology_read(seed_path("mixed-single.tpr"), &top, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(top.atom_count, 90);
    assert_int_equal(top.molecule_count, 8);
    assert_int_equal(top.residue_count, 20);
    /* Each MIX: 11 bonds of two atoms and 2 constraints; each SETTLE: 2 O-H bonds; one
     * bond between molecules. */
    assert_int_equal(top.bond_count, 3 * 13 + 5 * 2 + 1);
    for (size_t i = 0; i < top.residue_count; i++) {
        const struct asim_residue *r = &top.residues[i];
        assert_int_equal(r->resid, i + 1);
        assert_int_equal(r->insertion_code, ' ');
        for (size_t a = r->first_atom; a < r->first_atom + r->atom_count; a++)
            assert_int_equal(top.residue[a], i);
    }
    assert_int_equal(top.residues[5].resnum, 1);
    assert_int_equal(top.residues[11].resnum, 1);
    assert_string_equal(top.strings[top.residues[9].name], "VS");
    assert_string_equal(top.strings[top.residues[9].segment], "seg_0_MIX");
    assert_string_equal(top.strings[top.residues[10].segment], "seg_1_SOL");
    assert_string_equal(top.strings[top.residues[19].segment], "seg_2_MIX");
    assert_string_equal(top.strings[top.residues[0].chain], "");
    assert_int_equal(top.molecule[24], 0);
    assert_int_equal(top.molecule[25], 1);
    assert_int_equal(top.molecule[89], 7);
    assert_string_equal(asim_topology_atom_name(&top, 50), "OW");
    assert_int_equal(top.atomic_number[50], 8);
    assert_true(top.mass_amu[51] == 1.0f && top.charge_e[51] == 0.4f);
    /* SETTLE: oxygen to both hydrogens. */
    assert_int_equal(top.bonds[26][0], 50);
    assert_int_equal(top.bonds[26][1], 51);
    assert_int_equal(top.bonds[27][1], 52);
    assert_int_equal(top.bonds[top.bond_count - 1][0], 0);
    assert_int_equal(top.bonds[top.bond_count - 1][1], 25);
    for (size_t i = 0; i < top.string_count; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(top.strings[i], top.strings[k]);
    asim_topology_finish(&top);
    asim_topology_finish(&top); /* harmless on what is finished */
}

/* compressed-x-grps of the ten heavy atoms of alanine dipeptide. */
static void knows_what_is_written(void **state)
{
    (void)state;
    const uint32_t heavy[] = {0, 4, 5, 6, 8, 10, 14, 15, 16, 18};
    struct asim_topology top;
    struct asim_error err = {0};
    if (asim_topology_read(seed_path("alanine-written.tpr"), &top, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(top.written_count, 10);
    assert_memory_equal(top.written, heavy, sizeof heavy);
    asim_topology_finish(&top);
    if (asim_topology_read(seed_path("mixed-single.tpr"), &top, &err) < 0)
        fail_msg("%s", err.text);
    assert_null(top.written);
    asim_topology_finish(&top);
}

static void recognises_gro(void **state)
{
    (void)state;
    /* Titles may begin as files of other formats do. */
    static const char *const titles[] = {"water", "PSF and water", "MODEL 1", ""};
    for (size_t k = 0; k < sizeof titles / sizeof *titles; k++) {
        struct asim_error err = {0};
        struct asim_topology top;
        char gro[300];
        snprintf(gro, sizeof gro,
                 "%s\n    3\n"
                 "    1SOL     OW    1   0.100   0.200   0.300\n"
                 "    1SOL    HW1    2   0.200   0.200   0.300\n"
                 "    1SOL    HW2    3   0.100   0.300   0.300\n"
                 "   1.0 1.0 1.0\n",
                 titles[k]);
        if (read_text(gro, &top, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(top.atom_count, 3);
        assert_string_equal(asim_topology_atom_name(&top, 1), "HW1");
        assert_string_equal(asim_topology_residue_name(&top, 1), "SOL");
        assert_false(top.has_bonds);
        assert_null(top.mass_amu);
        asim_topology_finish(&top);
    }
}

static void refuses_other_files(void **state)
{
    (void)state;
    struct asim_topology top;
    const char *texts[] = {"", "Some words\nof text\n", "\177ELF"};
    for (size_t k = 0; k < 3; k++) {
        struct asim_error err = {0};
        assert_int_equal(read_text(texts[k], &top, &err), -1);
        assert_int_equal(err.status, ASIM_EINPUT);
        assert_non_null(strstr(err.text, "expected a TPR, GRO, PSF or PDB file"));
    }
    struct asim_error err = {0};
    assert_int_equal(asim_topology_read("no/such.tpr", &top, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
    assert_int_equal(asim_topology_read(".", &top, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expands_molecules),
        cmocka_unit_test(knows_what_is_written),
        cmocka_unit_test(recognises_gro),
        cmocka_unit_test(refuses_other_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
