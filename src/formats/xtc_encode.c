/*
 * Encoding of XTC frames, for start structures and tests.
 *
 * The grouping of atoms follows libxdrfile's greedy rules (its source is the format's
 * only description), so that the bytes are the same; the words are explained in
 * xtc_codec.h. Invariant: what is appended decodes to the integers that were rounded.
 */
#include "formats/xtc.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/xtc_codec.h"

enum {
    PLAIN_ATOMS = 9,
    MOST_RUN = 8, /* small atoms that a writer puts into one group */
    INDEX_SPAN =
        8, /* the index of small ranges wanders over this many above its start */
    MOST_ATOMS_1995 = 298261617, /* GROMACS' limit under 32-bit byte counts */
};
/* libxdrfile refuses larger magnitudes: INT_MAX - 2. */
static const float most_grid = 2147483645.0f;

struct bit_writer {
    unsigned char *data;
    uint64_t position; /* in bits; bytes ahead are zero */
};

void asim_xtc_bytes_finish(struct asim_xtc_bytes *bytes)
{
    if (!bytes)
        return;
    free(bytes->data);
    *bytes = (struct asim_xtc_bytes){0};
}

static void put_u32(unsigned char **p, uint32_t v)
{
    unsigned char bytes[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
                              (unsigned char)(v >> 8), (unsigned char)v};
    memcpy(*p, bytes, 4);
    *p += 4;
}

static void put_float(unsigned char **p, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_u32(p, bits);
}

/* The lowest `count` bits of v, the most significant one first. */
static void put_bits(struct bit_writer *w, uint32_t v, unsigned count)
{
    for (unsigned i = count; i-- > 0; w->position++)
        w->data[w->position >> 3] |=
            (unsigned char)(((v >> i) & 1) << (7 - (w->position & 7)));
}

/* Three numbers below their sizes as one, least significant byte first. */
static void put_packed(struct bit_writer *w, const uint32_t values[3],
                       const uint32_t sizes[3], unsigned bits)
{
    unsigned __int128 v =
        ((unsigned __int128)values[0] * sizes[1] + values[1]) * sizes[2] + values[2];
    for (; bits > 8; bits -= 8, v >>= 8)
        put_bits(w, (uint32_t)v & 0xff, 8);
    put_bits(w, (uint32_t)v, bits);
}

/* Rounds to the grid, and finds the smallest box and the least step between neighbours.
 */
static int to_grid(const struct asim_frame *frame, float precision, int32_t (*grid)[3],
                   int32_t minimum[3], int32_t maximum[3], uint32_t *ret_least_step,
                   struct asim_error *err)
{
    int64_t least = INT32_MAX;
    for (size_t i = 0; i < frame->atom_count; i++) {
        int64_t step = 0;
        for (int d = 0; d < 3; d++) {
            float scaled = frame->x_nm[i][d] * precision;
            float rounded = (float)((double)scaled + (scaled >= 0 ? 0.5 : -0.5));
            if (!(fabsf(rounded) <= most_grid))
                return asim_fail(
                    err, ASIM_EINPUT,
                    "atom %zu has a coordinate of %g nm, which an XTC file "
                    "of precision %g cannot hold",
                    i + 1, (double)frame->x_nm[i][d], (double)precision);
            int32_t v = (int32_t)rounded;
            grid[i][d] = v;
            if (i == 0 || v < minimum[d])
                minimum[d] = v;
            if (i == 0 || v > maximum[d])
                maximum[d] = v;
            if (i > 0)
                step += llabs((int64_t)grid[i - 1][d] - v);
        }
        if (i > 0 && step < least)
            least = step;
    }
    for (int d = 0; d < 3; d++)
        if ((int64_t)maximum[d] - minimum[d] >= INT32_MAX - 2)
            return asim_fail(err, ASIM_EINPUT,
                             "the coordinates range over %g nm, which an XTC file of "
                             "precision %g cannot hold",
                             ((double)maximum[d] - minimum[d]) / (double)precision,
                             (double)precision);
    *ret_least_step = (uint32_t)least;
    return 0;
}

static bool is_near(const int32_t a[3], const int32_t b[3], int64_t limit)
{
    for (int d = 0; d < 3; d++)
        if (llabs((int64_t)a[d] - b[d]) >= limit)
            return false;
    return true;
}

