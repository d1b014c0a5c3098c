/* The lattice: masses that integrate smooth functions, counts, blocks and bins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pmf/lattice.h"
#include "pmf/mbar.h"
#include "samples/drift.h"
#include "synthetic.h"

static struct asim_lattice make(const struct synthetic *s,
                                const struct asim_pmf_window *windows,
                                double cell_limit_nm, int threads)
{
    struct asim_lattice lattice = {0};
    struct asim_error err = {0};
    const struct asim_lattice_options options = {.begin_nm = -0.2,
                                                 .end_nm = 0.2,
                                                 .bin_count = 23,
                                                 .cell_limit_nm = cell_limit_nm,
                                                 .block_count = 8,
                                                 .thread_count = threads};
    if (asim_lattice_make(windows, s->window_count, &options, &lattice, &err) < 0)
        fail_msg("%s", err.text);
    return lattice;
}

/* As smooth as the logarithm of the mixture: a width of 0.03 nm. */
static double smooth(double x)
{
    return log(2 + exp(-0.5 * x * x / 9e-4)) + 3 * x;
}

static double sum_error(const struct synthetic *s,
                        const struct asim_pmf_window *windows, double cell_limit_nm)
{
    struct asim_lattice lattice = make(s, windows, cell_limit_nm, 1);
    double found = 0, exact = 0, count = 0;
    for (size_t g = 0; g < lattice.node_count; g++) {
        found += lattice.mass[g] * smooth(lattice.x_nm[g]);
        count += lattice.mass[g];
    }
    for (size_t k = 0; k < s->window_count; k++)
        for (size_t i = 0; i < windows[k].count; i++)
            exact += smooth(windows[k].value_nm[i]);
    double samples = (double)(s->window_count * s->sample_count);
    assert_true(fabs(count / samples - 1) < 1e-12);
    asim_lattice_finish(&lattice);
    return fabs(found - exact) / samples;
}

static void test_masses(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.sample_count = 3000;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    double coarse = sum_error(&s, windows, 0.03), half = sum_error(&s, windows, 0.015);
    double fine = sum_error(&s, windows, 0.03 / 16);
    /* Order 8: a factor of 256 for half the spacing. */
    if (!(coarse > 1e-7 && half < coarse / 100 && fine < 1e-12))
        fail_msg("errors %g, %g, %g", coarse, half, fine);
    synthetic_free(windows, s.window_count);
}

static void test_counts(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.sample_count = 1003; /* blocks of unequal length */
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_lattice lattice = make(&s, windows, 0.002, 3);
    size_t bins[23] = {0};
    for (size_t k = 0; k < s.window_count; k++) {
        const struct asim_lattice_window *window = &lattice.windows[k];
        double sum = 0, square_sum = 0;
        assert_int_equal(window->block_count, 16);
        for (size_t block = 0; block < 16; block++) {
            size_t begin = asim_block_begin(1003, 16, block);
            size_t end = asim_block_begin(1003, 16, block + 1), count = 0;
            assert_true(end - begin == 62 || end - begin == 63);
            for (size_t cell = 0; cell < window->node_count; cell++) {
                size_t here = window->counts[block * window->node_count + cell];
                int32_t bin = lattice.bin[window->first_node + cell];
                count += here;
                if (bin != ASIM_NO_BIN)
                    bins[bin] += here;
            }
            assert_int_equal(count, end - begin);
        }
        for (size_t i = 0; i < 1003; i++)
            sum += windows[k].value_nm[i] / 1003;
        for (size_t i = 0; i < 1003; i++)
            square_sum += pow(windows[k].value_nm[i] - sum, 2) / 1002;
        assert_true(fabs(window->mean_nm - sum) < 1e-14);
        assert_true(fabs(window->sd_nm / sqrt(square_sum) - 1) < 1e-11);
    }
    assert_int_equal(asim_block_begin(1003, 16, 16), 1003);
    for (size_t bin = 0; bin < 23; bin++) {
        size_t exact = 0;
        for (size_t k = 0; k < s.window_count; k++)
            for (size_t i = 0; i < 1003; i++) {
                double position = (windows[k].value_nm[i] + 0.2) / (0.4 / 23);
                exact += floor(position) == (double)bin;
            }
        assert_int_equal(bins[bin], exact);
    }
    asim_lattice_finish(&lattice);
    synthetic_free(windows, s.window_count);
}

