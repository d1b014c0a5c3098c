/*
 * Trial runs, see the header.
 *
 * Each candidate division runs as it would in the campaign: as many gmx at once, each
 * on its own claimed cores, in folders of their own (calibration/K) with links to the
 * files of windows. Speeds are what their logs say.
 *
 * Invariants: nothing of a campaign is written but its own folder and file; a trial
 * that fails costs its candidate, or where it is the first the whole calibration, never
 * the campaign; all trials together take no longer than the limit; they die with this
 * process. It must not know the event loop.
 */
#include "campaign/calibrate.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
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
enum { LOG_TAIL_BYTES = 64 * 1024 };

struct trial {
    char *folder;
    struct asim_process process;
    bool running;
    double ns_per_day; /* NAN: it failed, or has not ended */
};

struct asim_calibration {
    struct asim_calibration_request request;
    struct asim_split splits[ASIM_SPLITS_MOST];
    size_t split_count, at; /* `at` is tried now */
    int cores;
    size_t windows_left;
    double started, seconds_each, deadline;
    struct asim_core_slots slots; /* of the candidate that is tried */
    struct trial *trials;         /* [trial_count] */
    size_t trial_count;
    bool useless; /* nothing was learnt, and nothing will be */
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
    asim_folder_remove(folder); /* of a calibration that was killed */
    if (asim_make_folder(folder, err) < 0 ||
        link_file(campaign, folder, window_index, ASIM_MDRUN_TPR, err) < 0)
        return -1;
    for (size_t i = 0; !method->inside_tpr && method->files[i]; i++)
        if (link_file(campaign, folder, window_index, method->files[i], err) < 0)
            return -1;
    return 0;
}

/* Folders for as many trials as any candidate has, each of another window that is left,
 * as far as there are as many. */
static int make_folders(struct asim_calibration *calibration, struct asim_error *err)
{
    const struct asim_campaign *campaign = calibration->request.campaign;
    size_t most = 0, i = 0;
    for (size_t k = 0; k < calibration->split_count; k++)
        if ((size_t)calibration->splits[k].windows > most)
            most = (size_t)calibration->splits[k].windows;
    calibration->trials = asim_alloc_array(most, sizeof *calibration->trials, err);
    if (!calibration->trials)
        return -1;
    for (; calibration->trial_count < most; calibration->trial_count++) {
        struct trial *trial = &calibration->trials[calibration->trial_count];
        trial->process = (struct asim_process)ASIM_PROCESS_INIT;
        while (campaign->windows[i % campaign->plan.window_count].life.phase !=
                   ASIM_PHASE_PLANNED &&
               campaign->windows[i % campaign->plan.window_count].life.phase !=
                   ASIM_PHASE_WAITING)
            i++; /* one is, or there would be no candidates */
        trial->folder = asim_format(err, "%s/" TRIALS_FOLDER "/%zu", campaign->folder,
                                    calibration->trial_count);
        if (!trial->folder || make_folder(campaign, trial->folder,
                                          i++ % campaign->plan.window_count, err) < 0) {
            free(trial->folder);
            return -1;
        }
    }
    return 0;
}

