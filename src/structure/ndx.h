/*
 * GROMACS index files (.ndx): `[ name ]` headers, each followed by the 1-based numbers
 * of its atoms; ';' starts a comment. Format: GROMACS reference manual, "ndx".
 */
#ifndef STRUCTURE_NDX_H
#define STRUCTURE_NDX_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct asim_ndx_group {
    char *name; /* owned */
    size_t line;
    size_t first, count; /* its part of `numbers` */
};

struct asim_ndx {
    struct asim_ndx_group *groups;
    size_t group_count, group_capacity;
    uint32_t *numbers; /* as in the file: 1-based, in order, never 0 */
    size_t number_count, number_capacity;
};

/* Bounds against a topology are the caller's: a group that is not used may hold
 * anything. */
int asim_ndx_read(const char *path, struct asim_ndx *ret_ndx, struct asim_error *err);
/* The same from memory; `path` is for messages only. */
int asim_ndx_parse(const char *data, size_t size, const char *path,
                   struct asim_ndx *ret_ndx, struct asim_error *err);
void asim_ndx_finish(struct asim_ndx *ndx);

#endif
