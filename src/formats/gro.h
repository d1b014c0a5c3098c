/*
 * GRO files: names, residues, coordinates (nm), box. Any number of decimals, velocities
 * or none, one frame or many. Frames are read through autosim/trajectory.h; the time is
 * what follows "t=" in the title, else the number of the frame.
 */
#ifndef FORMATS_GRO_H
#define FORMATS_GRO_H

#include <autosim/topology.h>
#include <autosim/trajectory.h>

/*
 * Names and residues of the first frame. A residue starts where the number or the name
 * changes. `resnum` is the file's number, `resid` the same counted on where the five
 * columns wrap from 99999 to 0. The format knows no molecules: all atoms are in one.
 * Masses, charges and bonds are absent, types "", atomic numbers 0.
 */
int asim_gro_read_topology(const char *path, struct asim_topology *ret_top,
                           struct asim_error *err);
/* The same from memory; `name` stands for the path in messages. */
int asim_gro_parse_topology(const void *data, size_t size, const char *name,
                            struct asim_topology *ret_top, struct asim_error *err);

/* The number of atoms of a whole, well-formed GRO file of one frame, every coordinate,
 * velocity and box length a finite number; used to judge confout.gro. */
int asim_gro_check(const char *path, size_t *ret_atom_count, struct asim_error *err);

#endif
