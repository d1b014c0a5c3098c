/*
 * A window's samples against its own trajectory.
 *
 * The trajectory's coordinates are rounded to multiples of 1/precision. To first order
 * p then changes by sum_i g_i d_i, g the gradient of p and |d_i| <= d = 1/(2
 * precision): at most d sum |g_i|, with a standard deviation of d |g| / sqrt(3). A
 * difference beyond the first, or beyond six of the second, is no rounding: the
 * engine's coordinate is not ours, and the window's samples say nothing about it.
 */
#include <autosim/samples.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "pca/reference.h"
#include "structure/whole.h"
#include "windows/bias_method.h"
#include "windows/gradient.h"

#define CHECK_FILE "check.json"

enum { FRAMES_MOST = 200 };

/* What the engines' single precision and six printed digits explain on top. */
static double engine_rounding_nm(double value_nm)
{
    return 5e-6 + 1e-5 * fabs(value_nm);
}

struct comparison {
    const char *trajectory; /* its name, for messages */
    const struct asim_plan *plan;
    const struct asim_series *series;
    struct asim_gradient gradient;
    int64_t first_step;
    double squared_error, squared_force; /* sums over frames */
    struct asim_window_check check;
};

/* The sample of a step, or -1: rows may be missing, so it is looked for by time. */
static ptrdiff_t find_sample(const struct comparison *comparison, int64_t steps)
{
    const struct asim_series *series = comparison->series;
    double dt = comparison->plan->dt_ps;
    double time_ps = series->time_ps[0] + (double)steps * dt;
    size_t low = 0, high = series->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (series->time_ps[middle] < time_ps - dt / 4)
            low = middle + 1;
        else
            high = middle;
    }
    return low < series->count && series->time_ps[low] < time_ps + dt / 4
               ? (ptrdiff_t)low
               : -1;
}

static double tolerance(const struct comparison *comparison, double precision)
{
    const double *g = comparison->gradient.exact;
    size_t n = 3 * comparison->gradient.atoms.count;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += fabs(g[i]);
        squares += g[i] * g[i];
    }
    double d = precision > 0 ? 0.5 / precision : 0;
    return fmin(d * sum, 6 * d * sqrt(squares / 3)) +
           engine_rounding_nm(comparison->gradient.value_nm);
}

static void add_force_error(struct comparison *comparison)
{
    const struct asim_gradient *gradient = &comparison->gradient;
    for (size_t i = 0; i < 3 * gradient->atoms.count; i++) {
        double error = gradient->applied[i] - gradient->exact[i];
        comparison->squared_error += error * error;
        comparison->squared_force += gradient->exact[i] * gradient->exact[i];
    }
}

static int compare_frame(struct comparison *comparison, const struct asim_frame *frame,
                         struct asim_error *err)
{
    struct asim_window_check *check = &comparison->check;
    ptrdiff_t sample = find_sample(comparison, frame->step - comparison->first_step);
    if (sample < 0)
        return 0;
    if (asim_gradient_compute(&comparison->gradient, (const float(*)[3])frame->x_nm,
                              comparison->plan->bias, err) < 0)
        return asim_wrap(err, "frame at %g ps", frame->time_ps);
    double value = comparison->series->value_nm[sample];
    double difference = fabs(comparison->gradient.value_nm - value);
    double allowed = tolerance(comparison, (double)frame->precision);
    if (!(difference <= allowed))
        return asim_fail(
            err, ASIM_EINPUT,
            "at %g ps the positions in %s give a coordinate of %.6f nm, the "
            "%s bias had %.6f nm; their rounding explains %.1e nm",
            frame->time_ps, comparison->trajectory, comparison->gradient.value_nm,
            asim_bias_engine_name(comparison->plan->bias), value, allowed);
    if (check->frame_count == 0 || difference > check->largest_difference_nm) {
        check->largest_difference_nm = difference;
        check->tolerance_nm = allowed;
    }
    check->w2 += comparison->gradient.w2;
    add_force_error(comparison);
    check->frame_count++;
    return 0;
}

