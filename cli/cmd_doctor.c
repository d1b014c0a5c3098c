/* autosim doctor: is everything here that a run needs, and does the input fit? */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include <jansson.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli.h"
#include "formats/tpr.h"
#include "pipeline.h"
#include "trajectory_files.h"
#include "windows/simulation.h"

/* What is found goes to the terminal as lines, or into one JSON object. */
struct findings {
    const struct settings *settings;
    json_t *root; /* NULL: lines */
    struct asim_gromacs gromacs;
    enum asim_bias_engine engine;
    char why[300];           /* that engine */
    struct asim_error unfit; /* why nothing can be simulated here; status 0: it can */
    bool no_dynamics;        /* because of the TPR */
};

static int add(struct findings *findings, const char *key, json_t *value,
               struct asim_error *err)
{
    return json_object_set_new(findings->root, key, value) == 0
               ? 0
               : asim_fail(err, ASIM_ENOMEM, "no memory for the findings");
}

static int report_machine(struct findings *findings, struct asim_error *err)
{
    struct statvfs disk;
    if (statvfs(".", &disk) < 0)
        return asim_fail(err, ASIM_EENV, "cannot look at the disk of this folder: %s",
                         strerror(errno));
    uint64_t memory = asim_memory_available_bytes();
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    int cores = asim_cores_available();
    if (findings->root)
        return add(findings, "machine",
                   json_pack("{s:i, s:I, s:I}", "cores", cores,
                             "memory_available_bytes", (json_int_t)memory,
                             "disk_free_bytes", (json_int_t)free_bytes),
                   err);
    printf("Cores            %d may be used\n", cores);
    printf("Memory           %.1f GB available\n", (double)memory / 1e9);
    printf("Disk             %.1f GB free here\n", (double)free_bytes / 1e9);
    return 0;
}

static void print_engine(const struct findings *findings, enum asim_bias_engine engine,
                         const char *words)
{
    bool used = findings->engine == engine;
    printf("  %-14s %s%s%s\n", asim_bias_engine_name(engine), words,
           used ? "; used: " : "", used ? findings->why : "");
}

static int report_gromacs(struct findings *findings, struct asim_error *err)
{
    struct asim_gromacs *gromacs = &findings->gromacs;
    const char *tpr = findings->settings->argument_count > 0
                          ? findings->settings->arguments[0]
                          : NULL;
    if (asim_gromacs_find(findings->settings->gromacs, gromacs, &findings->unfit) < 0) {
        /* The input can be looked at all the same. */
        findings->engine = ASIM_BIAS_EDI;
        if (findings->root)
            return add(findings, "gromacs", json_null(), err);
        printf("GROMACS          none that runs: see below\n");
        return 0;
    }
    asim_gromacs_try(gromacs);
    if (asim_bias_choose(gromacs, tpr, ASIM_BIAS_AUTO, &findings->engine, findings->why,
                         sizeof findings->why, err) < 0)
        return -1;
    const char *parallel = gromacs->thread_mpi ? "thread-MPI"
                           : gromacs->mpi      ? "MPI library"
                                               : "none";
    const char *precision = gromacs->double_precision ? "double" : "single";
    if (findings->root) {
        if (add(findings, "gromacs",
                json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:b, s:s}",
                          "version", gromacs->version, "path", gromacs->path,
                          "parallel", parallel, "precision", precision, "simd",
                          gromacs->simd, "gpu", gromacs->gpu, "colvars",
                          gromacs->colvars, "colvars_why", gromacs->colvars_why,
                          "plumed", gromacs->plumed, "plumed_why", gromacs->plumed_why),
                err) < 0)
            return -1;
        return add(findings, "bias",
                   json_pack("{s:s, s:s}", "engine",
                             asim_bias_engine_name(findings->engine), "why",
                             findings->why),
                   err);
    }
    printf("GROMACS          %s (%s)\n", gromacs->version, gromacs->path);
    printf("  parallel       %s\n", parallel);
    printf("  precision      %s\n", precision);
    printf("  SIMD, GPU      %s, %s\n", gromacs->simd, gromacs->gpu);
    printf("Bias             %s\n", asim_bias_engine_name(findings->engine));
    print_engine(findings, ASIM_BIAS_COLVARS, gromacs->colvars_why);
    print_engine(findings, ASIM_BIAS_PLUMED, gromacs->plumed_why);
    print_engine(findings, ASIM_BIAS_EDI,
                 "works with every GROMACS; its force error is measured");
    return 0;
}

