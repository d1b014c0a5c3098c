/*
 * The coordinator's loop.
 *
 * Invariants: one command of the cluster at a time; the controller is asked at most
 * every QUESTION_SECONDS, scancel's own question included; what cannot be known (did
 * the controller get a submission?) is waited for, not guessed. It starts no window.
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
#include "campaign/options.h"
#include "campaign/requests.h"
#include "campaign/slurm_script.h"

static const double COMMAND_SECONDS = 60, FOLD_SECONDS = 3;
static const double QUESTION_SECONDS = 10;

static bool all_settled(const struct asim_slurm *slurm)
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
    if (purpose != ASIM_SLURM_SUBMIT)
        slurm->may_ask = asim_monotonic_seconds() + QUESTION_SECONDS;
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(slurm->epoll_fd, EPOLL_CTL_ADD, slurm->command.pidfd, &event) < 0)
        return asim_fail(err, ASIM_EENV, "cannot watch a process: %s", strerror(errno));
    return 0;
}

/* No more is wanted of the cluster than that waiting jobs go. */
static bool is_leaving(const struct asim_slurm *slurm)
{
    return all_settled(slurm) || slurm->cancelling || slurm->limit_reached ||
           slurm->fatal.status != ASIM_OK;
}

/* What windows that stop still simulate is part of what was asked for. */
static bool may_leave(const struct asim_slurm *slurm)
{
    return is_leaving(slurm) && !(slurm->limit_reached && asim_slurm_slots_live(slurm));
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
        rc = asim_slurm_poll_ended(slurm, &result, now, err);
    else if (purpose == ASIM_SLURM_SUBMIT)
        rc = asim_slurm_submit_ended(slurm, &result, now, err);
    else if (may_leave(slurm))
        slurm->over = true;
    else
        slurm->emptied = true; /* as far as is known until the next look */
    asim_command_result_finish(&result);
    return rc;
}

/* Slots see it too, and stop by themselves where nobody looks after them. */
static int heed_limit(struct asim_slurm *slurm, struct asim_error *err)
{
    struct asim_campaign *campaign = slurm->campaign;
    if (slurm->limit_reached || slurm->cancelling ||
        !asim_campaign_steps_are_up(campaign, slurm->options.most_ns))
        return 0;
    slurm->limit_reached = true;
    asim_log_write(campaign->log, ASIM_LOG_INFO,
                   "Campaign: %g ns are simulated, as many as were asked for "
                   "(--max-ns); jobs that wait are cancelled, windows write their "
                   "checkpoints and leave",
                   slurm->options.most_ns);
    return asim_slurm_cancel(campaign, err);
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
    asim_campaign_look_at_steps(slurm->campaign);
    return heed_limit(slurm, err);
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
    bool leaves = is_leaving(slurm);
    bool stays = slurm->limit_reached || slurm->campaign->paused;
    bool empties = (leaves && !slurm->limit_reached) || (stays && !slurm->emptied);
    if (queued > 0 && empties) /* scancel asks for the queue itself */
        return now >= slurm->may_ask ? asim_slurm_cancel_waiting(slurm, err) : 0;
    if (may_leave(slurm)) {
        slurm->over = true;
        return 0;
    }
    if (!leaves && !slurm->campaign->paused && !is_undecided(slurm) &&
        now >= slurm->next_submit) {
        int elements = asim_slurm_elements_wanted(slurm);
        if (elements > 0)
            return asim_slurm_submit(slurm, elements, err);
    }
    bool asks = now >= fmax(slurm->next_poll, slurm->may_ask) &&
                slurm->campaign->jobs.count > 0;
    return asks ? asim_slurm_poll_queue(slurm, now, err) : 0;
}

static void arm_timer(struct asim_slurm *slurm)
{
    double now = asim_monotonic_seconds();
    double next = fmin(slurm->next_fold, fmax(slurm->next_poll, slurm->may_ask));
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
