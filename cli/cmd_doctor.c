/* autosim doctor: is everything here that a run needs, and does the input fit? */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "base/memory.h"
#include "cli.h"
#include "formats/tpr.h"
#include "trajectory_files.h"

static int report_gromacs(const struct settings *settings, struct asim_error *err)
{
    struct asim_gromacs gromacs;
    if (asim_gromacs_find(settings->gromacs, &gromacs, err) < 0)
        return -1;
    printf("GROMACS          %s (%s)\n", gromacs.version, gromacs.path);
    printf("  parallel       %s\n", gromacs.thread_mpi ? "thread-MPI"
                                    : gromacs.mpi      ? "MPI library"
                                                       : "none");
    printf("  precision      %s\n", gromacs.double_precision ? "double" : "single");
    printf("  SIMD, GPU      %s, %s\n", gromacs.simd, gromacs.gpu);
    printf("  Colvars        %s\n", gromacs.colvars ? "built in" : "no");
    printf("Bias             edi: essential-dynamics restraint, works with every "
           "GROMACS;\n                 its force error is measured with each plan\n");
    return 0;
}

static int report_machine(struct asim_error *err)
{
    struct statvfs disk;
    printf("Cores            %d may be used\n", asim_cores_available());
    printf("Memory           %.1f GB available\n",
           (double)asim_memory_available_bytes() / 1e9);
    if (statvfs(".", &disk) < 0)
        return asim_fail(err, ASIM_EENV, "cannot look at the disk of this folder: %s",
                         strerror(errno));
    printf("Disk             %.1f GB free here\n",
           (double)disk.f_bavail * (double)disk.f_frsize / 1e9);
    return 0;
}

static int report_tpr(const char *path, struct asim_topology *top,
                      struct asim_error *err)
{
    struct asim_tpr tpr = {0};
    if (asim_tpr_read(path, &tpr, top, err) < 0)
        return -1;
    printf("%s\n", path);
    printf("  system         %zu atoms, %zu residues, %zu molecules, written by %s\n",
           top->atom_count, top->residue_count, top->molecule_count,
           tpr.gromacs_version);
    printf("  dynamics       %s, %g ps a step", tpr.integrator_name, tpr.dt_ps);
    if (tpr.ref_t_kelvin > 0)
        printf(", %g K\n", tpr.ref_t_kelvin);
    else
        printf(", no thermostat: a PMF needs one temperature\n");
    asim_tpr_finish(&tpr);
    return 0;
}

/* What the selection and the trajectory would give; the force error is the plan's. */
static int report_trajectory(const struct settings *settings,
                             const struct asim_topology *top, struct asim_error *err)
{
    struct asim_trajectory *traj = NULL;
    struct asim_pca pca = {0};
    struct asim_plan plan = {0};
    size_t frame_count, damage_count;
    int rc = -1;
    if (trajectory_files_open(settings, NULL, &traj, err) < 0 ||
        asim_trajectory_frame_count(traj, &frame_count, err) < 0)
        goto out;
    const struct asim_damage *damage = asim_trajectory_damage(traj, &damage_count);
    for (int i = 1; i < settings->argument_count; i++)
        printf("%s\n", settings->arguments[i]);
    printf("  frames         %zu of %zu atoms\n", frame_count,
           asim_trajectory_atom_count(traj));
    for (size_t i = 0; i < damage_count; i++)
        printf("  damage         frame %zu, byte %llu: %s\n", damage[i].frame_index,
               (unsigned long long)damage[i].offset_bytes, damage[i].what);
    if (asim_pca_compute(top, traj, &settings->pca, NULL, &pca, err) < 0)
        goto out;
    printf("  selection      %s: %zu atoms\n", pca.selection, pca.atom_count);
    printf("  periodic box   molecules are %s\n", pca.pbc != ASIM_PBC_NONE
                                                      ? "made whole along their bonds"
                                                      : "taken as they are");
    printf("  PC1            %.1f%% of the variance, cosine content %.2f%s\n",
           100 * pca.eigenvalues_nm2[0] / pca.total_variance_nm2, pca.cosine_content[0],
           pca.cosine_content[0] > 0.5 ? ": looks like diffusion, sample longer" : "");
    if (asim_plan_compute(&pca, top, settings->arguments[0], traj, &settings->plan,
                          NULL, &plan, err) < 0)
        goto out;
    printf("  windows        %zu from %.3f to %.3f nm by default\n", plan.window_count,
           plan.windows[0].bias.centre_nm,
           plan.windows[plan.window_count - 1].bias.centre_nm);
    printf("  force error    <w^2> = %.4f with the edi bias (good below 0.02, refused "
           "above 0.1)\n",
           plan.force_error);
    rc = 0;
out:
    asim_plan_finish(&plan);
    asim_pca_finish(&pca);
    asim_trajectory_close(traj);
    return rc;
}

int cmd_doctor(const struct settings *settings, struct asim_error *err)
{
    struct asim_topology top = {0};
    int rc = -1;
    if (report_machine(err) < 0 || report_gromacs(settings, err) < 0)
        return -1;
    if (settings->argument_count > 0 &&
        report_tpr(settings->arguments[0], &top, err) < 0)
        goto out;
    if (settings->argument_count > 1 && report_trajectory(settings, &top, err) < 0)
        goto out;
    rc = 0;
out:
    asim_topology_finish(&top);
    return rc;
}
