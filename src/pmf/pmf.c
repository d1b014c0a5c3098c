/*
 * The free-energy profile along the biased coordinate: estimate, errors, gates,
 * verdict.
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
#include "pmf/advice.h"
#include "pmf/convergence.h"
#include "pmf/gates.h"
#include "pmf/problem.h"
#include "pmf/resample.h"
#include "pmf/support.h"

struct job {
    struct asim_problem problem;
    struct asim_influence influence;
    double *need;  /* [window] see gates.h */
    char unit[18]; /* behind a number: with a space, or "" */
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
    free(pmf->neighbour_overlap);
    free(pmf->inefficiency);
    free(pmf->mean_nm);
    free(pmf->sd_nm);
    free(pmf->window_ids);
    free(pmf->window_bias);
    free(pmf->sample_count);
    free(pmf->variance_share);
    free(pmf->share);
    free(pmf->forward_kj_mol);
    free(pmf->backward_kj_mol);
    free(pmf->advice);
    free(pmf->gates);
    *pmf = (struct asim_pmf){0};
}

void asim_coordinate_label(const char *coordinate, const char *unit, char *ret_text,
                           size_t size)
{
    if (*unit)
        snprintf(ret_text, size, "%s (%s)", coordinate, unit);
    else
        snprintf(ret_text, size, "%s", coordinate);
}

