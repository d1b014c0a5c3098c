/*
 * Making molecules whole, frame by frame, and placing them.
 *
 * A bond is far shorter than half a box, so the right image of a child is the one
 * nearest to its parent; a walk along the tree makes a fragment whole whatever its
 * size. Knows no file and no selection text. Unless frames must come in order the
 * struct is only read after the first apply(), so several threads may apply it to their
 * frames.
 */
#include "structure/whole.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "structure/superpose.h"
#include "structure/whole_internal.h"

/* A fragment that moves further than this part of a box vector between two frames may
 * as well have moved the other way round. */
#define FARTHEST_MOVE 0.4
/* A bond longer than this part of the safe distance cannot be told from its image. */
#define LONGEST_BOND 0.9

const char *asim_pbc_mode_name(enum asim_pbc_mode mode)
{
    static const char *const names[] = {
        [ASIM_PBC_AUTO] = "auto",     [ASIM_PBC_WHOLE] = "whole",
        [ASIM_PBC_NOJUMP] = "nojump", [ASIM_PBC_CLUSTER] = "cluster",
        [ASIM_PBC_NONE] = "none",
    };
    return (size_t)mode < sizeof names / sizeof *names ? names[mode] : NULL;
}

int asim_whole_create(const struct asim_topology *top, enum asim_pbc_mode mode,
                      const uint32_t *atoms, size_t atom_count,
                      struct asim_whole **ret_whole, struct asim_error *err)
{
    bool by_atoms = mode == ASIM_PBC_NOJUMP || mode == ASIM_PBC_CLUSTER;
    if (mode == ASIM_PBC_NONE)
        return asim_fail(err, ASIM_EUSAGE,
                         "molecules are not made whole in the mode 'none'");
    if (!top->has_bonds && !by_atoms)
        return asim_fail(err, ASIM_EINPUT,
                         "molecules cannot be made whole: this topology file does not "
                         "say which atoms are bonded; give a TPR file");
    if (atom_count == 0)
        return asim_fail(err, ASIM_EINPUT,
                         "molecules cannot be made whole: no atom is selected");
    struct asim_whole *whole = asim_alloc_array(1, sizeof *whole, err);
    if (!whole)
        return -1;
    whole->mode = by_atoms ? mode : ASIM_PBC_WHOLE;
    whole->by_bonds = top->has_bonds;
    if (asim_whole_grow(whole, top, atoms, atom_count, err) < 0)
        goto fail;
    if (mode == ASIM_PBC_NOJUMP) {
        whole->before =
            asim_alloc_array(whole->fragment_count, sizeof *whole->before, err);
        whole->first =
            asim_alloc_array(whole->fragment_count, sizeof *whole->first, err);
        if (!whole->before || !whole->first)
            goto fail;
    }
    *ret_whole = whole;
    return 0;
fail:
    asim_whole_destroy(whole);
    return -1;
}

void asim_whole_destroy(struct asim_whole *whole)
{
    if (!whole)
        return;
    free(whole->fragments);
    free(whole->steps);
    free(whole->closures);
    free(whole->atoms);
    free(whole->before);
    free(whole->first);
    free(whole);
}

size_t asim_whole_atom_limit(const struct asim_whole *whole)
{
    return whole->atom_limit;
}

int asim_whole_list_atoms(const struct asim_whole *whole, uint32_t **ret_atoms,
                          size_t *ret_count, struct asim_error *err)
{
    size_t count = 0;
    uint32_t *atoms =
        asim_alloc_array(whole->fragment_count + whole->step_count, sizeof *atoms, err);
    if (!atoms)
        return -1;
    /* Every parent is a root or the child of another step. */
    for (size_t f = 0; f < whole->fragment_count; f++)
        atoms[count++] = whole->fragments[f].root;
    for (size_t i = 0; i < whole->step_count; i++)
        atoms[count++] = whole->steps[i].child;
    *ret_atoms = atoms;
    *ret_count = count;
    return 0;
}

