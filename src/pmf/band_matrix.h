/* Symmetric positive definite band matrices: Cholesky factors and solutions. */
#ifndef PMF_BAND_MATRIX_H
#define PMF_BAND_MATRIX_H

#include <stddef.h>

/*
 * The lower triangle, row after row: element (i, j) with i - half_width <= j <= i is
 * values[i * (half_width + 1) + half_width - (i - j)]. With half_width = size - 1 it is
 * a dense matrix.
 */
struct asim_band_matrix {
    size_t size;
    size_t half_width;
    double *values; /* [size][half_width + 1]; what lies left of column 0 is zero */
};

/*
 * A = L L^T in place. A pivot that is lost in the rounding of its diagonal element is
 * replaced by a huge one, so that solutions hold that unknown at zero: the free offsets
 * of unconnected windows. Returns how many pivots were replaced.
 */
size_t asim_band_factor(struct asim_band_matrix *matrix);

/* Solves L L^T x = b in place. */
void asim_band_solve(const struct asim_band_matrix *factor, double *vector);

#endif
