/* Which windows hang together. Must not know samples or free energies. */
#include "pmf/segments.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

int asim_segments_find(const double *overlap, size_t window_count, double minimum,
                       uint32_t *ret_segment, size_t *ret_count, struct asim_error *err)
{
    size_t count = window_count, segments = 0, height = 0;
    size_t *stack = asim_alloc_array(count, sizeof *stack, err);
    if (!stack)
        return -1;
    for (size_t k = 0; k < count; k++)
        ret_segment[k] = UINT32_MAX;
    for (size_t start = 0; start < count; start++) {
        if (ret_segment[start] != UINT32_MAX)
            continue;
        ret_segment[start] = (uint32_t)segments;
        stack[height++] = start;
        while (height) {
            size_t i = stack[--height];
            for (size_t j = 0; j < count; j++)
                if (ret_segment[j] == UINT32_MAX && overlap[i * count + j] >= minimum &&
                    overlap[j * count + i] >= minimum) {
                    ret_segment[j] = (uint32_t)segments;
                    stack[height++] = j;
                }
        }
        segments++;
    }
    free(stack);
    *ret_count = segments;
    return 0;
}

int asim_segments_centre(const uint32_t *bin_segment, size_t bin_count,
                         size_t segment_count, double *values, struct asim_error *err)
{
    double *sum = asim_alloc_array(segment_count, 2 * sizeof *sum, err);
    if (!sum)
        return -1;
    double *filled = sum + segment_count;
    for (size_t bin = 0; bin < bin_count; bin++)
        if (!isnan(values[bin])) {
            sum[bin_segment[bin]] += values[bin];
            filled[bin_segment[bin]]++;
        }
    for (size_t bin = 0; bin < bin_count; bin++)
        if (!isnan(values[bin]))
            values[bin] -= sum[bin_segment[bin]] / filled[bin_segment[bin]];
    free(sum);
    return 0;
}
