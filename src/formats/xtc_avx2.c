/*
 * XTC coordinates with AVX2 and FMA: four packed numbers at a time.
 *
 * Two numbers that follow each other in the stream (at most 50 + 1 + 50 bits behind a
 * phase of 7) lie within 16 bytes. A byte shuffle puts the 8 bytes around each into a
 * lane with the first one on top, a shift removes the phase, a second shuffle turns the
 * order of bytes, and the last, partial byte is moved down. The controls depend on the
 * phase and on the widths only and come from tables. Division is in doubles: v + 0.5 is
 * exact below 2^51, and with r = 1 / d to 53 bits (v + 0.5) r is off by at most
 * 2^-52 v / d < 0.25 / d for v < 2^50, while v / d + 0.5 / d keeps 0.5 / d from whole
 * numbers: the quotient is exact. Two ways through the groups:
 * - one group: its first atom in scalar registers, always 8 small numbers at once
 *   whatever the run is, 9 atoms stored; what is too much is overwritten by the next
 *   group. No branch depends on the run;
 * - two groups of 2, 3 or 4 atoms (water), or four of 1, without flags side by side.
 *
 * Invariant: see xtc_groups.h; nothing here decides what damage is.
 */
#include "formats/xtc_groups.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx2,fma")))

enum {
    MOST_SMALLS = 8,
    YIELD_GROUPS = 256, /* after so many groups their average size is looked at */
    YIELD_ATOMS = 3 * YIELD_GROUPS,
};

/* Four numbers of two kinds: those in lanes 0 and 2, and those in 1 and 3. */
struct divider {
    __m256i low_mask, high_mask, high_shift;
    __m256d once, twice, inner, outer;
};

struct numbers {
    __m128i x, y, z;
};

WIDE static inline __m256i two_loads(const void *low, const void *high)
{
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)low)),
        _mm_loadu_si128((const __m128i *)high), 1);
}

WIDE static inline __m256i lanes_of(uint64_t even, uint64_t odd)
{
    return _mm256_set_epi64x((long long)odd, (long long)even, (long long)odd,
                             (long long)even);
}

WIDE static inline __m256d doubles_of(double even, double odd)
{
    return _mm256_set_pd(odd, even, odd, even);
}

WIDE static inline struct divider small_divider(const struct asim_xtc_small *small)
{
    return (struct divider){
        .low_mask = lanes_of(small->low_mask, small->low_mask),
        .high_mask = lanes_of(small->high_mask, small->high_mask),
        .high_shift = lanes_of(small->high_shift, small->high_shift),
        .once = _mm256_set1_pd(small->once_reciprocal),
        .twice = _mm256_set1_pd(small->twice_reciprocal),
        .inner = _mm256_set1_pd((double)small->range),
        .outer = _mm256_set1_pd((double)small->range),
    };
}

WIDE static inline struct divider big_divider(const struct big *big)
{
    return (struct divider){
        .low_mask = lanes_of(big->width.low_mask, big->width.low_mask),
        .high_mask = lanes_of(big->width.high_mask, big->width.high_mask),
        .high_shift = lanes_of(big->width.high_shift, big->width.high_shift),
        .once = _mm256_set1_pd(big->z_reciprocal),
        .twice = _mm256_set1_pd(big->yz_reciprocal),
        .inner = _mm256_set1_pd((double)big->size[1]),
        .outer = _mm256_set1_pd((double)big->size[2]),
    };
}

WIDE static inline struct divider first_divider(const struct big *big,
                                                const struct asim_xtc_small *small)
{
    return (struct divider){
        .low_mask = lanes_of(big->width.low_mask, small->low_mask),
        .high_mask = lanes_of(big->width.high_mask, small->high_mask),
        .high_shift = lanes_of(big->width.high_shift, small->high_shift),
        .once = doubles_of(big->z_reciprocal, small->once_reciprocal),
        .twice = doubles_of(big->yz_reciprocal, small->twice_reciprocal),
        .inner = doubles_of((double)big->size[1], (double)small->range),
        .outer = doubles_of((double)big->size[2], (double)small->range),
    };
}

