/* Reading what a campaign has produced. */
#include "results.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/threads.h"

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

static int read_statuses(struct asim_campaign *campaign, struct results *results,
                         struct asim_error *err)
{
    for (size_t i = 0; i < results->plan.window_count; i++) {
        if (asim_campaign_window(campaign, i, &results->statuses[i], err) < 0)
            return -1;
        /* As long as they have become, not as long as they were planned. */
        results->planned_steps[i] = results->plan.windows[i].nsteps;
        results->plan.windows[i].nsteps = results->statuses[i].nsteps;
        results->total_steps += results->statuses[i].nsteps;
    }
    return 0;
}

struct reading {
    const char *folder;
    struct asim_campaign *campaign;
    struct results *results;
};

static int read_window(void *context, size_t i, int thread_index,
                       struct asim_error *err)
{
    (void)thread_index;
    const struct reading *reading = context;
    struct results *results = reading->results;
    const struct asim_plan *plan = &results->plan;
    const struct asim_window *window = &plan->windows[i];
    const struct asim_window_status *status = &results->statuses[i];
    if (asim_campaign_check_samples(reading->campaign, i, err) < 0)
        return -1;
    char *path =
        asim_format(err, "%s/windows/%03d", reading->folder, window->window_id);
    if (!path)
        return -1;
    int rc = 0; /* an empty series while it relaxes */
    if (!asim_campaign_window_relaxes(reading->campaign, i))
        rc = asim_series_read(path, plan, window, &results->series[i], err);
    if (rc == 0 && status->state == ASIM_WINDOW_COMPLETED &&
        asim_series_check_complete(&results->series[i], plan, status->nsteps,
                                   status->attempts, err) < 0)
        rc = asim_wrap(err, "'%s'", path);
    if (rc == 0)
        rc = asim_window_check_read(path, &results->checks[i], err);
    free(path);
    return rc;
}

/* Millions of rows of text, and their checksums: windows on all cores. */
static int read_windows(const char *folder, struct asim_campaign *campaign,
                        struct results *results, struct asim_error *err)
{
    size_t count = results->plan.window_count;
    struct reading reading = {folder, campaign, results};
    results->series = asim_alloc_array(count, sizeof *results->series, err);
    results->checks = asim_alloc_array(count, sizeof *results->checks, err);
    if (!results->series || !results->checks)
        return -1;
    return asim_parallel(count, asim_thread_count(0), read_window, &reading, err);
}

static int read_all(const char *folder, bool with_samples, struct results *ret_results,
                    struct asim_error *err)
{
    struct results results = {0};
    struct asim_campaign *campaign = NULL;
    int rc = -1;
    if (asim_plan_read(folder, &results.plan, err) < 0)
        return -1;
    results.statuses =
        asim_alloc_array(results.plan.window_count, sizeof *results.statuses, err);
    results.planned_steps =
        asim_alloc_array(results.plan.window_count, sizeof *results.planned_steps, err);
    if (!results.statuses || !results.planned_steps ||
        asim_campaign_open_readonly(folder, &campaign, err) < 0 ||
        read_statuses(campaign, &results, err) < 0 ||
        (with_samples && read_windows(folder, campaign, &results, err) < 0))
        goto out;
    *ret_results = results;
    results = (struct results){0};
    rc = 0;
out:
    asim_campaign_close(campaign);
    results_finish(&results);
    return rc;
}

int results_read(const char *folder, struct results *ret_results,
                 struct asim_error *err)
{
    return read_all(folder, true, ret_results, err);
}

int results_read_progress(const char *folder, struct results *ret_results,
                          struct asim_error *err)
{
    return read_all(folder, false, ret_results, err);
}
