/*
 * The plan of a campaign grows.
 *
 * Order of writing: plan.next.json, then the journal's record with its checksum, then
 * the renaming to plan.json. The record is the moment from which the new plan holds: a
 * crash before it leaves a file that means nothing, one after it a renaming to be made
 * up for. Windows that are there never change. It must not know what a driver does.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "campaign/campaign_internal.h"

static const uint64_t LARGEST_PLAN_BYTES = (uint64_t)1 << 30;

static int note_plan(void *context, const json_t *json, struct asim_error *err)
{
    char *sha256 = context;
    const char *event = json_string_value(json_object_get(json, "event"));
    if (!event || (strcmp(event, "plan") != 0 && strcmp(event, "journal") != 0))
        return 0;
    return asim_json_text(json, "plan_sha256", sha256, 65, err);
}

static int rename_plan(const char *folder, struct asim_error *err)
{
    int rc = -1;
    char *next = asim_path_join(folder, ASIM_PLAN_NEXT, err);
    char *path = asim_path_join(folder, "plan.json", err);
    if (next && path)
        rc = rename(next, path) < 0
                 ? asim_fail(err, ASIM_EIO, "cannot rename '%s' to '%s': %s", next,
                             path, strerror(errno))
                 : asim_folder_sync(folder, err);
    free(next);
    free(path);
    return rc;
}

int asim_plan_settle(const char *folder, bool mend, const char **ret_name,
                     struct asim_error *err)
{
    char recorded[65] = "", found[65];
    struct asim_journal_info info;
    int rc = -1;
    char *next = asim_path_join(folder, ASIM_PLAN_NEXT, err);
    char *journal = asim_path_join(folder, "journal.jsonl", err);
    if (!next || !journal)
        goto out;
    rc = 0;
    if (!asim_file_exists(next))
        goto out;
    if (asim_journal_read(journal, note_plan, recorded, &info, err) < 0) {
        rc = -1;
        goto out;
    }
    bool holds =
        asim_file_sha256(next, found, NULL) == 0 && strcmp(found, recorded) == 0;
    if (holds && mend)
        rc = rename_plan(folder, err);
    else if (holds)
        *ret_name = ASIM_PLAN_NEXT;
    else if (mend)
        unlink(next); /* where it stays it means nothing */
out:
    free(journal);
    free(next);
    return rc;
}

static bool same_window(const struct asim_window *a, const struct asim_window *b)
{
    return a->window_id == b->window_id && a->bias.centre_nm == b->bias.centre_nm &&
           a->bias.force_constant_kj_mol_nm2 == b->bias.force_constant_kj_mol_nm2 &&
           a->nsteps == b->nsteps && strcmp(a->tpr_sha256, b->tpr_sha256) == 0 &&
           strcmp(a->bias_sha256, b->bias_sha256) == 0;
}

static int compare_ids(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int check_ids(const struct asim_plan *plan, const char *path,
                     struct asim_error *err)
{
    int *ids = asim_alloc_array(plan->window_count, sizeof *ids, err);
    if (!ids)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < plan->window_count; i++)
        ids[i] = plan->windows[i].window_id;
    qsort(ids, plan->window_count, sizeof *ids, compare_ids);
    for (size_t i = 1; i < plan->window_count && rc == 0; i++)
        if (ids[i] == ids[i - 1])
            rc = asim_fail(err, ASIM_EINPUT, "'%s' has two windows %d", path, ids[i]);
    free(ids);
    return rc;
}

static int check_growth(const struct asim_plan *old, const struct asim_plan *plan,
                        const char *path, struct asim_error *err)
{
    bool fits = plan->window_count > old->window_count && plan->dt_ps == old->dt_ps &&
                plan->temperature_kelvin == old->temperature_kelvin &&
                plan->sample_steps == old->sample_steps &&
                plan->system_atom_count == old->system_atom_count &&
                plan->bias == old->bias;
    for (size_t i = 0; fits && i < old->window_count; i++)
        fits = same_window(&old->windows[i], &plan->windows[i]);
    if (!fits)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' is not the plan in use with new windows behind its %zu "
                         "windows: it was made from another state of the campaign; "
                         "make it again",
                         path, old->window_count);
    return check_ids(plan, path, err);
}

static int write_next(const struct asim_campaign *campaign, const char *plan_path,
                      char ret_sha256[65], struct asim_error *err)
{
    char *data = NULL;
    size_t size;
    int rc = -1;
    char *next = asim_path_join(campaign->folder, ASIM_PLAN_NEXT, err);
    if (next && asim_file_read(plan_path, LARGEST_PLAN_BYTES, &data, &size, err) == 0) {
        asim_sha256(data, size, ret_sha256);
        rc = asim_file_replace(next, data, size, err);
    }
    free(data);
    free(next);
    return rc;
}

int asim_campaign_insert_plan(struct asim_campaign *campaign, const char *plan_path,
                              const char *request, size_t *ret_count,
                              struct asim_error *err)
{
    struct asim_plan plan = {0}, old = campaign->plan;
    char sha256[65];
    int rc = -1;
    if (asim_plan_read_file(plan_path, &plan, err) < 0)
        return -1;
    if (check_growth(&old, &plan, plan_path, err) < 0 ||
        write_next(campaign, plan_path, sha256, err) < 0)
        goto out;
    if (asim_journal_add_alone(campaign->journal,
                               asim_record_plan(sha256, plan.window_count, request),
                               err) < 0)
        goto out;
    /* What fails from here on fails the driver: the disk is ahead of memory. */
    campaign->plan = plan;
    if (asim_campaign_grow(campaign, old.window_count, err) < 0) {
        campaign->plan = old;
        goto broken;
    }
    size_t added = plan.window_count - old.window_count;
    plan = old; /* freed below; the campaign has the new one */
    memcpy(campaign->plan_sha256, sha256, sizeof sha256);
    if (asim_campaign_remember_request(campaign, request, err) < 0 ||
        rename_plan(campaign->folder, err) < 0)
        goto broken;
    for (size_t i = old.window_count; i < campaign->plan.window_count; i++) {
        asim_campaign_tell(campaign, i);
        if (campaign->driver &&
            asim_driver_act(campaign->driver, i, ASIM_ACTION_QUEUE, err) < 0)
            goto broken;
    }
    *ret_count = added;
    rc = campaign->driver ? asim_driver_reorder(campaign->driver, err) : 0;
    goto out;
broken:
    if (campaign->driver && err)
        asim_driver_break(campaign->driver, err);
out:
    asim_plan_finish(&plan);
    return rc;
}
