/* autosim run: every stage that is not done yet. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/affinity.h"
#include "engine/process.h"
#include "formats/tpr.h"
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
    if (settings->argument_count == 2) {
        struct asim_pca pca = {0};
        if (stage_pca(workplace, settings->arguments[0], settings->arguments[1], &pca,
                      err) < 0)
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

/* The exact commands of the windows that are not completed. */
static int print_commands(const struct settings *settings, struct asim_error *err)
{
    struct asim_campaign *campaign = NULL;
    int rc = -1;
    if (asim_campaign_open_readonly(settings->folder, &campaign, err) < 0)
        return -1;
    for (size_t i = 0; i < asim_campaign_window_count(campaign); i++) {
        struct asim_window_status status;
        char **argv = NULL;
        if (asim_campaign_window(campaign, i, &status, err) < 0)
            goto out;
        if (status.state == ASIM_WINDOW_COMPLETED)
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

static int run_stages(struct workplace *workplace, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct asim_pmf pmf = {0};
    if (prepare(workplace, err) < 0)
        return -1;
    if (settings->dry_run)
        return print_commands(settings, err);
    struct asim_error windows_error = {0};
    bool ended = false;
    int windows_code = stage_windows(workplace, &ended, &windows_error);
    if (!ended) {
        if (windows_code < 0 && err)
            *err = windows_error;
        return windows_code;
    }
    char *report = asim_path_join(settings->folder, "report.html", err);
    int code = -1;
    if (report && stage_pmf(workplace, &pmf, err) == 0 &&
        stage_report(workplace, report, err) == 0) {
        print_result(settings, &pmf);
        code = pmf.connected ? 0 : asim_fail(err, ASIM_EQUALITY, "%s", pmf.verdict);
    }
    if (windows_code < 0) { /* what no profile could be made of, or a poor one */
        if (err)
            *err = windows_error;
        code = -1;
    }
    free(report);
    asim_pmf_finish(&pmf);
    return code;
}

/* The first input must be a TPR: nothing else can be simulated. */
static int check_tpr(const char *path, struct asim_error *err)
{
    char head[16];
    FILE *file = fopen(path, "re");
    if (!file)
        return asim_fail(err, ASIM_EINPUT, "cannot read '%s': %s", path,
                         strerror(errno));
    size_t size = fread(head, 1, sizeof head, file);
    fclose(file);
    if (!asim_tpr_recognise(head, size))
        return asim_fail(
            err, ASIM_EINPUT,
            "'%s' is no TPR: windows are simulated, and that needs the run "
            "input of the simulation (made by gmx grompp) before the "
            "trajectory",
            path);
    return 0;
}

/* What can be known to be wrong before an hour is spent on a trajectory. */
static int check_beforehand(const struct settings *settings, struct asim_error *err)
{
    struct asim_gromacs gromacs;
    struct asim_core_slots slots = {0};
    if (settings->argument_count == 1)
        return asim_fail(err, ASIM_EUSAGE,
                         "'%s' alone is not enough: a TPR and a trajectory are needed, "
                         "or neither to go on with the campaign in '%s'",
                         settings->arguments[0], settings->folder);
    if (settings->argument_count == 0 &&
        !campaign_file_exists(settings, "pca/pca.json"))
        return asim_fail(err, ASIM_EUSAGE,
                         "'%s' holds no campaign yet: start one with 'autosim run "
                         "system.tpr traj.xtc'",
                         settings->folder);
    if (settings->argument_count == 2 &&
        (check_tpr(settings->arguments[0], err) < 0 ||
         check_input_file(settings->arguments[1], err) < 0))
        return -1;
    if (asim_gromacs_find(settings->gromacs, &gromacs, err) < 0)
        return -1;
    const struct asim_run_options *run = &settings->run;
    int width = (run->ntmpi ? run->ntmpi : 1) * (run->ntomp ? run->ntomp : 1);
    int rc = asim_core_slots_create(run->jobs, width, &slots, err);
    asim_core_slots_finish(&slots);
    return rc;
}

int cmd_run(const struct settings *settings, struct asim_error *err)
{
    struct workplace workplace;
    if (check_beforehand(settings, err) < 0 ||
        workplace_open(&workplace, settings, true, err) < 0)
        return -1;
    return workplace_end(&workplace, run_stages(&workplace, err), err);
}
