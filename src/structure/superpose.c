/*
 * Optimal superposition: the fast way of rotation_body.h, and the sure one.
 *
 * Invariant: the fast way checks its own answer; what it is not sure of goes to cyclic
 * Jacobi rotations, which are accurate for every symmetric matrix.
 * Knows points only: no frames, no files.
 */
#include "structure/superpose.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"

/* Points whose extent across a line is below this fraction of the extent along it are
 * on the line: coordinates are 32-bit floats, so that points on a slanted line miss it
 * by some 1e-7 of their coordinates. */
static const double LINE_FRACTION = 1e-6;

typedef double lanes;
typedef int lane_mask;
#define LANES_TARGET
#define LANES_SET(x) (x)
#define LANES_SQRT(v) sqrt(v)
#define LANES_CHOOSE(mask, a, b) ((mask) ? (a) : (b))
#define LANES_ANY(mask) ((mask) != 0)
#include "structure/rotation_body.h"

bool asim_rotation_fast(const double m[3][3], double ret_rotation[3][3])
{
    double products[3][3], rotation[3][3];
    memcpy(products, m, sizeof products);
    if (!lanes_superpose(products, rotation))
        return false;
    memcpy(ret_rotation, rotation, sizeof rotation);
    return true;
}

static double largest_magnitude(const double m[3][3])
{
    double largest = 0.0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            largest = fabs(m[i][j]) > largest ? fabs(m[i][j]) : largest;
    return largest;
}

/* Cyclic Jacobi: `a` becomes diagonal, the columns of `vectors` its eigenvectors. */
static void jacobi(int n, double *a, double *vectors)
{
    for (int i = 0; i < n * n; i++)
        vectors[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0.0;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                off += fabs(a[p * n + q]);
        if (off == 0.0)
            return;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                double apq = a[p * n + q];
                if (fabs(apq) <=
                    DBL_EPSILON * 1e-3 * (fabs(a[p * n + p]) + fabs(a[q * n + q]))) {
                    a[p * n + q] = a[q * n + p] = 0.0;
                    continue;
                }
                double theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
                double t = copysign(1.0, theta) / (fabs(theta) + hypot(1.0, theta));
                double c = 1.0 / sqrt(1.0 + t * t), s = t * c;
                for (int k = 0; k < n; k++) {
                    double akp = a[k * n + p], akq = a[k * n + q];
                    a[k * n + p] = c * akp - s * akq;
                    a[k * n + q] = s * akp + c * akq;
                }
                for (int k = 0; k < n; k++) {
                    double apk = a[p * n + k], aqk = a[q * n + k];
                    a[p * n + k] = c * apk - s * aqk;
                    a[q * n + k] = s * apk + c * aqk;
                }
                for (int k = 0; k < n; k++) {
                    double vp = vectors[k * n + p], vq = vectors[k * n + q];
                    vectors[k * n + p] = c * vp - s * vq;
                    vectors[k * n + q] = s * vp + c * vq;
                }
                a[p * n + q] = a[q * n + p] = 0.0;
            }
    }
}

void asim_rotation_jacobi(const double m[3][3], double ret_rotation[3][3])
{
    double scale = largest_magnitude(m);
    double a[3][3], key[4][4], vectors[4][4];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            a[i][j] = scale > DBL_MIN ? m[i][j] / scale : 0.0;
    lanes_key_matrix(a, key);
    jacobi(4, &key[0][0], &vectors[0][0]);
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (key[i][i] > key[best][best])
            best = i;
    double q[4], norm = 0.0;
    for (int i = 0; i < 4; i++) {
        q[i] = vectors[i][best];
        norm += q[i] * q[i];
    }
    norm = sqrt(norm);
    for (int i = 0; i < 4; i++)
        q[i] /= norm;
    lanes_rotation(q, ret_rotation);
}

bool asim_on_a_line(const double spread[3][3])
{
    double scale = largest_magnitude(spread);
    if (!(scale > DBL_MIN) || !isfinite(scale))
        return true;
    double a[3][3], vectors[3][3];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            a[i][j] = spread[i][j] / scale;
    jacobi(3, &a[0][0], &vectors[0][0]);
    double largest = fmax(a[0][0], fmax(a[1][1], a[2][2]));
    double smallest = fmin(a[0][0], fmin(a[1][1], a[2][2]));
    double middle = a[0][0] + a[1][1] + a[2][2] - largest - smallest;
    return middle <= LINE_FRACTION * LINE_FRACTION * largest;
}

static void centre_of(const double *x, size_t count, double ret_centre[3])
{
    double sum[3] = {0.0, 0.0, 0.0};
    for (size_t i = 0; i < count; i++)
        for (int d = 0; d < 3; d++)
            sum[d] += x[3 * i + d];
    for (int d = 0; d < 3; d++)
        ret_centre[d] = sum[d] / (double)count;
}

static void products(const double *x, const double xc[3], const double *y,
                     const double yc[3], size_t count, double ret_m[3][3])
{
    double m[3][3] = {{0.0}};
    for (size_t p = 0; p < count; p++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                m[i][j] += (x[3 * p + i] - xc[i]) * (y[3 * p + j] - yc[j]);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            ret_m[i][j] = m[i][j];
}

int asim_superpose(const double *x, const double *y, size_t count,
                   double ret_rotation[3][3], double ret_x_centre[3],
                   double ret_y_centre[3], struct asim_error *err)
{
    if (count < 3)
        return asim_fail(err, ASIM_EINPUT,
                         "%zu atoms cannot be superposed: at least 3 that are not on a "
                         "line are needed",
                         count);
    double xc[3], yc[3], m[3][3];
    centre_of(x, count, xc);
    centre_of(y, count, yc);
    products(x, xc, y, yc, count, m);
    double rotation[3][3];
    if (!asim_rotation_fast(m, rotation)) {
        double spread[3][3];
        for (int side = 0; side < 2; side++) {
            const double *points = side ? y : x, *centre = side ? yc : xc;
            products(points, centre, points, centre, count, spread);
            if (asim_on_a_line(spread))
                return asim_fail(err, ASIM_EINPUT,
                                 "%zu atoms that lie on a line cannot be superposed: "
                                 "select at least one atom beside it",
                                 count);
        }
        asim_rotation_jacobi(m, rotation);
    }
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++)
            ret_rotation[i][j] = rotation[i][j];
        ret_x_centre[i] = xc[i];
        ret_y_centre[i] = yc[i];
    }
    return 0;
}
