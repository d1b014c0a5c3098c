/*
 * The samples of a window from whatever its bias engine left in its folder.
 * Must not know what the samples are used for.
 */
#include <autosim/samples.h>

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "samples/rows.h"
#include "windows/bias_method.h"

static const uint64_t LARGEST_BYTES = (uint64_t)1 << 38;

static int read_labelled(const char *path, const struct asim_labelled_layout *layout,
                         double axis_ps, const struct asim_bias *bias,
                         const struct asim_steering *steering,
                         struct asim_sample_rows *rows, struct asim_error *err)
{
    char *data;
    size_t size;
    if (asim_file_read(path, LARGEST_BYTES, &data, &size, err) < 0)
        return -1;
    int rc =
        asim_labelled_parse(data, size, layout, axis_ps, bias, steering, rows, err);
    free(data);
    return rc < 0 ? asim_wrap(err, "'%s'", path) : 0;
}

static int read_file(enum asim_bias_engine engine, const char *path,
                     const struct asim_bias *bias, const struct asim_steering *steering,
                     double dt_ps, struct asim_sample_rows *rows,
                     struct asim_error *err)
{
    switch (engine) {
    case ASIM_BIAS_COLVARS:
        return read_labelled(path, &asim_colvars_layout, dt_ps, bias, steering, rows,
                             err);
    case ASIM_BIAS_PLUMED:
        return read_labelled(path, &asim_plumed_layout, 1, bias, steering, rows, err);
    case ASIM_BIAS_AUTO:
    case ASIM_BIAS_EDI:
        break;
    }
    return asim_edi_output_read(path, bias, rows, err) < 0
               ? asim_wrap(err, "'%s'", path)
               : 0;
}

int asim_series_read_file(const char *path, enum asim_bias_engine engine,
                          const struct asim_bias *bias, double dt_ps,
                          struct asim_series *ret_series, struct asim_error *err)
{
    struct asim_sample_rows rows = {0};
    int rc = read_file(engine, path, bias, NULL, dt_ps, &rows, err);
    if (rc == 0 && rows.count == 0)
        rc = asim_fail(err, ASIM_EINPUT,
                       "'%s': no rows of numbers; the run wrote nothing yet", path);
    if (rc == 0)
        rc = asim_sample_rows_series(&rows, ret_series, err);
    asim_sample_rows_finish(&rows);
    return rc;
}

/* Rows while the centre moved. */
static size_t count_steered(const struct asim_series *series,
                            const struct asim_window *window)
{
    size_t row = 0;
    while (row < series->count && series->time_ps[row] < window->steering.duration_ps)
        row++;
    return row;
}

int asim_series_read(const char *folder, const struct asim_plan *plan,
                     const struct asim_window *window, struct asim_series *ret_series,
                     struct asim_error *err)
{
    const struct asim_bias_method *method = asim_bias_method(plan->bias);
    /* What is collected comes before what the newest start wrote. */
    const char *const names[2] = {method->samples, method->output};
    size_t name_count = method->samples == method->output ? 1 : 2;
    struct asim_sample_rows rows = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < name_count; i++) {
        char *path = asim_path_join(folder, names[i], err);
        if (!path)
            rc = -1;
        else if (asim_file_exists(path))
            rc = read_file(plan->bias, path, &window->bias, &window->steering,
                           plan->dt_ps, &rows, err);
        free(path);
    }
    if (rc == 0)
        rc = asim_sample_rows_series(&rows, ret_series, err);
    if (rc == 0)
        ret_series->steered_count = count_steered(ret_series, window);
    asim_sample_rows_finish(&rows);
    return rc;
}

int asim_series_check_complete(const struct asim_series *series,
                               const struct asim_plan *plan, int64_t nsteps,
                               int attempts, struct asim_error *err)
{
    int64_t last_sample = nsteps / plan->sample_steps;
    size_t expected = (size_t)last_sample + 1;
    size_t lost = (size_t)asim_bias_method(plan->bias)->rows_lost_most *
                  (size_t)(attempts > 1 ? attempts - 1 : 0);
    if (series->count == 0 || series->count > expected ||
        series->count + lost < expected)
        return asim_fail(err, ASIM_EINPUT,
                         "%zu samples where a completed window has %zu", series->count,
                         expected);
    /* The attempt that came to the end lost nothing. */
    double end_ps = (double)(last_sample * plan->sample_steps) * plan->dt_ps;
    if (series->count < expected &&
        fabs(series->time_ps[series->count - 1] - end_ps) > plan->dt_ps / 2)
        return asim_fail(err, ASIM_EINPUT,
                         "the last sample is of %g ps where a completed window has one "
                         "of %g ps",
                         series->time_ps[series->count - 1], end_ps);
    return 0;
}
