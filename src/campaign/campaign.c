/*
 * A campaign's folder: opening, what the journal says, status and progress.
 *
 * Invariant: what is known of a window is the replay of its durable events; nothing
 * here reads a window's folder, except those of running windows when only looking.
 * It must not start, stop or judge anything: driver.c does.
 */
#include <autosim/campaign.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "campaign/campaign_internal.h"
#include "campaign/campaign_lock.h"
#include "campaign/prepare.h"
#include "engine/mdrun.h"

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

static int replay_head(struct asim_campaign *campaign, const struct asim_record *record,
                       struct asim_error *err)
{
    if (campaign->has_head)
        return asim_fail(err, ASIM_EINPUT, "a second head record");
    if (strcmp(record->plan_sha256, campaign->plan_sha256) != 0 ||
        record->window_count != campaign->plan.window_count)
        return asim_fail(err, ASIM_EINPUT,
                         "plan.json was changed after this campaign began to run (it "
                         "has the checksum %.12s..., the journal was begun with "
                         "%.12s... and %zu windows); put the old plan back, or plan in "
                         "a new folder",
                         campaign->plan_sha256, record->plan_sha256,
                         record->window_count);
    campaign->has_head = true;
    return 0;
}

static int replay_record(void *context, const json_t *json, struct asim_error *err)
{
    struct asim_campaign *campaign = context;
    struct asim_record record;
    if (asim_record_decode(json, &record, err) < 0)
        return -1;
    int rc = 0;
    if (record.kind == ASIM_RECORD_HEAD)
        rc = replay_head(campaign, &record, err);
    else if (!campaign->has_head)
        rc = asim_fail(err, ASIM_EINPUT, "the head record is missing before it");
    else if (record.kind == ASIM_RECORD_WINDOW)
        rc = replay_window(campaign, &record, err);
    asim_record_finish(&record);
    return rc;
}

static int open_journal(struct asim_campaign *campaign, struct asim_error *err)
{
    struct asim_journal_info info;
    char *path = asim_path_join(campaign->folder, "journal.jsonl", err);
    if (!path)
        return -1;
    int rc = campaign->readonly
                 ? asim_journal_read(path, replay_record, campaign, &info, err)
                 : asim_journal_open(path, replay_record, campaign, &campaign->journal,
                                     &info, err);
    free(path);
    if (rc < 0 || campaign->readonly)
        return rc;
    if (info.torn_bytes > 0)
        asim_log_write(campaign->log, ASIM_LOG_WARNING,
                       "Journal: the last line was torn by a crash; its %llu bytes "
                       "were dropped",
                       (unsigned long long)info.torn_bytes);
    if (campaign->has_head)
        return 0;
    if (asim_journal_add(
            campaign->journal,
            asim_record_head(campaign->plan_sha256, campaign->plan.window_count),
            err) < 0 ||
        asim_journal_commit(campaign->journal, err) < 0)
        return -1;
    campaign->has_head = true;
    return 0;
}

/* Someone who only looks sees how far running windows are. */
static void look_at_running(struct asim_campaign *campaign)
{
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        struct asim_campaign_window *window = &campaign->windows[i];
        if (asim_window_phase_state(window->life.phase) != ASIM_WINDOW_RUNNING)
            continue;
        char *folder = asim_campaign_window_folder(campaign, i, NULL);
        if (folder)
            window->seen_step = asim_mdrun_step(folder, campaign->plan.dt_ps);
        free(folder);
    }
}

int asim_campaign_open_plan(const char *folder, struct asim_plan *plan,
                            const char *plan_sha256, bool readonly,
                            struct asim_log *log, struct asim_campaign **ret_campaign,
                            struct asim_error *err)
{
    struct asim_campaign *campaign = asim_alloc_array(1, sizeof *campaign, err);
    if (!campaign)
        return -1;
    campaign->lock_fd = -1;
    campaign->log = log;
    campaign->readonly = readonly;
    campaign->timing = (struct asim_campaign_timing)ASIM_CAMPAIGN_TIMING_INIT;
    campaign->reseed = asim_window_reseed;
    campaign->plan = *plan; /* given back below where the opening fails */
    snprintf(campaign->plan_sha256, sizeof campaign->plan_sha256, "%s", plan_sha256);
    campaign->windows =
        asim_alloc_array(plan->window_count, sizeof *campaign->windows, err);
    campaign->gromacs_cache = asim_alloc_array(1, sizeof *campaign->gromacs_cache, err);
    campaign->folder = realpath(folder, NULL);
    if (!campaign->windows || !campaign->gromacs_cache)
        goto fail;
    if (!campaign->folder) {
        asim_fail(err, ASIM_EIO, "cannot open the campaign folder '%s': %s", folder,
                  strerror(errno));
        goto fail;
    }
    for (size_t i = 0; i < plan->window_count; i++) {
        asim_window_life_init(&campaign->windows[i].life);
        campaign->windows[i].seen_step = -1;
    }
    if (!readonly &&
        asim_campaign_lock_take(campaign->folder, &campaign->lock_fd, err) < 0)
        goto fail;
    if (open_journal(campaign, err) < 0)
        goto fail;
    if (readonly)
        look_at_running(campaign);
    *plan = (struct asim_plan){0};
    *ret_campaign = campaign;
    return 0;
fail:
    campaign->plan = (struct asim_plan){.window_count = plan->window_count};
    asim_campaign_close(campaign);
    return -1;
}

