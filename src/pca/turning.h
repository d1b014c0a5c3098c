/*
 * How much of the force along a vector is the turning of the fit, for a fit of the
 * vector's own atoms: what an .edi bias leaves out. From sums over atoms; the formula,
 * for other fits too, is in windows/force_error.h: with y superposed on r,
 *     Omega = M^-1 sum y x v,   M = sum (y . r) 1 - y r^T,
 *     w^2 = sum |r x Omega|^2 / sum |v|^2.
 */
#ifndef PCA_TURNING_H
#define PCA_TURNING_H

#include "base/error.h"

/* Mean w^2 from which the PMF is visibly too steep, (1 + w^2) in the force constant;
 * and from which the bias is refused. */
#define ASIM_FORCE_ERROR_WARNING 0.02
#define ASIM_FORCE_ERROR_LIMIT 0.1

/* Sums over the atoms of one structure, centred and superposed, and of the reference.
 */
struct asim_turning_sums {
    double y_r[3][3]; /* sum y_a r_b */
    double y_v[3][3]; /* sum y_a v_b */
    double r_r[3][3]; /* sum r_a r_b */
    double v_v;       /* sum v . v */
};

/* w^2; ASIM_EINPUT where the rotation is not unique. */
int asim_turning_error(const struct asim_turning_sums *sums, double *ret_w2,
                       struct asim_error *err);

/* x of m x = b; ASIM_EINPUT where the fit that m is of is not unique. */
int asim_turning_solve(double m[3][3], const double b[3], double ret_x[3],
                       struct asim_error *err);

#endif
