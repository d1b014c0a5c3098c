/*
 * Samples that have another coordinate y, their MBAR weights and their bins.
 *
 * Free energies are those of all samples of x. The samples with a y may be fewer, and
 * not the same part of each window: their own mixture D(x) = sum_k n_k exp(f_k -
 * u_k(x)), n_k of window k, is what their weights 1/D need (Shirts & Chodera 2008).
 */
#include "pmf/along.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pmf/resample.h"
#include "samples/drift.h"

enum {
    MOST_BINS = 200,
    MOST_ASKED_BINS = 10000,
    FEWEST_FOR_INEFFICIENCY = 20,
    MOST_CELLS = 1 << 24
};
static const double BINS_PER_SPREAD = 3;
/* Cells of the plane are so many bins of the profile wide: half a window's width. */
enum { BINS_PER_CELL = 2 };

void asim_along_samples_finish(struct asim_along_samples *samples)
{
    if (!samples)
        return;
    free(samples->entries);
    free(samples->offsets);
    free(samples->block_counts);
    free(samples->a);
    free(samples->log_d);
    free(samples->inefficiency);
    free(samples->cell_log_sum);
    free(samples->cell_effective);
    free(samples->bin_log_sum);
    free(samples->bin_effective);
    *samples = (struct asim_along_samples){0};
}

static int check(const struct asim_pmf_companion *companion,
                 const struct asim_pmf_window *window, size_t k, struct asim_error *err)
{
    for (size_t i = 0; i < companion->count; i++) {
        size_t sample = companion->sample_index ? companion->sample_index[i] : i;
        if (sample >= window->count || (i > 0 && companion->sample_index &&
                                        sample <= companion->sample_index[i - 1]))
            return asim_fail(err, ASIM_EINPUT,
                             "window %zu: value %zu of the other coordinate belongs to "
                             "sample %zu of %zu; samples in rising order were expected",
                             k, i, sample, window->count);
        if (!isfinite(companion->value[i]))
            return asim_fail(err, ASIM_EINPUT,
                             "window %zu: value %zu of the other coordinate is not a "
                             "finite number",
                             k, i);
    }
    return 0;
}

/* ln D of the entries' mixture at an x in the cell of `node`. */
static double log_mixture(const struct asim_along_samples *samples, size_t node,
                          double x)
{
    const struct asim_problem *problem = samples->problem;
    const struct asim_mbar_nodes *centres = &problem->estimate.centres;
    double largest = -INFINITY, sum = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = centres->first[node]; k < centres->last[node]; k++) {
            const struct asim_reduced_bias *bias = &problem->biases[k];
            double distance = asim_bias_distance(bias, x);
            double term =
                samples->a[k] - 0.5 * bias->reduced_k_per_nm2 * distance * distance;
            if (pass == 0)
                largest = fmax(largest, term);
            else if (isfinite(largest))
                sum += exp(term - largest);
        }
    return isfinite(largest) ? largest + log(sum) : -INFINITY;
}

/* Entries with their weights ln 1/D in `share`, not in cells yet. */
static void add_entries(struct asim_along_samples *samples,
                        const struct asim_pmf_companion *companions)
{
    const struct asim_problem *problem = samples->problem;
    const struct asim_lattice *lattice = &problem->lattice;
    struct asim_along_entry *entry = samples->entries;
    for (size_t k = 0; k < problem->window_count; k++) {
        const struct asim_pmf_companion *companion = &companions[k];
        const struct asim_lattice_window *window = &lattice->windows[k];
        size_t block = 0;
        for (size_t i = 0; i < companion->count; i++, entry++) {
            size_t sample = companion->sample_index ? companion->sample_index[i] : i;
            double x = window->value_nm[sample];
            while (sample >=
                   asim_block_begin(window->count, window->block_count, block + 1))
                block++;
            size_t node = asim_lattice_node(lattice, window, x);
            *entry = (struct asim_along_entry){
                .node = (uint32_t)node,
                .block = (uint32_t)(samples->offsets[k] + block),
                .window = (uint32_t)k,
                .cell = ASIM_NO_CELL,
                .y = companion->value[i],
                .share = -log_mixture(samples, node, x)};
            samples->block_counts[entry->block]++;
        }
        if (companion->count >= FEWEST_FOR_INEFFICIENCY)
            samples->inefficiency[k] =
                asim_statistical_inefficiency(companion->value, companion->count);
    }
}