static int report_tpr(struct findings *findings, struct asim_topology *top,
                      struct asim_error *err)
{
    const char *path = findings->settings->arguments[0];
    struct asim_tpr tpr = {0};
    int rc = 0;
    if (asim_tpr_read(path, &tpr, top, err) < 0)
        return -1;
    if (findings->root) {
        rc =
            add(findings, "tpr",
                json_pack(
                    "{s:I, s:I, s:I, s:s, s:i, s:s, s:f, s:o}", "atom_count",
                    (json_int_t)top->atom_count, "residue_count",
                    (json_int_t)top->residue_count, "molecule_count",
                    (json_int_t)top->molecule_count, "gmx_version", tpr.gromacs_version,
                    "file_version", tpr.file_version, "integrator", tpr.integrator_name,
                    "dt_ps", tpr.dt_ps, "ref_t_kelvin",
                    tpr.ref_t_kelvin > 0 ? json_real(tpr.ref_t_kelvin) : json_null()),
                err);
    } else {
        printf("%s\n", path);
        printf("  system         %zu atom%s, %zu residue%s, %zu molecule%s, written by "
               "%s\n",
               top->atom_count, asim_plural(top->atom_count), top->residue_count,
               asim_plural(top->residue_count), top->molecule_count,
               asim_plural(top->molecule_count), tpr.gromacs_version);
        printf("  dynamics       %s, %g ps a step", tpr.integrator_name, tpr.dt_ps);
        if (tpr.ref_t_kelvin > 0)
            printf(", %g K\n", tpr.ref_t_kelvin);
        else
            printf(", no thermostat: a PMF needs one temperature\n");
    }
    asim_tpr_finish(&tpr);
    return rc;
}

static int report_damage(struct findings *findings, struct asim_trajectory *traj,
                         size_t frame_count, json_t *object)
{
    size_t count;
    const struct asim_damage *damage = asim_trajectory_damage(traj, &count);
    json_t *list = json_array();
    for (int i = 1; i < findings->settings->argument_count && !findings->root; i++)
        printf("%s\n", findings->settings->arguments[i]);
    if (!findings->root)
        printf("  frames         %zu of %zu atoms\n", frame_count,
               asim_trajectory_atom_count(traj));
    for (size_t i = 0; i < count; i++) {
        if (!findings->root)
            printf("  damage         frame %zu, byte %llu: %s\n", damage[i].frame_index,
                   (unsigned long long)damage[i].offset_bytes, damage[i].what);
        json_array_append_new(list,
                              json_pack("{s:I, s:I, s:s}", "frame",
                                        (json_int_t)damage[i].frame_index, "offset",
                                        (json_int_t)damage[i].offset_bytes, "what",
                                        damage[i].what));
    }
    json_object_set_new(object, "frame_count", json_integer((json_int_t)frame_count));
    return json_object_set_new(object, "damage", list);
}

static int report_plan(struct findings *findings, const struct asim_pca *pca,
                       const struct asim_plan *plan, json_t *object)
{
    double fraction = pca->eigenvalues_nm2[0] / pca->total_variance_nm2;
    double begin = plan->windows[0].bias.centre_nm;
    double end = plan->windows[plan->window_count - 1].bias.centre_nm;
    if (findings->root) {
        json_t *more = json_pack(
            "{s:s, s:I, s:s, s:f, s:o, s:I, s:f, s:f, s:f, s:f}", "selection",
            pca->selection, "selected_count", (json_int_t)pca->atom_count, "pbc",
            asim_pbc_mode_name(pca->pbc), "variance_explained", fraction,
            "cosine_content", asim_json_number(pca->cosine_content[0]), "window_count",
            (json_int_t)plan->window_count, "begin_nm", begin, "end_nm", end,
            "edi_force_error", plan->force_error, "edi_force_error_max",
            plan->force_error_max);
        int rc = json_object_update(object, more);
        json_decref(more);
        return rc;
    }
    printf("  selection      %s: %zu atoms\n", pca->selection, pca->atom_count);
    printf("  periodic box   molecules are %s\n", pca->pbc != ASIM_PBC_NONE
                                                      ? "made whole along their bonds"
                                                      : "taken as they are");
    printf("  PC1            %.1f%% of the variance, cosine content %.2f%s\n",
           100 * fraction, pca->cosine_content[0],
           pca->cosine_content[0] > 0.5 ? ": looks like diffusion, sample longer" : "");
    printf("  windows        %zu from %.3f to %.3f nm by default\n", plan->window_count,
           begin, end);
    printf("  force error    <w^2> = %.4f with the edi bias, in some window %.4f (good "
           "below 0.02,\n                 refused above 0.1)\n",
           plan->force_error, plan->force_error_max);
    return 0;
}

