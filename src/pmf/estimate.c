/*
 * The point estimate. Newton on the lattice points finds the solution to the
 * interpolation's error; passes over the raw data then certify it, each followed by a
 * Newton correction with the lattice's Hessian where the residual is not yet rounding.
 */
#include "pmf/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "pmf/raw_pass.h"
#include "pmf/segments.h"

enum { MOST_REBUILDS = 100, MOST_RAW_PASSES = 6 };
static const double LATTICE_TOLERANCE = 1e-13, RAW_TOLERANCE = 2e-13;

void asim_estimate_finish(struct asim_estimate *estimate)
{
    if (!estimate)
        return;
    free(estimate->a);
    free(estimate->weight);
    free(estimate->log_sum);
    free(estimate->overlap);
    free(estimate->pair_overlap);
    free(estimate->window_segment);
    free(estimate->bin_segment);
    free(estimate->factor.values);
    asim_mbar_nodes_finish(&estimate->points);
    asim_mbar_nodes_finish(&estimate->centres);
    *estimate = (struct asim_estimate){0};
}

/*
 * Mean-force integration (Kaestner & Thiel 2005): each window is taken as a Gaussian,
 * at whose mean the unbiased mean force is that of the bias, beta F' = -beta k (mean -
 * c). The profile at the means comes from the trapezoid rule, and -ln of the Gaussian's
 * integral is f_k.
 */
static void guess(const struct asim_lattice *lattice,
                  const struct asim_reduced_bias *biases, double *ret_a)
{
    double profile = 0, last_force = 0, offset = 0;
    for (size_t k = 0; k < lattice->window_count; k++) {
        const struct asim_lattice_window *window = &lattice->windows[k];
        double reduced = biases[k].reduced_k_per_nm2;
        double distance = window->mean_nm - biases[k].centre_nm;
        double force = -reduced * distance;
        double floor_nm = 1e-3 * lattice->spacing_nm;
        double sd = window->sd_nm > floor_nm ? window->sd_nm : floor_nm;
        if (k > 0)
            profile += 0.5 * (force + last_force) *
                       (window->mean_nm - lattice->windows[k - 1].mean_nm);
        last_force = force;
        double f = profile + 0.5 * reduced * distance * distance - log(sd);
        if (k == 0)
            offset = f;
        ret_a[k] = f - offset + log((double)window->count);
    }
}

static int solve_on_lattice(const struct asim_lattice *lattice,
                            const struct asim_reduced_bias *biases,
                            struct asim_estimate *estimate, struct asim_error *err)
{
    for (int rebuild = 0; rebuild < MOST_REBUILDS; rebuild++) {
        struct asim_mbar_work work = {0};
        double residual;
        asim_mbar_nodes_finish(&estimate->points);
        if (asim_mbar_nodes_make(lattice->x_nm, lattice->node_count, biases,
                                 lattice->window_count, estimate->a, &estimate->points,
                                 err) < 0 ||
            asim_mbar_work_init(&work, &estimate->points, err) < 0)
            return -1;
        estimate->iterations +=
            asim_mbar_solve(&estimate->points, lattice->mass, estimate->weight,
                            LATTICE_TOLERANCE, estimate->a, &work, &residual);
        asim_mbar_work_finish(&work);
        if (!asim_mbar_reference_is_far(&estimate->points, estimate->a))
            break;
    }
    return 0;
}

static int make_centres(const struct asim_lattice *lattice,
                        const struct asim_reduced_bias *biases,
                        struct asim_estimate *estimate, struct asim_error *err)
{
    double *middle = asim_alloc_array(lattice->node_count, sizeof *middle, err);
    if (!middle)
        return -1;
    for (size_t g = 0; g < lattice->node_count; g++)
        middle[g] = lattice->x_nm[g] + 0.5 * lattice->spacing_nm;
    int rc =
        asim_mbar_nodes_make(middle, lattice->node_count, biases, lattice->window_count,
                             estimate->a, &estimate->centres, err);
    free(middle);
    return rc;
}

