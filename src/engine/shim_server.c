/*
 * The library's side of the server of shims.
 * Invariant: a server that does not answer as expected is ended, and never asked again.
 */
#include "engine/shim_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "engine/record.h"

/* It forks and answers at once; a machine may be slow. */
enum { ANSWER_SECONDS = 30 };

void asim_shim_server_finish(struct asim_shim_server *server)
{
    if (!server || server->fd < 0)
        return;
    close(server->fd);
    server->fd = -1;
    if (server->owner == getpid()) {
        syscall(SYS_pidfd_send_signal, server->pidfd, SIGKILL, NULL, 0);
        while (waitid(P_PIDFD, (id_t)server->pidfd, NULL, WEXITED) < 0 &&
               errno == EINTR)
            continue;
    }
    close(server->pidfd);
}

static int spawn_server(const char *shim, char **environment, int fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all;
    char *argv[] = {(char *)shim, (char *)ASIM_SHIM_SERVE, NULL};
    sigfillset(&all);
    int cause = posix_spawn_file_actions_init(&actions);
    if (cause)
        return cause;
    cause = posix_spawnattr_init(&attributes);
    if (cause) {
        posix_spawn_file_actions_destroy(&actions);
        return cause;
    }
    for (int i = 0; i <= STDERR_FILENO && !cause; i++)
        cause = posix_spawn_file_actions_addopen(&actions, i, "/dev/null",
                                                 i ? O_WRONLY : O_RDONLY, 0);
    if (!cause)
        cause = posix_spawn_file_actions_adddup2(&actions, fd, ASIM_SHIM_SERVER_FD);
    if (!cause)
        cause = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!cause)
        cause = posix_spawnattr_setflags(&attributes,
                                         POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF);
    if (!cause)
        cause = posix_spawn(ret_pid, shim, &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return cause;
}

int asim_shim_server_start(struct asim_shim_server *server, const char *shim,
                           char **environment, struct asim_error *err)
{
    int ends[2], high = -1;
    struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    server->tried = true;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return asim_fail(err, ASIM_EENV, "cannot make a socket: %s", strerror(errno));
    /* Never what it is copied to: that would keep it close-on-exec. */
    high = fcntl(ends[1], F_DUPFD_CLOEXEC, ASIM_SHIM_SERVER_FD + 1);
    int cause = high < 0 ? errno : spawn_server(shim, environment, high, &server->pid);
    if (high >= 0)
        close(high);
    close(ends[1]);
    if (cause) {
        close(ends[0]);
        return asim_fail(err, ASIM_EENV, "cannot start '%s': %s", shim,
                         strerror(cause));
    }
    /* Not reaped by anybody yet, so the number is still its own. */
    server->pidfd = (int)syscall(SYS_pidfd_open, server->pid, 0);
    if (server->pidfd < 0) {
        cause = errno;
        close(ends[0]); /* which ends it */
        waitpid(server->pid, NULL, 0);
        return asim_fail(err, ASIM_EENV, "cannot watch the process %ld: %s",
                         (long)server->pid, strerror(cause));
    }
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    server->fd = ends[0];
    server->owner = getpid();
    return 0;
}

static bool put_request(int fd, char *const *arguments, int claim_fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    size_t size = 0;
    for (char *const *each = arguments; *each; each++)
        size += strlen(*each) + 1;
    char *text = size <= ASIM_SHIM_REQUEST_BYTES ? malloc(size) : NULL;
    if (!text)
        return false;
    char *at = text;
    for (char *const *each = arguments; *each; each++)
        at = stpcpy(at, *each) + 1;
    struct iovec part = {.iov_base = text, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (claim_fd > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &claim_fd, sizeof claim_fd);
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    free(text);
    return sent == (ssize_t)size;
}

bool asim_shim_server_spawn(struct asim_shim_server *server, char *const *arguments,
                            int claim_fd, pid_t *ret_pid)
{
    int32_t answer = -1;
    ssize_t got = -1;
    if (server->fd < 0 || server->owner != getpid())
        return false;
    if (put_request(server->fd, arguments, claim_fd))
        do
            got = recv(server->fd, &answer, sizeof answer, 0);
        while (got < 0 && errno == EINTR);
    if (got != sizeof answer || answer <= 0) {
        asim_shim_server_finish(server);
        return false;
    }
    *ret_pid = (pid_t)answer;
    return true;
}
