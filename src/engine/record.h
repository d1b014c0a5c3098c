/*
 * What the shim and the library must agree on: names of an attempt's files, checksummed
 * JSON, the identity of a process, the window's lock. Knows nothing of GROMACS.
 */
#ifndef ENGINE_RECORD_H
#define ENGINE_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define ASIM_LOCK_NAME "lock"
#define ASIM_FENCE_NAME "fence"

/* What the shim exits with; whatever gmx did, a written record is a success. */
enum asim_shim_exit {
    ASIM_SHIM_RECORDED = 0,
    ASIM_SHIM_USAGE = 64,
    ASIM_SHIM_NO_RECORD = 74, /* the folder took no record: see the space left */
    ASIM_SHIM_REFUSED = 75,
};

/* The shim's argument and descriptor where a claim on cores is handed to it. */
#define ASIM_SHIM_CLAIM "claim"
enum { ASIM_SHIM_CLAIM_FD = 3 };
/* Where it makes shims (shim_server.h); the socket comes as this descriptor. */
#define ASIM_SHIM_SERVE "serve"
enum { ASIM_SHIM_SERVER_FD = 3 };

/* "FOLDER/attempt-N.SUFFIX"; free with free(). */
char *asim_attempt_path(const char *folder, int attempt, const char *suffix,
                        struct asim_error *err);

/* Adds the member "sha256" over the compact, key-sorted text of the other members and
 * gives the whole as one line; `object` keeps the member. Free with free(). */
char *asim_record_seal(json_t *object, struct asim_error *err);
/* 1: read and the checksum fits; 0: there is no such file; -1: damaged or unreadable.
 */
int asim_record_read(const char *path, json_t **ret_object, struct asim_error *err);

/* A process as no other process ever was: pids are reused, pid + start time are not
 * within one boot. */
struct asim_process_identity {
    pid_t pid;
    uint64_t start_ticks; /* field 22 of /proc/PID/stat: clock ticks since boot */
};

/* False where no such process lives; a zombie does not. */
bool asim_process_identify(pid_t pid, struct asim_process_identity *ret_identity);
/* Text of /proc/sys/kernel/random/boot_id; "" where it cannot be read. */
void asim_boot_id(char ret_text[64]);

/* The number in FOLDER/fence; 0 where there is none yet. */
int asim_fence_read(const char *folder, int *ret_attempt, struct asim_error *err);

#endif
