/* What to simulate next: allocation, insertion, and the loop on windows whose profile
 * is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pmf/advice.h"
#include "synthetic.h"

/* Least samples for one bin of variance sum V_k N_k / (N_k + n_k): totals go as
 * sqrt(V_k N_k), by Lagrange's rule; only windows above their optimum get none. */
static void test_allocation(void **state)
{
    (void)state;
    const double variance[] = {4, 1, 1, 0.01}, count[] = {100, 100, 400, 100};
    double more[4];
    double band = asim_advice_allocate(variance, count, 4, 1, 1.2, 1e9, 1e12, more);
    assert_true(band <= 1.2 && band > 1.15);
    assert_true(more[3] == 0);
    double rates[3];
    for (size_t k = 0; k < 3; k++)
        rates[k] = variance[k] * count[k] / pow(count[k] + more[k], 2);
    for (size_t k = 1; k < 3; k++)
        if (more[k] > 0 && !(fabs(rates[k] / rates[0] - 1) < 0.25))
            fail_msg("window %zu: rate %g, first %g", k, rates[k], rates[0]);
    /* The budget and the growth hold. */
    asim_advice_allocate(variance, count, 4, 1, 0.1, 1, 150, more);
    double sum = 0;
    for (size_t k = 0; k < 4; k++) {
        assert_true(more[k] <= count[k] * (1 + 1e-9));
        sum += more[k];
    }
    assert_true(sum <= 150 && sum > 100);
}

static struct asim_pmf_options wish(double target)
{
    struct asim_pmf_options options = ASIM_PMF_OPTIONS_INIT;
    options.temperature_kelvin = 300;
    options.thread_count = 1;
    options.target_kj_mol = target;
    return options;
}

static struct asim_pmf compute(const struct asim_pmf_window *windows, size_t count,
                               const struct asim_pmf_options *options)
{
    struct asim_pmf pmf = {0};
    struct asim_error err = {0};
    if (asim_pmf_compute(windows, count, options, &pmf, &err) < 0)
        fail_msg("%s", err.text);
    return pmf;
}

