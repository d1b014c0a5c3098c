/* The kernels with AVX2 and FMA: 8 floats, 4 doubles at a time. */
#include "pca/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
enum {
    VF = 8,
    VD = 4,
    TILE_ROWS = 2,
    TILE_VECTORS = 5,
    OUTER_ROWS = 4,
    OUTER_COLUMNS = 16
};
typedef __m256 vf;
typedef __m256d vd;

TARGET static inline double total_of(vd v)
{
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

#define LOADF(p) _mm256_loadu_ps(p)
#define STOREF(p, v) _mm256_storeu_ps((p), (v))
#define SETF(x) _mm256_set1_ps(x)
#define FMAF(a, b, c) _mm256_fmadd_ps((a), (b), (c))
#define LOADD(p) _mm256_loadu_pd(p)
#define STORED(p, v) _mm256_storeu_pd((p), (v))
#define SETD(x) _mm256_set1_pd(x)
#define TOTALD(v) total_of(v)
#define SQRTD(v) _mm256_sqrt_pd(v)
#define FMAD(a, b, c) _mm256_fmadd_pd((a), (b), (c))
#define WIDE(p) _mm256_cvtps_pd(_mm_loadu_ps(p))
#define NARROW(p, v) _mm_storeu_ps((p), _mm256_cvtpd_ps(v))

#include "pca/kernels_body.h"

const struct asim_kernels *const asim_kernels_avx2 = &kernels;
#else
const struct asim_kernels *const asim_kernels_avx2 = NULL;
#endif
