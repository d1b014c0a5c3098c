/*
 * Joining the journals of slots.
 *
 * Invariants: a record is applied once, in the order of its own journal; a record is
 * taken only where the window's table allows it to follow, so that the joined state is
 * one that a single driver could have come to. The reading cannot get stuck: of the
 * records that wait, the earliest written has all its predecessors read before. It must
 * not know leases, claims or Slurm.
 */
#include "campaign/fold.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "campaign/campaign_internal.h"

/* Far more slots than any campaign starts. */
enum { SOURCES_LARGEST = 1 << 20 };

void asim_fold_finish(struct asim_fold *fold)
{
    free(fold->sources);
    *fold = (struct asim_fold){0};
}

bool asim_slot_id_valid(const char *id)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    size_t length = strlen(id);
    return length > 0 && length < ASIM_SLOT_ID_BYTES && id[0] != '.' &&
           strspn(id, letters) == length;
}

int asim_fold_source_index(struct asim_fold *fold, const char *id, size_t *ret_index,
                           struct asim_error *err)
{
    for (size_t k = fold->source_count; k-- > 0;) {
        if (strcmp(fold->sources[k].id, id) == 0) {
            *ret_index = k;
            return 0;
        }
    }
    if (fold->source_count >= SOURCES_LARGEST)
        return asim_fail(err, ASIM_EINPUT, "more than %d slots", SOURCES_LARGEST);
    if (asim_grow(&fold->sources, &fold->source_capacity, fold->source_count + 1,
                  sizeof *fold->sources, err) < 0)
        return -1;
    struct asim_fold_source *source = &fold->sources[fold->source_count];
    *source = (struct asim_fold_source){0};
    snprintf(source->id, sizeof source->id, "%s", id);
    *ret_index = fold->source_count++;
    return 0;
}

int asim_fold_note(struct asim_fold *fold, const json_t *json, int *ret_source_index,
                   struct asim_error *err)
{
    char id[ASIM_SLOT_ID_BYTES];
    int64_t seq;
    size_t index;
    *ret_source_index = -1;
    if (!json_object_get(json, "slot"))
        return 0;
    if (asim_json_text(json, "slot", id, sizeof id, err) < 0 ||
        asim_json_int64(json, "slot_seq", &seq, err) < 0)
        return -1;
    if (seq < 0 || !asim_slot_id_valid(id))
        return asim_fail(err, ASIM_EINPUT,
                         "members 'slot' and 'slot_seq' name no "
                         "record of a slot");
    if (asim_fold_source_index(fold, id, &index, err) < 0)
        return -1;
    struct asim_fold_source *source = &fold->sources[index];
    if ((uint64_t)seq + 1 > source->known)
        source->known = (uint64_t)seq + 1;
    *ret_source_index = (int)index;
    return 0;
}

/* One pass over one journal. */
struct pass {
    struct asim_campaign *campaign;
    size_t source_index;
    uint64_t next_seq; /* of the record that comes */
    size_t taken;
};

/* The record as it is, with where it came from. */
static int copy_record(struct asim_campaign *campaign, const json_t *json,
                       const char *id, uint64_t seq, struct asim_error *err)
{
    json_t *copy = json_copy((json_t *)json);
    if (!copy || json_object_del(copy, "seq") < 0 || json_object_del(copy, "crc") < 0 ||
        json_object_set(copy, "slot_time", json_object_get(json, "time")) < 0 ||
        json_object_del(copy, "time") < 0 ||
        json_object_set_new(copy, "slot", json_string(id)) < 0 ||
        json_object_set_new(copy, "slot_seq", json_integer((json_int_t)seq)) < 0) {
        json_decref(copy);
        return asim_fail(err, ASIM_ENOMEM, "no memory for a record of slot %s", id);
    }
    return asim_journal_add(campaign->journal, copy, err);
}

static int take_change(struct pass *pass, const json_t *json,
                       struct asim_record *record, struct asim_error *err)
{
    struct asim_campaign *campaign = pass->campaign;
    struct asim_fold *fold = &campaign->fold;
    const struct asim_window_change *change = &record->change;
    size_t i = record->window_index;
    enum asim_window_action action;
    if (i >= campaign->plan.window_count) /* of a plan that grew meanwhile */
        return 1;
    struct asim_campaign_window *window = &campaign->windows[i];
    struct asim_window_life next = window->life;
    if (asim_window_apply(&next, change, &action) < 0)
        return 1; /* its predecessor is in a journal not read so far yet */
    if (campaign->journal && !fold->own_id &&
        copy_record(campaign, json, fold->sources[pass->source_index].id,
                    pass->next_seq, err) < 0)
        return -1;
    window->life = next;
    if (change->event == ASIM_EVENT_START)
        window->source_index = (int)pass->source_index;
    asim_campaign_tell(campaign, i);
    if (fold->on_change)
        fold->on_change(fold->context, i, pass->source_index, change, action);
    return 0;
}