/* A gap of three windows asks for about three new ones, where they were. */
static void test_gap_is_bridged(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    struct asim_pmf_window *windows = synthetic_windows(&s), cut[8];
    struct asim_pmf_options options = wish(0.3);
    for (size_t k = 0; k < 4; k++) {
        cut[k] = windows[k];
        cut[4 + k] = windows[7 + k];
    }
    struct asim_pmf pmf = compute(cut, 8, &options);
    assert_false(pmf.reached);
    assert_true(pmf.advice_count >= 2 && pmf.advice_count <= 5);
    for (size_t i = 0; i < pmf.advice_count; i++) {
        const struct asim_advice *advice = &pmf.advice[i];
        assert_int_equal(advice->kind, ASIM_ADVICE_INSERT);
        assert_int_equal(advice->window_index, 3);
        assert_true(advice->bias.centre_nm > -0.1 && advice->bias.centre_nm < 0.1);
        assert_int_equal(advice->sample_count, s.sample_count);
        assert_non_null(strstr(advice->reason, "overlap"));
    }
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

/* A near gap: one window in its middle with four times the force constant. */
static void test_near_gap_is_bridged(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.window_count = 2;
    s.curvature_kj_mol_nm2 = 0;
    s.spacing_nm = 4.6 * sqrt(synthetic_kt(&s) / 2000);
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf_options options = wish(0.3);
    struct asim_pmf pmf = compute(windows, 2, &options);
    assert_true(pmf.advice_count >= 1 && pmf.advice_count <= 3);
    assert_int_equal(pmf.advice[0].kind, ASIM_ADVICE_INSERT);
    asim_pmf_finish(&pmf);
    synthetic_free(windows, 2);
}

/* One window with slow samples gets nearly all of the extension. */
static void test_slow_window_is_extended(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default(), slow = s;
    s.sample_count = slow.sample_count = 20000;
    slow.inefficiency = 40;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf_window *others = synthetic_windows(&slow);
    const struct asim_pmf_window fast = windows[4];
    windows[4] = others[4];
    struct asim_pmf_options options = wish(1e-9);
    struct asim_pmf pmf = compute(windows, s.window_count, &options);
    options.target_kj_mol = 0.85 * pmf.widest_band_kj_mol;
    asim_pmf_finish(&pmf);
    pmf = compute(windows, s.window_count, &options);
    size_t all = 0, of_slow = 0;
    for (size_t i = 0; i < pmf.advice_count; i++) {
        assert_int_equal(pmf.advice[i].kind, ASIM_ADVICE_EXTEND);
        all += pmf.advice[i].sample_count;
        if (pmf.advice[i].window_index == 4)
            of_slow += pmf.advice[i].sample_count;
    }
    if (!(of_slow > 0 && (double)of_slow > 0.7 * (double)all))
        fail_msg("%zu of %zu samples to the slow window", of_slow, all);
    assert_true(pmf.advice[0].predicted_band_kj_mol < options.target_kj_mol);
    /* The budget is kept. */
    options.most_samples = 300;
    asim_pmf_finish(&pmf);
    pmf = compute(windows, s.window_count, &options);
    all = 0;
    for (size_t i = 0; i < pmf.advice_count; i++)
        all += pmf.advice[i].sample_count;
    assert_true(all <= 300);
    asim_pmf_finish(&pmf);
    windows[4] = fast;
    synthetic_free(windows, s.window_count);
    synthetic_free(others, s.window_count);
}

/* The loop, with samples that a generator makes: it ends, its band is below the target,
 * and it spends about what the square law asks for. */
static void test_loop(void **state)
{
    (void)state;
    enum { MOST_ROUNDS = 12 };
    struct synthetic s = synthetic_default();
    size_t lengths[11], rounds = 0, total = 0;
    int reached = 0;
    const double target = 0.25;
    double first_band = 0;
    s.inefficiency = 9;
    for (size_t k = 0; k < 11; k++)
        lengths[k] = 6000;
    for (; rounds < MOST_ROUNDS && reached < 2; rounds++) {
        struct synthetic longest = s;
        longest.sample_count = 0;
        for (size_t k = 0; k < 11; k++)
            longest.sample_count =
                lengths[k] > longest.sample_count ? lengths[k] : longest.sample_count;
        struct asim_pmf_window *windows = synthetic_windows(&longest);
        total = 0;
        for (size_t k = 0; k < 11; k++) {
            windows[k].count = lengths[k];
            total += lengths[k];
        }
        struct asim_pmf_options options = wish(target);
        struct asim_pmf pmf = compute(windows, 11, &options);
        first_band = rounds == 0 ? pmf.widest_band_kj_mol : first_band;
        reached = pmf.reached ? reached + 1 : 0;
        assert_true(pmf.advice_count > 0);
        for (size_t i = 0; i < pmf.advice_count && reached < 2; i++) {
            assert_int_equal(pmf.advice[i].kind, ASIM_ADVICE_EXTEND);
            lengths[pmf.advice[i].window_index] += pmf.advice[i].sample_count;
        }
        if (reached == 2)
            assert_true(pmf.widest_band_kj_mol <= target && pmf.trustworthy);
        asim_pmf_finish(&pmf);
        synthetic_free(windows, 11);
    }
    assert_int_equal(reached, 2);
    double law = 11 * 6000 * pow(first_band / target, 2);
    if (!((double)total < 1.6 * law))
        fail_msg("%zu samples in %zu rounds, the square law says %g", total, rounds,
                 law);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocation),
        cmocka_unit_test(test_gap_is_bridged),
        cmocka_unit_test(test_near_gap_is_bridged),
        cmocka_unit_test(test_slow_window_is_extended),
        cmocka_unit_test(test_loop),
    };
    return cmocka_run_group_tests_name("pmf advice", tests, NULL, NULL);
}
