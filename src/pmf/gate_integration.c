/*
 * The gate of umbrella integration (Kaestner & Thiel 2005, J. Chem. Phys. 123, 144104):
 * free energies of windows from mean forces alone, against those of MBAR.
 *
 * From a window to the next, centre and force constant change linearly with s = 0..1.
 * The free energy's derivatives along s are averages over either window,
 *     f' = <u'>,  f'' = <u''> - Var(u'),  f''' = <u'''> - 3 Cov(u',u'') + K3(u'),
 * and the fifth-order Hermite rule integrates f' with them. MBAR uses where samples of
 * both windows overlap, integration what each window says at its own place: they agree
 * only where both windows see the same equilibrium.
 */
#include "pmf/gate_tests.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/threads.h"
#include "samples/drift.h"

static const double LACK = 0.5; /* of windows that fail: half as long again */
static const double LEVEL = 0.01, LEAST_LIMIT = 3;
static const double NEGLIGIBLE = 0.01; /* kT; smaller differences mean nothing */
enum { FEWEST_BLOCKS = 16 };

/* u(s), reduced, from one window's bias to another's. */
struct path {
    double centre, constant, centre_step, constant_step; /* at s, and their d/ds */
};

struct derivatives {
    double first, second, third;
};

static struct derivatives along_path(const struct path *path, double x)
{
    double distance = x - path->centre, step = path->centre_step;
    return (struct derivatives){
        .first = 0.5 * path->constant_step * distance * distance -
                 path->constant * step * distance,
        .second =
            -2 * path->constant_step * step * distance + path->constant * step * step,
        .third = 3 * path->constant_step * step * step,
    };
}

/* One end of the path. */
struct end {
    size_t window;
    struct path path;
    double mean, second_mean, variance, covariance, skew; /* of u', u'' */
    double weights[3]; /* of f', f'', f''' in the rule */
    double integral;
};

/* Sum of counts over all blocks, per cell. */
static double cell_count(const struct asim_lattice_window *window, size_t cell)
{
    double count = 0;
    for (size_t block = 0; block < window->block_count; block++)
        count += window->counts[block * window->node_count + cell];
    return count;
}

/* Averages over the cells' middles. Samples spread by h^2/12 within a cell, which a
 * middle does not see: the terms with `spread`. */
static void measure(const struct asim_gate_input *input, struct end *end)
{
    const struct asim_lattice_window *window = &input->lattice->windows[end->window];
    const double *x = &input->estimate->centres.x_nm[window->first_node];
    const struct path *path = &end->path;
    double spread = input->lattice->spacing_nm * input->lattice->spacing_nm / 12;
    double total = (double)window->count, third = 0;
    for (size_t cell = 0; cell < window->node_count; cell++) {
        struct derivatives u = along_path(path, x[cell]);
        double share = cell_count(window, cell) / total;
        end->mean += share * u.first;
        end->second_mean += share * u.second;
    }
    for (size_t cell = 0; cell < window->node_count; cell++) {
        struct derivatives u = along_path(path, x[cell]);
        double share = cell_count(window, cell) / total, first = u.first - end->mean;
        double slope = path->constant_step * (x[cell] - path->centre) -
                       path->constant * path->centre_step;
        end->variance += share * (first * first + slope * slope * spread);
        end->covariance += share * first * (u.second - end->second_mean);
        end->skew += share * first * (first * first + 3 * slope * slope * spread);
        third = u.third;
    }
    end->mean += 0.5 * path->constant_step * spread;
    end->integral = end->weights[0] * end->mean +
                    end->weights[1] * (end->second_mean - end->variance) +
                    end->weights[2] * (third - 3 * end->covariance + end->skew);
}

/* What a sample at x adds to N times the integral, to first order. */
static double sample_influence(const struct end *end, double x)
{
    struct derivatives u = along_path(&end->path, x);
    double first = u.first - end->mean, second = u.second - end->second_mean;
    return end->weights[0] * first +
           end->weights[1] * (second - (first * first - end->variance)) +
           end->weights[2] *
               (-3 * (first * second - end->covariance) +
                (first * first * first - end->skew) - 3 * end->variance * first);
}

