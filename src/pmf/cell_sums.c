/*
 * Sums over the samples of one cell, eight samples at a time.
 *
 * Within a cell exponents change little, so that a short Taylor polynomial is the
 * exponential to the last bit that matters: no call, no table, no range reduction.
 * Variants for AVX2 and AVX-512 are the same source compiled again; without contraction
 * into fused operations (-ffp-contract=off) all give the same bits.
 */
#include "pmf/cell_sums.h"

#include <math.h>
#include <string.h>

typedef double lanes __attribute__((vector_size(ASIM_LANES * sizeof(double))));

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

static inline __attribute__((always_inline)) double
sum_cell(double *distance, size_t count, const struct asim_cell_term *terms,
         size_t term_count, double *ret_p, double *work)
{
    lanes *values = (lanes *)(void *)work, *sums = values + term_count;
    lanes inverse_sum = {0};
    double total = 0;
    for (size_t i = count; i % ASIM_LANES; i++)
        distance[i] = 0;
    memset(sums, 0, term_count * sizeof *sums);
    for (size_t start = 0; start < count; start += ASIM_LANES) {
        lanes d = *(const lanes *)(const void *)&distance[start], denominator = {0};
        for (size_t k = 0; k < term_count; k++) {
            const struct asim_cell_term *term = &terms[k];
            lanes y = (term->linear + term->quadratic * d) * d, power = {0};
            if (term->degree >= 0) {
                power += INVERSE_FACTORIAL[term->degree];
                for (int n = term->degree - 1; n >= 0; n--)
                    power = power * y + INVERSE_FACTORIAL[n];
            } else {
                for (int lane = 0; lane < ASIM_LANES; lane++)
                    power[lane] = exp(y[lane]);
            }
            values[k] = term->value * power;
            denominator += values[k];
        }
        lanes inverse = 1 / denominator;
        for (size_t lane = count - start; lane < ASIM_LANES; lane++)
            inverse[lane] = 0;
        inverse_sum += inverse;
        for (size_t k = 0; k < term_count; k++)
            sums[k] += values[k] * inverse;
    }
    for (size_t k = 0; k < term_count; k++)
        for (int lane = 0; lane < ASIM_LANES; lane++)
            ret_p[k] += sums[k][lane];
    for (int lane = 0; lane < ASIM_LANES; lane++)
        total += inverse_sum[lane];
    return total;
}

static double sum_cell_portable(double *distance, size_t count,
                                const struct asim_cell_term *terms, size_t term_count,
                                double *ret_p, double *work)
{
    return sum_cell(distance, count, terms, term_count, ret_p, work);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static double
sum_cell_avx2(double *distance, size_t count, const struct asim_cell_term *terms,
              size_t term_count, double *ret_p, double *work)
{
    return sum_cell(distance, count, terms, term_count, ret_p, work);
}

__attribute__((target("avx512f"))) static double
sum_cell_avx512(double *distance, size_t count, const struct asim_cell_term *terms,
                size_t term_count, double *ret_p, double *work)
{
    return sum_cell(distance, count, terms, term_count, ret_p, work);
}
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
