/* The measures that say how far a PCA can be believed, against known values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <autosim/pca.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "pca/quality.h"

static void test_cosine_content(void **state)
{
    (void)state;
    enum { T = 1000 };
    static double p[T];
    for (size_t k = 0; k < 3; k++) {
        for (size_t t = 0; t < T; t++)
            p[t] = 3.0 - 2.0 * cos((double)(k + 1) * M_PI * ((double)t + 0.5) / T);
        for (size_t i = 0; i < 3; i++)
            assert_true(fabs(asim_cosine_content(p, T, i) - (i == k ? 1.0 : 0.0)) <
                        1e-12);
    }
    /* A straight line: 96/pi^4. */
    for (size_t t = 0; t < T; t++)
        p[t] = (double)t;
    assert_true(fabs(asim_cosine_content(p, T, 0) - 96.0 / pow(M_PI, 4)) < 1e-5);
    memset(p, 0, sizeof p);
    assert_true(asim_cosine_content(p, T, 0) == 0.0);
}

static void test_doubts(void **state)
{
    (void)state;
    static const struct {
        double cosine, second, force_error;
        const char *words[3]; /* NULL: no more */
    } cases[] = {
        {0.1, 0.5, 0.004, {NULL}},
        {0.1, 0.5, NAN, {NULL}},
        {0.51, 0.5, 0.02, {"cosine content 0.51"}},
        {0.1, 0.9, NAN, {"90% of the variance"}},
        {0.1, 0.5, 0.031, {"<w^2> = 0.031: the .edi bias would"}},
        {0.1, 0.5, 0.11, {"<w^2> = 0.11: the .edi bias is refused"}},
        {0.9, 0.81, 0.1, {"cosine content 0.90", "0.100", "81% of the variance"}}};
    for (size_t r = 0; r < sizeof cases / sizeof *cases; r++) {
        double cosines[2] = {cases[r].cosine, 0.9}, values[2] = {1.0, cases[r].second};
        struct asim_pca pca = {.component_count = 2,
                               .cosine_content = cosines,
                               .eigenvalues_nm2 = values,
                               .force_error = cases[r].force_error};
        char text[300];
        size_t count = 0;
        for (; count < 3 && cases[r].words[count]; count++) {
            assert_true(asim_pca_doubt(&pca, count, text, sizeof text));
            assert_non_null(strstr(text, cases[r].words[count]));
        }
        assert_false(asim_pca_doubt(&pca, count, text, sizeof text));
    }
}

static void test_rmsip(void **state)
{
    (void)state;
    const double a[] = {1, 0, 0, 0, 0, 1, 0, 0}, b[] = {0, 1, 0, 0, 1, 0, 0, 0},
                 c[] = {0, 0, 1, 0, 0, 0, 0, 1}, d[] = {1, 0, 0, 0, 0, 0, 1, 0};
    assert_true(fabs(asim_rmsip(a, b, 2, 4) - 1.0) < 1e-15);
    assert_true(asim_rmsip(a, c, 2, 4) == 0.0);
    assert_true(fabs(asim_rmsip(a, d, 2, 4) - sqrt(0.5)) < 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosine_content),
        cmocka_unit_test(test_doubts),
        cmocka_unit_test(test_rmsip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
