/*
 * Jobs submitted, the queue asked, and what the answers mean.
 *
 * Invariants: the intent of a submission is on disk before sbatch starts; silence of
 * the controller decides nothing. It must not know the loop.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "campaign/options.h"
#include "campaign/slurm.h"
#include "campaign/slurm_script.h"

enum { FRUITLESS_LARGEST = 3 };

int asim_slurm_poll_queue(struct asim_slurm *slurm, double now, struct asim_error *err)
{
    char name[64], user[32];
    snprintf(name, sizeof name, "--name=%s", slurm->name);
    snprintf(user, sizeof user, "--user=%s", slurm->user);
    char *argv[] = {"squeue",          "-h", "-r", "-t", "all", name, user, "-o",
                    ASIM_QUEUE_FORMAT, NULL};
    slurm->next_poll = now + slurm->options.slurm.poll_seconds;
    return asim_slurm_run(slurm, ASIM_SLURM_POLL, argv, err);
}

static int write_script(struct asim_slurm *slurm, int elements, char **ret_path,
                        struct asim_error *err)
{
    struct asim_job_script script = {.folder = slurm->campaign->folder,
                                     .name = slurm->name,
                                     .token = slurm->submitting,
                                     .elements = elements,
                                     .width = slurm->width};
    int rc = -1;
    char *text = NULL, *path = NULL;
    char *excluded = asim_slurm_excluded(slurm, err);
    char *folder = asim_path_join(slurm->campaign->folder, ASIM_SLOTS_FOLDER, err);
    if (!excluded || !folder || asim_make_folder(folder, err) < 0)
        goto out;
    script.excluded = excluded;
    text = asim_job_script_text(&script, &slurm->options, err);
    path = asim_format(err, "%s/%s.sh", folder, script.token);
    if (!text || !path || asim_file_replace(path, text, strlen(text), err) < 0)
        goto out;
    *ret_path = path;
    path = NULL;
    rc = 0;
out:
    free(excluded);
    free(folder);
    free(text);
    free(path);
    return rc;
}

int asim_slurm_submit(struct asim_slurm *slurm, int elements, struct asim_error *err)
{
    struct asim_campaign *campaign = slurm->campaign;
    uint64_t random = asim_random_entropy();
    char *path = NULL;
    int rc = -1;
    snprintf(slurm->submitting, sizeof slurm->submitting, "%012" PRIx64,
             random & 0xffffffffffff);
    if (write_script(slurm, elements, &path, err) < 0)
        return -1;
    char *argv[] = {"sbatch", "--parsable", path, NULL};
    if (asim_journal_add(campaign->journal,
                         asim_record_submit(slurm->submitting, elements), err) < 0 ||
        asim_journal_commit(campaign->journal, err) < 0 ||
        asim_jobs_add(&campaign->jobs, slurm->submitting, elements, err) < 0)
        goto out;
    asim_jobs_find(&campaign->jobs, slurm->submitting)->progress =
        asim_slurm_progress(campaign);
    rc = asim_slurm_run(slurm, ASIM_SLURM_SUBMIT, argv, err);
out:
    free(path);
    return rc;
}

static int record_end(struct asim_slurm *slurm, struct asim_submission *submission,
                      enum asim_submission_state state, struct asim_error *err)
{
    submission->state = state;
    return asim_journal_add(slurm->campaign->journal,
                            asim_record_job_end(submission->token, state), err);
}

static int submission_ended(struct asim_slurm *slurm,
                            struct asim_submission *submission,
                            enum asim_submission_state state, double now,
                            struct asim_error *err)
{
    struct asim_log *log = slurm->campaign->log;
    const char *id = submission->job_id[0] ? submission->job_id : "of unknown number";
    if (state == ASIM_SUBMISSION_LOST) {
        asim_log_write(log, ASIM_LOG_WARNING,
                       "Job %s is not known to the controller; it was lost", id);
        return record_end(slurm, submission, state, err);
    }
    /* Those of an earlier run have no mark to compare with. */
    bool fruitless = submission->progress >= 0 &&
                     asim_campaign_unfinished_count(slurm->campaign) > 0 &&
                     asim_slurm_progress(slurm->campaign) <= submission->progress;
    slurm->fruitless = fruitless ? slurm->fruitless + 1 : 0;
    if (fruitless)
        slurm->next_submit =
            now + ldexp(slurm->options.slurm.poll_seconds, slurm->fruitless);
    asim_log_write(log, ASIM_LOG_INFO, "Job %s has ended%s", id,
                   fruitless ? " without a window getting further" : "");
    if (slurm->fruitless >= FRUITLESS_LARGEST && slurm->fatal.status == ASIM_OK)
        asim_fail(&slurm->fatal, ASIM_EENV,
                  "%d submissions in a row ended without a window getting further; "
                  "'%s/%s/%s-*.out' has what the last one said",
                  slurm->fruitless, slurm->campaign->folder, ASIM_SLOTS_FOLDER,
                  submission->token);
    return record_end(slurm, submission, state, err);
}

