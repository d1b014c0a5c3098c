/* Principal components of deviations that are all in memory. */
#ifndef PCA_COMPONENTS_H
#define PCA_COMPONENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "pca/frames.h"

/* Frames first .. first+count-1 of full blocks (only the last may be short) that
 * asim_blocks_deviate has turned into deviations. */
struct asim_view {
    const struct asim_layout *layout;
    const struct asim_block *blocks;
    size_t first, count;
    bool exact; /* covariance products in double */
    bool rough; /* matrix-free products in float: for answers of a few digits */
    bool
        centred; /* the deviations are from the view's own mean, up to their rounding */
    int thread_count;
};

/* How the eigenpairs are found: all ways give the same answer. */
enum asim_method {
    ASIM_METHOD_GRAM,        /* F x F products of frames: few frames */
    ASIM_METHOD_MATRIX_FREE, /* Lanczos on X^T X: neither matrix is formed */
    ASIM_METHOD_COVARIANCE,  /* 3N x 3N products: many frames */
};

enum asim_method asim_method_choose(size_t frame_count, size_t atom_count, size_t k);
const char *asim_method_name(enum asim_method method);
uint64_t asim_method_bytes(enum asim_method method, uint64_t frame_count,
                           uint64_t atom_count, uint64_t k, bool exact,
                           uint64_t thread_count);

/*
 * The k largest eigenvalues of sum (d - m)(d - m)^T over the view, m its mean, with
 * vectors [k][3N] of norm 1. `tolerance` is that of the eigenvalues' residuals.
 */
int asim_view_components(const struct asim_view *view, enum asim_method method,
                         size_t k, double tolerance, double *values, double *vectors,
                         struct asim_error *err);

/* ret[k][count]: d . v for each vector; *ret_residual, unless NULL: the largest
 * |A v - l v| over the vectors, where A is as above. */
int asim_view_project(const struct asim_view *view, size_t k, const double *values,
                      const double *vectors, double *ret_projections,
                      double *ret_residual, struct asim_error *err);

#endif
