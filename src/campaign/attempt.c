/*
 * One attempt of one window: intended, spawned, lost, found, judged.
 *
 * Invariants: a process is spawned only after the record of its intent is on disk; an
 * attempt is judged only while nothing lives in its folder; each step can be repeated
 * by another driver after this one was killed. It must not know the event loop.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "campaign/driver.h"
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
    runner->slot = -1;
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
    asim_process_finish(&runner->process); /* the descriptor leaves the epoll set */
    free(window->cpus);
    window->cpus = NULL;
    window->cpu_count = 0;
    window->runner = NULL;
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
    asim_process_finish(&runner->process);
    runner->probe_delay = driver->campaign->timing.probe_first;
    if (isinf(runner->kill_at))
        runner->kill_at = asim_monotonic_seconds() + driver->campaign->timing.grace;
}

static bool process_record_exists(const struct asim_runner *runner)
{
    char *path = asim_format(NULL, "%s/attempt-%d.process.json", runner->folder,
                             runner->attempt);
    bool exists = path && asim_file_exists(path);
    free(path);
    return exists;
}

static const enum asim_window_event end_events[] = {
    [ASIM_END_COMPLETED] = ASIM_EVENT_COMPLETED,
    [ASIM_END_WALLTIME] = ASIM_EVENT_WALLTIME,
    [ASIM_END_STOPPED] = ASIM_EVENT_STOPPED,
    [ASIM_END_MACHINE] = ASIM_EVENT_MACHINE,
    [ASIM_END_DISK_FULL] = ASIM_EVENT_DISK_FULL,
    [ASIM_END_PHYSICS] = ASIM_EVENT_PHYSICS,
    [ASIM_END_INPUT] = ASIM_EVENT_INPUT,
    [ASIM_END_RESTART] = ASIM_EVENT_RESTART,
};

static void set_end(struct asim_run_outcome *outcome, enum asim_run_end end,
                    const char *cause)
{
    outcome->end = end;
    snprintf(outcome->cause, sizeof outcome->cause, "%.199s", cause);
}

/* What the engine's judgement means here, where it is known who asked for what. */
static void weigh(const struct asim_driver *driver, const struct asim_runner *runner,
                  const struct asim_exit_record *record,
                  struct asim_run_outcome *outcome)
{
    const struct asim_window_life *life =
        &driver->campaign->windows[runner->window_index].life;
    bool by_signal = !record || record->signal_number != 0;
    if (outcome->end == ASIM_END_MACHINE && runner->end_was_asked && by_signal) {
        set_end(outcome, ASIM_END_STOPPED, "stopped on request");
    } else if ((outcome->end == ASIM_END_STOPPED ||
                outcome->end == ASIM_END_WALLTIME) &&
               !runner->end_was_asked && outcome->step <= life->best_step) {
        /* Otherwise a window that something stops at once, always, would never end. */
        set_end(outcome, ASIM_END_MACHINE,
                "stopped from outside before it got further than earlier attempts");
    }
}

static void weigh_hang(const struct asim_runner *runner,
                       struct asim_run_outcome *outcome)
{
    char cause[200];
    if (!runner->hung ||
        (outcome->end != ASIM_END_MACHINE && outcome->end != ASIM_END_STOPPED))
        return;
    snprintf(
        cause, sizeof cause,
        "hung: gmx wrote nothing for %.0f s at step %lld and was killed; its input "
        "or the file system may be at fault",
        runner->hang_seconds, (long long)outcome->step);
    set_end(outcome, ASIM_END_MACHINE, cause);
}

static int judge(struct asim_driver *driver, struct asim_runner *runner,
                 struct asim_run_outcome *outcome, struct asim_exit_record *record,
                 bool *ret_has_record)
{
    const struct asim_campaign *campaign = driver->campaign;
    struct asim_error cause;
    int found = asim_exit_record_read(runner->folder, runner->attempt, record, &cause);
    *ret_has_record = found == 1;
    if (runner->trouble[0]) {
        set_end(outcome, ASIM_END_STOPPED, runner->trouble);
        return 0;
    }
    if (found == 1 && record->refused) {
        set_end(outcome, ASIM_END_STOPPED,
                record->reason[0] ? record->reason : "the window's folder was in use");
        return 0;
    }
    if (found != 1 && runner->inherited && !process_record_exists(runner)) {
        set_end(outcome, ASIM_END_STOPPED,
                "the orchestrator was lost before the window started");
        return 0;
    }
    if (asim_mdrun_judge(runner->folder, runner->attempt, found == 1 ? record : NULL,
                         campaign->windows[runner->window_index].life.attempt_nsteps,
                         campaign->plan.system_atom_count, outcome, &cause) < 0) {
        set_end(outcome, ASIM_END_MACHINE, cause.text);
        return 0;
    }
    weigh(driver, runner, found == 1 ? record : NULL, outcome);
    weigh_hang(runner, outcome);
    return 0;
}

