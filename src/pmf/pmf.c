/*
 * The free-energy profile, from checked input to verdict: samples on the lattice, MBAR,
 * errors, gates.
 *
 * Invariant: numbers depend on the input, the options and the seed only, never on the
 * thread count or the processor.
 */
#include <autosim/pmf.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/units.h"
#include "pmf/advice.h"
#include "pmf/gates.h"
#include "pmf/resample.h"
#include "pmf/support.h"

enum { MOST_BINS = 1000000, MOST_WINDOWS = 20000, DEFAULT_BLOCKS = 32 };
/* Of the narrowest bias' width: interpolation errors of some 1e-12, counting errors of
 * 2e-4 (spacing^2/24). Bins a quarter of it wide lose no feature of the profile. */
static const double CELLS_PER_SIGMA = 16, BINS_PER_SIGMA = 4;
static const double DEFAULT_OVERLAP = 0.03;
/* kT that a harmonic bias has half a period from its centre: its kink there weighs
 * e^-60 and interpolation does not see it. */
static const double LEAST_AT_SEAM = 60;

struct job {
    const struct asim_pmf_window *windows;
    size_t window_count;
    struct asim_pmf_options options; /* with every default filled in */
    double kt_kj_mol;
    bool default_begin, default_end;
    size_t trimmed_count; /* bins left out at default ends */
    double sigma_nm;      /* narrowest width that a bias allows in a flat profile */
    struct asim_reduced_bias *biases;
    struct asim_lattice lattice;
    struct asim_estimate estimate;
    struct asim_influence influence;
    double *need;                      /* [window] see gates.h */
    struct asim_pmf_window *unwrapped; /* of a coordinate with a period */
    double *values;                    /* theirs */
};

void asim_pmf_finish(struct asim_pmf *pmf)
{
    if (!pmf)
        return;
    free(pmf->x_nm);
    free(pmf->pmf_kj_mol);
    free(pmf->segment);
    free(pmf->error_kj_mol);
    free(pmf->band_kj_mol);
    free(pmf->bootstrap_error_kj_mol);
    free(pmf->f_k_kj_mol);
    free(pmf->overlap);
    free(pmf->inefficiency);
    free(pmf->mean_nm);
    free(pmf->sd_nm);
    free(pmf->window_ids);
    free(pmf->window_bias);
    free(pmf->sample_count);
    free(pmf->variance_share);
    free(pmf->advice);
    free(pmf->gates);
    *pmf = (struct asim_pmf){0};
}

static int check_window(const struct job *job, size_t index, struct asim_error *err)
{
    const struct asim_pmf_window *window = &job->windows[index];
    double centre = window->bias.centre_nm;
    double k = window->bias.force_constant_kj_mol_nm2;
    if (!isfinite(centre) || !isfinite(k) || k < 0)
        return asim_fail(err, ASIM_EINPUT,
                         "window %zu: centre %g nm and force constant %g kJ/mol/nm^2; "
                         "finite numbers, and a force constant of 0 or more, were "
                         "expected",
                         index, centre, k);
    if (index > 0 && centre < job->windows[index - 1].bias.centre_nm)
        return asim_fail(
            err, ASIM_EINPUT,
            "window %zu: centre %g nm lies below that of the window before, "
            "%g nm; windows were expected in order of their centres",
            index, centre, job->windows[index - 1].bias.centre_nm);
    if (window->count == 0)
        return asim_fail(
            err, ASIM_EINPUT,
            "window %zu (centre %g nm) has no samples; run it, or leave it "
            "out",
            index, centre);
    if (window->count > UINT32_MAX)
        return asim_fail(err, ASIM_EINPUT,
                         "window %zu has %zu samples; at most %u are supported", index,
                         window->count, UINT32_MAX);
    for (size_t i = 0; i < window->count; i++)
        if (!isfinite(window->value_nm[i]))
            return asim_fail(err, ASIM_EINPUT,
                             "window %zu (centre %g nm): sample %zu is not a finite "
                             "number",
                             index, centre, i);
    return 0;
}

