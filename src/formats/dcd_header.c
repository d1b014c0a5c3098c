/*
 * The header of DCD files: flavour, times, titles, atoms, and which of these move.
 *
 * Layout: a record of 84 bytes ("CORD" and 20 integers), a record of titles, a record
 * of one integer (atoms) and, if the header counts fixed atoms, one of the indices of
 * the others. Of the 20 integers, from 0: [0] frames, [1] first step, [2] steps between
 * frames, [8] fixed atoms, [9] time step (CHARMM: float; X-PLOR: double in [9] and
 * [10]), [10] unit cells, [11] fourth dimension, [19] version of CHARMM, 0 for X-PLOR.
 *
 * The number of frames is not believed: CHARMM writes it before the frames, others
 * leave it 0; the file's size decides. Whether frames have cells is told by the first
 * frame's first record, and by the flag only where 12 atoms leave that open.
 *
 * Invariant: no length is followed before it is known to lie within the file.
 */
#include "formats/dcd.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

enum {
    INTRO_BYTES = 84, /* "CORD" and 20 integers */
    WORD_COUNT = 20,
    FRAMES_HEAD_BYTES = 64, /* more than two markers and an integer */
};

/* CHARMM's unit of time, sqrt(amu Angstrom^2 / (kcal/mol)), in ps. */
static const double akma_ps = 0.04888821;

enum magic {
    NO_DCD,
    COORDINATES,
    VELOCITIES,
};

/* The flavour as the first 12 bytes show it: where the four letters are and in which
 * byte order the 84 in front of them. */
static enum magic recognise(const unsigned char *head, size_t size, bool *ret_swap,
                            size_t *ret_marker_size)
{
    for (size_t marker_size = 4; marker_size <= 8; marker_size += 4) {
        if (size < marker_size + 4)
            return NO_DCD;
        const unsigned char *letters = head + marker_size;
        bool coordinates = memcmp(letters, "CORD", 4) == 0;
        if (!coordinates && memcmp(letters, "VELD", 4) != 0)
            continue;
        for (int swap = 0; swap <= 1; swap++) {
            uint64_t marker = marker_size == 8 ? asim_dcd_load_u64(head, swap)
                                               : asim_dcd_load_u32(head, swap);
            if (marker != INTRO_BYTES)
                continue;
            *ret_swap = swap;
            *ret_marker_size = marker_size;
            return coordinates ? COORDINATES : VELOCITIES;
        }
    }
    return NO_DCD;
}

bool asim_dcd_recognise(const unsigned char *head, size_t size)
{
    bool swap;
    size_t marker_size;
    return recognise(head, size, &swap, &marker_size) != NO_DCD;
}

/* One record at *offset: its length is checked against both markers and the file's
 * end, `ret_p` (may be NULL) gets its content, *offset moves behind it. */
static int read_record(const struct asim_byte_source *source,
                       struct asim_byte_window *window,
                       const struct asim_dcd_header *header, const char *what,
                       uint64_t *offset, const unsigned char **ret_p,
                       uint64_t *ret_size, struct asim_error *err)
{
    const unsigned char *p;
    size_t available, marker_size = header->marker_size;
    uint64_t start = *offset;
    uint64_t left = start < source->size ? source->size - start : 0;
    if (asim_byte_window_get(window, source, start, marker_size, 0, &p, &available,
                             err) < 0)
        return -1;
    if (available < marker_size)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' is no whole DCD file: it ends at byte %llu, in front of "
                         "%s",
                         source->name, (unsigned long long)source->size, what);
    uint64_t size = asim_dcd_load_marker(header, p);
    if (left < 2 * marker_size || size > left - 2 * marker_size)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' is no whole DCD file: %s, at byte %llu, should have "
                         "%llu bytes, the file has %llu from there",
                         source->name, what, (unsigned long long)start,
                         (unsigned long long)size, (unsigned long long)left);
    if (asim_byte_window_get(window, source, start + marker_size + size, marker_size, 0,
                             &p, &available, err) < 0)
        return -1;
    if (available < marker_size || asim_dcd_load_marker(header, p) != size)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' cannot be read as a DCD trajectory: %s, at byte %llu, "
                         "has %llu bytes by the marker in front of it, but the marker "
                         "behind these differs",
                         source->name, what, (unsigned long long)start,
                         (unsigned long long)size);
    if (ret_p && asim_byte_window_get(window, source, start + marker_size, (size_t)size,
                                      0, ret_p, &available, err) < 0)
        return -1;
    if (ret_p && available < size)
        return asim_fail(err, ASIM_EINPUT, "'%s' was shortened while it was read",
                         source->name);
    *ret_size = size;
    *offset = start + 2 * marker_size + size;
    return 0;
}

/* `p`: the 84 bytes. */
static void parse_intro(const unsigned char *p, struct asim_dcd_header *header,
                        int32_t *ret_fixed_count)
{
    int32_t word[WORD_COUNT];
    for (int k = 0; k < WORD_COUNT; k++)
        word[k] = (int32_t)asim_dcd_load_u32(p + 4 + 4 * k, header->swap);
    double step_akma;
    header->charmm_version = word[19];
    if (word[19] != 0) {
        float narrow;
        memcpy(&narrow, &word[9], sizeof narrow);
        step_akma = (double)narrow;
        header->has_cell = word[10] != 0;
        header->has_fourth = word[11] != 0;
    } else {
        step_akma = asim_dcd_load_double(p + 4 + 4 * 9, header->swap);
    }
    header->first_step = word[1];
    header->step_interval = word[2] > 0 ? word[2] : 1;
    /* No number of a simulation is beyond this; what is, was not meant as a time. */
    header->step_ps = step_akma > 0 && step_akma < 1e9 ? step_akma * akma_ps : 0;
    *ret_fixed_count = word[8];
}

