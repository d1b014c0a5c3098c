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

int asim_resample_profile(const struct asim_lattice *lattice,
                          const struct asim_estimate *estimate,
                          const double *block_weights, const size_t *offsets,
                          double *ret_profile, struct asim_error *err)
{
    const struct asim_mbar_nodes *centres = &estimate->centres;
    size_t count = lattice->window_count;
    struct asim_mbar_work work = {0};
    int rc = -1;
    double residual;
    double *mass = asim_alloc_array(centres->count, sizeof *mass, err);
    double *log_d =
        asim_alloc_array(centres->count + lattice->bin_count, sizeof *log_d, err);
    double *weight = asim_alloc_array(count, sizeof *weight, err);
    double *a = asim_alloc_array(count, sizeof *a, err);
    if (!mass || !log_d || !weight || !a ||
        asim_mbar_work_init(&work, centres, err) < 0)
        goto out;
    weigh(lattice, block_weights, offsets, mass, weight);
    memcpy(a, estimate->a, count * sizeof *a);
    asim_mbar_solve(centres, mass, weight, TOLERANCE, a, &work, &residual);
    asim_mbar_scale(centres, a, work.scale);
    find_profile(lattice, centres, mass, &work, log_d, ret_profile);
    rc = asim_segments_centre(estimate->bin_segment, lattice->bin_count,
                              estimate->segment_count, ret_profile, err);
out:
    asim_mbar_work_finish(&work);
    free(mass);
    free(log_d);
    free(weight);
    free(a);
    return rc;
}

static int repeat_once(void *context, size_t repeat, int thread_index,
                       struct asim_error *err)
{
    (void)thread_index;
    const struct bootstrap *bootstrap = context;
    const struct asim_lattice *lattice = bootstrap->lattice;
    struct asim_random random;
    double *weights = asim_alloc_array(bootstrap->block_total, sizeof *weights, err);
    if (!weights)
        return -1;
    asim_random_seed(&random, asim_random_derive(bootstrap->seed, repeat));
    for (size_t k = 0; k < lattice->window_count; k++) {
        size_t pairs = lattice->windows[k].block_count / 2;
        double *own = &weights[bootstrap->offsets[k]], sum = 0;
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
    size_t bins = lattice->bin_count, fewest = SIZE_MAX;
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
    for (size_t k = 0; k < lattice->window_count; k++)
        if (lattice->windows[k].block_count / 2 < fewest)
            fewest = lattice->windows[k].block_count / 2;
    /* Dirichlet weights of B blocks spread a mean by (B-1)/(B+1) of its variance. */
    double blocks = (double)(fewest > 2 ? fewest : 2);
    double factor = (blocks + 1) / (blocks - 1);
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
    for (size_t k = 0; k < lattice->window_count; k++) {
        size_t blocks = lattice->windows[k].block_count;
        for (size_t block = 0; block < blocks; block++)
            weights[(block < blocks / 2 ? 0 : total) + offsets[k] + block] = 1;
    }
    /* A window of one sample has it in one half only; it must count in both. */
    for (size_t k = 0; k < lattice->window_count; k++)
        if (lattice->windows[k].count < lattice->windows[k].block_count)
            for (size_t block = 0; block < lattice->windows[k].block_count; block++)
                weights[offsets[k] + block] = weights[total + offsets[k] + block] = 1;
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
