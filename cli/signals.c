/*
 * Signals become bytes in a pipe. A signalfd would not do: the linear-algebra library
 * has threads of its own that do not block these signals, and one that reaches such a
 * thread would end the program.
 */
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

static const int stop_signals[STOP_SIGNALS_MOST] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

static volatile sig_atomic_t signal_write_fd = -1;

static void on_signal(int signal_number)
{
    int cause = errno;
    unsigned char number = (unsigned char)signal_number;
    ssize_t written = write(signal_write_fd, &number, 1);
    (void)written; /* full: more stops than anyone can ask for are waiting */
    errno = cause;
}

int signals_take(struct signals *signals, bool with_usr1, struct asim_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return asim_fail(err, ASIM_EENV, "cannot watch for signals: %s",
                         strerror(errno));
    *signals = (struct signals){.read_fd = ends[0], .write_fd = ends[1]};
    signal_write_fd = ends[1];
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < STOP_SIGNALS_MOST; i++) {
        if (stop_signals[i] == SIGUSR1 && !with_usr1)
            continue;
        sigaction(stop_signals[i], NULL, &signals->before[i]);
        /* nohup and a shell's background jobs ignore them on purpose. */
        signals->taken[i] = signals->before[i].sa_handler != SIG_IGN;
        if (signals->taken[i])
            sigaction(stop_signals[i], &action, NULL);
    }
    return 0;
}

void signals_give(struct signals *signals)
{
    for (int i = 0; i < STOP_SIGNALS_MOST; i++)
        if (signals->taken[i])
            sigaction(stop_signals[i], &signals->before[i], NULL);
    signal_write_fd = -1;
    close(signals->read_fd);
    close(signals->write_fd);
}