struct pair_test {
    const struct asim_gate_input *input;
    double *z, *p, *difference; /* [pair] */
};

struct comparison {
    size_t pair;
    struct end ends[2];
    double *response;     /* [window] H^-1 (e_right - e_left) */
    double *influence[2]; /* [cell of the end's window] of a sample on MBAR's
                             difference of weights less the integral */
};

static double block_sum(const struct asim_lattice_window *window, size_t block,
                        const double *of_cell)
{
    const uint32_t *counts = &window->counts[block * window->node_count];
    double sum = 0;
    for (size_t cell = 0; cell < window->node_count; cell++)
        sum += counts[cell] * of_cell[cell];
    return sum;
}

static double block_influence(const struct asim_gate_input *input,
                              const struct comparison *comparison, size_t w,
                              size_t block)
{
    const struct asim_influence_window *own = &input->influence->windows[w];
    const double *gradient = &own->gradients[block * own->width];
    double psi = 0;
    for (size_t k = 0; k < own->width; k++)
        psi -= comparison->response[own->first + k] * gradient[k];
    for (int side = 0; side < 2; side++)
        if (comparison->ends[side].window == w)
            psi += block_sum(&input->lattice->windows[w], block,
                             comparison->influence[side]);
    return psi;
}

/* A window whose reach the response does not vary over adds nothing: its G_b add up to
 * zero. */
static bool is_touched(const struct asim_gate_input *input,
                       const struct comparison *comparison, size_t w)
{
    const struct asim_influence_window *own = &input->influence->windows[w];
    double least = INFINITY, most = -INFINITY;
    for (size_t k = 0; k < own->width; k++) {
        least = fmin(least, comparison->response[own->first + k]);
        most = fmax(most, comparison->response[own->first + k]);
    }
    double scale = fabs(comparison->response[comparison->ends[1].window] -
                        comparison->response[comparison->ends[0].window]);
    return most - least > 1e-9 * scale || comparison->ends[0].window == w ||
           comparison->ends[1].window == w;
}

static double variance_of(const struct asim_gate_input *input,
                          const struct comparison *comparison)
{
    double variance = 0;
    for (size_t w = 0; w < input->lattice->window_count; w++) {
        size_t pairs = input->lattice->windows[w].block_count / 2;
        double mean = 0, square_sum = 0;
        if (!is_touched(input, comparison, w))
            continue;
        for (size_t pair = 0; pair < pairs; pair++) {
            double psi = block_influence(input, comparison, w, 2 * pair) +
                         block_influence(input, comparison, w, 2 * pair + 1);
            double delta = psi - mean;
            mean += delta / (double)(pair + 1);
            square_sum += delta * (psi - mean);
        }
        variance +=
            pairs > 1 ? square_sum * (double)pairs / (double)(pairs - 1) : mean * mean;
    }
    return variance;
}

static struct comparison make_comparison(const struct asim_gate_input *input,
                                         size_t pair)
{
    const struct asim_reduced_bias *left = &input->biases[pair], *right = left + 1;
    double centre_step = right->centre_nm - left->centre_nm;
    double constant_step = right->reduced_k_per_nm2 - left->reduced_k_per_nm2;
    return (struct comparison){
        .pair = pair,
        .ends = {{.window = pair,
                  .path = {left->centre_nm, left->reduced_k_per_nm2, centre_step,
                           constant_step},
                  .weights = {1.0 / 2, 1.0 / 10, 1.0 / 120}},
                 {.window = pair + 1,
                  .path = {right->centre_nm, right->reduced_k_per_nm2, centre_step,
                           constant_step},
                  .weights = {1.0 / 2, -1.0 / 10, 1.0 / 120}}},
    };
}

static void fill_influence(const struct asim_gate_input *input, const struct end *end,
                           double mbar_sign, double *ret_influence)
{
    const struct asim_lattice_window *window = &input->lattice->windows[end->window];
    const double *x = &input->estimate->centres.x_nm[window->first_node];
    for (size_t cell = 0; cell < window->node_count; cell++)
        ret_influence[cell] =
            (-mbar_sign - sample_influence(end, x[cell])) / (double)window->count;
}

