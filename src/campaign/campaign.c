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
#include <time.h>

#include "base/file.h"
#include "base/memory.h"
#include "campaign/campaign_internal.h"
#include "campaign/campaign_lock.h"
#include "campaign/prepare.h"
#include "campaign/slot.h"
#include "campaign/slurm.h"
#include "engine/mdrun.h"
#include "engine/process.h"
#include "windows/bias_method.h"

static int check_plan(const struct asim_campaign *campaign, struct asim_error *err)
{
    if (!campaign->has_head ||
        (strcmp(campaign->journal_plan_sha256, campaign->plan_sha256) == 0 &&
         campaign->journal_window_count == campaign->plan.window_count))
        return 0;
    return asim_fail(err, ASIM_EINPUT,
                     "plan.json was changed after this campaign began to run (it has "
                     "the checksum %.12s..., the journal was begun with %.12s... and "
                     "%zu windows); put the old plan back, or plan in a new folder",
                     campaign->plan_sha256, campaign->journal_plan_sha256,
                     campaign->journal_window_count);
}

static int replay_record(void *context, const json_t *json, struct asim_error *err)
{
    return asim_campaign_replay(context, json, err);
}

static int open_journal(struct asim_campaign *campaign, struct asim_error *err)
{
    struct asim_journal_info info;
    char *path = asim_path_join(campaign->folder, "journal.jsonl", err);
    if (!path)
        return -1;
    int rc = campaign->readonly ? asim_journal_follow(path, &campaign->fold.main,
                                                      replay_record, campaign, err)
                                : asim_journal_open(path, replay_record, campaign,
                                                    &campaign->journal, &info, err);
    free(path);
    if (rc == 0)
        rc = check_plan(campaign, err);
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

void asim_campaign_look_at_steps(struct asim_campaign *campaign)
{
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        struct asim_campaign_window *window = &campaign->windows[i];
        if (window->runner ||
            asim_window_phase_state(window->life.phase) != ASIM_WINDOW_RUNNING)
            continue;
        char *folder = asim_campaign_window_folder(campaign, i, NULL);
        if (folder)
            window->seen_step = asim_mdrun_step(folder, campaign->plan.dt_ps);
        free(folder);
    }
}

/* Someone who only looks sees which windows run no more; locks of other nodes may not
 * be seen from here. */
static void look_at_locks(struct asim_campaign *campaign)
{
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        struct asim_campaign_window *window = &campaign->windows[i];
        if (asim_window_phase_state(window->life.phase) != ASIM_WINDOW_RUNNING ||
            campaign->fold.source_count > 0)
            continue;
        enum asim_window_lock lock;
        char *folder = asim_campaign_window_folder(campaign, i, NULL);
        window->seen_lost = folder &&
                            asim_window_lock_probe(folder, &lock, NULL) == 0 &&
                            lock == ASIM_WINDOW_FREE;
        free(folder);
    }
}

static void init_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

/* A lock is no part of what a campaign is. */
static pthread_mutex_t *mutex_of(const struct asim_campaign *campaign)
{
    return (pthread_mutex_t *)&campaign->mutex;
}

void asim_campaign_enter(const struct asim_campaign *campaign)
{
    pthread_mutex_lock(mutex_of(campaign));
}

void asim_campaign_leave(const struct asim_campaign *campaign)
{
    pthread_mutex_unlock(mutex_of(campaign));
}

int asim_campaign_grow(struct asim_campaign *campaign, size_t old_count,
                       struct asim_error *err)
{
    size_t count = campaign->plan.window_count;
    struct asim_campaign_window *windows =
        asim_alloc_array(count, sizeof *windows, err);
    size_t *news = asim_alloc_array(count, sizeof *news, err);
    if (!windows || !news) {
        free(windows);
        free(news);
        return -1;
    }
    for (size_t i = 0; i < old_count; i++)
        windows[i] = campaign->windows[i];
    for (size_t k = 0; k < campaign->news_count; k++)
        news[k] = campaign->news[(campaign->news_first + k) % old_count];
    for (size_t i = old_count; i < count; i++) {
        asim_window_life_init(&windows[i].life, campaign->plan.windows[i].nsteps);
        windows[i].seen_step = windows[i].source_index = -1;
        windows[i].chosen = old_count > 0;
    }
    free(campaign->windows);
    free(campaign->news);
    campaign->windows = windows;
    campaign->news = news;
    campaign->news_first = 0;
    return 0;
}

