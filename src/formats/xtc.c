/*
 * XTC files: where frames lie and what their headers say.
 *
 * Layout (big-endian, from GROMACS' documentation of the format): magic 1995 or 2023,
 * atom count, step, time, box (9 floats), atom count again; then up to 9 atoms as plain
 * floats, or precision, minimum[3], maximum[3], index of small ranges, byte count (32
 * bits under 1995, 64 under 2023), the compressed bytes, padded to a multiple of 4.
 *
 * Invariant: every number of a header is checked before it sizes or positions anything.
 * Coordinates are xtc_decode.c's business.
 */
#include "formats/xtc.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/trajectory_format.h"
#include "formats/xtc_codec.h"

enum {
    MAGIC_1995 = 1995,
    MAGIC_2023 = 2023,
    COMMON_BYTES = 56,      /* up to and with the second atom count */
    MOST_HEADER_BYTES = 96, /* up to the compressed bytes, under 2023 */
    PLAIN_ATOMS = 9,
    SMALL_FRAME_BYTES = 16384,
    BULK_BYTES = 65536,   /* read at once where frames are small */
    RESYNC_BYTES = 16384, /* read at once while looking for a frame */
    LEAST_READ_BYTES = 4096,
};

_Static_assert((int)ASIM_XTC_OUTPUT_SLACK <= (int)ASIM_FRAME_SLACK_ATOMS,
               "frames leave the decoders too little room");
_Static_assert((int)ASIM_XTC_INPUT_SLACK <= (int)ASIM_WINDOW_SLACK,
               "windows leave the decoders too little to read");

struct xtc_file {
    size_t atom_count;
    enum asim_simd simd;
    struct asim_xtc_tables tables;
};

struct xtc_header {
    uint32_t magic;
    uint32_t atom_count;
    int32_t step;
    float time_ps;
    float box_nm[3][3];
    float precision;
    int32_t minimum[3], maximum[3];
    int32_t small_index;
    uint64_t payload_size;
    size_t header_size; /* bytes in front of the payload or the plain floats */
    uint64_t frame_size;
};

static uint32_t get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int32_t get_i32(const unsigned char *p)
{
    return (int32_t)get_u32(p);
}

static float get_float(const unsigned char *p)
{
    uint32_t bits = get_u32(p);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool is_magic(uint32_t word)
{
    return word == MAGIC_1995 || word == MAGIC_2023;
}

static int bad(char what[ASIM_DAMAGE_TEXT], const char *format, ...) ASIM_PRINTF(2, 3);
static int bad(char what[ASIM_DAMAGE_TEXT], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, ASIM_DAMAGE_TEXT, format, arguments);
    va_end(arguments);
    return -1;
}

static int parse_compressed(const unsigned char *p, size_t available, uint64_t left,
                            struct xtc_header *h, char what[ASIM_DAMAGE_TEXT])
{
    size_t size = h->magic == MAGIC_2023 ? 96 : 92;
    if (available < size)
        return bad(what,
                   "the file ends inside a frame's header, after %zu of %zu bytes",
                   available, size);
    h->header_size = size;
    h->precision = get_float(p + 56);
    for (int d = 0; d < 3; d++) {
        h->minimum[d] = get_i32(p + 60 + 4 * d);
        h->maximum[d] = get_i32(p + 72 + 4 * d);
        if (h->minimum[d] > h->maximum[d])
            return bad(what, "the largest coordinate %d is below the smallest, %d",
                       h->maximum[d], h->minimum[d]);
    }
    h->small_index = get_i32(p + 84);
    if (!isfinite(h->precision) || h->precision <= 0)
        return bad(what, "the precision is %g; a positive number was expected",
                   (double)h->precision);
    if (h->small_index < ASIM_XTC_FIRST_INDEX || h->small_index > ASIM_XTC_LAST_INDEX)
        return bad(what, "the index of small ranges is %d; 9 to 72 was expected",
                   h->small_index);
    h->payload_size = get_u32(p + 88);
    if (h->magic == MAGIC_2023)
        h->payload_size = h->payload_size << 32 | get_u32(p + 92);
    /* A group of 11 atoms takes at least 1 + 1 + 90 bits: over 8 bits an atom. No atom
     * takes more than 96 + 6 bits: under 16 bytes. */
    if (h->payload_size < h->atom_count ||
        h->payload_size / 16 > (uint64_t)h->atom_count)
        return bad(what, "%llu bytes of coordinates cannot be right for %u atoms",
                   (unsigned long long)h->payload_size, h->atom_count);
    uint64_t padded = (h->payload_size + 3) & ~(uint64_t)3;
    h->frame_size = size + padded;
    if (h->frame_size > left)
        return bad(what, "the frame is cut: %llu of its %llu bytes are there",
                   (unsigned long long)left, (unsigned long long)h->frame_size);
    return 0;
}

