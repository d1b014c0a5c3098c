/*
 * Rows of samples into a time series.
 * Invariant: the series ascends in time without repeats. Must not know file formats.
 */
#include "samples/rows.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

void asim_sample_rows_finish(struct asim_sample_rows *rows)
{
    if (!rows)
        return;
    free(rows->rows);
    *rows = (struct asim_sample_rows){0};
}

int asim_sample_rows_add(struct asim_sample_rows *rows, double time_ps, double value_nm,
                         double bias_kj_mol, struct asim_error *err)
{
    if (asim_grow(&rows->rows, &rows->capacity, rows->count + 1, sizeof *rows->rows,
                  err) < 0)
        return -1;
    rows->rows[rows->count] =
        (struct asim_sample_row){time_ps, value_nm, bias_kj_mol, rows->count};
    rows->count++;
    return 0;
}

static int compare_rows(const void *first, const void *second)
{
    const struct asim_sample_row *a = first, *b = second;
    if (a->time_ps != b->time_ps)
        return a->time_ps < b->time_ps ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

int asim_sample_rows_series(struct asim_sample_rows *rows,
                            struct asim_series *ret_series, struct asim_error *err)
{
    struct asim_series series = {0};
    size_t count = rows->count;
    bool sorted = true;
    int rc = -1;
    series.time_ps = asim_alloc_array(count, sizeof(double), err);
    series.value_nm = asim_alloc_array(count, sizeof(double), err);
    series.bias_kj_mol = asim_alloc_array(count, sizeof(double), err);
    if (!series.time_ps || !series.value_nm || !series.bias_kj_mol)
        goto out;
    for (size_t i = 1; i < count; i++)
        sorted = sorted && rows->rows[i - 1].time_ps <= rows->rows[i].time_ps;
    if (!sorted)
        qsort(rows->rows, count, sizeof *rows->rows, compare_rows);
    for (size_t i = 0; i < count; i++) {
        const struct asim_sample_row *row = &rows->rows[i];
        if (i + 1 < count && rows->rows[i + 1].time_ps == row->time_ps)
            continue;
        series.time_ps[series.count] = row->time_ps;
        series.value_nm[series.count] = row->value_nm;
        series.bias_kj_mol[series.count] = row->bias_kj_mol;
        series.count++;
    }
    series.duplicate_count = count - series.count;
    *ret_series = series;
    series = (struct asim_series){0};
    rc = 0;
out:
    asim_series_finish(&series);
    return rc;
}

double asim_print_rounding(double value, int digits)
{
    if (value == 0)
        return 0;
    return 0.5 * pow(10, floor(log10(fabs(value))) - (digits - 1));
}

bool asim_energy_fits(const struct asim_bias *bias, double value_nm,
                      double energy_kj_mol, double dp, double dv, double *ret_expected)
{
    double k = bias->force_constant_kj_mol_nm2;
    double distance = value_nm - bias->centre_nm;
    double expected = k / 2 * distance * distance;
    *ret_expected = expected;
    return fabs(energy_kj_mol - expected) <=
           2 * (k * fabs(distance) * dp + k / 2 * dp * dp + dv);
}
