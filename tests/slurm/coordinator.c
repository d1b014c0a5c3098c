/*
 * coordinator FOLDER AUTOSIM GMX SLOTS CPUS LEASE [TIME [NODES [NS]]]: looks after a
 * campaign of stand-in windows on Slurm as `autosim run --backend slurm` does, without
 * the stages before and behind. Exit code 0 where every window was completed.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <autosim/campaign.h>

static void say(void *context, enum asim_log_level level, const char *message,
                const char *line)
{
    (void)context, (void)level, (void)message;
    fprintf(stderr, "%s\n", line);
}

static int look_after(struct asim_campaign *campaign,
                      const struct asim_run_options *options, struct asim_error *err)
{
    struct asim_campaign_progress progress;
    if (asim_campaign_start(campaign, options, err) < 0)
        return -1;
    int rc = 1;
    while (rc == 1) {
        struct pollfd watched = {.fd = asim_campaign_event_fd(campaign),
                                 .events = POLLIN};
        poll(&watched, 1, 1000);
        rc = asim_campaign_dispatch(campaign, err);
    }
    asim_campaign_progress(campaign, &progress);
    printf("%zu of %zu windows completed, %zu given up\n", progress.completed,
           progress.window_count, progress.failed);
    return rc < 0 ? -1 : progress.completed < progress.window_count;
}

int main(int argc, char **argv)
{
    struct asim_run_options options = ASIM_RUN_OPTIONS_INIT;
    struct asim_campaign *campaign = NULL;
    struct asim_error err = {0};
    struct asim_log *log = NULL;
    if (argc < 7) {
        fprintf(stderr,
                "usage: %s FOLDER AUTOSIM GMX SLOTS CPUS LEASE [TIME [NODES [NS]]]\n",
                argv[0]);
        return 2;
    }
    options.backend = ASIM_BACKEND_SLURM;
    options.slurm.program = argv[2];
    options.gromacs = argv[3];
    options.slurm.slots = atoi(argv[4]);
    options.slurm.cpus = atoi(argv[5]);
    options.slurm.lease_seconds = atof(argv[6]);
    options.slurm.time = argc > 7 ? argv[7] : NULL;
    options.slurm.nodes = argc > 8 ? atoi(argv[8]) : 1;
    options.most_ns = argc > 9 ? atof(argv[9]) : 0;
    options.slurm.poll_seconds = 10;
    options.ntomp = options.ntmpi = 1;
    int rc = asim_log_open(NULL, &log, &err);
    if (rc == 0) {
        asim_log_set_listener(log, say, NULL);
        rc = asim_campaign_open(argv[1], log, &campaign, &err);
    }
    if (rc == 0)
        rc = look_after(campaign, &options, &err);
    asim_campaign_close(campaign);
    asim_log_close(log);
    if (rc < 0)
        fprintf(stderr, "%s\n", err.text);
    return rc < 0 ? 3 : rc;
}
