/* Writing a file of the report through a stream. */
#ifndef REPORT_WRITE_FILE_H
#define REPORT_WRITE_FILE_H

#include <stdio.h>

#include "base/error.h"

/* Writes `what`; 0 or -1 with `err` set. */
typedef int (*asim_report_write_fn)(FILE *stream, const void *what,
                                    struct asim_error *err);

/* Written beside and renamed; what was at `path` stays on failure. */
int asim_report_write_file(const char *path, asim_report_write_fn write,
                           const void *what, struct asim_error *err);

#endif
