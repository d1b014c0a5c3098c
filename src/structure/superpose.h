/* <autosim/superpose.h>, and its steps for those who have the sums already. */
#ifndef STRUCTURE_SUPERPOSE_H
#define STRUCTURE_SUPERPOSE_H

#include <stdbool.h>

#include <autosim/superpose.h>

/*
 * R from the inner products m[i][j] = sum x_i y_j of centred points: the
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