static int judge_pair(void *context, size_t pair, int thread_index,
                      struct asim_error *err)
{
    (void)thread_index;
    const struct pair_test *test = context;
    const struct asim_gate_input *input = test->input;
    const struct asim_lattice *lattice = input->lattice;
    struct comparison comparison = make_comparison(input, pair);
    const double *a = input->estimate->a, *weight = input->estimate->weight;
    int rc = -1;
    comparison.response = asim_alloc_array(lattice->window_count, sizeof(double), err);
    for (int side = 0; side < 2; side++) {
        size_t window = comparison.ends[side].window;
        comparison.influence[side] =
            asim_alloc_array(lattice->windows[window].node_count, sizeof(double), err);
    }
    if (!comparison.response || !comparison.influence[0] || !comparison.influence[1])
        goto out;
    comparison.response[pair + 1] = 1;
    comparison.response[pair] = pair == 0 ? 0 : -1; /* a_0 is held */
    asim_band_solve(&input->estimate->factor, comparison.response);
    for (int side = 0; side < 2; side++) {
        measure(input, &comparison.ends[side]);
        fill_influence(input, &comparison.ends[side], side ? 1 : -1,
                       comparison.influence[side]);
    }
    double mbar = a[pair + 1] - a[pair] - log(weight[pair + 1] / weight[pair]);
    double integral = comparison.ends[0].integral + comparison.ends[1].integral;
    double variance = variance_of(input, &comparison) + NEGLIGIBLE * NEGLIGIBLE;
    size_t blocks = lattice->windows[pair].block_count;
    if (lattice->windows[pair + 1].block_count < blocks)
        blocks = lattice->windows[pair + 1].block_count;
    test->difference[pair] = mbar - integral;
    test->z[pair] =
        blocks >= FEWEST_BLOCKS ? fabs(mbar - integral) / sqrt(variance) : 0;
    test->p[pair] = blocks >= FEWEST_BLOCKS
                        ? asim_student_p_value(test->z[pair], (double)(blocks / 2 - 1))
                        : 1;
    rc = 0;
out:
    free(comparison.response);
    free(comparison.influence[0]);
    free(comparison.influence[1]);
    return rc;
}

int asim_gate_integration(const struct asim_gate_input *input,
                          struct asim_gate *ret_gate, struct asim_error *err)
{
    size_t pairs = input->lattice->window_count - 1, worst = 0, failed = 0;
    if (pairs == 0) {
        asim_gate_set(ret_gate, "integration", true, 0, LEAST_LIMIT,
                      "one window alone has nothing to integrate between");
        return 0;
    }
    double *memory = asim_alloc_array(pairs, 3 * sizeof *memory, err);
    if (!memory)
        return -1;
    struct pair_test test = {input, memory, memory + pairs, memory + 2 * pairs};
    if (asim_parallel(pairs, input->thread_count, judge_pair, &test, err) < 0) {
        free(memory);
        return -1;
    }
    /* Three standard errors, or more where so many pairs would pass them by chance. */
    double freedom = (double)(input->lattice->windows[0].block_count / 2) - 1;
    double limit = LEAST_LIMIT;
    while (limit < 40 && asim_student_p_value(limit, freedom > 1 ? freedom : 1) >
                             LEVEL / (double)pairs)
        limit += 0.01;
    for (size_t pair = 0; pair < pairs; pair++) {
        if (!(test.z[pair] <= limit)) {
            asim_gate_need(input, pair, LACK);
            asim_gate_need(input, pair + 1, LACK);
            failed++;
        }
        if (!(test.z[pair] <= test.z[worst]))
            worst = pair;
    }
    if (failed)
        asim_gate_set(ret_gate, "integration", false, test.z[worst], limit,
                      "between windows %d and %d mean forces give another free "
                      "energy than MBAR, by %.2g kT or %.1f standard errors: poor "
                      "overlap, wrong biases, or unrelaxed other motions",
                      input->window_ids[worst], input->window_ids[worst + 1],
                      fabs(test.difference[worst]), test.z[worst]);
    else
        asim_gate_set(ret_gate, "integration", true, test.z[worst], limit,
                      "mean forces and MBAR give the same free energies");
    free(memory);
    return 0;
}
