/*
 * One pass over every sample, which needs no interpolation: the certificate of the
 * solution and the unbinned profile.
 *
 * A window's samples are sorted by cell, so that all samples of an inner loop have the
 * same windows within reach. A window is one task and windows are added in order: the
 * same bits for any number of threads.
 */
#include "pmf/raw_pass.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/threads.h"
#include "pmf/cell_sums.h"

struct pass {
    const struct asim_lattice *lattice;
    const struct asim_mbar_nodes *centres;
    const struct asim_reduced_bias *biases;
    const double *scale;         /* [window] */
    const double *bin_reference; /* [bin] least ln D of its cells */
    double **p_sums;             /* [window][window] */
    double **node_sums;          /* [window][node_count] sum 1/D relative to the node */
};

/* Start of each cell's samples in the sorted order, each a multiple of the lanes. */
static size_t cell_starts(const struct asim_lattice_window *window, size_t *ret_start,
                          size_t *ret_count)
{
    size_t total = 0;
    for (size_t cell = 0; cell < window->node_count; cell++) {
        size_t count = 0;
        for (size_t block = 0; block < window->block_count; block++)
            count += window->counts[block * window->node_count + cell];
        ret_start[cell] = total;
        ret_count[cell] = count;
        total += (count + ASIM_LANES - 1) / ASIM_LANES * ASIM_LANES;
    }
    return total;
}

static size_t make_terms(const struct pass *pass, size_t node,
                         struct asim_cell_term *ret_terms)
{
    const struct asim_mbar_nodes *centres = pass->centres;
    size_t first = centres->first[node], width = centres->last[node] - first;
    double reach = 0.5 * pass->lattice->spacing_nm;
    for (size_t k = 0; k < width; k++) {
        const struct asim_reduced_bias *bias = &pass->biases[first + k];
        struct asim_cell_term *term = &ret_terms[k];
        term->value =
            centres->terms[centres->offset[node] + k] * pass->scale[first + k];
        term->linear =
            -bias->reduced_k_per_nm2 * asim_bias_distance(bias, centres->x_nm[node]);
        term->quadratic = -0.5 * bias->reduced_k_per_nm2;
        term->degree =
            asim_cell_degree(term->value, term->linear, term->quadratic, reach);
    }
    return width;
}

static int pass_window(void *context, size_t index, int thread_index,
                       struct asim_error *err)
{
    (void)thread_index;
    const struct pass *pass = context;
    const struct asim_lattice *lattice = pass->lattice;
    const struct asim_mbar_nodes *centres = pass->centres;
    const struct asim_lattice_window *window = &lattice->windows[index];
    size_t cells = window->node_count, most = centres->half_width + 1;
    int rc = -1;
    double *sorted = NULL;
    size_t *start = asim_alloc_array(cells, sizeof *start, err);
    size_t *count = asim_alloc_array(cells, sizeof *count, err);
    struct asim_cell_term *terms = asim_alloc_array(most, sizeof *terms, err);
    double *work = asim_alloc_aligned(most, 2 * ASIM_LANES * sizeof *work, err);
    double *p_sums = asim_alloc_array(centres->window_count, sizeof *p_sums, err);
    double *node_sums = asim_alloc_array(cells, sizeof *node_sums, err);
    pass->p_sums[index] = p_sums;
    pass->node_sums[index] = node_sums;
    if (!start || !count || !terms || !work || !p_sums || !node_sums)
        goto out;
    sorted = asim_alloc_aligned(cell_starts(window, start, count), sizeof *sorted, err);
    if (!sorted)
        goto out;
    for (size_t i = 0; i < window->count; i++) {
        double value = window->value_nm[i];
        size_t node = asim_lattice_node(lattice, window, value);
        sorted[start[node - window->first_node]++] = value - centres->x_nm[node];
    }
    for (size_t cell = 0; cell < cells; cell++) {
        if (count[cell] == 0)
            continue;
        size_t node = window->first_node + cell, width = make_terms(pass, node, terms);
        node_sums[cell] =
            asim_cell_sums(&sorted[start[cell] - count[cell]], count[cell], terms,
                           width, &p_sums[centres->first[node]], work);
    }
    rc = 0;
out:
    free(start);
    free(count);
    free(terms);
    free(work);
    free(sorted);
    return rc;
}

