/*
 * The inner loops over coordinates, one variant per instruction set, chosen at run
 * time.
 *
 * A row is one frame's atoms as a structure of arrays: x[padded], y[padded], z[padded]
 * with `padded` a multiple of 16 and zeros behind the last atom. A plain row is any run
 * of `width` floats, a multiple of 16. The order of every sum is fixed by the variant
 * and the sizes; variants differ in the last bits.
 */
#ifndef PCA_KERNELS_H
#define PCA_KERNELS_H

#include <stddef.h>

#include "formats/simd.h"

enum { ASIM_KERNEL_FRAMES = 4 }; /* frames that rotate_add takes at once */

/* x -> rotation x + shift puts a frame on the reference. */
struct asim_fit {
    double rotation[3][3];
    double shift[3];
};

struct asim_kernels {
    /* Sums of weight x, weight y, weight z, and ret_products[i][j] = sum over atoms of
     * row_i reference_j. */
    void (*products)(const float *row, const double *weights, const double *reference,
                     size_t padded, double ret_sum[3], double ret_products[3][3]);
    /* sum += rotation_f row_f + shift_f over `count` <= 4 rows that lie `stride` apart;
     * what lands in the padding of `sum` means nothing. */
    void (*rotate_add)(const float *rows, size_t stride, size_t count, size_t padded,
                       const struct asim_fit *fits, double *sum);
    /* row = rotation row + shift - mean, rounded once. */
    void (*deviate)(float *row, size_t padded, const struct asim_fit *fit,
                    const double *mean);
    /* The sum of squares of a plain row. */
    double (*square)(const float *row, size_t width);
    /* ret[r] = row_r . v for plain rows, in double. */
    void (*project)(const float *rows, size_t width, size_t count, const double *v,
                    double *ret_dots);
    /* y += sum over rows of coefficient[r] row_r. */
    void (*combine)(const float *rows, size_t width, size_t count,
                    const double *coefficients, double *y);
    /* Both at once, while the rows are in cache: y += sum row (row . v). */
    void (*normal)(const float *rows, size_t width, size_t count, const double *v,
                   double *y);
    /* The same in float: an error of some 1e-6 of |rows|^2. */
    void (*normal_float)(const float *rows, size_t width, size_t count, const float *v,
                         float *y);
};

/* NULL where this build or machine has no such variant. */
const struct asim_kernels *asim_kernels_of(enum asim_simd simd);
/* The best this machine has, or what AUTOSIM_SIMD names. */
const struct asim_kernels *asim_kernels_best(void);

/* The variants; NULL where the compiler does not make them. */
extern const struct asim_kernels *const asim_kernels_avx2;
extern const struct asim_kernels *const asim_kernels_avx512;

#endif
