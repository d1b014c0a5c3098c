/*
 * The MBAR equations on weighted nodes: the table of terms and the damped Newton
 * iteration on it. The Hessian is a band matrix because a node lies within reach of few
 * windows; windows that reach everywhere make it dense, by the same code.
 *
 * Masses may be slightly negative (interpolation masses at the ends of the data).
 * Must not know samples, bins or blocks.
 */
#include "pmf/mbar.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* exp(-60) of the largest term; a may then move by 9 either way and every term above
 * exp(-42), 6e-19, is still there. */
static const double KEPT_EXPONENT = 60, LARGEST_MOVE = 9;
static const double LARGEST_STEP = 4, CLOSE = 1e-8;
enum { MOST_ITERATIONS = 200, MOST_HALVINGS = 40 };

void asim_mbar_nodes_finish(struct asim_mbar_nodes *nodes)
{
    if (!nodes)
        return;
    free(nodes->x_nm);
    free(nodes->log_largest);
    free(nodes->first);
    free(nodes->last);
    free(nodes->offset);
    free(nodes->terms);
    free(nodes->reference);
    *nodes = (struct asim_mbar_nodes){0};
}

static double exponent(const struct asim_reduced_bias *bias, double a, double x)
{
    double distance = asim_bias_distance(bias, x);
    return a - 0.5 * bias->reduced_k_per_nm2 * distance * distance;
}

/* Largest exponent at a node and the windows within KEPT_EXPONENT of it. */
static void find_reach(struct asim_mbar_nodes *nodes, size_t node,
                       const struct asim_reduced_bias *biases, double *exponents)
{
    double largest = -INFINITY;
    size_t first = 0, last = nodes->window_count;
    for (size_t k = 0; k < nodes->window_count; k++) {
        exponents[k] = exponent(&biases[k], nodes->reference[k], nodes->x_nm[node]);
        largest = exponents[k] > largest ? exponents[k] : largest;
    }
    while (first + 1 < last && exponents[first] < largest - KEPT_EXPONENT)
        first++;
    while (last > first + 1 && exponents[last - 1] < largest - KEPT_EXPONENT)
        last--;
    nodes->log_largest[node] = largest;
    nodes->first[node] = (uint32_t)first;
    nodes->last[node] = (uint32_t)last;
    if (last - first - 1 > nodes->half_width)
        nodes->half_width = last - first - 1;
}

int asim_mbar_nodes_make(const double *x_nm, size_t count,
                         const struct asim_reduced_bias *biases, size_t window_count,
                         const double *a, struct asim_mbar_nodes *ret_nodes,
                         struct asim_error *err)
{
    struct asim_mbar_nodes nodes = {.count = count, .window_count = window_count};
    size_t capacity = 0, used = 0;
    int rc = -1;
    double *exponents = asim_alloc_array(window_count, sizeof *exponents, err);
    nodes.x_nm = asim_alloc_array(count, sizeof *nodes.x_nm, err);
    nodes.log_largest = asim_alloc_array(count, sizeof *nodes.log_largest, err);
    nodes.first = asim_alloc_array(count, sizeof *nodes.first, err);
    nodes.last = asim_alloc_array(count, sizeof *nodes.last, err);
    nodes.offset = asim_alloc_array(count, sizeof *nodes.offset, err);
    nodes.reference = asim_alloc_array(window_count, sizeof *nodes.reference, err);
    if (!exponents || !nodes.x_nm || !nodes.log_largest || !nodes.first ||
        !nodes.last || !nodes.offset || !nodes.reference)
        goto out;
    memcpy(nodes.x_nm, x_nm, count * sizeof *x_nm);
    memcpy(nodes.reference, a, window_count * sizeof *a);
    for (size_t g = 0; g < count; g++) {
        find_reach(&nodes, g, biases, exponents);
        size_t width = nodes.last[g] - nodes.first[g];
        if (asim_grow(&nodes.terms, &capacity, used + width, sizeof *nodes.terms, err) <
            0)
            goto out;
        nodes.offset[g] = used;
        for (size_t k = 0; k < width; k++) {
            double below = exponents[nodes.first[g] + k] - nodes.log_largest[g];
            nodes.terms[used + k] = below >= -KEPT_EXPONENT ? exp(below) : 0;
        }
        used += width;
    }
    *ret_nodes = nodes;
    nodes = (struct asim_mbar_nodes){0};
    rc = 0;
out:
    free(exponents);
    asim_mbar_nodes_finish(&nodes);
    return rc;
}

void asim_mbar_scale(const struct asim_mbar_nodes *nodes, const double *a,
                     double *ret_scale)
{
    for (size_t k = 0; k < nodes->window_count; k++)
        ret_scale[k] = exp(a[k] - nodes->reference[k]);
}

double asim_mbar_probabilities(const struct asim_mbar_nodes *nodes, size_t node,
                               const double *scale, double *ret_p)
{
    size_t first = nodes->first[node], width = nodes->last[node] - first;
    const double *terms = &nodes->terms[nodes->offset[node]];
    double sum = 0;
    for (size_t k = 0; k < width; k++) {
        ret_p[k] = terms[k] * scale[first + k];
        sum += ret_p[k];
    }
    double inverse = 1 / sum;
    for (size_t k = 0; k < width; k++)
        ret_p[k] *= inverse;
    return log(sum);
}

