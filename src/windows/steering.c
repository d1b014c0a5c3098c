/*
 * Windows that start from the TPR's own coordinates, wherever these are along PC1.
 */
#include "windows/steering.h"

#include <math.h>

#include "base/error.h"
#include "pca/reference.h"
#include "structure/whole.h"
#include "windows/bias_atoms.h"
#include "windows/planned_frame.h"

static const double STEERING_LEAST_PS = 20;

int asim_steering_check(const struct asim_bias_method *method,
                        const struct asim_topology *top,
                        const struct asim_trajectory *traj, const char *tpr_path,
                        struct asim_error *err)
{
    if (!asim_trajectory_is_subset(traj) || method->exact)
        return 0;
    return asim_fail(err, ASIM_EINPUT,
                     "a window cannot start from a frame of '%s', which holds the %zu "
                     "atoms of %zu that the compressed-x-grps of '%s' name, and the %s "
                     "bias cannot bring one to its centre from elsewhere: give the "
                     ".trr of the simulation or an .xtc with all atoms, or use a "
                     "GROMACS with Colvars (2024 or newer) and leave out --bias edi",
                     asim_trajectory_path(traj), top->written_count, top->atom_count,
                     tpr_path, method->name);
}

int asim_steering_start(const struct asim_pca *pca, const struct asim_topology *top,
                        const struct asim_tpr *tpr, double *ret_nm,
                        struct asim_error *err)
{
    struct asim_bias_atoms atoms;
    struct asim_whole *whole = NULL;
    struct asim_frame frame = {0};
    int rc = -1;
    if (asim_bias_atoms_init(pca, &atoms, err) < 0)
        return -1;
    enum asim_pbc_mode pbc = asim_bias_own_pbc(pca, top);
    if (asim_tpr_frame(tpr, &frame, err) == 0 &&
        (pbc == ASIM_PBC_NONE ||
         (asim_whole_create(top, pbc, atoms.index, atoms.count, &whole, err) == 0 &&
          asim_pca_arrange(pca, whole, err) == 0 &&
          asim_whole_apply(whole, &frame, err) == 0)))
        rc = asim_pca_project(pca, (const float(*)[3])frame.x_nm, 0, ret_nm, err);
    asim_whole_destroy(whole);
    asim_frame_finish(&frame);
    asim_bias_atoms_finish(&atoms);
    return rc < 0 ? asim_wrap(err, "the coordinates of the TPR") : 0;
}

void asim_steering_plan(const struct asim_plan *plan, struct asim_window *window,
                        double from_nm)
{
    double way = fabs(window->bias.centre_nm - from_nm);
    double sample_ps = (double)plan->sample_steps * plan->dt_ps;
    double duration_ps = fmax(way / ASIM_STEERING_NM_PER_PS, STEERING_LEAST_PS);
    int64_t samples = (int64_t)ceil(duration_ps / sample_ps);
    window->nsteps -= llround(window->steering.duration_ps / plan->dt_ps);
    window->start_frame_index = 0;
    window->start_time_ps = 0;
    window->start_nm = from_nm;
    window->steering = (struct asim_steering){
        .from_nm = from_nm, .duration_ps = (double)samples * sample_ps};
    window->nsteps += samples * plan->sample_steps;
}
