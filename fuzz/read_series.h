/* The common part of the targets that read what a bias engine wrote. */
#ifndef AUTOSIM_FUZZ_READ_SERIES_H
#define AUTOSIM_FUZZ_READ_SERIES_H

#include <autosim/samples.h>
#include <stddef.h>
#include <stdint.h>

/* Any bytes give a series in order of time, or an error. */
void asim_fuzz_read_series(enum asim_bias_engine engine, const uint8_t *data,
                           size_t size);

#endif
