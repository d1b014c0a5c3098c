/* The scan for a new window on the nodes of an analysis that is at hand. */
#include "pmf/add_window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct scan {
    const struct asim_advice_input *input;
    struct asim_mbar_work work;      /* its Hessian is that of the samples at hand */
    struct asim_band_matrix changed; /* with those of a new window */
    double *q, *solved;              /* [window] */
    double *weight;                  /* [node] share of the candidate's samples */
    double variance;                 /* of the bin now */
};

/* q of the bin less the mean over its segment's bins, as the error is against that. */
static void find_target(const struct scan *scan, size_t bin)
{
    const struct asim_advice_input *input = scan->input;
    const struct asim_influence *influence = input->influence;
    const struct asim_mbar_nodes *centres = &input->estimate->centres;
    const uint32_t *segment = input->estimate->bin_segment;
    for (size_t g = 0; g < centres->count; g++) {
        int32_t own = input->lattice->bin[g];
        if (own == ASIM_NO_BIN || influence->node_count[g] == 0 ||
            segment[own] != segment[bin])
            continue;
        double share = influence->node_count[g] *
                       exp(-influence->log_d[g] - influence->log_share[own]);
        double factor = share * (((size_t)own == bin) - influence->mean_offset[own]);
        for (size_t k = centres->first[g]; k < centres->last[g]; k++)
            scan->q[k] +=
                factor * influence->p[centres->offset[g] + k - centres->first[g]];
    }
    scan->q[0] = 0;
}

static double solve_variance(const struct scan *scan,
                             const struct asim_band_matrix *factor)
{
    size_t count = factor->size;
    double variance = 0;
    memcpy(scan->solved, scan->q, count * sizeof *scan->q);
    asim_band_solve(factor, scan->solved);
    for (size_t k = 0; k < count; k++)
        variance += scan->q[k] * scan->solved[k];
    return variance;
}

/* Shares of the samples of a window with this bias among the nodes. */
static void find_weights(const struct scan *scan, const struct asim_reduced_bias *bias)
{
    const struct asim_influence *influence = scan->input->influence;
    const struct asim_mbar_nodes *centres = &scan->input->estimate->centres;
    double largest = -INFINITY, sum = 0;
    for (size_t g = 0; g < centres->count; g++) {
        double distance = asim_bias_distance(bias, centres->x_nm[g]);
        scan->weight[g] = influence->node_count[g] > 0
                              ? log(influence->node_count[g]) - influence->log_d[g] -
                                    0.5 * bias->reduced_k_per_nm2 * distance * distance
                              : -INFINITY;
        largest = fmax(largest, scan->weight[g]);
    }
    for (size_t g = 0; g < centres->count; g++) {
        scan->weight[g] = exp(scan->weight[g] - largest);
        sum += scan->weight[g];
    }
    for (size_t g = 0; g < centres->count; g++)
        scan->weight[g] /= sum;
}

/* The drop of the bin's standard error by so many samples of such a window. */
static double find_drop(struct scan *scan, const struct asim_reduced_bias *bias,
                        double sample_count)
{
    const struct asim_influence *influence = scan->input->influence;
    const struct asim_mbar_nodes *centres = &scan->input->estimate->centres;
    size_t count = scan->changed.size, width = scan->changed.half_width;
    size_t stride = width + 1;
    double *values = scan->changed.values;
    memcpy(values, scan->work.hessian.values, count * stride * sizeof *values);
    find_weights(scan, bias);
    for (size_t g = 0; g < centres->count; g++) {
        double samples = sample_count * scan->weight[g];
        if (samples < 1e-12)
            continue;
        const double *p = &influence->p[centres->offset[g]];
        size_t first = centres->first[g], reach = centres->last[g] - first;
        for (size_t i = 0; i < reach; i++) {
            double *row = &values[(first + i) * stride + width - i];
            if (first + i == 0)
                continue; /* a_0 is held */
            row[i] += samples * p[i] * (1 - p[i]);
            for (size_t j = first == 0 ? 1 : 0; j < i; j++)
                row[j] -= samples * p[i] * p[j];
        }
    }
    asim_band_factor(&scan->changed);
    double variance = solve_variance(scan, &scan->changed);
    return scan->variance > 0 ? 1 - sqrt(fmax(0, variance / scan->variance)) : 0;
}

static void scan_all(struct scan *scan, double sample_count,
                     struct asim_added_window *ret_added)
{
    static const double factors[] = {1, 2, 4};
    const struct asim_reduced_bias *biases = scan->input->biases;
    size_t count = scan->changed.size;
    struct asim_added_window best = {0};
    for (size_t k = 0; k < count; k++)
        best.drop_by_extension =
            fmax(best.drop_by_extension, find_drop(scan, &biases[k], sample_count));
    for (size_t k = 0; k + 1 < count; k++)
        for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
            double mean_k =
                0.5 * (biases[k].reduced_k_per_nm2 + biases[k + 1].reduced_k_per_nm2);
            struct asim_reduced_bias bias = {
                .centre_nm = 0.5 * (biases[k].centre_nm + biases[k + 1].centre_nm),
                .reduced_k_per_nm2 = factors[i] * mean_k};
            double drop = find_drop(scan, &bias, sample_count);
            if (drop > best.drop) {
                best.drop = drop;
                best.bias = bias;
                best.left = k;
            }
        }
    *ret_added = best;
}

int asim_add_window_scan(const struct asim_advice_input *input, size_t bin,
                         double sample_count, struct asim_added_window *ret_added,
                         struct asim_error *err)
{
    const struct asim_estimate *estimate = input->estimate;
    const struct asim_mbar_nodes *centres = &estimate->centres;
    size_t count = input->lattice->window_count;
    struct scan scan = {.input = input};
    int rc = -1;
    scan.q = asim_alloc_array(count, 2 * sizeof *scan.q, err);
    scan.weight = asim_alloc_array(centres->count, sizeof *scan.weight, err);
    if (!scan.q || !scan.weight || asim_mbar_work_init(&scan.work, centres, err) < 0)
        goto out;
    scan.solved = scan.q + count;
    scan.changed = scan.work.hessian;
    scan.changed.values =
        asim_alloc_array(count, (centres->half_width + 1) * sizeof(double), err);
    if (!scan.changed.values)
        goto out;
    asim_mbar_evaluate(centres, input->influence->node_count, estimate->weight,
                       estimate->a, &scan.work);
    find_target(&scan, bin);
    memcpy(scan.changed.values, scan.work.hessian.values,
           count * (centres->half_width + 1) * sizeof(double));
    asim_band_factor(&scan.changed);
    scan.variance = solve_variance(&scan, &scan.changed);
    scan_all(&scan, sample_count, ret_added);
    rc = 0;
out:
    asim_mbar_work_finish(&scan.work);
    free(scan.changed.values);
    free(scan.q);
    free(scan.weight);
    return rc;
}
