/*
 * The coordinator's view of slots and nodes, and what it wants of the cluster.
 * Invariant: a slot that is not known to be gone counts as alive. It must not run
 * anything.
 */
#include "campaign/slurm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "campaign/options.h"
#include "campaign/slurm_script.h"

enum { LOSSES_TO_EXCLUDE = 2, SLOTS_BY_DEFAULT = 16 };
static const double SECONDS_PER_DAY = 86400, PS_PER_NS = 1000;
/* Waiting for a job costs more than it brings below this much work. */
static const double WORTH_A_JOB_SECONDS = 600;

static char *slot_path(const struct asim_campaign *campaign, const char *id,
                       struct asim_error *err)
{
    return asim_format(err, "%s/%s/%s", campaign->folder, ASIM_SLOTS_FOLDER, id);
}

static void describe(struct asim_slot_view *view, const char *folder)
{
    json_t *json = NULL;
    char *path = asim_path_join(folder, "slot.json", NULL);
    if (path && asim_file_exists(path) && asim_json_read(path, &json, NULL) == 0 &&
        asim_json_text(json, "token", view->token, sizeof view->token, NULL) == 0 &&
        asim_json_text(json, "node", view->node, sizeof view->node, NULL) == 0)
        view->described = true;
    json_decref(json);
    free(path);
}

int asim_slurm_write_excluded(const struct asim_slurm *slurm, struct asim_error *err)
{
    char *names = asim_slurm_excluded(slurm, err);
    char *path = names ? asim_format(err, "%s/%s/excluded", slurm->campaign->folder,
                                     ASIM_SLOTS_FOLDER)
                       : NULL;
    for (char *at = names; at && *at; at++)
        if (*at == ',')
            *at = '\n';
    int rc = path ? asim_file_replace(path, names, strlen(names), err) : -1;
    free(path);
    free(names);
    return rc;
}

bool asim_slurm_forgive_nodes(struct asim_slurm *slurm)
{
    bool any = false;
    for (size_t k = 0; k < slurm->node_count; k++)
        any = any || slurm->nodes[k].excluded;
    slurm->node_count = 0;
    return any;
}

/* Slots that vanish count in a row: jobs killed over the months by preemption must not
 * cost a node. */
static void node_did_well(struct asim_slurm *slurm, const char *name)
{
    for (size_t k = 0; k < slurm->node_count; k++)
        if (!slurm->nodes[k].excluded && strcmp(slurm->nodes[k].name, name) == 0)
            slurm->nodes[k].lost = 0;
}

static int blame_node(struct asim_slurm *slurm, const char *name, bool at_once,
                      struct asim_error *err)
{
    struct asim_bad_node *node = NULL;
    if (!asim_slot_id_valid(name))
        return 0;
    for (size_t k = 0; k < slurm->node_count && !node; k++)
        if (strcmp(slurm->nodes[k].name, name) == 0)
            node = &slurm->nodes[k];
    if (!node) {
        if (asim_grow(&slurm->nodes, &slurm->node_capacity, slurm->node_count + 1,
                      sizeof *slurm->nodes, err) < 0)
            return -1;
        node = &slurm->nodes[slurm->node_count++];
        *node = (struct asim_bad_node){0};
        snprintf(node->name, sizeof node->name, "%s", name);
    }
    node->lost++;
    if (node->excluded || (!at_once && node->lost < LOSSES_TO_EXCLUDE))
        return 0;
    node->excluded = true;
    asim_log_write(slurm->campaign->log, ASIM_LOG_WARNING,
                   "Node %s is left out of further jobs", name);
    return asim_slurm_write_excluded(slurm, err);
}

