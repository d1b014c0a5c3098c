/* Products of plain rows (frames.h) with vectors [k][3N], in double. */
#ifndef PCA_ROWS_H
#define PCA_ROWS_H

#include <stddef.h>

#include "pca/frames.h"

/* ret_dots[c][row] = row . vector_c, numbers of one vector `stride` from the next. */
void asim_rows_project(const struct asim_layout *layout, const float *rows,
                       size_t count, size_t k, const double *vectors, double *ret_dots,
                       size_t stride);
/* vector_c += sum over rows of dots[c][row] row */
void asim_rows_combine(const struct asim_layout *layout, const float *rows,
                       size_t count, size_t k, const double *dots, size_t stride,
                       double *vectors);

#endif
