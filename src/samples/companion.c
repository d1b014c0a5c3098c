/*
 * Another coordinate of a window: from its own trajectory, or from a table beside it.
 * Both are matched to the samples by time. Must not know what it is used for.
 */
#include <autosim/samples.h>

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "samples/external.h"
#include "windows/bias_method.h"

struct match {
    const struct asim_series *series;
    double dt_ps;
    double shift_ps; /* to be added to times */
    bool relative;   /* the first time is that of the first sample */
    size_t component, capacity, index_capacity;
    struct asim_companion companion;
};

void asim_companion_finish(struct asim_companion *companion)
{
    if (!companion)
        return;
    free(companion->value);
    free(companion->sample_index);
    *companion = (struct asim_companion){0};
}

/* The sample of this time. Trajectories have their times in single precision. */
static bool find_sample(const struct match *match, double time_ps, size_t *ret_index)
{
    const struct asim_series *series = match->series;
    double spacing = series->count > 1
                         ? (series->time_ps[series->count - 1] - series->time_ps[0]) /
                               (double)(series->count - 1)
                         : match->dt_ps;
    double tolerance = fmin(
        0.25 * match->dt_ps + 2 * (double)FLT_EPSILON * fabs(time_ps), 0.4 * spacing);
    size_t low = 0, high = series->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (series->time_ps[middle] < time_ps - tolerance)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_index = low;
    return low < series->count && series->time_ps[low] <= time_ps + tolerance;
}

static int add(struct match *match, double time_ps, double value,
               struct asim_error *err)
{
    struct asim_companion *companion = &match->companion;
    size_t index;
    if (match->relative) {
        match->shift_ps = match->series->time_ps[0] - time_ps;
        match->relative = false;
    }
    if (!find_sample(match, time_ps + match->shift_ps, &index) ||
        (companion->count > 0 &&
         index <= companion->sample_index[companion->count - 1]))
        return 0;
    if (asim_grow(&companion->value, &match->capacity, companion->count + 1,
                  sizeof *companion->value, err) < 0 ||
        asim_grow(&companion->sample_index, &match->index_capacity,
                  companion->count + 1, sizeof *companion->sample_index, err) < 0)
        return -1;
    companion->value[companion->count] = value;
    companion->sample_index[companion->count++] = index;
    return 0;
}

static int end_match(struct match *match, const char *path,
                     struct asim_companion *ret_companion, struct asim_error *err)
{
    if (match->companion.count == 0) {
        asim_companion_finish(&match->companion);
        return asim_fail(
            err, ASIM_EINPUT,
            "'%s': none of its times is that of a sample, from %g to %g ps", path,
            match->series->time_ps[0],
            match->series->time_ps[match->series->count - 1]);
    }
    *ret_companion = match->companion;
    return 0;
}

static int add_frame(void *context, double time_ps, uint64_t frame_index,
                     const double *projections_nm, struct asim_error *err)
{
    struct match *match = context;
    /* Samples and frames begin together, so the first frame says how their times
     * differ; from another one every value would go to a wrong sample. */
    if (match->relative && frame_index != 0)
        return asim_fail(
            err, ASIM_EINPUT,
            "its first frame is damaged (frame %" PRIu64 " is the first that "
            "can be read), so nothing says which sample a frame belongs to; "
            "run the window again, or give the coordinate as a table in "
            "every window's folder",
            frame_index);
    return add(match, time_ps, projections_nm[match->component], err);
}

static char *find_trajectory(const char *folder, struct asim_error *err)
{
    static const char *const names[] = {"traj.xtc", "traj.trr"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = asim_path_join(folder, names[i], err);
        if (!path || asim_file_exists(path))
            return path;
        free(path);
    }
    asim_fail(err, ASIM_EINPUT,
              "'%s' holds no trajectory: set nstxout-compressed in the TPR, so that "
              "windows write one",
              folder);
    return NULL;
}

int asim_companion_project(const char *folder, const struct asim_plan *plan,
                           const struct asim_series *series, const struct asim_pca *pca,
                           const struct asim_topology *top, size_t component,
                           int thread_count, struct asim_companion *ret_companion,
                           struct asim_error *err)
{
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    struct asim_trajectory *traj = NULL;
    struct match match = {.series = series,
                          .dt_ps = plan->dt_ps,
                          .relative = true,
                          .component = component};
    int rc = -1;
    options.thread_count = thread_count;
    if (pca->pbc == ASIM_PBC_NONE)
        options.pbc = asim_bias_own_pbc(pca, top);
    if (component >= pca->component_count)
        return asim_fail(err, ASIM_EUSAGE,
                         "PC%zu was asked for, and %zu components were kept",
                         component + 1, pca->component_count);
    if (series->count == 0)
        return asim_fail(err, ASIM_EINPUT, "'%s' has no samples", folder);
    char *path = find_trajectory(folder, err);
    if (!path)
        return -1;
    if (asim_trajectory_open(path, &traj, err) < 0 ||
        asim_pca_project_trajectory(pca, top, traj, &options, NULL, add_frame, &match,
                                    err) < 0) {
        asim_wrap(err, "'%s'", path);
        asim_companion_finish(&match.companion);
    } else {
        rc = end_match(&match, path, ret_companion, err);
    }
    asim_trajectory_close(traj);
    free(path);
    return rc;
}

int asim_companion_read(const char *path, const char *column,
                        const struct asim_plan *plan, const struct asim_series *series,
                        struct asim_companion *ret_companion, struct asim_error *err)
{
    struct asim_xvg xvg = {0};
    struct asim_series table = {0};
    struct match match = {.series = series, .dt_ps = plan->dt_ps};
    size_t index = 1;
    int rc = -1;
    if (series->count == 0)
        return asim_fail(err, ASIM_EINPUT, "no samples for the rows of '%s'", path);
    if (asim_xvg_read(path, &xvg, err) < 0)
        return -1;
    if (xvg.row_count == 0 || xvg.column_count < 2)
        asim_fail(err, ASIM_EINPUT,
                  "%zu rows of %zu columns; time and a coordinate were expected",
                  xvg.row_count, xvg.column_count);
    else if (asim_xvg_find_column(&xvg, column, "say which one, as FILE:NAME", &index,
                                  err) == 0 &&
             asim_series_from_xvg(&xvg, index, &table, err) == 0)
        rc = 0;
    double unit_ps = xvg.steps ? plan->dt_ps : 1;
    asim_xvg_finish(&xvg);
    for (size_t i = 0; rc == 0 && i < table.count; i++)
        rc = add(&match, table.time_ps[i] * unit_ps, table.value_nm[i], err);
    asim_series_finish(&table);
    if (rc == 0)
        return end_match(&match, path, ret_companion, err);
    asim_companion_finish(&match.companion);
    return asim_wrap(err, "'%s'", path);
}
