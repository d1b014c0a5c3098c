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

/* So many atoms of one axis at once: the compiler does these side by side. */
enum { ATOMS_AT_ONCE = 64 };

static void load_run(const unsigned char *p, size_t count, bool swap, float *target,
                     uint32_t *not_finite)
{
    for (size_t i = 0; i < count; i++)
        target[i] = load_nm(p + 4 * i, swap, not_finite);
}

/* The first `count` atoms of three records. */
static inline bool load_all(const unsigned char *const axis[3], size_t count, bool swap,
                            float (*x_nm)[3])
{
    uint32_t not_finite = 0;
    float run[3][ATOMS_AT_ONCE];
    for (size_t first = 0; first < count; first += ATOMS_AT_ONCE) {
        size_t left = count - first;
        size_t length = left < ATOMS_AT_ONCE ? left : (size_t)ATOMS_AT_ONCE;
        for (int d = 0; d < 3; d++)
            load_run(axis[d] + 4 * first, length, swap, run[d], &not_finite);
        for (size_t i = 0; i < length; i++)
            for (int d = 0; d < 3; d++)
                x_nm[first + i][d] = run[d][i];
    }
    return !not_finite;
}

bool asim_dcd_load_atoms(const unsigned char *const axis[3], size_t count, bool swap,
                         float (*x_nm)[3])
{
    return swap ? load_all(axis, count, true, x_nm)
                : load_all(axis, count, false, x_nm);
}

bool asim_dcd_load_axis(const unsigned char *record, size_t count, bool swap, int axis,
                        float (*x_nm)[3])
{
    uint32_t not_finite = 0;
    for (size_t i = 0; i < count; i++)
        x_nm[i][axis] = load_nm(record + 4 * i, swap, &not_finite);
    return !not_finite;
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
