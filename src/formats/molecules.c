/* Molecules from bonds. Invariant: numbers ascend with the atoms, as topologies
 * promise.
 */
#include "formats/molecules.h"

#include <stdlib.h>

#include "base/memory.h"

int asim_molecules_from_bonds(struct asim_topology *top, struct asim_error *err)
{
    /* The last atom that each atom is bonded to. */
    uint32_t *reach = asim_alloc_array(top->atom_count, sizeof *reach, err);
    if (!reach)
        return -1;
    for (size_t i = 0; i < top->bond_count; i++) {
        uint32_t a = top->bonds[i][0], b = top->bonds[i][1];
        uint32_t first = a < b ? a : b, last = a < b ? b : a;
        if (reach[first] < last)
            reach[first] = last;
    }
    uint32_t molecule = 0, end = 0;
    for (size_t i = 0; i < top->atom_count; i++) {
        if (i > end || i == 0) {
            molecule += i > 0;
            end = (uint32_t)i;
        }
        if (reach[i] > end)
            end = reach[i];
        top->molecule[i] = molecule;
    }
    top->molecule_count = (size_t)molecule + (top->atom_count > 0);
    free(reach);
    return 0;
}
