/*
 * The life of one window as a table.
 *
 * Invariants: the outcome depends on life and change alone; every path through it ends,
 * because an attempt that got no further than those before it counts against a limit
 * and what counts for physics and restarts is never forgotten. It must not know files,
 * processes or time.
 */
#include "campaign/window_state.h"

#include <math.h>
#include <string.h>

/* Which failure counter an event adds to. */
enum counter { COUNT_NONE, COUNT_MACHINE, COUNT_PHYSICS, COUNT_RESTART };

struct row {
    bool allowed;
    enum asim_window_phase next;
    enum asim_window_action action;
};

/* clang-format off */
#define GO(next_phase, next_action)                                                    \
    {true, ASIM_PHASE_##next_phase, ASIM_ACTION_##next_action}
/* An end may come in any running phase: a replay sees no live events. */
#define ENDS(next_phase, next_action)                                                  \
    {[ASIM_PHASE_INTENDED] = GO(next_phase, next_action),                              \
     [ASIM_PHASE_WATCHED] = GO(next_phase, next_action),                               \
     [ASIM_PHASE_LOST] = GO(next_phase, next_action)}
#define STAYS(phase, next_action) [ASIM_PHASE_##phase] = GO(phase, next_action)
#define RUNNING_STAYS(next_action)                                                     \
    STAYS(INTENDED, next_action), STAYS(WATCHED, next_action), STAYS(LOST, next_action)

static const struct row table[ASIM_EVENT_COUNT][ASIM_PHASE_COUNT] = {
    [ASIM_EVENT_START] = {[ASIM_PHASE_PLANNED] = GO(INTENDED, SPAWN),
                          [ASIM_PHASE_WAITING] = GO(INTENDED, SPAWN)},
    [ASIM_EVENT_COMPLETED] = ENDS(COMPLETED, FINISH),
    [ASIM_EVENT_WALLTIME] = ENDS(WAITING, QUEUE),
    [ASIM_EVENT_STOPPED] = ENDS(WAITING, QUEUE),
    [ASIM_EVENT_MACHINE] = ENDS(WAITING, QUEUE),
    [ASIM_EVENT_DISK_FULL] = ENDS(WAITING, PAUSE),
    [ASIM_EVENT_PHYSICS] = ENDS(WAITING, QUEUE),
    [ASIM_EVENT_INPUT] = ENDS(FAILED, GIVE_UP),
    [ASIM_EVENT_RESTART] = ENDS(WAITING, QUEUE),
    [ASIM_EVENT_RELAXED] = ENDS(WAITING, QUEUE),
    [ASIM_EVENT_REFUSED] = {[ASIM_PHASE_PLANNED] = GO(FAILED, GIVE_UP),
                            [ASIM_PHASE_WAITING] = GO(FAILED, GIVE_UP)},
    [ASIM_EVENT_RETRY] = {[ASIM_PHASE_FAILED] = GO(WAITING, QUEUE)},
    [ASIM_EVENT_EXTEND] = {STAYS(PLANNED, NONE), RUNNING_STAYS(NONE),
                           STAYS(WAITING, NONE),
                           [ASIM_PHASE_COMPLETED] = GO(WAITING, QUEUE),
                           STAYS(FAILED, NONE), STAYS(CANCELLED, NONE)},
    [ASIM_EVENT_CANCEL] = {[ASIM_PHASE_PLANNED] = GO(CANCELLED, NONE),
                           RUNNING_STAYS(STOP),
                           [ASIM_PHASE_WAITING] = GO(CANCELLED, NONE),
                           [ASIM_PHASE_FAILED] = GO(CANCELLED, NONE)},
    [ASIM_EVENT_RESTORE] = {RUNNING_STAYS(NONE),
                            [ASIM_PHASE_FAILED] = GO(WAITING, QUEUE),
                            [ASIM_PHASE_CANCELLED] = GO(WAITING, QUEUE)},
    [ASIM_EVENT_PRIORITY] = {STAYS(PLANNED, NONE), RUNNING_STAYS(NONE),
                             STAYS(WAITING, NONE), STAYS(COMPLETED, NONE),
                             STAYS(FAILED, NONE), STAYS(CANCELLED, NONE)},

    [ASIM_EVENT_SPAWNED] = {[ASIM_PHASE_INTENDED] = GO(WATCHED, NONE)},
    /* Whether a process came to be is not known for sure: its lock tells. */
    [ASIM_EVENT_SPAWN_FAILED] = {[ASIM_PHASE_INTENDED] = GO(LOST, PROBE)},
    [ASIM_EVENT_REOPENED] = ENDS(LOST, PROBE),
    [ASIM_EVENT_ADOPTED] = {[ASIM_PHASE_LOST] = GO(WATCHED, NONE)},
    [ASIM_EVENT_SHIM_ENDED] = {[ASIM_PHASE_WATCHED] = GO(LOST, PROBE)},
    [ASIM_EVENT_LOCK_HELD] = {[ASIM_PHASE_LOST] = GO(LOST, PROBE_SOON)},
    [ASIM_EVENT_LOCK_FREE] = {[ASIM_PHASE_LOST] = GO(LOST, JUDGE)},
};
/* clang-format on */

static const char *const event_names[ASIM_EVENT_COUNT] = {
    "start",    "completed", "walltime",   "stopped",   "machine",  "disk_full",
    "physics",  "input",     "restart",    "relaxed",   "refused",  "retry",
    "extend",   "cancel",    "restore",    "priority",  "spawned",  "spawn_failed",
    "reopened", "adopted",   "shim_ended", "lock_held", "lock_free"};

static const char *const phase_names[ASIM_PHASE_COUNT] = {
    "planned", "intended",  "watched", "lost",
    "waiting", "completed", "failed",  "cancelled"};

void asim_window_life_init(struct asim_window_life *ret_life, int64_t nsteps)
{
    *ret_life = (struct asim_window_life){.nsteps = nsteps,
                                          .attempt_nsteps = nsteps,
                                          .best_step = -1,
                                          .step = -1,
                                          .ns_per_day = NAN,
                                          .final_potential_energy_kj_mol = NAN,
                                          .samples_bytes = -1};
}

const char *asim_window_repair_words(const struct asim_window_life *life)
{
    if (life->rewind)
        return "goes back to the checkpoint before the last";
    if (life->relax && life->fresh)
        return "starts afresh with new velocities, first relaxed with a small time "
               "step";
    if (life->fresh && life->start_attempt > 0)
        return "starts afresh from its relaxed structure";
    return life->fresh ? "starts afresh" : "continues";
}

bool asim_window_event_durable(enum asim_window_event event)
{
    return event < ASIM_EVENT_SPAWNED;
}

const char *asim_window_event_name(enum asim_window_event event)
{
    return event_names[event];
}

const char *asim_window_phase_name(enum asim_window_phase phase)
{
    return phase_names[phase];
}

enum asim_window_state asim_window_phase_state(enum asim_window_phase phase)
{
    switch (phase) {
    case ASIM_PHASE_PLANNED:
        return ASIM_WINDOW_PLANNED;
    case ASIM_PHASE_INTENDED:
    case ASIM_PHASE_WATCHED:
    case ASIM_PHASE_LOST:
        return ASIM_WINDOW_RUNNING;
    case ASIM_PHASE_WAITING:
        return ASIM_WINDOW_WAITING;
    case ASIM_PHASE_COMPLETED:
        return ASIM_WINDOW_COMPLETED;
    case ASIM_PHASE_CANCELLED:
        return ASIM_WINDOW_CANCELLED;
    case ASIM_PHASE_FAILED:
    case ASIM_PHASE_COUNT:
        break;
    }
    return ASIM_WINDOW_FAILED;
}

const char *asim_window_state_name(enum asim_window_state state)
{
    switch (state) {
    case ASIM_WINDOW_PLANNED:
        return "Planned";
    case ASIM_WINDOW_RUNNING:
        return "Running";
    case ASIM_WINDOW_WAITING:
        return "Waiting";
    case ASIM_WINDOW_COMPLETED:
        return "Completed";
    case ASIM_WINDOW_CANCELLED:
        return "Cancelled";
    case ASIM_WINDOW_FAILED:
        break;
    }
    return "Failed";
}

static bool ends_attempt(enum asim_window_event event)
{
    return event >= ASIM_EVENT_COMPLETED && event <= ASIM_EVENT_RELAXED;
}

static enum counter counter_of(enum asim_window_event event)
{
    switch (event) {
    case ASIM_EVENT_MACHINE:
        return COUNT_MACHINE;
    case ASIM_EVENT_PHYSICS:
        return COUNT_PHYSICS;
    case ASIM_EVENT_RESTART:
        return COUNT_RESTART;
    default:
        return COUNT_NONE;
    }
}

/* The first time only the last checkpoint is distrusted: the one before it, with other
 * random numbers where the physics failed. Then a new beginning; after a blow-up that
 * is the planned structure with new velocities, relaxed with a small time step. */
static void choose_repair(struct asim_window_life *life, enum asim_window_event event)
{
    bool physics = event == ASIM_EVENT_PHYSICS;
    life->rewind = (physics ? life->physics_failures : life->restarts) == 0;
    life->fresh = !life->rewind;
    if (physics && life->fresh) {
        life->relax = true;
        life->start_attempt = 0;
    }
}

static void end_attempt(struct asim_window_life *life,
                        const struct asim_window_change *change)
{
    /* A machine that fails now and then, while the window gets on, is no reason to give
     * it up. */
    if (change->step > life->best_step && !life->relaxing) {
        life->best_step = change->step;
        life->machine_failures = 0;
    }
    life->exit_code = change->exit_code;
    life->step = change->step;
    life->ns_per_day = change->ns_per_day;
    life->final_potential_energy_kj_mol = change->final_potential_energy_kj_mol;
    life->runtime_seconds += change->runtime_seconds;
    memcpy(life->cause, change->cause, sizeof life->cause);
    if (change->event == ASIM_EVENT_COMPLETED) {
        life->samples_bytes = change->samples_bytes;
        memcpy(life->samples_sha256, change->samples_sha256,
               sizeof life->samples_sha256);
    }
    if (change->event == ASIM_EVENT_PHYSICS || change->event == ASIM_EVENT_RESTART)
        choose_repair(life, change->event);
    if (change->event == ASIM_EVENT_RELAXED) {
        life->relax = false;
        life->fresh = true;
        life->start_attempt = change->attempt;
    }
}

/* Counts the failure; true where the limit is passed. */
static bool count_failure(struct asim_window_life *life,
                          const struct asim_window_change *change)
{
    switch (counter_of(change->event)) {
    case COUNT_MACHINE:
        return ++life->machine_failures > change->retries;
    case COUNT_PHYSICS:
        life->reseeds++;
        return ++life->physics_failures > change->retries;
    case COUNT_RESTART:
        return ++life->restarts > change->retries;
    case COUNT_NONE:
        break;
    }
    return false;
}

/* Ends an attempt of a window that was extended or cancelled while it ran. */
static void settle(struct asim_window_life *life, enum asim_window_action *action)
{
    if (life->phase == ASIM_PHASE_COMPLETED && life->nsteps > life->attempt_nsteps) {
        life->phase = ASIM_PHASE_WAITING;
        *action = ASIM_ACTION_QUEUE;
    }
    if (life->cancelled && life->phase != ASIM_PHASE_COMPLETED) {
        life->phase = ASIM_PHASE_CANCELLED;
        *action = ASIM_ACTION_NONE;
    }
    life->cancelled = false;
}

static void forget_failures(struct asim_window_life *life)
{
    life->machine_failures = life->physics_failures = life->restarts = 0;
}

int asim_window_apply(struct asim_window_life *life,
                      const struct asim_window_change *change,
                      enum asim_window_action *ret_action)
{
    const struct row *row = &table[change->event][life->phase];
    if (!row->allowed)
        return -1;
    if (change->event == ASIM_EVENT_START && change->attempt != life->attempts + 1)
        return -1;
    if (ends_attempt(change->event) && change->attempt != life->attempts)
        return -1;
    if (change->event == ASIM_EVENT_EXTEND && change->nsteps < life->nsteps)
        return -1;

    enum asim_window_action action = row->action;
    life->phase = row->next;
    switch (change->event) {
    case ASIM_EVENT_START:
        life->attempts = change->attempt;
        life->relaxing = life->relax;
        life->attempt_nsteps = change->nsteps > 0 ? change->nsteps
                               : life->relax      ? ASIM_RELAX_STEPS
                                                  : life->nsteps;
        if (life->fresh)
            life->step = -1;
        life->fresh = life->rewind = false;
        break;
    case ASIM_EVENT_REFUSED:
        memcpy(life->cause, change->cause, sizeof life->cause);
        break;
    case ASIM_EVENT_RETRY:
        forget_failures(life);
        break;
    case ASIM_EVENT_EXTEND:
        life->nsteps = change->nsteps;
        break;
    case ASIM_EVENT_CANCEL:
        life->cancelled = life->phase != ASIM_PHASE_CANCELLED;
        break;
    case ASIM_EVENT_RESTORE:
        if (row->action == ASIM_ACTION_QUEUE)
            forget_failures(life);
        life->cancelled = false;
        break;
    case ASIM_EVENT_PRIORITY:
        life->priority = change->priority;
        break;
    default:
        break;
    }
    if (ends_attempt(change->event)) {
        end_attempt(life, change);
        if (count_failure(life, change)) {
            life->phase = ASIM_PHASE_FAILED;
            action = ASIM_ACTION_GIVE_UP;
        }
        settle(life, &action);
    }
    *ret_action = action;
    return 0;
}
