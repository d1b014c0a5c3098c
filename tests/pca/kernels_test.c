/* Every variant of the inner loops against plain ones; Lanczos against LAPACK. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "pca/eigen.h"
#include "pca/kernels.h"
#include "structure/superpose.h"

/* Rows of 224 atoms are wider than what a kernel keeps as doubles. */
enum { MOST_ATOMS = 224, MOST_WIDTH = 3 * MOST_ATOMS, MOST_ROWS = 21 };

static float rows[MOST_ROWS * MOST_WIDTH];
static double v[MOST_WIDTH], weights[MOST_ATOMS], reference[MOST_WIDTH];

static void fill(uint64_t seed, size_t atoms, size_t padded, size_t count)
{
    struct asim_random random;
    asim_random_seed(&random, seed);
    memset(rows, 0, sizeof rows);
    memset(v, 0, sizeof v);
    memset(weights, 0, sizeof weights);
    memset(reference, 0, sizeof reference);
    for (size_t r = 0; r < count; r++)
        for (size_t d = 0; d < 3; d++)
            for (size_t a = 0; a < atoms; a++)
                rows[r * 3 * padded + d * padded + a] =
                    (float)asim_random_gaussian(&random);
    for (size_t d = 0; d < 3; d++)
        for (size_t a = 0; a < atoms; a++) {
            v[d * padded + a] = asim_random_gaussian(&random);
            reference[d * padded + a] = asim_random_gaussian(&random);
        }
    for (size_t a = 0; a < atoms; a++)
        weights[a] = 1.0 + asim_random_uniform(&random);
}

static void close_to(double a, double b, double limit)
{
    if (!(fabs(a - b) <= limit))
        fail_msg("%.17g is not %.17g", a, b);
}

static void check_fits(const struct asim_kernels *kernels, size_t atoms, size_t padded,
                       size_t count)
{
    double sum[3], m[3][3], total[MOST_WIDTH] = {0.0};
    kernels->products(rows, weights, reference, padded, sum, m);
    for (size_t i = 0; i < 3; i++) {
        double expected = 0.0;
        for (size_t a = 0; a < atoms; a++)
            expected += weights[a] * (double)rows[i * padded + a];
        close_to(sum[i], expected, 1e-13);
        for (size_t j = 0; j < 3; j++) {
            double product = 0.0;
            for (size_t a = 0; a < atoms; a++)
                product += (double)rows[i * padded + a] * reference[j * padded + a];
            close_to(m[i][j], product, 1e-13);
        }
    }
    struct asim_fit fits[ASIM_KERNEL_FRAMES];
    for (int f = 0; f < ASIM_KERNEL_FRAMES; f++)
        for (int i = 0; i < 9; i++) {
            fits[f].rotation[i / 3][i % 3] = sin(1.0 + f + 3 * i);
            fits[f].shift[i / 3] = cos(2.0 + f + i / 3);
        }
    size_t now = count < ASIM_KERNEL_FRAMES ? count : ASIM_KERNEL_FRAMES;
    kernels->rotate_add(rows, 3 * padded, now, padded, fits, total);
    static float row[MOST_WIDTH];
    memcpy(row, rows, 3 * padded * sizeof *row);
    kernels->deviate(row, padded, &fits[0], v);
    for (size_t a = 0; a < atoms; a++)
        for (size_t d = 0; d < 3; d++) {
            double expected = 0.0, first = 0.0;
            for (size_t f = 0; f < now; f++) {
                double x = fits[f].shift[d];
                for (size_t e = 0; e < 3; e++)
                    x +=
                        fits[f].rotation[d][e] * (double)rows[(3 * f + e) * padded + a];
                expected += x;
                first = f == 0 ? x : first;
            }
            close_to(total[d * padded + a], expected, 1e-13);
            close_to((double)row[d * padded + a], first - v[d * padded + a], 1e-6);
        }
}

