/*
 * The simultaneous band: multiplier bootstrap over the blocks' influences.
 *
 * Multipliers are standard normal, so the multiplied sums are normal with the
 * covariance of the influences whatever the number of blocks: they are drawn from its
 * Cholesky factor, which costs bins^2 a draw and not blocks x bins.
 */
#include "pmf/influence.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "pmf/vector.h"

enum { LANES = ASIM_VECTOR_LANES, DRAW_COUNT = 2000, DRAWS_PER_TASK = 25 * LANES };

struct draws {
    const struct asim_band_matrix *factor;
    unsigned long long seed;
    double *largest; /* [DRAW_COUNT] */
};

static int draw_some(void *context, size_t task, int thread_index,
                     struct asim_error *err)
{
    (void)thread_index;
    const struct draws *draws = context;
    size_t count = draws->factor->size;
    struct asim_random random;
    const struct asim_vector_kernels *kernels = asim_vector_kernels();
    double *normal = asim_alloc_aligned(count, LANES * sizeof *normal, err);
    if (!normal)
        return -1;
    asim_random_seed(&random, asim_random_derive(draws->seed, task));
    for (size_t draw = 0; draw < DRAWS_PER_TASK; draw += LANES) {
        double *largest = &draws->largest[task * DRAWS_PER_TASK + draw];
        for (size_t i = 0; i < count * LANES; i++)
            normal[i] = asim_random_gaussian(&random);
        for (size_t i = 0; i < count; i++)
            kernels->largest_products(&draws->factor->values[i * count] + count - 1 - i,
                                      normal, i + 1, largest);
    }
    free(normal);
    return 0;
}

static int compare_doubles(const void *first, const void *second)
{
    double a = *(const double *)first, b = *(const double *)second;
    return a < b ? -1 : a > b;
}

/* The correlation matrix of the selected bins, factored. */
static void correlate(const struct asim_influence *influence,
                      struct asim_band_matrix *matrix)
{
    const struct asim_vector_kernels *kernels = asim_vector_kernels();
    size_t count = influence->selected_count;
    for (size_t row = 0; row < influence->row_count; row++) {
        const double *psi = &influence->rows[row * count];
        for (size_t i = 0; i < count; i++) {
            double *target = &matrix->values[i * count] + count - 1 - i;
            kernels->add_scaled(target, psi, psi[i], i + 1);
        }
    }
    for (size_t i = count; i-- > 0;)
        for (size_t j = 0; j < i; j++) {
            double variances = matrix->values[i * count + count - 1] *
                               matrix->values[j * count + count - 1];
            double *element = &matrix->values[i * count + count - 1 - i + j];
            *element = variances > 0 ? *element / sqrt(variances) : 0;
        }
    /* Fewer blocks than bins, and the mean offset taken out, leave the matrix without
     * full rank; a millionth on the diagonal changes no quantile. */
    for (size_t i = 0; i < count; i++)
        matrix->values[i * count + count - 1] = 1 + 1e-6;
    asim_band_factor(matrix);
}

int asim_influence_band(const struct asim_influence *influence, unsigned long long seed,
                        int thread_count, double *ret_quantile, struct asim_error *err)
{
    size_t count = influence->selected_count;
    struct asim_band_matrix matrix = {.size = count,
                                      .half_width = count ? count - 1 : 0};
    struct draws draws = {.factor = &matrix, .seed = seed};
    int rc = -1;
    matrix.values = asim_alloc_array(count, count * sizeof(double), err);
    draws.largest = asim_alloc_array(DRAW_COUNT, sizeof *draws.largest, err);
    if (!matrix.values || !draws.largest)
        goto out;
    correlate(influence, &matrix);
    if (asim_parallel(DRAW_COUNT / DRAWS_PER_TASK, thread_count, draw_some, &draws,
                      err) < 0)
        goto out;
    qsort(draws.largest, DRAW_COUNT, sizeof *draws.largest, compare_doubles);
    *ret_quantile = draws.largest[DRAW_COUNT * 95 / 100];
    rc = 0;
out:
    free(matrix.values);
    free(draws.largest);
    return rc;
}
