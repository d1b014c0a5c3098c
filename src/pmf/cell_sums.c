/*
 * Sums over the samples of one cell, eight samples at a time.
 *
 * Within a cell exponents change little, so that a short Taylor polynomial is the
 * exponential to the last bit that matters: no call, no table, no range reduction.
 * Variants for AVX2 and AVX-512 are the same source, cell_sums_body.h, with wider
 * vectors; without contraction into fused operations (-ffp-contract=off) all give the
 * same bits.
 */
#include "pmf/cell_sums.h"

#include <math.h>
#include <string.h>

enum { HIGHEST_DEGREE = 14 };

/* 1/n! */
static const double INVERSE_FACTORIAL[HIGHEST_DEGREE + 1] = {
    1.0,
    1.0,
    1.0 / 2,
    1.0 / 6,
    1.0 / 24,
    1.0 / 120,
    1.0 / 720,
    1.0 / 5040,
    1.0 / 40320,
    1.0 / 362880,
    1.0 / 3628800,
    1.0 / 39916800,
    1.0 / 479001600,
    1.0 / 6227020800.0,
    1.0 / 87178291200.0,
};

int asim_cell_degree(double value, double linear, double quadratic, double reach)
{
    double y = (fabs(linear) + fabs(quadratic) * reach) * reach, error = value * y;
    if (y > 0.7) /* the bound below takes the next term for the whole remainder */
        return -1;
    for (int degree = 1; degree <= HIGHEST_DEGREE; degree++) {
        error *= y / (degree + 1);
        if (error < 1e-17)
            return degree;
    }
    return -1;
}

#define SUM_CELL sum_cell_portable
#define TARGET
#define WIDTH 2
#include "pmf/cell_sums_body.h"

#ifdef __x86_64__
#define SUM_CELL sum_cell_avx2
#define TARGET __attribute__((target("avx2")))
#define WIDTH 4
#include "pmf/cell_sums_body.h"

#define SUM_CELL sum_cell_avx512
#define TARGET __attribute__((target("avx512f")))
#define WIDTH 8
#include "pmf/cell_sums_body.h"
#endif

int asim_cell_variant_count(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f"))
        return 3;
    if (__builtin_cpu_supports("avx2"))
        return 2;
#endif
    return 1;
}

double asim_cell_sums_variant(int variant, double *distance, size_t count,
                              const struct asim_cell_term *terms, size_t term_count,
                              double *ret_p, double *work)
{
#ifdef __x86_64__
    if (variant == 2)
        return sum_cell_avx512(distance, count, terms, term_count, ret_p, work);
    if (variant == 1)
        return sum_cell_avx2(distance, count, terms, term_count, ret_p, work);
#endif
    (void)variant;
    return sum_cell_portable(distance, count, terms, term_count, ret_p, work);
}

double asim_cell_sums(double *distance, size_t count,
                      const struct asim_cell_term *terms, size_t term_count,
                      double *ret_p, double *work)
{
    return asim_cell_sums_variant(asim_cell_variant_count() - 1, distance, count, terms,
                                  term_count, ret_p, work);
}
