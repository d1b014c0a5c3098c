/*
 * Jobs that wait, in words: held by Slurm or by people, or not started for long. What
 * Slurm holds delays the next submission. It must not run anything.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/slurm.h"

/* No job runs although some wait: the first word of it, then after twice as long. */
static const double WAITING_WORD_SECONDS = 600;

/* A job that does not start is never a silent end of the campaign. */
void asim_slurm_tell_of_holds(struct asim_slurm *slurm,
                              struct asim_submission *submission, double now)
{
    struct asim_log *log = slurm->campaign->log;
    const char *id = submission->job_id[0] ? submission->job_id : "of unknown number";
    if (submission->held > submission->told_held) {
        /* A node that fails every start would get one job after the other. */
        slurm->holds++;
        double pause = fmin(ldexp(slurm->options.slurm.poll_seconds,
                                  slurm->holds < 8 ? slurm->holds - 1 : 8),
                            ASIM_SLURM_PAUSE_LARGEST);
        slurm->next_submit = fmax(slurm->next_submit, now + pause);
        asim_log_write(log, ASIM_LOG_WARNING,
                       "Job %s: Slurm failed to start %d of its elements and holds "
                       "them (%s); others are submitted in their place, in %.0f s at "
                       "the earliest",
                       id, submission->held, submission->reason, pause);
    }
    submission->told_held = submission->held;
    bool on_hold =
        submission->queued > 0 && strncmp(submission->reason, "JobHeld", 7) == 0;
    if (on_hold && !submission->told_on_hold)
        asim_log_write(log, ASIM_LOG_WARNING,
                       "Job %s is held by a person (%s) and starts when it is "
                       "released: scontrol release %s",
                       id, submission->reason, id);
    submission->told_on_hold = on_hold;
}

void asim_slurm_tell_of_waiting(struct asim_slurm *slurm, double now)
{
    const struct asim_jobs *jobs = &slurm->campaign->jobs;
    const char *reason = "";
    int queued, live = asim_jobs_live(jobs, &queued);
    if (live > queued || queued == 0 || slurm->waiting_word_seconds <= 0) {
        slurm->waiting_since = now;
        slurm->waiting_word_seconds = WAITING_WORD_SECONDS;
        return;
    }
    if (now - slurm->waiting_since < slurm->waiting_word_seconds)
        return;
    for (size_t k = 0; k < jobs->count; k++)
        if (jobs->submissions[k].queued > 0)
            reason = jobs->submissions[k].reason;
    char *excluded = asim_slurm_excluded(slurm, NULL);
    asim_log_write(slurm->campaign->log, ASIM_LOG_INFO,
                   "Slurm: no job has run for %.0f min; %d wait (%s)%s%s",
                   (now - slurm->waiting_since) / 60, queued, reason,
                   excluded && *excluded ? "; nodes left out: " : "",
                   excluded ? excluded : "");
    free(excluded);
    slurm->waiting_word_seconds *= 2;
}
