/*
 * The plan on disk: plan.json and each window's folder with its TPR and bias.
 * Invariant: plan.json is written last, so where it exists all its windows do too.
 */
#include "windows/plan_file.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "formats/tpr.h"
#include "structure/whole.h"
#include "windows/bias_method.h"

#define TPR_LARGEST_BYTES ((uint64_t)16 << 30)

/* Everything that windows are written from. */
struct source {
    struct asim_plan *plan;
    const struct asim_pca *pca;
    const struct asim_bias_method *method;
    const char *tpr;
    size_t tpr_size;
};

/* The bias of a window inside its TPR. Colvars asks for its atoms where they are first
 * named, which is the order of the PCA, and takes them as one structure. */
static int add_bias(const struct source *source, const char *text,
                    const struct asim_frame *frame, void **data, size_t *size,
                    struct asim_error *err)
{
    const struct asim_pca *pca = source->pca;
    void *biased;
    size_t biased_size;
    double *x = asim_alloc_array(pca->atom_count, 3 * sizeof *x, err);
    if (!x)
        return -1;
    for (size_t i = 0; i < pca->atom_count; i++)
        for (size_t d = 0; d < 3; d++)
            x[3 * i + d] = (double)frame->x_nm[pca->atom_indices[i]][d];
    struct asim_tpr_colvars colvars = {
        .text = text,
        .name = source->method->files[0],
        .atom_count = pca->atom_count,
        .x_nm = x,
        .ensemble_kelvin = source->plan->temperature_kelvin,
        .seed = -1,
        .double_precision = source->plan->double_precision,
    };
    int rc = asim_tpr_add_colvars(*data, *size, &colvars, &biased, &biased_size, err);
    free(x);
    if (rc < 0)
        return -1;
    free(*data);
    *data = biased;
    *size = biased_size;
    return 0;
}

static int write_tpr(const struct source *source, struct asim_window *window,
                     const char *folder, const char *bias_text,
                     const struct asim_frame *frame, struct asim_error *err)
{
    struct asim_tpr_patch patch = {
        .x_nm = (const float(*)[3])frame->x_nm,
        .box_nm = (const float(*)[3])frame->box_nm,
        .nsteps = window->nsteps,
        .ld_seed = window->ld_seed,
        .velocity_seed = window->velocity_seed,
        .temperature_kelvin = source->plan->temperature_kelvin,
    };
    char *path = asim_path_join(folder, "window.tpr", err);
    void *data = NULL;
    size_t size;
    int rc = -1;
    if (!path ||
        asim_tpr_patch(source->tpr, source->tpr_size, &patch, &data, &size, err) < 0 ||
        (source->method->inside_tpr &&
         add_bias(source, bias_text, frame, &data, &size, err) < 0) ||
        asim_file_replace(path, data, size, err) < 0)
        goto out;
    asim_sha256(data, size, window->tpr_sha256);
    rc = 0;
out:
    free(data);
    free(path);
    return rc;
}

static int write_window(const struct source *source, struct asim_window *window,
                        const char *folder, const struct asim_frame *frame,
                        struct asim_error *err)
{
    struct asim_bias_request request = {
        .pca = source->pca,
        .bias = window->bias,
        .system_atom_count = source->plan->system_atom_count,
        .sample_steps = source->plan->sample_steps,
        .temperature_kelvin = source->plan->temperature_kelvin,
    };
    struct asim_bias_texts texts;
    if (asim_bias_compose(source->method, &request, &texts, err) < 0)
        return -1;
    int rc = asim_make_folder(folder, err);
    if (rc == 0)
        rc = asim_bias_write(&texts, folder, err);
    if (rc == 0)
        rc = asim_bias_texts_sha256(&texts, window->bias_sha256, err);
    if (rc == 0)
        rc = write_tpr(source, window, folder, texts.text[0], frame, err);
    asim_bias_texts_finish(&texts);
    return rc;
}

static json_t *window_to_json(const struct asim_window *window)
{
    return json_pack("{s:i, s:f, s:f, s:I, s:f, s:f, s:I, s:i, s:I, s:s, s:s}",
                     "window_id", window->window_id, "centre_nm",
                     window->bias.centre_nm, "force_constant_kj_mol_nm2",
                     window->bias.force_constant_kj_mol_nm2, "start_frame_index",
                     (json_int_t)window->start_frame_index, "start_time_ps",
                     window->start_time_ps, "start_nm", window->start_nm, "nsteps",
                     (json_int_t)window->nsteps, "ld_seed", window->ld_seed,
                     "velocity_seed", (json_int_t)window->velocity_seed, "tpr_sha256",
                     window->tpr_sha256, "bias_sha256", window->bias_sha256);
}

