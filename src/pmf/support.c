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

/* Bins at one end, counted from there. */
struct end {
    size_t beyond; /* on the far side of the outermost centre */
    size_t scarce; /* before the first with enough samples */
    bool wall;     /* which then is as near to the centre as the window comes */
};

/*
 * A steep profile holds the outermost window back from its centre, and what lies
 * between that and its samples cannot be sampled. It is such a wall only where the
 * window's mean is known and the profile has samples enough as far as there: a window
 * that wandered off, or was run for too short a time, says nothing of the sort.
 */
static struct end look_at_end(const struct asim_lattice *lattice,
                              const struct asim_support *support, bool upper,
                              double centre_nm)
{
    const struct asim_lattice_window *window =
        &lattice->windows[upper ? lattice->window_count - 1 : 0];
    double inwards = upper ? -1 : 1;
    double reach = 0.5 * lattice->spacing_nm * (double)lattice->cells_per_bin;
    size_t bins = lattice->bin_count;
    struct end end = {0};
    for (size_t i = 0; i < bins; i++) {
        size_t bin = upper ? bins - 1 - i : i;
        double x = asim_lattice_bin_nm(lattice, bin);
        end.beyond += inwards * (x - centre_nm) < 0;
        if (end.scarce == i && support->samples[bin] < ASIM_SUPPORT_SAMPLES)
            end.scarce++;
        else if (end.scarce == i)
            end.wall = inwards * (x - window->mean_nm) < reach;
    }
    end.wall &= (double)window->count >= ASIM_SUPPORT_SAMPLES * window->inefficiency;
    return end;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

int asim_support_trim(struct asim_lattice *lattice, double first_centre_nm,
                      double last_centre_nm, bool begin, bool end,
                      struct asim_trim *ret_trim, struct asim_error *err)
{
    struct asim_support support = {0};
    size_t bins = lattice->bin_count;
    if (asim_support_count(lattice, &support, err) < 0)
        return -1;
    struct end low = look_at_end(lattice, &support, false, first_centre_nm);
    struct end high = look_at_end(lattice, &support, true, last_centre_nm);
    asim_support_finish(&support);
    size_t below = begin ? least(low.scarce, low.beyond) : 0;
    size_t above = end ? least(high.scarce, high.beyond) : 0;
    size_t low_wall = begin && low.wall ? low.scarce - below : 0;
    size_t high_wall = end && high.wall ? high.scarce - above : 0;
    size_t within = low_wall + high_wall;
    /* Where most of it would go the windows are elsewhere than they were put. */
    if (2 * within + low.beyond + high.beyond > bins)
        low_wall = high_wall = within = 0;
    *ret_trim = (struct asim_trim){0};
    /* Two bins at least make a profile; a lone window may have fewer with samples. */
    if (below + above + within + 2 > bins || below + above + within == 0)
        return 0;
    *ret_trim = (struct asim_trim){below + above, within};
    asim_lattice_keep_bins(lattice, below + low_wall, bins - below - above - within);
    return 0;
}
