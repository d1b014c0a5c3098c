/* The stretches of the profile whose relative heights are known. */
#ifndef PMF_SEGMENTS_H
#define PMF_SEGMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Numbers the components of the graph of windows in which both elements of the overlap
 * matrix are at least `minimum`, in the order of their first windows: ret_segment
 * [window] gets 0 .. *ret_count - 1.
 */
int asim_segments_find(const double *overlap, size_t window_count, double minimum,
                       uint32_t *ret_segment, size_t *ret_count,
                       struct asim_error *err);

/* Takes out of the values of bins, NAN where a bin has none, each segment's mean. */
int asim_segments_centre(const uint32_t *bin_segment, size_t bin_count,
                         size_t segment_count, double *values, struct asim_error *err);

#endif
