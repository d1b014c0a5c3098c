/*
 * Trial runs, see the header.
 *
 * Each candidate division runs as it would in the campaign: as many gmx at once, each
 * on its own claimed cores, in folders of their own (calibration/CANDIDATE-K) with
 * links to the files of windows. Speeds are what their logs say.
 *
 * Invariants: nothing of a campaign is written but its own folder and file; a trial
 * that fails costs its candidate, or where it is the first the whole calibration, never
 * the campaign; no trial runs beside one of another candidate; all together take no
 * longer than the limit and what it takes to kill those that overrun; they die with
 * this process. It must not know the event loop.
 */
#include "campaign/calibrate.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "campaign/calibration_file.h"
#include "engine/affinity.h"
#include "engine/core_claims.h"
#include "engine/md_log.h"
#include "engine/mdrun.h"
#include "engine/process.h"
#include "windows/bias_method.h"

#define TRIALS_FOLDER "calibration"

/* Of a candidate's time this part is gmx's -maxh; the rest is for its start and end. */
static const double RUN_PART = 0.6;
/* For what overran to go, and how often that is looked at. */
static const double SETTLE_SECONDS = 5, SETTLE_LOOK_SECONDS = 0.02;
enum { LOG_TAIL_BYTES = 64 * 1024, ATTEMPT = 1 };

struct trial {
    char *folder;
    struct asim_process process;
    bool running;
};

struct asim_calibration {
    struct asim_calibration_request request;
    struct asim_split splits[ASIM_SPLITS_MOST];
    size_t split_count, at; /* `at` is tried now */
    int cores;
    size_t windows_left;
    double started, seconds_each, deadline, due;
    double settle_until;          /* 0: nothing has overrun */
    struct asim_core_slots slots; /* of the candidate that is tried */
    size_t held;                  /* cores that others had when it began */
    struct trial *trials;         /* [trial_count], of the candidate that is tried */
    size_t trial_count;
    const char *useless; /* why nothing was learnt, and nothing will be; NULL */
};

/* The least time that the work can take: what a core does at best, measured with
 * GROMACS 2022 on AVX-512, is 10 us a step and 3 million atoms a second. */
static double least_work_seconds(const struct asim_campaign *campaign, int cores)
{
    static const double STEP_SECONDS = 1e-5, ATOMS_PER_SECOND = 3e6;
    double steps = 0;
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        const struct asim_window_life *life = &campaign->windows[i].life;
        if (life->phase == ASIM_PHASE_PLANNED || life->phase == ASIM_PHASE_WAITING)
            steps += (double)(life->nsteps - (life->step > 0 ? life->step : 0));
    }
    double step_seconds =
        STEP_SECONDS + (double)campaign->plan.system_atom_count / ATOMS_PER_SECOND;
    return steps * step_seconds / cores;
}

static bool a_window_runs(const struct asim_campaign *campaign)
{
    for (size_t i = 0; i < campaign->plan.window_count; i++)
        if (asim_window_phase_state(campaign->windows[i].life.phase) ==
            ASIM_WINDOW_RUNNING)
            return true;
    return false;
}

/* A link to a file of the window, where it is there. */
static int link_file(const struct asim_campaign *campaign, const char *folder,
                     size_t window_index, const char *name, struct asim_error *err)
{
    int rc = -1;
    char *target = asim_format(err, "../../windows/%03d/%s",
                               campaign->plan.windows[window_index].window_id, name);
    char *path = asim_path_join(folder, name, err);
    if (path && target && symlink(target, path) < 0)
        asim_fail(err, ASIM_EIO, "cannot make the link '%s': %s", path,
                  strerror(errno));
    else if (path && target)
        rc = 0;
    free(path);
    free(target);
    return rc;
}

static int make_folder(const struct asim_campaign *campaign, const char *folder,
                       size_t window_index, struct asim_error *err)
{
    const struct asim_bias_method *method = asim_bias_method(campaign->plan.bias);
    if (asim_make_folder(folder, err) < 0 ||
        link_file(campaign, folder, window_index, ASIM_MDRUN_TPR, err) < 0)
        return -1;
    for (size_t i = 0; !method->inside_tpr && method->files[i]; i++)
        if (link_file(campaign, folder, window_index, method->files[i], err) < 0)
            return -1;
    return 0;
}

static bool is_left(const struct asim_campaign *campaign, size_t i)
{
    enum asim_window_phase phase = campaign->windows[i].life.phase;
    return phase == ASIM_PHASE_PLANNED || phase == ASIM_PHASE_WAITING;
}

