/*
 * Programs of the cluster: sbatch, squeue, scancel, scontrol. No shell; output goes to
 * memory files, so that a full pipe never holds one up. It must not know what they say.
 */
#include "campaign/slurm_command.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

extern char **environ;

enum { OUTPUT_LARGEST = 1 << 28 };

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void asim_command_finish(struct asim_command *command)
{
    if (command->pidfd >= 0) {
        kill(command->pid, SIGKILL); /* not reaped yet, so it is ours */
        while (waitpid(command->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    close_fd(&command->pidfd);
    close_fd(&command->out_fd);
    close_fd(&command->err_fd);
}

/* Defaults that people set for themselves. They would hide jobs from squeue, take the
 * job's name or token away, which sbatch lets them do to options of a script, or make
 * it wait for the job's end. Other defaults, as of the account, are meant for us too.
 */
static bool is_in_the_way(const char *variable)
{
    static const char *const names[] = {
        "SBATCH_ARRAY_INX=", "SBATCH_COMMENT=",   "SBATCH_JOB_NAME=",
        "SBATCH_OUTPUT=",    "SBATCH_OPEN_MODE=", "SBATCH_NO_REQUEUE=",
        "SBATCH_WAIT=",      "SQUEUE_",           "SCANCEL_"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* The list only; its text is the environment's. */
static char **own_environment(struct asim_error *err)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **list = asim_alloc_array(count + 1, sizeof *list, err);
    for (size_t i = 0; list && i < count; i++)
        if (!is_in_the_way(environ[i]))
            list[kept++] = environ[i];
    return list;
}

static int spawn(char *const *argv, char *const *environment,
                 struct asim_command *command)
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
    if (cause) {
        posix_spawn_file_actions_destroy(&actions);
        return cause;
    }
    cause = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
    if (!cause)
        cause =
            posix_spawn_file_actions_adddup2(&actions, command->out_fd, STDOUT_FILENO);
    if (!cause)
        cause =
            posix_spawn_file_actions_adddup2(&actions, command->err_fd, STDERR_FILENO);
    if (!cause)
        cause = posix_spawnattr_setsigmask(&attributes, &none);
    if (!cause)
        cause = posix_spawnattr_setsigdefault(&attributes, &all);
    /* Its own group: a Ctrl-C at the terminal must not tear a submission. */
    if (!cause)
        cause = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
                                                          POSIX_SPAWN_SETSIGMASK |
                                                          POSIX_SPAWN_SETSIGDEF);
    if (!cause)
        cause = posix_spawnp(&command->pid, argv[0], &actions, &attributes, argv,
                             environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return cause;
}

int asim_command_start(char *const *argv, double seconds, struct asim_command *command,
                       struct asim_error *err)
{
    struct asim_command started = ASIM_COMMAND_INIT;
    char **environment = own_environment(err);
    if (!environment)
        return -1;
    started.out_fd = memfd_create("stdout", MFD_CLOEXEC);
    started.err_fd = memfd_create("stderr", MFD_CLOEXEC);
    if (started.out_fd < 0 || started.err_fd < 0) {
        asim_fail(err, ASIM_EENV, "cannot make a memory file: %s", strerror(errno));
        goto fail;
    }
    int cause = spawn(argv, environment, &started);
    if (cause) {
        asim_fail(err, ASIM_EENV, "cannot run '%s': %s%s", argv[0], strerror(cause),
                  cause == ENOENT ? "; is this a machine of a Slurm cluster?" : "");
        goto fail;
    }
    started.pidfd = (int)syscall(SYS_pidfd_open, started.pid, 0);
    if (started.pidfd < 0) {
        asim_fail(err, ASIM_EENV, "cannot watch '%s': %s", argv[0], strerror(errno));
        kill(started.pid, SIGKILL);
        waitpid(started.pid, NULL, 0);
        goto fail;
    }
    started.kill_at = asim_monotonic_seconds() + seconds;
    free(environment);
    *command = started;
    return 0;
fail:
    free(environment);
    asim_command_finish(&started);
    return -1;
}

void asim_command_check(struct asim_command *command, double now)
{
    if (command->pidfd < 0 || command->killed || now < command->kill_at)
        return;
    command->killed = true;
    kill(command->pid, SIGKILL);
}

static char *read_all(int fd, struct asim_error *err)
{
    struct stat status;
    if (fstat(fd, &status) < 0 || status.st_size > OUTPUT_LARGEST) {
        asim_fail(err, ASIM_EENV, "the output of a command cannot be read");
        return NULL;
    }
    size_t size = (size_t)status.st_size;
    char *text = asim_alloc_array(size + 1, 1, err);
    if (text && pread(fd, text, size, 0) != (ssize_t)size) {
        asim_fail(err, ASIM_EIO, "the output of a command cannot be read");
        free(text);
        text = NULL;
    }
    return text;
}

/* The last line that is not empty. */
static void last_line(const char *text, char *ret_line, size_t size)
{
    size_t end = strlen(text);
    while (end > 0 && strchr("\n\r ", text[end - 1]))
        end--;
    size_t start = end;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    snprintf(ret_line, size, "%.*s", (int)(end - start), text + start);
}

int asim_command_collect(struct asim_command *command,
                         struct asim_command_result *ret_result, struct asim_error *err)
{
    struct asim_command_result result = {0};
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)command->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return asim_fail(err, ASIM_EENV, "cannot wait for a command: %s",
                         strerror(errno));
    if (info.si_pid != command->pid)
        return 0;
    result.exit_code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    result.timed_out = command->killed;
    result.out = read_all(command->out_fd, err);
    char *errors = result.out ? read_all(command->err_fd, err) : NULL;
    if (errors)
        last_line(errors, result.errors, sizeof result.errors);
    free(errors);
    asim_command_finish(command);
    if (!errors) {
        asim_command_result_finish(&result);
        return -1;
    }
    *ret_result = result;
    return 1;
}

void asim_command_result_finish(struct asim_command_result *result)
{
    free(result->out);
    *result = (struct asim_command_result){0};
}
