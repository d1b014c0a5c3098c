/*
 * What the journal says, applied record by record, and what is put on record.
 *
 * Invariant: the same function applies a change live and at the replay, so that the
 * replayed state is the live one. It must not know files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "campaign/campaign_internal.h"

static void take_cpus(struct asim_campaign_window *window, struct asim_record *record)
{
    free(window->cpus);
    window->cpus = record->cpus;
    window->cpu_count = record->cpu_count;
    record->cpus = NULL;
}

static int replay_window(struct asim_campaign *campaign, struct asim_record *record,
                         struct asim_error *err)
{
    if (record->window_index >= campaign->plan.window_count)
        return asim_fail(err, ASIM_EINPUT,
                         "there is no window %zu; the plan has %zu windows",
                         record->window_index, campaign->plan.window_count);
    struct asim_campaign_window *window = &campaign->windows[record->window_index];
    enum asim_window_phase before = window->life.phase;
    enum asim_window_action action;
    if (asim_window_apply(&window->life, &record->change, &action) < 0)
        return asim_fail(
            err, ASIM_EINPUT,
            "window %zu is %s after %d attempts; event '%s' of attempt %d "
            "cannot follow",
            record->window_index, asim_window_phase_name(before), window->life.attempts,
            asim_window_event_name(record->change.event), record->change.attempt);
    if (record->change.event == ASIM_EVENT_START)
        take_cpus(window, record);
    return 0;
}

static void take_plan(struct asim_campaign *campaign, const struct asim_record *record)
{
    memcpy(campaign->journal_plan_sha256, record->plan_sha256,
           sizeof campaign->journal_plan_sha256);
    campaign->journal_window_count = record->window_count;
}

static int replay_head(struct asim_campaign *campaign, const struct asim_record *record,
                       struct asim_error *err)
{
    if (campaign->has_head)
        return asim_fail(err, ASIM_EINPUT, "a second head record");
    take_plan(campaign, record);
    campaign->has_head = true;
    return 0;
}

static int apply_one(struct asim_campaign *campaign, const struct asim_order *order,
                     size_t k, enum asim_window_action *ret_action)
{
    struct asim_window_change change = {.event = order->event,
                                        .nsteps = order->values[k],
                                        .priority = (int)order->values[k]};
    return asim_window_apply(&campaign->windows[order->windows[k]].life, &change,
                             ret_action);
}

static int replay_order(struct asim_campaign *campaign,
                        const struct asim_record *record, struct asim_error *err)
{
    enum asim_window_action action;
    for (size_t k = 0; k < record->order.count; k++) {
        size_t i = record->order.windows[k];
        if (i >= campaign->plan.window_count)
            return asim_fail(err, ASIM_EINPUT,
                             "there is no window %zu; the plan has %zu windows", i,
                             campaign->plan.window_count);
        if (apply_one(campaign, &record->order, k, &action) < 0)
            return asim_fail(err, ASIM_EINPUT,
                             "window %zu is %s: event '%s' cannot follow", i,
                             asim_window_phase_name(campaign->windows[i].life.phase),
                             asim_window_event_name(record->order.event));
    }
    return asim_campaign_remember_request(campaign, record->request, err);
}

int asim_campaign_replay(struct asim_campaign *campaign, const json_t *json,
                         struct asim_error *err)
{
    struct asim_record record;
    int source_index;
    if (asim_fold_note(&campaign->fold, json, &source_index, err) < 0)
        return -1;
    if (asim_record_decode(json, &record, err) < 0)
        return -1;
    int rc = 0;
    if (record.kind == ASIM_RECORD_HEAD)
        rc = replay_head(campaign, &record, err);
    else if (!campaign->has_head)
        rc = asim_fail(err, ASIM_EINPUT, "the head record is missing before it");
    else if (record.kind == ASIM_RECORD_WINDOW)
        rc = replay_window(campaign, &record, err);
    else if (record.kind == ASIM_RECORD_ORDER)
        rc = replay_order(campaign, &record, err);
    else if (record.kind == ASIM_RECORD_JOB)
        rc = asim_jobs_replay(&campaign->jobs, json, err);
    else if (record.kind != ASIM_RECORD_SESSION)
        rc = asim_campaign_remember_request(campaign, record.request, err);
    if (rc == 0 && record.kind == ASIM_RECORD_PLAN)
        take_plan(campaign, &record);
    if (rc == 0 && record.kind == ASIM_RECORD_HOLD)
        campaign->paused = record.paused;
    if (rc == 0 && record.kind == ASIM_RECORD_WINDOW &&
        record.change.event == ASIM_EVENT_START)
        campaign->windows[record.window_index].source_index = source_index;
    asim_record_finish(&record);
    return rc;
}

int asim_campaign_record(struct asim_campaign *campaign, size_t i,
                         const struct asim_window_change *change, const int *cpus,
                         size_t cpu_count, enum asim_window_action *ret_action,
                         struct asim_error *err)
{
    struct asim_window_life next = campaign->windows[i].life;
    if (asim_window_apply(&next, change, ret_action) < 0)
        return asim_fail(err, ASIM_EFAIL, "window %zu is %s: event '%s' cannot follow",
                         i, asim_window_phase_name(next.phase),
                         asim_window_event_name(change->event));
    if (asim_window_event_durable(change->event) &&
        asim_journal_add(campaign->journal,
                         asim_record_window(i, change, cpus, cpu_count), err) < 0)
        return -1;
    campaign->windows[i].life = next;
    if (asim_window_event_durable(change->event))
        asim_campaign_tell(campaign, i);
    return 0;
}

void asim_campaign_tell(struct asim_campaign *campaign, size_t i)
{
    campaign->told_idle = false;
    if (!campaign->tells_news || campaign->windows[i].has_news)
        return;
    size_t last = campaign->news_first + campaign->news_count++;
    campaign->news[last % campaign->plan.window_count] = i;
    campaign->windows[i].has_news = true;
}

bool asim_campaign_request_known(const struct asim_campaign *campaign,
                                 const char *request)
{
    for (size_t k = campaign->request_count; request[0] && k-- > 0;)
        if (strcmp(campaign->requests[k], request) == 0)
            return true;
    return false;
}

int asim_campaign_remember_request(struct asim_campaign *campaign, const char *request,
                                   struct asim_error *err)
{
    if (!request[0])
        return 0;
    if (asim_grow(&campaign->requests, &campaign->request_capacity,
                  campaign->request_count + 1, sizeof *campaign->requests, err) < 0)
        return -1;
    snprintf(campaign->requests[campaign->request_count++], sizeof *campaign->requests,
             "%s", request);
    return 0;
}

int asim_campaign_record_order(struct asim_campaign *campaign, struct asim_order *order,
                               const char *request, size_t *ret_count,
                               struct asim_error *err)
{
    enum asim_window_action action;
    size_t kept = 0;
    for (size_t k = 0; k < order->count; k++) {
        struct asim_window_life life = campaign->windows[order->windows[k]].life;
        if (apply_one(campaign, order, k, &action) == 0) {
            order->windows[kept] = order->windows[k];
            order->values[kept++] = order->values[k];
        }
        campaign->windows[order->windows[k]].life = life;
    }
    order->count = kept;
    if (asim_journal_add_alone(campaign->journal, asim_record_order(order, request),
                               err) < 0 ||
        asim_campaign_remember_request(campaign, request, err) < 0)
        return -1;
    for (size_t k = 0; k < kept; k++) {
        apply_one(campaign, order, k, &action);
        asim_campaign_tell(campaign, order->windows[k]);
        if (campaign->driver &&
            asim_driver_act(campaign->driver, order->windows[k], action, err) < 0)
            return -1;
    }
    if (ret_count)
        *ret_count = kept;
    return campaign->driver ? asim_driver_reorder(campaign->driver, err) : 0;
}