static int check_period(const struct job *job, struct asim_error *err)
{
    double period = job->options.period_nm;
    double span = job->windows[job->window_count - 1].bias.centre_nm -
                  job->windows[0].bias.centre_nm;
    double kt = ASIM_KB_KJ_MOL_K * job->options.temperature_kelvin;
    if (!(period >= 0 && isfinite(period)))
        return asim_fail(err, ASIM_EUSAGE,
                         "a period of %g; a positive number was expected", period);
    if (period == 0)
        return 0;
    if (!(span < period))
        return asim_fail(err, ASIM_EINPUT,
                         "centres from %g to %g do not lie within one period of %g",
                         job->windows[0].bias.centre_nm,
                         job->windows[0].bias.centre_nm + span, period);
    if (job->options.target_kj_mol > 0)
        return asim_fail(err, ASIM_EUSAGE,
                         "a target was given, but what to simulate next is told for "
                         "coordinates without a period only");
    for (size_t k = 0; k < job->window_count; k++) {
        double constant = job->windows[k].bias.force_constant_kj_mol_nm2;
        double least = 8 * LEAST_AT_SEAM * kt / (period * period);
        if (constant > 0 && constant < least)
            return asim_fail(
                err, ASIM_EINPUT,
                "window %zu: force constant %g is so weak that samples cross "
                "the point opposite to the centre, where the bias has a "
                "kink; %.3g or more (or 0) was expected with a period of %g",
                k, constant, least, period);
    }
    return 0;
}

static int check_input(struct job *job, struct asim_error *err)
{
    struct asim_pmf_options *options = &job->options;
    if (!(options->temperature_kelvin > 0) || !isfinite(options->temperature_kelvin))
        return asim_fail(err, ASIM_EINPUT,
                         "temperature %g K; a positive number was expected",
                         options->temperature_kelvin);
    if (job->window_count == 0 || job->window_count > MOST_WINDOWS)
        return asim_fail(err, ASIM_EINPUT, "%zu windows; 1 to %d were expected",
                         job->window_count, MOST_WINDOWS);
    if (!(options->target_kj_mol >= 0 && isfinite(options->target_kj_mol)))
        return asim_fail(err, ASIM_EUSAGE,
                         "a target of %g kJ/mol; a positive number was expected",
                         options->target_kj_mol);
    if (options->bin_count > MOST_BINS)
        return asim_fail(err, ASIM_EUSAGE, "%zu bins; at most %d are supported",
                         options->bin_count, MOST_BINS);
    if (options->block_count == 0)
        options->block_count = DEFAULT_BLOCKS;
    if (options->block_count < 2 || options->block_count > 10000)
        return asim_fail(err, ASIM_EUSAGE, "%zu blocks; 2 to 10000 were expected",
                         options->block_count);
    if (options->bootstrap_count == 1 || options->bootstrap_count > 1000000)
        return asim_fail(err, ASIM_EUSAGE,
                         "%zu bootstrap repeats; 0, or 2 to 1000000, were expected",
                         options->bootstrap_count);
    if (!(options->minimum_overlap > 0))
        options->minimum_overlap = DEFAULT_OVERLAP;
    for (size_t k = 0; k < job->window_count; k++)
        if (check_window(job, k, err) < 0)
            return -1;
    return check_period(job, err);
}

/* Widest a window can be in a flat profile; an unbiased one is as wide as its samples.
 */
static double window_sigma(const struct job *job, size_t index)
{
    const struct asim_pmf_window *window = &job->windows[index];
    double mean = 0, square_sum = 0;
    if (window->bias.force_constant_kj_mol_nm2 > 0)
        return sqrt(job->kt_kj_mol / window->bias.force_constant_kj_mol_nm2);
    for (size_t i = 0; i < window->count; i++) {
        double delta = window->value_nm[i] - mean;
        mean += delta / (double)(i + 1);
        square_sum += delta * (window->value_nm[i] - mean);
    }
    return sqrt(square_sum / (double)window->count);
}

/* Once round, from zero or symmetric about it, as the centres are. */
static int choose_period_range(struct job *job, struct asim_error *err)
{
    struct asim_pmf_options *options = &job->options;
    double period = options->period_nm, end;
    if (isnan(options->begin_nm))
        options->begin_nm =
            !isnan(options->end_nm) ? options->end_nm - period
            : job->windows[0].bias.centre_nm >= 0 &&
                    job->windows[job->window_count - 1].bias.centre_nm > 0.5 * period
                ? 0
                : -0.5 * period;
    end = options->begin_nm + period;
    if (!isnan(options->end_nm) && fabs(options->end_nm - end) > 1e-9 * period)
        return asim_fail(err, ASIM_EUSAGE,
                         "the profile's range %g to %g, but the period is %g; a range "
                         "of one period was expected",
                         options->begin_nm, options->end_nm, period);
    options->end_nm = end;
    return 0;
}

