/*
 * Does a frame look broken across the periodic box? For topologies without bonds, where
 * nothing can be repaired but a wrong answer can be refused.
 *
 * Three signs: neighbours in a chain that are nearest through a face of the box, a
 * selection that reaches from one face to the opposite one, and chains that move by
 * more than half a box relative to each other from one frame to the next. They are also
 * seen in selections that truly fill the box (membranes, solvent): the caller's user
 * decides.
 */
#include "structure/whole.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "structure/residue_names.h"

/* A whole molecule that fills more than this part of a box edge would touch its own
 * image: GROMACS users keep 1 nm of solvent between them, a tenth of usual boxes. */
#define SPANNED 0.95

/* Position along the box vectors, in units of them. The box is lower triangular. */
static void fractional(const float box[3][3], const double x[3], double ret_s[3])
{
    double rest[3] = {x[0], x[1], x[2]};
    for (int i = 2; i >= 0; i--) {
        ret_s[i] = box[i][i] != 0.0f ? rest[i] / (double)box[i][i] : 0.0;
        for (int k = 0; k <= i; k++)
            rest[k] -= ret_s[i] * (double)box[i][k];
    }
}

/* Residues that follow each other in one chain: also numbered one after the other, so
 * that the last residue of a chain and the first of the next are none, nor are waters.
 * Molecules are not asked: a file without bonds does not know them. */
static bool are_chain_neighbours(const struct asim_topology *top, uint32_t a,
                                 uint32_t b)
{
    uint32_t r = top->residue[a], s = top->residue[b];
    if (r == s)
        return true;
    if (s != r + 1)
        return false;
    const struct asim_residue *first = &top->residues[r], *second = &top->residues[s];
    const char *name = top->strings[first->name];
    if (asim_residue_is(ASIM_RESIDUE_WATER, name) ||
        asim_residue_is(ASIM_RESIDUE_ION, name))
        return false;
    return first->chain == second->chain && first->segment == second->segment &&
           (second->resnum == first->resnum + 1 ||
            (second->resnum == first->resnum &&
             second->insertion_code != first->insertion_code));
}

bool asim_looks_broken(const struct asim_topology *top, const uint32_t *atoms,
                       size_t atom_count, const struct asim_frame *frame, char *ret_why,
                       size_t why_size)
{
    double low[3] = {INFINITY, INFINITY, INFINITY};
    double high[3] = {-INFINITY, -INFINITY, -INFINITY};
    double previous[3] = {0.0, 0.0, 0.0};
    for (size_t i = 0; i < atom_count; i++) {
        if (atoms[i] >= frame->atom_count || atoms[i] >= top->atom_count) {
            snprintf(ret_why, why_size, "atom %u is selected but the frame has %zu",
                     atoms[i] + 1, frame->atom_count);
            return true;
        }
        double x[3], s[3];
        for (int k = 0; k < 3; k++)
            x[k] = (double)frame->x_nm[atoms[i]][k];
        fractional(frame->box_nm, x, s);
        if (!isfinite(x[0] + x[1] + x[2]) || !isfinite(s[0] + s[1] + s[2])) {
            snprintf(ret_why, why_size, "the position of atom %u is not finite",
                     atoms[i] + 1);
            return true;
        }
        for (int k = 0; k < 3; k++) {
            low[k] = fmin(low[k], s[k]);
            high[k] = fmax(high[k], s[k]);
            if (i > 0 && fabs(s[k] - previous[k]) > 0.5 &&
                are_chain_neighbours(top, atoms[i - 1], atoms[i])) {
                snprintf(ret_why, why_size,
                         "atoms %u and %u follow each other in a chain but lie %.2f of "
                         "box vector %c apart",
                         atoms[i - 1] + 1, atoms[i] + 1, fabs(s[k] - previous[k]),
                         "abc"[k]);
                return true;
            }
        }
        for (int k = 0; k < 3; k++)
            previous[k] = s[k];
    }
    for (int k = 0; k < 3; k++) {
        if (atom_count > 1 && high[k] - low[k] > SPANNED) {
            snprintf(
                ret_why, why_size,
                "the selected atoms span %.2f of box vector %c, as the halves of a "
                "molecule on two faces of the box do",
                high[k] - low[k], "abc"[k]);
            return true;
        }
    }
    return false;
}

int asim_parts_init(const struct asim_topology *top, const uint32_t *atoms,
                    size_t atom_count, struct asim_parts *ret_parts,
                    struct asim_error *err)
{
    struct asim_parts parts = {0};
    parts.heads = asim_alloc_array(atom_count, sizeof *parts.heads, err);
    parts.before = asim_alloc_array(atom_count, sizeof *parts.before, err);
    if (!parts.heads || !parts.before) {
        asim_parts_finish(&parts);
        return -1;
    }
    for (size_t i = 0; i < atom_count; i++)
        if (i == 0 || !are_chain_neighbours(top, atoms[i - 1], atoms[i]))
            parts.heads[parts.count++] = atoms[i];
    *ret_parts = parts;
    return 0;
}

void asim_parts_finish(struct asim_parts *parts)
{
    if (!parts)
        return;
    free(parts->heads);
    free(parts->before);
    *parts = (struct asim_parts){0};
}

bool asim_parts_jumped(struct asim_parts *parts, const struct asim_frame *frame,
                       char *ret_why, size_t why_size)
{
    const uint32_t *heads = parts->heads;
    double first[3] = {0.0, 0.0, 0.0};
    for (size_t p = 0; p < parts->count; p++) {
        double x[3], s[3];
        for (int k = 0; k < 3; k++)
            x[k] = (double)frame->x_nm[heads[p]][k];
        fractional(frame->box_nm, x, s);
        if (p == 0)
            memcpy(first, s, sizeof first);
        for (int k = 0; k < 3; k++) {
            s[k] -= first[k];
            if (parts->started && fabs(s[k] - parts->before[p][k]) > 0.5) {
                snprintf(ret_why, why_size,
                         "the part of the selection that begins with atom %u has moved "
                         "by %.2f of box vector %c relative to atom %u since the frame "
                         "before",
                         heads[p] + 1, fabs(s[k] - parts->before[p][k]), "abc"[k],
                         heads[0] + 1);
                return true;
            }
        }
        memcpy(parts->before[p], s, sizeof s);
    }
    parts->started = true;
    return false;
}