/* Four numbers with their first bits on top. */
WIDE static inline __m256i to_top(const unsigned char *low, const unsigned char *high,
                                  const struct asim_xtc_pair *low_pair,
                                  const struct asim_xtc_pair *high_pair)
{
    __m256i bytes = _mm256_shuffle_epi8(
        two_loads(low, high), two_loads(low_pair->shuffle, high_pair->shuffle));
    return _mm256_sllv_epi64(bytes, two_loads(low_pair->shift, high_pair->shift));
}

WIDE static inline struct numbers take_apart(__m256i top, const struct divider *by)
{
    const __m256i turn = _mm256_broadcastsi128_si256(
        _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    __m256i bytes = _mm256_shuffle_epi8(top, turn);
    __m256i v = _mm256_or_si256(
        _mm256_and_si256(bytes, by->low_mask),
        _mm256_and_si256(_mm256_srlv_epi64(bytes, by->high_shift), by->high_mask));
    /* As the lower bits of 2^52 + v; then 2^52 - 0.5 is taken away. */
    __m256d d =
        _mm256_castsi256_pd(_mm256_or_si256(v, _mm256_set1_epi64x(0x4330000000000000)));
    d = _mm256_sub_pd(d, _mm256_set1_pd(4503599627370495.5));
    __m256d once = _mm256_floor_pd(_mm256_mul_pd(d, by->once));
    __m256d twice = _mm256_floor_pd(_mm256_mul_pd(d, by->twice));
    return (struct numbers){
        .x = _mm256_cvttpd_epi32(twice),
        .y = _mm256_cvttpd_epi32(_mm256_fnmadd_pd(twice, by->inner, once)),
        /* The half that was added is cut off here. */
        .z = _mm256_cvttpd_epi32(_mm256_fnmadd_pd(once, by->outer, d)),
    };
}

WIDE static inline __m256i both(__m128i low, __m128i high)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

WIDE static inline void store_atom(float *out, __m128i v, __m128 scale)
{
    _mm_storeu_ps(out, _mm_mul_ps(_mm_cvtepi32_ps(v), scale));
}

/* Per frame and index: what the pair loop needs. */
struct pair_loop {
    struct divider first, small;
    __m256i x_add, y_add, z_add; /* minimum for the big one, -range / 2 for steps */
    __m256i x_limit;             /* largest x */
};

WIDE static inline __m256i four_kinds(int32_t big, int32_t step)
{
    return _mm256_set_epi32(step, step, step, step, step, big, step, big);
}

/* Two groups of `run` + 1 atoms; the numbers of the first in lanes 0 and 1 of each
 * vector, those of the second in lanes 2 and 3. Returns a mask of the dwords that are
 * outside: the lower 16 bits belong to the big numbers and first steps. */
WIDE static inline void store_pair(const struct pair_loop *loop, struct numbers first,
                                   struct numbers second, unsigned run, __m128 scale,
                                   __m256i *outside, float *out)
{
    /* x: A big, A step 0, B big, B step 0 | A step 1, A step 2, B step 1, B step 2 */
    __m256i x = both(first.x, second.x), y = both(first.y, second.y);
    __m256i z = both(first.z, second.z);
    *outside = _mm256_cmpgt_epi32(x, loop->x_limit);
    x = _mm256_add_epi32(x, loop->x_add);
    y = _mm256_add_epi32(y, loop->y_add);
    z = _mm256_add_epi32(z, loop->z_add);
    for (unsigned g = 0; g < 2; g++, out += 3 * (run + 1)) {
        __m256i xy = g ? _mm256_unpackhi_epi32(x, y) : _mm256_unpacklo_epi32(x, y);
        __m256i z_ = g ? _mm256_unpackhi_epi32(z, z) : _mm256_unpacklo_epi32(z, z);
        __m256i even = _mm256_unpacklo_epi64(xy, z_);
        __m256i odd = _mm256_unpackhi_epi64(xy, z_);
        __m128i big = _mm256_castsi256_si128(even);
        __m128i atom = _mm_add_epi32(big, _mm256_castsi256_si128(odd));
        store_atom(out, atom, scale);
        store_atom(out + 3, big, scale);
        if (run >= 2) {
            atom = _mm_add_epi32(atom, _mm256_extracti128_si256(even, 1));
            store_atom(out + 6, atom, scale);
        }
        if (run >= 3) {
            atom = _mm_add_epi32(atom, _mm256_extracti128_si256(odd, 1));
            store_atom(out + 9, atom, scale);
        }
    }
}

/* Pairs of groups of `run` small atoms without flags, as many as there are. */
WIDE static inline void decode_pairs(const struct asim_xtc_job *job,
                                     struct asim_xtc_place *place, const unsigned run)
{
    const unsigned index = place->index, bits = job->big.width.bits;
    const unsigned group_bits = bits + 1 + run * index, second_at = bits + 1 + index;
    const struct asim_xtc_small *small = &job->tables->small[index];
    const int32_t *minimum = job->block->minimum;
    const int32_t half = (int32_t)small->range / 2;
    const unsigned char *payload = job->block->payload;
    const __m128 scale = _mm_set1_ps(job->block->inverse_precision);
    const struct pair_loop loop = {
        .first = first_divider(&job->big, small),
        .small = small_divider(small),
        .x_add = four_kinds(minimum[0], -half),
        .y_add = four_kinds(minimum[1], -half),
        .z_add = four_kinds(minimum[2], -half),
        .x_limit = four_kinds((int32_t)job->big.size[0] - 1, (int32_t)small->range - 1),
    };
    const __m128i flag_up = _mm_cvtsi32_si128((int)bits);
    __m256i outside = _mm256_setzero_si256();
    uint64_t a = place->position;
    size_t atom = place->atom;
    while (job->atom_limit - atom >= 2 * (run + 1) && a + 2 * group_bits <= job->end) {
        const uint64_t b = a + group_bits;
        __m256i top = to_top(payload + (a >> 3), payload + (b >> 3),
                             &job->big_pair[a & 7], &job->big_pair[b & 7]);
        /* The flag bits are in lanes 0 and 2. */
        __m256d flags = _mm256_castsi256_pd(_mm256_sll_epi64(top, flag_up));
        if (_mm256_movemask_pd(flags) & 5)
            break;
        struct numbers first = take_apart(top, &loop.first);
        struct numbers second = {first.x, first.y, first.z};
        __m256i wrong;
        if (run >= 2) {
            const uint64_t c = a + second_at, d = b + second_at;
            top = to_top(payload + (c >> 3), payload + (d >> 3),
                         &job->tables->pair[index][c & 7],
                         &job->tables->pair[index][d & 7]);
            second = take_apart(top, &loop.small);
        }
        store_pair(&loop, first, second, run, scale, &wrong, &job->x_nm[atom][0]);
        /* With one step the upper half is no number, with two every second there. */
        if (run == 1)
            wrong = _mm256_blend_epi32(wrong, _mm256_setzero_si256(), 0xf0);
        if (run == 2)
            wrong = _mm256_blend_epi32(wrong, _mm256_setzero_si256(), 0xa0);
        outside = _mm256_or_si256(outside, wrong);
        a += 2 * group_bits;
        atom += 2 * (run + 1);
    }
    place->position = a;
    place->atom = atom;
    place->outside |= !_mm256_testz_si256(outside, outside);
}

/* Fours of groups of one atom without flags, as many as there are. */
WIDE static inline void decode_singles(const struct asim_xtc_job *job,
                                       struct asim_xtc_place *place)
{
    const unsigned bits = job->big.width.bits, group_bits = bits + 1;
    const int32_t *minimum = job->block->minimum;
    const unsigned char *payload = job->block->payload;
    const __m128 scale = _mm_set1_ps(job->block->inverse_precision);
    const struct divider by = big_divider(&job->big);
    const __m128i limit = _mm_set1_epi32((int)job->big.size[0] - 1);
    const __m128i flag_up = _mm_cvtsi32_si128((int)bits);
    __m128i outside = _mm_setzero_si128();
    uint64_t a = place->position;
    size_t atom = place->atom;
    while (job->atom_limit - atom >= 4 && a + 4 * group_bits <= job->end) {
        const uint64_t b = a + 2 * group_bits;
        __m256i top = to_top(payload + (a >> 3), payload + (b >> 3),
                             &job->big_pair[a & 7], &job->big_pair[b & 7]);
        if (_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_sll_epi64(top, flag_up))))
            break;
        struct numbers n = take_apart(top, &by);
        outside = _mm_or_si128(outside, _mm_cmpgt_epi32(n.x, limit));
        __m128i x = _mm_add_epi32(n.x, _mm_set1_epi32(minimum[0]));
        __m128i y = _mm_add_epi32(n.y, _mm_set1_epi32(minimum[1]));
        __m128i z = _mm_add_epi32(n.z, _mm_set1_epi32(minimum[2]));
        float *out = &job->x_nm[atom][0];
        __m128i xy = _mm_unpacklo_epi32(x, y), z_ = _mm_unpacklo_epi32(z, z);
        store_atom(out, _mm_unpacklo_epi64(xy, z_), scale);
        store_atom(out + 3, _mm_unpackhi_epi64(xy, z_), scale);
        xy = _mm_unpackhi_epi32(x, y);
        z_ = _mm_unpackhi_epi32(z, z);
        store_atom(out + 6, _mm_unpacklo_epi64(xy, z_), scale);
        store_atom(out + 9, _mm_unpackhi_epi64(xy, z_), scale);
        a += 4 * group_bits;
        atom += 4;
    }
    place->position = a;
    place->atom = atom;
    place->outside |= !_mm_testz_si128(outside, outside);
}

