/*
 * Coordinates of DCD records, three records of one axis each, as atoms in nm.
 *
 * Coordinates are Angstrom; x_nm = x * 0.1f, one rounding of a product of two floats,
 * so that all ways give the same bits: as many atoms at once as a register holds, then
 * one by one.
 * Knows no file: where the records lie and that they are whole is the caller's.
 */
#include "formats/dcd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static float load_nm(const unsigned char *p, bool swap, uint32_t *not_finite)
{
    uint32_t bits = asim_dcd_load_u32(p, swap);
    float angstrom;
    *not_finite |= (bits & 0x7f800000u) == 0x7f800000u;
    memcpy(&angstrom, &bits, sizeof angstrom);
    return angstrom * 0.1f;
}

typedef float float4 __attribute__((vector_size(16)));
typedef uint32_t uint4 __attribute__((vector_size(16)));

/* Four atoms of one axis. */
static inline float4 load_4_nm(const unsigned char *p, bool swap, uint4 *not_finite)
{
    const uint4 exponent = {0x7f800000u, 0x7f800000u, 0x7f800000u, 0x7f800000u};
    uint4 bits;
    memcpy(&bits, p, sizeof bits);
    if (swap)
        bits =
            bits << 24 | (bits << 8 & 0xff0000u) | (bits >> 8 & 0xff00u) | bits >> 24;
    *not_finite |= (uint4)((bits & exponent) == exponent);
    return (float4)bits * 0.1f;
}

/* Atoms `i` to `count` - 1 of three records. */
static inline bool load_rest(const unsigned char *const axis[3], size_t i, size_t count,
                             bool swap, float (*x_nm)[3])
{
    uint4 not_finite4 = {0};
    uint32_t not_finite = 0;
    for (; i + 4 <= count; i += 4) {
        float4 x = load_4_nm(axis[0] + 4 * i, swap, &not_finite4);
        float4 y = load_4_nm(axis[1] + 4 * i, swap, &not_finite4);
        float4 z = load_4_nm(axis[2] + 4 * i, swap, &not_finite4);
        float4 xy_low = __builtin_shufflevector(x, y, 0, 4, 1, 5);
        float4 xy_high = __builtin_shufflevector(x, y, 2, 6, 3, 7);
        float4 yz = __builtin_shufflevector(y, z, 1, 5, 1, 5);
        float4 out[3] = {__builtin_shufflevector(xy_low, z, 0, 1, 4, 2),
                         __builtin_shufflevector(yz, xy_high, 0, 1, 4, 5),
                         __builtin_shufflevector(z, xy_high, 2, 6, 7, 3)};
        memcpy(x_nm + i, out, sizeof out);
    }
    for (; i < count; i++)
        for (int d = 0; d < 3; d++)
            x_nm[i][d] = load_nm(axis[d] + 4 * i, swap, &not_finite);
    for (int k = 0; k < 4; k++)
        not_finite |= not_finite4[k];
    return !not_finite;
}

#if defined(__x86_64__)
#define WITH_AVX2 __attribute__((target("avx2")))
#define WITH_AVX512 __attribute__((target("avx512f,avx512bw")))

/* Where the bytes of 4 floats come from. */
WITH_AVX2 static inline __m128i byte_order(bool swap)
{
    return swap ? _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203)
                : _mm_set_epi64x(0x0f0e0d0c0b0a0908, 0x0706050403020100);
}

WITH_AVX2 static inline __m256 load_8_nm(const unsigned char *p, __m256i order,
                                         __m256i *largest)
{
    __m256i bits = _mm256_shuffle_epi8(_mm256_loadu_si256((const void *)p), order);
    *largest = _mm256_max_epu32(*largest,
                                _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)));
    return _mm256_mul_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(0.1f));
}

/* Returns how many atoms it loaded, from the first on. */
WITH_AVX2 static size_t load_avx2(const unsigned char *const axis[3], size_t count,
                                  bool swap, float (*x_nm)[3], bool *ret_finite)
{
    const __m256i order = _mm256_broadcastsi128_si256(byte_order(swap));
    __m256i largest = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 x = load_8_nm(axis[0] + 4 * i, order, &largest);
        __m256 y = load_8_nm(axis[1] + 4 * i, order, &largest);
        __m256 z = load_8_nm(axis[2] + 4 * i, order, &largest);
        /* Four atoms in each half: x0 y0 z0 x1, y1 z1 x2 y2, z2 x3 y3 z3. */
        __m256 zx_low = _mm256_shuffle_ps(z, x, _MM_SHUFFLE(1, 1, 0, 0));
        __m256 zx_high = _mm256_shuffle_ps(z, x, _MM_SHUFFLE(3, 3, 2, 2));
        __m256 a = _mm256_shuffle_ps(_mm256_unpacklo_ps(x, y), zx_low,
                                     _MM_SHUFFLE(2, 0, 1, 0));
        __m256 b = _mm256_shuffle_ps(_mm256_unpacklo_ps(y, z), _mm256_unpackhi_ps(x, y),
                                     _MM_SHUFFLE(1, 0, 3, 2));
        __m256 c = _mm256_shuffle_ps(zx_high, _mm256_unpackhi_ps(y, z),
                                     _MM_SHUFFLE(3, 2, 2, 0));
        float *out = &x_nm[i][0];
        _mm256_storeu_ps(out, _mm256_permute2f128_ps(a, b, 0x20));
        _mm256_storeu_ps(out + 8, _mm256_permute2f128_ps(c, a, 0x30));
        _mm256_storeu_ps(out + 16, _mm256_permute2f128_ps(b, c, 0x31));
    }
    const __m256i infinity = _mm256_set1_epi32(0x7f800000);
    __m256i finite = _mm256_cmpgt_epi32(infinity, largest);
    *ret_finite = _mm256_movemask_epi8(finite) == -1;
    return i;
}

