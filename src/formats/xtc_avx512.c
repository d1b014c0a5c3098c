/*
 * XTC coordinates with AVX-512: eight packed numbers at a time.
 *
 * Taking a number out of the stream is one byte permutation, which puts the 8 bytes
 * around it into a lane with the first one on top, one multishift, which picks its
 * bytes at any bit position and so turns their order too, and one mask. The controls
 * of both depend on the bit position only. Division is by 52-bit multiplication (see
 * asim_xtc_small). Two ways through the groups:
 * - one group: its first atom in scalar registers, always 8 small numbers at once
 *   whatever the run is, summed by shifts of 1, 2 and 4 lanes, 9 atoms stored; what is
 *   too much is overwritten by the next group. No branch depends on the run;
 * - streaks of groups of 1, 3 or 4 atoms without flags (water): 8 groups in 8 lanes.
 * Eight groups of T bits are T whole bytes, so the controls hold for the whole streak.
 *
 * Invariant: see xtc_groups.h; nothing here decides what damage is.
 */
#include "formats/xtc_groups.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE                                                                           \
    __attribute__((target("avx2,fma,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,"      \
                          "avx512vbmi,avx512ifma")))

enum {
    LANES = 8,
    MOST_STREAK_RUN = 3, /* small atoms in a group of a streak: 0, 2 or 3 */
    STREAK_BYTES = 128,  /* two registers */
    YIELD_GROUPS = 256,  /* after so many groups their average size is looked at */
};

/* Where the dwords of a streak of 8 groups of 3 atoms come from. A group is 9 dwords;
 * registers XY0, XY1, XY2 hold x and y of a group's atoms in dwords 2g and 2g + 1, Z01
 * holds z of the first two alike, Z2 that of the third in dword 2g. Each step picks
 * from what is there (its lane `l`) and a new register, whose dwords count from 16. `o`
 * is the dword's place in the output. */
#define GROUP(o) (2 * ((o) / 9))
#define PART(o) ((o) % 9)
#define IS_XY(o, a) (PART(o) == 3 * (a) || PART(o) == 3 * (a) + 1)
#define OR_XY(o, l, a) (IS_XY(o, a) ? 16 + GROUP(o) + PART(o) - 3 * (a) : (l))
#define XY0_Z01(o, l)                                                                  \
    (IS_XY(o, 0) ? GROUP(o) + PART(o) : 16 + GROUP(o) + (PART(o) == 5))
#define OR_XY1(o, l) OR_XY(o, l, 1)
#define OR_XY2(o, l) OR_XY(o, l, 2)
#define OR_Z2(o, l) (PART(o) == 8 ? 16 + GROUP(o) : (l))
#define FOUR(F, o, l)                                                                  \
    F(o, l), F((o) + 1, (l) + 1), F((o) + 2, (l) + 2), F((o) + 3, (l) + 3)
#define ROW(F, o)                                                                      \
    {                                                                                  \
        FOUR(F, o, 0), FOUR(F, (o) + 4, 4), FOUR(F, (o) + 8, 8), FOUR(F, (o) + 12, 12) \
    }
#define ROWS(o)                                                                        \
    {                                                                                  \
        ROW(XY0_Z01, o), ROW(OR_XY1, o), ROW(OR_XY2, o), ROW(OR_Z2, o)                 \
    }

static const int32_t order_of_3[5][4][16]
    __attribute__((aligned(64))) = {ROWS(0), ROWS(16), ROWS(32), ROWS(48), ROWS(64)};

/* Constants of extraction and division for numbers of one width, in all lanes. */
struct divider {
    __m512i shift_control, mask;
    __m512i once, twice, once_shift, twice_shift;
    __m512i inner, outer; /* v = (x * inner + y) * outer + z; only 32 bits count */
    __m512i limit;        /* of x */
};

struct numbers {
    __m512i x, y, z; /* in the lower dwords */
    __mmask8 outside;
};

WIDE static inline __m512i all(uint64_t value)
{
    return _mm512_set1_epi64((long long)value);
}

WIDE static inline struct divider small_divider(const struct asim_xtc_small *small,
                                                unsigned index)
{
    return (struct divider){
        .shift_control = all(small->shift_control),
        .mask = all(((uint64_t)1 << index) - 1),
        .once = all(small->once52.multiplier),
        .twice = all(small->twice52.multiplier),
        .once_shift = all(small->once52.shift),
        .twice_shift = all(small->twice52.shift),
        .inner = all(small->range),
        .outer = all(small->range),
        .limit = all(small->range),
    };
}

