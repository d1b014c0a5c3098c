/* The stages up to the plan: folder, log, PCA, windows. */
#include "pipeline.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "campaign/campaign_lock.h"
#include "trajectory_files.h"

enum { MODES_MOST = 1000 };

/* GROMACS writes the name of its folder into a comment line of bias.xvg as it is. */
static int check_folder_name(const char *folder, struct asim_error *err)
{
    char *absolute = realpath(folder, NULL);
    bool broken = absolute && strpbrk(absolute, "\r\n");
    free(absolute);
    return broken
               ? asim_fail(err, ASIM_EUSAGE,
                           "the name of the folder '%s', or of one above it, holds a "
                           "line break, which GROMACS' files cannot carry: use "
                           "another with -C",
                           folder)
               : 0;
}

int workplace_open(struct workplace *workplace, const struct settings *settings,
                   bool create, struct asim_error *err)
{
    *workplace = (struct workplace){.settings = settings, .lock_fd = -1};
    terminal_init(&workplace->terminal, settings->quiet);
    if (create) {
        /* A reader of our messages that leaves must not end the work. */
        signal(SIGPIPE, SIG_IGN);
        if (asim_make_folder(settings->folder, err) < 0 ||
            check_folder_name(settings->folder, err) < 0 ||
            asim_campaign_lock_take(settings->folder, &workplace->lock_fd, err) < 0)
            return -1;
    }
    char *path = asim_path_join(settings->folder, "autosim_compute.log", err);
    if (!path)
        goto fail;
    /* Looking at a folder that is not ours to write in is fine: no log file then. */
    int rc = asim_log_open(path, &workplace->log, err);
    if (rc < 0 && !create)
        rc = asim_log_open(NULL, &workplace->log, err);
    free(path);
    if (rc < 0)
        goto fail;
    asim_log_set_listener(workplace->log, terminal_log, &workplace->terminal);
    return 0;
fail:
    workplace_close(workplace);
    return -1;
}

void workplace_close(struct workplace *workplace)
{
    terminal_close_line(&workplace->terminal);
    asim_log_close(workplace->log);
    workplace->log = NULL;
    asim_campaign_lock_give(&workplace->lock_fd);
}

int workplace_end(struct workplace *workplace, int code, const struct asim_error *err)
{
    /* The terminal hears of it from main(). */
    asim_log_set_listener(workplace->log, NULL, NULL);
    if (code < 0 && err)
        asim_log_write(workplace->log, ASIM_LOG_ERROR, "%s", err->text);
    workplace_close(workplace);
    return code;
}

static int check_input_file(const char *path, struct asim_error *err)
{
    if (access(path, R_OK) < 0)
        return asim_fail(err, ASIM_EINPUT, "cannot read '%s': %s", path,
                         strerror(errno));
    return 0;
}

int check_input_files(const struct settings *settings, struct asim_error *err)
{
    for (int i = 0; i < settings->argument_count; i++)
        if (check_input_file(settings->arguments[i], err) < 0)
            return -1;
    const char *const more[] = {
        settings->pca.ndx_path,    settings->pca.reference_path,
        settings->grompp.mdp_path, settings->grompp.top_path,
        settings->grompp.ndx_path, settings->grompp.posres_path};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (more[i] && check_input_file(more[i], err) < 0)
            return -1;
    return 0;
}

int check_campaign(const struct settings *settings, struct asim_error *err)
{
    if (!campaign_file_exists(settings, "plan.json"))
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' holds no planned windows: 'autosim run system.tpr "
                         "traj.xtc' makes them, -C names another folder",
                         settings->folder);
    return 0;
}

bool campaign_file_exists(const struct settings *settings, const char *name)
{
    char *path = asim_path_join(settings->folder, name, NULL);
    bool exists = path && asim_file_exists(path);
    free(path);
    return exists;
}

/* A result that is about to be made anew: what is half made must not pass for it. */
static int forget(const struct settings *settings, const char *name,
                  struct asim_error *err)
{
    char *path = asim_path_join(settings->folder, name, err);
    if (!path)
        return -1;
    int rc =
        unlink(path) < 0 && errno != ENOENT
            ? asim_fail(err, ASIM_EIO, "cannot remove '%s': %s", path, strerror(errno))
            : 0;
    free(path);
    return rc;
}

