/* The kernels with AVX-512VL: 8 floats, 4 doubles at a time as with AVX2, and twice as
 * many registers. */
#include "pca/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
enum { VF = 8, VD = 4 };
typedef __m256 vf;
typedef __m256d vd;
#define LOADF(p) _mm256_loadu_ps(p)
#define STOREF(p, v) _mm256_storeu_ps((p), (v))
#define SETF(x) _mm256_set1_ps(x)
#define FMAF(a, b, c) _mm256_fmadd_ps((a), (b), (c))
#define LOADD(p) _mm256_loadu_pd(p)
#define STORED(p, v) _mm256_storeu_pd((p), (v))
#define SETD(x) _mm256_set1_pd(x)
#define FMAD(a, b, c) _mm256_fmadd_pd((a), (b), (c))
#define WIDE(p) _mm256_cvtps_pd(_mm_loadu_ps(p))
#define NARROW(p, v) _mm_storeu_ps((p), _mm256_cvtpd_ps(v))

#include "pca/kernels_body.h"

const struct asim_kernels *const asim_kernels_avx512 = &kernels;
#else
const struct asim_kernels *const asim_kernels_avx512 = NULL;
#endif
