/* autosim status: how the windows are doing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "cli.h"
#include "pipeline.h"

static int print_json(const struct asim_campaign *campaign, struct asim_error *err)
{
    char *text;
    if (asim_status_json(campaign, &text, err) < 0)
        return -1;
    printf("%s\n", text);
    free(text);
    return 0;
}

/* Those that may run; the others only as a number. */
static int print_slots(const struct asim_campaign *campaign, struct asim_error *err)
{
    struct asim_slot_status status;
    size_t count = asim_campaign_slot_count(campaign), over = 0;
    for (size_t k = 0; k < count; k++) {
        if (asim_campaign_slot(campaign, k, &status, err) < 0)
            return -1;
        over += status.over;
        if (!status.over)
            printf("slot %s: job %s on node %s, %zu windows, last sign of life %.0f s "
                   "ago\n",
                   status.id, status.job_id[0] ? status.job_id : "?",
                   status.node[0] ? status.node : "?", status.running,
                   status.silent_seconds);
    }
    if (over > 0)
        printf("%zu slot%s over\n", over, over == 1 ? " is" : "s are");
    return 0;
}

static void print_causes(const struct asim_window_status *statuses, size_t count,
                         const struct asim_campaign_progress *progress, bool on_cluster,
                         const char *folder)
{
    size_t lost = 0;
    for (size_t i = 0; i < count; i++) {
        lost += statuses[i].lost;
        if (statuses[i].cause[0])
            printf("window %d: %s\n", statuses[i].window_id, statuses[i].cause);
    }
    if (lost > 0)
        printf("%zu of the running windows live%s no more: their processes were killed "
               "or the machine went down\n",
               lost, lost == 1 ? "s" : "");
    if (!progress->driven && !on_cluster &&
        (lost > 0 || progress->waiting + progress->running > 0))
        printf("nothing works on this campaign now: 'autosim run -C %s' goes on\n",
               folder);
}

static void print_progress(const struct asim_campaign_progress *progress)
{
    printf("%zu of %zu windows completed, %zu running, %zu given up",
           progress->completed, progress->window_count, progress->running,
           progress->failed);
    if (progress->cancelled > 0)
        printf(", %zu cancelled", progress->cancelled);
    printf("%s\n", progress->paused ? "; paused" : "");
    if (progress->running > 0)
        printf("%.0f%% of all steps, %.4g ns/day together", 100 * progress->fraction,
               progress->total_ns_per_day);
    if (progress->running > 0 && isfinite(progress->eta_seconds))
        printf(", %.1f h to go", progress->eta_seconds / 3600);
    if (progress->running > 0)
        printf("\n");
}

/* What was measured of divisions of the cores. */
static void print_splits(const struct asim_campaign *campaign)
{
    struct asim_split splits[ASIM_SPLITS_MOST];
    char host[256];
    size_t count = asim_campaign_splits(campaign, splits, host, sizeof host);
    for (size_t k = 0; k < count; k++) {
        if (k == 0)
            printf("ns/day together, measured on %s: ", host);
        printf("%s%d window%s x %d thread%s ", k > 0 ? ", " : "", splits[k].windows,
               splits[k].windows == 1 ? "" : "s", splits[k].threads,
               splits[k].threads == 1 ? "" : "s");
        if (splits[k].ns_per_day > 0)
            printf("%.4g", splits[k].ns_per_day);
        else
            printf("failed");
    }
    if (count > 0)
        printf("\n");
}

/* How far each running window is. */
static void print_running(const struct asim_window_status *statuses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct asim_window_status *status = &statuses[i];
        if (status->state != ASIM_WINDOW_RUNNING || status->lost)
            continue;
        printf("window %d: step %lld of %lld", status->window_id,
               (long long)status->step, (long long)status->nsteps);
        if (status->ns_per_day > 0)
            printf(", %.4g ns/day, %.1f h to go", status->ns_per_day,
                   status->eta_seconds / 3600);
        printf("\n");
    }
}

/* 1: windows are left; 0: none; -1: an error. */
static int print_status(const struct settings *settings, struct asim_error *err)
{
    struct asim_campaign *campaign = NULL;
    struct asim_campaign_progress progress;
    if (asim_campaign_open_readonly(settings->folder, &campaign, err) < 0)
        return -1;
    int rc = -1;
    char *table = NULL;
    size_t count = asim_campaign_window_count(campaign);
    struct asim_window_status *statuses =
        asim_alloc_array(count, sizeof *statuses, err);
    if (!statuses)
        goto out;
    for (size_t i = 0; i < count; i++)
        if (asim_campaign_window(campaign, i, &statuses[i], err) < 0)
            goto out;
    asim_campaign_progress(campaign, &progress);
    if (settings->json) {
        if (print_json(campaign, err) < 0)
            goto out;
    } else {
        table = asim_window_status_table(statuses, count, err);
        if (!table)
            goto out;
        printf("%s\n", table);
        print_progress(&progress);
        print_splits(campaign);
        print_running(statuses, count);
        print_causes(statuses, count, &progress, asim_campaign_slot_count(campaign) > 0,
                     settings->folder);
        if (print_slots(campaign, err) < 0)
            goto out;
    }
    rc = progress.waiting + progress.running > 0;
out:
    free(table);
    free(statuses);
    asim_campaign_close(campaign);
    return rc;
}

int cmd_status(const struct settings *settings, struct asim_error *err)
{
    enum { WATCH_SECONDS = 2 };
    bool screen = settings->watch && isatty(STDOUT_FILENO) == 1 && !settings->json;
    if (check_campaign(settings, err) < 0)
        return -1;
    for (;;) {
        if (screen)
            printf("\033[H\033[2J"); /* home, clear */
        int rc = print_status(settings, err);
        if (rc <= 0 || !settings->watch)
            return rc < 0 ? -1 : 0;
        if (fflush(stdout) != 0) /* a reader that left */
            return 0;
        sleep(WATCH_SECONDS);
    }
}
