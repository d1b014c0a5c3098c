/*
 * TRR files: where frames lie and what they hold.
 *
 * Layout (big-endian, from GROMACS' documentation of the format): magic 1993, the
 * string "GMX_trn_file" with its two lengths, 13 integers (bytes of: input record,
 * energies, box, virial, pressure, topology, symbols, x, v, f; then atom count, step,
 * a count of energies), time and lambda, then the blocks in that order. Each frame is
 * of floats or of doubles as a whole, which only the sizes of its blocks tell.
 *
 * Invariants: every size of a header is checked before it positions anything; only
 * frames with coordinates are frames, others are passed over between them, so no number
 * of an earlier frame is ever handed out again. The content of a frame has no mark of
 * its own: where a frame was cut and what it lacks is, to the byte, the size of whole
 * frames written behind it, those are taken for its content. It must not know
 * velocities and forces but for their sizes.
 */
#include "formats/trr.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/big_endian.h"
#include "formats/simd.h"
#include "formats/trajectory_format.h"

enum {
    PREFIX_BYTES = 24, /* magic number, lengths and text of the version */
    REALS_OFFSET = 76, /* of time and lambda */
    LEAST_HEADER_BYTES = 84,
    MOST_HEADER_BYTES = 92, /* of doubles */
    SMALL_FRAME_BYTES = 16384,
    BULK_BYTES = 65536,   /* read at once where frames are small */
    RESYNC_BYTES = 16384, /* read at once while looking for a frame */
    PART_ATOMS = 4096,    /* of a large frame at once: 50 kB of floats */
};

static const unsigned char prefix[PREFIX_BYTES] = "\0\0\x07\xc9\0\0\0\x0d\0\0\0\x0c"
                                                  "GMX_trn_file";

enum trr_word {
    INPUT_RECORD_BYTES,
    ENERGY_BYTES,
    BOX_BYTES,
    VIRIAL_BYTES,
    PRESSURE_BYTES,
    TOPOLOGY_BYTES,
    SYMBOL_BYTES,
    X_BYTES,
    V_BYTES,
    F_BYTES,
    ATOM_COUNT,
    STEP,
    ENERGY_COUNT,
    WORD_COUNT,
};

struct trr_file {
    size_t atom_count;
    enum asim_simd simd;
};

