/*
 * The rotation that superposes best, for one pair of point sets or for as many as a
 * vector has lanes: a file defines what follows, then includes this one.
 *
 *   lanes              a double, or a vector of doubles with + - * / and comparisons
 *   lane_mask          what comparing lanes gives; & | ~ work on it
 *   LANES_SET(x)       x in every lane
 *   LANES_SQRT(v)
 *   LANES_CHOOSE(mask, a, b)   a where the mask holds, else b
 *   LANES_ANY(mask)    does it hold in any lane?
 *   LANES_TARGET       attributes of functions
 *
 * From the largest eigenvector of the 4 x 4 key matrix of Horn (1987, J. Opt. Soc. Am.
 * A 4, 629), its eigenvalue by Newton's method on the characteristic polynomial as
 * Theobald (2005, Acta Cryst. A61, 478) does, its eigenvector as a column of the
 * adjugate (Liu, Agrafiotis, Theobald 2010). A lane's answer does not depend on the
 * others and is the same to the bit for every kind of lanes: no operation is fused or
 * reordered.
 */
#include <float.h>

LANES_TARGET static inline lanes lanes_abs(lanes v)
{
    return LANES_CHOOSE(v < LANES_SET(0.0), -v, v);
}

LANES_TARGET static inline void lanes_key_matrix(lanes m[3][3], lanes ret_key[4][4])
{
    lanes xx = m[0][0], xy = m[0][1], xz = m[0][2];
    lanes yx = m[1][0], yy = m[1][1], yz = m[1][2];
    lanes zx = m[2][0], zy = m[2][1], zz = m[2][2];
    lanes key[4][4] = {{xx + yy + zz, yz - zy, zx - xz, xy - yx},
                       {yz - zy, xx - yy - zz, xy + yx, zx + xz},
                       {zx - xz, xy + yx, yy - xx - zz, yz + zy},
                       {xy - yx, zx + xz, yz + zy, zz - xx - yy}};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            ret_key[i][j] = key[i][j];
}

LANES_TARGET static inline void lanes_rotation(const lanes q[4],
                                               lanes ret_rotation[3][3])
{
    lanes w = q[0], x = q[1], y = q[2], z = q[3], two = LANES_SET(2.0);
    ret_rotation[0][0] = w * w + x * x - y * y - z * z;
    ret_rotation[1][1] = w * w - x * x + y * y - z * z;
    ret_rotation[2][2] = w * w - x * x - y * y + z * z;
    ret_rotation[0][1] = two * (x * y - w * z);
    ret_rotation[1][0] = two * (x * y + w * z);
    ret_rotation[0][2] = two * (x * z + w * y);
    ret_rotation[2][0] = two * (x * z - w * y);
    ret_rotation[1][2] = two * (y * z - w * x);
    ret_rotation[2][1] = two * (y * z + w * x);
}

/* The 2 x 2 minors of the first two rows and of the last two: all cofactors and the
 * determinant are short sums of them (Laplace). */
struct lanes_minors {
    lanes upper[6], lower[6]; /* of rows 0 1 and rows 2 3; columns 01 02 03 12 13 23 */
};

LANES_TARGET static inline void lanes_minors_of(lanes a[4][4], struct lanes_minors *ret)
{
    static const int column[6][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};
    for (int i = 0; i < 6; i++) {
        int j = column[i][0], k = column[i][1];
        ret->upper[i] = a[0][j] * a[1][k] - a[0][k] * a[1][j];
        ret->lower[i] = a[2][j] * a[3][k] - a[2][k] * a[3][j];
    }
}

LANES_TARGET static inline lanes lanes_determinant(const struct lanes_minors *m)
{
    return m->upper[0] * m->lower[5] - m->upper[1] * m->lower[4] +
           m->upper[2] * m->lower[3] + m->upper[3] * m->lower[2] -
           m->upper[4] * m->lower[1] + m->upper[5] * m->lower[0];
}

/* Cofactors of row `row` of the matrix: the other row of its pair against the minors
 * of the other pair. */
LANES_TARGET static inline void lanes_cofactors(lanes a[4][4],
                                                const struct lanes_minors *m, int row,
                                                lanes ret_cofactors[4])
{
    const lanes *r = a[row ^ 1], *s = row < 2 ? m->lower : m->upper;
    lanes sign = LANES_SET(row % 2 == 0 ? 1.0 : -1.0);
    ret_cofactors[0] = sign * (r[1] * s[5] - r[2] * s[4] + r[3] * s[3]);
    ret_cofactors[1] = -sign * (r[0] * s[5] - r[2] * s[2] + r[3] * s[1]);
    ret_cofactors[2] = sign * (r[0] * s[4] - r[1] * s[2] + r[3] * s[0]);
    ret_cofactors[3] = -sign * (r[0] * s[3] - r[1] * s[1] + r[2] * s[0]);
}

