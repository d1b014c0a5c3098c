/* PSF: any bytes as a topology. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "formats/psf.h"
#include "target.h"

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_error err = {0};
    struct asim_topology top;
    if (asim_psf_parse_topology(data, size, "fuzz", &top, &err) < 0)
        return;
    for (size_t i = 0; i < top.bond_count; i++)
        if (top.bonds[i][0] >= top.atom_count || top.bonds[i][1] >= top.atom_count ||
            top.molecule[top.bonds[i][0]] != top.molecule[top.bonds[i][1]])
            abort();
    asim_topology_finish(&top);
}