/* Rows with vectors that no number of lanes divides; both add to what is there. */
static void check_panels(const struct asim_kernels *kernels, size_t stride, size_t used,
                         size_t count)
{
    enum { VECTORS = 7 };
    static double vectors[VECTORS * MOST_WIDTH], y[VECTORS * MOST_WIDTH + 1];
    double dots[VECTORS][MOST_ROWS + 1];
    const struct asim_panel panel = {rows, stride, count, used};
    for (size_t i = 0; i < VECTORS * MOST_WIDTH; i++)
        vectors[i] = sin(1.0 + (double)i);
    for (size_t i = 0; i <= VECTORS * MOST_WIDTH; i++)
        y[i] = (double)(i % 5);
    for (size_t c = 0; c < VECTORS; c++)
        for (size_t r = 0; r <= MOST_ROWS; r++)
            dots[c][r] = (double)c;
    kernels->project(&panel, vectors, used, VECTORS, dots[0], MOST_ROWS + 1);
    kernels->combine(&panel, dots[0], MOST_ROWS + 1, VECTORS, y, used);
    for (size_t c = 0; c < VECTORS; c++) {
        for (size_t r = 0; r < count; r++) {
            double expected = (double)c;
            for (size_t i = 0; i < used; i++)
                expected += (double)rows[r * stride + i] * vectors[c * used + i];
            close_to(dots[c][r], expected, 1e-12);
        }
        assert_true(dots[c][count] == (double)c);
        for (size_t i = 0; i < used; i++) {
            double expected = (double)((c * used + i) % 5);
            for (size_t r = 0; r < count; r++)
                expected += dots[c][r] * (double)rows[r * stride + i];
            close_to(y[c * used + i], expected, 1e-11);
        }
    }
    assert_true(y[VECTORS * used] == (double)(VECTORS * used % 5));
}

static void check_outer(const struct asim_kernels *kernels, size_t stride, size_t count)
{
    float tile[ASIM_TILE_ROWS][ASIM_TILE_COLUMNS];
    const float *left = rows + stride - ASIM_TILE_ROWS;
    kernels->outer(left, rows, stride, count, tile);
    for (size_t i = 0; i < ASIM_TILE_ROWS; i++)
        for (size_t j = 0; j < ASIM_TILE_COLUMNS; j++) {
            double expected = 0.0;
            for (size_t r = 0; r < count; r++)
                expected += (double)left[r * stride + i] * (double)rows[r * stride + j];
            close_to((double)tile[i][j], expected, 1e-5);
        }
}

static void check_gather(const struct asim_kernels *kernels, size_t atoms,
                         size_t padded)
{
    static float x[MOST_WIDTH], row[MOST_WIDTH];
    for (size_t i = 0; i < 3 * atoms; i++)
        x[i] = (float)i - 7.5f;
    for (size_t i = 0; i < MOST_WIDTH; i++)
        row[i] = 1e9f;
    assert_true(kernels->gather(x, atoms, padded, row));
    for (size_t d = 0; d < 3; d++)
        for (size_t a = 0; a < padded; a++)
            assert_true(row[d * padded + a] == (a < atoms ? x[3 * a + d] : 1e9f));
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < 4; b++)
        for (size_t i = 0; i < 3 * atoms; i++) {
            float good = x[i];
            x[i] = bad[b];
            assert_false(kernels->gather(x, atoms, padded, row));
            x[i] = good;
        }
}

static void check_rows(const struct asim_kernels *kernels, size_t width, size_t count)
{
    double z[MOST_WIDTH] = {0.0};
    static float narrow_v[MOST_WIDTH], narrow_y[MOST_WIDTH];
    memset(narrow_y, 0, sizeof narrow_y);
    for (size_t i = 0; i < width; i++)
        narrow_v[i] = (float)v[i];
    kernels->normal(rows, width, count, v, z);
    kernels->normal_float(rows, width, count, narrow_v, narrow_y);
    double dots[MOST_ROWS] = {0.0};
    for (size_t r = 0; r < count; r++) {
        double square = 0.0;
        for (size_t i = 0; i < width; i++) {
            dots[r] += (double)rows[r * width + i] * v[i];
            square += (double)rows[r * width + i] * (double)rows[r * width + i];
        }
        close_to(kernels->square(rows + r * width, width), square, 1e-11);
    }
    for (size_t i = 0; i < width; i++) {
        double expected = 0.0;
        for (size_t r = 0; r < count; r++)
            expected += dots[r] * (double)rows[r * width + i];
        close_to(z[i], expected, 1e-11);
        close_to((double)narrow_y[i], expected, 1e-3);
    }
}

static void test_variants(void **state)
{
    (void)state;
    static const size_t atoms[] = {1, 3, 16, 17, 40, 64}, counts[] = {1, 7, 8, 9, 21};
    for (enum asim_simd simd = ASIM_SIMD_SCALAR; simd <= ASIM_SIMD_AVX512; simd++) {
        const struct asim_kernels *kernels = asim_kernels_of(simd);
        print_message("%s: %s\n", asim_simd_name(simd),
                      kernels ? "tested" : "not on this machine");
        for (size_t a = 0; kernels && a < sizeof atoms / sizeof *atoms; a++)
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                size_t padded = (atoms[a] + 15) / 16 * 16;
                fill(10 * a + c, atoms[a], padded, counts[c]);
                check_fits(kernels, atoms[a], padded, counts[c]);
                check_rows(kernels, 3 * padded, counts[c]);
                check_panels(kernels, 3 * padded, 3 * padded - a - c, counts[c]);
                check_outer(kernels, 3 * padded, counts[c]);
                check_gather(kernels, atoms[a], padded);
            }
        for (size_t c = 0; kernels && c < sizeof counts / sizeof *counts; c++) {
            fill(c, MOST_ATOMS, MOST_ATOMS, counts[c]);
            check_rows(kernels, MOST_WIDTH, counts[c]);
        }
    }
}

