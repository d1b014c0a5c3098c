/*
 * From the options of a run to the command of a window.
 * Invariant: the commands of a run's windows differ only in the GPU and in what is left
 * of a window's time; gmx runs in the window's folder. It must not start anything but
 * what tells of gmx and GPUs.
 */
#include "campaign/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "campaign/calibrate.h"
#include "engine/affinity.h"
#include "engine/mdrun.h"
#include "engine/readable.h"
#include "windows/bias_method.h"

size_t asim_campaign_unfinished_count(const struct asim_campaign *campaign)
{
    size_t count = 0;
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        enum asim_window_phase phase = campaign->windows[i].life.phase;
        count += phase != ASIM_PHASE_COMPLETED && phase != ASIM_PHASE_FAILED &&
                 phase != ASIM_PHASE_CANCELLED;
    }
    return count;
}

int asim_options_check(const struct asim_campaign *campaign,
                       const struct asim_run_options *options, struct asim_error *err)
{
    if (options->jobs < 0 || options->ntmpi < 0 || options->ntomp < 0 ||
        options->retries < 0 || !(options->maxh >= 0) ||
        !(options->checkpoint_minutes >= 0) || !(options->window_maxh >= 0) ||
        !(options->most_ns >= 0) || !(options->calibrate_seconds >= 0))
        return asim_fail(err, ASIM_EUSAGE,
                         "jobs, ntmpi, ntomp, retries, limits of time and length, "
                         "checkpoint minutes and calibration seconds must not be "
                         "negative");
    const struct asim_bias_method *method = asim_bias_method(campaign->plan.bias);
    if (method->ranks_most > 0 && options->ntmpi > method->ranks_most)
        return asim_fail(err, ASIM_EUSAGE,
                         "%d thread-MPI ranks a window: the %s bias of this campaign "
                         "runs with %d; use OpenMP threads (--ntomp) instead",
                         options->ntmpi, method->name, method->ranks_most);
    return 0;
}

bool asim_options_leave_division(const struct asim_campaign *campaign,
                                 const struct asim_run_options *options)
{
    return options->jobs == 0 && options->ntmpi == 0 && options->ntomp == 0 &&
           options->backend == ASIM_BACKEND_LOCAL && !campaign->slot;
}

/* Without a measurement: no core idles, and each window has as few threads as that
 * allows, for what threads wait for each other is lost. */
static int default_threads(const struct asim_campaign *campaign,
                           const struct asim_run_options *options,
                           const struct asim_cores *cores)
{
    size_t at_once = asim_campaign_unfinished_count(campaign);
    if (options->jobs > 0 && (size_t)options->jobs < at_once)
        at_once = (size_t)options->jobs;
    size_t ranks = (size_t)cores->limit / (size_t)options->ntmpi;
    size_t each = at_once > 0 ? ranks / at_once : 1;
    return each < 1 ? 1 : each > ASIM_THREADS_MOST ? ASIM_THREADS_MOST : (int)each;
}

int asim_options_resolve(const struct asim_campaign *campaign,
                         const struct asim_gromacs *gromacs, int gpu_count,
                         const struct asim_cores *cores,
                         struct asim_run_options *options, bool *ret_measured,
                         struct asim_error *err)
{
    *ret_measured = false;
    if (asim_options_check(campaign, options, err) < 0)
        return -1;
    bool free = asim_options_leave_division(campaign, options);
    if (options->ntmpi == 0)
        options->ntmpi = 1;
    if (free)
        *ret_measured = asim_calibration_recall(campaign, gromacs, gpu_count, cores,
                                                &options->ntomp);
    if (options->ntomp == 0)
        options->ntomp = default_threads(campaign, options, cores);
    return 0;
}

double asim_options_hours_left(const struct asim_run_options *options,
                               const struct asim_window_life *life)
{
    /* gmx leaves at 0.99 of what it is given: what is less than that is no attempt. */
    static const double LEAST_PART = 0.02, SECONDS_PER_HOUR = 3600;
    if (!(options->window_maxh > 0))
        return 0;
    double left = options->window_maxh - life->runtime_seconds / SECONDS_PER_HOUR;
    return left > LEAST_PART * options->window_maxh ? left : -1;
}

int asim_options_command(const struct asim_campaign *campaign,
                         const struct asim_run_options *options,
                         const struct asim_gromacs *gromacs, double maxh,
                         const int *gpu_id, char ***ret_argv, struct asim_error *err)
{
    struct asim_mdrun mdrun = {
        .gromacs = gromacs,
        .bias = campaign->plan.bias,
        .ntmpi = options->ntmpi,
        .ntomp = options->ntomp,
        .checkpoint_minutes = options->checkpoint_minutes,
        /* The campaign's maxh is the driver's: a window that starts late has less of
         * it left. */
        .maxh = maxh,
        .gpu_id = gpu_id,
    };
    return asim_mdrun_command(&mdrun, ret_argv, err);
}

