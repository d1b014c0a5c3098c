/* The job script of a submission. */
#ifndef CAMPAIGN_SLURM_SCRIPT_H
#define CAMPAIGN_SLURM_SCRIPT_H

#include <autosim/campaign.h>

struct asim_job_script {
    const char *folder; /* the campaign's, absolute */
    const char *name;   /* of the job */
    const char *token;
    int elements;
    int width;            /* cores of one window */
    const char *excluded; /* nodes, with commas; "": none */
};

/* Slurm's ways to write a time limit; false where it is none. "UNLIMITED" and the like
 * are 0. */
bool asim_slurm_time(const char *text, double *ret_seconds);

/* Seconds that are left for windows to write their checkpoints in. */
double asim_slurm_margin(double limit_seconds);

/* Checks what the user gave; ASIM_EUSAGE. */
int asim_slurm_options_check(const struct asim_run_options *options,
                             struct asim_error *err);

/* Cores that a job takes of a node. */
int asim_slurm_cpus(const struct asim_slurm_options *options, int width);

/* A new string; free with free(). */
char *asim_job_script_text(const struct asim_job_script *script,
                           const struct asim_run_options *options,
                           struct asim_error *err);

#endif
