/*
 * Gates on how the windows were sampled: are the blocks long enough, do the halves of a
 * window mix, do windows with the same bias agree.
 */
#include "pmf/gate_tests.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/threads.h"
#include "samples/drift.h"
#include "samples/repeats.h"

static const double PLATEAU_LIMIT = 0.15, MIXING_LIMIT = 1.05, REPLICA_LEVEL = 0.01,
                    REPEATS_LIMIT = 0.001;
/* Half as long again, then see. */
static const double LACK_OF_MIXING = 0.5;

/* How many windows' worth of blocks the variance rests on: (sum V)^2 / sum V^2. */
static double ruling_windows(const struct asim_influence *influence)
{
    double sum = 0, square_sum = 0;
    for (size_t k = 0; k < influence->window_count; k++) {
        double own = 0;
        for (size_t bin = 0; bin < influence->bin_count; bin++)
            own += influence->window_variance[k * influence->bin_count + bin];
        sum += own;
        square_sum += own * own;
    }
    return square_sum > 0 ? sum * sum / square_sum : 1;
}

/* The standard error must not depend on the length of the blocks it was made from
 * (Flyvbjerg & Petersen 1989, J. Chem. Phys. 91, 461). */
void asim_gate_plateau(const struct asim_gate_input *input, struct asim_gate *ret_gate)
{
    const struct asim_influence *influence = input->influence;
    const double *level = influence->level_variance;
    size_t blocks = SIZE_MAX;
    for (size_t k = 0; k < input->lattice->window_count; k++)
        if (input->lattice->windows[k].block_count < blocks)
            blocks = input->lattice->windows[k].block_count;
    double first = sqrt(level[ASIM_LEVEL_LONG] / level[ASIM_LEVEL_SHORT]) - 1;
    double second = sqrt(level[ASIM_LEVEL_DOUBLE] / level[ASIM_LEVEL_LONG]) - 1;
    if (!isfinite(first) || !isfinite(second)) {
        asim_gate_set(ret_gate, "plateau", true, 0, PLATEAU_LIMIT,
                      "blocks are too few to compare lengths");
        return;
    }
    /* The logarithm of a variance from n independent blocks spreads by 2/n; one from
     * half as many, which are sums of the same, by another 2/n about it. Three standard
     * deviations of that pass too, where windows are few. */
    double freedom = ruling_windows(influence) * (double)(blocks / 4 - 1);
    double limit = fmax(PLATEAU_LIMIT, 3 * 0.5 * sqrt(1 / freedom));
    /* Shorter blocks that spread more are those of oscillating samples, for which the
     * long ones are right. */
    double value = fmax(fmax(first, second), 0);
    asim_gate_set(ret_gate, "plateau", value < limit, value, limit,
                  value < limit
                      ? "errors from longer blocks are the same within %.0f%%"
                      : "errors grow by %.0f%% with the length of the blocks: samples "
                        "are correlated for longer than a block, so the errors are too "
                        "small; run longer or use fewer blocks",
                  100 * value);
}

static void mean_and_variance(const double *values, size_t count, double *ret_mean,
                              double *ret_variance)
{
    double sum = 0, square_sum = 0, n = (double)count;
    for (size_t i = 0; i < count; i++) {
        double distance = values[i] - values[0];
        sum += distance;
        square_sum += distance * distance;
    }
    *ret_mean = values[0] + sum / n;
    *ret_variance = fmax(0, (square_sum - sum * sum / n) / (n - 1));
}

double asim_split_reduction(const double *values, size_t count)
{
    size_t half = count / 2;
    double mean[2], variance[2];
    if (half < 2)
        return 1;
    mean_and_variance(values, half, &mean[0], &variance[0]);
    mean_and_variance(values + count - half, half, &mean[1], &variance[1]);
    double within = 0.5 * (variance[0] + variance[1]), n = (double)half;
    double between = 0.5 * (mean[0] - mean[1]) * (mean[0] - mean[1]);
    if (!(within > 0))
        return between > 0 ? INFINITY : 1;
    return sqrt(fmax(1, (n - 1) / n + between / within));
}

void asim_gate_mixing(const struct asim_gate_input *input, struct asim_gate *ret_gate)
{
    size_t worst = 0;
    double largest = 1;
    for (size_t k = 0; k < input->lattice->window_count; k++) {
        double reduction = asim_split_reduction(input->lattice->windows[k].value_nm,
                                                input->lattice->windows[k].count);
        if (reduction >= MIXING_LIMIT)
            asim_gate_need(input, k, LACK_OF_MIXING);
        if (reduction > largest) {
            largest = reduction;
            worst = k;
        }
    }
    if (largest < MIXING_LIMIT)
        asim_gate_set(ret_gate, "mixing", true, largest, MIXING_LIMIT,
                      "both halves of every window cover the same range (split R-hat)");
    else
        asim_gate_set(ret_gate, "mixing", false, largest, MIXING_LIMIT,
                      "the halves of window %d cover different ranges (split R-hat "
                      "%.2f): it moves more slowly than it was run; run it longer",
                      input->window_ids[worst], largest);
}

