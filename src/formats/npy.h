/* NumPy .npy files, version 1.0, little-endian doubles in C order. */
#ifndef FORMATS_NPY_H
#define FORMATS_NPY_H

#include "base/error.h"
#include <stddef.h>

/* dimension_count 1 or 2. */
int asim_npy_write(const char *path, const double *values, const size_t *shape,
                   int dimension_count, struct asim_error *err);
/* Reads what asim_npy_write wrote; values owned by the caller. */
int asim_npy_read(const char *path, double **ret_values, size_t ret_shape[2],
                  int *ret_dimension_count, struct asim_error *err);

#endif
