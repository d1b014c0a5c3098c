/*
 * From the options of a run to the command of a window.
 * Invariant: every window of a run has the same command; gmx runs in its folder. It
 * must not start anything but `gmx --version`.
 */
#include "campaign/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
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

int asim_options_resolve(const struct asim_campaign *campaign,
                         struct asim_run_options *options, struct asim_error *err)
{
    enum { LARGEST_NTOMP = 64 }; /* mdrun's own limit is 128; more never pays */
    if (options->jobs < 0 || options->ntmpi < 0 || options->ntomp < 0 ||
        options->retries < 0 || !(options->maxh >= 0) ||
        !(options->checkpoint_minutes >= 0))
        return asim_fail(err, ASIM_EUSAGE,
                         "jobs, ntmpi, ntomp, retries, maxh and checkpoint minutes "
                         "must not be negative");
    if (options->ntmpi == 0)
        options->ntmpi = 1;
    const struct asim_bias_method *method = asim_bias_method(campaign->plan.bias);
    if (method->ranks_most > 0 && options->ntmpi > method->ranks_most)
        return asim_fail(err, ASIM_EUSAGE,
                         "%d thread-MPI ranks a window: the %s bias of this campaign "
                         "runs with %d; use OpenMP threads (--ntomp) instead",
                         options->ntmpi, method->name, method->ranks_most);
    if (options->ntomp > 0)
        return 0;
    size_t at_once = asim_campaign_unfinished_count(campaign);
    if (options->jobs > 0 && (size_t)options->jobs < at_once)
        at_once = (size_t)options->jobs;
    size_t cores = (size_t)asim_cores_available() / (size_t)options->ntmpi;
    size_t each = at_once > 0 ? cores / at_once : 1;
    options->ntomp = each < 1 ? 1 : each > LARGEST_NTOMP ? LARGEST_NTOMP : (int)each;
    return 0;
}

int asim_options_command(const struct asim_campaign *campaign,
                         const struct asim_run_options *options,
                         const struct asim_gromacs *gromacs, char ***ret_argv,
                         struct asim_error *err)
{
    struct asim_mdrun mdrun = {
        .gromacs = gromacs,
        .bias = campaign->plan.bias,
        .ntmpi = options->ntmpi,
        .ntomp = options->ntomp,
        .checkpoint_minutes = options->checkpoint_minutes,
        /* maxh is the driver's: a window that starts late has less of it left. */
    };
    return asim_mdrun_command(&mdrun, ret_argv, err);
}

/* gmx as the name was last looked up: a dry run asks for every window. */
static int find_gromacs(struct asim_gromacs_cache *cache, const char *name,
                        const struct asim_gromacs **ret_gromacs, struct asim_error *err)
{
    const char *key = name ? name : "";
    if (!cache->known || strcmp(cache->name, key) != 0) {
        struct asim_gromacs gromacs;
        if (strlen(key) >= sizeof cache->name)
            return asim_fail(err, ASIM_EUSAGE, "the name of gmx is too long");
        if (asim_gromacs_find(name, &gromacs, err) < 0)
            return -1;
        cache->gromacs = gromacs;
        memcpy(cache->name, key, strlen(key) + 1);
        cache->known = true;
    }
    *ret_gromacs = &cache->gromacs;
    return 0;
}

int asim_campaign_window_command(const struct asim_campaign *campaign, size_t i,
                                 const struct asim_run_options *options,
                                 char ***ret_argv, struct asim_error *err)
{
    const struct asim_gromacs *gromacs;
    struct asim_run_options resolved = *options;
    if (i >= campaign->plan.window_count)
        return asim_fail(err, ASIM_EUSAGE, "there is no window %zu; there are %zu", i,
                         campaign->plan.window_count);
    if (asim_options_resolve(campaign, &resolved, err) < 0 ||
        find_gromacs(campaign->gromacs_cache, options->gromacs, &gromacs, err) < 0)
        return -1;
    return asim_options_command(campaign, &resolved, gromacs, ret_argv, err);
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
    for (size_t i = 0; i < campaign->plan.window_count; i++) {
        enum asim_window_phase phase = campaign->windows[i].life.phase;
        if (phase == ASIM_PHASE_PLANNED || phase == ASIM_PHASE_WAITING)
            return check_tpr_of_window(campaign, i, gromacs, err);
    }
    return 0;
}
