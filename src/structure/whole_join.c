/*
 * Several fragments next to each other: a tree of nearest neighbours (Prim 1957), grown
 * from the anchor. A fragment is represented by some of its selected atoms, or by its
 * centre where there are many fragments; every distance is that of the nearest image.
 *
 * Costs the square of the number of representatives. Nearly all distances come from
 * plain reduction, which finds every image within the lattice's safe distance; only
 * gaps wider than that are looked at again with all images.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "structure/whole_internal.h"

enum {
    BY_ATOMS = 64,          /* fragments at most that are compared by their atoms */
    REPRESENTATIVES = 1024, /* in all, where they are */
    MOST_FRAGMENTS = 20000, /* in a strict cluster: 20000^2 distances are seconds */
    COMPARED_LOOSELY =
        256, /* where many need not be right: keeps 100,000 waters linear */
};

struct point {
    double x[3];
    uint32_t atom; /* for messages */
};

struct joiner {
    const struct asim_whole *whole;
    const struct asim_lattice *lattice;
    struct point *points;   /* by fragment */
    size_t *first;          /* [fragment_count + 1] */
    double (*shift)[3];     /* that brings a fragment to the nearest one placed */
    double *distance;       /* squared, to that one; placed: -1 */
    double longest_squared; /* that had to be joined */
};

static int collect_points(struct joiner *j, float (*x)[3], struct asim_error *err)
{
    const struct asim_whole *whole = j->whole;
    size_t count = whole->fragment_count, used = 0;
    bool by_atoms = count <= BY_ATOMS;
    size_t most = by_atoms ? REPRESENTATIVES / count : 1;
    j->first = asim_alloc_array(count + 1, sizeof *j->first, err);
    j->points = asim_alloc_array(count * most, sizeof *j->points, err);
    j->shift = asim_alloc_array(count, sizeof *j->shift, err);
    j->distance = asim_alloc_array(count, sizeof *j->distance, err);
    if (!j->first || !j->points || !j->shift || !j->distance)
        return -1;
    for (size_t f = 0; f < count; f++) {
        const struct asim_fragment *fragment = &whole->fragments[f];
        const uint32_t *atoms = whole->atoms + fragment->first_atom;
        size_t step = (fragment->atom_count + most - 1) / most;
        j->distance[f] = INFINITY;
        if (!by_atoms) {
            asim_whole_centre(whole, f, x, j->points[used].x);
            j->points[used++].atom = fragment->root;
        }
        for (size_t i = 0; by_atoms && i < fragment->atom_count; i += step) {
            for (int k = 0; k < 3; k++)
                j->points[used].x[k] = (double)x[atoms[i]][k];
            j->points[used++].atom = atoms[i];
        }
        j->first[f + 1] = used;
    }
    return 0;
}

/* The nearest pair of two fragments, where it is nearer than `best`; `ret_shift` brings
 * f to it. Not thorough: right where it is within the safe distance. */
static int nearest_pair(const struct joiner *j, size_t f, size_t to, bool thorough,
                        double *best, double ret_shift[3], struct asim_error *err)
{
    for (size_t a = j->first[f]; a < j->first[f + 1]; a++) {
        for (size_t b = j->first[to]; b < j->first[to + 1]; b++) {
            double d[3], shift[3];
            for (int k = 0; k < 3; k++)
                d[k] = j->points[a].x[k] - j->points[b].x[k];
            if (!(thorough ? asim_lattice_shortest(j->lattice, d, shift)
                           : asim_lattice_reduce(j->lattice, d, shift))) {
                float x[3] = {(float)j->points[a].x[0], (float)j->points[a].x[1],
                              (float)j->points[a].x[2]};
                return asim_whole_fail_atom(j->points[a].atom, x, err);
            }
            if (asim_squared_length(d) < *best) {
                *best = asim_squared_length(d);
                memcpy(ret_shift, shift, sizeof shift);
            }
        }
    }
    return 0;
}

static void place(struct joiner *j, size_t f, float (*x)[3])
{
    if (j->distance[f] < INFINITY && j->distance[f] > j->longest_squared)
        j->longest_squared = j->distance[f];
    asim_whole_move(j->whole, f, j->shift[f], x);
    for (size_t i = j->first[f]; i < j->first[f + 1]; i++)
        for (int k = 0; k < 3; k++)
            j->points[i].x[k] += j->shift[f][k];
    j->distance[f] = -1.0;
}

