/*
 * Block influences and their variance.
 *
 * The variance is the lugsail combination 2 V(long) - V(short) of blocks of N/B and
 * N/2B samples (Vats & Flegal 2022, Biometrika 109, 735): the first-order loss to
 * correlation between blocks cancels. Where short blocks spread more than long ones
 * (underdamped series) V(long) is kept.
 */
#include "pmf/influence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"
#include "pmf/vector.h"

enum { MOST_SELECTED_BINS = 400, FEWEST_DOUBLE_BLOCKS = 8 };

struct spread {
    const struct asim_lattice *lattice;
    const struct asim_estimate *estimate;
    struct asim_influence *influence;
    size_t *row_start;  /* [window] into rows */
    double **variances; /* [window][ASIM_LEVEL_COUNT][bin] */
};

void asim_influence_finish(struct asim_influence *influence)
{
    if (!influence)
        return;
    for (size_t k = 0; influence->windows && k < influence->window_count; k++)
        free(influence->windows[k].gradients);
    free(influence->windows);
    free(influence->p);
    free(influence->log_d);
    free(influence->node_count);
    free(influence->mean_offset);
    free(influence->solved);
    free(influence->log_share);
    free(influence->variance);
    free(influence->long_variance);
    free(influence->window_variance);
    free(influence->selected);
    free(influence->rows);
    *influence = (struct asim_influence){0};
}

static int fill_nodes(const struct asim_lattice *lattice,
                      const struct asim_estimate *estimate,
                      struct asim_influence *influence, struct asim_error *err)
{
    const struct asim_mbar_nodes *centres = &estimate->centres;
    double *scale = asim_alloc_array(lattice->window_count, sizeof *scale, err);
    if (!scale)
        return -1;
    asim_mbar_scale(centres, estimate->a, scale);
    for (size_t g = 0; g < centres->count; g++)
        influence->log_d[g] = centres->log_largest[g] +
                              asim_mbar_probabilities(
                                  centres, g, scale, &influence->p[centres->offset[g]]);
    free(scale);
    for (size_t k = 0; k < lattice->window_count; k++) {
        const struct asim_lattice_window *window = &lattice->windows[k];
        double *node_count = &influence->node_count[window->first_node];
        for (size_t i = 0; i < window->block_count * window->node_count; i++)
            node_count[i % window->node_count] += window->counts[i];
    }
    return 0;
}

/* Of every bin ln of the largest 1/D of its cells with samples, -INFINITY: none. */
static void find_largest(const struct asim_lattice *lattice,
                         struct asim_influence *influence)
{
    double *log_share = influence->log_share;
    for (size_t bin = 0; bin < lattice->bin_count; bin++)
        log_share[bin] = -INFINITY;
    for (size_t g = 0; g < lattice->node_count; g++)
        if (lattice->bin[g] != ASIM_NO_BIN && influence->node_count[g] > 0)
            log_share[lattice->bin[g]] =
                fmax(log_share[lattice->bin[g]], -influence->log_d[g]);
}

/* g is the first node of its bin. q must be zero; gets the bin's mean of p. A bin's
 * nodes follow one another, but for those of other periods. */
static void mean_of_bin(const struct asim_lattice *lattice,
                        const struct asim_mbar_nodes *centres,
                        struct asim_influence *influence, size_t g, double *q)
{
    int32_t bin = lattice->bin[g];
    double sum = 0;
    for (; g < centres->count && (lattice->periodic || lattice->bin[g] == bin); g++) {
        if (lattice->bin[g] != bin || influence->node_count[g] == 0)
            continue;
        double share = influence->node_count[g] *
                       exp(-influence->log_d[g] - influence->log_share[bin]);
        const double *p = &influence->p[centres->offset[g]];
        for (size_t k = 0; k < centres->last[g] - centres->first[g]; k++)
            q[centres->first[g] + k] += share * p[k];
        sum += share; /* p adds up to 1, so this is S_i */
    }
    if (sum > 0) {
        influence->log_share[bin] += log(sum);
        for (size_t k = 0; k < centres->window_count; k++)
            q[k] /= sum;
    }
}

