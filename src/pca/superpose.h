/* Optimal superposition of point sets: rotation by the quaternion method. */
#ifndef PCA_SUPERPOSE_H
#define PCA_SUPERPOSE_H

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

#endif
