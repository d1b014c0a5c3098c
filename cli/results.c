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

/* A completed window has a row at step 0 and one every sample_steps, all of them. */
static int check_complete(const struct asim_plan *plan,
                          const struct asim_window_status *status,
                          const struct asim_series *series, struct asim_error *err)
{
    size_t expected = (size_t)(status->nsteps / plan->sample_steps) + 1;
    if (series->count != expected)
        return asim_fail(err, ASIM_EINPUT,
                         "%zu samples where a completed window has %zu", series->count,
                         expected);
    return 0;
}

static int read_series(const char *folder, struct results *results,
                       struct asim_error *err)
{
    for (size_t i = 0; i < results->plan.window_count; i++) {
        char *path = asim_format(err, "%s/windows/%03d/bias.xvg", folder,
                                 results->plan.windows[i].window_id);
        if (!path)
            return -1;
        bool completed = results->statuses[i].state == ASIM_WINDOW_COMPLETED;
        int rc = 0;
        if (completed || asim_file_exists(path))
            rc = asim_series_read_edi_output(path, &results->plan.windows[i].bias,
                                             &results->series[i], err);
        if (rc == 0 && completed)
            rc = check_complete(&results->plan, &results->statuses[i],
                                &results->series[i], err);
        if (rc < 0)
            asim_wrap(err, "'%s'", path);
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
    results.planned_steps =
        asim_alloc_array(results.plan.window_count, sizeof *results.planned_steps, err);
    if (!results.series || !results.statuses || !results.planned_steps ||
        read_statuses(folder, &results, err) < 0 ||
        read_series(folder, &results, err) < 0) {
        results_finish(&results);
        return -1;
    }
    *ret_results = results;
    return 0;
}
