/*
 * What a driver does because time has passed: stops and their grace, looks at requests,
 * at the disk, at the steps of running windows, at those that are lost.
 *
 * Invariants: all waiting is by clocks that nobody sets; events are only posted. It
 * must not know the event loop.
 */
#include <math.h>
#include <signal.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "campaign/changes.h"
#include "campaign/driver.h"
#include "campaign/requests.h"
#include "campaign/slot.h"

static const double ABANDON_SECONDS = 10; /* after KILL, for what cannot be killed */
/* Where requests/ cannot be watched; otherwise against an event that was lost. */
static const double SPOOL_SECONDS = 2, WATCHED_SPOOL_SECONDS = 30;

/* Nothing is started for now. */
bool asim_driver_is_held(const struct asim_driver *driver)
{
    return driver->campaign->paused || driver->disk_hold;
}

void asim_driver_begin_stop(struct asim_driver *driver)
{
    if (driver->stopping)
        return;
    driver->stopping = true;
    driver->kill_at = asim_monotonic_seconds() + driver->campaign->timing.grace;
    driver->abandon_at = INFINITY;
}

static bool shall_leave(const struct asim_driver *driver,
                        const struct asim_runner *runner)
{
    const struct asim_campaign *campaign = driver->campaign;
    return driver->stopping || asim_driver_is_held(driver) || runner->hung ||
           campaign->windows[runner->window_index].life.cancelled;
}

/* TERM once, KILL after the grace time, to every window that shall leave. */
static void press(struct asim_driver *driver, double now)
{
    for (size_t k = 0; k < driver->runner_count; k++) {
        struct asim_runner *runner = driver->runners[k];
        if (!shall_leave(driver, runner))
            continue;
        if (isinf(runner->stop_kill_at))
            runner->stop_kill_at = now + driver->campaign->timing.grace;
        if (!runner->told_to_stop)
            asim_runner_tell(runner, SIGTERM);
        if ((driver->killing || now >= runner->stop_kill_at) && !runner->told_to_die)
            asim_runner_tell(runner, SIGKILL);
    }
    if (driver->killing && isinf(driver->abandon_at))
        driver->abandon_at = now + ABANDON_SECONDS;
}

static void handle_stop(struct asim_driver *driver, double now)
{
    int requests = driver->stop_requests;
    if (driver->maxh_at > 0 && now >= driver->maxh_at && !driver->stopping) {
        asim_log_write(driver->campaign->log, ASIM_LOG_INFO,
                       "Campaign: the time limit is reached; windows write their "
                       "checkpoints and leave");
        asim_driver_begin_stop(driver);
    }
    if (driver->steps_are_up && !driver->stopping) {
        asim_log_write(driver->campaign->log, ASIM_LOG_INFO,
                       "Campaign: %g ns are simulated, as many as were asked for "
                       "(--max-ns); windows write their checkpoints and leave",
                       driver->options.most_ns);
        asim_driver_begin_stop(driver);
    }
    if (requests > 0 && !driver->stopping) {
        asim_log_write(driver->campaign->log, ASIM_LOG_INFO,
                       "Campaign: stop was asked; windows write their checkpoints and "
                       "leave");
        asim_driver_begin_stop(driver);
    }
    if (driver->stopping && (requests > 1 || now >= driver->kill_at))
        driver->killing = true;
    press(driver, now);
}

/* What others ask of the campaign; a slot hears of it from the coordinator's journal.
 */
static int handle_spool(struct asim_driver *driver, double now, struct asim_error *err)
{
    if (driver->campaign->slot)
        return asim_slot_refresh(driver, now, err);
    if (now < driver->next_spool)
        return 0;
    driver->next_spool =
        now + (driver->spool_fd < 0 ? SPOOL_SECONDS : WATCHED_SPOOL_SECONDS);
    return asim_requests_take(driver->campaign, true, err);
}

/* gmx writes a checkpoint at least once an interval: several of them without a write
 * into any file, on a machine that is awake, mean that it hangs. */
static double hang_seconds(const struct asim_driver *driver)
{
    static const double LEAST_SECONDS = 900, MARGIN_SECONDS = 300;
    if (driver->campaign->timing.hang > 0)
        return driver->campaign->timing.hang;
    return fmax(LEAST_SECONDS,
                3 * 60 * driver->options.checkpoint_minutes + MARGIN_SECONDS);
}

