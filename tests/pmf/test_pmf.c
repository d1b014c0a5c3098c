/* The profile as a whole: right, certified, reproducible, and safe on bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "synthetic.h"

static struct asim_pmf_options options_at(double temperature_kelvin)
{
    struct asim_pmf_options options = ASIM_PMF_OPTIONS_INIT;
    options.temperature_kelvin = temperature_kelvin;
    options.thread_count = 1;
    return options;
}

static struct asim_pmf compute(const struct synthetic *s,
                               const struct asim_pmf_window *windows,
                               const struct asim_pmf_options *options)
{
    struct asim_pmf pmf = {0};
    struct asim_error err = {0};
    if (asim_pmf_compute(windows, s->window_count, options, &pmf, &err) < 0)
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

static void test_gaussian(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf_options options = options_at(300);
    struct asim_pmf pmf = compute(&s, windows, &options);
    double kappa = s.curvature_kj_mol_nm2, k = s.force_constant_kj_mol_nm2;
    double mean = 0, exact_mean = 0, z_square = 0;
    assert_true(pmf.residual <= 1e-10);
    assert_true(pmf.trustworthy && pmf.connected);
    assert_true(pmf.f_k_kj_mol[0] == 0);
    for (size_t w = 0; w < s.window_count; w++) {
        double c0 = windows[0].bias.centre_nm, c = windows[w].bias.centre_nm;
        double exact = kappa * k * (c * c - c0 * c0) / (2 * (kappa + k)), row = 0;
        assert_true(fabs(pmf.f_k_kj_mol[w] - exact) < 0.35);
        for (size_t j = 0; j < s.window_count; j++)
            row += pmf.overlap[w * s.window_count + j];
        assert_true(fabs(row - 1) < 1e-9);
        assert_true(pmf.inefficiency[w] < 1.3);
    }
    for (size_t i = 0; i < pmf.bin_count; i++) {
        mean += pmf.pmf_kj_mol[i] / (double)pmf.bin_count;
        exact_mean += 0.5 * kappa * pmf.x_nm[i] * pmf.x_nm[i] / (double)pmf.bin_count;
    }
    for (size_t i = 0; i < pmf.bin_count; i++) {
        double exact = 0.5 * kappa * pmf.x_nm[i] * pmf.x_nm[i] - exact_mean;
        double z = (pmf.pmf_kj_mol[i] - mean - exact) / pmf.error_kj_mol[i];
        z_square += z * z / (double)pmf.bin_count;
        assert_true(fabs(z) * pmf.error_kj_mol[i] < pmf.band_kj_mol[i] * 1.3);
        assert_true(pmf.band_kj_mol[i] > 1.96 * pmf.error_kj_mol[i]);
    }
    assert_true(z_square > 0.1 && z_square < 3);
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

static double double_well_kj_mol(double x)
{
    double t = x / 0.2;
    return 20 * (t * t - 1) * (t * t - 1);
}

/* Samples that are the quantiles of each window's exact density carry no noise: the
 * profile must be the exact one, averaged over each bin as exp(-F/kT). */