int asim_mbar_work_init(struct asim_mbar_work *work,
                        const struct asim_mbar_nodes *nodes, struct asim_error *err)
{
    size_t count = nodes->window_count, stride = nodes->half_width + 1;
    *work = (struct asim_mbar_work){
        .hessian = {.size = count, .half_width = nodes->half_width}};
    work->hessian.values =
        asim_alloc_array(count * stride, sizeof *work->hessian.values, err);
    work->gradient = asim_alloc_array(count, sizeof *work->gradient, err);
    work->step = asim_alloc_array(count, sizeof *work->step, err);
    work->trial = asim_alloc_array(count, sizeof *work->trial, err);
    work->scale = asim_alloc_array(count, sizeof *work->scale, err);
    work->p = asim_alloc_array(stride, sizeof *work->p, err);
    if (!work->hessian.values || !work->gradient || !work->step || !work->trial ||
        !work->scale || !work->p) {
        asim_mbar_work_finish(work);
        return -1;
    }
    return 0;
}

void asim_mbar_work_finish(struct asim_mbar_work *work)
{
    if (!work)
        return;
    free(work->hessian.values);
    free(work->gradient);
    free(work->step);
    free(work->trial);
    free(work->scale);
    free(work->p);
    *work = (struct asim_mbar_work){0};
}

double asim_mbar_evaluate(const struct asim_mbar_nodes *nodes, const double *mass,
                          const double *weight, const double *a,
                          struct asim_mbar_work *work)
{
    size_t count = nodes->window_count, width = work->hessian.half_width;
    size_t stride = width + 1;
    double *hessian = work->hessian.values, *p = work->p, phi = 0;
    memset(hessian, 0, count * stride * sizeof *hessian);
    memset(work->gradient, 0, count * sizeof *work->gradient);
    asim_mbar_scale(nodes, a, work->scale);
    for (size_t g = 0; g < nodes->count; g++) {
        if (mass[g] == 0)
            continue;
        size_t first = nodes->first[g], reach = nodes->last[g] - first;
        double log_d = asim_mbar_probabilities(nodes, g, work->scale, p);
        phi += mass[g] * (nodes->log_largest[g] + log_d);
        for (size_t i = 0; i < reach; i++) {
            double share = mass[g] * p[i];
            double *row = &hessian[(first + i) * stride + width - i];
            work->gradient[first + i] += share;
            /* Windows on either side of a period's seam reach over all between. */
            for (size_t j = 0; j < i && share != 0; j++)
                row[j] -= share * p[j];
        }
    }
    /* Rows of the whole Hessian add up to zero (an offset common to all a_k is free):
     * the diagonal from the others, without the cancellation of p (1-p) near p = 1. */
    for (size_t i = 0; i < count; i++) {
        double *row = &hessian[i * stride + width - i];
        for (size_t j = i > width ? i - width : 0; j < i; j++) {
            row[i] -= row[j];
            hessian[j * stride + width] -= row[j];
        }
    }
    for (size_t k = 0; k < count; k++) {
        phi -= weight[k] * a[k];
        work->gradient[k] -= weight[k];
    }
    /* a_0 is held: its row and column become those of the identity. */
    hessian[width] = 1;
    for (size_t i = 1; i <= width && i < count; i++)
        hessian[i * stride + width - i] = 0;
    return phi;
}

double asim_mbar_residual(const double *gradient, const double *weight, size_t count)
{
    double largest = 0;
    for (size_t k = 0; k < count; k++) {
        double residual = fabs(gradient[k]) / weight[k];
        if (!(residual <= largest)) /* also where it is not a number */
            largest = residual;
    }
    return largest;
}

int asim_mbar_reference_is_far(const struct asim_mbar_nodes *nodes, const double *a)
{
    for (size_t k = 0; k < nodes->window_count; k++)
        if (!(fabs(a[k] - nodes->reference[k]) <= LARGEST_MOVE))
            return 1;
    return 0;
}

/* The Newton step at work's gradient and Hessian, none of its elements too long. */
static void find_step(struct asim_mbar_work *work, size_t count)
{
    double longest = 0;
    asim_band_factor(&work->hessian);
    for (size_t k = 0; k < count; k++)
        work->step[k] = k == 0 ? 0 : -work->gradient[k];
    asim_band_solve(&work->hessian, work->step);
    for (size_t k = 0; k < count; k++)
        longest = fabs(work->step[k]) > longest ? fabs(work->step[k]) : longest;
    if (longest > LARGEST_STEP)
        for (size_t k = 0; k < count; k++)
            work->step[k] *= LARGEST_STEP / longest;
}

int asim_mbar_solve(const struct asim_mbar_nodes *nodes, const double *mass,
                    const double *weight, double tolerance, double *a,
                    struct asim_mbar_work *work, double *ret_residual)
{
    size_t count = nodes->window_count;
    double phi = asim_mbar_evaluate(nodes, mass, weight, a, work);
    double residual = asim_mbar_residual(work->gradient, weight, count);
    int iterations = 0;
    while (iterations < MOST_ITERATIONS && residual > tolerance) {
        double length = 1, trial_phi = 0, trial_residual = 0;
        bool better = false;
        find_step(work, count);
        for (int halving = 0; halving < MOST_HALVINGS && !better; halving++) {
            for (size_t k = 0; k < count; k++)
                work->trial[k] = a[k] + length * work->step[k];
            trial_phi = asim_mbar_evaluate(nodes, mass, weight, work->trial, work);
            trial_residual = asim_mbar_residual(work->gradient, weight, count);
            /* Close to the minimum Phi is rounding only; the gradient is not. */
            better = trial_residual < 0.5 * residual ||
                     (residual > CLOSE && trial_phi < phi);
            length /= 2;
            if (!better && residual <= CLOSE)
                break;
        }
        if (!better)
            break;
        memcpy(a, work->trial, count * sizeof *a);
        phi = trial_phi;
        residual = trial_residual;
        iterations++;
        if (asim_mbar_reference_is_far(nodes, a))
            break;
    }
    *ret_residual = residual;
    return iterations;
}
