/* Words: quoting, UTF-8, suggestions, numbers from text. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* `argument` as one word for a POSIX shell; free with free(). The only function that
 * writes for a shell. */
char *asim_shell_quote(const char *argument, struct asim_error *err);

/* The length of the UTF-8 sequence at `bytes` (RFC 3629: shortest form, no surrogates),
 * 0 where there is none. A NUL ends every test early, so nothing behind it is read. */
size_t asim_utf8_sequence(const char *bytes, uint32_t *ret_character);

/* The candidate nearest to `word` (Damerau-Levenshtein, at most a third of its letters
 * wrong, case ignored), or NULL. */
const char *asim_nearest_word(const char *word, const char *const *candidates,
                              size_t candidate_count);

/* What makes a word plural: "" for one, else "s". */
const char *asim_plural(size_t count);

/* The whole of `text` as a number; false where it is not one, or not finite. */
bool asim_parse_double(const char *text, double *ret_value);
bool asim_parse_int64(const char *text, int64_t *ret_value);

enum { ASIM_FIXED_TEXT = 48 };

/* As printf's %.*f for `decimals` of 0 to 9, correct to the last digit or one beside it
 * in the last place; some ten times as fast. `to` has ASIM_FIXED_TEXT bytes; returns
 * the length. */
size_t asim_format_fixed(char *to, double value, int decimals);

#endif
