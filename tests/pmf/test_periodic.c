/* Coordinates with a period: exact densities of a dihedral, wherever the seam is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "synthetic.h"

/* A dihedral's profile, in degrees. */
static double torsion_kj_mol(double x)
{
    double angle = x * M_PI / 180;
    return 6 * cos(angle - 0.4) + 4 * cos(2 * angle) + 3 * sin(3 * angle);
}

enum { TURN_WINDOWS = 30, TURN_SAMPLES = 10007, TURN_GRID = 72000, TURN_BINS = 72 };
static const double TURN_CONSTANT = 0.12; /* kJ/mol/deg^2, 394 kJ/mol/rad^2 */

/* The quantiles of each window's exact density, every other one a turn farther on. */
static struct asim_pmf_window *turn_windows(double offset, double *ret_f)
{
    struct asim_pmf_window *windows = calloc(TURN_WINDOWS, sizeof *windows);
    double *cumulative = calloc(TURN_GRID + 1, sizeof *cumulative),
           h = 360.0 / TURN_GRID;
    double kt = ASIM_KB_KJ_MOL_K * 300;
    for (size_t k = 0; k < TURN_WINDOWS; k++) {
        double *values = calloc(TURN_SAMPLES, sizeof *values);
        double centre = -180 + 12 * (double)k;
        for (size_t g = 0; g < TURN_GRID; g++) {
            double d = -180 + h * ((double)g + 0.5);
            cumulative[g + 1] =
                cumulative[g] +
                h * exp(-(torsion_kj_mol(centre + d) + 0.5 * TURN_CONSTANT * d * d) /
                        kt);
        }
        ret_f[k] = -kt * log(cumulative[TURN_GRID]);
        for (size_t i = 0, g = 0; i < TURN_SAMPLES; i++) {
            double wanted = ((double)i + 0.5) / TURN_SAMPLES * cumulative[TURN_GRID];
            while (cumulative[g + 1] < wanted)
                g++;
            double rest =
                (wanted - cumulative[g]) / (cumulative[g + 1] - cumulative[g]);
            values[i * 7919 % TURN_SAMPLES] =
                centre - 180 + h * ((double)g + rest) + offset + 360 * (double)(i % 2);
        }
        windows[k] = (struct asim_pmf_window){
            {centre + offset, TURN_CONSTANT}, values, TURN_SAMPLES};
    }
    free(cumulative);
    return windows;
}

static struct asim_pmf turn_pmf(double offset, double begin, double *ret_f)
{
    struct asim_pmf_window *windows = turn_windows(offset, ret_f);
    struct asim_pmf_options options = ASIM_PMF_OPTIONS_INIT;
    struct asim_pmf pmf = {0};
    struct asim_error err = {0};
    options.temperature_kelvin = 300;
    options.thread_count = 1;
    options.period_nm = 360;
    options.begin_nm = begin;
    options.bin_count = TURN_BINS;
    options.bootstrap_count = 200;
    if (asim_pmf_compute(windows, TURN_WINDOWS, &options, &pmf, &err) < 0)
        fail_msg("%s", err.text);
    synthetic_free(windows, TURN_WINDOWS);
    return pmf;
}

static void test_periodic(void **state)
{
    (void)state;
    double f[TURN_WINDOWS], exact[TURN_BINS], mean = 0, worst = 0, worst_f = 0;
    double kt = ASIM_KB_KJ_MOL_K * 300;
    struct asim_pmf pmf = turn_pmf(0, NAN, f);
    assert_int_equal(pmf.bin_count, TURN_BINS);
    assert_true(fabs(pmf.x_nm[0] + 177.5) < 1e-9);
    for (size_t bin = 0; bin < TURN_BINS; bin++) {
        double sum = 0;
        for (int i = 0; i < 200; i++)
            sum +=
                exp(-torsion_kj_mol(pmf.x_nm[bin] + 5 * ((i + 0.5) / 200 - 0.5)) / kt);
        exact[bin] = -kt * log(sum / 200);
        mean += (pmf.pmf_kj_mol[bin] - exact[bin]) / TURN_BINS;
    }
    for (size_t bin = 0; bin < TURN_BINS; bin++)
        worst = fmax(worst, fabs(pmf.pmf_kj_mol[bin] - exact[bin] - mean));
    for (size_t k = 0; k < TURN_WINDOWS; k++)
        worst_f = fmax(worst_f, fabs(pmf.f_k_kj_mol[k] - (f[k] - f[0])));
    if (!(worst < 0.01 && worst_f < 0.002 && pmf.residual < 1e-10))
        fail_msg("wrong by %g kJ/mol, f_k by %g, residual %g", worst, worst_f,
                 pmf.residual);
    assert_true(pmf.connected && pmf.period_nm == 360);
    for (size_t i = 0; i < pmf.gate_count; i++)
        if (!pmf.gates[i].pass)
            fail_msg("%s: %s", pmf.gates[i].name, pmf.gates[i].sentence);
    /* Where the seam is does not matter: neither to numbers nor to errors. */
    double shifted_f[TURN_WINDOWS], change = 0;
    struct asim_pmf shifted = turn_pmf(0, 0, shifted_f);
    for (size_t bin = 0; bin < TURN_BINS; bin++) {
        size_t same = (bin + TURN_BINS / 2) % TURN_BINS;
        change = fmax(change, fabs(shifted.pmf_kj_mol[bin] - pmf.pmf_kj_mol[same]));
        change = fmax(change, fabs(shifted.error_kj_mol[bin] - pmf.error_kj_mol[same]));
        change = fmax(change, fabs(shifted.bootstrap_error_kj_mol[bin] -
                                   pmf.bootstrap_error_kj_mol[same]));
    }
    asim_pmf_finish(&shifted);
    shifted = turn_pmf(66, -180 + 66, shifted_f);
    for (size_t bin = 0; bin < TURN_BINS; bin++)
        change = fmax(change, fabs(shifted.pmf_kj_mol[bin] - pmf.pmf_kj_mol[bin]));
    if (!(change < 1e-7))
        fail_msg("another seam changes numbers by %g", change);
    asim_pmf_finish(&shifted);
    asim_pmf_finish(&pmf);
}

static void test_periodic_bad_input(void **state)
{
    (void)state;
    double f[TURN_WINDOWS];
    struct asim_pmf_window *windows = turn_windows(0, f);
    struct asim_pmf_options options = ASIM_PMF_OPTIONS_INIT;
    struct asim_pmf pmf = {0};
    struct asim_error err = {0};
    options.temperature_kelvin = 300;
    options.thread_count = 1;
    options.period_nm = 300;
    assert_int_equal(asim_pmf_compute(windows, TURN_WINDOWS, &options, &pmf, &err), -1);
    assert_non_null(strstr(err.text, "one period"));
    options.period_nm = 360;
    options.begin_nm = 0;
    options.end_nm = 180;
    assert_int_equal(asim_pmf_compute(windows, TURN_WINDOWS, &options, &pmf, &err), -1);
    assert_non_null(strstr(err.text, "a range of one period"));
    options.end_nm = NAN;
    windows[3].bias.force_constant_kj_mol_nm2 = 0.001;
    assert_int_equal(asim_pmf_compute(windows, TURN_WINDOWS, &options, &pmf, &err), -1);
    assert_non_null(strstr(err.text, "kink"));
    synthetic_free(windows, TURN_WINDOWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_periodic),
        cmocka_unit_test(test_periodic_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
