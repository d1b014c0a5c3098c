/*
 * The merge state of a covariance: (n, sum d, sum d d^T) of deviations d about one
 * common point. States of parts of a trajectory add up.
 */
#ifndef PCA_SCATTER_H
#define PCA_SCATTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "pca/frames.h"

struct asim_scatter {
    size_t size;      /* numbers of a deviation */
    uint64_t count;   /* n */
    double *sum;      /* [size] */
    double *products; /* [size][size], upper triangle */
};

int asim_scatter_init(size_t size, struct asim_scatter *ret_scatter,
                      struct asim_error *err);
void asim_scatter_finish(struct asim_scatter *scatter);

/*
 * Adds the rows first .. end-1 of a block of deviations. Each tile of the matrix is one
 * task, so that every element is summed in frame order whatever the thread count.
 * Products of up to 256 frames are formed in float and added in double (relative error
 * 1e-6 of the largest), or formed in double where `exact`.
 */
int asim_scatter_add(struct asim_scatter *scatter, const struct asim_layout *layout,
                     const struct asim_block *block, size_t first, size_t end,
                     bool exact, int thread_count, struct asim_error *err);

/* sum d d^T becomes the sum about the state's own mean. */
void asim_scatter_centre(struct asim_scatter *scatter);
/* Adds `other` to `scatter`; both centred, and so is the result (Chan et al. 1979). */
void asim_scatter_merge_centred(struct asim_scatter *scatter,
                                const struct asim_scatter *other);

uint64_t asim_scatter_bytes(uint64_t size);
/* Bytes that asim_scatter_add takes per thread. */
uint64_t asim_scatter_work_bytes(bool exact);

#endif
