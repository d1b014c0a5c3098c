/*
 * The compressed coordinates of XTC frames: integers on a grid of 1/precision.
 *
 * Stream facts (libxdrfile; bits are most significant first within bytes): a group is
 * one atom relative to the frame's minimum, a flag bit, after a set flag 5 bits holding
 * 3 * run + change + 1, and `run` atoms relative to the one before. `change` (-1, 0, 1)
 * moves the index into the table of small ranges after the group; `run` stays until the
 * next set flag. The first two atoms of a group with run > 0 are stored swapped.
 */
#ifndef FORMATS_XTC_CODEC_H
#define FORMATS_XTC_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "formats/simd.h"

enum {
    ASIM_XTC_FIRST_INDEX = 9, /* smallest usable index of asim_xtc_ranges */
    ASIM_XTC_LAST_INDEX = 72,
    ASIM_XTC_MOST_SMALL = 10, /* small atoms in a group: the 5 bits hold at most 31 */
    /* Widest value that the AVX2 and AVX-512 decoders take: see their divisions. */
    ASIM_XTC_WIDE_BITS = 50,
    /* Largest index at which the sum of 8 small numbers fits 16 bits. */
    ASIM_XTC_FIELD_INDEX = 39,
};

/* The ranges of small integers: about 2^(index / 3), so that three of them take `index`
 * bits. Fixed by the format. */
extern const uint32_t asim_xtc_ranges[ASIM_XTC_LAST_INDEX + 1];

/* Division by a constant d > 1 of v < 2^63 as (v * multiplier >> 64) >> shift. */
struct asim_xtc_divisor {
    uint64_t multiplier;
    unsigned shift;
};

/* What decoding of three small integers needs to know of an index. */
struct asim_xtc_small {
    struct asim_xtc_divisor once;  /* by the range */
    struct asim_xtc_divisor twice; /* by its square */
    uint64_t low_mask, high_mask;
    uint32_t range;
    uint32_t high_shift;
    /* The same divisions in 52 bits: (v * multiplier >> 52) >> shift for v < 2^51; and
     * in doubles: floor((v + 0.5) * reciprocal) for v < 2^50. Up to ASIM_XTC_WIDE_BITS.
     */
    struct asim_xtc_divisor once52, twice52;
    double once_reciprocal, twice_reciprocal;
    uint64_t shift_control; /* xtc_avx512.c */
    /* Up to where no quotient is wrong: v * multiplier >> 52 alone; 0: it may be. */
    uint64_t once_unshifted, twice_unshifted;
};

/*
 * The same for a group at a time with AVX-512, up to ASIM_XTC_FIELD_INDEX. The three
 * numbers of a small value v as fields of 16 bits, x lowest, modulo 2^52: with
 * q = v / range and p = q / range, x = p, y = q - p range and z = v - q range make
 * v 2^32 + q (2^16 - range 2^32) + p (1 - range 2^16).
 */
struct asim_xtc_group_small {
    /* What is to be taken off sums of numbers: range / 2, as often as there are numbers
     * in the sum, for each float of 10 atoms of a group. */
    _Alignas(64) int32_t halves[32];
    uint64_t mask, range;
    uint64_t once, twice, once_shift, twice_shift; /* divisions in 52 bits */
    uint64_t of_once, of_twice;
    uint64_t half_fields; /* range / 2 in every field */
    /* 8 small numbers behind each other, by phase: which of 64 bytes each needs, its
     * first one on top, and which of these bits are its bytes; little-endian. */
    _Alignas(64) uint64_t bytes[8][8];
    uint64_t shifts[8][8];
};

/* What follows a set flag, by its 5 bits: `run` small atoms, `change` of the index, and
 * how far behind the flag the next group starts. */
struct asim_xtc_flagged {
    uint16_t advance;
    uint8_t run;
    int8_t change;
};

/* Controls that put two numbers of 16 bytes into the tops of two lanes: a byte shuffle
 * and shifts to the left. */
struct asim_xtc_pair {
    unsigned char shuffle[16];
    uint64_t shift[2];
};

struct asim_xtc_tables {
    /* Two small numbers behind each other, by index and phase; xtc_avx2.c. */
    struct asim_xtc_pair pair[ASIM_XTC_WIDE_BITS + 1][8];
    struct asim_xtc_small small[ASIM_XTC_LAST_INDEX + 1];
    struct asim_xtc_group_small group_small[ASIM_XTC_FIELD_INDEX + 1];
    struct asim_xtc_flagged flagged[ASIM_XTC_LAST_INDEX + 1][32];
};

void asim_xtc_tables_init(struct asim_xtc_tables *tables);

/* A frame's compressed block, bounds not yet checked. */
struct asim_xtc_block {
    int32_t minimum[3];
    int32_t maximum[3];
    int32_t small_index;
    float inverse_precision;
    size_t atom_count;
    const unsigned char *payload; /* ASIM_XTC_INPUT_SLACK readable bytes behind it */
    size_t payload_size;          /* as the header says */
    size_t available;             /* bytes that are here: at most payload_size */
};

/* Atoms that decoding may write behind those asked for, and bytes that it may read
 * behind the payload: a streak of 8 groups of 4 atoms, loaded as 128 bytes, is most. */
enum { ASIM_XTC_OUTPUT_SLACK = 64, ASIM_XTC_INPUT_SLACK = 160 };

/* What asim_xtc_decode says where the bytes do not last; it is damage only if all of
 * the payload was there. Compared by address. */
extern const char asim_xtc_short_payload[];

/*
 * Decodes the first `atom_limit` atoms into x_nm, which has room for
 * ASIM_XTC_OUTPUT_SLACK atoms more; where `wanted` is not NULL (a bit for each atom,
 * and 4 bytes more) perhaps only those whose bit is set, and what a number passed over
 * holds is not looked at. Returns NULL and the bytes used or, where the block
 * is damaged, a phrase that says how. A block that is decoded to its end must take
 * exactly its bytes. `simd` must be what this machine has; the answer does not depend
 * on it.
 */
const char *asim_xtc_decode(const struct asim_xtc_tables *tables, enum asim_simd simd,
                            const struct asim_xtc_block *block, size_t atom_limit,
                            const unsigned char *wanted, float (*x_nm)[3],
                            size_t *ret_used);

/* Bits that hold a value of `count` possible ones as the format counts them. */
unsigned asim_xtc_bits_of_product(const uint32_t sizes[3]);
unsigned asim_xtc_bits_of(uint32_t size);

#endif
