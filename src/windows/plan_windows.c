/* Campaign folders from files: reading, planning and writing in one call. */
#include <autosim/windows.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "formats/tpr.h"
#include "pca/reference.h"
#include "windows/bias_atoms.h"
#include "windows/edi.h"
#include "windows/planned_frame.h"
#include "windows/steering.h"

static int open_trajectories(const char *const *paths, size_t count,
                             struct asim_trajectory **ret_traj, struct asim_error *err)
{
    return count == 1 ? asim_trajectory_open(paths[0], ret_traj, err)
                      : asim_trajectory_open_many(paths, count, ret_traj, err);
}

int asim_plan_windows(const struct asim_pca *pca, const char *tpr_path,
                      const char *const *trajectory_paths, size_t trajectory_count,
                      const struct asim_plan_options *options, const char *folder,
                      struct asim_log *log, struct asim_plan *ret_plan,
                      struct asim_error *err)
{
    struct asim_topology top = {0};
    struct asim_trajectory *traj = NULL;
    struct asim_plan plan = {0};
    int rc = -1;
    if (asim_topology_read(tpr_path, &top, err) < 0 ||
        open_trajectories(trajectory_paths, trajectory_count, &traj, err) < 0 ||
        asim_plan_compute(pca, &top, tpr_path, traj, options, log, &plan, err) < 0 ||
        asim_make_folder(folder, err) < 0)
        goto out;
    const struct asim_plan_sources sources = {
        .pca = pca, .top = &top, .tpr_path = tpr_path, .traj = traj};
    if (asim_plan_write(&plan, &sources, folder, err) < 0)
        goto out;
    *ret_plan = plan;
    plan = (struct asim_plan){0};
    rc = 0;
out:
    asim_plan_finish(&plan);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    return rc;
}

/* The coordinates of a TPR as a trajectory of one frame, and the PCA that has it. */
struct single_frame {
    struct asim_tpr tpr;
    struct asim_frame frame;
    struct asim_trajectory *traj;
    struct asim_pca pca; /* borrows all but what follows */
    double projection_nm, time_ps;
    uint64_t frame_index;
};

static int give_frame(void *context, size_t frame_index, const float (**ret_x)[3],
                      float (*ret_box)[3], double *ret_time_ps)
{
    const struct single_frame *single = context;
    (void)frame_index;
    *ret_x = (const float(*)[3])single->frame.x_nm;
    memcpy(ret_box, single->tpr.box_nm, sizeof single->tpr.box_nm);
    *ret_time_ps = 0;
    return 0;
}

static void single_frame_finish(struct single_frame *single)
{
    asim_trajectory_close(single->traj);
    asim_frame_finish(&single->frame);
    asim_tpr_finish(&single->tpr);
}

/* The TPR's coordinates with the component's molecules whole. */
static int make_frame(struct single_frame *single, const struct asim_topology *top,
                      struct asim_error *err)
{
    const struct asim_tpr *tpr = &single->tpr;
    struct asim_whole *whole = NULL;
    if (asim_tpr_frame(tpr, &single->frame, err) < 0)
        return -1;
    if (!top->has_bonds)
        return 0;
    struct asim_bias_atoms atoms;
    if (asim_bias_atoms_init(&single->pca, &atoms, err) < 0)
        return -1;
    int rc =
        asim_whole_create(top, ASIM_PBC_WHOLE, atoms.index, atoms.count, &whole, err);
    if (rc == 0)
        rc = asim_pca_arrange(&single->pca, whole, err);
    if (rc == 0)
        rc = asim_whole_apply(whole, &single->frame, err);
    asim_whole_destroy(whole);
    asim_bias_atoms_finish(&atoms);
    return rc;
}

static int single_frame_open(struct single_frame *single, const struct asim_pca *pca,
                             const struct asim_topology *top, const char *tpr_path,
                             struct asim_error *err)
{
    if (asim_tpr_read(tpr_path, &single->tpr, NULL, err) < 0)
        return -1;
    struct asim_frame_reader reader = {.context = single,
                                       .atom_count = single->tpr.atom_count,
                                       .frame_count = 1,
                                       .nm_per_unit = 1,
                                       .read = give_frame};
    single->pca = *pca;
    single->pca.frame_count = 1;
    single->pca.projections_nm = &single->projection_nm;
    single->pca.time_ps = &single->time_ps;
    single->pca.frame_indices = &single->frame_index;
    single->pca.pbc = ASIM_PBC_NONE; /* what is read again is whole already */
    if (make_frame(single, top, err) < 0 ||
        asim_pca_project(&single->pca, (const float(*)[3])single->frame.x_nm, 0,
                         &single->projection_nm, err) < 0)
        return -1;
    return asim_trajectory_open_reader(&reader, tpr_path, &single->traj, err);
}