struct trr_header {
    uint32_t word[WORD_COUNT];
    bool of_doubles;
    double time_ps;
    uint64_t header_size;
    uint64_t x_offset; /* from the start of the frame */
    uint64_t frame_size;
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

/* Are the sizes of all blocks right for this many bytes a number? */
static bool sizes_fit(const uint32_t word[WORD_COUNT], uint64_t real_size)
{
    for (int k = BOX_BYTES; k <= PRESSURE_BYTES; k++)
        if (word[k] != 0 && word[k] != 9 * real_size)
            return false;
    for (int k = X_BYTES; k <= F_BYTES; k++)
        if (word[k] != 0 && word[k] != 3 * real_size * word[ATOM_COUNT])
            return false;
    return true;
}

static int parse_sizes(struct trr_header *h, char what[ASIM_DAMAGE_TEXT])
{
    const uint32_t *word = h->word;
    if (word[ATOM_COUNT] == 0 || word[ATOM_COUNT] > INT32_MAX)
        return bad(what, "the frame says it has %d atoms", (int)word[ATOM_COUNT]);
    if (word[INPUT_RECORD_BYTES] || word[ENERGY_BYTES] || word[TOPOLOGY_BYTES] ||
        word[SYMBOL_BYTES])
        return bad(what, "the frame says it holds an input record, energies, a "
                         "topology or symbols; a trajectory has none");
    uint64_t content = 0;
    for (int k = BOX_BYTES; k <= F_BYTES; k++)
        content += word[k];
    if (content == 0)
        return bad(what, "the frame holds nothing, not even a box");
    h->of_doubles = sizes_fit(word, sizeof(double));
    if (!h->of_doubles && !sizes_fit(word, sizeof(float)))
        return bad(what,
                   "the sizes of box, x, v and f (%u, %u, %u and %u bytes) are right "
                   "for neither floats nor doubles of %u atoms",
                   word[BOX_BYTES], word[X_BYTES], word[V_BYTES], word[F_BYTES],
                   word[ATOM_COUNT]);
    h->header_size = h->of_doubles ? MOST_HEADER_BYTES : LEAST_HEADER_BYTES;
    h->x_offset =
        h->header_size + word[BOX_BYTES] + word[VIRIAL_BYTES] + word[PRESSURE_BYTES];
    h->frame_size = h->header_size + content;
    return 0;
}

/* `p` has `available` bytes of the `left` up to the end of the file. */
static int parse_header(const unsigned char *p, size_t available, uint64_t left,
                        struct trr_header *ret_header, char what[ASIM_DAMAGE_TEXT])
{
    struct trr_header h = {0};
    if (available < 4)
        return bad(what, "%zu bytes follow the last frame; a frame was expected",
                   available);
    if (memcmp(p, prefix, 4) != 0)
        return bad(what, "a frame was expected (1993), the bytes here are 0x%08x",
                   load_u32(p));
    if (available < LEAST_HEADER_BYTES)
        return bad(what, "the file ends inside a frame's header, after %zu bytes",
                   available);
    if (memcmp(p, prefix, PREFIX_BYTES) != 0)
        return bad(what, "the frame does not start with the text GMX_trn_file");
    for (int k = 0; k < WORD_COUNT; k++)
        h.word[k] = load_u32(p + PREFIX_BYTES + 4 * k);
    if (parse_sizes(&h, what) < 0)
        return -1;
    if (h.frame_size > left)
        return bad(what, "the frame is cut: %llu of its %llu bytes are there",
                   (unsigned long long)left, (unsigned long long)h.frame_size);
    h.time_ps = load_real(p + REALS_OFFSET, h.of_doubles);
    if (!isfinite(h.time_ps))
        return bad(what, "the time is not a number");
    *ret_header = h;
    return 0;
}

static bool trr_recognise(const unsigned char *head, size_t size)
{
    return size >= PREFIX_BYTES && memcmp(head, prefix, PREFIX_BYTES) == 0;
}

static int trr_open(const struct asim_byte_source *source,
                    struct asim_decode_scratch *scratch, void **ret_state,
                    size_t *ret_atom_count, uint64_t *ret_first_offset,
                    struct asim_error *err)
{
    const unsigned char *p;
    size_t available;
    struct trr_header header;
    char what[ASIM_DAMAGE_TEXT];
    enum asim_simd simd;
    if (asim_simd_choose(&simd, err) < 0 ||
        asim_byte_window_get(&scratch->window, source, 0, MOST_HEADER_BYTES, 0, &p,
                             &available, err) < 0)
        return -1;
    if (parse_header(p, available, source->size, &header, what) < 0)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' cannot be read as a TRR trajectory: its first frame, at "
                         "byte 0, is damaged: %s",
                         source->name, what);
    struct trr_file *file = asim_alloc_array(1, sizeof *file, err);
    if (!file)
        return -1;
    file->atom_count = header.word[ATOM_COUNT];
    file->simd = simd;
    *ret_state = file;
    *ret_atom_count = file->atom_count;
    *ret_first_offset = 0;
    return 0;
}

static void trr_close(void *state)
{
    free(state);
}

/* The end of the file was reached behind `passed` frames without coordinates. */
static enum asim_locate end_of_file(uint64_t start, uint64_t passed,
                                    char what[ASIM_DAMAGE_TEXT])
{
    if (start > 0 || passed == 0)
        return ASIM_LOCATE_END;
    bad(what, "none of the %llu frames has coordinates (x), only a box, v or f",
        (unsigned long long)passed);
    return ASIM_LOCATE_DAMAGE;
}

