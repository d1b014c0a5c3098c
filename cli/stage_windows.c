/* Running the windows: the event loop of the program, with its signals. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "campaign/campaign_lock.h"
#include "pipeline.h"
#include "signals.h"
#include "window_check.h"

static void stop_on_signal(struct workplace *workplace, struct asim_campaign *campaign,
                           int signal_fd, int *signal_number)
{
    unsigned char number;
    while (read(signal_fd, &number, 1) == 1) {
        /* Jobs on a cluster go on without us. */
        if (*signal_number == 0 &&
            workplace->settings->run.backend == ASIM_BACKEND_LOCAL)
            asim_log_write(workplace->log, ASIM_LOG_WARNING,
                           "%s: asking the running windows to write a checkpoint and "
                           "stop; once more kills them",
                           strsignal(number));
        *signal_number = number;
        asim_campaign_stop(campaign);
    }
}

static int watch(struct workplace *workplace, struct asim_campaign *campaign,
                 int signal_fd, int *signal_number, struct asim_error *err)
{
    for (;;) {
        struct pollfd fds[2] = {
            {.fd = asim_campaign_event_fd(campaign), .events = POLLIN},
            {.fd = signal_fd, .events = POLLIN},
        };
        struct asim_campaign_progress progress;
        asim_campaign_progress(campaign, &progress);
        terminal_progress(&workplace->terminal, &progress);
        if (poll(fds, 2, 1000) < 0 && errno != EINTR)
            return asim_fail(err, ASIM_EENV, "cannot wait for the windows: %s",
                             strerror(errno));
        stop_on_signal(workplace, campaign, signal_fd, signal_number);
        int rc = asim_campaign_dispatch(campaign, err);
        if (rc <= 0)
            return rc;
    }
}

/* Which window was given up first, and why: often it is the same for all. */
static int fail_given_up(const struct workplace *workplace,
                         const struct asim_campaign *campaign,
                         const struct asim_campaign_progress *progress,
                         struct asim_error *err)
{
    struct asim_window_status status = {.state = ASIM_WINDOW_PLANNED};
    for (size_t i = 0; i < progress->window_count; i++) {
        if (asim_campaign_window(campaign, i, &status, err) < 0)
            return -1;
        if (status.state == ASIM_WINDOW_FAILED)
            break;
    }
    return asim_fail(err, ASIM_EWINDOWS,
                     "%zu of %zu windows were given up, window %d for this: %s; "
                     "'autosim status -C %s' has the others; mend the cause, then "
                     "'autosim run -C %s --retry-failed'",
                     progress->failed, progress->window_count, status.window_id,
                     status.cause, workplace->settings->folder,
                     workplace->settings->folder);
}

/* The exit code that the windows' states call for. */
static int windows_exit_code(struct workplace *workplace,
                             const struct asim_campaign *campaign, int signal_number,
                             bool *ret_ended, struct asim_error *err)
{
    struct asim_campaign_progress progress;
    asim_campaign_progress(campaign, &progress);
    terminal_close_line(&workplace->terminal);
    *ret_ended = progress.completed + progress.failed + progress.cancelled ==
                 progress.window_count;
    if (!*ret_ended) {
        asim_log_write(
            workplace->log, ASIM_LOG_INFO,
            "Stopped with %zu of %zu windows completed; 'autosim run -C %s%s' "
            "goes on",
            progress.completed, progress.window_count, workplace->settings->folder,
            workplace->settings->run.backend == ASIM_BACKEND_SLURM ? " --backend slurm"
                                                                   : "");
        /* No signal: the time of --maxh has passed, as was asked for. */
        return signal_number ? 128 + signal_number : 0;
    }
    return progress.failed > 0 ? fail_given_up(workplace, campaign, &progress, err) : 0;
}

static int retry_failed(struct asim_campaign *campaign, struct asim_error *err)
{
    for (size_t i = 0; i < asim_campaign_window_count(campaign); i++)
        if (asim_campaign_retry(campaign, i, err) < 0)
            return -1;
    return 0;
}

/* Where windows were named: these, as far as they are not at their end. */
static int launch_named(const struct workplace *workplace,
                        struct asim_campaign *campaign, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    for (size_t k = 0; k < settings->run_window_count; k++) {
        struct asim_window_status status;
        size_t i;
        if (asim_campaign_find_window(campaign, settings->run_windows[k], &i, err) <
                0 ||
            asim_campaign_window(campaign, i, &status, err) < 0)
            return -1;
        if (status.state == ASIM_WINDOW_COMPLETED)
            continue;
        if (asim_launch_umbrella_window(campaign, status.window_id, err) < 0)
            return -1;
    }
    return 0;
}

int stage_windows(struct workplace *workplace, bool *ret_ended, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct asim_campaign *campaign = NULL;
    struct window_check check = {0};
    struct signals signals;
    int signal_number = 0, code = -1;
    if (signals_take(&signals, false, err) < 0)
        return -1;
    /* The campaign takes the folder's lock itself; another autosim that comes between
     * is welcome to it. */
    asim_campaign_lock_give(&workplace->lock_fd);
    if (asim_campaign_open(settings->folder, workplace->log, &campaign, err) < 0 ||
        (settings->retry_failed && retry_failed(campaign, err) < 0) ||
        window_check_init(settings->folder, workplace->log, &check, err) < 0)
        goto out;
    asim_campaign_set_check(campaign, asim_window_checker_look, &check.checker);
    if (asim_campaign_start(campaign, &settings->run, err) < 0 ||
        launch_named(workplace, campaign, err) < 0 ||
        watch(workplace, campaign, signals.read_fd, &signal_number, err) < 0)
        goto out;
    code = windows_exit_code(workplace, campaign, signal_number, ret_ended, err);
out:
    asim_campaign_close(campaign);
    window_check_finish(&check);
    signals_give(&signals);
    return code;
}
