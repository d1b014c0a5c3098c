/*
 * GRO files as trajectories: frames of text that follow each other.
 * Invariant: all frames have the first one's number of atoms. The text of a frame is
 * gro_text.c's business.
 */
#include "formats/gro.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/gro_text.h"
#include "formats/number.h"
#include "formats/sniff.h"
#include "formats/trajectory_format.h"

enum { FIRST_READ_BYTES = 65536 };

static int bad(char what[ASIM_DAMAGE_TEXT], const char *format, ...) ASIM_PRINTF(2, 3);
static int bad(char what[ASIM_DAMAGE_TEXT], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, ASIM_DAMAGE_TEXT, format, arguments);
    va_end(arguments);
    return -1;
}

/* Reads on until the frame at `offset` is in the window as a whole. */
static enum asim_gro_scan load_frame(const struct asim_byte_source *source,
                                     struct asim_decode_scratch *scratch,
                                     uint64_t offset, struct asim_gro_text *ret_text,
                                     char what[ASIM_DAMAGE_TEXT], int *ret_failed,
                                     struct asim_error *err)
{
    size_t ahead =
        scratch->ahead > FIRST_READ_BYTES ? scratch->ahead : FIRST_READ_BYTES;
    /* What is in the window is tried first: small frames must not move all of it. */
    size_t want = 1;
    *ret_failed = 0;
    for (;;) {
        const unsigned char *p;
        size_t available;
        if (asim_byte_window_get(&scratch->window, source, offset, want, ahead, &p,
                                 &available, err) < 0) {
            *ret_failed = 1;
            return ASIM_GRO_BAD;
        }
        bool at_end = available < want || offset + available >= source->size;
        enum asim_gro_scan scan =
            asim_gro_scan_frame((const char *)p, available, at_end, ret_text, what);
        if (scan != ASIM_GRO_MORE)
            return scan;
        want = available * 2;
    }
}

static bool gro_recognise(const unsigned char *head, size_t size)
{
    return asim_sniff_gro(head, size);
}

struct gro_file {
    size_t atom_count;
};

static int gro_open(const struct asim_byte_source *source,
                    struct asim_decode_scratch *scratch, void **ret_state,
                    size_t *ret_atom_count, uint64_t *ret_first_offset,
                    struct asim_error *err)
{
    struct asim_gro_text text;
    int failed;
    char what[ASIM_DAMAGE_TEXT];
    if (load_frame(source, scratch, 0, &text, what, &failed, err) != ASIM_GRO_OK)
        return failed ? -1
                      : asim_fail(err, ASIM_EINPUT, "'%s' is not a whole GRO file: %s",
                                  source->name, what);
    if (text.atom_count == 0)
        return asim_fail(err, ASIM_EINPUT, "'%s' has no atoms", source->name);
    struct gro_file *file = asim_alloc_array(1, sizeof *file, err);
    if (!file)
        return -1;
    file->atom_count = text.atom_count;
    *ret_state = file;
    *ret_atom_count = text.atom_count;
    *ret_first_offset = 0;
    return 0;
}

static void gro_close(void *state)
{
    free(state);
}

static bool is_blank_text(const char *p, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r' && p[i] != '\n')
            return false;
    return true;
}

static enum asim_locate gro_locate(const void *state,
                                   const struct asim_byte_source *source,
                                   struct asim_decode_scratch *scratch, uint64_t offset,
                                   struct asim_frame_span *ret_span,
                                   char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const struct gro_file *file = state;
    if (offset >= source->size)
        return ASIM_LOCATE_END;
    if (source->size - offset <= FIRST_READ_BYTES) {
        const unsigned char *rest;
        size_t rest_size;
        if (asim_byte_window_get(&scratch->window, source, offset, FIRST_READ_BYTES, 0,
                                 &rest, &rest_size, err) < 0)
            return ASIM_LOCATE_FAILED;
        if (is_blank_text((const char *)rest, rest_size))
            return ASIM_LOCATE_END;
    }
    struct asim_gro_text text;
    int failed;
    if (load_frame(source, scratch, offset, &text, what, &failed, err) != ASIM_GRO_OK)
        return failed ? ASIM_LOCATE_FAILED : ASIM_LOCATE_DAMAGE;
    if (text.atom_count != file->atom_count) {
        bad(what, "the frame has %zu atoms, the first one %zu", text.atom_count,
            file->atom_count);
        return ASIM_LOCATE_DAMAGE;
    }
    float box_nm[3][3];
    if (asim_gro_parse_box(text.box, box_nm, what) < 0)
        return ASIM_LOCATE_DAMAGE;
    scratch->ahead = text.size;
    *ret_span = (struct asim_frame_span){.offset = offset, .size = text.size};
    return ASIM_LOCATE_FRAME;
}

