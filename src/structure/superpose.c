/*
 * Optimal superposition: the rotation from the largest eigenvector of the 4 x 4 key
 * matrix of Horn (1987, J. Opt. Soc. Am. A 4, 629), its eigenvalue by Newton's method
 * on the characteristic polynomial as Theobald (2005, Acta Cryst. A61, 478) does, its
 * eigenvector as a column of the adjugate (Liu, Agrafiotis, Theobald 2010).
 *
 * Invariant: the fast way checks its own answer; what it is not sure of goes to cyclic
 * Jacobi rotations, which are accurate for every symmetric matrix.
 * Knows points only: no frames, no files.
 */
#include "structure/superpose.h"

#include <float.h>
#include <math.h>

#include "base/error.h"

/* Points whose extent across a line is below this fraction of the extent along it are
 * on the line: coordinates are 32-bit floats, so that points on a slanted line miss it
 * by some 1e-7 of their coordinates. */
static const double LINE_FRACTION = 1e-6;

/* Fast answers must satisfy |K q - lambda q| below this (K scaled to about 1). */
static const double RESIDUAL_LIMIT = 1e-13;

static void key_matrix(const double m[3][3], double ret_key[4][4])
{
    double xx = m[0][0], xy = m[0][1], xz = m[0][2];
    double yx = m[1][0], yy = m[1][1], yz = m[1][2];
    double zx = m[2][0], zy = m[2][1], zz = m[2][2];
    double key[4][4] = {{xx + yy + zz, yz - zy, zx - xz, xy - yx},
                        {yz - zy, xx - yy - zz, xy + yx, zx + xz},
                        {zx - xz, xy + yx, yy - xx - zz, yz + zy},
                        {xy - yx, zx + xz, yz + zy, zz - xx - yy}};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            ret_key[i][j] = key[i][j];
}

static void rotation_of_quaternion(const double q[4], double ret_rotation[3][3])
{
    double w = q[0], x = q[1], y = q[2], z = q[3];
    ret_rotation[0][0] = w * w + x * x - y * y - z * z;
    ret_rotation[1][1] = w * w - x * x + y * y - z * z;
    ret_rotation[2][2] = w * w - x * x - y * y + z * z;
    ret_rotation[0][1] = 2.0 * (x * y - w * z);
    ret_rotation[1][0] = 2.0 * (x * y + w * z);
    ret_rotation[0][2] = 2.0 * (x * z + w * y);
    ret_rotation[2][0] = 2.0 * (x * z - w * y);
    ret_rotation[1][2] = 2.0 * (y * z - w * x);
    ret_rotation[2][1] = 2.0 * (y * z + w * x);
}

static double largest_magnitude(const double m[3][3])
{
    double largest = 0.0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            largest = fabs(m[i][j]) > largest ? fabs(m[i][j]) : largest;
    return largest;
}

/* The 2 x 2 minors of the first two rows and of the last two: all cofactors and the
 * determinant are short sums of them (Laplace). */
struct minors {
    double upper[6], lower[6]; /* of rows 0 1 and rows 2 3; columns 01 02 03 12 13 23 */
};

static struct minors minors_of(const double a[4][4])
{
    static const int column[6][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};
    struct minors m;
    for (int i = 0; i < 6; i++) {
        int j = column[i][0], k = column[i][1];
        m.upper[i] = a[0][j] * a[1][k] - a[0][k] * a[1][j];
        m.lower[i] = a[2][j] * a[3][k] - a[2][k] * a[3][j];
    }
    return m;
}

static double determinant_of(const struct minors *m)
{
    return m->upper[0] * m->lower[5] - m->upper[1] * m->lower[4] +
           m->upper[2] * m->lower[3] + m->upper[3] * m->lower[2] -
           m->upper[4] * m->lower[1] + m->upper[5] * m->lower[0];
}

/* Cofactors of row `row` of the matrix: the other row of its pair against the minors
 * of the other pair. */
static void cofactors(const double a[4][4], const struct minors *m, int row,
                      double ret_cofactors[4])
{
    const double *r = a[row ^ 1], *s = row < 2 ? m->lower : m->upper;
    double sign = row % 2 == 0 ? 1.0 : -1.0;
    ret_cofactors[0] = sign * (r[1] * s[5] - r[2] * s[4] + r[3] * s[3]);
    ret_cofactors[1] = -sign * (r[0] * s[5] - r[2] * s[2] + r[3] * s[1]);
    ret_cofactors[2] = sign * (r[0] * s[4] - r[1] * s[2] + r[3] * s[0]);
    ret_cofactors[3] = -sign * (r[0] * s[3] - r[1] * s[1] + r[2] * s[0]);
}

/* The largest root of t^4 + c2 t^2 + c1 t + c0, all of whose roots are real: Newton
 * from above falls onto it without passing it. */
static bool largest_root(double start, double c2, double c1, double c0,
                         double *ret_root)
{
    double t = start;
    for (int i = 0; i < 60; i++) {
        double square = t * t;
        double value = (square + c2) * square + c1 * t + c0;
        double slope = (4.0 * square + 2.0 * c2) * t + c1;
        if (!(slope > 0.0))
            return false;
        double step = value / slope;
        t -= step;
        /* The next step would be of the order of its square; where it is not, the
         * caller sees it in the residual. */
        if (fabs(step) <= 1e-8 * fabs(t)) {
            *ret_root = t;
            return true;
        }
    }
    return false;
}

bool asim_rotation_fast(const double m[3][3], double ret_rotation[3][3])
{
    double scale = largest_magnitude(m);
    if (!(scale > DBL_MIN) || !isfinite(scale))
        return false;
    double a[3][3], key[4][4];
    double square = 0.0, factor = 1.0 / scale;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            a[i][j] = m[i][j] * factor;
            square += a[i][j] * a[i][j];
        }
    key_matrix(a, key);
    double determinant = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
                         a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                         a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
    struct minors minors = minors_of(key);
    double c0 = determinant_of(&minors);
    /* The root is a sum of three singular values, at most sqrt(3) times the norm. */
    double root;
    if (!largest_root(sqrt(3.0 * square) * (1.0 + 1e-15), -2.0 * square,
                      -8.0 * determinant, c0, &root))
        return false;
    double shifted[4][4];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            shifted[i][j] = key[i][j] - (i == j ? root : 0.0);
    /* The adjugate is (a multiple of) q q^T: its largest diagonal element picks the
     * column with the least cancellation. */
    double q[4] = {0.0}, largest = 0.0, norm = 0.0;
    minors = minors_of(shifted);
    for (int i = 0; i < 4; i++) {
        double column[4];
        cofactors(shifted, &minors, i, column);
        if (fabs(column[i]) <= largest)
            continue;
        largest = fabs(column[i]);
        for (int j = 0; j < 4; j++)
            q[j] = column[j];
    }
    if (!(largest > 1e-9))
        return false;
    for (int j = 0; j < 4; j++)
        norm += q[j] * q[j];
    norm = 1.0 / sqrt(norm);
    for (int j = 0; j < 4; j++)
        q[j] *= norm;
    double residual = 0.0;
    for (int i = 0; i < 4; i++) {
        double sum = 0.0;
        for (int j = 0; j < 4; j++)
            sum += shifted[i][j] * q[j];
        residual = fabs(sum) > residual ? fabs(sum) : residual;
    }
    if (!(residual <= RESIDUAL_LIMIT))
        return false;
    rotation_of_quaternion(q, ret_rotation);
    return true;
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
    key_matrix(a, key);
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
    rotation_of_quaternion(q, ret_rotation);
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
