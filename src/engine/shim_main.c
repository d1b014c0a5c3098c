/*
 * autosim-shim FOLDER ATTEMPT CPUS CLAIM OWNER PROGRAM [ARGUMENT...], or
 * autosim-shim serve, which makes such shims without starting the program anew
 * (shim_server.h).
 *
 * Runs one gmx in FOLDER and writes down how it ended. CPUS is "-" or numbers with
 * commas. CLAIM is "claim" where descriptor 3 holds a claim on them (core_claims.h),
 * which gmx shares; "-" otherwise. OWNER is "-", or the process number of the spawner
 * where nothing may outlive it: then the kernel kills the shim, and gmx with it, at the
 * spawner's death. A program of its own, so that it outlives the orchestrator, needs
 * nothing of it, and stays small: one waits beside every running window.
 *
 * Never two gmx in one folder. gmx is executed only by a shim that holds a write lock
 * on FOLDER/lock, a file that is created once and never removed or replaced, so that
 * all processes lock the same inode. The lock belongs to the open file description
 * (F_OFD_SETLK), which gmx shares from its fork on: there is no instant between "the
 * shim holds it" and "gmx holds it", and the kernel lets it go when the last of both is
 * gone, however they end. Under the lock two things are checked: that FOLDER/fence
 * names this attempt, or is not there for the first (the fence is raised before a newer
 * attempt's shim is spawned, so that a shim delayed for any time sees it), and that
 * this attempt has not been started before (its process record is not there). Nobody
 * can pass these checks between ours and the exec, because passing needs the lock.
 *
 * gmx waits before its exec until attempt-N.process.json names it; a gmx that runs can
 * therefore always be found, even when the shim is killed. A shim that refuses touches
 * no file but its own attempt-N.refused.json.
 *
 * The space of the exit record is taken before gmx starts: a disk that gmx fills does
 * not cost the record. Of the files only the exit record must survive a crash of the
 * machine; process numbers mean nothing then.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/memory_kills.h"
#include "engine/record.h"
#include "engine/shim_serve.h"

enum {
    RECORD_BYTES = 4096, /* taken from the disk beforehand */
    RECORD_RETRIES = 10, /* a second apart */
    LOCK_TRIES = 100,
    LOCK_PAUSE_NS = 10000000,
    PATH_BYTES = 64, /* "attempt-2147483647.process.json", relative to FOLDER */
};

/* Where a child stands that has not become gmx yet; told to the shim with errno. */
enum stage { STAGE_AFFINITY, STAGE_DEATH_SIGNAL, STAGE_EXEC };
static const char *const stage_names[] = {"cannot set the CPU affinity",
                                          "cannot tie gmx to its shim",
                                          "cannot execute the program"};

struct failure {
    int stage;
    int cause;
};

struct shim {
    int attempt;
    pid_t owner;     /* the spawner that nothing may outlive; 0: none */
    cpu_set_t *cpus; /* NULL: unchanged */
    size_t cpus_bytes;
    char **argv;
    int lock_fd;
    int record_fd;
    char record_part[PATH_BYTES];
    sigset_t signals; /* blocked, taken one by one */
    double start_seconds;
    pid_t child;
    int go_fd;      /* closing it without a byte makes the child leave */
    int failure_fd; /* end of file: gmx runs */
    int kills_fd;   /* of memory_kills.h */
    int64_t kills;  /* before gmx began; -1: not known */
};

struct ending {
    int exit_code;
    int signal_number;
    bool spawn_failed;
    bool out_of_memory; /* the kernel killed for memory when gmx was killed */
    char reason[256];
    struct rusage usage;
};

static void close_descriptors_from(int first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0)
        return;
#endif
    struct rlimit limit;
    int last = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1 << 20
                   ? (int)limit.rlim_cur
                   : 1 << 20;
    for (int fd = first; fd < last; fd++)
        close(fd);
}

