/*
 * Energy files of GROMACS, format 5 (4.5 and newer), either precision.
 *
 * The file is read front to back through a buffer and nothing but the last frame is
 * kept. Numbers from the file are bounded by the bytes that are left in it.
 */
#include "formats/edr.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/big_endian.h"

enum {
    FILE_MAGIC = -55555,
    FRAME_MAGIC = -7777777,
    FORMAT = 5,
    BUFFER_BYTES = 1 << 18
};

struct source {
    FILE *file;
    uint64_t position, size;
    bool short_read; /* something was asked for that lies behind the end */
    const char *path;
    struct asim_error *err;
};

/* What a frame says; the data of its blocks is passed over. */
struct frame {
    int64_t step;
    double time_ps;
    bool has_energies;
    double potential_kj_mol;
};

static bool get(struct source *source, void *bytes, size_t size)
{
    if (source->short_read || size > source->size - source->position ||
        fread(bytes, 1, size, source->file) != size) {
        source->short_read = true;
        memset(bytes, 0, size);
        return false;
    }
    source->position += size;
    return true;
}

static bool pass(struct source *source, uint64_t count, uint64_t size)
{
    uint64_t bytes;
    if (source->short_read || __builtin_mul_overflow(count, size, &bytes) ||
        bytes > source->size - source->position) {
        source->short_read = true;
        return false;
    }
    /* Seeking drops stdio's buffer, so it pays only past it. */
    if (bytes > BUFFER_BYTES) {
        if (fseeko(source->file, (off_t)bytes, SEEK_CUR) != 0) {
            source->short_read = true;
            return false;
        }
        source->position += bytes;
        return true;
    }
    char scratch[4096];
    while (bytes > 0) {
        size_t step = bytes < sizeof scratch ? (size_t)bytes : sizeof scratch;
        if (!get(source, scratch, step))
            return false;
        bytes -= step;
    }
    return true;
}

static int32_t get_int(struct source *source)
{
    uint8_t bytes[4];
    return get(source, bytes, 4) ? (int32_t)load_u32(bytes) : 0;
}

static int64_t get_int64(struct source *source)
{
    uint8_t bytes[8];
    return get(source, bytes, 8) ? (int64_t)load_u64(bytes) : 0;
}

static double get_double(struct source *source)
{
    uint8_t bytes[8];
    return get(source, bytes, 8) ? load_double(bytes) : 0;
}

static int wrong(struct source *source, uint64_t at, const char *what)
{
    return asim_fail(source->err, ASIM_EINPUT, "'%s', byte %" PRIu64 ": %s",
                     source->path, at, what);
}

/* A name: its length, bytes, padding to 4. GROMACS keeps names below 4096 bytes. */
static int pass_name(struct source *source, const char *expected, bool *ret_equal)
{
    char text[4096];
    uint64_t at = source->position;
    uint32_t length = (uint32_t)get_int(source);
    if (source->short_read)
        return 0;
    if (length > sizeof text)
        return wrong(source, at, "the name of an energy term is too long");
    if (get(source, text, length) && ret_equal)
        *ret_equal = length == strlen(expected) && memcmp(text, expected, length) == 0;
    pass(source, (4 - length % 4) % 4, 1);
    return 0;
}

/* A string of a block: its length with and without the final NUL, bytes, padding. */
static int pass_string(struct source *source)
{
    uint64_t at = source->position;
    int32_t with_nul = get_int(source);
    int32_t bare = get_int(source);
    if (source->short_read)
        return 0;
    if (bare < 0 || with_nul != (int64_t)bare + 1)
        return wrong(source, at, "the two lengths of a string contradict each other");
    pass(source, ((uint64_t)bare + 3) / 4, 4);
    return 0;
}

/* The names of the energy terms; ret_index is -1 where there is no potential. */
static int read_names(struct source *source, int32_t *ret_count, int32_t *ret_index)
{
    int32_t magic = get_int(source);
    int32_t version = get_int(source);
    if (!source->short_read && (magic != FILE_MAGIC || version != FORMAT))
        return wrong(source, 0,
                     "this is no energy file of GROMACS 4.5 or newer (format 5)");
    int32_t count = get_int(source);
    if (!source->short_read &&
        (count < 0 || (uint64_t)count > (source->size - source->position) / 8))
        return wrong(source, 8, "the number of energy terms is not possible");
    *ret_count = count;
    *ret_index = -1;
    for (int32_t i = 0; i < count && !source->short_read; i++) {
        bool is_potential = false;
        if (pass_name(source, "Potential", &is_potential) < 0 ||
            pass_name(source, NULL, NULL) < 0)
            return -1;
        if (is_potential && *ret_index < 0)
            *ret_index = i;
    }
    if (source->short_read)
        return wrong(source, source->position,
                     "the file ends inside the names of its energy terms");
    return 0;
}

/* XDR sizes of the kinds int, float, double, int64, char; strings are apart. */
static const uint8_t element_bytes[] = {4, 4, 8, 8, 4};
enum { KIND_COUNT = 5, KIND_STRING = 5 };

struct subblock {
    int32_t kind, count;
};

/* The list of subblocks of a frame that was begun at byte `at`. */
static int read_blocks(struct source *source, uint64_t at, int32_t block_count,
                       struct subblock **array, size_t *capacity, size_t *ret_count)
{
    size_t count = 0;
    for (int32_t b = 0; b < block_count && !source->short_read; b++) {
        (void)get_int(source); /* what the block holds */
        int32_t parts = get_int(source);
        if (parts < 0)
            return wrong(source, at, "a block of the frame has a negative size");
        for (int32_t i = 0; i < parts; i++) {
            struct subblock part = {.kind = get_int(source)};
            part.count = get_int(source);
            if (source->short_read)
                break;
            if (part.count < 0 || part.kind < 0 || part.kind > KIND_STRING)
                return wrong(source, at,
                             "a block of the frame is of a kind that is not known, or "
                             "has a negative size");
            if (asim_grow(array, capacity, count + 1, sizeof **array, source->err) < 0)
                return -1;
            (*array)[count++] = part;
        }
    }
    *ret_count = count;
    return 0;
}

