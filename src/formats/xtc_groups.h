/*
 * What the decoders of XTC coordinates share: a frame to be decoded, the place reached
 * in it, and the extraction of one packed number.
 *
 * A place is always between two groups, and all that decoding needs to go on is in it,
 * so the decoders take turns: the wide ones do what is regular and stop in front of
 * everything else; the scalar one does any group and is the only one that judges
 * damage. That is why all give the same answer to the same bytes.
 *
 * Wide decoders may read ASIM_XTC_INPUT_SLACK bytes from the place's byte on (a place
 * is in the payload, and so much is readable behind it) and write ASIM_XTC_OUTPUT_SLACK
 * atoms from the place's atom on.
 */
#ifndef FORMATS_XTC_GROUPS_H
#define FORMATS_XTC_GROUPS_H

#include <stdbool.h>
#include <string.h>

#include "formats/xtc_codec.h"

typedef unsigned __int128 asim_uint128;

/* A packed value is stored in bytes, least significant first, the last of them holding
 * only the remaining bits, at its top. */
struct packed_width {
    uint64_t low_mask, high_mask;
    unsigned high_shift;
    unsigned bits;
};

/* How the first atom of a group is stored. */
enum big_kind {
    BIG_FAST,  /* one product of at most 57 bits, both divisors over 1 */
    BIG_WIDE,  /* one product, any width */
    BIG_PLAIN, /* three numbers, because a range is over 0xffffff */
};

struct big {
    enum big_kind kind;
    uint32_t size[3];
    unsigned axis_bits[3]; /* BIG_PLAIN */
    struct packed_width width;
    struct asim_xtc_divisor by_z, by_yz;
    double z_reciprocal, yz_reciprocal;
    uint64_t yz;
};

struct asim_xtc_job {
    const struct asim_xtc_tables *tables;
    const struct asim_xtc_block *block;
    struct big big;
    /* A big number and what starts behind its flag bit, by phase; xtc_avx2.c. */
    struct asim_xtc_pair big_pair[8];
    uint64_t end; /* bits of the payload that are here */
    size_t atom_limit;
    float (*x_nm)[3];
};

struct asim_xtc_place {
    uint64_t position; /* in bits */
    size_t atom;
    unsigned index, run; /* of small ranges; of small atoms in a group without flag */
    bool outside;        /* a value exceeded its range somewhere before */
};

/* Decodes groups from `place` on while they are regular: the bytes last, the run is at
 * most 8, the index stays below ASIM_XTC_WIDE_BITS; or leaves because the scalar
 * decoder is faster on what is met. For frames whose big kind is BIG_FAST with at most
 * ASIM_XTC_WIDE_BITS bits; may do nothing. */
void asim_xtc_decode_avx2(const struct asim_xtc_job *job, struct asim_xtc_place *place);
void asim_xtc_decode_avx512(const struct asim_xtc_job *job,
                            struct asim_xtc_place *place);

/* Division by d > 1 of v < 2^51 as (v * multiplier >> 52) >> shift. */
struct asim_xtc_divisor asim_xtc_divisor52(uint64_t d);
/* The control of a multishift that takes a value of 1 to 57 bits from the top of 64. */
uint64_t asim_xtc_shift_control(unsigned bits);
/* The controls of two numbers whose bits start at `first` and `second` of 16 bytes. */
void asim_xtc_pair_init(struct asim_xtc_pair *pair, unsigned first, unsigned second);

/* The 57 to 64 bits at `position`, the first of them at the top. */
static inline uint64_t load_bits(const unsigned char *payload, uint64_t position)
{
    uint64_t word;
    memcpy(&word, payload + (position >> 3), sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word << (position & 7);
}

static inline uint64_t packed_bits(uint64_t top, uint64_t low_mask, uint64_t high_mask,
                                   unsigned high_shift)
{
    uint64_t v = __builtin_bswap64(top);
    return (v & low_mask) | ((v >> high_shift) & high_mask);
}

static inline uint64_t divide(uint64_t v, struct asim_xtc_divisor divisor)
{
    return (uint64_t)((asim_uint128)v * divisor.multiplier >> 64) >> divisor.shift;
}

struct unpacked {
    uint32_t x, y, z;
    bool outside; /* more than the stored range allows: no writer makes that */
};

/* A big number of kind BIG_FAST. */
static inline struct unpacked unpack_fast(const struct big *big, uint64_t v)
{
    uint64_t by_z = divide(v, big->by_z), by_yz = divide(v, big->by_yz);
    return (struct unpacked){.x = (uint32_t)by_yz,
                             .y = (uint32_t)(by_z - by_yz * big->size[1]),
                             .z = (uint32_t)(v - by_z * big->size[2]),
                             .outside = by_yz >= big->size[0]};
}

/* The 5 bits behind a set flag hold 3 * run + change + 1; x * 11 >> 5 is x / 3 for
 * x < 32. */
static inline unsigned flagged_run(unsigned five_bits)
{
    return five_bits * 11 >> 5;
}

static inline int flagged_change(unsigned five_bits)
{
    return (int)(five_bits - 3 * flagged_run(five_bits)) - 1;
}

/* One group as the wide decoders see it. */
struct group {
    uint64_t top;    /* its bits, the first one on top */
    uint64_t smalls; /* where its small numbers start, in bits */
    uint64_t next;   /* where it ends */
    bool flagged;
    unsigned run, next_index;
};

/* Looks at the group at `here`; false where it is not regular. At most 50 bits of a big
 * number and 7 of the phase leave the 6 bits of the flags within the first 64. */
static inline bool read_group(const struct asim_xtc_job *job,
                              const struct asim_xtc_place *here, unsigned most_run,
                              struct group *group)
{
    const unsigned bits = job->big.width.bits;
    if (here->position >= job->end)
        return false;
    group->top = load_bits(job->block->payload, here->position);
    const unsigned flags = (unsigned)(group->top << bits >> 58), five = flags & 31;
    group->flagged = flags >> 5;
    group->run = group->flagged ? flagged_run(five) : here->run;
    group->next_index =
        group->flagged ? here->index + (unsigned)flagged_change(five) : here->index;
    group->smalls = here->position + bits + (group->flagged ? 6 : 1);
    group->next = group->smalls + group->run * here->index;
    return group->run <= most_run && group->next <= job->end &&
           group->run < job->block->atom_count - here->atom &&
           here->index <= ASIM_XTC_WIDE_BITS &&
           group->next_index - ASIM_XTC_FIRST_INDEX <=
               ASIM_XTC_WIDE_BITS - ASIM_XTC_FIRST_INDEX;
}

static inline void pass_group(const struct group *group, struct asim_xtc_place *here)
{
    here->atom += group->run + 1;
    here->position = group->next;
    here->index = group->next_index;
    here->run = group->run;
}

#endif
