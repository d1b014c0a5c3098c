/* The profile from the samples of the windows, and the report. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "decisions.h"
#include "pipeline.h"
#include "results.h"

/* Rows of the first part of a window, in which it settles at its centre: what the user
 * says, or a tenth of its planned length, and more only where it still drifts then. */
static size_t discarded_rows(struct workplace *workplace, const struct results *results,
                             size_t i)
{
    const struct asim_plan *plan = &results->plan;
    const struct asim_series *series = &results->series[i];
    const struct settings *settings = workplace->settings;
    double discard_ps = settings->pmf_begin_ps;
    double steering_ps = plan->windows[i].steering.duration_ps;
    if (isnan(discard_ps))
        discard_ps =
            0.1 * ((double)results->planned_steps[i] * plan->dt_ps - steering_ps);
    discard_ps += steering_ps;
    size_t row = series->steered_count;
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

int write_profile(const struct settings *settings, const struct asim_pmf *pmf,
                  struct asim_error *err)
{
    char *folder = asim_path_join(settings->folder, "pmf", err);
    char *picture = asim_path_join(settings->folder, "pmf/pmf.svg", err);
    int rc = -1;
    /* What is along another coordinate belongs to the profile before. */
    if (folder && picture && asim_make_folder(folder, err) == 0 &&
        asim_along_remove(folder, err) == 0 && asim_pmf_write(pmf, folder, err) == 0)
        rc = asim_report_write_pmf_svg(pmf, picture, err);
    free(folder);
    free(picture);
    return rc;
}

/* Without --max-ns the closed loop ends at this many times the planned length. */
static const double UNTIL_GROWTH = 10;

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
    pmf->reached = false;
    snprintf(pmf->verdict, sizeof pmf->verdict,
             "Preliminary: %zu of %zu windows are not completed, so the profile may "
             "lack a part of its range and of its samples. %.400s",
             missing, results->plan.window_count, verdict);
}

/* A window with enough samples. */
struct sampled {
    size_t index; /* in the plan */
    size_t skipped;
    double centre_nm;
};

