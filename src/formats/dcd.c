/*
 * DCD files: where frames lie and what they hold.
 *
 * A frame is up to five records: unit cell (six doubles), x, y, z, and a fourth
 * coordinate that is passed over. Where atoms are fixed, the first frame has all atoms
 * and the others only the free ones, in the order of the header's list.
 *
 * Numbers: the time of a frame is its step times the header's time step, its step is
 * that of the first frame plus whole intervals, counted by its place in the file, so
 * that damaged frames do not move the times of those behind them. Where the header
 * gives no time step, frames are numbered.
 *
 * Invariants: a frame counts as whole only if the markers of all its records are right;
 * the header is immutable after opening. Records of coordinates do not say which axis
 * they are: where a file without cells was cut exactly between two of them and written
 * on, nothing tells so but the odd size of the file, reported at its end.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "formats/dcd.h"

enum {
    MOST_RECORDS = 5,
    SMALL_FRAME_BYTES = 16384,
    BULK_BYTES = 65536,   /* read at once where frames are small */
    RESYNC_BYTES = 16384, /* read at once, beside two frames, looking for a frame */
    /* Read at once for a marker: with it comes the one of the next record, and what is
     * between them in a record of the cell. */
    MARKER_BYTES = 128,
    PART_ATOMS = 8192, /* of a large frame at once: 100 kB in, as much out */
};

struct layout {
    size_t record_count;
    size_t atom_count;
    uint64_t record_size[MOST_RECORDS]; /* without markers */
    uint64_t frame_size;
};

struct dcd_file {
    enum asim_simd simd;
    struct asim_dcd_header header;
    struct layout first, later;
    float (*fixed_nm)[3]; /* owned; the first frame where atoms are fixed, or NULL */
};

static int bad(char what[ASIM_DAMAGE_TEXT], const char *format, ...) ASIM_PRINTF(2, 3);
static int bad(char what[ASIM_DAMAGE_TEXT], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, ASIM_DAMAGE_TEXT, format, arguments);
    va_end(arguments);
    return -1;
}

static struct layout layout_of(const struct asim_dcd_header *header, size_t atom_count)
{
    struct layout layout = {.atom_count = atom_count};
    if (header->has_cell)
        layout.record_size[layout.record_count++] = ASIM_DCD_CELL_BYTES;
    for (int d = 0; d < (header->has_fourth ? 4 : 3); d++)
        layout.record_size[layout.record_count++] = 4 * (uint64_t)atom_count;
    for (size_t k = 0; k < layout.record_count; k++)
        layout.frame_size += layout.record_size[k] + 2 * header->marker_size;
    return layout;
}

static const struct layout *layout_at(const struct dcd_file *file, uint64_t offset)
{
    return offset == file->header.first_offset ? &file->first : &file->later;
}

/* The place of a frame among frames that all are there, from 0. */
static uint64_t place_of(const struct dcd_file *file, uint64_t offset)
{
    uint64_t second = file->header.first_offset + file->first.frame_size;
    return offset < second ? 0 : 1 + (offset - second) / file->later.frame_size;
}

static enum asim_locate dcd_locate(const void *state,
                                   const struct asim_byte_source *source,
                                   struct asim_decode_scratch *scratch, uint64_t offset,
                                   struct asim_frame_span *ret_span,
                                   char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const struct dcd_file *file = state;
    const struct layout *layout = layout_at(file, offset);
    const size_t marker_size = file->header.marker_size;
    if (offset >= source->size)
        return ASIM_LOCATE_END;
    const uint64_t left = source->size - offset;
    size_t ahead = layout->frame_size < SMALL_FRAME_BYTES ? BULK_BYTES : MARKER_BYTES;
    uint64_t place = offset;
    for (size_t k = 0; k < layout->record_count; k++) {
        uint64_t size = layout->record_size[k];
        uint64_t ends[2] = {place, place + marker_size + size};
        for (int end = 0; end < 2; end++) {
            const unsigned char *p;
            size_t available;
            if (asim_byte_window_get(&scratch->window, source, ends[end], marker_size,
                                     ahead, &p, &available, err) < 0)
                return ASIM_LOCATE_FAILED;
            if (available < marker_size) {
                bad(what, "the frame is cut: %llu of its %llu bytes are there",
                    (unsigned long long)left, (unsigned long long)layout->frame_size);
                return ASIM_LOCATE_DAMAGE;
            }
            uint64_t marker = asim_dcd_load_marker(&file->header, p);
            if (marker != size) {
                bad(what,
                    "the length %s record %zu of the frame (byte %llu) is %llu; %llu "
                    "was expected",
                    end ? "behind" : "in front of", k + 1,
                    (unsigned long long)ends[end], (unsigned long long)marker,
                    (unsigned long long)size);
                return ASIM_LOCATE_DAMAGE;
            }
        }
        place += size + 2 * marker_size;
    }
    *ret_span = (struct asim_frame_span){.offset = offset, .size = layout->frame_size};
    return ASIM_LOCATE_FRAME;
}