static enum asim_locate trr_locate(const void *state,
                                   const struct asim_byte_source *source,
                                   struct asim_decode_scratch *scratch, uint64_t offset,
                                   struct asim_frame_span *ret_span,
                                   char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const struct trr_file *file = state;
    const uint64_t start = offset;
    for (uint64_t passed = 0;; passed++) {
        if (offset >= source->size)
            return end_of_file(start, passed, what);
        const unsigned char *p;
        size_t available;
        size_t ahead = scratch->ahead < SMALL_FRAME_BYTES ? BULK_BYTES : 0;
        if (asim_byte_window_get(&scratch->window, source, offset, MOST_HEADER_BYTES,
                                 ahead, &p, &available, err) < 0)
            return ASIM_LOCATE_FAILED;
        struct trr_header header;
        char why[ASIM_DAMAGE_TEXT];
        int rc = parse_header(p, available, source->size - offset, &header, why);
        if (rc == 0 && header.word[ATOM_COUNT] != file->atom_count)
            rc = bad(why, "the frame has %u atoms, the first one %zu",
                     header.word[ATOM_COUNT], file->atom_count);
        if (rc < 0 && passed > 0)
            bad(what, "%.120s (at byte %llu)", why, (unsigned long long)offset);
        else if (rc < 0)
            bad(what, "%s", why);
        if (rc < 0)
            return ASIM_LOCATE_DAMAGE;
        scratch->ahead = (size_t)header.frame_size;
        if (header.word[X_BYTES] > 0) {
            *ret_span =
                (struct asim_frame_span){.offset = offset, .size = header.frame_size};
            return ASIM_LOCATE_FRAME;
        }
        offset += header.frame_size;
    }
}

/* Finds only frames with coordinates: starting again and again at those without, locate
 * would walk the rest of them each time. */
static int trr_resync(const void *state, const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, uint64_t from,
                      uint64_t *ret_offset, struct asim_error *err)
{
    const struct trr_file *file = state;
    while (from < source->size && source->size - from >= LEAST_HEADER_BYTES) {
        const unsigned char *p, *found;
        size_t available;
        if (asim_byte_window_get(&scratch->window, source, from, LEAST_HEADER_BYTES,
                                 RESYNC_BYTES, &p, &available, err) < 0)
            return -1;
        if (available < LEAST_HEADER_BYTES)
            return 0;
        const unsigned char *end = p + available - LEAST_HEADER_BYTES + PREFIX_BYTES;
        const unsigned char *next = p;
        while ((found = memmem(next, (size_t)(end - next), prefix, PREFIX_BYTES))) {
            const unsigned char *word = found + PREFIX_BYTES;
            if (load_u32(word + 4 * ATOM_COUNT) == file->atom_count &&
                load_u32(word + 4 * X_BYTES) != 0) {
                *ret_offset = from + (uint64_t)(found - p);
                return 1;
            }
            next = found + 1;
        }
        /* A header may straddle the end of these bytes. */
        from += available - LEAST_HEADER_BYTES + 1;
    }
    return 0;
}

/* Big-endian floats in place; false where one is not finite: exponents of all ones are
 * infinities and what is no number. Whole words let the compiler do many at once. */
static inline __attribute__((always_inline)) bool turn_words(float *x, size_t count)
{
    uint32_t not_finite = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = load_u32((const uint8_t *)(x + i));
        not_finite |= (bits & 0x7f800000u) == 0x7f800000u;
        memcpy(x + i, &bits, sizeof bits);
    }
    return !not_finite;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static bool turn_words_avx2(float *x, size_t count)
{
    return turn_words(x, count);
}
#endif

static bool turn_floats(enum asim_simd simd, float *x, size_t count)
{
#if defined(__x86_64__)
    if (simd >= ASIM_SIMD_AVX2)
        return turn_words_avx2(x, count);
#endif
    (void)simd;
    return turn_words(x, count);
}

static bool copy_doubles(const unsigned char *p, size_t count, float *target)
{
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        double value = load_double(p + 8 * i);
        /* Conversion of what no float can hold gives an infinity. */
        target[i] = (float)value;
        finite = finite && isfinite(target[i]);
    }
    return finite;
}

static bool copy_reals(enum asim_simd simd, const unsigned char *p, size_t count,
                       bool of_doubles, float *target)
{
    if (of_doubles)
        return copy_doubles(p, count, target);
    memcpy(target, p, count * sizeof *target);
    return turn_floats(simd, target, count);
}

