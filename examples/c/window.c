/*
 * One umbrella window on PC1, run by GROMACS in the background of an event loop.
 *
 *     cc window.c -o window $(pkg-config --cflags --libs autosim)
 *     ./window system.tpr traj.xtc folder 0.05 2000      centre in nm, k in kJ/mol/nm^2
 *
 * Kill it and start it again: it goes on where it stopped.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <autosim/autosim.h>

static void fail(const struct asim_error *err)
{
    fprintf(stderr, "window: %s\n", err->text);
    exit(asim_status_exit_code(err->status));
}

static void plan(char **argv)
{
    struct asim_error err = {0};
    struct asim_pca pca = {0};
    struct asim_plan plan = {0};
    struct asim_pca_options pca_options = ASIM_PCA_OPTIONS_INIT;
    struct asim_plan_options plan_options = ASIM_PLAN_OPTIONS_INIT;
    const char *trajectory = argv[2];
    const struct asim_bias bias = {.centre_nm = atof(argv[4]),
                                   .force_constant_kj_mol_nm2 = atof(argv[5])};
    if (asim_extract_reaction_coordinates(argv[1], &trajectory, 1, &pca_options, NULL,
                                          &pca, &err) < 0 ||
        asim_plan_one_window(&pca, argv[1], &trajectory, 1, &bias, 50000, &plan_options,
                             argv[3], NULL, &plan, &err) < 0)
        fail(&err);
    asim_plan_finish(&plan);
    asim_pca_finish(&pca);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: window TPR TRAJECTORY FOLDER CENTRE-NM K\n");
        return 2;
    }
    struct asim_error err = {0};
    struct asim_campaign *campaign = NULL;
    struct asim_run_options options = ASIM_RUN_OPTIONS_INIT;
    struct asim_event event = {.kind = ASIM_NEWS_WINDOW};
    char journal[4096];
    snprintf(journal, sizeof journal, "%s/journal.jsonl", argv[3]);
    if (access(journal, F_OK) < 0)
        plan(argv);

    options.launch_all = false; /* nothing runs before it is launched */
    if (asim_campaign_open(argv[3], NULL, &campaign, &err) < 0 ||
        asim_campaign_start(campaign, &options, &err) < 0 ||
        asim_launch_umbrella_window(campaign, 0, &err) < 0)
        fail(&err);
    struct pollfd news = {.fd = asim_event_fd(campaign), .events = POLLIN};
    while (event.kind != ASIM_NEWS_IDLE) {
        int got = asim_next_event(campaign, &event, &err);
        if (got < 0)
            fail(&err);
        if (got == 0)
            poll(&news, 1, -1); /* your own loop may do other work meanwhile */
        else if (event.kind == ASIM_NEWS_WINDOW)
            printf("window %d: %s\n", event.window.window_id,
                   asim_window_state_name(event.window.state));
    }

    struct asim_window_status status;
    if (asim_campaign_window(campaign, 0, &status, &err) < 0)
        fail(&err);
    printf("%.1f ns/day, %.3f kJ/mol at the end %s\n", status.ns_per_day,
           status.final_potential_energy_kj_mol, status.cause);
    asim_campaign_close(campaign);
    return status.state == ASIM_WINDOW_COMPLETED ? 0 : 5;
}
