/* The MBAR solver on nodes with exact masses: answers known in closed form. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "pmf/cell_sums.h"
#include "pmf/gates.h"
#include "pmf/mbar.h"
#include "samples/drift.h"

enum { NODES = 4001, MOST_WINDOWS = 24 };

/*
 * Masses of a profile beta F on a fine grid under each window's bias: the trapezoid
 * rule for these functions, which vanish at both ends, is exact to rounding. On return
 * mass holds the sum over windows, weight[k] = count_k, and f the exact free energies.
 */
static void quadrature(double (*profile)(double), double begin, double end,
                       const struct asim_reduced_bias *biases, size_t window_count,
                       const double *counts, double *x, double *mass, double *f)
{
    double h = (end - begin) / (NODES - 1);
    memset(mass, 0, NODES * sizeof *mass);
    for (size_t k = 0; k < window_count; k++) {
        double z = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int g = 0; g < NODES; g++) {
                x[g] = begin + h * g;
                double d = x[g] - biases[k].centre_nm;
                double p =
                    exp(-profile(x[g]) - biases[k].reduced_k_per_nm2 / 2 * d * d);
                if (pass == 0)
                    z += p * h;
                else
                    mass[g] += counts[k] * p * h / z;
            }
        f[k] = -log(z);
    }
}

static double gaussian(double x)
{
    return 0.5 * 80 * x * x; /* beta kappa = 80 nm^-2 */
}

static double double_well(double x)
{
    double t = x / 0.2;
    return 8 * (t * t - 1) * (t * t - 1);
}

static void solve(double (*profile)(double), const struct asim_reduced_bias *biases,
                  size_t count, const double *counts, double *ret_f_error,
                  double *ret_residual)
{
    static double x[NODES], mass[NODES];
    double f[MOST_WINDOWS], a[MOST_WINDOWS] = {0}, worst = 0;
    struct asim_mbar_nodes nodes = {0};
    struct asim_mbar_work work;
    quadrature(profile, -1, 1, biases, count, counts, x, mass, f);
    for (int rebuild = 0; rebuild < 50; rebuild++) {
        asim_mbar_nodes_finish(&nodes);
        assert_int_equal(asim_mbar_nodes_make(x, NODES, biases, count, a, &nodes, NULL),
                         0);
        assert_int_equal(asim_mbar_work_init(&work, &nodes, NULL), 0);
        asim_mbar_solve(&nodes, mass, counts, 1e-14, a, &work, ret_residual);
        asim_mbar_work_finish(&work);
        if (!asim_mbar_reference_is_far(&nodes, a))
            break;
    }
    for (size_t k = 0; k < count; k++) {
        double found = a[k] - a[0] - log(counts[k] / counts[0]);
        worst = fmax(worst, fabs(found - (f[k] - f[0])));
    }
    asim_mbar_nodes_finish(&nodes);
    *ret_f_error = worst;
}

static void test_gaussian_formula(void **state)
{
    (void)state;
    struct asim_reduced_bias biases[12];
    double counts[12], error, residual;
    /* Unequal force constants and counts. */
    for (size_t k = 0; k < 12; k++) {
        biases[k] = (struct asim_reduced_bias){-0.3 + 0.05 * (double)k,
                                               600 + 100 * (double)(k % 4), 0};
        counts[k] = 1000 + 500 * (double)(k % 3);
    }
    solve(gaussian, biases, 12, counts, &error, &residual);
    assert_true(error < 1e-10);
    assert_true(residual < 1e-12);
    /* The same through the formula: f_k = kappa K c^2 / 2(kappa + K) + ln(kappa + K)/2,
     * which checks the quadrature. */
    static double x[NODES], mass[NODES];
    double f[12], worst = 0;
    quadrature(gaussian, -1, 1, biases, 12, counts, x, mass, f);
    for (size_t k = 0; k < 12; k++) {
        double exact[2];
        for (int i = 0; i < 2; i++) {
            const struct asim_reduced_bias *b = &biases[i ? k : 0];
            double sum = 80 + b->reduced_k_per_nm2;
            exact[i] =
                80 * b->reduced_k_per_nm2 * b->centre_nm * b->centre_nm / (2 * sum) +
                0.5 * log(sum);
        }
        worst = fmax(worst, fabs(f[k] - f[0] - (exact[1] - exact[0])));
    }
    assert_true(worst < 1e-10);
}

static void test_double_well(void **state)
{
    (void)state;
    struct asim_reduced_bias biases[17];
    double counts[17], error, residual;
    for (size_t k = 0; k < 17; k++) {
        biases[k] = (struct asim_reduced_bias){-0.32 + 0.04 * (double)k, 1200, 0};
        counts[k] = 2000;
    }
    solve(double_well, biases, 17, counts, &error, &residual);
    assert_true(error < 1e-10);
    assert_true(residual < 1e-12);
}

static void test_unbiased_window_makes_it_dense(void **state)
{
    (void)state;
    struct asim_reduced_bias biases[13];
    double counts[13], error, residual;
    for (size_t k = 0; k < 13; k++) {
        biases[k] = (struct asim_reduced_bias){-0.3 + 0.05 * (double)k, 4000, 0};
        counts[k] = 1000;
    }
    biases[5].reduced_k_per_nm2 = 0;
    solve(gaussian, biases, 13, counts, &error, &residual);
    assert_true(error < 1e-10);
}

