/*
 * The unit cell of DCD frames: told apart and turned into box vectors.
 * Invariant: what comes out is finite, lower triangular, and spans a volume unless it
 * has edges of zero, which stand for open directions.
 */
#include "formats/dcd.h"

#include <math.h>
#include <stdio.h>

#include "base/units.h"

enum { SHAPE_VERSION = 25 }; /* of CHARMM, the first that writes shape matrices */

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* Positive definite: every leading minor is positive. */
static bool is_shape(const double h[3][3])
{
    double second = h[0][0] * h[1][1] - h[0][1] * h[0][1];
    double third = h[0][0] * (h[1][1] * h[2][2] - h[1][2] * h[1][2]) -
                   h[0][1] * (h[0][1] * h[2][2] - h[1][2] * h[0][2]) +
                   h[0][2] * (h[0][1] * h[1][2] - h[1][1] * h[0][2]);
    return h[0][0] > 0 && second > 0 && third > 0;
}

/* Rows of L where H = L Q, L lower triangular and Q orthogonal with the rows `turn`. */
static void shape_vectors(const double h[3][3], struct asim_dcd_cell *cell,
                          double vectors[3][3])
{
    cell->turned = h[0][1] != 0 || h[0][2] != 0 || h[1][2] != 0;
    for (int i = 0; i < 3; i++) {
        double rest[3] = {h[i][0], h[i][1], h[i][2]};
        for (int k = 0; k < i; k++) {
            vectors[i][k] = dot(h[i], cell->turn[k]);
            for (int d = 0; d < 3; d++)
                rest[d] -= vectors[i][k] * cell->turn[k][d];
        }
        vectors[i][i] = sqrt(dot(rest, rest));
        for (int d = 0; d < 3; d++)
            cell->turn[i][d] = rest[d] / vectors[i][i];
    }
}

static bool angle_vectors(const double edge[3], double cos_alpha, double cos_beta,
                          double cos_gamma, double vectors[3][3])
{
    for (int i = 0; i < 3; i++)
        if (!(edge[i] >= 0))
            return false;
    bool right = cos_alpha == 0 && cos_beta == 0 && cos_gamma == 0;
    if (!right && !(edge[0] > 0 && edge[1] > 0 && edge[2] > 0))
        return false;
    double sin_gamma_squared = 1 - cos_gamma * cos_gamma;
    if (!(sin_gamma_squared > 0))
        return false;
    double sin_gamma = sqrt(sin_gamma_squared);
    double c_y = (cos_alpha - cos_beta * cos_gamma) / sin_gamma;
    double c_z_squared = 1 - cos_beta * cos_beta - c_y * c_y;
    if (!(c_z_squared > 0))
        return false;
    vectors[0][0] = edge[0];
    vectors[1][0] = edge[1] * cos_gamma;
    vectors[1][1] = edge[1] * sin_gamma;
    vectors[2][0] = edge[2] * cos_beta;
    vectors[2][1] = edge[2] * c_y;
    vectors[2][2] = edge[2] * sqrt(c_z_squared);
    return true;
}

/* Exactly 0 at 90 degrees, so that right angles stay right. */
static double cos_degrees(double degrees)
{
    return degrees == 90 ? 0 : cos(degrees * (M_PI / 180));
}

static bool is_angle(double degrees)
{
    return degrees > 0 && degrees < 180;
}

static bool cell_vectors(const double record[6], int charmm_version,
                         struct asim_dcd_cell *cell, double vectors[3][3])
{
    const double edge[3] = {record[0], record[2], record[5]};
    const double alpha = record[4], beta = record[3], gamma = record[1];
    const double shape[3][3] = {{record[0], record[1], record[3]},
                                {record[1], record[2], record[4]},
                                {record[3], record[4], record[5]}};
    if (edge[0] == 0 && edge[1] == 0 && edge[2] == 0)
        return true; /* no box, whatever the angles are */
    if (alpha == 90 && beta == 90 && gamma == 90)
        return angle_vectors(edge, 0, 0, 0, vectors);
    if (charmm_version >= SHAPE_VERSION && is_shape(shape)) {
        shape_vectors(shape, cell, vectors);
        return true;
    }
    if (fabs(alpha) <= 1 && fabs(beta) <= 1 && fabs(gamma) <= 1)
        return angle_vectors(edge, alpha, beta, gamma, vectors);
    if (is_angle(alpha) && is_angle(beta) && is_angle(gamma) &&
        angle_vectors(edge, cos_degrees(alpha), cos_degrees(beta), cos_degrees(gamma),
                      vectors))
        return true;
    if (!is_shape(shape))
        return false;
    shape_vectors(shape, cell, vectors);
    return true;
}

int asim_dcd_cell_parse(const double record[6], int charmm_version,
                        struct asim_dcd_cell *ret_cell, char what[ASIM_DAMAGE_TEXT])
{
    struct asim_dcd_cell cell = {0};
    double vectors[3][3] = {{0}};
    bool right = true;
    /* Beyond this, in Angstrom, products of three are no numbers any more. */
    for (int i = 0; i < 6; i++)
        right = right && fabs(record[i]) < 1e30;
    right = right && cell_vectors(record, charmm_version, &cell, vectors);
    for (int i = 0; i < 3 && right; i++)
        for (int k = 0; k < 3; k++) {
            cell.box_nm[i][k] = (float)(vectors[i][k] / ASIM_ANGSTROM_PER_NM);
            right = right && isfinite(cell.box_nm[i][k]) && isfinite(cell.turn[i][k]);
        }
    if (!right) {
        snprintf(what, ASIM_DAMAGE_TEXT,
                 "the unit cell (%.5g %.5g %.5g %.5g %.5g %.5g) has neither angles nor "
                 "cosines nor a shape matrix that are possible",
                 record[0], record[1], record[2], record[3], record[4], record[5]);
        return -1;
    }
    *ret_cell = cell;
    return 0;
}
