/*
 * A shim that makes shims: started once, it forks one for each attempt it is asked for.
 * Starting the program anew costs more than all the shim does: the kernel builds an
 * address space, the C library asks the processor what it is, which in a virtual
 * machine costs a trap for each of dozens of questions.
 *
 * What it makes are children of its own parent (CLONE_PARENT), so that nothing differs
 * from a shim that was spawned: who reaps it, whose death kills it, what it checks. The
 * server holds no window and knows nothing of its children; it leaves when the socket
 * to its parent is closed. Where it cannot be had, shims are spawned.
 */
#ifndef ENGINE_SHIM_SERVER_H
#define ENGINE_SHIM_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

enum { ASIM_SHIM_REQUEST_BYTES = 1 << 16 }; /* arguments with their NULs, at most */

struct asim_shim_server {
    pid_t pid;
    int pidfd;   /* its number may be another's once a host has reaped it */
    int fd;      /* -1: there is none */
    bool tried;  /* it was started once; not again where it has died */
    pid_t owner; /* who started it; what that has forked leaves it alone */
};

#define ASIM_SHIM_SERVER_INIT                                                          \
    {                                                                                  \
        .fd = -1                                                                       \
    }

void asim_shim_server_finish(struct asim_shim_server *server);
/* Starts the program `shim` as one, with the environment that gmx shall have. */
int asim_shim_server_start(struct asim_shim_server *server, const char *shim,
                           char **environment, struct asim_error *err);
/* A shim with these arguments (without the program's name). False where the server
 * cannot make it. */
bool asim_shim_server_spawn(struct asim_shim_server *server, char *const *arguments,
                            int claim_fd, pid_t *ret_pid);

#endif