static int allocate_result(const struct job *job, struct asim_pmf *pmf,
                           struct asim_error *err)
{
    size_t bins = job->problem.lattice.bin_count, count = job->problem.window_count;
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
    pmf->neighbour_overlap = asim_alloc_array(count, sizeof(double), err);
    pmf->window_ids = asim_alloc_array(count, sizeof *pmf->window_ids, err);
    pmf->window_bias = asim_alloc_array(count, sizeof *pmf->window_bias, err);
    pmf->sample_count = asim_alloc_array(count, sizeof *pmf->sample_count, err);
    pmf->variance_share = asim_alloc_array(count, sizeof(double), err);
    pmf->gates = asim_alloc_array(ASIM_GATE_COUNT, sizeof *pmf->gates, err);
    if (!pmf->x_nm || !pmf->pmf_kj_mol || !pmf->error_kj_mol || !pmf->band_kj_mol ||
        !pmf->segment || !pmf->f_k_kj_mol || !pmf->inefficiency || !pmf->mean_nm ||
        !pmf->sd_nm || !pmf->overlap || !pmf->neighbour_overlap || !pmf->window_ids ||
        !pmf->window_bias || !pmf->sample_count || !pmf->variance_share || !pmf->gates)
        return -1;
    for (size_t k = 0; k < count; k++)
        pmf->window_ids[k] = job->problem.options.window_ids
                                 ? job->problem.options.window_ids[k]
                                 : (int)k;
    if (job->problem.options.bootstrap_count > 0) {
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
    size_t count = job->problem.estimate.segment_count;
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
    double begin = job->problem.windows[0].bias.centre_nm;
    double end = job->problem.windows[job->problem.window_count - 1].bias.centre_nm;
    size_t first = 0, last = pmf->bin_count - 1;
    while (first < last && pmf->x_nm[first] < begin)
        first++;
    while (last > first && pmf->x_nm[last] > end)
        last--;
    if (job->problem.lattice.periodic ||
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
    pmf->segment_count = job->problem.estimate.segment_count;
    for (size_t bin = 0; bin < pmf->bin_count; bin++) {
        double log_sum = job->problem.estimate.log_sum[bin];
        pmf->x_nm[bin] = asim_lattice_bin_nm(&job->problem.lattice, bin);
        pmf->segment[bin] = job->problem.estimate.bin_segment[bin];
        if (!isfinite(log_sum)) {
            pmf->pmf_kj_mol[bin] = pmf->error_kj_mol[bin] = pmf->band_kj_mol[bin] = NAN;
            continue;
        }
        pmf->pmf_kj_mol[bin] = -job->problem.kt_kj_mol * log_sum;
        pmf->error_kj_mol[bin] =
            job->problem.kt_kj_mol * sqrt(job->influence.variance[bin]);
        pmf->band_kj_mol[bin] = quantile * pmf->error_kj_mol[bin];
        filled++;
    }
    if (filled == 0)
        return asim_fail(err, ASIM_EINPUT,
                         "no sample lies in the profile's range %g to %g nm",
                         job->problem.options.begin_nm, job->problem.options.end_nm);
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
    const double *a = job->problem.estimate.a, *weight = job->problem.estimate.weight;
    for (size_t k = 0; k < pmf->window_count; k++) {
        const struct asim_lattice_window *window = &job->problem.lattice.windows[k];
        double f = a[k] - a[0] - (log(weight[k]) - log(weight[0]));
        pmf->f_k_kj_mol[k] = k == 0 ? 0 : job->problem.kt_kj_mol * f;
        pmf->inefficiency[k] = window->inefficiency;
        pmf->mean_nm[k] = window->mean_nm;
        pmf->sd_nm[k] = window->sd_nm;
        pmf->window_bias[k] = job->problem.windows[k].bias;
        pmf->sample_count[k] = window->count;
    }
    fill_shares(job, pmf);
    memcpy(pmf->overlap, job->problem.estimate.overlap,
           pmf->window_count * pmf->window_count * sizeof *pmf->overlap);
    const double *pair_overlap = job->problem.estimate.pair_overlap;
    for (size_t k = 0; k < pmf->window_count && pmf->window_count > 1; k++) {
        size_t next = (k + 1) % pmf->window_count;
        if (next > 0 || job->problem.lattice.periodic)
            pmf->neighbour_overlap[k] =
                fmin(pair_overlap[k * pmf->window_count + next],
                     pair_overlap[next * pmf->window_count + k]);
    }
    pmf->residual = job->problem.estimate.residual;
    pmf->iterations = job->problem.estimate.iterations;
    pmf->temperature_kelvin = job->problem.options.temperature_kelvin;
    pmf->period_nm = job->problem.options.period_nm;
    snprintf(pmf->coordinate, sizeof pmf->coordinate, "%.40s",
             job->problem.options.coordinate);
    snprintf(pmf->unit, sizeof pmf->unit, "%.16s", job->problem.options.unit);
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
    const struct asim_lattice *lattice = &job->problem.lattice;
    double width = lattice->spacing_nm * (double)lattice->cells_per_bin;
    int used = snprintf(
        text, size, "Its standard error is %.2g to %.2g kJ/mol from %.4g to %.4g%s",
        least, most, lattice->bins_begin_nm,
        lattice->bins_begin_nm + width * (double)pmf->bin_count, job->unit);
    size_t within = job->problem.trim.within;
    size_t trimmed = job->problem.trim.beyond + within;
    if (trimmed > 0 && used > 0 && (size_t)used < size)
        used += snprintf(text + used, size - (size_t)used,
                         "; %zu bin%s beyond, with fewer than %.0f effective samples, "
                         "%s left out",
                         trimmed, trimmed == 1 ? "" : "s", ASIM_SUPPORT_SAMPLES,
                         trimmed == 1 ? "is" : "are");
    if (within > 0 && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used,
                 " (%zu of them between the outermost centres, at walls)", within);
}

static void write_verdict(const struct job *job, struct asim_pmf *pmf)
{
    size_t failed = 0;
    const struct asim_gate *first = NULL;
    char range[222]; /* leaves room for a gate's sentence */
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

static int advise(const struct job *job, struct asim_pmf *pmf, struct asim_error *err)
{
    const struct asim_pmf_options *options = &job->problem.options;
    pmf->target_kj_mol = options->target_kj_mol;
    pmf->reached = pmf->trustworthy && pmf->widest_band_kj_mol <= pmf->target_kj_mol;
    const struct asim_advice_input input = {
        .lattice = &job->problem.lattice,
        .biases = job->problem.biases,
        .estimate = &job->problem.estimate,
        .influence = &job->influence,
        .pmf = pmf,
        .need = job->need,
        .kt_kj_mol = job->problem.kt_kj_mol,
        .target_kj_mol = options->target_kj_mol,
        .minimum_overlap = options->minimum_overlap,
        .most_samples = options->most_samples ? options->most_samples : SIZE_MAX,
    };
    return asim_advice_make(&input, &pmf->advice, &pmf->advice_count, err);
}

static int analyse(struct job *job, struct asim_pmf *pmf, struct asim_error *err)
{
    const struct asim_pmf_options *options = &job->problem.options;
    double quantile;
    if (allocate_result(job, pmf, err) < 0 ||
        asim_influence_make(&job->problem.lattice, &job->problem.estimate,
                            options->thread_count, &job->influence, err) < 0 ||
        asim_influence_band(&job->influence, asim_random_derive(options->seed, 0),
                            options->thread_count, &quantile, err) < 0)
        return -1;
    if (fill_profile(job, quantile, pmf, err) < 0)
        return -1;
    if (options->bootstrap_count > 0) {
        if (asim_resample_bootstrap(
                &job->problem.lattice, &job->problem.estimate, options->bootstrap_count,
                asim_random_derive(options->seed, 1), options->thread_count,
                pmf->bootstrap_error_kj_mol, err) < 0)
            return -1;
        for (size_t bin = 0; bin < pmf->bin_count; bin++)
            pmf->bootstrap_error_kj_mol[bin] *= job->problem.kt_kj_mol;
    }
    const struct asim_gate_input gate_input = {
        .lattice = &job->problem.lattice,
        .biases = job->problem.biases,
        .estimate = &job->problem.estimate,
        .influence = &job->influence,
        .window_ids = pmf->window_ids,
        .unit = job->unit,
        .minimum_overlap = options->minimum_overlap,
        .thread_count = options->thread_count,
        .need = job->need,
    };
    if (asim_gates_judge(&gate_input, pmf->gates, err) < 0 ||
        asim_convergence_find(&job->problem, &job->influence, pmf, err) < 0)
        return -1;
    pmf->connected = job->problem.estimate.segment_count == 1;
    fill_windows(job, pmf);
    write_verdict(job, pmf);
    return options->target_kj_mol > 0 ? advise(job, pmf, err) : 0;
}

int asim_pmf_compute(const struct asim_pmf_window *windows, size_t window_count,
                     const struct asim_pmf_options *options, struct asim_pmf *ret_pmf,
                     struct asim_error *err)
{
    struct job job = {0};
    struct asim_pmf pmf = {0};
    int rc = -1;
    if (asim_problem_make(windows, window_count, options, &job.problem, err) < 0)
        return -1;
    const char *unit = job.problem.options.unit;
    snprintf(job.unit, sizeof job.unit, "%s%.16s", *unit ? " " : "", unit);
    job.need = asim_alloc_array(window_count, sizeof *job.need, err);
    if (!job.need || analyse(&job, &pmf, err) < 0)
        goto out;
    *ret_pmf = pmf;
    pmf = (struct asim_pmf){0};
    rc = 0;
out:
    free(job.need);
    asim_influence_finish(&job.influence);
    asim_problem_finish(&job.problem);
    asim_pmf_finish(&pmf);
    return rc;
}
