/*
 * The inner loops over coordinates.
 *
 * Written with the compilers' vector types, 8 doubles at a time, so that the order of
 * every sum is fixed in the source and the machine code is whatever the processor has.
 * Knows nothing of trajectories or components.
 */
#include "pca/kernels.h"

#include <string.h>

/* The dynamic loader picks the variant. Not under a sanitizer: it would instrument the
 * resolver, which runs before the sanitizer is ready. Not with clang 14, whose clones
 * have a name that other files do not find: it builds the baseline. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) &&                \
    !defined(__SANITIZE_ADDRESS__)
#define VARIANTS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VARIANTS
#endif

enum { LANES = 8 };
#define LANES_OF(type) type __attribute__((vector_size(LANES * sizeof(type))))
#define LOAD(type, name, from)                                                         \
    LANES_OF(type) name;                                                               \
    memcpy(&name, (from), sizeof name)
#define LOAD_WIDE(name, from)                                                          \
    LOAD(float, name##_narrow, from);                                                  \
    LANES_OF(double) name = __builtin_convertvector(name##_narrow, LANES_OF(double))
#define TOTAL(v)                                                                       \
    (((v)[0] + (v)[4]) + ((v)[2] + (v)[6]) + (((v)[1] + (v)[5]) + ((v)[3] + (v)[7])))

VARIANTS void asim_row_sum(const float *row, size_t padded, double ret_sum[3])
{
    LANES_OF(double) x = {0.0}, y = {0.0}, z = {0.0};
    for (size_t i = 0; i < padded; i += LANES) {
        LOAD_WIDE(xi, row + i);
        LOAD_WIDE(yi, row + padded + i);
        LOAD_WIDE(zi, row + 2 * padded + i);
        x += xi;
        y += yi;
        z += zi;
    }
    ret_sum[0] = TOTAL(x);
    ret_sum[1] = TOTAL(y);
    ret_sum[2] = TOTAL(z);
}

VARIANTS void asim_row_products(const float *row, const double *reference,
                                size_t padded, double ret_products[3][3])
{
    LANES_OF(double) xx = {0.0}, xy = {0.0}, xz = {0.0};
    LANES_OF(double) yx = {0.0}, yy = {0.0}, yz = {0.0};
    LANES_OF(double) zx = {0.0}, zy = {0.0}, zz = {0.0};
    for (size_t i = 0; i < padded; i += LANES) {
        LOAD_WIDE(x, row + i);
        LOAD_WIDE(y, row + padded + i);
        LOAD_WIDE(z, row + 2 * padded + i);
        LOAD(double, rx, reference + i);
        LOAD(double, ry, reference + padded + i);
        LOAD(double, rz, reference + 2 * padded + i);
        xx += x * rx;
        xy += x * ry;
        xz += x * rz;
        yx += y * rx;
        yy += y * ry;
        yz += y * rz;
        zx += z * rx;
        zy += z * ry;
        zz += z * rz;
    }
    ret_products[0][0] = TOTAL(xx);
    ret_products[0][1] = TOTAL(xy);
    ret_products[0][2] = TOTAL(xz);
    ret_products[1][0] = TOTAL(yx);
    ret_products[1][1] = TOTAL(yy);
    ret_products[1][2] = TOTAL(yz);
    ret_products[2][0] = TOTAL(zx);
    ret_products[2][1] = TOTAL(zy);
    ret_products[2][2] = TOTAL(zz);
}

VARIANTS void asim_row_rotate_add(const float *row, size_t padded,
                                  const double rotation[3][3], const double shift[3],
                                  double *sum)
{
    for (size_t i = 0; i < padded; i += LANES) {
        LOAD_WIDE(x, row + i);
        LOAD_WIDE(y, row + padded + i);
        LOAD_WIDE(z, row + 2 * padded + i);
        for (size_t d = 0; d < 3; d++) {
            LOAD(double, s, sum + d * padded + i);
            s += (rotation[d][0] * x + rotation[d][1] * y) +
                 (rotation[d][2] * z + shift[d]);
            memcpy(sum + d * padded + i, &s, sizeof s);
        }
    }
}

VARIANTS double asim_row_square(const float *row, size_t width)
{
    LANES_OF(double) sum = {0.0};
    for (size_t i = 0; i < width; i += LANES) {
        LOAD_WIDE(x, row + i);
        sum += x * x;
    }
    return TOTAL(sum);
}

/* Four rows at a time: v and y travel once for four. */
#define DOTS_OF_FOUR(a, width, v, p)                                                   \
    do {                                                                               \
        LANES_OF(double) t0 = {0.0}, t1 = {0.0}, t2 = {0.0}, t3 = {0.0};               \
        for (size_t i = 0; i < (width); i += LANES) {                                  \
            LOAD(double, vi, (v) + i);                                                 \
            LOAD_WIDE(a0, (a) + i);                                                    \
            LOAD_WIDE(a1, (a) + (width) + i);                                          \
            LOAD_WIDE(a2, (a) + 2 * (width) + i);                                      \
            LOAD_WIDE(a3, (a) + 3 * (width) + i);                                      \
            t0 += a0 * vi;                                                             \
            t1 += a1 * vi;                                                             \
            t2 += a2 * vi;                                                             \
            t3 += a3 * vi;                                                             \
        }                                                                              \
        (p)[0] = TOTAL(t0);                                                            \
        (p)[1] = TOTAL(t1);                                                            \
        (p)[2] = TOTAL(t2);                                                            \
        (p)[3] = TOTAL(t3);                                                            \
    } while (0)