static int read_free_atoms(const struct asim_byte_source *source,
                           struct asim_byte_window *window, uint64_t *offset,
                           int32_t fixed_count, struct asim_dcd_header *header,
                           struct asim_error *err)
{
    if (fixed_count < 0 || (uint64_t)fixed_count >= header->atom_count)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' cannot be read as a DCD trajectory: %d of its %zu atoms "
                         "are fixed",
                         source->name, fixed_count, header->atom_count);
    header->free_count = header->atom_count - (size_t)fixed_count;
    if (fixed_count == 0)
        return 0;
    const unsigned char *p;
    uint64_t size, start = *offset;
    if (read_record(source, window, header, "the list of free atoms", offset, &p, &size,
                    err) < 0)
        return -1;
    if (size != 4 * (uint64_t)header->free_count)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' cannot be read as a DCD trajectory: its list of free "
                         "atoms, at byte %llu, has %llu bytes; 4 for each of %zu were "
                         "expected",
                         source->name, (unsigned long long)start,
                         (unsigned long long)size, header->free_count);
    header->free_atom =
        asim_alloc_array(header->free_count, sizeof *header->free_atom, err);
    if (!header->free_atom)
        return -1;
    uint32_t last = 0;
    for (size_t i = 0; i < header->free_count; i++) {
        uint32_t number = asim_dcd_load_u32(p + 4 * i, header->swap);
        if (number <= last || number > header->atom_count)
            return asim_fail(err, ASIM_EINPUT,
                             "'%s' cannot be read as a DCD trajectory: its list of "
                             "free atoms has %u behind %u; ascending numbers up to "
                             "%zu were expected",
                             source->name, number, last, header->atom_count);
        header->free_atom[i] = number - 1;
        last = number;
    }
    return 0;
}

/* The first record of the first frame tells whether there are cells. */
static int look_for_cell(const struct asim_byte_source *source,
                         struct asim_byte_window *window,
                         struct asim_dcd_header *header, struct asim_error *err)
{
    const unsigned char *p;
    size_t available;
    if (asim_byte_window_get(window, source, header->first_offset, header->marker_size,
                             0, &p, &available, err) < 0)
        return -1;
    if (available < header->marker_size)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' is a DCD trajectory without frames: it ends behind its "
                         "header, at byte %llu",
                         source->name, (unsigned long long)header->first_offset);
    uint64_t size = asim_dcd_load_marker(header, p);
    uint64_t coordinates = 4 * (uint64_t)header->atom_count;
    if (size == 2 * coordinates && size != ASIM_DCD_CELL_BYTES)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' cannot be read as a DCD trajectory: its coordinates are "
                         "64-bit numbers; the format has 32-bit ones",
                         source->name);
    /* Another length is damage, and the frame will be judged. */
    if (coordinates != ASIM_DCD_CELL_BYTES &&
        (size == coordinates || size == ASIM_DCD_CELL_BYTES))
        header->has_cell = size == ASIM_DCD_CELL_BYTES;
    return 0;
}

int asim_dcd_header_read(const struct asim_byte_source *source,
                         struct asim_byte_window *window,
                         struct asim_dcd_header *ret_header, struct asim_error *err)
{
    struct asim_dcd_header header = {0};
    const unsigned char *p;
    size_t available;
    uint64_t offset = 0, size;
    int32_t fixed_count;
    int rc = -1;
    if (asim_byte_window_get(window, source, 0, FRAMES_HEAD_BYTES, 0, &p, &available,
                             err) < 0)
        return -1;
    enum magic magic = recognise(p, available, &header.swap, &header.marker_size);
    if (magic == NO_DCD)
        return asim_fail(err, ASIM_EINPUT, "'%s' is not a DCD trajectory",
                         source->name);
    if (magic == VELOCITIES)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' is a DCD file of velocities (VELD); one of coordinates "
                         "(CORD) was expected",
                         source->name);
    if (read_record(source, window, &header, "the header of a DCD trajectory", &offset,
                    &p, &size, err) < 0)
        goto out;
    parse_intro(p, &header, &fixed_count);
    if (read_record(source, window, &header, "the titles", &offset, NULL, &size, err) <
            0 ||
        read_record(source, window, &header, "the number of atoms", &offset, &p, &size,
                    err) < 0)
        goto out;
    int32_t atom_count = size == 4 ? (int32_t)asim_dcd_load_u32(p, header.swap) : 0;
    /* A record's marker counts 4 bytes an atom. */
    if (atom_count <= 0 || (header.marker_size == 4 && atom_count > INT32_MAX / 4)) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' cannot be read as a DCD trajectory: it says it has %d atoms, "
                  "in a record of %llu bytes",
                  source->name, atom_count, (unsigned long long)size);
        goto out;
    }
    header.atom_count = (size_t)atom_count;
    if (read_free_atoms(source, window, &offset, fixed_count, &header, err) < 0)
        goto out;
    header.first_offset = offset;
    if (look_for_cell(source, window, &header, err) < 0)
        goto out;
    *ret_header = header;
    header = (struct asim_dcd_header){0};
    rc = 0;
out:
    asim_dcd_header_finish(&header);
    return rc;
}

void asim_dcd_header_finish(struct asim_dcd_header *header)
{
    if (!header)
        return;
    free(header->free_atom);
    *header = (struct asim_dcd_header){0};
}
