/*
 * PDB files: names, residues, chains, elements, CONECT bonds, coordinates (Angstrom in
 * the file, nm here), box. Frames are read through autosim/trajectory.h: one a MODEL,
 * or one a stretch of atoms closed by END. The time is what follows "t=" in the frame's
 * TITLE, else the number of the frame.
 *
 * A coordinate is the float nearest to a tenth of the file's decimal number. A frame
 * without CRYST1 has the first frame's box.
 */
#ifndef FORMATS_PDB_H
#define FORMATS_PDB_H

#include <autosim/topology.h>

/*
 * The atoms of the first model.
 *
 * `resnum` is the file's number (hybrid-36 decoded; 1 where the columns are blank),
 * `resid` the same counted on where it falls by more than 5000 within one chain and
 * segment, as it does behind 9999. A residue ends where number, name, insertion code,
 * chain or segment change, and at TER. The segment is that of columns 67-76, where the
 * file has none the chain; `serial` holds the file's serial numbers.
 *
 * Of alternate locations the first is kept (see pdb_locations.c); how many records were
 * left out is in `altloc_dropped_count`. Trajectories made by MDAnalysis hold them all.
 *
 * The atomic number is the element column's, or guessed from the name where that is
 * blank or no element; `type` is the element column as it stands, else the symbol.
 * Masses and charges are absent.
 *
 * CONECT gives the bonds; fields behind a blank one, and serials that no atom has, are
 * passed over, and so are all records where a serial they name is not unique. Most PDB
 * files list only the bonds of unusual residues, so `has_bonds` says whether the list
 * is complete: the atoms of every residue hang together, and so do residues that follow
 * each other in a chain and have the atoms that link amino acids or nucleotides. Then
 * molecules are what is bonded; else all atoms are in one.
 */
int asim_pdb_read_topology(const char *path, struct asim_topology *ret_top,
                           struct asim_error *err);
/* The same from memory; `name` stands for the path in messages. */
int asim_pdb_parse_topology(const void *data, size_t size, const char *name,
                            struct asim_topology *ret_top, struct asim_error *err);

#endif