/* `p` has `available` bytes of the `left` up to the end of the file. */
static int parse_header(const unsigned char *p, size_t available, uint64_t left,
                        struct xtc_header *ret_header, char what[ASIM_DAMAGE_TEXT])
{
    struct xtc_header h = {0};
    if (available < 4 || !is_magic(get_u32(p))) {
        if (available < 4)
            return bad(what, "%zu bytes follow the last frame; a frame was expected",
                       available);
        return bad(what,
                   "a frame was expected (1995 or 2023), the bytes here are 0x%08x",
                   get_u32(p));
    }
    if (available < COMMON_BYTES)
        return bad(what, "the file ends inside a frame's header, after %zu bytes",
                   available);
    h.magic = get_u32(p);
    h.atom_count = get_u32(p + 4);
    h.step = get_i32(p + 8);
    h.time_ps = get_float(p + 12);
    bool finite = isfinite(h.time_ps);
    for (int i = 0; i < 9; i++) {
        h.box_nm[i / 3][i % 3] = get_float(p + 16 + 4 * i);
        finite = finite && isfinite(h.box_nm[i / 3][i % 3]);
    }
    if (h.atom_count == 0 || h.atom_count > INT32_MAX)
        return bad(what, "the frame says it has %d atoms", (int)h.atom_count);
    if (get_u32(p + 52) != h.atom_count)
        return bad(what, "the frame gives two numbers of atoms, %u and %u",
                   h.atom_count, get_u32(p + 52));
    if (!finite)
        return bad(what, "the time or the box is not a number");
    if (h.atom_count <= PLAIN_ATOMS) {
        h.header_size = COMMON_BYTES;
        h.frame_size = COMMON_BYTES + 12 * (uint64_t)h.atom_count;
        if (h.frame_size > left)
            return bad(what, "the frame is cut: %llu of its %llu bytes are there",
                       (unsigned long long)left, (unsigned long long)h.frame_size);
    } else if (parse_compressed(p, available, left, &h, what) < 0) {
        return -1;
    }
    *ret_header = h;
    return 0;
}

static bool xtc_recognise(const unsigned char *head, size_t size)
{
    return size >= 4 && is_magic(get_u32(head));
}

static int xtc_open(const struct asim_byte_source *source,
                    struct asim_decode_scratch *scratch, void **ret_state,
                    size_t *ret_atom_count, uint64_t *ret_first_offset,
                    struct asim_error *err)
{
    const unsigned char *p;
    size_t available;
    struct xtc_header header;
    char what[ASIM_DAMAGE_TEXT];
    enum asim_simd simd;
    if (asim_simd_choose(&simd, err) < 0)
        return -1;
    if (asim_byte_window_get(&scratch->window, source, 0, MOST_HEADER_BYTES, 0, &p,
                             &available, err) < 0)
        return -1;
    if (parse_header(p, available, source->size, &header, what) < 0)
        return asim_fail(
            err, ASIM_EINPUT,
            "'%s' cannot be read as an XTC trajectory: its first frame, at "
            "byte 0, is damaged: %s",
            source->name, what);
    struct xtc_file *file = asim_alloc_aligned(1, sizeof *file, err);
    if (!file)
        return -1;
    file->atom_count = header.atom_count;
    file->simd = simd;
    asim_xtc_tables_init(&file->tables);
    *ret_state = file;
    *ret_atom_count = header.atom_count;
    *ret_first_offset = 0;
    return 0;
}

static void xtc_close(void *state)
{
    free(state);
}

static enum asim_locate xtc_locate(const void *state,
                                   const struct asim_byte_source *source,
                                   struct asim_decode_scratch *scratch, uint64_t offset,
                                   struct asim_frame_span *ret_span,
                                   char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const struct xtc_file *file = state;
    if (offset >= source->size)
        return ASIM_LOCATE_END;
    const unsigned char *p;
    size_t available;
    size_t ahead = scratch->ahead < SMALL_FRAME_BYTES ? BULK_BYTES : 0;
    if (asim_byte_window_get(&scratch->window, source, offset, MOST_HEADER_BYTES, ahead,
                             &p, &available, err) < 0)
        return ASIM_LOCATE_FAILED;
    struct xtc_header header;
    if (parse_header(p, available, source->size - offset, &header, what) < 0)
        return ASIM_LOCATE_DAMAGE;
    if (header.atom_count != file->atom_count) {
        bad(what, "the frame has %u atoms, the first one %zu", header.atom_count,
            file->atom_count);
        return ASIM_LOCATE_DAMAGE;
    }
    scratch->ahead = (size_t)header.frame_size;
    *ret_span = (struct asim_frame_span){.offset = offset, .size = header.frame_size};
    return ASIM_LOCATE_FRAME;
}

