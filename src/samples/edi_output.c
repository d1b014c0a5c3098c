/*
 * The output of `gmx mdrun -eo` as the time series of one window.
 *
 * What the file holds (read off files of GROMACS 2022 with one and two flooding
 * vectors, with a slope, with monitored vectors and with two groups): the legends
 *     "EV<n>prjFLOOD (nm)"   the projection of flooding vector n,
 *     "EV<n> ref.prj. (nm)"  its moving centre, only where its slope is not zero,
 *     "EV<n>-Vfl (kJ/mol)"   the energy of ALL flooding vectors of the group together,
 * each behind "A ", "B ", ... where the input has several groups; monitored vectors add
 * columns, the last of which have no legend. So columns are found by legend, and a file
 * with two flooding vectors cannot be sampled along one of them: its energy is that of
 * both.
 *
 * Must not know how the series is used.
 */
#include <autosim/samples.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "formats/xvg.h"

static const char PROJECTION_ENDING[] = "prjFLOOD (nm)";

struct columns {
    size_t projection, energy;
    size_t centre; /* 0: the centre does not move */
};

struct row {
    double time_ps;
    size_t index;
};

/* Does `legend`, blanks in front left out, consist of the first `length` characters of
 * `name` and then `ending`? */
static bool legend_is(const char *legend, const char *name, size_t length,
                      const char *ending)
{
    legend += strspn(legend, " \t");
    return strncmp(legend, name, length) == 0 && strcmp(legend + length, ending) == 0;
}

static size_t find_partner(const struct asim_xvg *xvg, const char *name, size_t length,
                           const char *ending)
{
    for (size_t column = 1; column < xvg->column_count; column++)
        if (xvg->legends[column] &&
            legend_is(xvg->legends[column], name, length, ending))
            return column;
    return 0;
}

static int find_columns(const struct asim_xvg *xvg, struct columns *ret_columns,
                        struct asim_error *err)
{
    struct columns columns = {0};
    const char *name = NULL;
    size_t length = 0;
    for (size_t column = 1; column < xvg->column_count; column++) {
        const char *legend = xvg->legends[column];
        const char *ending = legend ? strstr(legend, PROJECTION_ENDING) : NULL;
        if (!ending || strcmp(ending, PROJECTION_ENDING) != 0)
            continue;
        if (columns.projection)
            return asim_fail(
                err, ASIM_EINPUT,
                "legends '%s' and '%s' both are flooding vectors, and GROMACS writes "
                "their energy as one sum; one flooding vector was expected",
                xvg->legends[columns.projection], legend);
        columns.projection = column;
        name = legend + strspn(legend, " \t");
        length = (size_t)(ending - name);
    }
    if (!columns.projection)
        return asim_fail(err, ASIM_EINPUT,
                         "no legend like 'EV1%s' was found; the output of a run with a "
                         "flooding vector (mdrun -ei -eo) was expected",
                         PROJECTION_ENDING);
    columns.energy = find_partner(xvg, name, length, "-Vfl (kJ/mol)");
    if (!columns.energy)
        return asim_fail(err, ASIM_EINPUT,
                         "no legend '%.*s-Vfl (kJ/mol)' was found beside the "
                         "projection; the energy of the bias was expected",
                         (int)length, name);
    columns.centre = find_partner(xvg, name, length, " ref.prj. (nm)");
    *ret_columns = columns;
    return 0;
}

/* Largest difference between a value and its print with six significant digits. */
static double print_rounding(double value)
{
    if (value == 0)
        return 0;
    return 0.5 * pow(10, floor(log10(fabs(value))) - 5);
}

/*
 * GROMACS computes p and V in single precision and prints both with "%.5e". So V may
 * differ from k/2 (p-p0)^2 of the printed p by k |p-p0| dp + k/2 dp^2 + dV, dp and dV
 * the prints' half digits plus the single precision of p, p0 and V. On a real file of
 * 2959 rows the largest difference is 0.97 of that; twice that is allowed.
 */
static bool energy_fits(double value_nm, double energy_kj_mol,
                        const struct asim_bias *bias, double *ret_expected)
{
    double k = bias->force_constant_kj_mol_nm2;
    double distance = value_nm - bias->centre_nm;
    double dp = print_rounding(value_nm) +
                FLT_EPSILON / 2 * (fabs(value_nm) + fabs(bias->centre_nm));
    double expected = k / 2 * distance * distance;
    double dv = print_rounding(energy_kj_mol) + 2 * FLT_EPSILON * fabs(expected);
    *ret_expected = expected;
    return fabs(energy_kj_mol - expected) <=
           2 * (k * fabs(distance) * dp + k / 2 * dp * dp + dv);
}

