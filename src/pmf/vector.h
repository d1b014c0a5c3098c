/* The few loops over long arrays that the analysis spends its time in, for whatever
 * vector instructions the processor has; the same bits on every processor. */
#ifndef PMF_VECTOR_H
#define PMF_VECTOR_H

#include <stddef.h>
#include <stdint.h>

enum { ASIM_VECTOR_LANES = 8 };

struct asim_vector_kernels {
    /* y += factor * x */
    void (*add_scaled)(double *restrict y, const double *restrict x, double factor,
                       size_t count);
    void (*add_scaled_counts)(double *restrict y, const uint32_t *restrict x,
                              double factor, size_t count);
    /* largest[l] = max(largest[l], |row . columns[.][l]|), l < ASIM_VECTOR_LANES;
     * columns: [count][ASIM_VECTOR_LANES], aligned to 64 bytes. */
    void (*largest_products)(const double *restrict row, const double *restrict columns,
                             size_t count, double *restrict largest);
};

/* The best that this processor can run. */
const struct asim_vector_kernels *asim_vector_kernels(void);
/* The variants that it can run, the portable one first; for tests. */
int asim_vector_variant_count(void);
const struct asim_vector_kernels *asim_vector_variant(int variant);

#endif
