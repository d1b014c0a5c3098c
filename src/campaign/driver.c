/*
 * The driver: one epoll set over pidfds, a timer and a wake-up, and a round in which
 * events are recorded, then acted upon.
 *
 * Invariants: callbacks only post events; the journal is committed once a round, before
 * anything is spawned; all waiting is by monotonic timers; it never blocks. It must not
 * know what gmx writes. No signal handlers.
 */
#include "campaign/driver.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "campaign/changes.h"
#include "campaign/options.h"
#include "campaign/requests.h"
#include "campaign/slot.h"
#include "campaign/spool.h"

/* Tags of the epoll set beside window indices. */
static const uint64_t TAG_TIMER = UINT64_MAX;
static const uint64_t TAG_WAKE = UINT64_MAX - 1;
static const uint64_t TAG_SPOOL = UINT64_MAX - 2;
static const uint64_t TAG_TRIAL = UINT64_MAX - 3;

enum { EVENTS_A_CALL = 64 };

static const double SECONDS_PER_HOUR = 3600;
/* Nobody tells when others give cores back. */
static const double CLAIM_SECONDS = 2;

int asim_driver_post(struct asim_driver *driver, size_t i, enum asim_window_event event,
                     struct asim_error *err)
{
    if (asim_grow(&driver->posted, &driver->posted_capacity, driver->posted_count + 1,
                  sizeof *driver->posted, err) < 0)
        return -1;
    driver->posted[driver->posted_count++] = (struct asim_posted){i, event};
    return 0;
}

