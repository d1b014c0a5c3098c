/*
 * The closed loop: what the analysis advises becomes a decision on record, and the
 * record becomes longer and new windows.
 *
 * Invariant: following a decision twice is the same as once. An extension names the
 * length to be reached, a new window is looked for by its bias first.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "campaign/campaign_lock.h"
#include "decisions.h"
#include "pipeline.h"
#include "results.h"
#include "trajectory_files.h"
#include "windows/edi.h"

static double steps_to_ns(const struct asim_plan *plan, int64_t steps)
{
    return (double)steps * plan->dt_ps / 1000;
}

/* Whole intervals between samples, so that the last step has a sample. */
static int64_t steps_of_samples(const struct asim_plan *plan, size_t sample_count)
{
    return (int64_t)(sample_count ? sample_count : 1) * plan->sample_steps;
}

static size_t plan_index(const struct asim_plan *plan, int window_id)
{
    size_t i = 0;
    while (i < plan->window_count && plan->windows[i].window_id != window_id)
        i++;
    return i;
}

static int fill_actions(const struct asim_pmf *pmf, const struct results *results,
                        struct decision_round *round, struct asim_error *err)
{
    const struct asim_plan *plan = &results->plan;
    round->actions = asim_alloc_array(pmf->advice_count, sizeof *round->actions, err);
    if (!round->actions)
        return -1;
    for (size_t i = 0; i < pmf->advice_count; i++) {
        const struct asim_advice *advice = &pmf->advice[i];
        struct decision_action *action = &round->actions[round->action_count];
        int window_id = pmf->window_ids[advice->window_index];
        size_t index = plan_index(plan, window_id);
        if (index == plan->window_count)
            continue;
        int64_t steps = steps_of_samples(plan, advice->sample_count);
        *action = (struct decision_action){
            .kind = advice->kind, .window_id = window_id, .bias = advice->bias};
        if (advice->kind == ASIM_ADVICE_EXTEND) {
            action->steps = results->statuses[index].nsteps + steps;
        } else {
            action->steps = steps;
            action->bias.centre_nm = asim_edi_round_centre(advice->bias.centre_nm);
            action->bias.force_constant_kj_mol_nm2 =
                asim_edi_round_force_constant(advice->bias.force_constant_kj_mol_nm2);
        }
        snprintf(action->reason, sizeof action->reason, "%s", advice->reason);
        round->predicted_kj_mol =
            fmax(round->predicted_kj_mol, advice->predicted_band_kj_mol);
        round->action_count++;
    }
    return 0;
}

static void log_action(struct asim_log *log, const struct results *results,
                       const struct decision_action *action)
{
    const struct asim_plan *plan = &results->plan;
    size_t index = plan_index(plan, action->window_id);
    if (action->kind == ASIM_ADVICE_INSERT)
        asim_log_write(log, ASIM_LOG_INFO,
                       "New window at %.4f nm, k = %.0f kJ/mol/nm^2, %.4g ns: %s",
                       action->bias.centre_nm, action->bias.force_constant_kj_mol_nm2,
                       steps_to_ns(plan, action->steps), action->reason);
    else
        asim_log_write(log, ASIM_LOG_INFO, "Window %d: %.4g ns -> %.4g ns: %s",
                       action->window_id,
                       steps_to_ns(plan, results->statuses[index].nsteps),
                       steps_to_ns(plan, action->steps), action->reason);
}

static void log_round(struct workplace *workplace, const struct results *results,
                      const struct decision_round *round, size_t number)
{
    char predicted[64] = "";
    if (round->predicted_kj_mol > 0)
        snprintf(predicted, sizeof predicted, "; +-%.3g predicted",
                 round->predicted_kj_mol);
    asim_log_write(workplace->log, ASIM_LOG_INFO,
                   "Round %zu: the widest 95%% band is +-%.3g kJ/mol after %.4g ns of "
                   "at most %.4g (--max-ns), +-%.3g is asked for%s%s",
                   number, round->band_kj_mol,
                   steps_to_ns(&results->plan, round->total_steps), round->most_ns,
                   round->target_kj_mol,
                   round->reached ? "; reached, to be seen once more" : "", predicted);
    if (!round->reached)
        asim_log_write(workplace->log, ASIM_LOG_INFO, "%s", round->verdict);
    for (size_t i = 0; i < round->action_count; i++)
        log_action(workplace->log, results, &round->actions[i]);
}

