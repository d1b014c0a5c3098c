/* Does a series begin elsewhere than it ends? */
#ifndef SAMPLES_DRIFT_H
#define SAMPLES_DRIFT_H

#include <stddef.h>

/* Where block `block` of a series begins that is cut into block_count blocks whose
 * lengths differ by one at most; block == block_count gives the end. */
size_t asim_block_begin(size_t count, size_t block_count, size_t block);

/* Two-sided p-value of Student's t. */
double asim_student_p_value(double t, double degrees_of_freedom);

/*
 * Geweke 1992 (Bayesian Statistics 4, 169): the mean of the first tenth against that of
 * the last half, here with the pooled spread of block means as the error. The p-value;
 * 1 where there are fewer than 16 blocks or the two means are the same.
 */
double asim_drift_p_value(const double *values, size_t count, size_t block_count);

#endif
