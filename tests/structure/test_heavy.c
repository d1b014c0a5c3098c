/* `heavy` where hydrogens have got mass from what they are bonded to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <autosim/selection.h>

#include "topology_fixture.h"

/* A PSF has no elements, and repartitioned masses are nobody's. */
static void heavy_atoms_of_repartitioned_masses(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        float mass_amu;
    } atoms[] = {{"CA", 8.0f},     {"HA", 3.024f}, {"1HB", 4.032f}, {"C1", 2.939f},
                 {"OH2", 15.999f}, {"H1", 1.008f}, {"M", 0.0f},     {"H12", 72.0f}};
    static const uint32_t heavy[] = {0, 3, 4, 7};
    struct asim_topology top = {0};
    struct asim_atom_list list = {0};
    struct asim_error err = {0};
    for (size_t i = 0; i < sizeof atoms / sizeof *atoms; i++) {
        struct fixture_atom atom = {.name = atoms[i].name, .resname = "X", .resid = 1};
        fixture_add(&top, &atom);
        top.mass_amu[i] = atoms[i].mass_amu;
        top.atomic_number[i] = 0;
    }
    assert_int_equal(asim_selection_evaluate(&top, "heavy", NULL, &list, &err), 0);
    assert_int_equal(list.count, 4);
    assert_memory_equal(list.index, heavy, sizeof heavy);
    asim_atom_list_finish(&list);
    fixture_finish(&top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heavy_atoms_of_repartitioned_masses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