/* Why no window of this TPR would run here. That ends doctor, but behind all findings.
 */
static int check_tpr(struct findings *findings, const struct asim_topology *top,
                     struct asim_error *err)
{
    const char *path = findings->settings->arguments[0];
    struct asim_tpr tpr = {0};
    double kelvin;
    if (asim_tpr_read(path, &tpr, NULL, err) < 0)
        return -1;
    bool gromacs = findings->gromacs.path[0] != '\0';
    struct asim_error unfit = {0};
    int fits = gromacs ? asim_gromacs_check_tpr(&findings->gromacs, path, &unfit) : 0;
    if (fits == 0)
        fits = asim_plan_check_simulation(&tpr, top, &findings->settings->plan, &kelvin,
                                          &unfit);
    asim_tpr_finish(&tpr);
    if (fits < 0) {
        findings->unfit = unfit;
        findings->no_dynamics = true;
    } else if (!gromacs) {
        return findings->root ? add(findings, "can_be_simulated", json_null(), err) : 0;
    }
    if (findings->root)
        return add(findings, "can_be_simulated", json_boolean(fits == 0), err);
    printf("  simulation     %s\n",
           fits == 0 ? "can be run by this GROMACS" : "cannot be run: see below");
    return 0;
}

/* What the selection and the trajectory would give; the force error is the plan's. */
static int report_trajectory(struct findings *findings, const struct asim_topology *top,
                             struct asim_error *err)
{
    const struct settings *settings = findings->settings;
    struct asim_plan_options options = settings->plan;
    struct asim_trajectory *traj = NULL;
    struct asim_pca pca = {0};
    struct asim_plan plan = {0};
    json_t *object = json_object();
    size_t frame_count;
    int rc = -1;
    options.bias = findings->engine;
    if (trajectory_files_open(settings, NULL, &traj, err) < 0 ||
        asim_trajectory_frame_count(traj, &frame_count, err) < 0)
        goto out;
    if (report_damage(findings, traj, frame_count, object) < 0) {
        asim_fail(err, ASIM_ENOMEM, "no memory for the findings");
        goto out;
    }
    if (asim_pca_compute(top, traj, &settings->pca, NULL, &pca, err) < 0 ||
        asim_plan_compute(&pca, top, settings->arguments[0], traj, &options, NULL,
                          &plan, err) < 0)
        goto out;
    if (report_plan(findings, &pca, &plan, object) < 0) {
        asim_fail(err, ASIM_ENOMEM, "no memory for the findings");
        goto out;
    }
    rc = findings->root ? add(findings, "trajectory", json_incref(object), err) : 0;
out:
    json_decref(object);
    asim_plan_finish(&plan);
    asim_pca_finish(&pca);
    asim_trajectory_close(traj);
    return rc;
}

int cmd_doctor(const struct settings *settings, struct asim_error *err)
{
    struct findings findings = {.settings = settings};
    struct asim_topology top = {0};
    int rc = -1;
    findings.root = settings->json ? json_object() : NULL;
    if (check_input_files(settings, err) < 0)
        goto out;
    if (report_machine(&findings, err) < 0 || report_gromacs(&findings, err) < 0 ||
        (settings->argument_count > 0 && (report_tpr(&findings, &top, err) < 0 ||
                                          check_tpr(&findings, &top, err) < 0)) ||
        (settings->argument_count > 1 && !findings.no_dynamics &&
         report_trajectory(&findings, &top, err) < 0))
        goto out;
    if (findings.root) {
        json_dumpf(findings.root, stdout, JSON_INDENT(1));
        printf("\n");
    }
    rc = findings.unfit.status == ASIM_OK
             ? 0
             : asim_fail(err, findings.unfit.status, "%s", findings.unfit.text);
out:
    json_decref(findings.root);
    asim_topology_finish(&top);
    return rc;
}
