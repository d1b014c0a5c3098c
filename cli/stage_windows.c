/* Running the windows: the event loop of the program, with its signals. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "campaign/campaign_lock.h"
#include "pipeline.h"

/* Where the signal handler writes; one run of the program has one. A handler and not a
 * signalfd: that needs the signals blocked in every thread, and OpenBLAS starts its
 * threads before main() does anything. */
static int signal_pipe[2] = {-1, -1};

static void on_signal(int signal_number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)signal_number;
    ssize_t written = write(signal_pipe[1], &byte, 1);
    (void)written; /* a full pipe holds more requests than anybody waits for */
    errno = saved;
}

static const int watched_signals[] = {SIGINT, SIGTERM, SIGHUP};

enum { WATCHED_COUNT = sizeof watched_signals / sizeof *watched_signals };

struct signals {
    struct sigaction before[WATCHED_COUNT];
    int first; /* the first one that came; 0: none */
};

static int signals_open(struct signals *signals, struct asim_error *err)
{
    *signals = (struct signals){0};
    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return asim_fail(err, ASIM_EENV, "cannot watch for signals: %s",
                         strerror(errno));
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        sigaction(watched_signals[i], NULL, &signals->before[i]);
        /* nohup and shells without job control mean it when they ignore a signal. */
        if (signals->before[i].sa_handler != SIG_IGN)
            sigaction(watched_signals[i], &action, NULL);
    }
    return 0;
}

static void signals_close(struct signals *signals)
{
    for (size_t i = 0; i < WATCHED_COUNT; i++)
        sigaction(watched_signals[i], &signals->before[i], NULL);
    close(signal_pipe[0]);
    close(signal_pipe[1]);
    signal_pipe[0] = signal_pipe[1] = -1;
}

static void stop_on_signal(struct workplace *workplace, struct asim_campaign *campaign,
                           struct signals *signals)
{
    unsigned char signal_number;
    while (read(signal_pipe[0], &signal_number, 1) == 1) {
        if (signals->first == 0) {
            signals->first = signal_number;
            asim_log_write(workplace->log, ASIM_LOG_WARNING,
                           "%s: asking the running windows to write a checkpoint and "
                           "stop; once more kills them",
                           strsignal(signal_number));
        }
        asim_campaign_stop(campaign);
    }
}

static int watch(struct workplace *workplace, struct asim_campaign *campaign,
                 struct signals *signals, struct asim_error *err)
{
    for (;;) {
        struct pollfd fds[2] = {
            {.fd = asim_campaign_event_fd(campaign), .events = POLLIN},
            {.fd = signal_pipe[0], .events = POLLIN},
        };
        struct asim_campaign_progress progress;
        asim_campaign_progress(campaign, &progress);
        terminal_progress(&workplace->terminal, &progress);
        if (poll(fds, 2, 1000) < 0 && errno != EINTR)
            return asim_fail(err, ASIM_EENV, "cannot wait for the windows: %s",
                             strerror(errno));
        stop_on_signal(workplace, campaign, signals);
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
    struct signals signals;
    int code = -1;
    if (signals_open(&signals, err) < 0)
        return -1;
    /* The campaign takes the folder's lock itself; another autosim that comes between
     * is welcome to it. */
    asim_campaign_lock_give(&workplace->lock_fd);
    if (asim_campaign_open(settings->folder, workplace->log, &campaign, err) < 0 ||
        asim_campaign_start(campaign, &settings->run, err) < 0 ||
        watch(workplace, campaign, &signals, err) < 0)
        goto out;
    code = windows_exit_code(workplace, campaign, signals.first, err);
out:
    asim_campaign_close(campaign);
    signals_close(&signals);
    return code;
}
