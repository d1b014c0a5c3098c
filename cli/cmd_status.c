/* autosim status: how the windows are doing. */
#include <stdio.h>
#include <stdlib.h>

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

int cmd_status(const struct settings *settings, struct asim_error *err)
{
    struct asim_campaign *campaign = NULL;
    struct asim_campaign_progress progress;
    if (check_campaign(settings, err) < 0 ||
        asim_campaign_open_readonly(settings->folder, &campaign, err) < 0)
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
        rc = print_json(campaign, err);
        goto out;
    }
    table = asim_window_status_table(statuses, count, err);
    if (!table)
        goto out;
    printf("%s\n%zu of %zu windows completed, %zu running, %zu given up", table,
           progress.completed, count, progress.running, progress.failed);
    if (progress.cancelled > 0)
        printf(", %zu cancelled", progress.cancelled);
    printf("%s\n", progress.paused ? "; paused" : "");
    for (size_t i = 0; i < count; i++)
        if (statuses[i].cause[0])
            printf("window %d: %s\n", statuses[i].window_id, statuses[i].cause);
    rc = print_slots(campaign, err);
out:
    free(table);
    free(statuses);
    asim_campaign_close(campaign);
    return rc;
}