static int watch_fd(struct asim_driver *driver, int fd, uint64_t tag,
                    struct asim_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};
    if (epoll_ctl(driver->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return asim_fail(err, ASIM_EENV, "cannot watch a process: %s", strerror(errno));
    return 0;
}

int asim_driver_watch(struct asim_driver *driver, struct asim_runner *runner,
                      struct asim_error *err)
{
    return watch_fd(driver, runner->process.pidfd, runner->window_index, err);
}

void asim_driver_unwatch(struct asim_driver *driver, struct asim_runner *runner)
{
    if (runner->process.pidfd >= 0)
        epoll_ctl(driver->epoll_fd, EPOLL_CTL_DEL, runner->process.pidfd, NULL);
}

void asim_driver_pause(struct asim_driver *driver, const struct asim_error *cause)
{
    if (driver->fatal.status == ASIM_OK) {
        driver->fatal = *cause;
        asim_log_write(driver->campaign->log, ASIM_LOG_ERROR, "Campaign paused: %s",
                       cause->text);
    }
    asim_driver_begin_stop(driver);
}

void asim_driver_destroy(struct asim_driver *driver)
{
    if (!driver)
        return;
    while (driver->runner_count > 0)
        asim_runner_remove(driver, driver->runners[0]);
    free(driver->runners);
    free(driver->spawns);
    free(driver->posted);
    asim_ready_finish(&driver->ready);
    asim_core_slots_finish(&driver->slots);
    free(driver->slot_users);
    free(driver->gromacs_name);
    free(driver->gpus_wanted);
    asim_calibration_destroy(driver->calibration);
    asim_cores_finish(&driver->cores);
    asim_shim_server_finish(&driver->server);
    const int fds[] = {driver->epoll_fd, driver->timer_fd, driver->wake_fd,
                       driver->spool_fd, driver->changes_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(driver);
}

static int open_descriptors(struct asim_driver *driver, struct asim_error *err)
{
    driver->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    driver->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    driver->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (driver->epoll_fd < 0 || driver->timer_fd < 0 || driver->wake_fd < 0)
        return asim_fail(err, ASIM_EENV, "cannot make an event loop: %s",
                         strerror(errno));
    if (watch_fd(driver, driver->timer_fd, TAG_TIMER, err) < 0 ||
        watch_fd(driver, driver->wake_fd, TAG_WAKE, err) < 0)
        return -1;
    driver->changes_fd = asim_changes_open(driver->campaign->folder);
    driver->spool_fd =
        driver->campaign->slot ? -1 : asim_spool_watch(driver->campaign->folder);
    return driver->spool_fd < 0 ? 0
                                : watch_fd(driver, driver->spool_fd, TAG_SPOOL, err);
}

int asim_driver_prepare(struct asim_driver *driver, struct asim_error *err)
{
    if (driver->looked)
        return 0;
    if (asim_options_check(driver->campaign, &driver->options, err) < 0 ||
        asim_gromacs_find(driver->gromacs_name, &driver->gromacs, err) < 0 ||
        asim_options_check_gromacs(driver->campaign, &driver->gromacs, err) < 0 ||
        asim_gpus_choose(&driver->gromacs, driver->options.gpus, &driver->gpus, err) <
            0)
        return -1;
    if (driver->options.maxh > 0)
        driver->maxh_at =
            asim_monotonic_seconds() + driver->options.maxh * SECONDS_PER_HOUR;
    if (asim_driver_calibrate(driver, driver->epoll_fd, TAG_TRIAL, err) < 0)
        return -1;
    driver->looked = true;
    return 0;
}

void asim_driver_queue(struct asim_driver *driver, size_t i, double due_seconds)
{
    struct asim_campaign_window *window = &driver->campaign->windows[i];
    if (window->queued || !window->chosen)
        return;
    struct asim_ready_item item = {due_seconds, window->life.priority, i};
    window->queued = true;
    window->due_seconds = due_seconds;
    asim_ready_put(&driver->ready, &item);
}

static bool may_start(const struct asim_campaign_window *window)
{
    return window->life.phase == ASIM_PHASE_PLANNED ||
           window->life.phase == ASIM_PHASE_WAITING;
}

int asim_driver_reorder(struct asim_driver *driver, struct asim_error *err)
{
    struct asim_campaign *campaign = driver->campaign;
    if (asim_ready_reserve(&driver->ready, campaign->plan.window_count, err) < 0)
        return -1;
    asim_ready_clear(&driver->ready);
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        struct asim_campaign_window *window = &campaign->windows[i];
        bool queued = window->queued && may_start(window);
        window->queued = false;
        if (queued)
            asim_driver_queue(driver, i, window->due_seconds);
    }
    driver->said_end = false;
    return 0;
}

int asim_driver_act(struct asim_driver *driver, size_t i,
                    enum asim_window_action action, struct asim_error *err)
{
    if (action != ASIM_ACTION_QUEUE)
        return 0; /* a stop is pressed for in each round */
    if (asim_ready_reserve(&driver->ready, driver->campaign->plan.window_count, err) <
            0 ||
        (driver->campaign->windows[i].chosen && asim_driver_prepare(driver, err) < 0))
        return -1;
    asim_driver_queue(driver, i, asim_monotonic_seconds());
    return 0;
}

void asim_driver_break(struct asim_driver *driver, const struct asim_error *cause)
{
    if (driver->broken)
        return;
    driver->broken = true;
    driver->fatal = *cause;
    asim_log_write(driver->campaign->log, ASIM_LOG_ERROR, "Campaign stopped: %s",
                   cause->text);
}

void asim_driver_wake(struct asim_driver *driver)
{
    uint64_t one = 1;
    ssize_t woken = driver ? write(driver->wake_fd, &one, sizeof one) : 0;
    (void)woken; /* full means that a wake-up is pending anyway */
}

/* Windows that the journal leaves running are looked for; the others queue up. */
static int take_windows(struct asim_driver *driver, struct asim_error *err)
{
    struct asim_campaign *campaign = driver->campaign;
    if (asim_ready_reserve(&driver->ready, campaign->plan.window_count, err) < 0)
        return -1;
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        enum asim_window_phase phase = campaign->windows[i].life.phase;
        campaign->windows[i].chosen = driver->options.launch_all;
        campaign->windows[i].queued = false;
        if (campaign->slot) /* it finds its windows itself */
            continue;
        if (may_start(&campaign->windows[i]))
            asim_driver_queue(driver, i, 0);
        if (asim_window_phase_state(phase) != ASIM_WINDOW_RUNNING)
            continue;
        struct asim_runner *runner = asim_runner_create(driver, i, err);
        if (!runner)
            return -1;
        campaign->windows[i].chosen = true;
        runner->attempt = campaign->windows[i].life.attempts;
        runner->inherited = true;
        asim_runner_occupy(driver, runner);
        if (asim_driver_post(driver, i, ASIM_EVENT_REOPENED, err) < 0)
            return -1;
    }
    return 0;
}

static int look_into(struct asim_driver *driver, const struct asim_posted *posted,
                     struct asim_error *err)
{
    struct asim_campaign *campaign = driver->campaign;
    size_t i = posted->window_index;
    struct asim_runner *runner = campaign->windows[i].runner;
    struct asim_window_change change = {.event = posted->event};
    enum asim_window_action action;
    if (!runner) /* judged meanwhile: an event of a descriptor closed in this call */
        return 0;
    if (asim_window_apply(&campaign->windows[i].life, &change, &action) < 0)
        return 0; /* two signs of the same thing, e.g. an end seen twice */
    if (posted->event == ASIM_EVENT_SHIM_ENDED)
        asim_runner_shim_ended(driver, runner);
    if (posted->event == ASIM_EVENT_ADOPTED)
        asim_log_write(campaign->log, ASIM_LOG_INFO,
                       "Window %d: Still runs (attempt %d), watched again",
                       campaign->plan.windows[i].window_id, runner->attempt);
    if (action == ASIM_ACTION_PROBE)
        return asim_runner_probe(driver, runner, err);
    if (action == ASIM_ACTION_JUDGE)
        return asim_runner_judge(driver, runner, err);
    return 0;
}