static int slot_ended(struct asim_slurm *slurm, struct asim_slot_view *view,
                      const char *id, struct asim_error *err)
{
    struct asim_log *log = slurm->campaign->log;
    const char *why = view->watch.text + strlen("over ");
    if (view->state == ASIM_LEASE_LAPSED) {
        asim_log_write(log, ASIM_LOG_WARNING,
                       "Slot %s on node %s is gone without a word; its windows go to "
                       "other slots",
                       id, view->node);
        return blame_node(slurm, view->node, false, err);
    }
    if (strncmp(why, "sick:", 5) == 0 || strncmp(why, "failed:", 7) == 0) {
        asim_log_write(log, ASIM_LOG_WARNING, "Slot %s on node %s left: %s", id,
                       view->node, why);
        return blame_node(slurm, view->node, true, err);
    }
    if (strncmp(why, "paused:", 7) == 0 && slurm->fatal.status == ASIM_OK)
        asim_fail(&slurm->fatal, ASIM_EENV, "slot %s on node %s stopped for this:%s",
                  id, view->node, why + 7);
    asim_log_write(log, ASIM_LOG_INFO, "Slot %s on node %s is over: %s", id, view->node,
                   why);
    if (strcmp(why, "excluded") != 0)
        node_did_well(slurm, view->node);
    return 0;
}

int asim_slurm_watch_slots(struct asim_slurm *slurm, struct asim_error *err)
{
    const struct asim_fold *fold = &slurm->campaign->fold;
    bool first_look = slurm->slot_count == 0;
    if (asim_grow(&slurm->slots, &slurm->slot_capacity, fold->source_count,
                  sizeof *slurm->slots, err) < 0)
        return -1;
    while (slurm->slot_count < fold->source_count)
        slurm->slots[slurm->slot_count++] =
            (struct asim_slot_view){.state = ASIM_LEASE_UNSURE};
    for (size_t k = 0; k < slurm->slot_count; k++) {
        struct asim_slot_view *view = &slurm->slots[k];
        if (view->ended)
            continue;
        char *folder = slot_path(slurm->campaign, fold->sources[k].id, err);
        if (!folder)
            return -1;
        if (!view->described)
            describe(view, folder);
        view->state =
            asim_lease_look(folder, slurm->options.slurm.lease_seconds, &view->watch);
        free(folder);
        view->ended =
            view->state == ASIM_LEASE_OVER || view->state == ASIM_LEASE_LAPSED;
        /* Those that ended before this run have been dealt with by an earlier one. */
        if (view->ended && !first_look &&
            slot_ended(slurm, view, fold->sources[k].id, err) < 0)
            return -1;
    }
    return 0;
}

char *asim_slurm_excluded(const struct asim_slurm *slurm, struct asim_error *err)
{
    char *list = asim_strdup("", err);
    for (size_t k = 0; list && k < slurm->node_count; k++) {
        if (!slurm->nodes[k].excluded)
            continue;
        char *longer =
            asim_format(err, "%s%s%s", list, *list ? "," : "", slurm->nodes[k].name);
        free(list);
        list = longer;
    }
    return list;
}

bool asim_slurm_slots_live(const struct asim_slurm *slurm)
{
    for (size_t k = 0; k < slurm->slot_count; k++)
        if (!slurm->slots[k].ended)
            return true;
    return false;
}

bool asim_slurm_has_slots(const struct asim_slurm *slurm, const char *token)
{
    for (size_t k = 0; k < slurm->slot_count; k++)
        if (strcmp(slurm->slots[k].token, token) == 0)
            return true;
    return false;
}

static bool is_free(const struct asim_slurm *slurm, size_t i)
{
    const struct asim_campaign_window *window = &slurm->campaign->windows[i];
    enum asim_window_state state = asim_window_phase_state(window->life.phase);
    if (state != ASIM_WINDOW_PLANNED && state != ASIM_WINDOW_WAITING &&
        state != ASIM_WINDOW_RUNNING)
        return false;
    size_t source = (size_t)window->source_index;
    return window->source_index < 0 || source >= slurm->slot_count ||
           slurm->slots[source].ended;
}