static int compare_frames(struct comparison *comparison, struct asim_trajectory *traj,
                          struct asim_whole *whole, struct asim_error *err)
{
    struct asim_frame frame = {0};
    size_t count;
    int rc = -1;
    if (asim_trajectory_frame_count(traj, &count, err) < 0)
        return -1;
    if (whole)
        asim_trajectory_limit_atoms(traj, asim_whole_atom_limit(whole));
    size_t stride = 1 + (count - 1) / FRAMES_MOST;
    for (size_t i = 0; i < count; i += stride) {
        if (asim_trajectory_seek(traj, i, err) < 0)
            goto out;
        int got = asim_trajectory_next(traj, &frame, err);
        if (got < 0)
            goto out;
        if (got == 0)
            break;
        if (i == 0)
            comparison->first_step = frame.step;
        if ((whole && asim_whole_apply(whole, &frame, err) < 0) ||
            compare_frame(comparison, &frame, err) < 0)
            goto out;
    }
    rc = 0;
out:
    asim_frame_finish(&frame);
    return rc;
}

/* Whether the trajectory holds every atom that the comparison looks at. */
static int find_atoms(struct asim_trajectory *traj, const struct asim_topology *top,
                      const struct asim_whole *whole,
                      const struct asim_bias_atoms *atoms, struct asim_error *err)
{
    uint32_t *list = NULL;
    size_t count = 0;
    if (asim_trajectory_match(traj, top, err) < 0 ||
        asim_trajectory_check_atoms(traj, atoms->index, atoms->count, err) < 0 ||
        (whole && asim_whole_list_atoms(whole, &list, &count, err) < 0))
        return -1;
    int rc = asim_trajectory_check_atoms(traj, list, count, err);
    free(list);
    return rc;
}

static int compare(struct comparison *comparison, const char *path,
                   const struct asim_pca *pca, const struct asim_topology *top,
                   struct asim_error *err)
{
    struct asim_window_check *check = &comparison->check;
    struct asim_trajectory *traj = NULL;
    struct asim_whole *whole = NULL;
    struct asim_error cause = {0};
    int rc = -1;
    if (asim_trajectory_open(path, &traj, &cause) < 0) {
        snprintf(check->why, sizeof check->why, "%.159s", cause.text);
        return 0;
    }
    if (asim_gradient_init(pca, &comparison->gradient, err) < 0 ||
        (asim_bias_own_pbc(pca, top) != ASIM_PBC_NONE &&
         (asim_whole_create(top, asim_bias_own_pbc(pca, top),
                            comparison->gradient.atoms.index,
                            comparison->gradient.atoms.count, &whole, err) < 0 ||
          asim_pca_arrange(pca, whole, err) < 0)))
        goto out;
    if (find_atoms(traj, top, whole, &comparison->gradient.atoms, &cause) < 0) {
        snprintf(check->why, sizeof check->why, "%.159s", cause.text);
        rc = 0;
        goto out;
    }
    if (compare_frames(comparison, traj, whole, err) < 0)
        goto out;
    if (check->frame_count == 0) {
        snprintf(check->why, sizeof check->why,
                 "no frame of the window's trajectory is of the time of a sample");
    } else {
        check->w2 /= (double)check->frame_count;
        check->force_error =
            sqrt(comparison->squared_error / comparison->squared_force);
    }
    rc = 0;
out:
    asim_gradient_finish(&comparison->gradient);
    asim_whole_destroy(whole);
    asim_trajectory_close(traj);
    return rc;
}

