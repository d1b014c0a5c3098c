/*
 * The profile along another coordinate and its errors.
 *
 * A repeat weighs blocks of time anew, solves MBAR for all samples of x, and sums the
 * weights of the samples with a y. Only differences from the estimate are used, so in
 * repeats samples count at the middles of their cells of x.
 *
 * Invariant: the same numbers for any number of threads; a repeat is one task.
 */
#include "pmf/along.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "pmf/resample.h"

enum { DEFAULT_REPEATS = 400, FEWEST_REPEATS = 20, MOST_REPEATS = 100000 };
/* A difference of means below that part of a bin's width is rounding. */
static const double ROUNDING = 1e-9;

/* Repeats of the bootstrap come first, then these. */
enum { FIRST_HALF, SECOND_HALF, AS_IT_IS, OTHER_REPEATS };

struct repeats {
    const struct asim_along_samples *samples;
    size_t count; /* of the bootstrap */
    uint64_t seed;
    double *bins;       /* [count + OTHER_REPEATS][y_count] less the estimate, kT */
    double *cells;      /* [count + OTHER_REPEATS][cells] */
    double *deviations; /* [count + OTHER_REPEATS][window] */
};

void asim_along_finish(struct asim_along *along)
{
    if (!along)
        return;
    free(along->y);
    free(along->pmf_kj_mol);
    free(along->error_kj_mol);
    free(along->band_kj_mol);
    free(along->effective_samples);
    free(along->x_nm);
    free(along->plane_kj_mol);
    free(along->plane_error_kj_mol);
    free(along->gates);
    *along = (struct asim_along){0};
}

void asim_along_repeats_finish(struct asim_along_repeats *repeats)
{
    free(repeats->bin_error);
    free(repeats->cell_error);
    free(repeats->disagreement);
    *repeats = (struct asim_along_repeats){0};
}

/* Takes out the mean over those that have a value. */
static void centre(double *values, const double *effective, size_t count)
{
    double sum = 0, known = 0;
    for (size_t i = 0; i < count; i++)
        if (effective[i] >= ASIM_ALONG_LEAST && isfinite(values[i])) {
            sum += values[i];
            known++;
        }
    for (size_t i = 0; i < count && known > 0; i++)
        values[i] -= sum / known;
}

/* a of the entries under these weights of blocks. */
static void find_a(const struct asim_along_samples *samples, const double *weights,
                   struct asim_resample_work *work)
{
    const struct asim_lattice *lattice = &samples->problem->lattice;
    for (size_t k = 0; k < lattice->window_count; k++) {
        double count = 0;
        for (size_t block = 0; block < lattice->windows[k].block_count; block++)
            count += weights[samples->offsets[k] + block] *
                     samples->block_counts[samples->offsets[k] + block];
        work->a[k] += log(count) - log(work->weight[k]);
    }
}

/*
 * The mean y of each window's own entries less what all entries make of it,
 * sum y p_k / sum p_k. `sums`: [node] weights of the entries there, then weights times
 * y. Leaves in ratio how much larger 1/D is than that of the estimate.
 */
static void compare_windows(const struct asim_along_samples *samples,
                            struct asim_resample_work *work, const double *sums,
                            double *ratio, double *predicted)
{
    const struct asim_mbar_nodes *centres = &samples->problem->estimate.centres;
    double *norm = predicted + centres->window_count;
    asim_mbar_scale(centres, work->a, work->mbar.scale);
    for (size_t g = 0; g < centres->count; g++) {
        size_t first = centres->first[g];
        if (!(sums[g] > 0))
            continue;
        double log_d =
            centres->log_largest[g] +
            asim_mbar_probabilities(centres, g, work->mbar.scale, work->mbar.p);
        ratio[g] = exp(samples->log_d[g] - log_d);
        for (size_t k = first; k < centres->last[g]; k++) {
            predicted[k] += work->mbar.p[k - first] * sums[centres->count + g];
            norm[k] += work->mbar.p[k - first] * sums[g];
        }
    }
}

