/*
 * A slot among others.
 *
 * Invariants: no attempt starts, and no end is recorded, of a window that is not
 * claimed by this slot; after a claim of a window that had an owner, the owner's
 * journal is read to its end before anything is done; "over" is written only when
 * nothing of ours lives. It must not know Slurm.
 */
#include "campaign/slot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <autosim/slurm.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "campaign/claim.h"
#include "campaign/options.h"

/* Windows in a row, each another one, that the machine fails before it is left. */
enum { SICK_WINDOWS = 3, LOOKS_REFRESHES = 3 };
static const double SHORTEST_REFRESH_SECONDS = 0.5, LONGEST_REFRESH_SECONDS = 10;

struct holder {
    char id[ASIM_SLOT_ID_BYTES];
    struct asim_lease_watch watch;
    double looked_at;
    enum asim_lease_state state;
};

struct slot_window {
    struct asim_claim claim; /* the newest known */
    bool mine;
};

struct asim_slot {
    struct asim_campaign *campaign;
    char id[ASIM_SLOT_ID_BYTES];
    char *folder;
    struct asim_lease *lease;
    double lease_seconds;
    double stop_at; /* windows must stop then; INFINITY: never */
    double refresh_seconds, next_refresh;
    double next_look; /* at the steps of running windows, which reads their files */
    struct slot_window *windows; /* [plan.window_count] */
    struct holder *holders;      /* [holder_count] */
    size_t holder_count, holder_capacity;
    bool done, time_is_up, told_to_stop;
    int failing_windows; /* in a row */
    size_t last_failing; /* window index */
    char why[200];       /* it leaves; "": all is done */
};

static bool is_unfinished(const struct asim_campaign *campaign, size_t i)
{
    enum asim_window_state state =
        asim_window_phase_state(campaign->windows[i].life.phase);
    return state == ASIM_WINDOW_PLANNED || state == ASIM_WINDOW_WAITING ||
           state == ASIM_WINDOW_RUNNING;
}

static int look_at_holder(struct asim_slot *slot, const char *id,
                          enum asim_lease_state *ret_state, struct asim_error *err)
{
    struct holder *holder = NULL;
    double now = asim_monotonic_seconds();
    for (size_t k = 0; k < slot->holder_count && !holder; k++)
        if (strcmp(slot->holders[k].id, id) == 0)
            holder = &slot->holders[k];
    if (!holder) {
        if (asim_grow(&slot->holders, &slot->holder_capacity, slot->holder_count + 1,
                      sizeof *slot->holders, err) < 0)
            return -1;
        holder = &slot->holders[slot->holder_count++];
        *holder = (struct holder){.looked_at = -INFINITY};
        snprintf(holder->id, sizeof holder->id, "%s", id);
    }
    bool final = holder->state == ASIM_LEASE_OVER || holder->state == ASIM_LEASE_LAPSED;
    if (!final && now - holder->looked_at >= slot->refresh_seconds / 2) {
        char *folder =
            asim_format(err, "%s/%s/%s", slot->campaign->folder, ASIM_SLOTS_FOLDER, id);
        if (!folder)
            return -1;
        holder->state = asim_lease_look(folder, slot->lease_seconds, &holder->watch);
        holder->looked_at = now;
        free(folder);
    }
    *ret_state = holder->state;
    return 0;
}

/* A window whose owner is gone while the journals have it running. */
static int take_over(struct asim_driver *driver, size_t i, struct asim_error *err)
{
    struct asim_campaign_window *window = &driver->campaign->windows[i];
    /* Cores of another machine mean nothing here. */
    free(window->cpus);
    window->cpus = NULL;
    window->cpu_count = 0;
    struct asim_runner *runner = asim_runner_create(driver, i, err);
    if (!runner)
        return -1;
    runner->attempt = window->life.attempts;
    runner->inherited = true;
    asim_log_write(driver->campaign->log, ASIM_LOG_WARNING,
                   "Window %d: Its slot is gone, taken over",
                   driver->campaign->plan.windows[i].window_id);
    return asim_driver_post(driver, i, ASIM_EVENT_REOPENED, err);
}

/* As many windows of this slot wait for their next attempt as it can run at once. */
static bool has_enough(const struct asim_driver *driver)
{
    const struct asim_slot *slot = driver->campaign->slot;
    int waiting = 0;
    for (size_t i = 0; i < driver->campaign->plan.window_count; i++)
        waiting += slot->windows[i].mine && !driver->campaign->windows[i].runner &&
                   is_unfinished(driver->campaign, i);
    return waiting >= driver->slots.at_once;
}

