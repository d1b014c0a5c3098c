/*
 * Cores claimed by running windows, so that two campaigns of one user on one machine do
 * not take the same ones.
 *
 * A claim is a write lock on one byte of a file, byte N for core N. It belongs to the
 * open file description (F_OFD_SETLK) that the shim and gmx of the window share: it
 * lasts as long as they do, outlives the program that took it, and vanishes with its
 * last holder however that ends. There is nothing to clean up and nothing to trust.
 */
#ifndef ENGINE_CORE_CLAIMS_H
#define ENGINE_CORE_CLAIMS_H

#include <stddef.h>

#include "base/error.h"

/*
 * The file of this user on this machine; its folder is made. $AUTOSIM_CORE_CLAIMS where
 * it is set ("" or "off": no claims, `*ret_path` is NULL), or autosim-cores in
 * $XDG_RUNTIME_DIR, /run/user/UID or /tmp/autosim-UID, the first that is a folder of
 * this user that nobody else can write to. ASIM_EENV where there is none. The path is
 * freed by the caller.
 */
int asim_core_claims_path(char **ret_path, struct asim_error *err);

/* Claims all of the cores or none. 1: claimed, until the last copy of `*ret_fd` is
 * closed (close-on-exec; 4 or above); 0: others hold one of them; -1: an error. */
int asim_core_claims_take(const char *path, const int *cpus, size_t cpu_count,
                          int *ret_fd, struct asim_error *err);

/* How many of the cores others hold at this moment; 0 where that cannot be told. */
size_t asim_core_claims_count(const char *path, const int *cpus, size_t cpu_count);

#endif
