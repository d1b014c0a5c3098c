/*
 * Profiles of reweighted blocks. Only differences between such profiles are used, so
 * samples count at the middles of their cells, and a repeat costs a few Newton steps on
 * the lattice.
 */
#include "pmf/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "pmf/segments.h"
#include "pmf/vector.h"
#include "samples/drift.h"

static const double TOLERANCE = 1e-8; /* of f_k, far below any statistical error */

struct bootstrap {
    const struct asim_lattice *lattice;
    const struct asim_estimate *estimate;
    const size_t *offsets;
    size_t block_total;
    unsigned long long seed;
    double *profiles; /* [repeat][bin] */
};

size_t asim_resample_offsets(const struct asim_lattice *lattice, size_t *ret_offsets)
{
    size_t total = 0;
    for (size_t k = 0; k < lattice->window_count; k++) {
        ret_offsets[k] = total;
        total += lattice->windows[k].block_count;
    }
    return total;
}

static void weigh(const struct asim_lattice *lattice, const double *block_weights,
                  const size_t *offsets, double *ret_mass, double *ret_weight)
{
    const struct asim_vector_kernels *kernels = asim_vector_kernels();
    for (size_t k = 0; k < lattice->window_count; k++) {
        const struct asim_lattice_window *window = &lattice->windows[k];
        double *mass = &ret_mass[window->first_node];
        for (size_t block = 0; block < window->block_count; block++) {
            double factor = block_weights[offsets[k] + block];
            const uint32_t *counts = &window->counts[block * window->node_count];
            size_t begin = asim_block_begin(window->count, window->block_count, block);
            size_t end =
                asim_block_begin(window->count, window->block_count, block + 1);
            if (factor == 0)
                continue;
            ret_weight[k] += factor * (double)(end - begin);
            kernels->add_scaled_counts(mass, counts, factor, window->node_count);
        }
    }
}

/* -ln S_i; NAN where there is no sample. log_d: room for all nodes and bins. */
static void find_profile(const struct asim_lattice *lattice,
                         const struct asim_mbar_nodes *centres, const double *mass,
                         struct asim_mbar_work *work, double *log_d,
                         double *ret_profile)
{
    size_t bins = lattice->bin_count;
    double *largest = ret_profile, *sum = log_d + centres->count;
    for (size_t bin = 0; bin < bins; bin++)
        largest[bin] = -INFINITY;
    for (size_t g = 0; g < centres->count; g++) {
        if (lattice->bin[g] == ASIM_NO_BIN || !(mass[g] > 0))
            continue;
        log_d[g] = centres->log_largest[g] +
                   asim_mbar_probabilities(centres, g, work->scale, work->p);
        largest[lattice->bin[g]] = fmax(largest[lattice->bin[g]], -log_d[g]);
    }
    memset(sum, 0, bins * sizeof *sum);
    for (size_t g = 0; g < centres->count; g++) {
        int32_t bin = lattice->bin[g];
        if (bin != ASIM_NO_BIN && mass[g] > 0)
            sum[bin] += mass[g] * exp(-log_d[g] - largest[bin]);
    }
    for (size_t bin = 0; bin < bins; bin++)
        ret_profile[bin] = sum[bin] > 0 ? -log(sum[bin]) - largest[bin] : NAN;
}

void asim_resample_work_finish(struct asim_resample_work *work)
{
    if (!work)
        return;
    asim_mbar_work_finish(&work->mbar);
    free(work->mass);
    free(work->weight);
    free(work->a);
    *work = (struct asim_resample_work){0};
}

int asim_resample_work_init(struct asim_resample_work *work,
                            const struct asim_estimate *estimate,
                            struct asim_error *err)
{
    const struct asim_mbar_nodes *centres = &estimate->centres;
    *work = (struct asim_resample_work){0};
    work->mass = asim_alloc_array(centres->count, sizeof *work->mass, err);
    work->weight = asim_alloc_array(centres->window_count, sizeof *work->weight, err);
    work->a = asim_alloc_array(centres->window_count, sizeof *work->a, err);
    if (work->mass && work->weight && work->a &&
        asim_mbar_work_init(&work->mbar, centres, err) == 0)
        return 0;
    asim_resample_work_finish(work);
    return -1;
}

void asim_resample_solve(const struct asim_lattice *lattice,
                         const struct asim_estimate *estimate,
                         const double *block_weights, const size_t *offsets,
                         struct asim_resample_work *work)
{
    const struct asim_mbar_nodes *centres = &estimate->centres;
    double residual;
    memset(work->mass, 0, centres->count * sizeof *work->mass);
    memset(work->weight, 0, lattice->window_count * sizeof *work->weight);
    weigh(lattice, block_weights, offsets, work->mass, work->weight);
    memcpy(work->a, estimate->a, lattice->window_count * sizeof *work->a);
    asim_mbar_solve(centres, work->mass, work->weight, TOLERANCE, work->a, &work->mbar,
                    &residual);
}

int asim_resample_profile(const struct asim_lattice *lattice,
                          const struct asim_estimate *estimate,
                          const double *block_weights, const size_t *offsets,
                          double *ret_profile, struct asim_error *err)
{
    const struct asim_mbar_nodes *centres = &estimate->centres;
    struct asim_resample_work work;
    if (asim_resample_work_init(&work, estimate, err) < 0)
        return -1;
    int rc = -1;
    double *log_d =
        asim_alloc_array(centres->count + lattice->bin_count, sizeof *log_d, err);
    if (log_d) {
        asim_resample_solve(lattice, estimate, block_weights, offsets, &work);
        asim_mbar_scale(centres, work.a, work.mbar.scale);
        find_profile(lattice, centres, work.mass, &work.mbar, log_d, ret_profile);
        rc = asim_segments_centre(estimate->bin_segment, lattice->bin_count,
                                  estimate->segment_count, ret_profile, err);
    }
    free(log_d);
    asim_resample_work_finish(&work);
    return rc;
}

