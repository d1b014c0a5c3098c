/*
 * Arrays that live in a file, for what grows with a trajectory: memory that the kernel
 * may write out. The file has no name, its space is reserved beforehand (a full disk is
 * an error here, never a signal later), and it is gone with the process.
 */
#ifndef BASE_SPILL_H
#define BASE_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Zero-initialised is empty. */
struct asim_spill {
    void *data; /* zeros at first; aligned to a page */
    size_t bytes;
    int file_plus_1; /* 0: none */
};

/* In `folder`; NULL: $TMPDIR, or /var/tmp. ASIM_EIO where there is no room. */
int asim_spill_create(const char *folder, size_t bytes, struct asim_spill *ret_spill,
                      struct asim_error *err);
/* Larger; what it holds stays, where it lies may change. */
int asim_spill_grow(struct asim_spill *spill, size_t bytes, struct asim_error *err);
void asim_spill_finish(struct asim_spill *spill);

/* Pages between two places of a spilled array leave memory; their contents stay in the
 * file and come back when they are touched. */
void asim_spill_release(const void *first, size_t bytes);

#endif
