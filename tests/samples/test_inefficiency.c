/* Statistical inefficiency and drift of series whose answer is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <autosim/samples.h>

#include "base/random.h"

/* A first-order autoregressive series with C(t) = rho^t has g = (1+rho)/(1-rho). */
static double *autoregressive(double g, size_t count, uint64_t seed)
{
    struct asim_random random;
    double rho = (g - 1) / (g + 1), *values = calloc(count, sizeof *values);
    asim_random_seed(&random, seed);
    double state = asim_random_gaussian(&random);
    for (size_t i = 0; i < count; i++) {
        values[i] = 5 + state;
        state = rho * state + sqrt(1 - rho * rho) * asim_random_gaussian(&random);
    }
    return values;
}

static void test_autoregressive(void **state)
{
    (void)state;
    /* The longest needs lags beyond those summed directly. */
    static const double exact[] = {1, 3, 9, 99, 400};
    for (size_t row = 0; row < 5; row++) {
        double *values = autoregressive(exact[row], 400000, 3 + row);
        double g = asim_statistical_inefficiency(values, 400000);
        double tolerance = 0.02 + 6 * sqrt(exact[row] / 400000.0);
        if (fabs(g / exact[row] - 1) > tolerance)
            fail_msg("g = %g, %g was expected", g, exact[row]);
        free(values);
    }
}

/* The definition, term by term. */
static void test_definition(void **state)
{
    (void)state;
    for (size_t count = 40; count < 3000; count = count * 3 + 7) {
        double *values = autoregressive(count > 1000 ? 300 : 12, count, count);
        double mean = 0, variance = 0, g = 1;
        for (size_t i = 0; i < count; i++)
            mean += values[i] / (double)count;
        for (size_t i = 0; i < count; i++)
            variance += (values[i] - mean) * (values[i] - mean) / (double)count;
        for (size_t t = 1; t + 1 < count; t++) {
            double c = 0;
            for (size_t i = 0; i + t < count; i++)
                c += (values[i] - mean) * (values[i + t] - mean);
            c /= (double)(count - t) * variance;
            if (c <= 0 && t > 3)
                break;
            g += 2 * c * (1 - (double)t / (double)count);
        }
        g = g > 1 ? g : 1;
        double found = asim_statistical_inefficiency(values, count);
        assert_true(fabs(found / g - 1) < 1e-9);
        free(values);
    }
}

static void test_edges(void **state)
{
    (void)state;
    double constant[100], two[] = {1, 2}, large[64];
    for (size_t i = 0; i < 100; i++)
        constant[i] = 0.1;
    for (size_t i = 0; i < 64; i++)
        large[i] = 1e9 + (double)(i * 7919 % 64);
    assert_true(asim_statistical_inefficiency(NULL, 0) == 1);
    assert_true(asim_statistical_inefficiency(constant, 1) == 1);
    assert_true(asim_statistical_inefficiency(constant, 100) == 100);
    assert_true(asim_statistical_inefficiency(two, 2) >= 1);
    assert_true(asim_statistical_inefficiency(large, 64) < 10);
    /* Alternating values say more than independent ones; g is never below 1. */
    for (size_t i = 0; i < 100; i++)
        constant[i] = i % 2 ? 1 : -1;
    assert_true(asim_statistical_inefficiency(constant, 100) == 1);
}

/* Sound series are left alone; one that settles loses what it needs and little more;
 * one that never settles is left to the gate. */
static void test_settled_start(void **state)
{
    (void)state;
    enum { COUNT = 9000, BLOCKS = 32, REPEATS = 400 };
    const double level = 0.001;
    int trimmed = 0, settled = 0;
    for (uint64_t seed = 0; seed < REPEATS; seed++) {
        double *values = autoregressive(9, COUNT, 100 + seed);
        trimmed += asim_settled_start(values, COUNT, BLOCKS, level) > 0;
        for (size_t i = 0; i < COUNT / 5; i++)
            values[i] += 1 - 5 * (double)i / COUNT;
        size_t start = asim_settled_start(values, COUNT, BLOCKS, level);
        settled += start >= COUNT / 10 && start <= 3 * COUNT / 10;
        for (size_t i = 0; i < COUNT; i++)
            values[i] += 40 * (double)i / COUNT;
        assert_int_equal(asim_settled_start(values, COUNT, BLOCKS, level), 0);
        free(values);
    }
    assert_true(trimmed <= 3); /* 0.4 are expected */
    assert_true(settled >= REPEATS * 95 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_autoregressive),
        cmocka_unit_test(test_settled_start),
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