static void add_shares(const struct repeats *repeats, size_t repeat,
                       const double *weights, const double *ratio)
{
    const struct asim_along_samples *samples = repeats->samples;
    size_t bins = samples->y_count, cells = samples->x_count * bins;
    double *plane = &repeats->cells[repeat * cells];
    double *profile = &repeats->bins[repeat * bins];
    for (size_t i = 0; i < samples->count; i++) {
        const struct asim_along_entry *entry = &samples->entries[i];
        if (entry->cell != ASIM_NO_CELL)
            plane[entry->cell] +=
                weights[entry->block] * ratio[entry->node] * entry->share;
    }
    for (size_t cell = 0; cell < cells; cell++)
        if (plane[cell] > 0)
            profile[cell % bins] +=
                plane[cell] *
                exp(samples->cell_log_sum[cell] - samples->bin_log_sum[cell % bins]);
    for (size_t cell = 0; cell < cells; cell++)
        plane[cell] = -log(plane[cell]);
    for (size_t bin = 0; bin < bins; bin++)
        profile[bin] = -log(profile[bin]);
    centre(plane, samples->cell_effective, cells);
    centre(profile, samples->bin_effective, bins);
}

static void fill_weights(const struct repeats *repeats, size_t repeat, double *weights)
{
    const struct asim_along_samples *samples = repeats->samples;
    const struct asim_lattice *lattice = &samples->problem->lattice;
    if (repeat < repeats->count)
        asim_resample_draw(lattice, samples->offsets,
                           asim_random_derive(repeats->seed, repeat), weights);
    else if (repeat < repeats->count + AS_IT_IS)
        asim_resample_half(lattice, samples->offsets,
                           repeat == repeats->count + SECOND_HALF, weights);
    else
        for (size_t block = 0; block < samples->block_total; block++)
            weights[block] = 1;
}

static int repeat_once(void *context, size_t repeat, int thread_index,
                       struct asim_error *err)
{
    (void)thread_index;
    const struct repeats *repeats = context;
    const struct asim_along_samples *samples = repeats->samples;
    const struct asim_problem *problem = samples->problem;
    size_t nodes = problem->lattice.node_count, count = problem->window_count;
    struct asim_resample_work work;
    int rc = -1;
    double middle = samples->y_begin;
    double *weights = NULL, *sums = NULL, *ratio = NULL, *means = NULL;
    if (asim_resample_work_init(&work, &problem->estimate, err) < 0)
        return -1;
    weights = asim_alloc_array(samples->block_total, sizeof *weights, err);
    sums = asim_alloc_array(nodes, 2 * sizeof *sums, err);
    ratio = asim_alloc_array(nodes, sizeof *ratio, err);
    means = asim_alloc_array(count, 4 * sizeof *means, err);
    if (!weights || !sums || !ratio || !means)
        goto out;
    fill_weights(repeats, repeat, weights);
    asim_resample_solve(&problem->lattice, &problem->estimate, weights,
                        samples->offsets, &work);
    find_a(samples, weights, &work);
    double *own = means + 2 * count;
    for (size_t i = 0; i < samples->count; i++) {
        const struct asim_along_entry *entry = &samples->entries[i];
        double weight = weights[entry->block], y = weight * (entry->y - middle);
        sums[entry->node] += weight;
        sums[nodes + entry->node] += y;
        own[entry->window] += y;
        own[count + entry->window] += weight;
    }
    compare_windows(samples, &work, sums, ratio, means);
    for (size_t k = 0; k < count; k++)
        repeats->deviations[repeat * count + k] =
            own[k] / own[count + k] - means[k] / means[count + k];
    add_shares(repeats, repeat, weights, ratio);
    rc = 0;
out:
    asim_resample_work_finish(&work);
    free(weights);
    free(sums);
    free(ratio);
    free(means);
    return rc;
}

/* The spread of column `i` over the bootstrap's rows of `width` numbers. */
static double spread(const double *rows, size_t row_count, size_t width, size_t i,
                     double factor)
{
    double mean = 0, squares = 0;
    for (size_t row = 0; row < row_count; row++)
        mean += rows[row * width + i] / (double)row_count;
    for (size_t row = 0; row < row_count; row++)
        squares += (rows[row * width + i] - mean) * (rows[row * width + i] - mean);
    return sqrt(factor * squares / (double)(row_count - 1));
}

