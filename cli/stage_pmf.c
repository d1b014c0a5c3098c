/* Samples of the windows, the profile from them, and the report. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "pipeline.h"

/* What a campaign has produced so far. */
struct results {
    struct asim_plan plan;
    struct asim_series *series;          /* [plan.window_count]; empty: none yet */
    struct asim_window_status *statuses; /* [plan.window_count] */
};

static void results_finish(struct results *results)
{
    for (size_t i = 0; results->series && i < results->plan.window_count; i++)
        asim_series_finish(&results->series[i]);
    free(results->series);
    free(results->statuses);
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
    for (size_t i = 0; i < results->plan.window_count; i++)
        results->plan.windows[i].nsteps = results->statuses[i].nsteps;
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

static int results_read(const char *folder, struct results *ret_results,
                        struct asim_error *err)
{
    struct results results = {0};
    if (asim_plan_read(folder, &results.plan, err) < 0)
        return -1;
    results.series =
        asim_alloc_array(results.plan.window_count, sizeof *results.series, err);
    results.statuses =
        asim_alloc_array(results.plan.window_count, sizeof *results.statuses, err);
    if (!results.series || !results.statuses ||
        read_statuses(folder, &results, err) < 0 ||
        read_series(folder, &results, err) < 0) {
        results_finish(&results);
        return -1;
    }
    *ret_results = results;
    return 0;
}

/* Rows of the first part of a window, in which it settles at its centre: what the user
 * says, or a tenth, and more only where it still drifts then. */
static size_t discarded_rows(struct workplace *workplace, const struct asim_plan *plan,
                             size_t i, const struct asim_series *series)
{
    const struct settings *settings = workplace->settings;
    double discard_ps = settings->pmf_begin_ps;
    if (isnan(discard_ps))
        discard_ps = 0.1 * (double)plan->windows[i].nsteps * plan->dt_ps;
    size_t row = 0;
    while (row < series->count && series->time_ps[row] < discard_ps)
        row++;
    if (!isnan(settings->pmf_begin_ps) || row == series->count)
        return row;
    size_t more = asim_settled_start(series->value_nm + row, series->count - row,
                                     settings->pmf.block_count,
                                     ASIM_DRIFT_LEVEL / (double)plan->window_count);
    if (more > 0)
        asim_log_write(workplace->log, ASIM_LOG_WARNING,
                       "Window %d had not settled yet: its first %.4g ps are left out",
                       plan->windows[i].window_id, series->time_ps[row + more]);
    return row + more;
}

static int write_profile(const struct settings *settings, const struct asim_pmf *pmf,
                         struct asim_error *err)
{
    char *folder = asim_path_join(settings->folder, "pmf", err);
    char *picture = asim_path_join(settings->folder, "pmf/pmf.svg", err);
    int rc = -1;
    if (folder && picture && asim_make_folder(folder, err) == 0 &&
        asim_pmf_write(pmf, folder, err) == 0)
        rc = asim_report_write_pmf_svg(pmf, picture, err);
    free(folder);
    free(picture);
    return rc;
}

/* No check of the samples can see what is not there. */
static void mark_incomplete(const struct results *results, struct asim_pmf *pmf)
{
    char verdict[sizeof pmf->verdict];
    size_t missing = 0;
    for (size_t i = 0; i < results->plan.window_count; i++)
        missing += results->statuses[i].state != ASIM_WINDOW_COMPLETED;
    if (missing == 0)
        return;
    snprintf(verdict, sizeof verdict, "%s",
             pmf->trustworthy ? "The samples that are there passed every check."
                              : pmf->verdict);
    pmf->trustworthy = false;
    snprintf(pmf->verdict, sizeof pmf->verdict,
             "Preliminary: %zu of %zu windows are not completed, so the profile may "
             "lack a part of its range and of its samples. %.400s",
             missing, results->plan.window_count, verdict);
}

int stage_pmf(struct workplace *workplace, struct asim_pmf *ret_pmf,
              struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct results results = {0};
    struct asim_pmf_window *windows = NULL;
    struct asim_pmf pmf = {0};
    size_t count = 0;
    int rc = -1;
    if (results_read(settings->folder, &results, err) < 0)
        return -1;
    windows = asim_alloc_array(results.plan.window_count, sizeof *windows, err);
    if (!windows)
        goto out;
    for (size_t i = 0; i < results.plan.window_count; i++) {
        const struct asim_series *series = &results.series[i];
        size_t skipped = discarded_rows(workplace, &results.plan, i, series);
        if (series->count - skipped < settings->pmf.block_count) {
            asim_log_write(workplace->log, ASIM_LOG_WARNING,
                           "Window %d has too few samples yet and is left out of the "
                           "PMF",
                           results.plan.windows[i].window_id);
            continue;
        }
        windows[count++] = (struct asim_pmf_window){
            .bias = results.plan.windows[i].bias,
            .value_nm = series->value_nm + skipped,
            .count = series->count - skipped,
        };
    }
    if (count == 0) {
        asim_fail(err, ASIM_EINPUT,
                  "no window in '%s' has samples yet: 'autosim run -C %s' makes them",
                  settings->folder, settings->folder);
        goto out;
    }
    struct asim_pmf_options options = settings->pmf;
    options.temperature_kelvin = results.plan.temperature_kelvin;
    if (asim_pmf_compute(windows, count, &options, &pmf, err) < 0)
        goto out;
    mark_incomplete(&results, &pmf);
    if (write_profile(settings, &pmf, err) < 0)
        goto out;
    asim_log_write(workplace->log, ASIM_LOG_INFO,
                   "PMF from %zu windows: MBAR residual %.1e after %d iterations",
                   count, pmf.residual, pmf.iterations);
    *ret_pmf = pmf;
    pmf = (struct asim_pmf){0};
    rc = 0;
out:
    asim_pmf_finish(&pmf);
    free(windows);
    results_finish(&results);
    return rc;
}

int stage_report(struct workplace *workplace, const char *html_path,
                 struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct results results = {0};
    struct provenance provenance = {0};
    struct asim_pca pca = {0};
    struct asim_pmf pmf = {0};
    char *pca_folder = asim_path_join(settings->folder, "pca", err);
    char *pmf_folder = asim_path_join(settings->folder, "pmf", err);
    bool planned = campaign_file_exists(settings, "plan.json");
    bool profiled = campaign_file_exists(settings, "pmf/pmf.json");
    int rc = -1;
    if (!pca_folder || !pmf_folder ||
        provenance_read(settings->folder, &provenance, err) < 0 ||
        asim_pca_read(pca_folder, &pca, err) < 0 ||
        (planned && results_read(settings->folder, &results, err) < 0) ||
        (profiled && asim_pmf_read(pmf_folder, &pmf, err) < 0))
        goto out;
    const char *slash = strrchr(provenance.topology.path, '/');
    struct asim_report report = {
        .title = slash ? slash + 1 : provenance.topology.path,
        .pca = &pca,
        .plan = planned ? &results.plan : NULL,
        .pmf = profiled ? &pmf : NULL,
        .series = planned ? results.series : NULL,
        .statuses = planned ? results.statuses : NULL,
        .provenance_json = provenance.text,
    };
    rc = asim_report_write(&report, html_path, err);
out:
    asim_pmf_finish(&pmf);
    asim_pca_finish(&pca);
    results_finish(&results);
    provenance_finish(&provenance);
    free(pca_folder);
    free(pmf_folder);
    return rc;
}
