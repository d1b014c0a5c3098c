/*
 * The orchestrator's side of running gmx: spawn, adopt, reap, signal, look.
 *
 * Invariants: the host program is never forked; what is known of a process is checked
 * against its start time after a pidfd pins it, so that a reused pid is never signalled
 * or adopted. Must not know what gmx prints.
 */
#include "engine/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <autosim/engine.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "engine/record.h"
#include "engine/shim_path.h"

static int pidfd_open_of(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool pidfd_signal(int pidfd, int signal_number)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) == 0;
}

void asim_process_finish(struct asim_process *process)
{
    if (!process)
        return;
    if (process->pidfd > 0)
        close(process->pidfd);
    *process = (struct asim_process)ASIM_PROCESS_INIT;
}

/* "0,1,5", or "-" for no change. */
static char *cpu_list(const struct asim_spawn *spawn, struct asim_error *err)
{
    enum { CPU_DIGITS = 12 };
    if (spawn->cpu_count == 0)
        return asim_strdup("-", err);
    char *text = asim_alloc_array(spawn->cpu_count, CPU_DIGITS, err);
    char *at = text;
    for (size_t i = 0; text && i < spawn->cpu_count; i++)
        at += snprintf(at, CPU_DIGITS, "%s%d", i > 0 ? "," : "", spawn->cpus[i]);
    return text;
}

/* Those behind the program's name. */
static int shim_arguments(const struct asim_spawn *spawn, char ***ret_argv,
                          struct asim_error *err)
{
    size_t count = 0, done = 0;
    while (spawn->argv[count])
        count++;
    char **argv = asim_alloc_array(count + 6, sizeof *argv, err);
    if (!argv)
        return -1;
    argv[done] = asim_strdup(spawn->folder, err);
    if (!argv[done++])
        goto fail;
    argv[done] = asim_format(err, "%d", spawn->attempt);
    if (!argv[done++])
        goto fail;
    argv[done] = cpu_list(spawn, err);
    if (!argv[done++])
        goto fail;
    argv[done] = asim_strdup(spawn->claim_fd > 0 ? ASIM_SHIM_CLAIM : "-", err);
    if (!argv[done++])
        goto fail;
    argv[done] =
        spawn->bound ? asim_format(err, "%ld", (long)getpid()) : asim_strdup("-", err);
    if (!argv[done++])
        goto fail;
    for (size_t i = 0; i < count; i++) {
        argv[done] = asim_strdup(spawn->argv[i], err);
        if (!argv[done++])
            goto fail;
    }
    *ret_argv = argv;
    return 0;
fail:
    asim_argv_free(argv);
    return -1;
}

static int raise_fence(const struct asim_spawn *spawn, struct asim_error *err)
{
    int newest;
    if (asim_fence_read(spawn->folder, &newest, err) < 0)
        return -1;
    if (newest > spawn->attempt)
        return asim_fail(err, ASIM_EUSAGE,
                         "attempt %d of '%s' cannot start: attempt %d was started "
                         "before; number attempts upwards",
                         spawn->attempt, spawn->folder, newest);
    /* Nothing is older than the first. What is bound may be tried from other machines
     * too, and a network file system remembers for a while that a file was not there.
     */
    if (newest == spawn->attempt || (spawn->attempt == 1 && !spawn->bound))
        return 0;
    char *path = asim_path_join(spawn->folder, ASIM_FENCE_NAME, err);
    char text[16];
    int length = snprintf(text, sizeof text, "%d\n", spawn->attempt);
    int rc = path ? asim_file_replace(path, text, (size_t)length, err) : -1;
    free(path);
    return rc;
}