/* The Hessian of the lattice at a: its factor, and the overlap matrix out of it. */
static int keep_hessian(const struct asim_lattice *lattice,
                        struct asim_estimate *estimate, struct asim_mbar_work *work,
                        struct asim_error *err)
{
    size_t count = lattice->window_count, size = count * (work->hessian.half_width + 1);
    asim_mbar_evaluate(&estimate->points, lattice->mass, estimate->weight, estimate->a,
                       work);
    free(estimate->factor.values);
    estimate->factor = work->hessian;
    estimate->factor.values = asim_alloc_array(size, sizeof(double), err);
    if (!estimate->factor.values)
        return -1;
    memcpy(estimate->factor.values, work->hessian.values, size * sizeof(double));
    asim_band_factor(&estimate->factor);
    return 0;
}

static int certify(const struct asim_lattice *lattice,
                   const struct asim_reduced_bias *biases, int thread_count,
                   struct asim_estimate *estimate, struct asim_error *err)
{
    size_t count = lattice->window_count;
    struct asim_mbar_work work = {0};
    int rc = -1;
    double *gradient = asim_alloc_array(count, sizeof *gradient, err);
    double *log_sum = asim_alloc_array(lattice->bin_count, sizeof *log_sum, err);
    double *trial = asim_alloc_array(count, sizeof *trial, err);
    estimate->residual = INFINITY;
    if (!gradient || !log_sum || !trial ||
        asim_mbar_work_init(&work, &estimate->points, err) < 0)
        goto out;
    memcpy(trial, estimate->a, count * sizeof *trial);
    for (int pass = 0; pass < MOST_RAW_PASSES; pass++) {
        if (asim_raw_pass(lattice, &estimate->centres, biases, trial, thread_count,
                          gradient, log_sum, err) < 0)
            goto out;
        double residual = asim_mbar_residual(gradient, estimate->weight, count);
        if (pass > 0 && !(residual < 0.5 * estimate->residual))
            break; /* rounding; the last one stays */
        memcpy(estimate->a, trial, count * sizeof *trial);
        memcpy(estimate->log_sum, log_sum, lattice->bin_count * sizeof *log_sum);
        estimate->residual = residual;
        estimate->iterations += pass > 0;
        if (keep_hessian(lattice, estimate, &work, err) < 0)
            goto out;
        if (residual <= RAW_TOLERANCE)
            break;
        gradient[0] = 0;
        asim_band_solve(&estimate->factor, gradient);
        for (size_t k = 0; k < count; k++)
            trial[k] = estimate->a[k] - gradient[k];
    }
    rc = 0;
out:
    asim_mbar_work_finish(&work);
    free(gradient);
    free(log_sum);
    free(trial);
    return rc;
}

/* Of one point of the mixture: with the other windows away, the shares of i and j are
 * p_i / (p_i + p_j) and p_j / (p_i + p_j), and the density of i is still p_i / N_i. */
static void add_pairs(double mass, const double *p, size_t first, size_t width,
                      size_t count, double *pair_overlap)
{
    for (size_t i = 0; i < width; i++)
        for (size_t j = i + 1; j < width; j++)
            if (p[i] + p[j] > 0)
                pair_overlap[(first + i) * count + first + j] +=
                    mass * p[i] * p[j] / (p[i] + p[j]);
}

static void settle_pairs(const struct asim_estimate *estimate, size_t count)
{
    double *pair_overlap = estimate->pair_overlap;
    for (size_t i = 0; i < count; i++) {
        pair_overlap[i * count + i] = 1;
        for (size_t j = i + 1; j < count; j++) {
            double sum = fmax(pair_overlap[i * count + j], 0);
            pair_overlap[i * count + j] = sum / estimate->weight[i];
            pair_overlap[j * count + i] = sum / estimate->weight[j];
        }
    }
}

/* O_ij = sum_n N_j w_i(x_n) w_j(x_n) with w_i = p_i / N_i: the mean of p_j as window i
 * sees it (Klimovich, Shirts & Mobley 2015, J. Comput.-Aided Mol. Des. 29, 397). */