void asim_resample_draw(const struct asim_lattice *lattice, const size_t *offsets,
                        uint64_t seed, double *ret_block_weights)
{
    struct asim_random random;
    asim_random_seed(&random, seed);
    for (size_t k = 0; k < lattice->window_count; k++) {
        size_t pairs = lattice->windows[k].block_count / 2;
        double *own = &ret_block_weights[offsets[k]], sum = 0;
        for (size_t pair = 0; pair < pairs; pair++) {
            own[2 * pair] = asim_random_exponential(&random);
            sum += own[2 * pair];
        }
        for (size_t pair = 0; pair < pairs; pair++) {
            own[2 * pair] =
                pairs > 1 && sum > 0 ? own[2 * pair] * (double)pairs / sum : 1;
            own[2 * pair + 1] = own[2 * pair];
        }
    }
}

double asim_resample_variance_factor(const struct asim_lattice *lattice)
{
    size_t fewest = SIZE_MAX;
    for (size_t k = 0; k < lattice->window_count; k++)
        if (lattice->windows[k].block_count / 2 < fewest)
            fewest = lattice->windows[k].block_count / 2;
    double blocks = (double)(fewest > 2 ? fewest : 2);
    return (blocks + 1) / (blocks - 1);
}

void asim_resample_half(const struct asim_lattice *lattice, const size_t *offsets,
                        bool second, double *ret_block_weights)
{
    for (size_t k = 0; k < lattice->window_count; k++) {
        const struct asim_lattice_window *window = &lattice->windows[k];
        /* A window of one sample has it in one half only. */
        bool whole = window->count < window->block_count;
        for (size_t block = 0; block < window->block_count; block++)
            ret_block_weights[offsets[k] + block] =
                whole || (block >= window->block_count / 2) == second ? 1 : 0;
    }
}

static int repeat_once(void *context, size_t repeat, int thread_index,
                       struct asim_error *err)
{
    (void)thread_index;
    const struct bootstrap *bootstrap = context;
    const struct asim_lattice *lattice = bootstrap->lattice;
    double *weights = asim_alloc_array(bootstrap->block_total, sizeof *weights, err);
    if (!weights)
        return -1;
    asim_resample_draw(lattice, bootstrap->offsets,
                       asim_random_derive(bootstrap->seed, repeat), weights);
    int rc =
        asim_resample_profile(lattice, bootstrap->estimate, weights, bootstrap->offsets,
                              &bootstrap->profiles[repeat * lattice->bin_count], err);
    free(weights);
    return rc;
}

int asim_resample_bootstrap(const struct asim_lattice *lattice,
                            const struct asim_estimate *estimate, size_t repeat_count,
                            unsigned long long seed, int thread_count,
                            double *ret_errors, struct asim_error *err)
{
    size_t bins = lattice->bin_count;
    struct bootstrap bootstrap = {
        .lattice = lattice, .estimate = estimate, .seed = seed};
    int rc = -1;
    size_t *offsets = asim_alloc_array(lattice->window_count, sizeof *offsets, err);
    bootstrap.profiles = asim_alloc_array(repeat_count, bins * sizeof(double), err);
    bootstrap.offsets = offsets;
    if (!offsets || !bootstrap.profiles)
        goto out;
    bootstrap.block_total = asim_resample_offsets(lattice, offsets);
    if (asim_parallel(repeat_count, thread_count, repeat_once, &bootstrap, err) < 0)
        goto out;
    double factor = asim_resample_variance_factor(lattice);
    for (size_t bin = 0; bin < bins; bin++) {
        double mean = 0, sum = 0;
        for (size_t repeat = 0; repeat < repeat_count; repeat++)
            mean += bootstrap.profiles[repeat * bins + bin] / (double)repeat_count;
        for (size_t repeat = 0; repeat < repeat_count; repeat++) {
            double distance = bootstrap.profiles[repeat * bins + bin] - mean;
            sum += distance * distance;
        }
        ret_errors[bin] = sqrt(factor * sum / (double)(repeat_count - 1));
    }
    rc = 0;
out:
    free(offsets);
    free(bootstrap.profiles);
    return rc;
}

int asim_resample_halves(const struct asim_lattice *lattice,
                         const struct asim_estimate *estimate, double *ret_difference,
                         struct asim_error *err)
{
    size_t bins = lattice->bin_count;
    int rc = -1;
    double *weights = NULL, *profiles = NULL;
    size_t *offsets = asim_alloc_array(lattice->window_count, sizeof *offsets, err);
    if (!offsets)
        return -1;
    size_t total = asim_resample_offsets(lattice, offsets);
    weights = asim_alloc_array(total, 2 * sizeof *weights, err);
    profiles = asim_alloc_array(bins, 2 * sizeof *profiles, err);
    if (!weights || !profiles)
        goto out;
    asim_resample_half(lattice, offsets, false, weights);
    asim_resample_half(lattice, offsets, true, weights + total);
    if (asim_resample_profile(lattice, estimate, weights, offsets, profiles, err) < 0 ||
        asim_resample_profile(lattice, estimate, weights + total, offsets,
                              profiles + bins, err) < 0)
        goto out;
    for (size_t bin = 0; bin < bins; bin++)
        ret_difference[bin] = profiles[bin] - profiles[bins + bin];
    rc = 0;
out:
    free(offsets);
    free(weights);
    free(profiles);
    return rc;
}