static void test_band_matrix(void **state)
{
    (void)state;
    enum { SIZE = 9 };
    struct asim_random random;
    asim_random_seed(&random, 3);
    for (size_t width = 0; width < SIZE; width++) {
        double dense[SIZE][SIZE] = {{0}}, values[SIZE * SIZE] = {0}, x[SIZE], b[SIZE];
        for (size_t i = 0; i < SIZE; i++) {
            x[i] = asim_random_gaussian(&random);
            for (size_t j = i > width ? i - width : 0; j <= i; j++)
                dense[i][j] = dense[j][i] =
                    asim_random_gaussian(&random) + (i == j ? 12 : 0);
            for (size_t j = i > width ? i - width : 0; j <= i; j++)
                values[i * (width + 1) + width - (i - j)] = dense[i][j];
        }
        for (size_t i = 0; i < SIZE; i++) {
            b[i] = 0;
            for (size_t j = 0; j < SIZE; j++)
                b[i] += dense[i][j] * x[j];
        }
        struct asim_band_matrix matrix = {SIZE, width, values};
        assert_int_equal(asim_band_factor(&matrix), 0);
        asim_band_solve(&matrix, b);
        for (size_t i = 0; i < SIZE; i++)
            assert_true(fabs(b[i] - x[i]) < 1e-13);
    }
}

static void test_band_matrix_without_rank(void **state)
{
    (void)state;
    /* The second unknown is free: its solution is zero, the first is right. */
    double values[] = {0, 4, 0, 0}, b[] = {8, 0};
    struct asim_band_matrix matrix = {2, 1, values};
    assert_int_equal(asim_band_factor(&matrix), 1);
    asim_band_solve(&matrix, b);
    assert_true(b[0] == 2 && b[1] == 0);
}

/* Sums of a cell against long double exponentials, at every reach and remainder. */
static void test_cell_sums(void **state)
{
    (void)state;
    enum { TERMS = 5, MOST = 19 };
    struct asim_random random;
    asim_random_seed(&random, 11);
    for (size_t count = 1; count < MOST; count++)
        for (double reach = 1e-3; reach < 3; reach *= 3) {
            _Alignas(64) double distance[24] = {0}, work[2 * ASIM_LANES * TERMS];
            double p[TERMS] = {0};
            long double expected[TERMS] = {0}, expected_inverse = 0;
            struct asim_cell_term terms[TERMS];
            for (size_t k = 0; k < TERMS; k++) {
                double value = k == 0 ? 1 : exp(-3 * (double)k), linear = (double)k;
                terms[k] = (struct asim_cell_term){
                    value, linear, -0.5, asim_cell_degree(value, linear, -0.5, reach)};
            }
            for (size_t i = 0; i < count; i++)
                distance[i] = reach * (2 * asim_random_uniform(&random) - 1);
            for (size_t i = 0; i < count; i++) {
                long double e[TERMS], sum = 0, d = distance[i];
                for (size_t k = 0; k < TERMS; k++) {
                    e[k] = terms[k].value * expl((terms[k].linear - 0.5L * d) * d);
                    sum += e[k];
                }
                expected_inverse += 1 / sum;
                for (size_t k = 0; k < TERMS; k++)
                    expected[k] += e[k] / sum;
            }
            double inverse = asim_cell_sums(distance, count, terms, TERMS, p, work);
            assert_true(fabsl(inverse - expected_inverse) < 2e-15L * count);
            for (size_t k = 0; k < TERMS; k++)
                assert_true(fabsl(p[k] - expected[k]) < 2e-15L * count);
            for (int variant = 0; variant < asim_cell_variant_count(); variant++) {
                double same[TERMS] = {0};
                assert_true(asim_cell_sums_variant(variant, distance, count, terms,
                                                   TERMS, same, work) == inverse);
                assert_memory_equal(same, p, sizeof p);
            }
        }
}

static void test_p_values(void **state)
{
    (void)state;
    /* Tables of Student's t: two-sided 5% and 0.1% at 10, 36 and 100. */
    static const struct {
        double freedom, t, p;
    } rows[] = {{10, 2.228, 0.05},  {10, 4.587, 0.001}, {36, 2.028, 0.05},
                {36, 3.582, 0.001}, {100, 1.984, 0.05}, {100, 3.390, 0.001}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double p = asim_student_p_value(rows[i].t, rows[i].freedom);
        assert_true(fabs(p / rows[i].p - 1) < 0.05);
    }
    /* The example's arithmetic: 0.02 <= 0.05 * 2/4, 0.04 > 0.05 * 3/4. */
    double p[] = {0.9, 0.02, 0.001, 0.04};
    assert_true(asim_false_discovery_limit(p, 4, 0.05) == 0.02);
    double none[] = {0.9, 0.5};
    assert_true(asim_false_discovery_limit(none, 2, 0.05) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaussian_formula),
        cmocka_unit_test(test_double_well),
        cmocka_unit_test(test_unbiased_window_makes_it_dense),
        cmocka_unit_test(test_band_matrix),
        cmocka_unit_test(test_band_matrix_without_rank),
        cmocka_unit_test(test_cell_sums),
        cmocka_unit_test(test_p_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
