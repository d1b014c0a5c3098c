/*
 * Decoding of XTC coordinates: one 64-bit load, a byte swap and two multiplications per
 * atom instead of a loop over bits and bytes.
 *
 * Invariants: results equal libxdrfile's, (float)integer * (float)(1 / precision), bit
 * for bit; whatever the bytes are, reads stay within the payload and its slack, writes
 * within atom_limit and the output slack.
 */
#include "formats/xtc_groups.h"

typedef int32_t int4 __attribute__((vector_size(16)));
typedef uint32_t uint4 __attribute__((vector_size(16)));
typedef float float4 __attribute__((vector_size(16)));

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

const uint32_t asim_xtc_ranges[ASIM_XTC_LAST_INDEX + 1] = {
    0,       0,       0,       0,       0,       0,       0,       0,        0,
    8,       10,      12,      16,      20,      25,      32,      40,       50,
    64,      80,      101,     128,     161,     203,     256,     322,      406,
    512,     645,     812,     1024,    1290,    1625,    2048,    2580,     3250,
    4096,    5060,    6501,    8192,    10321,   13003,   16384,   20642,    26007,
    32768,   41285,   52015,   65536,   82570,   104031,  131072,  165140,   208063,
    262144,  330280,  416127,  524287,  660561,  832255,  1048576, 1321122,  1664510,
    2097152, 2642245, 3329021, 4194304, 5284491, 6658042, 8388607, 10568983, 13316085,
    16777216};

const char asim_xtc_short_payload[] = "its bytes end before its last atom";

static struct packed_width packed_width(unsigned bits)
{
    unsigned full_bytes = (bits - 1) / 8, rest = bits - 8 * full_bytes;
    return (struct packed_width){
        .low_mask = ((uint64_t)1 << (8 * full_bytes)) - 1,
        .high_mask = (((uint64_t)1 << rest) - 1) << (8 * full_bytes),
        .high_shift = 8 - rest,
        .bits = bits,
    };
}

/* k = ceil(log2 d) - 1 and m = ceil(2^(W+k) / d): m d - 2^(W+k) < d <= 2^(k+1), so
 * for v < 2^(W-1) the error v (m d - 2^(W+k)) stays below 2^(W+k) and the quotient is
 * exact; W is 64 or 52. */
static struct asim_xtc_divisor divisor_of(uint64_t d, unsigned width)
{
    unsigned k = 63 - (unsigned)__builtin_clzll(d - 1);
    asim_uint128 power = (asim_uint128)1 << (width + k);
    return (struct asim_xtc_divisor){.multiplier = (uint64_t)((power + d - 1) / d),
                                     .shift = k};
}

/* ceil(2^52 / d) where (v * that) >> 52 is v / d for all v < 2^bits, else 0: it is as
 * long as the error v (m d - 2^52) stays below 2^52. */
static uint64_t unshifted52(uint64_t d, unsigned bits)
{
    uint64_t one = (uint64_t)1 << 52, m = (one + d - 1) / d;
    return (asim_uint128)(m * d - one) << bits < one ? m : 0;
}

struct asim_xtc_divisor asim_xtc_divisor52(uint64_t d)
{
    return divisor_of(d, 52);
}

/* Byte j of a value is the 8 bits at 56 - 8 j, counted from the lowest of 64 whose top
 * one is the first of the stream; its last byte has only the remaining bits. */
uint64_t asim_xtc_shift_control(unsigned bits)
{
    unsigned full_bytes = (bits - 1) / 8, rest = bits - 8 * full_bytes;
    uint64_t control = 0;
    for (unsigned j = 0; j <= full_bytes; j++) {
        unsigned shift = 56 - 8 * j + (j == full_bytes ? 8 - rest : 0);
        control |= (uint64_t)shift << (8 * j);
    }
    return control;
}

void asim_xtc_pair_init(struct asim_xtc_pair *pair, unsigned first, unsigned second)
{
    const unsigned starts[2] = {first, second};
    for (unsigned k = 0; k < 2; k++) {
        pair->shift[k] = starts[k] & 7;
        for (unsigned j = 0; j < 8; j++) {
            /* The first byte goes to the top; behind the 16 there is nothing needed,
             * and a set top bit gives zero. */
            unsigned from = (starts[k] >> 3) + 7 - j;
            pair->shuffle[8 * k + j] = (unsigned char)(from < 16 ? from : 0x80);
        }
    }
}