/* The 8 small numbers at `position`: atom 0 is the big one plus the first step, atom 1
 * the big one, atom k + 1 the big one plus the first k + 1 steps. Returns which of the
 * numbers are outside. */
WIDE static inline unsigned store_group(const struct asim_xtc_job *job,
                                        uint64_t position, unsigned index, __m128i big,
                                        __m128 scale, float *out)
{
    const struct asim_xtc_small *small = &job->tables->small[index];
    const struct asim_xtc_pair *pairs = job->tables->pair[index];
    const struct divider by = small_divider(small);
    const unsigned char *payload = job->block->payload;
    struct numbers n[2];
    for (unsigned k = 0; k < 2; k++) {
        const uint64_t a = position + 4 * k * index, b = a + 2 * index;
        __m256i top = to_top(payload + (a >> 3), payload + (b >> 3), &pairs[a & 7],
                             &pairs[b & 7]);
        n[k] = take_apart(top, &by);
    }
    const __m256i half = _mm256_set1_epi32((int)small->range / 2);
    const __m256i limit = _mm256_set1_epi32((int)small->range - 1);
    __m256i x = both(n[0].x, n[1].x), y = both(n[0].y, n[1].y);
    __m256i z = both(n[0].z, n[1].z);
    unsigned outside =
        (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(x, limit)));
    /* Steps 0 to 3 in the lower half, 4 to 7 in the upper. */
    x = _mm256_sub_epi32(x, half);
    y = _mm256_sub_epi32(y, half);
    z = _mm256_sub_epi32(z, half);
    __m256i xy_low = _mm256_unpacklo_epi32(x, y), xy_high = _mm256_unpackhi_epi32(x, y);
    __m256i z_low = _mm256_unpacklo_epi32(z, z), z_high = _mm256_unpackhi_epi32(z, z);
    __m256i sum0 = _mm256_unpacklo_epi64(xy_low, z_low);
    __m256i sum1 = _mm256_add_epi32(sum0, _mm256_unpackhi_epi64(xy_low, z_low));
    __m256i sum2 = _mm256_add_epi32(sum1, _mm256_unpacklo_epi64(xy_high, z_high));
    __m256i sum3 = _mm256_add_epi32(sum2, _mm256_unpackhi_epi64(xy_high, z_high));
    /* The upper half starts from the sum of the lower. */
    __m256i base = both(big, _mm_add_epi32(big, _mm256_castsi256_si128(sum3)));
    const __m256 scales = _mm256_set1_ps(_mm_cvtss_f32(scale));
    __m256 f0 = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sum0, base)), scales);
    __m256 f1 = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sum1, base)), scales);
    __m256 f2 = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sum2, base)), scales);
    __m256 f3 = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sum3, base)), scales);
    _mm_storeu_ps(out, _mm256_castps256_ps128(f0));
    store_atom(out + 3, big, scale);
    _mm_storeu_ps(out + 6, _mm256_castps256_ps128(f1));
    _mm_storeu_ps(out + 9, _mm256_castps256_ps128(f2));
    _mm_storeu_ps(out + 12, _mm256_castps256_ps128(f3));
    _mm_storeu_ps(out + 15, _mm256_extractf128_ps(f0, 1));
    _mm_storeu_ps(out + 18, _mm256_extractf128_ps(f1, 1));
    _mm_storeu_ps(out + 21, _mm256_extractf128_ps(f2, 1));
    _mm_storeu_ps(out + 24, _mm256_extractf128_ps(f3, 1));
    return outside;
}

