/*
 * Following requests, whoever asks.
 *
 * Invariants: a request is on record, with its id, in the same line of the journal that
 * says what it changes, so that one that was followed just before a crash is known
 * again and only answered. The campaign's mutex is held throughout. It must not know
 * how requests travel.
 */
#include "campaign/requests.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "campaign/slurm.h"
#include "campaign/spool.h"
#include "engine/process.h"

static const char *const no_request = "";

int asim_campaign_find_window(const struct asim_campaign *campaign, int window_id,
                              size_t *ret_index, struct asim_error *err)
{
    int rc = -1;
    asim_campaign_enter(campaign);
    const struct asim_plan *plan = &campaign->plan;
    size_t i = (size_t)window_id;
    /* As planned, ids are indices. */
    if (window_id < 0 || i >= plan->window_count ||
        plan->windows[i].window_id != window_id)
        for (i = 0; i < plan->window_count; i++)
            if (plan->windows[i].window_id == window_id)
                break;
    if (i < plan->window_count) {
        *ret_index = i;
        rc = 0;
    } else {
        asim_fail(err, ASIM_EUSAGE, "there is no window %d; there are %zu", window_id,
                  plan->window_count);
    }
    asim_campaign_leave(campaign);
    return rc;
}

/* The order's windows: those named, or all. */
static int choose_windows(const struct asim_campaign *campaign,
                          const struct asim_request *request, struct asim_order *order,
                          struct asim_error *err)
{
    bool all = request->window_count == 0;
    order->count = all ? campaign->plan.window_count : request->window_count;
    order->windows = asim_alloc_array(order->count, sizeof *order->windows, err);
    order->values = asim_alloc_array(order->count, sizeof *order->values, err);
    if (!order->windows || !order->values)
        return -1;
    size_t kept = 0;
    for (size_t k = 0; k < order->count; k++) {
        size_t i = k;
        if (!all &&
            asim_campaign_find_window(campaign, request->window_ids[k], &i, err) < 0)
            return -1;
        bool twice = false; /* each change counts once, however often it is named */
        for (size_t j = 0; !all && j < kept && !twice; j++)
            twice = order->windows[j] == i;
        /* Restoring all means what was cancelled, not what was given up. */
        bool passed = all && order->event == ASIM_EVENT_RESTORE &&
                      campaign->windows[i].life.phase == ASIM_PHASE_FAILED;
        if (!twice && !passed)
            order->windows[kept++] = i;
    }
    order->count = kept;
    return 0;
}

static int set_values(const struct asim_campaign *campaign,
                      const struct asim_request *request, struct asim_order *order,
                      struct asim_error *err)
{
    for (size_t k = 0; k < order->count; k++) {
        const struct asim_window_life *life =
            &campaign->windows[order->windows[k]].life;
        if (order->event == ASIM_EVENT_PRIORITY)
            order->values[k] = request->priority;
        else if (order->event == ASIM_EVENT_EXTEND &&
                 __builtin_add_overflow(life->nsteps, request->steps,
                                        &order->values[k]))
            return asim_fail(err, ASIM_EUSAGE, "%lld more steps are too many",
                             (long long)request->steps);
    }
    return 0;
}

static int follow_order(struct asim_campaign *campaign,
                        const struct asim_request *request, const char *id,
                        size_t *ret_changed, struct asim_error *err)
{
    static const enum asim_window_event events[] = {
        [ASIM_REQUEST_CANCEL] = ASIM_EVENT_CANCEL,
        [ASIM_REQUEST_RESTORE] = ASIM_EVENT_RESTORE,
        [ASIM_REQUEST_EXTEND] = ASIM_EVENT_EXTEND,
        [ASIM_REQUEST_PRIORITY] = ASIM_EVENT_PRIORITY,
    };
    struct asim_order order = {.event = events[request->kind]};
    int rc = -1;
    if (request->kind == ASIM_REQUEST_EXTEND && request->steps < 1)
        return asim_fail(err, ASIM_EUSAGE,
                         "a window is extended by at least one step, not by %lld",
                         (long long)request->steps);
    if (choose_windows(campaign, request, &order, err) == 0 &&
        set_values(campaign, request, &order, err) == 0)
        rc = asim_campaign_record_order(campaign, &order, id, ret_changed, err);
    /* Windows of a driver that was lost are told here, there is nobody else. */
    for (size_t k = 0; rc == 0 && !campaign->driver && k < order.count; k++) {
        size_t i = order.windows[k];
        char *folder = order.event == ASIM_EVENT_CANCEL
                           ? asim_campaign_window_folder(campaign, i, NULL)
                           : NULL;
        if (folder && campaign->windows[i].life.cancelled)
            asim_process_signal(folder, campaign->windows[i].life.attempts, SIGTERM);
        free(folder);
    }
    asim_order_finish(&order);
    return rc;
}

