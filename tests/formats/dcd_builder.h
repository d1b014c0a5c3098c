/* DCD files of every flavour, built byte by byte, with what they should read as. */
#ifndef TESTS_FORMATS_DCD_BUILDER_H
#define TESTS_FORMATS_DCD_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dcd_flavour {
    bool other_endian;
    bool wide_markers;  /* of 64 bits */
    int charmm_version; /* 0: X-PLOR */
    bool cell, cell_unflagged, fourth, velocities;
    double cell_record[6];
    int32_t atom_count, fixed_count; /* every third atom is fixed, from the first on */
    int32_t frame_count, header_frame_count;
    int32_t first_step, step_interval;
    double step_akma;
    int32_t title_count;
};

struct dcd_bytes {
    unsigned char *data; /* owned */
    size_t size;
    size_t *starts;         /* owned; of each frame, and the end */
    float (*x_angstrom)[3]; /* owned; atoms of frame 0, of frame 1, ... */
};

/* The flavour that most programs write: CHARMM 24, this machine's byte order. */
struct dcd_flavour dcd_flavour_plain(void);
struct dcd_bytes dcd_build(const struct dcd_flavour *flavour, uint64_t seed);
void dcd_bytes_finish(struct dcd_bytes *bytes);

#endif