/* Returns whether a number of the group is outside. */
WIDE static inline bool decode_group(const struct asim_xtc_job *job, uint64_t position,
                                     uint64_t smalls, unsigned index, unsigned run,
                                     __m128i least, __m128 scale, float *out)
{
    uint64_t v =
        packed_bits(load_bits(job->block->payload, position), job->big.width.low_mask,
                    job->big.width.high_mask, job->big.width.high_shift);
    struct unpacked big = unpack_fast(&job->big, v);
    __m128i xyz = _mm_set_epi32(0, (int)big.z, (int)big.y, (int)big.x);
    unsigned outside = 0;
    xyz = _mm_add_epi32(xyz, least);
    if (run == 0)
        store_atom(out, xyz, scale);
    else
        outside = store_group(job, smalls, index, xyz, scale, out) & ((1u << run) - 1);
    return big.outside || outside != 0;
}

/* Groups with wanted atoms; others are walked over. */
WIDE static void decode_wanted(const struct asim_xtc_job *job,
                               struct asim_xtc_place *place, __m128i least,
                               __m128 scale)
{
    struct listed list[LIST_GROUPS];
    size_t before;
    do {
        before = place->atom;
        const size_t count = walk_groups(job, place, MOST_SMALLS, ASIM_XTC_WIDE_BITS,
                                         false, job->atom_limit, list);
        for (size_t i = 0; i < count; i++)
            place->outside |=
                decode_group(job, list[i].position, list[i].smalls, list[i].index,
                             list[i].run, least, scale, &job->x_nm[list[i].atom][0]);
    } while (place->atom != before);
}

