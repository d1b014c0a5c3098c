/*
 * Where the windows are and how stiff.
 *
 * Rule: spacing s = sqrt(lambda1)/3 over the 0.5 to 99.5 percentile of the projections,
 * k = 2 kT/s^2. Where the free energy is flat, a window's samples then have
 * sigma = sqrt(kT/k) = s/1.41, and neighbours overlap by 0.22-0.24.
 * Must not know how windows are run.
 */
#include <autosim/windows.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/units.h"
#include "formats/tpr.h"
#include "pca/turning.h"
#include "structure/whole.h"
#include "windows/bias_method.h"
#include "windows/edi.h"
#include "windows/gradient.h"
#include "windows/planned_frame.h"
#include "windows/simulation.h"
#include "windows/steering.h"

enum {
    WINDOWS_MOST = 10000,
    SAMPLES_MOST = 50000,      /* a window, where the interval is ours to choose */
    FORCE_ERROR_FRAMES = 2000, /* frames over which <w^2> is averaged, at most */
};

void asim_plan_finish(struct asim_plan *plan)
{
    if (!plan)
        return;
    free(plan->windows);
    *plan = (struct asim_plan){0};
}

/* A frame of the PCA by its projection. */
struct projected_frame {
    double value_nm;
    size_t index;
};