static int choose_range(struct job *job, struct asim_error *err)
{
    struct asim_pmf_options *options = &job->options;
    size_t last = job->window_count - 1;
    job->sigma_nm = INFINITY;
    for (size_t k = 0; k <= last; k++) {
        double sigma = window_sigma(job, k);
        if (sigma > 0 && sigma < job->sigma_nm)
            job->sigma_nm = sigma;
    }
    if (!isfinite(job->sigma_nm))
        return asim_fail(err, ASIM_EINPUT,
                         "no window has a bias or samples that differ; a width of the "
                         "sampled range was expected");
    if (options->period_nm > 0 && choose_period_range(job, err) < 0)
        return -1;
    job->default_begin = isnan(options->begin_nm);
    job->default_end = isnan(options->end_nm);
    if (job->default_begin)
        options->begin_nm = job->windows[0].bias.centre_nm - window_sigma(job, 0);
    if (job->default_end)
        options->end_nm = job->windows[last].bias.centre_nm + window_sigma(job, last);
    double range = options->end_nm - options->begin_nm;
    if (!isfinite(range) || !(range > 0))
        return asim_fail(err, ASIM_EUSAGE,
                         "the profile's range %g to %g nm is empty or not finite",
                         options->begin_nm, options->end_nm);
    if (options->bin_count == 0) {
        double bins = ceil(range / job->sigma_nm * BINS_PER_SIGMA - 1e-9);
        if (!(bins <= MOST_BINS))
            return asim_fail(
                err, ASIM_EINPUT,
                "the range %g to %g nm is %g widths of the stiffest window "
                "wide; the centres or force constants are wrong",
                options->begin_nm, options->end_nm, range / job->sigma_nm);
        options->bin_count = bins < 1 ? 1 : (size_t)bins;
    }
    return 0;
}

static int allocate_result(const struct job *job, struct asim_pmf *pmf,
                           struct asim_error *err)
{
    size_t bins = job->lattice.bin_count, count = job->window_count;
    pmf->bin_count = bins;
    pmf->window_count = count;
    pmf->gate_count = ASIM_GATE_COUNT;
    pmf->x_nm = asim_alloc_array(bins, sizeof(double), err);
    pmf->pmf_kj_mol = asim_alloc_array(bins, sizeof(double), err);
    pmf->error_kj_mol = asim_alloc_array(bins, sizeof(double), err);
    pmf->band_kj_mol = asim_alloc_array(bins, sizeof(double), err);
    pmf->segment = asim_alloc_array(bins, sizeof *pmf->segment, err);
    pmf->f_k_kj_mol = asim_alloc_array(count, sizeof(double), err);
    pmf->inefficiency = asim_alloc_array(count, sizeof(double), err);
    pmf->mean_nm = asim_alloc_array(count, sizeof(double), err);
    pmf->sd_nm = asim_alloc_array(count, sizeof(double), err);
    pmf->overlap = asim_alloc_array(count, count * sizeof(double), err);
    pmf->window_ids = asim_alloc_array(count, sizeof *pmf->window_ids, err);
    pmf->window_bias = asim_alloc_array(count, sizeof *pmf->window_bias, err);
    pmf->sample_count = asim_alloc_array(count, sizeof *pmf->sample_count, err);
    pmf->variance_share = asim_alloc_array(count, sizeof(double), err);
    pmf->gates = asim_alloc_array(ASIM_GATE_COUNT, sizeof *pmf->gates, err);
    if (!pmf->x_nm || !pmf->pmf_kj_mol || !pmf->error_kj_mol || !pmf->band_kj_mol ||
        !pmf->segment || !pmf->f_k_kj_mol || !pmf->inefficiency || !pmf->mean_nm ||
        !pmf->sd_nm || !pmf->gates)
        return -1;
    for (size_t k = 0; k < count; k++)
        pmf->window_ids[k] =
            job->options.window_ids ? job->options.window_ids[k] : (int)k;
    if (job->options.bootstrap_count > 0) {
        pmf->bootstrap_error_kj_mol = asim_alloc_array(bins, sizeof(double), err);
        if (!pmf->bootstrap_error_kj_mol)
            return -1;
    }
    return 0;
}

