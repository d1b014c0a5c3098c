/* Molecules under periodic boundaries: <autosim/pbc.h>, and what looks broken. */
#ifndef STRUCTURE_WHOLE_H
#define STRUCTURE_WHOLE_H

#include <autosim/pbc.h>

/* Atoms that must be decoded, in no order and some perhaps twice; the caller frees the
 * list. */
int asim_whole_list_atoms(const struct asim_whole *whole, uint32_t **ret_atoms,
                          size_t *ret_count, struct asim_error *err);

/*
 * Before the first frame: molecules lie relative to each other as in the structure
 * `x_nm` of all atoms, of which the selected ones are looked at, in whatever
 * orientation, not as the first frame's nearest atoms have them. For `whole` and
 * `nojump` along bonds; otherwise nothing changes.
 */
void asim_whole_arrange_like(struct asim_whole *whole, float (*x_nm)[3]);

/*
 * Without bonds: does this frame look broken across the box? True where consecutive
 * selected atoms of one residue chain jump by more than half a box vector, or the
 * selection spans nearly the whole box. `ret_why` says so.
 */
bool asim_looks_broken(const struct asim_topology *top, const uint32_t *atoms,
                       size_t atom_count, const struct asim_frame *frame, char *ret_why,
                       size_t why_size);

/*
 * Parts of a selection (runs of chain neighbours) that are whole each may still jump
 * across the box one by one. Watches the first atom of each from frame to frame.
 * Zero-initialised: no parts.
 */
struct asim_parts {
    size_t count;
    uint32_t *heads;     /* [count] their first atoms */
    double (*before)[3]; /* [count] less that of the first head, in box vectors */
    bool started;
};

int asim_parts_init(const struct asim_topology *top, const uint32_t *atoms,
                    size_t atom_count, struct asim_parts *ret_parts,
                    struct asim_error *err);
void asim_parts_finish(struct asim_parts *parts);
/* Has a part moved by more than half a box vector relative to the first one since the
 * frame of the call before? The frame must hold the atoms. */
bool asim_parts_jumped(struct asim_parts *parts, const struct asim_frame *frame,
                       char *ret_why, size_t why_size);

#endif