static int extend(struct asim_campaign *campaign, const struct decision_round *round,
                  struct asim_error *err)
{
    for (size_t i = 0; i < round->action_count; i++) {
        const struct decision_action *action = &round->actions[i];
        struct asim_window_status status;
        size_t index;
        if (action->kind != ASIM_ADVICE_EXTEND)
            continue;
        if (asim_campaign_find_window(campaign, action->window_id, &index, err) < 0 ||
            asim_campaign_window(campaign, index, &status, err) < 0)
            return -1;
        if (status.nsteps < action->steps &&
            asim_campaign_extend(campaign, action->window_id,
                                 action->steps - status.nsteps, err) < 0)
            return -1;
    }
    return 0;
}

static bool has_window(const struct asim_plan *plan, const struct asim_bias *bias)
{
    for (size_t i = 0; i < plan->window_count; i++)
        if (plan->windows[i].bias.centre_nm == bias->centre_nm &&
            plan->windows[i].bias.force_constant_kj_mol_nm2 ==
                bias->force_constant_kj_mol_nm2)
            return true;
    return false;
}

/* The plan with the round's new windows that are not in it yet. */
static int grow_plan(struct asim_plan *plan, const struct asim_pca *pca,
                     const struct decision_round *round, struct asim_error *err)
{
    for (size_t i = 0; i < round->action_count; i++) {
        const struct decision_action *action = &round->actions[i];
        if (action->kind == ASIM_ADVICE_INSERT && !has_window(plan, &action->bias) &&
            asim_plan_add_window(plan, pca, &action->bias, action->steps, err) < 0)
            return -1;
    }
    return 0;
}

static int insert(const struct settings *settings, struct asim_campaign *campaign,
                  const struct decision_round *round, struct asim_error *err)
{
    struct provenance provenance = {0};
    struct asim_topology top = {0};
    struct asim_trajectory *traj = NULL;
    struct asim_pca pca = {0};
    struct asim_plan plan = {0};
    struct asim_gromacs gromacs = {0};
    int rc = -1;
    char *pca_folder = asim_path_join(settings->folder, "pca", err);
    char *path = asim_path_join(settings->folder, "plan.more.json", err);
    if (!pca_folder || !path || asim_plan_read(settings->folder, &plan, err) < 0 ||
        asim_pca_read(pca_folder, &pca, err) < 0)
        goto out;
    size_t first = plan.window_count;
    if (grow_plan(&plan, &pca, round, err) < 0)
        goto out;
    if (plan.window_count == first) {
        rc = 0;
        goto out;
    }
    if (provenance_read(settings->folder, &provenance, err) < 0 ||
        provenance_check_inputs(&provenance, err) < 0 ||
        asim_topology_read(provenance.topology.path, &top, err) < 0 ||
        trajectory_files_reopen(&provenance, &traj, err) < 0)
        goto out;
    struct asim_grompp grompp = {.gromacs = &gromacs, .folder = settings->folder};
    const struct asim_run_input_maker maker = {.context = &grompp,
                                               .make = asim_grompp_make};
    const struct asim_plan_sources sources = {
        .pca = &pca,
        .top = &top,
        .tpr_path = provenance.topology.path,
        .traj = traj,
        .maker = plan.by_grompp ? &maker : NULL,
    };
    if ((plan.by_grompp && asim_gromacs_find(settings->gromacs, &gromacs, err) < 0) ||
        asim_plan_write_more(&plan, first, &sources, settings->folder, path, err) < 0 ||
        asim_campaign_insert(campaign, path, err) < 0)
        goto out;
    remove(path);
    rc = 0;
out:
    asim_plan_finish(&plan);
    asim_pca_finish(&pca);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    provenance_finish(&provenance);
    free(pca_folder);
    free(path);
    return rc;
}

static int follow(struct workplace *workplace, struct decisions *decisions,
                  struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct decision_round *round = &decisions->rounds[decisions->count - 1];
    struct asim_campaign *campaign = NULL;
    /* The campaign takes the folder's lock itself. */
    asim_campaign_lock_give(&workplace->lock_fd);
    if (asim_campaign_open(settings->folder, workplace->log, &campaign, err) < 0)
        return -1;
    int rc = extend(campaign, round, err);
    if (rc == 0)
        rc = insert(settings, campaign, round, err);
    asim_campaign_close(campaign);
    if (rc < 0)
        return -1;
    round->followed = true;
    return decisions_write(settings->folder, decisions, err);
}

int stage_until_settle(struct workplace *workplace, struct asim_error *err)
{
    struct decisions decisions = {0};
    int rc = 0;
    if (decisions_read(workplace->settings->folder, &decisions, err) < 0)
        return -1;
    if (decisions.count > 0 && !decisions.rounds[decisions.count - 1].followed) {
        asim_log_write(workplace->log, ASIM_LOG_INFO,
                       "Round %zu was decided, but not wholly followed yet",
                       decisions.count);
        rc = follow(workplace, &decisions, err);
    }
    decisions_finish(&decisions);
    return rc;
}