/* The lock of `lock_fd` (-1: none) is the campaign's from here on, on failure too. */
static int open_locked(const char *folder, struct asim_plan *plan,
                       const char *plan_sha256, bool readonly, int lock_fd,
                       struct asim_log *log, struct asim_campaign **ret_campaign,
                       struct asim_error *err)
{
    struct asim_campaign *campaign = asim_alloc_array(1, sizeof *campaign, err);
    if (!campaign) {
        asim_campaign_lock_give(&lock_fd);
        return -1;
    }
    init_mutex(&campaign->mutex);
    campaign->lock_fd = lock_fd;
    campaign->log = log;
    campaign->readonly = readonly;
    campaign->timing = (struct asim_campaign_timing)ASIM_CAMPAIGN_TIMING_INIT;
    campaign->make_tpr = asim_window_make_tpr;
    campaign->plan = *plan; /* given back below where the opening fails */
    snprintf(campaign->plan_sha256, sizeof campaign->plan_sha256, "%s", plan_sha256);
    campaign->gromacs_cache = asim_alloc_array(1, sizeof *campaign->gromacs_cache, err);
    campaign->folder = realpath(folder, NULL);
    if (!campaign->gromacs_cache || asim_campaign_grow(campaign, 0, err) < 0)
        goto fail;
    if (!campaign->folder) {
        asim_fail(err, ASIM_EIO, "cannot open the campaign folder '%s': %s", folder,
                  strerror(errno));
        goto fail;
    }
    if (open_journal(campaign, err) < 0 || asim_fold_pull(campaign, err) < 0 ||
        (!readonly && asim_journal_commit(campaign->journal, err) < 0))
        goto fail;
    if (readonly) {
        asim_campaign_look_at_steps(campaign);
        look_at_locks(campaign);
    }
    *plan = (struct asim_plan){0};
    *ret_campaign = campaign;
    return 0;
fail:
    campaign->plan = (struct asim_plan){.window_count = plan->window_count};
    asim_campaign_close(campaign);
    return -1;
}

int asim_campaign_open_plan(const char *folder, struct asim_plan *plan,
                            const char *plan_sha256, bool readonly,
                            struct asim_log *log, struct asim_campaign **ret_campaign,
                            struct asim_error *err)
{
    int lock_fd = -1;
    if (!readonly && asim_campaign_lock_take(folder, &lock_fd, err) < 0)
        return -1;
    return open_locked(folder, plan, plan_sha256, readonly, lock_fd, log, ret_campaign,
                       err);
}

static int open_once(const char *folder, bool readonly, struct asim_log *log,
                     struct asim_campaign **ret_campaign, struct asim_error *err)
{
    struct asim_plan plan = {0};
    const char *name = "plan.json";
    char sha256[65], *path = NULL;
    int lock_fd = -1, rc = -1;
    if (!readonly && asim_campaign_lock_take(folder, &lock_fd, err) < 0)
        return -1;
    if (asim_plan_settle(folder, !readonly, &name, err) < 0)
        goto out;
    path = asim_path_join(folder, name, err);
    if (!path || asim_file_sha256(path, sha256, err) < 0 ||
        asim_plan_read_file(path, &plan, err) < 0)
        goto out;
    rc = open_locked(folder, &plan, sha256, readonly, lock_fd, log, ret_campaign, err);
    lock_fd = -1;
out:
    asim_campaign_lock_give(&lock_fd);
    asim_plan_finish(&plan);
    free(path);
    return rc;
}

/* Someone who only looks may read the plan before and the journal after it grew: once
 * more then. */
static int open_folder(const char *folder, bool readonly, struct asim_log *log,
                       struct asim_campaign **ret_campaign, struct asim_error *err)
{
    enum { TRIES = 5, PAUSE_NS = 50 * 1000 * 1000 };
    for (int i = 0;; i++) {
        struct asim_error cause;
        if (open_once(folder, readonly, log, ret_campaign, &cause) == 0)
            return 0;
        if (!readonly || i == TRIES || cause.status != ASIM_EINPUT)
            return asim_fail(err, cause.status, "%s", cause.text);
        struct timespec pause = {0, PAUSE_NS};
        nanosleep(&pause, NULL);
    }
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
    asim_slot_close(campaign);
    asim_driver_destroy(campaign->driver);
    asim_slurm_destroy(campaign->slurm);
    asim_fold_finish(&campaign->fold);
    asim_jobs_finish(&campaign->jobs);
    for (size_t i = 0; campaign->windows && i < campaign->plan.window_count; i++)
        free(campaign->windows[i].cpus);
    free(campaign->windows);
    free(campaign->news);
    free(campaign->requests);
    asim_plan_finish(&campaign->plan);
    asim_journal_close(campaign->journal);
    asim_campaign_lock_give(&campaign->lock_fd); /* when nothing is written any more */
    if (campaign->gromacs_cache)
        asim_cores_finish(&campaign->gromacs_cache->cores);
    free(campaign->gromacs_cache);
    free(campaign->folder);
    pthread_mutex_destroy(&campaign->mutex);
    free(campaign);
}

char *asim_campaign_window_folder(const struct asim_campaign *campaign, size_t i,
                                  struct asim_error *err)
{
    return asim_format(err, "%s/windows/%03d", campaign->folder,
                       campaign->plan.windows[i].window_id);
}

void asim_campaign_set_check(struct asim_campaign *campaign, asim_window_check_fn check,
                             void *context)
{
    campaign->check = check;
    campaign->check_context = context;
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
    const char *name = asim_bias_method(campaign->plan.bias)->samples;
    char *path = folder ? asim_path_join(folder, name, err) : NULL;
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

bool asim_campaign_window_relaxes(const struct asim_campaign *campaign, size_t i)
{
    if (i >= campaign->plan.window_count)
        return false;
    const struct asim_window_life *life = &campaign->windows[i].life;
    return life->relaxing && life->phase != ASIM_PHASE_COMPLETED;
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