static int spawn_program(char **argv, char **environment, int claim_fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t stops, all;
    /* Blocked, so that a stop that comes before the shim is ready waits for it. */
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGHUP);
    sigfillset(&all);
    int cause = posix_spawn_file_actions_init(&actions);
    if (cause)
        return cause;
    cause = posix_spawnattr_init(&attributes);
    if (cause) {
        posix_spawn_file_actions_destroy(&actions);
        return cause;
    }
    for (int fd = 0; fd <= STDERR_FILENO && !cause; fd++)
        cause = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null",
                                                 fd ? O_WRONLY : O_RDONLY, 0);
    if (!cause && claim_fd > 0)
        cause =
            posix_spawn_file_actions_adddup2(&actions, claim_fd, ASIM_SHIM_CLAIM_FD);
    if (!cause)
        cause = posix_spawnattr_setsigmask(&attributes, &stops);
    if (!cause)
        cause = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!cause)
        cause = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID |
                                                          POSIX_SPAWN_SETSIGMASK |
                                                          POSIX_SPAWN_SETSIGDEF);
    if (!cause)
        cause = posix_spawn(ret_pid, argv[0], &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return cause;
}

/* A shim that is a process of its own from the start. */
static int spawn_directly(const struct asim_spawn *spawn, char **arguments,
                          pid_t *ret_pid, struct asim_error *err)
{
    char **environment = NULL, **argv = NULL;
    size_t count = 0;
    int rc = -1;
    char *shim = asim_shim_path(err);
    while (arguments[count])
        count++;
    if (!shim || asim_process_environment(&environment, err) < 0)
        goto out;
    argv = asim_alloc_array(count + 2, sizeof *argv, err);
    if (!argv)
        goto out;
    argv[0] = shim;
    memcpy(argv + 1, arguments, count * sizeof *argv);
    int cause = spawn_program(argv, environment, spawn->claim_fd, ret_pid);
    rc = cause == 0 ? 0
                    : asim_fail(err, cause == ENOMEM ? ASIM_ENOMEM : ASIM_EENV,
                                "cannot start '%s': %s", shim, strerror(cause));
out:
    free(argv);
    asim_argv_free(environment);
    free(shim);
    return rc;
}

static void start_server(struct asim_shim_server *server)
{
    char **environment = NULL;
    char *shim = asim_shim_path(NULL);
    if (shim && asim_process_environment(&environment, NULL) == 0)
        asim_shim_server_start(server, shim, environment, NULL);
    asim_argv_free(environment);
    free(shim);
}

static bool spawn_by_server(const struct asim_spawn *spawn, char **arguments,
                            pid_t *ret_pid)
{
    if (!spawn->server || spawn->folder[0] != '/')
        return false;
    if (!spawn->server->tried)
        start_server(spawn->server);
    return asim_shim_server_spawn(spawn->server, arguments, spawn->claim_fd, ret_pid);
}

int asim_process_spawn(const struct asim_spawn *spawn, struct asim_process *ret_process,
                       struct asim_error *err)
{
    char **arguments = NULL;
    struct asim_process process = ASIM_PROCESS_INIT;
    int rc = -1;
    if (spawn->attempt < 1 || !spawn->argv[0] || spawn->argv[0][0] != '/')
        return asim_fail(err, ASIM_EUSAGE,
                         "attempt %d of '%s' cannot start: attempts count from 1 and "
                         "the program needs an absolute path",
                         spawn->attempt, spawn->folder);
    if (shim_arguments(spawn, &arguments, err) < 0 || raise_fence(spawn, err) < 0 ||
        (!spawn_by_server(spawn, arguments, &process.pid) &&
         spawn_directly(spawn, arguments, &process.pid, err) < 0))
        goto out;
    /* Not reaped by anybody yet, so the number is still its own. */
    process.pidfd = pidfd_open_of(process.pid);
    if (process.pidfd < 0) {
        asim_fail(err, ASIM_EENV,
                  "cannot watch the process %ld: %s; Linux 5.4 or newer is needed",
                  (long)process.pid, strerror(errno));
        kill(process.pid, SIGTERM);
        waitpid(process.pid, NULL, 0);
        goto out;
    }
    *ret_process = process;
    rc = 0;
out:
    asim_argv_free(arguments);
    return rc;
}

