/*
 * A campaign: a folder of windows that are run to their end, whatever happens to the
 * processes meanwhile.
 *
 * The folder holds plan.json and windows/NNN/ (see windows.h). The campaign adds
 * campaign.lock (held while a driver works), journal.jsonl (the truth about every
 * window; docs/journal.md) and autosim_compute.log. Kill anything at any time: opening
 * the folder again replays the journal, adopts what still runs, and goes on.
 */
#ifndef AUTOSIM_CAMPAIGN_H
#define AUTOSIM_CAMPAIGN_H

#include <stdint.h>

#include <autosim/engine.h>
#include <autosim/log.h>
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
};

#define ASIM_RUN_OPTIONS_INIT                                                          \
    {                                                                                  \
        .retries = 3, .checkpoint_minutes = 5.0                                        \
    }

enum asim_window_state {
    ASIM_WINDOW_PLANNED,
    ASIM_WINDOW_RUNNING,
    ASIM_WINDOW_WAITING, /* for its next attempt */
    ASIM_WINDOW_COMPLETED,
    ASIM_WINDOW_FAILED, /* given up */
};

struct asim_window_status {
    int window_id;
    enum asim_window_state state;
    int attempts;  /* started so far */
    int failures;  /* attempts that count against the limit */
    int exit_code; /* of the last attempt; -signal where killed */
    int64_t step;  /* last step known */
    int64_t nsteps;
    double ns_per_day;                    /* NAN: not known */
    double final_potential_energy_kj_mol; /* NAN: not known */
    double runtime_seconds;               /* summed over attempts */
    char cause[200]; /* why the last attempt ended, in words; "" where it was fine */
};

/* "Planned", "Running", "Waiting", "Completed", "Failed". */
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

ASIM_API size_t asim_campaign_window_count(const struct asim_campaign *campaign);
ASIM_API int asim_campaign_window(const struct asim_campaign *campaign, size_t i,
                                  struct asim_window_status *ret_status,
                                  struct asim_error *err);

/* The samples of a completed window are still those it ended with: size and checksum of
 * its bias output as the journal has them. ASIM_EINPUT where not; a window in another
 * state passes. */
ASIM_API int asim_campaign_check_samples(const struct asim_campaign *campaign, size_t i,
                                         struct asim_error *err);

/* Gives a window that was given up another try, with its limits counted anew; nothing
 * happens to a window in any other state. Between open and start. */
ASIM_API int asim_campaign_retry(struct asim_campaign *campaign, size_t i,
                                 struct asim_error *err);

struct asim_campaign_progress {
    size_t window_count, completed, running, waiting, failed;
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
ASIM_API int asim_campaign_event_fd(const struct asim_campaign *campaign);
ASIM_API int asim_campaign_dispatch(struct asim_campaign *campaign,
                                    struct asim_error *err);
/* Asks running windows to write a checkpoint and leave (TERM, then KILL after a grace
 * time); dispatch until it returns 0. A second call kills at once. */
ASIM_API void asim_campaign_stop(struct asim_campaign *campaign);

/* The exact command of a window's next attempt, NULL-terminated argv; owned by the
 * caller, freed by asim_argv_free. Needs asim_campaign_start's options. */
ASIM_API int asim_campaign_window_command(const struct asim_campaign *campaign,
                                          size_t i,
                                          const struct asim_run_options *options,
                                          char ***ret_argv, struct asim_error *err);

#endif
