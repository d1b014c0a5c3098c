/* Molecules from bonds, for files that list bonds but no molecules. */
#ifndef FORMATS_MOLECULES_H
#define FORMATS_MOLECULES_H

#include <autosim/topology.h>

/*
 * Fills top->molecule and molecule_count: the smallest stretches of atoms that no bond
 * leaves. Molecules whose atoms are interleaved in the file are thus one. Bonds must be
 * within atom_count, molecule allocated.
 */
int asim_molecules_from_bonds(struct asim_topology *top, struct asim_error *err);

#endif
