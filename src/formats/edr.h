/* Energy files of GROMACS (.edr), as far as a campaign needs them. */
#ifndef FORMATS_EDR_H
#define FORMATS_EDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The last whole frame of an energy file; a torn tail is normal while gmx writes. */
struct asim_edr_last {
    int64_t step;
    double time_ps;
    size_t frame_count;      /* whole frames of the file */
    double potential_kj_mol; /* the term "Potential" of the last frame that has
                                energies; NAN where there is none */
    bool torn_tail;          /* bytes that are no whole frame follow */
    uint64_t end_bytes;      /* where the last whole frame ends */
};

/*
 * Walks the file once and keeps one frame. A frame that the end of the file cuts off,
 * and a tail of zeros, are a torn tail. ASIM_EINPUT with the byte where something
 * else stands in place of a frame, and where there is no whole frame at all.
 */
int asim_edr_read_last(const char *path, struct asim_edr_last *ret_last,
                       struct asim_error *err);

#endif
