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
    /* v = (x * inner + y) * outer + z; here 2^52 less each, for only 32 bits count. */
    __m512i minus_inner, minus_outer;
};

/* Three numbers in the lower dwords, z on top of something. */
struct numbers {
    __m512i x, y, z;
};

WIDE static inline __m512i all(uint64_t value)
{
    return _mm512_set1_epi64((long long)value);
}

WIDE static inline __m512i minus(uint64_t value)
{
    return all((((uint64_t)1 << 52) - value) & (((uint64_t)1 << 52) - 1));
}

WIDE static inline struct divider small_divider(const struct asim_xtc_small *small,
                                                unsigned index, bool shifted)
{
    return (struct divider){
        .shift_control = all(small->shift_control),
        .mask = all(((uint64_t)1 << index) - 1),
        .once = all(shifted ? small->once52.multiplier : small->once_unshifted),
        .twice = all(shifted ? small->twice52.multiplier : small->twice_unshifted),
        .once_shift = all(small->once52.shift),
        .twice_shift = all(small->twice52.shift),
        .minus_inner = minus(small->range),
        .minus_outer = minus(small->range),
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
        .minus_inner = minus(big->size[1]),
        .minus_outer = minus(big->size[2]),
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

/* `z` is added to. Only the lower dwords of the numbers count. */
WIDE static inline struct numbers take_apart(__m512i bytes, __m512i control, __m512i z,
                                             const struct divider *by, bool shifted)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i v =
        _mm512_and_si512(_mm512_multishift_epi64_epi8(control, bytes), by->mask);
    __m512i once = _mm512_madd52hi_epu64(zero, v, by->once);
    __m512i twice = _mm512_madd52hi_epu64(zero, v, by->twice);
    if (shifted) {
        once = _mm512_srlv_epi64(once, by->once_shift);
        twice = _mm512_srlv_epi64(twice, by->twice_shift);
    }
    return (struct numbers){
        .x = twice,
        .y = _mm512_madd52lo_epu64(once, twice, by->minus_inner),
        .z = _mm512_madd52lo_epu64(_mm512_add_epi64(z, v), once, by->minus_outer),
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
    __m512i big_worst, small_worst; /* largest x seen */
    __m512 scale;
    struct divider big, small;
};

/* For groups of `bits` + 1 + run * `index` bits from bit `phase` on. */
WIDE static inline void streak_init(struct streak *s, const struct asim_xtc_job *job,
                                    unsigned phase, unsigned index, unsigned run,
                                    bool shifted)
{
    const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const unsigned bits = job->big.width.bits;
    s->big_worst = s->small_worst = s->half = _mm512_setzero_si512();
    if (run > 0) {
        s->small = small_divider(&job->tables->small[index], index, shifted);
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
        /* Halves of these are in order, first to third, lower ones first. */
        _mm512_storeu_pd((void *)out,
                         _mm512_insertf64x4(first, _mm512_castpd512_pd256(second), 1));
        _mm512_storeu_pd((void *)(out + 16), _mm512_mask_mov_pd(third, 0xf0, first));
        _mm512_storeu_pd((void *)(out + 32), _mm512_shuffle_f64x2(second, third, 0xee));
    }
}

/* Eight groups in the bytes `low` and `high`, of which those in `ours` are judged. The
 * first small atom is stored in front of the big one, the others
 * behind. */
WIDE static inline void streak_groups(struct streak *s, __m512i low, __m512i high,
                                      __m512i bytes, __mmask8 ours, unsigned run,
                                      bool shifted, float *out)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i x_y[MOST_STREAK_RUN + 1], z[MOST_STREAK_RUN + 1];
    struct numbers n = take_apart(bytes, s->big_shift, zero, &s->big, true);
    s->big_worst = _mm512_mask_max_epu64(s->big_worst, ours, s->big_worst, n.x);
    x_y[1] = _mm512_add_epi32(interleave(n.x, n.y), s->xy_minimum);
    z[1] = _mm512_add_epi32(n.z, s->z_minimum);
    /* Sums with half a range too much for each step but the first. */
    __m512i last_xy = _mm512_sub_epi32(x_y[1], s->half);
    __m512i last_z = _mm512_sub_epi32(z[1], s->half), excess = zero;
    for (unsigned k = 0; k < run; k++) {
        bytes = _mm512_permutex2var_epi8(low, s->bytes[k], high);
        n = take_apart(bytes, s->shift[k], last_z, &s->small, shifted);
        s->small_worst =
            _mm512_mask_max_epu64(s->small_worst, ours, s->small_worst, n.x);
        last_xy = _mm512_add_epi32(last_xy, interleave(n.x, n.y));
        last_z = n.z;
        x_y[k ? k + 1 : 0] = _mm512_sub_epi32(last_xy, excess);
        z[k ? k + 1 : 0] = _mm512_sub_epi32(last_z, excess);
        excess = _mm512_add_epi32(excess, s->half);
    }
    if (run == 0)
        store_1(x_y[1], z[1], s->scale, out);
    else if (run == 2)
        store_3(x_y, z, s->scale, out);
    else
        store_4(x_y, z, s->scale, out);
}

/* Which of eight groups from `atom` on hold wanted atoms. */
static inline __mmask8 wanted_groups(const unsigned char *wanted, size_t atom,
                                     unsigned run)
{
    unsigned mask = 0;
    for (unsigned k = 0; k < LANES; k++)
        mask |= (unsigned)holds_wanted(wanted, atom + k * (run + 1), run) << k;
    return (__mmask8)mask;
}

/* Groups of `run` small atoms without flag from `place` on, as many as there are. */
WIDE static inline void decode_streak(const struct asim_xtc_job *job, struct streak *s,
                                      struct asim_xtc_place *place, const unsigned run,
                                      const bool shifted)
{
    const unsigned index = place->index, bits = job->big.width.bits;
    const unsigned group_bits = bits + 1 + run * index;
    const size_t batch_atoms = LANES * (run + 1), atom_limit = job->atom_limit;
    const unsigned char *payload = job->block->payload;
    const uint64_t end = job->end;
    float(*x_nm)[3] = job->x_nm;
    uint64_t position = place->position;
    size_t atom = place->atom;
    unsigned count = LANES;
    /* The last number of the last group, from phase 7 on, and the 8 bytes around it. */
    if ((7 + LANES * group_bits - index) / 8 + 8 > STREAK_BYTES ||
        atom_limit - atom < batch_atoms)
        return;
    streak_init(s, job, (unsigned)position & 7, index, run, shifted);
    struct streak streak = *s;
    while (count == LANES && atom_limit - atom >= batch_atoms &&
           position + LANES * (uint64_t)group_bits <= end) {
        const unsigned char *p = payload + (position >> 3);
        __m512i low = _mm512_loadu_si512(p), high = _mm512_loadu_si512(p + 64);
        __m512i bytes = _mm512_permutex2var_epi8(low, streak.big_bytes, high);
        __mmask8 flags = _mm512_test_epi64_mask(bytes, streak.flag_bit);
        count = (unsigned)__builtin_ctz(flags | 1u << LANES);
        __mmask8 ours = (__mmask8)((1u << count) - 1);
        if (job->wanted)
            ours &= wanted_groups(job->wanted, atom, run);
        if (ours)
            streak_groups(&streak, low, high, bytes, ours, run, shifted,
                          &x_nm[atom][0]);
        position += (uint64_t)count * group_bits;
        atom += (size_t)count * (run + 1);
    }
    place->position = position;
    place->atom = atom;
    const struct big *big = &job->big;
    place->outside |= _mm512_reduce_max_epu64(streak.big_worst) >= big->size[0];
    if (run > 0)
        place->outside |= _mm512_reduce_max_epu64(streak.small_worst) >=
                          job->tables->small[index].range;
}

/* What holds for groups one at a time, of a frame. */
struct singles {
    const unsigned char *payload;
    const struct asim_xtc_tables *tables;
    uint64_t big_mask;
    struct big big;
    __m128i least; /* minimum x, y, z, 0 */
    __m512 scale;
};

/* Dwords of the output of a group: 3a + c is c of atom a. Its step sums, fields of 16
 * bits, are word 4s + c for atom s + 1; atom 0 has the first of them, atom 1 none. */
#define FIELD(o) (short)((o) < 3 ? (o) : 4 * ((o) / 3 - 1) + (o) % 3)
#define FIELDS_4(o) FIELD(o), 0, FIELD((o) + 1), 0, FIELD((o) + 2), 0, FIELD((o) + 3), 0
#define FIELDS_16(o)                                                                   \
    {                                                                                  \
        FIELDS_4(o), FIELDS_4((o) + 4), FIELDS_4((o) + 8), FIELDS_4((o) + 12)          \
    }
static const int16_t order_of_fields[2][32]
    __attribute__((aligned(64))) = {FIELDS_16(0), FIELDS_16(16)};

/* Words of the output that come from step sums: the lower ones of dwords, but not those
 * of atom 1, which is dwords 3 to 5. */
enum { HAS_STEP = 0x55555555, LOW_HAS_STEP = HAS_STEP & ~(0x15 << 6) };

/*
 * Decodes one group: its big number is at `position`, its `run` small ones, and others
 * behind them, at `smalls`. Atom 0 is the big one plus the first step, atom 1 the big
 * one, atom k + 1 the big one plus the first k + 1 steps. Returns whether a number is
 * outside.
 *
 * Steps are summed in fields of 16 bits, three of one atom in a lane, which hold 8 of
 * them; half the range is taken off afterwards, as often as it was in the sum.
 */
WIDE static inline unsigned decode_group(const struct singles *s, uint64_t position,
                                         uint64_t smalls, unsigned index, unsigned run,
                                         float *out)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i low_order = _mm512_load_si512(order_of_fields[0]);
    const __m512i high_order = _mm512_load_si512(order_of_fields[1]);
    const __m512i big_low =
        _mm512_set_epi32(0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0);
    const __m512i big_high =
        _mm512_set_epi32(1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1);
    const struct asim_xtc_group_small *small = &s->tables->group_small[index];

    struct unpacked first = unpack_fast(
        &s->big,
        _pext_u64(__builtin_bswap64(load_bits(s->payload, position)), s->big_mask));
    __m128i xyz = _mm_cvtsi64_si128((long long)((uint64_t)first.y << 32 | first.x));
    xyz = _mm_add_epi32(_mm_insert_epi32(xyz, (int)first.z, 2), s->least);
    __m512i big = _mm512_castsi128_si512(xyz);

    __m512i bytes =
        _mm512_permutexvar_epi8(_mm512_load_si512(small->bytes[smalls & 7]),
                                _mm512_loadu_si512(s->payload + (smalls >> 3)));
    __m512i v = _mm512_multishift_epi64_epi8(
        _mm512_load_si512(small->shifts[smalls & 7]), bytes);
    v = _mm512_and_si512(v, all(small->mask));
    __m512i once = _mm512_madd52hi_epu64(zero, v, all(small->once));
    __m512i twice = _mm512_madd52hi_epu64(zero, v, all(small->twice));
    once = _mm512_srl_epi64(once, _mm_loadl_epi64((const void *)&small->once_shift));
    twice = _mm512_srl_epi64(twice, _mm_loadl_epi64((const void *)&small->twice_shift));
    unsigned outside = _mm512_cmpge_epu64_mask(twice, all(small->range));
    __m512i sum = _mm512_slli_epi64(v, 32);
    sum = _mm512_madd52lo_epu64(sum, once, all(small->of_once));
    sum = _mm512_madd52lo_epu64(sum, twice, all(small->of_twice));
    /* Without small atoms the big one is atom 0: a step of nothing. */
    sum = _mm512_mask_mov_epi64(sum, run == 0, all(small->half_fields));
    sum = _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 7));
    sum = _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 6));
    sum = _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 4));
    __m512i low = _mm512_maskz_permutexvar_epi16(LOW_HAS_STEP, low_order, sum);
    __m512i high = _mm512_maskz_permutexvar_epi16(HAS_STEP, high_order, sum);
    low = _mm512_sub_epi32(low, _mm512_load_si512(small->halves));
    high = _mm512_sub_epi32(high, _mm512_load_si512(small->halves + 16));
    low = _mm512_add_epi32(low, _mm512_permutexvar_epi32(big_low, big));
    high = _mm512_add_epi32(high, _mm512_permutexvar_epi32(big_high, big));
    _mm512_storeu_ps(out, to_floats(low, s->scale));
    _mm512_storeu_ps(out + 16, to_floats(high, s->scale));
    return (outside & ((1u << run) - 1)) | first.outside;
}

