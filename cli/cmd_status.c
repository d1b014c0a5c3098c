/* autosim status: how the windows are doing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "cli.h"
#include "pipeline.h"

static json_t *status_to_json(const struct asim_window_status *status)
{
    return json_pack("{s:i, s:s, s:i, s:o, s:o, s:f, s:i, s:s, s:f}", "window_id",
                     status->window_id, "status", asim_window_state_name(status->state),
                     "exit_code", status->exit_code, "ns_per_day",
                     asim_json_number(status->ns_per_day),
                     "final_potential_energy_kj_mol",
                     asim_json_number(status->final_potential_energy_kj_mol),
                     "runtime_seconds", status->runtime_seconds, "attempts",
                     status->attempts, "cause", status->cause, "progress",
                     status->nsteps > 0 && status->step > 0
                         ? (double)status->step / (double)status->nsteps
                         : 0.0);
}

static int print_json(const struct asim_window_status *statuses, size_t count,
                      const struct asim_campaign_progress *progress,
                      struct asim_error *err)
{
    json_t *windows = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(windows, status_to_json(&statuses[i]));
    json_t *root = json_pack("{s:o, s:o, s:o}", "windows", windows, "total_ns_per_day",
                             asim_json_number(progress->total_ns_per_day),
                             "eta_seconds", asim_json_number(progress->eta_seconds));
    if (!root)
        return asim_fail(err, ASIM_ENOMEM, "no memory for the status");
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    printf("\n");
    json_decref(root);
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
        rc = print_json(statuses, count, &progress, err);
        goto out;
    }
    table = asim_window_status_table(statuses, count, err);
    if (!table)
        goto out;
    printf("%s\n%zu of %zu windows completed, %zu running, %zu given up\n", table,
           progress.completed, count, progress.running, progress.failed);
    for (size_t i = 0; i < count; i++)
        if (statuses[i].cause[0])
            printf("window %d: %s\n", statuses[i].window_id, statuses[i].cause);
    rc = 0;
out:
    free(table);
    free(statuses);
    asim_campaign_close(campaign);
    return rc;
}
