/*
 * autosim-shim serve: the other side of shim_server.h. Requests come as packets, the
 * arguments of a shim with a NUL behind each, with the claim on its cores where there
 * is one; the answer is the number of the new process, or 0.
 */
#include "engine/shim_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/record.h"
#include "engine/shim_server.h"

enum { ARGUMENTS_LARGEST = 1024, LOOK_MS = 5000 };

struct request {
    char text[ASIM_SHIM_REQUEST_BYTES + 1];
    char *argv[ARGUMENTS_LARGEST + 2];
    int argc;
    int claim_fd; /* -1: none */
    bool whole;   /* nothing was cut off */
};

/* 1: a request; 0: the parent is gone, or closed the socket. */
static int take(struct request *request, char *program)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = request->text, .iov_len = ASIM_SHIM_REQUEST_BYTES};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(ASIM_SHIM_SERVER_FD, &message, MSG_CMSG_CLOEXEC);
    if (got <= 0)
        return got < 0 && errno == EINTR;
    request->text[got] = '\0';
    request->claim_fd = -1;
    request->argc = 0;
    request->argv[request->argc++] = program;
    char *at = request->text;
    for (; at < request->text + got && request->argc <= ARGUMENTS_LARGEST;
         at += strlen(at) + 1)
        request->argv[request->argc++] = at;
    request->argv[request->argc] = NULL;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(&request->claim_fd, CMSG_DATA(header), sizeof(int));
    /* Without all of it, above all the claim on its cores, gmx must not run. */
    request->whole =
        !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && at == request->text + got;
    return 1;
}

/* As fork, but the parent of the child is ours. */
static pid_t fork_sibling(void)
{
#ifdef SYS_clone3
    struct clone_args arguments = {.flags = CLONE_PARENT};
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
#else
    errno = ENOSYS;
    return -1;
#endif
}

/* In the new process, as it would be had it been spawned. */
static _Noreturn void become_shim(const struct request *request, int kills_fd)
{
    setsid();
    close(ASIM_SHIM_SERVER_FD);
    if (request->claim_fd >= 0) {
        dup2(request->claim_fd, ASIM_SHIM_CLAIM_FD);
        close(request->claim_fd);
    }
    _exit(asim_shim_main(request->argc, (char **)request->argv, kills_fd));
}

int asim_shim_serve(char *program, int kills_fd)
{
    static struct request request;
    pid_t parent = getppid();
    char warm[64];
    /* What every child would do for itself. */
    asim_utc_time_text(warm, sizeof warm);
    json_object_seed(0);
    if (chdir("/") < 0)
        return ASIM_SHIM_USAGE;
    while (getppid() == parent) {
        struct pollfd asked = {.fd = ASIM_SHIM_SERVER_FD, .events = POLLIN};
        /* The socket may be open in others that the parent has forked. */
        if (poll(&asked, 1, LOOK_MS) <= 0)
            continue;
        request.argc = 0;
        if (!take(&request, program))
            break;
        if (request.argc == 0)
            continue;
        pid_t child = request.whole ? fork_sibling() : -1;
        if (child == 0)
            become_shim(&request, kills_fd);
        int32_t answer = child > 0 ? (int32_t)child : 0;
        ssize_t sent = send(ASIM_SHIM_SERVER_FD, &answer, sizeof answer, MSG_NOSIGNAL);
        if (request.claim_fd >= 0)
            close(request.claim_fd);
        if (sent != sizeof answer)
            break;
    }
    return 0;
}
