/* autosim run: every stage that is not done yet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/affinity.h"
#include "engine/process.h"
#include "pipeline.h"

/* PCA and plan, unless the plan is there already; then the user must mean the same. */
static int prepare(struct workplace *workplace, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    if (campaign_file_exists(settings, "plan.json")) {
        struct provenance provenance = {0};
        int rc = -1;
        if (provenance_read(settings->folder, &provenance, err) == 0)
            rc = provenance_check_settings(
                &provenance, settings, OPTIONS_PCA | OPTIONS_PLAN, workplace->log, err);
        provenance_finish(&provenance);
        return rc;
    }
    if (settings->argument_count > 0) {
        struct asim_pca pca = {0};
        if (stage_pca(workplace, &pca, err) < 0)
            return -1;
        asim_pca_finish(&pca);
    }
    return stage_plan(workplace, err);
}

static int print_command(const char *folder, int window_id, char **argv,
                         struct asim_error *err)
{
    char *absolute = realpath(folder, NULL);
    char *quoted = asim_shell_quote(absolute ? absolute : folder, err);
    free(absolute);
    if (!quoted)
        return -1;
    printf("cd %s/windows/%03d &&", quoted, window_id);
    free(quoted);
    for (const char *const *word = asim_process_environment_command(); *word; word++)
        printf(" %s", *word);
    for (; *argv; argv++) {
        quoted = asim_shell_quote(*argv, err);
        if (!quoted)
            return -1;
        printf(" %s", quoted);
        free(quoted);
    }
    printf("\n");
    return 0;
}

/* What would be submitted. */
static int print_job_script(const struct settings *settings, struct asim_error *err)
{
    struct asim_campaign *campaign = NULL;
    char *text = NULL;
    if (asim_campaign_open_readonly(settings->folder, &campaign, err) < 0)
        return -1;
    int rc = asim_campaign_job_script(campaign, &settings->run, &text, err);
    if (rc == 0)
        printf("%s", text);
    free(text);
    asim_campaign_close(campaign);
    return rc;
}

/* How the cores are divided, on stderr: stdout has the commands alone. */
static int explain_division(const struct settings *settings,
                            const struct asim_campaign *campaign,
                            struct asim_error *err)
{
    struct asim_split split;
    bool measured;
    if (asim_campaign_division(campaign, &settings->run, &split, &measured, err) < 0)
        return -1;
    fprintf(stderr, "%d at once, %d thread%s each%s\n", split.windows, split.threads,
            split.threads == 1 ? "" : "s",
            measured ? " (measured to be fastest: calibration.json)" : "");
    return 0;
}

static bool is_named(const struct settings *settings, int window_id)
{
    for (size_t k = 0; k < settings->run_window_count; k++)
        if (settings->run_windows[k] == window_id)
            return true;
    return settings->run_window_count == 0;
}

/* The exact commands of the windows that are not completed. */
static int print_commands(const struct settings *settings, struct asim_error *err)
{
    struct asim_campaign *campaign = NULL;
    int rc = -1;
    if (asim_campaign_open_readonly(settings->folder, &campaign, err) < 0)
        return -1;
    if (explain_division(settings, campaign, err) < 0)
        goto out;
    for (size_t i = 0; i < asim_campaign_window_count(campaign); i++) {
        struct asim_window_status status;
        char **argv = NULL;
        if (asim_campaign_window(campaign, i, &status, err) < 0)
            goto out;
        if (status.state == ASIM_WINDOW_COMPLETED ||
            !is_named(settings, status.window_id))
            continue;
        int printed = -1;
        if (asim_campaign_window_command(campaign, i, &settings->run, &argv, err) == 0)
            printed = print_command(settings->folder, status.window_id, argv, err);
        asim_argv_free(argv);
        if (printed < 0)
            goto out;
    }
    rc = 0;
out:
    asim_campaign_close(campaign);
    return rc;
}

static void print_result(const struct settings *settings, const struct asim_pmf *pmf)
{
    printf("PMF      %s/pmf/pmf.xvg\n", settings->folder);
    printf("plot     %s/pmf/pmf.svg\n", settings->folder);
    printf("report   %s/report.html\n", settings->folder);
    printf("log      %s/autosim_compute.log\n", settings->folder);
    printf("verdict  %s\n", pmf->verdict);
}