/* Size and checksum of the samples, so that a later change of them is seen. */
static void describe_samples(const struct asim_runner *runner,
                             const struct asim_bias_method *method,
                             struct asim_window_change *change)
{
    char *path = asim_path_join(runner->folder, method->samples, NULL);
    FILE *file = path ? fopen(path, "re") : NULL;
    if (file && fseeko(file, 0, SEEK_END) == 0 &&
        asim_file_sha256(path, change->samples_sha256, NULL) == 0)
        change->samples_bytes = ftello(file);
    if (file)
        fclose(file);
    free(path);
}

static void log_end(const struct asim_campaign *campaign, size_t i,
                    const struct asim_window_change *change,
                    enum asim_window_action action, double delay_seconds)
{
    const struct asim_window_life *life = &campaign->windows[i].life;
    int id = campaign->plan.windows[i].window_id;
    switch (action) {
    case ASIM_ACTION_FINISH:
        asim_log_write(campaign->log, ASIM_LOG_INFO,
                       "Window %d: Completed successfully in %.1fs", id,
                       life->runtime_seconds);
        if (isfinite(life->ns_per_day))
            asim_log_write(campaign->log, ASIM_LOG_INFO,
                           "Window %d: Performance = %.2f ns/day", id,
                           life->ns_per_day);
        break;
    case ASIM_ACTION_NONE:
        asim_log_write(campaign->log, ASIM_LOG_INFO,
                       "Window %d: Cancelled at step %lld", id, (long long)life->step);
        break;
    case ASIM_ACTION_GIVE_UP:
        asim_log_write(campaign->log, ASIM_LOG_ERROR,
                       "Window %d: Given up after %d attempts (%s): %s", id,
                       life->attempts, asim_window_event_name(change->event),
                       life->cause);
        break;
    default:
        asim_log_write(campaign->log, ASIM_LOG_WARNING,
                       "Window %d: Attempt %d ended (%s) at step %lld: %s; %s in "
                       "%.0f s",
                       id, life->attempts, asim_window_event_name(change->event),
                       (long long)life->step, life->cause,
                       asim_window_repair_words(life), delay_seconds);
        break;
    }
}

/* Doubling from the first to the largest, a quarter up or down at random so that many
 * windows that failed together do not come back together. */
static double backoff(struct asim_driver *driver, const struct asim_window_life *life,
                      enum asim_window_event event)
{
    const struct asim_campaign_timing *timing = &driver->campaign->timing;
    int count = event == ASIM_EVENT_MACHINE   ? life->machine_failures
                : event == ASIM_EVENT_PHYSICS ? life->physics_failures
                : event == ASIM_EVENT_RESTART ? life->restarts
                                              : 0;
    if (count == 0)
        return 0;
    double delay = fmin(ldexp(timing->backoff_first, count < 30 ? count - 1 : 30),
                        timing->backoff_largest);
    return delay * (0.75 + 0.5 * asim_random_uniform(&driver->random));
}

/* Whoever opened the campaign may have a last word on a window that ran to its end. */
static int check_completed(struct asim_driver *driver, struct asim_runner *runner,
                           struct asim_run_outcome *outcome, struct asim_error *err)
{
    const struct asim_campaign *campaign = driver->campaign;
    const struct asim_ended_window ended = {
        .plan = &campaign->plan,
        .window = &campaign->plan.windows[runner->window_index],
        .folder = runner->folder,
        .nsteps = campaign->windows[runner->window_index].life.attempt_nsteps,
        .attempts = runner->attempt,
    };
    struct asim_error cause = {0};
    if (asim_mdrun_collect(runner->folder, err) < 0)
        return -1;
    if (!campaign->check ||
        campaign->check(campaign->check_context, &ended, &cause) == 0)
        return 0;
    if (cause.status == ASIM_EINPUT)
        set_end(outcome, ASIM_END_INPUT, cause.text);
    else if (cause.status == ASIM_EWINDOWS)
        set_end(outcome, ASIM_END_RESTART, cause.text);
    else
        asim_log_write(campaign->log, ASIM_LOG_WARNING,
                       "Window %d: Its samples could not be checked: %s",
                       ended.window->window_id, cause.text);
    return 0;
}

