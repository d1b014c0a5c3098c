/*
 * The bodies of the kernels, in terms of a few vector operations: a file defines these
 * and TARGET, then includes this one, which leaves a table called `kernels`.
 *
 *   vf, VF        a vector of VF floats: LOADF STOREF SETF FMAF(a,b,c) = a b + c
 *   vd, VD = VF/2 a vector of VD doubles: LOADD STORED SETD FMAD TOTALD(v), the sum of
 *                 its numbers; WIDE(p) reads VD floats, NARROW(p, v) writes them
 *
 *   TILE_ROWS x TILE_VECTORS vd, OUTER_ROWS x (OUTER_COLUMNS / VF) vf  sums that fit
 *                 the registers beside their terms; TILE_ROWS is at most 8
 *   SQRTD(v)      square roots of its numbers
 *
 * Vectors also take + and *. VF divides 16. No order here depends on anything but
 * sizes.
 */
#include <stdint.h>
#include <string.h>

#include "pca/kernels.h"

enum {
    ROWS = 8,
    /* Rows up to this width are widened once for two uses: 4 x 640 doubles, 20 KB, stay
     * in the first-level cache. */
    KEPT_ROWS = 4,
    KEPT_WIDTH = 640
};

typedef long long vl __attribute__((vector_size(sizeof(vd))));
typedef vd lanes;
typedef vl lane_mask;

TARGET static inline vd choose(vl mask, vd a, vd b)
{
    return (vd)((mask & (vl)a) | (~mask & (vl)b));
}

TARGET static inline bool any(vl mask)
{
    long long found = 0;
    for (int i = 0; i < VD; i++)
        found |= mask[i];
    return found != 0;
}

#define LANES_TARGET TARGET
#define LANES_SET(x) SETD(x)
#define LANES_SQRT(v) SQRTD(v)
#define LANES_CHOOSE(mask, a, b) choose(mask, a, b)
#define LANES_ANY(mask) any(mask)
#include "structure/rotation_body.h"

TARGET static inline double total_f(vf v)
{
    float numbers[VF];
    double sum = 0.0;
    STOREF(numbers, v);
    for (int i = 0; i < VF; i++)
        sum += (double)numbers[i];
    return sum;
}

/* The compiler finds the permutations. As whole numbers magnitudes order like floats,
 * with infinity and NaN above all: several at a time, which is not allowed with sums.
 */
TARGET static bool gather(const float *restrict x, size_t atoms, size_t padded,
                          float *restrict row)
{
    float *restrict y = row + padded, *restrict z = row + 2 * padded;
    uint32_t largest = 0;
    for (size_t a = 0; a < atoms; a++) {
        row[a] = x[3 * a];
        y[a] = x[3 * a + 1];
        z[a] = x[3 * a + 2];
    }
    for (size_t i = 0; i < 3 * atoms; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffff;
        largest = bits > largest ? bits : largest;
    }
    return largest < 0x7f800000;
}

TARGET static void products(const float *row, const double *weights,
                            const double *reference, size_t padded, double ret_sum[3],
                            double ret_products[3][3])
{
    vd m[9], s[3];
    for (int i = 0; i < 9; i++)
        m[i] = SETD(0.0);
    for (int i = 0; i < 3; i++)
        s[i] = SETD(0.0);
    for (size_t i = 0; i < padded; i += VD) {
        vd x = WIDE(row + i), y = WIDE(row + padded + i),
           z = WIDE(row + 2 * padded + i);
        vd rx = LOADD(reference + i), ry = LOADD(reference + padded + i);
        vd rz = LOADD(reference + 2 * padded + i), w = LOADD(weights + i);
        s[0] = FMAD(w, x, s[0]);
        s[1] = FMAD(w, y, s[1]);
        s[2] = FMAD(w, z, s[2]);
        m[0] = FMAD(x, rx, m[0]);
        m[1] = FMAD(x, ry, m[1]);
        m[2] = FMAD(x, rz, m[2]);
        m[3] = FMAD(y, rx, m[3]);
        m[4] = FMAD(y, ry, m[4]);
        m[5] = FMAD(y, rz, m[5]);
        m[6] = FMAD(z, rx, m[6]);
        m[7] = FMAD(z, ry, m[7]);
        m[8] = FMAD(z, rz, m[8]);
    }
    for (int i = 0; i < 3; i++)
        ret_sum[i] = TOTALD(s[i]);
    for (int i = 0; i < 9; i++)
        ret_products[i / 3][i % 3] = TOTALD(m[i]);
}

