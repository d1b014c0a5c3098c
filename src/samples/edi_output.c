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
#include "samples/rows.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "formats/xvg.h"

static const char PROJECTION_ENDING[] = "prjFLOOD (nm)";

struct columns {
    size_t projection, energy;
    size_t centre; /* 0: the centre does not move */
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

enum { DIGITS = 6 }; /* of "%.5e" */

static double print_rounding(double value)
{
    return asim_print_rounding(value, DIGITS);
}

/*
 * GROMACS computes p and V in single precision, so that dp and dV are the prints' half
 * digits plus the single precision of p, p0 and V. On a real file of 2959 rows the
 * largest difference is 0.97 of what that makes.
 */
static bool energy_fits(double value_nm, double energy_kj_mol,
                        const struct asim_bias *bias, double *ret_expected)
{
    double dp = print_rounding(value_nm) +
                FLT_EPSILON / 2 * (fabs(value_nm) + fabs(bias->centre_nm));
    double distance = value_nm - bias->centre_nm;
    double expected = bias->force_constant_kj_mol_nm2 / 2 * distance * distance;
    double dv = print_rounding(energy_kj_mol) + 2 * FLT_EPSILON * expected;
    return asim_energy_fits(bias, value_nm, energy_kj_mol, dp, dv, ret_expected);
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

int asim_edi_output_read(const char *path, const struct asim_bias *bias,
                         struct asim_sample_rows *rows, struct asim_error *err)
{
    struct asim_xvg xvg = {0};
    struct columns columns = {0};
    int rc = -1;
    if (asim_xvg_read(path, &xvg, err) < 0)
        return -1;
    if (xvg.row_count == 0) {
        rc = 0;
        goto out;
    }
    if (find_columns(&xvg, &columns, err) < 0)
        goto out;
    for (size_t i = 0; i < xvg.row_count; i++) {
        const double *row = &xvg.values[i * xvg.column_count];
        if (check_row(&xvg, &columns, i, bias, err) < 0 ||
            asim_sample_rows_add(rows, row[0], row[columns.projection],
                                 row[columns.energy], err) < 0)
            goto out;
    }
    rc = 0;
out:
    asim_xvg_finish(&xvg);
    return rc;
}
