/*
 * The coordinator's loop.
 *
 * Invariants: one command of the cluster at a time; the queue is asked at most every
 * poll_seconds; the intent of a submission is on disk before sbatch starts; what cannot
 * be known (did the controller get it?) is waited for, not guessed. It starts no
 * window.
 */
#include "campaign/slurm.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "campaign/options.h"
#include "campaign/requests.h"
#include "campaign/slurm_script.h"
#include "engine/mdrun.h"

static const double COMMAND_SECONDS = 60, FOLD_SECONDS = 3;
enum { FRUITLESS_LARGEST = 3 };

static int all_settled(const struct asim_slurm *slurm)
{
    return asim_campaign_unfinished_count(slurm->campaign) == 0;
}

static void on_change(void *context, size_t i, size_t source_index,
                      const struct asim_window_change *change,
                      enum asim_window_action action)
{
    const struct asim_slurm *slurm = context;
    const struct asim_campaign *campaign = slurm->campaign;
    const struct asim_window_life *life = &campaign->windows[i].life;
    const char *slot = campaign->fold.sources[source_index].id;
    int id = campaign->plan.windows[i].window_id;
    if (change->event == ASIM_EVENT_START)
        asim_log_write(campaign->log, ASIM_LOG_INFO,
                       "Window %d: Started (attempt %d) in slot %s", id,
                       change->attempt, slot);
    else if (action == ASIM_ACTION_FINISH)
        asim_log_write(campaign->log, ASIM_LOG_INFO,
                       "Window %d: Completed successfully in %.1fs", id,
                       life->runtime_seconds);
    else if (action == ASIM_ACTION_GIVE_UP)
        asim_log_write(campaign->log, ASIM_LOG_ERROR,
                       "Window %d: Given up after %d attempts: %s", id, life->attempts,
                       life->cause);
    else
        asim_log_write(campaign->log, ASIM_LOG_INFO,
                       "Window %d: Attempt %d ended (%s) at step %" PRId64 ": %s", id,
                       life->attempts, asim_window_event_name(change->event),
                       life->step, life->cause);
}

int asim_slurm_run(struct asim_slurm *slurm, enum asim_slurm_purpose purpose,
                   char *const *argv, struct asim_error *err)
{
    if (asim_command_start(argv, COMMAND_SECONDS, &slurm->command, err) < 0)
        return -1;
    slurm->purpose = purpose;
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(slurm->epoll_fd, EPOLL_CTL_ADD, slurm->command.pidfd, &event) < 0)
        return asim_fail(err, ASIM_EENV, "cannot watch a process: %s", strerror(errno));
    return 0;
}

static int poll_queue(struct asim_slurm *slurm, double now, struct asim_error *err)
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

static int submit(struct asim_slurm *slurm, int elements, struct asim_error *err)
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
    bool fruitless = submission->progress >= 0 && !all_settled(slurm) &&
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

