/*
 * Making molecules whole along their bonds.
 *
 * create() turns the bonds of the molecules that hold selected atoms into fragments
 * (atoms connected by bonds) and each fragment into a list of steps (child, parent) in
 * breadth-first order from a selected atom, without the branches that lead to no
 * selected atom. apply() walks the steps: a bond is far shorter than half a box, so the
 * right image of the child is the one nearest to its parent.
 *
 * Knows no file and no selection text. After the first apply() the struct is only read,
 * so several threads may apply it to their own frames.
 */
#include "structure/whole.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "structure/lattice.h"
#include "structure/superpose.h"

struct step {
    uint32_t child, parent;
};

struct fragment {
    uint32_t root;
    size_t first_step, step_count;
    size_t first_atom, atom_count; /* its part of `atoms` */
    double reference_nm[3]; /* its centre less the anchor's, or, while the first frame
                               is arranged, its centre */
};

enum { ORIENTED_BY = 256 }; /* atoms at most that tell the anchor's orientation */

struct asim_whole {
    size_t fragment_count, fragment_capacity;
    struct fragment *fragments;
    size_t step_count, step_capacity;
    struct step *steps;
    size_t atom_count;
    uint32_t *atoms; /* the selected ones, by fragment */
    size_t atom_limit;
    bool arranged;                     /* the references are known */
    size_t anchor;                     /* the fragment with the most selected atoms */
    double anchor_nm[3 * ORIENTED_BY]; /* some of them, as in the first frame */
};

/* Molecules are compared with this many before them when the first frame is arranged:
 * keeps a selection of 100,000 waters linear. */
enum { ARRANGED_WITH = 256 };

/* Neighbours of each atom, as offsets into one list; only of atoms in molecules that
 * hold a selected atom. */
struct neighbours {
    uint32_t *first; /* [atom_count + 1] */
    uint32_t *list;
};

static void neighbours_finish(struct neighbours *n)
{
    free(n->first);
    free(n->list);
}

static int neighbours_init(const struct asim_topology *top, const uint8_t *touched,
                           struct neighbours *ret, struct asim_error *err)
{
    struct neighbours n = {0};
    n.first = asim_alloc_array(top->atom_count + 2, sizeof *n.first, err);
    if (!n.first)
        return -1;
    size_t ends = 0;
    for (size_t i = 0; i < top->bond_count; i++) {
        uint32_t a = top->bonds[i][0], b = top->bonds[i][1];
        if (a >= top->atom_count || b >= top->atom_count) {
            neighbours_finish(&n);
            return asim_fail(err, ASIM_EINPUT,
                             "bond %zu joins atoms %u and %u but the topology has %zu "
                             "atoms",
                             i + 1, a + 1, b + 1, top->atom_count);
        }
        if (!touched[top->molecule[a]] || !touched[top->molecule[b]])
            continue;
        /* Counts are kept two places up, so that the filling below leaves the offsets
         * where they belong. */
        n.first[a + 2]++;
        n.first[b + 2]++;
        ends += 2;
    }
    if (ends > UINT32_MAX) {
        neighbours_finish(&n);
        return asim_fail(err, ASIM_EINPUT, "the topology has more than 2^31 bonds");
    }
    for (size_t i = 2; i < top->atom_count + 2; i++)
        n.first[i] += n.first[i - 1];
    n.list = asim_alloc_array(ends, sizeof *n.list, err);
    if (!n.list) {
        neighbours_finish(&n);
        return -1;
    }
    for (size_t i = 0; i < top->bond_count; i++) {
        uint32_t a = top->bonds[i][0], b = top->bonds[i][1];
        if (!touched[top->molecule[a]] || !touched[top->molecule[b]])
            continue;
        n.list[n.first[a + 1]++] = b;
        n.list[n.first[b + 1]++] = a;
    }
    *ret = n;
    return 0;
}

/* What is known of an atom while the trees are built. */
enum { SELECTED = 1, SEEN = 2, NEEDED = 4 };