bool asim_whole_in_order(const struct asim_whole *whole)
{
    return whole->mode == ASIM_PBC_NOJUMP;
}

void asim_whole_restart(struct asim_whole *whole)
{
    if (whole->arranged && whole->mode == ASIM_PBC_NOJUMP)
        memcpy(whole->before, whole->first,
               whole->fragment_count * sizeof *whole->before);
}

int asim_whole_fail_atom(size_t atom, const float x[3], struct asim_error *err)
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
static int walk(const struct asim_whole_step *steps, size_t count,
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
            return asim_whole_fail_atom(steps[i].child, child, err);
        for (int k = 0; k < 3; k++)
            child[k] = (float)((double)child[k] + shift[k]);
    }
    return 0;
}

static void difference(float (*x)[3], struct asim_whole_step step, double ret_d[3])
{
    for (int k = 0; k < 3; k++)
        ret_d[k] = (double)x[step.child][k] - (double)x[step.parent][k];
}

/* In the first frame: are the bonds short enough for the box? */
static int check_bonds(const struct asim_whole *whole,
                       const struct asim_lattice *lattice, float (*x)[3],
                       struct asim_error *err)
{
    double longest = LONGEST_BOND * LONGEST_BOND * lattice->safe_squared;
    for (size_t i = 0; i < whole->step_count; i++) {
        double d[3];
        difference(x, whole->steps[i], d);
        if (!(asim_squared_length(d) <= longest))
            return asim_fail(
                err, ASIM_EINPUT,
                "atoms %u and %u are bonded but lie %.3f nm apart, too far to tell "
                "which image is meant in a box whose half is %.3f nm: are topology and "
                "trajectory of the same system? 'none' as the mode of periodic "
                "boundaries takes positions as they are",
                whole->steps[i].parent + 1, whole->steps[i].child + 1,
                sqrt(asim_squared_length(d)), sqrt(lattice->safe_squared));
    }
    return 0;
}

/* A ring whose last bond does not close leads through the box to its own image. */
static int check_rings(const struct asim_whole *whole,
                       const struct asim_lattice *lattice, float (*x)[3],
                       struct asim_error *err)
{
    for (size_t i = 0; i < whole->closure_count; i++) {
        double d[3];
        difference(x, whole->closures[i], d);
        if (fabs(d[2]) <= (double)lattice->half[2] &&
            fabs(d[1]) <= (double)lattice->half[1] &&
            fabs(d[0]) <= (double)lattice->half[0])
            continue;
        return asim_fail(
            err, ASIM_EINPUT,
            "a molecule is bonded to its own periodic image: once it is put together "
            "the bonded atoms %u and %u lie %.2f nm apart. What has no end cannot be "
            "made whole; 'none' as the mode of periodic boundaries takes positions as "
            "they are",
            whole->closures[i].parent + 1, whole->closures[i].child + 1,
            sqrt(asim_squared_length(d)));
    }
    return 0;
}

void asim_whole_centre(const struct asim_whole *whole, size_t f, float (*x)[3],
                       double ret_centre[3])
{
    const struct asim_fragment *fragment = &whole->fragments[f];
    const uint32_t *atoms = whole->atoms + fragment->first_atom;
    double sum[3] = {0.0, 0.0, 0.0};
    for (size_t i = 0; i < fragment->atom_count; i++)
        for (int k = 0; k < 3; k++)
            sum[k] += (double)x[atoms[i]][k];
    for (int k = 0; k < 3; k++)
        ret_centre[k] = sum[k] / (double)fragment->atom_count;
}

void asim_whole_move(const struct asim_whole *whole, size_t f, const double shift[3],
                     float (*x)[3])
{
    if (shift[0] == 0.0 && shift[1] == 0.0 && shift[2] == 0.0)
        return;
    const struct asim_fragment *fragment = &whole->fragments[f];
    const struct asim_whole_step *steps = whole->steps + fragment->first_step;
    for (int k = 0; k < 3; k++)
        x[fragment->root][k] = (float)((double)x[fragment->root][k] + shift[k]);
    for (size_t i = 0; i < fragment->step_count; i++)
        for (int k = 0; k < 3; k++)
            x[steps[i].child][k] = (float)((double)x[steps[i].child][k] + shift[k]);
}