static int find_overlap(const struct asim_lattice *lattice,
                        struct asim_estimate *estimate, struct asim_error *err)
{
    const struct asim_mbar_nodes *points = &estimate->points;
    size_t count = lattice->window_count;
    int rc = -1;
    double *overlap = estimate->overlap;
    double *scale = asim_alloc_array(count, sizeof *scale, err);
    double *p = asim_alloc_array(points->half_width + 1, sizeof *p, err);
    if (!scale || !p)
        goto out;
    asim_mbar_scale(points, estimate->a, scale);
    for (size_t g = 0; g < points->count; g++) {
        size_t first = points->first[g], width = points->last[g] - first;
        if (lattice->mass[g] == 0)
            continue;
        asim_mbar_probabilities(points, g, scale, p);
        add_pairs(lattice->mass[g], p, first, width, count, estimate->pair_overlap);
        for (size_t i = 0; i < width; i++)
            for (size_t j = 0; j < width; j++)
                overlap[(first + i) * count + first + j] +=
                    lattice->mass[g] * p[i] * p[j];
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            /* Interpolation masses leave negative noise of 1e-12 where there is none.
             */
            double *element = &overlap[i * count + j];
            *element = *element > 0 ? *element / estimate->weight[i] : 0;
        }
    settle_pairs(estimate, count);
    rc = 0;
out:
    free(scale);
    free(p);
    return rc;
}

/* The segment of a bin is that of the window with the least bias in its middle: free
 * energies would not do, which between segments are arbitrary. */
static int find_segments(const struct asim_lattice *lattice,
                         const struct asim_reduced_bias *biases, double minimum_overlap,
                         struct asim_estimate *estimate, struct asim_error *err)
{
    size_t count = lattice->window_count, bins = lattice->bin_count;
    estimate->window_segment =
        asim_alloc_array(count, sizeof *estimate->window_segment, err);
    estimate->bin_segment = asim_alloc_array(bins, sizeof *estimate->bin_segment, err);
    if (!estimate->window_segment || !estimate->bin_segment ||
        asim_segments_find(estimate->pair_overlap, count, minimum_overlap,
                           estimate->window_segment, &estimate->segment_count, err) < 0)
        return -1;
    for (size_t bin = 0; bin < bins && estimate->segment_count > 1; bin++) {
        double x = asim_lattice_bin_nm(lattice, bin), least = INFINITY;
        for (size_t k = 0; k < count; k++) {
            double distance = asim_bias_distance(&biases[k], x);
            double energy = biases[k].reduced_k_per_nm2 * distance * distance;
            if (energy < least) {
                least = energy;
                estimate->bin_segment[bin] = estimate->window_segment[k];
            }
        }
    }
    return 0;
}

int asim_estimate_make(const struct asim_lattice *lattice,
                       const struct asim_reduced_bias *biases, double minimum_overlap,
                       int thread_count, struct asim_estimate *ret_estimate,
                       struct asim_error *err)
{
    struct asim_estimate estimate = {0};
    size_t count = lattice->window_count;
    int rc = -1;
    estimate.a = asim_alloc_array(count, sizeof *estimate.a, err);
    estimate.weight = asim_alloc_array(count, sizeof *estimate.weight, err);
    estimate.log_sum =
        asim_alloc_array(lattice->bin_count, sizeof *estimate.log_sum, err);
    if (!estimate.a || !estimate.weight || !estimate.log_sum)
        goto out;
    /* The product of counts is checked by the allocation of rows. */
    estimate.overlap = asim_alloc_array(count, count * sizeof(double), err);
    estimate.pair_overlap = asim_alloc_array(count, count * sizeof(double), err);
    if (!estimate.overlap || !estimate.pair_overlap)
        goto out;
    for (size_t k = 0; k < count; k++)
        estimate.weight[k] = (double)lattice->windows[k].count;
    guess(lattice, biases, estimate.a);
    if (solve_on_lattice(lattice, biases, &estimate, err) < 0 ||
        make_centres(lattice, biases, &estimate, err) < 0 ||
        certify(lattice, biases, thread_count, &estimate, err) < 0 ||
        find_overlap(lattice, &estimate, err) < 0 ||
        find_segments(lattice, biases, minimum_overlap, &estimate, err) < 0)
        goto out;
    *ret_estimate = estimate;
    estimate = (struct asim_estimate){0};
    rc = 0;
out:
    asim_estimate_finish(&estimate);
    return rc;
}
