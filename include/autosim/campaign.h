/*
 * A campaign: a folder of windows that are run to their end, whatever happens to the
 * processes meanwhile.
 *
 * The folder holds plan.json and windows/NNN/ (see windows.h). The campaign adds
 * campaign.lock (held while a driver works), journal.jsonl (the truth about every
 * window; docs/journal.md), requests/ (what other processes ask of the driver) and
 * autosim_compute.log. Kill anything at any time: opening the folder again replays the
 * journal, adopts what still runs, and goes on.
 *
 * In another program's event loop:
 *
 *     asim_campaign_open(folder, NULL, &campaign, &err);
 *     asim_campaign_start(campaign, &options, &err);     options.launch_all = false
 *     asim_launch_umbrella_window(campaign, 3, &err);    or asim_execute_batch
 *     watch asim_event_fd(campaign) for readability; each time it is readable:
 *         while (asim_next_event(campaign, &event, &err) == 1)
 *             ...
 *     asim_campaign_close(campaign);
 *
 * Every function that takes a campaign may be called from any thread; calls wait for
 * each other, none waits for a simulation. No signal handler is touched, nothing is
 * printed, no thread is started. Processes of windows are children of the calling
 * process and are reaped by their own numbers: a host that waits for "any child" only
 * takes an exit status that nobody needs.
 */
#ifndef AUTOSIM_CAMPAIGN_H
#define AUTOSIM_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

#include <autosim/engine.h>
#include <autosim/log.h>
#include <autosim/slurm.h>
#include <autosim/windows.h>

struct asim_run_options {
    const char *gromacs; /* program name or path; NULL: found */
    int jobs;            /* windows at once; 0: as many as the cores carry */
    int ntmpi;           /* thread-MPI ranks a window; 0: 1 */
    int ntomp;           /* OpenMP threads a rank; 0: 1, or more where windows are
                            fewer than cores */
    int retries;         /* attempts after the first that failed; default 3 */
    double maxh;         /* hours after which the driver stops the windows cleanly;
                            0: no limit */
    double checkpoint_minutes; /* gmx -cpt; default 5 */
    bool launch_all; /* every window may run; false: only those that are launched by
                        asim_launch_umbrella_window or asim_execute_batch, and those
                        that run already; default true */
    enum asim_backend backend; /* default local */
    struct asim_slurm_options slurm;
    double window_maxh; /* hours a window may run, all its attempts together: then it
                           is given up; 0: no limit */
    double most_ns;     /* simulated in all windows together: then the driver stops
                           them as after maxh; 0: no limit */
    const char *gpus;   /* "0,1": windows take these in turn; "none"; NULL: all that
                           gmx can use */
    double calibrate_seconds; /* trial runs, at most, that find out how many windows at
                                 once are fastest; default 20, 0: none. They are made
                                 where jobs, ntmpi and ntomp are 0, launch_all is true
                                 and the work is at least 100 times as long; the
                                 result is kept in the folder. */
};

#define ASIM_RUN_OPTIONS_INIT                                                          \
    {                                                                                  \
        .retries = 3, .checkpoint_minutes = 5.0, .launch_all = true,                   \
        .slurm = ASIM_SLURM_OPTIONS_INIT, .calibrate_seconds = 20.0                    \
    }

enum asim_window_state {
    ASIM_WINDOW_PLANNED,
    ASIM_WINDOW_RUNNING,
    ASIM_WINDOW_WAITING, /* for its next attempt */
    ASIM_WINDOW_COMPLETED,
    ASIM_WINDOW_FAILED,    /* given up */
    ASIM_WINDOW_CANCELLED, /* on request */
};

struct asim_window_status {
    int window_id;
    enum asim_window_state state;
    int attempts;      /* started so far */
    int failures;      /* attempts that count against the limit */
    int exit_code;     /* of the last attempt; -signal where killed */
    int64_t step;      /* last step known */
    int64_t nsteps;    /* to be reached; the plan's, or more where it was extended */
    int priority;      /* higher ones start first; 0: as planned */
    double ns_per_day; /* NAN: not known */
    double final_potential_energy_kj_mol; /* NAN: not known */
    double runtime_seconds;               /* summed over attempts */
    double eta_seconds; /* of a running window: until its last step; NAN: not known */
    bool lost; /* on record as running, but no process of it lives on this file system's
                  machines: the next run judges it and goes on. Only known where the
                  campaign was opened for looking. */
    char cause[200]; /* why the last attempt ended, in words; "" where it was fine */
};