TARGET static void rotations(const double (*products)[3][3], size_t count,
                             double (*ret_rotations)[3][3], bool *ret_sure)
{
    for (size_t first = 0; first < count; first += VD) {
        size_t now = count - first < VD ? count - first : VD;
        double in[9][VD], out[VD];
        vd m[3][3], r[3][3];
        for (size_t l = 0; l < VD; l++)
            for (size_t i = 0; i < 9; i++)
                in[i][l] = products[first + (l < now ? l : 0)][i / 3][i % 3];
        for (size_t i = 0; i < 9; i++)
            m[i / 3][i % 3] = LOADD(in[i]);
        vl sure = lanes_superpose(m, r);
        for (size_t l = 0; l < now; l++)
            ret_sure[first + l] = sure[l] != 0;
        for (size_t i = 0; i < 9; i++) {
            STORED(out, r[i / 3][i % 3]);
            for (size_t l = 0; l < now; l++)
                ret_rotations[first + l][i / 3][i % 3] = out[l];
        }
    }
}

/* Coordinate d of the fitted atoms x, y, z, on top of `start`. */
TARGET static inline vd fitted(const struct asim_fit *fit, size_t d, vd x, vd y, vd z,
                               vd start)
{
    start = FMAD(SETD(fit->rotation[d][0]), x, start);
    start = FMAD(SETD(fit->rotation[d][1]), y, start);
    return FMAD(SETD(fit->rotation[d][2]), z, start);
}

TARGET static void rotate_add(const float *rows, size_t stride, size_t count,
                              size_t padded, const struct asim_fit *fits, double *sums)
{
    double shift[3] = {0.0, 0.0, 0.0};
    for (size_t f = 0; f < count; f++)
        for (size_t d = 0; d < 3; d++)
            shift[d] += fits[f].shift[d];
    for (size_t i = 0; i < padded; i += VD) {
        vd s[3];
        for (size_t d = 0; d < 3; d++)
            s[d] = LOADD(sums + d * padded + i) + SETD(shift[d]);
        for (size_t f = 0; f < count; f++) {
            const float *row = rows + f * stride + i;
            vd x = WIDE(row), y = WIDE(row + padded), z = WIDE(row + 2 * padded);
            for (size_t d = 0; d < 3; d++)
                s[d] = fitted(&fits[f], d, x, y, z, s[d]);
        }
        for (size_t d = 0; d < 3; d++)
            STORED(sums + d * padded + i, s[d]);
    }
}

TARGET static void deviate(float *row, size_t padded, const struct asim_fit *fit,
                           const double *mean)
{
    for (size_t i = 0; i < padded; i += VD) {
        vd x = WIDE(row + i), y = WIDE(row + padded + i),
           z = WIDE(row + 2 * padded + i);
        for (size_t d = 0; d < 3; d++) {
            vd start = SETD(fit->shift[d]) - LOADD(mean + d * padded + i);
            NARROW(row + d * padded + i, fitted(fit, d, x, y, z, start));
        }
    }
}

TARGET static double square(const float *row, size_t width)
{
    vd a = SETD(0.0), b = SETD(0.0);
    for (size_t i = 0; i < width; i += 2 * VD) {
        vd x = WIDE(row + i), y = WIDE(row + i + VD);
        a = FMAD(x, x, a);
        b = FMAD(y, y, b);
    }
    return TOTALD(a + b);
}

