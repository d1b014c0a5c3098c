/* The kernels with AVX-512: 16 floats, 8 doubles at a time. */
#include "pca/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
enum {
    VF = 16,
    VD = 8,
    TILE_ROWS = 4,
    TILE_VECTORS = 5,
    OUTER_ROWS = 8,
    OUTER_COLUMNS = 48
};
typedef __m512 vf;
typedef __m512d vd;
#define LOADF(p) _mm512_loadu_ps(p)
#define STOREF(p, v) _mm512_storeu_ps((p), (v))
#define SETF(x) _mm512_set1_ps(x)
#define FMAF(a, b, c) _mm512_fmadd_ps((a), (b), (c))
#define LOADD(p) _mm512_loadu_pd(p)
#define STORED(p, v) _mm512_storeu_pd((p), (v))
#define SETD(x) _mm512_set1_pd(x)
#define TOTALD(v) _mm512_reduce_add_pd(v)
#define SQRTD(v) _mm512_sqrt_pd(v)
#define FMAD(a, b, c) _mm512_fmadd_pd((a), (b), (c))
#define WIDE(p) _mm512_cvtps_pd(_mm256_loadu_ps(p))
#define NARROW(p, v) _mm256_storeu_ps((p), _mm512_cvtpd_ps(v))

#include "pca/kernels_body.h"

const struct asim_kernels *const asim_kernels_avx512 = &kernels;
#else
const struct asim_kernels *const asim_kernels_avx512 = NULL;
#endif