/* "Planned", "Running", "Waiting", "Completed", "Failed", "Cancelled". */
ASIM_API const char *asim_window_state_name(enum asim_window_state state);

struct asim_campaign;

/* Opens for working: takes the lock (ASIM_ELOCKED where another process has it, saying
 * which), replays the journal, checks that plan and journal fit. */
ASIM_API int asim_campaign_open(const char *folder, struct asim_log *log,
                                struct asim_campaign **ret_campaign,
                                struct asim_error *err);
/* Opens for looking only: takes no lock, changes nothing. */
ASIM_API int asim_campaign_open_readonly(const char *folder,
                                         struct asim_campaign **ret_campaign,
                                         struct asim_error *err);
/* Closing does not stop windows; they go on and are adopted by the next opening. */
ASIM_API void asim_campaign_close(struct asim_campaign *campaign);

/* Windows count from 0 in the order of the plan; new ones come behind. Their ids, which
 * are the names of their folders and what people say, never change. */
ASIM_API size_t asim_campaign_window_count(const struct asim_campaign *campaign);
/* ASIM_EUSAGE where no window has that id. */
ASIM_API int asim_campaign_find_window(const struct asim_campaign *campaign,
                                       int window_id, size_t *ret_index,
                                       struct asim_error *err);
ASIM_API int asim_campaign_window(const struct asim_campaign *campaign, size_t i,
                                  struct asim_window_status *ret_status,
                                  struct asim_error *err);

/* The samples of a completed window are still those it ended with: size and checksum of
 * its bias output as the journal has them. ASIM_EINPUT where not; a window in another
 * state passes. */
ASIM_API int asim_campaign_check_samples(const struct asim_campaign *campaign, size_t i,
                                         struct asim_error *err);
/* Whether the rows in a window's folder are of a relaxation with a smaller time step,
 * which are no samples of it. */
ASIM_API bool asim_campaign_window_relaxes(const struct asim_campaign *campaign,
                                           size_t i);

/* Gives a window that was given up another try, with its limits counted anew; nothing
 * happens to a window in any other state. Between open and start. */
ASIM_API int asim_campaign_retry(struct asim_campaign *campaign, size_t i,
                                 struct asim_error *err);

/* A window that ran to its end and whose folder nothing lives in; all borrowed. */
struct asim_ended_window {
    const struct asim_plan *plan;
    const struct asim_window *window;
    const char *folder;
    int64_t nsteps; /* the step it ran to: the plan's, or more where it was extended */
    int attempts;
};
/*
 * A look at a window before it counts as completed. 0: it is sound. ASIM_EINPUT: it is
 * wrong and would be again, so it is given up for the text's reason (its first 199
 * characters). ASIM_EWINDOWS: it starts afresh. Any other failure is logged and the
 * window counts as completed.
 */
typedef int (*asim_window_check_fn)(void *context,
                                    const struct asim_ended_window *window,
                                    struct asim_error *err);
/* Between open and start; `context` is borrowed until the campaign is closed. */
ASIM_API void asim_campaign_set_check(struct asim_campaign *campaign,
                                      asim_window_check_fn check, void *context);

/* The speed of a division of the cores, as trial runs of the windows' own system found
 * it. */
struct asim_split {
    int windows;       /* at once */
    int threads;       /* each */
    double ns_per_day; /* of all of them together */
};
enum { ASIM_SPLITS_MOST = 16 };
/* The divisions that were tried when this campaign was last calibrated, and the machine
 * (`ret_host`, [host_size]). Returns how many; 0 where none was. */
ASIM_API size_t asim_campaign_splits(const struct asim_campaign *campaign,
                                     struct asim_split ret_splits[ASIM_SPLITS_MOST],
                                     char *ret_host, size_t host_size);