/* Motion along further components; those of an earlier analysis are removed. */
static int write_modes(const struct settings *settings, const struct asim_pca *pca,
                       const struct asim_topology *top, struct asim_error *err)
{
    for (size_t k = 2; k <= MODES_MOST; k++) {
        char name[40];
        snprintf(name, sizeof name, "pca/mode%zu.pdb", k);
        bool wanted = k <= settings->modes && k <= pca->component_count;
        if (!wanted && !campaign_file_exists(settings, name))
            break;
        char *path = asim_path_join(settings->folder, name, err);
        int rc = path ? 0 : -1;
        if (path)
            rc = wanted ? asim_pca_write_mode(pca, top, k - 1, path, err)
                        : forget(settings, name, err);
        free(path);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static void log_modes(const struct settings *settings, const struct asim_pca *pca,
                      struct asim_log *log)
{
    if (settings->modes > pca->component_count)
        asim_log_write(log, ASIM_LOG_WARNING,
                       "%zu modes were asked for and %zu components are kept: the "
                       "motion is drawn along those",
                       settings->modes, pca->component_count);
}

int check_not_begun(const struct settings *settings, const char *missing,
                    struct asim_error *err)
{
    if (!campaign_file_exists(settings, "journal.jsonl"))
        return 0;
    return asim_fail(err, ASIM_EINPUT,
                     "the campaign in '%s' has begun (journal.jsonl), and its %s is "
                     "missing: put it back, or begin another with -C FOLDER",
                     settings->folder, missing);
}

int stage_pca(struct workplace *workplace, struct asim_pca *ret_pca,
              struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct asim_topology top = {0};
    struct asim_trajectory *traj = NULL;
    struct asim_pca pca = {0};
    struct asim_pca_options options = settings->pca;
    struct input_files *hashing = NULL;
    const struct input_file *inputs;
    char *folder = asim_path_join(settings->folder, "pca", err);
    int rc = -1;
    options.progress = terminal_pca_progress;
    options.progress_context = &workplace->terminal;
    if (!folder || check_not_begun(settings, "plan.json", err) < 0 ||
        asim_topology_read(settings->arguments[0], &top, err) < 0 ||
        trajectory_files_open(settings, workplace->log, &traj, err) < 0 ||
        input_files_begin(settings->arguments, (size_t)settings->argument_count,
                          &hashing, err) < 0)
        goto out;
    rc = asim_pca_compute(&top, traj, &options, workplace->log, &pca, err);
    terminal_close_line(&workplace->terminal);
    if (rc < 0)
        goto out;
    rc = -1;
    /* pca.json is written last by asim_pca_write: where it is, all of it is. */
    if (asim_make_folder(folder, err) < 0 ||
        forget(settings, "pca/pca.json", err) < 0 ||
        input_files_wait(hashing, &inputs, err) < 0 ||
        provenance_write(settings, inputs, err) < 0 ||
        write_modes(settings, &pca, &top, err) < 0 ||
        asim_pca_write(&pca, &top, folder, err) < 0)
        goto out;
    log_modes(settings, &pca, workplace->log);
    *ret_pca = pca;
    pca = (struct asim_pca){0};
    rc = 0;
out:
    input_files_end(hashing);
    asim_pca_finish(&pca);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    free(folder);
    return rc;
}

static void log_plan(struct asim_log *log, const struct asim_plan *plan)
{
    const struct asim_window *first = &plan->windows[0];
    const struct asim_window *last = &plan->windows[plan->window_count - 1];
    asim_log_write(
        log, ASIM_LOG_INFO,
        "Planned %zu windows from %.4f to %.4f nm, spacing %.4f nm, k = %.0f "
        "kJ/mol/nm^2, %.4g ns each at %.4g K",
        plan->window_count, first->bias.centre_nm, last->bias.centre_nm,
        plan->spacing_nm, first->bias.force_constant_kj_mol_nm2,
        ((double)first->nsteps * plan->dt_ps - first->steering.duration_ps) / 1000,
        plan->temperature_kelvin);
}

/*
 * Which engine applies the bias, from what the installed GROMACS can do. A plan may be
 * made where there is none: then the bias is the one asked for, or edi, and the path of
 * `ret_gromacs` stays "". `tpr_path`: what windows are made from; NULL where grompp
 * makes their run inputs.
 */
static int choose_bias(struct workplace *workplace, const char *tpr_path,
                       struct asim_plan_options *plan, struct asim_gromacs *ret_gromacs,
                       struct asim_error *err)
{
    struct asim_gromacs gromacs = {0};
    struct asim_error absent = {0};
    enum asim_bias_engine engine;
    char why[300];
    if (asim_gromacs_find(workplace->settings->gromacs, &gromacs, &absent) < 0) {
        if (workplace->settings->gromacs || !tpr_path)
            return asim_fail(err, absent.status, "%s", absent.text);
        if (plan->bias == ASIM_BIAS_AUTO)
            plan->bias = ASIM_BIAS_EDI;
        asim_log_write(workplace->log, ASIM_LOG_WARNING,
                       "There is no GROMACS here to ask what it can do; the bias is %s",
                       asim_bias_engine_name(plan->bias));
        return 0;
    }
    if (tpr_path && asim_gromacs_check_tpr(&gromacs, tpr_path, err) < 0)
        return -1;
    if (plan->bias != ASIM_BIAS_EDI)
        asim_gromacs_try(&gromacs);
    if (asim_bias_choose(&gromacs, tpr_path, plan->bias, &engine, why, sizeof why,
                         err) < 0)
        return -1;
    asim_log_write(workplace->log, ASIM_LOG_INFO, "Bias by %s: %s",
                   asim_bias_engine_name(engine), why);
    plan->bias = engine;
    plan->double_precision = gromacs.double_precision;
    *ret_gromacs = gromacs;
    return 0;
}

/* Takes over what grompp makes run inputs from, where --mdp was given. It must not be
 * half exchanged beside an earlier plan. */
static int adopt_grompp(struct workplace *workplace, const struct settings *settings,
                        const struct asim_gromacs *gromacs, const char *tpr_path,
                        struct asim_error *err)
{
    if (!settings->grompp.mdp_path)
        return 0;
    if (check_input_files(settings, err) < 0 ||
        forget(settings, "plan.json", err) < 0 ||
        asim_grompp_adopt(gromacs, &settings->grompp, tpr_path, settings->folder,
                          workplace->log, err) < 0)
        return -1;
    asim_log_write(workplace->log, ASIM_LOG_INFO,
                   "Run inputs by grompp, from '%s' and '%s'",
                   settings->grompp.mdp_path, settings->grompp.top_path);
    return 0;
}

/* Windows' folders and plan.json. */
static int write_plan(const struct settings *settings,
                      const struct asim_gromacs *gromacs,
                      struct asim_plan_sources *sources, struct asim_plan *plan,
                      struct asim_error *err)
{
    struct asim_grompp grompp = {.gromacs = gromacs, .folder = settings->folder};
    const struct asim_run_input_maker maker = {.context = &grompp,
                                               .make = asim_grompp_make};
    plan->by_grompp = settings->grompp.mdp_path != NULL;
    sources->maker = plan->by_grompp ? &maker : NULL;
    return asim_plan_write(plan, sources, settings->folder, err);
}

int stage_plan(struct workplace *workplace, struct asim_error *err)
{
    struct settings merged = *workplace->settings;
    struct settings *settings = &merged;
    struct provenance provenance = {0};
    struct asim_topology top = {0};
    struct asim_trajectory *traj = NULL;
    struct asim_pca pca = {0};
    struct asim_plan plan = {0};
    struct asim_plan_options options;
    struct asim_gromacs gromacs = {0};
    char *folder = asim_path_join(settings->folder, "pca", err);
    int rc = -1;
    if (!folder || check_not_begun(settings, "plan.json", err) < 0 ||
        provenance_read(settings->folder, &provenance, err) < 0 ||
        provenance_check_inputs(&provenance, err) < 0 ||
        provenance_check_settings(&provenance, settings, OPTIONS_PCA, workplace->log,
                                  err) < 0 ||
        (!campaign_file_exists(settings, "plan.json") &&
         provenance_restore_plan(&provenance, settings, err) < 0))
        goto out;
    options = settings->plan;
    if (choose_bias(workplace,
                    settings->grompp.mdp_path ? NULL : provenance.topology.path,
                    &options, &gromacs, err) < 0 ||
        adopt_grompp(workplace, settings, &gromacs, provenance.topology.path, err) <
            0 ||
        asim_pca_read(folder, &pca, err) < 0 ||
        asim_topology_read(provenance.topology.path, &top, err) < 0 ||
        trajectory_files_reopen(&provenance, &traj, err) < 0 ||
        asim_plan_compute(&pca, &top, provenance.topology.path, traj, &options,
                          workplace->log, &plan, err) < 0 ||
        forget(settings, "plan.json", err) < 0 ||
        provenance_record_plan(settings, &plan, gromacs.path[0] ? &gromacs : NULL,
                               err) < 0)
        goto out;
    struct asim_plan_sources sources = {
        .pca = &pca, .top = &top, .tpr_path = provenance.topology.path, .traj = traj};
    if (write_plan(settings, &gromacs, &sources, &plan, err) < 0)
        goto out;
    log_plan(workplace->log, &plan);
    rc = 0;
out:
    asim_plan_finish(&plan);
    asim_pca_finish(&pca);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    provenance_finish(&provenance);
    free(folder);
    return rc;
}
