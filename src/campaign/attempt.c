/*
 * One attempt of one window: intended, spawned, lost, found. How it ended is the matter
 * of outcome.c.
 *
 * Invariants: a process is spawned only after the record of its intent is on disk; each
 * step can be repeated by another driver after this one was killed. It must not know
 * the event loop.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "campaign/changes.h"
#include "campaign/driver.h"
#include "campaign/options.h"
#include "campaign/prepare.h"
#include "campaign/slot.h"
#include "windows/bias_method.h"

/* Older attempts that may still live where a newer one was refused. */
enum { OLDER_ATTEMPTS = 3 };

struct asim_runner *asim_runner_create(struct asim_driver *driver, size_t i,
                                       struct asim_error *err)
{
    if (asim_grow(&driver->runners, &driver->runner_capacity, driver->runner_count + 1,
                  sizeof *driver->runners, err) < 0)
        return NULL;
    struct asim_runner *runner = asim_alloc_array(1, sizeof *runner, err);
    if (!runner)
        return NULL;
    runner->window_index = i;
    runner->process = (struct asim_process)ASIM_PROCESS_INIT;
    runner->slot = runner->watch = -1;
    runner->first_step = runner->step = -1;
    runner->start_seconds = asim_monotonic_seconds();
    runner->active_seconds = asim_awake_seconds();
    runner->next_probe = runner->kill_at = runner->stop_kill_at = INFINITY;
    runner->probe_delay = driver->campaign->timing.probe_first;
    runner->folder = asim_campaign_window_folder(driver->campaign, i, err);
    if (!runner->folder) {
        free(runner);
        return NULL;
    }
    runner->position = driver->runner_count;
    driver->runners[driver->runner_count++] = runner;
    driver->campaign->windows[i].runner = runner;
    return runner;
}

static bool slot_has_cpu(const struct asim_core_slots *slots, int slot, int cpu)
{
    for (int k = 0; k < slots->slot_width; k++)
        if (slots->cpus[slot * slots->slot_width + k] == cpu)
            return true;
    return false;
}

static bool runner_uses_slot(const struct asim_driver *driver,
                             const struct asim_runner *runner, int slot)
{
    if (runner->slot >= 0)
        return runner->slot == slot;
    const struct asim_campaign_window *window =
        &driver->campaign->windows[runner->window_index];
    for (size_t k = 0; k < window->cpu_count; k++)
        if (slot_has_cpu(&driver->slots, slot, window->cpus[k]))
            return true;
    return false;
}

void asim_runner_occupy(struct asim_driver *driver, const struct asim_runner *runner)
{
    for (int slot = 0; slot < driver->slots.slot_count; slot++) {
        if (!runner_uses_slot(driver, runner, slot))
            continue;
        driver->slot_users[slot]++;
        driver->slots.taken[slot] = 1;
    }
}

void asim_runner_remove(struct asim_driver *driver, struct asim_runner *runner)
{
    struct asim_campaign_window *window =
        &driver->campaign->windows[runner->window_index];
    if (runner->slot >= 0) {
        if (--driver->slot_users[runner->slot] == 0)
            asim_core_slots_give(&driver->slots, runner->slot);
    } else {
        for (int slot = 0; slot < driver->slots.slot_count; slot++)
            if (runner_uses_slot(driver, runner, slot) &&
                --driver->slot_users[slot] == 0)
                asim_core_slots_give(&driver->slots, slot);
    }
    driver->runners[runner->position] = driver->runners[--driver->runner_count];
    driver->runners[runner->position]->position = runner->position;
    asim_changes_forget(driver->changes_fd, runner->watch);
    asim_driver_unwatch(driver, runner);
    asim_process_finish(&runner->process);
    free(window->cpus);
    window->cpus = NULL;
    window->cpu_count = 0;
    window->runner = NULL;
    asim_argv_free(runner->argv);
    free(runner->folder);
    free(runner);
}

