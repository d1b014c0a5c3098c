/* Molecules under periodic boundaries: <autosim/pbc.h>, and what looks broken. */
#ifndef STRUCTURE_WHOLE_H
#define STRUCTURE_WHOLE_H

#include <autosim/pbc.h>

/*
 * Without bonds: does this frame look broken across the box? True where consecutive
 * selected atoms of one residue chain jump by more than half a box vector, or the
 * selection spans nearly the whole box. `ret_why` says so.
 */
bool asim_looks_broken(const struct asim_topology *top, const uint32_t *atoms,
                       size_t atom_count, const struct asim_frame *frame, char *ret_why,
                       size_t why_size);

#endif