/* *ret_mine: claimed by this slot, now or before. */
static int claim(struct asim_slot *slot, size_t i, bool *ret_mine,
                 struct asim_error *err)
{
    struct slot_window *window = &slot->windows[i];
    enum asim_lease_state state;
    int rc = -1, taken = 0;
    char *folder = NULL;
    *ret_mine = window->mine;
    if (window->mine)
        return 0;
    folder = asim_campaign_window_folder(slot->campaign, i, err);
    if (!folder || asim_claim_read(folder, &window->claim, err) < 0)
        goto out;
    if (window->claim.generation > 0) {
        if (look_at_holder(slot, window->claim.owner, &state, err) < 0)
            goto out;
        if (state == ASIM_LEASE_ALIVE || state == ASIM_LEASE_UNSURE) {
            rc = 0;
            goto out;
        }
    }
    /* A folder that is missing is refused by the start, in words. */
    taken = asim_file_exists(folder)
                ? asim_claim_take(folder, window->claim.generation + 1, slot->id, err)
                : 1;
    if (taken < 0)
        goto out;
    if (taken == 0) { /* the next refresh sees whose it is */
        rc = 0;
        goto out;
    }
    bool had_owner = window->claim.generation > 0;
    window->claim.generation++;
    memcpy(window->claim.owner, slot->id, sizeof slot->id);
    *ret_mine = window->mine = true;
    rc = had_owner ? asim_fold_pull(slot->campaign, err) : 0;
out:
    free(folder);
    return rc;
}

int asim_slot_take_window(struct asim_driver *driver, size_t i, bool *ret_start,
                          struct asim_error *err)
{
    struct asim_slot *slot = driver->campaign->slot;
    bool mine;
    *ret_start = false;
    if (!is_unfinished(driver->campaign, i) ||
        (!slot->windows[i].mine && has_enough(driver)))
        return 0;
    if (claim(slot, i, &mine, err) < 0)
        return -1;
    if (!mine || !is_unfinished(driver->campaign, i))
        return 0;
    if (asim_window_phase_state(driver->campaign->windows[i].life.phase) ==
        ASIM_WINDOW_RUNNING)
        return driver->campaign->windows[i].runner ? 0 : take_over(driver, i, err);
    *ret_start = true;
    return 0;
}

/* Queues every window that may be had. Only when the queue is empty, so that no window
 * is in it twice. */
static int look_for_windows(struct asim_driver *driver, struct asim_error *err)
{
    struct asim_slot *slot = driver->campaign->slot;
    size_t unsure = 0;
    for (size_t i = 0; i < driver->campaign->plan.window_count; i++) {
        const struct slot_window *window = &slot->windows[i];
        enum asim_lease_state state = ASIM_LEASE_OVER;
        if (!is_unfinished(driver->campaign, i) || driver->campaign->windows[i].runner)
            continue;
        if (!window->mine && window->claim.generation > 0 &&
            look_at_holder(slot, window->claim.owner, &state, err) < 0)
            return -1;
        if (state == ASIM_LEASE_OVER || state == ASIM_LEASE_LAPSED)
            asim_driver_queue(driver, i, 0);
        unsure += state == ASIM_LEASE_UNSURE;
    }
    slot->done = asim_ready_count(&driver->ready) == 0 && driver->runner_count == 0 &&
                 unsure == 0;
    return 0;
}

static bool stop_file_exists(const struct asim_campaign *campaign)
{
    char *path = asim_format(NULL, "%s/%s/stop", campaign->folder, ASIM_SLOTS_FOLDER);
    bool there = path && asim_file_exists(path);
    free(path);
    return there;
}

/* The coordinator found it bad after this job was submitted. */
static bool node_is_excluded(const struct asim_campaign *campaign, const char *node)
{
    enum { LIST_LARGEST = 1 << 20 };
    char *list = NULL;
    size_t size;
    bool found = false;
    char *path =
        asim_format(NULL, "%s/%s/excluded", campaign->folder, ASIM_SLOTS_FOLDER);
    if (path && *node && asim_file_exists(path) &&
        asim_file_read(path, LIST_LARGEST, &list, &size, NULL) == 0) {
        size_t length = strlen(node);
        for (const char *at = list; at && *at && !found;) {
            size_t line = strcspn(at, "\n");
            found = line == length && strncmp(at, node, length) == 0;
            at += line + (at[line] == '\n');
        }
    }
    free(list);
    free(path);
    return found;
}

static void ask_to_stop(struct asim_slot *slot, const char *why)
{
    if (slot->told_to_stop)
        return;
    slot->told_to_stop = true;
    snprintf(slot->why, sizeof slot->why, "%s", why);
    asim_campaign_stop(slot->campaign);
}

