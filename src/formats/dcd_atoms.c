/*
 * Coordinates of DCD records, three records of one axis each, as atoms in nm.
 *
 * Coordinates are Angstrom; x_nm = x * 0.1f, one rounding of a product of two floats.
 * Knows no file: where the records lie and that they are whole is the caller's.
 */
#include "formats/dcd.h"

static float load_nm(const unsigned char *p, bool swap, uint32_t *not_finite)
{
    uint32_t bits = asim_dcd_load_u32(p, swap);
    float angstrom;
    *not_finite |= (bits & 0x7f800000u) == 0x7f800000u;
    memcpy(&angstrom, &bits, sizeof angstrom);
    return angstrom * 0.1f;
}

typedef float float4 __attribute__((vector_size(16)));
typedef uint32_t uint4 __attribute__((vector_size(16)));

/* Four atoms of one axis. */
static inline float4 load_4_nm(const unsigned char *p, bool swap, uint4 *not_finite)
{
    const uint4 exponent = {0x7f800000u, 0x7f800000u, 0x7f800000u, 0x7f800000u};
    uint4 bits;
    memcpy(&bits, p, sizeof bits);
    if (swap)
        bits =
            bits << 24 | (bits << 8 & 0xff0000u) | (bits >> 8 & 0xff00u) | bits >> 24;
    *not_finite |= (uint4)((bits & exponent) == exponent);
    return (float4)bits * 0.1f;
}

/* The first `count` atoms of three records. */
static inline bool load_all(const unsigned char *const axis[3], size_t count, bool swap,
                            float (*x_nm)[3])
{
    uint4 not_finite4 = {0};
    uint32_t not_finite = 0;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        float4 x = load_4_nm(axis[0] + 4 * i, swap, &not_finite4);
        float4 y = load_4_nm(axis[1] + 4 * i, swap, &not_finite4);
        float4 z = load_4_nm(axis[2] + 4 * i, swap, &not_finite4);
        float4 xy_low = __builtin_shufflevector(x, y, 0, 4, 1, 5);
        float4 xy_high = __builtin_shufflevector(x, y, 2, 6, 3, 7);
        float4 yz = __builtin_shufflevector(y, z, 1, 5, 1, 5);
        float4 out[3] = {__builtin_shufflevector(xy_low, z, 0, 1, 4, 2),
                         __builtin_shufflevector(yz, xy_high, 0, 1, 4, 5),
                         __builtin_shufflevector(z, xy_high, 2, 6, 7, 3)};
        memcpy(x_nm + i, out, sizeof out);
    }
    for (; i < count; i++)
        for (int d = 0; d < 3; d++)
            x_nm[i][d] = load_nm(axis[d] + 4 * i, swap, &not_finite);
    for (int k = 0; k < 4; k++)
        not_finite |= not_finite4[k];
    return !not_finite;
}

bool asim_dcd_load_atoms(const unsigned char *const axis[3], size_t count, bool swap,
                         float (*x_nm)[3])
{
    return swap ? load_all(axis, count, true, x_nm)
                : load_all(axis, count, false, x_nm);
}

bool asim_dcd_load_free_atoms(const struct asim_dcd_header *header,
                              const unsigned char *const axis[3], size_t atom_limit,
                              float (*x_nm)[3])
{
    uint32_t not_finite = 0;
    for (size_t i = 0; i < header->free_count; i++) {
        size_t atom = header->free_atom[i];
        if (atom >= atom_limit)
            break; /* they ascend */
        for (int d = 0; d < 3; d++)
            x_nm[atom][d] = load_nm(axis[d] + 4 * i, header->swap, &not_finite);
    }
    return !not_finite;
}

void asim_dcd_turn_atoms(const struct asim_dcd_cell *cell, size_t count,
                         float (*x_nm)[3])
{
    for (size_t i = 0; i < count; i++) {
        double old[3] = {(double)x_nm[i][0], (double)x_nm[i][1], (double)x_nm[i][2]};
        for (int d = 0; d < 3; d++)
            x_nm[i][d] = (float)(cell->turn[d][0] * old[0] + cell->turn[d][1] * old[1] +
                                 cell->turn[d][2] * old[2]);
    }
}