/* Dots of ROWS rows: v travels once for all. */
TARGET static inline void dots_of_rows(const float *a, size_t width, const double *v,
                                       double *p)
{
    vd t[ROWS];
    for (int r = 0; r < ROWS; r++)
        t[r] = SETD(0.0);
    for (size_t i = 0; i < width; i += VD) {
        vd vi = LOADD(v + i);
        for (size_t r = 0; r < ROWS; r++)
            t[r] = FMAD(WIDE(a + r * width + i), vi, t[r]);
    }
    for (int r = 0; r < ROWS; r++)
        p[r] = TOTALD(t[r]);
}

TARGET static inline void add_rows(const float *a, size_t width, const double *p,
                                   double *y)
{
    vd c[ROWS];
    for (int r = 0; r < ROWS; r++)
        c[r] = SETD(p[r]);
    for (size_t i = 0; i < width; i += VD) {
        vd even = LOADD(y + i), odd = SETD(0.0);
        for (size_t r = 0; r < ROWS; r += 2) {
            even = FMAD(WIDE(a + r * width + i), c[r], even);
            odd = FMAD(WIDE(a + (r + 1) * width + i), c[r + 1], odd);
        }
        STORED(y + i, even + odd);
    }
}

TARGET static inline double dot_of_one(const float *a, size_t width, const double *v)
{
    vd t = SETD(0.0);
    for (size_t i = 0; i < width; i += VD)
        t = FMAD(WIDE(a + i), LOADD(v + i), t);
    return TOTALD(t);
}

TARGET static inline void add_one(const float *a, size_t width, double p, double *y)
{
    for (size_t i = 0; i < width; i += VD)
        STORED(y + i, FMAD(WIDE(a + i), SETD(p), LOADD(y + i)));
}

/*
 * Dots of R rows with V vectors: a register each, every number read once. R and V are
 * constants wherever this is called. What the vector registers do not divide is left to
 * a plain loop.
 */
TARGET static inline __attribute__((always_inline)) void
dots_of_tile(const struct asim_panel *panel, size_t row, const int R, const double *v,
             size_t v_stride, const int V, double *dots, size_t dots_stride)
{
    const float *a = panel->rows + row * panel->stride;
    vd t[TILE_ROWS * TILE_VECTORS];
    size_t even = panel->width / VD * VD;
    for (int i = 0; i < R * V; i++)
        t[i] = SETD(0.0);
    for (size_t i = 0; i < even; i += VD) {
        vd x[TILE_ROWS];
        for (int r = 0; r < R; r++)
            x[r] = WIDE(a + (size_t)r * panel->stride + i);
        for (int c = 0; c < V; c++) {
            vd vi = LOADD(v + (size_t)c * v_stride + i);
            for (int r = 0; r < R; r++)
                t[r * V + c] = FMAD(x[r], vi, t[r * V + c]);
        }
    }
    for (int r = 0; r < R; r++)
        for (int c = 0; c < V; c++) {
            double sum = TOTALD(t[r * V + c]);
            for (size_t i = even; i < panel->width; i++)
                sum += (double)a[(size_t)r * panel->stride + i] *
                       v[(size_t)c * v_stride + i];
            dots[(size_t)c * dots_stride + row + (size_t)r] += sum;
        }
}

TARGET static void project(const struct asim_panel *panel, const double *v,
                           size_t v_stride, size_t k, double *dots, size_t dots_stride)
{
    for (size_t c = 0, step; c < k; c += step) {
        const double *first = v + c * v_stride;
        double *p = dots + c * dots_stride;
        size_t row = 0;
        step = k - c < TILE_VECTORS ? 1 : TILE_VECTORS;
        for (; row + TILE_ROWS <= panel->count; row += TILE_ROWS)
            if (step == 1)
                dots_of_tile(panel, row, TILE_ROWS, first, v_stride, 1, p, dots_stride);
            else
                dots_of_tile(panel, row, TILE_ROWS, first, v_stride, TILE_VECTORS, p,
                             dots_stride);
        for (; row < panel->count; row++)
            if (step == 1)
                dots_of_tile(panel, row, 1, first, v_stride, 1, p, dots_stride);
            else
                dots_of_tile(panel, row, 1, first, v_stride, TILE_VECTORS, p,
                             dots_stride);
    }
}