WIDE static inline struct divider big_divider(const struct big *big)
{
    struct asim_xtc_divisor by_z = asim_xtc_divisor52(big->size[2]);
    struct asim_xtc_divisor by_yz = asim_xtc_divisor52(big->yz);
    return (struct divider){
        .shift_control = all(asim_xtc_shift_control(big->width.bits)),
        .mask = all(((uint64_t)1 << big->width.bits) - 1),
        .once = all(by_z.multiplier),
        .twice = all(by_yz.multiplier),
        .once_shift = all(by_z.shift),
        .twice_shift = all(by_yz.shift),
        .inner = all(big->size[1]),
        .outer = all(big->size[2]),
        .limit = all(big->size[0]),
    };
}

/* The lowest byte of each lane in all bytes of the lane. */
WIDE static inline __m512i spread_byte(__m512i v)
{
    const __m512i lowest =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0x0808080808080808, 0x0000000000000000));
    return _mm512_shuffle_epi8(v, lowest);
}

/* Which bytes hold the number at each bit position, the last one lowest. */
WIDE static inline __m512i byte_control(__m512i positions)
{
    __m512i first = spread_byte(_mm512_srli_epi64(positions, 3));
    return _mm512_add_epi8(first, all(0x0001020304050607));
}

WIDE static inline __m512i shift_control(__m512i positions, __m512i base)
{
    __m512i phase = _mm512_and_si512(positions, all(7));
    return _mm512_sub_epi8(base, spread_byte(phase));
}

WIDE static inline struct numbers take_apart(__m512i bytes, __m512i control,
                                             const struct divider *by)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i v =
        _mm512_and_si512(_mm512_multishift_epi64_epi8(control, bytes), by->mask);
    __m512i once =
        _mm512_srlv_epi64(_mm512_madd52hi_epu64(zero, v, by->once), by->once_shift);
    __m512i twice =
        _mm512_srlv_epi64(_mm512_madd52hi_epu64(zero, v, by->twice), by->twice_shift);
    return (struct numbers){
        .x = twice,
        .y = _mm512_sub_epi64(once, _mm512_mul_epu32(twice, by->inner)),
        .z = _mm512_sub_epi64(v, _mm512_mul_epu32(once, by->outer)),
        .outside = _mm512_cmpge_epu64_mask(twice, by->limit),
    };
}

/* Lower dwords of a, and those of b above them. */
WIDE static inline __m512i interleave(__m512i a, __m512i b)
{
    return _mm512_mask_shuffle_epi32(a, 0xaaaa, b, _MM_PERM_CCAA);
}

WIDE static inline __m512 to_floats(__m512i v, __m512 scale)
{
    return _mm512_mul_ps(_mm512_cvtepi32_ps(v), scale);
}

/* What holds for a streak: controls of the big numbers and of each of the small. */
struct streak {
    __m512i big_bytes, big_shift, flag_bit;
    __m512i bytes[MOST_STREAK_RUN], shift[MOST_STREAK_RUN];
    __m512i xy_minimum, z_minimum;
    __m512i half;
    __m512 scale;
    struct divider big, small;
};

/* For groups of `bits` + 1 + run * `index` bits from bit `phase` on. */
WIDE static inline void streak_init(struct streak *s, const struct asim_xtc_job *job,
                                    unsigned phase, unsigned index, unsigned run)
{
    const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const unsigned bits = job->big.width.bits;
    if (run > 0) {
        s->small = small_divider(&job->tables->small[index], index);
        s->half = _mm512_set1_epi32((int)job->tables->small[index].range / 2);
    }
    __m512i at = _mm512_add_epi64(all(phase),
                                  _mm512_mul_epu32(lane, all(bits + 1 + run * index)));
    s->big_bytes = byte_control(at);
    s->big_shift = shift_control(at, s->big.shift_control);
    s->flag_bit = _mm512_srlv_epi64(all((uint64_t)1 << (63 - bits)),
                                    _mm512_and_si512(at, all(7)));
    at = _mm512_add_epi64(at, all(bits + 1));
    for (unsigned k = 0; k < run; k++) {
        s->bytes[k] = byte_control(at);
        s->shift[k] = shift_control(at, s->small.shift_control);
        at = _mm512_add_epi64(at, all(index));
    }
}

WIDE static inline __m512 pick(__m512 v, const int32_t order[16], __m512 other)
{
    return _mm512_permutex2var_ps(v, _mm512_load_si512(order), other);
}

