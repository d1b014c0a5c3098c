/*
 * Samples on a fine lattice.
 *
 * A smooth function summed over samples becomes a sum over lattice points: within a
 * cell the function is its Lagrange polynomial through the 8 nearest points, so each
 * point gets the sum over samples of its basis polynomial, which needs only the cell's
 * moments sum t^p, p = 0..7. The error is of order spacing^8.
 *
 * Invariants: the window loop gives the same bits for any number of threads: a window
 * is one task, and windows are added in order. Must not know biases or free energies.
 */
#include "pmf/lattice.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "samples/drift.h"

enum {
    POINTS = ASIM_LATTICE_POINTS,
    POINTS_BELOW = POINTS / 2 - 1, /* cell j uses points j-3 .. j+4 */
    /* A window's cells, a sixteenth of its width each: four thousand widths. */
    MOST_CELLS_OF_WINDOW = 1 << 16,
    MOST_NODES = 1 << 24,
};
static const double LARGEST_CELL_NUMBER = 0x1p50;

struct interval {
    int64_t first, last; /* lattice points */
};

struct fill {
    struct asim_lattice *lattice;
    double **moments; /* [window][node_count][POINTS] */
};

void asim_lattice_finish(struct asim_lattice *lattice)
{
    if (!lattice)
        return;
    for (size_t k = 0; lattice->windows && k < lattice->window_count; k++)
        free(lattice->windows[k].counts);
    free(lattice->windows);
    free(lattice->x_nm);
    free(lattice->mass);
    free(lattice->cell);
    free(lattice->bin);
    *lattice = (struct asim_lattice){0};
}

void asim_lattice_keep_bins(struct asim_lattice *lattice, size_t first, size_t count)
{
    double width = lattice->spacing_nm * (double)lattice->cells_per_bin;
    for (size_t node = 0; node < lattice->node_count; node++) {
        int32_t bin = lattice->bin[node];
        bool stays = bin >= 0 && (size_t)bin >= first && (size_t)bin - first < count;
        lattice->bin[node] = stays ? bin - (int32_t)first : ASIM_NO_BIN;
    }
    lattice->bins_begin_nm += (double)first * width;
    lattice->bin_count = count;
}