static int choose_bins(struct asim_along_samples *samples, size_t bin_count,
                       struct asim_error *err)
{
    double least = INFINITY, most = -INFINITY, squares = 0;
    size_t windows = 0, first = 0;
    while (first < samples->count) {
        uint32_t window = samples->entries[first].window;
        double mean = 0, sum = 0;
        size_t n = 0;
        for (; first < samples->count && samples->entries[first].window == window;
             first++) {
            double y = samples->entries[first].y, delta = y - mean;
            least = fmin(least, y);
            most = fmax(most, y);
            mean += delta / (double)++n;
            sum += delta * (y - mean);
        }
        squares += sum;
        windows++;
    }
    double range = most - least, freedom = (double)(samples->count - windows);
    double spread = freedom > 0 ? sqrt(squares / freedom) : 0;
    if (!(range > 0) || !isfinite(range))
        return asim_fail(err, ASIM_EINPUT,
                         "the other coordinate is %g in all samples; one that varies "
                         "was expected",
                         least);
    if (bin_count == 0)
        bin_count =
            spread > 0 ? (size_t)fmin(ceil(range / spread * BINS_PER_SPREAD), MOST_BINS)
                       : MOST_BINS;
    if (bin_count > MOST_ASKED_BINS)
        return asim_fail(err, ASIM_EUSAGE,
                         "%zu bins of the other coordinate; at most %d are supported",
                         bin_count, MOST_ASKED_BINS);
    size_t columns =
        (samples->problem->lattice.bin_count + BINS_PER_CELL - 1) / BINS_PER_CELL;
    if (columns * bin_count > MOST_CELLS)
        return asim_fail(
            err, ASIM_EUSAGE,
            "a plane of %zu x %zu cells; at most %d are supported; ask for "
            "fewer bins",
            columns, bin_count, MOST_CELLS);
    samples->y_begin = least;
    samples->y_width = range / (double)bin_count;
    samples->y_count = bin_count;
    samples->bins_per_x = BINS_PER_CELL;
    samples->x_count = columns;
    return 0;
}

static void find_cells(struct asim_along_samples *samples)
{
    const struct asim_lattice *lattice = &samples->problem->lattice;
    for (size_t i = 0; i < samples->count; i++) {
        struct asim_along_entry *entry = &samples->entries[i];
        int32_t bin = lattice->bin[entry->node];
        double place = (entry->y - samples->y_begin) / samples->y_width;
        size_t y = place > 0 ? (size_t)place : 0;
        if (bin == ASIM_NO_BIN || !isfinite(entry->share))
            continue;
        if (y >= samples->y_count)
            y = samples->y_count - 1;
        entry->cell =
            (uint32_t)((size_t)bin / samples->bins_per_x * samples->y_count + y);
    }
}

/*
 * ln sum w, and the effective samples (sum w)^2 / sum g w^2, g being the statistical
 * inefficiency of the window, for the entries' weights in each group: a cell, or a bin
 * of y, which is a cell's number modulo y_count.
 */
static int sum_groups(const struct asim_along_samples *samples, size_t group_count,
                      double *ret_log_sum, double *ret_effective,
                      struct asim_error *err)
{
    double *squares = asim_alloc_array(group_count, sizeof *squares, err);
    double *largest = asim_alloc_array(group_count, sizeof *largest, err);
    if (!squares || !largest) {
        free(squares);
        free(largest);
        return -1;
    }
    for (size_t group = 0; group < group_count; group++)
        largest[group] = -INFINITY;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < samples->count; i++) {
            const struct asim_along_entry *entry = &samples->entries[i];
            if (entry->cell == ASIM_NO_CELL)
                continue;
            size_t group = entry->cell % group_count;
            if (pass == 0) {
                largest[group] = fmax(largest[group], entry->share);
                continue;
            }
            double weight = exp(entry->share - largest[group]);
            ret_log_sum[group] += weight;
            squares[group] += weight * weight * samples->inefficiency[entry->window];
        }
    for (size_t group = 0; group < group_count; group++) {
        double sum = ret_log_sum[group];
        ret_effective[group] = sum > 0 ? sum * sum / squares[group] : 0;
        ret_log_sum[group] = sum > 0 ? log(sum) + largest[group] : -INFINITY;
    }
    free(squares);
    free(largest);
    return 0;
}