static int compare_doubles(const void *first, const void *second)
{
    double a = *(const double *)first, b = *(const double *)second;
    return a < b ? -1 : a > b;
}

/* The 95% quantile of the largest deviation from the estimate, in spreads of the
 * repeats. */
static int find_quantile(const struct repeats *repeats, double factor,
                         const double *errors, double *ret_quantile,
                         struct asim_error *err)
{
    const struct asim_along_samples *samples = repeats->samples;
    size_t bins = samples->y_count;
    double *largest = asim_alloc_array(repeats->count, sizeof *largest, err);
    if (!largest)
        return -1;
    for (size_t repeat = 0; repeat < repeats->count; repeat++)
        for (size_t bin = 0; bin < bins; bin++)
            if (samples->bin_effective[bin] >= ASIM_ALONG_LEAST && errors[bin] > 0)
                largest[repeat] =
                    fmax(largest[repeat], sqrt(factor) *
                                              fabs(repeats->bins[repeat * bins + bin]) /
                                              errors[bin]);
    qsort(largest, repeats->count, sizeof *largest, compare_doubles);
    *ret_quantile = largest[repeats->count * 95 / 100];
    free(largest);
    return 0;
}

static double compare_halves(const struct repeats *repeats, const double *errors)
{
    const struct asim_along_samples *samples = repeats->samples;
    size_t bins = samples->y_count;
    const double *first = &repeats->bins[(repeats->count + FIRST_HALF) * bins];
    const double *second = &repeats->bins[(repeats->count + SECOND_HALF) * bins];
    double squares = 0, known = 0;
    for (size_t bin = 0; bin < bins; bin++) {
        /* Each half has half of the samples: their difference spreads by twice the
         * standard error of the whole. */
        double z = 0.5 * (first[bin] - second[bin]) / errors[bin];
        if (samples->bin_effective[bin] >= ASIM_ALONG_LEAST && isfinite(z)) {
            squares += z * z;
            known++;
        }
    }
    return known > 0 ? sqrt(squares / known) : NAN;
}

int asim_along_repeat(const struct asim_along_samples *samples, size_t repeat_count,
                      uint64_t seed, int thread_count,
                      struct asim_along_repeats *ret_repeats, struct asim_error *err)
{
    size_t bins = samples->y_count, cells = samples->x_count * bins;
    size_t windows = samples->problem->window_count,
           rows = repeat_count + OTHER_REPEATS;
    double factor = asim_resample_variance_factor(&samples->problem->lattice);
    struct repeats repeats = {.samples = samples, .count = repeat_count, .seed = seed};
    struct asim_along_repeats result = {0};
    int rc = -1;
    repeats.bins = asim_alloc_array(rows, bins * sizeof(double), err);
    repeats.cells = asim_alloc_array(rows, cells * sizeof(double), err);
    repeats.deviations = asim_alloc_array(rows, windows * sizeof(double), err);
    result.bin_error = asim_alloc_array(bins, sizeof(double), err);
    result.cell_error = asim_alloc_array(cells, sizeof(double), err);
    result.disagreement = asim_alloc_array(windows, sizeof(double), err);
    if (!repeats.bins || !repeats.cells || !repeats.deviations || !result.bin_error ||
        !result.cell_error || !result.disagreement ||
        asim_parallel(rows, thread_count, repeat_once, &repeats, err) < 0)
        goto out;
    for (size_t bin = 0; bin < bins; bin++)
        result.bin_error[bin] = spread(repeats.bins, repeat_count, bins, bin, factor);
    for (size_t cell = 0; cell < cells; cell++)
        result.cell_error[cell] =
            spread(repeats.cells, repeat_count, cells, cell, factor);
    for (size_t k = 0; k < windows; k++) {
        double sd = spread(repeats.deviations, repeat_count, windows, k, factor);
        double value = repeats.deviations[(repeat_count + AS_IT_IS) * windows + k];
        result.disagreement[k] =
            sd > ROUNDING * samples->y_width ? value / sd : (double)NAN;
    }
    result.halves = compare_halves(&repeats, result.bin_error);
    if (find_quantile(&repeats, factor, result.bin_error, &result.quantile, err) < 0)
        goto out;
    *ret_repeats = result;
    result = (struct asim_along_repeats){0};
    rc = 0;
out:
    free(repeats.bins);
    free(repeats.cells);
    free(repeats.deviations);
    asim_along_repeats_finish(&result);
    return rc;
}

