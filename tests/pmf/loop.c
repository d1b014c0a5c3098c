/*
 * The closed loop on windows whose profile is known, many times with different seeds:
 * it must end, and stopping when the band is narrow must not make the band wrong.
 * Arguments: repeats, least share of repeats in which the band holds the whole profile
 * between the outermost centres, in per cent.
 */
#include <stdio.h>

#include "synthetic.h"

enum { WINDOWS = 11, MOST_ROUNDS = 12 };

struct outcome {
    bool reached, held;
    size_t rounds, samples;
    double band_kj_mol;
};

/* Largest |difference| / band over the target's range, mean difference taken out. */
static double worst_ratio(const struct synthetic *s, const struct asim_pmf *pmf)
{
    double width = pmf->x_nm[1] - pmf->x_nm[0], mean = 0, worst = 0;
    for (size_t i = 0; i < pmf->bin_count; i++)
        mean += (pmf->pmf_kj_mol[i] - synthetic_exact_bin(s, pmf->x_nm[i], width)) /
                (double)pmf->bin_count;
    for (size_t i = pmf->first_bin; i <= pmf->last_bin; i++) {
        double exact = synthetic_exact_bin(s, pmf->x_nm[i], width);
        double difference = pmf->pmf_kj_mol[i] - exact - mean;
        worst = fmax(worst, fabs(difference) / pmf->band_kj_mol[i]);
    }
    return worst;
}

static int run_loop(struct synthetic s, double target, struct outcome *ret_outcome)
{
    struct outcome outcome = {0};
    size_t lengths[WINDOWS], reached = 0;
    for (size_t k = 0; k < WINDOWS; k++)
        lengths[k] = s.sample_count;
    while (reached < 2 && outcome.rounds++ < MOST_ROUNDS) {
        struct asim_pmf_options options = ASIM_PMF_OPTIONS_INIT;
        struct asim_pmf pmf = {0};
        struct asim_error err = {0};
        outcome.samples = 0;
        for (size_t k = 0; k < WINDOWS; k++) {
            s.sample_count = lengths[k] > s.sample_count ? lengths[k] : s.sample_count;
            outcome.samples += lengths[k];
        }
        struct asim_pmf_window *windows = synthetic_windows(&s);
        for (size_t k = 0; k < WINDOWS; k++)
            windows[k].count = lengths[k];
        options.temperature_kelvin = s.temperature_kelvin;
        options.thread_count = 1;
        options.target_kj_mol = target;
        int rc = asim_pmf_compute(windows, WINDOWS, &options, &pmf, &err);
        synthetic_free(windows, WINDOWS);
        if (rc < 0) {
            fprintf(stderr, "%s\n", err.text);
            return -1;
        }
        reached = pmf.reached ? reached + 1 : 0;
        outcome.band_kj_mol = pmf.widest_band_kj_mol;
        outcome.held = worst_ratio(&s, &pmf) < 1;
        for (size_t i = 0; i < pmf.advice_count; i++)
            if (pmf.advice[i].kind == ASIM_ADVICE_EXTEND)
                lengths[pmf.advice[i].window_index] += pmf.advice[i].sample_count;
        asim_pmf_finish(&pmf);
    }
    outcome.reached = reached == 2;
    *ret_outcome = outcome;
    return 0;
}

int main(int argument_count, char **arguments)
{
    const double target = 0.3;
    size_t held = 0, ended = 0, rounds = 0, samples = 0;
    if (argument_count != 3) {
        fprintf(stderr, "usage: loop REPEATS LEAST_PERCENT\n");
        return 2;
    }
    size_t repeats = strtoul(arguments[1], NULL, 10);
    for (size_t repeat = 0; repeat < repeats; repeat++) {
        struct synthetic s = synthetic_default();
        struct outcome outcome;
        s.seed = 40000 + repeat;
        s.inefficiency = 9;
        s.sample_count = 6000;
        s.window_count = WINDOWS;
        if (run_loop(s, target, &outcome) < 0)
            return 1;
        ended += outcome.reached && outcome.band_kj_mol <= target;
        held += outcome.held;
        rounds += outcome.rounds;
        samples += outcome.samples;
    }
    double n = (double)repeats, percent = 100 * (double)held / n;
    printf(
        "%zu of %zu loops ended below %.2g kJ/mol, after %.1f rounds and %.0f samples "
        "on average; the band holds the profile in %.1f%%\n",
        ended, repeats, target, (double)rounds / n, (double)samples / n, percent);
    return ended == repeats && percent >= strtod(arguments[2], NULL) ? 0 : 1;
}
