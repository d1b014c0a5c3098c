/* The inside of a campaign, shared by campaign.c and driver.c only (and their tests).
 */
#ifndef CAMPAIGN_INTERNAL_H
#define CAMPAIGN_INTERNAL_H

#include <pthread.h>

#include "campaign/fold.h"
#include "campaign/journal.h"
#include "campaign/records.h"
#include "campaign/slurm_jobs.h"
#include "campaign/window_state.h"
#include "engine/affinity.h"
#include "engine/gpus.h"

struct asim_driver;
struct asim_runner;
struct asim_slot;
struct asim_slurm;

/* Intervals in seconds; tests shorten them. */
struct asim_campaign_timing {
    double backoff_first, backoff_largest; /* after a failure of the machine */
    double grace;                          /* between TERM and KILL */
    double probe_first, probe_largest;     /* looking at the lock of a lost window */
    double progress;                       /* looking at the steps of running windows */
    double hang;  /* without a write of gmx; 0: from the checkpoint interval */
    double disk;  /* between looks at the space left, and the first pause for it */
    double trial; /* the shortest trial of a division of the cores */
    double trial_worth; /* all trials, as a part of the work that is left, at most */
};

#define ASIM_CAMPAIGN_TIMING_INIT                                                      \
    {                                                                                  \
        .backoff_first = 1, .backoff_largest = 60, .grace = 30, .probe_first = 0.02,   \
        .probe_largest = 1, .progress = 3, .disk = 5, .trial = 2.4,                    \
        .trial_worth = 0.01                                                            \
    }

/* How window.tpr of an attempt differs from the planned one. */
struct asim_window_start {
    int reseed_index; /* 0: the planned velocities */
    int64_t nsteps;
    bool relaxing;     /* a relaxation: a smaller time step */
    int start_attempt; /* the relaxation whose final structure is the start; 0: none */
};

/* Writes window.tpr of `folder` from planned.tpr. */
typedef int (*asim_make_tpr_fn)(const char *folder, const struct asim_plan *plan,
                                const struct asim_window *window,
                                const struct asim_window_start *start,
                                struct asim_error *err);

struct asim_campaign_window {
    struct asim_window_life life;
    int *cpus; /* cores of the attempt on record as running; owned */
    size_t cpu_count;
    struct asim_runner *runner; /* while it runs and a driver is at work */
    int source_index;           /* the slot whose attempt is the newest; -1: none */
    /* Of a running window that is only looked at. */
    int64_t seen_step;
    bool seen_lost;
    bool chosen; /* the driver may start it */
    bool queued; /* it is in the driver's queue, due at due_seconds */
    double due_seconds;
    bool has_news; /* it is in the campaign's news */
};

/* gmx, its GPUs and the cores as last looked up for asim_campaign_window_command. */
struct asim_gromacs_cache {
    bool known;
    char name[4096]; /* as asked for; "": the default */
    char wanted_gpus[256];
    struct asim_gromacs gromacs;
    struct asim_gpus gpus;
    struct asim_cores cores; /* owned */
};

/* Every public function takes the mutex: a campaign may be used from several threads.
 * Recursive, because public functions build on each other. */
struct asim_campaign {
    pthread_mutex_t mutex;
    char *folder;
    struct asim_plan plan;
    char plan_sha256[65];
    struct asim_campaign_window *windows; /* [plan.window_count] */
    struct asim_log *log;                 /* borrowed, may be NULL */
    bool readonly;
    int lock_fd;
    struct asim_journal *journal; /* NULL where only looked at */
    bool has_head;                /* the journal has its first record */
    char journal_plan_sha256[65]; /* of its newest plan */
    size_t journal_window_count;
    bool paused; /* on request; on record */
    /* Requests that are on record, so that none is followed twice. */
    char (*requests)[ASIM_REQUEST_ID_BYTES];
    size_t request_count, request_capacity;
    /* Windows that changed since they were told of: a ring, oldest first. */
    size_t *news; /* [plan.window_count] */
    size_t news_first, news_count;
    bool tells_news, told_idle;
    struct asim_campaign_timing timing;
    asim_make_tpr_fn make_tpr;
    struct asim_fold fold;                    /* what slots have reported */
    struct asim_jobs jobs;                    /* what was submitted */
    asim_window_check_fn check;               /* may be NULL */
    void *check_context;                      /* borrowed */
    struct asim_driver *driver;               /* between start and close */
    struct asim_slot *slot;                   /* this process runs inside a job */
    struct asim_slurm *slurm;                 /* this process looks after jobs */
    struct asim_gromacs_cache *gromacs_cache; /* owned, never NULL */
};