/* Eight groups of one atom. */
WIDE static inline void store_1(__m512i x_y, __m512i z, __m512 scale, float *out)
{
    const __m512i low =
        _mm512_set_epi32(10, 24, 9, 8, 22, 7, 6, 20, 5, 4, 18, 3, 2, 16, 1, 0);
    const __m512i high =
        _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 30, 15, 14, 28, 13, 12, 26, 11);
    __m512 xy = to_floats(x_y, scale), zs = to_floats(z, scale);
    _mm512_storeu_ps(out, _mm512_permutex2var_ps(xy, low, zs));
    _mm256_storeu_ps(out + 16,
                     _mm512_castps512_ps256(_mm512_permutex2var_ps(xy, high, zs)));
}

/* Eight groups of 3 atoms. */
WIDE static inline void store_3(const __m512i x_y[3], const __m512i z[3], __m512 scale,
                                float *out)
{
    __m512 xy0 = to_floats(x_y[0], scale), xy1 = to_floats(x_y[1], scale);
    __m512 xy2 = to_floats(x_y[2], scale), z2 = to_floats(z[2], scale);
    __m512 z01 = to_floats(interleave(z[0], z[1]), scale);
    for (int n = 0; n < 5; n++) {
        const int32_t(*order)[16] = order_of_3[n];
        __m512 v = pick(pick(xy0, order[0], z01), order[1], xy1);
        v = pick(pick(v, order[2], xy2), order[3], z2);
        if (n < 4)
            _mm512_storeu_ps(out + 16 * n, v);
        else
            _mm256_storeu_ps(out + 16 * n, _mm512_castps512_ps256(v));
    }
}

/* Two 16-byte pieces of a and b beside each other: pieces 0 of both, then 1; or 2, 3.
 */
WIDE static inline __m512d zip_pieces(__m512d a, __m512d b, bool upper)
{
    const __m512i low = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    const __m512i high = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    return _mm512_permutex2var_pd(a, upper ? high : low, b);
}

/* Eight groups of 4 atoms. A group is six pairs of floats, each pair in the group's
 * lane of one register: transposed first to 16-byte pieces (three a group, even and odd
 * groups apart), then to 32 bytes (three for two groups). */
WIDE static inline void store_4(const __m512i x_y[4], const __m512i z[4], __m512 scale,
                                float *out)
{
    __m512d pair[6];
    for (int k = 0; k < 2; k++) {
        __m512i xy0 = x_y[2 * k], xy1 = x_y[2 * k + 1];
        /* z of one atom and x of the next; y and z of that. */
        __m512i zx = interleave(z[2 * k], xy1);
        __m512i yz = interleave(_mm512_srli_epi64(xy1, 32), z[2 * k + 1]);
        pair[3 * k] = _mm512_castps_pd(to_floats(xy0, scale));
        pair[3 * k + 1] = _mm512_castps_pd(to_floats(zx, scale));
        pair[3 * k + 2] = _mm512_castps_pd(to_floats(yz, scale));
    }
    __m512d even[3], odd[3];
    for (int k = 0; k < 3; k++) {
        even[k] = _mm512_unpacklo_pd(pair[2 * k], pair[2 * k + 1]);
        odd[k] = _mm512_unpackhi_pd(pair[2 * k], pair[2 * k + 1]);
    }
    for (int half = 0; half < 2; half++, out += 48) {
        __m512d first = zip_pieces(even[0], even[1], half);
        __m512d second = zip_pieces(even[2], odd[0], half);
        __m512d third = zip_pieces(odd[1], odd[2], half);
        _mm256_storeu_pd((void *)out, _mm512_castpd512_pd256(first));
        _mm256_storeu_pd((void *)(out + 8), _mm512_castpd512_pd256(second));
        _mm256_storeu_pd((void *)(out + 16), _mm512_castpd512_pd256(third));
        _mm256_storeu_pd((void *)(out + 24), _mm512_extractf64x4_pd(first, 1));
        _mm256_storeu_pd((void *)(out + 32), _mm512_extractf64x4_pd(second, 1));
        _mm256_storeu_pd((void *)(out + 40), _mm512_extractf64x4_pd(third, 1));
    }
}

