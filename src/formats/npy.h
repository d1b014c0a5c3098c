/* NumPy .npy files, version 1.0, little-endian doubles in C order. */
#ifndef FORMATS_NPY_H
#define FORMATS_NPY_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/file.h"

/* dimension_count 1 or 2. */
int asim_npy_write(const char *path, const double *values, const size_t *shape,
                   int dimension_count, struct asim_error *err);
/* Writing piece by piece: the header now, then the values in C order to the stream,
 * then asim_output_commit; asim_output_close in any case. */
int asim_npy_begin(const char *path, const size_t *shape, int dimension_count,
                   struct asim_output *ret_output, struct asim_error *err);
/* Reading piece by piece: *ret_file stands at the first value, and the file has as many
 * as its shape says. The caller closes it. */
int asim_npy_open(const char *path, FILE **ret_file, size_t ret_shape[2],
                  int *ret_dimension_count, struct asim_error *err);

#endif