/* Are all markers of a frame right whose bytes are all here? */
static bool markers_fit(const struct dcd_file *file, const struct layout *layout,
                        const unsigned char *p)
{
    const size_t marker_size = file->header.marker_size;
    for (size_t k = 0; k < layout->record_count; k++) {
        uint64_t size = layout->record_size[k];
        if (asim_dcd_load_marker(&file->header, p) != size ||
            asim_dcd_load_marker(&file->header, p + marker_size + size) != size)
            return false;
        p += size + 2 * marker_size;
    }
    return true;
}

/* Without cells, y, z and the next x look like a frame as well. So places where frames
 * would be had nothing been lost, behind the whole frame at *from - 1 if there is one,
 * go before others; and nothing is searched within that frame if there are no cells. */
static int find_grid(const struct dcd_file *file, const struct asim_byte_source *source,
                     struct asim_decode_scratch *scratch, uint64_t *from,
                     uint64_t *ret_grid, struct asim_error *err)
{
    struct asim_frame_span span;
    char ignored[ASIM_DAMAGE_TEXT];
    *ret_grid = file->header.first_offset + file->first.frame_size;
    if (*from <= file->header.first_offset) {
        *from = file->header.first_offset + 1;
        return 0;
    }
    enum asim_locate found =
        dcd_locate(file, source, scratch, *from - 1, &span, ignored, err);
    if (found == ASIM_LOCATE_FAILED)
        return -1;
    if (found == ASIM_LOCATE_FRAME) {
        *ret_grid = span.offset + span.size;
        const uint64_t *record_size = file->later.record_size;
        if (record_size[0] != record_size[1])
            return 0; /* cells show where a frame starts, within a cut one, too */
        /* Its last marker may be the first one of a frame that was written behind it
         * when it lacked just that. */
        *from = *ret_grid - file->header.marker_size;
    }
    return 0;
}

/* Moves *offset, where a frame may start, to the next place of the grid if one starts
 * there too. */
static int prefer_grid(const struct dcd_file *file,
                       const struct asim_byte_source *source,
                       struct asim_decode_scratch *scratch, uint64_t grid,
                       uint64_t *offset, struct asim_error *err)
{
    const uint64_t size = file->later.frame_size;
    struct asim_frame_span span;
    char ignored[ASIM_DAMAGE_TEXT];
    uint64_t place = grid;
    if (*offset > grid)
        place += (*offset - grid + size - 1) / size * size;
    enum asim_locate found =
        dcd_locate(file, source, scratch, place, &span, ignored, err);
    if (found == ASIM_LOCATE_FAILED)
        return -1;
    if (found == ASIM_LOCATE_FRAME)
        *offset = place;
    return 1;
}

/* Judges whole frames itself: the lengths of few atoms are frequent numbers, and
 * reading anew for each place that has one would take forever. */
static int dcd_resync(const void *state, const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, uint64_t from,
                      uint64_t *ret_offset, struct asim_error *err)
{
    const struct dcd_file *file = state;
    const struct layout *layout = &file->later;
    unsigned char needle[8];
    uint64_t first_size = layout->record_size[0];
    uint64_t wide = file->header.swap ? __builtin_bswap64(first_size) : first_size;
    uint32_t narrow = (uint32_t)first_size;
    narrow = file->header.swap ? __builtin_bswap32(narrow) : narrow;
    if (file->header.marker_size == 8)
        memcpy(needle, &wide, sizeof wide);
    else
        memcpy(needle, &narrow, sizeof narrow);
    const size_t size = (size_t)layout->frame_size;
    uint64_t grid;
    if (find_grid(file, source, scratch, &from, &grid, err) < 0)
        return -1;
    while (from < source->size && source->size - from >= size) {
        const unsigned char *p, *found;
        size_t available;
        if (asim_byte_window_get(&scratch->window, source, from, size,
                                 2 * size + RESYNC_BYTES, &p, &available, err) < 0)
            return -1;
        if (available < size)
            return 0;
        const unsigned char *next = p, *last = p + (available - size);
        while (next <= last &&
               (found = memmem(next, (size_t)(last - next) + file->header.marker_size,
                               needle, file->header.marker_size))) {
            if (markers_fit(file, layout, found)) {
                *ret_offset = from + (uint64_t)(found - p);
                return prefer_grid(file, source, scratch, grid, ret_offset, err);
            }
            next = found + 1;
        }
        from += available - size + 1;
    }
    return 0;
}

