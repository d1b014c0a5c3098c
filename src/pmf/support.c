/*
 * Effective samples of every bin, and the ends of the profile that have too few.
 * Must not know free energies.
 */
#include "pmf/support.h"

#include <stdlib.h>

#include "base/memory.h"

void asim_support_finish(struct asim_support *support)
{
    if (!support)
        return;
    free(support->samples);
    free(support->windows);
    *support = (struct asim_support){0};
}

int asim_support_count(const struct asim_lattice *lattice,
                       struct asim_support *ret_support, struct asim_error *err)
{
    size_t bins = lattice->bin_count;
    struct asim_support support = {0};
    double *own = asim_alloc_array(bins, sizeof *own, err);
    if (own)
        support.samples = asim_alloc_array(bins, sizeof *support.samples, err);
    if (support.samples)
        support.windows = asim_alloc_array(bins, sizeof *support.windows, err);
    if (!support.windows) {
        free(own);
        asim_support_finish(&support);
        return -1;
    }
    for (size_t k = 0; k < lattice->window_count; k++) {
        const struct asim_lattice_window *window = &lattice->windows[k];
        size_t lowest = bins, highest = 0;
        for (size_t i = 0; i < window->block_count * window->node_count; i++) {
            int32_t bin = lattice->bin[window->first_node + i % window->node_count];
            if (bin == ASIM_NO_BIN || window->counts[i] == 0)
                continue;
            own[bin] += window->counts[i] / window->inefficiency;
            lowest = (size_t)bin < lowest ? (size_t)bin : lowest;
            highest = (size_t)bin > highest ? (size_t)bin : highest;
        }
        for (size_t bin = lowest; bin <= highest && bin < bins; bin++) {
            support.samples[bin] += own[bin];
            support.windows[bin] += own[bin] >= 1;
            own[bin] = 0;
        }
    }
    free(own);
    *ret_support = support;
    return 0;
}

int asim_support_trim(struct asim_lattice *lattice, double lowest_nm, double highest_nm,
                      bool begin, bool end, size_t *ret_trimmed, struct asim_error *err)
{
    struct asim_support support = {0};
    size_t first = 0, last = lattice->bin_count;
    if (asim_support_count(lattice, &support, err) < 0)
        return -1;
    while (begin && first < last && support.samples[first] < ASIM_SUPPORT_SAMPLES &&
           asim_lattice_bin_nm(lattice, first) < lowest_nm)
        first++;
    while (end && last > first && support.samples[last - 1] < ASIM_SUPPORT_SAMPLES &&
           asim_lattice_bin_nm(lattice, last - 1) > highest_nm)
        last--;
    asim_support_finish(&support);
    *ret_trimmed = 0;
    if (first == last)
        return 0; /* nothing would be left of a single, hardly sampled window */
    *ret_trimmed = lattice->bin_count - (last - first);
    if (*ret_trimmed > 0)
        asim_lattice_keep_bins(lattice, first, last - first);
    return 0;
}