/* Whether the line is the number of atoms of a frame of this file. It has fewer columns
 * than an atom's, so the scan of a frame that starts wrongly ends there: the search for
 * frames stays linear. */
static bool is_atom_count(struct asim_gro_line line, size_t atom_count)
{
    long count;
    return line.end - line.p < ASIM_GRO_NAME_COLUMNS &&
           asim_integer_field(line.p, line.end, &count) && count >= 0 &&
           (size_t)count == atom_count;
}

/* The next line that is followed by the number of atoms. */
static int gro_resync(const void *state, const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, uint64_t from,
                      uint64_t *ret_offset, struct asim_error *err)
{
    const struct gro_file *file = state;
    struct asim_gro_line line;
    bool in_line = true; /* `from` may be inside one, which is passed over */
    size_t want = 1;
    while (from < source->size) {
        const unsigned char *bytes;
        size_t available;
        if (asim_byte_window_get(&scratch->window, source, from, want, FIRST_READ_BYTES,
                                 &bytes, &available, err) < 0)
            return -1;
        const char *start = (const char *)bytes, *p = start, *end = p + available;
        bool at_end = available < want || from + available >= source->size;
        if (in_line && asim_gro_take_line(&p, end, at_end, &line))
            in_line = false;
        /* The line in front of `p` is kept, for it may be a title. */
        const char *title = in_line ? NULL : p, *next = p;
        while (!in_line && asim_gro_take_line(&next, end, at_end, &line)) {
            if (line.p != title && is_atom_count(line, file->atom_count)) {
                *ret_offset = from + (uint64_t)(title - start);
                return 1;
            }
            title = line.p;
        }
        if (at_end)
            return 0;
        if (title && title > start) {
            from += (uint64_t)(title - start);
            available -= (size_t)(title - start);
        }
        want = available * 2 + 1; /* two lines are longer than what is here */
    }
    return 0;
}

static int gro_decode(const void *state, const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, struct asim_frame_span span,
                      size_t atom_limit, struct asim_frame *frame,
                      char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const struct gro_file *file = state;
    const unsigned char *bytes;
    size_t available, size = (size_t)span.size;
    struct asim_gro_text text;
    float box_nm[3][3];
    if (asim_byte_window_get(&scratch->window, source, span.offset, size, 0, &bytes,
                             &available, err) < 0)
        return -1;
    const char *p = (const char *)bytes;
    if (available < size)
        return bad(what, "the file was shortened while it was read"), 0;
    if (asim_gro_scan_frame(p, size, true, &text, what) != ASIM_GRO_OK)
        return 0;
    if (text.atom_count != file->atom_count)
        return bad(what, "the file changed while it was read"), 0;
    if (asim_gro_parse_numbers(&text, atom_limit, false, frame->x_nm, what) < 0 ||
        asim_gro_parse_box(text.box, box_nm, what) < 0)
        return 0;
    double time_ps, step;
    /* No time: frames still need different ones, so they are numbered. */
    if (!asim_gro_title_number(text.title, "t=", &time_ps))
        time_ps = (double)frame->frame_index;
    if (!asim_gro_title_number(text.title, "step=", &step) || fabs(step) > 9e15)
        step = 0;
    frame->atom_count = atom_limit;
    memcpy(frame->box_nm, box_nm, sizeof frame->box_nm);
    frame->time_ps = time_ps;
    frame->step = (int64_t)step;
    frame->precision = (float)pow(10.0, (double)asim_gro_decimals(&text));
    return 1;
}

const struct asim_trajectory_format asim_gro_format = {
    .name = "GRO",
    .recognise = gro_recognise,
    .open = gro_open,
    .close = gro_close,
    .locate = gro_locate,
    .resync = gro_resync,
    .decode = gro_decode,
};