static bool load_coordinates(const struct dcd_file *file, const struct layout *layout,
                             const unsigned char *p, size_t atom_limit,
                             float (*x_nm)[3])
{
    const size_t marker_size = file->header.marker_size;
    const unsigned char *axis[3];
    if (file->header.has_cell)
        p += ASIM_DCD_CELL_BYTES + 2 * marker_size;
    for (int d = 0; d < 3; d++)
        axis[d] =
            p + marker_size + (size_t)d * (4 * layout->atom_count + 2 * marker_size);
    if (layout->atom_count == file->header.atom_count)
        return asim_dcd_load_atoms(file->simd, axis, atom_limit, file->header.swap,
                                   x_nm);
    memcpy(x_nm, file->fixed_nm, atom_limit * sizeof *x_nm);
    return asim_dcd_load_free_atoms(&file->header, axis, atom_limit, x_nm);
}

/* The first atoms of a large frame, some at a time of each axis: what was read is used
 * while it is in a cache, and what is not wanted is not read. */
static int load_parts(const struct dcd_file *file,
                      const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, uint64_t offset,
                      size_t atom_limit, float (*x_nm)[3], char what[ASIM_DAMAGE_TEXT],
                      struct asim_error *err)
{
    const size_t marker_size = file->header.marker_size;
    const uint64_t record = 4 * (uint64_t)file->header.atom_count + 2 * marker_size;
    if (file->header.has_cell)
        offset += ASIM_DCD_CELL_BYTES + 2 * marker_size;
    offset += marker_size;
    for (size_t first = 0; first < atom_limit; first += PART_ATOMS) {
        const size_t left = atom_limit - first;
        const size_t count = left < PART_ATOMS ? left : (size_t)PART_ATOMS;
        const uint64_t start = offset + 4 * (uint64_t)first;
        const uint64_t starts[3] = {start, start + record, start + 2 * record};
        const unsigned char *axis[3];
        bool whole;
        if (!asim_any_wanted(scratch->wanted, first, count))
            continue;
        if (asim_byte_window_gather(&scratch->window, source, starts, 3, 4 * count,
                                    axis, &whole, err) < 0)
            return -1;
        if (!whole)
            return bad(what, "the file was shortened while it was read"), 0;
        if (!asim_dcd_load_atoms(file->simd, axis, count, file->header.swap,
                                 x_nm + first))
            return bad(what, "a coordinate is not a number"), 0;
    }
    return 1;
}

/* All records of a frame at once. */
static int load_frame(const struct dcd_file *file, const struct layout *layout,
                      const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, uint64_t offset,
                      size_t atom_limit, float (*x_nm)[3], char what[ASIM_DAMAGE_TEXT],
                      struct asim_error *err)
{
    const unsigned char *p;
    size_t available, size = (size_t)layout->frame_size;
    size_t ahead = size < SMALL_FRAME_BYTES ? BULK_BYTES : 0;
    if (asim_byte_window_get(&scratch->window, source, offset, size, ahead, &p,
                             &available, err) < 0)
        return -1;
    if (available < size)
        return bad(what, "the file was shortened while it was read"), 0;
    if (!markers_fit(file, layout, p))
        return bad(what, "the file changed while it was read"), 0;
    if (!load_coordinates(file, layout, p, atom_limit, x_nm))
        return bad(what, "a coordinate is not a number"), 0;
    return 1;
}

/* The cell, all zero where the file has none. */
static int load_cell(const struct dcd_file *file, const struct asim_byte_source *source,
                     struct asim_decode_scratch *scratch, uint64_t offset,
                     struct asim_dcd_cell *ret_cell, char what[ASIM_DAMAGE_TEXT],
                     struct asim_error *err)
{
    const struct asim_dcd_header *header = &file->header;
    const size_t size = header->marker_size + ASIM_DCD_CELL_BYTES;
    const unsigned char *p;
    size_t available;
    double record[6];
    if (!header->has_cell)
        return 1;
    if (asim_byte_window_get(&scratch->window, source, offset, size, 0, &p, &available,
                             err) < 0)
        return -1;
    if (available < size)
        return bad(what, "the file was shortened while it was read"), 0;
    for (size_t i = 0; i < 6; i++)
        record[i] = asim_dcd_load_double(p + header->marker_size + 8 * i, header->swap);
    return asim_dcd_cell_parse(record, header->charmm_version, ret_cell, what) == 0;
}

