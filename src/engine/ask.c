/*
 * A program with a time limit, whose output is collected: it may be a script that waits
 * for something, or start others. Must not know what is asked.
 */
#include "engine/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <autosim/engine.h>

#include "base/clock.h"
#include "base/error.h"
#include "engine/process.h"

static int set_streams(posix_spawn_file_actions_t *actions,
                       const struct asim_question *question, int output_fd)
{
    int cause = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null",
                                                 O_RDONLY, 0);
    if (!cause)
        cause = posix_spawn_file_actions_adddup2(actions, output_fd, STDOUT_FILENO);
    if (!cause && question->with_stderr)
        cause = posix_spawn_file_actions_adddup2(actions, output_fd, STDERR_FILENO);
    else if (!cause)
        cause = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null",
                                                 O_WRONLY, 0);
    if (!cause && question->folder)
        cause = posix_spawn_file_actions_addchdir_np(actions, question->folder);
    return cause;
}

static int start(const struct asim_question *question, int output_fd,
                 char *const *environment, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int cause = posix_spawn_file_actions_init(&actions);
    if (cause)
        return cause;
    cause = posix_spawnattr_init(&attributes);
    if (cause)
        goto out;
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    cause = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID |
                                                      POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETSIGDEF);
    if (!cause)
        cause = set_streams(&actions, question, output_fd);
    if (!cause)
        cause = posix_spawn(ret_pid, question->argv[0], &actions, &attributes,
                            (char *const *)question->argv, environment);
    posix_spawnattr_destroy(&attributes);
out:
    posix_spawn_file_actions_destroy(&actions);
    return cause;
}

/* What the program prints, up to the end or the deadline; false at the deadline. */
static bool collect(int fd, double deadline, char *text, size_t size)
{
    size_t length = 0;
    bool ended = false;
    while (!ended) {
        double left = deadline - asim_monotonic_seconds();
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        int ready = left > 0 ? poll(&watched, 1, (int)(left * 1000) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            break;
        char block[4096];
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        ended = got <= 0;
        size_t kept = got <= 0                          ? 0
                      : (size_t)got < size - 1 - length ? (size_t)got
                                                        : size - 1 - length;
        memcpy(text + length, block, kept);
        length += kept;
    }
    text[length] = '\0';
    return ended;
}

int asim_ask(const struct asim_question *question, struct asim_answer *answer,
             struct asim_error *err)
{
    char **environment;
    int ends[2];
    pid_t pid;
    if (asim_process_environment(&environment, err) < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        asim_argv_free(environment);
        return asim_fail(err, ASIM_EIO, "cannot make a pipe: %s", strerror(errno));
    }
    int cause = start(question, ends[1], environment, &pid);
    asim_argv_free(environment);
    close(ends[1]);
    if (cause) {
        close(ends[0]);
        return asim_fail(err, ASIM_EENV, "cannot run '%s': %s", question->argv[0],
                         strerror(cause));
    }
    answer->in_time = collect(ends[0], asim_monotonic_seconds() + question->seconds,
                              answer->text, answer->size);
    close(ends[0]);
    /* The end of the output comes a moment before that of the program, which is to tell
     * its code. */
    int status = 0;
    pid_t gone = 0;
    for (int i = 0; i < 100 && answer->in_time && gone == 0; i++) {
        gone = waitpid(pid, &status, WNOHANG);
        if (gone == 0)
            usleep(2000);
    }
    /* Its own session: the group is the program and what it started. */
    kill(-pid, SIGKILL);
    while (gone == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    answer->succeeded =
        answer->in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return 0;
}