/* The profile of the windows that have ended, and the report. */
static int analyse(struct workplace *workplace, struct asim_pmf *ret_pmf,
                   struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    int rc = -1;
    char *report = asim_path_join(settings->folder, "report.html", err);
    if (report && stage_pmf(workplace, settings->until_kj_mol, ret_pmf, err) == 0)
        rc = stage_report(workplace, report, err);
    free(report);
    return rc;
}

/* The windows that are to be run, then the profile. ret_ended: false where a signal or
 * --maxh came before. */
static int run_round(struct workplace *workplace, bool *ret_ended,
                     struct asim_pmf *ret_pmf, struct asim_error *err)
{
    struct asim_error windows_error = {0};
    int windows_code = stage_windows(workplace, ret_ended, &windows_error);
    if (!*ret_ended) {
        if (windows_code < 0 && err)
            *err = windows_error;
        return windows_code;
    }
    int code = analyse(workplace, ret_pmf, err);
    if (windows_code < 0) { /* what no profile could be made of, or a poor one */
        if (err)
            *err = windows_error;
        code = -1;
    }
    return code;
}

static int run_stages(struct workplace *workplace, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    enum until_next next = UNTIL_RUN;
    int code = 0;
    if (prepare(workplace, err) < 0)
        return -1;
    if (settings->dry_run)
        return settings->run.backend == ASIM_BACKEND_SLURM
                   ? print_job_script(settings, err)
                   : print_commands(settings, err);
    if (settings->until_kj_mol > 0 && stage_until_settle(workplace, err) < 0)
        return -1;
    while (code == 0 && next == UNTIL_RUN) {
        struct asim_pmf pmf = {0};
        bool ended = false;
        code = run_round(workplace, &ended, &pmf, err);
        if (code == 0 && ended && settings->until_kj_mol > 0)
            code = stage_until(workplace, &pmf, &next, err);
        else
            next = UNTIL_REACHED; /* nothing more was asked for */
        if (pmf.bin_count > 0 && next != UNTIL_RUN)
            print_result(settings, &pmf);
        if (code == 0 && ended && next == UNTIL_GIVEN_UP)
            code =
                asim_fail(err, ASIM_EQUALITY,
                          "the widest 95%% band is +-%.3g kJ/mol, +-%.3g was asked "
                          "for with every check passed; more time: --max-ns. %s",
                          pmf.widest_band_kj_mol, settings->until_kj_mol, pmf.verdict);
        if (code == 0 && ended && next == UNTIL_REACHED && !pmf.connected)
            code = asim_fail(err, ASIM_EQUALITY, "%s", pmf.verdict);
        asim_pmf_finish(&pmf);
    }
    return code;
}

/* The first input must be a TPR: nothing else can be simulated. */
static int check_tpr(const char *path, struct asim_error *err)
{
    const char *format;
    if (asim_topology_recognise(path, &format, err) < 0)
        return -1;
    if (!format || strcmp(format, "TPR") != 0)
        return asim_fail(
            err, ASIM_EINPUT,
            "'%s' is no TPR: windows are simulated, and that needs the run "
            "input of the simulation (made by gmx grompp) before the "
            "trajectory",
            path);
    return 0;
}

/* A bias restrains the projection by the conventions of unit weights; the edi bias is
 * near to exact on the mean structure only. */
static int check_bias_conventions(const struct settings *settings,
                                  struct asim_error *err)
{
    const struct asim_pca_options *pca = &settings->pca;
    static const char advice[] =
        "for components without windows there is 'autosim pca'";
    if (pca->reference != ASIM_REFERENCE_MEAN && settings->plan.bias == ASIM_BIAS_EDI)
        return asim_fail(
            err, ASIM_EUSAGE,
            "--reference %s is no reference for --bias edi, whose force is "
            "near to exact on the mean structure only; colvars and plumed "
            "take any",
            pca->reference == ASIM_REFERENCE_FIRST ? "first" : pca->reference_path);
    if (pca->fit_weights != ASIM_WEIGHTS_NONE || pca->pca_weights != ASIM_WEIGHTS_NONE)
        return asim_fail(err, ASIM_EUSAGE,
                         "--%s mass is not for windows: the bias superposes and "
                         "projects with unit weights; %s",
                         pca->fit_weights ? "fit-weights" : "pca-weights", advice);
    return 0;
}