/* ln S_i, and H^-1 q_i, of every bin with samples. */
static int solve_bins(const struct asim_lattice *lattice,
                      const struct asim_estimate *estimate,
                      struct asim_influence *influence, struct asim_error *err)
{
    size_t count = lattice->window_count, bins = lattice->bin_count;
    double *q = asim_alloc_array(count, sizeof *q, err);
    double *filled = asim_alloc_array(estimate->segment_count, sizeof *filled, err);
    bool *seen = asim_alloc_array(bins, sizeof *seen, err);
    if (!q || !filled || !seen) {
        free(q);
        free(filled);
        free(seen);
        return -1;
    }
    find_largest(lattice, influence);
    for (size_t g = 0; g < lattice->node_count; g++) {
        int32_t bin = lattice->bin[g];
        if (bin == ASIM_NO_BIN || seen[bin])
            continue;
        seen[bin] = true;
        memset(q, 0, count * sizeof *q);
        mean_of_bin(lattice, &estimate->centres, influence, g, q);
        if (!isfinite(influence->log_share[bin]))
            continue;
        filled[estimate->bin_segment[bin]]++;
        q[0] = 0;
        asim_band_solve(&estimate->factor, q);
        for (size_t k = 0; k < count; k++)
            influence->solved[k * bins + (size_t)bin] = q[k];
    }
    for (size_t bin = 0; bin < bins; bin++)
        influence->mean_offset[bin] = isfinite(influence->log_share[bin])
                                          ? 1 / filled[estimate->bin_segment[bin]]
                                          : 0;
    free(q);
    free(filled);
    free(seen);
    return 0;
}

/* G_b of a window's short blocks. */
static int find_gradients(const struct asim_lattice *lattice,
                          const struct asim_mbar_nodes *centres,
                          struct asim_influence *influence, size_t index,
                          struct asim_error *err)
{
    const struct asim_lattice_window *window = &lattice->windows[index];
    struct asim_influence_window *own = &influence->windows[index];
    size_t first = index, last = index + 1;
    for (size_t cell = 0; cell < window->node_count; cell++) {
        size_t node = window->first_node + cell;
        first = centres->first[node] < first ? centres->first[node] : first;
        last = centres->last[node] > last ? centres->last[node] : last;
    }
    own->first = first;
    own->width = last - first;
    own->gradients =
        asim_alloc_array(window->block_count, own->width * sizeof(double), err);
    if (!own->gradients)
        return -1;
    for (size_t block = 0; block < window->block_count; block++) {
        double *gradient = &own->gradients[block * own->width];
        for (size_t cell = 0; cell < window->node_count; cell++) {
            size_t node = window->first_node + cell;
            double count = window->counts[block * window->node_count + cell];
            if (count == 0)
                continue;
            const double *p = &influence->p[centres->offset[node]];
            double *target = &gradient[centres->first[node] - first];
            for (size_t k = 0; k < centres->last[node] - centres->first[node]; k++)
                target[k] += count * p[k];
            gradient[index - first] -= count;
        }
    }
    return 0;
}

/* Influences of a window's short blocks on every bin, against the mean offset of the
 * bin's segment. */
static int find_influences(const struct spread *spread, size_t index, double *ret_psi,
                           struct asim_error *err)
{
    const struct asim_vector_kernels *kernels = asim_vector_kernels();
    const struct asim_lattice *lattice = spread->lattice;
    const struct asim_influence *influence = spread->influence;
    const uint32_t *segment = spread->estimate->bin_segment;
    const struct asim_lattice_window *window = &lattice->windows[index];
    const struct asim_influence_window *own = &influence->windows[index];
    size_t bins = lattice->bin_count, segments = spread->estimate->segment_count;
    double *offset = asim_alloc_array(segments, sizeof *offset, err);
    double *share = asim_alloc_array(window->node_count, sizeof *share, err);
    if (!offset || !share) {
        free(offset);
        free(share);
        return -1;
    }
    for (size_t cell = 0; cell < window->node_count; cell++) {
        size_t node = window->first_node + cell;
        int32_t bin = lattice->bin[node];
        if (bin != ASIM_NO_BIN && isfinite(influence->log_share[bin]))
            share[cell] = exp(-influence->log_d[node] - influence->log_share[bin]);
    }
    for (size_t block = 0; block < window->block_count; block++) {
        double *psi = &ret_psi[block * bins];
        const double *gradient = &own->gradients[block * own->width];
        const uint32_t *counts = &window->counts[block * window->node_count];
        for (size_t k = 0; k < own->width; k++)
            kernels->add_scaled(psi, &influence->solved[(own->first + k) * bins],
                                -gradient[k], bins);
        for (size_t cell = 0; cell < window->node_count; cell++) {
            int32_t bin = lattice->bin[window->first_node + cell];
            if (bin != ASIM_NO_BIN && counts[cell] > 0)
                psi[bin] -= counts[cell] * share[cell];
        }
        memset(offset, 0, segments * sizeof *offset);
        for (size_t bin = 0; bin < bins; bin++)
            offset[segment[bin]] += influence->mean_offset[bin] * psi[bin];
        for (size_t bin = 0; bin < bins; bin++)
            psi[bin] =
                influence->mean_offset[bin] > 0 ? psi[bin] - offset[segment[bin]] : 0;
    }
    free(offset);
    free(share);
    return 0;
}