/* The first small atom is stored in front of the big one, the others behind. */
WIDE static inline void streak_store(const struct streak *s, struct numbers big,
                                     const struct numbers *steps, unsigned run,
                                     float *out)
{
    __m512i x_y[MOST_STREAK_RUN + 1], z[MOST_STREAK_RUN + 1];
    x_y[1] = _mm512_add_epi32(interleave(big.x, big.y), s->xy_minimum);
    z[1] = _mm512_add_epi32(big.z, s->z_minimum);
    __m512i last_xy = x_y[1], last_z = z[1];
    for (unsigned k = 0; k < run; k++) {
        __m512i xy_step = interleave(steps[k].x, steps[k].y);
        last_xy = _mm512_add_epi32(last_xy, _mm512_sub_epi32(xy_step, s->half));
        last_z = _mm512_add_epi32(last_z, _mm512_sub_epi32(steps[k].z, s->half));
        x_y[k ? k + 1 : 0] = last_xy;
        z[k ? k + 1 : 0] = last_z;
    }
    if (run == 0)
        store_1(x_y[1], z[1], s->scale, out);
    else if (run == 2)
        store_3(x_y, z, s->scale, out);
    else
        store_4(x_y, z, s->scale, out);
}

/* Groups of `run` small atoms without flag from `place` on, as many as there are. */
WIDE static inline void decode_streak(const struct asim_xtc_job *job, struct streak *s,
                                      struct asim_xtc_place *place, const unsigned run)
{
    const unsigned index = place->index, bits = job->big.width.bits;
    const unsigned group_bits = bits + 1 + run * index;
    const size_t batch_atoms = LANES * (run + 1);
    uint64_t position = place->position;
    size_t atom = place->atom;
    unsigned outside = 0, count = LANES;
    /* The last number of the last group, from phase 7 on, and the 8 bytes around it. */
    if ((7 + LANES * group_bits - index) / 8 + 8 > STREAK_BYTES ||
        job->atom_limit - atom < batch_atoms)
        return;
    streak_init(s, job, (unsigned)position & 7, index, run);
    while (count == LANES && job->atom_limit - atom >= batch_atoms &&
           position + LANES * (uint64_t)group_bits <= job->end) {
        const unsigned char *p = job->block->payload + (position >> 3);
        __m512i low = _mm512_loadu_si512(p), high = _mm512_loadu_si512(p + 64);
        __m512i bytes = _mm512_permutex2var_epi8(low, s->big_bytes, high);
        __mmask8 flags = _mm512_test_epi64_mask(bytes, s->flag_bit);
        count = (unsigned)__builtin_ctz(flags | 1u << LANES);
        struct numbers big = take_apart(bytes, s->big_shift, &s->big);
        struct numbers steps[MOST_STREAK_RUN];
        unsigned wrong = big.outside;
        for (unsigned k = 0; k < run; k++) {
            bytes = _mm512_permutex2var_epi8(low, s->bytes[k], high);
            steps[k] = take_apart(bytes, s->shift[k], &s->small);
            wrong |= steps[k].outside;
        }
        streak_store(s, big, steps, run, &job->x_nm[atom][0]);
        outside |= wrong & ((1u << count) - 1);
        position += (uint64_t)count * group_bits;
        atom += (size_t)count * (run + 1);
    }
    place->position = position;
    place->atom = atom;
    place->outside |= outside != 0;
}

/* The 8 small numbers at `position`: atom 0 is the big one plus the first step, atom 1
 * the big one, atom k + 1 the big one plus the first k + 1 steps. Returns which of the
 * numbers are outside. */