static int poll_ended(struct asim_slurm *slurm,
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

static int submit_ended(struct asim_slurm *slurm,
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

static int collect_command(struct asim_slurm *slurm, double now, struct asim_error *err)
{
    struct asim_command_result result;
    if (slurm->purpose == ASIM_SLURM_NOTHING)
        return 0;
    asim_command_check(&slurm->command, now);
    int rc = asim_command_collect(&slurm->command, &result, err);
    if (rc <= 0)
        return rc;
    enum asim_slurm_purpose purpose = slurm->purpose;
    slurm->purpose = ASIM_SLURM_NOTHING;
    rc = 0;
    if (purpose == ASIM_SLURM_POLL)
        rc = poll_ended(slurm, &result, now, err);
    else if (purpose == ASIM_SLURM_SUBMIT)
        rc = submit_ended(slurm, &result, now, err);
    else if (slurm->campaign->paused)
        slurm->emptied = true; /* as far as is known until the next look */
    else
        slurm->over = true;
    asim_command_result_finish(&result);
    return rc;
}

static void look_at_steps(struct asim_campaign *campaign)
{
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        struct asim_campaign_window *window = &campaign->windows[i];
        if (asim_window_phase_state(window->life.phase) != ASIM_WINDOW_RUNNING)
            continue;
        char *folder = asim_campaign_window_folder(campaign, i, NULL);
        if (folder)
            window->seen_step = asim_mdrun_step(folder, campaign->plan.dt_ps);
        free(folder);
    }
}

static int join_slots(struct asim_slurm *slurm, double now, struct asim_error *err)
{
    if (now < slurm->next_fold)
        return 0;
    slurm->next_fold = now + FOLD_SECONDS;
    if (asim_requests_take(slurm->campaign, true, err) < 0 ||
        asim_fold_pull(slurm->campaign, err) < 0 ||
        asim_journal_commit(slurm->campaign->journal, err) < 0 ||
        asim_slurm_watch_slots(slurm, err) < 0)
        return -1;
    look_at_steps(slurm->campaign);
    return 0;
}

/* Submissions whose fate is open: the queue must be asked before more is said. */
static bool is_undecided(const struct asim_slurm *slurm)
{
    const struct asim_jobs *jobs = &slurm->campaign->jobs;
    for (size_t k = 0; k < jobs->count; k++)
        if (jobs->submissions[k].state == ASIM_SUBMISSION_INTENDED)
            return true;
    return false;
}

static int decide(struct asim_slurm *slurm, double now, struct asim_error *err)
{
    if (slurm->purpose != ASIM_SLURM_NOTHING)
        return 0;
    int queued;
    asim_jobs_live(&slurm->campaign->jobs, &queued);
    /* What Slurm holds would stay in the queue for ever. */
    queued += asim_jobs_held(&slurm->campaign->jobs);
    if (slurm->campaign->paused && queued > 0 && !slurm->emptied)
        return asim_slurm_cancel_waiting(slurm, err);
    if (all_settled(slurm) || slurm->cancelling || slurm->fatal.status != ASIM_OK) {
        if (queued > 0)
            return asim_slurm_cancel_waiting(slurm, err);
        slurm->over = true;
        return 0;
    }
    if (!slurm->campaign->paused && !is_undecided(slurm) && now >= slurm->next_submit) {
        int elements = asim_slurm_elements_wanted(slurm);
        if (elements > 0)
            return submit(slurm, elements, err);
    }
    bool asks = now >= slurm->next_poll && slurm->campaign->jobs.count > 0;
    return asks ? poll_queue(slurm, now, err) : 0;
}

static void arm_timer(struct asim_slurm *slurm)
{
    double now = asim_monotonic_seconds();
    double next = fmin(slurm->next_fold, slurm->next_poll);
    if (slurm->purpose != ASIM_SLURM_NOTHING)
        next = fmin(slurm->next_fold, slurm->command.kill_at);
    double wait = fmax(next - now, 0.01);
    struct itimerspec when = {0};
    when.it_value.tv_sec = (time_t)wait;
    when.it_value.tv_nsec = (long)((wait - floor(wait)) * 1e9);
    timerfd_settime(slurm->timer_fd, 0, &when, NULL);
}

static void drain(struct asim_slurm *slurm)
{
    uint64_t ignored;
    while (read(slurm->timer_fd, &ignored, sizeof ignored) > 0)
        continue;
    while (read(slurm->wake_fd, &ignored, sizeof ignored) > 0)
        continue;
}

static int work_round(struct asim_slurm *slurm, struct asim_error *err)
{
    double now = asim_monotonic_seconds();
    drain(slurm);
    if (collect_command(slurm, now, err) < 0 || join_slots(slurm, now, err) < 0)
        return -1;
    int stops = atomic_load(&slurm->stop_requests);
    /* A submission on its way is waited for once. */
    if (stops > 1 || (stops == 1 && slurm->purpose != ASIM_SLURM_SUBMIT)) {
        asim_log_write(slurm->campaign->log, ASIM_LOG_INFO,
                       "Slurm: this run leaves, jobs go on; the same command looks "
                       "after them again");
        slurm->over = true;
    }
    return slurm->over ? 0 : decide(slurm, now, err);
}

int asim_slurm_dispatch(struct asim_slurm *slurm, struct asim_error *err)
{
    struct asim_error cause = {.status = ASIM_EFAIL};
    if (!slurm->over && work_round(slurm, &cause) < 0) {
        slurm->over = true;
        slurm->fatal = cause;
        asim_log_write(slurm->campaign->log, ASIM_LOG_ERROR, "Campaign stopped: %s",
                       cause.text);
    }
    if (slurm->over)
        return slurm->fatal.status != ASIM_OK
                   ? asim_fail(err, slurm->fatal.status, "%s", slurm->fatal.text)
                   : 0;
    arm_timer(slurm);
    return 1;
}

void asim_slurm_stop(struct asim_slurm *slurm)
{
    uint64_t one = 1;
    atomic_fetch_add(&slurm->stop_requests, 1);
    ssize_t woken = write(slurm->wake_fd, &one, sizeof one);
    (void)woken;
}

void asim_slurm_destroy(struct asim_slurm *slurm)
{
    if (!slurm)
        return;
    asim_command_finish(&slurm->command);
    const int fds[] = {slurm->epoll_fd, slurm->timer_fd, slurm->wake_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(slurm->slots);
    free(slurm->nodes);
    free(slurm);
}

static int open_descriptors(struct asim_slurm *slurm, struct asim_error *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    slurm->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    slurm->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    slurm->wake_fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    if (slurm->epoll_fd < 0 || slurm->timer_fd < 0 || slurm->wake_fd < 0 ||
        epoll_ctl(slurm->epoll_fd, EPOLL_CTL_ADD, slurm->timer_fd, &event) < 0 ||
        epoll_ctl(slurm->epoll_fd, EPOLL_CTL_ADD, slurm->wake_fd, &event) < 0)
        return asim_fail(err, ASIM_EENV, "cannot make an event loop: %s",
                         strerror(errno));
    return 0;
}

/* A word to slots that an earlier run left. */
static int take_back(const struct asim_campaign *campaign, const char *name,
                     struct asim_error *err)
{
    char *path =
        asim_format(err, "%s/%s/%s", campaign->folder, ASIM_SLOTS_FOLDER, name);
    if (!path)
        return -1;
    int rc =
        unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR
            ? asim_fail(err, ASIM_EIO, "cannot remove '%s': %s", path, strerror(errno))
            : 0;
    free(path);
    return rc;
}

static int prepare(struct asim_slurm *slurm, const struct asim_run_options *options,
                   struct asim_error *err)
{
    struct asim_campaign *campaign = slurm->campaign;
    slurm->options = *options;
    slurm->width = (options->ntmpi > 0 ? options->ntmpi : 1) *
                   (options->ntomp > 0 ? options->ntomp : 1);
    if (asim_slurm_options_check(options, err) < 0)
        return -1;
    if (options->slurm.cpus > 0 && options->slurm.cpus < slurm->width)
        return asim_fail(err, ASIM_EUSAGE,
                         "a window of %d cores (--ntmpi, --ntomp) does not fit into "
                         "the %d of --cpus",
                         slurm->width, options->slurm.cpus);
    asim_slurm_name(slurm);
    if (take_back(campaign, "stop", err) < 0 ||
        take_back(campaign, "excluded", err) < 0 ||
        asim_slurm_watch_slots(slurm, err) < 0)
        return -1;
    campaign->fold.on_change = on_change;
    campaign->fold.context = slurm;
    asim_log_write(campaign->log, ASIM_LOG_INFO,
                   "Campaign: %zu windows to run in Slurm jobs named %s",
                   asim_campaign_unfinished_count(campaign), slurm->name);
    return 0;
}

int asim_slurm_start(struct asim_campaign *campaign,
                     const struct asim_run_options *options, struct asim_error *err)
{
    struct asim_slurm *slurm = asim_alloc_array(1, sizeof *slurm, err);
    if (!slurm)
        return -1;
    slurm->campaign = campaign;
    slurm->command = (struct asim_command)ASIM_COMMAND_INIT;
    slurm->epoll_fd = slurm->timer_fd = slurm->wake_fd = -1;
    if (open_descriptors(slurm, err) < 0 || prepare(slurm, options, err) < 0) {
        asim_slurm_destroy(slurm);
        return -1;
    }
    campaign->slurm = slurm;
    return 0;
}
