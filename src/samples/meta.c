/* Grossfield's list of time series. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/threads.h"
#include "samples/external.h"

struct meta {
    const char *path;
    const struct asim_list *list;
    struct asim_external *external;
    double period;
    const char *along;
};

/* Numbers in other units look like numbers: what a header says is believed. A
 * coordinate with a period is no length. */
static int check_units(const struct asim_xvg *xvg, size_t column, bool periodic,
                       struct asim_error *err)
{
    static const char *const others[] = {"angstrom", "\xc3\x85", "(A)", "(deg",
                                         ", deg",    "(rad",     "kJ",  "kcal"};
    const char *texts[] = {xvg->y_label, xvg->legends[column]};
    for (size_t t = 0; t < 2 && !periodic; t++)
        for (size_t i = 0; texts[t] && i < sizeof others / sizeof *others; i++)
            if (strcasestr(texts[t], others[i]))
                return asim_fail(
                    err, ASIM_EINPUT,
                    "the header says '%s'; a coordinate in nm was expected, or with "
                    "--periodic an angle",
                    texts[t]);
    return 0;
}

int asim_meta_line(const struct asim_list_line *line, const char *name,
                   struct asim_bias *ret_bias, double *ret_kelvin,
                   struct asim_error *err)
{
    double numbers[4] = {0, 0, 0, 0};
    if (line->word_count < 3 || line->word_count > 5)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s', line %zu: %zu words; a file, a centre (nm), a force "
                         "constant (kJ/mol/nm^2), and perhaps a correlation time and a "
                         "temperature (K) were expected",
                         name, line->number, line->word_count);
    for (size_t i = 1; i < line->word_count; i++)
        if (!asim_parse_double(line->words[i], &numbers[i - 1]))
            return asim_fail(err, ASIM_EINPUT, "'%s', line %zu: '%s' is not a number",
                             name, line->number, line->words[i]);
    if (!isfinite(numbers[0]) || !isfinite(numbers[1]) || !isfinite(numbers[3]) ||
        numbers[1] < 0 || numbers[3] < 0)
        return asim_fail(
            err, ASIM_EINPUT,
            "'%s', line %zu: centre %g, force constant %g and temperature %g; finite "
            "numbers were expected, the latter two not negative",
            name, line->number, numbers[0], numbers[1], numbers[3]);
    *ret_bias = (struct asim_bias){numbers[0], numbers[1]};
    *ret_kelvin = numbers[3];
    return 0;
}

static int read_line(void *context, size_t index, int thread_index,
                     struct asim_error *err)
{
    (void)thread_index;
    const struct meta *meta = context;
    const struct asim_list_line *line = &meta->list->lines[index];
    struct asim_external_window *window = &meta->external->windows[index];
    struct asim_xvg xvg = {0};
    size_t column = 1;
    int rc = -1;
    if (asim_meta_line(line, meta->path, &window->bias, &window->temperature_kelvin,
                       err) < 0)
        return -1;
    /* A name of a file may hold a colon itself. */
    char *column_name = NULL, *colon = strrchr(line->words[0], ':');
    window->name = asim_list_path(meta->path, line->words[0], err);
    if (window->name && colon && !asim_file_exists(window->name)) {
        free(window->name);
        *colon = '\0';
        column_name = colon + 1;
        window->name = asim_list_path(meta->path, line->words[0], err);
    }
    if (!window->name || asim_xvg_read(window->name, &xvg, err) < 0)
        return -1;
    if (xvg.row_count == 0 || xvg.column_count < 2)
        asim_fail(err, ASIM_EINPUT,
                  "%zu rows of %zu columns; time and coordinate were "
                  "expected",
                  xvg.row_count, xvg.column_count);
    else if (asim_xvg_find_column(
                 &xvg, column_name,
                 "say in the list which one is the coordinate, as FILE:NAME", &column,
                 err) == 0 &&
             check_units(&xvg, column, meta->period > 0, err) == 0)
        rc = asim_external_take_series(&xvg, column, meta->along, window, err);
    if (rc == 0 && xvg.steps)
        window->spacing_ps = NAN;
    asim_xvg_finish(&xvg);
    if (rc < 0)
        asim_wrap(err, "'%s'", window->name);
    return rc;
}

/* What labels call the coordinate: the column's name where the list has it. With a
 * period the unit is not known. */
static void set_labels(const struct meta *meta, const char *column_name)
{
    struct asim_external *external = meta->external;
    snprintf(external->coordinate, sizeof external->coordinate, "%.40s",
             column_name ? column_name : "Coordinate");
    snprintf(external->unit, sizeof external->unit, "%s", meta->period > 0 ? "" : "nm");
}

int asim_external_read_meta(const char *list_path, double period, const char *along,
                            int thread_count, struct asim_external *ret_external,
                            struct asim_error *err)
{
    struct asim_external external = {0};
    struct asim_list list = {0};
    struct meta meta = {.path = list_path,
                        .list = &list,
                        .external = &external,
                        .period = period,
                        .along = along};
    int rc = -1;
    if (asim_list_read(list_path, &list, err) < 0)
        return -1;
    /* Reading cuts the column's name off where FILE:NAME is no file by itself. */
    char *colon = strrchr(list.lines[0].words[0], ':');
    external.windows = asim_alloc_array(list.line_count, sizeof *external.windows, err);
    if (!external.windows)
        goto out;
    external.count = list.line_count;
    if (asim_parallel(list.line_count, thread_count, read_line, &meta, err) < 0 ||
        asim_external_settle(&external, err) < 0)
        goto out;
    set_labels(&meta, colon && *colon == '\0' ? colon + 1 : NULL);
    if (period > 0)
        asim_external_set_period(&external, period);
    *ret_external = external;
    external = (struct asim_external){0};
    rc = 0;
out:
    asim_external_finish(&external);
    asim_list_finish(&list);
    return rc;
}
