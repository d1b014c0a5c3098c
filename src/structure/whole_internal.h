/* What the parts of making whole share: the tree, the walk, the arrangement. */
#ifndef STRUCTURE_WHOLE_INTERNAL_H
#define STRUCTURE_WHOLE_INTERNAL_H

#include <autosim/pbc.h>

#include "structure/lattice.h"

struct asim_whole_step {
    uint32_t child, parent;
};

struct asim_fragment {
    uint32_t root;
    size_t first_step, step_count;
    size_t first_atom, atom_count; /* its part of `atoms` */
    double reference_nm[3];        /* whole: its centre less the anchor's */
};

enum { ASIM_ORIENTED_BY = 256 }; /* atoms at most that tell the anchor's orientation */

struct asim_whole {
    enum asim_pbc_mode mode;
    size_t fragment_count, fragment_capacity;
    struct asim_fragment *fragments;
    size_t step_count, step_capacity;
    struct asim_whole_step *steps;
    size_t closure_count, closure_capacity;
    struct asim_whole_step *closures; /* bonds that close rings of the tree */
    size_t atom_count;
    uint32_t *atoms; /* the selected ones, by fragment */
    size_t atom_limit;
    bool by_bonds; /* else every atom is a fragment */
    bool arranged; /* the first frame has come */
    bool guided;   /* where fragments belong is known without it */
    size_t anchor; /* the fragment with the most selected atoms */
    double
        anchor_nm[3 * ASIM_ORIENTED_BY]; /* whole: some of them, in the first frame */
    /* nojump: centres in units of the box vectors, in the frame before and the first */
    double (*before)[3], (*first)[3];
};

/* Fragments and their trees; `whole` is zero-initialised. */
int asim_whole_grow(struct asim_whole *whole, const struct asim_topology *top,
                    const uint32_t *atoms, size_t atom_count, struct asim_error *err);

void asim_whole_centre(const struct asim_whole *whole, size_t fragment, float (*x)[3],
                       double ret_centre[3]);
void asim_whole_move(const struct asim_whole *whole, size_t fragment,
                     const double shift[3], float (*x)[3]);
int asim_whole_fail_atom(size_t atom, const float x[3], struct asim_error *err);

/* Joins fragments by nearest neighbours, from the anchor on. `strict`: ASIM_EINPUT
 * where the arrangement is not the only one. */
int asim_whole_join(const struct asim_whole *whole, const struct asim_lattice *lattice,
                    bool strict, float (*x)[3], struct asim_error *err);

#endif
