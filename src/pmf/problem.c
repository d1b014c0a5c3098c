/*
 * The input checked, its defaults filled in, and its samples on the lattice: what every
 * profile of these windows begins with.
 */
#include "pmf/problem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/units.h"
#include "pmf/support.h"

enum { MOST_BINS = 1000000, MOST_WINDOWS = 20000, DEFAULT_BLOCKS = 32 };
/* Of the narrowest bias' width: interpolation errors of some 1e-12, counting errors of
 * 2e-4 (spacing^2/24). Bins a quarter of it wide lose no feature of the profile. */
static const double CELLS_PER_SIGMA = 16, BINS_PER_SIGMA = 4;
static const double DEFAULT_OVERLAP = 0.03;
/* kT that a harmonic bias has half a period from its centre: its kink there weighs
 * e^-60 and interpolation does not see it. */
static const double LEAST_AT_SEAM = 60;

static int check_window(const struct asim_problem *problem, size_t index,
                        struct asim_error *err)
{
    const struct asim_pmf_window *window = &problem->windows[index];
    double centre = window->bias.centre_nm;
    double k = window->bias.force_constant_kj_mol_nm2;
    if (!isfinite(centre) || !isfinite(k) || k < 0)
        return asim_fail(err, ASIM_EINPUT,
                         "window %zu: centre %g nm and force constant %g kJ/mol/nm^2; "
                         "finite numbers, and a force constant of 0 or more, were "
                         "expected",
                         index, centre, k);
    if (index > 0 && centre < problem->windows[index - 1].bias.centre_nm)
        return asim_fail(
            err, ASIM_EINPUT,
            "window %zu: centre %g nm lies below that of the window before, "
            "%g nm; windows were expected in order of their centres",
            index, centre, problem->windows[index - 1].bias.centre_nm);
    if (window->count == 0)
        return asim_fail(
            err, ASIM_EINPUT,
            "window %zu (centre %g nm) has no samples; run it, or leave it "
            "out",
            index, centre);
    if (window->count > UINT32_MAX)
        return asim_fail(err, ASIM_EINPUT,
                         "window %zu has %zu samples; at most %u are supported", index,
                         window->count, UINT32_MAX);
    for (size_t i = 0; i < window->count; i++)
        if (!isfinite(window->value_nm[i]))
            return asim_fail(err, ASIM_EINPUT,
                             "window %zu (centre %g nm): sample %zu is not a finite "
                             "number",
                             index, centre, i);
    return 0;
}

static int check_period(const struct asim_problem *problem, struct asim_error *err)
{
    double period = problem->options.period_nm;
    double span = problem->windows[problem->window_count - 1].bias.centre_nm -
                  problem->windows[0].bias.centre_nm;
    double kt = ASIM_KB_KJ_MOL_K * problem->options.temperature_kelvin;
    if (!(period >= 0 && isfinite(period)))
        return asim_fail(err, ASIM_EUSAGE,
                         "a period of %g; a positive number was expected", period);
    if (period == 0)
        return 0;
    if (!(span < period))
        return asim_fail(err, ASIM_EINPUT,
                         "centres from %g to %g do not lie within one period of %g",
                         problem->windows[0].bias.centre_nm,
                         problem->windows[0].bias.centre_nm + span, period);
    if (problem->options.target_kj_mol > 0)
        return asim_fail(err, ASIM_EUSAGE,
                         "a target was given, but what to simulate next is told for "
                         "coordinates without a period only");
    for (size_t k = 0; k < problem->window_count; k++) {
        double constant = problem->windows[k].bias.force_constant_kj_mol_nm2;
        double least = 8 * LEAST_AT_SEAM * kt / (period * period);
        if (constant > 0 && constant < least)
            return asim_fail(
                err, ASIM_EINPUT,
                "window %zu: force constant %g is so weak that samples cross "
                "the point opposite to the centre, where the bias has a "
                "kink; %.3g or more (or 0) was expected with a period of %g",
                k, constant, least, period);
    }
    return 0;
}