int asim_process_reap(struct asim_process *process, int *ret_exit_code,
                      struct asim_error *err)
{
    siginfo_t info = {0};
    int code = 0;
    if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG) == 0) {
        if (info.si_pid != process->pid)
            return 0;
        code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    } else if (errno == ECHILD) { /* adopted, or reaped by a host that ignores CHLD */
        struct pollfd watched = {.fd = process->pidfd, .events = POLLIN};
        int ready = poll(&watched, 1, 0);
        if (ready < 0 && errno != EINTR)
            return asim_fail(err, ASIM_EIO, "cannot watch the process %ld: %s",
                             (long)process->pid, strerror(errno));
        if (ready <= 0)
            return 0;
    } else {
        return asim_fail(err, ASIM_EIO, "cannot wait for the process %ld: %s",
                         (long)process->pid, strerror(errno));
    }
    if (ret_exit_code)
        *ret_exit_code = code;
    return 1;
}

int asim_window_lock_probe(const char *folder, enum asim_window_lock *ret_state,
                           struct asim_error *err)
{
    char *path = asim_path_join(folder, ASIM_LOCK_NAME, err);
    if (!path)
        return -1;
    int rc = -1;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        *ret_state = ASIM_WINDOW_FREE;
        rc = 0;
        goto out;
    }
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd < 0 || fcntl(fd, F_OFD_GETLK, &whole) < 0) {
        bool none = fd >= 0 && (errno == ENOSYS || errno == ENOLCK ||
                                errno == EOPNOTSUPP || errno == EINVAL);
        asim_fail(
            err, none ? ASIM_EENV : ASIM_EIO, "cannot look at the lock '%s': %s%s",
            path, strerror(errno),
            none ? "; this file system gives no locks: mount it with them (Lustre: "
                   "flock or localflock; NFS: with its lock service)"
                 : "");
        goto out;
    }
    *ret_state = whole.l_type == F_UNLCK ? ASIM_WINDOW_FREE : ASIM_WINDOW_HELD;
    rc = 0;
out:
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

struct attempt_processes {
    struct asim_process_identity shim, gmx;
};

static int read_identity(const json_t *object, const char *pid_key,
                         const char *ticks_key,
                         struct asim_process_identity *ret_identity,
                         struct asim_error *err)
{
    int64_t pid, ticks;
    if (asim_json_int64(object, pid_key, &pid, err) < 0 ||
        asim_json_int64(object, ticks_key, &ticks, err) < 0)
        return -1;
    if (pid < 2 || pid > INT_MAX || ticks < 0)
        return asim_fail(err, ASIM_EINPUT, "member '%s' is no process number", pid_key);
    *ret_identity = (struct asim_process_identity){(pid_t)pid, (uint64_t)ticks};
    return 0;
}

/* 1: read, and of this boot of this machine; 0: none, or of another; -1: an error. */
static int read_processes(const char *folder, int attempt,
                          struct attempt_processes *ret_processes,
                          struct asim_error *err)
{
    char boot_id[64], recorded[64];
    json_t *object = NULL;
    char *path = asim_attempt_path(folder, attempt, "process.json", err);
    if (!path)
        return -1;
    int rc = asim_record_read(path, &object, err);
    if (rc <= 0)
        goto out;
    struct attempt_processes processes;
    if (asim_json_text(object, "boot_id", recorded, sizeof recorded, err) < 0 ||
        read_identity(object, "shim_pid", "shim_start_ticks", &processes.shim, err) <
            0 ||
        read_identity(object, "gmx_pid", "gmx_start_ticks", &processes.gmx, err) < 0) {
        rc = asim_wrap(err, "'%s'", path);
        goto out;
    }
    asim_boot_id(boot_id);
    rc = strcmp(boot_id, recorded) == 0;
    if (rc)
        *ret_processes = processes;
out:
    json_decref(object);
    free(path);
    return rc;
}

/* A pidfd of exactly that process, or -1 where it lives no more. */
static int pin_process(const struct asim_process_identity *identity)
{
    struct asim_process_identity now;
    int pidfd = pidfd_open_of(identity->pid);
    if (pidfd < 0)
        return -1;
    if (asim_process_identify(identity->pid, &now) &&
        now.start_ticks == identity->start_ticks)
        return pidfd;
    close(pidfd);
    return -1;
}