/* In 32 bits that wrap, as libxdrfile has it on every common machine: only the choice
 * of groups depends on it, and the same choice gives the same bytes. */
static int32_t square(uint32_t v)
{
    return (int32_t)(v * v);
}

static int32_t square_distance(const int32_t a[3], const int32_t b[3])
{
    uint32_t sum = 0;
    for (int d = 0; d < 3; d++)
        sum += (uint32_t)square((uint32_t)a[d] - (uint32_t)b[d]);
    return (int32_t)sum;
}

static void put_big(struct bit_writer *w, const int32_t atom[3],
                    const int32_t minimum[3], const uint32_t sizes[3], unsigned bits)
{
    uint32_t values[3];
    for (int d = 0; d < 3; d++)
        values[d] = (uint32_t)((int64_t)atom[d] - minimum[d]);
    if (bits) {
        put_packed(w, values, sizes, bits);
        return;
    }
    for (int d = 0; d < 3; d++)
        put_bits(w, values[d], asim_xtc_bits_of(sizes[d]));
}

/* Groups and writes all atoms; grid is changed (the swap of first and second atom). */
static void put_atoms(struct bit_writer *w, int32_t (*grid)[3], size_t count,
                      const int32_t minimum[3], const uint32_t sizes[3], unsigned bits,
                      int index)
{
    const int last_index = index + INDEX_SPAN < ASIM_XTC_LAST_INDEX
                               ? index + INDEX_SPAN
                               : ASIM_XTC_LAST_INDEX;
    const int first_index = last_index - INDEX_SPAN;
    const int64_t larger = asim_xtc_ranges[last_index] / 2;
    unsigned previous_run = MOST_RUN + 1;
    int32_t previous[3] = {0};
    for (size_t i = 0; i < count;) {
        const uint32_t range = asim_xtc_ranges[index];
        const int64_t half = range / 2;
        const int below = index > ASIM_XTC_FIRST_INDEX ? index - 1 : index;
        const uint32_t smaller = asim_xtc_ranges[below] / 2;
        int change = index > first_index ? -1 : 0;
        if (index < last_index && i > 0 && is_near(grid[i], previous, larger))
            change = 1;
        bool small = i + 1 < count && is_near(grid[i], grid[i + 1], half);
        if (small) {
            int32_t swapped[3];
            memcpy(swapped, grid[i], sizeof swapped);
            memcpy(grid[i], grid[i + 1], sizeof swapped);
            memcpy(grid[i + 1], swapped, sizeof swapped);
        } else if (change < 0) {
            change = 0;
        }
        put_big(w, grid[i], minimum, sizes, bits);
        memcpy(previous, grid[i], sizeof previous);
        i++;
        uint32_t steps[MOST_RUN][3];
        unsigned run = 0;
        while (small && run < MOST_RUN) {
            if (change < 0 && square_distance(grid[i], previous) >= square(smaller))
                change = 0;
            for (int d = 0; d < 3; d++)
                steps[run][d] = (uint32_t)((int64_t)grid[i][d] - previous[d] + half);
            run++;
            memcpy(previous, grid[i], sizeof previous);
            i++;
            small = i < count && is_near(grid[i], previous, half);
        }
        if (run != previous_run || change != 0) {
            previous_run = run;
            put_bits(w, 1, 1);
            put_bits(w, (uint32_t)(3 * (int)run + change + 1), 5);
        } else {
            put_bits(w, 0, 1);
        }
        const uint32_t ranges[3] = {range, range, range};
        for (unsigned k = 0; k < run; k++)
            put_packed(w, steps[k], ranges, (unsigned)index);
        index += change;
    }
}

static unsigned char *put_common(unsigned char *p, const struct asim_frame *frame,
                                 enum asim_xtc_magic magic)
{
    put_u32(&p, (uint32_t)magic);
    put_u32(&p, (uint32_t)frame->atom_count);
    put_u32(&p, (uint32_t)(int32_t)frame->step);
    put_float(&p, (float)frame->time_ps);
    for (int i = 0; i < 9; i++)
        put_float(&p, frame->box_nm[i / 3][i % 3]);
    put_u32(&p, (uint32_t)frame->atom_count);
    return p;
}