/* How these options divide the cores of this machine among the windows that are left:
 * windows at once and threads each. `ret_measured`: by what was measured here. */
ASIM_API int asim_campaign_division(const struct asim_campaign *campaign,
                                    const struct asim_run_options *options,
                                    struct asim_split *ret_split, bool *ret_measured,
                                    struct asim_error *err);

struct asim_campaign_progress {
    size_t window_count, completed, running, waiting, failed, cancelled;
    bool driven;             /* a process works on the campaign */
    bool paused;             /* on request: nothing is started until it is resumed */
    double fraction;         /* of all steps */
    double total_ns_per_day; /* of the running windows together */
    double eta_seconds;      /* NAN: not known yet */
};
ASIM_API void asim_campaign_progress(const struct asim_campaign *campaign,
                                     struct asim_campaign_progress *ret_progress);

/*
 * Runs windows: asim_campaign_start prepares (finds gmx, adopts, spawns the first);
 * then watch asim_campaign_event_fd for readability and call asim_campaign_dispatch
 * each time. dispatch returns 1 while there is work, 0 when every window is completed
 * or given up or a stop has finished, -1 on an error. No signal handler is touched.
 */
ASIM_API int asim_campaign_start(struct asim_campaign *campaign,
                                 const struct asim_run_options *options,
                                 struct asim_error *err);
/* The same on these cores alone (numbers as in /proc/cpuinfo), for a process that runs
 * several campaigns side by side. ASIM_EUSAGE for a core that the calling thread may
 * not use. */
ASIM_API int asim_campaign_start_on_cores(struct asim_campaign *campaign,
                                          const struct asim_run_options *options,
                                          const int *cpus, size_t cpu_count,
                                          struct asim_error *err);
ASIM_API int asim_campaign_event_fd(const struct asim_campaign *campaign);
ASIM_API int asim_campaign_dispatch(struct asim_campaign *campaign,
                                    struct asim_error *err);
/* Asks running windows to write a checkpoint and leave (TERM, then KILL after a grace
 * time); dispatch until it returns 0. A second call kills at once. */
ASIM_API void asim_campaign_stop(struct asim_campaign *campaign);

/*
 * Requests: what can be asked of a campaign while it runs, by its owner
 * (asim_campaign_request) or by any other process (asim_request_send). What they change
 * is in the journal before it is done, and holds over restarts.
 */
enum asim_request_kind {
    ASIM_REQUEST_STOP,    /* the driver lets running windows write their checkpoints and
                             ends; the next start goes on. Not remembered. */
    ASIM_REQUEST_PAUSE,   /* running windows write their checkpoints and leave; nothing
                             is started until RESUME or the next asim_campaign_start */
    ASIM_REQUEST_RESUME,  /* takes PAUSE back */
    ASIM_REQUEST_CANCEL,  /* the windows stop and are not started any more; what they
                             have is kept. Completed ones stay completed. */
    ASIM_REQUEST_RESTORE, /* takes CANCEL back, and gives windows named that were given
                             up another try */
    ASIM_REQUEST_EXTEND,  /* each window gets `steps` more; one that was completed goes
                             on from its last checkpoint, one that runs comes to its old
                             end first */
    ASIM_REQUEST_PRIORITY, /* `priority` of the windows */
    ASIM_REQUEST_INSERT,   /* the plan in the file `plan_path`, which is the plan in use
                              with new windows behind it (asim_plan_write_more), takes its
                              place; ASIM_EINPUT where it was made from another one */
};

struct asim_request {
    enum asim_request_kind kind;
    const int *window_ids; /* [window_count], for CANCEL, RESTORE, EXTEND, PRIORITY */
    size_t window_count;   /* 0: all windows */
    int64_t steps;         /* EXTEND; at least 1 */
    int priority;          /* PRIORITY */
    const char *plan_path; /* INSERT */
};

struct asim_answer {
    size_t changed; /* windows that the request changed */
    bool pending;   /* a driver has it but has not answered in time: it is kept, and
                       followed when the driver comes to it */
};