/* Squared standard error of a window's mean, from its long blocks. */
static double mean_error_square(const struct asim_lattice_window *window)
{
    size_t pairs = window->block_count / 2;
    double mean = 0, square_sum = 0;
    for (size_t pair = 0; pair < pairs; pair++) {
        size_t begin = asim_block_begin(window->count, pairs, pair);
        size_t end = asim_block_begin(window->count, pairs, pair + 1);
        double sum = 0;
        for (size_t i = begin; i < end; i++)
            sum += window->value_nm[i] - window->mean_nm;
        double delta = sum / (double)(end - begin) - mean;
        mean += delta / (double)(pair + 1);
        square_sum += delta * (sum / (double)(end - begin) - mean);
    }
    return pairs > 1 ? square_sum / (double)(pairs - 1) / (double)pairs : INFINITY;
}

/* p-value of chi^2 / freedom by Wilson & Hilferty 1931 (PNAS 17, 684). */
static double chi_square_p_value(double chi_square, double freedom)
{
    double cube = cbrt(chi_square / freedom), part = 2 / (9 * freedom);
    return 0.5 * erfc((cube - (1 - part)) / sqrt(part) / M_SQRT2);
}

/* Windows first .. last-1 have the same bias: chi^2 of their means. */
static double replica_p_value(const struct asim_lattice_window *windows, size_t first,
                              size_t last)
{
    double weights = 0, mean = 0, chi_square = 0;
    for (size_t k = first; k < last; k++) {
        double weight = 1 / mean_error_square(&windows[k]);
        weights += weight;
        mean += weight * (windows[k].mean_nm - windows[first].mean_nm);
    }
    if (!(weights > 0) || !isfinite(weights))
        return 1;
    mean = windows[first].mean_nm + mean / weights;
    for (size_t k = first; k < last; k++)
        chi_square += (windows[k].mean_nm - mean) * (windows[k].mean_nm - mean) /
                      mean_error_square(&windows[k]);
    return chi_square_p_value(chi_square, (double)(last - first - 1));
}

void asim_gate_replicas(const struct asim_gate_input *input, struct asim_gate *ret_gate)
{
    size_t count = input->lattice->window_count, groups = 0, worst = 0;
    double least = 1;
    for (size_t first = 0; first < count;) {
        size_t last = first + 1;
        while (last < count &&
               input->biases[last].centre_nm == input->biases[first].centre_nm &&
               input->biases[last].reduced_k_per_nm2 ==
                   input->biases[first].reduced_k_per_nm2)
            last++;
        if (last - first > 1) {
            double p = replica_p_value(input->lattice->windows, first, last);
            groups++;
            if (p < least) {
                least = p;
                worst = first;
            }
        }
        first = last;
    }
    double limit = REPLICA_LEVEL / (double)(groups ? groups : 1);
    if (groups == 0)
        asim_gate_set(ret_gate, "replicas", true, 1, limit,
                      "no window was run more than once, so there is nothing to "
                      "compare");
    else if (least > limit)
        asim_gate_set(ret_gate, "replicas", true, least, limit,
                      "windows that were run more than once agree");
    else
        asim_gate_set(ret_gate, "replicas", false, least, limit,
                      "runs of the same window, from window %d on, give different "
                      "means: hysteresis; what a run finds depends on where it "
                      "started; run them longer",
                      input->window_ids[worst]);
}

struct repeats {
    const struct asim_lattice *lattice;
    double *shares; /* [window] of its samples */
};

static int find_repeats(void *context, size_t index, int thread_index,
                        struct asim_error *err)
{
    (void)thread_index;
    struct repeats *repeats = context;
    const struct asim_lattice_window *window = &repeats->lattice->windows[index];
    size_t repeated;
    if (asim_repeated_samples(window->value_nm, window->count, &repeated, err) < 0)
        return -1;
    repeats->shares[index] = (double)repeated / (double)window->count;
    return 0;
}

int asim_gate_repeats(const struct asim_gate_input *input, struct asim_gate *ret_gate,
                      struct asim_error *err)
{
    size_t count = input->lattice->window_count, worst = 0;
    struct repeats repeats = {.lattice = input->lattice};
    repeats.shares = asim_alloc_array(count, sizeof *repeats.shares, err);
    if (!repeats.shares ||
        asim_parallel(count, input->thread_count, find_repeats, &repeats, err) < 0) {
        free(repeats.shares);
        return -1;
    }
    for (size_t k = 1; k < count; k++)
        if (repeats.shares[k] > repeats.shares[worst])
            worst = k;
    double share = repeats.shares[worst];
    free(repeats.shares);
    if (share < REPEATS_LIMIT)
        asim_gate_set(ret_gate, "repeats", true, share, REPEATS_LIMIT,
                      "no window has the same stretch of samples twice");
    else
        asim_gate_set(ret_gate, "repeats", false, share, REPEATS_LIMIT,
                      "%.1f%% of the samples of window %d stand there twice, digit by "
                      "digit: rows that a restart wrote again, or a file joined with "
                      "itself; leave them out",
                      100 * share, input->window_ids[worst]);
    return 0;
}