/* gmx, GPUs and cores as they were last looked up: a dry run asks for every window. */
static int look_up(struct asim_gromacs_cache *cache,
                   const struct asim_run_options *options, struct asim_error *err)
{
    const char *name = options->gromacs ? options->gromacs : "";
    const char *wanted = options->gpus ? options->gpus : "";
    if (cache->known && strcmp(cache->name, name) == 0 &&
        strcmp(cache->wanted_gpus, wanted) == 0)
        return 0;
    struct asim_gromacs gromacs;
    struct asim_gpus gpus;
    struct asim_cores cores;
    if (strlen(name) >= sizeof cache->name ||
        strlen(wanted) >= sizeof cache->wanted_gpus)
        return asim_fail(err, ASIM_EUSAGE,
                         "the name of gmx, or the list of GPUs, is too long");
    if (asim_gromacs_find(options->gromacs, &gromacs, err) < 0 ||
        asim_gpus_choose(&gromacs, options->gpus, &gpus, err) < 0 ||
        asim_cores_look(&cores, err) < 0)
        return -1;
    asim_cores_finish(&cache->cores);
    cache->cores = cores;
    cache->gromacs = gromacs;
    cache->gpus = gpus;
    memcpy(cache->name, name, strlen(name) + 1);
    memcpy(cache->wanted_gpus, wanted, strlen(wanted) + 1);
    cache->known = true;
    return 0;
}

int asim_campaign_window_command(const struct asim_campaign *campaign, size_t i,
                                 const struct asim_run_options *options,
                                 char ***ret_argv, struct asim_error *err)
{
    struct asim_gromacs_cache *cache = campaign->gromacs_cache;
    struct asim_run_options resolved = *options;
    bool measured;
    if (i >= campaign->plan.window_count)
        return asim_fail(err, ASIM_EUSAGE, "there is no window %zu; there are %zu", i,
                         campaign->plan.window_count);
    if (look_up(cache, options, err) < 0 ||
        asim_options_resolve(campaign, &cache->gromacs, cache->gpus.count,
                             &cache->cores, &resolved, &measured, err) < 0)
        return -1;
    double left = asim_options_hours_left(&resolved, &campaign->windows[i].life);
    const int *gpu_id =
        cache->gpus.count > 0 ? &cache->gpus.ids[i % (size_t)cache->gpus.count] : NULL;
    return asim_options_command(campaign, &resolved, &cache->gromacs,
                                left > 0 ? left : options->window_maxh, gpu_id,
                                ret_argv, err);
}

int asim_campaign_division(const struct asim_campaign *campaign,
                           const struct asim_run_options *options,
                           struct asim_split *ret_split, bool *ret_measured,
                           struct asim_error *err)
{
    struct asim_gromacs_cache *cache = campaign->gromacs_cache;
    struct asim_run_options resolved = *options;
    struct asim_core_slots slots;
    if (look_up(cache, options, err) < 0 ||
        asim_options_resolve(campaign, &cache->gromacs, cache->gpus.count,
                             &cache->cores, &resolved, ret_measured, err) < 0 ||
        asim_core_slots_create(&cache->cores, resolved.jobs,
                               resolved.ntmpi * resolved.ntomp, &slots, err) < 0)
        return -1;
    *ret_split =
        (struct asim_split){.windows = slots.at_once, .threads = resolved.ntomp};
    asim_core_slots_finish(&slots);
    return 0;
}

/* A TPR that cannot be read is the matter of the window it belongs to. */
static int check_tpr_of_window(const struct asim_campaign *campaign, size_t i,
                               const struct asim_gromacs *gromacs,
                               struct asim_error *err)
{
    struct asim_tpr tpr = {0};
    char *folder = asim_campaign_window_folder(campaign, i, err);
    char *path = folder ? asim_path_join(folder, ASIM_MDRUN_TPR, err) : NULL;
    int rc = path ? 0 : -1;
    if (path && asim_tpr_read(path, &tpr, NULL, NULL) == 0) {
        rc = asim_gromacs_check_parsed(gromacs, &tpr, path, err);
        asim_tpr_finish(&tpr);
    }
    free(path);
    free(folder);
    return rc;
}

int asim_options_check_gromacs(const struct asim_campaign *campaign,
                               const struct asim_gromacs *gromacs,
                               struct asim_error *err)
{
    if (asim_gromacs_check_bias(gromacs, campaign->plan.bias, err) < 0)
        return -1;
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        enum asim_window_phase phase = campaign->windows[i].life.phase;
        if (phase == ASIM_PHASE_PLANNED || phase == ASIM_PHASE_WAITING)
            return check_tpr_of_window(campaign, i, gromacs, err);
    }
    return 0;
}