/* Windows far apart share no nodes, and the space between costs nothing. */
static void test_stretches(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.window_count = 2;
    s.sample_count = 50;
    s.spacing_nm = 1e6;
    struct asim_pmf_window *windows = synthetic_windows(&s);
    struct asim_lattice lattice = make(&s, windows, 0.002, 1);
    assert_true(lattice.node_count < 500);
    assert_true(lattice.windows[1].first_node >=
                lattice.windows[0].first_node + lattice.windows[0].node_count + 7);
    for (size_t g = 1; g < lattice.node_count; g++)
        assert_true(lattice.x_nm[g] > lattice.x_nm[g - 1]);
    asim_lattice_finish(&lattice);
    synthetic_free(windows, s.window_count);
}

/* Free energies from masses alone, from the same start. */
static void solve(const struct asim_lattice *lattice,
                  const struct asim_pmf_window *windows, const double *mass,
                  double kt_kj_mol, double *ret_a)
{
    struct asim_reduced_bias biases[11];
    struct asim_mbar_nodes nodes = {0};
    struct asim_mbar_work work = {0};
    struct asim_error err = {0};
    double weight[11], residual;
    for (size_t k = 0; k < 11; k++) {
        double constant = windows[k].bias.force_constant_kj_mol_nm2;
        biases[k] = (struct asim_reduced_bias){windows[k].bias.centre_nm,
                                               constant / kt_kj_mol, 0};
        weight[k] = (double)windows[k].count;
        ret_a[k] = log(weight[k]);
    }
    assert_int_equal(asim_mbar_nodes_make(lattice->x_nm, lattice->node_count, biases,
                                          11, ret_a, &nodes, &err),
                     0);
    assert_int_equal(asim_mbar_work_init(&work, &nodes, &err), 0);
    asim_mbar_solve(&nodes, mass, weight, 1e-14, ret_a, &work, &residual);
    assert_true(residual < 1e-12);
    asim_mbar_work_finish(&work);
    asim_mbar_nodes_finish(&nodes);
}

/* Moments add: the masses of rows that were there and of rows that came later make
 * those of all rows, and the same free energies, so what was read once is known for
 * good. */
static void test_appended(void **state)
{
    (void)state;
    struct synthetic s = synthetic_default();
    s.curvature_kj_mol_nm2 = 20;
    struct asim_pmf_window *windows = synthetic_windows(&s), parts[2][11];
    struct asim_lattice whole = make(&s, windows, 0.002, 1);
    double *mass = calloc(whole.node_count, sizeof *mass), one[11], sum[11];
    for (size_t k = 0; k < s.window_count; k++) {
        size_t first = 500 + 200 * k; /* of 4000; every window has grown otherwise */
        parts[0][k] = parts[1][k] = windows[k];
        parts[0][k].count = first;
        parts[1][k].value_nm += first;
        parts[1][k].count -= first;
    }
    for (size_t part = 0; part < 2; part++) {
        struct asim_lattice lattice = make(&s, parts[part], 0.002, 1);
        for (size_t g = 0, w = 0; g < lattice.node_count; g++) {
            while (w < whole.node_count && whole.cell[w] < lattice.cell[g])
                w++;
            assert_true(w < whole.node_count && whole.cell[w] == lattice.cell[g]);
            mass[w] += lattice.mass[g];
        }
        asim_lattice_finish(&lattice);
    }
    for (size_t g = 0; g < whole.node_count; g++)
        assert_true(fabs(mass[g] - whole.mass[g]) < 1e-12 * 4000 * 11);
    solve(&whole, windows, whole.mass, synthetic_kt(&s), one);
    solve(&whole, windows, mass, synthetic_kt(&s), sum);
    for (size_t k = 0; k < s.window_count; k++)
        if (!(fabs(one[k] - sum[k]) < 1e-12))
            fail_msg("window %zu: %g", k, one[k] - sum[k]);
    free(mass);
    asim_lattice_finish(&whole);
    synthetic_free(windows, s.window_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masses),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_stretches),
        cmocka_unit_test(test_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
