/* NumPy .npz: a ZIP archive, nothing compressed, of .npy arrays of doubles. */
#ifndef FORMATS_NPZ_H
#define FORMATS_NPZ_H

#include <stddef.h>

#include "base/error.h"

struct asim_npz_array {
    const char *name; /* letters, digits and _ */
    const double *values;
    size_t shape[2]; /* C order */
    int dimension_count;
};

/* Written beside and renamed. */
int asim_npz_write(const char *path, const struct asim_npz_array *arrays,
                   size_t array_count, struct asim_error *err);

#endif