static void attempt_name(const struct shim *shim, const char *suffix,
                         char ret_name[PATH_BYTES])
{
    snprintf(ret_name, PATH_BYTES, "attempt-%d.%s", shim->attempt, suffix);
}

/* "0,1,5" as a CPU set; NULL where the text is none. */
static cpu_set_t *parse_cpus(const char *text, size_t *ret_bytes)
{
    enum { CPU_LARGEST = 1 << 16 };
    cpu_set_t *cpus = CPU_ALLOC(CPU_LARGEST);
    if (!cpus)
        return NULL;
    size_t bytes = CPU_ALLOC_SIZE(CPU_LARGEST);
    CPU_ZERO_S(bytes, cpus);
    for (const char *at = text;; at++) {
        char *end;
        long cpu = strtol(at, &end, 10);
        if (end == at || cpu < 0 || cpu >= CPU_LARGEST ||
            (*end != ',' && *end != '\0')) {
            CPU_FREE(cpus);
            return NULL;
        }
        CPU_SET_S(cpu, bytes, cpus);
        at = end;
        if (*end == '\0')
            break;
    }
    *ret_bytes = bytes;
    return cpus;
}

/* A refusal goes to a file of its own: attempt-N.exit.json may belong to a living gmx
 * of the same number. */
static int refuse(const struct shim *shim, const char *reason)
{
    char name[PATH_BYTES];
    attempt_name(shim, "refused.json", name);
    json_t *object =
        json_pack("{s:i, s:s}", "attempt", shim->attempt, "reason", reason);
    char *line = object ? asim_record_seal(object, NULL) : NULL;
    int rc = line ? asim_file_replace(name, line, strlen(line), NULL) : -1;
    free(line);
    json_decref(object);
    return rc < 0 ? ASIM_SHIM_NO_RECORD : ASIM_SHIM_REFUSED;
}

/* 0: ours; otherwise the code to exit with. */
static int take_folder(struct shim *shim)
{
    char name[PATH_BYTES], text[128];
    int fence;
    struct asim_error err;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    shim->lock_fd = open(ASIM_LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int locked = -1;
    /* Tried for a second: an overtaken shim may hold it while it looks at the fence,
     * and both must not leave. */
    for (int i = 0; shim->lock_fd >= 0 && i < LOCK_TRIES; i++) {
        locked = fcntl(shim->lock_fd, F_OFD_SETLK, &whole);
        if (locked == 0 || (errno != EAGAIN && errno != EACCES && errno != EINTR))
            break;
        struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
        int cause = errno;
        nanosleep(&pause, NULL);
        errno = cause;
    }
    if (locked < 0) {
        bool held = shim->lock_fd >= 0 && (errno == EAGAIN || errno == EACCES);
        snprintf(text, sizeof text, "%s%s",
                 held ? "another process of this window lives"
                      : "cannot lock the folder: ",
                 held ? "" : strerror(errno));
        return refuse(shim, text);
    }
    if (asim_fence_read(".", &fence, &err) < 0)
        return refuse(shim, err.text);
    bool first_here = fence == 0 && shim->attempt == 1 && !shim->owner;
    if (fence != shim->attempt && !first_here) {
        snprintf(text, sizeof text, "attempt %d was overtaken by attempt %d",
                 shim->attempt, fence);
        return refuse(shim, text);
    }
    attempt_name(shim, "process.json", name);
    if (asim_file_exists(name))
        return refuse(shim, "this attempt has been started before");
    return 0;
}

static bool write_all(int fd, const char *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t put = pwrite(fd, data + done, size - done, (off_t)done);
        if (put < 0 && errno != EINTR)
            return false;
        done += put > 0 ? (size_t)put : 0;
    }
    return true;
}