static int compare_intervals(const void *first, const void *second)
{
    const struct interval *a = first, *b = second;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* The lattice points that a window's samples need. */
static int find_interval(const struct asim_lattice *lattice, size_t index,
                         struct interval *ret_interval, struct asim_error *err)
{
    const struct asim_lattice_window *window = &lattice->windows[index];
    double least = window->value_nm[0], most = least;
    for (size_t i = 1; i < window->count; i++) {
        least = window->value_nm[i] < least ? window->value_nm[i] : least;
        most = window->value_nm[i] > most ? window->value_nm[i] : most;
    }
    double first = floor((least - lattice->begin_nm) / lattice->spacing_nm);
    double last = floor((most - lattice->begin_nm) / lattice->spacing_nm);
    if (!(fabs(first) < LARGEST_CELL_NUMBER && fabs(last) < LARGEST_CELL_NUMBER &&
          last - first < MOST_CELLS_OF_WINDOW))
        return asim_fail(
            err, ASIM_EINPUT,
            "window %zu: samples from %g to %g nm spread over thousands of "
            "times the width that the force constants allow; the samples, "
            "their unit (nm) or the force constants are wrong, or fewer bins of the "
            "profile should be asked for",
            index, least, most);
    *ret_interval = (struct interval){(int64_t)first, (int64_t)last};
    return 0;
}

/* Nodes for all intervals, merged where they touch; each window's first node. */
static int place_nodes(struct asim_lattice *lattice, struct asim_error *err)
{
    size_t count = lattice->window_count, node_count = 0;
    struct interval *own = asim_alloc_array(count, sizeof *own, err);
    struct interval *merged = asim_alloc_array(count, sizeof *merged, err);
    size_t merged_count = 0;
    int rc = -1;
    if (!own || !merged)
        goto out;
    for (size_t k = 0; k < count; k++) {
        if (find_interval(lattice, k, &own[k], err) < 0)
            goto out;
        merged[k] = (struct interval){own[k].first - POINTS_BELOW,
                                      own[k].last + POINTS - POINTS_BELOW - 1};
    }
    qsort(merged, count, sizeof *merged, compare_intervals);
    for (size_t k = 0; k < count; k++) {
        if (merged_count && merged[k].first <= merged[merged_count - 1].last + 1) {
            if (merged[k].last > merged[merged_count - 1].last)
                merged[merged_count - 1].last = merged[k].last;
        } else {
            merged[merged_count++] = merged[k];
        }
    }
    for (size_t m = 0; m < merged_count; m++)
        node_count += (size_t)(merged[m].last - merged[m].first + 1);
    if (node_count > MOST_NODES) {
        asim_fail(err, ASIM_EINPUT,
                  "the profile would need %zu lattice points, and at most %d are "
                  "supported; ask for fewer bins or a smaller range",
                  node_count, MOST_NODES);
        goto out;
    }
    lattice->node_count = node_count;
    lattice->x_nm = asim_alloc_array(node_count, sizeof *lattice->x_nm, err);
    lattice->mass = asim_alloc_array(node_count, sizeof *lattice->mass, err);
    lattice->cell = asim_alloc_array(node_count, sizeof *lattice->cell, err);
    lattice->bin = asim_alloc_array(node_count, sizeof *lattice->bin, err);
    if (!lattice->x_nm || !lattice->mass || !lattice->cell || !lattice->bin)
        goto out;
    size_t node = 0;
    int64_t cells_in_bins = (int64_t)(lattice->cells_per_bin * lattice->bin_count);
    for (size_t m = 0; m < merged_count; m++) {
        for (size_t k = 0; k < count; k++)
            if (own[k].first >= merged[m].first && own[k].last <= merged[m].last) {
                struct asim_lattice_window *window = &lattice->windows[k];
                window->first_node = node + (size_t)(own[k].first - merged[m].first);
                window->node_count = (size_t)(own[k].last - own[k].first + 1);
            }
        for (int64_t cell = merged[m].first; cell <= merged[m].last; cell++, node++) {
            lattice->cell[node] = cell;
            lattice->x_nm[node] =
                lattice->begin_nm + (double)cell * lattice->spacing_nm;
            int64_t in_bins = cell;
            if (lattice->periodic)
                in_bins = (cell % cells_in_bins + cells_in_bins) % cells_in_bins;
            lattice->bin[node] =
                in_bins < 0 || in_bins >= cells_in_bins
                    ? ASIM_NO_BIN
                    : (int32_t)(in_bins / (int64_t)lattice->cells_per_bin);
        }
    }
    rc = 0;
out:
    free(own);
    free(merged);
    return rc;
}

static int fill_window(void *context, size_t index, int thread_index,
                       struct asim_error *err)
{
    (void)thread_index;
    struct fill *fill = context;
    const struct asim_lattice *lattice = fill->lattice;
    struct asim_lattice_window *window = &lattice->windows[index];
    double *moments =
        asim_alloc_array(window->node_count, POINTS * sizeof(double), err);
    window->counts = asim_alloc_array(window->block_count,
                                      window->node_count * sizeof(uint32_t), err);
    fill->moments[index] = moments;
    if (!moments || !window->counts)
        return -1;
    double sum = 0, square_sum = 0, middle = window->value_nm[0];
    double first = (double)lattice->cell[window->first_node];
    for (size_t block = 0; block < window->block_count; block++) {
        uint32_t *counts = &window->counts[block * window->node_count];
        size_t end = asim_block_begin(window->count, window->block_count, block + 1);
        size_t i = asim_block_begin(window->count, window->block_count, block);
        for (; i < end; i++) {
            double value = window->value_nm[i], distance = value - middle;
            size_t cell =
                asim_lattice_node(lattice, window, value) - window->first_node;
            double t = (value - lattice->begin_nm) / lattice->spacing_nm - first -
                       (double)cell - 0.5;
            double *moment = &moments[cell * POINTS], power = 1;
            for (int p = 0; p < POINTS; p++) {
                moment[p] += power;
                power *= t;
            }
            counts[cell]++;
            sum += distance;
            square_sum += distance * distance;
        }
    }
    double n = (double)window->count, mean = sum / n;
    window->mean_nm = middle + mean;
    double variance = n > 1 ? (square_sum - n * mean * mean) / (n - 1) : 0;
    window->sd_nm = variance > 0 ? sqrt(variance) : 0;
    window->inefficiency =
        asim_statistical_inefficiency(window->value_nm, window->count);
    return 0;
}

/* Coefficients of the basis polynomials in t, the distance from the middle of the cell
 * in cells; point q stands at t = q - 3.5. */
static void basis_polynomials(double ret_basis[POINTS][POINTS])
{
    for (int q = 0; q < POINTS; q++) {
        double product[POINTS] = {1}, denominator = 1;
        int degree = 0;
        for (int r = 0; r < POINTS; r++) {
            if (r == q)
                continue;
            double root = r - (POINTS - 1) / 2.0;
            degree++;
            for (int p = degree; p >= 0; p--)
                product[p] = (p > 0 ? product[p - 1] : 0) - root * product[p];
            denominator *= q - r;
        }
        for (int p = 0; p < POINTS; p++)
            ret_basis[q][p] = product[p] / denominator;
    }
}

static void add_masses(struct asim_lattice *lattice, double *const *moments)
{
    double basis[POINTS][POINTS];
    basis_polynomials(basis);
    for (size_t k = 0; k < lattice->window_count; k++) {
        const struct asim_lattice_window *window = &lattice->windows[k];
        for (size_t cell = 0; cell < window->node_count; cell++) {
            const double *moment = &moments[k][cell * POINTS];
            double *mass = &lattice->mass[window->first_node + cell - POINTS_BELOW];
            for (int q = 0; q < POINTS && moment[0] > 0; q++)
                for (int p = 0; p < POINTS; p++)
                    mass[q] += basis[q][p] * moment[p];
        }
    }
}

int asim_lattice_make(const struct asim_pmf_window *windows, size_t window_count,
                      const struct asim_lattice_options *options,
                      struct asim_lattice *ret_lattice, struct asim_error *err)
{
    double bin_width =
        (options->end_nm - options->begin_nm) / (double)options->bin_count;
    struct asim_lattice lattice = {.periodic = options->periodic,
                                   .begin_nm = options->begin_nm,
                                   .bins_begin_nm = options->begin_nm,
                                   .bin_count = options->bin_count,
                                   .window_count = window_count};
    struct fill fill = {.lattice = &lattice};
    int rc = -1;
    double cells = ceil(bin_width / options->cell_limit_nm);
    if (!(cells >= 1 && cells * (double)options->bin_count <= MOST_NODES)) {
        asim_fail(err, ASIM_EINPUT,
                  "bins of %g nm cannot be cut into cells of at most %g nm; the range "
                  "%g to %g nm does not suit the force constants",
                  bin_width, options->cell_limit_nm, options->begin_nm,
                  options->end_nm);
        goto out;
    }
    lattice.cells_per_bin = (size_t)cells;
    lattice.spacing_nm = bin_width / cells;
    fill.moments = asim_alloc_array(window_count, sizeof *fill.moments, err);
    lattice.windows = asim_alloc_array(window_count, sizeof *lattice.windows, err);
    if (!fill.moments || !lattice.windows)
        goto out;
    for (size_t k = 0; k < window_count; k++) {
        size_t pairs = windows[k].count / 2;
        pairs = pairs < options->block_count ? pairs : options->block_count;
        lattice.windows[k] =
            (struct asim_lattice_window){.value_nm = windows[k].value_nm,
                                         .count = windows[k].count,
                                         .block_count = pairs ? 2 * pairs : 2};
    }
    if (place_nodes(&lattice, err) < 0 ||
        asim_parallel(window_count, options->thread_count, fill_window, &fill, err) < 0)
        goto out;
    add_masses(&lattice, fill.moments);
    *ret_lattice = lattice;
    lattice = (struct asim_lattice){0};
    rc = 0;
out:
    for (size_t k = 0; fill.moments && k < window_count; k++)
        free(fill.moments[k]);
    free(fill.moments);
    asim_lattice_finish(&lattice);
    return rc;
}
