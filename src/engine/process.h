/*
 * Running gmx so that it survives us and we survive it.
 *
 * Each attempt is run by a small separate program, the shim (src/engine/shim_main.c):
 * its own session, the window's lock held by an inherited descriptor that gmx holds
 * too, stdout and stderr to files, PDEATHSIG=TERM on gmx, CPU affinity set before exec,
 * and a checksummed, fsynced exit record at the end. A window folder is locked exactly
 * while a process of it lives, so nothing can run it twice at once.
 *
 * Files of attempt N in the window's folder: attempt-N.process.json (pid, start time,
 * boot id), attempt-N.exit.json (the record), attempt-N.stdout, attempt-N.stderr.
 * `fence` holds the number of the newest attempt: a shim that finds a newer number than
 * its own after it got the lock leaves without running anything.
 */
#ifndef ENGINE_PROCESS_H
#define ENGINE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct asim_spawn {
    const char *folder;      /* the window's, must exist */
    int attempt;             /* 1, 2, ... */
    const char *const *argv; /* NULL-terminated; argv[0] an absolute path */
    const int *cpus;         /* cores gmx may run on; */
    size_t cpu_count;        /* 0: unchanged */
};

/* A running shim. */
struct asim_process {
    pid_t pid;
    int pidfd; /* readable when the shim has ended; -1: none */
};

void asim_process_finish(
    struct asim_process *process); /* closes pidfd, kills nothing */

/* Writes the fence, spawns the shim (posix_spawn, never fork of the host program) and
 * returns its pidfd. The shim program is $AUTOSIM_SHIM, or beside the running program,
 * or where it was installed. ASIM_EENV where it is missing. */
int asim_process_spawn(const struct asim_spawn *spawn, struct asim_process *ret_process,
                       struct asim_error *err);

enum asim_window_lock {
    ASIM_WINDOW_FREE, /* no process of this window lives */
    ASIM_WINDOW_HELD, /* one does */
};

/* Looks whether a process holds the window's folder. */
int asim_window_lock_probe(const char *folder, enum asim_window_lock *ret_state,
                           struct asim_error *err);

/* Finds the shim of an attempt that another orchestrator started, by pid + start time +
 * boot id. 1: found and running; 0: not running (or its file is not there yet); -1 on
 * errors. */
int asim_process_adopt(const char *folder, int attempt,
                       struct asim_process *ret_process, struct asim_error *err);

/* TERM (or KILL) to the whole process group of the shim's gmx. No error if gone. */
void asim_process_signal(const char *folder, int attempt, int signal_number);

/* The exit record of an attempt. */
struct asim_exit_record {
    int exit_code;     /* of gmx, where it exited */
    int signal_number; /* that killed it; 0: it exited */
    bool refused; /* the shim found the lock held or a newer fence; gmx never ran */
    bool spawn_failed; /* gmx could not be executed; exit_code is errno */
    double runtime_seconds;
    double cpu_seconds;
    double peak_memory_mb;
};

/* 1: read; 0: there is none; -1: damaged (ASIM_EINPUT) or unreadable. */
int asim_exit_record_read(const char *folder, int attempt,
                          struct asim_exit_record *ret_record, struct asim_error *err);

#endif
