/* Shared by the readers of campaigns that were made elsewhere. */
#ifndef SAMPLES_EXTERNAL_H
#define SAMPLES_EXTERNAL_H

#include <autosim/samples.h>

#include "formats/xvg.h"

/* The words of the lines of a list; comments and empty lines are left out. */
struct asim_list {
    char *text; /* owned; words point into it */
    size_t line_count;
    struct asim_list_line {
        size_t number; /* in the file, from 1 */
        size_t word_count;
        char *words[8]; /* what lies behind is counted only */
    } * lines;
};

int asim_list_read(const char *path, struct asim_list *ret_list,
                   struct asim_error *err);
/* The same from memory, which it takes over whatever comes: text ends with NUL. */
int asim_list_parse(char *text, const char *name, struct asim_list *ret_list,
                    struct asim_error *err);

/* Bias and temperature (0: not said) of a line of Grossfield's list. */
int asim_meta_line(const struct asim_list_line *line, const char *name,
                   struct asim_bias *ret_bias, double *ret_kelvin,
                   struct asim_error *err);
void asim_list_finish(struct asim_list *list);

/* A name in a list as a path from here. Free with free(). */
char *asim_list_path(const char *list_path, const char *name, struct asim_error *err);

/* A column by its name in the header, else by its number, 1 the first behind the time.
 * Without a name: the first, unless there are more that have names. ASIM_EINPUT names
 * those that are there; `how`: how to say which one. */
int asim_xvg_find_column(const struct asim_xvg *xvg, const char *name, const char *how,
                         size_t *ret_column, struct asim_error *err);

/*
 * Time and one column as a series: the last row of a time wins. ASIM_EINPUT where
 * numbers are not finite, fewer than two times are left, or a part of the rows is
 * spaced otherwise than the rest.
 */
int asim_series_from_xvg(const struct asim_xvg *xvg, size_t column,
                         struct asim_series *ret_series, struct asim_error *err);

/* The same into a window, of which only the first time and the usual spacing are kept,
 * with another column `along` (NULL: none) of the same rows. */
int asim_external_take_series(const struct asim_xvg *xvg, size_t column,
                              const char *along, struct asim_external_window *window,
                              struct asim_error *err);

/* Sorts by centre, checks temperatures, sums up. */
int asim_external_settle(struct asim_external *external, struct asim_error *err);

#endif