static void group_small_init(struct asim_xtc_group_small *small, unsigned index)
{
    const uint64_t below_52 = ((uint64_t)1 << 52) - 1, range = asim_xtc_ranges[index];
    const uint64_t half = range / 2, control = asim_xtc_shift_control(index);
    const struct asim_xtc_divisor once = divisor_of(range, 52);
    const struct asim_xtc_divisor twice = divisor_of(range * range, 52);
    small->mask = ((uint64_t)1 << index) - 1;
    small->range = range;
    small->once = once.multiplier;
    small->twice = twice.multiplier;
    small->once_shift = once.shift;
    small->twice_shift = twice.shift;
    small->of_once = (((uint64_t)1 << 16) - (range << 32)) & below_52;
    small->of_twice = (1 - (range << 16)) & below_52;
    small->half_fields = half | half << 16 | half << 32;
    /* Atom 0 has one step, atom 1, which is the big number, none, atom k k steps. */
    for (unsigned d = 0; d < 32; d++)
        small->halves[d] = (int32_t)(half * (d < 3 ? 1 : d < 6 ? 0 : d / 3));
    const uint64_t every_byte = 0x0101010101010101, descending = 0x0001020304050607;
    for (unsigned phase = 0; phase < 8; phase++)
        for (unsigned k = 0; k < 8; k++) {
            const uint64_t at = phase + k * index;
            small->bytes[phase][k] = descending + (at >> 3) * every_byte;
            small->shifts[phase][k] = control - (at & 7) * every_byte;
        }
}

void asim_xtc_tables_init(struct asim_xtc_tables *tables)
{
    *tables = (struct asim_xtc_tables){0};
    for (unsigned i = ASIM_XTC_FIRST_INDEX; i <= ASIM_XTC_LAST_INDEX; i++) {
        struct asim_xtc_small *small = &tables->small[i];
        uint64_t range = asim_xtc_ranges[i];
        for (unsigned five = 0; five < 32; five++)
            tables->flagged[i][five] = (struct asim_xtc_flagged){
                .advance = (uint16_t)(6 + flagged_run(five) * i),
                .run = (uint8_t)flagged_run(five),
                .change = (int8_t)flagged_change(five)};
        small->range = (uint32_t)range;
        small->once = divisor_of(range, 64);
        small->twice = divisor_of(range * range, 64);
        if (i <= 64) {
            struct packed_width width = packed_width(i);
            small->low_mask = width.low_mask;
            small->high_mask = width.high_mask;
            small->high_shift = width.high_shift;
        }
        if (i <= ASIM_XTC_WIDE_BITS) {
            small->once52 = divisor_of(range, 52);
            small->twice52 = divisor_of(range * range, 52);
            small->once_reciprocal = 1.0 / (double)range;
            small->twice_reciprocal = 1.0 / ((double)range * (double)range);
            small->shift_control = asim_xtc_shift_control(i);
            small->once_unshifted = unshifted52(range, i);
            small->twice_unshifted = unshifted52(range * range, i);
            for (unsigned phase = 0; phase < 8; phase++)
                asim_xtc_pair_init(&tables->pair[i][phase], phase, phase + i);
        }
        if (i <= ASIM_XTC_FIELD_INDEX)
            group_small_init(&tables->group_small[i], i);
    }
}

unsigned asim_xtc_bits_of(uint32_t size)
{
    return size == 0 ? 0 : 32 - (unsigned)__builtin_clz(size);
}

unsigned asim_xtc_bits_of_product(const uint32_t sizes[3])
{
    asim_uint128 product = (asim_uint128)sizes[0] * sizes[1] * sizes[2];
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
    if (high)
        return 128 - (unsigned)__builtin_clzll(high);
    return low ? 64 - (unsigned)__builtin_clzll(low) : 0;
}

