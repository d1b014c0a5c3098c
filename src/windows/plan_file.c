/* plan.json: the plan as a file. */
#include "windows/plan_file.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

static json_t *window_to_json(const struct asim_window *window)
{
    return json_pack(
        "{s:i, s:f, s:f, s:I, s:f, s:f, s:I, s:i, s:I, s:s, s:s, s:f, s:f}",
        "window_id", window->window_id, "centre_nm", window->bias.centre_nm,
        "force_constant_kj_mol_nm2", window->bias.force_constant_kj_mol_nm2,
        "start_frame_index", (json_int_t)window->start_frame_index, "start_time_ps",
        window->start_time_ps, "start_nm", window->start_nm, "nsteps",
        (json_int_t)window->nsteps, "ld_seed", window->ld_seed, "velocity_seed",
        (json_int_t)window->velocity_seed, "tpr_sha256", window->tpr_sha256,
        "bias_sha256", window->bias_sha256, "steering_from_nm",
        window->steering.from_nm, "steering_ps", window->steering.duration_ps);
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
    root = json_pack(
        "{s:i, s:s, s:b, s:b, s:b, s:f, s:f, s:f, s:I, s:I, s:f, s:f, s:I, s:O}",
        "plan_version", 1, "bias", asim_bias_engine_name(plan->bias), "by_grompp",
        plan->by_grompp, "steered", plan->steered, "double_precision",
        plan->double_precision, "temperature_kelvin", plan->temperature_kelvin,
        "spacing_nm", plan->spacing_nm, "dt_ps", plan->dt_ps, "sample_steps",
        (json_int_t)plan->sample_steps, "system_atom_count",
        (json_int_t)plan->system_atom_count, "force_error", plan->force_error,
        "force_error_max", plan->force_error_max, "seed", (json_int_t)plan->seed,
        "windows", windows);
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

/* Plans of before there was steering do not speak of it. */
static int read_steering(const json_t *object, struct asim_steering *steering,
                         struct asim_error *err)
{
    if (!json_object_get(object, "steering_ps"))
        return 0;
    return asim_json_double(object, "steering_from_nm", &steering->from_nm, err) < 0 ||
                   asim_json_double(object, "steering_ps", &steering->duration_ps,
                                    err) < 0
               ? -1
               : 0;
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
        read_steering(object, &window->steering, err) < 0 ||
        asim_json_text(object, "tpr_sha256", window->tpr_sha256,
                       sizeof window->tpr_sha256, err) < 0 ||
        asim_json_text(object, "bias_sha256", window->bias_sha256,
                       sizeof window->bias_sha256, err) < 0)
        return -1;
    if (id < 0 || id > INT_MAX || start_frame < 0 || window->nsteps < 1 ||
        ld_seed < INT32_MIN || ld_seed > INT32_MAX ||
        !(window->steering.duration_ps >= 0) || !isfinite(window->steering.from_nm) ||
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
    plan->steered = json_is_true(json_object_get(root, "steered"));
    plan->by_grompp = json_is_true(json_object_get(root, "by_grompp"));
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
