/* Stop signals as bytes in a pipe, for programs with an event loop. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <autosim/error.h>
#include <signal.h>
#include <stdbool.h>

enum { STOP_SIGNALS_MOST = 4 };

/* Each stop signal (INT, TERM, HUP, and USR1 where asked for) that comes is a byte, its
 * number, to be read from read_fd, which never blocks. */
struct signals {
    int read_fd, write_fd;
    struct sigaction before[STOP_SIGNALS_MOST];
    bool taken[STOP_SIGNALS_MOST];
};

int signals_take(struct signals *signals, bool with_usr1, struct asim_error *err);
void signals_give(struct signals *signals);

#endif