/* The round of this state of the campaign: the last one on record where nothing was
 * simulated since, else a new one. */
static struct decision_round *find_round(struct decisions *decisions,
                                         const struct settings *settings,
                                         const struct results *results,
                                         const struct asim_pmf *pmf,
                                         struct asim_error *err)
{
    struct decision_round *round =
        decisions->count > 0 ? &decisions->rounds[decisions->count - 1] : NULL;
    if (!round || round->total_steps != results->total_steps ||
        round->target_kj_mol != settings->until_kj_mol) {
        round = decisions_add(decisions, err);
        if (!round)
            return NULL;
    }
    free(round->actions);
    *round = (struct decision_round){
        .target_kj_mol = settings->until_kj_mol,
        .band_kj_mol = pmf->widest_band_kj_mol,
        .total_steps = results->total_steps,
        .most_ns = most_simulated_ns(settings, results),
        .reached = pmf->reached,
        .followed = true,
    };
    snprintf(round->verdict, sizeof round->verdict, "%s", pmf->verdict);
    return round;
}

static bool reached_twice(const struct decisions *decisions)
{
    size_t count = decisions->count;
    const struct decision_round *rounds = decisions->rounds;
    return count >= 2 && rounds[count - 1].reached && rounds[count - 2].reached &&
           rounds[count - 1].target_kj_mol == rounds[count - 2].target_kj_mol;
}

int stage_until_apply(struct workplace *workplace, const struct asim_pmf *pmf,
                      struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct decisions decisions = {0};
    struct results results = {0};
    int rc = -1;
    if (decisions_read(settings->folder, &decisions, err) < 0 ||
        results_read_progress(settings->folder, &results, err) < 0)
        goto out;
    struct decision_round *round = find_round(&decisions, settings, &results, pmf, err);
    if (!round || fill_actions(pmf, &results, round, err) < 0)
        goto out;
    round->followed = false;
    log_round(workplace, &results, round, decisions.count);
    if (decisions_write(settings->folder, &decisions, err) == 0)
        rc = follow(workplace, &decisions, err);
out:
    results_finish(&results);
    decisions_finish(&decisions);
    return rc;
}

int stage_until(struct workplace *workplace, const struct asim_pmf *pmf,
                enum until_next *ret_next, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct decisions decisions = {0};
    struct results results = {0};
    int rc = -1;
    if (decisions_read(settings->folder, &decisions, err) < 0 ||
        results_read_progress(settings->folder, &results, err) < 0)
        goto out;
    struct decision_round *round = find_round(&decisions, settings, &results, pmf, err);
    if (!round)
        goto out;
    double simulated_ns = steps_to_ns(&results.plan, results.total_steps);
    double most_ns = most_simulated_ns(settings, &results);
    if (reached_twice(&decisions)) {
        asim_log_write(workplace->log, ASIM_LOG_INFO,
                       "The widest 95%% band is +-%.3g kJ/mol, below the +-%.3g asked "
                       "for, and every check passes, for the second time: done after "
                       "%.4g ns",
                       round->band_kj_mol, round->target_kj_mol, simulated_ns);
        *ret_next = UNTIL_REACHED;
    } else if (simulated_ns >= most_ns * (1 - 1e-9) || pmf->advice_count == 0) {
        double share = round->band_kj_mol / round->target_kj_mol;
        if (share <= 1)
            asim_log_write(
                workplace->log, ASIM_LOG_WARNING,
                "The widest 95%% band is +-%.3g kJ/mol, within the +-%.3g asked "
                "for, but %s, and the %.4g ns allowed are used up (--max-ns)",
                round->band_kj_mol, round->target_kj_mol,
                round->reached ? "for the first time only" : "not every check passes",
                most_ns);
        else
            asim_log_write(
                workplace->log, ASIM_LOG_WARNING,
                "The widest 95%% band is +-%.3g kJ/mol, +-%.3g is asked for, and "
                "the %.4g ns allowed are used up; by the square law %.4g ns in "
                "all would do (--max-ns)",
                round->band_kj_mol, round->target_kj_mol, most_ns,
                simulated_ns * fmax(1.1, share * share));
        *ret_next = UNTIL_GIVEN_UP;
    } else {
        if (fill_actions(pmf, &results, round, err) < 0)
            goto out;
        round->followed = false;
        log_round(workplace, &results, round, decisions.count);
        *ret_next = UNTIL_RUN;
    }
    /* On record before it is done. */
    if (decisions_write(settings->folder, &decisions, err) < 0)
        goto out;
    rc = *ret_next == UNTIL_RUN ? follow(workplace, &decisions, err) : 0;
out:
    results_finish(&results);
    decisions_finish(&decisions);
    return rc;
}
