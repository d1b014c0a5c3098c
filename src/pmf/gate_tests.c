/*
 * Gates that are statistical tests. Each is set so that sound data fail it in about one
 * analysis of a hundred at most, whatever the number of windows and bins.
 */
#include "pmf/gate_tests.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/threads.h"
#include "pmf/resample.h"
#include "samples/drift.h"

static const double CONSISTENCY_RATE = 0.01, HALVES_LIMIT = 2;
static const double LACK = 0.5; /* of a window that fails: half as long again */
enum { FEWEST_BLOCKS = 16 };
/* A window that no other reaches agrees with "all windows", itself alone, but for the
 * rounding of sums: such differences are nothing to judge. */
static const double ROUNDING = 1e-10;

static double drift_p_value(const struct asim_lattice_window *window)
{
    return asim_drift_p_value(window->value_nm, window->count, window->block_count);
}

int asim_gate_drift(const struct asim_gate_input *input, struct asim_gate *ret_gate,
                    struct asim_error *err)
{
    (void)err;
    size_t count = input->lattice->window_count, worst = 0, failed = 0;
    double least = INFINITY, limit = ASIM_DRIFT_LEVEL / (double)count;
    for (size_t k = 0; k < count; k++) {
        double p = drift_p_value(&input->lattice->windows[k]);
        if (p <= limit) {
            asim_gate_need(input, k, LACK);
            failed++;
        }
        if (p < least) {
            least = p;
            worst = k;
        }
    }
    if (failed)
        asim_gate_set(
            ret_gate, "drift", false, least, limit,
            "in %zu window%s, most in window %d, the first tenth and the last "
            "half of the samples differ beyond chance: they were not "
            "equilibrated; discard their beginning or run them longer",
            failed, failed == 1 ? "" : "s", input->window_ids[worst]);
    else
        asim_gate_set(ret_gate, "drift", true, least, limit,
                      "no window's beginning differs from its end beyond chance");
    return 0;
}

int asim_gate_halves(const struct asim_gate_input *input, struct asim_gate *ret_gate,
                     struct asim_error *err)
{
    size_t bins = input->lattice->bin_count, used = 0;
    double sum = 0;
    double *difference = asim_alloc_array(bins, sizeof *difference, err);
    if (!difference)
        return -1;
    if (asim_resample_halves(input->lattice, input->estimate, difference, err) < 0) {
        free(difference);
        return -1;
    }
    for (size_t bin = 0; bin < bins; bin++) {
        /* Each half has twice the variance of the whole, their difference four times.
         */
        double variance = 4 * input->influence->variance[bin];
        if (!isfinite(difference[bin]) || !(variance > 0))
            continue;
        sum += difference[bin] * difference[bin] / variance;
        used++;
    }
    free(difference);
    double value = used ? sqrt(sum / (double)used) : 0;
    if (value < HALVES_LIMIT)
        asim_gate_set(
            ret_gate, "halves", true, value, HALVES_LIMIT,
            "first and second halves of the runs give profiles that differ by "
            "%.2f standard errors (rms)",
            value);
    else
        asim_gate_set(
            ret_gate, "halves", false, value, HALVES_LIMIT,
            "first and second halves of the runs give profiles that differ by "
            "%.1f standard errors (rms): the runs still change; discard their "
            "beginning or run longer",
            value);
    return 0;
}

/* One window's deviation d = <phi>_window - <phi>_predicted, phi = (x - mean)^power,
 * all times N_k. */
struct deviation {
    size_t window;
    int power;
    double *phi;      /* [node] */
    double scale;     /* sum of |phi| over the window's samples */
    double *share;    /* [node] phi p_window; 0 out of the window's reach */
    double *response; /* [window] H^-1 v, -v being the change of d with a */
};

struct consistency {
    const struct asim_gate_input *input;
    double *z, *p; /* [2 window_count] */
};

