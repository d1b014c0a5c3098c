/*
 * What a campaign says of itself: states, progress, time to the end.
 * Invariant: works on what is in memory. It must not change anything.
 */
#include <autosim/campaign.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "campaign/campaign_internal.h"
#include "campaign/campaign_lock.h"

static const double SECONDS_PER_DAY = 86400.0;
static const double PS_PER_NS = 1000.0;

size_t asim_campaign_window_count(const struct asim_campaign *campaign)
{
    asim_campaign_enter(campaign);
    size_t count = campaign->plan.window_count;
    asim_campaign_leave(campaign);
    return count;
}

static double steps_to_ns_per_day(const struct asim_campaign *campaign,
                                  double steps_per_second)
{
    return steps_per_second * campaign->plan.dt_ps / PS_PER_NS * SECONDS_PER_DAY;
}

/* The furthest that counts, 0 .. nsteps, and the speed of a running window. */
static int64_t window_step(const struct asim_campaign *campaign, size_t i,
                           double *ret_ns_per_day)
{
    const struct asim_campaign_window *window = &campaign->windows[i];
    const struct asim_window_life *life = &window->life;
    int64_t nsteps = life->nsteps, step = life->step;
    double steps_per_second = NAN;
    *ret_ns_per_day = life->ns_per_day;
    if (life->phase == ASIM_PHASE_COMPLETED)
        return nsteps;
    if (asim_window_phase_state(life->phase) == ASIM_WINDOW_RUNNING) {
        int64_t seen = window->seen_step;
        if (window->runner)
            asim_runner_progress(window->runner, &seen, &steps_per_second);
        step = seen > step ? seen : step;
        if (isfinite(steps_per_second))
            *ret_ns_per_day = steps_to_ns_per_day(campaign, steps_per_second);
    }
    if (life->fresh || life->relax || step < 0)
        return 0; /* the steps of a relaxation are none of the window's */
    return step < nsteps ? step : nsteps;
}

int64_t asim_campaign_step(const struct asim_campaign *campaign, size_t i)
{
    double ns_per_day;
    return window_step(campaign, i, &ns_per_day);
}

bool asim_campaign_steps_are_up(const struct asim_campaign *campaign, double most_ns)
{
    double steps = 0, planned = 0, most = most_ns * PS_PER_NS;
    if (!(most > 0))
        return false;
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        planned += (double)campaign->windows[i].life.nsteps;
        steps += (double)asim_campaign_step(campaign, i);
    }
    /* Windows that come to their ends within it are not stopped shortly before. */
    return planned * campaign->plan.dt_ps > (1 + 1e-9) * most &&
           steps * campaign->plan.dt_ps >= most;
}

int asim_campaign_window(const struct asim_campaign *campaign, size_t i,
                         struct asim_window_status *ret_status, struct asim_error *err)
{
    asim_campaign_enter(campaign);
    size_t count = campaign->plan.window_count;
    if (i >= count) {
        asim_campaign_leave(campaign);
        return asim_fail(err, ASIM_EUSAGE, "there is no window %zu; there are %zu", i,
                         count);
    }
    const struct asim_window_life *life = &campaign->windows[i].life;
    struct asim_window_status status = {
        .window_id = campaign->plan.windows[i].window_id,
        .state = asim_window_phase_state(life->phase),
        .attempts = life->attempts,
        .failures = life->machine_failures + life->physics_failures + life->restarts,
        .exit_code = life->exit_code,
        .nsteps = life->nsteps,
        .priority = life->priority,
        .final_potential_energy_kj_mol = life->final_potential_energy_kj_mol,
        .runtime_seconds = life->runtime_seconds,
    };
    status.step = window_step(campaign, i, &status.ns_per_day);
    status.eta_seconds = NAN;
    if (status.state == ASIM_WINDOW_RUNNING && status.ns_per_day > 0)
        status.eta_seconds = (double)(status.nsteps - status.step) *
                             campaign->plan.dt_ps / PS_PER_NS / status.ns_per_day *
                             SECONDS_PER_DAY;
    status.lost = campaign->readonly && status.state == ASIM_WINDOW_RUNNING &&
                  campaign->windows[i].seen_lost;
    memcpy(status.cause, life->cause, sizeof status.cause);
    asim_campaign_leave(campaign);
    *ret_status = status;
    return 0;
}

void asim_campaign_progress(const struct asim_campaign *campaign,
                            struct asim_campaign_progress *ret_progress)
{
    asim_campaign_enter(campaign);
    struct asim_campaign_progress progress = {
        .window_count = campaign->plan.window_count,
        .paused = campaign->paused,
        .driven = campaign->driver || asim_campaign_lock_is_held(campaign->folder),
        .eta_seconds = NAN};
    double steps = 0, all_steps = 0, left_steps = 0, known_speed = 0;
    size_t known = 0;
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        double nsteps = (double)campaign->windows[i].life.nsteps, ns_per_day;
        double step = (double)window_step(campaign, i, &ns_per_day);
        enum asim_window_state state =
            asim_window_phase_state(campaign->windows[i].life.phase);
        progress.completed += state == ASIM_WINDOW_COMPLETED;
        progress.running += state == ASIM_WINDOW_RUNNING;
        progress.waiting +=
            state == ASIM_WINDOW_WAITING || state == ASIM_WINDOW_PLANNED;
        progress.failed += state == ASIM_WINDOW_FAILED;
        progress.cancelled += state == ASIM_WINDOW_CANCELLED;
        steps += step;
        all_steps += nsteps;
        if (state != ASIM_WINDOW_FAILED && state != ASIM_WINDOW_CANCELLED)
            left_steps += nsteps - step;
        if (isfinite(ns_per_day) && ns_per_day > 0) {
            known_speed += ns_per_day;
            known++;
        }
        if (state == ASIM_WINDOW_RUNNING && isfinite(ns_per_day))
            progress.total_ns_per_day += ns_per_day;
    }
    progress.fraction = all_steps > 0 ? steps / all_steps : 0;
    /* A running window of unknown speed is taken as fast as the known ones are. */
    double speed = known > 0 ? known_speed / (double)known * (double)progress.running
                             : progress.total_ns_per_day;
    if (left_steps <= 0)
        progress.eta_seconds = 0;
    else if (speed > 0)
        progress.eta_seconds =
            left_steps * campaign->plan.dt_ps / PS_PER_NS / speed * SECONDS_PER_DAY;
    asim_campaign_leave(campaign);
    *ret_progress = progress;
}

void asim_campaign_say_missing(const struct asim_campaign *campaign)
{
    enum { LISTED_MOST = 8 };
    char text[LISTED_MOST * 64] = "";
    size_t missing = 0, used = 0;
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        enum asim_window_state state =
            asim_window_phase_state(campaign->windows[i].life.phase);
        if (state != ASIM_WINDOW_FAILED && state != ASIM_WINDOW_CANCELLED)
            continue;
        if (missing++ < LISTED_MOST)
            used += (size_t)snprintf(text + used, sizeof text - used,
                                     "%s%.4g nm (window %d)", used > 0 ? ", " : "",
                                     campaign->plan.windows[i].bias.centre_nm,
                                     campaign->plan.windows[i].window_id);
    }
    if (missing == 0)
        return;
    asim_log_write(campaign->log, ASIM_LOG_WARNING,
                   "The profile misses the windows at %s%s; around these centres only "
                   "their neighbours have samples; 'autosim run --retry-failed' tries "
                   "those that were given up again once their cause is mended",
                   text, missing > LISTED_MOST ? " and others" : "");
}