/* Windows that a lost driver left running write their checkpoints and leave. */
static size_t stop_orphans(const struct asim_campaign *campaign)
{
    size_t told = 0;
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        const struct asim_window_life *life = &campaign->windows[i].life;
        if (asim_window_phase_state(life->phase) != ASIM_WINDOW_RUNNING)
            continue;
        char *folder = asim_campaign_window_folder(campaign, i, NULL);
        told += folder && asim_process_signal(folder, life->attempts, SIGTERM);
        free(folder);
    }
    return told;
}

static int follow_hold(struct asim_campaign *campaign, bool paused, const char *id,
                       struct asim_error *err)
{
    if (campaign->paused == paused)
        return 0;
    if (asim_journal_add_alone(campaign->journal, asim_record_hold(paused, id), err) <
            0 ||
        asim_campaign_remember_request(campaign, id, err) < 0)
        return -1;
    campaign->paused = paused;
    asim_log_write(campaign->log, ASIM_LOG_INFO, "Campaign: %s on request",
                   paused ? "paused" : "resumed");
    return campaign->driver ? asim_driver_reorder(campaign->driver, err) : 0;
}

static int follow(struct asim_campaign *campaign, const struct asim_request *request,
                  const char *id, struct asim_answer *ret_answer,
                  struct asim_error *err)
{
    struct asim_answer answer = {0};
    int rc = -1;
    if (campaign->readonly)
        return asim_fail(err, ASIM_EUSAGE, "the campaign was opened for looking only");
    switch (request->kind) {
    case ASIM_REQUEST_STOP:
        if (campaign->driver)
            asim_campaign_stop(campaign);
        else
            answer.changed = stop_orphans(campaign);
        rc = asim_slurm_cancel(campaign, err);
        break;
    case ASIM_REQUEST_PAUSE:
    case ASIM_REQUEST_RESUME:
        rc = follow_hold(campaign, request->kind == ASIM_REQUEST_PAUSE, id, err);
        break;
    case ASIM_REQUEST_INSERT:
        rc = asim_campaign_insert_plan(campaign, request->plan_path, id,
                                       &answer.changed, err);
        break;
    case ASIM_REQUEST_CANCEL:
    case ASIM_REQUEST_RESTORE:
    case ASIM_REQUEST_EXTEND:
    case ASIM_REQUEST_PRIORITY:
        rc = follow_order(campaign, request, id, &answer.changed, err);
        break;
    }
    if (rc == 0 && answer.changed > 0)
        asim_log_write(campaign->log, ASIM_LOG_INFO, "Request: %s of %zu windows",
                       (const char *[]){"stop", "pause", "resume", "cancellation",
                                        "restoration", "extension", "priority",
                                        "insertion"}[request->kind],
                       answer.changed);
    if (rc == 0)
        *ret_answer = answer;
    return rc;
}

int asim_campaign_request(struct asim_campaign *campaign,
                          const struct asim_request *request,
                          struct asim_answer *ret_answer, struct asim_error *err)
{
    struct asim_answer answer;
    asim_campaign_enter(campaign);
    int rc = follow(campaign, request, no_request, &answer, err);
    asim_driver_wake(campaign->driver);
    asim_campaign_leave(campaign);
    if (rc == 0 && ret_answer)
        *ret_answer = answer;
    return rc;
}

/* A damaged or impossible request is answered and removed; only a journal that takes
 * nothing any more is an error here. */
static int take_one(struct asim_campaign *campaign, const char *id, bool working,
                    struct asim_error *err)
{
    struct asim_spooled spooled = {0};
    struct asim_answer answer = {0};
    struct asim_error failure = {0};
    bool failed = false;
    if (asim_campaign_request_known(campaign, id)) {
        /* followed before a crash */
    } else if (asim_spool_read(campaign->folder, id, &spooled, &failure) < 0) {
        failed = true;
    } else if (spooled.request.kind == ASIM_REQUEST_STOP && !working) {
        failed = asim_fail(&failure, ASIM_EFAIL,
                           "the driver that was asked to stop has ended already") < 0;
    } else {
        failed = follow(campaign, &spooled.request, id, &answer, &failure) < 0;
    }
    asim_spooled_finish(&spooled);
    /* A full disk is no answer: the request waits for space as everything else does. */
    if (failed && failure.status == ASIM_EENV &&
        !asim_journal_is_broken(campaign->journal))
        return 0;
    if (failed && asim_journal_is_broken(campaign->journal))
        return asim_fail(err, failure.status, "%s", failure.text);
    if (failed)
        asim_log_write(campaign->log, ASIM_LOG_WARNING, "A request failed: %s",
                       failure.text);
    return asim_spool_answer(campaign->folder, id, &answer, failed ? &failure : NULL,
                             err);
}