/* The k-th window that is left, from the first again behind the last; false where none
 * is, for windows may have been cancelled. */
static bool find_left(const struct asim_campaign *campaign, size_t k, size_t *ret_index)
{
    size_t count = campaign->plan.window_count, left = 0, i = 0;
    for (size_t at = 0; at < count; at++)
        left += is_left(campaign, at);
    if (left == 0)
        return false;
    for (k %= left; !is_left(campaign, i) || k-- > 0; i++)
        continue;
    *ret_index = i;
    return true;
}

/* Folders of a calibration that was killed. */
static void remove_folders(const struct asim_campaign *campaign)
{
    char *folder = asim_path_join(campaign->folder, TRIALS_FOLDER, NULL);
    DIR *entries = folder ? opendir(folder) : NULL;
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry;
         entry = readdir(entries)) {
        const char *name = entry->d_name;
        bool ours =
            name[strspn(name, "0123456789-")] == '\0' && entry->d_type != DT_LNK;
        char *inside = ours ? asim_path_join(folder, name, NULL) : NULL;
        if (inside)
            asim_folder_remove(inside);
        free(inside);
    }
    if (entries)
        closedir(entries);
    if (folder)
        asim_folder_remove(folder);
    free(folder);
}

static void reap_trial(const struct asim_calibration *calibration, struct trial *trial)
{
    if (!trial->running || asim_process_reap(&trial->process, NULL, NULL) == 0)
        return;
    /* Before it is closed: the host may have forked, see asim_driver_unwatch. */
    epoll_ctl(calibration->request.epoll_fd, EPOLL_CTL_DEL, trial->process.pidfd, NULL);
    asim_process_finish(&trial->process);
    trial->running = false;
}

/* gmx and what it started; its shim sees the end and goes too. */
static void kill_trial(const struct trial *trial)
{
    if (trial->running && !asim_process_signal(trial->folder, ATTEMPT, SIGKILL))
        asim_process_stop(&trial->process); /* gmx does not run yet */
}

/* Until the end, as far as that can be waited for. */
static void end_trial(const struct asim_calibration *calibration, struct trial *trial)
{
    enum { LOOKS = 100, LOOK_MS = 20 };
    for (int i = 0; i < LOOKS && trial->running; i++) {
        struct pollfd ended = {.fd = trial->process.pidfd, .events = POLLIN};
        kill_trial(trial);
        poll(&ended, 1, LOOK_MS);
        reap_trial(calibration, trial);
    }
    if (!trial->running)
        return;
    /* gmx is bound to its shim and goes with it */
    kill(trial->process.pid, SIGKILL);
    struct pollfd ended = {.fd = trial->process.pidfd, .events = POLLIN};
    poll(&ended, 1, 1000);
    reap_trial(calibration, trial);
    if (!trial->running)
        return;
    epoll_ctl(calibration->request.epoll_fd, EPOLL_CTL_DEL, trial->process.pidfd, NULL);
    asim_process_finish(&trial->process);
    trial->running = false;
}

static int start_trial(struct asim_calibration *calibration, size_t k,
                       struct asim_error *err)
{
    const struct asim_calibration_request *request = &calibration->request;
    const struct asim_campaign *campaign = request->campaign;
    struct trial *trial = &calibration->trials[k];
    char **argv = NULL;
    int rc = -1, slot = asim_core_slots_take(&calibration->slots, err);
    if (slot < 0)
        return asim_fail(err, ASIM_ELOCKED, "cores are in use by other windows");
    /* Each trial in a folder of its own: nothing that an earlier one left, or that
     * still lives there, is in its way. */
    trial->folder = asim_format(err, "%s/" TRIALS_FOLDER "/%zu-%zu", campaign->folder,
                                calibration->at, k);
    size_t index;
    if (!find_left(campaign, k, &index))
        return asim_fail(err, ASIM_EUSAGE, "no window is left to try it with");
    if (!trial->folder || make_folder(campaign, trial->folder, index, err) < 0)
        return -1;
    struct asim_mdrun mdrun = {
        .gromacs = request->gromacs,
        .bias = campaign->plan.bias,
        .ntmpi = 1,
        .ntomp = calibration->splits[calibration->at].threads,
        .checkpoint_minutes = 1,
        .maxh = RUN_PART * calibration->seconds_each / 3600,
        .gpu_id = request->gpus->count > 0
                      ? &request->gpus->ids[k % (size_t)request->gpus->count]
                      : NULL,
    };
    if (asim_mdrun_trial_command(&mdrun, &argv, err) < 0)
        return -1;
    struct asim_spawn spawn = {
        .folder = trial->folder,
        .attempt = ATTEMPT,
        .argv = (const char *const *)argv,
        .bound = true,
    };
    spawn.cpus = asim_core_slots_cpus(&calibration->slots, slot, &spawn.cpu_count);
    int claim_fd = calibration->slots.claim_fd[slot];
    spawn.claim_fd = claim_fd > 0 ? claim_fd : 0;
    rc = asim_process_spawn(&spawn, &trial->process, err);
    asim_argv_free(argv);
    if (rc < 0)
        return -1;
    trial->running = true;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = request->tag};
    if (epoll_ctl(request->epoll_fd, EPOLL_CTL_ADD, trial->process.pidfd, &event) < 0)
        return asim_fail(err, ASIM_EENV, "cannot watch a process: %s", strerror(errno));
    return 0;
}

