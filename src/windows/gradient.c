/*
 * The coordinate, its gradient, and what an engine applies.
 * The edi bias turns the vector with the structure and leaves out how the fit depends
 * on the positions; the exact engines leave out nothing. Checked against differences of
 * p in the tests.
 */
#include "windows/gradient.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "structure/superpose.h"
#include "windows/bias_method.h"
#include "windows/force_error.h"

void asim_gradient_finish(struct asim_gradient *gradient)
{
    if (!gradient)
        return;
    asim_bias_atoms_finish(&gradient->atoms);
    free(gradient->exact);
    free(gradient->applied);
    free(gradient->y_nm);
    free(gradient->fit_nm);
    free(gradient->fit_part);
    *gradient = (struct asim_gradient){0};
}

int asim_gradient_init(const struct asim_pca *pca, struct asim_gradient *ret_gradient,
                       struct asim_error *err)
{
    struct asim_gradient gradient = {.pca = pca};
    const size_t xyz = 3 * sizeof(double);
    if (asim_bias_atoms_init(pca, &gradient.atoms, err) < 0)
        return -1;
    gradient.exact = asim_alloc_array(gradient.atoms.count, xyz, err);
    gradient.applied = asim_alloc_array(gradient.atoms.count, xyz, err);
    gradient.y_nm = asim_alloc_array(pca->atom_count, xyz, err);
    gradient.fit_nm = asim_alloc_array(pca->align_count, xyz, err);
    gradient.fit_part = asim_alloc_array(pca->align_count, xyz, err);
    if (!gradient.exact || !gradient.applied || !gradient.y_nm || !gradient.fit_nm ||
        !gradient.fit_part) {
        asim_gradient_finish(&gradient);
        return -1;
    }
    *ret_gradient = gradient;
    return 0;
}

/* R (x - centre) */
static void turn(const double rotation[3][3], const double *centre, const double *x,
                 double *ret_y)
{
    double moved[3] = {x[0] - centre[0], x[1] - centre[1], x[2] - centre[2]};
    for (int a = 0; a < 3; a++)
        ret_y[a] = rotation[a][0] * moved[0] + rotation[a][1] * moved[1] +
                   rotation[a][2] * moved[2];
}

/* A vector of the reference's frame, in that of the structure, is added. */
static void add_turned_back(const double rotation[3][3], const double *in, double *sum)
{
    for (int a = 0; a < 3; a++)
        sum[a] +=
            rotation[0][a] * in[0] + rotation[1][a] * in[1] + rotation[2][a] * in[2];
}

/* Superposes; fills in p and w^2, and leaves the rotation. */
static int fit(struct asim_gradient *gradient, const float (*x_nm)[3],
               double ret_rotation[3][3], struct asim_error *err)
{
    const struct asim_pca *pca = gradient->pca;
    const double *v = pca->eigenvectors;
    double *on = gradient->fit_nm, *y = gradient->y_nm;
    double centre[3], reference_centre[3];
    for (size_t i = 0; i < pca->align_count; i++)
        for (int a = 0; a < 3; a++)
            on[3 * i + a] = (double)x_nm[pca->align_indices[i]][a];
    if (asim_superpose(on, pca->reference_nm, pca->align_count, ret_rotation, centre,
                       reference_centre, err) < 0)
        return -1;
    for (size_t i = 0; i < pca->align_count; i++)
        turn(ret_rotation, centre, on + 3 * i, on + 3 * i);
    gradient->value_nm = 0;
    for (size_t i = 0; i < pca->atom_count; i++) {
        const float *from = x_nm[pca->atom_indices[i]];
        const double x[3] = {(double)from[0], (double)from[1], (double)from[2]};
        turn(ret_rotation, centre, x, y + 3 * i);
        for (int a = 0; a < 3; a++)
            gradient->value_nm += v[3 * i + a] * (y[3 * i + a] + reference_centre[a] -
                                                  pca->mean_nm[3 * i + a]);
    }
    const struct asim_fitted fitted = {
        .y_nm = y,
        .vector = v,
        .count = pca->atom_count,
        .fit_y_nm = on,
        .reference_nm = pca->reference_nm,
        .fit_count = pca->align_count,
    };
    return asim_force_error(&fitted, gradient->fit_part, &gradient->w2, err);
}

int asim_gradient_compute(struct asim_gradient *gradient, const float (*x_nm)[3],
                          enum asim_bias_engine engine, struct asim_error *err)
{
    const struct asim_pca *pca = gradient->pca;
    size_t size = gradient->atoms.count * 3 * sizeof(double);
    double rotation[3][3];
    if (fit(gradient, x_nm, rotation, err) < 0)
        return -1;
    memset(gradient->applied, 0, size);
    for (size_t i = 0; i < pca->atom_count; i++)
        add_turned_back(rotation, pca->eigenvectors + 3 * i, gradient->applied + 3 * i);
    memcpy(gradient->exact, gradient->applied, size);
    for (size_t i = 0; i < pca->align_count; i++)
        add_turned_back(rotation, gradient->fit_part + 3 * i,
                        gradient->exact + 3 * gradient->atoms.fit_place[i]);
    if (asim_bias_method(engine)->exact)
        memcpy(gradient->applied, gradient->exact, size);
    return 0;
}
