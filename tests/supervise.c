/*
 * Three processes: the program as the test runner knows it, below it a supervisor in a
 * session of its own (so that a kill of the runner's process group spares it) to which
 * every orphan falls, below that one the tests. A shim is in its own session and lives
 * on by design when its parent dies; only the supervisor can end it then.
 */
#include "supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int exit_code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t fork_tied(int death_signal)
{
    pid_t parent = getpid(), child = fork();
    if (child < 0) {
        perror("supervise: fork");
        exit(99);
    }
    if (child > 0)
        return child;
    prctl(PR_SET_PDEATHSIG, death_signal);
    if (getppid() != parent)
        _exit(99);
    return 0;
}

static void kill_children(void)
{
    char path[64];
    long child;
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *file = fopen(path, "re");
    while (file && fscanf(file, "%ld", &child) == 1)
        kill((pid_t)child, SIGKILL);
    if (file)
        fclose(file);
}

/* What the dead leave behind falls to us and is killed in the next turn. */
static void end_all(void)
{
    do
        kill_children();
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

static _Noreturn void watch(pid_t tests, const sigset_t *signals)
{
    for (;;) {
        int status, taken = 0;
        pid_t gone;
        sigwait(signals, &taken);
        if (taken != SIGCHLD) {
            end_all();
            _exit(128 + taken);
        }
        while ((gone = waitpid(-1, &status, WNOHANG)) > 0) {
            if (gone != tests)
                continue;
            end_all();
            _exit(exit_code_of(status));
        }
    }
}

void supervise(void)
{
    int status;
    sigset_t signals, before;
    fflush(NULL);
    sigemptyset(&signals);
    const int watched[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        sigaddset(&signals, watched[i]);
    sigprocmask(SIG_SETMASK, NULL, &before);
    pid_t supervisor = fork_tied(SIGTERM);
    if (supervisor > 0) {
        while (waitpid(supervisor, &status, 0) < 0 && errno == EINTR)
            continue;
        _exit(exit_code_of(status));
    }
    setsid();
    sigprocmask(SIG_BLOCK, &signals, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t tests = fork_tied(SIGKILL);
    if (tests > 0)
        watch(tests, &signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
