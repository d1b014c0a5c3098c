/*
 * What was submitted, and what the queue says of it. A submission is known by its
 * token, 12 random hex digits that stand in the job's comment; the job's number is for
 * people, since a controller that lost its memory gives it to somebody else's job.
 */
#ifndef CAMPAIGN_SLURM_JOBS_H
#define CAMPAIGN_SLURM_JOBS_H

#include <stdbool.h>

#include "base/json.h"

#define ASIM_COMMENT_PREFIX "autosim:"
enum {
    ASIM_TOKEN_BYTES = 13,
    ASIM_JOB_ID_BYTES = 32,
    ASIM_NODE_BYTES = 128,
    ASIM_REASON_BYTES = 64
};

/* Fields of a line of the queue, in this order. */
#define ASIM_QUEUE_FORMAT "%i|%T|%k|%N|%r"

enum asim_element_state {
    ASIM_ELEMENT_QUEUED,    /* will run */
    ASIM_ELEMENT_RUNNING,   /* runs, or ends just now */
    ASIM_ELEMENT_HELD,      /* by Slurm, after a failed start: only people release it */
    ASIM_ELEMENT_SUSPENDED, /* its slot is killed when its lease is over */
    ASIM_ELEMENT_ENDED,
};

/* A job of ours in the queue: one element of an array. */
struct asim_element {
    char id[ASIM_JOB_ID_BYTES]; /* "123_4" */
    char token[ASIM_TOKEN_BYTES];
    char state_name[24]; /* Slurm's */
    char node[ASIM_NODE_BYTES];
    char reason[ASIM_REASON_BYTES]; /* Slurm's, cut where it is longer */
    enum asim_element_state state;
};

/* One line of squeue; 1: ours, 0: somebody else's or none. `line` ends at a newline or
 * NUL. Never fails: what cannot be read is not ours. */
int asim_queue_line(const char *line, struct asim_element *ret_element);

enum asim_submission_state {
    ASIM_SUBMISSION_INTENDED, /* on record; whether the controller has it is not known
                               */
    ASIM_SUBMISSION_SEEN,     /* in the queue, at least once */
    ASIM_SUBMISSION_ENDED,
    ASIM_SUBMISSION_LOST, /* the controller never had it, or lost it */
};

struct asim_submission {
    char token[ASIM_TOKEN_BYTES];
    char job_id[ASIM_JOB_ID_BYTES]; /* as sbatch said; "": did not */
    int elements;
    enum asim_submission_state state;
    int queued, running, held, suspended; /* elements at the last look */
    char reason[ASIM_REASON_BYTES];       /* of one that is queued or, else, held */
    int told_held;                        /* as `held` when people were last told */
    bool told_on_hold;                    /* that people hold it */
    int absent;                           /* looks in a row at which it was not there */
    bool mentioned;  /* at the present look, ended elements included */
    double progress; /* of the campaign when it was submitted */
};

struct asim_jobs {
    struct asim_submission *submissions; /* [count]; owned */
    size_t count, capacity;
    bool cancelled; /* no more are wanted until the next run */
};

void asim_jobs_finish(struct asim_jobs *jobs);

/* Records of journal.jsonl; NULL where there is no memory. */
json_t *asim_record_submit(const char *token, int elements);
json_t *asim_record_job(const char *token, const char *job_id);
json_t *asim_record_job_end(const char *token, enum asim_submission_state state);
bool asim_record_is_job(const char *event);
int asim_jobs_replay(struct asim_jobs *jobs, const json_t *json,
                     struct asim_error *err);

struct asim_submission *asim_jobs_find(const struct asim_jobs *jobs, const char *token);
int asim_jobs_add(struct asim_jobs *jobs, const char *token, int elements,
                  struct asim_error *err);

/* Takes over a whole answer of squeue. */
void asim_jobs_look(struct asim_jobs *jobs, const char *text);
/* After a look: what became of a submission that is not in the queue. `has_slots`: one
 * of its slots began. ASIM_SUBMISSION_INTENDED: not decided yet. */
enum asim_submission_state
asim_submission_fate(const struct asim_submission *submission, bool has_slots);
/* Elements that run or will, those of undecided submissions included, suspended ones
 * not: the windows they had go to others. */
int asim_jobs_live(const struct asim_jobs *jobs, int *ret_queued);
/* Elements that Slurm holds: they run only if people release them. */
int asim_jobs_held(const struct asim_jobs *jobs);

#endif
