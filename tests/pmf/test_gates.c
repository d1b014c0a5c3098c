/* Every gate on data that break what it stands for, and on sound data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "synthetic.h"

static struct synthetic sound(void)
{
    struct synthetic s = synthetic_default();
    s.inefficiency = 5;
    s.sample_count = 12000;
    return s;
}

static struct asim_pmf compute(const struct asim_pmf_window *windows, size_t count,
                               double temperature_kelvin)
{
    struct asim_pmf pmf = {0};
    struct asim_error err = {0};
    struct asim_pmf_options options = ASIM_PMF_OPTIONS_INIT;
    options.temperature_kelvin = temperature_kelvin;
    options.thread_count = 2;
    if (asim_pmf_compute(windows, count, &options, &pmf, &err) < 0)
        fail_msg("%s", err.text);
    return pmf;
}

static const struct asim_gate *gate(const struct asim_pmf *pmf, const char *name)
{
    for (size_t i = 0; i < pmf->gate_count; i++)
        if (strcmp(pmf->gates[i].name, name) == 0)
            return &pmf->gates[i];
    fail_msg("no gate '%s'", name);
    return NULL;
}

/* The profile of these windows must fail gate `name`. */
static void assert_fails(struct asim_pmf_window *windows, size_t count,
                         double temperature_kelvin, const char *name)
{
    struct asim_pmf pmf = compute(windows, count, temperature_kelvin);
    if (gate(&pmf, name)->pass)
        fail_msg("gate '%s' passes, value %g, limit %g", name, gate(&pmf, name)->value,
                 gate(&pmf, name)->limit);
    assert_false(pmf.trustworthy);
    assert_true(strlen(gate(&pmf, name)->sentence) > 20);
    asim_pmf_finish(&pmf);
}