/* Least ln D of each bin's cells: 1/D relative to it is at most about 1. */
static void bin_references(const struct pass *pass, double *p, double *ret_reference)
{
    for (size_t bin = 0; bin < pass->lattice->bin_count; bin++)
        ret_reference[bin] = INFINITY;
    for (size_t node = 0; node < pass->lattice->node_count; node++) {
        int32_t bin = pass->lattice->bin[node];
        if (bin == ASIM_NO_BIN)
            continue;
        double log_d = pass->centres->log_largest[node] +
                       asim_mbar_probabilities(pass->centres, node, pass->scale, p);
        ret_reference[bin] = fmin(ret_reference[bin], log_d);
    }
}

static void add_windows(const struct pass *pass, double *ret_gradient,
                        double *ret_log_sum)
{
    const struct asim_lattice *lattice = pass->lattice;
    for (size_t k = 0; k < lattice->window_count; k++)
        ret_gradient[k] = -(double)lattice->windows[k].count;
    for (size_t bin = 0; bin < lattice->bin_count; bin++)
        ret_log_sum[bin] = 0;
    for (size_t w = 0; w < lattice->window_count; w++) {
        const struct asim_lattice_window *window = &lattice->windows[w];
        for (size_t k = 0; k < lattice->window_count; k++)
            ret_gradient[k] += pass->p_sums[w][k];
        for (size_t cell = 0; cell < window->node_count; cell++) {
            size_t node = window->first_node + cell;
            int32_t bin = lattice->bin[node];
            if (bin != ASIM_NO_BIN && pass->node_sums[w][cell] > 0)
                ret_log_sum[bin] +=
                    pass->node_sums[w][cell] *
                    exp(pass->bin_reference[bin] - pass->centres->log_largest[node]);
        }
    }
    for (size_t bin = 0; bin < lattice->bin_count; bin++)
        ret_log_sum[bin] = ret_log_sum[bin] > 0
                               ? log(ret_log_sum[bin]) - pass->bin_reference[bin]
                               : -INFINITY;
}

int asim_raw_pass(const struct asim_lattice *lattice,
                  const struct asim_mbar_nodes *centres,
                  const struct asim_reduced_bias *biases, const double *a,
                  int thread_count, double *ret_gradient, double *ret_log_sum,
                  struct asim_error *err)
{
    size_t count = lattice->window_count;
    int rc = -1;
    double *scale = asim_alloc_array(count, sizeof *scale, err);
    double *p = asim_alloc_array(centres->half_width + 1, sizeof *p, err);
    double *reference = asim_alloc_array(lattice->bin_count, sizeof *reference, err);
    struct pass pass = {.lattice = lattice,
                        .centres = centres,
                        .biases = biases,
                        .scale = scale,
                        .bin_reference = reference};
    pass.p_sums = asim_alloc_array(count, sizeof *pass.p_sums, err);
    pass.node_sums = asim_alloc_array(count, sizeof *pass.node_sums, err);
    if (!scale || !p || !reference || !pass.p_sums || !pass.node_sums)
        goto out;
    asim_mbar_scale(centres, a, scale);
    bin_references(&pass, p, reference);
    if (asim_parallel(count, thread_count, pass_window, &pass, err) < 0)
        goto out;
    add_windows(&pass, ret_gradient, ret_log_sum);
    rc = 0;
out:
    for (size_t k = 0; k < count; k++) {
        if (pass.p_sums)
            free(pass.p_sums[k]);
        if (pass.node_sums)
            free(pass.node_sums[k]);
    }
    free(pass.p_sums);
    free(pass.node_sums);
    free(scale);
    free(p);
    free(reference);
    return rc;
}