/* `bits` <= 32 as a plain number, most significant bit first. */
static inline uint32_t plain_bits(const unsigned char *payload, uint64_t position,
                                  unsigned bits)
{
    return bits ? (uint32_t)(load_bits(payload, position) >> (64 - bits)) : 0;
}

/* Any width up to 96 bits, byte by byte: for frames so large or so precise that a value
 * does not fit one load. */
static asim_uint128 packed_bits_wide(const unsigned char *payload, uint64_t position,
                                     unsigned bits)
{
    asim_uint128 v = 0;
    unsigned shift = 0;
    while (bits > 0) {
        unsigned take = bits > 8 ? 8 : bits;
        v |= (asim_uint128)plain_bits(payload, position, take) << shift;
        position += take;
        shift += 8;
        bits -= take;
    }
    return v;
}

static struct unpacked unpack_wide(asim_uint128 v, uint32_t x_size, uint32_t y_size,
                                   uint32_t z_size)
{
    struct unpacked p;
    asim_uint128 q = v / z_size;
    p.z = (uint32_t)(v - q * z_size);
    asim_uint128 r = q / y_size;
    p.y = (uint32_t)(q - r * y_size);
    p.x = (uint32_t)r;
    p.outside = r >= x_size;
    return p;
}

static const char *big_init(const struct asim_xtc_block *block, struct big *big)
{
    bool large = false;
    for (int d = 0; d < 3; d++) {
        int64_t size = (int64_t)block->maximum[d] - block->minimum[d] + 1;
        if (size < 1)
            return "its largest coordinate is below its smallest";
        if (size > UINT32_MAX)
            return "its range of coordinates exceeds 32 bits";
        big->size[d] = (uint32_t)size;
        large = large || size > 0xffffff;
    }
    if (large) {
        big->kind = BIG_PLAIN;
        big->width.bits = 0;
        for (int d = 0; d < 3; d++) {
            big->axis_bits[d] = asim_xtc_bits_of(big->size[d]);
            big->width.bits += big->axis_bits[d];
        }
        return NULL;
    }
    unsigned bits = asim_xtc_bits_of_product(big->size);
    big->yz = (uint64_t)big->size[1] * big->size[2];
    if (bits > 57 || big->size[2] == 1 || big->yz == 1) {
        big->kind = BIG_WIDE;
        big->width.bits = bits;
        return NULL;
    }
    big->kind = BIG_FAST;
    big->width = packed_width(bits);
    big->by_z = divisor_of(big->size[2], 64);
    big->by_yz = divisor_of(big->yz, 64);
    big->z_reciprocal = 1.0 / (double)big->size[2];
    big->yz_reciprocal = 1.0 / (double)big->yz;
    return NULL;
}

static struct unpacked big_slow(const struct big *big, const unsigned char *payload,
                                uint64_t position)
{
    if (big->kind == BIG_WIDE)
        return unpack_wide(packed_bits_wide(payload, position, big->width.bits),
                           big->size[0], big->size[1], big->size[2]);
    struct unpacked p;
    p.x = plain_bits(payload, position, big->axis_bits[0]);
    position += big->axis_bits[0];
    p.y = plain_bits(payload, position, big->axis_bits[1]);
    position += big->axis_bits[1];
    p.z = plain_bits(payload, position, big->axis_bits[2]);
    p.outside = p.x >= big->size[0] || p.y >= big->size[1] || p.z >= big->size[2];
    return p;
}

/* One atom; the fourth lane goes into the next atom's x, which is written later. */
static inline void store(float (*x_nm)[3], int4 position, float4 scale)
{
    float4 value = __builtin_convertvector(position, float4) * scale;
    memcpy(x_nm, &value, sizeof value);
}

static inline int4 add(int4 a, int4 b)
{
    return (int4)((uint4)a + (uint4)b); /* damaged data may overflow; that is defined */
}

static inline int4 subtract(int4 a, int4 b)
{
    return (int4)((uint4)a - (uint4)b);
}

static inline int4 lanes(uint32_t x, uint32_t y, uint32_t z)
{
    return (int4){(int32_t)x, (int32_t)y, (int32_t)z, 0};
}

