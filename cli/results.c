/* Reading what a campaign has produced. */
#include "results.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

void results_finish(struct results *results)
{
    for (size_t i = 0; results->series && i < results->plan.window_count; i++)
        asim_series_finish(&results->series[i]);
    free(results->series);
    free(results->statuses);
    free(results->checks);
    free(results->planned_steps);
    asim_plan_finish(&results->plan);
}

static int read_statuses(const char *folder, struct results *results,
                         struct asim_error *err)
{
    struct asim_campaign *campaign = NULL;
    int rc = -1;
    if (asim_campaign_open_readonly(folder, &campaign, err) < 0)
        return -1;
    for (size_t i = 0; i < results->plan.window_count; i++)
        if (asim_campaign_window(campaign, i, &results->statuses[i], err) < 0 ||
            asim_campaign_check_samples(campaign, i, err) < 0)
            goto out;
    /* As long as they have become, not as long as they were planned. */
    for (size_t i = 0; i < results->plan.window_count; i++) {
        results->planned_steps[i] = results->plan.windows[i].nsteps;
        results->plan.windows[i].nsteps = results->statuses[i].nsteps;
        results->total_steps += results->statuses[i].nsteps;
    }
    rc = 0;
out:
    asim_campaign_close(campaign);
    return rc;
}

static int read_series(const char *folder, struct results *results,
                       struct asim_error *err)
{
    const struct asim_plan *plan = &results->plan;
    for (size_t i = 0; i < plan->window_count; i++) {
        const struct asim_window *window = &plan->windows[i];
        const struct asim_window_status *status = &results->statuses[i];
        char *path = asim_format(err, "%s/windows/%03d", folder, window->window_id);
        if (!path)
            return -1;
        int rc = asim_series_read(path, plan, window, &results->series[i], err);
        if (rc == 0 && status->state == ASIM_WINDOW_COMPLETED &&
            asim_series_check_complete(&results->series[i], plan, status->nsteps,
                                       status->attempts, err) < 0)
            rc = asim_wrap(err, "'%s'", path);
        if (rc == 0)
            rc = asim_window_check_read(path, &results->checks[i], err);
        free(path);
        if (rc < 0)
            return -1;
    }
    return 0;
}

int results_read(const char *folder, struct results *ret_results,
                 struct asim_error *err)
{
    struct results results = {0};
    if (asim_plan_read(folder, &results.plan, err) < 0)
        return -1;
    results.series =
        asim_alloc_array(results.plan.window_count, sizeof *results.series, err);
    results.statuses =
        asim_alloc_array(results.plan.window_count, sizeof *results.statuses, err);
    results.checks =
        asim_alloc_array(results.plan.window_count, sizeof *results.checks, err);
    results.planned_steps =
        asim_alloc_array(results.plan.window_count, sizeof *results.planned_steps, err);
    if (!results.series || !results.statuses || !results.checks ||
        !results.planned_steps || read_statuses(folder, &results, err) < 0 ||
        read_series(folder, &results, err) < 0) {
        results_finish(&results);
        return -1;
    }
    *ret_results = results;
    return 0;
}