/* R rows go into V vectors; as above. */
TARGET static inline __attribute__((always_inline)) void
add_tile(const struct asim_panel *panel, size_t row, const int R, const double *dots,
         size_t dots_stride, double *y, size_t y_stride, const int V)
{
    const float *a = panel->rows + row * panel->stride;
    size_t even = panel->width / VD * VD;
    for (size_t i = 0; i < even; i += VD) {
        vd x[ROWS];
        for (int r = 0; r < R; r++)
            x[r] = WIDE(a + (size_t)r * panel->stride + i);
        for (int c = 0; c < V; c++) {
            const double *p = dots + (size_t)c * dots_stride + row;
            double *to = y + (size_t)c * y_stride + i;
            vd sum = LOADD(to);
            for (int r = 0; r < R; r++)
                sum = FMAD(x[r], SETD(p[r]), sum);
            STORED(to, sum);
        }
    }
    for (size_t i = even; i < panel->width; i++)
        for (int c = 0; c < V; c++)
            for (int r = 0; r < R; r++)
                y[(size_t)c * y_stride + i] +=
                    dots[(size_t)c * dots_stride + row + (size_t)r] *
                    (double)a[(size_t)r * panel->stride + i];
}

TARGET static void combine(const struct asim_panel *panel, const double *dots,
                           size_t dots_stride, size_t k, double *y, size_t y_stride)
{
    for (size_t c = 0, step; c < k; c += step) {
        double *first = y + c * y_stride;
        const double *p = dots + c * dots_stride;
        size_t row = 0;
        step = k - c < TILE_VECTORS ? 1 : TILE_VECTORS;
        for (; row + ROWS <= panel->count; row += ROWS)
            if (step == 1)
                add_tile(panel, row, ROWS, p, dots_stride, first, y_stride, 1);
            else
                add_tile(panel, row, ROWS, p, dots_stride, first, y_stride,
                         TILE_VECTORS);
        for (; row < panel->count; row++)
            if (step == 1)
                add_tile(panel, row, 1, p, dots_stride, first, y_stride, 1);
            else
                add_tile(panel, row, 1, p, dots_stride, first, y_stride, TILE_VECTORS);
    }
}

TARGET static void outer(const float *left, const float *right, size_t stride,
                         size_t count, float ret[ASIM_TILE_ROWS][ASIM_TILE_COLUMNS])
{
    enum { V = OUTER_COLUMNS / VF };
    for (int i0 = 0; i0 < ASIM_TILE_ROWS; i0 += OUTER_ROWS)
        for (int j0 = 0; j0 < ASIM_TILE_COLUMNS; j0 += OUTER_COLUMNS) {
            vf t[OUTER_ROWS][V];
            for (int i = 0; i < OUTER_ROWS; i++)
                for (int j = 0; j < V; j++)
                    t[i][j] = SETF(0.0f);
            for (size_t r = 0; r < count; r++) {
                const float *a = left + r * stride + i0, *b = right + r * stride + j0;
                vf x[V];
                for (int j = 0; j < V; j++)
                    x[j] = LOADF(b + j * VF);
                for (int i = 0; i < OUTER_ROWS; i++)
                    for (int j = 0; j < V; j++)
                        t[i][j] = FMAF(SETF(a[i]), x[j], t[i][j]);
            }
            for (int i = 0; i < OUTER_ROWS; i++)
                for (int j = 0; j < V; j++)
                    STOREF(&ret[i0 + i][j0 + j * VF], t[i][j]);
        }
}

