/*
 * Running gmx so that it survives us and we survive it.
 *
 * Each attempt is run by a small separate program, the shim (src/engine/shim_main.c):
 * its own session, the window's lock held by an open file description that gmx holds
 * too, stdout and stderr to files, PDEATHSIG=TERM on gmx, CPU affinity set before exec,
 * and a checksummed, fsynced exit record at the end. A window folder is locked exactly
 * while a process of it lives, so nothing can run it twice at once; the reasoning is in
 * the head of shim_main.c.
 *
 * Files of attempt N in the window's folder: attempt-N.process.json (pids, start times,
 * boot id), attempt-N.exit.json (the record), attempt-N.stdout, attempt-N.stderr,
 * attempt-N.refused.json (where the shim left without running anything), and
 * attempt-N.exit.part (the space kept for the record while gmx runs). `fence` holds the
 * number of the newest attempt (none: the first): a shim that finds another number than
 * its own after it got the lock leaves. An attempt number runs at most once. `lock` is
 * never removed.
 */
#ifndef ENGINE_PROCESS_H
#define ENGINE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "engine/shim_server.h"

struct asim_spawn {
    const char *folder;      /* the window's, must exist */
    int attempt;             /* 1, 2, ... */
    const char *const *argv; /* NULL-terminated; argv[0] an absolute path */
    const int *cpus;         /* cores gmx may run on; */
    size_t cpu_count;        /* 0: unchanged */
    int claim_fd;            /* of those cores, shared with shim and gmx; 0: none */
    bool bound; /* shim and gmx are killed when the thread dies that spawned them, or
                   that started the server */
    struct asim_shim_server *server; /* makes the shim; NULL: it is spawned */
};

/* A running shim. */
struct asim_process {
    pid_t pid;
    int pidfd; /* readable when the shim has ended; -1: none */
};

#define ASIM_PROCESS_INIT                                                              \
    {                                                                                  \
        .pid = 0, .pidfd = -1                                                          \
    }

void asim_process_finish(
    struct asim_process *process); /* closes pidfd, kills nothing */

/*
 * Writes the fence, spawns the shim (posix_spawn, never fork of the host program), or
 * has the server make it, and returns its pidfd. The shim program is $AUTOSIM_SHIM, or
 * beside the running program, or where it was installed. ASIM_EENV where it is missing;
 * ASIM_EUSAGE where a newer attempt than this one was spawned before. The same attempt
 * may be spawned again: what comes second is refused.
 *
 * gmx gets the caller's environment without what contradicts the command line (see
 * asim_process_environment); of a server, as it was at the first spawn.
 *
 * The spawning process is the shim's parent and must reap it by asim_process_reap once
 * pidfd is readable; nothing else does.
 */
int asim_process_spawn(const struct asim_spawn *spawn, struct asim_process *ret_process,
                       struct asim_error *err);

/* 1: ended (a child of ours is reaped now); 0: it still runs; -1: an error. Never
 * waits. `ret_exit_code` (may be NULL): enum asim_shim_exit (record.h), -signal where
 * it was killed, 0 where it was adopted: an adopted process is its parent's to reap. */
int asim_process_reap(struct asim_process *process, int *ret_exit_code,
                      struct asim_error *err);

/* The environment gmx is run with: this process's, changed where it would contradict
 * explicit options. A new NULL-terminated array; freed by asim_argv_free. */
int asim_process_environment(char ***ret_environment, struct asim_error *err);

/* The same as words before a command: env -u NAME ... NAME=VALUE; NULL-terminated, not
 * to be freed. */
const char *const *asim_process_environment_command(void);

enum asim_window_lock {
    ASIM_WINDOW_FREE, /* no process of this window lives */
    ASIM_WINDOW_HELD, /* one does */
};

/* Looks whether a process holds the window's folder. Only asks, never takes the lock: a
 * shim that starts at the same instant is not disturbed. ASIM_EENV where the file
 * system has no locks. */
int asim_window_lock_probe(const char *folder, enum asim_window_lock *ret_state,
                           struct asim_error *err);

/* Finds the shim of an attempt that another orchestrator started, by pid + start time +
 * boot id; where the shim was killed and its gmx still lives, that gmx. 1: found and
 * running; 0: not running on this machine (or its file is not there yet); -1 on errors.
 */
int asim_process_adopt(const char *folder, int attempt,
                       struct asim_process *ret_process, struct asim_error *err);

/*
 * TERM and INT reach gmx once (through the shim where it lives: a second one makes gmx
 * leave in haste with code 2); any other signal, KILL above all, goes to the process
 * group of gmx, and the shim stays to write the record. False where there was nobody to
 * tell: gone, on another machine, or the attempt's process.json is not there yet;
 * between the spawn and that file, send TERM to the shim itself (asim_process_stop).
 */
bool asim_process_signal(const char *folder, int attempt, int signal_number);
/* TERM to a process that was spawned or adopted; a gmx not yet started does not start
 * any more and its record says signal TERM. False where it is gone. */
bool asim_process_stop(const struct asim_process *process);

/* The exit record of an attempt. */
struct asim_exit_record {
    int exit_code;     /* of gmx, where it exited */
    int signal_number; /* that killed it; 0: it exited */
    bool refused; /* the shim found the lock held or a newer fence; gmx never ran */
    bool spawn_failed;  /* gmx could not be executed; exit_code is errno */
    bool out_of_memory; /* killed, and meanwhile the kernel killed for memory in the
                           control group; false: not known */
    double runtime_seconds;
    double cpu_seconds;
    double peak_memory_mb;
    char reason[256]; /* why it was refused or not executed; "" otherwise */
};

/* 1: read; 0: there is none; -1: damaged (ASIM_EINPUT) or unreadable. `refused` means
 * that something else lived in the folder or came later: adopt, or wait until it is
 * free. */
int asim_exit_record_read(const char *folder, int attempt,
                          struct asim_exit_record *ret_record, struct asim_error *err);

#endif
