/* The choice of kernels, and the portable variant: 4 floats, 4 doubles at a time with
 * the compilers' vector types, no fused multiply-add. Knows no trajectories. */
#include "pca/kernels.h"

#include <math.h>
#include <string.h>

#define TARGET
enum {
    VF = 4,
    VD = 2,
    TILE_ROWS = 2,
    TILE_VECTORS = 5,
    OUTER_ROWS = 4,
    OUTER_COLUMNS = 8
};
typedef float vf __attribute__((vector_size(16)));
typedef double vd __attribute__((vector_size(16)));

static inline vf load_f(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline vd load_d(const double *p)
{
    vd v;
    memcpy(&v, p, sizeof v);
    return v;
}

#define LOADF(p) load_f(p)
#define STOREF(p, v)                                                                   \
    do {                                                                               \
        vf stored = (v);                                                               \
        memcpy((p), &stored, sizeof stored);                                           \
    } while (0)
#define SETF(x) ((vf){(x), (x), (x), (x)})
#define FMAF(a, b, c) ((a) * (b) + (c))
#define LOADD(p) load_d(p)
#define STORED(p, v)                                                                   \
    do {                                                                               \
        vd stored = (v);                                                               \
        memcpy((p), &stored, sizeof stored);                                           \
    } while (0)
#define SETD(x) ((vd){(x), (x)})
#define TOTALD(v) ((v)[0] + (v)[1])
#define SQRTD(v) ((vd){sqrt((v)[0]), sqrt((v)[1])})
#define FMAD(a, b, c) ((a) * (b) + (c))
#define WIDE(p) ((vd){(double)(p)[0], (double)(p)[1]})
#define NARROW(p, v) ((p)[0] = (float)(v)[0], (p)[1] = (float)(v)[1])

#include "pca/kernels_body.h"

const struct asim_kernels *asim_kernels_of(enum asim_simd simd)
{
    if (!asim_simd_available(simd))
        return NULL;
    switch (simd) {
    case ASIM_SIMD_AVX2:
        return asim_kernels_avx2;
    case ASIM_SIMD_AVX512:
        return asim_kernels_avx512;
    case ASIM_SIMD_SCALAR:
        break;
    }
    return &kernels;
}

const struct asim_kernels *asim_kernels_best(void)
{
    enum asim_simd simd;
    const struct asim_kernels *best = NULL;
    if (asim_simd_choose(&simd, NULL) == 0)
        best = asim_kernels_of(simd);
    return best ? best : &kernels;
}