/* Each segment has its own zero: their relative heights are not known. */
static int set_zeros(const struct job *job, struct asim_pmf *pmf,
                     struct asim_error *err)
{
    size_t count = job->estimate.segment_count;
    double *least = asim_alloc_array(count, sizeof *least, err);
    if (!least)
        return -1;
    for (size_t segment = 0; segment < count; segment++)
        least[segment] = INFINITY;
    for (size_t bin = 0; bin < pmf->bin_count; bin++)
        least[pmf->segment[bin]] =
            fmin(least[pmf->segment[bin]], pmf->pmf_kj_mol[bin]); /* passes NAN over */
    for (size_t bin = 0; bin < pmf->bin_count; bin++)
        pmf->pmf_kj_mol[bin] -= least[pmf->segment[bin]];
    free(least);
    return 0;
}

/* Beyond the outermost centres a profile goes as far as samples happen to: the more
 * there are the farther, so the error at its ends never falls. */
static void find_widest(const struct job *job, struct asim_pmf *pmf)
{
    double begin = job->windows[0].bias.centre_nm;
    double end = job->windows[job->window_count - 1].bias.centre_nm;
    size_t first = 0, last = pmf->bin_count - 1;
    while (first < last && pmf->x_nm[first] < begin)
        first++;
    while (last > first && pmf->x_nm[last] > end)
        last--;
    if (job->lattice.periodic ||
        !(pmf->x_nm[first] >= begin && pmf->x_nm[last] <= end)) {
        first = 0;
        last = pmf->bin_count - 1;
    }
    pmf->first_bin = first;
    pmf->last_bin = last;
    for (size_t bin = first; bin <= last; bin++)
        pmf->widest_band_kj_mol =
            fmax(pmf->widest_band_kj_mol, pmf->band_kj_mol[bin]); /* passes NAN over */
}

static int fill_profile(const struct job *job, double quantile, struct asim_pmf *pmf,
                        struct asim_error *err)
{
    size_t filled = 0;
    pmf->segment_count = job->estimate.segment_count;
    for (size_t bin = 0; bin < pmf->bin_count; bin++) {
        double log_sum = job->estimate.log_sum[bin];
        pmf->x_nm[bin] = asim_lattice_bin_nm(&job->lattice, bin);
        pmf->segment[bin] = job->estimate.bin_segment[bin];
        if (!isfinite(log_sum)) {
            pmf->pmf_kj_mol[bin] = pmf->error_kj_mol[bin] = pmf->band_kj_mol[bin] = NAN;
            continue;
        }
        pmf->pmf_kj_mol[bin] = -job->kt_kj_mol * log_sum;
        pmf->error_kj_mol[bin] = job->kt_kj_mol * sqrt(job->influence.variance[bin]);
        pmf->band_kj_mol[bin] = quantile * pmf->error_kj_mol[bin];
        filled++;
    }
    if (filled == 0)
        return asim_fail(err, ASIM_EINPUT,
                         "no sample lies in the profile's range %g to %g nm",
                         job->options.begin_nm, job->options.end_nm);
    find_widest(job, pmf);
    return set_zeros(job, pmf, err);
}

static void fill_shares(const struct job *job, struct asim_pmf *pmf)
{
    double total = 0;
    for (size_t k = 0; k < pmf->window_count; k++) {
        const double *own = &job->influence.window_variance[k * pmf->bin_count];
        for (size_t bin = 0; bin < pmf->bin_count; bin++)
            pmf->variance_share[k] += own[bin];
        total += pmf->variance_share[k];
    }
    for (size_t k = 0; k < pmf->window_count; k++)
        pmf->variance_share[k] = total > 0 ? pmf->variance_share[k] / total : 0;
}

static void fill_windows(struct job *job, struct asim_pmf *pmf)
{
    const double *a = job->estimate.a, *weight = job->estimate.weight;
    for (size_t k = 0; k < pmf->window_count; k++) {
        const struct asim_lattice_window *window = &job->lattice.windows[k];
        double f = a[k] - a[0] - (log(weight[k]) - log(weight[0]));
        pmf->f_k_kj_mol[k] = k == 0 ? 0 : job->kt_kj_mol * f;
        pmf->inefficiency[k] = window->inefficiency;
        pmf->mean_nm[k] = window->mean_nm;
        pmf->sd_nm[k] = window->sd_nm;
        pmf->window_bias[k] = job->windows[k].bias;
        pmf->sample_count[k] = window->count;
    }
    fill_shares(job, pmf);
    memcpy(pmf->overlap, job->estimate.overlap,
           pmf->window_count * pmf->window_count * sizeof *pmf->overlap);
    pmf->residual = job->estimate.residual;
    pmf->iterations = job->estimate.iterations;
    pmf->temperature_kelvin = job->options.temperature_kelvin;
    pmf->period_nm = job->options.period_nm;
}

