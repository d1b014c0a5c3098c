/*
 * A campaign: PCA, windows along PC1, and all of them run by GROMACS, many at once.
 *
 *     cc batch.c -o batch $(pkg-config --cflags --libs autosim)
 *     ./batch system.tpr traj.xtc campaign
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
    fprintf(stderr, "batch: %s\n", err->text);
    exit(asim_status_exit_code(err->status));
}

static void plan(const char *tpr, const char *trajectory, const char *folder)
{
    struct asim_error err = {0};
    struct asim_pca pca = {0};
    struct asim_plan plan = {0};
    struct asim_pca_options pca_options = ASIM_PCA_OPTIONS_INIT;
    struct asim_plan_options plan_options = ASIM_PLAN_OPTIONS_INIT;
    plan_options.window_ps = 100;
    plan_options.window_count = 4;
    if (asim_extract_reaction_coordinates(tpr, &trajectory, 1, &pca_options, NULL, &pca,
                                          &err) < 0 ||
        asim_plan_windows(&pca, tpr, &trajectory, 1, &plan_options, folder, NULL, &plan,
                          &err) < 0)
        fail(&err);
    asim_plan_finish(&plan);
    asim_pca_finish(&pca);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: batch TPR TRAJECTORY FOLDER\n");
        return 2;
    }
    struct asim_error err = {0};
    struct asim_campaign *campaign = NULL;
    struct asim_run_options options = ASIM_RUN_OPTIONS_INIT;
    struct asim_event event = {.kind = ASIM_NEWS_WINDOW};
    char journal[4096];
    snprintf(journal, sizeof journal, "%s/journal.jsonl", argv[3]);
    if (access(journal, F_OK) < 0)
        plan(argv[1], argv[2], argv[3]);

    options.launch_all = false; /* nothing runs before it is launched */
    if (asim_campaign_open(argv[3], NULL, &campaign, &err) < 0 ||
        asim_campaign_start(campaign, &options, &err) < 0 ||
        asim_execute_batch(campaign, 0, NULL, &err) < 0)
        fail(&err);
    struct pollfd news = {.fd = asim_event_fd(campaign), .events = POLLIN};
    while (event.kind != ASIM_NEWS_IDLE) {
        int got = asim_next_event(campaign, &event, &err);
        if (got < 0)
            fail(&err);
        if (got == 0)
            poll(&news, 1, -1); /* any event loop will do */
        else if (event.kind == ASIM_NEWS_WINDOW)
            fprintf(stderr, "window %d: %s\n", event.window.window_id,
                    asim_window_state_name(event.window.state));
    }

    for (size_t i = 0; i < asim_campaign_window_count(campaign); i++) {
        struct asim_window_status status;
        if (asim_campaign_window(campaign, i, &status, &err) < 0)
            fail(&err);
        printf("window %d: %s, %.1f ns/day %s\n", status.window_id,
               asim_window_state_name(status.state), status.ns_per_day, status.cause);
    }
    asim_campaign_close(campaign);
    return 0;
}