int asim_slot_refresh(struct asim_driver *driver, double now, struct asim_error *err)
{
    struct asim_slot *slot = driver->campaign->slot;
    if (now >= slot->stop_at)
        asim_campaign_slot_time_is_up(driver->campaign);
    if (now < slot->next_refresh)
        return 0;
    slot->next_refresh = now + slot->refresh_seconds;
    if (stop_file_exists(driver->campaign))
        ask_to_stop(slot, "stopped");
    if (driver->stopping)
        return 0;
    if (asim_fold_pull(driver->campaign, err) < 0)
        return -1;
    if (driver->options.most_ns > 0 && now >= slot->next_look) {
        slot->next_look = now + LOOKS_REFRESHES * slot->refresh_seconds;
        asim_campaign_look_at_steps(driver->campaign);
    }
    driver->steps_are_up |=
        asim_campaign_steps_are_up(driver->campaign, driver->options.most_ns);
    if (driver->steps_are_up) {
        ask_to_stop(slot, "simulated as much as was asked for");
    } else if (driver->campaign->fold.plan_changed) { /* the next slot reads it */
        slot->time_is_up = true;
        ask_to_stop(slot, "plan");
    } else if (driver->campaign->paused) {
        ask_to_stop(slot, "on hold");
    }
    if (slot->why[0] || asim_campaign_unfinished_count(driver->campaign) == 0) {
        slot->done = true; /* the driver has not even found out about gmx then */
        return 0;
    }
    if (asim_ready_count(&driver->ready) > 0 ||
        driver->runner_count >= (size_t)driver->slots.at_once)
        return 0;
    return look_for_windows(driver, err);
}

double asim_slot_next_refresh(const struct asim_slot *slot)
{
    return slot->told_to_stop ? slot->next_refresh
                              : fmin(slot->next_refresh, slot->stop_at);
}

bool asim_slot_is_done(const struct asim_slot *slot)
{
    return slot->done;
}

void asim_slot_saw_end(struct asim_driver *driver, size_t i,
                       const struct asim_window_change *change)
{
    struct asim_slot *slot = driver->campaign->slot;
    struct asim_error cause;
    const struct asim_runner *runner = driver->campaign->windows[i].runner;
    if (runner && runner->inherited)
        return; /* it was another machine's */
    if (change->event != ASIM_EVENT_MACHINE ||
        driver->campaign->windows[i].life.machine_failures == 0) {
        slot->failing_windows = 0;
        return;
    }
    if (slot->failing_windows > 0 && slot->last_failing == i)
        return;
    slot->last_failing = i;
    if (++slot->failing_windows < SICK_WINDOWS || slot->why[0])
        return;
    snprintf(slot->why, sizeof slot->why, "sick: %.180s", change->cause);
    asim_fail(&cause, ASIM_EENV,
              "%d windows in a row failed on this machine, the last for this: %s; the "
              "slot leaves it",
              SICK_WINDOWS, change->cause);
    asim_driver_pause(driver, &cause);
}

static void destroy(struct asim_slot *slot)
{
    if (!slot)
        return;
    free(slot->windows);
    free(slot->holders);
    free(slot->folder);
    free(slot);
}