WIDE static inline unsigned store_group(const struct asim_xtc_job *job,
                                        uint64_t position, unsigned index, unsigned run,
                                        __m128i big, __m512 scale, float *out)
{
    const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i zero = _mm512_setzero_si512();
    /* Dword 3a + c of the output is c of atom a: x and y of step s are dwords 2s and
     * 2s + 1, z is dword 16 + 2s; s is 0 for atom 0, a - 1 for a > 1. */
    const __m512i low_order =
        _mm512_set_epi32(8, 22, 7, 6, 20, 5, 4, 18, 3, 2, 0, 0, 0, 16, 1, 0);
    const __m512i high_order =
        _mm512_set_epi32(0, 0, 0, 0, 0, 30, 15, 14, 28, 13, 12, 26, 11, 10, 24, 9);
    const __m512i big_low =
        _mm512_set_epi32(0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0);
    const __m512i big_high =
        _mm512_set_epi32(1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1);
    const __mmask16 not_big = (__mmask16)~0x38; /* atom 1: dwords 3 to 5 */

    const struct asim_xtc_small *small = &job->tables->small[index];
    struct divider by = small_divider(small, index);
    __m512i at =
        _mm512_add_epi64(_mm512_mul_epu32(lane, all(index)), all(position & 7));
    __m512i bytes = _mm512_permutexvar_epi8(
        byte_control(at), _mm512_loadu_si512(job->block->payload + (position >> 3)));
    struct numbers step = take_apart(bytes, shift_control(at, by.shift_control), &by);
    const __m512i half = _mm512_set1_epi32((int)small->range / 2);
    /* Without small atoms the big one is atom 0: no step. */
    const __mmask16 stepping = (__mmask16)(run ? 0xffff : 0);
    __m512i xy = _mm512_maskz_sub_epi32(stepping, interleave(step.x, step.y), half);
    __m512i z = _mm512_maskz_sub_epi32(stepping, step.z, half);
    xy = _mm512_add_epi32(xy, _mm512_alignr_epi64(xy, zero, 7));
    z = _mm512_add_epi32(z, _mm512_alignr_epi64(z, zero, 7));
    xy = _mm512_add_epi32(xy, _mm512_alignr_epi64(xy, zero, 6));
    z = _mm512_add_epi32(z, _mm512_alignr_epi64(z, zero, 6));
    xy = _mm512_add_epi32(xy, _mm512_alignr_epi64(xy, zero, 4));
    z = _mm512_add_epi32(z, _mm512_alignr_epi64(z, zero, 4));
    __m512i wide_big = _mm512_castsi128_si512(big);
    __m512i low =
        _mm512_add_epi32(_mm512_maskz_permutex2var_epi32(not_big, xy, low_order, z),
                         _mm512_permutexvar_epi32(big_low, wide_big));
    __m512i high = _mm512_add_epi32(_mm512_permutex2var_epi32(xy, high_order, z),
                                    _mm512_permutexvar_epi32(big_high, wide_big));
    _mm512_storeu_ps(out, to_floats(low, scale));
    _mm512_storeu_ps(out + 16, to_floats(high, scale));
    return step.outside;
}

WIDE void asim_xtc_decode_avx512(const struct asim_xtc_job *job,
                                 struct asim_xtc_place *place)
{
    const struct asim_xtc_block *block = job->block;
    const struct big *big = &job->big;
    const int32_t *minimum = block->minimum;
    const uint64_t big_mask = big->width.low_mask | big->width.high_mask
                                                        << big->width.high_shift;
    const __m512 scale = _mm512_set1_ps(block->inverse_precision);
    const __m128i least = _mm_set_epi32(0, minimum[2], minimum[1], minimum[0]);
    struct asim_xtc_place here = *place;
    unsigned groups = 0, outside = 0;
    size_t first_atom = here.atom;
    struct group group;
    struct streak streak;
    streak.big = big_divider(big);
    streak.xy_minimum = _mm512_set1_epi64(
        (long long)((uint64_t)(uint32_t)minimum[1] << 32 | (uint32_t)minimum[0]));
    streak.z_minimum = _mm512_set1_epi32(minimum[2]);
    streak.scale = scale;

    while (here.atom < job->atom_limit && read_group(job, &here, LANES, &group)) {
        if (!group.flagged && (here.run == 0 || here.run == 2 || here.run == 3)) {
            size_t before = here.atom;
            if (here.run == 0)
                decode_streak(job, &streak, &here, 0);
            else if (here.run == 2)
                decode_streak(job, &streak, &here, 2);
            else
                decode_streak(job, &streak, &here, 3);
            if (here.atom != before)
                continue;
        }
        struct unpacked first =
            unpack_fast(big, _pext_u64(__builtin_bswap64(group.top), big_mask));
        outside |= first.outside;
        __m128i xyz = _mm_cvtsi64_si128((long long)((uint64_t)first.y << 32 | first.x));
        xyz = _mm_insert_epi32(xyz, (int)first.z, 2);
        outside |=
            store_group(job, group.smalls, here.index, group.run,
                        _mm_add_epi32(xyz, least), scale, &job->x_nm[here.atom][0]) &
            ((1u << group.run) - 1);
        pass_group(&group, &here);
        if (++groups == YIELD_GROUPS) {
            /* One group at a time costs as much as 2 atoms in scalar. */
            if (here.atom - first_atom < 2 * YIELD_GROUPS)
                break;
            groups = 0;
            first_atom = here.atom;
        }
    }
    here.outside |= outside != 0;
    *place = here;
}
#endif
