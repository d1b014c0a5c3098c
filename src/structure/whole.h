/*
 * Undoing periodic boundaries: molecules that the selected atoms belong to are made
 * whole along their bonds, then placed at the image nearest to where the reference has
 * them, so that several chains stay together.
 */
#ifndef STRUCTURE_WHOLE_H
#define STRUCTURE_WHOLE_H

#include <autosim/selection.h>
#include <autosim/topology.h>
#include <autosim/trajectory.h>

struct asim_whole;

/* A breadth-first tree over the bonds of every molecule that holds one of `atoms`,
 * pruned to the atoms that are needed to reach them. ASIM_EINPUT where bonds are not
 * known. */
int asim_whole_create(const struct asim_topology *top, const uint32_t *atoms,
                      size_t atom_count, struct asim_whole **ret_whole,
                      struct asim_error *err);
void asim_whole_destroy(struct asim_whole *whole);

/* Atoms that must be decoded: one past the last one the tree touches. */
size_t asim_whole_atom_limit(const struct asim_whole *whole);

/* Makes the frame's molecules whole in place (only atoms on the tree are moved). A box
 * of zeros changes nothing. The first call fixes where several molecules lie relative
 * to each other (the centre of each one's selected atoms at the image nearest to one of
 * the molecules before it); later calls keep each at the image nearest to where it then
 * lay relative to the one with the most selected atoms, turned with it where they turn
 * together. What bonds do not connect counts as several molecules.
 * Any box shape, in GROMACS' orientation. ASIM_EINPUT for a position that is not finite
 * or a frame with too few atoms. After the first call that succeeds `whole` is only
 * read: threads may share it, each with its own frame. */
int asim_whole_apply(struct asim_whole *whole, struct asim_frame *frame,
                     struct asim_error *err);

/*
 * Without bonds: does this frame look broken across the box? True where consecutive
 * selected atoms of one residue chain jump by more than half a box vector, or the
 * selection spans nearly the whole box. `ret_why` says so.
 */
bool asim_looks_broken(const struct asim_topology *top, const uint32_t *atoms,
                       size_t atom_count, const struct asim_frame *frame, char *ret_why,
                       size_t why_size);

#endif