void asim_slot_close(struct asim_campaign *campaign)
{
    struct asim_slot *slot = campaign->slot;
    const struct asim_driver *driver = campaign->driver;
    if (!slot)
        return;
    char why[sizeof slot->why] = "done";
    if (slot->why[0])
        memcpy(why, slot->why, sizeof why);
    else if (driver && driver->fatal.status != ASIM_OK)
        snprintf(why, sizeof why, "paused: %.180s", driver->fatal.text);
    else if (driver && driver->stopping)
        snprintf(why, sizeof why, "stopped");
    for (char *at = why; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    /* Where windows still run, they are killed with this process and the lease lapses.
     */
    bool idle = !driver || driver->runner_count == 0;
    asim_lease_end(slot->lease, idle ? why : NULL);
    destroy(slot);
    campaign->slot = NULL;
}

const char *asim_campaign_slot_folder(const struct asim_campaign *campaign)
{
    return campaign->slot ? campaign->slot->folder : NULL;
}

void asim_campaign_slot_fail(struct asim_campaign *campaign, const char *why)
{
    if (campaign->slot && !campaign->slot->why[0])
        snprintf(campaign->slot->why, sizeof campaign->slot->why, "failed: %.180s",
                 why);
}

void asim_campaign_slot_time_is_up(struct asim_campaign *campaign)
{
    if (!campaign->slot || campaign->slot->told_to_stop)
        return;
    campaign->slot->time_is_up = true;
    ask_to_stop(campaign->slot, "walltime");
}

bool asim_campaign_slot_goes_on(const struct asim_campaign *campaign)
{
    if (!campaign->slot || !campaign->slot->time_is_up)
        return false;
    for (size_t i = 0; i < campaign->plan.window_count; i++)
        if (is_unfinished(campaign, i))
            return true;
    return false;
}

/* slots/NAME.0, or .1, ... where the job was queued again: mkdir says whose it is. */
static int make_folder(struct asim_slot *slot, const char *name, struct asim_error *err)
{
    enum { LIVES_LARGEST = 100000 };
    char *parent = asim_path_join(slot->campaign->folder, ASIM_SLOTS_FOLDER, err);
    int rc = -1;
    if (!parent || asim_make_folder(parent, err) < 0)
        goto out;
    for (int life = 0; life < LIVES_LARGEST; life++) {
        int length = snprintf(slot->id, sizeof slot->id, "%s.%d", name, life);
        if (length >= (int)sizeof slot->id || !asim_slot_id_valid(slot->id)) {
            asim_fail(err, ASIM_EUSAGE, "'%s' cannot be the name of a slot", name);
            goto out;
        }
        free(slot->folder);
        slot->folder = asim_path_join(parent, slot->id, err);
        if (!slot->folder)
            goto out;
        if (mkdir(slot->folder, 0777) == 0) {
            rc = asim_folder_sync(parent, err);
            goto out;
        }
        if (errno != EEXIST) {
            asim_fail(err, ASIM_EIO, "cannot make '%s': %s", slot->folder,
                      strerror(errno));
            goto out;
        }
    }
    asim_fail(err, ASIM_EENV, "'%s' began more than %d times", name, LIVES_LARGEST);
out:
    free(parent);
    return rc;
}

static int describe(const struct asim_slot *slot,
                    const struct asim_slot_options *options, struct asim_error *err)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    char *path = asim_path_join(slot->folder, "slot.json", err);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s%, s:I}", "token", options->token,
                             "job_id", options->job_id, "node", options->node, "host",
                             host, strlen(host), "pid", (json_int_t)getpid());
    int rc = -1;
    if (path && !json)
        asim_fail(err, ASIM_ENOMEM, "no memory for the description of a slot");
    else if (path)
        rc = asim_json_write(path, json, err);
    json_decref(json);
    free(path);
    return rc;
}

static int open_own_journal(struct asim_campaign *campaign, struct asim_error *err)
{
    struct asim_journal_info info;
    char *path = asim_path_join(campaign->slot->folder, "journal.jsonl", err);
    int rc = -1;
    if (path &&
        asim_journal_open(path, NULL, NULL, &campaign->journal, &info, err) == 0 &&
        asim_journal_add(
            campaign->journal,
            asim_record_head(campaign->plan_sha256, campaign->plan.window_count),
            err) == 0)
        rc = asim_journal_commit(campaign->journal, err);
    free(path);
    return rc;
}

int asim_campaign_open_slot(const char *folder, const struct asim_slot_options *options,
                            struct asim_log *log, struct asim_campaign **ret_campaign,
                            struct asim_error *err)
{
    struct asim_campaign *campaign = NULL;
    if (!(options->lease_seconds > 0) || !(options->usable_seconds >= 0))
        return asim_fail(err, ASIM_EUSAGE,
                         "the lease must be longer than 0, the usable time not below");
    if (asim_campaign_open_readonly(folder, &campaign, err) < 0)
        return -1;
    struct asim_slot *slot = asim_alloc_array(1, sizeof *slot, err);
    if (!slot)
        goto fail;
    campaign->slot = slot;
    campaign->log = log;
    slot->campaign = campaign;
    slot->lease_seconds = options->lease_seconds;
    slot->refresh_seconds =
        fmax(SHORTEST_REFRESH_SECONDS,
             fmin(options->lease_seconds / 6, LONGEST_REFRESH_SECONDS));
    slot->stop_at = options->usable_seconds > 0
                        ? asim_monotonic_seconds() + options->usable_seconds
                        : INFINITY;
    slot->windows =
        asim_alloc_array(campaign->plan.window_count, sizeof *slot->windows, err);
    if (!slot->windows || make_folder(slot, options->name, err) < 0 ||
        describe(slot, options, err) < 0 || open_own_journal(campaign, err) < 0 ||
        asim_lease_keep(slot->folder, slot->lease_seconds, &slot->lease, err) < 0)
        goto fail;
    if (node_is_excluded(campaign, options->node))
        snprintf(slot->why, sizeof slot->why, "excluded");
    campaign->fold.own_id = slot->id;
    campaign->readonly = false;
    *ret_campaign = campaign;
    return 0;
fail:
    asim_campaign_close(campaign);
    return -1;
}
