/*
 * Undoing periodic boundaries: molecules that the selected atoms belong to are made
 * whole, and several are placed so that they stay together.
 */
#ifndef AUTOSIM_PBC_H
#define AUTOSIM_PBC_H

#include <autosim/selection.h>
#include <autosim/topology.h>
#include <autosim/trajectory.h>

enum asim_pbc_mode {
    ASIM_PBC_AUTO,    /* `whole` where bonds are known; else refuse what looks broken */
    ASIM_PBC_WHOLE,   /* along bonds; molecules where the first frame has them */
    ASIM_PBC_NOJUMP,  /* nothing moves by more than half a box from frame to frame */
    ASIM_PBC_CLUSTER, /* in each frame, everything next to its nearest neighbour */
    ASIM_PBC_NONE,    /* coordinates as they are */
};

/* "auto", "whole", ...; NULL for a number that is no mode. */
ASIM_API const char *asim_pbc_mode_name(enum asim_pbc_mode mode);

/*
 * What is kept together: in every mode atoms that bonds connect, as one fragment, made
 * whole by a walk along the bonds (right for molecules of any size, since a bond is far
 * shorter than half a box). Where bonds are not known, `nojump` and `cluster` take
 * every selected atom as a fragment.
 *
 * whole: the first frame is put together as `cluster` does it, and in later frames each
 *     fragment is at the image nearest to where it then lay relative to the one with
 * the most selected atoms, turned with it where they turn together. nojump: the first
 * frame as in `whole` (without bonds: as it is, so it must be whole); then each
 * fragment goes on from where it was, in units of the box vectors, so that a box that
 * changes moves nothing. Frames must come in order. ASIM_EINPUT where a fragment has
 * moved by more than 0.4 of a box vector since the frame before, where its image cannot
 * be told. cluster: a tree of nearest neighbours; their distance is that of their
 * nearest selected atoms (of some of them in large fragments; of the centres where
 * there are more than 64 fragments). ASIM_EINPUT where two lie nearer across the box
 * than some that had to be joined: then the cluster touches its own image and no
 *     arrangement is the right one. Costs the square of the number of fragments.
 */
struct asim_whole;

/* `mode` is one of the three; AUTO is taken as WHOLE. ASIM_EINPUT where bonds are
 * needed and not known. */
ASIM_API int asim_whole_create(const struct asim_topology *top, enum asim_pbc_mode mode,
                               const uint32_t *atoms, size_t atom_count,
                               struct asim_whole **ret_whole, struct asim_error *err);
ASIM_API void asim_whole_destroy(struct asim_whole *whole);

/* Atoms that must be decoded: one past the last one that is needed. */
ASIM_API size_t asim_whole_atom_limit(const struct asim_whole *whole);

/* Must frames be applied in their order, by one thread? */
ASIM_API bool asim_whole_in_order(const struct asim_whole *whole);
/* Before another pass over the same frames: they are then placed as in the first. */
ASIM_API void asim_whole_restart(struct asim_whole *whole);

/* Makes the frame whole in place; only selected atoms and those on the way between them
 * are moved. A box of zeros changes nothing. The first call fixes the arrangement. Any
 * box shape, in GROMACS' orientation. ASIM_EINPUT for a position that is not finite, a
 * frame with too few atoms, a bond too long for the box to tell its image (in the first
 * frame), and a molecule that is bonded to its own image. After the first call that
 * succeeds `whole` is only read, unless frames must come in order: threads may share
 * it, each with its own frame. */
ASIM_API int asim_whole_apply(struct asim_whole *whole, struct asim_frame *frame,
                              struct asim_error *err);

#endif