#define ADD_FOUR(a, width, p, y)                                                       \
    for (size_t i = 0; i < (width); i += LANES) {                                      \
        LOAD(double, yi, (y) + i);                                                     \
        LOAD_WIDE(a0, (a) + i);                                                        \
        LOAD_WIDE(a1, (a) + (width) + i);                                              \
        LOAD_WIDE(a2, (a) + 2 * (width) + i);                                          \
        LOAD_WIDE(a3, (a) + 3 * (width) + i);                                          \
        yi += ((p)[0] * a0 + (p)[1] * a1) + ((p)[2] * a2 + (p)[3] * a3);               \
        memcpy((y) + i, &yi, sizeof yi);                                               \
    }

#define DOT_OF_ONE(a, width, v, p)                                                     \
    do {                                                                               \
        LANES_OF(double) t0 = {0.0};                                                   \
        for (size_t i = 0; i < (width); i += LANES) {                                  \
            LOAD(double, vi, (v) + i);                                                 \
            LOAD_WIDE(a0, (a) + i);                                                    \
            t0 += a0 * vi;                                                             \
        }                                                                              \
        (p) = TOTAL(t0);                                                               \
    } while (0)

#define ADD_ONE(a, width, p, y)                                                        \
    for (size_t i = 0; i < (width); i += LANES) {                                      \
        LOAD(double, yi, (y) + i);                                                     \
        LOAD_WIDE(a0, (a) + i);                                                        \
        yi += (p)*a0;                                                                  \
        memcpy((y) + i, &yi, sizeof yi);                                               \
    }

VARIANTS void asim_rows_project(const float *rows, size_t width, size_t count,
                                const double *v, double *ret_dots)
{
    size_t row = 0;
    for (; row + 4 <= count; row += 4)
        DOTS_OF_FOUR(rows + row * width, width, v, ret_dots + row);
    for (; row < count; row++)
        DOT_OF_ONE(rows + row * width, width, v, ret_dots[row]);
}

VARIANTS void asim_rows_combine(const float *rows, size_t width, size_t count,
                                const double *coefficients, double *y)
{
    size_t row = 0;
    for (; row + 4 <= count; row += 4)
        ADD_FOUR(rows + row * width, width, coefficients + row, y);
    for (; row < count; row++)
        ADD_ONE(rows + row * width, width, coefficients[row], y);
}

VARIANTS void asim_rows_normal(const float *rows, size_t width, size_t count,
                               const double *v, double *y)
{
    size_t row = 0;
    double p[4];
    for (; row + 4 <= count; row += 4) {
        DOTS_OF_FOUR(rows + row * width, width, v, p);
        ADD_FOUR(rows + row * width, width, p, y);
    }
    for (; row < count; row++) {
        DOT_OF_ONE(rows + row * width, width, v, p[0]);
        ADD_ONE(rows + row * width, width, p[0], y);
    }
}