/* Decodes up to `group_limit` groups; NULL or what is wrong with the bytes. */
static const char *decode_scalar(const struct asim_xtc_job *job,
                                 struct asim_xtc_place *place, size_t group_limit)
{
    const struct asim_xtc_block *block = job->block;
    const struct asim_xtc_tables *tables = job->tables;
    const struct big big = job->big;
    const unsigned char *payload = block->payload;
    float(*x_nm)[3] = job->x_nm;
    const uint64_t end = job->end;
    const int4 minimum = {block->minimum[0], block->minimum[1], block->minimum[2], 0};
    const float s = block->inverse_precision;
    const float4 scale = {s, s, s, s};
    const size_t atom_count = block->atom_count;
    uint64_t position = place->position;
    unsigned index = place->index, run = place->run;
    const struct asim_xtc_small *small = &tables->small[index];
    int4 half = lanes(small->range / 2, small->range / 2, small->range / 2);
    uint64_t outside = place->outside;
    size_t atom = place->atom;

    for (; atom < job->atom_limit && group_limit > 0; group_limit--) {
        if (UNLIKELY(position >= end))
            return asim_xtc_short_payload;
        uint32_t x, y, z;
        if (LIKELY(big.kind == BIG_FAST)) {
            uint64_t v = packed_bits(load_bits(payload, position), big.width.low_mask,
                                     big.width.high_mask, big.width.high_shift);
            struct unpacked p = unpack_fast(&big, v);
            x = p.x, y = p.y, z = p.z;
            outside |= p.outside;
        } else {
            struct unpacked p = big_slow(&big, payload, position);
            x = p.x, y = p.y, z = p.z;
            outside |= p.outside;
        }
        position += big.width.bits;
        int4 first = add(lanes(x, y, z), minimum);

        uint32_t flags = plain_bits(payload, position, 6);
        int change = 0;
        if (flags & 32) {
            position += 6;
            run = flagged_run(flags & 31);
            change = flagged_change(flags & 31);
        } else {
            position += 1;
        }
        if (UNLIKELY(run >= atom_count - atom))
            return "a group of atoms goes past its last atom";
        if (UNLIKELY(position + run * index > end))
            return asim_xtc_short_payload;

        if (run == 0) {
            store(x_nm + atom, first, scale);
            atom++;
        } else {
            int4 last = first;
            for (unsigned k = 0; k < run; k++, position += index) {
                int4 step;
                if (LIKELY(index <= 57)) {
                    uint64_t v =
                        packed_bits(load_bits(payload, position), small->low_mask,
                                    small->high_mask, small->high_shift);
                    uint64_t once = divide(v, small->once);
                    uint64_t twice = divide(v, small->twice);
                    step =
                        lanes((uint32_t)twice, (uint32_t)(once - twice * small->range),
                              (uint32_t)(v - once * small->range));
                    outside |= twice >= small->range;
                } else {
                    struct unpacked p =
                        unpack_wide(packed_bits_wide(payload, position, index),
                                    small->range, small->range, small->range);
                    step = lanes(p.x, p.y, p.z);
                    outside |= p.outside;
                }
                last = add(last, subtract(step, half));
                /* The second atom of the group is stored first. */
                if (k == 0) {
                    store(x_nm + atom, last, scale);
                    store(x_nm + atom + 1, first, scale);
                } else {
                    store(x_nm + atom + 1 + k, last, scale);
                }
            }
            atom += run + 1;
        }
        if (change) {
            index = (unsigned)((int)index + change);
            if (UNLIKELY(index < ASIM_XTC_FIRST_INDEX || index > ASIM_XTC_LAST_INDEX))
                return "its index of small ranges leaves 9..72";
            small = &tables->small[index];
            half = lanes(small->range / 2, small->range / 2, small->range / 2);
        }
    }
    *place = (struct asim_xtc_place){.position = position,
                                     .atom = atom,
                                     .index = index,
                                     .run = run,
                                     .outside = outside != 0};
    return NULL;
}

/* Groups that the scalar decoder does before a wide one is tried again: twice as many
 * after each try that did not get far. */
