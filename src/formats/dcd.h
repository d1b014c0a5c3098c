/*
 * What the files of the DCD reader share: the header and the unit cell.
 *
 * Facts: CHARMM's documentation of its trajectories and the DCD notes of VMD and NAMD.
 * A DCD file is a sequence of Fortran records, each between two equal markers that hold
 * its length, of 4 or 8 bytes, in the byte order of the machine that wrote it.
 */
#ifndef FORMATS_DCD_H
#define FORMATS_DCD_H

#include <stdbool.h>
#include <string.h>

#include "formats/simd.h"
#include "formats/trajectory_format.h"

/* What holds for a whole file; zero-initialised. */
struct asim_dcd_header {
    bool swap;          /* the other byte order than this machine's */
    size_t marker_size; /* 4 or 8 */
    int charmm_version; /* 0: X-PLOR */
    bool has_cell;      /* a record of six doubles in front of each frame */
    bool has_fourth;    /* a fourth coordinate record, passed over */
    size_t atom_count;
    size_t free_count;   /* atoms in every frame but the first */
    uint32_t *free_atom; /* owned; their 0-based indices, ascending; NULL: all */
    int64_t first_step, step_interval;
    double step_ps; /* 0: the file does not say */
    uint64_t first_offset;
};

bool asim_dcd_recognise(const unsigned char *head, size_t size);

/* ASIM_EINPUT where the bytes are not a DCD file of coordinates. */
int asim_dcd_header_read(const struct asim_byte_source *source,
                         struct asim_byte_window *window,
                         struct asim_dcd_header *ret_header, struct asim_error *err);
void asim_dcd_header_finish(struct asim_dcd_header *header);

enum { ASIM_DCD_CELL_BYTES = 48 };

/* How a cell lies in the file's coordinates and in GROMACS' orientation. */
struct asim_dcd_cell {
    float box_nm[3][3]; /* a along x, b in the xy plane; all zero: no box */
    bool turned;        /* coordinates have to be turned to fit box_nm: */
    double turn[3][3];  /* new x_i = sum over k of turn[i][k] * x_k */
};

/*
 * The six numbers of a cell record, A gamma B beta alpha C, where the angles stand for
 * - degrees, if all three are 90; else
 * - the symmetric shape matrix of CHARMM 25 and newer (h11 h21 h22 h31 h32 h33), if the
 *   header gives such a version and the matrix is positive definite; else
 * - their cosines (NAMD, VMD), if all three are from -1 to 1; else
 * - degrees, if they are angles of a cell; else
 * - the shape matrix, if it is positive definite.
 * Numbers that are none of these give -1, and `what` says so. The lattice vectors of a
 * shape matrix that is not diagonal are turned to GROMACS' orientation, and the
 * coordinates have to be turned with them.
 */
int asim_dcd_cell_parse(const double record[6], int charmm_version,
                        struct asim_dcd_cell *ret_cell, char what[ASIM_DAMAGE_TEXT]);

/* The first `count` atoms, whose coordinates are behind axis[0..2]; false where one is
 * not finite. */
bool asim_dcd_load_atoms(enum asim_simd simd, const unsigned char *const axis[3],
                         size_t count, bool swap, float (*x_nm)[3]);
/* The same where the records have the free atoms only; the others are left alone. */
bool asim_dcd_load_free_atoms(const struct asim_dcd_header *header,
                              const unsigned char *const axis[3], size_t atom_limit,
                              float (*x_nm)[3]);
void asim_dcd_turn_atoms(const struct asim_dcd_cell *cell, size_t count,
                         float (*x_nm)[3]);

static inline uint32_t asim_dcd_load_u32(const unsigned char *p, bool swap)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return swap ? __builtin_bswap32(value) : value;
}

static inline uint64_t asim_dcd_load_u64(const unsigned char *p, bool swap)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return swap ? __builtin_bswap64(value) : value;
}

static inline uint64_t asim_dcd_load_marker(const struct asim_dcd_header *header,
                                            const unsigned char *p)
{
    return header->marker_size == 8 ? asim_dcd_load_u64(p, header->swap)
                                    : asim_dcd_load_u32(p, header->swap);
}

static inline double asim_dcd_load_double(const unsigned char *p, bool swap)
{
    uint64_t bits = asim_dcd_load_u64(p, swap);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