/* The range of the profile, its errors, and what was left out at its ends. */
static void describe_range(const struct job *job, const struct asim_pmf *pmf,
                           char *text, size_t size)
{
    double least = INFINITY, most = 0;
    for (size_t bin = 0; bin < pmf->bin_count; bin++)
        if (isfinite(pmf->error_kj_mol[bin])) {
            least = fmin(least, pmf->error_kj_mol[bin]);
            most = fmax(most, pmf->error_kj_mol[bin]);
        }
    const struct asim_lattice *lattice = &job->lattice;
    double width = lattice->spacing_nm * (double)lattice->cells_per_bin;
    int used = snprintf(text, size,
                        "Its standard error is %.2g to %.2g kJ/mol from %.4g to %.4g%s",
                        least, most, lattice->bins_begin_nm,
                        lattice->bins_begin_nm + width * (double)pmf->bin_count,
                        lattice->periodic ? "" : " nm");
    if (job->trimmed_count > 0 && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used,
                 "; %zu bin%s beyond, with fewer than %.0f effective samples, %s left "
                 "out",
                 job->trimmed_count, job->trimmed_count == 1 ? "" : "s",
                 ASIM_SUPPORT_SAMPLES, job->trimmed_count == 1 ? "is" : "are");
}

static void write_verdict(const struct job *job, struct asim_pmf *pmf)
{
    size_t failed = 0;
    const struct asim_gate *first = NULL;
    char range[240];
    for (size_t i = 0; i < pmf->gate_count; i++)
        if (!pmf->gates[i].pass) {
            first = first ? first : &pmf->gates[i];
            failed++;
        }
    pmf->trustworthy = failed == 0;
    describe_range(job, pmf, range, sizeof range);
    if (!failed)
        snprintf(pmf->verdict, sizeof pmf->verdict,
                 "The profile can be trusted: all %zu checks passed. %s.",
                 pmf->gate_count, range);
    else if (!pmf->connected)
        snprintf(pmf->verdict, sizeof pmf->verdict,
                 "This is not one profile but segments (%zu of %zu checks failed): %s.",
                 failed, pmf->gate_count, first->sentence);
    else
        snprintf(
            pmf->verdict, sizeof pmf->verdict,
            "Do not trust this profile yet: %zu of %zu checks failed. First of all "
            "%s: %s. %s.",
            failed, pmf->gate_count, first->name, first->sentence, range);
}

/* A wall holds the outermost windows back from their centres: what lies beyond both the
 * centre and the mean of their samples may be left out. */
static int trim_range(struct job *job, struct asim_error *err)
{
    size_t last = job->window_count - 1;
    double lowest =
        fmax(job->windows[0].bias.centre_nm, job->lattice.windows[0].mean_nm);
    double highest =
        fmin(job->windows[last].bias.centre_nm, job->lattice.windows[last].mean_nm);
    return asim_support_trim(&job->lattice, lowest, highest, job->default_begin,
                             job->default_end, &job->trimmed_count, err);
}

static int advise(const struct job *job, struct asim_pmf *pmf, struct asim_error *err)
{
    const struct asim_pmf_options *options = &job->options;
    pmf->target_kj_mol = options->target_kj_mol;
    pmf->reached = pmf->trustworthy && pmf->widest_band_kj_mol <= pmf->target_kj_mol;
    const struct asim_advice_input input = {
        .lattice = &job->lattice,
        .biases = job->biases,
        .estimate = &job->estimate,
        .influence = &job->influence,
        .pmf = pmf,
        .need = job->need,
        .kt_kj_mol = job->kt_kj_mol,
        .target_kj_mol = options->target_kj_mol,
        .minimum_overlap = options->minimum_overlap,
        .most_samples = options->most_samples ? options->most_samples : SIZE_MAX,
    };
    return asim_advice_make(&input, &pmf->advice, &pmf->advice_count, err);
}