int asim_runner_judge(struct asim_driver *driver, struct asim_runner *runner,
                      struct asim_error *err)
{
    struct asim_campaign *campaign = driver->campaign;
    size_t i = runner->window_index;
    struct asim_run_outcome outcome = {
        .step = -1, .ns_per_day = NAN, .final_potential_energy_kj_mol = NAN};
    struct asim_exit_record record = {0};
    bool has_record;
    if (judge(driver, runner, &outcome, &record, &has_record) < 0)
        return -1;
    /* A relaxation has another time step and no samples that anybody will read. */
    bool relaxed =
        outcome.end == ASIM_END_COMPLETED && campaign->windows[i].life.relaxing;
    if (outcome.end == ASIM_END_COMPLETED && !relaxed &&
        check_completed(driver, runner, &outcome, err) < 0)
        return -1;
    struct asim_window_change change = {
        .event = relaxed ? ASIM_EVENT_RELAXED : end_events[outcome.end],
        .attempt = runner->attempt,
        .retries = driver->options.retries,
        .step = outcome.step,
        .ns_per_day = outcome.ns_per_day,
        .final_potential_energy_kj_mol = outcome.final_potential_energy_kj_mol,
        .runtime_seconds = has_record ? record.runtime_seconds
                           : runner->inherited
                               ? 0
                               : asim_monotonic_seconds() - runner->start_seconds,
        .samples_bytes = -1,
    };
    /* Nothing but a kill leaves no record. */
    change.exit_code = !has_record && outcome.end != ASIM_END_COMPLETED ? -SIGKILL
                       : record.signal_number ? -record.signal_number
                                              : record.exit_code;
    memcpy(change.cause, outcome.cause, sizeof change.cause);
    if (change.event == ASIM_EVENT_COMPLETED)
        describe_samples(runner, asim_bias_method(campaign->plan.bias), &change);
    enum asim_window_action action;
    if (asim_campaign_record(campaign, i, &change, NULL, 0, &action, err) < 0)
        return -1;
    if (campaign->slot)
        asim_slot_saw_end(driver, i, &change);
    /* What failed elsewhere need not wait here. */
    bool elsewhere = campaign->slot && runner->inherited;
    double delay = elsewhere ? 0
                   : has_record && record.refused
                       ? campaign->timing.probe_largest
                       : backoff(driver, &campaign->windows[i].life, change.event);
    log_end(campaign, i, &change, action, delay);
    if (action == ASIM_ACTION_QUEUE || action == ASIM_ACTION_PAUSE)
        asim_driver_queue(driver, i, asim_monotonic_seconds() + delay);
    if (change.event == ASIM_EVENT_DISK_FULL)
        asim_driver_hold_for_disk(driver, change.cause);
    asim_runner_remove(driver, runner);
    return 0;
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

int asim_window_intend(struct asim_driver *driver, size_t i, int slot,
                       bool *ret_intended, struct asim_error *err)
{
    struct asim_campaign *campaign = driver->campaign;
    const struct asim_window_life *life = &campaign->windows[i].life;
    struct asim_error cause;
    enum asim_window_lock lock = ASIM_WINDOW_FREE;
    int attempt = life->attempts + 1, width = driver->slots.slot_width, rc = -1;
    *ret_intended = false;
    char *folder = asim_campaign_window_folder(campaign, i, err);
    if (!folder)
        return -1;
    /* An attempt that was given up for lost may have started after all. */
    if (asim_file_exists(folder) &&
        (asim_window_lock_probe(folder, &lock, &cause) < 0 ||
         lock == ASIM_WINDOW_HELD)) {
        asim_driver_queue(driver, i,
                          asim_monotonic_seconds() + campaign->timing.probe_largest);
        rc = 0;
        goto out;
    }
    struct asim_window_start start = {
        .reseed_index = life->reseeds,
        .nsteps = life->relax ? ASIM_RELAX_STEPS : life->nsteps,
        .relaxing = life->relax,
        .start_attempt = life->relax ? 0 : life->start_attempt,
    };
    enum asim_mdrun_from from = life->fresh    ? ASIM_FROM_START
                                : life->rewind ? ASIM_FROM_PREVIOUS
                                               : ASIM_FROM_CHECKPOINT;
    if (asim_window_prepare_inputs(folder, &campaign->plan, &campaign->plan.windows[i],
                                   &start, campaign->make_tpr, &cause) < 0 ||
        asim_mdrun_prepare(folder, attempt, from, &cause) < 0 ||
        asim_window_write_command(folder, driver->argv, &cause) < 0) {
        if (cause.status == ASIM_EINPUT || cause.status == ASIM_EUSAGE) {
            rc = refuse(driver, i, &cause, err);
        } else if (cause.status == ASIM_ELOCKED) { /* it came alive just now */
            asim_driver_queue(
                driver, i, asim_monotonic_seconds() + campaign->timing.probe_largest);
            rc = 0;
        } else if (asim_driver_disk_is_full(driver)) {
            asim_driver_queue(driver, i, asim_monotonic_seconds());
            asim_driver_hold_for_disk(driver, cause.text);
            rc = 0;
        } else { /* the machine's fault: nothing is started until it is mended */
            asim_driver_queue(driver, i, asim_monotonic_seconds());
            asim_driver_pause(driver, &cause);
            rc = 0;
        }
        goto out;
    }
    struct asim_window_change change = {
        .event = ASIM_EVENT_START, .attempt = attempt, .nsteps = start.nsteps};
    enum asim_window_action action;
    const int *cpus = driver->slots.cpus + (size_t)slot * (size_t)width;
    if (asim_grow(&driver->spawns, &driver->spawn_capacity, driver->spawn_count + 1,
                  sizeof *driver->spawns, err) < 0)
        goto out;
    struct asim_runner *runner = asim_runner_create(driver, i, err);
    if (!runner)
        goto out;
    runner->attempt = attempt;
    runner->slot = slot;
    driver->slot_users[slot]++;
    if (asim_campaign_record(campaign, i, &change, cpus, (size_t)width, &action, err) <
        0)
        goto out;
    driver->spawns[driver->spawn_count++] = runner;
    *ret_intended = true;
    rc = 0;
out:
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
        .argv = (const char *const *)driver->argv,
        .bound = driver->campaign->slot != NULL,
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
