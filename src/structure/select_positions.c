/*
 * Clauses and operators that depend on positions: around, within, zones and layers,
 * point, prop x.
 *
 * Positions are one frame's, as they are, with periodic boundaries in every distance.
 * A centre is that of the operand's atoms made whole where bonds are known, since the
 * mean of the parts of a broken molecule lies in neither.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "structure/lattice.h"
#include "structure/near.h"
#include "structure/select.h"
#include "structure/whole.h"

static int fail_no_positions(const struct asim_select_query *query,
                             const struct asim_select_node *node,
                             struct asim_error *err)
{
    size_t end = node->kind == ASIM_SELECT_NODE_OPERATOR ? node->head_end : node->end;
    return asim_select_fail_at(query, node->begin, end - node->begin, err,
                               "this asks for positions, which are not at hand: give a "
                               "trajectory, or a TPR, GRO or PDB file");
}

static int read_first_frame(struct asim_select_scope *scope, struct asim_error *err)
{
    struct asim_trajectory *traj = scope->context.traj;
    if (asim_trajectory_is_subset(traj))
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' holds a part of the system, so its frames do not say "
                         "which atoms are near others",
                         asim_trajectory_path(traj));
    asim_trajectory_limit_atoms(traj, 0);
    if (asim_trajectory_seek(traj, 0, err) < 0)
        return -1;
    int got = asim_trajectory_next(traj, &scope->own_frame, err);
    if (got == 0)
        asim_fail(err, ASIM_EINPUT, "'%s' has no frame whose positions could be asked",
                  asim_trajectory_path(traj));
    if (got <= 0 || asim_trajectory_seek(traj, 0, err) < 0)
        return -1;
    scope->frame = &scope->own_frame;
    return 0;
}

static int find_frame(struct asim_select_scope *scope,
                      const struct asim_select_query *query,
                      const struct asim_select_node *node, struct asim_error *err)
{
    if (scope->frame)
        return 0;
    if (scope->context.frame)
        scope->frame = scope->context.frame;
    else if (!scope->context.traj)
        return fail_no_positions(query, node, err);
    else if (read_first_frame(scope, err) < 0)
        return -1;
    if (scope->frame->atom_count != scope->top->atom_count) {
        size_t count = scope->frame->atom_count;
        scope->frame = NULL;
        return asim_fail(err, ASIM_EINPUT,
                         "the topology has %zu atoms but the frame whose positions the "
                         "selection asks for has %zu",
                         scope->top->atom_count, count);
    }
    return 0;
}

/* The atoms of the mask as positions; *ret_x is owned by the caller. */
static int gather(const struct asim_select_scope *scope, const uint8_t *mask,
                  float (**ret_x)[3], size_t *ret_count, struct asim_error *err)
{
    size_t atom_count = scope->top->atom_count, count = 0;
    float(*x)[3] =
        asim_alloc_array(asim_select_count(mask, atom_count), sizeof *x, err);
    if (!x)
        return -1;
    for (size_t i = 0; i < atom_count; i++)
        if (mask[i])
            memcpy(x[count++], scope->frame->x_nm[i], sizeof *x);
    *ret_x = x;
    *ret_count = count;
    return 0;
}

/* mask becomes the atoms within the distance of one of its atoms, these included. */
static int mark_near(const struct asim_select_scope *scope, double cutoff_nm,
                     uint8_t *mask, struct asim_error *err)
{
    float(*x)[3];
    size_t count;
    if (gather(scope, mask, &x, &count, err) < 0)
        return -1;
    int rc = asim_near(scope->frame->box_nm, (const float(*)[3])x, count,
                       (const float(*)[3])scope->frame->x_nm, scope->top->atom_count,
                       cutoff_nm, mask, err);
    free(x);
    return rc;
}

