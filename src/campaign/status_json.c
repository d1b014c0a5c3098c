/* The status of a campaign as JSON. The names are an interface: members are added,
 * never renamed. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "campaign/campaign_internal.h"

static json_t *window_json(const struct asim_window_status *status)
{
    double progress = status->nsteps > 0 && status->step > 0
                          ? (double)status->step / (double)status->nsteps
                          : 0.0;
    return json_pack(
        "{s:i, s:s, s:i, s:o, s:o, s:f, s:i, s:s, s:f, s:I, s:I, s:i, s:o, s:b}",
        "window_id", status->window_id, "status", asim_window_state_name(status->state),
        "exit_code", status->exit_code, "ns_per_day",
        asim_json_number(status->ns_per_day), "final_potential_energy_kj_mol",
        asim_json_number(status->final_potential_energy_kj_mol), "runtime_seconds",
        status->runtime_seconds, "attempts", status->attempts, "cause", status->cause,
        "progress", progress, "step", (json_int_t)status->step, "nsteps",
        (json_int_t)status->nsteps, "priority", status->priority, "eta_seconds",
        asim_json_number(status->eta_seconds), "lost", status->lost);
}

/* Of a campaign on a cluster; otherwise empty. */
static json_t *slots_json(const struct asim_campaign *campaign)
{
    struct asim_slot_status status;
    json_t *slots = json_array();
    for (size_t k = 0; slots && k < campaign->fold.source_count; k++) {
        if (asim_campaign_slot(campaign, k, &status, NULL) < 0 ||
            json_array_append_new(
                slots,
                json_pack("{s:s, s:s, s:s, s:b, s:s, s:o, s:I}", "slot_id", status.id,
                          "job_id", status.job_id, "node", status.node, "over",
                          status.over, "why", status.why, "silent_seconds",
                          asim_json_number(status.silent_seconds), "windows_running",
                          (json_int_t)status.running)) < 0) {
            json_decref(slots);
            return NULL;
        }
    }
    return slots;
}

/* Divisions of the cores that were tried; empty where none were. */
static json_t *splits_json(const struct asim_campaign *campaign)
{
    struct asim_split splits[ASIM_SPLITS_MOST];
    char host[256];
    size_t count = asim_campaign_splits(campaign, splits, host, sizeof host);
    json_t *array = json_array();
    for (size_t k = 0; k < count; k++)
        json_array_append_new(array,
                              json_pack("{s:i, s:i, s:o}", "windows", splits[k].windows,
                                        "threads", splits[k].threads, "ns_per_day",
                                        asim_json_number(splits[k].ns_per_day)));
    return array;
}

static json_t *status_json(const struct asim_campaign *campaign)
{
    struct asim_campaign_progress progress;
    struct asim_window_status status;
    json_t *windows = json_array();
    for (size_t i = 0; windows && i < campaign->plan.window_count; i++) {
        if (asim_campaign_window(campaign, i, &status, NULL) < 0 ||
            json_array_append_new(windows, window_json(&status)) < 0) {
            json_decref(windows);
            return NULL;
        }
    }
    json_t *slots = slots_json(campaign);
    asim_campaign_progress(campaign, &progress);
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:f, s:b, s:b, s:o}", "windows", windows, "slots", slots,
        "total_ns_per_day", asim_json_number(progress.total_ns_per_day), "eta_seconds",
        asim_json_number(progress.eta_seconds), "fraction", progress.fraction, "paused",
        progress.paused, "driven", progress.driven, "splits", splits_json(campaign));
}

int asim_status_json(const struct asim_campaign *campaign, char **ret_text,
                     struct asim_error *err)
{
    asim_campaign_enter(campaign);
    json_t *json = status_json(campaign);
    asim_campaign_leave(campaign);
    char *text =
        json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) : NULL;
    json_decref(json);
    if (!text)
        return asim_fail(err, ASIM_ENOMEM, "no memory for the status");
    *ret_text = text;
    return 0;
}