/* The first place in p[0, size - 8] with a magic number and the file's atom count. */
static const unsigned char *find_start(const unsigned char *p, size_t size,
                                       uint32_t atom_count)
{
    const unsigned char *end = p + size;
    /* Both magic numbers are 00 00 07 xx; 07 is the rarest of these in most data. */
    for (const unsigned char *seven = p + 2;
         end - seven >= 6 &&
         (seven = memchr(seven, 7, (size_t)(end - seven - 5))) != NULL;
         seven++)
        if (is_magic(get_u32(seven - 2)) && get_u32(seven + 2) == atom_count)
            return seven - 2;
    return NULL;
}

static int xtc_resync(const void *state, const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, uint64_t from,
                      uint64_t *ret_offset, struct asim_error *err)
{
    const struct xtc_file *file = state;
    while (from < source->size && source->size - from >= 8) {
        const unsigned char *p;
        size_t available;
        if (asim_byte_window_get(&scratch->window, source, from, 8, RESYNC_BYTES, &p,
                                 &available, err) < 0)
            return -1;
        if (available < 8)
            return 0;
        const unsigned char *found =
            find_start(p, available, (uint32_t)file->atom_count);
        if (found) {
            *ret_offset = from + (uint64_t)(found - p);
            return 1;
        }
        from += available - 7; /* a start may straddle the end of these bytes */
    }
    return 0;
}

static void set_frame(struct asim_frame *frame, const struct xtc_header *header,
                      size_t atom_count)
{
    frame->atom_count = atom_count;
    memcpy(frame->box_nm, header->box_nm, sizeof frame->box_nm);
    frame->time_ps = (double)header->time_ps;
    frame->step = header->step;
    frame->precision = header->precision;
}

static int decode_plain(const unsigned char *p, size_t atom_limit,
                        const struct xtc_header *header, struct asim_frame *frame,
                        char what[ASIM_DAMAGE_TEXT])
{
    bool finite = true;
    for (size_t i = 0; i < header->atom_count; i++)
        for (size_t d = 0; d < 3; d++) {
            float value = get_float(p + COMMON_BYTES + 4 * (3 * i + d));
            finite = finite && isfinite(value);
            if (i < atom_limit)
                frame->x_nm[i][d] = value;
        }
    if (!finite)
        return bad(what, "a coordinate is not a number"), 0;
    set_frame(frame, header, atom_limit);
    return 1;
}

static int xtc_decode(const void *state, const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, struct asim_frame_span span,
                      size_t atom_limit, struct asim_frame *frame,
                      char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const struct xtc_file *file = state;
    const bool whole = atom_limit >= file->atom_count;
    size_t size = (size_t)span.size;
    /* Atoms asked for come first: what they took last time, and some, is enough; before
     * that, what they would take were all alike, and some. */
    double part = 1.25 * (double)size * (double)atom_limit / (double)file->atom_count;
    size_t want = scratch->ahead > 0 ? scratch->ahead : (size_t)part + LEAST_READ_BYTES;
    if (whole || want > size)
        want = size;
    size_t ahead = size < SMALL_FRAME_BYTES && whole ? BULK_BYTES : want;
    for (;;) {
        const unsigned char *p;
        size_t available;
        struct xtc_header header;
        if (asim_byte_window_get(&scratch->window, source, span.offset, want, ahead, &p,
                                 &available, err) < 0)
            return -1;
        if (available < want)
            return bad(what, "the file was shortened while it was read"), 0;
        if (parse_header(p, available, span.size, &header, what) < 0)
            return 0;
        if (header.atom_count != file->atom_count || header.frame_size != span.size)
            return bad(what, "the file changed while it was read"), 0;
        if (header.atom_count <= PLAIN_ATOMS)
            return decode_plain(p, atom_limit, &header, frame, what);

        if (available > header.header_size + (size_t)header.payload_size)
            available = header.header_size + (size_t)header.payload_size;
        struct asim_xtc_block block = {
            .small_index = header.small_index,
            .inverse_precision = (float)(1.0 / (double)header.precision),
            .atom_count = header.atom_count,
            .payload = p + header.header_size,
            .payload_size = (size_t)header.payload_size,
            .available = available - header.header_size,
        };
        memcpy(block.minimum, header.minimum, sizeof block.minimum);
        memcpy(block.maximum, header.maximum, sizeof block.maximum);
        size_t used;
        const char *why = asim_xtc_decode(&file->tables, file->simd, &block, atom_limit,
                                          scratch->wanted, frame->x_nm, &used);
        if (why == asim_xtc_short_payload && block.available < block.payload_size) {
            want = ahead = want < size / 2 ? 2 * want : size;
            continue;
        }
        if (why)
            return bad(what, "the coordinates are damaged: %s", why), 0;
        scratch->ahead = header.header_size + used + used / 16 + 64;
        set_frame(frame, &header, atom_limit);
        return 1;
    }
}

const struct asim_trajectory_format asim_xtc_format = {
    .name = "XTC",
    .recognise = xtc_recognise,
    .open = xtc_open,
    .close = xtc_close,
    .locate = xtc_locate,
    .resync = xtc_resync,
    .decode = xtc_decode,
};