static void fill_phi(const struct asim_gate_input *input, struct deviation *deviation)
{
    const struct asim_mbar_nodes *centres = &input->estimate->centres;
    double mean = input->lattice->windows[deviation->window].mean_nm;
    double period = input->biases[deviation->window].period_nm;
    for (size_t g = 0; g < centres->count; g++) {
        size_t first = centres->first[g];
        double distance = asim_wrapped_difference(centres->x_nm[g] - mean, period);
        deviation->phi[g] = deviation->power == 1 ? distance : distance * distance;
        deviation->share[g] = 0;
        if (deviation->window >= first && deviation->window < centres->last[g])
            deviation->share[g] =
                deviation->phi[g] *
                input->influence->p[centres->offset[g] + deviation->window - first];
    }
}

/* d, and the response to a: v_j = sum_n phi p_k (delta_kj - p_j). */
static double find_deviation(const struct asim_gate_input *input,
                             struct deviation *deviation)
{
    const struct asim_mbar_nodes *centres = &input->estimate->centres;
    const struct asim_lattice_window *own = &input->lattice->windows[deviation->window];
    double observed = 0, predicted = 0;
    for (size_t g = 0; g < centres->count; g++) {
        double share = input->influence->node_count[g] * deviation->share[g];
        if (share == 0)
            continue;
        const double *ps = &input->influence->p[centres->offset[g]];
        predicted += share;
        deviation->response[deviation->window] += share;
        for (size_t j = 0; j < centres->last[g] - centres->first[g]; j++)
            deviation->response[centres->first[g] + j] -= share * ps[j];
    }
    for (size_t block = 0; block < own->block_count; block++)
        for (size_t cell = 0; cell < own->node_count; cell++) {
            double term = own->counts[block * own->node_count + cell] *
                          deviation->phi[own->first_node + cell];
            observed += term;
            deviation->scale += fabs(term);
        }
    deviation->response[0] = 0;
    asim_band_solve(&input->estimate->factor, deviation->response);
    return observed - predicted;
}

/* Four sums at a time, in one order everywhere: a single one waits for each addition.
 */