/* The end of a trial, by itself or (`kill_it`) by us. */
static void end_trial(struct trial *trial, bool kill_it)
{
    if (!trial->running)
        return;
    if (kill_it) { /* gmx is bound to its shim and goes with it */
        kill(trial->process.pid, SIGKILL);
        while (waitpid(trial->process.pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    } else if (asim_process_reap(&trial->process, NULL, NULL) == 0) {
        return;
    }
    asim_process_finish(&trial->process);
    trial->running = false;
}

static int start_trial(struct asim_calibration *calibration, size_t k,
                       struct asim_error *err)
{
    const struct asim_calibration_request *request = &calibration->request;
    struct trial *trial = &calibration->trials[k];
    char **argv = NULL;
    int rc = -1, slot = asim_core_slots_take(&calibration->slots, err);
    if (slot < 0)
        return asim_fail(err, ASIM_ELOCKED, "cores are in use by other windows");
    struct asim_mdrun mdrun = {
        .gromacs = request->gromacs,
        .bias = request->campaign->plan.bias,
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
        .attempt = (int)calibration->at + 1,
        .argv = (const char *const *)argv,
        .bound = true,
    };
    spawn.cpus = asim_core_slots_cpus(&calibration->slots, slot, &spawn.cpu_count);
    int claim_fd = calibration->slots.claim_fd[slot];
    spawn.claim_fd = claim_fd > 0 ? claim_fd : 0;
    trial->ns_per_day = NAN;
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

static void end_all(struct asim_calibration *calibration)
{
    for (size_t k = 0; k < calibration->trial_count; k++)
        end_trial(&calibration->trials[k], true);
    asim_core_slots_finish(&calibration->slots);
}

/* Starts the trials of the candidate `at`; -1 with nothing running where one cannot. */
static int start_candidate(struct asim_calibration *calibration, double now,
                           struct asim_error *err)
{
    const struct asim_split *split = &calibration->splits[calibration->at];
    char *claims = NULL;
    int rc = asim_core_slots_create(split->windows, split->threads, &calibration->slots,
                                    err);
    if (rc == 0) {
        asim_core_claims_path(&claims, NULL); /* without: as the campaign itself */
        asim_core_slots_claim_from(&calibration->slots, claims);
    }
    for (size_t k = 0; rc == 0 && k < (size_t)split->windows; k++)
        rc = start_trial(calibration, k, err);
    if (rc < 0)
        end_all(calibration);
    calibration->deadline = now + calibration->seconds_each;
    return rc;
}

static double read_speed(const struct trial *trial)
{
    struct asim_md_log log;
    double speed = NAN;
    char *path = asim_path_join(trial->folder, ASIM_MDRUN_LOG, NULL);
    if (path && asim_md_log_read(path, LOG_TAIL_BYTES, &log, NULL) == 0)
        speed = log.finished ? log.ns_per_day : NAN;
    if (path)
        unlink(path); /* no later trial shall be judged by it */
    free(path);
    return speed;
}

static void finish_candidate(struct asim_calibration *calibration)
{
    struct asim_split *split = &calibration->splits[calibration->at];
    end_all(calibration);
    split->ns_per_day = 0;
    for (int k = 0; k < split->windows; k++)
        split->ns_per_day += read_speed(&calibration->trials[k]); /* NAN stays NAN */
    /* What is compared with everything else was not measured. */
    calibration->useless = calibration->at == 0 && !(split->ns_per_day > 0);
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
    calibration->cores = asim_calibration_cores();
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
    if (make_folders(calibration, &cause) < 0 ||
        start_candidate(calibration, calibration->started, &cause) < 0) {
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
    bool running = false;
    for (size_t k = 0; k < calibration->trial_count; k++) {
        end_trial(&calibration->trials[k], false);
        running |= calibration->trials[k].running;
    }
    if (running && now < calibration->deadline)
        return false;
    finish_candidate(calibration);
    while (!calibration->useless && ++calibration->at < calibration->split_count)
        if (start_candidate(calibration, now, &cause) == 0)
            return false;
    if (calibration->useless) {
        asim_log_write(campaign->log, ASIM_LOG_INFO,
                       "Calibration: left out: a trial of %.1f s gave no speed",
                       calibration->seconds_each);
        return true;
    }
    say_result(calibration, now);
    if (asim_calibration_keep(campaign, calibration->request.gromacs,
                              calibration->request.gpus->count, calibration->splits,
                              calibration->split_count, &cause) < 0)
        asim_log_write(campaign->log, ASIM_LOG_WARNING,
                       "Calibration: not kept, and not made use of: %s", cause.text);
    return true;
}

double asim_calibration_due(const struct asim_calibration *calibration)
{
    return calibration->deadline;
}

void asim_calibration_destroy(struct asim_calibration *calibration)
{
    if (!calibration)
        return;
    end_all(calibration);
    for (size_t k = 0; k < calibration->trial_count; k++) {
        asim_folder_remove(calibration->trials[k].folder);
        free(calibration->trials[k].folder);
    }
    char *folder =
        asim_path_join(calibration->request.campaign->folder, TRIALS_FOLDER, NULL);
    if (folder)
        asim_folder_remove(folder);
    free(folder);
    free(calibration->trials);
    free(calibration);
}