static int check_input(struct asim_problem *problem, struct asim_error *err)
{
    struct asim_pmf_options *options = &problem->options;
    if (!(options->temperature_kelvin > 0) || !isfinite(options->temperature_kelvin))
        return asim_fail(err, ASIM_EINPUT,
                         "temperature %g K; a positive number was expected",
                         options->temperature_kelvin);
    if (problem->window_count == 0 || problem->window_count > MOST_WINDOWS)
        return asim_fail(err, ASIM_EINPUT, "%zu windows; 1 to %d were expected",
                         problem->window_count, MOST_WINDOWS);
    if (!(options->target_kj_mol >= 0 && isfinite(options->target_kj_mol)))
        return asim_fail(err, ASIM_EUSAGE,
                         "a target of %g kJ/mol; a positive number was expected",
                         options->target_kj_mol);
    if (options->bin_count > MOST_BINS)
        return asim_fail(err, ASIM_EUSAGE, "%zu bins; at most %d are supported",
                         options->bin_count, MOST_BINS);
    if (options->block_count == 0)
        options->block_count = DEFAULT_BLOCKS;
    if (options->block_count < 2 || options->block_count > 10000)
        return asim_fail(err, ASIM_EUSAGE, "%zu blocks; 2 to 10000 were expected",
                         options->block_count);
    if (options->bootstrap_count == 1 || options->bootstrap_count > 1000000)
        return asim_fail(err, ASIM_EUSAGE,
                         "%zu bootstrap repeats; 0, or 2 to 1000000, were expected",
                         options->bootstrap_count);
    options->coordinate = options->coordinate ? options->coordinate : "PC1";
    options->unit = options->unit ? options->unit : "nm";
    if (!(options->minimum_overlap > 0))
        options->minimum_overlap = DEFAULT_OVERLAP;
    for (size_t k = 0; k < problem->window_count; k++)
        if (check_window(problem, k, err) < 0)
            return -1;
    return check_period(problem, err);
}

/* Widest a window can be in a flat profile; an unbiased one is as wide as its samples.
 */
static double window_sigma(const struct asim_problem *problem, size_t index)
{
    const struct asim_pmf_window *window = &problem->windows[index];
    double mean = 0, square_sum = 0;
    if (window->bias.force_constant_kj_mol_nm2 > 0)
        return sqrt(problem->kt_kj_mol / window->bias.force_constant_kj_mol_nm2);
    for (size_t i = 0; i < window->count; i++) {
        double delta = window->value_nm[i] - mean;
        mean += delta / (double)(i + 1);
        square_sum += delta * (window->value_nm[i] - mean);
    }
    return sqrt(square_sum / (double)window->count);
}

/* Once round, from zero or symmetric about it, as the centres are. */
static int choose_period_range(struct asim_problem *problem, struct asim_error *err)
{
    struct asim_pmf_options *options = &problem->options;
    double period = options->period_nm, end;
    if (isnan(options->begin_nm))
        options->begin_nm =
            !isnan(options->end_nm) ? options->end_nm - period
            : problem->windows[0].bias.centre_nm >= 0 &&
                    problem->windows[problem->window_count - 1].bias.centre_nm >
                        0.5 * period
                ? 0
                : -0.5 * period;
    end = options->begin_nm + period;
    if (!isnan(options->end_nm) && fabs(options->end_nm - end) > 1e-9 * period)
        return asim_fail(err, ASIM_EUSAGE,
                         "the profile's range %g to %g, but the period is %g; a range "
                         "of one period was expected",
                         options->begin_nm, options->end_nm, period);
    options->end_nm = end;
    return 0;
}

static int choose_range(struct asim_problem *problem, struct asim_error *err)
{
    struct asim_pmf_options *options = &problem->options;
    size_t last = problem->window_count - 1;
    problem->sigma_nm = INFINITY;
    for (size_t k = 0; k <= last; k++) {
        double sigma = window_sigma(problem, k);
        if (sigma > 0 && sigma < problem->sigma_nm)
            problem->sigma_nm = sigma;
    }
    if (!isfinite(problem->sigma_nm))
        return asim_fail(err, ASIM_EINPUT,
                         "no window has a bias or samples that differ; a width of the "
                         "sampled range was expected");
    if (options->period_nm > 0 && choose_period_range(problem, err) < 0)
        return -1;
    problem->default_begin = isnan(options->begin_nm);
    problem->default_end = isnan(options->end_nm);
    if (problem->default_begin)
        options->begin_nm =
            problem->windows[0].bias.centre_nm - window_sigma(problem, 0);
    if (problem->default_end)
        options->end_nm =
            problem->windows[last].bias.centre_nm + window_sigma(problem, last);
    double range = options->end_nm - options->begin_nm;
    if (!isfinite(range) || !(range > 0))
        return asim_fail(err, ASIM_EUSAGE,
                         "the profile's range %g to %g nm is empty or not finite",
                         options->begin_nm, options->end_nm);
    if (options->bin_count == 0) {
        double bins = ceil(range / problem->sigma_nm * BINS_PER_SIGMA - 1e-9);
        if (!(bins <= MOST_BINS))
            return asim_fail(
                err, ASIM_EINPUT,
                "the range %g to %g nm is %g widths of the stiffest window "
                "wide; the centres or force constants are wrong",
                options->begin_nm, options->end_nm, range / problem->sigma_nm);
        options->bin_count = bins < 1 ? 1 : (size_t)bins;
    }
    return 0;
}

