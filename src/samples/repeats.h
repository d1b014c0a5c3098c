/* Samples that stand in a series twice. */
#ifndef SAMPLES_REPEATS_H
#define SAMPLES_REPEATS_H

#include <stddef.h>

#include "base/error.h"

/*
 * How many samples of a series repeat an earlier stretch of it to the last bit, as rows
 * do that a restart wrote once more under other times. Stretches count from 8 samples
 * on, which chance does not bring about; some of less than a hundred may be missed.
 */
int asim_repeated_samples(const double *values, size_t count, size_t *ret_repeated,
                          struct asim_error *err);

#endif
