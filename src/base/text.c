/* Words: quoting, UTF-8, suggestions, numbers from text. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

char *asim_shell_quote(const char *argument, struct asim_error *err)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_-+./=:,@%";
    size_t length = strlen(argument);
    if (length > 0 && strspn(argument, safe) == length)
        return asim_strdup(argument, err);
    /* Worst case: every character is a quote and becomes '\'' (4 characters). */
    char *quoted = asim_alloc_array(length + 1, 4, err);
    if (!quoted)
        return NULL;
    char *out = quoted;
    *out++ = '\'';
    for (const char *in = argument; *in; in++) {
        if (*in == '\'') {
            memcpy(out, "'\\''", 4);
            out += 4;
        } else {
            *out++ = *in;
        }
    }
    *out++ = '\'';
    *out = '\0';
    return quoted;
}

size_t asim_utf8_sequence(const char *bytes, uint32_t *ret_character)
{
    const unsigned char *text = (const unsigned char *)bytes;
    size_t length = text[0] < 0x80             ? 1
                    : (text[0] & 0xE0) == 0xC0 ? 2
                    : (text[0] & 0xF0) == 0xE0 ? 3
                    : (text[0] & 0xF8) == 0xF0 ? 4
                                               : 0;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (length == 0)
        return 0;
    uint32_t character = length == 1 ? text[0] : text[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
        character = character << 6 | (text[i] & 0x3F);
    }
    if (character < smallest[length] || character > 0x10FFFF ||
        (character >= 0xD800 && character <= 0xDFFF))
        return 0;
    *ret_character = character;
    return length;
}

enum { LONGEST_WORD = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau-Levenshtein distance (adjacent transpositions), case ignored. */
static size_t word_distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST_WORD + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST_WORD || b_length > LONGEST_WORD)
        return SIZE_MAX;
    size_t *before = rows[0], *previous = rows[1], *current = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        previous[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        current[0] = i;
        int x = tolower((unsigned char)a[i - 1]);
        for (size_t j = 1; j <= b_length; j++) {
            int y = tolower((unsigned char)b[j - 1]);
            current[j] = least(least(previous[j], current[j - 1]) + 1,
                               previous[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]))
                current[j] = least(current[j], before[j - 2] + 1);
        }
        size_t *recycled = before;
        before = previous;
        previous = current;
        current = recycled;
    }
    return previous[b_length];
}

const char *asim_nearest_word(const char *word, const char *const *candidates,
                              size_t candidate_count)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2; /* fewer than this many letters wrong */
    for (size_t i = 0; i < candidate_count; i++) {
        size_t distance = word_distance(word, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

const char *asim_plural(size_t count)
{
    return count == 1 ? "" : "s";
}

bool asim_parse_double(const char *text, double *ret_value)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value))
        return false;
    *ret_value = value;
    return true;
}

bool asim_parse_int64(const char *text, int64_t *ret_value)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno == ERANGE)
        return false;
    *ret_value = value;
    return true;
}

size_t asim_format_fixed(char *to, double value, int decimals)
{
    static const double scales[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    double scaled = fabs(value) * scales[decimals];
    /* What rounds within 53 bits; the rest, and what is no number, is for printf. */
    if (!(scaled < 4e15))
        return (size_t)snprintf(to, ASIM_FIXED_TEXT,
                                fabs(value) < 1e30 ? "%.*f" : "%.*g", decimals, value);
    uint64_t digits = (uint64_t)(scaled + 0.5);
    char reversed[ASIM_FIXED_TEXT];
    size_t length = 0, out = 0;
    bool negative = value < 0.0 && digits > 0;
    for (int place = 0; place <= decimals || digits > 0; place++) {
        if (place == decimals && decimals > 0)
            reversed[length++] = '.';
        reversed[length++] = (char)('0' + digits % 10);
        digits /= 10;
    }
    if (negative)
        to[out++] = '-';
    while (length > 0)
        to[out++] = reversed[--length];
    to[out] = '\0';
    return out;
}
