/*
 * Statistical inefficiency g = 1 + 2 sum_t (1 - t/N) C(t) of a time series (Chodera et
 * al. 2007, J. Chem. Theory Comput. 3, 26), the sum ending where C(t) first is not
 * positive. Short lags are summed directly; a series whose correlation is longer than
 * that gets all its lags from one Fourier transform, so the cost is O(N log N) at most.
 *
 * Must not know what the numbers mean.
 */
#include <autosim/samples.h>

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

/* C(t) of the first lags may be negative by noise in fast data; as in the paper's own
 * program the sum does not end before this lag. */
enum { SHORTEST_SUM = 3 };
/* Direct lags cost about 0.3 ns a sample each, two transforms about 60 ns a sample. */
enum { DIRECT_LAGS = 200, LANES = 8 };

static double lag_sum(const double *values, size_t count, size_t lag)
{
    double lanes[LANES] = {0};
    size_t pairs = count - lag, i = 0;
    for (; i + LANES <= pairs; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            lanes[lane] += values[i + lane] * values[i + lag + lane];
    double sum = 0;
    for (; i < pairs; i++)
        sum += values[i] * values[i + lag];
    for (size_t lane = 0; lane < LANES; lane++)
        sum += lanes[lane];
    return sum;
}

struct complex_number {
    double real, imaginary;
};

static struct complex_number product(struct complex_number a, struct complex_number b)
{
    return (struct complex_number){a.real * b.real - a.imaginary * b.imaginary,
                                   a.real * b.imaginary + a.imaginary * b.real};
}

/* In place, size a power of two; `roots` holds exp(-2 pi i j/size) for j < size/2. */
static void transform(struct complex_number *data, size_t size,
                      const struct complex_number *roots)
{
    for (size_t i = 1, j = 0; i < size; i++) {
        size_t bit = size >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            struct complex_number swap = data[i];
            data[i] = data[j];
            data[j] = swap;
        }
    }
    for (size_t half = 1; half < size; half *= 2) {
        size_t stride = size / (2 * half);
        for (size_t start = 0; start < size; start += 2 * half) {
            for (size_t k = 0; k < half; k++) {
                struct complex_number *even = &data[start + k], *odd = even + half;
                struct complex_number turned = product(*odd, roots[k * stride]);
                odd->real = even->real - turned.real;
                odd->imaginary = even->imaginary - turned.imaginary;
                even->real += turned.real;
                even->imaginary += turned.imaginary;
            }
        }
    }
}

/* Sums over i of values[i] values[i+t] for every lag t; NULL without memory. */
static double *all_lag_sums(const double *values, size_t count)
{
    size_t size = 1;
    while (size < 2 * count)
        size *= 2;
    struct complex_number *data = asim_alloc_array(size, sizeof *data, NULL);
    struct complex_number *roots = asim_alloc_array(size / 2, sizeof *roots, NULL);
    double *sums = asim_alloc_array(count, sizeof *sums, NULL);
    if (!data || !roots || !sums) {
        free(sums);
        sums = NULL;
        goto out;
    }
    for (size_t i = 0; i < size / 2; i++) {
        double angle = -2 * M_PI * (double)i / (double)size;
        roots[i] = (struct complex_number){cos(angle), sin(angle)};
    }
    for (size_t i = 0; i < count; i++)
        data[i].real = values[i];
    transform(data, size, roots);
    /* The power spectrum is real and even: a second forward transform inverts it. */
    for (size_t i = 0; i < size; i++)
        data[i] = (struct complex_number){
            data[i].real * data[i].real + data[i].imaginary * data[i].imaginary, 0};
    transform(data, size, roots);
    for (size_t i = 0; i < count; i++)
        sums[i] = data[i].real / (double)size;
out:
    free(data);
    free(roots);
    return sums;
}

double asim_statistical_inefficiency(const double *values, size_t count)
{
    if (count < 2)
        return 1;
    double mean = 0, g = 1;
    for (size_t i = 0; i < count; i++)
        mean += (values[i] - values[0]) / (double)count;
    mean += values[0];
    double *sums = NULL;
    double *centred = asim_alloc_array(count, sizeof *centred, NULL);
    if (!centred)
        return (double)count;
    for (size_t i = 0; i < count; i++)
        centred[i] = values[i] - mean;
    double variance = lag_sum(centred, count, 0) / (double)count;
    /* A constant series, up to the rounding of its mean, is one observation. */
    double rounding = 4e-16 * fabs(mean);
    if (!(variance > rounding * rounding)) {
        free(centred);
        return (double)count;
    }
    for (size_t lag = 1; lag + 1 < count; lag++) {
        if (lag == DIRECT_LAGS)
            sums = all_lag_sums(centred, count);
        double sum = sums ? sums[lag] : lag_sum(centred, count, lag);
        double correlation = sum / ((double)(count - lag) * variance);
        if (correlation <= 0 && lag > SHORTEST_SUM)
            break;
        g += 2 * correlation * (1 - (double)lag / (double)count);
        if (lag > DIRECT_LAGS && !sums)
            break; /* without memory for the transform: the sum so far */
    }
    free(sums);
    free(centred);
    return g > 1 ? g : 1;
}