/* Posted events may post others; each chain is short and ends (see the table). */
static int drain(struct asim_driver *driver, struct asim_error *err)
{
    for (size_t k = 0; k < driver->posted_count; k++) {
        struct asim_posted posted = driver->posted[k];
        if (look_into(driver, &posted, err) < 0)
            return -1;
    }
    driver->posted_count = 0;
    return 0;
}

/* A slot for the next window; -1: none is free now. */
static int take_cores(struct asim_driver *driver, double now)
{
    struct asim_error cause = {.status = ASIM_OK};
    struct asim_core_slots *slots = &driver->slots;
    int slot = asim_core_slots_take(slots, &cause);
    if (slot < 0 && cause.status != ASIM_OK) {
        asim_log_write(driver->campaign->log, ASIM_LOG_WARNING,
                       "%s; another campaign may take the same cores from now on",
                       cause.text);
        asim_core_slots_claim_from(slots, NULL);
        slot = asim_core_slots_take(slots, &cause);
    }
    bool waits = slot < 0 && slots->held_slots > 0;
    if (waits && isinf(driver->next_claim))
        asim_log_write(driver->campaign->log, ASIM_LOG_INFO,
                       "Campaign: windows wait for cores: %zu of %d are in use, %zu "
                       "windows of this campaign run",
                       asim_core_slots_held(slots),
                       slots->slot_count * slots->slot_width, driver->runner_count);
    driver->next_claim = waits ? now + CLAIM_SECONDS : -INFINITY;
    return slot;
}

static int start_windows(struct asim_driver *driver, struct asim_error *err)
{
    struct asim_ready_item item;
    double now = asim_monotonic_seconds();
    while (!driver->stopping && !asim_driver_is_held(driver) &&
           driver->runner_count < (size_t)driver->slots.at_once &&
           asim_ready_next(&driver->ready) <= now) {
        bool intended, ours = true;
        int slot = take_cores(driver, now);
        if (slot < 0)
            break;
        if (!asim_ready_take(&driver->ready, now, &item)) {
            asim_core_slots_give(&driver->slots, slot);
            break;
        }
        driver->campaign->windows[item.window_index].queued = false;
        if (driver->campaign->slot &&
            asim_slot_take_window(driver, item.window_index, &ours, err) < 0)
            return -1;
        if (!ours || !may_start(&driver->campaign->windows[item.window_index])) {
            asim_core_slots_give(&driver->slots, slot);
            continue;
        }
        if (asim_window_intend(driver, item.window_index, slot, &intended, err) < 0)
            return -1;
        if (!intended)
            asim_core_slots_give(&driver->slots, slot);
    }
    return 0;
}

static int spawn_windows(struct asim_driver *driver, struct asim_error *err)
{
    size_t count = driver->spawn_count;
    driver->spawn_count = 0;
    for (size_t k = 0; k < count; k++)
        if (asim_runner_spawn(driver, driver->spawns[k], err) < 0)
            return -1;
    return 0;
}

static int collect(struct asim_driver *driver, struct asim_error *err)
{
    struct epoll_event events[EVENTS_A_CALL];
    uint64_t ignored;
    int count = epoll_wait(driver->epoll_fd, events, EVENTS_A_CALL, 0);
    if (count < 0 && errno != EINTR)
        return asim_fail(err, ASIM_EENV, "cannot wait for events: %s", strerror(errno));
    for (int k = 0; k < count; k++) {
        uint64_t tag = events[k].data.u64;
        if (tag == TAG_TIMER || tag == TAG_WAKE) {
            int fd = tag == TAG_TIMER ? driver->timer_fd : driver->wake_fd;
            while (read(fd, &ignored, sizeof ignored) > 0)
                continue;
        } else if (tag == TAG_TRIAL) {
            continue; /* looked after in each round */
        } else if (tag == TAG_SPOOL) {
            char names[4096];
            while (read(driver->spool_fd, names, sizeof names) > 0)
                continue;
            driver->next_spool = 0;
        } else if (asim_driver_post(driver, (size_t)tag, ASIM_EVENT_SHIM_ENDED, err) <
                   0) {
            return -1;
        }
    }
    return 0;
}