/* Appends the fragment of `root`: its steps in breadth-first order, pruned. */
static int add_fragment(struct asim_whole *whole, const struct neighbours *n,
                        uint32_t root, uint8_t *marks, struct asim_error *err)
{
    size_t first_step = whole->step_count;
    struct fragment fragment = {
        .root = root, .first_step = first_step, .first_atom = whole->atom_count};
    marks[root] |= SEEN;
    uint32_t atom = root;
    for (size_t at = first_step;; at++) {
        for (uint32_t k = n->first[atom]; k < n->first[atom + 1]; k++) {
            uint32_t child = n->list[k];
            if (marks[child] & SEEN)
                continue;
            marks[child] |= SEEN;
            if (asim_grow(&whole->steps, &whole->step_capacity, whole->step_count + 1,
                          sizeof *whole->steps, err) < 0)
                return -1;
            whole->steps[whole->step_count++] = (struct step){child, atom};
        }
        if (at == whole->step_count)
            break;
        atom = whole->steps[at].child;
    }
    /* Children come after their parents, so one pass backwards marks every atom on the
     * way to a selected one. */
    for (size_t i = whole->step_count; i-- > first_step;) {
        struct step step = whole->steps[i];
        if (marks[step.child] & (SELECTED | NEEDED)) {
            marks[step.child] |= NEEDED;
            marks[step.parent] |= NEEDED;
        }
    }
    size_t kept = first_step;
    whole->atoms[whole->atom_count++] = root;
    if (root >= whole->atom_limit)
        whole->atom_limit = (size_t)root + 1;
    for (size_t i = first_step; i < whole->step_count; i++) {
        struct step step = whole->steps[i];
        if (!(marks[step.child] & NEEDED))
            continue;
        whole->steps[kept++] = step;
        if (marks[step.child] & SELECTED)
            whole->atoms[whole->atom_count++] = step.child;
        if (step.child >= whole->atom_limit)
            whole->atom_limit = (size_t)step.child + 1;
    }
    whole->step_count = kept;
    fragment.step_count = kept - first_step;
    fragment.atom_count = whole->atom_count - fragment.first_atom;
    if (asim_grow(&whole->fragments, &whole->fragment_capacity,
                  whole->fragment_count + 1, sizeof *whole->fragments, err) < 0)
        return -1;
    if (whole->fragment_count == 0 ||
        fragment.atom_count > whole->fragments[whole->anchor].atom_count)
        whole->anchor = whole->fragment_count;
    whole->fragments[whole->fragment_count++] = fragment;
    return 0;
}

static int mark_atoms(const struct asim_topology *top, const uint32_t *atoms,
                      size_t atom_count, uint8_t *marks, uint8_t *touched,
                      struct asim_error *err)
{
    for (size_t i = 0; i < atom_count; i++) {
        if (atoms[i] >= top->atom_count)
            return asim_fail(err, ASIM_EINPUT,
                             "atom %u is selected but the topology has %zu atoms",
                             atoms[i] + 1, top->atom_count);
        marks[atoms[i]] = SELECTED;
        touched[top->molecule[atoms[i]]] = 1;
    }
    return 0;
}