/* What is left of the candidate that was tried. */
static void end_all(struct asim_calibration *calibration)
{
    for (size_t k = 0; k < calibration->trial_count; k++) {
        struct trial *trial = &calibration->trials[k];
        end_trial(calibration, trial);
        if (trial->folder)
            asim_folder_remove(trial->folder);
        free(trial->folder);
    }
    free(calibration->trials);
    calibration->trials = NULL;
    calibration->trial_count = 0;
    asim_core_slots_finish(&calibration->slots);
}

/* Starts the trials of the candidate `at`; -1 with nothing running where one cannot. */
static int start_candidate(struct asim_calibration *calibration, double now,
                           struct asim_error *err)
{
    const struct asim_split *split = &calibration->splits[calibration->at];
    size_t count = (size_t)split->windows;
    char *claims = NULL;
    int rc = asim_core_slots_create(calibration->request.cores, split->windows,
                                    split->threads, &calibration->slots, err);
    if (rc == 0) {
        asim_core_claims_path(&claims, NULL); /* without: as the campaign itself */
        asim_core_slots_claim_from(&calibration->slots, claims);
        calibration->trials = asim_alloc_array(count, sizeof(struct trial), err);
        rc = calibration->trials ? 0 : -1;
    }
    calibration->held = asim_core_slots_held(&calibration->slots);
    for (size_t k = 0; rc == 0 && k < count; k++) {
        calibration->trials[k].process = (struct asim_process)ASIM_PROCESS_INIT;
        calibration->trial_count = k + 1;
        rc = start_trial(calibration, k, err);
    }
    if (rc < 0)
        end_all(calibration);
    calibration->deadline = calibration->due = now + calibration->seconds_each;
    return rc;
}

static double read_speed(const struct trial *trial)
{
    struct asim_md_log log;
    double speed = NAN;
    char *path = asim_path_join(trial->folder, ASIM_MDRUN_LOG, NULL);
    if (path && asim_md_log_read(path, LOG_TAIL_BYTES, &log, NULL) == 0)
        speed = log.finished ? log.ns_per_day : NAN;
    free(path);
    return speed;
}

/* True when nothing of the candidate lives any more, or nothing can be done about it:
 * then it would run beside whatever is tried next. Those that overran are killed. */
static bool is_settled(struct asim_calibration *calibration, double now)
{
    bool running = false;
    for (size_t k = 0; k < calibration->trial_count; k++) {
        reap_trial(calibration, &calibration->trials[k]);
        running |= calibration->trials[k].running;
    }
    if (running && now < calibration->deadline)
        return false;
    if (!running) { /* what gmx started may hold cores a moment longer */
        for (int slot = 0; slot < calibration->slots.slot_count; slot++)
            asim_core_slots_give(&calibration->slots, slot);
        if (asim_core_slots_held(&calibration->slots) <= calibration->held)
            return true;
    }
    if (calibration->settle_until == 0)
        calibration->settle_until = now + SETTLE_SECONDS;
    for (size_t k = 0; k < calibration->trial_count; k++)
        kill_trial(&calibration->trials[k]);
    calibration->due = now + SETTLE_LOOK_SECONDS;
    if (now < calibration->settle_until)
        return false;
    calibration->useless = "gmx could not be ended";
    return true;
}

static void finish_candidate(struct asim_calibration *calibration)
{
    struct asim_split *split = &calibration->splits[calibration->at];
    split->ns_per_day = 0;
    for (size_t k = 0; k < calibration->trial_count; k++)
        split->ns_per_day += read_speed(&calibration->trials[k]); /* NAN stays NAN */
    /* What is compared with everything else was not measured. */
    if (calibration->at == 0 && !(split->ns_per_day > 0))
        calibration->useless = "it gave no speed";
    calibration->settle_until = 0;
    end_all(calibration);
}

