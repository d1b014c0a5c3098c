/*
 * How an attempt ended: judged from what it left, weighed by what this driver asked
 * for, put on record.
 *
 * Invariants: an attempt is judged only while nothing lives in its folder; judging it
 * again, by another driver after this one was killed, comes to the same. It must not
 * know the event loop.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "campaign/driver.h"
#include "campaign/slot.h"
#include "windows/bias_method.h"

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
        if (change->event == ASIM_EVENT_STOPPED) {
            asim_log_write(campaign->log, ASIM_LOG_INFO, "Window %d: Attempt %d %s", id,
                           life->attempts, life->cause);
            break;
        }
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