static bool atoms_fit(const struct asim_pca *pca, const struct asim_topology *top,
                      const char *tpr_path, struct asim_error *err)
{
    for (size_t i = 0; i < pca->atom_count; i++)
        if (pca->atom_indices[i] >= top->atom_count) {
            asim_fail(err, ASIM_EINPUT,
                      "'%s' has %zu atoms, and the component moves atom %u: it was "
                      "made from another system",
                      tpr_path, top->atom_count, pca->atom_indices[i] + 1);
            return false;
        }
    return true;
}

/* The plan of a window anywhere in range, moved to where it shall be. */
static void move_window(struct asim_plan *plan, const struct asim_pca *pca,
                        const struct asim_bias *bias)
{
    struct asim_window *window = &plan->windows[0];
    size_t nearest = 0;
    for (size_t i = 1; i < pca->frame_count; i++)
        if (fabs(pca->projections_nm[i] - bias->centre_nm) <
            fabs(pca->projections_nm[nearest] - bias->centre_nm))
            nearest = i;
    window->bias.centre_nm = asim_edi_round_centre(bias->centre_nm);
    if (plan->steered) {
        asim_steering_plan(plan, window, window->steering.from_nm);
        return;
    }
    window->start_frame_index = pca->frame_indices[nearest];
    window->start_time_ps = pca->time_ps[nearest];
    window->start_nm = pca->projections_nm[nearest];
}

static int compute_one(const struct asim_pca *pca, const struct asim_topology *top,
                       const char *tpr_path, struct asim_trajectory *traj,
                       const struct asim_bias *bias, int64_t nsteps,
                       const struct asim_plan_options *options, struct asim_log *log,
                       struct asim_plan *ret_plan, struct asim_error *err)
{
    struct asim_plan_options one = *options;
    struct asim_tpr tpr = {0};
    if (asim_tpr_read(tpr_path, &tpr, NULL, err) < 0)
        return -1;
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < pca->frame_count; i++) {
        low = fmin(low, pca->projections_nm[i]);
        high = fmax(high, pca->projections_nm[i]);
    }
    one.window_count = 1;
    one.begin_nm = low - 1e-3;
    one.end_nm = high + 1e-3;
    one.force_constant_kj_mol_nm2 = bias->force_constant_kj_mol_nm2;
    one.window_ps = (double)nsteps * tpr.dt_ps;
    /* A short window still gets the 100 samples that it needs. */
    if (one.sample_ps <= 0 && one.window_ps < 10)
        one.sample_ps = fmax(tpr.dt_ps, floor((double)nsteps / 100) * tpr.dt_ps);
    asim_tpr_finish(&tpr);
    if (asim_plan_compute(pca, top, tpr_path, traj, &one, log, ret_plan, err) < 0)
        return -1;
    move_window(ret_plan, pca, bias);
    return 0;
}

int asim_plan_one_window(const struct asim_pca *pca, const char *tpr_path,
                         const char *const *trajectory_paths, size_t trajectory_count,
                         const struct asim_bias *bias, int64_t nsteps,
                         const struct asim_plan_options *options, const char *folder,
                         struct asim_log *log, struct asim_plan *ret_plan,
                         struct asim_error *err)
{
    struct asim_topology top = {0};
    struct asim_trajectory *traj = NULL;
    struct single_frame single = {0};
    struct asim_plan plan = {0};
    int rc = -1;
    if (!isfinite(bias->centre_nm) || !(bias->force_constant_kj_mol_nm2 > 0) ||
        nsteps < 1)
        return asim_fail(err, ASIM_EUSAGE,
                         "a window at %g nm with k = %g kJ/mol/nm^2 and %" PRId64
                         " steps is not possible: the centre must be a number, the "
                         "others positive",
                         bias->centre_nm, bias->force_constant_kj_mol_nm2, nsteps);
    if (asim_topology_read(tpr_path, &top, err) < 0 ||
        !atoms_fit(pca, &top, tpr_path, err))
        goto out;
    if (trajectory_count > 0) {
        if (open_trajectories(trajectory_paths, trajectory_count, &traj, err) < 0)
            goto out;
    } else {
        if (single_frame_open(&single, pca, &top, tpr_path, err) < 0)
            goto out;
        pca = &single.pca;
    }
    struct asim_trajectory *frames = traj ? traj : single.traj;
    if (compute_one(pca, &top, tpr_path, frames, bias, nsteps, options, log, &plan,
                    err) < 0 ||
        asim_make_folder(folder, err) < 0)
        goto out;
    const struct asim_plan_sources sources = {
        .pca = pca, .top = &top, .tpr_path = tpr_path, .traj = frames};
    if (asim_plan_write(&plan, &sources, folder, err) < 0)
        goto out;
    *ret_plan = plan;
    plan = (struct asim_plan){0};
    rc = 0;
out:
    asim_plan_finish(&plan);
    single_frame_finish(&single);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    return rc;
}