int asim_window_check(const struct asim_ended_window *window,
                      const struct asim_pca *pca, const struct asim_topology *top,
                      struct asim_window_check *ret_check, struct asim_error *err)
{
    static const char *const names[] = {"traj.xtc", "traj.trr"};
    const struct asim_plan *plan = window->plan;
    struct asim_series series = {0};
    struct comparison comparison = {.plan = plan, .series = &series};
    struct asim_error incomplete = {0};
    int rc = -1;
    if (asim_series_read(window->folder, plan, window->window, &series, err) < 0)
        return -1;
    if (asim_series_check_complete(&series, plan, window->nsteps, window->attempts,
                                   &incomplete) < 0) {
        asim_fail(err, series.count == 0 ? ASIM_EINPUT : ASIM_EWINDOWS, "%s%s",
                  incomplete.text,
                  series.count == 0 ? ": GROMACS ran without the bias" : "");
        goto out;
    }
    snprintf(comparison.check.why, sizeof comparison.check.why,
             "the run wrote no trajectory (nstxout-compressed = 0)");
    for (size_t i = 0; i < 2 && comparison.check.frame_count == 0; i++) {
        char *path = asim_path_join(window->folder, names[i], err);
        if (!path)
            goto out;
        comparison.trajectory = names[i];
        int compared =
            asim_file_exists(path) ? compare(&comparison, path, pca, top, err) : 0;
        free(path);
        if (compared < 0)
            goto out;
    }
    if (comparison.check.frame_count > 0)
        comparison.check.why[0] = '\0';
    *ret_check = comparison.check;
    rc = 0;
out:
    asim_series_finish(&series);
    return rc;
}

int asim_window_check_write(const struct asim_window_check *check,
                            const char *window_folder, struct asim_error *err)
{
    int rc = -1;
    char *path = asim_path_join(window_folder, CHECK_FILE, err);
    json_t *root = json_pack("{s:I, s:f, s:f, s:f, s:f, s:s}", "frame_count",
                             (json_int_t)check->frame_count, "largest_difference_nm",
                             check->largest_difference_nm, "tolerance_nm",
                             check->tolerance_nm, "force_error", check->force_error,
                             "w2", check->w2, "why", check->why);
    if (path && !root)
        asim_fail(err, ASIM_ENOMEM, "no memory to write '%s'", path);
    else if (path)
        rc = asim_json_write(path, root, err);
    json_decref(root);
    free(path);
    return rc;
}

int asim_window_check_read(const char *window_folder,
                           struct asim_window_check *ret_check, struct asim_error *err)
{
    struct asim_window_check check = {.why = "not checked yet"};
    json_t *root = NULL;
    int64_t frame_count = 0;
    int rc = -1;
    char *path = asim_path_join(window_folder, CHECK_FILE, err);
    if (!path)
        return -1;
    if (asim_file_exists(path) &&
        (asim_json_read(path, &root, err) < 0 ||
         asim_json_int64(root, "frame_count", &frame_count, err) < 0 ||
         asim_json_double(root, "largest_difference_nm", &check.largest_difference_nm,
                          err) < 0 ||
         asim_json_double(root, "tolerance_nm", &check.tolerance_nm, err) < 0 ||
         asim_json_double(root, "force_error", &check.force_error, err) < 0 ||
         asim_json_double(root, "w2", &check.w2, err) < 0 ||
         asim_json_text(root, "why", check.why, sizeof check.why, err) < 0)) {
        asim_wrap(err, "'%s'", path);
        goto out;
    }
    check.frame_count = frame_count > 0 ? (size_t)frame_count : 0;
    *ret_check = check;
    rc = 0;
out:
    json_decref(root);
    free(path);
    return rc;
}

int asim_window_checker_look(void *context, const struct asim_ended_window *window,
                             struct asim_error *err)
{
    const struct asim_window_checker *checker = context;
    struct asim_window_check check;
    if (asim_window_check(window, checker->pca, checker->top, &check, err) < 0 ||
        asim_window_check_write(&check, window->folder, err) < 0)
        return -1;
    if (check.frame_count > 0)
        asim_log_write(
            checker->log, ASIM_LOG_INFO,
            "Window %d: PC1 of %zu frames is that of the samples within %.1e "
            "nm, where rounding explains %.1e",
            window->window->window_id, check.frame_count, check.largest_difference_nm,
            check.tolerance_nm);
    else
        asim_log_write(checker->log, ASIM_LOG_INFO,
                       "Window %d: Its samples were not compared with frames: %s",
                       window->window->window_id, check.why);
    return 0;
}
