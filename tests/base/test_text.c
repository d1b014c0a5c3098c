/* Numbers as text, against printf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"

static void check(double value, int decimals)
{
    char text[ASIM_FIXED_TEXT], expected[400];
    size_t length = asim_format_fixed(text, value, decimals);
    snprintf(expected, sizeof expected, "%.*f", decimals, value);
    assert_int_equal(length, strlen(text));
    assert_true(length < ASIM_FIXED_TEXT);
    if (strcmp(text, expected) == 0)
        return;
    /* The digit beside it: a tie that the product with 10^decimals does not keep. */
    double step = pow(10.0, -decimals);
    if (strlen(expected) >= ASIM_FIXED_TEXT || !isfinite(value) ||
        !(fabs(strtod(text, NULL) - strtod(expected, NULL)) <
          1.5 * step + 1e-15 * fabs(value)) ||
        strchr(text, 'e'))
        fail_msg("%.17g with %d decimals: '%s', printf has '%s'", value, decimals, text,
                 expected);
}

static void test_fixed(void **state)
{
    (void)state;
    static const double values[] = {0.0,   0.5,      -0.5,   1.0,       -1.0,    9.9995,
                                    0.999, 1e-12,    -1e-12, 123.456,   -99.995, 4e14,
                                    4e15,  -1.5e16,  1e29,   -9.99e29,  2.5,     1e-300,
                                    0.05,  -0.00049, 0.0005, 999.99949, INFINITY};
    struct asim_random random;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (int decimals = 0; decimals <= 9; decimals++)
            if (!(fabs(values[i]) < 0.5 * pow(10.0, -decimals) && values[i] < 0.0))
                check(values[i], decimals);
    asim_random_seed(&random, 5);
    for (int i = 0; i < 20000; i++) {
        double size = pow(10.0, 30.0 * asim_random_uniform(&random) - 12.0);
        double value = size * (asim_random_uniform(&random) - 0.5);
        int decimals = i % 10;
        if (fabs(value) >= pow(10.0, -decimals))
            check(value, decimals);
    }
    char text[ASIM_FIXED_TEXT];
    /* What rounds to nothing has no sign; what is huge has an exponent and fits. */
    asim_format_fixed(text, -1e-12, 3);
    assert_string_equal(text, "0.000");
    asim_format_fixed(text, NAN, 3);
    assert_non_null(strstr(text, "nan"));
    assert_true(asim_format_fixed(text, -1.7976931348623157e308, 9) < ASIM_FIXED_TEXT);
    assert_true(strtod(text, NULL) < -1e308);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fixed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