/*
 * Adds the variance of the sum of `count` rows to ret_variance, rows being independent
 * and alike: count/(count-1) sum (psi - mean)^2. A single row is taken as it is, which
 * counts the whole of what that window says as error. Rows are centred in place.
 */
static void add_variance(double *psi, size_t count, size_t bins, double *mean,
                         double *ret_variance)
{
    const struct asim_vector_kernels *kernels = asim_vector_kernels();
    double factor = count > 1 ? (double)count / (double)(count - 1) : 1;
    memset(mean, 0, bins * sizeof *mean);
    for (size_t row = 0; row < count && count > 1; row++)
        kernels->add_scaled(mean, &psi[row * bins], 1 / (double)count, bins);
    for (size_t row = 0; row < count; row++) {
        kernels->add_scaled(&psi[row * bins], mean, -1, bins);
        for (size_t bin = 0; bin < bins; bin++)
            ret_variance[bin] += factor * psi[row * bins + bin] * psi[row * bins + bin];
    }
}

/* Sums of two rows each, in place; a last odd row goes to the pair before it. */
static size_t join_rows(double *psi, size_t count, size_t bins)
{
    const struct asim_vector_kernels *kernels = asim_vector_kernels();
    size_t pairs = count / 2;
    for (size_t row = 0; row < pairs; row++) {
        if (row > 0)
            memcpy(&psi[row * bins], &psi[2 * row * bins], bins * sizeof *psi);
        kernels->add_scaled(&psi[row * bins], &psi[(2 * row + 1) * bins], 1, bins);
    }
    if (count % 2 && pairs > 0)
        kernels->add_scaled(&psi[(pairs - 1) * bins], &psi[2 * pairs * bins], 1, bins);
    return pairs;
}

static int spread_window(void *context, size_t index, int thread_index,
                         struct asim_error *err)
{
    (void)thread_index;
    struct spread *spread = context;
    struct asim_influence *influence = spread->influence;
    const struct asim_lattice *lattice = spread->lattice;
    size_t bins = lattice->bin_count, blocks = lattice->windows[index].block_count;
    int rc = -1;
    double *psi = NULL, *mean = NULL;
    double *variances = asim_alloc_array(bins, ASIM_LEVEL_COUNT * sizeof(double), err);
    spread->variances[index] = variances;
    if (!variances ||
        find_gradients(lattice, &spread->estimate->centres, influence, index, err) < 0)
        goto out;
    psi = asim_alloc_array(blocks, bins * sizeof(double), err);
    mean = asim_alloc_array(bins, sizeof *mean, err);
    if (!psi || !mean || find_influences(spread, index, psi, err) < 0)
        goto out;
    if (blocks > 2)
        add_variance(psi, blocks, bins, mean, &variances[ASIM_LEVEL_SHORT * bins]);
    size_t rows = join_rows(psi, blocks, bins);
    add_variance(psi, rows, bins, mean, &variances[ASIM_LEVEL_LONG * bins]);
    if (blocks <= 2)
        memcpy(&variances[ASIM_LEVEL_SHORT * bins], &variances[ASIM_LEVEL_LONG * bins],
               bins * sizeof(double));
    size_t selected_count = influence->selected_count;
    double factor = blocks > 2 ? sqrt((double)blocks / (double)(blocks - 2)) : 1;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < selected_count; i++)
            influence->rows[(spread->row_start[index] + row) * selected_count + i] =
                factor * psi[row * bins + influence->selected[i]];
    if (rows / 2 >= FEWEST_DOUBLE_BLOCKS) {
        rows = join_rows(psi, rows, bins);
        add_variance(psi, rows, bins, mean, &variances[ASIM_LEVEL_DOUBLE * bins]);
    } else {
        for (size_t bin = 0; bin < bins; bin++)
            variances[ASIM_LEVEL_DOUBLE * bins + bin] = NAN;
    }
    rc = 0;
out:
    free(psi);
    free(mean);
    return rc;
}

