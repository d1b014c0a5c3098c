/*
 * The gates: computed, each with its number, its limit and a sentence that says what to
 * do. Here those that need no test statistic; gate_tests.c has the others.
 */
#include "pmf/gates.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "pmf/gate_tests.h"
#include "pmf/support.h"

static const double RESIDUAL_LIMIT = 1e-8, BLOCK_LIMIT = 10;
enum { MOST_NAMED = 5 };

void asim_gate_set(struct asim_gate *gate, const char *name, bool pass, double value,
                   double limit, const char *format, ...)
{
    va_list arguments;
    *gate = (struct asim_gate){.pass = pass, .value = value, .limit = limit};
    snprintf(gate->name, sizeof gate->name, "%s", name);
    va_start(arguments, format);
    vsnprintf(gate->sentence, sizeof gate->sentence, format, arguments);
    va_end(arguments);
}

void asim_gate_need(const struct asim_gate_input *input, size_t window, double part)
{
    input->need[window] = fmax(input->need[window], part);
}

/* The lesser of both directions: with unequal sample counts they differ. Of the two
 * alone: where many windows share the same samples, as replicas do, each has only a
 * small part of them. */
static double pair_overlap(const struct asim_gate_input *input, size_t i, size_t j)
{
    size_t count = input->lattice->window_count;
    const double *overlap = input->estimate->pair_overlap;
    return fmin(overlap[i * count + j], overlap[j * count + i]);
}

static void judge_overlap(const struct asim_gate_input *input, struct asim_gate *gate)
{
    size_t count = input->lattice->window_count, failed = 0, used = 0;
    double least = 1;
    char names[160] = "";
    bool ring = input->lattice->periodic && count > 2;
    for (size_t k = 0; k + 1 < count + ring; k++) {
        size_t next = (k + 1) % count;
        double overlap = pair_overlap(input, k, next);
        least = overlap < least ? overlap : least;
        if (overlap >= input->minimum_overlap)
            continue;
        if (failed < MOST_NAMED)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%d-%d",
                                     failed ? ", " : "", input->window_ids[k],
                                     input->window_ids[next]);
        else if (failed == MOST_NAMED)
            snprintf(names + used, sizeof names - used, ", ...");
        failed++;
    }
    if (failed)
        asim_gate_set(gate, "overlap", false, least, input->minimum_overlap,
                      "windows %s hardly overlap: the profile's height across them is "
                      "not known; insert a window between them with a larger force "
                      "constant",
                      names);
    else
        asim_gate_set(gate, "overlap", true, least, input->minimum_overlap,
                      "every window overlaps its neighbours");
}

/* Windows that hang together, as neighbours or not. */
static void judge_connectivity(const struct asim_gate_input *input,
                               struct asim_gate *gate)
{
    size_t segments = input->estimate->segment_count;
    if (segments > 1)
        asim_gate_set(gate, "connectivity", false, (double)segments, 1,
                      "the windows fall into %zu groups without a common stretch: only "
                      "the shape within a group is known, not the groups' relative "
                      "height",
                      segments);
    else
        asim_gate_set(gate, "connectivity", true, 1, 1, "all windows hang together");
}

static void judge_residual(const struct asim_gate_input *input, struct asim_gate *gate)
{
    double residual = input->estimate->residual;
    bool pass = residual <= RESIDUAL_LIMIT;
    asim_gate_set(gate, "convergence", pass, residual, RESIDUAL_LIMIT,
                  pass ? "the MBAR equations hold over the raw samples to %.1e"
                       : "the MBAR equations hold only to %.1e of the samples: windows "
                         "far apart, or samples that do not belong to their bias",
                  residual);
}

