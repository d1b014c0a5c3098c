/* One short program run beside the event loop, its output collected. */
#ifndef CAMPAIGN_SLURM_COMMAND_H
#define CAMPAIGN_SLURM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct asim_command {
    pid_t pid;
    int pidfd; /* readable at its end; -1: none runs */
    int out_fd, err_fd;
    double kill_at;
    bool killed;
};

#define ASIM_COMMAND_INIT                                                              \
    {                                                                                  \
        .pidfd = -1, .out_fd = -1, .err_fd = -1                                        \
    }

struct asim_command_result {
    int exit_code; /* -signal where one killed it */
    bool timed_out;
    char *out;        /* all of stdout; owned */
    char errors[300]; /* the last line of stderr that says something; "" */
};

/* argv[0] is looked for on the PATH. After `seconds` it is killed. */
int asim_command_start(char *const *argv, double seconds, struct asim_command *command,
                       struct asim_error *err);
/* Kills it where its time is over. */
void asim_command_check(struct asim_command *command, double now);
/* 1: it has ended, *ret_result is the caller's; 0: it runs; -1: an error, it is gone.
 */
int asim_command_collect(struct asim_command *command,
                         struct asim_command_result *ret_result,
                         struct asim_error *err);
void asim_command_result_finish(struct asim_command_result *result);
/* Kills and forgets. */
void asim_command_finish(struct asim_command *command);

#endif
