/*
 * Cholesky factors of symmetric band matrices. Own code and not LAPACK, whose sums
 * depend on its thread count and on the processor: the same input gives the same bits.
 */
#include "pmf/band_matrix.h"

#include <math.h>

/* What is left of a diagonal element after elimination carries a rounding error of some
 * 1e-16 of that element; below this share it is noise. */
static const double LOST_PIVOT = 1e-14;
static const double HUGE_PIVOT = 1e100;

size_t asim_band_factor(struct asim_band_matrix *matrix)
{
    size_t width = matrix->half_width, stride = width + 1, lost_count = 0;
    for (size_t i = 0; i < matrix->size; i++) {
        double *row_i = &matrix->values[i * stride] + width - i; /* row_i[j] is (i,j) */
        size_t first_i = i > width ? i - width : 0;
        for (size_t j = first_i; j <= i; j++) {
            const double *row_j = &matrix->values[j * stride] + width - j;
            size_t first_j = j > width ? j - width : 0;
            double sum = row_i[j];
            for (size_t m = first_i > first_j ? first_i : first_j; m < j; m++)
                sum -= row_i[m] * row_j[m];
            if (j < i) {
                row_i[j] = sum / row_j[j];
            } else if (sum > LOST_PIVOT * row_i[i]) {
                row_i[i] = sqrt(sum);
            } else {
                row_i[i] = HUGE_PIVOT;
                lost_count++;
            }
        }
    }
    return lost_count;
}

void asim_band_solve(const struct asim_band_matrix *factor, double *vector)
{
    size_t width = factor->half_width, stride = width + 1;
    for (size_t i = 0; i < factor->size; i++) {
        const double *row = &factor->values[i * stride] + width - i;
        double sum = vector[i];
        for (size_t j = i > width ? i - width : 0; j < i; j++)
            sum -= row[j] * vector[j];
        vector[i] = sum / row[i];
    }
    for (size_t i = factor->size; i-- > 0;) {
        const double *row = &factor->values[i * stride] + width - i;
        vector[i] /= row[i];
        for (size_t j = i > width ? i - width : 0; j < i; j++)
            vector[j] -= row[j] * vector[i];
    }
}
