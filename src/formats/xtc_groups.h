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
    const unsigned char *wanted; /* NULL: every atom */
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

/* One group as it is walked over. */
struct group {
    uint64_t smalls; /* where its small numbers start, in bits */
    uint64_t next;   /* where it ends */
    bool flagged;
    unsigned run, next_index;
};

/* Looks at the group at `here`, of `bits` in front of its flag. Reading is bound by how
 * fast the next group's place is known, so what a flag means comes from a table. The
 * phase leaves at least 25 of 32 bits. */
static inline struct group look_at_group(const struct asim_xtc_job *job,
                                         const struct asim_xtc_place *here,
                                         unsigned bits)
{
    const uint64_t flag = here->position + bits;
    uint32_t word;
    memcpy(&word, job->block->payload + (flag >> 3), sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    word <<= flag & 7;
    const struct asim_xtc_flagged *means =
        &job->tables->flagged[here->index][word >> 26 & 31];
    const bool flagged = word >> 31;
    return (struct group){
        .smalls = flag + (flagged ? 6 : 1),
        .next = flag + (flagged ? means->advance : 1 + here->run * here->index),
        .flagged = flagged,
        .run = flagged ? means->run : here->run,
        .next_index =
            flagged ? here->index + (unsigned)(int)means->change : here->index,
    };
}

/* The same; false where the group is not regular. */
static inline bool read_group(const struct asim_xtc_job *job,
                              const struct asim_xtc_place *here, unsigned most_run,
                              unsigned most_index, struct group *group)
{
    if (here->position >= job->end || here->index > most_index)
        return false;
    *group = look_at_group(job, here, job->big.width.bits);
    return group->run <= most_run && group->next <= job->end &&
           group->run < job->block->atom_count - here->atom &&
           group->next_index - ASIM_XTC_FIRST_INDEX <=
               most_index - ASIM_XTC_FIRST_INDEX;
}

/* A group that is to be decoded. */
struct listed {
    uint64_t position, smalls;
    size_t atom;
    unsigned index, run;
};

enum { LIST_GROUPS = 128 };

static inline bool holds_wanted(const unsigned char *wanted, size_t atom, unsigned run)
{
    uint32_t word;
    memcpy(&word, wanted + (atom >> 3), sizeof word);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return (word >> (atom & 7) & ((2u << run) - 1)) != 0;
}

static inline void pass_group(const struct group *group, struct asim_xtc_place *here)
{
    here->atom += group->run + 1;
    here->position = group->next;
    here->index = group->next_index;
    here->run = group->run;
}

/* Are there three groups alike without flags in front of us? */
static inline bool starts_streak(const struct asim_xtc_job *job,
                                 const struct asim_xtc_place *here,
                                 const struct group *group)
{
    const unsigned char *payload = job->block->payload;
    if (group->flagged)
        return false;
    uint64_t second = group->next + job->big.width.bits;
    uint64_t third = second + (group->next - here->position);
    return !(
        (payload[second >> 3] << (second & 7) | payload[third >> 3] << (third & 7)) &
        0x80);
}

/*
 * Walks over regular groups from `place` on and lists those with wanted atoms, until
 * the list is full; with `until_streak` a streak ends the walk too, unless it is in
 * front of the first group. Returns how many are listed. Whether a group is listed
 * decides no branch: that could not be foreseen.
 */
static inline size_t walk_groups(const struct asim_xtc_job *job,
                                 struct asim_xtc_place *place, unsigned most_run,
                                 unsigned most_index, bool until_streak,
                                 size_t atom_limit, struct listed list[LIST_GROUPS])
{
    struct asim_xtc_place here = *place;
    size_t count = 0;
    while (count < LIST_GROUPS && here.atom < atom_limit) {
        struct group group;
        if (!read_group(job, &here, most_run, most_index, &group) ||
            (until_streak && here.atom != place->atom &&
             starts_streak(job, &here, &group)))
            break;
        list[count] = (struct listed){.position = here.position,
                                      .smalls = group.smalls,
                                      .atom = here.atom,
                                      .index = here.index,
                                      .run = group.run};
        count += holds_wanted(job->wanted, here.atom, group.run);
        pass_group(&group, &here);
    }
    *place = here;
    return count;
}

#endif
