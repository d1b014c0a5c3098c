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

#include <stdbool.h>
#include <stddef.h>

#include "formats/simd.h"

enum { ASIM_KERNEL_FRAMES = 4 }; /* frames that rotate_add takes at once */

/* A tile of a sum of outer products. Rows of frames hold a multiple of both. */
enum { ASIM_TILE_ROWS = 8, ASIM_TILE_COLUMNS = 48 };

/* `width` numbers of each of `count` plain rows that lie `stride` floats apart. */
struct asim_panel {
    const float *rows;
    size_t stride, count, width;
};

/* x -> rotation x + shift puts a frame on the reference. */
struct asim_fit {
    double rotation[3][3];
    double shift[3];
};

struct asim_kernels {
    /* x0 y0 z0 x1 .. becomes a row, but for what is behind its last atom; false where a
     * number is not finite. */
    bool (*gather)(const float *x, size_t atoms, size_t padded, float *row);
    /* Sums of weight x, weight y, weight z, and ret_products[i][j] = sum over atoms of
     * row_i reference_j. */
    void (*products)(const float *row, const double *weights, const double *reference,
                     size_t padded, double ret_sum[3], double ret_products[3][3]);
    /* The rotations of `count` frames from their products about the centre, as
     * asim_rotation_fast gives them, and where they are sure. */
    void (*rotations)(const double (*products)[3][3], size_t count,
                      double (*ret_rotations)[3][3], bool *ret_sure);
    /* sum += rotation_f row_f + shift_f over `count` <= 4 rows that lie `stride` apart;
     * what lands in the padding of `sum` means nothing. */
    void (*rotate_add)(const float *rows, size_t stride, size_t count, size_t padded,
                       const struct asim_fit *fits, double *sum);
    /* row = rotation row + shift - mean, rounded once. */
    void (*deviate)(float *row, size_t padded, const struct asim_fit *fit,
                    const double *mean);
    /* The sum of squares of a plain row. */
    double (*square)(const float *row, size_t width);
    /* dots[c][r] += row_r . v_c for `k` vectors, in double. The panel's width need be
     * no multiple of anything, here and below. */
    void (*project)(const struct asim_panel *panel, const double *v, size_t v_stride,
                    size_t k, double *dots, size_t dots_stride);
    /* y_c += sum over rows of dots[c][r] row_r. */
    void (*combine)(const struct asim_panel *panel, const double *dots,
                    size_t dots_stride, size_t k, double *y, size_t y_stride);
    /* ret[i][j] = sum over `count` rows, `stride` apart, of left_r[i] right_r[j], in
     * float: a relative error of some 1e-7 of the largest for 256 rows. */
    void (*outer)(const float *left, const float *right, size_t stride, size_t count,
                  float ret[ASIM_TILE_ROWS][ASIM_TILE_COLUMNS]);
    /* y += sum row (row . v), while the rows are in cache. */
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
