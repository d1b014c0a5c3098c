/* autosim slot: the inside of a job of a cluster campaign; job scripts call it. */
#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "pipeline.h"
#include "signals.h"
#include "window_check.h"

extern char **environ;

/* For the job script: time is up and windows are left. */
enum { EXIT_GOES_ON = 10 };

static const char *variable(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static void take_signals(struct asim_campaign *campaign, struct asim_log *log,
                         int signal_fd, bool *stopping)
{
    unsigned char number;
    while (read(signal_fd, &number, 1) == 1) {
        if (*stopping) /* Slurm repeats itself; KILL is its own last word */
            continue;
        *stopping = true;
        asim_log_write(log, ASIM_LOG_INFO, "Slot: %s", strsignal(number));
        if (number == SIGUSR1)
            asim_campaign_slot_time_is_up(campaign);
        else
            asim_campaign_stop(campaign);
    }
}

static int watch(struct asim_campaign *campaign, struct asim_log *log, int signal_fd,
                 struct asim_error *err)
{
    bool stopping = false;
    for (;;) {
        struct pollfd fds[2] = {
            {.fd = asim_campaign_event_fd(campaign), .events = POLLIN},
            {.fd = signal_fd, .events = POLLIN},
        };
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return asim_fail(err, ASIM_EENV, "cannot wait for the windows: %s",
                             strerror(errno));
        take_signals(campaign, log, signal_fd, &stopping);
        int rc = asim_campaign_dispatch(campaign, err);
        if (rc <= 0)
            return rc;
    }
}

/* The job goes back to the queue, so that the chain does not need the coordinator.
 * Where the cluster does not allow that, the coordinator submits another job. */
static void queue_again(struct asim_log *log)
{
    char *argv[] = {"scontrol", "requeue", getenv("SLURM_JOB_ID"), NULL};
    pid_t pid;
    int status = 0;
    if (!argv[2])
        return;
    int cause = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
    if (cause == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    if (cause || status)
        asim_log_write(log, ASIM_LOG_WARNING,
                       "Slot: job %s could not be queued again (%s); the run that "
                       "looks after the campaign submits another",
                       argv[2], cause ? strerror(cause) : "scontrol requeue failed");
}

static int run_slot(const struct settings *settings, struct asim_log *log,
                    struct asim_error *err)
{
    struct asim_campaign *campaign = NULL;
    struct window_check check = {0};
    struct signals signals;
    char name[200];
    bool goes_on = false;
    snprintf(name, sizeof name, "%s-%s-%s", settings->slot.token,
             variable("SLURM_ARRAY_TASK_ID", "0"), variable("SLURM_NODEID", "0"));
    struct asim_slot_options options = settings->slot;
    options.name = name;
    options.lease_seconds = settings->run.slurm.lease_seconds;
    options.job_id = variable("SLURM_JOB_ID", "");
    options.node = variable("SLURMD_NODENAME", "");
    if (signals_take(&signals, true, err) < 0)
        return -1;
    int rc = asim_campaign_open_slot(settings->folder, &options, log, &campaign, err);
    /* Windows that were planned elsewhere have no analysis to be checked against. */
    bool checks = campaign_file_exists(settings, "pca/pca.json");
    if (rc == 0 && checks)
        rc = window_check_init(settings->folder, log, &check, err);
    if (rc == 0 && checks)
        asim_campaign_set_check(campaign, asim_window_checker_look, &check.checker);
    if (rc == 0) {
        asim_log_write(log, ASIM_LOG_INFO, "Slot: %s, job %s on node '%s'",
                       asim_campaign_slot_folder(campaign), options.job_id,
                       options.node);
        rc = asim_campaign_start(campaign, &settings->run, err);
    }
    if (rc == 0)
        rc = watch(campaign, log, signals.read_fd, err);
    if (rc < 0 && campaign)
        asim_campaign_slot_fail(campaign, err ? err->text : "");
    if (rc == 0)
        goes_on = asim_campaign_slot_goes_on(campaign);
    asim_campaign_close(campaign);
    window_check_finish(&check);
    if (goes_on && settings->requeue)
        queue_again(log);
    signals_give(&signals);
    return rc == 0 && goes_on && !settings->requeue ? EXIT_GOES_ON : rc;
}

int cmd_slot(const struct settings *settings, struct asim_error *err)
{
    struct terminal terminal;
    struct asim_log *log = NULL;
    if (!settings->slot.token)
        return asim_fail(err, ASIM_EUSAGE,
                         "--token is missing; 'autosim run --backend slurm' writes job "
                         "scripts that call this command");
    terminal_init(&terminal, settings->quiet);
    if (check_campaign(settings, err) < 0 || asim_log_open(NULL, &log, err) < 0)
        return -1;
    asim_log_set_listener(log, terminal_log, &terminal);
    int code = run_slot(settings, log, err);
    asim_log_close(log);
    return code;
}
