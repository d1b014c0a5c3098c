/*
 * What readers of campaigns made elsewhere have in common: lists of files, two columns
 * as a series, and the checks that no single file can make.
 */
#include "samples/external.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

static const uint64_t LARGEST_LIST = (uint64_t)1 << 28;
/* Of the rows' intervals: so many of another length are no gap but another spacing. */
static const double OTHER_SPACING = 0.01, SAME_SPACING = 0.01;

void asim_external_finish(struct asim_external *external)
{
    if (!external)
        return;
    for (size_t i = 0; external->windows && i < external->count; i++) {
        free(external->windows[i].name);
        free(external->windows[i].along);
        asim_series_finish(&external->windows[i].series);
    }
    free(external->windows);
    *external = (struct asim_external){0};
}

void asim_list_finish(struct asim_list *list)
{
    free(list->text);
    free(list->lines);
    *list = (struct asim_list){0};
}

int asim_list_read(const char *path, struct asim_list *ret_list, struct asim_error *err)
{
    char *text;
    size_t size;
    if (asim_file_read(path, LARGEST_LIST, &text, &size, err) < 0)
        return -1;
    return asim_list_parse(text, path, ret_list, err);
}

int asim_list_parse(char *text, const char *name, struct asim_list *ret_list,
                    struct asim_error *err)
{
    struct asim_list list = {.text = text};
    size_t capacity = 0, number = 0;
    char *rest = list.text, *line;
    while ((line = strsep(&rest, "\n"))) {
        struct asim_list_line *own;
        char *comment = strchr(line, '#'), *word, *state = NULL;
        number++;
        if (comment)
            *comment = '\0';
        if (asim_grow(&list.lines, &capacity, list.line_count + 1, sizeof *list.lines,
                      err) < 0) {
            asim_list_finish(&list);
            return -1;
        }
        own = &list.lines[list.line_count];
        *own = (struct asim_list_line){.number = number};
        for (word = strtok_r(line, " \t\r", &state); word;
             word = strtok_r(NULL, " \t\r", &state)) {
            if (own->word_count < sizeof own->words / sizeof *own->words)
                own->words[own->word_count] = word;
            own->word_count++;
        }
        list.line_count += own->word_count > 0;
    }
    if (list.line_count == 0) {
        asim_list_finish(&list);
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' lists no file; a line for each window was expected",
                         name);
    }
    *ret_list = list;
    return 0;
}

char *asim_list_path(const char *list_path, const char *name, struct asim_error *err)
{
    /* From here, as gmx wham takes names; else from where the list is. */
    const char *slash = strrchr(list_path, '/');
    if (name[0] == '/' || !slash || asim_file_exists(name))
        return asim_strdup(name, err);
    return asim_format(err, "%.*s/%s", (int)(slash - list_path), list_path, name);
}

struct row {
    double time_ps;
    size_t index;
};

static int by_time(const void *first, const void *second)
{
    const struct row *a = first, *b = second;
    if (a->time_ps != b->time_ps)
        return a->time_ps < b->time_ps ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static int compare_doubles(const void *first, const void *second)
{
    const double *a = first, *b = second;
    return (*a > *b) - (*a < *b);
}

/* Samples count alike, so they must stand for the same time. A missing row or a few are
 * a gap; many intervals of another length are two kinds of output in one file. */
static int check_spacing(const struct asim_series *series, struct asim_error *err)
{
    size_t count = series->count - 1, other = 0, first_other = 0;
    double *intervals = asim_alloc_array(count, sizeof *intervals, err);
    if (!intervals)
        return -1;
    for (size_t i = 0; i < count; i++)
        intervals[i] = series->time_ps[i + 1] - series->time_ps[i];
    qsort(intervals, count, sizeof *intervals, compare_doubles);
    double usual = intervals[count / 2];
    free(intervals);
    for (size_t i = 0; i < count; i++) {
        double interval = series->time_ps[i + 1] - series->time_ps[i];
        if (fabs(interval - usual) <= SAME_SPACING * usual)
            continue;
        if (other++ == 0)
            first_other = i;
    }
    if ((double)other <= OTHER_SPACING * (double)count + 2)
        return 0;
    return asim_fail(err, ASIM_EINPUT,
                     "rows are %g ps apart mostly, but not so %zu of %zu times, first "
                     "from %g to %g ps: outputs of different spacing were joined; thin "
                     "them out to one spacing",
                     usual, other, count, series->time_ps[first_other],
                     series->time_ps[first_other + 1]);
}

/* `other`: another column of the rows that stay, into ret_other; 0: none. */
static int take_columns(const struct asim_xvg *xvg, size_t column, size_t other,
                        struct asim_series *ret_series, double **ret_other,
                        struct asim_error *err)
{
    struct asim_series series = {0};
    size_t count = xvg->row_count;
    bool sorted = true;
    int rc = -1;
    double *others = NULL;
    struct row *rows = asim_alloc_array(count, sizeof *rows, err);
    series.time_ps = asim_alloc_array(count, sizeof(double), err);
    series.value_nm = asim_alloc_array(count, sizeof(double), err);
    if (other)
        others = asim_alloc_array(count, sizeof *others, err);
    if (!rows || !series.time_ps || !series.value_nm || (other && !others))
        goto out;
    for (size_t i = 0; i < count; i++) {
        const double *row = &xvg->values[i * xvg->column_count];
        if (!isfinite(row[0]) || !isfinite(row[column]) || !isfinite(row[other])) {
            asim_fail(err, ASIM_EINPUT,
                      "row %zu (time %g ps) holds a number that is not finite", i + 1,
                      row[0]);
            goto out;
        }
        rows[i] = (struct row){row[0], i};
        sorted = sorted && (i == 0 || rows[i - 1].time_ps <= row[0]);
    }
    if (!sorted)
        qsort(rows, count, sizeof *rows, by_time);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && rows[i + 1].time_ps == rows[i].time_ps)
            continue;
        const double *row = &xvg->values[rows[i].index * xvg->column_count];
        series.time_ps[series.count] = row[0];
        series.value_nm[series.count] = row[column];
        if (other)
            others[series.count] = row[other];
        series.count++;
    }
    series.duplicate_count = count - series.count;
    if (series.count < 2) {
        asim_fail(err, ASIM_EINPUT, "%zu rows; two times at least were expected",
                  count);
        goto out;
    }
    if (check_spacing(&series, err) < 0)
        goto out;
    *ret_series = series;
    series = (struct asim_series){0};
    if (other)
        *ret_other = others;
    others = NULL;
    rc = 0;
