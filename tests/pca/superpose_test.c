/* Superposition against Kabsch's method by LAPACK's singular value decomposition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "structure/superpose.h"

enum { CASES = 10000, MOST_POINTS = 40 };
static const uint64_t SEED = 20240711;

static void centred_products(const double *x, const double *y, size_t n, double m[3][3],
                             double *ret_size)
{
    double cx[3] = {0}, cy[3] = {0};
    for (size_t i = 0; i < 3 * n; i++) {
        cx[i % 3] += x[i] / (double)n;
        cy[i % 3] += y[i] / (double)n;
    }
    memset(m, 0, 9 * sizeof(double));
    *ret_size = 0.0;
    for (size_t p = 0; p < n; p++)
        for (int i = 0; i < 3; i++) {
            double dx = x[3 * p + i] - cx[i], dy = y[3 * p + i] - cy[i];
            *ret_size += 0.5 * (dx * dx + dy * dy);
            for (int j = 0; j < 3; j++)
                m[i][j] += dx * (y[3 * p + j] - cy[j]);
        }
}

static double determinant(const double a[3][3])
{
    return a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
           a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
           a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
}

/* R = V diag(1, 1, sign) U^T of m = U S V^T; returns the best trace and, in *ret_gap,
 * how far the second best is below it relative to the largest singular value. */
static double kabsch(const double m[3][3], double r[3][3], double *ret_gap)
{
    double a[9], s[3], u[9], vt[9], work[3];
    memcpy(a, m, sizeof a);
    int info =
        LAPACKE_dgesvd(LAPACK_ROW_MAJOR, 'A', 'A', 3, 3, a, 3, s, u, 3, vt, 3, work);
    assert_int_equal(info, 0);
    double sign =
        determinant((const double(*)[3])u) * determinant((const double(*)[3])vt) < 0.0
            ? -1.0
            : 1.0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            r[i][j] = vt[i] * u[3 * j] + vt[3 + i] * u[3 * j + 1] +
                      sign * vt[6 + i] * u[3 * j + 2];
    *ret_gap = (s[1] + sign * s[2]) / s[0];
    return s[0] + s[1] + sign * s[2];
}

static double trace_of(const double r[3][3], const double m[3][3])
{
    double trace = 0.0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            trace += r[j][i] * m[i][j];
    return trace;
}

struct shape {
    const char *name;
    double flatten[3]; /* scale of each axis */
    double scale, shift, noise;
    int mirror;
    double limit; /* of the rotation's elements, divided by the gap */
};

static const struct shape shapes[] = {
    {"alike", {1, 1, 1}, 1, 5, 0.05, 0, 1e-13},
    {"unlike", {1, 1, 1}, 1, 5, 3.0, 0, 1e-13},
    {"planar", {1, 1, 0}, 1, 0, 0.0, 0, 1e-13},
    {"planar, unlike", {1, 1, 0}, 1, 0, 1.0, 0, 1e-13},
    {"mirrored", {1, 1, 1}, 1, 5, 0.02, 1, 1e-13},
    {"mirrored plane", {1, 1, 0}, 1, 0, 0.0, 1, 1e-13},
    {"nearly on a line", {1, 1e-4, 1e-4}, 1, 0, 0.0, 0, 1e-12},
    {"tiny", {1, 1, 1}, 1e-120, 0, 0.05, 0, 1e-13},
    {"huge", {1, 1, 1}, 1e120, 0, 0.05, 0, 1e-13},
    {"far away", {1, 1, 1}, 1, 1e6, 0.05, 0, 1e-7},
};

static void random_rotation(struct asim_random *random, double r[3][3])
{
    double q[4], n = 0.0;
    for (int i = 0; i < 4; i++) {
        q[i] = asim_random_gaussian(random);
        n += q[i] * q[i];
    }
    for (int i = 0; i < 4; i++)
        q[i] /= sqrt(n);
    double w = q[0], a = q[1], b = q[2], c = q[3];
    double full[3][3] = {
        {w * w + a * a - b * b - c * c, 2 * (a * b - w * c), 2 * (a * c + w * b)},
        {2 * (a * b + w * c), w * w - a * a + b * b - c * c, 2 * (b * c - w * a)},
        {2 * (a * c - w * b), 2 * (b * c + w * a), w * w - a * a - b * b + c * c}};
    memcpy(r, full, sizeof full);
}

