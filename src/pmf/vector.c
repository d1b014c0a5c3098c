/*
 * Loops over long arrays, compiled once for any processor, once for AVX2 and once for
 * AVX-512 from the same source. Elements are independent of each other and nothing is
 * contracted into fused operations, so all variants give the same bits.
 */
#include "pmf/vector.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE void add_scaled(double *restrict y, const double *restrict x, double factor,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] += factor * x[i];
}

INLINE void add_scaled_counts(double *restrict y, const uint32_t *restrict x,
                              double factor, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] += factor * (double)x[i];
}

/* `width`: numbers of a vector of that machine; compilers split wider ones badly. */
#define VARIANT(suffix, target, width)                                                 \
    target static void add_scaled_##suffix(                                            \
        double *restrict y, const double *restrict x, double factor, size_t count)     \
    {                                                                                  \
        add_scaled(y, x, factor, count);                                               \
    }                                                                                  \
    target static void add_scaled_counts_##suffix(                                     \
        double *restrict y, const uint32_t *restrict x, double factor, size_t count)   \
    {                                                                                  \
        add_scaled_counts(y, x, factor, count);                                        \
    }                                                                                  \
    target static void largest_products_##suffix(                                      \
        const double *restrict row, const double *restrict columns, size_t count,      \
        double *restrict largest)                                                      \
    {                                                                                  \
        typedef double vec __attribute__((vector_size((width) * sizeof(double))));     \
        enum { PARTS = ASIM_VECTOR_LANES / (width) };                                  \
        const vec *column = (const vec *)(const void *)columns;                        \
        vec sum[PARTS];                                                                \
        memset(sum, 0, sizeof sum);                                                    \
        for (size_t j = 0; j < count; j++)                                             \
            for (size_t p = 0; p < PARTS; p++)                                         \
                sum[p] += row[j] * column[j * PARTS + p];                              \
        for (int lane = 0; lane < ASIM_VECTOR_LANES; lane++)                           \
            largest[lane] =                                                            \
                fmax(largest[lane], fabs(sum[lane / (width)][lane % (width)]));        \
    }                                                                                  \
    static const struct asim_vector_kernels kernels_##suffix = {                       \
        add_scaled_##suffix, add_scaled_counts_##suffix, largest_products_##suffix};

VARIANT(portable, , 2)
#ifdef __x86_64__
VARIANT(avx2, __attribute__((target("avx2"))), 4)
VARIANT(avx512, __attribute__((target("avx512f"))), 8)
#endif

int asim_vector_variant_count(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f"))
        return 3;
    if (__builtin_cpu_supports("avx2"))
        return 2;
#endif
    return 1;
}

const struct asim_vector_kernels *asim_vector_variant(int variant)
{
#ifdef __x86_64__
    if (variant == 2)
        return &kernels_avx512;
    if (variant == 1)
        return &kernels_avx2;
#endif
    (void)variant;
    return &kernels_portable;
}

const struct asim_vector_kernels *asim_vector_kernels(void)
{
    return asim_vector_variant(asim_vector_variant_count() - 1);
}
