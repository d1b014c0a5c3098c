/* Images of differences in periodic boxes. */
#include "structure/lattice.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"

int asim_lattice_init(const float box[3][3], struct asim_lattice *ret_lattice,
                      struct asim_error *err)
{
    struct asim_lattice lattice = {.open = true, .safe_squared = INFINITY};
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) {
            if (!isfinite(box[i][k]))
                return asim_fail(err, ASIM_EINPUT, "a box vector is not finite");
            if (k > i && box[i][k] != 0.0f)
                return asim_fail(err, ASIM_EINPUT,
                                 "the box vectors are not oriented as GROMACS has them "
                                 "(first along x, second in the xy plane)");
            lattice.row[i][k] = (double)box[i][k];
        }
        double edge = fabs(lattice.row[i][i]);
        lattice.half[i] = FLT_MAX;
        if (edge == 0.0)
            continue;
        lattice.open = false;
        lattice.half[i] = (float)(0.5 * edge);
        lattice.inverse[i] = 1.0 / lattice.row[i][i];
        lattice.safe_squared = fmin(lattice.safe_squared, 0.25 * edge * edge);
    }
    *ret_lattice = lattice;
    return 0;
}

bool asim_lattice_reduce(const struct asim_lattice *lattice, double d[3],
                         double shift[3])
{
    shift[0] = shift[1] = shift[2] = 0.0;
    for (int i = 2; i >= 0; i--) {
        double n = rint(d[i] * lattice->inverse[i]);
        /* Beyond 2^24 boxes a float holds no position within the box any more. */
        if (!(fabs(n) < 16777216.0))
            return false;
        for (int k = 0; k <= i; k++) {
            d[k] -= n * lattice->row[i][k];
            shift[k] -= n * lattice->row[i][k];
        }
    }
    return isfinite(d[0]) && isfinite(d[1]) && isfinite(d[2]);
}

double asim_squared_length(const double d[3])
{
    return d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
}

/* In the boxes that GROMACS accepts (b_x, c_x
 * within half of a_x, c_y within half of b_y) the shortest image differs from the
 * reduced one by at most one box vector each way. */
bool asim_lattice_shortest(const struct asim_lattice *lattice, double d[3],
                           double shift[3])
{
    if (!asim_lattice_reduce(lattice, d, shift))
        return false;
    if (asim_squared_length(d) <= lattice->safe_squared)
        return true;
    double best[3], best_squared = asim_squared_length(d);
    double added[3] = {0.0, 0.0, 0.0};
    memcpy(best, d, sizeof best);
    for (int n = 0; n < 27; n++) {
        double step[3], moved[3];
        for (int k = 0; k < 3; k++) {
            step[k] = (n % 3 - 1) * lattice->row[0][k] +
                      (n / 3 % 3 - 1) * lattice->row[1][k] +
                      (n / 9 - 1) * lattice->row[2][k];
            moved[k] = d[k] + step[k];
        }
        /* A tie keeps the image that reduction gave. */
        if (asim_squared_length(moved) < best_squared * (1.0 - 1e-12)) {
            best_squared = asim_squared_length(moved);
            memcpy(best, moved, sizeof best);
            memcpy(added, step, sizeof added);
        }
    }
    for (int k = 0; k < 3; k++) {
        d[k] = best[k];
        shift[k] += added[k];
    }
    return true;
}
