/* What the .edi bias leaves out. Formula and symbols: force_error.h. */
#include "windows/force_error.h"

#include "pca/turning.h"

static void add_cross(const double a[3], const double b[3], double sum[3])
{
    sum[0] += a[1] * b[2] - a[2] * b[1];
    sum[1] += a[2] * b[0] - a[0] * b[2];
    sum[2] += a[0] * b[1] - a[1] * b[0];
}

int asim_force_error(const struct asim_fitted *fitted, double *ret_h, double *ret_w2,
                     struct asim_error *err)
{
    double m[3][3] = {{0}}, torque[3] = {0}, sum[3] = {0}, omega[3];
    double missing = 0, applied = 0;
    size_t fit_count = fitted->fit_count;
    for (size_t i = 0; i < fitted->count; i++) {
        const double *v = fitted->vector + 3 * i;
        add_cross(fitted->y_nm + 3 * i, v, torque);
        for (int a = 0; a < 3; a++) {
            sum[a] += v[a];
            applied += v[a] * v[a];
        }
    }
    for (size_t i = 0; i < fit_count; i++) {
        const double *y = fitted->fit_y_nm + 3 * i, *r = fitted->reference_nm + 3 * i;
        double dot = y[0] * r[0] + y[1] * r[1] + y[2] * r[2];
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < 3; b++)
                m[a][b] += (a == b ? dot : 0) - y[a] * r[b];
    }
    if (asim_turning_solve(m, torque, omega, err) < 0)
        return -1;
    for (size_t i = 0; i < fit_count; i++) {
        double *h = ret_h + 3 * i;
        for (int a = 0; a < 3; a++)
            h[a] = -sum[a] / (double)fit_count;
        add_cross(fitted->reference_nm + 3 * i, omega, h);
        for (int a = 0; a < 3; a++)
            missing += h[a] * h[a];
    }
    *ret_w2 = missing / applied;
    return 0;
}
