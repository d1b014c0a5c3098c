/* The inside of a campaign, shared by campaign.c and driver.c only (and their tests).
 */
#ifndef CAMPAIGN_INTERNAL_H
#define CAMPAIGN_INTERNAL_H

#include "campaign/journal.h"
#include "campaign/records.h"
#include "campaign/window_state.h"

struct asim_driver;
struct asim_runner;

/* Intervals in seconds; tests shorten them. */
struct asim_campaign_timing {
    double backoff_first, backoff_largest; /* after a failure of the machine */
    double grace;                          /* between TERM and KILL */
    double probe_first, probe_largest;     /* looking at the lock of a lost window */
    double progress;                       /* looking at the steps of running windows */
};

#define ASIM_CAMPAIGN_TIMING_INIT                                                      \
    {                                                                                  \
        .backoff_first = 1, .backoff_largest = 60, .grace = 30, .probe_first = 0.02,   \
        .probe_largest = 1, .progress = 3                                              \
    }

/* Gives window `folder` new velocities: writes window.tpr from the planned one. */
typedef int (*asim_reseed_fn)(const char *folder, const struct asim_plan *plan,
                              const struct asim_window *window, int reseed_index,
                              struct asim_error *err);

struct asim_campaign_window {
    struct asim_window_life life;
    int *cpus; /* cores of the attempt on record as running; owned */
    size_t cpu_count;
    struct asim_runner *runner; /* while it runs and a driver is at work */
    /* Of a running window that is only looked at. */
    int64_t seen_step;
};

/* gmx as last looked up for asim_campaign_window_command. */
struct asim_gromacs_cache {
    bool known;
    char name[4096]; /* as asked for; "": the default */
    struct asim_gromacs gromacs;
};

struct asim_campaign {
    char *folder;
    struct asim_plan plan;
    char plan_sha256[65];
    struct asim_campaign_window *windows; /* [plan.window_count] */
    struct asim_log *log;                 /* borrowed, may be NULL */
    bool readonly;
    int lock_fd;
    struct asim_journal *journal; /* NULL where only looked at */
    bool has_head;                /* the journal has its first record */
    struct asim_campaign_timing timing;
    asim_reseed_fn reseed;
    struct asim_driver *driver;               /* between start and close */
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

/* Queues the change for the journal (not committed) and applies it. */
int asim_campaign_record(struct asim_campaign *campaign, size_t i,
                         const struct asim_window_change *change, const int *cpus,
                         size_t cpu_count, enum asim_window_action *ret_action,
                         struct asim_error *err);

/* driver.c */
void asim_driver_destroy(struct asim_driver *driver);
/* What the driver knows of a running window; step -1, rate NAN: nothing. */
void asim_runner_progress(const struct asim_runner *runner, int64_t *ret_step,
                          double *ret_steps_per_second);

#endif