static void test_double_well(void **state)
{
    (void)state;
    enum { GRID = 200001, FINE = 200 };
    struct synthetic s = synthetic_default();
    s.first_centre_nm = -0.3;
    s.window_count = 13;
    s.sample_count = 20000;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    double kt = synthetic_kt(&s), h = 1.2 / (GRID - 1), worst = 0, mean = 0;
    double *cumulative = calloc(GRID, sizeof *cumulative);
    for (size_t k = 0; k < s.window_count; k++) {
        for (size_t g = 1; g < GRID; g++) {
            double x = -0.6 + h * ((double)g - 0.5), d = x - windows[k].bias.centre_nm;
            cumulative[g] =
                cumulative[g - 1] + exp(-(double_well_kj_mol(x) + 1000 * d * d) / kt);
        }
        for (size_t i = 0, g = 0; i < s.sample_count; i++) {
            double wanted = ((double)i + 0.5) / (double)s.sample_count;
            wanted *= cumulative[GRID - 1];
            while (cumulative[g + 1] < wanted)
                g++;
            double rest =
                (wanted - cumulative[g]) / (cumulative[g + 1] - cumulative[g]);
            /* In a scrambled order, so that blocks are alike. */
            synthetic_values(&windows[k])[i * 7919 % s.sample_count] =
                -0.6 + h * ((double)g + rest);
        }
    }
    free(cumulative);
    struct asim_pmf_options options = options_at(300);
    options.begin_nm = -0.25; /* beyond, the walls leave few quantiles */
    options.end_nm = 0.25;
    options.bin_count = 50;
    struct asim_pmf pmf = compute(&s, windows, &options);
    double exact[50];
    for (size_t bin = 0; bin < 50; bin++) {
        double sum = 0;
        for (int i = 0; i < FINE; i++) {
            double x = pmf.x_nm[bin] + 0.01 * ((i + 0.5) / FINE - 0.5);
            sum += exp(-double_well_kj_mol(x) / kt) / FINE;
        }
        exact[bin] = -kt * log(sum);
        mean += (pmf.pmf_kj_mol[bin] - exact[bin]) / 50;
    }
    for (size_t bin = 0; bin < 50; bin++)
        worst = fmax(worst, fabs(pmf.pmf_kj_mol[bin] - exact[bin] - mean));
    if (!(worst < 0.01))
        fail_msg("the profile is wrong by %g kJ/mol", worst);
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

/* The residual against a plain sum over all samples, in long double. */
static void test_certificate(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.sample_count = 500;
    s.spacing_nm = 0.08; /* little overlap: interpolation is at its worst */
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf_options options = options_at(300);
    struct asim_pmf pmf = compute(&s, windows, &options);
    long double kt = synthetic_kt(&s), sums[11] = {0};
    for (size_t w = 0; w < s.window_count; w++)
        for (size_t i = 0; i < windows[w].count; i++) {
            long double e[11], d = 0;
            for (size_t k = 0; k < s.window_count; k++) {
                long double x = windows[w].value_nm[i] - windows[k].bias.centre_nm;
                e[k] = expl((pmf.f_k_kj_mol[k] - 1000 * x * x) / kt);
                d += e[k];
            }
            for (size_t k = 0; k < s.window_count; k++)
                sums[k] += e[k] / d;
        }
    for (size_t k = 0; k < s.window_count; k++)
        assert_true(fabsl(sums[k] / 500 - 1) < 1e-11L);
    assert_true(pmf.residual < 1e-11);
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

static void assert_same(const double *a, const double *b, size_t count)
{
    assert_memory_equal(a, b, count * sizeof *a);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.inefficiency = 5;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf_options options = options_at(300);
    options.bootstrap_count = 20;
    struct asim_pmf one = compute(&s, windows, &options);
    for (int threads = 2; threads <= 7; threads += 5) {
        options.thread_count = threads;
        struct asim_pmf more = compute(&s, windows, &options);
        assert_same(one.pmf_kj_mol, more.pmf_kj_mol, one.bin_count);
        assert_same(one.error_kj_mol, more.error_kj_mol, one.bin_count);
        assert_same(one.band_kj_mol, more.band_kj_mol, one.bin_count);
        assert_same(one.bootstrap_error_kj_mol, more.bootstrap_error_kj_mol,
                    one.bin_count);
        assert_same(one.f_k_kj_mol, more.f_k_kj_mol, one.window_count);
        assert_same(one.overlap, more.overlap, one.window_count * one.window_count);
        assert_same(&one.residual, &more.residual, 1);
        for (size_t i = 0; i < one.gate_count; i++)
            assert_same(&one.gates[i].value, &more.gates[i].value, 1);
        asim_pmf_finish(&more);
    }
    asim_pmf_finish(&one);
    synthetic_free(windows, s.window_count);
}

static double mean_variance(size_t sample_count, size_t repeats)
{
    double sum = 0;
    for (size_t repeat = 0; repeat < repeats; repeat++) {
        struct synthetic s = synthetic_default();
        s.window_count = 3;
        s.inefficiency = 9;
        s.sample_count = sample_count;
        s.seed = 900 + repeat;
        struct asim_pmf_window *windows = synthetic_windows(&s);
        struct asim_pmf_options options = options_at(300);
        options.bin_count = 4;
        options.begin_nm = s.first_centre_nm - 0.035; /* so that all bins stay */
        options.end_nm = s.first_centre_nm + 2 * s.spacing_nm + 0.035;
        struct asim_pmf pmf = compute(&s, windows, &options);
        for (size_t i = 0; i < 4; i++)
            sum += pmf.error_kj_mol[i] * pmf.error_kj_mol[i] * (double)sample_count /
                   (4.0 * (double)repeats);
        asim_pmf_finish(&pmf);
        synthetic_free(windows, s.window_count);
    }
    return sum;
}

/*
 * Blocks of 50 samples at rho = 0.8 miss 2 rho / (1 - rho^2) / 50 = 9% of the variance,
 * half as long ones 18%; their lugsail combination misses none to first order.
 */
static void test_short_blocks(void **state)
{
    (void)state;
    double ratio = mean_variance(1600, 100) / mean_variance(160000, 20);
    if (!(ratio > 0.95 && ratio < 1.15))
        fail_msg("short blocks give %g of the variance", ratio);
}

static void test_influence_and_bootstrap_agree(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.sample_count = 20000;
    s.inefficiency = 9;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_pmf_options options = options_at(300);
    options.bootstrap_count = 1000; /* the SD of an SD: 2% */
    struct asim_pmf pmf = compute(&s, windows, &options);
    double mean = 0;
    for (size_t i = 0; i < pmf.bin_count; i++)
        mean +=
            pmf.bootstrap_error_kj_mol[i] / pmf.error_kj_mol[i] / (double)pmf.bin_count;
    if (!(mean > 0.95 && mean < 1.05))
        fail_msg("bootstrap errors are %g of those by influence", mean);
    asim_pmf_finish(&pmf);
    synthetic_free(windows, s.window_count);
}

/* The numbers of a text file's row `wanted` (rows of comments left out), and how many
 * rows it has. */
static size_t read_row(const char *folder, const char *name, size_t wanted,
                       double *values, size_t count)
{
    char path[64], line[4000];
    size_t rows = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (strchr("#@", line[0]))
            continue;
        char *p = line;
        for (size_t i = 0; rows == wanted && i < count; i++) {
            values[i] = strtod(p, &p);
            p += *p == ',';
        }
        rows++;
    }
    fclose(file);
    return rows;
}

static void assert_text_files(const char *folder, const struct asim_pmf *pmf)
{
    size_t bin = pmf->bin_count - 5, finite = 0, empty = 0;
    double values[12];
    for (size_t i = 0; i < pmf->bin_count; i++) {
        finite += isfinite(pmf->pmf_kj_mol[i]);
        empty += i < bin && !isfinite(pmf->pmf_kj_mol[i]);
    }
    assert_int_equal(read_row(folder, "pmf.xvg", bin - empty, values, 3), finite);
    assert_true(fabs(values[0] - pmf->x_nm[bin]) < 1e-7);
    assert_true(fabs(values[1] - pmf->pmf_kj_mol[bin]) < 1e-6);
    assert_true(fabs(values[2] - pmf->error_kj_mol[bin]) < 1e-5);
    assert_int_equal(read_row(folder, "pmf.csv", bin + 1, values, 4),
                     pmf->bin_count + 1);
    assert_true(fabs(values[0] - pmf->x_nm[bin]) < 1e-9);
    assert_true(fabs(values[1] - pmf->pmf_kj_mol[bin]) < 1e-8);
    assert_true(fabs(values[2] - pmf->error_kj_mol[bin]) < 1e-9);
    assert_true(fabs(values[3] - pmf->band_kj_mol[bin]) < 1e-9);
    assert_int_equal(read_row(folder, "overlap.csv", 11, values, 12), 12);
    assert_true(values[0] == 10);
    for (size_t k = 0; k < 11; k++)
        assert_true(fabs(values[k + 1] - pmf->overlap[10 * 11 + k]) < 1e-6);
}

static void test_files_come_back(void **state)
{
    (void)state;
    char folder[] = "pmf-test-XXXXXX";
    static const char *const names[] = {"pmf.xvg", "pmf.csv", "pmf.npz", "overlap.csv",
                                        "pmf.json"};
    struct synthetic s = synthetic_default();
    s.sample_count = 700;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_error err = {0};
    struct asim_pmf_options options = options_at(300);
    options.begin_nm = -1; /* bins without samples: NAN */
    options.end_nm = 0.3;
    assert_non_null(mkdtemp(folder));
    for (size_t repeats = 0; repeats <= 10; repeats += 10) {
        options.bootstrap_count = repeats;
        struct asim_pmf pmf = compute(&s, windows, &options), back = {0};
        assert_true(isnan(pmf.pmf_kj_mol[0]) && isnan(pmf.error_kj_mol[0]));
        assert_int_equal(asim_pmf_write(&pmf, folder, &err), 0);
        assert_text_files(folder, &pmf);
        if (asim_pmf_read(folder, &back, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(back.bin_count, pmf.bin_count);
        assert_int_equal(back.window_count, pmf.window_count);
        for (size_t i = 0; i < pmf.bin_count; i++) {
            assert_true(back.x_nm[i] == pmf.x_nm[i] &&
                        back.segment[i] == pmf.segment[i]);
            assert_true(isnan(pmf.pmf_kj_mol[i])
                            ? isnan(back.pmf_kj_mol[i]) && isnan(back.band_kj_mol[i])
                            : back.pmf_kj_mol[i] == pmf.pmf_kj_mol[i] &&
                                  back.error_kj_mol[i] == pmf.error_kj_mol[i] &&
                                  back.band_kj_mol[i] == pmf.band_kj_mol[i]);
            if (repeats && !isnan(pmf.pmf_kj_mol[i]))
                assert_true(back.bootstrap_error_kj_mol[i] ==
                            pmf.bootstrap_error_kj_mol[i]);
        }
        assert_int_equal(back.bootstrap_error_kj_mol != NULL, repeats > 0);
        assert_same(back.f_k_kj_mol, pmf.f_k_kj_mol, pmf.window_count);
        assert_same(back.overlap, pmf.overlap, pmf.window_count * pmf.window_count);
        assert_same(back.inefficiency, pmf.inefficiency, pmf.window_count);
        assert_same(back.mean_nm, pmf.mean_nm, pmf.window_count);
        assert_same(back.sd_nm, pmf.sd_nm, pmf.window_count);
        assert_same(back.variance_share, pmf.variance_share, pmf.window_count);
        for (size_t k = 0; k < pmf.window_count; k++)
            assert_true(back.window_ids[k] == (int)k && back.sample_count[k] == 700 &&
                        back.window_bias[k].centre_nm == windows[k].bias.centre_nm);
        assert_true(back.widest_band_kj_mol == pmf.widest_band_kj_mol);
        assert_true(back.residual == pmf.residual && back.connected == pmf.connected);
        assert_true(back.trustworthy == pmf.trustworthy);
        assert_int_equal(back.iterations, pmf.iterations);
        assert_true(back.temperature_kelvin == 300);
        assert_string_equal(back.verdict, pmf.verdict);
        assert_int_equal(back.gate_count, pmf.gate_count);
        for (size_t i = 0; i < pmf.gate_count; i++) {
            assert_string_equal(back.gates[i].name, pmf.gates[i].name);
            assert_string_equal(back.gates[i].sentence, pmf.gates[i].sentence);
            assert_true(back.gates[i].value == pmf.gates[i].value &&
                        back.gates[i].limit == pmf.gates[i].limit &&
                        back.gates[i].pass == pmf.gates[i].pass);
        }
        asim_pmf_finish(&back);
        asim_pmf_finish(&pmf);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    synthetic_free(windows, s.window_count);
}

/* A damaged pmf.json is an error that names the file and the member. */
static void test_damaged_file(void **state)
{
    (void)state;
    char folder[] = "pmf-test-XXXXXX", path[64];
    static const char *const texts[] = {
        "{", "[]",
        "{\"x_nm\": [1, 2], \"f_k_kj_mol\": [0], \"segment\": [0, 0], "
        "\"pmf_kj_mol\": [1]}",
        "{\"x_nm\": [1], \"f_k_kj_mol\": [0], \"segment\": [1]}",
        "{\"x_nm\": [1], \"f_k_kj_mol\": [0], \"segment\": [0], \"pmf_kj_mol\": [1], "
        "\"error_kj_mol\": "
        "[1], \"band_kj_mol\": [1], \"inefficiency\": [1], \"mean_nm\": [1], "
        "\"sd_nm\": [1], \"overlap\": [[1, 2]]}"};
    static const char *const words[] = {"JSON", "x_nm", "2 were expected", "segment",
                                        "overlap"};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/pmf.json", folder);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct asim_pmf pmf = {.bin_count = 99};
        struct asim_error err = {0};
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(texts[i], file);
        fclose(file);
        assert_int_equal(asim_pmf_read(folder, &pmf, &err), -1);
        assert_int_equal(err.status, ASIM_EINPUT);
        if (!strstr(err.text, words[i]) || !strstr(err.text, "pmf.json"))
            fail_msg("%s", err.text);
        assert_int_equal(pmf.bin_count, 99);
    }
    unlink(path);
    rmdir(folder);
}

/* Bad input is a clear error, and the result is untouched. */
static void test_bad_input(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.sample_count = 100;
    struct asim_pmf_options options = options_at(300);
    for (int what = 0; what < 9; what++) {
        struct asim_pmf_window *windows = synthetic_windows(&s);
        struct asim_pmf_options changed = options;
        struct asim_pmf pmf = {.bin_count = 12345};
        struct asim_error err = {0};
        static const char *const words[] = {"no samples", "finite",      "finite",
                                            "order",      "temperature", "temperature",
                                            "empty",      "range",       "spread over"};
        if (what == 0)
            windows[4].count = 0;
        if (what == 1)
            synthetic_values(&windows[4])[7] = NAN;
        if (what == 2)
            windows[3].bias.force_constant_kj_mol_nm2 = INFINITY;
        if (what == 3)
            windows[3].bias.centre_nm = -7;
        if (what == 4)
            changed.temperature_kelvin = 0;
        if (what == 5)
            changed.temperature_kelvin = NAN;
        if (what == 6)
            changed.begin_nm = 1, changed.end_nm = 1;
        if (what == 7)
            changed.begin_nm = 70, changed.end_nm = 71;
        if (what == 8)
            synthetic_values(&windows[4])[7] = 1e300;
        assert_int_equal(
            asim_pmf_compute(windows, s.window_count, &changed, &pmf, &err), -1);
        if (!strstr(err.text, words[what]))
            fail_msg("%d: %s", what, err.text);
        assert_true(err.status == ASIM_EINPUT || err.status == ASIM_EUSAGE);
        assert_int_equal(pmf.bin_count, 12345);
        synthetic_free(windows, s.window_count);
    }
}

/* Poor data give a result that says so. */
static void test_poor_data(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.sample_count = 1000;
    for (int what = 0; what < 7; what++) {
        struct asim_pmf_window *windows = synthetic_windows(&s);
        struct asim_pmf_options options = options_at(300);
        const char *failing = "block_length";
        struct synthetic changed = s;
        options.bootstrap_count = 10;
        if (what == 0)
            windows[5].count = 1;
        if (what == 1)
            for (size_t i = 0; i < s.sample_count; i++)
                synthetic_values(&windows[5])[i] = 0.01;
        if (what == 2) {
            windows[10].bias.centre_nm = 40; /* samples nowhere near it */
            options.end_nm = 0.3;
            failing = "overlap";
        }
        if (what == 3) {
            for (size_t i = 0; i < s.sample_count; i++)
                synthetic_values(&windows[10])[i] += 4;
            options.end_nm = 0.3;
            failing = "overlap";
        }
        if (what == 4)
            changed.window_count = 1, windows[0].count = 1, options.begin_nm = -0.5,
            options.end_nm = 0.1;
        if (what == 5)
            for (size_t k = 0; k < s.window_count; k++)
                windows[k].count = 2 + k % 2;
        if (what == 6)
            windows[5].bias.force_constant_kj_mol_nm2 = 1e-9, failing = "consistency";
        struct asim_pmf pmf = compute(&changed, windows, &options);
        assert_false(pmf.trustworthy);
        if (gate(&pmf, failing)->pass)
            fail_msg("case %d passes '%s'", what, failing);
        for (size_t k = 0; k < pmf.window_count; k++)
            assert_true(isfinite(pmf.f_k_kj_mol[k]));
        asim_pmf_finish(&pmf);
        synthetic_free(windows, s.window_count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaussian),
        cmocka_unit_test(test_double_well),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_short_blocks),
        cmocka_unit_test(test_influence_and_bootstrap_agree),
        cmocka_unit_test(test_files_come_back),
        cmocka_unit_test(test_damaged_file),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_poor_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
