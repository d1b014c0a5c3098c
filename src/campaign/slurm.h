/*
 * The coordinator of a campaign on a cluster: submits jobs, watches the queue, joins
 * what slots report. It may die at any moment; slots do not need it, and the next one
 * finds everything in the journal, in slots/ and in the queue.
 */
#ifndef CAMPAIGN_SLURM_H
#define CAMPAIGN_SLURM_H

#include <stdatomic.h>

#include "campaign/campaign_internal.h"
#include "campaign/lease.h"
#include "campaign/slurm_command.h"

/* Seconds: the longest pause between two questions or two attempts to submit. */
enum { ASIM_SLURM_PAUSE_LARGEST = 600 };

enum asim_slurm_purpose {
    ASIM_SLURM_NOTHING,
    ASIM_SLURM_POLL,
    ASIM_SLURM_SUBMIT,
    ASIM_SLURM_CANCEL
};

/* What is known of a slot beside its journal; as long as fold.sources. */
struct asim_slot_view {
    struct asim_lease_watch watch;
    enum asim_lease_state state;
    char token[ASIM_TOKEN_BYTES];
    char node[ASIM_NODE_BYTES];
    bool described, ended; /* slot.json was read; its end was dealt with */
};

struct asim_bad_node {
    char name[ASIM_NODE_BYTES];
    int lost; /* slots that vanished there, in a row */
    bool excluded;
};

struct asim_slurm {
    struct asim_campaign *campaign;
    struct asim_run_options options; /* text in it is borrowed */
    char name[48];                   /* of the jobs */
    char user[24];
    int width;
    int epoll_fd, timer_fd, wake_fd;
    struct asim_command command;
    enum asim_slurm_purpose purpose;
    char submitting[ASIM_TOKEN_BYTES];
    double next_poll, next_fold, next_submit;
    double may_ask; /* the controller was asked too recently before that */
    int unanswered; /* polls in a row */
    int fruitless;  /* submissions in a row that brought no window further */
    int holds;      /* times that Slurm has held a job it failed to start */
    double waiting_since, waiting_word_seconds; /* no job runs, the next word of it */
    struct asim_slot_view *slots;               /* [slot_count] */
    size_t slot_count, slot_capacity;
    struct asim_bad_node *nodes; /* [node_count] */
    size_t node_count, node_capacity;
    atomic_int stop_requests;
    bool over, cancelling;
    bool limit_reached; /* --max-ns */
    bool emptied;       /* jobs that waited were cancelled after the last look */
    struct asim_error fatal;
};

int asim_slurm_start(struct asim_campaign *campaign,
                     const struct asim_run_options *options, struct asim_error *err);
int asim_slurm_dispatch(struct asim_slurm *slurm, struct asim_error *err);
/* Jobs that wait are cancelled, those that run write their checkpoints and leave. */
int asim_slurm_cancel(struct asim_campaign *campaign, struct asim_error *err);
void asim_slurm_stop(struct asim_slurm *slurm);
void asim_slurm_destroy(struct asim_slurm *slurm);

/* Starts a command of the cluster; its end makes the loop's descriptor readable. */
int asim_slurm_run(struct asim_slurm *slurm, enum asim_slurm_purpose purpose,
                   char *const *argv, struct asim_error *err);

/* slurm_control.c */
/* The name tells campaigns apart, so that the queue can be asked for one of them. */
void asim_slurm_name(struct asim_slurm *slurm);
/* Jobs that wait find nothing to do any more; those that run leave by themselves. */
int asim_slurm_cancel_waiting(struct asim_slurm *slurm, struct asim_error *err);

/* slurm_queue.c: starts squeue or sbatch, and takes in how it ended. */
int asim_slurm_poll_queue(struct asim_slurm *slurm, double now, struct asim_error *err);
int asim_slurm_poll_ended(struct asim_slurm *slurm,
                          const struct asim_command_result *result, double now,
                          struct asim_error *err);
int asim_slurm_submit(struct asim_slurm *slurm, int elements, struct asim_error *err);
int asim_slurm_submit_ended(struct asim_slurm *slurm,
                            const struct asim_command_result *result, double now,
                            struct asim_error *err);

/* slurm_words.c: after a look at the queue. */
void asim_slurm_tell_of_holds(struct asim_slurm *slurm,
                              struct asim_submission *submission, double now);
void asim_slurm_tell_of_waiting(struct asim_slurm *slurm, double now);

/* Fails where slots of the campaign may still run windows. */
int asim_slots_check_gone(struct asim_campaign *campaign, struct asim_error *err);

/* slurm_slots.c: looks at the leases of slots and deals with those that ended. */
int asim_slurm_watch_slots(struct asim_slurm *slurm, struct asim_error *err);
/* Names with commas; free with free(). */
char *asim_slurm_excluded(const struct asim_slurm *slurm, struct asim_error *err);
int asim_slurm_write_excluded(const struct asim_slurm *slurm, struct asim_error *err);
/* Leaves no node out any more; whether any was. */
bool asim_slurm_forgive_nodes(struct asim_slurm *slurm);
bool asim_slurm_slots_live(const struct asim_slurm *slurm);
bool asim_slurm_has_slots(const struct asim_slurm *slurm, const char *token);
/* Windows that no living slot has. */
size_t asim_slurm_free_windows(const struct asim_slurm *slurm);
/* Elements to submit now. */
int asim_slurm_elements_wanted(const struct asim_slurm *slurm);
/* Time limits that each of so many jobs needs for the free windows, by the measured
 * ns/day; NAN: not known. */
double asim_slurm_limits_needed(const struct asim_slurm *slurm, int elements);
/* Grows with every step that is on record. */
double asim_slurm_progress(const struct asim_campaign *campaign);

#endif
