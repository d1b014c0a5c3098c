/* Which range the profile has, and what is left out at its ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "synthetic.h"

static struct asim_pmf_options options_at(double temperature_kelvin)
{
    struct asim_pmf_options options = ASIM_PMF_OPTIONS_INIT;
    options.temperature_kelvin = temperature_kelvin;
    options.thread_count = 1;
    return options;
}

static struct asim_pmf compute(const struct asim_pmf_window *windows, size_t count,
                               const struct asim_pmf_options *options)
{
    struct asim_pmf pmf = {0};
    struct asim_error err = {0};
    struct asim_pmf_options defaults = options_at(300);
    if (asim_pmf_compute(windows, count, options ? options : &defaults, &pmf, &err) < 0)
        fail_msg("%s", err.text);
    return pmf;
}

static bool passes(const struct asim_pmf *pmf, const char *name)
{
    for (size_t i = 0; i < pmf->gate_count; i++)
        if (strcmp(pmf->gates[i].name, name) == 0)
            return pmf->gates[i].pass;
    fail_msg("no gate '%s'", name);
    return false;
}

/* Every bin between the outermost centres is there, and what they lack is said. */
static void assert_whole_but_poor(const struct asim_pmf *pmf)
{
    double width = pmf->x_nm[1] - pmf->x_nm[0];
    double first = pmf->window_bias[0].centre_nm;
    double last = pmf->window_bias[pmf->window_count - 1].centre_nm;
    assert_true(pmf->x_nm[0] < first + width);
    assert_true(pmf->x_nm[pmf->bin_count - 1] > last - width);
    assert_false(passes(pmf, "bin_support"));
    assert_null(strstr(pmf->verdict, "walls"));
}

/* Bins beyond the outermost centres that hardly a sample reaches are left out, and the
 * others keep their places and, but for the offset, their values. */
static void test_trims_default_ends(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.sample_count = 1200;
    double first = s.first_centre_nm, sigma = sqrt(synthetic_kt(&s) / 2000);
    double last = first + (double)(s.window_count - 1) * s.spacing_nm;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf_options options = options_at(300);
    struct asim_pmf pmf = compute(windows, s.window_count, &options);
    options.begin_nm = first - sigma;
    options.end_nm = last + sigma;
    struct asim_pmf whole = compute(windows, s.window_count, &options);
    assert_true(pmf.bin_count < whole.bin_count);
    assert_true(pmf.x_nm[0] < first && pmf.x_nm[pmf.bin_count - 1] > last);
    assert_non_null(strstr(pmf.verdict, "effective samples, are left out"));
    assert_null(strstr(whole.verdict, "left out"));
    size_t skipped = 0;
    while (fabs(whole.x_nm[skipped] - pmf.x_nm[0]) > 1e-6)
        assert_true(++skipped < whole.bin_count);
    assert_true(skipped > 0);
    double offset = pmf.pmf_kj_mol[0] - whole.pmf_kj_mol[skipped];
    for (size_t i = 0; i < pmf.bin_count; i++) {
        double x = whole.x_nm[skipped + i], f = whole.pmf_kj_mol[skipped + i];
        assert_true(fabs(pmf.x_nm[i] - x) < 1e-12);
        assert_true(fabs(pmf.pmf_kj_mol[i] - f - offset) < 1e-12);
        assert_true(pmf.error_kj_mol[i] < 0.6);
    }
    for (size_t i = 0; i < skipped; i++)
        assert_true(whole.error_kj_mol[i] > pmf.error_kj_mol[0]);
    asim_pmf_finish(&pmf);
    asim_pmf_finish(&whole);
    synthetic_free(windows, s.window_count);
}

/* Sound windows in a steep well whose outermost centres their samples hardly reach: the
 * profile ends where the samples do, and is sound. */
static void test_walls(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.inefficiency = 5;
    s.sample_count = 12000;
    s.curvature_kj_mol_nm2 = 1500;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf pmf = compute(windows, s.window_count, NULL);
    if (!pmf.trustworthy)
        fail_msg("%s", pmf.verdict);
    assert_true(pmf.x_nm[0] > s.first_centre_nm);
    assert_true(pmf.x_nm[0] < pmf.mean_nm[0]);
    assert_non_null(strstr(pmf.verdict, "between the outermost centres, at walls"));
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

/* Walks that no bias holds: where they went on average says nothing of a wall, not even
 * where another window has samples enough there. */
static void test_windows_that_wander(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.window_count = 3;
    s.spacing_nm = 0.25;
    for (size_t wandering = 1; wandering <= s.window_count; wandering += 2) {
        struct asim_pmf_window *windows = synthetic_windows(&s);
        for (size_t k = 0; k < wandering; k++)
            for (size_t i = 0; i < s.sample_count; i++)
                synthetic_values(&windows[k])[i] =
                    0.02 * (double)k + 0.1 * (double)i / (double)s.sample_count +
                    0.01 * sin((double)(i * (k + 1)));
        struct asim_pmf pmf = compute(windows, s.window_count, NULL);
        assert_whole_but_poor(&pmf);
        asim_pmf_finish(&pmf);
        synthetic_free(windows, s.window_count);
    }
}

/* At a wall, but with so few samples that only windows farther in have enough: the
 * stretch up to those could have been sampled. */
static void test_short_windows_at_a_wall(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.curvature_kj_mol_nm2 = 1500;
    s.sample_count = 20000;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    for (size_t k = 0; k < 4; k++)
        windows[k].count = 70;
    struct asim_pmf pmf = compute(windows, s.window_count, NULL);
    assert_true(pmf.x_nm[0] < s.first_centre_nm + pmf.x_nm[1] - pmf.x_nm[0]);
    assert_true(pmf.x_nm[pmf.bin_count - 1] < -s.first_centre_nm);
    assert_false(passes(&pmf, "bin_support"));
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

/* Windows with samples enough, all of which sit far from most centres: they are not
 * held back by walls, they are somewhere else. */
static void test_windows_elsewhere(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.curvature_kj_mol_nm2 = 20000;
    s.sample_count = 20000;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf pmf = compute(windows, s.window_count, NULL);
    assert_whole_but_poor(&pmf);
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

/* However few its samples are, a window alone gives more than one bin. */
static void test_short_window_alone(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.window_count = 1;
    s.first_centre_nm = 0;
    for (s.sample_count = 1; s.sample_count < 2000; s.sample_count += 7) {
        struct asim_pmf_window *windows = synthetic_windows(&s);
        struct asim_pmf pmf = compute(windows, s.window_count, NULL);
        if (pmf.bin_count < 2)
            fail_msg("%zu bin of %zu samples", pmf.bin_count, s.sample_count);
        asim_pmf_finish(&pmf);
        synthetic_free(windows, s.window_count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trims_default_ends),
        cmocka_unit_test(test_walls),
        cmocka_unit_test(test_windows_that_wander),
        cmocka_unit_test(test_short_windows_at_a_wall),
        cmocka_unit_test(test_windows_elsewhere),
        cmocka_unit_test(test_short_window_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
