/* Bonds of a PDB file: CONECT records, and whether they are all bonds there are. */
#ifndef FORMATS_PDB_BONDS_H
#define FORMATS_PDB_BONDS_H

#include <autosim/topology.h>

#include "formats/byte_source.h"

/*
 * Reads the CONECT records of the whole file into top->bonds (each pair once, the
 * smaller atom first, in order) by top->serial; INT32_MIN there is no serial. Sets
 * has_bonds where they are complete. *ret_repeated: a record names a serial that two
 * atoms have; no bonds are set then.
 */
int asim_pdb_read_bonds(const struct asim_byte_source *source,
                        struct asim_byte_window *window, struct asim_topology *top,
                        bool *ret_repeated, struct asim_error *err);

#endif