static int pass_blocks(struct source *source, const struct subblock *parts,
                       size_t count)
{
    for (size_t i = 0; i < count && !source->short_read; i++) {
        if (parts[i].kind < KIND_COUNT) {
            pass(source, (uint64_t)parts[i].count, element_bytes[parts[i].kind]);
            continue;
        }
        for (int32_t k = 0; k < parts[i].count && !source->short_read; k++)
            if (pass_string(source) < 0)
                return -1;
    }
    return 0;
}

/* Whether nothing but zeros follows, as after a crash of the machine. Consumes. */
static bool only_zeros(struct source *source)
{
    int c;
    while ((c = getc(source->file)) != EOF)
        if (c != 0)
            return false;
    return true;
}

/* The frame's first real says nothing (-2e10); the magic number behind it tells by its
 * place how wide a real is. 1: a frame begins; 0: the end; -1: something else. */
static int read_magic(struct source *source, size_t *ret_real_bytes)
{
    uint8_t bytes[12];
    uint64_t at = source->position;
    if (at == source->size)
        return 0;
    if (!get(source, bytes, 8))
        return 0;
    if ((int32_t)load_u32(bytes + 4) == FRAME_MAGIC) {
        *ret_real_bytes = 4;
        return 1;
    }
    if (!get(source, bytes + 8, 4))
        return 0;
    if ((int32_t)load_u32(bytes + 8) == FRAME_MAGIC) {
        *ret_real_bytes = 8;
        return 1;
    }
    static const uint8_t zeros[12];
    if (memcmp(bytes, zeros, sizeof zeros) == 0 && only_zeros(source)) {
        source->short_read = true;
        return 0;
    }
    return wrong(source, at, "expected an energy frame here; the file is damaged");
}

/* 1: a whole frame; 0: the end, or a frame that is cut off; -1: an error. */
static int read_frame(struct source *source, int32_t term_count, int32_t potential,
                      struct subblock **parts, size_t *capacity,
                      struct frame *ret_frame)
{
    uint64_t at = source->position;
    size_t real = 4;
    struct frame frame = {.potential_kj_mol = NAN};
    int rc = read_magic(source, &real);
    if (rc <= 0)
        return rc;
    int32_t version = get_int(source);
    frame.time_ps = get_double(source);
    frame.step = get_int64(source);
    int32_t sums = get_int(source);
    pass(source, 2, 8); /* steps in the sums, time step */
    int32_t terms = get_int(source);
    (void)get_int(source);
    int32_t blocks = get_int(source);
    if (source->short_read)
        return 0;
    if (version != FORMAT || (terms != term_count && terms != 0) || blocks < 0)
        return wrong(source, at,
                     "the header of this energy frame is damaged: expected format 5, "
                     "the file's number of terms, and no negative number of blocks");
    size_t part_count = 0;
    if (read_blocks(source, at, blocks, parts, capacity, &part_count) < 0)
        return -1;
    pass(source, 3, 4);
    size_t reals_per_term = sums > 0 ? 3 : 1;
    frame.has_energies = terms > 0;
    if (terms > 0 && potential >= 0) {
        uint8_t bytes[8];
        pass(source, (uint64_t)potential, reals_per_term * real);
        get(source, bytes, real);
        frame.potential_kj_mol = load_real(bytes, real == 8);
        pass(source, reals_per_term - 1, real);
        pass(source, (uint64_t)(terms - potential - 1), reals_per_term * real);
    } else {
        pass(source, (uint64_t)terms, reals_per_term * real);
    }
    if (pass_blocks(source, *parts, part_count) < 0)
        return -1;
    if (source->short_read)
        return 0;
    *ret_frame = frame;
    return 1;
}

static int read_all(struct source *source, struct asim_edr_last *ret_last)
{
    struct asim_edr_last last = {.potential_kj_mol = NAN};
    struct subblock *parts = NULL;
    size_t capacity = 0;
    int32_t term_count = 0, potential = -1;
    struct frame frame = {0};
    int rc = -1;
    if (read_names(source, &term_count, &potential) < 0)
        goto out;
    for (;;) {
        last.end_bytes = source->position;
        int found =
            read_frame(source, term_count, potential, &parts, &capacity, &frame);
        if (found < 0)
            goto out;
        if (found == 0)
            break;
        last.step = frame.step;
        last.time_ps = frame.time_ps;
        if (frame.has_energies)
            last.potential_kj_mol = frame.potential_kj_mol;
        last.frame_count++;
    }
    if (last.frame_count == 0) {
        wrong(source, last.end_bytes, "the file holds no whole energy frame");
        goto out;
    }
    last.torn_tail = source->short_read;
    *ret_last = last;
    rc = 0;
out:
    free(parts);
    return rc;
}

int asim_edr_read_last(const char *path, struct asim_edr_last *ret_last,
                       struct asim_error *err)
{
    FILE *file;
    uint64_t size;
    if (asim_file_open_stream(path, &file, &size, err) < 0)
        return -1;
    setvbuf(file, NULL, _IOFBF, BUFFER_BYTES);
    struct source source = {.file = file, .size = size, .path = path, .err = err};
    int rc = read_all(&source, ret_last);
    if (ferror(file))
        rc = asim_fail(err, ASIM_EIO, "cannot read '%s': %s", path, strerror(errno));
    fclose(file);
    return rc;
}
