/*
 * What can be seen of slots from outside, for people. Invariant: decides nothing; the
 * age of a sign of life compares clocks and is only shown.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/memory.h"
#include "campaign/campaign_internal.h"
#include "campaign/lease.h"

size_t asim_campaign_slot_count(const struct asim_campaign *campaign)
{
    asim_campaign_enter(campaign);
    size_t count = campaign->fold.source_count;
    asim_campaign_leave(campaign);
    return count;
}

static void read_description(const char *folder, struct asim_slot_status *status)
{
    json_t *json = NULL;
    char *path = asim_path_join(folder, "slot.json", NULL);
    if (path && asim_file_exists(path) && asim_json_read(path, &json, NULL) == 0) {
        asim_json_text(json, "job_id", status->job_id, sizeof status->job_id, NULL);
        asim_json_text(json, "node", status->node, sizeof status->node, NULL);
    }
    json_decref(json);
    free(path);
}

static void read_lease(const char *folder, struct asim_slot_status *status)
{
    struct asim_lease_watch watch = {0};
    struct stat file;
    enum asim_lease_state state = asim_lease_look(folder, 60, &watch);
    status->over = state == ASIM_LEASE_OVER || state == ASIM_LEASE_LAPSED;
    if (state == ASIM_LEASE_LAPSED)
        snprintf(status->why, sizeof status->why, "gone without a word");
    else if (status->over)
        snprintf(status->why, sizeof status->why, "%.199s",
                 watch.text + strlen("over "));
    char *path = asim_path_join(folder, ASIM_LEASE_NAME, NULL);
    if (path && stat(path, &file) == 0)
        status->silent_seconds = fmax(difftime(time(NULL), file.st_mtime), 0);
    free(path);
}

int asim_campaign_slot(const struct asim_campaign *campaign, size_t k,
                       struct asim_slot_status *ret_status, struct asim_error *err)
{
    struct asim_slot_status status = {.silent_seconds = NAN};
    int rc = -1;
    char *folder = NULL;
    asim_campaign_enter(campaign);
    if (k >= campaign->fold.source_count) {
        asim_fail(err, ASIM_EUSAGE, "there is no slot %zu; there are %zu", k,
                  campaign->fold.source_count);
        goto out;
    }
    const char *id = campaign->fold.sources[k].id;
    folder = asim_format(err, "%s/%s/%s", campaign->folder, ASIM_SLOTS_FOLDER, id);
    if (!folder)
        goto out;
    snprintf(status.id, sizeof status.id, "%s", id);
    read_description(folder, &status);
    read_lease(folder, &status);
    for (size_t i = 0; i < campaign->plan.window_count; i++)
        status.running += campaign->windows[i].source_index == (int)k &&
                          asim_window_phase_state(campaign->windows[i].life.phase) ==
                              ASIM_WINDOW_RUNNING;
    *ret_status = status;
    rc = 0;
out:
    asim_campaign_leave(campaign);
    free(folder);
    return rc;
}