int asim_whole_create(const struct asim_topology *top, const uint32_t *atoms,
                      size_t atom_count, struct asim_whole **ret_whole,
                      struct asim_error *err)
{
    if (!top->has_bonds)
        return asim_fail(err, ASIM_EINPUT,
                         "molecules cannot be made whole: this topology file does not "
                         "say which atoms are bonded; give a TPR file");
    if (atom_count == 0)
        return asim_fail(err, ASIM_EINPUT,
                         "molecules cannot be made whole: no atom is selected");
    struct neighbours neighbours = {0};
    int rc = -1;
    uint8_t *marks = asim_alloc_array(top->atom_count, 1, err);
    uint8_t *touched = asim_alloc_array(top->molecule_count, 1, err);
    struct asim_whole *whole = asim_alloc_array(1, sizeof *whole, err);
    if (!marks || !touched || !whole)
        goto out;
    whole->atoms = asim_alloc_array(atom_count, sizeof *whole->atoms, err);
    /* Room for one step at least: atoms without bonds take none, and a pointer into no
     * array is not to be offset. */
    if (!whole->atoms ||
        asim_grow(&whole->steps, &whole->step_capacity, atom_count,
                  sizeof *whole->steps, err) < 0 ||
        mark_atoms(top, atoms, atom_count, marks, touched, err) < 0 ||
        neighbours_init(top, touched, &neighbours, err) < 0)
        goto out;
    for (size_t i = 0; i < atom_count; i++)
        if (!(marks[atoms[i]] & SEEN) &&
            add_fragment(whole, &neighbours, atoms[i], marks, err) < 0)
            goto out;
    *ret_whole = whole;
    whole = NULL;
    rc = 0;
out:
    asim_whole_destroy(whole);
    neighbours_finish(&neighbours);
    free(marks);
    free(touched);
    return rc;
}

void asim_whole_destroy(struct asim_whole *whole)
{
    if (!whole)
        return;
    free(whole->fragments);
    free(whole->steps);
    free(whole->atoms);
    free(whole);
}

size_t asim_whole_atom_limit(const struct asim_whole *whole)
{
    return whole->atom_limit;
}

static int fail_atom(size_t atom, const float x[3], struct asim_error *err)
{
    return asim_fail(err, ASIM_EINPUT,
                     "atom %zu lies at (%g, %g, %g) nm: not a finite position near the "
                     "box",
                     atom + 1, (double)x[0], (double)x[1], (double)x[2]);
}

static bool is_finite(const float x[3])
{
    return isfinite(x[0]) && isfinite(x[1]) && isfinite(x[2]);
}

/* Moves every child next to its parent. The common case, a difference within half the
 * box, costs three comparisons; they are written so that a NaN fails them. */
static int walk(const struct step *steps, size_t count,
                const struct asim_lattice *lattice, float (*x)[3],
                struct asim_error *err)
{
    float half_x = lattice->half[0], half_y = lattice->half[1],
          half_z = lattice->half[2];
    for (size_t i = 0; i < count; i++) {
        float *child = x[steps[i].child];
        const float *parent = x[steps[i].parent];
        float dx = child[0] - parent[0];
        float dy = child[1] - parent[1];
        float dz = child[2] - parent[2];
        if (fabsf(dz) <= half_z && fabsf(dy) <= half_y && fabsf(dx) <= half_x)
            continue;
        double d[3] = {(double)dx, (double)dy, (double)dz}, shift[3];
        if (!asim_lattice_reduce(lattice, d, shift))
            return fail_atom(steps[i].child, child, err);
        for (int k = 0; k < 3; k++)
            child[k] = (float)((double)child[k] + shift[k]);
    }
    return 0;
}

static void centre_of(const struct asim_whole *whole, const struct fragment *fragment,
                      float (*x)[3], double ret_centre[3])
{
    double sum[3] = {0.0, 0.0, 0.0};
    const uint32_t *atoms = whole->atoms + fragment->first_atom;
    for (size_t i = 0; i < fragment->atom_count; i++)
        for (int k = 0; k < 3; k++)
            sum[k] += (double)x[atoms[i]][k];
    for (int k = 0; k < 3; k++)
        ret_centre[k] = sum[k] / (double)fragment->atom_count;
}

/* Evenly spread atoms of the anchor; returns how many. */
static size_t gather_anchor(const struct asim_whole *whole, float (*x)[3],
                            double ret_anchor_nm[3 * ORIENTED_BY])
{
    const struct fragment *anchor = &whole->fragments[whole->anchor];
    const uint32_t *atoms = whole->atoms + anchor->first_atom;
    size_t step = (anchor->atom_count + ORIENTED_BY - 1) / ORIENTED_BY, count = 0;
    for (size_t i = 0; i < anchor->atom_count; i += step, count++)
        for (int k = 0; k < 3; k++)
            ret_anchor_nm[3 * count + (size_t)k] = (double)x[atoms[i]][k];
    return count;
}

