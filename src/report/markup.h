/* Text from files as text in XML and HTML; numbers for people. */
#ifndef REPORT_MARKUP_H
#define REPORT_MARKUP_H

#include <stddef.h>
#include <stdio.h>

/* Writes `text` (NULL: nothing) so that it is character data or an attribute value
 * between double or single quotes, in XML and in HTML: markup characters become
 * references, bytes that are no UTF-8 and characters that XML 1.0 forbids become
 * U+FFFD. */
void asim_markup_text(FILE *stream, const char *text);

/* The printf form; the formatted text is at most 1999 bytes, the rest is cut. */
void asim_markup_printf(FILE *stream, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* `value` with `digits` significant digits less the zeros that end them, true minus
 * sign, without an exponent where it reads well; an en dash where it is not finite. */
void asim_number_text(double value, int digits, char *ret_text, size_t size);

/* "10" raised to `exponent`, in raised digits. */
void asim_power_text(int exponent, char *ret_text, size_t size);

#endif
