/* XVG files of GROMACS: legends, then rows of numbers. So are tables of PLUMED and
 * Colvars, whose headers "#! FIELDS time a b" and "# step a b" count as legends. */
#ifndef FORMATS_XVG_H
#define FORMATS_XVG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct asim_xvg {
    size_t row_count;
    size_t column_count; /* the first is the x axis */
    double *values;      /* [row_count][column_count] */
    char **legends;      /* [column_count]; NULL where a column has none; [0] NULL */
    char *y_label;       /* of the y axis; NULL: none */
    bool steps;          /* the x axis counts steps of a length that is not said */
    bool torn_tail;      /* the last line was incomplete and was dropped */
};

void asim_xvg_finish(struct asim_xvg *xvg);

/*
 * Rows with a wrong number of columns inside the file are ASIM_EINPUT with the line; an
 * incomplete last line (too few columns, or no newline and shorter than the line
 * before) is dropped and flagged. "nan" and "inf" are kept as such: judge the columns
 * that are used. A second data set (rows behind "&") is ASIM_EINPUT. A file compressed
 * by gzip is read as what it holds.
 */
int asim_xvg_read(const char *path, struct asim_xvg *ret_xvg, struct asim_error *err);
/* The same from memory; `name` stands for the path in messages. */
int asim_xvg_parse(const void *data, size_t size, const char *name,
                   struct asim_xvg *ret_xvg, struct asim_error *err);

#endif