static void test_kabsch(void **state)
{
    (void)state;
    struct asim_random random;
    asim_random_seed(&random, SEED);
    print_message("seed %llu\n", (unsigned long long)SEED);
    double worst = 0.0;
    for (int c = 0; c < CASES; c++) {
        const struct shape *shape = &shapes[c % (int)(sizeof shapes / sizeof *shapes)];
        size_t n = 3 + (size_t)(asim_random_uniform(&random) * (MOST_POINTS - 3));
        double x[3 * MOST_POINTS], y[3 * MOST_POINTS], turn[3][3], tilt[3][3];
        random_rotation(&random, turn);
        random_rotation(&random, tilt);
        double shift[3];
        for (int d = 0; d < 3; d++)
            shift[d] = shape->shift * asim_random_gaussian(&random);
        for (size_t p = 0; p < n; p++) {
            double at[3], tilted[3];
            for (int d = 0; d < 3; d++)
                at[d] = shape->flatten[d] * asim_random_gaussian(&random);
            for (int d = 0; d < 3; d++)
                tilted[d] =
                    tilt[d][0] * at[0] + tilt[d][1] * at[1] + tilt[d][2] * at[2];
            double noisy[3];
            for (int d = 0; d < 3; d++)
                noisy[d] = tilted[d] + shape->noise * asim_random_gaussian(&random);
            if (shape->mirror)
                noisy[2] = -noisy[2];
            for (int d = 0; d < 3; d++) {
                x[3 * p + d] = shape->scale * (tilted[d] + shift[d]);
                y[3 * p + d] =
                    shape->scale * (turn[d][0] * noisy[0] + turn[d][1] * noisy[1] +
                                    turn[d][2] * noisy[2] - shift[d]);
            }
        }
        double r[3][3], cx[3], cy[3], m[3][3], expected[3][3], size, gap;
        struct asim_error err = {0};
        int rc = asim_superpose(x, y, n, r, cx, cy, &err);
        if (rc < 0)
            fail_msg("case %d (%s): %s", c, shape->name, err.text);
        centred_products(x, y, n, m, &size);
        double best = kabsch((const double(*)[3])m, expected, &gap);
        double found = trace_of((const double(*)[3])r, (const double(*)[3])m);
        double slack = shape->shift > 1e3 ? 1e-9 : 1e-13;
        if (!(fabs(best - found) <= slack * size))
            fail_msg("case %d (%s): overlap %.17g, Kabsch %.17g, size %g", c,
                     shape->name, found, best, size);
        if (fabs(determinant((const double(*)[3])r) - 1.0) > 1e-13)
            fail_msg("case %d (%s): no proper rotation", c, shape->name);
        if (gap < 1e-6)
            continue; /* several rotations are equally good */
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                double difference = fabs(r[i][j] - expected[i][j]) * gap;
                worst = fmax(worst, difference / shape->limit);
                if (!(difference <= shape->limit * 10.0))
                    fail_msg("case %d (%s): R[%d][%d] %.17g, Kabsch %.17g, gap %g", c,
                             shape->name, i, j, r[i][j], expected[i][j], gap);
            }
    }
    print_message("largest difference %.2g of the limit\n", worst / 10.0);
}

/* Whatever the fast way accepts, Jacobi gives too; and Jacobi alone is right. */
static void test_jacobi(void **state)
{
    (void)state;
    struct asim_random random;
    asim_random_seed(&random, SEED + 1);
    size_t accepted = 0;
    for (int c = 0; c < 2000; c++) {
        double m[3][3], fast[3][3], slow[3][3], expected[3][3], gap;
        for (int i = 0; i < 9; i++)
            m[i / 3][i % 3] = asim_random_gaussian(&random);
        double best = kabsch((const double(*)[3])m, expected, &gap);
        asim_rotation_jacobi((const double(*)[3])m, slow);
        double found = trace_of((const double(*)[3])slow, (const double(*)[3])m);
        assert_true(fabs(best - found) < 1e-13 * fabs(best) + 1e-14);
        if (!asim_rotation_fast((const double(*)[3])m, fast))
            continue;
        accepted++;
        for (int i = 0; i < 9; i++)
            assert_true(fabs(fast[i / 3][i % 3] - slow[i / 3][i % 3]) * gap < 1e-12);
    }
    /* The fast way is the usual way. */
    assert_true(accepted > 1950);
}

static void test_refusals(void **state)
{
    (void)state;
    double x[15], y[15], r[3][3] = {{7.0}}, cx[3], cy[3];
    struct asim_error err = {0};
    struct asim_random random;
    asim_random_seed(&random, 3);
    for (int i = 0; i < 15; i++) {
        x[i] = asim_random_gaussian(&random);
        y[i] = asim_random_gaussian(&random);
    }
    assert_int_equal(asim_superpose(x, y, 2, r, cx, cy, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    double line[15], direction[3] = {0.3, -0.5, 0.8};
    for (int i = 0; i < 15; i++)
        line[i] = (double)(float)(1.0 + 0.37 * (i / 3) * direction[i % 3]);
    assert_int_equal(asim_superpose(line, y, 5, r, cx, cy, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "line"));
    assert_int_equal(asim_superpose(x, line, 5, r, cx, cy, &err), -1);
    double point[15];
    for (int i = 0; i < 15; i++)
        point[i] = 2.0;
    assert_int_equal(asim_superpose(point, y, 5, r, cx, cy, &err), -1);
    assert_true(r[0][0] == 7.0); /* untouched */
    /* A little beside the line is enough. */
    line[4] += 0.01;
    assert_int_equal(asim_superpose(line, y, 5, r, cx, cy, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kabsch),
                                       cmocka_unit_test(test_jacobi),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
