/* What the journal's records mean: changes of windows, and the head of the file. */
#ifndef CAMPAIGN_RECORDS_H
#define CAMPAIGN_RECORDS_H

#include <stdbool.h>

#include "base/json.h"
#include "campaign/window_state.h"

enum { ASIM_JOURNAL_FORMAT = 1 };

enum asim_record_kind {
    ASIM_RECORD_HEAD,    /* the first one: which plan this journal belongs to */
    ASIM_RECORD_SESSION, /* a driver began to work */
    ASIM_RECORD_WINDOW,  /* a durable event of a window */
    ASIM_RECORD_ORDER,   /* the same event of several windows, on request */
    ASIM_RECORD_HOLD,    /* nothing is started from here on, or is again */
    ASIM_RECORD_PLAN,    /* the plan has more windows from here on */
    ASIM_RECORD_JOB,     /* of a submission: asim_jobs_replay reads it */
};

enum { ASIM_REQUEST_ID_BYTES = 40 };

/* An event that a request brings to several windows at once. One line of the journal,
 * so that it is on record for all of them or for none. */
struct asim_order {
    enum asim_window_event event; /* EXTEND, CANCEL, RESTORE, PRIORITY */
    size_t count;
    size_t *windows; /* [count] indices; owned */
    int64_t *values; /* [count] nsteps of EXTEND, priority of PRIORITY; owned */
};

void asim_order_finish(struct asim_order *order);

struct asim_record {
    enum asim_record_kind kind;
    char plan_sha256[65];                /* HEAD, PLAN */
    size_t window_count;                 /* HEAD, PLAN */
    size_t window_index;                 /* WINDOW */
    struct asim_order order;             /* ORDER */
    bool paused;                         /* HOLD */
    char request[ASIM_REQUEST_ID_BYTES]; /* ORDER, HOLD, PLAN; "": of no request */
    struct asim_window_change change;
    int *cpus; /* START; owned */
    size_t cpu_count;
};

void asim_record_finish(struct asim_record *record);

/* Strict: an unknown event, a missing or out-of-range member is ASIM_EINPUT. */
int asim_record_decode(const json_t *json, struct asim_record *ret_record,
                       struct asim_error *err);

/* NULL where there is no memory; asim_journal_add says so. */
json_t *asim_record_head(const char *plan_sha256, size_t window_count);
json_t *asim_record_session(const char *gromacs_path, const char *gromacs_version,
                            int jobs, int ntmpi, int ntomp);
json_t *asim_record_order(const struct asim_order *order, const char *request);
json_t *asim_record_hold(bool paused, const char *request);
json_t *asim_record_plan(const char *plan_sha256, size_t window_count,
                         const char *request);
/* `cpus` is written for START only. */
json_t *asim_record_window(size_t window_index, const struct asim_window_change *change,
                           const int *cpus, size_t cpu_count);

#endif