static double dot(const double *a, const double *b, size_t count)
{
    double sums[4] = {0};
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (size_t lane = 0; lane < 4; lane++)
            sums[lane] += a[i + lane] * b[i + lane];
    for (; i < count; i++)
        sums[0] += a[i] * b[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static double dot_counts(const uint32_t *counts, const double *values, size_t count)
{
    double sums[4] = {0};
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (size_t lane = 0; lane < 4; lane++)
            sums[lane] += counts[i + lane] * values[i + lane];
    for (; i < count; i++)
        sums[0] += counts[i] * values[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* What a short block of window w adds to d, to first order. */
static double block_influence(const struct asim_gate_input *input,
                              const struct deviation *deviation, size_t w, size_t block)
{
    const struct asim_lattice_window *window = &input->lattice->windows[w];
    const struct asim_influence_window *own = &input->influence->windows[w];
    const double *gradient = &own->gradients[block * own->width];
    const double *response = &deviation->response[own->first];
    const double *phi = &deviation->phi[window->first_node];
    const double *share = &deviation->share[window->first_node];
    const uint32_t *counts = &window->counts[block * window->node_count];
    double psi = dot(response, gradient, own->width);
    if (w == deviation->window)
        psi += dot_counts(counts, phi, window->node_count);
    if (deviation->window >= own->first && deviation->window < own->first + own->width)
        psi -= dot_counts(counts, share, window->node_count);
    return psi;
}

/* A window whose reach the response is level over, and which neither is the judged one
 * nor shares samples with it, adds nothing: its G_b add up to zero. */
static bool is_touched(const struct asim_gate_input *input,
                       const struct deviation *deviation, size_t w)
{
    const struct asim_influence_window *own = &input->influence->windows[w];
    double least = INFINITY, most = -INFINITY;
    if (deviation->window >= own->first && deviation->window < own->first + own->width)
        return true;
    for (size_t k = 0; k < own->width; k++) {
        least = fmin(least, deviation->response[own->first + k]);
        most = fmax(most, deviation->response[own->first + k]);
    }
    return most - least > 1e-9 * deviation->scale;
}

/* Variance of d over the long blocks of every window. */
static double deviation_variance(const struct asim_gate_input *input,
                                 const struct deviation *deviation)
{
    double variance = 0;
    for (size_t w = 0; w < input->lattice->window_count; w++) {
        size_t pairs = input->lattice->windows[w].block_count / 2;
        double mean = 0, square_sum = 0;
        if (!is_touched(input, deviation, w))
            continue;
        for (size_t pair = 0; pair < pairs; pair++) {
            double psi = block_influence(input, deviation, w, 2 * pair) +
                         block_influence(input, deviation, w, 2 * pair + 1);
            double delta = psi - mean;
            mean += delta / (double)(pair + 1);
            square_sum += delta * (psi - mean);
        }
        if (pairs > 1)
            variance += square_sum * (double)pairs / (double)(pairs - 1);
        else
            variance += mean * mean;
    }
    return variance;
}

static int judge_deviation(void *context, size_t task, int thread_index,
                           struct asim_error *err)
{
    (void)thread_index;
    const struct consistency *consistency = context;
    const struct asim_gate_input *input = consistency->input;
    size_t nodes = input->estimate->centres.count;
    struct deviation deviation = {.window = task / 2, .power = 1 + (int)(task % 2)};
    int rc = -1;
    deviation.phi = asim_alloc_array(nodes, sizeof(double), err);
    deviation.share = asim_alloc_array(nodes, sizeof(double), err);
    deviation.response =
        asim_alloc_array(input->lattice->window_count, sizeof(double), err);
    if (!deviation.phi || !deviation.share || !deviation.response)
        goto out;
    fill_phi(input, &deviation);
    double value = find_deviation(input, &deviation);
    double variance = deviation_variance(input, &deviation);
    size_t blocks = input->lattice->windows[deviation.window].block_count;
    double noise = ROUNDING * deviation.scale;
    bool judged = blocks >= FEWEST_BLOCKS && variance > noise * noise;
    double z = judged ? fabs(value) / sqrt(variance) : 0;
    consistency->z[task] = z;
    consistency->p[task] =
        judged ? asim_student_p_value(z, (double)(blocks / 2 - 1)) : 1;
    rc = 0;
out:
    free(deviation.phi);
    free(deviation.share);
    free(deviation.response);
    return rc;
}

/* Observed against predicted histograms, as in Zhu & Hummer 2012 (J. Comput. Chem. 33,
 * 453), by their means and widths, each against its own error. */
int asim_gate_consistency(const struct asim_gate_input *input,
                          struct asim_gate *ret_gate, struct asim_error *err)
{
    size_t count = 2 * input->lattice->window_count, worst = 0, failed = 0;
    int rc = -1;
    double *memory = asim_alloc_array(count, 3 * sizeof *memory, err);
    if (!memory)
        return -1;
    struct consistency consistency = {input, memory, memory + count};
    double *sorted = memory + 2 * count;
    if (asim_parallel(count, input->thread_count, judge_deviation, &consistency, err) <
        0)
        goto out;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = consistency.p[i];
        if (consistency.z[i] > consistency.z[worst])
            worst = i;
    }
    double limit = asim_false_discovery_limit(sorted, count, CONSISTENCY_RATE);
    for (size_t i = 0; i < count; i++)
        if (limit > 0 && consistency.p[i] <= limit) {
            asim_gate_need(input, i / 2, LACK);
            failed++;
        }
    /* What z the false discovery rate allows depends on all p-values; the limit shown
     * is that of a single one standing out. */
    double freedom = (double)(input->lattice->windows[worst / 2].block_count / 2) - 1,
           shown = 0;
    while (shown < 40 && asim_student_p_value(shown, freedom > 1 ? freedom : 1) >
                             CONSISTENCY_RATE / (double)count)
        shown += 0.01;
    if (failed)
        asim_gate_set(ret_gate, "consistency", false, consistency.z[worst], shown,
                      "%zu means or widths of windows' samples, most in window %d, "
                      "disagree with all windows together by up to %.1f standard "
                      "errors: wrong bias or temperature, or unrelaxed other motions",
                      failed, input->window_ids[worst / 2], consistency.z[worst]);
    else
        asim_gate_set(ret_gate, "consistency", true, consistency.z[worst], shown,
                      "every window's mean and width agree with all windows together");
    rc = 0;
out:
    free(memory);
    return rc;
}
