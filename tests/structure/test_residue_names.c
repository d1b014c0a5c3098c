/* The lists of residue names: in the order that the binary search needs, and complete
 * in what users meet most. Includes the source to see the lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/element.h"
#include "structure/residue_names.c"

static void check_order(const char *const *names, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) >= 0)
            fail_msg("'%s' stands before '%s'", names[i - 1], names[i]);
}

static void lists_are_in_order(void **state)
{
    (void)state;
    check_order(protein_names, LENGTH(protein_names));
    check_order(nucleic_names, LENGTH(nucleic_names));
    check_order(water_names, LENGTH(water_names));
    check_order(ion_names, LENGTH(ion_names));
}

static void common_names_are_known(void **state)
{
    (void)state;
    static const struct {
        enum asim_residue_kind kind;
        const char *names[24];
    } rows[] = {
        {ASIM_RESIDUE_PROTEIN, {"ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY",
                                "HIS", "ILE", "LEU", "LYS", "MET", "PHE", "PRO", "SER",
                                "THR", "TRP", "TYR", "VAL", "HSD", "HIE", "CYX", NULL}},
        {ASIM_RESIDUE_NUCLEIC,
         {"DA", "DC", "DG", "DT", "A", "C", "G", "U", "DA5", "DT3", "ADE", "RU3",
          NULL}},
        {ASIM_RESIDUE_WATER, {"SOL", "WAT", "HOH", "TIP3", "TIP4", "SPC", "T4P", NULL}},
        {ASIM_RESIDUE_ION,
         {"NA", "CL", "K", "NA+", "CL-", "SOD", "CLA", "POT", "MG", "ZN2", "CA", "Na+",
          "Cl-", NULL}},
    };
    for (size_t i = 0; i < LENGTH(rows); i++)
        for (const char *const *name = rows[i].names; *name; name++)
            if (!asim_residue_is(rows[i].kind, *name))
                fail_msg("'%s' is not known", *name);
    assert_false(asim_residue_is(ASIM_RESIDUE_PROTEIN, "SOL"));
    assert_false(asim_residue_is(ASIM_RESIDUE_PROTEIN, ""));
    assert_false(asim_residue_is(ASIM_RESIDUE_WATER, "ala"));
    assert_string_equal(asim_element_name(0), "");
    assert_string_equal(asim_element_name(6), "C");
    assert_string_equal(asim_element_name(20), "Ca");
    assert_string_equal(asim_element_name(79), "Au");
    assert_string_equal(asim_element_name(118), "Og");
    assert_string_equal(asim_element_name(119), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_in_order),
        cmocka_unit_test(common_names_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