/* By value, then by time. */
static int by_value(const void *a, const void *b)
{
    const struct projected_frame *x = a, *y = b;
    if (x->value_nm != y->value_nm)
        return x->value_nm < y->value_nm ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static struct projected_frame *sort_frames(const struct asim_pca *pca,
                                           struct asim_error *err)
{
    struct projected_frame *sorted =
        asim_alloc_array(pca->frame_count, sizeof *sorted, err);
    if (!sorted)
        return NULL;
    for (size_t i = 0; i < pca->frame_count; i++)
        sorted[i] = (struct projected_frame){pca->projections_nm[i], i};
    qsort(sorted, pca->frame_count, sizeof *sorted, by_value);
    return sorted;
}

/* Value below which the given fraction of the frames lies, interpolated. */
static double percentile(const struct projected_frame *sorted, size_t count,
                         double fraction)
{
    double position = fraction * (double)(count - 1);
    size_t below = (size_t)position;
    if (below + 1 >= count)
        return sorted[count - 1].value_nm;
    return sorted[below].value_nm +
           (position - (double)below) *
               (sorted[below + 1].value_nm - sorted[below].value_nm);
}

static int choose_range(const struct projected_frame *sorted, size_t count,
                        const struct asim_plan_options *options, double *ret_begin_nm,
                        double *ret_end_nm, struct asim_error *err)
{
    double begin =
        isnan(options->begin_nm) ? percentile(sorted, count, 0.005) : options->begin_nm;
    double end =
        isnan(options->end_nm) ? percentile(sorted, count, 0.995) : options->end_nm;
    double lowest = sorted[0].value_nm, highest = sorted[count - 1].value_nm;
    if (!(begin < end))
        return asim_fail(err, ASIM_EINPUT,
                         "the range of windows %.4f to %.4f nm is empty: the beginning "
                         "must be below the end",
                         begin, end);
    if (begin > highest || end < lowest)
        return asim_fail(err, ASIM_EINPUT,
                         "no frame lies in the range %.4f to %.4f nm: the trajectory "
                         "covers %.4f to %.4f nm along PC1",
                         begin, end, lowest, highest);
    *ret_begin_nm = begin;
    *ret_end_nm = end;
    return 0;
}

/* Steps of a window and between its samples, from lengths in ps. */
static int choose_steps(const struct asim_plan_options *options, double dt_ps,
                        int64_t *ret_sample_steps, int64_t *ret_nsteps,
                        struct asim_error *err)
{
    if (!(options->window_ps > 0) || options->window_ps / dt_ps > 1e15)
        return asim_fail(
            err, ASIM_EUSAGE,
            "a window of %g ps is not possible: its length must be positive",
            options->window_ps);
    double interval = options->sample_ps;
    if (interval <= 0)
        interval = fmax(0.1, options->window_ps / SAMPLES_MOST);
    int64_t sample_steps = (int64_t)llround(interval / dt_ps);
    if (sample_steps < 1)
        sample_steps = 1;
    int64_t samples =
        (int64_t)floor(options->window_ps / dt_ps / (double)sample_steps + 1e-6);
    if (samples < 100 || sample_steps > INT32_MAX)
        return asim_fail(err, ASIM_EUSAGE,
                         "a window of %g ps holds %" PRId64
                         " samples, one every %g ps; at least 100 are needed",
                         options->window_ps, samples, (double)sample_steps * dt_ps);
    *ret_sample_steps = sample_steps;
    *ret_nsteps = samples * sample_steps;
    return 0;
}

static bool is_dynamics(const char *integrator)
{
    static const char *const dynamics[] = {"md", "sd", "bd", "md-vv", "md-vv-avek"};
    for (size_t i = 0; i < sizeof dynamics / sizeof *dynamics; i++)
        if (strcmp(integrator, dynamics[i]) == 0)
            return true;
    return false;
}

int asim_plan_check_simulation(const struct asim_tpr *tpr,
                               const struct asim_topology *top,
                               const struct asim_plan_options *options,
                               double *ret_kelvin, struct asim_error *err)
{
    if (tpr->atom_count != top->atom_count)
        return asim_fail(err, ASIM_EINPUT,
                         "the TPR holds %zu atoms and the topology %zu",
                         tpr->atom_count, top->atom_count);
    if (!is_dynamics(tpr->integrator_name) || !(tpr->dt_ps > 0))
        return asim_fail(
            err, ASIM_EINPUT,
            "integrator '%s' with a time step of %g ps is no dynamics: give "
            "a TPR made for md or sd",
            tpr->integrator_name, tpr->dt_ps);
    if (options->temperature_kelvin > 0) {
        *ret_kelvin = options->temperature_kelvin;
        return 0;
    }
    if (!(tpr->ref_t_kelvin > 0))
        return asim_fail(
            err, ASIM_EINPUT,
            "the TPR has no reference temperature (no thermostat), and a "
            "PMF needs one: set tcoupl or integrator = sd with ref-t in the "
            ".mdp, or give --temperature");
    if (!tpr->one_temperature)
        return asim_fail(
            err, ASIM_EINPUT,
            "the temperature groups of the TPR have different ref-t, so the "
            "ensemble has no one temperature: make them equal, or give "
            "--temperature");
    *ret_kelvin = tpr->ref_t_kelvin;
    return 0;
}

static void place_windows(struct asim_plan *plan, double begin_nm, double end_nm,
                          double force_constant)
{
    for (size_t i = 0; i < plan->window_count; i++) {
        struct asim_window *window = &plan->windows[i];
        double fraction = plan->window_count == 1
                              ? 0.5
                              : (double)i / (double)(plan->window_count - 1);
        window->window_id = (int)i;
        window->bias.centre_nm =
            asim_edi_round_centre(begin_nm + fraction * (end_nm - begin_nm));
        window->bias.force_constant_kj_mol_nm2 = force_constant;
    }
}

/* The frame nearest to each centre; centres and sorted frames both ascend. */
static void choose_starts(struct asim_plan *plan, const struct asim_pca *pca,
                          const struct projected_frame *sorted)
{
    size_t at = 0;
    for (size_t i = 0; i < plan->window_count; i++) {
        struct asim_window *window = &plan->windows[i];
        double centre = window->bias.centre_nm;
        while (at + 1 < pca->frame_count && fabs(sorted[at + 1].value_nm - centre) <=
                                                fabs(sorted[at].value_nm - centre))
            at++;
        window->start_frame_index = pca->frame_indices[sorted[at].index];
        window->start_time_ps = pca->time_ps[sorted[at].index];
        window->start_nm = sorted[at].value_nm;
    }
}

static void choose_seeds(struct asim_plan *plan, size_t i)
{
    /* gmx takes a positive 31-bit seed; -1 would mean "choose one". */
    uint64_t noise = asim_random_derive(plan->seed, 2 * i);
    plan->windows[i].ld_seed = (int32_t)(noise % 2147483646u) + 1;
    plan->windows[i].velocity_seed =
        asim_random_derive(plan->seed, 2 * i + 1) >> 1; /* fits JSON's integers */
}

int asim_plan_add_window(struct asim_plan *plan, const struct asim_pca *pca,
                         const struct asim_bias *bias, int64_t nsteps,
                         struct asim_error *err)
{
    size_t i = plan->window_count, nearest = 0;
    int id = 0;
    if (!isfinite(bias->centre_nm) || !(bias->force_constant_kj_mol_nm2 > 0) ||
        nsteps < 1 || i >= WINDOWS_MOST || pca->frame_count == 0)
        return asim_fail(err, ASIM_EUSAGE,
                         "a window at %g nm with k = %g kJ/mol/nm^2 and %" PRId64
                         " steps cannot be added to %zu windows",
                         bias->centre_nm, bias->force_constant_kj_mol_nm2, nsteps, i);
    struct asim_window *windows = asim_alloc_array(i + 1, sizeof *windows, err);
    if (!windows)
        return -1;
    for (size_t k = 0; k < i; k++) {
        windows[k] = plan->windows[k];
        id = windows[k].window_id >= id ? windows[k].window_id + 1 : id;
    }
    for (size_t k = 1; k < pca->frame_count; k++)
        if (fabs(pca->projections_nm[k] - bias->centre_nm) <
            fabs(pca->projections_nm[nearest] - bias->centre_nm))
            nearest = k;
    windows[i] = (struct asim_window){
        .window_id = id,
        .bias = {asim_edi_round_centre(bias->centre_nm),
                 asim_edi_round_force_constant(bias->force_constant_kj_mol_nm2)},
        .start_frame_index = pca->frame_indices[nearest],
        .start_time_ps = pca->time_ps[nearest],
        .start_nm = pca->projections_nm[nearest],
        .nsteps = nsteps,
    };
    free(plan->windows);
    plan->windows = windows;
    plan->window_count = i + 1;
    choose_seeds(plan, i);
    if (plan->steered)
        asim_steering_plan(plan, &plan->windows[i], plan->windows[0].steering.from_nm);
    return 0;
}

static size_t nearest_window(const struct asim_plan *plan, double value_nm)
{
    if (plan->window_count == 1)
        return 0;
    double position =
        (value_nm - plan->windows[0].bias.centre_nm) / plan->spacing_nm + 0.5;
    if (!(position > 0))
        return 0;
    size_t index = (size_t)position;
    return index < plan->window_count ? index : plan->window_count - 1;
}

/* <w^2> over evenly spaced frames, and its largest mean over the frames of a window. */
static int measure_force_error(struct asim_plan *plan, const struct asim_pca *pca,
                               const struct asim_topology *top,
                               struct asim_trajectory *traj, struct asim_error *err)
{
    struct asim_whole *whole = NULL;
    struct asim_frame frame = {0};
    struct asim_gradient gradient = {0};
    double *sums = asim_alloc_array(plan->window_count, sizeof *sums, err);
    size_t *counts = asim_alloc_array(plan->window_count, sizeof *counts, err);
    size_t stride = 1 + (pca->frame_count - 1) / FORCE_ERROR_FRAMES;
    size_t frames = 0;
    double total = 0;
    int rc = -1;
    if (!sums || !counts || asim_gradient_init(pca, &gradient, err) < 0)
        goto out;
    if (pca->pbc != ASIM_PBC_NONE &&
        asim_whole_create(top, pca->pbc, gradient.atoms.index, gradient.atoms.count,
                          &whole, err) < 0)
        goto out;
    asim_trajectory_limit_atoms(traj, whole ? asim_whole_atom_limit(whole) : 0);
    /* What follows atoms from frame to frame must see every frame. */
    size_t step = whole && asim_whole_in_order(whole) ? 1 : stride;
    for (size_t i = 0; i < pca->frame_count; i += step) {
        if (asim_read_planned_frame(traj, pca->frame_indices[i], &frame, err) < 0 ||
            (whole && asim_whole_apply(whole, &frame, err) < 0))
            goto out;
        if (i % stride != 0)
            continue;
        frames++;
        if (asim_gradient_compute(&gradient, (const float(*)[3])frame.x_nm, plan->bias,
                                  err) < 0) {
            asim_wrap(err, "'%s' frame %zu", asim_trajectory_path(traj),
                      frame.frame_index);
            goto out;
        }
        size_t window = nearest_window(plan, pca->projections_nm[i]);
        sums[window] += gradient.w2;
        counts[window]++;
        total += gradient.w2;
    }
    plan->force_error = total / (double)frames;
    for (size_t i = 0; i < plan->window_count; i++)
        if (counts[i] > 0)
            plan->force_error_max =
                fmax(plan->force_error_max, sums[i] / (double)counts[i]);
    rc = 0;
out:
    asim_trajectory_limit_atoms(traj, 0);
    asim_whole_destroy(whole);
    asim_frame_finish(&frame);
    asim_gradient_finish(&gradient);
    free(sums);
    free(counts);
    return rc;
}

/* Refuses a bias whose force is wrong; says how wrong it is otherwise. */
static int judge_force_error(const struct asim_plan *plan, const struct asim_pca *pca,
                             struct asim_log *log, struct asim_error *err)
{
    const struct asim_bias_method *method = asim_bias_method(plan->bias);
    if (method->exact) {
        asim_log_write(log, ASIM_LOG_INFO,
                       "Bias: %s. The .edi bias would have <w^2> = %.4f",
                       method->summary, plan->force_error);
        return 0;
    }
    asim_log_write(
        log, ASIM_LOG_INFO,
        "Force error of the .edi bias: <w^2> = %.4f, largest window mean %.4f "
        "(k_eff = k/(1+w^2); refused above %.1f)",
        plan->force_error, plan->force_error_max, ASIM_FORCE_ERROR_LIMIT);
    if (plan->force_error > ASIM_FORCE_ERROR_LIMIT)
        return asim_fail(
            err, ASIM_EINPUT,
            "the .edi bias would be wrong here: <w^2> = %.3f, above %.1f (the fit's "
            "rotation carries too much of PC1 of '%s'); use a GROMACS with Colvars "
            "(2024 or newer) or PLUMED, or select more atoms or a larger, stiffer part",
            plan->force_error, ASIM_FORCE_ERROR_LIMIT, pca->selection);
    if (plan->force_error_max > ASIM_FORCE_ERROR_WARNING)
        asim_log_write(
            log, ASIM_LOG_WARNING,
            "The PMF may be too steep by up to %.1f%% where <w^2> is largest; the "
            "colvars or plumed bias has no such error",
            100 * plan->force_error_max);
    return 0;
}

int asim_plan_compute(const struct asim_pca *pca, const struct asim_topology *top,
                      const char *tpr_path, struct asim_trajectory *traj,
                      const struct asim_plan_options *options, struct asim_log *log,
                      struct asim_plan *ret_plan, struct asim_error *err)
{
    const struct asim_bias_method *method = asim_bias_method(options->bias);
    struct asim_plan plan = {.bias = method->engine,
                             .double_precision = options->double_precision};
    struct asim_tpr tpr = {0};
    struct projected_frame *sorted = NULL;
    double begin_nm = 0, end_nm = 0, own_nm = 0;
    int64_t nsteps = 0;
    int rc = -1;
    if (pca->fit_weights || pca->pca_scales)
        return asim_fail(err, ASIM_EINPUT,
                         "the components are those of weights by mass, which no bias "
                         "applies as it is: windows need unit weights");
    if (pca->reference != ASIM_REFERENCE_MEAN && !method->exact)
        return asim_fail(err, ASIM_EINPUT,
                         "the components are those of %s as the reference, and the %s "
                         "bias is far from "
                         "exact with any reference but the mean structure; the colvars "
                         "and the plumed "
                         "bias take it",
                         pca->reference == ASIM_REFERENCE_FIRST
                             ? "the first frame"
                             : "a structure from a file",
                         method->name);
    if (!pca->align_same && !method->other_fit_atoms)
        return asim_fail(err, ASIM_EINPUT,
                         "the %s bias needs the same atoms for the fit ('%s') and the "
                         "analysis ('%s'): leave out --align, or use the colvars bias",
                         method->name, pca->align_selection, pca->selection);
    if (pca->system_atom_count > 0 && pca->system_atom_count != top->atom_count)
        return asim_fail(err, ASIM_EINPUT,
                         "the components number the atoms of a system of %zu, and '%s' "
                         "has %zu: analyse with this TPR as the topology",
                         pca->system_atom_count, tpr_path, top->atom_count);
    if (asim_trajectory_match(traj, top, err) < 0 ||
        asim_steering_check(method, top, traj, tpr_path, err) < 0 ||
        asim_tpr_read(tpr_path, &tpr, NULL, err) < 0)
        return -1;
    if (asim_plan_check_simulation(&tpr, top, options, &plan.temperature_kelvin, err) <
            0 ||
        choose_steps(options, tpr.dt_ps, &plan.sample_steps, &nsteps, err) < 0) {
        asim_wrap(err, "'%s'", tpr_path);
        goto out;
    }
    sorted = sort_frames(pca, err);
    if (!sorted ||
        choose_range(sorted, pca->frame_count, options, &begin_nm, &end_nm, err) < 0)
        goto out;
    double spacing = sqrt(pca->eigenvalues_nm2[0]) / 3;
    double wanted = options->window_count;
    if (wanted == 0)
        wanted = ceil((end_nm - begin_nm) / spacing) + 1;
    if (!(wanted >= 1 && wanted <= WINDOWS_MOST)) {
        asim_fail(err, ASIM_EUSAGE,
                  "%g windows from %.4f to %.4f nm; 1 to %d can be run", wanted,
                  begin_nm, end_nm, WINDOWS_MOST);
        goto out;
    }
    plan.window_count = (size_t)wanted;
    plan.steered = asim_trajectory_is_subset(traj);
    if (plan.window_count > 1)
        spacing = (end_nm - begin_nm) / (double)(plan.window_count - 1);
    plan.spacing_nm = spacing;
    plan.dt_ps = tpr.dt_ps;
    plan.system_atom_count = tpr.atom_count;
    plan.seed = options->seed ? options->seed : asim_random_entropy() >> 1;
    plan.windows = asim_alloc_array(plan.window_count, sizeof *plan.windows, err);
    if (!plan.windows)
        goto out;
    double force_constant = options->force_constant_kj_mol_nm2;
    if (!(force_constant > 0))
        force_constant =
            2 * ASIM_KB_KJ_MOL_K * plan.temperature_kelvin / (spacing * spacing);
    place_windows(&plan, begin_nm, end_nm,
                  asim_edi_round_force_constant(force_constant));
    if (!plan.steered)
        choose_starts(&plan, pca, sorted);
    else if (asim_steering_start(pca, top, &tpr, &own_nm, err) < 0)
        goto out;
    for (size_t i = 0; i < plan.window_count; i++) {
        choose_seeds(&plan, i);
        plan.windows[i].nsteps = nsteps;
        if (plan.steered)
            asim_steering_plan(&plan, &plan.windows[i], own_nm);
    }
    if (plan.steered)
        asim_log_write(
            log, ASIM_LOG_INFO,
            "'%s' lacks atoms: windows start from the TPR's own coordinates, "
            "at %.4f nm, and are moved to their centres at %g nm/ps first",
            asim_trajectory_path(traj), own_nm, ASIM_STEERING_NM_PER_PS);
    if (measure_force_error(&plan, pca, top, traj, err) < 0 ||
        judge_force_error(&plan, pca, log, err) < 0)
        goto out;
    *ret_plan = plan;
    plan = (struct asim_plan){0};
    rc = 0;
out:
    free(sorted);
    asim_tpr_finish(&tpr);
    asim_plan_finish(&plan);
    return rc;
}