static void judge_blocks(const struct asim_gate_input *input, struct asim_gate *gate)
{
    size_t worst = 0;
    double least = INFINITY;
    for (size_t k = 0; k < input->lattice->window_count; k++) {
        const struct asim_lattice_window *window = &input->lattice->windows[k];
        double length = (double)window->count / ((double)window->block_count / 2);
        if (length / window->inefficiency < BLOCK_LIMIT)
            asim_gate_need(input, k,
                           1.1 * BLOCK_LIMIT * window->inefficiency / length - 1);
        if (length / window->inefficiency < least) {
            least = length / window->inefficiency;
            worst = k;
        }
    }
    if (least >= BLOCK_LIMIT)
        asim_gate_set(gate, "block_length", true, least, BLOCK_LIMIT,
                      "blocks are at least %.0f statistical inefficiencies long",
                      least);
    else
        asim_gate_set(gate, "block_length", false, least, BLOCK_LIMIT,
                      "blocks of window %d are only %.1f statistical inefficiencies "
                      "long, so errors may be too small; run it longer or use fewer "
                      "blocks",
                      input->window_ids[worst], least);
}

static void support_sentence(struct asim_gate *gate, const char *unit, double worst_nm,
                             double least, size_t fewest, size_t needed_windows)
{
    if (least >= ASIM_SUPPORT_SAMPLES && fewest >= needed_windows)
        asim_gate_set(gate, "bin_support", true, least, ASIM_SUPPORT_SAMPLES,
                      "every bin of the profile between the outermost centres has at "
                      "least %.0f "
                      "effective samples",
                      least);
    else if (least < ASIM_SUPPORT_SAMPLES)
        asim_gate_set(gate, "bin_support", false, least, ASIM_SUPPORT_SAMPLES,
                      "the bin at %.4g%s has only %.1f effective samples, and %.0f are "
                      "needed; run the windows there longer or add one",
                      worst_nm, unit, least, ASIM_SUPPORT_SAMPLES);
    else
        asim_gate_set(gate, "bin_support", false, least, ASIM_SUPPORT_SAMPLES,
                      "the bin at %.4g%s is sampled by one window alone, so that "
                      "nothing checks it; add a window there",
                      worst_nm, unit);
}

/* Effective samples and windows of every bin between the outermost centres, or all
 * round. */
static int judge_support(const struct asim_gate_input *input, struct asim_gate *gate,
                         struct asim_error *err)
{
    const struct asim_lattice *lattice = input->lattice;
    size_t bins = lattice->bin_count, count = lattice->window_count;
    struct asim_support support = {0};
    if (asim_support_count(lattice, &support, err) < 0)
        return -1;
    double least = INFINITY, worst_nm = lattice->bins_begin_nm, lone_nm = worst_nm;
    size_t fewest = SIZE_MAX, needed = count < 2 ? count : 2;
    bool any = false;
    for (int whole_range = lattice->periodic; whole_range < 2 && !any; whole_range++)
        for (size_t bin = 0; bin < bins; bin++) {
            double x = asim_lattice_bin_nm(lattice, bin);
            if (!whole_range && (x < input->biases[0].centre_nm ||
                                 x > input->biases[count - 1].centre_nm))
                continue;
            any = true;
            if (support.samples[bin] < least) {
                least = support.samples[bin];
                worst_nm = x;
            }
            if (support.windows[bin] < fewest) {
                fewest = support.windows[bin];
                lone_nm = x;
            }
        }
    support_sentence(gate, input->unit,
                     least < ASIM_SUPPORT_SAMPLES ? worst_nm : lone_nm, least, fewest,
                     needed);
    asim_support_finish(&support);
    return 0;
}

int asim_gates_judge(const struct asim_gate_input *input, struct asim_gate *ret_gates,
                     struct asim_error *err)
{
    struct asim_gate gates[ASIM_GATE_COUNT], *gate = gates;
    judge_overlap(input, gate++);
    judge_connectivity(input, gate++);
    judge_residual(input, gate++);
    judge_blocks(input, gate++);
    asim_gate_plateau(input, gate++);
    if (judge_support(input, gate++, err) < 0)
        return -1;
    if (asim_gate_drift(input, gate++, err) < 0 ||
        asim_gate_halves(input, gate++, err) < 0)
        return -1;
    asim_gate_mixing(input, gate++);
    asim_gate_replicas(input, gate++);
    if (asim_gate_consistency(input, gate++, err) < 0 ||
        asim_gate_integration(input, gate++, err) < 0 ||
        asim_gate_repeats(input, gate++, err) < 0)
        return -1;
    for (size_t i = 0; i < ASIM_GATE_COUNT; i++)
        ret_gates[i] = gates[i];
    return 0;
}
