/* The inside of the driver: driver.c (the loop), timers.c, attempt.c (one attempt) and
 * outcome.c (how it ended). */
#ifndef CAMPAIGN_DRIVER_H
#define CAMPAIGN_DRIVER_H

#include "base/random.h"
#include "campaign/calibrate.h"
#include "campaign/campaign_internal.h"
#include "campaign/ready.h"
#include "engine/affinity.h"
#include "engine/mdrun.h"
#include "engine/process.h"

/* A window that runs, or whose fate is not known yet. */
struct asim_runner {
    size_t window_index;
    size_t position; /* in the driver's list */
    char *folder;    /* owned */
    int attempt;
    int slot;       /* cores; -1: of an earlier driver, see asim_driver.slot_users */
    bool inherited; /* an earlier driver started it */
    bool spawned;   /* this driver has a child to reap for it */
    bool end_was_asked; /* TERM or KILL was sent by this driver */
    bool told_to_stop, told_to_die;
    double stop_kill_at; /* KILL for one that was told to stop; INFINITY: was not */
    struct asim_process process;
    double start_seconds;
    double next_probe, probe_delay; /* while lost; INFINITY: none due */
    double adopt_after;             /* an adoption that came to nothing is not
                                       repeated at once */
    double kill_at;                 /* when the shim is gone and the lock still held */
    uint64_t activity;              /* asim_mdrun_activity as last seen to change, */
    double active_seconds;          /* at asim_awake_seconds */
    double hang_seconds;            /* what was too long */
    int watch; /* of its folder: nothing was written since; -1: look (changes.h) */
    bool hung;
    char trouble[200];        /* why the spawn failed; "" */
    char **argv;              /* of gmx; NULL: an earlier driver started it */
    int64_t first_step, step; /* seen in its log; -1: none */
    double first_seconds, step_seconds;
};

struct asim_posted {
    size_t window_index;
    enum asim_window_event event;
};

struct asim_driver {
    struct asim_campaign *campaign;
    struct asim_run_options options;
    char *gromacs_name, *gpus_wanted; /* as asked for; NULL: the default; owned */
    struct asim_gromacs gromacs;
    struct asim_gpus gpus;
    struct asim_cores cores; /* as they were at the start; divided when there is work */
    struct asim_calibration
        *calibration;             /* while it is tried how to divide the cores */
    struct asim_core_slots slots; /* none until they are divided */
    double next_claim; /* when cores that others hold are asked for; -INFINITY: now */
    int *slot_users;   /* [slot_count] runners on its cores */
    int epoll_fd, timer_fd, wake_fd;
    int spool_fd;   /* inotify of requests/; -1: looked at from time to time */
    int changes_fd; /* of the folders of running windows; -1: they are looked at */
    struct asim_shim_server server; /* of the windows' shims */
    bool looked;                    /* gmx and its GPUs were found */
    bool prepared; /* cores are divided too, and the session is on record */
    struct asim_runner **runners; /* [runner_count], unordered */
    size_t runner_count, runner_capacity;
    struct asim_runner **spawns; /* intended, to be spawned after the next commit */
    size_t spawn_count, spawn_capacity;
    struct asim_posted *posted;
    size_t posted_count, posted_capacity;
    struct asim_ready ready;
    struct asim_random random;
    double next_progress, next_spool, maxh_at;
    int stop_requests;
    bool steps_are_up; /* as much is simulated as was asked for */
    bool stopping, killing;
    bool commit_waits; /* the journal's queue did not fit on the disk */
    bool disk_hold;    /* nothing runs until there is space again */
    double next_disk;  /* when the space left is looked at */
    double disk_until; /* a hold for the disk lasts at least until then, */
    double disk_wait;  /* because it lasted this long before */
    double kill_at, abandon_at;
    bool broken;             /* the journal failed: nothing is done any more */
    struct asim_error fatal; /* why the campaign is paused; status ASIM_OK: not */
    bool said_end;
};

/* attempt.c */
struct asim_runner *asim_runner_create(struct asim_driver *driver, size_t i,
                                       struct asim_error *err);
/* Marks the cores of a runner that an earlier driver started. */
void asim_runner_occupy(struct asim_driver *driver, const struct asim_runner *runner);
void asim_runner_remove(struct asim_driver *driver, struct asim_runner *runner);
/* Looks at the lock of a lost window, adopts what lives, posts what it found. */
int asim_runner_probe(struct asim_driver *driver, struct asim_runner *runner,
                      struct asim_error *err);
/* Makes the window ready and queues the record of its start; the runner goes to
 * driver->spawns. Where its files are not right it is refused instead. */
int asim_window_intend(struct asim_driver *driver, size_t i, int slot,
                       bool *ret_intended, struct asim_error *err);
int asim_runner_spawn(struct asim_driver *driver, struct asim_runner *runner,
                      struct asim_error *err);
void asim_runner_shim_ended(struct asim_driver *driver, struct asim_runner *runner);
void asim_runner_tell(struct asim_runner *runner, int signal_number);

/* outcome.c */
/* Judges an attempt of which nothing lives any more and records its end. */
int asim_runner_judge(struct asim_driver *driver, struct asim_runner *runner,
                      struct asim_error *err);

/* driver.c */
int asim_driver_start(struct asim_campaign *campaign,
                      const struct asim_run_options *options, struct asim_error *err);
/* As asim_campaign_dispatch. */
int asim_driver_dispatch(struct asim_driver *driver, struct asim_error *err);
int asim_driver_post(struct asim_driver *driver, size_t i, enum asim_window_event event,
                     struct asim_error *err);
int asim_driver_watch(struct asim_driver *driver, struct asim_runner *runner,
                      struct asim_error *err);
/* Before the descriptor is closed: where the host program has forked meanwhile, closing
 * it here does not take it out of the epoll set, and its end would be told for ever. */
void asim_driver_unwatch(struct asim_driver *driver, struct asim_runner *runner);
/* The window shall start when it is due and there is room; nothing happens where it
 * must not, or waits already. */
void asim_driver_queue(struct asim_driver *driver, size_t i, double due_seconds);
/* Makes ready for starting windows, once: at once, or after a calibration. */
int asim_driver_prepare(struct asim_driver *driver, struct asim_error *err);
/* divide.c */
/* Divides the cores, and puts the session on record. */
int asim_driver_divide(struct asim_driver *driver, struct asim_error *err);
/* Begins a calibration where it is worth it; otherwise divides at once. */
int asim_driver_calibrate(struct asim_driver *driver, int epoll_fd, uint64_t tag,
                          struct asim_error *err);
/* Goes on with one that has begun; it is given up where `drop`. */
int asim_driver_go_on_calibrating(struct asim_driver *driver, double now, bool drop,
                                  struct asim_error *err);
/* timers.c */
/* Nothing is started for now. */
bool asim_driver_is_held(const struct asim_driver *driver);
void asim_driver_begin_stop(struct asim_driver *driver);
int asim_driver_handle_timers(struct asim_driver *driver, double now,
                              struct asim_error *err);
/* Sets the timer to when the next of it is due. */
void asim_driver_arm_timer(struct asim_driver *driver);

/* disk.c */
bool asim_driver_disk_is_full(const struct asim_driver *driver);
/* Lets what runs write its checkpoint, and starts nothing until there is space. */
void asim_driver_hold_for_disk(struct asim_driver *driver, const char *cause);
/* Looks at the space left where it is time to: begins or ends a hold. */
void asim_driver_watch_disk(struct asim_driver *driver, double now);

/* Remembers why, and lets what runs write its checkpoint. */
void asim_driver_pause(struct asim_driver *driver, const struct asim_error *cause);

#endif