/* A bias that was asked for by name can be used. */
static int check_bias(const struct settings *settings, struct asim_gromacs *gromacs,
                      struct asim_error *err)
{
    enum asim_bias_engine engine = settings->plan.bias;
    char why[300];
    if (settings->argument_count == 0 || campaign_file_exists(settings, "plan.json") ||
        engine == ASIM_BIAS_AUTO || engine == ASIM_BIAS_EDI)
        return 0;
    asim_gromacs_try(gromacs);
    return asim_bias_choose(gromacs,
                            settings->grompp.mdp_path ? NULL : settings->arguments[0],
                            engine, &engine, why, sizeof why, err);
}

/* What can be known to be wrong before an hour is spent on a trajectory. */
static int check_beforehand(const struct settings *settings, struct asim_error *err)
{
    struct asim_gromacs gromacs;
    struct asim_core_slots slots = {0};
    struct asim_cores cores;
    if (settings->argument_count == 1)
        return asim_fail(err, ASIM_EUSAGE,
                         "'%s' alone is not enough: a TPR and a trajectory are needed, "
                         "or neither to go on with the campaign in '%s'",
                         settings->arguments[0], settings->folder);
    if (settings->argument_count == 0 &&
        !campaign_file_exists(settings, "pca/pca.json"))
        return check_not_begun(settings, "pca/pca.json", err) < 0
                   ? -1
                   : asim_fail(
                         err, ASIM_EUSAGE,
                         "'%s' holds no campaign yet: start one with 'autosim run "
                         "system.tpr traj.xtc'",
                         settings->folder);
    if (check_bias_conventions(settings, err) < 0)
        return -1;
    if (settings->argument_count > 0 && (check_input_files(settings, err) < 0 ||
                                         check_tpr(settings->arguments[0], err) < 0))
        return -1;
    if (settings->run.backend == ASIM_BACKEND_SLURM)
        return 0; /* gmx and cores are those of the nodes */
    if (asim_gromacs_find(settings->gromacs, &gromacs, err) < 0 ||
        check_bias(settings, &gromacs, err) < 0)
        return -1;
    const struct asim_run_options *run = &settings->run;
    int width = (run->ntmpi ? run->ntmpi : 1) * (run->ntomp ? run->ntomp : 1);
    if (asim_cores_look(&cores, err) < 0)
        return -1;
    int rc = asim_core_slots_create(&cores, run->jobs, width, &slots, err);
    asim_core_slots_finish(&slots);
    asim_cores_finish(&cores);
    return rc;
}

static int run(const struct settings *settings, struct asim_error *err)
{
    struct workplace workplace;
    if (check_beforehand(settings, err) < 0 ||
        workplace_open(&workplace, settings, true, err) < 0)
        return -1;
    return workplace_end(&workplace, run_stages(&workplace, err), err);
}

/* Numbers that name no files are windows of the campaign. */
static bool names_windows(const struct settings *settings)
{
    for (int i = 0; i < settings->argument_count; i++) {
        const char *word = settings->arguments[i];
        if (word[0] == '\0' || word[strspn(word, "0123456789")] != '\0' ||
            asim_file_exists(word))
            return false;
    }
    return settings->argument_count > 0;
}

static int run_windows(const struct settings *settings, struct asim_error *err)
{
    struct settings these = *settings;
    int *ids = NULL;
    if (settings->run.backend != ASIM_BACKEND_LOCAL || settings->until_kj_mol > 0)
        return asim_fail(err, ASIM_EUSAGE,
                         "windows can be named for this machine only, and without "
                         "--until, which chooses them by itself");
    if (check_campaign(settings, err) < 0 || parse_windows(settings, &ids, err) < 0)
        return -1;
    these.run_windows = ids;
    these.run_window_count = (size_t)settings->argument_count;
    these.argument_count = 0;
    these.run.launch_all = false;
    int code = run(&these, err);
    free(ids);
    return code;
}

int cmd_run(const struct settings *settings, struct asim_error *err)
{
    return names_windows(settings) ? run_windows(settings, err) : run(settings, err);
}