/* around; isolayer: beyond `inner` as well. */
static int mark_shell(const struct asim_select_scope *scope, double inner_nm,
                      double outer_nm, bool layer, uint8_t *mask,
                      struct asim_error *err)
{
    size_t atom_count = scope->top->atom_count;
    uint8_t *inside = asim_alloc_array(atom_count, 1, err);
    if (!inside)
        return -1;
    memcpy(inside, mask, atom_count);
    int rc = layer ? mark_near(scope, inner_nm, inside, err) : 0;
    if (rc == 0)
        rc = mark_near(scope, outer_nm, mask, err);
    for (size_t i = 0; rc == 0 && i < atom_count; i++)
        mask[i] &= !inside[i];
    free(inside);
    return rc;
}

/* A copy of the frame in which the atoms of the mask are whole, or as they are where
 * bonds are not known. */
static int copy_whole(const struct asim_select_scope *scope, const uint8_t *mask,
                      struct asim_frame *copy, struct asim_error *err)
{
    const struct asim_topology *top = scope->top;
    struct asim_whole *whole = NULL;
    size_t count = 0;
    int rc = -1;
    uint32_t *atoms =
        asim_alloc_array(asim_select_count(mask, top->atom_count), sizeof *atoms, err);
    if (!atoms || asim_frame_reserve(copy, top->atom_count, err) < 0)
        goto out;
    memcpy(copy->x_nm, scope->frame->x_nm, top->atom_count * sizeof *copy->x_nm);
    memcpy(copy->box_nm, scope->frame->box_nm, sizeof copy->box_nm);
    copy->atom_count = top->atom_count;
    for (size_t i = 0; i < top->atom_count; i++)
        if (mask[i])
            atoms[count++] = (uint32_t)i;
    if (top->has_bonds &&
        (asim_whole_create(top, ASIM_PBC_WHOLE, atoms, count, &whole, err) < 0 ||
         asim_whole_apply(whole, copy, err) < 0))
        goto out;
    rc = 0;
out:
    asim_whole_destroy(whole);
    free(atoms);
    return rc;
}

static int find_centre(const struct asim_select_scope *scope, const uint8_t *mask,
                       double ret_centre[3], struct asim_error *err)
{
    struct asim_frame copy = {0};
    size_t count = 0;
    double sum[3] = {0.0, 0.0, 0.0};
    if (copy_whole(scope, mask, &copy, err) < 0) {
        asim_frame_finish(&copy);
        return -1;
    }
    for (size_t i = 0; i < copy.atom_count; i++) {
        for (int k = 0; mask[i] && k < 3; k++)
            sum[k] += (double)copy.x_nm[i][k];
        count += mask[i];
    }
    asim_frame_finish(&copy);
    for (int k = 0; k < 3; k++)
        ret_centre[k] = sum[k] / (double)count;
    return 0;
}

static int mark_around_place(const struct asim_select_scope *scope,
                             const double centre[3], double cutoff_nm, uint8_t *mask,
                             struct asim_error *err)
{
    float x[1][3] = {{(float)centre[0], (float)centre[1], (float)centre[2]}};
    memset(mask, 0, scope->top->atom_count);
    return asim_near(scope->frame->box_nm, (const float(*)[3])x, 1,
                     (const float(*)[3])scope->frame->x_nm, scope->top->atom_count,
                     cutoff_nm, mask, err);
}

/* sphzone (inner < 0: no hole) and sphlayer. */
static int mark_sphere(const struct asim_select_scope *scope, double inner_nm,
                       double outer_nm, uint8_t *mask, struct asim_error *err)
{
    size_t atom_count = scope->top->atom_count;
    double centre[3];
    if (find_centre(scope, mask, centre, err) < 0 ||
        mark_around_place(scope, centre, outer_nm, mask, err) < 0)
        return -1;
    if (inner_nm < 0.0)
        return 0;
    uint8_t *inside = asim_alloc_array(atom_count, 1, err);
    if (!inside)
        return -1;
    int rc = mark_around_place(scope, centre, inner_nm, inside, err);
    for (size_t i = 0; rc == 0 && i < atom_count; i++)
        mask[i] &= !inside[i];
    free(inside);
    return rc;
}