/* Follows a request at once; the campaign is open for working. After a failure of the
 * journal (ASIM_EIO, ASIM_EENV) the campaign must be closed. */
ASIM_API int asim_campaign_request(struct asim_campaign *campaign,
                                   const struct asim_request *request,
                                   struct asim_answer *ret_answer,
                                   struct asim_error *err);
/*
 * The same from a process that does not own the campaign: where a driver works, it is
 * left in requests/ and its answer is awaited for `wait_seconds`; where none does, the
 * folder is opened, the request followed, and the folder closed again. A request that
 * was written survives any crash and is followed once; only STOP ends with the driver
 * it was meant for.
 */
ASIM_API int asim_request_send(const char *folder, const struct asim_request *request,
                               double wait_seconds, struct asim_answer *ret_answer,
                               struct asim_error *err);

/* Short ways to asim_campaign_request. */
ASIM_API int asim_campaign_extend(struct asim_campaign *campaign, int window_id,
                                  int64_t more_steps, struct asim_error *err);
ASIM_API int asim_campaign_pause(struct asim_campaign *campaign,
                                 struct asim_error *err);
ASIM_API int asim_campaign_resume(struct asim_campaign *campaign,
                                  struct asim_error *err);
ASIM_API int asim_campaign_set_priority(struct asim_campaign *campaign, int window_id,
                                        int priority, struct asim_error *err);
ASIM_API int asim_campaign_insert(struct asim_campaign *campaign, const char *plan_path,
                                  struct asim_error *err);

/*
 * Asynchronous work, after asim_campaign_start. A launch is a permission: the window
 * starts as soon as cores are free, is retried by cause, and is told of by events.
 */
ASIM_API int asim_launch_umbrella_window(struct asim_campaign *campaign, int window_id,
                                         struct asim_error *err);
/* Launches the first `window_count` windows of the plan that are not launched yet and
 * neither completed, given up nor cancelled; 0: all of them. How many run at once is
 * asim_run_options.jobs. `ret_launched` may be NULL. */
ASIM_API int asim_execute_batch(struct asim_campaign *campaign, size_t window_count,
                                size_t *ret_launched, struct asim_error *err);
/* One window is cancelled as by ASIM_REQUEST_CANCEL; ASIM_ALL_WINDOWS asks the campaign
 * to stop as asim_campaign_stop does. */
enum { ASIM_ALL_WINDOWS = -1 };
ASIM_API int asim_cancel(struct asim_campaign *campaign, int window_id,
                         struct asim_error *err);

enum asim_event_kind {
    ASIM_NEWS_WINDOW, /* a window's state changed; `window` is how it is now */
    ASIM_NEWS_IDLE,   /* nothing launched is left to do, or a stop has finished */
};

struct asim_event {
    enum asim_event_kind kind;
    struct asim_window_status window;
};

/* A descriptor for poll, epoll, select or an asyncio reader; the same for the life of
 * the campaign once it is started. Never read from it. */
ASIM_API int asim_event_fd(const struct asim_campaign *campaign);
/*
 * Does what is due, as asim_campaign_dispatch, and gives the next piece of news: 1 with
 * an event, 0 where there is none (wait for the descriptor), -1 on an error that ends
 * the campaign. Call it until it gives 0. Several changes of one window between two
 * calls are one event, so that nothing grows where nobody asks. IDLE comes once after
 * the last event, and again after new work. Changes are kept from the first call on.
 */
ASIM_API int asim_next_event(struct asim_campaign *campaign,
                             struct asim_event *ret_event, struct asim_error *err);

/* The status of the whole campaign as JSON text with the names of `autosim status
 * --json`; freed by free(). */
ASIM_API int asim_status_json(const struct asim_campaign *campaign, char **ret_text,
                              struct asim_error *err);

/* The exact command of a window's next attempt, NULL-terminated argv; owned by the
 * caller, freed by asim_argv_free. Needs asim_campaign_start's options. */
ASIM_API int asim_campaign_window_command(const struct asim_campaign *campaign,
                                          size_t i,
                                          const struct asim_run_options *options,
                                          char ***ret_argv, struct asim_error *err);

#endif
