/*
 * The inner loops over coordinates, one variant per instruction set, chosen at run
 * time.
 *
 * A row is one frame's atoms as a structure of arrays: x[padded], y[padded], z[padded]
 * with `padded` a multiple of 16 and zeros behind the last atom. Sums run in 8 fixed
 * lanes without fused multiply-add: every variant gives the same bits.
 */
#ifndef PCA_KERNELS_H
#define PCA_KERNELS_H

#include <stddef.h>

/* Sums of x, y and z. */
void asim_row_sum(const float *row, size_t padded, double ret_sum[3]);

/* ret[i][j] = sum over atoms of row_i reference_j. */
void asim_row_products(const float *row, const double *reference, size_t padded,
                       double ret_products[3][3]);

/* sum += rotation row + shift; what lands in the padding of `sum` means nothing. */
void asim_row_rotate_add(const float *row, size_t padded, const double rotation[3][3],
                         const double shift[3], double *sum);

/* The sum of squares of a plain row of `width` numbers, a multiple of 8. */
double asim_row_square(const float *row, size_t width);

/* For plain rows of `width` numbers, a multiple of 8: ret[row] = row . v; */
void asim_rows_project(const float *rows, size_t width, size_t count, const double *v,
                       double *ret_dots);
/* y += sum over rows of coefficient[row] row; */
void asim_rows_combine(const float *rows, size_t width, size_t count,
                       const double *coefficients, double *y);
/* and both at once, while the rows are in cache: y += sum row (row . v). */
void asim_rows_normal(const float *rows, size_t width, size_t count, const double *v,
                      double *y);

#endif
