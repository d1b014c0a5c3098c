/* Decimal numbers from bytes that need no terminating NUL, in the C locale always. */
#ifndef FORMATS_NUMBER_H
#define FORMATS_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads the number at `p` (no leading blanks), at most up to `end`; returns the byte
 * behind it, or NULL where there is no number. The value is the double nearest to the
 * decimal text. "nan" and "inf", with or without sign, are numbers.
 */
const char *asim_number_read(const char *p, const char *end, double *ret_value);

/* The whole of [p, end) but for blanks around it as a number; false otherwise. */
bool asim_number_field(const char *p, const char *end, double *ret_value);
/* The same for an integer of at most 18 digits. */
bool asim_integer_field(const char *p, const char *end, long *ret_value);

#endif
