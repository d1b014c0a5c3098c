/*
 * The life of one window as a table: (event, phase) -> next phase and what to do.
 *
 * Pure: no files, no clock, no processes. The same function serves live events and the
 * replay of the journal, so a replayed window is the live one. Durable events are
 * written to the journal before anything is done about them; the others only say what
 * this process has found out about a running window, and a replay does without them.
 */
#ifndef CAMPAIGN_WINDOW_STATE_H
#define CAMPAIGN_WINDOW_STATE_H

#include <autosim/campaign.h>

enum asim_window_phase {
    ASIM_PHASE_PLANNED,
    ASIM_PHASE_INTENDED, /* the start is on record; nothing else is known */
    ASIM_PHASE_WATCHED,  /* its shim is known and lives */
    ASIM_PHASE_LOST,     /* no shim of it is known: look at its lock, then judge */
    ASIM_PHASE_WAITING,  /* for its next attempt */
    ASIM_PHASE_COMPLETED,
    ASIM_PHASE_FAILED,    /* given up */
    ASIM_PHASE_CANCELLED, /* on request; what it has is kept */
    ASIM_PHASE_COUNT
};

enum asim_window_event {
    /* durable */
    ASIM_EVENT_START,     /* attempt N is intended */
    ASIM_EVENT_COMPLETED, /* attempt N ended: as enum asim_run_end */
    ASIM_EVENT_WALLTIME,
    ASIM_EVENT_STOPPED,
    ASIM_EVENT_MACHINE,
    ASIM_EVENT_DISK_FULL,
    ASIM_EVENT_PHYSICS,
    ASIM_EVENT_INPUT,
    ASIM_EVENT_RESTART,
    ASIM_EVENT_RELAXED, /* a relaxation came to its end */
    ASIM_EVENT_REFUSED, /* its files are not the planned ones: not started */
    ASIM_EVENT_RETRY,   /* a window that was given up shall be tried again */
    ASIM_EVENT_EXTEND,  /* its last step is a later one now */
    ASIM_EVENT_CANCEL,  /* it shall not run (on) */
    ASIM_EVENT_RESTORE, /* it shall run after all: cancelled or given up before */
    ASIM_EVENT_PRIORITY,
    /* live only */
    ASIM_EVENT_SPAWNED,
    ASIM_EVENT_SPAWN_FAILED,
    ASIM_EVENT_REOPENED, /* a new driver takes the campaign over */
    ASIM_EVENT_ADOPTED,
    ASIM_EVENT_SHIM_ENDED,
    ASIM_EVENT_LOCK_HELD,
    ASIM_EVENT_LOCK_FREE,
    ASIM_EVENT_COUNT
};

enum asim_window_action {
    ASIM_ACTION_NONE,
    ASIM_ACTION_SPAWN,
    ASIM_ACTION_PROBE,      /* look at once for its shim and its lock */
    ASIM_ACTION_PROBE_SOON, /* look again after a while */
    ASIM_ACTION_JUDGE,      /* nothing of it lives: read what it left */
    ASIM_ACTION_QUEUE,      /* for the next attempt */
    ASIM_ACTION_PAUSE,      /* queue, and hold the whole campaign */
    ASIM_ACTION_STOP,       /* ask its processes to leave */
    ASIM_ACTION_FINISH,     /* completed */
    ASIM_ACTION_GIVE_UP,
};

/* What is known about a window, all of it from durable events except that the three
 * running phases are told apart by live ones. */
struct asim_window_life {
    enum asim_window_phase phase;
    int attempts;
    int machine_failures; /* in a row without getting further than before */
    int physics_failures;
    int restarts;
    int reseeds;    /* physics failures ever, which no retry forgets: velocities that
                       led to one are not taken again */
    bool cancelled; /* of a running window: it does not go on after this attempt */
    int priority;   /* higher ones start first */
    int64_t nsteps; /* its last step */
    int64_t attempt_nsteps; /* the last step of the newest attempt */
    bool fresh;        /* the next attempt starts from the beginning: old files aside */
    bool rewind;       /* it starts from the checkpoint before the last one */
    bool relax;        /* it is a relaxation with a smaller time step ... */
    bool relaxing;     /* ... and so is the one that runs */
    int start_attempt; /* a relaxation whose final structure is the start; 0: as planned
                        */
    int64_t best_step; /* furthest step of any attempt; -1: none */
    int exit_code;     /* of the last attempt; -signal */
    int64_t step;      /* of the last attempt; -1: none */
    double ns_per_day;
    double final_potential_energy_kj_mol;
    double runtime_seconds; /* summed over attempts */
    char cause[200];
    int64_t samples_bytes;   /* of a completed window; -1: none */
    char samples_sha256[65]; /* "" : none */
};

/* An event with what it brings; members that its event does not use are ignored. */
struct asim_window_change {
    enum asim_window_event event;
    int attempt;    /* START and ends */
    int retries;    /* ends: the limit that held when it was judged */
    int priority;   /* PRIORITY */
    int64_t nsteps; /* EXTEND: the new last step, never below the old one; START: that
                       of the attempt, 0: the window's */
    int exit_code;
    int64_t step;
    double ns_per_day;
    double final_potential_energy_kj_mol;
    double runtime_seconds;
    char cause[200]; /* also of REFUSED */
    int64_t samples_bytes;
    char samples_sha256[65];
};

/* Steps of a relaxation, each a tenth as long as the window's. */
enum { ASIM_RELAX_STEPS = 10000, ASIM_RELAX_DT_DIVISOR = 10 };

void asim_window_life_init(struct asim_window_life *ret_life, int64_t nsteps);

/* Applies a change. -1, with the life untouched, where the table does not allow it. */
int asim_window_apply(struct asim_window_life *life,
                      const struct asim_window_change *change,
                      enum asim_window_action *ret_action);

/* What the next attempt does differently, for messages: "continues", ... */
const char *asim_window_repair_words(const struct asim_window_life *life);

bool asim_window_event_durable(enum asim_window_event event);
/* Names as in the journal; the phase's are for messages. */
const char *asim_window_event_name(enum asim_window_event event);
const char *asim_window_phase_name(enum asim_window_phase phase);
enum asim_window_state asim_window_phase_state(enum asim_window_phase phase);

#endif