static int open_folder(const char *folder, bool readonly, struct asim_log *log,
                       struct asim_campaign **ret_campaign, struct asim_error *err)
{
    struct asim_plan plan = {0};
    char sha256[65];
    int rc = -1;
    char *path = asim_path_join(folder, "plan.json", err);
    if (!path)
        return -1;
    if (asim_file_sha256(path, sha256, err) < 0 ||
        asim_plan_read(folder, &plan, err) < 0)
        goto out;
    rc = asim_campaign_open_plan(folder, &plan, sha256, readonly, log, ret_campaign,
                                 err);
out:
    asim_plan_finish(&plan);
    free(path);
    return rc;
}

int asim_campaign_open(const char *folder, struct asim_log *log,
                       struct asim_campaign **ret_campaign, struct asim_error *err)
{
    return open_folder(folder, false, log, ret_campaign, err);
}

int asim_campaign_open_readonly(const char *folder, struct asim_campaign **ret_campaign,
                                struct asim_error *err)
{
    return open_folder(folder, true, NULL, ret_campaign, err);
}

void asim_campaign_close(struct asim_campaign *campaign)
{
    if (!campaign)
        return;
    asim_driver_destroy(campaign->driver);
    for (size_t i = 0; campaign->windows && i < campaign->plan.window_count; i++)
        free(campaign->windows[i].cpus);
    free(campaign->windows);
    asim_plan_finish(&campaign->plan);
    asim_journal_close(campaign->journal);
    asim_campaign_lock_give(&campaign->lock_fd); /* when nothing is written any more */
    free(campaign->gromacs_cache);
    free(campaign->folder);
    free(campaign);
}

char *asim_campaign_window_folder(const struct asim_campaign *campaign, size_t i,
                                  struct asim_error *err)
{
    return asim_format(err, "%s/windows/%03d", campaign->folder,
                       campaign->plan.windows[i].window_id);
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
    return 0;
}

int asim_campaign_check_samples(const struct asim_campaign *campaign, size_t i,
                                struct asim_error *err)
{
    if (i >= campaign->plan.window_count)
        return asim_fail(err, ASIM_EUSAGE, "there is no window %zu; there are %zu", i,
                         campaign->plan.window_count);
    const struct asim_window_life *life = &campaign->windows[i].life;
    if (life->phase != ASIM_PHASE_COMPLETED || life->samples_bytes < 0)
        return 0;
    char sha256[65];
    char *folder = asim_campaign_window_folder(campaign, i, err);
    char *path = folder ? asim_path_join(folder, ASIM_MDRUN_EDO, err) : NULL;
    int rc = path ? asim_file_sha256(path, sha256, err) : -1;
    if (rc == 0 && strcmp(sha256, life->samples_sha256) != 0)
        rc = asim_fail(err, ASIM_EINPUT,
                       "'%s' has changed since its window was completed (sha256 "
                       "%.12s..., then %.12s... in %lld bytes): put the file back",
                       path, sha256, life->samples_sha256,
                       (long long)life->samples_bytes);
    free(path);
    free(folder);
    return rc;
}

int asim_campaign_retry(struct asim_campaign *campaign, size_t i,
                        struct asim_error *err)
{
    if (campaign->readonly || campaign->driver)
        return asim_fail(err, ASIM_EUSAGE,
                         "a window can be given another try only before the campaign "
                         "is started");
    if (i >= campaign->plan.window_count)
        return asim_fail(err, ASIM_EUSAGE, "there is no window %zu; there are %zu", i,
                         campaign->plan.window_count);
    if (campaign->windows[i].life.phase != ASIM_PHASE_FAILED)
        return 0;
    struct asim_window_change change = {.event = ASIM_EVENT_RETRY};
    enum asim_window_action action;
    if (asim_campaign_record(campaign, i, &change, NULL, 0, &action, err) < 0)
        return -1;
    return asim_journal_commit(campaign->journal, err);
}
