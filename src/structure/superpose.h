/* Optimal superposition of point sets: rotation by the quaternion method. */
#ifndef STRUCTURE_SUPERPOSE_H
#define STRUCTURE_SUPERPOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * The rotation R (row-major) that minimises sum |R (x_i - cx) - (y_i - cy)|^2 with unit
 * weights. `x` and `y` hold 3 count numbers; centres are computed and returned.
 * ASIM_EINPUT for fewer than 3 points or points on a line, where R is not unique.
 */
int asim_superpose(const double *x, const double *y, size_t count,
                   double ret_rotation[3][3], double ret_x_centre[3],
                   double ret_y_centre[3], struct asim_error *err);

/*
 * The same from the inner products m[i][j] = sum x_i y_j of centred points: the
 * rotation that maximises sum y . R x. False where the best and the second best
 * quaternion are too close for the fast way; then asim_rotation_jacobi gives one
 * optimum, which need not be the only one.
 */
bool asim_rotation_fast(const double m[3][3], double ret_rotation[3][3]);
void asim_rotation_jacobi(const double m[3][3], double ret_rotation[3][3]);

/* Do the points, with sum (x - c)(x - c)^T = `spread`, lie on a line or in one point?
 */
bool asim_on_a_line(const double spread[3][3]);

#endif