/* The largest root of t^4 + c2 t^2 + c1 t + c0, all of whose roots are real: Newton
 * from above falls onto it without passing it. Holds where it was found. */
LANES_TARGET static inline lane_mask lanes_largest_root(lanes start, lanes c2, lanes c1,
                                                        lanes c0, lane_mask wanted,
                                                        lanes *ret_root)
{
    lanes t = start, zero = LANES_SET(0.0);
    lane_mask found = wanted & ~wanted;
    for (int i = 0; i < 60 && LANES_ANY(wanted & ~found); i++) {
        lanes square = t * t;
        lanes value = (square + c2) * square + c1 * t + c0;
        lanes slope = (LANES_SET(4.0) * square + LANES_SET(2.0) * c2) * t + c1;
        wanted &= found | (slope > zero);
        lanes step = value / slope;
        t = LANES_CHOOSE(wanted & ~found, t - step, t);
        /* The next step would be of the order of its square; where it is not, the
         * caller sees it in the residual. */
        found |= wanted & (lanes_abs(step) <= LANES_SET(1e-8) * lanes_abs(t));
    }
    *ret_root = t;
    return wanted & found;
}

/* The rotations of the inner products m; the mask holds where they are sure. */
LANES_TARGET static inline lane_mask lanes_superpose(lanes m[3][3],
                                                     lanes ret_rotation[3][3])
{
    /* Answers must satisfy |K q - lambda q| below this (K scaled to about 1). */
    const double residual_limit = 1e-13;
    lanes zero = LANES_SET(0.0), one = LANES_SET(1.0), scale = zero;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            lanes magnitude = lanes_abs(m[i][j]);
            scale = LANES_CHOOSE(magnitude > scale, magnitude, scale);
        }
    lane_mask sure = (scale > LANES_SET(DBL_MIN)) & (scale <= LANES_SET(DBL_MAX));
    lanes a[3][3], key[4][4];
    lanes square = zero, factor = one / LANES_CHOOSE(sure, scale, one);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            a[i][j] = m[i][j] * factor;
            square += a[i][j] * a[i][j];
        }
    lanes_key_matrix(a, key);
    lanes determinant = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
                        a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                        a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
    struct lanes_minors minors;
    lanes_minors_of(key, &minors);
    lanes c0 = lanes_determinant(&minors), root;
    /* The root is a sum of three singular values, at most sqrt(3) times the norm. */
    lanes start = LANES_SQRT(LANES_SET(3.0) * square) * LANES_SET(1.0 + 1e-15);
    sure = lanes_largest_root(start, LANES_SET(-2.0) * square,
                              LANES_SET(-8.0) * determinant, c0, sure, &root);
    for (int i = 0; i < 4; i++)
        key[i][i] -= root;
    /* The adjugate is (a multiple of) q q^T: its largest diagonal element picks the
     * column with the least cancellation. */
    lanes q[4] = {zero, zero, zero, zero}, largest = zero, norm = zero;
    lanes_minors_of(key, &minors);
    for (int i = 0; i < 4; i++) {
        lanes column[4];
        lanes_cofactors(key, &minors, i, column);
        lane_mask larger = lanes_abs(column[i]) > largest;
        largest = LANES_CHOOSE(larger, lanes_abs(column[i]), largest);
        for (int j = 0; j < 4; j++)
            q[j] = LANES_CHOOSE(larger, column[j], q[j]);
    }
    sure &= largest > LANES_SET(1e-9);
    for (int j = 0; j < 4; j++)
        norm += q[j] * q[j];
    norm = one / LANES_SQRT(LANES_CHOOSE(sure, norm, one));
    for (int j = 0; j < 4; j++)
        q[j] *= norm;
    lanes residual = zero;
    for (int i = 0; i < 4; i++) {
        lanes sum = zero;
        for (int j = 0; j < 4; j++)
            sum += key[i][j] * q[j];
        residual = LANES_CHOOSE(lanes_abs(sum) > residual, lanes_abs(sum), residual);
    }
    sure &= residual <= LANES_SET(residual_limit);
    lanes_rotation(q, ret_rotation);
    return sure;
}