/* In terms of KEPT_ROWS rows at a time, which become doubles once. */
TARGET static void normal_kept(const float *rows, size_t width, size_t count,
                               const double *v, double *y)
{
    double kept[KEPT_ROWS * KEPT_WIDTH];
    size_t row = 0;
    for (; row + KEPT_ROWS <= count; row += KEPT_ROWS) {
        const float *a = rows + row * width;
        double *k = kept;
        vd t[KEPT_ROWS], c[KEPT_ROWS];
        for (int r = 0; r < KEPT_ROWS; r++)
            t[r] = SETD(0.0);
        for (size_t i = 0; i < width; i += VD, k += KEPT_ROWS * VD) {
            vd vi = LOADD(v + i);
            for (size_t r = 0; r < KEPT_ROWS; r++) {
                vd x = WIDE(a + r * width + i);
                STORED(k + r * VD, x);
                t[r] = FMAD(x, vi, t[r]);
            }
        }
        for (int r = 0; r < KEPT_ROWS; r++)
            c[r] = SETD(TOTALD(t[r]));
        k = kept;
        for (size_t i = 0; i < width; i += VD, k += KEPT_ROWS * VD) {
            vd even = LOADD(y + i), odd = SETD(0.0);
            for (size_t r = 0; r < KEPT_ROWS; r += 2) {
                even = FMAD(LOADD(k + r * VD), c[r], even);
                odd = FMAD(LOADD(k + (r + 1) * VD), c[r + 1], odd);
            }
            STORED(y + i, even + odd);
        }
    }
    for (; row < count; row++)
        add_one(rows + row * width, width, dot_of_one(rows + row * width, width, v), y);
}

TARGET static void normal(const float *rows, size_t width, size_t count,
                          const double *v, double *y)
{
    size_t row = 0;
    double p[ROWS];
    if (width <= KEPT_WIDTH) {
        normal_kept(rows, width, count, v, y);
        return;
    }
    for (; row + ROWS <= count; row += ROWS) {
        dots_of_rows(rows + row * width, width, v, p);
        add_rows(rows + row * width, width, p, y);
    }
    for (; row < count; row++)
        add_one(rows + row * width, width, dot_of_one(rows + row * width, width, v), y);
}

TARGET static void normal_float(const float *rows, size_t width, size_t count,
                                const float *v, float *y)
{
    size_t row = 0;
    for (; row + ROWS <= count; row += ROWS) {
        const float *a = rows + row * width;
        vf t[ROWS], c[ROWS];
        for (int r = 0; r < ROWS; r++)
            t[r] = SETF(0.0f);
        for (size_t i = 0; i < width; i += VF) {
            vf vi = LOADF(v + i);
            for (size_t r = 0; r < ROWS; r++)
                t[r] = FMAF(LOADF(a + r * width + i), vi, t[r]);
        }
        for (int r = 0; r < ROWS; r++)
            c[r] = SETF((float)total_f(t[r]));
        for (size_t i = 0; i < width; i += VF) {
            vf even = LOADF(y + i), odd = SETF(0.0f);
            for (size_t r = 0; r < ROWS; r += 2) {
                even = FMAF(LOADF(a + r * width + i), c[r], even);
                odd = FMAF(LOADF(a + (r + 1) * width + i), c[r + 1], odd);
            }
            STOREF(y + i, even + odd);
        }
    }
    for (; row < count; row++) {
        const float *a = rows + row * width;
        vf t = SETF(0.0f);
        for (size_t i = 0; i < width; i += VF)
            t = FMAF(LOADF(a + i), LOADF(v + i), t);
        vf c = SETF((float)total_f(t));
        for (size_t i = 0; i < width; i += VF)
            STOREF(y + i, FMAF(LOADF(a + i), c, LOADF(y + i)));
    }
}

static const struct asim_kernels kernels = {
    .gather = gather,
    .products = products,
    .rotations = rotations,
    .rotate_add = rotate_add,
    .deviate = deviate,
    .square = square,
    .project = project,
    .combine = combine,
    .outer = outer,
    .normal = normal,
    .normal_float = normal_float,
};