/* F = -kT ln S and errors; NAN where samples are too few. */
static void fill_values(const double *log_sum, const double *effective,
                        const double *error, size_t count, double kt_kj_mol,
                        double *ret_pmf, double *ret_error)
{
    for (size_t i = 0; i < count; i++) {
        bool known = effective[i] >= ASIM_ALONG_LEAST;
        ret_pmf[i] = known ? -kt_kj_mol * log_sum[i] : (double)NAN;
        ret_error[i] = known ? kt_kj_mol * error[i] : (double)NAN;
    }
}

static void set_zero(double *values, size_t count)
{
    double least = INFINITY;
    for (size_t i = 0; i < count; i++)
        least = fmin(least, values[i]); /* passes NAN over */
    for (size_t i = 0; i < count; i++)
        values[i] -= least;
}

static int allocate(const struct asim_along_samples *samples, struct asim_along *along,
                    struct asim_error *err)
{
    size_t bins = samples->y_count, columns = samples->x_count;
    along->sample_count = samples->count;
    along->bin_count = bins;
    along->x_count = columns;
    along->gate_count = ASIM_ALONG_GATES;
    along->y = asim_alloc_array(bins, sizeof(double), err);
    along->pmf_kj_mol = asim_alloc_array(bins, sizeof(double), err);
    along->error_kj_mol = asim_alloc_array(bins, sizeof(double), err);
    along->band_kj_mol = asim_alloc_array(bins, sizeof(double), err);
    along->effective_samples = asim_alloc_array(bins, sizeof(double), err);
    along->x_nm = asim_alloc_array(columns, sizeof(double), err);
    along->plane_kj_mol = asim_alloc_array(columns, bins * sizeof(double), err);
    along->plane_error_kj_mol = asim_alloc_array(columns, bins * sizeof(double), err);
    along->gates = asim_alloc_array(ASIM_ALONG_GATES, sizeof *along->gates, err);
    return along->y && along->pmf_kj_mol && along->error_kj_mol && along->band_kj_mol &&
                   along->effective_samples && along->x_nm && along->plane_kj_mol &&
                   along->plane_error_kj_mol && along->gates
               ? 0
               : -1;
}

static void fill(const struct asim_along_samples *samples,
                 const struct asim_along_repeats *repeats, struct asim_along *along)
{
    const struct asim_lattice *lattice = &samples->problem->lattice;
    size_t bins = samples->y_count;
    double kt = samples->problem->kt_kj_mol;
    double width = lattice->spacing_nm * (double)lattice->cells_per_bin *
                   (double)samples->bins_per_x;
    for (size_t bin = 0; bin < bins; bin++) {
        along->y[bin] = samples->y_begin + ((double)bin + 0.5) * samples->y_width;
        along->effective_samples[bin] = samples->bin_effective[bin];
    }
    for (size_t i = 0; i < samples->x_count; i++)
        along->x_nm[i] = lattice->bins_begin_nm + ((double)i + 0.5) * width;
    fill_values(samples->bin_log_sum, samples->bin_effective, repeats->bin_error, bins,
                kt, along->pmf_kj_mol, along->error_kj_mol);
    fill_values(samples->cell_log_sum, samples->cell_effective, repeats->cell_error,
                samples->x_count * bins, kt, along->plane_kj_mol,
                along->plane_error_kj_mol);
    /* The last column has samples in a part of its width, where bins do not fill it. */
    size_t rest = lattice->bin_count % samples->bins_per_x;
    double part = rest ? (double)rest / (double)samples->bins_per_x : 1;
    for (size_t bin = 0; bin < bins; bin++)
        along->plane_kj_mol[(samples->x_count - 1) * bins + bin] += kt * log(part);
    set_zero(along->pmf_kj_mol, bins);
    set_zero(along->plane_kj_mol, samples->x_count * bins);
    for (size_t bin = 0; bin < bins; bin++)
        along->band_kj_mol[bin] = repeats->quantile * along->error_kj_mol[bin];
}

