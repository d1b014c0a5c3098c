/* Running the windows: the event loop of the program, with its signals. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "campaign/campaign_lock.h"
#include "pipeline.h"

/* INT, TERM and HUP arrive on the descriptor that is returned. */
static int open_signals(sigset_t *ret_before, struct asim_error *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return asim_fail(err, ASIM_EENV, "cannot watch for signals: %s",
                         strerror(errno));
    sigprocmask(SIG_BLOCK, &signals, ret_before);
    return fd;
}

static void stop_on_signal(struct workplace *workplace, struct asim_campaign *campaign,
                           int signal_fd, int *signal_number)
{
    struct signalfd_siginfo info;
    while (read(signal_fd, &info, sizeof info) == sizeof info) {
        if (*signal_number == 0)
            asim_log_write(workplace->log, ASIM_LOG_WARNING,
                           "%s: asking the running windows to write a checkpoint and "
                           "stop; once more kills them",
                           strsignal((int)info.ssi_signo));
        *signal_number = (int)info.ssi_signo;
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

/* The exit code that the windows' states call for. */
static int windows_exit_code(struct workplace *workplace,
                             const struct asim_campaign *campaign, int signal_number,
                             struct asim_error *err)
{
    struct asim_campaign_progress progress;
    asim_campaign_progress(campaign, &progress);
    terminal_close_line(&workplace->terminal);
    if (progress.completed == progress.window_count)
        return 0;
    if (progress.completed + progress.failed < progress.window_count) {
        asim_log_write(workplace->log, ASIM_LOG_INFO,
                       "Stopped with %zu of %zu windows completed; 'autosim run -C %s' "
                       "goes on",
                       progress.completed, progress.window_count,
                       workplace->settings->folder);
        /* No signal: the time of --maxh has passed, as was asked for. */
        return signal_number ? 128 + signal_number : 0;
    }
    return asim_fail(
        err, ASIM_EWINDOWS,
        "%zu of %zu windows were given up; 'autosim status -C %s' says why",
        progress.failed, progress.window_count, workplace->settings->folder);
}

int stage_windows(struct workplace *workplace, struct asim_error *err)
{
    const struct settings *settings = workplace->settings;
    struct asim_campaign *campaign = NULL;
    sigset_t before;
    int signal_number = 0, code = -1;
    int signal_fd = open_signals(&before, err);
    if (signal_fd < 0)
        return -1;
    /* The campaign takes the folder's lock itself; another autosim that comes between
     * is welcome to it. */
    asim_campaign_lock_give(&workplace->lock_fd);
    if (asim_campaign_open(settings->folder, workplace->log, &campaign, err) < 0 ||
        asim_campaign_start(campaign, &settings->run, err) < 0 ||
        watch(workplace, campaign, signal_fd, &signal_number, err) < 0)
        goto out;
    code = windows_exit_code(workplace, campaign, signal_number, err);
out:
    asim_campaign_close(campaign);
    close(signal_fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}