/* Every lane as the fast way alone, to the bit, whatever the others hold: products of
 * points on a line, of nothing, infinite ones, and some that need turning by pi. */
static void test_rotations(void **state)
{
    (void)state;
    enum { COUNT = 37 };
    double products[COUNT][3][3], rotations[COUNT][3][3], expected[3][3];
    bool sure[COUNT];
    struct asim_random random;
    asim_random_seed(&random, 5);
    for (size_t f = 0; f < COUNT; f++) {
        for (int i = 0; i < 9; i++)
            products[f][i / 3][i % 3] = asim_random_gaussian(&random);
        if (f % 7 == 2)
            memset(products[f], 0, sizeof products[f]);
        if (f % 7 == 3)
            for (int i = 0; i < 9; i++)
                products[f][i / 3][i % 3] = (1.0 + i / 3) * (i % 3 - 1.0);
        if (f % 7 == 4)
            products[f][f % 3][1] = f % 2 ? INFINITY : NAN;
        if (f % 7 == 5)
            for (int i = 0; i < 9; i++)
                products[f][i / 3][i % 3] = i % 4 ? 0.0 : i == 4 ? 3.0 : -1e3 - i;
        if (f % 7 == 6)
            for (int i = 0; i < 9; i++)
                products[f][i / 3][i % 3] *= f % 2 ? 1e200 : 1e-250;
    }
    for (enum asim_simd simd = ASIM_SIMD_SCALAR; simd <= ASIM_SIMD_AVX512; simd++) {
        const struct asim_kernels *kernels = asim_kernels_of(simd);
        for (size_t count = kernels ? 1 : COUNT + 1; count <= COUNT; count++) {
            size_t found = 0;
            memset(rotations, 0, sizeof rotations);
            kernels->rotations((const double(*)[3][3])products, count, rotations, sure);
            for (size_t f = 0; f < count; f++) {
                bool fast =
                    asim_rotation_fast((const double(*)[3])products[f], expected);
                assert_int_equal(sure[f], fast);
                found += fast;
                if (fast)
                    assert_memory_equal(rotations[f], expected, sizeof expected);
            }
            assert_true(found >= count / 2 && (found < count || count < 3));
        }
    }
}

struct matrix {
    double *a;
    size_t n, applied;
    bool fails;
};

static int apply(void *context, const double *x, double *y, struct asim_error *err)
{
    struct matrix *matrix = context;
    matrix->applied++;
    if (matrix->fails && matrix->applied == 5)
        return asim_fail(err, ASIM_EIO, "cannot read it again");
    for (size_t i = 0; i < matrix->n; i++) {
        y[i] = 0.0;
        for (size_t j = 0; j < matrix->n; j++)
            y[i] += matrix->a[i * matrix->n + j] * x[j];
    }
    return 0;
}

/* Q diag(spectrum) Q^T with a random orthogonal Q by Householder reflections. */
static struct matrix with_spectrum(const double *spectrum, size_t n)
{
    struct asim_random random;
    struct matrix matrix = {.a = calloc(n * n, sizeof(double)), .n = n};
    double *u = calloc(n, sizeof *u), *w = calloc(n, sizeof *w);
    if (!matrix.a || !u || !w)
        abort();
    asim_random_seed(&random, n);
    for (size_t i = 0; i < n; i++)
        matrix.a[i * n + i] = spectrum[i];
    for (int reflection = 0; reflection < 8; reflection++) {
        double square = 0.0;
        for (size_t i = 0; i < n; i++) {
            u[i] = asim_random_gaussian(&random);
            square += u[i] * u[i];
        }
        for (int side = 0; side < 2; side++)
            for (size_t i = 0; i < n; i++) {
                double dot = 0.0;
                for (size_t j = 0; j < n; j++)
                    dot += u[j] * matrix.a[side ? j * n + i : i * n + j];
                for (size_t j = 0; j < n; j++)
                    matrix.a[side ? j * n + i : i * n + j] -= 2 * dot * u[j] / square;
            }
    }
    free(u);
    free(w);
    return matrix;
}