/* Coordinates of a large frame, some at a time: floats where they will stay, doubles
 * through the window. What is not wanted is not read. */
static int load_parts(const struct trr_file *file,
                      const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, uint64_t offset,
                      bool of_doubles, size_t atom_limit, float (*x_nm)[3],
                      char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const size_t atom_size = 3 * (of_doubles ? sizeof(double) : sizeof(float));
    for (size_t first = 0; first < atom_limit; first += PART_ATOMS) {
        const size_t left = atom_limit - first;
        const size_t count = left < PART_ATOMS ? left : (size_t)PART_ATOMS;
        const uint64_t start = offset + first * atom_size;
        float *target = x_nm[first];
        size_t size = count * atom_size, available;
        bool finite;
        if (!asim_any_wanted(scratch->wanted, first, count))
            continue;
        if (of_doubles) {
            const unsigned char *p;
            if (asim_byte_window_get(&scratch->window, source, start, size, 0, &p,
                                     &available, err) < 0)
                return -1;
            finite = available < size || copy_doubles(p, 3 * count, target);
        } else {
            if (asim_byte_source_read(source, start, target, size, &available, err) < 0)
                return -1;
            finite = available < size || turn_floats(file->simd, target, 3 * count);
        }
        if (available < size)
            return bad(what, "the file was shortened while it was read"), 0;
        if (!finite)
            return bad(what, "a coordinate is not a number"), 0;
    }
    return 1;
}

static int trr_decode(const void *state, const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, struct asim_frame_span span,
                      size_t atom_limit, struct asim_frame *frame,
                      char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const struct trr_file *file = state;
    const unsigned char *p;
    size_t available;
    struct trr_header header;
    /* Up to the last atom asked for, were it doubles with virial and pressure; what
     * follows, velocities and forces, is often twice as much and not needed. */
    uint64_t want = MOST_HEADER_BYTES + 3 * 72 + 24 * (uint64_t)atom_limit;
    const bool in_parts = want >= SMALL_FRAME_BYTES && span.size >= SMALL_FRAME_BYTES;
    if (in_parts)
        want = MOST_HEADER_BYTES + 3 * 72;
    if (want > span.size)
        want = span.size;
    size_t ahead = span.size < SMALL_FRAME_BYTES ? BULK_BYTES : 0;
    if (asim_byte_window_get(&scratch->window, source, span.offset, (size_t)want, ahead,
                             &p, &available, err) < 0)
        return -1;
    if (available < want)
        return bad(what, "the file was shortened while it was read"), 0;
    if (parse_header(p, available, span.size, &header, what) < 0)
        return 0;
    if (header.word[ATOM_COUNT] != file->atom_count || header.word[X_BYTES] == 0 ||
        header.frame_size != span.size)
        return bad(what, "the file changed while it was read"), 0;

    float box_nm[9] = {0};
    if (header.word[BOX_BYTES] > 0 &&
        !copy_reals(file->simd, p + header.header_size, 9, header.of_doubles, box_nm))
        return bad(what, "the box is not a number"), 0;
    if (in_parts) {
        int rc = load_parts(file, source, scratch, span.offset + header.x_offset,
                            header.of_doubles, atom_limit, frame->x_nm, what, err);
        if (rc != 1)
            return rc;
    } else if (!copy_reals(file->simd, p + header.x_offset, 3 * atom_limit,
                           header.of_doubles, &frame->x_nm[0][0])) {
        return bad(what, "a coordinate is not a number"), 0;
    }
    memcpy(frame->box_nm, box_nm, sizeof frame->box_nm);
    frame->atom_count = atom_limit;
    frame->time_ps = header.time_ps;
    frame->step = (int32_t)header.word[STEP];
    frame->precision = 0;
    return 1;
}

const struct asim_trajectory_format asim_trr_format = {
    .name = "TRR",
    .recognise = trr_recognise,
    .open = trr_open,
    .close = trr_close,
    .locate = trr_locate,
    .resync = trr_resync,
    .decode = trr_decode,
};
