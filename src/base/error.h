/* Filling in a struct asim_error. Knows nothing of what failed. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <autosim/error.h>

/* Sets status and text; always returns -1, so that `return asim_fail(...)` reads well.
 */
int asim_fail(struct asim_error *err, enum asim_status status, const char *format, ...)
    ASIM_PRINTF(3, 4);

/* Puts "context: " in front of the text on the way up; keeps the status. Returns -1. */
int asim_wrap(struct asim_error *err, const char *format, ...) ASIM_PRINTF(2, 3);

#endif