static void move_fragment(const struct asim_whole *whole,
                          const struct fragment *fragment, const double shift[3],
                          float (*x)[3])
{
    if (shift[0] == 0.0 && shift[1] == 0.0 && shift[2] == 0.0)
        return;
    const struct step *steps = whole->steps + fragment->first_step;
    for (int k = 0; k < 3; k++)
        x[fragment->root][k] = (float)((double)x[fragment->root][k] + shift[k]);
    for (size_t i = 0; i < fragment->step_count; i++)
        for (int k = 0; k < 3; k++)
            x[steps[i].child][k] = (float)((double)x[steps[i].child][k] + shift[k]);
}

/* Puts fragment f's centre at the image nearest to a place. */
static int place(const struct asim_whole *whole, size_t f,
                 const struct asim_lattice *lattice, const double centre[3],
                 const double target[3], float (*x)[3], double ret_distance[3],
                 struct asim_error *err)
{
    double d[3], shift[3];
    for (int k = 0; k < 3; k++)
        d[k] = centre[k] - target[k];
    if (!asim_lattice_shortest(lattice, d, shift))
        return fail_atom(whole->fragments[f].root, x[whole->fragments[f].root], err);
    move_fragment(whole, &whole->fragments[f], shift, x);
    memcpy(ret_distance, d, sizeof d);
    return 0;
}

/* The fragment before f that has an image nearest to f's centre. Plain reduction finds
 * every image within the safe distance; only where none is that near all 27 are tried.
 */
static size_t nearest_before(const struct asim_whole *whole, size_t f,
                             const struct asim_lattice *lattice, const double centre[3])
{
    size_t nearest = 0;
    double best = INFINITY;
    for (int thorough = 0; thorough < 2 && !(best <= lattice->safe_squared);
         thorough++) {
        for (size_t i = f > ARRANGED_WITH ? f - ARRANGED_WITH : 0; i < f; i++) {
            double d[3], shift[3];
            for (int k = 0; k < 3; k++)
                d[k] = centre[k] - whole->fragments[i].reference_nm[k];
            if (!(thorough ? asim_lattice_shortest(lattice, d, shift)
                           : asim_lattice_reduce(lattice, d, shift)))
                continue;
            if (asim_squared_length(d) < best) {
                best = asim_squared_length(d);
                nearest = i;
            }
        }
    }
    return nearest;
}

static int arrange_first(struct asim_whole *whole, const struct asim_lattice *lattice,
                         float (*x)[3], struct asim_error *err)
{
    struct fragment *fragments = whole->fragments;
    for (size_t f = 0; f < whole->fragment_count; f++) {
        double centre[3], d[3];
        centre_of(whole, &fragments[f], x, centre);
        memcpy(fragments[f].reference_nm, centre, sizeof centre);
        if (f == 0 || lattice->open)
            continue;
        size_t before = nearest_before(whole, f, lattice, centre);
        const double *target = fragments[before].reference_nm;
        if (place(whole, f, lattice, centre, target, x, d, err) < 0)
            return -1;
        for (int k = 0; k < 3; k++)
            fragments[f].reference_nm[k] = target[k] + d[k];
    }
    double origin[3];
    memcpy(origin, fragments[whole->anchor].reference_nm, sizeof origin);
    for (size_t f = 0; f < whole->fragment_count; f++)
        for (int k = 0; k < 3; k++)
            fragments[f].reference_nm[k] -= origin[k];
    gather_anchor(whole, x, whole->anchor_nm);
    whole->arranged = true;
    return 0;
}