/* Evenly spread atoms of the anchor; returns how many. */
static size_t gather_anchor(const struct asim_whole *whole, float (*x)[3],
                            double ret_anchor_nm[3 * ASIM_ORIENTED_BY])
{
    const struct asim_fragment *anchor = &whole->fragments[whole->anchor];
    const uint32_t *atoms = whole->atoms + anchor->first_atom;
    size_t step = (anchor->atom_count + ASIM_ORIENTED_BY - 1) / ASIM_ORIENTED_BY,
           count = 0;
    for (size_t i = 0; i < anchor->atom_count; i += step, count++)
        for (int k = 0; k < 3; k++)
            ret_anchor_nm[3 * count + (size_t)k] = (double)x[atoms[i]][k];
    return count;
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
        return asim_whole_fail_atom(whole->fragments[f].root,
                                    x[whole->fragments[f].root], err);
    asim_whole_move(whole, f, shift, x);
    memcpy(ret_distance, d, sizeof d);
    return 0;
}

/* Where fragment f should be, were the anchor turned by the transpose of `rotation`. */
static void find_target(const struct asim_fragment *fragment, const double anchor[3],
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
        const struct asim_fragment *fragment = &whole->fragments[f];
        double centre[3], target[3], d[3], shift[3];
        if (f == whole->anchor)
            continue;
        asim_whole_centre(whole, f, x, centre);
        find_target(fragment, anchor, rotation, target);
        for (int k = 0; k < 3; k++)
            d[k] = centre[k] - target[k];
        if (!asim_lattice_shortest(lattice, d, shift))
            return asim_whole_fail_atom(fragment->root, x[fragment->root], err);
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
    double now_nm[3 * ASIM_ORIENTED_BY], miss_still = 0.0, miss_turned = 0.0;
    double(*rotation)[3] = still;
    size_t count = gather_anchor(whole, x, now_nm);
    asim_whole_centre(whole, whole->anchor, x, anchor);
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
        asim_whole_centre(whole, f, x, centre);
        find_target(&whole->fragments[f], anchor, rotation, target);
        if (place(whole, f, lattice, centre, target, x, d, err) < 0)
            return -1;
    }
    return 0;
}

/* Remembers where the first frame has the fragments. */
static void remember(struct asim_whole *whole, float (*x)[3])
{
    double anchor[3];
    asim_whole_centre(whole, whole->anchor, x, anchor);
    for (size_t f = 0; f < whole->fragment_count; f++) {
        double *reference = whole->fragments[f].reference_nm;
        asim_whole_centre(whole, f, x, reference);
        for (int k = 0; k < 3; k++)
            reference[k] -= anchor[k];
    }
    gather_anchor(whole, x, whole->anchor_nm);
}

/* A position in units of the box vectors; 0 along an open direction. */
static void fractional(const struct asim_lattice *lattice, const double x[3],
                       double ret_s[3])
{
    double rest[3] = {x[0], x[1], x[2]};
    for (int i = 2; i >= 0; i--) {
        ret_s[i] = rest[i] * lattice->inverse[i];
        for (int k = 0; k <= i; k++)
            rest[k] -= ret_s[i] * lattice->row[i][k];
    }
}

/* Every fragment at the image that its move since the frame before makes the shortest,
 * in units of the box vectors. */
