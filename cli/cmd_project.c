/* autosim project: another trajectory on the components of a campaign. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "pipeline.h"
#include "trajectory_files.h"

enum { DECIMALS = 9 };

struct printer {
    size_t components;
    bool begun;
};

static void print_head(size_t components)
{
    printf("# Projections of superposed frames, minus the mean, on saved components\n"
           "@    title \"Projections on the principal components\"\n"
           "@    xaxis  label \"Time (ps)\"\n@    yaxis  label \"(nm)\"\n@TYPE xy\n");
    for (size_t k = 0; k < components; k++)
        printf("@ s%zu legend \"PC%zu\"\n", k, k + 1);
}

static int print_frame(void *context, double time_ps, uint64_t frame_index,
                       const double *projections_nm, struct asim_error *err)
{
    struct printer *printer = context;
    char text[ASIM_FIXED_TEXT];
    (void)frame_index;
    (void)err;
    /* Where nothing can be projected, nothing is printed. */
    if (!printer->begun)
        print_head(printer->components);
    printer->begun = true;
    printf("%.10g", time_ps);
    for (size_t k = 0; k < printer->components; k++) {
        putchar(' ');
        fwrite(text, 1, asim_format_fixed(text, projections_nm[k], DECIMALS), stdout);
    }
    putchar('\n');
    return 0;
}

int cmd_project(const struct settings *settings, struct asim_error *err)
{
    struct asim_topology top = {0};
    struct asim_trajectory *traj = NULL;
    struct asim_pca pca = {0};
    struct terminal terminal;
    struct asim_log *log = NULL;
    int rc = -1;
    if (check_input_files(settings, err) < 0)
        return -1;
    if (!campaign_file_exists(settings, "pca/pca.json"))
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' holds no components: 'autosim pca system.tpr traj.xtc' "
                         "makes them, -C names another folder",
                         settings->folder);
    terminal_init(&terminal, settings->quiet);
    char *folder = asim_path_join(settings->folder, "pca", err);
    if (!folder || asim_log_open(NULL, &log, err) < 0)
        goto out;
    asim_log_set_listener(log, terminal_log, &terminal);
    if (asim_pca_read(folder, &pca, err) < 0 ||
        asim_topology_read(settings->arguments[0], &top, err) < 0 ||
        trajectory_files_open(settings, log, &traj, err) < 0)
        goto out;
    struct printer printer = {pca.component_count, false};
    rc = asim_pca_project_trajectory(&pca, &top, traj, &settings->pca, log, print_frame,
                                     &printer, err);
    terminal_close_line(&terminal);
out:
    asim_log_close(log);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    asim_pca_finish(&pca);
    free(folder);
    return rc;
}
