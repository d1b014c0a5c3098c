/*
 * A cell list over the centres, in units of the box vectors.
 *
 * Along each vector the box is cut into cells about as wide (between planes) as the
 * cutoff, or finer where they would hold many centres; the cells that a point must look
 * at are those whose number differs by at most `reach`, counted on through the periodic
 * images and nearest first, since one centre within the cutoff is enough. Each
 * centre is compared at the image that its cell belongs to, so that no distance needs a
 * nearest image and a cutoff beyond half the box is right as well. An open direction is
 * made periodic with a vacuum wider than the cutoff.
 */
#include "structure/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "structure/lattice.h"

/* Relative slack of the squared cutoff: four roundings of a float. */
#define SLACK 2.4e-7

struct grid {
    double row[3][3], inverse[3]; /* lower triangular; reciprocals of the diagonal */
    double origin[3];
    size_t cells[3];
    long reach[3];
    size_t *first;  /* [cells + 1] offsets into `order` */
    double (*x)[3]; /* centres by cell, moved into the box */
    struct step {
        long by[3];
        double distance_squared; /* between the middles of the cells */
    } * steps;                   /* to the cells in reach, nearest first */
    size_t step_count;
};

static void grid_finish(struct grid *grid)
{
    free(grid->first);
    free(grid->x);
    free(grid->steps);
}

static int check_finite(const float (*x)[3], size_t count, double low[3],
                        double high[3], struct asim_error *err)
{
    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < 3; k++) {
            double value = (double)x[i][k];
            if (!(fabs(value) < 1e7))
                return asim_fail(err, ASIM_EINPUT,
                                 "a position of (%g, %g, %g) nm is not finite or far "
                                 "from any box",
                                 (double)x[i][0], (double)x[i][1], (double)x[i][2]);
            low[k] = fmin(low[k], value);
            high[k] = fmax(high[k], value);
        }
    }
    return 0;
}

/* The vectors of the grid: the box's, and for an open direction the extent of all
 * positions and a vacuum. */
static void choose_rows(struct grid *grid, const struct asim_lattice *lattice,
                        const double low[3], const double high[3], double cutoff)
{
    for (int i = 0; i < 3; i++) {
        memcpy(grid->row[i], lattice->row[i], sizeof grid->row[i]);
        if (lattice->row[i][i] == 0.0) {
            memset(grid->row[i], 0, sizeof grid->row[i]);
            grid->row[i][i] = high[i] - low[i] + 2.0 * cutoff + 1.0;
            grid->origin[i] = low[i] - 0.5;
        }
        grid->inverse[i] = 1.0 / grid->row[i][i];
    }
}

/* Distance between the planes that bound the cell along each vector. */
static void find_widths(const struct grid *grid, double ret_width[3])
{
    const double(*r)[3] = grid->row;
    double a = fabs(r[0][0]), b = fabs(r[1][1]), c = fabs(r[2][2]);
    double cross_x = r[1][0] * r[2][1] - r[1][1] * r[2][0];
    ret_width[2] = c;
    ret_width[1] = b * c / hypot(c, r[2][1]);
    ret_width[0] =
        a * b * c / sqrt(b * b * c * c + r[1][0] * r[1][0] * c * c + cross_x * cross_x);
}

/* Images that are looked at along one vector, each way: more means a box that is far
 * thinner than the cutoff, which no simulation has. */
enum { MOST_REACH = 50 };

static int choose_cells(struct grid *grid, size_t centre_count, double cutoff,
                        struct asim_error *err)
{
    double width[3], cells = 1.0;
    find_widths(grid, width);
    double most = 2.0 * cbrt((double)centre_count) + 1.0;
    for (int k = 0; k < 3; k++) {
        double wanted = cutoff > 0.0 ? floor(width[k] / cutoff) : most;
        grid->cells[k] = (size_t)fmax(1.0, fmin(wanted, most));
        cells *= (double)grid->cells[k];
    }
    for (int finer = 0; finer < 2 && 32.0 * cells < (double)centre_count; finer++) {
        cells *= 8.0;
        for (int k = 0; k < 3; k++)
            grid->cells[k] *= 2;
    }
    for (int k = 0; k < 3; k++) {
        double reach = ceil(cutoff * (1.0 + SLACK) / width[k] * (double)grid->cells[k]);
        if (!(reach <= MOST_REACH))
            return asim_fail(err, ASIM_EINPUT,
                             "the box is only %g nm thin along vector %c: too thin for "
                             "a distance of %g nm",
                             width[k], "abc"[k], cutoff);
        grid->reach[k] = (long)reach;
    }
    return 0;
}

static int compare_steps(const void *a, const void *b)
{
    double x = ((const struct step *)a)->distance_squared;
    double y = ((const struct step *)b)->distance_squared;
    return (x > y) - (x < y);
}

static int list_steps(struct grid *grid, struct asim_error *err)
{
    const long *reach = grid->reach;
    size_t count = 1;
    for (int k = 0; k < 3; k++)
        count *= 2 * (size_t)reach[k] + 1;
    grid->steps = asim_alloc_array(count, sizeof *grid->steps, err);
    if (!grid->steps)
        return -1;
    for (long c = -reach[2]; c <= reach[2]; c++) {
        for (long b = -reach[1]; b <= reach[1]; b++) {
            for (long a = -reach[0]; a <= reach[0]; a++) {
                struct step step = {.by = {a, b, c}};
                for (int k = 0; k < 3; k++) {
                    double d = 0.0;
                    for (int i = 0; i < 3; i++)
                        d += (double)step.by[i] / (double)grid->cells[i] *
                             grid->row[i][k];
                    step.distance_squared += d * d;
                }
                grid->steps[grid->step_count++] = step;
            }
        }
    }
    qsort(grid->steps, grid->step_count, sizeof *grid->steps, compare_steps);
    return 0;
}