static int check_row(const struct asim_xvg *xvg, const struct columns *columns,
                     size_t index, const struct asim_bias *bias, struct asim_error *err)
{
    const double *row = &xvg->values[index * xvg->column_count];
    double time_ps = row[0], value = row[columns->projection];
    double energy = row[columns->energy], expected;
    if (!isfinite(time_ps) || !isfinite(value) || !isfinite(energy))
        return asim_fail(err, ASIM_EINPUT,
                         "row %zu (time %g ps) holds a number that is not finite",
                         index + 1, time_ps);
    if (columns->centre) {
        double centre = row[columns->centre];
        double tolerance = print_rounding(centre) + FLT_EPSILON * fabs(bias->centre_nm);
        if (!(fabs(centre - bias->centre_nm) <= 2 * tolerance))
            return asim_fail(err, ASIM_EINPUT,
                             "row %zu (time %g ps): the centre of the bias is %g nm, "
                             "and %g nm was expected; it moves (a slope in the .edi "
                             "file), and a moving window has no equilibrium samples",
                             index + 1, time_ps, centre, bias->centre_nm);
    }
    if (!energy_fits(value, energy, bias, &expected))
        return asim_fail(err, ASIM_EINPUT,
                         "row %zu (time %g ps): at projection %g nm the bias is %g "
                         "kJ/mol, and %g was expected for centre %g nm and force "
                         "constant %g kJ/mol/nm^2; the run used another .edi file",
                         index + 1, time_ps, value, energy, expected, bias->centre_nm,
                         bias->force_constant_kj_mol_nm2);
    return 0;
}

static int compare_rows(const void *first, const void *second)
{
    const struct row *a = first, *b = second;
    if (a->time_ps != b->time_ps)
        return a->time_ps < b->time_ps ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Rows by time, the last of each time only. */
static int fill_series(const struct asim_xvg *xvg, const struct columns *columns,
                       struct asim_series *ret_series, struct asim_error *err)
{
    struct asim_series series = {0};
    size_t count = xvg->row_count;
    int rc = -1;
    bool sorted = true;
    struct row *rows = asim_alloc_array(count, sizeof *rows, err);
    series.time_ps = asim_alloc_array(count, sizeof(double), err);
    series.value_nm = asim_alloc_array(count, sizeof(double), err);
    series.bias_kj_mol = asim_alloc_array(count, sizeof(double), err);
    if (!rows || !series.time_ps || !series.value_nm || !series.bias_kj_mol)
        goto out;
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct row){xvg->values[i * xvg->column_count], i};
        sorted = sorted && (i == 0 || rows[i - 1].time_ps <= rows[i].time_ps);
    }
    if (!sorted)
        qsort(rows, count, sizeof *rows, compare_rows);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && rows[i + 1].time_ps == rows[i].time_ps)
            continue;
        const double *row = &xvg->values[rows[i].index * xvg->column_count];
        series.time_ps[series.count] = row[0];
        series.value_nm[series.count] = row[columns->projection];
        series.bias_kj_mol[series.count] = row[columns->energy];
        series.count++;
    }
    series.duplicate_count = count - series.count;
    *ret_series = series;
    series = (struct asim_series){0};
    rc = 0;
out:
    asim_series_finish(&series);
    free(rows);
    return rc;
}

int asim_series_read_edi_output(const char *path, const struct asim_bias *bias,
                                struct asim_series *ret_series, struct asim_error *err)
{
    struct asim_xvg xvg = {0};
    struct columns columns = {0};
    int rc = -1;
    if (asim_xvg_read(path, &xvg, err) < 0)
        return -1;
    if (xvg.row_count == 0) {
        asim_fail(err, ASIM_EINPUT, "no rows of numbers; the run wrote nothing yet");
        goto out;
    }
    if (find_columns(&xvg, &columns, err) < 0)
        goto out;
    for (size_t i = 0; i < xvg.row_count; i++)
        if (check_row(&xvg, &columns, i, bias, err) < 0)
            goto out;
    rc = fill_series(&xvg, &columns, ret_series, err);
out:
    if (rc < 0)
        asim_wrap(err, "'%s'", path);
    asim_xvg_finish(&xvg);
    return rc;
}