static void check_pairs(struct matrix *matrix, const double *spectrum, size_t k,
                        double tolerance)
{
    size_t n = matrix->n;
    double *values = calloc(k, sizeof *values),
           *vectors = calloc(k * n, sizeof *vectors);
    double *y = calloc(n, sizeof *y);
    struct asim_error err = {0};
    if (!values || !vectors || !y)
        abort();
    matrix->applied = 0;
    assert_int_equal(
        asim_eigen_lanczos(n, k, apply, matrix, tolerance, 300, values, vectors, &err),
        0);
    print_message("n %zu, k %zu: %zu products\n", n, k, matrix->applied);
    for (size_t i = 0; i < k; i++) {
        close_to(values[i], spectrum[i], 1e-12 + tolerance * spectrum[0]);
        const double *x = vectors + i * n;
        double square = 0.0, residual = 0.0;
        apply(matrix, x, y, NULL);
        for (size_t j = 0; j < n; j++) {
            square += x[j] * x[j];
            residual += (y[j] - values[i] * x[j]) * (y[j] - values[i] * x[j]);
        }
        close_to(square, 1.0, 1e-12);
        assert_true(sqrt(residual) <= 1.01 * tolerance * spectrum[0] + 1e-13);
    }
    free(values);
    free(vectors);
    free(y);
}

static void test_lanczos(void **state)
{
    (void)state;
    enum { N = 300 };
    double spectrum[N];
    /* Falls fast; falls slowly, so that restarts are needed; ends in zeros. */
    for (int kind = 0; kind < 3; kind++) {
        for (int i = 0; i < N; i++)
            spectrum[i] = kind == 0   ? pow(1.0 + i, -2.0)
                          : kind == 1 ? 1.0 - 0.002 * i
                                      : (i < 7 ? 1.0 / (1 + i) : 0.0);
        struct matrix matrix = with_spectrum(spectrum, N);
        check_pairs(&matrix, spectrum, 10, 1e-10);
        check_pairs(&matrix, spectrum, 1, 1e-10);
        check_pairs(&matrix, spectrum, 3, 1e-4);
        free(matrix.a);
    }
    /* All but one of a small matrix. */
    struct matrix small = with_spectrum(spectrum, 12);
    check_pairs(&small, spectrum, 11, 1e-10);
    /* A failure on the way comes out. */
    double values[2], vectors[24];
    struct asim_error err = {0};
    small.fails = true;
    small.applied = 0;
    assert_int_equal(
        asim_eigen_lanczos(12, 2, apply, &small, 1e-10, 10, values, vectors, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
    free(small.a);
}

/* Any part of a spectrum, which different routines find; where `keep`, the matrix is
 * as it was. */
static void test_dense(void **state)
{
    (void)state;
    enum { N = 120 };
    static const size_t parts[] = {1, 10, N / 6, N / 6 + 1, N - 6, N};
    double spectrum[N];
    for (int i = 0; i < N; i++)
        spectrum[i] = 1.0 / (1 + i);
    struct matrix matrix = with_spectrum(spectrum, N);
    for (size_t p = 0; p < 2 * sizeof parts / sizeof *parts; p++) {
        size_t k = parts[p / 2];
        bool keep = p % 2;
        double *a = malloc(N * N * sizeof *a), *values = calloc(k, sizeof *values);
        double *vectors = calloc(asim_eigen_rows(N, k), N * sizeof *vectors);
        struct asim_error err = {0};
        if (!a || !values || !vectors)
            abort();
        memcpy(a, matrix.a, N * N * sizeof *a);
        assert_int_equal(asim_eigen_dense(a, keep, N, k, values, vectors, &err), 0);
        assert_true(!keep || memcmp(a, matrix.a, N * N * sizeof *a) == 0);
        for (size_t i = 0; i < k; i++) {
            double y[N];
            close_to(values[i], spectrum[i], 1e-12);
            apply(&matrix, vectors + i * N, y, NULL);
            for (size_t j = 0; j < N; j++)
                close_to(y[j], values[i] * vectors[i * N + j], 1e-9);
            for (size_t j = 0; j <= i; j++) {
                double dot = 0.0;
                for (size_t d = 0; d < N; d++)
                    dot += vectors[i * N + d] * vectors[j * N + d];
                close_to(dot, i == j, 1e-12);
            }
        }
        free(a);
        free(values);
        free(vectors);
    }
    free(matrix.a);
}

/* One restart is not enough for a slow spectrum: that is said, not hidden. */
static void test_no_convergence(void **state)
{
    (void)state;
    enum { N = 400 };
    double spectrum[N], values[2], vectors[2 * N];
    for (int i = 0; i < N; i++)
        spectrum[i] = 1.0 - 1e-5 * i;
    struct matrix matrix = with_spectrum(spectrum, N);
    assert_int_equal(
        asim_eigen_lanczos(N, 2, apply, &matrix, 1e-12, 1, values, vectors, NULL), 1);
    free(matrix.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants),       cmocka_unit_test(test_rotations),
        cmocka_unit_test(test_lanczos),        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_no_convergence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
