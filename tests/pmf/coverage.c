/*
 * How often the quoted errors hold the exact profile, and how often sound data fail a
 * gate: repeats with fixed seeds, so that the result is the same every time.
 * Arguments: repeats, least and most coverage in per cent.
 */
#include <stdio.h>
#include <string.h>

#include "synthetic.h"

struct tally {
    size_t bins, covered, repeats, bands_held, alarms;
    size_t gate_alarms[16];
    double bootstrap_ratio;
};

/* Every second window has another length, force constant and correlation. */
static struct asim_pmf_window *unequal_windows(const struct synthetic *s)
{
    struct synthetic other = *s;
    other.force_constant_kj_mol_nm2 *= 2;
    other.sample_count = s->sample_count / 3;
    other.inefficiency = 3;
    other.seed += 77777;
    struct asim_pmf_window *windows = synthetic_windows(s);
    struct asim_pmf_window *others = synthetic_windows(&other);
    for (size_t k = 0; k < s->window_count; k += 2) {
        const struct asim_pmf_window kept = windows[k];
        windows[k] = others[k];
        others[k] = kept;
    }
    synthetic_free(others, s->window_count);
    return windows;
}

static int add_repeat(const struct synthetic *s, bool unequal, struct tally *tally,
                      char names[][32])
{
    struct asim_pmf_options options = ASIM_PMF_OPTIONS_INIT;
    struct asim_pmf pmf = {0};
    struct asim_error err = {0};
    struct asim_pmf_window *windows =
        unequal ? unequal_windows(s) : synthetic_windows(s);
    double mean = 0, exact_mean = 0;
    bool held = true;
    options.temperature_kelvin = s->temperature_kelvin;
    options.thread_count = 1;
    int rc = asim_pmf_compute(windows, s->window_count, &options, &pmf, &err);
    synthetic_free(windows, s->window_count);
    if (rc < 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    double width = pmf.x_nm[1] - pmf.x_nm[0], n = (double)pmf.bin_count;
    for (size_t i = 0; i < pmf.bin_count; i++) {
        mean += pmf.pmf_kj_mol[i] / n;
        exact_mean += synthetic_exact_bin(s, pmf.x_nm[i], width) / n;
    }
    for (size_t i = 0; i < pmf.bin_count; i++) {
        double error = fabs(pmf.pmf_kj_mol[i] - mean -
                            synthetic_exact_bin(s, pmf.x_nm[i], width) + exact_mean);
        tally->bins++;
        tally->covered += error < 1.96 * pmf.error_kj_mol[i];
        held = held && error < pmf.band_kj_mol[i];
    }
    tally->repeats++;
    tally->bands_held += held;
    tally->alarms += !pmf.trustworthy;
    for (size_t i = 0; i < pmf.gate_count; i++) {
        tally->gate_alarms[i] += !pmf.gates[i].pass;
        memcpy(names[i], pmf.gates[i].name, sizeof pmf.gates[i].name);
    }
    asim_pmf_finish(&pmf);
    return 0;
}

int main(int argument_count, char **arguments)
{
    static const struct {
        double inefficiency;
        size_t sample_count;
        bool unequal;
    } rows[] = {{1, 600, false},
                {9, 4000, false},
                {99, 40000, false},
                {30, 24000, true},
                {9, 16000, false}};
    int failed = 0;
    if (argument_count != 4) {
        fprintf(stderr, "usage: coverage REPEATS LEAST_PERCENT MOST_PERCENT\n");
        return 2;
    }
    size_t repeats = strtoul(arguments[1], NULL, 10);
    double least = strtod(arguments[2], NULL), most = strtod(arguments[3], NULL);
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct tally tally = {0};
        char names[16][32] = {{0}};
        for (size_t repeat = 0; repeat < repeats; repeat++) {
            struct synthetic s = synthetic_default();
            s.inefficiency = rows[row].inefficiency;
            s.sample_count = rows[row].sample_count;
            s.seed = 1000 * (row + 1) + repeat;
            if (add_repeat(&s, rows[row].unequal, &tally, names) < 0)
                return 1;
        }
        double covered = 100.0 * (double)tally.covered / (double)tally.bins;
        double held = 100.0 * (double)tally.bands_held / (double)tally.repeats;
        double alarms = 100.0 * (double)tally.alarms / (double)tally.repeats;
        printf("g %.0f%s: 95%% intervals hold %.1f%%, bands %.1f%%; gates fail %.1f%%:",
               rows[row].inefficiency, rows[row].unequal ? ", unequal N, k, g" : "",
               covered, held, alarms);
        for (size_t i = 0; i < 16; i++)
            if (tally.gate_alarms[i])
                printf(" %s %zu", names[i], tally.gate_alarms[i]);
        printf("\n");
        if (covered < least || covered > most || held < least - 5) {
            printf("coverage outside %g to %g%%\n", least, most);
            failed = 1;
        }
        /* Only the last row has as many samples as the gates ask for. */
        if (row == sizeof rows / sizeof rows[0] - 1 && alarms > 5) {
            printf("gates fail on sound data in more than 5%%\n");
            failed = 1;
        }
    }
    return failed;
}
