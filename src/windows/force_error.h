/*
 * How far the force of a bias that leaves out the fit's rotation is from the gradient.
 *
 * p(x) = sum_i v_i . (R (x_i - c) - xav_i), with R the optimal superposition on the
 * reference r. With y_i = R (x_i - c) the exact gradient in the rotated frame is
 *     g_i = v_i + r_i x Omega,   Omega = M^-1 sum_i y_i x v_i,
 *     M = sum_i (y_i . r_i) 1 - y_i r_i^T,
 * from the condition sum_i y_i x r_i = 0 that the optimal R keeps. gmx mdrun -ei
 * applies v_i alone. The error is a pure torque of relative squared size w^2 = sum_i
 * |r_i x Omega|^2 / sum_i |v_i|^2.
 */
#ifndef WINDOWS_FORCE_ERROR_H
#define WINDOWS_FORCE_ERROR_H

#include <stddef.h>

#include "base/error.h"

/* Omega and w^2 of one structure. All arrays hold 3 count numbers; `y_nm` is centred
 * and superposed on `reference_nm`. ASIM_EINPUT where the rotation is not unique. */
int asim_force_error(const double *y_nm, const double *reference_nm,
                     const double *vector, size_t count, double ret_omega[3],
                     double *ret_w2, struct asim_error *err);

#endif
