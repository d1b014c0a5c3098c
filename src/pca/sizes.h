/* Sizes that say "more than any memory" instead of wrapping round. */
#ifndef PCA_SIZES_H
#define PCA_SIZES_H

#include <stdint.h>

static inline uint64_t asim_size_times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static inline uint64_t asim_size_add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

#endif