int asim_requests_take(struct asim_campaign *campaign, bool working,
                       struct asim_error *err)
{
    char(*ids)[ASIM_REQUEST_ID_BYTES];
    size_t count;
    if (asim_spool_list(campaign->folder, &ids, &count, err) < 0)
        return -1;
    int rc = 0;
    for (size_t k = 0; k < count && rc == 0; k++)
        rc = take_one(campaign, ids[k], working, err);
    free(ids);
    return rc;
}

/* Nobody owns the campaign: we do, for a moment. 1: done; 0: somebody does. */
static int follow_here(const char *folder, const struct asim_request *request,
                       struct asim_answer *ret_answer, struct asim_error *err)
{
    struct asim_campaign *campaign;
    struct asim_error cause;
    if (asim_campaign_open(folder, NULL, &campaign, &cause) < 0)
        return cause.status == ASIM_ELOCKED
                   ? 0
                   : asim_fail(err, cause.status, "%s", cause.text);
    int rc = asim_requests_take(campaign, false, err);
    if (rc == 0 && request)
        rc = asim_campaign_request(campaign, request, ret_answer, err);
    asim_campaign_close(campaign);
    return rc < 0 ? -1 : 1;
}

static void sleep_seconds(double seconds)
{
    struct timespec left = {(time_t)seconds,
                            (long)(1e9 * (seconds - (double)(time_t)seconds))};
    nanosleep(&left, NULL);
}

int asim_request_send(const char *folder, const struct asim_request *request,
                      double wait_seconds, struct asim_answer *ret_answer,
                      struct asim_error *err)
{
    static const double LOOK_SECONDS = 0.02, TAKE_OVER_SECONDS = 1;
    char id[ASIM_REQUEST_ID_BYTES];
    struct asim_answer answer = {0};
    int rc = follow_here(folder, request, &answer, err);
    if (rc != 0) {
        if (rc > 0 && ret_answer)
            *ret_answer = answer;
        return rc > 0 ? 0 : -1;
    }
    if (asim_spool_write(folder, request, id, err) < 0)
        return -1;
    double start = asim_monotonic_seconds(), next_try = start + TAKE_OVER_SECONDS;
    for (;;) {
        double now = asim_monotonic_seconds();
        rc = asim_spool_take_answer(folder, id, &answer, err);
        if (rc != 0)
            break;
        if (now - start >= wait_seconds) {
            answer.pending = true;
            break;
        }
        /* The driver may have ended before it saw the request. */
        if (now >= next_try) {
            if (follow_here(folder, NULL, NULL, err) < 0)
                return -1;
            next_try = asim_monotonic_seconds() + TAKE_OVER_SECONDS;
        }
        sleep_seconds(LOOK_SECONDS);
    }
    if (rc >= 0 && ret_answer)
        *ret_answer = answer;
    return rc < 0 ? -1 : 0;
}

int asim_campaign_extend(struct asim_campaign *campaign, int window_id,
                         int64_t more_steps, struct asim_error *err)
{
    struct asim_request request = {.kind = ASIM_REQUEST_EXTEND,
                                   .window_ids = &window_id,
                                   .window_count = 1,
                                   .steps = more_steps};
    return asim_campaign_request(campaign, &request, NULL, err);
}

int asim_campaign_pause(struct asim_campaign *campaign, struct asim_error *err)
{
    struct asim_request request = {.kind = ASIM_REQUEST_PAUSE};
    return asim_campaign_request(campaign, &request, NULL, err);
}

int asim_campaign_resume(struct asim_campaign *campaign, struct asim_error *err)
{
    struct asim_request request = {.kind = ASIM_REQUEST_RESUME};
    return asim_campaign_request(campaign, &request, NULL, err);
}

int asim_campaign_set_priority(struct asim_campaign *campaign, int window_id,
                               int priority, struct asim_error *err)
{
    struct asim_request request = {.kind = ASIM_REQUEST_PRIORITY,
                                   .window_ids = &window_id,
                                   .window_count = 1,
                                   .priority = priority};
    return asim_campaign_request(campaign, &request, NULL, err);
}

int asim_campaign_insert(struct asim_campaign *campaign, const char *plan_path,
                         struct asim_error *err)
{
    struct asim_request request = {.kind = ASIM_REQUEST_INSERT, .plan_path = plan_path};
    return asim_campaign_request(campaign, &request, NULL, err);
}