/* Every fragment that is left against every one placed, at all images. */
static int look_again(struct joiner *j, struct asim_error *err)
{
    size_t count = j->whole->fragment_count;
    for (size_t f = 0; f < count; f++) {
        if (j->distance[f] < 0.0)
            continue;
        for (size_t to = 0; to < count; to++)
            if (j->distance[to] < 0.0 &&
                nearest_pair(j, f, to, true, &j->distance[f], j->shift[f], err) < 0)
                return -1;
    }
    return 0;
}

static size_t nearest_left(const struct joiner *j)
{
    size_t count = j->whole->fragment_count, next = count;
    for (size_t f = 0; f < count; f++)
        if (j->distance[f] >= 0.0 &&
            (next == count || j->distance[f] < j->distance[next]))
            next = f;
    return next;
}

static int grow_tree(struct joiner *j, float (*x)[3], struct asim_error *err)
{
    size_t count = j->whole->fragment_count, last = j->whole->anchor;
    place(j, last, x);
    for (size_t placed = 1; placed < count; placed++) {
        for (size_t f = 0; f < count; f++)
            if (j->distance[f] >= 0.0 &&
                nearest_pair(j, f, last, false, &j->distance[f], j->shift[f], err) < 0)
                return -1;
        last = nearest_left(j);
        if (j->distance[last] > j->lattice->safe_squared) {
            if (look_again(j, err) < 0)
                return -1;
            last = nearest_left(j);
        }
        place(j, last, x);
    }
    return 0;
}

/* Many fragments that need not be a cluster: each next to the nearest of those just
 * before it in the topology. */
static int place_in_turn(struct joiner *j, float (*x)[3], struct asim_error *err)
{
    for (size_t f = 0; f < j->whole->fragment_count; f++) {
        size_t from = f > COMPARED_LOOSELY ? f - COMPARED_LOOSELY : 0;
        for (size_t to = from; to < f; to++)
            if (nearest_pair(j, f, to, true, &j->distance[f], j->shift[f], err) < 0)
                return -1;
        place(j, f, x);
    }
    return 0;
}

/* Two that are nearer across the box than some that were joined: the cluster could as
 * well have been joined there. */
static int check_only_one(const struct joiner *j, struct asim_error *err)
{
    size_t points = j->first[j->whole->fragment_count];
    /* Equal distances, as in a lattice of atoms, are no reason to prefer one either;
     * the slack is the rounding of floats. */
    double limit = j->longest_squared * (1.0 - 1e-4);
    bool thorough = limit > j->lattice->safe_squared;
    for (size_t a = 0; a < points; a++) {
        for (size_t b = 0; b < a; b++) {
            double d[3], shift[3];
            for (int k = 0; k < 3; k++)
                d[k] = j->points[a].x[k] - j->points[b].x[k];
            if (asim_squared_length(d) <= limit)
                continue;
            if (!(thorough ? asim_lattice_shortest(j->lattice, d, shift)
                           : asim_lattice_reduce(j->lattice, d, shift)) ||
                asim_squared_length(d) > limit ||
                (shift[0] == 0.0 && shift[1] == 0.0 && shift[2] == 0.0))
                continue;
            return asim_fail(
                err, ASIM_EINPUT,
                "the selected atoms are no single cluster: atoms %u and %u are %.2f nm "
                "apart across the box, nearer than the widest gap within, %.2f nm, so "
                "that no arrangement is the right one; select less, or give a topology "
                "that has bonds and use the mode 'whole'",
                j->points[b].atom + 1, j->points[a].atom + 1,
                sqrt(asim_squared_length(d)), sqrt(j->longest_squared));
        }
    }
    return 0;
}

int asim_whole_join(const struct asim_whole *whole, const struct asim_lattice *lattice,
                    bool strict, float (*x)[3], struct asim_error *err)
{
    struct joiner j = {.whole = whole, .lattice = lattice};
    int rc = -1;
    if (strict && whole->fragment_count > MOST_FRAGMENTS)
        return asim_fail(err, ASIM_EINPUT,
                         "%zu unconnected parts are too many for a cluster (at most "
                         "%d): give a topology that has bonds, or select less",
                         whole->fragment_count, MOST_FRAGMENTS);
    if (collect_points(&j, x, err) < 0)
        goto out;
    if (strict || whole->fragment_count <= BY_ATOMS)
        rc = grow_tree(&j, x, err);
    else
        rc = place_in_turn(&j, x, err);
    if (rc == 0 && strict)
        rc = check_only_one(&j, err);
out:
    free(j.points);
    free(j.first);
    free(j.shift);
    free(j.distance);
    return rc;
}