enum { SCALAR_TURN = 128, MOST_SCALAR_TURN = 2048, FAILED_ATOMS = 512 };

/* Groups with wanted atoms, up to the one that reaches `atom_limit`; others are walked
 * over, and what they hold is not judged. */
static const char *decode_wanted(const struct asim_xtc_job *job,
                                 struct asim_xtc_place *place, size_t atom_limit)
{
    struct listed list[LIST_GROUPS];
    /* The wide decoders may have reached the last atom, with nothing left to do. */
    if (atom_limit > job->atom_limit)
        atom_limit = job->atom_limit;
    while (place->atom < atom_limit) {
        const size_t before = place->atom;
        const size_t count = walk_groups(job, place, ASIM_XTC_MOST_SMALL,
                                         ASIM_XTC_LAST_INDEX, false, atom_limit, list);
        const char *what = NULL;
        for (size_t i = 0; i < count && !what; i++) {
            struct asim_xtc_place here = {.position = list[i].position,
                                          .atom = list[i].atom,
                                          .index = list[i].index,
                                          .run = list[i].run};
            what = decode_scalar(job, &here, 1);
            place->outside |= here.outside;
        }
        /* What is not regular is damaged, and the scalar decoder says how. */
        if (!what && place->atom == before)
            what = decode_scalar(job, place, 1);
        if (what)
            return what;
    }
    return NULL;
}

static const char *decode_groups(struct asim_xtc_job *job, enum asim_simd simd,
                                 struct asim_xtc_place *place)
{
    const struct big *big = &job->big;
    if (big->kind != BIG_FAST || big->width.bits > ASIM_XTC_WIDE_BITS)
        simd = ASIM_SIMD_SCALAR;
    if (simd == ASIM_SIMD_AVX2)
        for (unsigned phase = 0; phase < 8; phase++)
            asim_xtc_pair_init(&job->big_pair[phase], phase,
                               phase + big->width.bits + 1);
    if (job->wanted && simd == ASIM_SIMD_SCALAR)
        return decode_wanted(job, place, job->atom_limit);
    size_t turn = simd == ASIM_SIMD_SCALAR ? SIZE_MAX : SCALAR_TURN;
    while (place->atom < job->atom_limit) {
        const size_t before = place->atom;
#if defined(__x86_64__)
        if (simd == ASIM_SIMD_AVX512)
            asim_xtc_decode_avx512(job, place);
        else if (simd == ASIM_SIMD_AVX2)
            asim_xtc_decode_avx2(job, place);
#endif
        if (simd != ASIM_SIMD_SCALAR) {
            bool failed = place->atom - before < FAILED_ATOMS;
            turn = !failed ? SCALAR_TURN : turn < MOST_SCALAR_TURN ? 2 * turn : turn;
        }
        const char *what = job->wanted ? decode_wanted(job, place, place->atom + 1)
                                       : decode_scalar(job, place, turn);
        if (what)
            return what;
    }
    return NULL;
}

const char *asim_xtc_decode(const struct asim_xtc_tables *tables, enum asim_simd simd,
                            const struct asim_xtc_block *block, size_t atom_limit,
                            const unsigned char *wanted, float (*x_nm)[3],
                            size_t *ret_used)
{
    struct asim_xtc_job job = {.tables = tables,
                               .block = block,
                               .end = (uint64_t)block->available * 8,
                               .atom_limit = atom_limit,
                               .wanted = wanted,
                               .x_nm = x_nm};
    struct asim_xtc_place place = {.index = (unsigned)block->small_index};
    const char *what = big_init(block, &job.big);
    if (what)
        return what;
    if (block->small_index < ASIM_XTC_FIRST_INDEX ||
        block->small_index > ASIM_XTC_LAST_INDEX)
        return "its index of small ranges is outside 9..72";
    what = decode_groups(&job, simd, &place);
    if (what)
        return what;
    if (place.outside)
        return "a packed coordinate exceeds the range its header gives";
    size_t used = (size_t)((place.position + 7) / 8);
    if (place.atom == block->atom_count && used != block->payload_size)
        return "its atoms do not take exactly the bytes its header gives";
    *ret_used = used;
    return NULL;
}