static void look_at_step(const struct asim_driver *driver, struct asim_runner *runner,
                         double now)
{
    int64_t step = asim_mdrun_step(runner->folder, driver->campaign->plan.dt_ps);
    if (step <= runner->step)
        return;
    if (runner->first_step < 0) {
        runner->first_step = step;
        runner->first_seconds = now;
    }
    runner->step = step;
    runner->step_seconds = now;
}

/* Where its folder is watched and has told of nothing, nothing was written. */
static void look_at_folder(struct asim_driver *driver, struct asim_runner *runner,
                           double now)
{
    double awake = asim_awake_seconds(), limit = hang_seconds(driver);
    bool written = false;
    if (runner->watch < 0) {
        /* Before the look: what comes in between is told. */
        runner->watch = asim_changes_watch(driver->changes_fd, runner->folder);
        uint64_t activity = asim_mdrun_activity(runner->folder);
        written = activity != runner->activity;
        runner->activity = activity;
        look_at_step(driver, runner, now);
    }
    if (written) {
        runner->active_seconds = awake;
    } else if (awake - runner->active_seconds > limit && !runner->hung &&
               !shall_leave(driver, runner)) {
        runner->hung = true;
        runner->hang_seconds = limit;
        asim_log_write(driver->campaign->log, ASIM_LOG_WARNING,
                       "Window %d: gmx has written nothing for %.0f s; it is stopped",
                       driver->campaign->plan.windows[runner->window_index].window_id,
                       limit);
    }
}

static void note_change(void *context, int watch)
{
    struct asim_driver *driver = context;
    for (size_t k = 0; k < driver->runner_count; k++)
        if (driver->runners[k]->watch == watch)
            driver->runners[k]->watch = -1;
}

static void read_changes(struct asim_driver *driver)
{
    if (asim_changes_read(driver->changes_fd, note_change, driver))
        return;
    for (size_t k = 0; k < driver->runner_count; k++)
        driver->runners[k]->watch = -1;
}

int asim_driver_handle_timers(struct asim_driver *driver, double now,
                              struct asim_error *err)
{
    if (handle_spool(driver, now, err) < 0)
        return -1;
    asim_driver_watch_disk(driver, now);
    handle_stop(driver, now);
    bool look = now >= driver->next_progress;
    if (look)
        read_changes(driver);
    /* A probe only posts: runners are removed by drain() alone. */
    for (size_t k = 0; k < driver->runner_count; k++) {
        struct asim_runner *runner = driver->runners[k];
        if (now >= runner->next_probe && asim_runner_probe(driver, runner, err) < 0)
            return -1;
        if (!look)
            continue;
        look_at_folder(driver, runner, now);
    }
    if (look)
        driver->next_progress = now + driver->campaign->timing.progress;
    if (look && !driver->campaign->slot) /* a slot looks at the others too */
        driver->steps_are_up =
            asim_campaign_steps_are_up(driver->campaign, driver->options.most_ns);
    return 0;
}

void asim_driver_arm_timer(struct asim_driver *driver)
{
    static const double STOP_POLL_SECONDS = 0.2;
    double now = asim_monotonic_seconds();
    double next = driver->campaign->slot
                      ? asim_slot_next_refresh(driver->campaign->slot)
                      : driver->next_spool;
    bool leaving = driver->stopping;
    for (size_t k = 0; k < driver->runner_count; k++) {
        next = fmin(next, driver->runners[k]->next_probe);
        leaving |= shall_leave(driver, driver->runners[k]);
    }
    if (driver->runner_count > 0)
        next = fmin(next, driver->next_progress);
    if (driver->prepared && (driver->runner_count > 0 || driver->disk_hold))
        next = fmin(next, driver->next_disk);
    if (leaving)
        next = fmin(next, now + STOP_POLL_SECONDS);
    else if (driver->prepared && !asim_driver_is_held(driver) &&
             driver->runner_count < (size_t)driver->slots.at_once)
        next = fmin(next, fmax(driver->next_claim, asim_ready_next(&driver->ready)));
    if (driver->calibration)
        next = fmin(next, asim_calibration_due(driver->calibration));
    if (driver->maxh_at > 0 && !driver->stopping)
        next = fmin(next, driver->maxh_at);
    struct itimerspec when = {0};
    if (isfinite(next)) {
        /* At least 1 ms: zero would disarm, and nothing here is more urgent. */
        double wait = fmax(next - now, 0.001);
        when.it_value.tv_sec = (time_t)wait;
        when.it_value.tv_nsec = (long)((wait - floor(wait)) * 1e9);
    }
    timerfd_settime(driver->timer_fd, 0, &when, NULL);
}