/* Where fragment f should be, were the anchor turned by the transpose of `rotation`. */
static void find_target(const struct fragment *fragment, const double anchor[3],
                        double rotation[3][3], double ret_target[3])
{
    const double *from = fragment->reference_nm;
    for (int k = 0; k < 3; k++)
        ret_target[k] = anchor[k] + rotation[0][k] * from[0] +
                        rotation[1][k] * from[1] + rotation[2][k] * from[2];
}

/* Sum over fragments of the squared distance from their target. */
static int miss(const struct asim_whole *whole, const struct asim_lattice *lattice,
                const double anchor[3], double rotation[3][3], float (*x)[3],
                double *ret_sum, struct asim_error *err)
{
    double sum = 0.0;
    for (size_t f = 0; f < whole->fragment_count; f++) {
        const struct fragment *fragment = &whole->fragments[f];
        double centre[3], target[3], d[3], shift[3];
        if (f == whole->anchor)
            continue;
        centre_of(whole, fragment, x, centre);
        find_target(fragment, anchor, rotation, target);
        for (int k = 0; k < 3; k++)
            d[k] = centre[k] - target[k];
        if (!asim_lattice_shortest(lattice, d, shift))
            return fail_atom(fragment->root, x[fragment->root], err);
        sum += asim_squared_length(d);
    }
    *ret_sum = sum;
    return 0;
}

/*
 * A complex tumbles as a whole, so that its chains are to be looked for where the
 * turned anchor has them; molecules that move freely stay where they were rather than
 * follow the turns of one of them. Of the two, what misses the first frame's
 * arrangement by less is right.
 */
static int arrange_as_before(const struct asim_whole *whole,
                             const struct asim_lattice *lattice, float (*x)[3],
                             struct asim_error *err)
{
    double still[3][3] = {{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}, {0.0, 0.0, 1.0}};
    double turned[3][3], centre[3], reference_centre[3], anchor[3];
    double now_nm[3 * ORIENTED_BY], miss_still = 0.0, miss_turned = 0.0;
    double(*rotation)[3] = still;
    size_t count = gather_anchor(whole, x, now_nm);
    centre_of(whole, &whole->fragments[whole->anchor], x, anchor);
    if (asim_superpose(now_nm, whole->anchor_nm, count, turned, centre,
                       reference_centre, NULL) == 0) {
        if (miss(whole, lattice, anchor, still, x, &miss_still, err) < 0 ||
            miss(whole, lattice, anchor, turned, x, &miss_turned, err) < 0)
            return -1;
        if (miss_turned < miss_still)
            rotation = turned;
    }
    for (size_t f = 0; f < whole->fragment_count; f++) {
        double target[3], d[3];
        if (f == whole->anchor)
            continue;
        centre_of(whole, &whole->fragments[f], x, centre);
        find_target(&whole->fragments[f], anchor, rotation, target);
        if (place(whole, f, lattice, centre, target, x, d, err) < 0)
            return -1;
    }
    return 0;
}

int asim_whole_apply(struct asim_whole *whole, struct asim_frame *frame,
                     struct asim_error *err)
{
    struct asim_lattice lattice;
    if (frame->atom_count < whole->atom_limit)
        return asim_fail(err, ASIM_EINPUT,
                         "the frame has %zu atoms but the selection needs %zu",
                         frame->atom_count, whole->atom_limit);
    if (asim_lattice_init(frame->box_nm, &lattice, err) < 0)
        return -1;
    for (size_t f = 0; f < whole->fragment_count; f++) {
        const struct fragment *fragment = &whole->fragments[f];
        if (!is_finite(frame->x_nm[fragment->root]))
            return fail_atom(fragment->root, frame->x_nm[fragment->root], err);
        if (walk(whole->steps + fragment->first_step, fragment->step_count, &lattice,
                 frame->x_nm, err) < 0)
            return -1;
    }
    if (!whole->arranged)
        return arrange_first(whole, &lattice, frame->x_nm, err);
    if (whole->fragment_count > 1 && !lattice.open)
        return arrange_as_before(whole, &lattice, frame->x_nm, err);
    return 0;
}