int asim_plan_write_file(const struct asim_plan *plan, const char *path,
                         struct asim_error *err)
{
    json_t *root = NULL, *windows = json_array();
    int rc = -1;
    if (!windows)
        goto no_memory;
    for (size_t i = 0; i < plan->window_count; i++)
        if (json_array_append_new(windows, window_to_json(&plan->windows[i])) < 0)
            goto no_memory;
    root = json_pack("{s:i, s:s, s:b, s:f, s:f, s:f, s:I, s:I, s:f, s:f, s:I, s:O}",
                     "plan_version", 1, "bias", asim_bias_engine_name(plan->bias),
                     "double_precision", plan->double_precision, "temperature_kelvin",
                     plan->temperature_kelvin, "spacing_nm", plan->spacing_nm, "dt_ps",
                     plan->dt_ps, "sample_steps", (json_int_t)plan->sample_steps,
                     "system_atom_count", (json_int_t)plan->system_atom_count,
                     "force_error", plan->force_error, "force_error_max",
                     plan->force_error_max, "seed", (json_int_t)plan->seed, "windows",
                     windows);
    if (!root)
        goto no_memory;
    rc = asim_json_write(path, root, err);
    goto out;
no_memory:
    asim_fail(err, ASIM_ENOMEM, "no memory to write '%s'", path);
out:
    json_decref(root);
    json_decref(windows);
    return rc;
}

int asim_plan_write_more(struct asim_plan *plan, size_t first,
                         const struct asim_plan_sources *sources, const char *folder,
                         const char *plan_path, struct asim_error *err)
{
    const struct asim_pca *pca = sources->pca;
    const struct asim_topology *top = sources->top;
    const char *tpr_path = sources->tpr_path;
    struct asim_trajectory *traj = sources->traj;
    struct source source = {.plan = plan, .pca = sources->pca};
    struct asim_whole *whole = NULL;
    struct asim_frame frame = {0};
    char *tpr = NULL;
    int rc = -1;
    source.method = asim_bias_method(plan->bias);
    if (asim_trajectory_atom_count(traj) != top->atom_count)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' holds %zu atoms and '%s' %zu: a window can only start "
                         "from a frame of the whole system",
                         asim_trajectory_path(traj), asim_trajectory_atom_count(traj),
                         tpr_path, top->atom_count);
    if (asim_file_read(tpr_path, TPR_LARGEST_BYTES, &tpr, &source.tpr_size, err) < 0)
        return -1;
    source.tpr = tpr;
    /* The start of a window is as the PCA saw its frame: every engine takes the atoms'
     * places from there, and chains that lie in different images as one structure. */
    if (asim_bias_pbc(pca) != ASIM_PBC_NONE &&
        asim_whole_create(top, asim_bias_pbc(pca), pca->atom_indices, pca->atom_count,
                          &whole, err) < 0)
        goto out;
    asim_trajectory_limit_atoms(traj, 0);
    for (size_t i = first; i < plan->window_count; i++) {
        struct asim_window *window = &plan->windows[i];
        char *window_folder =
            asim_format(err, "%s/windows/%03d", folder, window->window_id);
        if (!window_folder)
            goto out;
        int failed = asim_trajectory_seek(traj, window->start_frame_index, err) < 0 ||
                     asim_trajectory_next(traj, &frame, err) != 1 ||
                     (whole && asim_whole_apply(whole, &frame, err) < 0) ||
                     write_window(&source, window, window_folder, &frame, err) < 0;
        free(window_folder);
        if (failed) {
            asim_wrap(err, "window %d", window->window_id);
            goto out;
        }
    }
    rc = asim_plan_write_file(plan, plan_path, err);
out:
    asim_whole_destroy(whole);
    asim_frame_finish(&frame);
    free(tpr);
    return rc;
}

int asim_plan_write(struct asim_plan *plan, const struct asim_pca *pca,
                    const struct asim_topology *top, const char *tpr_path,
                    struct asim_trajectory *traj, const char *folder,
                    struct asim_error *err)
{
    struct asim_plan_sources sources = {pca, top, tpr_path, traj};
    char *path = asim_path_join(folder, "plan.json", err);
    int rc = path ? asim_plan_write_more(plan, 0, &sources, folder, path, err) : -1;
    free(path);
    return rc;
}