static int on_slot_record(void *context, const json_t *json, struct asim_error *err)
{
    struct pass *pass = context;
    struct asim_campaign *campaign = pass->campaign;
    struct asim_record record;
    if (pass->next_seq < campaign->fold.sources[pass->source_index].known) {
        pass->next_seq++;
        return 0;
    }
    if (asim_record_decode(json, &record, err) < 0)
        return -1;
    int rc = 0;
    if (record.kind == ASIM_RECORD_WINDOW)
        rc = take_change(pass, json, &record, err);
    asim_record_finish(&record);
    if (rc == 0) {
        pass->next_seq++;
        pass->taken++;
    }
    return rc;
}

static int on_main_record(void *context, const json_t *json, struct asim_error *err)
{
    struct pass *pass = context;
    struct asim_record record;
    int rc = 0;
    if (json_object_get(json, "slot")) /* after the opening slots are read themselves */
        return 0;
    if (asim_record_decode(json, &record, err) < 0)
        return -1;
    if (record.kind == ASIM_RECORD_WINDOW &&
        record.window_index < pass->campaign->plan.window_count) {
        struct asim_window_life next =
            pass->campaign->windows[record.window_index].life;
        enum asim_window_action action;
        if (asim_window_apply(&next, &record.change, &action) < 0)
            rc = 1;
    }
    if (record.kind == ASIM_RECORD_PLAN) {
        pass->campaign->fold.plan_changed = true;
        rc = 1;
    }
    asim_record_finish(&record);
    if (rc == 0)
        rc = asim_campaign_replay(pass->campaign, json, err);
    pass->taken += rc == 0;
    return rc;
}

static int follow_slot(struct asim_campaign *campaign, size_t k, size_t *taken,
                       struct asim_error *err)
{
    struct asim_fold *fold = &campaign->fold;
    struct pass pass = {campaign, k, fold->sources[k].cursor.record_count, 0};
    if (fold->own_id && strcmp(fold->own_id, fold->sources[k].id) == 0)
        return 0;
    char *path = asim_format(err, "%s/%s/%s/journal.jsonl", campaign->folder,
                             ASIM_SLOTS_FOLDER, fold->sources[k].id);
    int rc = path ? asim_journal_follow(path, &fold->sources[k].cursor, on_slot_record,
                                        &pass, err)
                  : -1;
    *taken += pass.taken;
    free(path);
    return rc;
}

static int follow_main(struct asim_campaign *campaign, size_t *taken,
                       struct asim_error *err)
{
    struct pass pass = {campaign, 0, 0, 0};
    char *path = asim_path_join(campaign->folder, "journal.jsonl", err);
    int rc = path ? asim_journal_follow(path, &campaign->fold.main, on_main_record,
                                        &pass, err)
                  : -1;
    *taken += pass.taken;
    free(path);
    return rc;
}

static int list_slots(struct asim_campaign *campaign, struct asim_error *err)
{
    size_t ignored;
    int rc = 0;
    char *path = asim_path_join(campaign->folder, ASIM_SLOTS_FOLDER, err);
    if (!path)
        return -1;
    DIR *entries = opendir(path);
    if (!entries && errno != ENOENT)
        rc = asim_fail(err, ASIM_EIO, "cannot list '%s': %s", path, strerror(errno));
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry && rc == 0;
         entry = readdir(entries)) {
        char *journal = NULL;
        if (!asim_slot_id_valid(entry->d_name))
            continue;
        journal = asim_format(err, "%s/%s/journal.jsonl", path, entry->d_name);
        if (!journal)
            rc = -1;
        else if (asim_file_exists(journal))
            rc = asim_fold_source_index(&campaign->fold, entry->d_name, &ignored, err);
        free(journal);
    }
    if (entries)
        closedir(entries);
    free(path);
    return rc;
}

int asim_fold_pull(struct asim_campaign *campaign, struct asim_error *err)
{
    struct asim_fold *fold = &campaign->fold;
    size_t taken;
    if (list_slots(campaign, err) < 0)
        return -1;
    do { /* again while one journal brought what another waited for */
        taken = 0;
        if ((campaign->readonly || fold->own_id) &&
            follow_main(campaign, &taken, err) < 0)
            return -1;
        for (size_t k = 0; k < fold->source_count; k++)
            if (follow_slot(campaign, k, &taken, err) < 0)
                return -1;
    } while (taken > 0 && fold->source_count > 1);
    return 0;
}