static int by_centre(const void *first, const void *second)
{
    const struct sampled *a = first, *b = second;
    if (a->centre_nm != b->centre_nm)
        return a->centre_nm < b->centre_nm ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* Windows with enough samples, in the order of their centres. */
static int choose_windows(struct workplace *workplace, const struct results *results,
                          struct sampled **ret_sampled, size_t *ret_count,
                          struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    const struct asim_plan *plan = &results->plan;
    size_t count = 0;
    struct sampled *sampled =
        asim_alloc_array(plan->window_count, sizeof *sampled, err);
    if (!sampled)
        return -1;
    for (size_t i = 0; i < plan->window_count; i++) {
        size_t skipped = discarded_rows(workplace, results, i);
        if (results->series[i].count - skipped < settings->pmf.block_count)
            asim_log_write(workplace->log, ASIM_LOG_WARNING,
                           "Window %d has too few samples yet and is left out of the "
                           "PMF",
                           plan->windows[i].window_id);
        else
            sampled[count++] =
                (struct sampled){i, skipped, plan->windows[i].bias.centre_nm};
    }
    if (count == 0) {
        free(sampled);
        return asim_fail(err, ASIM_EINPUT,
                         "no window in '%s' has samples yet: 'autosim run -C %s' makes "
                         "them",
                         settings->folder, settings->folder);
    }
    qsort(sampled, count, sizeof *sampled, by_centre);
    *ret_sampled = sampled;
    *ret_count = count;
    return 0;
}

double most_simulated_ns(const struct settings *settings, const struct results *results)
{
    double planned = 0;
    if (settings->most_ns > 0)
        return settings->most_ns;
    for (size_t i = 0; i < results->plan.window_count; i++)
        planned += (double)results->planned_steps[i] * results->plan.dt_ps / 1000;
    return UNTIL_GROWTH * planned;
}

/* Samples that the limit on simulated time leaves for advice; at least one, for 0 would
 * mean no limit. */
static size_t samples_left(const struct settings *settings,
                           const struct results *results)
{
    double left_ps = 1000 * most_simulated_ns(settings, results) -
                     (double)results->total_steps * results->plan.dt_ps;
    double steering_ps = 0; /* which a new window would need too */
    for (size_t i = 0; i < results->plan.window_count; i++)
        steering_ps = fmax(steering_ps, results->plan.windows[i].steering.duration_ps);
    left_ps -= steering_ps;
    double samples = left_ps / results->plan.dt_ps / (double)results->plan.sample_steps;
    return samples > 1 ? (size_t)fmin(samples, 1e15) : 1;
}

/* What the profile is made from. */
struct input {
    size_t count;
    struct sampled *sampled; /* [count] */
    struct asim_pmf_window *windows;
    int *ids;
    struct asim_pmf_options options;
};

static void input_finish(struct input *input)
{
    free(input->sampled);
    free(input->windows);
    free(input->ids);
}

static int prepare(struct workplace *workplace, const struct results *results,
                   double target_kj_mol, struct input *input, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    if (choose_windows(workplace, results, &input->sampled, &input->count, err) < 0)
        return -1;
    input->windows = asim_alloc_array(input->count, sizeof *input->windows, err);
    input->ids = asim_alloc_array(input->count, sizeof *input->ids, err);
    if (!input->windows || !input->ids)
        return -1;
    for (size_t k = 0; k < input->count; k++) {
        const struct sampled *sampled = &input->sampled[k];
        const struct asim_window *window = &results->plan.windows[sampled->index];
        const struct asim_series *series = &results->series[sampled->index];
        input->windows[k] = (struct asim_pmf_window){
            .bias = window->bias,
            .value_nm = series->value_nm + sampled->skipped,
            .count = series->count - sampled->skipped,
        };
        input->ids[k] = window->window_id;
    }
    input->options = settings->pmf;
    input->options.temperature_kelvin = results->plan.temperature_kelvin;
    input->options.window_ids = input->ids;
    input->options.target_kj_mol = target_kj_mol;
    input->options.most_samples =
        target_kj_mol > 0 ? samples_left(settings, results) : 0;
    return 0;
}

/* The profile along another coordinate, where one is asked for. */
static int add_along(struct workplace *workplace, const struct results *results,
                     const struct input *input, const struct asim_pmf *pmf,
                     struct asim_error *err)
{
    if (!workplace->settings->along)
        return 0;
    struct along_window *windows = asim_alloc_array(input->count, sizeof *windows, err);
    if (!windows)
        return -1;
    for (size_t k = 0; k < input->count; k++)
        windows[k] = (struct along_window){
            .window_id = input->ids[k],
            .series = &results->series[input->sampled[k].index],
            .skipped = input->sampled[k].skipped,
        };
    int rc = stage_along(workplace, &results->plan, windows, input->windows, pmf,
                         &input->options, err);
    free(windows);
    return rc;
}

static json_t *bias_check_json(int window_id, const struct asim_window_check *check)
{
    if (check->frame_count == 0)
        return json_pack("{s:i, s:i, s:s}", "window_id", window_id, "frame_count", 0,
                         "why", check->why);
    return json_pack(
        "{s:i, s:I, s:o, s:o, s:o, s:o}", "window_id", window_id, "frame_count",
        (json_int_t)check->frame_count, "largest_difference_nm",
        asim_json_number(check->largest_difference_nm), "tolerance_nm",
        asim_json_number(check->tolerance_nm), "force_error",
        asim_json_number(check->force_error), "w2", asim_json_number(check->w2));
}

/* What the windows' own frames say of the bias, into pmf.json beside the profile. */
static int add_bias_checks(const struct settings *settings,
                           const struct results *results, struct asim_error *err)
{
    const struct asim_plan *plan = &results->plan;
    json_t *root = NULL, *checks = json_array();
    char *path = asim_path_join(settings->folder, "pmf/pmf.json", err);
    int rc = -1;
    if (!path || asim_json_read(path, &root, err) < 0)
        goto out;
    int failed = 0;
    for (size_t i = 0; i < plan->window_count; i++)
        failed |= json_array_append_new(
            checks, bias_check_json(plan->windows[i].window_id, &results->checks[i]));
    failed |= json_object_set_new(root, "bias",
                                  json_string(asim_bias_engine_name(plan->bias)));
    failed |= json_object_set(root, "bias_checks", checks);
    rc = failed ? asim_fail(err, ASIM_ENOMEM, "no memory to write '%s'", path)
                : asim_json_write(path, root, err);
out:
    json_decref(checks);
    json_decref(root);
    free(path);
    return rc;
}

int stage_pmf(struct workplace *workplace, double target_kj_mol,
              struct asim_pmf *ret_pmf, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct results results = {0};
    struct asim_pmf pmf = {0};
    struct input input = {0};
    int rc = -1;
    if (results_read(settings->folder, &results, err) < 0)
        return -1;
    if (prepare(workplace, &results, target_kj_mol, &input, err) < 0 ||
        asim_pmf_compute(input.windows, input.count, &input.options, &pmf, err) < 0)
        goto out;
    mark_incomplete(&results, &pmf);
    if (write_profile(settings, &pmf, err) < 0 ||
        add_bias_checks(settings, &results, err) < 0)
        goto out;
    asim_log_write(workplace->log, ASIM_LOG_INFO,
                   "PMF from %zu windows: MBAR residual %.1e after %d iterations",
                   pmf.window_count, pmf.residual, pmf.iterations);
    if (add_along(workplace, &results, &input, &pmf, err) < 0)
        goto out;
    *ret_pmf = pmf;
    pmf = (struct asim_pmf){0};
    rc = 0;
out:
    input_finish(&input);
    asim_pmf_finish(&pmf);
    results_finish(&results);
    return rc;
}

/* Samples without those of the steering; borrowed. */
static struct asim_series *settled_views(const struct results *results,
                                         struct asim_error *err)
{
    size_t count = results->plan.window_count;
    struct asim_series *views = asim_alloc_array(count, sizeof *views, err);
    for (size_t i = 0; views && i < count; i++) {
        const struct asim_series *series = &results->series[i];
        size_t skipped = series->steered_count;
        views[i] = *series;
        views[i].count -= skipped;
        if (skipped > 0) {
            views[i].time_ps += skipped;
            views[i].value_nm += skipped;
            views[i].bias_kj_mol += series->bias_kj_mol ? skipped : 0;
        }
    }
    return views;
}

int stage_report(struct workplace *workplace, const char *html_path,
                 struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct results results = {0};
    struct provenance provenance = {0};
    struct asim_pca pca = {0};
    struct asim_pmf pmf = {0};
    struct asim_along along = {0};
    struct decisions decisions = {0};
    char **sentences = NULL;
    size_t sentence_count = 0;
    char *pca_folder = asim_path_join(settings->folder, "pca", err);
    char *pmf_folder = asim_path_join(settings->folder, "pmf", err);
    char *figures = NULL;
    struct asim_series *views = NULL;
    bool planned = campaign_file_exists(settings, "plan.json");
    bool profiled = campaign_file_exists(settings, "pmf/pmf.json");
    bool other = campaign_file_exists(settings, "pmf/along.json");
    int rc = -1;
    if (!pca_folder || !pmf_folder ||
        provenance_read(settings->folder, &provenance, err) < 0 ||
        asim_pca_read(pca_folder, &pca, err) < 0 ||
        (planned && results_read(settings->folder, &results, err) < 0) ||
        (profiled && asim_pmf_read(pmf_folder, &pmf, err) < 0) ||
        (other && asim_along_read(pmf_folder, &along, err) < 0) ||
        decisions_read(settings->folder, &decisions, err) < 0 ||
        decisions_sentences(&decisions, results.plan.dt_ps, &sentences, &sentence_count,
                            err) < 0 ||
        (planned && !(views = settled_views(&results, err))))
        goto out;
    const char *slash = strrchr(provenance.topology.path, '/');
    struct asim_report report = {
        .title = slash ? slash + 1 : provenance.topology.path,
        .pca = &pca,
        .plan = planned ? &results.plan : NULL,
        .pmf = profiled ? &pmf : NULL,
        .along = other ? &along : NULL,
        .series = views,
        .statuses = planned ? results.statuses : NULL,
        .checks = planned ? results.checks : NULL,
        .decisions = (const char *const *)sentences,
        .decision_count = sentence_count,
        .provenance_json = provenance.text,
    };
    figures = asim_path_join(settings->folder, "figures", err);
    if (figures && asim_report_write(&report, html_path, err) == 0 &&
        asim_make_folder(figures, err) == 0)
        rc = asim_report_write_figures(&report, figures, err);
out:
    free(figures);
    free(views);
    for (size_t i = 0; i < sentence_count; i++)
        free(sentences[i]);
    free(sentences);
    decisions_finish(&decisions);
    asim_along_finish(&along);
    asim_pmf_finish(&pmf);
    asim_pca_finish(&pca);
    results_finish(&results);
    provenance_finish(&provenance);
    free(pca_folder);
    free(pmf_folder);
    return rc;
}