/* Evenly spread bins with samples, at most MOST_SELECTED_BINS. */
static int select_bins(struct asim_influence *influence, struct asim_error *err)
{
    size_t filled = 0, seen = 0;
    influence->selected =
        asim_alloc_array(MOST_SELECTED_BINS, sizeof *influence->selected, err);
    if (!influence->selected)
        return -1;
    for (size_t bin = 0; bin < influence->bin_count; bin++)
        filled += influence->mean_offset[bin] > 0;
    size_t wanted = filled < MOST_SELECTED_BINS ? filled : MOST_SELECTED_BINS;
    for (size_t bin = 0; bin < influence->bin_count; bin++) {
        if (!(influence->mean_offset[bin] > 0))
            continue;
        if (influence->selected_count < wanted &&
            seen * wanted >= influence->selected_count * filled)
            influence->selected[influence->selected_count++] = bin;
        seen++;
    }
    return 0;
}

static int spread_all(struct spread *spread, int thread_count, struct asim_error *err)
{
    struct asim_influence *influence = spread->influence;
    const struct asim_lattice *lattice = spread->lattice;
    size_t bins = lattice->bin_count, rows = 0;
    for (size_t k = 0; k < lattice->window_count; k++) {
        spread->row_start[k] = rows;
        rows += lattice->windows[k].block_count / 2;
    }
    influence->row_count = rows;
    influence->rows =
        asim_alloc_array(rows, influence->selected_count * sizeof(double), err);
    if (!influence->rows || asim_parallel(lattice->window_count, thread_count,
                                          spread_window, spread, err) < 0)
        return -1;
    for (size_t bin = 0; bin < bins; bin++) {
        double sum[ASIM_LEVEL_COUNT] = {0};
        for (size_t k = 0; k < lattice->window_count; k++)
            for (int level = 0; level < ASIM_LEVEL_COUNT; level++)
                sum[level] += spread->variances[k][(size_t)level * bins + bin];
        influence->long_variance[bin] = sum[ASIM_LEVEL_LONG];
        influence->variance[bin] = fmax(
            sum[ASIM_LEVEL_LONG], 2 * sum[ASIM_LEVEL_LONG] - sum[ASIM_LEVEL_SHORT]);
        for (int level = 0; level < ASIM_LEVEL_COUNT; level++)
            influence->level_variance[level] += sum[level];
    }
    for (size_t k = 0; k < lattice->window_count; k++)
        memcpy(&influence->window_variance[k * bins],
               &spread->variances[k][ASIM_LEVEL_LONG * bins], bins * sizeof(double));
    return 0;
}

int asim_influence_make(const struct asim_lattice *lattice,
                        const struct asim_estimate *estimate, int thread_count,
                        struct asim_influence *ret_influence, struct asim_error *err)
{
    const struct asim_mbar_nodes *centres = &estimate->centres;
    size_t bins = lattice->bin_count, count = lattice->window_count;
    size_t term_count = centres->count ? centres->offset[centres->count - 1] +
                                             centres->last[centres->count - 1] -
                                             centres->first[centres->count - 1]
                                       : 0;
    struct asim_influence influence = {.bin_count = bins, .window_count = count};
    struct spread spread = {
        .lattice = lattice, .estimate = estimate, .influence = &influence};
    int rc = -1;
    influence.p = asim_alloc_array(term_count, sizeof(double), err);
    influence.log_d = asim_alloc_array(centres->count, sizeof(double), err);
    influence.node_count = asim_alloc_array(centres->count, sizeof(double), err);
    influence.mean_offset = asim_alloc_array(bins, sizeof(double), err);
    influence.solved = asim_alloc_array(bins, count * sizeof(double), err);
    influence.log_share = asim_alloc_array(bins, sizeof(double), err);
    influence.variance = asim_alloc_array(bins, sizeof(double), err);
    influence.long_variance = asim_alloc_array(bins, sizeof(double), err);
    influence.window_variance = asim_alloc_array(count, bins * sizeof(double), err);
    influence.windows = asim_alloc_array(count, sizeof *influence.windows, err);
    spread.row_start = asim_alloc_array(count, sizeof *spread.row_start, err);
    spread.variances = asim_alloc_array(count, sizeof *spread.variances, err);
    if (!influence.p || !influence.log_d || !influence.node_count ||
        !influence.mean_offset || !influence.solved || !influence.log_share ||
        !influence.variance || !influence.long_variance || !influence.window_variance ||
        !influence.windows || !spread.row_start || !spread.variances ||
        fill_nodes(lattice, estimate, &influence, err) < 0 ||
        solve_bins(lattice, estimate, &influence, err) < 0 ||
        select_bins(&influence, err) < 0 || spread_all(&spread, thread_count, err) < 0)
        goto out;
    *ret_influence = influence;
    influence = (struct asim_influence){0};
    rc = 0;
out:
    for (size_t k = 0; spread.variances && k < count; k++)
        free(spread.variances[k]);
    free(spread.variances);
    free(spread.row_start);
    asim_influence_finish(&influence);
    return rc;
}
