/* Drift of a series, and where it has settled. */
#include "samples/drift.h"

#include <math.h>

#include <autosim/samples.h>

enum { FEWEST_BLOCKS = 16, SETTLE_STEPS = 10 };

size_t asim_block_begin(size_t count, size_t block_count, size_t block)
{
    size_t whole = count / block_count, rest = count % block_count;
    return block * whole + block * rest / block_count;
}

double asim_student_p_value(double t, double degrees_of_freedom)
{
    /* The normal deviate of the same probability (Wallace 1959, Ann. Math. Stat. 30,
     * 1124), within a few per cent of the p-value from 10 degrees of freedom on. */
    double n = degrees_of_freedom;
    double normal = (8 * n + 1) / (8 * n + 3) * sqrt(n * log1p(t * t / n));
    return erfc(normal / M_SQRT2);
}

/* Mean, and sum of squares about it, of the means of blocks begin .. end-1. `middle` is
 * near all values, so that differences keep their digits. */
static void block_mean_spread(const double *values, size_t count, size_t block_count,
                              double middle, size_t begin, size_t end, double *ret_mean,
                              double *ret_square_sum)
{
    double mean = 0, square_sum = 0;
    for (size_t block = begin; block < end; block++) {
        size_t i = asim_block_begin(count, block_count, block);
        size_t last = asim_block_begin(count, block_count, block + 1);
        double sum = 0, size = (double)(last - i);
        for (; i < last; i++)
            sum += values[i] - middle;
        double delta = sum / size - mean;
        mean += delta / (double)(block - begin + 1);
        square_sum += delta * (sum / size - mean);
    }
    *ret_mean = mean;
    *ret_square_sum = square_sum;
}

double asim_drift_p_value(const double *values, size_t count, size_t block_count)
{
    size_t early = block_count / 10, late = block_count / 2;
    double early_mean, early_sum, late_mean, late_sum;
    if (block_count < FEWEST_BLOCKS || count < block_count)
        return 1;
    if (early < 2)
        early = 2;
    block_mean_spread(values, count, block_count, values[0], 0, early, &early_mean,
                      &early_sum);
    block_mean_spread(values, count, block_count, values[0], block_count - late,
                      block_count, &late_mean, &late_sum);
    double freedom = (double)(early + late - 2);
    double variance =
        (early_sum + late_sum) / freedom * (1 / (double)early + 1 / (double)late);
    double difference = early_mean - late_mean;
    if (difference == 0)
        return 1;
    return asim_student_p_value(difference / sqrt(variance), freedom);
}

size_t asim_settled_start(const double *values, size_t count, size_t block_count,
                          double level)
{
    /* Trimming what does not drift would throw away good samples by chance and make the
     * errors too small: only a significant drift is acted upon. */
    for (size_t step = 0; step <= SETTLE_STEPS / 2; step++) {
        size_t start = count / SETTLE_STEPS * step;
        if (asim_drift_p_value(values + start, count - start, block_count) > level)
            return start;
    }
    return 0;
}