void asim_runner_progress(const struct asim_runner *runner, int64_t *ret_step,
                          double *ret_steps_per_second)
{
    double seconds = runner->step_seconds - runner->first_seconds;
    *ret_step = runner->step;
    *ret_steps_per_second = runner->step > runner->first_step && seconds > 0
                                ? (double)(runner->step - runner->first_step) / seconds
                                : NAN;
}

/* After a failed probe, or while the lock is held: later, at growing intervals. */
static void probe_later(struct asim_driver *driver, struct asim_runner *runner)
{
    const struct asim_campaign_timing *timing = &driver->campaign->timing;
    runner->next_probe = asim_monotonic_seconds() + runner->probe_delay;
    runner->probe_delay = fmin(2 * runner->probe_delay, timing->probe_largest);
}

int asim_runner_probe(struct asim_driver *driver, struct asim_runner *runner,
                      struct asim_error *err)
{
    enum asim_window_lock lock;
    struct asim_error cause;
    double now = asim_monotonic_seconds();
    runner->next_probe = INFINITY;
    if (!asim_file_exists(runner->folder))
        lock = ASIM_WINDOW_FREE; /* judged as lost, refused at the next start */
    else if (asim_window_lock_probe(runner->folder, &lock, &cause) < 0) {
        if (runner->probe_delay >= driver->campaign->timing.probe_largest)
            asim_log_write(driver->campaign->log, ASIM_LOG_WARNING, "%s", cause.text);
        probe_later(driver, runner);
        return 0;
    }
    if (lock == ASIM_WINDOW_FREE)
        return asim_driver_post(driver, runner->window_index, ASIM_EVENT_LOCK_FREE,
                                err);

    if (now >= runner->kill_at) {
        asim_process_signal(runner->folder, runner->attempt, SIGKILL);
        runner->kill_at = INFINITY;
    }
    if (now >= runner->adopt_after) {
        struct asim_process process = ASIM_PROCESS_INIT;
        int found = asim_process_adopt(runner->folder, runner->attempt, &process, NULL);
        if (found == 1) {
            asim_driver_unwatch(driver, runner);
            asim_process_finish(&runner->process);
            runner->process = process;
            runner->adopt_after = now + runner->probe_delay;
            if (asim_driver_watch(driver, runner, err) < 0)
                return -1;
            return asim_driver_post(driver, runner->window_index, ASIM_EVENT_ADOPTED,
                                    err);
        }
    }
    probe_later(driver, runner);
    return asim_driver_post(driver, runner->window_index, ASIM_EVENT_LOCK_HELD, err);
}

void asim_runner_shim_ended(struct asim_driver *driver, struct asim_runner *runner)
{
    if (runner->spawned)
        asim_process_reap(&runner->process, NULL, NULL);
    runner->spawned = false;
    asim_driver_unwatch(driver, runner);
    asim_process_finish(&runner->process);
    runner->probe_delay = driver->campaign->timing.probe_first;
    if (isinf(runner->kill_at))
        runner->kill_at = asim_monotonic_seconds() + driver->campaign->timing.grace;
}

static int refuse(struct asim_driver *driver, size_t i, const struct asim_error *cause,
                  struct asim_error *err)
{
    struct asim_campaign *campaign = driver->campaign;
    struct asim_window_change change = {.event = ASIM_EVENT_REFUSED};
    enum asim_window_action action;
    snprintf(change.cause, sizeof change.cause, "%.199s", cause->text);
    if (asim_campaign_record(campaign, i, &change, NULL, 0, &action, err) < 0)
        return -1;
    asim_log_write(campaign->log, ASIM_LOG_ERROR, "Window %d: Not started: %s",
                   campaign->plan.windows[i].window_id, cause->text);
    return 0;
}

