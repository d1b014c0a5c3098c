/*
 * From bonds to trees.
 *
 * The bonds of the molecules that hold selected atoms give fragments (atoms connected
 * by bonds), and each fragment a list of steps (child, parent) in breadth-first order
 * from a selected atom, without the branches that lead to no selected atom. Bonds
 * between atoms of the tree that are no step close rings; they are kept for a check.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "structure/whole_internal.h"

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

static int add_closure(struct asim_whole *whole, uint32_t child, uint32_t parent,
                       struct asim_error *err)
{
    if (asim_grow(&whole->closures, &whole->closure_capacity, whole->closure_count + 1,
                  sizeof *whole->closures, err) < 0)
        return -1;
    whole->closures[whole->closure_count++] = (struct asim_whole_step){child, parent};
    return 0;
}

/* Those between atoms that stay on the tree. A bond from a child to its parent that the
 * topology lists twice is no ring, and checking it does no harm. */
static void keep_closures(struct asim_whole *whole, size_t first, const uint8_t *marks)
{
    size_t kept = first;
    for (size_t i = first; i < whole->closure_count; i++)
        if (marks[whole->closures[i].child] & marks[whole->closures[i].parent] & NEEDED)
            whole->closures[kept++] = whole->closures[i];
    whole->closure_count = kept;
}

/* Appends the fragment of `root`: its steps in breadth-first order, pruned. */
static int add_fragment(struct asim_whole *whole, const struct neighbours *n,
                        uint32_t root, uint8_t *marks, struct asim_error *err)
{
    size_t first_step = whole->step_count;
    struct asim_fragment fragment = {
        .root = root, .first_step = first_step, .first_atom = whole->atom_count};
    size_t first_closure = whole->closure_count;
    marks[root] |= SEEN | NEEDED;
    uint32_t atom = root, parent = root;
    for (size_t at = first_step;; at++) {
        for (uint32_t k = n->first[atom]; k < n->first[atom + 1]; k++) {
            uint32_t child = n->list[k];
            if (marks[child] & SEEN) {
                /* Seen from both ends; kept from one. */
                if (child != parent && atom < child &&
                    add_closure(whole, child, atom, err) < 0)
                    return -1;
                continue;
            }
            marks[child] |= SEEN;
            if (asim_grow(&whole->steps, &whole->step_capacity, whole->step_count + 1,
                          sizeof *whole->steps, err) < 0)
                return -1;
            whole->steps[whole->step_count++] = (struct asim_whole_step){child, atom};
        }
        if (at == whole->step_count)
            break;
        atom = whole->steps[at].child;
        parent = whole->steps[at].parent;
    }
    /* Children come after their parents, so one pass backwards marks every atom on the
     * way to a selected one. */
    for (size_t i = whole->step_count; i-- > first_step;) {
        struct asim_whole_step step = whole->steps[i];
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
        struct asim_whole_step step = whole->steps[i];
        if (!(marks[step.child] & NEEDED))
            continue;
        whole->steps[kept++] = step;
        if (marks[step.child] & SELECTED)
            whole->atoms[whole->atom_count++] = step.child;
        if (step.child >= whole->atom_limit)
            whole->atom_limit = (size_t)step.child + 1;
    }
    keep_closures(whole, first_closure, marks);
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

int asim_whole_grow(struct asim_whole *whole, const struct asim_topology *top,
                    const uint32_t *atoms, size_t atom_count, struct asim_error *err)
{
    struct neighbours neighbours = {0};
    int rc = -1;
    uint8_t *marks = asim_alloc_array(top->atom_count, 1, err);
    uint8_t *touched = asim_alloc_array(top->molecule_count, 1, err);
    if (!marks || !touched)
        goto out;
    whole->atoms = asim_alloc_array(atom_count, sizeof *whole->atoms, err);
    /* Room for one step at least: atoms without bonds take none, and a pointer into no
     * array is not to be offset. */
    if (!whole->atoms ||
        asim_grow(&whole->steps, &whole->step_capacity, atom_count,
                  sizeof *whole->steps, err) < 0 ||
        mark_atoms(top, atoms, atom_count, marks, touched, err) < 0)
        goto out;
    if (!whole->by_bonds)
        memset(touched, 0, top->molecule_count);
    if (neighbours_init(top, touched, &neighbours, err) < 0)
        goto out;
    for (size_t i = 0; i < atom_count; i++)
        if (!(marks[atoms[i]] & SEEN) &&
            add_fragment(whole, &neighbours, atoms[i], marks, err) < 0)
            goto out;
    rc = 0;
out:
    neighbours_finish(&neighbours);
    free(marks);
    free(touched);
    return rc;
}
