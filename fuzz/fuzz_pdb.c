/* PDB: any bytes as a topology and as a trajectory, whose atoms must then be the same
 * number. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "formats/pdb.h"
#include "formats/trajectory_format.h"
#include "target.h"

static void check_topology(const struct asim_topology *top)
{
    for (size_t i = 0; i < top->bond_count; i++)
        if (top->bonds[i][0] >= top->bonds[i][1] || top->bonds[i][1] >= top->atom_count)
            abort();
    for (size_t i = 0; i < top->atom_count; i++)
        if (top->residue[i] >= top->residue_count ||
            top->molecule[i] >= top->molecule_count)
            abort();
}

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    struct asim_error err = {0};
    struct asim_topology top = {0};
    struct asim_trajectory *traj;
    struct asim_frame frame = {0};
    if (asim_pdb_parse_topology(data, size, "fuzz", &top, &err) == 0)
        check_topology(&top);
    if (asim_trajectory_open_memory(data, size, "fuzz", &traj, &err) == 0) {
        if (asim_trajectory_format(traj) == asim_pdb_format.name && top.atom_count &&
            asim_trajectory_atom_count(traj) != top.atom_count)
            abort();
        while (asim_trajectory_next(traj, &frame, &err) == 1)
            ;
        asim_trajectory_close(traj);
    }
    asim_frame_finish(&frame);
    asim_topology_finish(&top);
}
