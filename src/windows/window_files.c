/*
 * The windows on disk: each one's folder with its run input and its bias.
 *
 * A run input is a copy of the TPR with the window's start, length and seeds. A bias
 * that belongs inside is put there; where the run inputs are grompp's, that copy is
 * only what it starts from, and what comes out must start alike. Invariant: plan.json
 * is written last, so where it exists all its windows do too.
 */
#include <autosim/windows.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "formats/tpr.h"
#include "pca/reference.h"
#include "structure/whole.h"
#include "windows/bias_atoms.h"
#include "windows/bias_method.h"
#include "windows/plan_file.h"
#include "windows/planned_frame.h"

#define TPR_LARGEST_BYTES ((uint64_t)16 << 30)

/* Everything that windows are written from. */
struct source {
    struct asim_plan *plan;
    const struct asim_pca *pca;
    struct asim_bias_atoms atoms;
    const struct asim_bias_method *method;
    const char *tpr;
    size_t tpr_size;
    const struct asim_run_input_maker *maker; /* NULL: none */
};

/* The bias of a window inside its TPR. Colvars asks for its atoms where they are first
 * named, which is the order of asim_bias_atoms, and takes them as one structure. */
static int add_bias(const struct source *source, const char *text,
                    const struct asim_frame *frame, void **data, size_t *size,
                    struct asim_error *err)
{
    const struct asim_bias_atoms *atoms = &source->atoms;
    void *biased;
    size_t biased_size;
    double *x = asim_alloc_array(atoms->count, 3 * sizeof *x, err);
    if (!x)
        return -1;
    for (size_t i = 0; i < atoms->count; i++)
        for (size_t d = 0; d < 3; d++)
            x[3 * i + d] = (double)frame->x_nm[atoms->index[i]][d];
    struct asim_tpr_colvars colvars = {
        .text = text,
        .name = source->method->files[0],
        .atom_count = atoms->count,
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

/* What was made from `start` must be the window that `start` is. */
static int check_made(const struct source *source, const void *start, size_t start_size,
                      const void *made, size_t made_size, const char *bias_text,
                      struct asim_error *err)
{
    struct asim_tpr planned = {0}, tpr = {0};
    struct asim_tpr_colvars_found found = {0};
    int rc = -1;
    if (asim_tpr_parse(start, start_size, &planned, NULL, err) < 0 ||
        asim_tpr_parse(made, made_size, &tpr, NULL, err) < 0)
        goto out;
    asim_tpr_find_colvars(made, &tpr, &found);
    bool inside = source->method->inside_tpr;
    size_t size = planned.atom_count * sizeof *planned.x_nm;
    const char *what = tpr.atom_count != planned.atom_count        ? "other atoms"
                       : memcmp(tpr.x_nm, planned.x_nm, size) != 0 ? "other coordinates"
                       : memcmp(tpr.box_nm, planned.box_nm, sizeof tpr.box_nm) != 0
                           ? "another box"
                       : !tpr.v_nm_ps || memcmp(tpr.v_nm_ps, planned.v_nm_ps, size) != 0
                           ? "other velocities"
                       : tpr.nsteps != planned.nsteps   ? "another number of steps"
                       : tpr.ld_seed != planned.ld_seed ? "another random seed"
                       : tpr.dt_ps != planned.dt_ps     ? "another time step"
                       : found.active != inside         ? "no such bias"
                       : inside && (!found.text || found.length != strlen(bias_text) ||
                                    memcmp(found.text, bias_text, found.length) != 0 ||
                                    found.number_count != 3 * source->atoms.count)
                           ? "another bias"
                           : NULL;
    rc = what
             ? asim_fail(err, ASIM_EINPUT,
                         "the run input that grompp made has %s than was planned", what)
             : 0;
out:
    asim_tpr_finish(&planned);
    asim_tpr_finish(&tpr);
    return rc;
}

/* `*data`, the start, is exchanged for what the maker makes of it. */
static int make_run_input(const struct source *source, const struct asim_window *window,
                          const char *folder, const char *bias_text, void **data,
                          size_t *size, struct asim_error *err)
{
    char *start = asim_path_join(folder, ASIM_START_TPR, err);
    char *path = asim_path_join(folder, "window.tpr", err);
    char *made = NULL;
    size_t made_size;
    int rc = -1;
    if (!start || !path || asim_file_replace(start, *data, *size, err) < 0 ||
        source->maker->make(source->maker->context, source->plan, window, folder, err) <
            0 ||
        asim_file_read(path, TPR_LARGEST_BYTES, &made, &made_size, err) < 0 ||
        check_made(source, *data, *size, made, made_size, bias_text, err) < 0)
        goto out;
    unlink(start);
    free(*data);
    *data = made;
    *size = made_size;
    made = NULL;
    rc = 0;
out:
    free(made);
    free(start);
    free(path);
    return rc;
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
        asim_tpr_patch(source->tpr, source->tpr_size, &patch, &data, &size, err) < 0)
        goto out;
    if (source->maker)
        rc = make_run_input(source, window, folder, bias_text, &data, &size, err);
    else if (source->method->inside_tpr)
        rc = add_bias(source, bias_text, frame, &data, &size, err);
    else
        rc = 0;
    if (rc == 0)
        rc = asim_file_replace(path, data, size, err);
    if (rc == 0)
        asim_sha256(data, size, window->tpr_sha256);
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
        .steering = window->steering,
        .system_atom_count = source->plan->system_atom_count,
        .dt_ps = source->plan->dt_ps,
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

static int read_start(const struct source *source, struct asim_trajectory *traj,
                      const struct asim_window *window, struct asim_frame *frame,
                      struct asim_error *err)
{
    struct asim_tpr tpr = {0};
    if (!source->plan->steered)
        return asim_read_planned_frame(traj, window->start_frame_index, frame, err);
    if (asim_tpr_parse(source->tpr, source->tpr_size, &tpr, NULL, err) < 0)
        return -1;
    int rc = asim_tpr_frame(&tpr, frame, err);
    asim_tpr_finish(&tpr);
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
    struct source source = {.plan = plan, .pca = sources->pca, .maker = sources->maker};
    struct asim_whole *whole = NULL;
    struct asim_frame frame = {0};
    char *tpr = NULL;
    int rc = -1;
    source.method = asim_bias_method(plan->bias);
    if (plan->by_grompp != (sources->maker != NULL))
        return asim_fail(err, ASIM_EUSAGE,
                         "the run inputs of this plan are made %s grompp, the program "
                         "that calls for them does not say so",
                         plan->by_grompp ? "by" : "without");
    if (asim_trajectory_match(traj, top, err) < 0)
        return -1;
    if (asim_file_read(tpr_path, TPR_LARGEST_BYTES, &tpr, &source.tpr_size, err) < 0)
        return -1;
    source.tpr = tpr;
    if (asim_bias_atoms_init(pca, &source.atoms, err) < 0)
        goto out;
    /* The start of a window is as the PCA saw its frame: every engine takes the atoms'
     * places from there, and chains that lie in different images as one structure. */
    enum asim_pbc_mode pbc =
        plan->steered ? asim_bias_own_pbc(pca, top) : asim_bias_pbc(pca, top);
    if (pbc != ASIM_PBC_NONE &&
        (asim_whole_create(top, pbc, source.atoms.index, source.atoms.count, &whole,
                           err) < 0 ||
         asim_pca_arrange(pca, whole, err) < 0))
        goto out;
    asim_trajectory_limit_atoms(traj, 0);
    for (size_t i = first; i < plan->window_count; i++) {
        struct asim_window *window = &plan->windows[i];
        char *window_folder =
            asim_format(err, "%s/windows/%03d", folder, window->window_id);
        if (!window_folder)
            goto out;
        int failed = read_start(&source, traj, window, &frame, err) < 0 ||
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
    asim_bias_atoms_finish(&source.atoms);
    free(tpr);
    return rc;
}

int asim_plan_write(struct asim_plan *plan, const struct asim_plan_sources *sources,
                    const char *folder, struct asim_error *err)
{
    char *path = asim_path_join(folder, "plan.json", err);
    int rc = path ? asim_plan_write_more(plan, 0, sources, folder, path, err) : -1;
    free(path);
    return rc;
}