out:
    asim_series_finish(&series);
    free(others);
    free(rows);
    return rc;
}

int asim_series_from_xvg(const struct asim_xvg *xvg, size_t column,
                         struct asim_series *ret_series, struct asim_error *err)
{
    return take_columns(xvg, column, 0, ret_series, NULL, err);
}

int asim_xvg_find_column(const struct asim_xvg *xvg, const char *name, const char *how,
                         size_t *ret_column, struct asim_error *err)
{
    char known[200] = "";
    size_t used = 0, names = 0, number = 0;
    for (size_t column = 1; column < xvg->column_count; column++) {
        const char *legend = xvg->legends[column];
        if (!legend)
            continue;
        if (name && strcmp(legend, name) == 0) {
            *ret_column = column;
            return 0;
        }
        names++;
        if (used < sizeof known)
            used +=
                (size_t)snprintf(known + used, sizeof known - used, " '%s'", legend);
    }
    if (!name && names > 1)
        return asim_fail(err, ASIM_EINPUT, "columns%s: %s", known, how);
    if (name && *name >= '0' && *name <= '9') {
        char *end;
        number = strtoul(name, &end, 10);
        number = *end == '\0' ? number : 0;
    }
    if (name && (number == 0 || number >= xvg->column_count))
        return asim_fail(err, ASIM_EINPUT,
                         "no column '%s'; there %s %zu behind the time, and the header "
                         "names%s",
                         name, xvg->column_count == 2 ? "is" : "are",
                         xvg->column_count - 1, names ? known : " none");
    *ret_column = name ? number : 1;
    return 0;
}

int asim_external_take_series(const struct asim_xvg *xvg, size_t column,
                              const char *along, struct asim_external_window *window,
                              struct asim_error *err)
{
    struct asim_series *series = &window->series;
    size_t other = 0;
    if ((along && asim_xvg_find_column(xvg, along, "", &other, err) < 0) ||
        take_columns(xvg, column, other, series, &window->along, err) < 0)
        return -1;
    window->first_time_ps = series->time_ps[0];
    window->spacing_ps = (series->time_ps[series->count - 1] - series->time_ps[0]) /
                         (double)(series->count - 1);
    free(series->time_ps);
    series->time_ps = NULL;
    return 0;
}

static int by_centre(const void *first, const void *second)
{
    const struct asim_external_window *a = first, *b = second;
    if (a->bias.centre_nm != b->bias.centre_nm)
        return a->bias.centre_nm < b->bias.centre_nm ? -1 : 1;
    return strcmp(a->name, b->name);
}

void asim_external_set_period(struct asim_external *external, double period)
{
    double begin = 0;
    for (size_t i = 0; i < external->count; i++) {
        double centre = external->windows[i].bias.centre_nm;
        if (centre < 0 || centre > period)
            begin = -0.5 * period;
    }
    for (size_t i = 0; i < external->count; i++) {
        double *centre = &external->windows[i].bias.centre_nm;
        *centre -= period * floor((*centre - begin) / period);
        if (!(*centre < begin + period)) /* by rounding */
            *centre = begin;
    }
    external->period = period;
    qsort(external->windows, external->count, sizeof *external->windows, by_centre);
}

/* A file listed twice, or a copy of it, would count as samples that no one drew. */
static int check_copies(const struct asim_external *external, struct asim_error *err)
{
    for (size_t i = 0; i < external->count; i++)
        for (size_t j = i + 1; j < external->count; j++) {
            const struct asim_series *one = &external->windows[i].series;
            const struct asim_series *other = &external->windows[j].series;
            if (one->count == other->count && one->value_nm[0] == other->value_nm[0] &&
                memcmp(one->value_nm, other->value_nm,
                       one->count * sizeof *one->value_nm) == 0)
                return asim_fail(err, ASIM_EINPUT,
                                 "'%s' and '%s' hold the same samples: each would "
                                 "count twice; list them once",
                                 external->windows[i].name, external->windows[j].name);
        }
    return 0;
}

int asim_external_settle(struct asim_external *external, struct asim_error *err)
{
    const struct asim_external_window *first = &external->windows[0];
    for (size_t i = 0; i < external->count; i++) {
        const struct asim_external_window *window = &external->windows[i];
        external->duplicate_count += window->series.duplicate_count;
        if (window->temperature_kelvin != first->temperature_kelvin)
            return asim_fail(err, ASIM_EINPUT,
                             "'%s' is at %g K and '%s' at %g K; windows of one "
                             "temperature were expected",
                             first->name, first->temperature_kelvin, window->name,
                             window->temperature_kelvin);
    }
    if (check_copies(external, err) < 0)
        return -1;
    external->temperature_kelvin = first->temperature_kelvin;
    qsort(external->windows, external->count, sizeof *external->windows, by_centre);
    return 0;
}