WIDE void asim_xtc_decode_avx2(const struct asim_xtc_job *job,
                               struct asim_xtc_place *place)
{
    const struct asim_xtc_block *block = job->block;
    const int32_t *minimum = block->minimum;
    const __m128i least = _mm_set_epi32(0, minimum[2], minimum[1], minimum[0]);
    const __m128 scale = _mm_set1_ps(block->inverse_precision);
    struct asim_xtc_place here = *place;
    struct group group;
    unsigned groups = 0, outside = 0;
    size_t first_atom = here.atom;
    if (job->wanted) {
        decode_wanted(job, place, least, scale);
        return;
    }

    while (here.atom < job->atom_limit &&
           read_group(job, &here, MOST_SMALLS, ASIM_XTC_WIDE_BITS, &group)) {
        if (!group.flagged && here.run <= 3) {
            size_t before = here.atom;
            if (here.run == 0)
                decode_singles(job, &here);
            else if (here.run == 1)
                decode_pairs(job, &here, 1);
            else if (here.run == 2)
                decode_pairs(job, &here, 2);
            else
                decode_pairs(job, &here, 3);
            if (here.atom != before)
                continue;
        }
        outside |= decode_group(job, here.position, group.smalls, here.index, group.run,
                                least, scale, &job->x_nm[here.atom][0]);
        pass_group(&group, &here);
        if (++groups == YIELD_GROUPS) {
            if (here.atom - first_atom < YIELD_ATOMS)
                break;
            groups = 0;
            first_atom = here.atom;
        }
    }
    here.outside |= outside != 0;
    *place = here;
}
#endif