static int queue_answered(struct asim_slurm *slurm, const char *text, double now,
                          struct asim_error *err)
{
    struct asim_jobs *jobs = &slurm->campaign->jobs;
    if (slurm->unanswered > 0)
        asim_log_write(slurm->campaign->log, ASIM_LOG_INFO,
                       "Slurm: the controller answers again");
    slurm->unanswered = 0;
    slurm->emptied = false;
    asim_jobs_look(jobs, text);
    for (size_t k = 0; k < jobs->count; k++) {
        struct asim_submission *submission = &jobs->submissions[k];
        asim_slurm_tell_of_holds(slurm, submission, now);
        if (submission->state == ASIM_SUBMISSION_ENDED ||
            submission->state == ASIM_SUBMISSION_LOST)
            continue;
        enum asim_submission_state fate = asim_submission_fate(
            submission, asim_slurm_has_slots(slurm, submission->token));
        if ((fate == ASIM_SUBMISSION_ENDED || fate == ASIM_SUBMISSION_LOST) &&
            submission_ended(slurm, submission, fate, now, err) < 0)
            return -1;
    }
    asim_slurm_tell_of_waiting(slurm, now);
    return asim_journal_commit(slurm->campaign->journal, err);
}

int asim_slurm_poll_ended(struct asim_slurm *slurm,
                          const struct asim_command_result *result, double now,
                          struct asim_error *err)
{
    if (result->exit_code == 0)
        return queue_answered(slurm, result->out, now, err);
    if (slurm->unanswered++ == 0)
        asim_log_write(slurm->campaign->log, ASIM_LOG_WARNING,
                       "Slurm: the controller does not answer (%s); slots go on "
                       "without it",
                       result->timed_out ? "squeue took too long" : result->errors);
    int doublings = slurm->unanswered < 6 ? slurm->unanswered : 6;
    slurm->next_poll =
        now + fmin(ldexp(slurm->options.slurm.poll_seconds, doublings - 1),
                   ASIM_SLURM_PAUSE_LARGEST);
    return 0;
}

/* Whether the controller may have taken a submission that sbatch says failed. */
static bool is_refusal(const struct asim_command_result *result)
{
    static const char *const unsure[] = {
        "contact",     "timed out", "Connection", "onnect", "Zero Bytes",
        "temporarily", "ommunic",   "try again",  "retry",  "authentic"};
    if (result->timed_out || result->exit_code < 0)
        return false;
    for (size_t i = 0; i < sizeof unsure / sizeof *unsure; i++)
        if (strstr(result->errors, unsure[i]))
            return false;
    return result->errors[0] != '\0';
}

int asim_slurm_submit_ended(struct asim_slurm *slurm,
                            const struct asim_command_result *result, double now,
                            struct asim_error *err)
{
    struct asim_campaign *campaign = slurm->campaign;
    struct asim_submission *submission =
        asim_jobs_find(&campaign->jobs, slurm->submitting);
    char id[ASIM_JOB_ID_BYTES];
    int queued, live;
    snprintf(id, sizeof id, "%.*s", (int)strcspn(result->out, ";\n"), result->out);
    if (result->exit_code == 0 && *id && strspn(id, "0123456789") == strlen(id)) {
        memcpy(submission->job_id, id, sizeof id);
        double limits = asim_slurm_limits_needed(slurm, submission->elements);
        char work[100] = "";
        if (isfinite(limits))
            snprintf(work, sizeof work,
                     "; by the speed so far each needs %.2g of its time limits",
                     limits);
        asim_log_write(campaign->log, ASIM_LOG_INFO, "Job %s: %d slots submitted%s", id,
                       submission->elements, work);
        if (asim_journal_add(campaign->journal, asim_record_job(submission->token, id),
                             err) < 0)
            return -1;
        return asim_journal_commit(campaign->journal, err);
    }
    if (!is_refusal(result)) {
        asim_log_write(campaign->log, ASIM_LOG_WARNING,
                       "Slurm: sbatch did not get through (%s); the queue will tell "
                       "whether the job is there",
                       result->timed_out ? "it took too long" : result->errors);
        return 0;
    }
    if (record_end(slurm, submission, ASIM_SUBMISSION_LOST, err) < 0 ||
        asim_journal_commit(campaign->journal, err) < 0)
        return -1;
    if (asim_slurm_forgive_nodes(slurm)) {
        asim_log_write(campaign->log, ASIM_LOG_WARNING,
                       "Slurm: sbatch refused the job (%s); nodes that were left out "
                       "are allowed again",
                       result->errors);
        slurm->next_submit = now + slurm->options.slurm.poll_seconds;
        return asim_slurm_write_excluded(slurm, err);
    }
    live = asim_jobs_live(&campaign->jobs, &queued);
    if (live == 0)
        asim_fail(&slurm->fatal, ASIM_EENV, "sbatch refused the job: %s",
                  result->errors);
    else
        asim_log_write(campaign->log, ASIM_LOG_WARNING,
                       "Slurm: sbatch refused another job (%s); the next attempt is in "
                       "%.0f min",
                       result->errors, ASIM_SLURM_PAUSE_LARGEST / 60.0);
    slurm->next_submit = now + ASIM_SLURM_PAUSE_LARGEST;
    return 0;
}
