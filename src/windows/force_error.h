/*
 * How far the force of a bias that leaves out the fit is from the gradient.
 *
 * p(x) = sum_i v_i . (R (x_i - c) - xav_i), with c the centre of F atoms of the fit and
 * R their optimal superposition on the reference r. With y = R (x - c) the exact
 * gradient in the rotated frame is v_i on the analysed atoms, and on those of the fit
 * also h_f = r_f x Omega - 1/F sum_i v_i,   Omega = M^-1 sum_i y_i x v_i, M = sum_f
 * (y_f . r_f) 1 - y_f r_f^T, from the condition sum_f y_f x r_f = 0 that the optimal R
 * keeps. gmx mdrun -ei applies v_i alone. Its error has the relative squared size w^2 =
 * sum_f |h_f|^2 / sum_i |v_i|^2; where fit and analysis are of the same atoms it is a
 * pure torque, for the sum of the v_i is zero then.
 */
#ifndef WINDOWS_FORCE_ERROR_H
#define WINDOWS_FORCE_ERROR_H

#include <stddef.h>

#include "base/error.h"

/* Atoms of one structure, centred and superposed by those of the fit. */
struct asim_fitted {
    const double *y_nm;   /* [3 count] analysed */
    const double *vector; /* [3 count] */
    size_t count;
    const double *fit_y_nm;     /* [3 fit_count] */
    const double *reference_nm; /* [3 fit_count] centred */
    size_t fit_count;
};

/* h_f into `ret_h` [3 fit_count], and w^2. ASIM_EINPUT where the rotation is not
 * unique.
 */
int asim_force_error(const struct asim_fitted *fitted, double *ret_h, double *ret_w2,
                     struct asim_error *err);

#endif