int asim_process_adopt(const char *folder, int attempt,
                       struct asim_process *ret_process, struct asim_error *err)
{
    struct attempt_processes processes;
    int rc = read_processes(folder, attempt, &processes, err);
    if (rc <= 0)
        return rc;
    const struct asim_process_identity *candidates[] = {&processes.shim,
                                                        &processes.gmx};
    for (size_t i = 0; i < 2; i++) {
        int pidfd = pin_process(candidates[i]);
        if (pidfd < 0)
            continue;
        *ret_process = (struct asim_process){candidates[i]->pid, pidfd};
        return 1;
    }
    return 0;
}

bool asim_process_signal(const char *folder, int attempt, int signal_number)
{
    struct attempt_processes processes;
    if (read_processes(folder, attempt, &processes, NULL) != 1)
        return false;
    bool stop = signal_number == SIGTERM || signal_number == SIGINT;
    bool told = false;
    if (stop) {
        int shim = pin_process(&processes.shim);
        if (shim >= 0) {
            told = pidfd_signal(shim, signal_number);
            close(shim);
        }
        if (told)
            return true;
    }
    /* The pidfd shows that the leader lived a moment ago; its number names a group as
     * long as one member lives. */
    int gmx = pin_process(&processes.gmx);
    if (gmx < 0)
        return false;
    told = kill(-processes.gmx.pid, signal_number) == 0 ||
           pidfd_signal(gmx, signal_number);
    close(gmx);
    return told;
}

bool asim_process_stop(const struct asim_process *process)
{
    return process->pidfd >= 0 && pidfd_signal(process->pidfd, SIGTERM);
}

static int read_exit(const json_t *object, struct asim_exit_record *ret_record,
                     struct asim_error *err)
{
    struct asim_exit_record record = {0};
    int64_t exit_code, signal_number;
    if (asim_json_int64(object, "exit_code", &exit_code, err) < 0 ||
        asim_json_int64(object, "signal", &signal_number, err) < 0 ||
        asim_json_text(object, "reason", record.reason, sizeof record.reason, err) <
            0 ||
        asim_json_double(object, "runtime_seconds", &record.runtime_seconds, err) < 0 ||
        asim_json_double(object, "cpu_seconds", &record.cpu_seconds, err) < 0 ||
        asim_json_double(object, "peak_memory_mb", &record.peak_memory_mb, err) < 0)
        return -1;
    if (exit_code < 0 || exit_code > INT_MAX || signal_number < 0 ||
        signal_number > SIGRTMAX)
        return asim_fail(err, ASIM_EINPUT,
                         "exit code %lld and signal %lld are out of range",
                         (long long)exit_code, (long long)signal_number);
    record.exit_code = (int)exit_code;
    record.signal_number = (int)signal_number;
    record.spawn_failed = json_is_true(json_object_get(object, "spawn_failed"));
    record.out_of_memory = json_is_true(json_object_get(object, "out_of_memory"));
    *ret_record = record;
    return 1;
}

int asim_exit_record_read(const char *folder, int attempt,
                          struct asim_exit_record *ret_record, struct asim_error *err)
{
    json_t *object = NULL;
    char *path = asim_attempt_path(folder, attempt, "exit.json", err);
    char *process_path = asim_attempt_path(folder, attempt, "process.json", err);
    char *refused_path = asim_attempt_path(folder, attempt, "refused.json", err);
    int rc = -1;
    if (!path || !process_path || !refused_path)
        goto out;
    rc = asim_record_read(path, &object, err);
    if (rc > 0 && read_exit(object, ret_record, err) < 0)
        rc = asim_wrap(err, "'%s'", path);
    /* Where the attempt did start, a refusal was of a second shim of its number. */
    if (rc != 0 || asim_file_exists(process_path))
        goto out;
    rc = asim_record_read(refused_path, &object, err);
    if (rc > 0) {
        struct asim_exit_record record = {.refused = true};
        rc = asim_json_text(object, "reason", record.reason, sizeof record.reason, err);
        rc = rc < 0 ? asim_wrap(err, "'%s'", refused_path) : 1;
        if (rc > 0)
            *ret_record = record;
    }
out:
    json_decref(object);
    free(refused_path);
    free(process_path);
    free(path);
    return rc;
}