static void test_sound(void **state)
{
    (void)state;
    struct synthetic s = sound();
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf pmf = compute(windows, s.window_count, 300);
    for (size_t i = 0; i < pmf.gate_count; i++)
        if (!pmf.gates[i].pass)
            fail_msg("%s: %s", pmf.gates[i].name, pmf.gates[i].sentence);
    assert_true(pmf.trustworthy && pmf.connected);
    assert_non_null(strstr(pmf.verdict, "can be trusted"));
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

/* A window alone agrees with all windows but for rounding, which is no deviation. */
static void test_one_window(void **state)
{
    (void)state;
    struct synthetic s = sound();
    s.window_count = 1;
    for (s.seed = 1; s.seed <= 5; s.seed++) {
        struct asim_pmf_window *windows = synthetic_windows(&s);
        struct asim_pmf pmf = compute(windows, 1, 300);
        if (!pmf.trustworthy)
            fail_msg("seed %llu: %s", s.seed, pmf.verdict);
        asim_pmf_finish(&pmf);
        synthetic_free(windows, 1);
    }
}

/* On sound data test statistics follow their distributions: not only do the gates pass,
 * they would not pass anything. Means over 100 seeds. */
static void test_statistics_are_calibrated(void **state)
{
    (void)state;
    enum { REPEATS = 100 };
    double halves = 0, consistency = 0, drift = 0;
    for (size_t repeat = 0; repeat < REPEATS; repeat++) {
        struct synthetic s = synthetic_default();
        s.seed = 5000 + repeat;
        s.sample_count = 1500;
        struct asim_pmf_window *windows = synthetic_windows(&s);
        struct asim_pmf pmf = compute(windows, s.window_count, 300);
        halves += pow(gate(&pmf, "halves")->value, 2) / REPEATS;
        consistency += gate(&pmf, "consistency")->value / REPEATS;
        drift += pow(1 - gate(&pmf, "drift")->value, 11) / REPEATS;
        asim_pmf_finish(&pmf);
        synthetic_free(windows, s.window_count);
    }
    /* A mean of squared deviates is 1. The largest of 22 normal deviates is 2.2 on
     * average (a little more with estimated errors). The least of 11 p-values p is
     * uniform as (1-p)^11, whose mean is 0.5. */
    if (!(halves > 0.75 && halves < 1.25 && consistency > 2 && consistency < 2.5 &&
          drift > 0.42 && drift < 0.58))
        fail_msg("halves %g, consistency %g, drift %g", halves, consistency, drift);
}

static void test_gap(void **state)
{
    (void)state;
    struct synthetic s = sound();
    struct asim_pmf_window *windows = synthetic_windows(&s), cut[8];
    for (size_t k = 0; k < 4; k++) {
        cut[k] = windows[k];
        cut[4 + k] = windows[7 + k];
    }
    struct asim_pmf pmf = compute(cut, 8, 300);
    assert_false(pmf.connected);
    assert_false(gate(&pmf, "overlap")->pass);
    assert_false(gate(&pmf, "connectivity")->pass);
    assert_true(gate(&pmf, "connectivity")->value == 2);
    assert_non_null(strstr(gate(&pmf, "overlap")->sentence, "windows 3-4 hardly"));
    assert_non_null(strstr(pmf.verdict, "segments"));
    /* Two segments, each with a zero of its own, known at least as well as before. */
    assert_int_equal(pmf.segment_count, 2);
    size_t zeros[2] = {0};
    for (size_t bin = 0; bin < pmf.bin_count; bin++) {
        if (fabs(pmf.x_nm[bin]) > 1e-9)
            assert_int_equal(pmf.segment[bin], pmf.x_nm[bin] > 0);
        zeros[pmf.segment[bin]] += pmf.pmf_kj_mol[bin] == 0;
        if (isfinite(pmf.error_kj_mol[bin]) && fabs(pmf.x_nm[bin]) > 0.1)
            assert_true(pmf.error_kj_mol[bin] < 0.5);
    }
    assert_true(zeros[0] == 1 && zeros[1] == 1);
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

/* Neighbours d widths apart overlap by the integral of p1 p2 / (p1 + p2): 0.0254 at
 * d = 4.25, 0.0335 at d = 4.02 (two unit normal densities, by the trapezoid rule). */
static void test_near_gap(void **state)
{
    (void)state;
    static const struct {
        double widths, overlap;
    } rows[] = {{4.02, 0.033503}, {4.25, 0.025410}};
    for (size_t i = 0; i < 2; i++) {
        struct synthetic s = sound();
        s.curvature_kj_mol_nm2 = 0;
        s.sample_count = 60000;
        s.spacing_nm = rows[i].widths * sqrt(synthetic_kt(&s) / 2000);
        s.window_count = 2;
        struct asim_pmf_window *windows = synthetic_windows(&s);
        struct asim_pmf pmf = compute(windows, 2, 300);
        assert_true(fabs(gate(&pmf, "overlap")->value / rows[i].overlap - 1) < 0.05);
        assert_int_equal(pmf.connected, rows[i].overlap >= 0.03);
        /* Close to a centre the other window has no effective sample. */
        assert_false(gate(&pmf, "bin_support")->pass);
        assert_non_null(
            strstr(gate(&pmf, "bin_support")->sentence, "one window alone"));
        asim_pmf_finish(&pmf);
        synthetic_free(windows, s.window_count);
    }
}

/* Many windows on the same stretch have a small part of its samples each, and overlap
 * all the same: 60 windows a tenth of a width apart, whose neighbours share (1 -
 * 1e-3)/2 of what they have. */
static void test_dense(void **state)
{
    (void)state;
    struct synthetic s = sound();
    s.window_count = 60;
    s.sample_count = 2000;
    s.inefficiency = 1;
    s.spacing_nm = 0.1 * sqrt(synthetic_kt(&s) / 2200);
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf pmf = compute(windows, s.window_count, 300);
    assert_true(pmf.connected && gate(&pmf, "overlap")->pass);
    assert_true(pmf.overlap[30 * 60 + 31] < 0.03);
    assert_true(fabs(gate(&pmf, "overlap")->value - 0.5) < 0.01);
    for (size_t k = 0; k + 1 < 60; k++)
        assert_true(fabs(pmf.neighbour_overlap[k] - 0.5) < 0.01);
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

static void test_drift(void **state)
{
    (void)state;
    struct synthetic s = sound();
    struct asim_pmf_window *windows = synthetic_windows(&s);
    /* One window starts half its width away and relaxes over a tenth of the run. */
    double *values = synthetic_values(&windows[6]);
    for (size_t i = 0; i < s.sample_count; i++)
        values[i] += 0.02 * exp(-(double)i / (0.1 * (double)s.sample_count));
    assert_fails(windows, s.window_count, 300, "drift");
    synthetic_free(windows, s.window_count);
}

static void test_halves(void **state)
{
    (void)state;
    struct synthetic s = sound();
    struct asim_pmf_window *windows = synthetic_windows(&s);
    /* All windows move together: none disagrees with the others at any one time. */
    for (size_t k = 0; k < s.window_count; k++)
        for (size_t i = s.sample_count / 2; i < s.sample_count; i++)
            synthetic_values(&windows[k])[i] += 0.006;
    assert_fails(windows, s.window_count, 300, "halves");
    synthetic_free(windows, s.window_count);
}

/* Hysteresis: one window is stuck on one side. */
static void test_consistency(void **state)
{
    (void)state;
    struct synthetic s = sound();
    struct asim_pmf_window *windows = synthetic_windows(&s);
    for (size_t i = 0; i < s.sample_count; i++)
        synthetic_values(&windows[5])[i] += 0.008;
    assert_fails(windows, s.window_count, 300, "consistency");
    synthetic_free(windows, s.window_count);
}

static void test_wrong_temperature(void **state)
{
    (void)state;
    struct synthetic s = sound();
    s.sample_count = 50000;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    assert_fails(windows, s.window_count, 340, "consistency");
    assert_fails(windows, s.window_count, 265, "consistency");
    synthetic_free(windows, s.window_count);
}

static void test_wrong_force_constant(void **state)
{
    (void)state;
    struct synthetic s = sound();
    struct asim_pmf_window *windows = synthetic_windows(&s);
    windows[4].bias.force_constant_kj_mol_nm2 *= 1.3;
    assert_fails(windows, s.window_count, 300, "consistency");
    synthetic_free(windows, s.window_count);
}

static void test_too_few_samples(void **state)
{
    (void)state;
    struct synthetic s = sound();
    s.sample_count = 800; /* blocks of 25 samples at g = 5 */
    struct asim_pmf_window *windows = synthetic_windows(&s);
    assert_fails(windows, s.window_count, 300, "block_length");
    assert_fails(windows, s.window_count, 300, "bin_support");
    synthetic_free(windows, s.window_count);
}

/* Rows of a restart that were not taken out: every sample of a stretch repeated makes
 * the correlation longer, and is seen where blocks get short. */
static void test_repeated_samples(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.sample_count = 640;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf pmf = compute(windows, s.window_count, 300);
    assert_true(gate(&pmf, "block_length")->pass);
    asim_pmf_finish(&pmf);
    for (size_t i = s.sample_count; i-- > 0;)
        synthetic_values(&windows[3])[i] = synthetic_values(&windows[3])[i / 2];
    assert_fails(windows, s.window_count, 300, "block_length");
    synthetic_free(windows, s.window_count);
}

/* The same stretch of rows under other times. */
static void test_repeats(void **state)
{
    (void)state;
    struct synthetic s = sound();
    struct asim_pmf_window *windows = synthetic_windows(&s);
    double *values = synthetic_values(&windows[3]);
    memcpy(values + 7001, values + 5000, 300 * sizeof *values);
    struct asim_pmf pmf = compute(windows, s.window_count, 300);
    assert_false(gate(&pmf, "repeats")->pass);
    assert_true(fabs(gate(&pmf, "repeats")->value - 300.0 / 12000) < 0.004);
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

/* Correlation as long as blocks: errors grow with the blocks. */
static void test_plateau(void **state)
{
    (void)state;
    struct synthetic s = sound();
    s.inefficiency = 400;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    assert_fails(windows, s.window_count, 300, "plateau");
    synthetic_free(windows, s.window_count);
}

/* A window that changes once, half way, between two places close to each other. */
static void test_mixing(void **state)
{
    (void)state;
    struct synthetic s = sound();
    struct asim_pmf_window *windows = synthetic_windows(&s);
    for (size_t i = 0; i < s.sample_count; i++)
        synthetic_values(&windows[2])[i] += i < s.sample_count / 2 ? 0.01 : -0.01;
    assert_fails(windows, s.window_count, 300, "mixing");
    synthetic_free(windows, s.window_count);
}

/* A window run from either side, which remembers where it came from; and one that does
 * not. */
static void test_replicas(void **state)
{
    (void)state;
    for (int shifted = 0; shifted < 2; shifted++) {
        struct synthetic s = sound(), again = s;
        again.seed = 99;
        struct asim_pmf_window *windows = synthetic_windows(&s), all[12];
        struct asim_pmf_window *more = synthetic_windows(&again);
        for (size_t k = 0; k < 12; k++)
            all[k] = windows[k > 5 ? k - 1 : k];
        all[6] = more[5];
        for (size_t i = 0; i < s.sample_count; i++)
            synthetic_values(&more[5])[i] += shifted * 0.008;
        struct asim_pmf pmf = compute(all, 12, 300);
        assert_int_equal(gate(&pmf, "replicas")->pass, !shifted);
        asim_pmf_finish(&pmf);
        synthetic_free(windows, s.window_count);
        synthetic_free(more, s.window_count);
    }
}

static void test_integration(void **state)
{
    (void)state;
    struct synthetic s = sound();
    struct asim_pmf_window *windows = synthetic_windows(&s);
    for (size_t i = 0; i < s.sample_count; i++)
        synthetic_values(&windows[5])[i] += 0.015;
    assert_fails(windows, s.window_count, 300, "integration");
    synthetic_free(windows, s.window_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_one_window),
        cmocka_unit_test(test_statistics_are_calibrated),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_near_gap),
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_consistency),
        cmocka_unit_test(test_wrong_temperature),
        cmocka_unit_test(test_wrong_force_constant),
        cmocka_unit_test(test_too_few_samples),
        cmocka_unit_test(test_repeated_samples),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_plateau),
        cmocka_unit_test(test_mixing),
        cmocka_unit_test(test_replicas),
        cmocka_unit_test(test_integration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