static int dcd_decode(const void *state, const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, struct asim_frame_span span,
                      size_t atom_limit, struct asim_frame *frame,
                      char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const struct dcd_file *file = state;
    const struct asim_dcd_header *header = &file->header;
    const struct layout *layout = layout_at(file, span.offset);
    struct asim_dcd_cell cell = {0};
    if (span.size != layout->frame_size)
        return bad(what, "the file changed while it was read"), 0;
    const bool in_parts =
        span.size >= SMALL_FRAME_BYTES && layout->atom_count == header->atom_count;
    int rc = load_cell(file, source, scratch, span.offset, &cell, what, err);
    if (rc == 1)
        rc = in_parts ? load_parts(file, source, scratch, span.offset, atom_limit,
                                   frame->x_nm, what, err)
                      : load_frame(file, layout, source, scratch, span.offset,
                                   atom_limit, frame->x_nm, what, err);
    if (rc != 1)
        return rc;
    if (cell.turned)
        asim_dcd_turn_atoms(&cell, atom_limit, frame->x_nm);
    memcpy(frame->box_nm, cell.box_nm, sizeof frame->box_nm);
    frame->atom_count = atom_limit;
    int64_t place = (int64_t)place_of(file, span.offset);
    frame->step = header->first_step + place * header->step_interval;
    frame->time_ps =
        header->step_ps > 0 ? (double)frame->step * header->step_ps : (double)place;
    frame->precision = 0;
    return 1;
}

/* Later frames lack the fixed atoms: the first one is kept for them. */
static int keep_fixed(const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, struct dcd_file *file,
                      struct asim_error *err)
{
    const struct asim_dcd_header *header = &file->header;
    struct asim_frame_span span;
    char what[ASIM_DAMAGE_TEXT];
    const unsigned char *p;
    size_t available;
    enum asim_locate found =
        dcd_locate(file, source, scratch, header->first_offset, &span, what, err);
    if (found == ASIM_LOCATE_FAILED)
        return -1;
    if (found != ASIM_LOCATE_FRAME)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' cannot be read as a DCD trajectory: %zu of its atoms "
                         "are fixed, and the first frame, which has them, is damaged "
                         "at byte %llu: %s",
                         source->name, header->atom_count - header->free_count,
                         (unsigned long long)header->first_offset, what);
    if (asim_byte_window_get(&scratch->window, source, span.offset, (size_t)span.size,
                             0, &p, &available, err) < 0)
        return -1;
    /* Not before the frame is known to be there: the count comes from the file. */
    file->fixed_nm = asim_alloc_array(header->atom_count, sizeof *file->fixed_nm, err);
    if (!file->fixed_nm)
        return -1;
    if (available < span.size ||
        !load_coordinates(file, &file->first, p, header->atom_count, file->fixed_nm))
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' cannot be read as a DCD trajectory: its first frame, "
                         "which has the fixed atoms, holds a coordinate that is not a "
                         "number",
                         source->name);
    return 0;
}

static void dcd_close(void *state)
{
    struct dcd_file *file = state;
    if (!file)
        return;
    asim_dcd_header_finish(&file->header);
    free(file->fixed_nm);
    free(file);
}

static int dcd_open(const struct asim_byte_source *source,
                    struct asim_decode_scratch *scratch, void **ret_state,
                    size_t *ret_atom_count, uint64_t *ret_first_offset,
                    struct asim_error *err)
{
    struct dcd_file *file = asim_alloc_array(1, sizeof *file, err);
    if (!file)
        return -1;
    if (asim_simd_choose(&file->simd, err) < 0 ||
        asim_dcd_header_read(source, &scratch->window, &file->header, err) < 0)
        goto failed;
    file->first = layout_of(&file->header, file->header.atom_count);
    file->later = layout_of(&file->header, file->header.free_count);
    if (file->header.free_atom && keep_fixed(source, scratch, file, err) < 0)
        goto failed;
    *ret_state = file;
    *ret_atom_count = file->header.atom_count;
    *ret_first_offset = file->header.first_offset;
    return 0;
failed:
    dcd_close(file);
    return -1;
}

const struct asim_trajectory_format asim_dcd_format = {
    .name = "DCD",
    .recognise = asim_dcd_recognise,
    .open = dcd_open,
    .close = dcd_close,
    .locate = dcd_locate,
    .resync = dcd_resync,
    .decode = dcd_decode,
};
