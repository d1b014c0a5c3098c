/*
 * A campaign on a Slurm cluster; docs/slurm.md is the manual.
 *
 * With asim_run_options.backend = ASIM_BACKEND_SLURM, asim_campaign_start looks after
 * jobs instead of running windows: it submits job arrays whose elements, the slots, run
 * windows on the nodes (asim_campaign_open_slot), polls the queue with one command, and
 * takes over what slots report. It may be killed and started again at any time; slots
 * go on meanwhile.
 */
#ifndef AUTOSIM_SLURM_H
#define AUTOSIM_SLURM_H

#include <stdbool.h>
#include <stddef.h>

#include <autosim/error.h>
#include <autosim/log.h>

enum asim_backend { ASIM_BACKEND_LOCAL, ASIM_BACKEND_SLURM };

/* All text as Slurm writes it; NULL: the cluster's default. */
struct asim_slurm_options {
    const char *program;   /* absolute path of autosim on the nodes */
    const char *partition; /* --partition */
    const char *account;   /* --account */
    const char *time;      /* --time: MIN, MIN:S, H:M:S, D-H, D-H:M, D-H:M:S */
    const char *gres;      /* --gres of each node */
    const char *modules;   /* names for `module load`, with spaces between */
    const char *extra;     /* further words of #SBATCH lines, a line each */
    int nodes;             /* of one job; 0: 1 */
    int cpus;              /* of one node; 0: the cores of one window */
    int slots;             /* jobs at once; 0: enough for all windows, at most 16 */
    double poll_seconds;   /* between two looks at the queue; at least 10 */
    double lease_seconds;  /* docs/slurm.md, "A window runs in one place" */
};

#define ASIM_SLURM_OPTIONS_INIT                                                        \
    {                                                                                  \
        .poll_seconds = 30, .lease_seconds = 60                                        \
    }

struct asim_campaign;
struct asim_run_options;

/* The script that would be submitted, with a token of zeros; freed by free(). */
ASIM_API int asim_campaign_job_script(const struct asim_campaign *campaign,
                                      const struct asim_run_options *options,
                                      char **ret_text, struct asim_error *err);

/* A slot as seen from outside. */
struct asim_slot_status {
    char id[48]; /* its folder below slots/ */
    char job_id[32];
    char node[128];
    bool over;             /* it said so, or was seen to be gone */
    char why[200];         /* "done", "walltime", ...; "" where it is not over */
    double silent_seconds; /* since its last sign of life, by the machines' clocks; NAN:
                              not known */
    size_t running;        /* windows that it has on record as running */
};
ASIM_API size_t asim_campaign_slot_count(const struct asim_campaign *campaign);
ASIM_API int asim_campaign_slot(const struct asim_campaign *campaign, size_t k,
                                struct asim_slot_status *ret_status,
                                struct asim_error *err);

/* What a slot knows of itself. */
struct asim_slot_options {
    const char *name;   /* of this place in its job, e.g. "TOKEN-3"; a part of a path */
    const char *token;  /* of the submission */
    const char *job_id; /* may be "" */
    const char *node;   /* may be "" */
    double lease_seconds;  /* > 0 */
    double usable_seconds; /* from now until windows must stop; 0: no limit */
};

/* Opens a campaign inside a job. Then asim_campaign_start (local backend), dispatch and
 * close as for a local run. */
ASIM_API int asim_campaign_open_slot(const char *folder,
                                     const struct asim_slot_options *options,
                                     struct asim_log *log,
                                     struct asim_campaign **ret_campaign,
                                     struct asim_error *err);
/* slots/ID of the campaign's folder; owned by the campaign. */
ASIM_API const char *asim_campaign_slot_folder(const struct asim_campaign *campaign);
/* Leaves a word for the coordinator: why this slot cannot work. */
ASIM_API void asim_campaign_slot_fail(struct asim_campaign *campaign, const char *why);
/* The cluster wants the node back soon: as if the usable time had passed. */
ASIM_API void asim_campaign_slot_time_is_up(struct asim_campaign *campaign);
/* The usable time has passed and windows are left: the job should be queued again. */
ASIM_API bool asim_campaign_slot_goes_on(const struct asim_campaign *campaign);

#endif