static int window_from_json(const json_t *object, struct asim_window *window,
                            struct asim_error *err)
{
    int64_t id, start_frame, ld_seed, velocity_seed;
    if (asim_json_int64(object, "window_id", &id, err) < 0 ||
        asim_json_double(object, "centre_nm", &window->bias.centre_nm, err) < 0 ||
        asim_json_double(object, "force_constant_kj_mol_nm2",
                         &window->bias.force_constant_kj_mol_nm2, err) < 0 ||
        asim_json_int64(object, "start_frame_index", &start_frame, err) < 0 ||
        asim_json_double(object, "start_time_ps", &window->start_time_ps, err) < 0 ||
        asim_json_double(object, "start_nm", &window->start_nm, err) < 0 ||
        asim_json_int64(object, "nsteps", &window->nsteps, err) < 0 ||
        asim_json_int64(object, "ld_seed", &ld_seed, err) < 0 ||
        asim_json_int64(object, "velocity_seed", &velocity_seed, err) < 0 ||
        asim_json_text(object, "tpr_sha256", window->tpr_sha256,
                       sizeof window->tpr_sha256, err) < 0 ||
        asim_json_text(object, "bias_sha256", window->bias_sha256,
                       sizeof window->bias_sha256, err) < 0)
        return -1;
    if (id < 0 || id > INT_MAX || start_frame < 0 || window->nsteps < 1 ||
        ld_seed < INT32_MIN || ld_seed > INT32_MAX ||
        !(window->bias.force_constant_kj_mol_nm2 > 0))
        return asim_fail(err, ASIM_EINPUT, "a number is out of range");
    window->window_id = (int)id;
    window->start_frame_index = (uint64_t)start_frame;
    window->ld_seed = (int32_t)ld_seed;
    window->velocity_seed = (uint64_t)velocity_seed;
    return 0;
}

static int plan_from_json(const json_t *root, struct asim_plan *plan,
                          struct asim_error *err)
{
    int64_t version, system_atom_count, seed;
    char bias[16];
    if (asim_json_int64(root, "plan_version", &version, err) < 0 ||
        asim_json_text(root, "bias", bias, sizeof bias, err) < 0 ||
        asim_json_double(root, "temperature_kelvin", &plan->temperature_kelvin, err) <
            0 ||
        asim_json_double(root, "spacing_nm", &plan->spacing_nm, err) < 0 ||
        asim_json_double(root, "dt_ps", &plan->dt_ps, err) < 0 ||
        asim_json_int64(root, "sample_steps", &plan->sample_steps, err) < 0 ||
        asim_json_int64(root, "system_atom_count", &system_atom_count, err) < 0 ||
        asim_json_double(root, "force_error", &plan->force_error, err) < 0 ||
        asim_json_double(root, "force_error_max", &plan->force_error_max, err) < 0 ||
        asim_json_int64(root, "seed", &seed, err) < 0)
        return -1;
    enum asim_bias_engine engine = ASIM_BIAS_AUTO;
    if (version != 1 || asim_bias_engine_from_name(bias, &engine) < 0 ||
        engine == ASIM_BIAS_AUTO)
        return asim_fail(err, ASIM_EINPUT,
                         "plan version %" PRId64 " with bias '%s'; version 1 with edi, "
                         "colvars or plumed was expected",
                         version, bias);
    if (system_atom_count < 1 || plan->sample_steps < 1 ||
        !(plan->temperature_kelvin > 0) || !(plan->dt_ps > 0))
        return asim_fail(err, ASIM_EINPUT, "a number is out of range");
    plan->bias = engine;
    plan->double_precision = json_is_true(json_object_get(root, "double_precision"));
    plan->system_atom_count = (size_t)system_atom_count;
    plan->seed = (uint64_t)seed;
    const json_t *windows = json_object_get(root, "windows");
    plan->window_count = json_array_size(windows);
    if (plan->window_count == 0)
        return asim_fail(err, ASIM_EINPUT, "member 'windows' holds no window");
    plan->windows = asim_alloc_array(plan->window_count, sizeof *plan->windows, err);
    if (!plan->windows)
        return -1;
    for (size_t i = 0; i < plan->window_count; i++)
        if (window_from_json(json_array_get(windows, i), &plan->windows[i], err) < 0)
            return asim_wrap(err, "windows[%zu]", i);
    return 0;
}

int asim_plan_read_file(const char *path, struct asim_plan *ret_plan,
                        struct asim_error *err)
{
    struct asim_plan plan = {0};
    json_t *root = NULL;
    int rc = -1;
    if (asim_json_read(path, &root, err) < 0)
        goto out;
    if (plan_from_json(root, &plan, err) < 0) {
        asim_wrap(err, "'%s'", path);
        goto out;
    }
    *ret_plan = plan;
    plan = (struct asim_plan){0};
    rc = 0;
out:
    asim_plan_finish(&plan);
    json_decref(root);
    return rc;
}

int asim_plan_read(const char *folder, struct asim_plan *ret_plan,
                   struct asim_error *err)
{
    char *path = asim_path_join(folder, "plan.json", err);
    int rc = path ? asim_plan_read_file(path, ret_plan, err) : -1;
    free(path);
    return rc;
}
