/* Writing TRR frames; reading them is behind autosim/trajectory.h. */
#ifndef FORMATS_TRR_H
#define FORMATS_TRR_H

#include <stdbool.h>

#include <autosim/trajectory.h>

/* Encoded frames, one behind the other: the content of a file. */
struct asim_trr_bytes {
    unsigned char *data; /* owned */
    size_t size;
    size_t capacity;
};

void asim_trr_bytes_finish(struct asim_trr_bytes *bytes);

/* What a frame may hold beside struct asim_frame; all zero: nothing. */
struct asim_trr_extra {
    const float (*v_nm_ps)[3];     /* velocities of the frame's atoms, or NULL */
    const float (*f_kj_mol_nm)[3]; /* forces, or NULL */
    double lambda;
    bool of_doubles; /* stored as a GROMACS of double precision does */
};

/*
 * Appends a frame: box, coordinates and what `extra` (may be NULL) offers.
 * ASIM_EINPUT where a number is not finite, the step does not fit 32 bits, or a block
 * does not fit the 2 GB that GROMACS reads; nothing is appended then.
 */
int asim_trr_append(struct asim_trr_bytes *bytes, const struct asim_frame *frame,
                    const struct asim_trr_extra *extra, struct asim_error *err);

#endif