static bool reserve_record(struct shim *shim)
{
    char blanks[RECORD_BYTES];
    attempt_name(shim, "exit.part", shim->record_part);
    shim->record_fd = open(shim->record_part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (shim->record_fd < 0)
        return false;
    if (fallocate(shim->record_fd, 0, 0, RECORD_BYTES) == 0)
        return true;
    if (errno == ENOSPC || errno == EDQUOT)
        return false;
    /* A file system that cannot: what has been written and synced is there as well. */
    memset(blanks, ' ', sizeof blanks);
    return write_all(shim->record_fd, blanks, RECORD_BYTES) &&
           fsync(shim->record_fd) == 0;
}

static char *record_line(const struct shim *shim, const struct ending *ending)
{
    const struct rusage *usage = &ending->usage;
    double cpu_seconds =
        (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
        1e-6 * (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
    char when[64];
    asim_utc_time_text(when, sizeof when);
    json_t *object = json_pack(
        "{s:i, s:i, s:i, s:b, s:b, s:s, s:f, s:f, s:f, s:s}", "attempt", shim->attempt,
        "exit_code", ending->exit_code, "signal", ending->signal_number, "spawn_failed",
        ending->spawn_failed, "out_of_memory", ending->out_of_memory, "reason",
        ending->reason, "runtime_seconds",
        asim_monotonic_seconds() - shim->start_seconds, "cpu_seconds", cpu_seconds,
        "peak_memory_mb", (double)usage->ru_maxrss / 1024.0, "ended", when);
    char *line = object ? asim_record_seal(object, NULL) : NULL;
    json_decref(object);
    return line;
}

static int write_record(struct shim *shim, const struct ending *ending)
{
    char name[PATH_BYTES];
    attempt_name(shim, "exit.json", name);
    char *line = record_line(shim, ending);
    int code = ASIM_SHIM_NO_RECORD;
    for (int i = 0; line && i < RECORD_RETRIES; i++) {
        size_t size = strlen(line);
        if (write_all(shim->record_fd, line, size) &&
            ftruncate(shim->record_fd, (off_t)size) == 0 &&
            fsync(shim->record_fd) == 0 && rename(shim->record_part, name) == 0) {
            asim_folder_sync(".", NULL);
            code = ASIM_SHIM_RECORDED;
            break;
        }
        sleep(1);
    }
    free(line);
    return code;
}

static _Noreturn void child_leave(int failure_fd, enum stage stage)
{
    struct failure failure = {.stage = (int)stage, .cause = errno};
    ssize_t ignored = write(failure_fd, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

/* Between fork and exec: system calls only. */
static _Noreturn void child_run(const struct shim *shim, pid_t shim_pid, int go_fd,
                                int failure_fd)
{
    char go;
    setpgid(0, 0);
    if (shim->cpus && sched_setaffinity(0, shim->cpus_bytes, shim->cpus) < 0)
        child_leave(failure_fd, STAGE_AFFINITY);
    /* Where an owner's time may be over while all of us are stopped (a suspended job),
     * gmx must not run on to a checkpoint when it is resumed. */
    if (prctl(PR_SET_PDEATHSIG, shim->owner ? SIGKILL : SIGTERM) < 0)
        child_leave(failure_fd, STAGE_DEATH_SIGNAL);
    /* A shim that died before prctl sends nothing any more. */
    if (getppid() != shim_pid || read(go_fd, &go, 1) != 1)
        _exit(127);
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL); /* whoever made the shim has set the others so */
    sigprocmask(SIG_SETMASK, &none, NULL);
    fcntl(shim->lock_fd, F_SETFD, 0);
    execv(shim->argv[0], shim->argv);
    child_leave(failure_fd, STAGE_EXEC);
}

static bool redirect(const struct shim *shim, const char *suffix, int target)
{
    char name[PATH_BYTES];
    attempt_name(shim, suffix, name);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    bool done = fd >= 0 && dup2(fd, target) == target;
    if (fd >= 0)
        close(fd);
    return done;
}

static bool start_child(struct shim *shim)
{
    int go[2], failure[2];
    if (!redirect(shim, "stdout", STDOUT_FILENO) ||
        !redirect(shim, "stderr", STDERR_FILENO) || pipe2(go, O_CLOEXEC) < 0)
        return false;
    if (pipe2(failure, O_CLOEXEC) < 0)
        return false;
    pid_t self = getpid();
    shim->child = fork();
    if (shim->child < 0)
        return false;
    if (shim->child == 0) {
        close(go[1]);
        child_run(shim, self, go[0], failure[1]);
    }
    /* In both processes, so that the group is there for whoever comes first. */
    setpgid(shim->child, shim->child);
    close(go[0]);
    close(failure[1]);
    shim->go_fd = go[1];
    shim->failure_fd = failure[0];
    return true;
}

static bool write_process_record(const struct shim *shim)
{
    struct asim_process_identity self, child;
    char name[PATH_BYTES], part[PATH_BYTES], boot_id[64], host[256] = "";
    if (!asim_process_identify(getpid(), &self) ||
        !asim_process_identify(shim->child, &child))
        return false;
    asim_boot_id(boot_id);
    gethostname(host, sizeof host - 1);
    attempt_name(shim, "process.json", name);
    json_t *object =
        json_pack("{s:i, s:s, s:s, s:i, s:I, s:i, s:I}", "attempt", shim->attempt,
                  "boot_id", boot_id, "host", host, "shim_pid", (int)self.pid,
                  "shim_start_ticks", (json_int_t)self.start_ticks, "gmx_pid",
                  (int)child.pid, "gmx_start_ticks", (json_int_t)child.start_ticks);
    char *line = object ? asim_record_seal(object, NULL) : NULL;
    attempt_name(shim, "process.part", part);
    int fd = line ? open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    bool done = fd >= 0 && write_all(fd, line, strlen(line)) && close(fd) == 0 &&
                rename(part, name) == 0;
    free(line);
    json_decref(object);
    return done;
}

static bool stop_is_pending(void)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT) ||
           sigismember(&pending, SIGHUP);
}

/* Lets the waiting child become gmx; false with `ending` filled in where it does not.
 */
static bool release_child(struct shim *shim, struct ending *ending)
{
    struct failure failure;
    if (stop_is_pending()) {
        ending->signal_number = SIGTERM;
        snprintf(ending->reason, sizeof ending->reason, "stopped before gmx started");
        return false;
    }
    ssize_t put = write(shim->go_fd, "", 1);
    close(shim->go_fd);
    shim->go_fd = -1;
    if (put == 1 && read(shim->failure_fd, &failure, sizeof failure) != sizeof failure)
        return true;
    ending->spawn_failed = true;
    ending->exit_code = put == 1 ? failure.cause : EPIPE;
    snprintf(ending->reason, sizeof ending->reason, "%s: %s",
             put == 1 ? stage_names[failure.stage % 3] : "the child is gone",
             strerror(ending->exit_code));
    return false;
}

/* Forwards stops until gmx is gone. HUP would end gmx without a checkpoint: it becomes
 * TERM. */
static void wait_child(const struct shim *shim)
{
    siginfo_t info;
    for (;;) {
        int taken = sigwaitinfo(&shim->signals, &info);
        if (taken == SIGTERM || taken == SIGINT || taken == SIGHUP)
            kill(-shim->child, taken == SIGHUP ? SIGTERM : taken);
        info.si_pid = 0;
        if (waitid(P_PID, (id_t)shim->child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid == shim->child)
            return;
    }
}

/* gmx is gone but not reaped, so its number still names its group: what it may have
 * started goes too, before the record says that the attempt has ended. */
static void reap_child(const struct shim *shim, struct ending *ending)
{
    int status = 0;
    kill(-shim->child, SIGKILL);
    while (wait4(shim->child, &status, 0, &ending->usage) < 0 && errno == EINTR)
        ;
    if (ending->spawn_failed || ending->signal_number)
        return;
    if (WIFSIGNALED(status))
        ending->signal_number = WTERMSIG(status);
    else
        ending->exit_code = WEXITSTATUS(status);
    /* 128 + 9: how a wrapper script says it. */
    if (shim->kills >= 0 &&
        (ending->signal_number == SIGKILL || ending->exit_code == 128 + SIGKILL))
        ending->out_of_memory = asim_memory_kills_read(shim->kills_fd) > shim->kills;
}

static int run(struct shim *shim)
{
    struct ending ending = {0};
    int code = take_folder(shim);
    if (code != 0)
        return code;
    if (!reserve_record(shim)) {
        unlink(shim->record_part);
        return ASIM_SHIM_NO_RECORD;
    }
    shim->start_seconds = asim_monotonic_seconds();
    shim->kills = asim_memory_kills_read(shim->kills_fd);
    bool started = start_child(shim);
    if (!started || !write_process_record(shim)) {
        ending.spawn_failed = true;
        ending.exit_code = errno ? errno : EIO;
        snprintf(ending.reason, sizeof ending.reason, "cannot prepare the attempt: %s",
                 strerror(ending.exit_code));
    } else if (release_child(shim, &ending)) {
        wait_child(shim);
    }
    if (shim->go_fd >= 0)
        close(shim->go_fd);
    if (started)
        reap_child(shim, &ending);
    return write_record(shim, &ending);
}

static void stop_signals(sigset_t *ret_signals)
{
    const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigemptyset(ret_signals);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        sigaddset(ret_signals, taken[i]);
}

static bool has_claim(int argc, char **argv)
{
    return argc > 4 && strcmp(argv[4], ASIM_SHIM_CLAIM) == 0;
}

int asim_shim_main(int argc, char **argv, int kills_fd)
{
    struct shim shim = {.lock_fd = -1,
                        .record_fd = -1,
                        .go_fd = -1,
                        .failure_fd = -1,
                        .kills_fd = kills_fd};
    int64_t attempt, owner = 0;
    stop_signals(&shim.signals); /* blocked from the start */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 7 || (!has_claim(argc, argv) && strcmp(argv[4], "-") != 0) ||
        !asim_parse_int64(argv[2], &attempt) || attempt < 1 || attempt > INT_MAX ||
        (strcmp(argv[5], "-") != 0 && !asim_parse_int64(argv[5], &owner)) ||
        owner < 0 || owner > INT_MAX || argv[6][0] != '/') {
        fprintf(stderr,
                "usage: %s FOLDER ATTEMPT CPUS CLAIM OWNER /PROGRAM [ARGUMENT...]\n",
                argv[0]);
        return ASIM_SHIM_USAGE;
    }
    shim.attempt = (int)attempt;
    shim.owner = (pid_t)owner;
    shim.argv = argv + 6;
    /* An owner that died before prctl kills nobody any more. */
    if (shim.owner && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != shim.owner))
        return ASIM_SHIM_NO_RECORD;
    if (strcmp(argv[3], "-") != 0) {
        shim.cpus = parse_cpus(argv[3], &shim.cpus_bytes);
        if (!shim.cpus)
            return ASIM_SHIM_USAGE;
    }
    if (chdir(argv[1]) < 0)
        return ASIM_SHIM_NO_RECORD;
    return run(&shim);
}

int main(int argc, char **argv)
{
    /* The first thing: a stop must wait until there is somebody to tell. */
    sigset_t stops;
    stop_signals(&stops);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    bool serves = argc == 2 && strcmp(argv[1], ASIM_SHIM_SERVE) == 0;
    bool has_third = serves || has_claim(argc, argv);
    close_descriptors_from(has_third ? ASIM_SHIM_CLAIM_FD + 1 : ASIM_SHIM_CLAIM_FD);
    int kills_fd = asim_memory_kills_open();
    return serves ? asim_shim_serve(argv[0], kills_fd)
                  : asim_shim_main(argc, argv, kills_fd);
}