static int command_of(const struct asim_driver *driver, size_t i, int slot,
                      char ***ret_argv, struct asim_error *err)
{
    const struct asim_window_life *life = &driver->campaign->windows[i].life;
    const struct asim_gpus *gpus = &driver->gpus;
    double hours = asim_options_hours_left(&driver->options, life);
    if (hours < 0)
        return asim_fail(err, ASIM_EINPUT,
                         "it has used up its %g h (--maxh-window) at step %lld of "
                         "%lld; a larger limit with --retry-failed goes on from there",
                         driver->options.window_maxh, (long long)life->step,
                         (long long)life->nsteps);
    return asim_options_command(
        driver->campaign, &driver->options, &driver->gromacs, hours,
        gpus->count > 0 ? &gpus->ids[slot % gpus->count] : NULL, ret_argv, err);
}

/* The window's folder as its next attempt needs it, and the command. */
static int make_ready(const struct asim_driver *driver, size_t i, const char *folder,
                      int slot, int64_t nsteps, char ***ret_argv,
                      struct asim_error *err)
{
    const struct asim_campaign *campaign = driver->campaign;
    const struct asim_window_life *life = &campaign->windows[i].life;
    const struct asim_window_start start = {
        .reseed_index = life->reseeds,
        .nsteps = nsteps,
        .relaxing = life->relax,
        .start_attempt = life->relax ? 0 : life->start_attempt,
    };
    enum asim_mdrun_from from = life->fresh    ? ASIM_FROM_START
                                : life->rewind ? ASIM_FROM_PREVIOUS
                                               : ASIM_FROM_CHECKPOINT;
    char **argv = NULL;
    if (command_of(driver, i, slot, &argv, err) < 0)
        return -1;
    if (asim_window_prepare_inputs(folder, &campaign->plan, &campaign->plan.windows[i],
                                   &start, campaign->make_tpr, err) < 0 ||
        asim_mdrun_prepare(folder, life->attempts + 1, from, err) < 0 ||
        asim_window_write_command(folder, argv, err) < 0) {
        asim_argv_free(argv);
        return -1;
    }
    *ret_argv = argv;
    return 0;
}

/* What follows where a window cannot be made ready. */
static int not_ready(struct asim_driver *driver, size_t i,
                     const struct asim_error *cause, struct asim_error *err)
{
    double now = asim_monotonic_seconds();
    if (cause->status == ASIM_EINPUT || cause->status == ASIM_EUSAGE)
        return refuse(driver, i, cause, err);
    if (cause->status == ASIM_ELOCKED) { /* it came alive just now */
        asim_driver_queue(driver, i, now + driver->campaign->timing.probe_largest);
        return 0;
    }
    asim_driver_queue(driver, i, now);
    if (asim_driver_disk_is_full(driver))
        asim_driver_hold_for_disk(driver, cause->text);
    else /* the machine's fault: nothing is started until it is mended */
        asim_driver_pause(driver, cause);
    return 0;
}

/* `argv` is the runner's from here on, on failure too. */
static int intend(struct asim_driver *driver, size_t i, int slot, int64_t nsteps,
                  char **argv, struct asim_error *err)
{
    struct asim_campaign *campaign = driver->campaign;
    size_t width = (size_t)driver->slots.slot_width;
    struct asim_window_change change = {.event = ASIM_EVENT_START,
                                        .attempt =
                                            campaign->windows[i].life.attempts + 1,
                                        .nsteps = nsteps};
    enum asim_window_action action;
    struct asim_runner *runner = NULL;
    if (asim_grow(&driver->spawns, &driver->spawn_capacity, driver->spawn_count + 1,
                  sizeof *driver->spawns, err) == 0)
        runner = asim_runner_create(driver, i, err);
    if (!runner) {
        asim_argv_free(argv);
        return -1;
    }
    runner->argv = argv;
    runner->attempt = change.attempt;
    runner->slot = slot;
    driver->slot_users[slot]++;
    if (asim_campaign_record(campaign, i, &change,
                             driver->slots.cpus + (size_t)slot * width, width, &action,
                             err) < 0)
        return -1;
    driver->spawns[driver->spawn_count++] = runner;
    return 0;
}

