/* When not to believe a profile along a coordinate that no bias holds. */
#include "pmf/along.h"

#include <math.h>

#include "pmf/gate_tests.h"
#include "samples/drift.h"

static const double BLOCK_LIMIT = 10, HALVES_LIMIT = 2, MIXING_LIMIT = 1.05,
                    AGREEMENT_LEVEL = 0.01;

/* The biased profile, whose free energies are the weights. */
static void judge_windows(const struct asim_pmf *profile, struct asim_gate *gate)
{
    size_t failed = 0;
    for (size_t i = 0; i < profile->gate_count; i++)
        failed += !profile->gates[i].pass;
    if (failed == 0)
        asim_gate_set(gate, "windows", true, 0, 0,
                      "the profile along the biased coordinate passed every check");
    else
        asim_gate_set(gate, "windows", false, (double)failed, 0,
                      "%zu checks of the profile along the biased coordinate failed, "
                      "and its free energies are the weights here",
                      failed);
}

static void judge_blocks(const struct asim_along_samples *samples,
                         const struct asim_pmf_companion *companions,
                         const int *window_ids, struct asim_gate *gate)
{
    const struct asim_lattice *lattice = &samples->problem->lattice;
    double least = INFINITY;
    size_t worst = 0;
    for (size_t k = 0; k < lattice->window_count; k++) {
        /* The bootstrap's blocks are pairs of the short ones. */
        double blocks = (double)lattice->windows[k].block_count / 2;
        double length = (double)companions[k].count / blocks / samples->inefficiency[k];
        if (companions[k].count > 0 && length < least) {
            least = length;
            worst = k;
        }
    }
    if (least >= BLOCK_LIMIT)
        asim_gate_set(gate, "block_length", true, least, BLOCK_LIMIT,
                      "blocks are at least %.0f statistical inefficiencies of the "
                      "other coordinate long",
                      least);
    else
        asim_gate_set(gate, "block_length", false, least, BLOCK_LIMIT,
                      "blocks of window %d are only %.1f statistical inefficiencies of "
                      "the other coordinate long, so errors may be too small; run it "
                      "longer",
                      window_ids[worst], least);
}

static void judge_mixing(const struct asim_along_samples *samples,
                         const struct asim_pmf_companion *companions,
                         const int *window_ids, struct asim_gate *gate)
{
    double largest = 1;
    size_t worst = 0;
    for (size_t k = 0; k < samples->problem->window_count; k++) {
        double reduction =
            asim_split_reduction(companions[k].value, companions[k].count);
        if (reduction > largest) {
            largest = reduction;
            worst = k;
        }
    }
    if (largest < MIXING_LIMIT)
        asim_gate_set(gate, "mixing", true, largest, MIXING_LIMIT,
                      "first and second halves of every window have the same spread "
                      "of the other coordinate");
    else
        asim_gate_set(gate, "mixing", false, largest, MIXING_LIMIT,
                      "in window %d the other coordinate is elsewhere in the second "
                      "half than in the first (split R-hat %.2f): it moves more slowly "
                      "than the window was run",
                      window_ids[worst], largest);
}

static void judge_halves(const struct asim_along_repeats *repeats,
                         struct asim_gate *gate)
{
    bool pass = repeats->halves < HALVES_LIMIT;
    asim_gate_set(gate, "halves", pass, repeats->halves, HALVES_LIMIT,
                  pass ? "first and second halves of the runs give profiles that "
                         "differ by %.2f standard errors (rms)"
                       : "first and second halves of the runs give profiles that "
                         "differ by %.1f standard errors (rms): the runs still change",
                  repeats->halves);
}

/* At one x, the other coordinate must be spread alike in all windows that get there:
 * where it is not, it remembers where the window began. */
static void judge_agreement(const struct asim_along_samples *samples,
                            const struct asim_along_repeats *repeats,
                            const int *window_ids, struct asim_gate *gate)
{
    const struct asim_lattice *lattice = &samples->problem->lattice;
    double least = 1, limit = AGREEMENT_LEVEL / (double)lattice->window_count;
    size_t worst = 0, failed = 0;
    for (size_t k = 0; k < lattice->window_count; k++) {
        double blocks = (double)lattice->windows[k].block_count / 2;
        if (isnan(repeats->disagreement[k]) || blocks < 2)
            continue;
        double p = asim_student_p_value(repeats->disagreement[k], blocks - 1);
        failed += p < limit;
        if (p < least) {
            least = p;
            worst = k;
        }
    }
    if (failed == 0)
        asim_gate_set(gate, "agreement", true, least, limit,
                      "windows agree on the other coordinate where they overlap");
    else
        asim_gate_set(gate, "agreement", false, least, limit,
                      "%zu window%s, first of all %d, %s another mean of the other "
                      "coordinate than the neighbours say: it remembers where the "
                      "window began",
                      failed, failed == 1 ? "" : "s", window_ids[worst],
                      failed == 1 ? "has" : "have");
}

static void judge_support(const struct asim_along_samples *samples,
                          struct asim_gate *gate)
{
    double least = INFINITY, worst = 0;
    for (size_t bin = 0; bin < samples->y_count; bin++)
        if (samples->bin_effective[bin] < least) {
            least = samples->bin_effective[bin];
            worst = samples->y_begin + ((double)bin + 0.5) * samples->y_width;
        }
    if (least >= ASIM_ALONG_LEAST)
        asim_gate_set(gate, "bin_support", true, least, ASIM_ALONG_LEAST,
                      "every bin has at least %.0f effective samples", floor(least));
    else
        asim_gate_set(gate, "bin_support", false, least, ASIM_ALONG_LEAST,
                      "the bin at %.4g has only %.1f effective samples, and %.0f are "
                      "needed: windows pass there too rarely to know its height",
                      worst, least, ASIM_ALONG_LEAST);
}

void asim_along_judge(const struct asim_along_samples *samples,
                      const struct asim_along_repeats *repeats,
                      const struct asim_pmf_companion *companions,
                      const struct asim_pmf *profile, struct asim_gate *ret_gates)
{
    const int *ids = profile->window_ids;
    judge_windows(profile, &ret_gates[0]);
    judge_agreement(samples, repeats, ids, &ret_gates[1]);
    judge_mixing(samples, companions, ids, &ret_gates[2]);
    judge_halves(repeats, &ret_gates[3]);
    judge_blocks(samples, companions, ids, &ret_gates[4]);
    judge_support(samples, &ret_gates[5]);
}