static void say_result(const struct asim_calibration *calibration, double now)
{
    char text[ASIM_SPLITS_MOST * 64] = "";
    size_t used = 0;
    for (size_t k = 0; k < calibration->split_count; k++) {
        const struct asim_split *split = &calibration->splits[k];
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "%s%d x %d: ", k > 0 ? ", " : "", split->windows,
                                 split->threads);
        used += (size_t)(split->ns_per_day > 0
                             ? snprintf(text + used, sizeof text - used, "%.4g",
                                        split->ns_per_day)
                             : snprintf(text + used, sizeof text - used, "failed"));
    }
    size_t best =
        asim_calibration_choose(calibration->splits, calibration->split_count,
                                calibration->cores, calibration->windows_left);
    asim_log_write(calibration->request.campaign->log, ASIM_LOG_INFO,
                   "Calibration: windows at once x threads each and their ns/day "
                   "together: %s; %d x %d is the fastest for the %zu windows left (it "
                   "took %.1f s; --calibrate 0 leaves it out)",
                   text, calibration->splits[best].windows,
                   calibration->splits[best].threads, calibration->windows_left,
                   now - calibration->started);
}

struct asim_calibration *
asim_calibration_begin(const struct asim_calibration_request *request)
{
    const struct asim_campaign *campaign = request->campaign;
    const struct asim_run_options *options = request->options;
    struct asim_error cause = {0};
    size_t left = asim_campaign_unfinished_count(campaign);
    if (!asim_options_leave_division(campaign, options) || !options->launch_all ||
        !(options->calibrate_seconds > 0) || left == 0 || a_window_runs(campaign))
        return NULL;
    struct asim_calibration *calibration =
        asim_alloc_array(1, sizeof *calibration, NULL);
    if (!calibration)
        return NULL;
    calibration->request = *request;
    calibration->windows_left = left;
    calibration->cores = asim_calibration_cores(request->cores);
    calibration->split_count =
        asim_calibration_candidates(calibration->cores, left, calibration->splits);
    double limit = fmin(options->calibrate_seconds,
                        campaign->timing.trial_worth *
                            least_work_seconds(campaign, calibration->cores));
    calibration->seconds_each = limit / (double)calibration->split_count;
    calibration->started = asim_monotonic_seconds();
    if (calibration->split_count < 2 ||
        calibration->seconds_each < campaign->timing.trial)
        goto none;
    remove_folders(campaign);
    if (start_candidate(calibration, calibration->started, &cause) < 0) {
        asim_log_write(campaign->log, ASIM_LOG_INFO, "Calibration: left out: %s",
                       cause.text);
        goto none;
    }
    asim_log_write(campaign->log, ASIM_LOG_INFO,
                   "Calibration: trying %zu divisions of %d cores, %.0f s at most",
                   calibration->split_count, calibration->cores, limit);
    return calibration;
none:
    asim_calibration_destroy(calibration);
    return NULL;
}

bool asim_calibration_step(struct asim_calibration *calibration, double now)
{
    const struct asim_campaign *campaign = calibration->request.campaign;
    struct asim_error cause = {0};
    if (!is_settled(calibration, now))
        return false;
    finish_candidate(calibration);
    while (!calibration->useless && ++calibration->at < calibration->split_count)
        if (start_candidate(calibration, now, &cause) == 0)
            return false;
    if (calibration->useless) {
        asim_log_write(campaign->log, ASIM_LOG_INFO,
                       "Calibration: left out after a trial of %.1f s: %s",
                       calibration->seconds_each, calibration->useless);
        return true;
    }
    say_result(calibration, now);
    if (asim_calibration_keep(campaign, calibration->request.gromacs,
                              calibration->request.gpus->count,
                              calibration->request.cores, calibration->splits,
                              calibration->split_count, &cause) < 0)
        asim_log_write(campaign->log, ASIM_LOG_WARNING,
                       "Calibration: not kept, and not made use of: %s", cause.text);
    return true;
}

double asim_calibration_due(const struct asim_calibration *calibration)
{
    return calibration->due;
}

void asim_calibration_destroy(struct asim_calibration *calibration)
{
    if (!calibration)
        return;
    end_all(calibration);
    remove_folders(calibration->request.campaign);
    free(calibration);
}