static int analyse(struct job *job, struct asim_pmf *pmf, struct asim_error *err)
{
    const struct asim_pmf_options *options = &job->options;
    const struct asim_lattice_options lattice_options = {
        .begin_nm = options->begin_nm,
        .end_nm = options->end_nm,
        .periodic = options->period_nm > 0,
        .bin_count = options->bin_count,
        .cell_limit_nm = job->sigma_nm / CELLS_PER_SIGMA,
        .block_count = options->block_count,
        .thread_count = options->thread_count,
    };
    double quantile;
    if (asim_lattice_make(job->windows, job->window_count, &lattice_options,
                          &job->lattice, err) < 0 ||
        trim_range(job, err) < 0 || allocate_result(job, pmf, err) < 0 ||
        asim_estimate_make(&job->lattice, job->biases, options->minimum_overlap,
                           options->thread_count, &job->estimate, err) < 0 ||
        asim_influence_make(&job->lattice, &job->estimate, options->thread_count,
                            &job->influence, err) < 0 ||
        asim_influence_band(&job->influence, asim_random_derive(options->seed, 0),
                            options->thread_count, &quantile, err) < 0)
        return -1;
    if (fill_profile(job, quantile, pmf, err) < 0)
        return -1;
    if (options->bootstrap_count > 0) {
        if (asim_resample_bootstrap(
                &job->lattice, &job->estimate, options->bootstrap_count,
                asim_random_derive(options->seed, 1), options->thread_count,
                pmf->bootstrap_error_kj_mol, err) < 0)
            return -1;
        for (size_t bin = 0; bin < pmf->bin_count; bin++)
            pmf->bootstrap_error_kj_mol[bin] *= job->kt_kj_mol;
    }
    const struct asim_gate_input gate_input = {
        .lattice = &job->lattice,
        .biases = job->biases,
        .estimate = &job->estimate,
        .influence = &job->influence,
        .window_ids = pmf->window_ids,
        .minimum_overlap = options->minimum_overlap,
        .thread_count = options->thread_count,
        .need = job->need,
    };
    if (asim_gates_judge(&gate_input, pmf->gates, err) < 0)
        return -1;
    pmf->connected = job->estimate.segment_count == 1;
    fill_windows(job, pmf);
    write_verdict(job, pmf);
    return options->target_kj_mol > 0 ? advise(job, pmf, err) : 0;
}

/* Each window's samples on the side of the seam where its centre is: series without
 * jumps, and a few images of some stretches of the coordinate. */
static int unwrap(struct job *job, struct asim_error *err)
{
    double period = job->options.period_nm, *value;
    size_t total = 0;
    for (size_t k = 0; k < job->window_count; k++)
        total += job->windows[k].count;
    job->unwrapped = asim_alloc_array(job->window_count, sizeof *job->unwrapped, err);
    job->values = value = asim_alloc_array(total, sizeof *value, err);
    if (!job->unwrapped || !job->values)
        return -1;
    for (size_t k = 0; k < job->window_count; k++) {
        const struct asim_pmf_window *window = &job->windows[k];
        double centre = window->bias.centre_nm;
        job->unwrapped[k] = *window;
        job->unwrapped[k].value_nm = value;
        for (size_t i = 0; i < window->count; i++)
            *value++ =
                centre + asim_wrapped_difference(window->value_nm[i] - centre, period);
    }
    job->windows = job->unwrapped;
    return 0;
}

int asim_pmf_compute(const struct asim_pmf_window *windows, size_t window_count,
                     const struct asim_pmf_options *options, struct asim_pmf *ret_pmf,
                     struct asim_error *err)
{
    struct job job = {
        .windows = windows, .window_count = window_count, .options = *options};
    struct asim_pmf pmf = {0};
    int rc = -1;
    if (check_input(&job, err) < 0)
        goto out;
    job.kt_kj_mol = ASIM_KB_KJ_MOL_K * options->temperature_kelvin;
    job.biases = asim_alloc_array(window_count, sizeof *job.biases, err);
    job.need = asim_alloc_array(window_count, sizeof *job.need, err);
    if (!job.biases || !job.need || (options->period_nm > 0 && unwrap(&job, err) < 0) ||
        choose_range(&job, err) < 0)
        goto out;
    for (size_t k = 0; k < window_count; k++)
        job.biases[k] = (struct asim_reduced_bias){
            windows[k].bias.centre_nm,
            windows[k].bias.force_constant_kj_mol_nm2 / job.kt_kj_mol,
            options->period_nm};
    if (analyse(&job, &pmf, err) < 0)
        goto out;
    *ret_pmf = pmf;
    pmf = (struct asim_pmf){0};
    rc = 0;
out:
    free(job.biases);
    free(job.need);
    free(job.unwrapped);
    free(job.values);
    asim_lattice_finish(&job.lattice);
    asim_estimate_finish(&job.estimate);
    asim_influence_finish(&job.influence);
    asim_pmf_finish(&pmf);
    return rc;
}