static int follow(struct asim_whole *whole, const struct asim_lattice *lattice,
                  float (*x)[3], struct asim_error *err)
{
    for (size_t f = 0; f < whole->fragment_count; f++) {
        double centre[3], s[3], shift[3] = {0.0, 0.0, 0.0};
        asim_whole_centre(whole, f, x, centre);
        fractional(lattice, centre, s);
        for (int i = 0; i < 3; i++) {
            double move = s[i] - whole->before[f][i], n = rint(move);
            if (!(fabs(n) < 16777216.0))
                return asim_whole_fail_atom(whole->fragments[f].root,
                                            x[whole->fragments[f].root], err);
            if (fabs(move - n) > FARTHEST_MOVE)
                return asim_fail(
                    err, ASIM_EINPUT,
                    "the selected atoms bonded to atom %u have moved by %.2f of box "
                    "vector %c since the frame before: their image cannot be told. "
                    "Take every frame (no stride), leave out what diffuses freely, or "
                    "use the mode 'whole' with a topology that has bonds",
                    whole->fragments[f].root + 1, fabs(move - n), "abc"[i]);
            s[i] -= n;
            for (int k = 0; k <= i; k++)
                shift[k] -= n * lattice->row[i][k];
        }
        asim_whole_move(whole, f, shift, x);
        memcpy(whole->before[f], s, sizeof s);
    }
    return 0;
}

void asim_whole_arrange_like(struct asim_whole *whole, float (*x_nm)[3])
{
    if (!whole->by_bonds || whole->mode == ASIM_PBC_CLUSTER)
        return;
    double anchor_nm[3 * ASIM_ORIENTED_BY], rotation[3][3], from[3], to[3];
    size_t count = gather_anchor(whole, x_nm, anchor_nm);
    remember(whole, x_nm);
    /* A place beside an anchor on a line says nothing in another orientation. */
    whole->guided =
        asim_superpose(anchor_nm, anchor_nm, count, rotation, from, to, NULL) == 0;
}

/* What no bonds hold together is taken as the first frame has it, except in a cluster.
 */
static int arrange_first(struct asim_whole *whole, const struct asim_lattice *lattice,
                         float (*x)[3], struct asim_error *err)
{
    bool strict = whole->mode == ASIM_PBC_CLUSTER;
    if (whole->fragment_count > 1 && !lattice->open && (whole->by_bonds || strict) &&
        (whole->guided ? arrange_as_before(whole, lattice, x, err)
                       : asim_whole_join(whole, lattice, strict, x, err)) < 0)
        return -1;
    if (!whole->guided)
        remember(whole, x);
    for (size_t f = 0; whole->before && f < whole->fragment_count; f++) {
        double centre[3];
        asim_whole_centre(whole, f, x, centre);
        fractional(lattice, centre, whole->before[f]);
        memcpy(whole->first[f], whole->before[f], sizeof whole->first[f]);
    }
    whole->arranged = true;
    return 0;
}

int asim_whole_apply(struct asim_whole *whole, struct asim_frame *frame,
                     struct asim_error *err)
{
    struct asim_lattice lattice;
    float(*x)[3] = frame->x_nm;
    if (frame->atom_count < whole->atom_limit)
        return asim_fail(err, ASIM_EINPUT,
                         "the frame has %zu atoms but the selection needs %zu",
                         frame->atom_count, whole->atom_limit);
    if (asim_lattice_init(frame->box_nm, &lattice, err) < 0)
        return -1;
    for (size_t f = 0; f < whole->fragment_count; f++) {
        const struct asim_fragment *fragment = &whole->fragments[f];
        if (!is_finite(x[fragment->root]))
            return asim_whole_fail_atom(fragment->root, x[fragment->root], err);
        if (walk(whole->steps + fragment->first_step, fragment->step_count, &lattice, x,
                 err) < 0)
            return -1;
    }
    if (check_rings(whole, &lattice, x, err) < 0)
        return -1;
    if (!whole->arranged) {
        if (!lattice.open && check_bonds(whole, &lattice, x, err) < 0)
            return -1;
        return arrange_first(whole, &lattice, x, err);
    }
    if (lattice.open)
        return 0;
    if (whole->mode == ASIM_PBC_NOJUMP)
        return follow(whole, &lattice, x, err);
    if (whole->fragment_count == 1)
        return 0;
    return whole->mode == ASIM_PBC_CLUSTER
               ? asim_whole_join(whole, &lattice, true, x, err)
               : arrange_as_before(whole, &lattice, x, err);
}
