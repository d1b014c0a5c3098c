/* Writing XTC frames; reading them is behind autosim/trajectory.h. */
#ifndef FORMATS_XTC_H
#define FORMATS_XTC_H

#include <autosim/trajectory.h>

/* 1995 counts a frame's bytes in 32 bits, 2023 in 64; ASIM_XTC_MAGIC_AUTO takes 2023
 * only for frames of more than 298261617 atoms, as GROMACS does. */
enum asim_xtc_magic {
    ASIM_XTC_MAGIC_AUTO = 0,
    ASIM_XTC_MAGIC_1995 = 1995,
    ASIM_XTC_MAGIC_2023 = 2023,
};

/* Encoded frames, one behind the other: the content of a file. */
struct asim_xtc_bytes {
    unsigned char *data; /* owned */
    size_t size;
    size_t capacity;
};

void asim_xtc_bytes_finish(struct asim_xtc_bytes *bytes);

/*
 * Appends a frame. frame->precision is in 1/nm; 0 stands for GROMACS' 1000. Frames of
 * at most 9 atoms are stored as plain floats. ASIM_EINPUT where a coordinate is not
 * finite or does not fit a 32-bit integer at this precision, or the step does not fit
 * 32 bits.
 */
int asim_xtc_append(struct asim_xtc_bytes *bytes, const struct asim_frame *frame,
                    enum asim_xtc_magic magic, struct asim_error *err);

#endif