/* Bins of y at the ends that have too few samples go. */
static int trim(struct asim_along_samples *samples, struct asim_error *err)
{
    size_t first = 0, end = samples->y_count, old = samples->y_count;
    while (first < end && samples->bin_effective[first] < ASIM_ALONG_LEAST)
        first++;
    while (end > first && samples->bin_effective[end - 1] < ASIM_ALONG_LEAST)
        end--;
    if (first == end)
        return asim_fail(err, ASIM_EINPUT,
                         "%zu samples of the other coordinate are too few: no bin has "
                         "%.0f effective ones; run the windows longer, or write their "
                         "trajectories more often",
                         samples->count, ASIM_ALONG_LEAST);
    samples->y_begin += (double)first * samples->y_width;
    samples->y_count = end - first;
    for (size_t i = 0; i < samples->count; i++) {
        struct asim_along_entry *entry = &samples->entries[i];
        if (entry->cell == ASIM_NO_CELL)
            continue;
        size_t x = entry->cell / old, y = entry->cell % old;
        entry->cell = y < first || y >= end
                          ? ASIM_NO_CELL
                          : (uint32_t)(x * samples->y_count + y - first);
    }
    memmove(samples->bin_effective, samples->bin_effective + first,
            samples->y_count * sizeof(double));
    memmove(samples->bin_log_sum, samples->bin_log_sum + first,
            samples->y_count * sizeof(double));
    return 0;
}

static int bin_entries(struct asim_along_samples *samples, struct asim_error *err)
{
    size_t bins = samples->y_count;
    samples->bin_log_sum = asim_alloc_array(bins, sizeof(double), err);
    samples->bin_effective = asim_alloc_array(bins, sizeof(double), err);
    if (!samples->bin_log_sum || !samples->bin_effective)
        return -1;
    find_cells(samples);
    if (sum_groups(samples, bins, samples->bin_log_sum, samples->bin_effective, err) <
            0 ||
        trim(samples, err) < 0)
        return -1;
    size_t cells = samples->x_count * samples->y_count;
    samples->cell_log_sum = asim_alloc_array(cells, sizeof(double), err);
    samples->cell_effective = asim_alloc_array(cells, sizeof(double), err);
    if (!samples->cell_log_sum || !samples->cell_effective ||
        sum_groups(samples, cells, samples->cell_log_sum, samples->cell_effective,
                   err) < 0)
        return -1;
    for (size_t i = 0; i < samples->count; i++) {
        struct asim_along_entry *entry = &samples->entries[i];
        entry->share = entry->cell == ASIM_NO_CELL
                           ? 0
                           : exp(entry->share - samples->cell_log_sum[entry->cell]);
    }
    return 0;
}

/* Everything that is needed before entries have weights. */
static int prepare(struct asim_along_samples *samples,
                   const struct asim_pmf_companion *companions, struct asim_error *err)
{
    const struct asim_problem *problem = samples->problem;
    const struct asim_estimate *estimate = &problem->estimate;
    size_t count = problem->window_count;
    for (size_t k = 0; k < count; k++) {
        if (check(&companions[k], &problem->windows[k], k, err) < 0)
            return -1;
        samples->count += companions[k].count;
    }
    if (samples->count == 0)
        return asim_fail(err, ASIM_EINPUT,
                         "no sample has a value of the other coordinate");
    samples->offsets = asim_alloc_array(count, sizeof *samples->offsets, err);
    if (!samples->offsets)
        return -1;
    samples->block_total = asim_resample_offsets(&problem->lattice, samples->offsets);
    samples->entries = asim_alloc_array(samples->count, sizeof *samples->entries, err);
    samples->block_counts = asim_alloc_array(samples->block_total, sizeof(double), err);
    samples->a = asim_alloc_array(count, sizeof(double), err);
    samples->inefficiency = asim_alloc_array(count, sizeof(double), err);
    samples->log_d = asim_alloc_array(problem->lattice.node_count, sizeof(double), err);
    if (!samples->entries || !samples->block_counts || !samples->a ||
        !samples->inefficiency || !samples->log_d)
        return -1;
    for (size_t k = 0; k < count; k++) {
        samples->inefficiency[k] = 1;
        samples->a[k] = estimate->a[k] - log(estimate->weight[k]) +
                        log((double)companions[k].count);
    }
    return 0;
}

int asim_along_gather(const struct asim_problem *problem,
                      const struct asim_pmf_companion *companions, size_t bin_count,
                      struct asim_along_samples *ret_samples, struct asim_error *err)
{
    struct asim_along_samples samples = {.problem = problem};
    if (prepare(&samples, companions, err) < 0)
        goto fail;
    add_entries(&samples, companions);
    for (size_t g = 0; g < problem->lattice.node_count; g++)
        samples.log_d[g] = log_mixture(&samples, g, problem->estimate.centres.x_nm[g]);
    if (choose_bins(&samples, bin_count, err) < 0 || bin_entries(&samples, err) < 0)
        goto fail;
    *ret_samples = samples;
    return 0;
fail:
    asim_along_samples_finish(&samples);
    return -1;
}