/* Are there enough groups alike in front of us to do them side by side? */
static inline bool may_streak(const struct asim_xtc_job *job,
                              const struct asim_xtc_place *here,
                              const struct group *group)
{
    return here->run != 1 && here->run <= MOST_STREAK_RUN &&
           starts_streak(job, here, group);
}

/* Groups one at a time from `place` on, at most `most` and at least one if it is
 * regular: up to the limit, something irregular, or what may be a streak. Returns how
 * many. No variable of the loop has its address taken, and what it needs is copied:
 * where the next group lies must not wait for memory. */
WIDE __attribute__((noinline)) static unsigned
decode_singles(const struct asim_xtc_job *job, const struct singles *singles,
               struct asim_xtc_place *place, unsigned most)
{
    const struct singles s = *singles;
    const struct asim_xtc_job j = *job;
    const struct asim_xtc_block block = *job->block;
    struct asim_xtc_job local = j;
    local.block = &block;
    struct asim_xtc_place here = *place;
    unsigned outside = 0, done = 0;
    for (; done < most && here.atom < local.atom_limit; done++) {
        struct group group;
        if (!read_group(&local, &here, LANES, ASIM_XTC_FIELD_INDEX, &group) ||
            (done > 0 && may_streak(&local, &here, &group)))
            break;
        outside |= decode_group(&s, here.position, group.smalls, here.index, group.run,
                                &local.x_nm[here.atom][0]);
        pass_group(&group, &here);
    }
    here.outside |= outside != 0;
    *place = here;
    return done;
}