/* Each window's samples on the side of the seam where its centre is: series without
 * jumps, and a few images of some stretches of the coordinate. */
static int unwrap(struct asim_problem *problem, struct asim_error *err)
{
    double period = problem->options.period_nm, *value;
    size_t total = 0;
    for (size_t k = 0; k < problem->window_count; k++)
        total += problem->windows[k].count;
    problem->unwrapped =
        asim_alloc_array(problem->window_count, sizeof *problem->unwrapped, err);
    problem->values = value = asim_alloc_array(total, sizeof *value, err);
    if (!problem->unwrapped || !problem->values)
        return -1;
    for (size_t k = 0; k < problem->window_count; k++) {
        const struct asim_pmf_window *window = &problem->windows[k];
        double centre = window->bias.centre_nm;
        problem->unwrapped[k] = *window;
        problem->unwrapped[k].value_nm = value;
        for (size_t i = 0; i < window->count; i++)
            *value++ =
                centre + asim_wrapped_difference(window->value_nm[i] - centre, period);
    }
    problem->windows = problem->unwrapped;
    return 0;
}

void asim_problem_finish(struct asim_problem *problem)
{
    if (!problem)
        return;
    free(problem->biases);
    free(problem->unwrapped);
    free(problem->values);
    asim_lattice_finish(&problem->lattice);
    asim_estimate_finish(&problem->estimate);
    *problem = (struct asim_problem){0};
}

static int lay_out(struct asim_problem *problem, struct asim_error *err)
{
    const struct asim_pmf_options *options = &problem->options;
    const struct asim_lattice_options lattice_options = {
        .begin_nm = options->begin_nm,
        .end_nm = options->end_nm,
        .periodic = options->period_nm > 0,
        .bin_count = options->bin_count,
        .cell_limit_nm = problem->sigma_nm / CELLS_PER_SIGMA,
        .block_count = options->block_count,
        .thread_count = options->thread_count,
    };
    if (asim_lattice_make(problem->windows, problem->window_count, &lattice_options,
                          &problem->lattice, err) < 0 ||
        asim_support_trim(&problem->lattice, problem->windows[0].bias.centre_nm,
                          problem->windows[problem->window_count - 1].bias.centre_nm,
                          problem->default_begin, problem->default_end, &problem->trim,
                          err) < 0)
        return -1;
    return asim_estimate_make(&problem->lattice, problem->biases,
                              options->minimum_overlap, options->thread_count,
                              &problem->estimate, err);
}

int asim_problem_make(const struct asim_pmf_window *windows, size_t window_count,
                      const struct asim_pmf_options *options,
                      struct asim_problem *ret_problem, struct asim_error *err)
{
    struct asim_problem problem = {
        .windows = windows, .window_count = window_count, .options = *options};
    int rc = -1;
    if (check_input(&problem, err) < 0)
        goto out;
    problem.kt_kj_mol = ASIM_KB_KJ_MOL_K * options->temperature_kelvin;
    problem.biases = asim_alloc_array(window_count, sizeof *problem.biases, err);
    if (!problem.biases || (options->period_nm > 0 && unwrap(&problem, err) < 0) ||
        choose_range(&problem, err) < 0)
        goto out;
    for (size_t k = 0; k < window_count; k++)
        problem.biases[k] = (struct asim_reduced_bias){
            windows[k].bias.centre_nm,
            windows[k].bias.force_constant_kj_mol_nm2 / problem.kt_kj_mol,
            options->period_nm};
    if (lay_out(&problem, err) < 0)
        goto out;
    *ret_problem = problem;
    problem = (struct asim_problem){0};
    rc = 0;
out:
    asim_problem_finish(&problem);
    return rc;
}