int asim_window_intend(struct asim_driver *driver, size_t i, int slot,
                       bool *ret_intended, struct asim_error *err)
{
    struct asim_campaign *campaign = driver->campaign;
    const struct asim_window_life *life = &campaign->windows[i].life;
    int64_t nsteps = life->relax ? ASIM_RELAX_STEPS : life->nsteps;
    struct asim_error cause;
    enum asim_window_lock lock = ASIM_WINDOW_FREE;
    char **argv;
    int rc = -1;
    *ret_intended = false;
    char *folder = asim_campaign_window_folder(campaign, i, err);
    if (!folder)
        return -1;
    /* An attempt that was given up for lost may have started after all. */
    bool unknown =
        asim_file_exists(folder) && asim_window_lock_probe(folder, &lock, &cause) < 0;
    /* Nor will it ever be known here, unless others hold such locks. */
    if (unknown && cause.status == ASIM_EENV && driver->runner_count == 0) {
        rc = not_ready(driver, i, &cause, err);
    } else if (unknown || lock == ASIM_WINDOW_HELD) {
        asim_driver_queue(driver, i,
                          asim_monotonic_seconds() + campaign->timing.probe_largest);
        rc = 0;
    } else if (make_ready(driver, i, folder, slot, nsteps, &argv, &cause) < 0) {
        rc = not_ready(driver, i, &cause, err);
    } else {
        rc = intend(driver, i, slot, nsteps, argv, err);
        *ret_intended = rc == 0;
    }
    free(folder);
    return rc;
}

int asim_runner_spawn(struct asim_driver *driver, struct asim_runner *runner,
                      struct asim_error *err)
{
    struct asim_campaign *campaign = driver->campaign;
    struct asim_error cause;
    struct asim_spawn spawn = {
        .folder = runner->folder,
        .attempt = runner->attempt,
        .argv = (const char *const *)runner->argv,
        .bound = driver->campaign->slot != NULL,
        .server = &driver->server,
    };
    spawn.cpus = asim_core_slots_cpus(&driver->slots, runner->slot, &spawn.cpu_count);
    int claim_fd = driver->slots.claim_fd[runner->slot];
    spawn.claim_fd = claim_fd > 0 ? claim_fd : 0;
    runner->start_seconds = asim_monotonic_seconds();
    if (asim_process_spawn(&spawn, &runner->process, &cause) < 0) {
        snprintf(runner->trouble, sizeof runner->trouble, "%.199s", cause.text);
        if (asim_driver_disk_is_full(driver))
            asim_driver_hold_for_disk(driver, cause.text);
        else
            asim_driver_pause(driver, &cause);
        return asim_driver_post(driver, runner->window_index, ASIM_EVENT_SPAWN_FAILED,
                                err);
    }
    runner->spawned = true;
    asim_log_write(campaign->log, ASIM_LOG_INFO, "Window %d: Started (attempt %d)",
                   campaign->plan.windows[runner->window_index].window_id,
                   runner->attempt);
    if (asim_driver_watch(driver, runner, err) < 0)
        return -1;
    return asim_driver_post(driver, runner->window_index, ASIM_EVENT_SPAWNED, err);
}

void asim_runner_tell(struct asim_runner *runner, int signal_number)
{
    bool told = asim_process_signal(runner->folder, runner->attempt, signal_number);
    for (int older = 1; !told && older <= OLDER_ATTEMPTS; older++)
        if (runner->attempt > older)
            told = asim_process_signal(runner->folder, runner->attempt - older,
                                       signal_number);
    if (!told && runner->process.pidfd >= 0)
        told = asim_process_stop(&runner->process);
    runner->end_was_asked = true;
    if (told && signal_number == SIGKILL)
        runner->told_to_die = true;
    if (told)
        runner->told_to_stop = true;
}
