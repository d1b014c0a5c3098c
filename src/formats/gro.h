/* GRO files: names, residues, coordinates (nm), box. */
#ifndef FORMATS_GRO_H
#define FORMATS_GRO_H

#include <autosim/topology.h>
#include <autosim/trajectory.h>

int asim_gro_read_topology(const char *path, struct asim_topology *ret_top,
                           struct asim_error *err);
/* The number of atoms of a whole, well-formed GRO file; used to judge confout.gro. */
int asim_gro_check(const char *path, size_t *ret_atom_count, struct asim_error *err);

#endif