static int append_compressed(struct asim_xtc_bytes *bytes,
                             const struct asim_frame *frame, enum asim_xtc_magic magic,
                             struct asim_error *err)
{
    float precision = frame->precision > 0 ? frame->precision : 1000.0f;
    int32_t minimum[3] = {0}, maximum[3] = {0};
    uint32_t least_step = 0, sizes[3];
    size_t header = magic == ASIM_XTC_MAGIC_2023 ? 96 : 92, most;
    int rc = -1;
    int32_t(*grid)[3] = asim_alloc_array(frame->atom_count, sizeof *grid, err);
    if (!grid)
        return -1;
    /* At most 96 + 6 bits an atom: 16 bytes. */
    if (__builtin_mul_overflow(frame->atom_count, (size_t)16, &most) ||
        __builtin_add_overflow(most, bytes->size + header + 64, &most)) {
        asim_fail(err, ASIM_ENOMEM, "no memory for %zu atoms", frame->atom_count);
        goto out;
    }
    if (to_grid(frame, precision, grid, minimum, maximum, &least_step, err) < 0 ||
        asim_grow(&bytes->data, &bytes->capacity, most, 1, err) < 0)
        goto out;
    unsigned char *start = bytes->data + bytes->size;
    memset(start, 0, most - bytes->size);
    bool large = false;
    for (int d = 0; d < 3; d++) {
        sizes[d] = (uint32_t)((int64_t)maximum[d] - minimum[d] + 1);
        large = large || sizes[d] > 0xffffff;
    }
    int index = ASIM_XTC_FIRST_INDEX;
    while (index < ASIM_XTC_LAST_INDEX && asim_xtc_ranges[index] < least_step)
        index++;
    struct bit_writer w = {.data = start + header};
    put_atoms(&w, grid, frame->atom_count, minimum, sizes,
              large ? 0 : asim_xtc_bits_of_product(sizes), index);
    uint64_t payload = (w.position + 7) / 8;
    if (magic == ASIM_XTC_MAGIC_1995 && payload > INT32_MAX) {
        asim_fail(err, ASIM_EINPUT, "a frame of %llu bytes needs the magic number 2023",
                  (unsigned long long)payload);
        goto out;
    }
    unsigned char *p = put_common(start, frame, magic);
    put_float(&p, precision);
    for (int d = 0; d < 3; d++)
        put_u32(&p, (uint32_t)minimum[d]);
    for (int d = 0; d < 3; d++)
        put_u32(&p, (uint32_t)maximum[d]);
    put_u32(&p, (uint32_t)index);
    if (magic == ASIM_XTC_MAGIC_2023)
        put_u32(&p, (uint32_t)(payload >> 32));
    put_u32(&p, (uint32_t)payload);
    bytes->size += header + (size_t)((payload + 3) & ~(uint64_t)3);
    rc = 0;
out:
    free(grid);
    return rc;
}

int asim_xtc_append(struct asim_xtc_bytes *bytes, const struct asim_frame *frame,
                    enum asim_xtc_magic magic, struct asim_error *err)
{
    if (frame->atom_count == 0 || frame->atom_count > INT32_MAX)
        return asim_fail(err, ASIM_EINPUT, "an XTC frame cannot have %zu atoms",
                         frame->atom_count);
    if (frame->step < INT32_MIN || frame->step > INT32_MAX)
        return asim_fail(err, ASIM_EINPUT, "step %lld does not fit an XTC file",
                         (long long)frame->step);
    if (magic == ASIM_XTC_MAGIC_AUTO)
        magic = frame->atom_count > MOST_ATOMS_1995 ? ASIM_XTC_MAGIC_2023
                                                    : ASIM_XTC_MAGIC_1995;
    if (frame->atom_count > PLAIN_ATOMS)
        return append_compressed(bytes, frame, magic, err);
    if (asim_grow(&bytes->data, &bytes->capacity, bytes->size + 56 + 12 * PLAIN_ATOMS,
                  1, err) < 0)
        return -1;
    for (size_t i = 0; i < frame->atom_count; i++)
        for (int d = 0; d < 3; d++)
            if (!isfinite(frame->x_nm[i][d]))
                return asim_fail(err, ASIM_EINPUT,
                                 "atom %zu has a coordinate that is not a number",
                                 i + 1);
    unsigned char *p = put_common(bytes->data + bytes->size, frame, magic);
    for (size_t i = 0; i < frame->atom_count; i++)
        for (int d = 0; d < 3; d++)
            put_float(&p, frame->x_nm[i][d]);
    bytes->size = (size_t)(p - bytes->data);
    return 0;
}