/* Along z, about the centre of the operand's atoms. */
static int mark_cylinder(const struct asim_select_scope *scope, double inner_nm,
                         double outer_nm, double top_nm, double bottom_nm,
                         uint8_t *mask, struct asim_error *err)
{
    struct asim_lattice lattice;
    double centre[3];
    if (asim_lattice_init(scope->frame->box_nm, &lattice, err) < 0 ||
        find_centre(scope, mask, centre, err) < 0)
        return -1;
    if (2.0 * outer_nm > 2.0 * (double)fminf(lattice.half[0], lattice.half[1]) ||
        top_nm - bottom_nm > 2.0 * (double)lattice.half[2])
        return asim_fail(err, ASIM_EINPUT,
                         "the cylinder of the selection is wider or longer than the "
                         "box: atoms would lie in it more than once");
    for (size_t i = 0; i < scope->top->atom_count; i++) {
        double d[3], shift[3];
        for (int k = 0; k < 3; k++)
            d[k] = (double)scope->frame->x_nm[i][k] - centre[k];
        if (!asim_lattice_reduce(&lattice, d, shift))
            return asim_fail(err, ASIM_EINPUT, "the position of atom %zu is not finite",
                             i + 1);
        double radius = hypot(d[0], d[1]);
        mask[i] =
            d[2] > bottom_nm && d[2] < top_nm && radius < outer_nm && radius > inner_nm;
    }
    return 0;
}

/* Coordinates and bounds as floats: 4.3A is then the 0.430 nm of a file. */
static void mark_coordinates(const struct asim_select_scope *scope,
                             const struct asim_select_query *query,
                             const struct asim_select_node *node, uint8_t *mask)
{
    struct asim_select_real real = query->reals[node->first_real];
    int k = node->field == ASIM_SELECT_X ? 0 : node->field == ASIM_SELECT_Y ? 1 : 2;
    real.low = (double)(float)asim_select_length_nm(&query->lengths[node->first_length],
                                                    scope->bare_unit);
    for (size_t i = 0; i < scope->top->atom_count; i++)
        mask[i] = asim_select_real_fits(&real, (double)scope->frame->x_nm[i][k]);
}

int asim_select_place(struct asim_select_scope *scope,
                      const struct asim_select_query *query, size_t node_index,
                      uint8_t *mask, struct asim_error *err)
{
    const struct asim_select_node *node = &query->nodes[node_index];
    double nm[4] = {0.0};
    if (find_frame(scope, query, node, err) < 0)
        return -1;
    for (size_t i = 0; i < node->length_count && i < 4; i++)
        nm[i] = asim_select_length_nm(&query->lengths[node->first_length + i],
                                      scope->bare_unit);
    if (node->kind == ASIM_SELECT_NODE_CLAUSE) {
        if (node->field == ASIM_SELECT_POINT)
            return mark_around_place(scope, nm, nm[3], mask, err);
        mark_coordinates(scope, query, node, mask);
        return 0;
    }
    /* Nothing is near to nothing. */
    if (asim_select_count(mask, scope->top->atom_count) == 0)
        return 0;
    switch (node->op) {
    case ASIM_SELECT_AROUND:
        return mark_shell(scope, 0.0, nm[0], false, mask, err);
    case ASIM_SELECT_ISOLAYER:
        return mark_shell(scope, nm[0], nm[1], true, mask, err);
    case ASIM_SELECT_NEAR:
        return mark_near(scope, nm[0], mask, err);
    case ASIM_SELECT_SPHZONE:
        return mark_sphere(scope, -1.0, nm[0], mask, err);
    case ASIM_SELECT_SPHLAYER:
        return mark_sphere(scope, nm[0], nm[1], mask, err);
    case ASIM_SELECT_CYZONE:
        return mark_cylinder(scope, -1.0, nm[0], nm[1], nm[2], mask, err);
    default:
        return mark_cylinder(scope, nm[0], nm[1], nm[2], nm[3], mask, err);
    }
}