/* Groups with wanted atoms from `place` on; others are walked over, up to what ends
 * decode_singles() too. */
WIDE __attribute__((noinline)) static void decode_wanted(const struct asim_xtc_job *job,
                                                         const struct singles *singles,
                                                         struct asim_xtc_place *place)
{
    const struct singles s = *singles;
    struct listed list[LIST_GROUPS];
    const size_t count = walk_groups(job, place, LANES, ASIM_XTC_FIELD_INDEX, true,
                                     job->atom_limit, list);
    unsigned outside = 0;
    for (size_t i = 0; i < count; i++)
        outside |= decode_group(&s, list[i].position, list[i].smalls, list[i].index,
                                list[i].run, &job->x_nm[list[i].atom][0]);
    place->outside |= outside != 0;
}

WIDE void asim_xtc_decode_avx512(const struct asim_xtc_job *job,
                                 struct asim_xtc_place *place)
{
    const struct asim_xtc_block *block = job->block;
    const struct big *big = &job->big;
    const int32_t *minimum = block->minimum;
    const struct singles singles = {
        .payload = block->payload,
        .tables = job->tables,
        .big = job->big,
        .big_mask = big->width.low_mask | big->width.high_mask << big->width.high_shift,
        .least = _mm_set_epi32(0, minimum[2], minimum[1], minimum[0]),
        .scale = _mm512_set1_ps(block->inverse_precision)};
    struct streak streak;
    streak.big = big_divider(big);
    streak.xy_minimum = _mm512_set1_epi64(
        (long long)((uint64_t)(uint32_t)minimum[1] << 32 | (uint32_t)minimum[0]));
    streak.z_minimum = _mm512_set1_epi32(minimum[2]);
    streak.scale = singles.scale;