static int commit(struct asim_driver *driver, struct asim_error *err)
{
    struct asim_error cause;
    struct asim_journal *journal = driver->campaign->journal;
    driver->commit_waits = asim_journal_commit(journal, &cause) < 0;
    if (!driver->commit_waits)
        return 0;
    if (asim_journal_is_broken(journal) || driver->stopping)
        return asim_fail(err, cause.status, "%s", cause.text);
    asim_driver_hold_for_disk(driver, "the journal does not fit");
    return 0;
}

static int work_round(struct asim_driver *driver, struct asim_error *err)
{
    if (collect(driver, err) < 0 ||
        asim_driver_handle_timers(driver, asim_monotonic_seconds(), err) < 0)
        return -1;
    /* What is not on record must not be acted upon: until there is space, nothing is.
     */
    if (driver->commit_waits && driver->disk_hold && !driver->stopping)
        return 0;
    if (driver->calibration &&
        asim_driver_go_on_calibrating(driver, asim_monotonic_seconds(),
                                      driver->stopping || asim_driver_is_held(driver),
                                      err) < 0)
        return -1;
    do {
        if (drain(driver, err) < 0 || start_windows(driver, err) < 0 ||
            commit(driver, err) < 0)
            return -1;
        if (driver->commit_waits)
            return 0;
        if (spawn_windows(driver, err) < 0)
            return -1;
    } while (driver->posted_count > 0);
    return 0;
}

static bool is_over(const struct asim_driver *driver)
{
    if (driver->runner_count > 0)
        return driver->killing && asim_monotonic_seconds() >= driver->abandon_at;
    if (driver->stopping)
        return true;
    return asim_ready_count(&driver->ready) == 0 &&
           (!driver->campaign->slot || asim_slot_is_done(driver->campaign->slot));
}

static void say_end(struct asim_driver *driver)
{
    struct asim_campaign_progress progress;
    if (driver->said_end)
        return;
    driver->said_end = true;
    asim_campaign_progress(driver->campaign, &progress);
    asim_log_write(driver->campaign->log, ASIM_LOG_INFO,
                   "Campaign: %zu of %zu windows completed, %zu given up",
                   progress.completed, progress.window_count, progress.failed);
    asim_campaign_say_missing(driver->campaign);
}

/* How things are after a round: 1 work is left, 0 none is, -1 it failed. */
static int sum_up(struct asim_driver *driver, struct asim_error *err)
{
    asim_driver_arm_timer(driver);
    if (!is_over(driver))
        return 1;
    say_end(driver);
    if (driver->fatal.status != ASIM_OK)
        return asim_fail(err, driver->fatal.status, "%s", driver->fatal.text);
    return 0;
}

int asim_driver_dispatch(struct asim_driver *driver, struct asim_error *err)
{
    struct asim_error cause = {.status = ASIM_EFAIL};
    /* Memory may be ahead of the disk then; the next opening replays the disk. */
    if (!driver->broken && work_round(driver, &cause) < 0)
        asim_driver_break(driver, &cause);
    return driver->broken
               ? asim_fail(err, driver->fatal.status, "%s", driver->fatal.text)
               : sum_up(driver, err);
}

int asim_driver_start(struct asim_campaign *campaign,
                      const struct asim_run_options *options, struct asim_error *err)
{
    struct asim_driver *driver = asim_alloc_array(1, sizeof *driver, err);
    if (!driver)
        return -1;
    driver->campaign = campaign;
    driver->options = *options;
    driver->next_claim = -INFINITY;
    driver->server = (struct asim_shim_server)ASIM_SHIM_SERVER_INIT;
    driver->epoll_fd = driver->timer_fd = driver->wake_fd = driver->spool_fd =
        driver->changes_fd = -1;
    asim_random_seed(&driver->random, asim_random_entropy());
    /* Texts are borrowed only for this call. */
    if ((options->gromacs &&
         !(driver->gromacs_name = asim_strdup(options->gromacs, err))) ||
        (options->gpus && !(driver->gpus_wanted = asim_strdup(options->gpus, err))))
        goto fail;
    driver->options.gromacs = driver->gromacs_name;
    driver->options.gpus = driver->gpus_wanted;
    if (open_descriptors(driver, err) < 0 || asim_cores_look(&driver->cores, err) < 0)
        goto fail;
    if ((asim_campaign_unfinished_count(campaign) > 0 &&
         asim_driver_prepare(driver, err) < 0) ||
        take_windows(driver, err) < 0)
        goto fail;
    driver->steps_are_up = asim_campaign_steps_are_up(campaign, options->most_ns);
    campaign->driver = driver;
    /* The first dispatch begins the work; the wake-up makes the descriptor readable. */
    asim_driver_wake(driver);
    return 0;
fail:
    asim_driver_destroy(driver);
    return -1;
}