size_t asim_slurm_free_windows(const struct asim_slurm *slurm)
{
    size_t count = 0;
    for (size_t i = 0; i < slurm->campaign->plan.window_count; i++)
        count += is_free(slurm, i);
    return count;
}

/* Seconds that one slot would need for all free windows; INFINITY: not known yet. */
static double free_slot_seconds(const struct asim_slurm *slurm, int windows_a_slot)
{
    const struct asim_campaign *campaign = slurm->campaign;
    double left_ps = 0, rates = 0;
    size_t known = 0;
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        const struct asim_window_life *life = &campaign->windows[i].life;
        double done = life->fresh || life->step < 0 ? 0 : (double)life->step;
        if (is_free(slurm, i))
            left_ps += fmax((double)campaign->plan.windows[i].nsteps - done, 0) *
                       campaign->plan.dt_ps;
        if (isfinite(life->ns_per_day) && life->ns_per_day > 0) {
            rates += life->ns_per_day;
            known++;
        }
    }
    if (known == 0)
        return INFINITY;
    return left_ps / PS_PER_NS / (rates / (double)known) * SECONDS_PER_DAY /
           windows_a_slot;
}

/* Windows that one job runs at once. */
static int windows_a_job(const struct asim_slurm *slurm)
{
    const struct asim_slurm_options *options = &slurm->options.slurm;
    int nodes = options->nodes > 0 ? options->nodes : 1;
    int on_node = asim_slurm_cpus(options, slurm->width) / slurm->width;
    if (slurm->options.jobs > 0 && slurm->options.jobs < on_node)
        on_node = slurm->options.jobs;
    return nodes * (on_node > 0 ? on_node : 1);
}

double asim_slurm_limits_needed(const struct asim_slurm *slurm, int elements)
{
    double limit = 0;
    const char *time = slurm->options.slurm.time;
    if (!time || !asim_slurm_time(time, &limit) || limit <= 0 || elements < 1)
        return NAN;
    double seconds = free_slot_seconds(slurm, windows_a_job(slurm));
    return isfinite(seconds) ? seconds / elements / (limit - asim_slurm_margin(limit))
                             : NAN;
}

int asim_slurm_elements_wanted(const struct asim_slurm *slurm)
{
    const struct asim_slurm_options *options = &slurm->options.slurm;
    int queued, live = asim_jobs_live(&slurm->campaign->jobs, &queued);
    int windows_a_slot = windows_a_job(slurm);
    int most = options->slots > 0 ? options->slots : SLOTS_BY_DEFAULT;
    double by_windows = ceil((double)asim_slurm_free_windows(slurm) / windows_a_slot);
    double by_work =
        ceil(free_slot_seconds(slurm, windows_a_slot) / WORTH_A_JOB_SECONDS);
    double wanted = fmin(by_windows, by_work) - queued;
    return wanted < most - live ? (int)wanted : most - live;
}

double asim_slurm_progress(const struct asim_campaign *campaign)
{
    double steps = 0;
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        const struct asim_window_life *life = &campaign->windows[i].life;
        steps += (double)(life->best_step > 0 ? life->best_step : 0) +
                 (life->phase == ASIM_PHASE_COMPLETED);
    }
    return steps;
}

int asim_slots_check_gone(struct asim_campaign *campaign, struct asim_error *err)
{
    for (size_t k = 0; k < campaign->fold.source_count; k++) {
        struct asim_lease_watch watch = {0};
        char *folder = slot_path(campaign, campaign->fold.sources[k].id, err);
        if (!folder)
            return -1;
        enum asim_lease_state state = asim_lease_look(folder, 60, &watch);
        free(folder);
        if (state != ASIM_LEASE_OVER && state != ASIM_LEASE_LAPSED)
            return asim_fail(
                err, ASIM_ELOCKED,
                "slot %s of a Slurm job may still run windows of this campaign; go on "
                "with 'autosim run --backend slurm', which also notices where it is "
                "gone",
                campaign->fold.sources[k].id);
    }
    return 0;
}
