/* Optimal superposition of two sets of points. */
#ifndef AUTOSIM_SUPERPOSE_H
#define AUTOSIM_SUPERPOSE_H

#include <stddef.h>

#include <autosim/error.h>

/*
 * The rotation R (row-major) that minimises sum |R (x_i - cx) - (y_i - cy)|^2 with unit
 * weights, by the quaternion method (Theobald 2005, Acta Cryst. A61, 478). `x` and `y`
 * hold 3 count numbers; the centres cx and cy are returned. ASIM_EINPUT for fewer than
 * 3 points or points on a line, where R is not unique.
 */
ASIM_API int asim_superpose(const double *x, const double *y, size_t count,
                            double ret_rotation[3][3], double ret_x_centre[3],
                            double ret_y_centre[3], struct asim_error *err);

#endif
