/*
 * The journal: an append-only file of JSON lines, each with a sequence number, a time
 * and a CRC-32. The format is an interface: docs/journal.md. It knows nothing of what
 * the records mean.
 *
 * Invariant: what asim_journal_commit has said 0 to survives the loss of the machine,
 * and a file that was damaged other than by a torn last line is never accepted.
 */
#ifndef CAMPAIGN_JOURNAL_H
#define CAMPAIGN_JOURNAL_H

#include <stdbool.h>

#include "base/json.h"

struct asim_journal;

/* Called for each record in order. -1 stops the reading; the error is wrapped with file
 * and line. 1 (asim_journal_follow only) stops it before this record. */
typedef int (*asim_journal_record_fn)(void *context, const json_t *record,
                                      struct asim_error *err);

struct asim_journal_info {
    uint64_t record_count;
    uint64_t torn_bytes; /* of an incomplete last line, which was not read */
};

/* Reads all of it without changing anything. A file that is not there has 0 records. */
int asim_journal_read(const char *path, asim_journal_record_fn on_record, void *context,
                      struct asim_journal_info *ret_info, struct asim_error *err);

/* How far a journal that another process writes has been read. Zeroed: not at all. */
struct asim_journal_cursor {
    uint64_t offset; /* bytes */
    uint64_t record_count;
};

/* Reads what whole lines there are behind the cursor and moves it on, also where it
 * fails or is stopped on the way. A file that is not there (yet) has none. */
int asim_journal_follow(const char *path, struct asim_journal_cursor *cursor,
                        asim_journal_record_fn on_record, void *context,
                        struct asim_error *err);

/* Reads all of it, cuts off an incomplete last line, and stays open for appending. The
 * caller holds the campaign's lock: there is one writer. */
int asim_journal_open(const char *path, asim_journal_record_fn on_record, void *context,
                      struct asim_journal **ret_journal,
                      struct asim_journal_info *ret_info, struct asim_error *err);
void asim_journal_close(struct asim_journal *journal);

/* Queues a record (its reference is taken over, also on failure; NULL is ASIM_ENOMEM).
 * `seq`, `time` and `crc` are added. */
int asim_journal_add(struct asim_journal *journal, json_t *record,
                     struct asim_error *err);
/* Writes what is queued with one write and one fdatasync. After a failure nothing of
 * the queue is on record. Where the disk was full (ASIM_EENV) the queue is kept and the
 * commit can be tried again; after any other failure the journal takes no more. */
int asim_journal_commit(struct asim_journal *journal, struct asim_error *err);
/* A record and its commit; where that fails the record is forgotten. */
int asim_journal_add_alone(struct asim_journal *journal, json_t *record,
                           struct asim_error *err);
/* It takes no more records: what is in memory may be ahead of the disk. */
bool asim_journal_is_broken(const struct asim_journal *journal);

#endif