/* The position moved into the cell of the grid, and its cell along each vector. */
static void wrap(const struct grid *grid, const float from[3], double ret_x[3],
                 long ret_cell[3])
{
    double s[3], rest[3];
    for (int k = 0; k < 3; k++)
        rest[k] = (double)from[k] - grid->origin[k];
    for (int i = 2; i >= 0; i--) {
        s[i] = rest[i] * grid->inverse[i];
        double whole = floor(s[i]);
        for (int k = 0; k <= i; k++)
            rest[k] -= s[i] * grid->row[i][k];
        s[i] -= whole;
        if (!(s[i] < 1.0)) /* a tiny negative number rounds up to 1 */
            s[i] = 0.0;
    }
    for (int k = 0; k < 3; k++) {
        ret_x[k] =
            s[0] * grid->row[0][k] + s[1] * grid->row[1][k] + s[2] * grid->row[2][k];
        long cell = (long)(s[k] * (double)grid->cells[k]);
        ret_cell[k] = cell < (long)grid->cells[k] ? cell : (long)grid->cells[k] - 1;
    }
}

static size_t cell_number(const struct grid *grid, const long cell[3])
{
    return ((size_t)cell[2] * grid->cells[1] + (size_t)cell[1]) * grid->cells[0] +
           (size_t)cell[0];
}

static int fill(struct grid *grid, const float (*centres)[3], size_t count,
                struct asim_error *err)
{
    size_t cells = grid->cells[0] * grid->cells[1] * grid->cells[2];
    double x[3];
    long cell[3];
    grid->first = asim_alloc_array(cells + 2, sizeof *grid->first, err);
    grid->x = asim_alloc_array(count, sizeof *grid->x, err);
    if (!grid->first || !grid->x)
        return -1;
    for (size_t i = 0; i < count; i++) {
        wrap(grid, centres[i], x, cell);
        grid->first[cell_number(grid, cell) + 2]++;
    }
    for (size_t i = 2; i < cells + 2; i++)
        grid->first[i] += grid->first[i - 1];
    for (size_t i = 0; i < count; i++) {
        wrap(grid, centres[i], x, cell);
        memcpy(grid->x[grid->first[cell_number(grid, cell) + 1]++], x, sizeof x);
    }
    return 0;
}

/* The cell number within the box, and how many boxes away it was. */
static long fold(long cell, size_t cells, long *ret_image)
{
    long n = (long)cells;
    long image = cell >= 0 ? cell / n : -((n - 1 - cell) / n);
    *ret_image = image;
    return cell - image * n;
}

static bool any_in_cell(const struct grid *grid, const long cell[3], const double x[3],
                        double cutoff_squared)
{
    size_t number = cell_number(grid, cell);
    for (size_t i = grid->first[number]; i < grid->first[number + 1]; i++) {
        double sum = 0.0;
        for (int k = 0; k < 3; k++) {
            double d = grid->x[i][k] - x[k];
            sum += d * d;
        }
        if (sum <= cutoff_squared)
            return true;
    }
    return false;
}

static bool is_near(const struct grid *grid, const float point[3],
                    double cutoff_squared)
{
    double x[3];
    long own[3];
    wrap(grid, point, x, own);
    for (size_t i = 0; i < grid->step_count; i++) {
        double moved[3] = {x[0], x[1], x[2]};
        long cell[3], image;
        for (int k = 0; k < 3; k++) {
            cell[k] = fold(own[k] + grid->steps[i].by[k], grid->cells[k], &image);
            for (int m = 0; image != 0 && m <= k; m++)
                moved[m] -= (double)image * grid->row[k][m];
        }
        if (any_in_cell(grid, cell, moved, cutoff_squared))
            return true;
    }
    return false;
}

int asim_near(const float box_nm[3][3], const float (*centres_nm)[3],
              size_t centre_count, const float (*points_nm)[3], size_t point_count,
              double cutoff_nm, uint8_t *near, struct asim_error *err)
{
    struct asim_lattice lattice;
    struct grid grid = {0};
    double low[3] = {INFINITY, INFINITY, INFINITY};
    double high[3] = {-INFINITY, -INFINITY, -INFINITY};
    if (asim_lattice_init(box_nm, &lattice, err) < 0 ||
        check_finite(centres_nm, centre_count, low, high, err) < 0 ||
        check_finite(points_nm, point_count, low, high, err) < 0)
        return -1;
    if (centre_count == 0 || point_count == 0)
        return 0;
    choose_rows(&grid, &lattice, low, high, cutoff_nm);
    /* No point is farther from the nearest image than the sum of the edges. */
    double farthest = 0.0;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            farthest += fabs(grid.row[i][k]);
    if (cutoff_nm > farthest) {
        memset(near, 1, point_count);
        return 0;
    }
    if (choose_cells(&grid, centre_count, cutoff_nm, err) < 0)
        return -1;
    int rc = list_steps(&grid, err);
    if (rc == 0)
        rc = fill(&grid, centres_nm, centre_count, err);
    double squared = cutoff_nm * cutoff_nm * (1.0 + SLACK) * (1.0 + SLACK);
    for (size_t i = 0; rc == 0 && i < point_count; i++)
        near[i] = near[i] || is_near(&grid, points_nm[i], squared);
    grid_finish(&grid);
    return rc;
}