static void write_verdict(struct asim_along *along)
{
    const struct asim_gate *first = NULL;
    size_t failed = 0;
    for (size_t i = 0; i < along->gate_count; i++)
        if (!along->gates[i].pass) {
            first = first ? first : &along->gates[i];
            failed++;
        }
    along->trustworthy = failed == 0;
    int used;
    if (failed)
        used = snprintf(along->verdict, sizeof along->verdict,
                        "Do not trust the profile along %.40s yet: %zu of %zu checks "
                        "failed. First of all %s: %s. ",
                        along->coordinate, failed, along->gate_count, first->name,
                        first->sentence);
    else
        used = snprintf(along->verdict, sizeof along->verdict,
                        "The profile along %.40s passed all %zu checks. ",
                        along->coordinate, along->gate_count);
    if (used > 0 && (size_t)used < sizeof along->verdict)
        snprintf(along->verdict + used, sizeof along->verdict - (size_t)used,
                 "No bias holds %.40s: windows sample it as far as it moves by itself "
                 "within their length, so its sampling is poorer than that of %.40s, "
                 "and a state that no window visited is missing.",
                 along->coordinate, along->x_coordinate);
}

int asim_pmf_along(const struct asim_pmf_window *windows,
                   const struct asim_pmf_companion *companions,
                   const struct asim_pmf *profile,
                   const struct asim_pmf_options *options,
                   const struct asim_along_options *along_options,
                   struct asim_along *ret_along, struct asim_error *err)
{
    struct asim_problem problem = {0};
    struct asim_along_samples samples = {0};
    struct asim_along_repeats repeats = {0};
    struct asim_along along = {0};
    size_t count = along_options->bootstrap_count ? along_options->bootstrap_count
                                                  : (size_t)DEFAULT_REPEATS;
    int rc = -1;
    if (count < FEWEST_REPEATS || count > MOST_REPEATS)
        return asim_fail(err, ASIM_EUSAGE,
                         "%zu bootstrap repeats; %d to %d were expected", count,
                         FEWEST_REPEATS, MOST_REPEATS);
    if (asim_problem_make(windows, profile->window_count, options, &problem, err) < 0)
        return -1;
    if (problem.estimate.segment_count > 1) {
        asim_fail(err, ASIM_EQUALITY,
                  "the windows do not hang together, so samples of different segments "
                  "have no common weights: no profile along another coordinate can be "
                  "made; %s",
                  profile->verdict);
        goto out;
    }
    if (asim_along_gather(&problem, companions, along_options->bin_count, &samples,
                          err) < 0 ||
        asim_along_repeat(&samples, count, asim_random_derive(options->seed, 2),
                          options->thread_count, &repeats, err) < 0 ||
        allocate(&samples, &along, err) < 0)
        goto out;
    const char *name = along_options->coordinate, *unit = along_options->unit;
    snprintf(along.coordinate, sizeof along.coordinate, "%.40s", name ? name : "y");
    snprintf(along.unit, sizeof along.unit, "%.16s", unit ? unit : "");
    snprintf(along.x_coordinate, sizeof along.x_coordinate, "%.40s",
             problem.options.coordinate);
    snprintf(along.x_unit, sizeof along.x_unit, "%.16s", problem.options.unit);
    along.temperature_kelvin = problem.options.temperature_kelvin;
    fill(&samples, &repeats, &along);
    asim_along_judge(&samples, &repeats, companions, profile, along.gates);
    write_verdict(&along);
    *ret_along = along;
    along = (struct asim_along){0};
    rc = 0;
out:
    asim_along_finish(&along);
    asim_along_repeats_finish(&repeats);
    asim_along_samples_finish(&samples);
    asim_problem_finish(&problem);
    return rc;
}