    unsigned groups = 0;
    size_t first_atom = place->atom;
    struct group group;
    while (place->atom < job->atom_limit &&
           read_group(job, place, LANES, ASIM_XTC_FIELD_INDEX, &group)) {
        if (may_streak(job, place, &group)) {
            size_t before = place->atom;
            const struct asim_xtc_small *small = &job->tables->small[place->index];
            const bool shifted = !small->once_unshifted || !small->twice_unshifted;
            if (place->run == 0)
                decode_streak(job, &streak, place, 0, false);
            else if (place->run == 2 && shifted)
                decode_streak(job, &streak, place, 2, true);
            else if (place->run == 2)
                decode_streak(job, &streak, place, 2, false);
            else if (shifted)
                decode_streak(job, &streak, place, 3, true);
            else
                decode_streak(job, &streak, place, 3, false);
            if (place->atom != before)
                continue;
        }
        if (job->wanted) {
            decode_wanted(job, &singles, place);
            continue;
        }
        groups += decode_singles(job, &singles, place, YIELD_GROUPS - groups);
        if (groups == YIELD_GROUPS) {
            /* One group at a time costs as much as 2 atoms in scalar. */
            if (place->atom - first_atom < 2 * YIELD_GROUPS)
                break;
            groups = 0;
            first_atom = place->atom;
        }
    }
}
#endif
