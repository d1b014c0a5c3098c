/* How a structure turns with the fit along a vector. Formula and symbols: turning.h. */
#include "pca/turning.h"

#include <math.h>

static double determinant(double m[3][3])
{
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
           m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

/* Cramer's rule; the matrix is 3 x 3 and its conditioning is checked. */
int asim_turning_solve(double m[3][3], const double b[3], double ret_x[3],
                       struct asim_error *err)
{
    double scale = fabs(m[0][0]) + fabs(m[1][1]) + fabs(m[2][2]);
    double whole = determinant(m);
    if (!(fabs(whole) > 1e-12 * scale * scale * scale))
        return asim_fail(err, ASIM_EINPUT,
                         "the superposition is not unique: the atoms lie on a line or "
                         "the structure is far from the reference");
    for (int column = 0; column < 3; column++) {
        double replaced[3][3];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                replaced[i][j] = j == column ? b[i] : m[i][j];
        ret_x[column] = determinant(replaced) / whole;
    }
    return 0;
}

int asim_turning_error(const struct asim_turning_sums *sums, double *ret_w2,
                       struct asim_error *err)
{
    double m[3][3], torque[3], omega[3], missing = 0;
    double dot = sums->y_r[0][0] + sums->y_r[1][1] + sums->y_r[2][2];
    double square = sums->r_r[0][0] + sums->r_r[1][1] + sums->r_r[2][2];
    for (int a = 0; a < 3; a++) {
        int b = (a + 1) % 3, c = (a + 2) % 3;
        torque[a] = sums->y_v[b][c] - sums->y_v[c][b];
        for (int d = 0; d < 3; d++)
            m[a][d] = (a == d ? dot : 0) - sums->y_r[a][d];
    }
    if (asim_turning_solve(m, torque, omega, err) < 0)
        return -1;
    /* sum |r x Omega|^2 */
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++)
            missing += omega[a] * ((a == b ? square : 0) - sums->r_r[a][b]) * omega[b];
    *ret_w2 = missing / sums->v_v;
    return 0;
}