WITH_AVX512 static inline __m512 load_16_nm(const unsigned char *p, __m512i order,
                                            __m512i *largest)
{
    __m512i bits = _mm512_shuffle_epi8(_mm512_loadu_si512(p), order);
    *largest = _mm512_max_epu32(*largest,
                                _mm512_and_si512(bits, _mm512_set1_epi32(0x7fffffff)));
    return _mm512_mul_ps(_mm512_castsi512_ps(bits), _mm512_set1_ps(0.1f));
}

/* Float `o` of the output comes from atom o / 3: its place in x, or in y from 16 on,
 * or in z, for which only the lowest four bits count. */
#define FROM(o) ((o) / 3 + ((o) % 3 == 1 ? 16 : 0))
#define FROM_4(o) FROM(o), FROM((o) + 1), FROM((o) + 2), FROM((o) + 3)
#define FROM_16(o)                                                                     \
    {                                                                                  \
        FROM_4(o), FROM_4((o) + 4), FROM_4((o) + 8), FROM_4((o) + 12)                  \
    }
static const int32_t from[3][16]
    __attribute__((aligned(64))) = {FROM_16(0), FROM_16(16), FROM_16(32)};
/* The floats of these that are z: 2, 5, ...; 17, 20, ...; 32, 35, ... */
static const uint16_t is_z[3] = {0x4924, 0x2492, 0x9249};

WITH_AVX512 static size_t load_avx512(const unsigned char *const axis[3], size_t count,
                                      bool swap, float (*x_nm)[3], bool *ret_finite)
{
    const __m512i order = _mm512_broadcast_i32x4(byte_order(swap));
    __m512i largest = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512 x = load_16_nm(axis[0] + 4 * i, order, &largest);
        __m512 y = load_16_nm(axis[1] + 4 * i, order, &largest);
        __m512 z = load_16_nm(axis[2] + 4 * i, order, &largest);
        for (int k = 0; k < 3; k++) {
            const __m512i place = _mm512_load_si512(from[k]);
            __m512 xy = _mm512_permutex2var_ps(x, place, y);
            _mm512_storeu_ps(&x_nm[i][0] + 16 * k,
                             _mm512_mask_permutexvar_ps(xy, is_z[k], place, z));
        }
    }
    *ret_finite = _mm512_reduce_max_epu32(largest) < 0x7f800000u;
    return i;
}
#endif

bool asim_dcd_load_atoms(enum asim_simd simd, const unsigned char *const axis[3],
                         size_t count, bool swap, float (*x_nm)[3])
{
    size_t done = 0;
    bool finite = true;
    (void)simd;
#if defined(__x86_64__)
    if (simd == ASIM_SIMD_AVX512)
        done = load_avx512(axis, count, swap, x_nm, &finite);
    else if (simd == ASIM_SIMD_AVX2)
        done = load_avx2(axis, count, swap, x_nm, &finite);
#endif
    finite = (swap ? load_rest(axis, done, count, true, x_nm)
                   : load_rest(axis, done, count, false, x_nm)) &&
             finite;
    return finite;
}

bool asim_dcd_load_free_atoms(const struct asim_dcd_header *header,
                              const unsigned char *const axis[3], size_t atom_limit,
                              float (*x_nm)[3])
{
    uint32_t not_finite = 0;
    for (size_t i = 0; i < header->free_count; i++) {
        size_t atom = header->free_atom[i];
        if (atom >= atom_limit)
            break; /* they ascend */
        for (int d = 0; d < 3; d++)
            x_nm[atom][d] = load_nm(axis[d] + 4 * i, header->swap, &not_finite);
    }
    return !not_finite;
}

void asim_dcd_turn_atoms(const struct asim_dcd_cell *cell, size_t count,
                         float (*x_nm)[3])
{
    for (size_t i = 0; i < count; i++) {
        double old[3] = {(double)x_nm[i][0], (double)x_nm[i][1], (double)x_nm[i][2]};
        for (int d = 0; d < 3; d++)
            x_nm[i][d] = (float)(cell->turn[d][0] * old[0] + cell->turn[d][1] * old[1] +
                                 cell->turn[d][2] * old[2]);
    }
}