/* The opening with a plan at hand; the plan is taken over on success. */
int asim_campaign_open_plan(const char *folder, struct asim_plan *plan,
                            const char *plan_sha256, bool readonly,
                            struct asim_log *log, struct asim_campaign **ret_campaign,
                            struct asim_error *err);

/* windows/NNN below the campaign's folder; free with free(). */
char *asim_campaign_window_folder(const struct asim_campaign *campaign, size_t i,
                                  struct asim_error *err);

/* Applies a record of journal.jsonl. */
int asim_campaign_replay(struct asim_campaign *campaign, const json_t *json,
                         struct asim_error *err);

/* Queues the change for the journal (not committed) and applies it. */
int asim_campaign_record(struct asim_campaign *campaign, size_t i,
                         const struct asim_window_change *change, const int *cpus,
                         size_t cpu_count, enum asim_window_action *ret_action,
                         struct asim_error *err);

/* One group of changes, on record and applied together; windows in whose phase the
 * event cannot come are left out. Runs what follows from it where a driver is at work.
 * `ret_count` (may be NULL): the windows that changed. */
int asim_campaign_record_order(struct asim_campaign *campaign, struct asim_order *order,
                               const char *request, size_t *ret_count,
                               struct asim_error *err);
bool asim_campaign_request_known(const struct asim_campaign *campaign,
                                 const char *request);
int asim_campaign_remember_request(struct asim_campaign *campaign, const char *request,
                                   struct asim_error *err);
/* Room for plan.window_count windows, of which the first `old_count` are there. */
int asim_campaign_grow(struct asim_campaign *campaign, size_t old_count,
                       struct asim_error *err);
/* How far a window is, 0 .. its last step, as far as that is known. */
int64_t asim_campaign_step(const struct asim_campaign *campaign, size_t i);
/* All windows together are simulated as far as was asked for at most; 0: no limit. */
bool asim_campaign_steps_are_up(const struct asim_campaign *campaign, double most_ns);
/* How far windows are that run elsewhere. */
void asim_campaign_look_at_steps(struct asim_campaign *campaign);
void asim_campaign_tell(struct asim_campaign *campaign, size_t i);
void asim_campaign_enter(const struct asim_campaign *campaign);
void asim_campaign_leave(const struct asim_campaign *campaign);

/* insert.c: the plan grows */
#define ASIM_PLAN_NEXT "plan.next.json"
/* Where a crash fell between the record of a new plan and its renaming, that is made up
 * for (`mend`), or *ret_name is the file to read instead. */
int asim_plan_settle(const char *folder, bool mend, const char **ret_name,
                     struct asim_error *err);
int asim_campaign_insert_plan(struct asim_campaign *campaign, const char *plan_path,
                              const char *request, size_t *ret_count,
                              struct asim_error *err);

/* driver.c */
/* After a request: queue, start, stop what it asks for. */
int asim_driver_act(struct asim_driver *driver, size_t i,
                    enum asim_window_action action, struct asim_error *err);
/* After changes of priorities, of the pause, of the number of windows. */
int asim_driver_reorder(struct asim_driver *driver, struct asim_error *err);
void asim_driver_wake(struct asim_driver *driver);
void asim_driver_break(struct asim_driver *driver, const struct asim_error *cause);
void asim_driver_destroy(struct asim_driver *driver);
/* What the driver knows of a running window; step -1, rate NAN: nothing. */
void asim_runner_progress(const struct asim_runner *runner, int64_t *ret_step,
                          double *ret_steps_per_second);
/* Logs which centres have no window of their own because it failed or was cancelled. */
void asim_campaign_say_missing(const struct asim_campaign *campaign);

#endif
