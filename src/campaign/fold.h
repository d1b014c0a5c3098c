/*
 * Many writers, one truth: each slot of a cluster campaign appends to a journal of its
 * own, slots/ID/journal.jsonl, and whoever has the campaign open joins them.
 *
 * The coordinator copies their records into journal.jsonl, with the members "slot" and
 * "slot_seq" added, so that each is taken exactly once; everybody else (slots, status)
 * only applies them in memory, after what journal.jsonl has of them. Records of one
 * window follow one another by their attempts, whichever journals they are in: one that
 * cannot follow yet waits until the journal with its predecessor has been read.
 */
#ifndef CAMPAIGN_FOLD_H
#define CAMPAIGN_FOLD_H

#include <stdbool.h>

#include "campaign/journal.h"
#include "campaign/window_state.h"

#define ASIM_SLOTS_FOLDER "slots"
enum { ASIM_SLOT_ID_BYTES = 48 };

struct asim_campaign;

struct asim_fold_source {
    char id[ASIM_SLOT_ID_BYTES];
    struct asim_journal_cursor cursor;
    uint64_t known; /* records of it that journal.jsonl has */
};

/* Told of each record of a slot after it was applied. */
typedef void (*asim_fold_change_fn)(void *context, size_t window_index,
                                    size_t source_index,
                                    const struct asim_window_change *change,
                                    enum asim_window_action action);

struct asim_fold {
    struct asim_fold_source *sources; /* [source_count] by first sight; owned */
    size_t source_count, source_capacity;
    struct asim_journal_cursor main; /* of journal.jsonl, where another writes it */
    const char *own_id;              /* this slot's, which is not read; borrowed */
    bool plan_changed;               /* journal.jsonl speaks of a plan not read here */
    asim_fold_change_fn on_change;   /* may be NULL */
    void *context;
};

void asim_fold_finish(struct asim_fold *fold);

/* True for a name that may stand in slots/: letters, digits, '.', '_', '-', not
 * beginning with a dot. */
bool asim_slot_id_valid(const char *id);

/* The index of the source of that name, which is added where it is new. */
int asim_fold_source_index(struct asim_fold *fold, const char *id, size_t *ret_index,
                           struct asim_error *err);

/* For the reading of journal.jsonl: notes which slot's record this one copies; its
 * source's index, or -1 where it is none. */
int asim_fold_note(struct asim_fold *fold, const json_t *json, int *ret_source_index,
                   struct asim_error *err);

/* Reads everything new in slots/ (and journal.jsonl where another writes it). The
 * coordinator's copies are queued, not committed. */
int asim_fold_pull(struct asim_campaign *campaign, struct asim_error *err);

#endif
