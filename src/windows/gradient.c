/*
 * The coordinate, its gradient, and what an engine applies.
 * The edi bias turns the vector with the structure and leaves out how the turn depends
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
    free(gradient->y_nm);
    free(gradient->exact);
    free(gradient->applied);
    *gradient = (struct asim_gradient){0};
}

int asim_gradient_init(const struct asim_pca *pca, struct asim_gradient *ret_gradient,
                       struct asim_error *err)
{
    struct asim_gradient gradient = {.pca = pca};
    size_t n = pca->atom_count;
    gradient.y_nm = asim_alloc_array(n, 3 * sizeof(double), err);
    gradient.exact = asim_alloc_array(n, 3 * sizeof(double), err);
    gradient.applied = asim_alloc_array(n, 3 * sizeof(double), err);
    if (!gradient.y_nm || !gradient.exact || !gradient.applied) {
        asim_gradient_finish(&gradient);
        return -1;
    }
    *ret_gradient = gradient;
    return 0;
}

/* A vector of the reference's frame in that of the structure. */
static void turn_back(const double rotation[3][3], const double *in, double *out)
{
    for (int a = 0; a < 3; a++)
        out[a] =
            rotation[0][a] * in[0] + rotation[1][a] * in[1] + rotation[2][a] * in[2];
}

int asim_gradient_compute(struct asim_gradient *gradient, const float (*x_nm)[3],
                          enum asim_bias_engine engine, struct asim_error *err)
{
    const struct asim_pca *pca = gradient->pca;
    const double *r = pca->reference_nm, *v = pca->eigenvectors;
    size_t n = pca->atom_count;
    double *x = gradient->exact; /* free until the gradient is known */
    double *y = gradient->y_nm;
    double rotation[3][3], centre[3], reference_centre[3], omega[3];
    for (size_t i = 0; i < n; i++)
        for (int a = 0; a < 3; a++)
            x[3 * i + a] = (double)x_nm[pca->atom_indices[i]][a];
    if (asim_superpose(x, r, n, rotation, centre, reference_centre, err) < 0)
        return -1;
    gradient->value_nm = 0;
    for (size_t i = 0; i < n; i++) {
        for (int a = 0; a < 3; a++) {
            y[3 * i + a] = rotation[a][0] * (x[3 * i] - centre[0]) +
                           rotation[a][1] * (x[3 * i + 1] - centre[1]) +
                           rotation[a][2] * (x[3 * i + 2] - centre[2]);
            gradient->value_nm += v[3 * i + a] * (y[3 * i + a] + reference_centre[a] -
                                                  pca->mean_nm[3 * i + a]);
        }
    }
    if (asim_force_error(y, r, v, n, omega, &gradient->w2, err) < 0)
        return -1;
    bool exact = asim_bias_method(engine)->exact;
    for (size_t i = 0; i < n; i++) {
        double whole[3];
        for (int a = 0; a < 3; a++) {
            int b = (a + 1) % 3, c = (a + 2) % 3;
            whole[a] = v[3 * i + a] + r[3 * i + b] * omega[c] - r[3 * i + c] * omega[b];
        }
        turn_back(rotation, whole, gradient->exact + 3 * i);
        turn_back(rotation, exact ? whole : v + 3 * i, gradient->applied + 3 * i);
    }
    return 0;
}
