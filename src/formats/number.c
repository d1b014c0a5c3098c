/*
 * Decimal numbers from bytes.
 *
 * Up to 15 digits and a power of ten up to 22 are both exact in a double, so their one
 * product or quotient is the nearest double to the text; everything longer goes to
 * strtod in the C locale.
 */
#include "formats/number.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NUMBER = 400 };

static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static double convert_long(const char *p, const char *number_end)
{
    char text[LONGEST_NUMBER + 1];
    size_t length = (size_t)(number_end - p);
    memcpy(text, p, length);
    text[length] = '\0';
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0)
        return NAN;
    double value = strtod_l(text, NULL, c_locale);
    freelocale(c_locale);
    return value;
}

static bool is_word(const char *p, const char *end, const char *word)
{
    for (; *word; p++, word++)
        if (p == end || (*p | 0x20) != *word)
            return false;
    return true;
}

const char *asim_number_read(const char *p, const char *end, double *ret_value)
{
    const char *start = p;
    bool negative = false;
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    if (is_word(p, end, "nan")) {
        *ret_value = NAN;
        return p + 3;
    }
    if (is_word(p, end, "inf")) {
        *ret_value = negative ? -INFINITY : INFINITY;
        return p + (is_word(p, end, "infinity") ? 8 : 3);
    }
    uint64_t mantissa = 0;
    int digits = 0, significant = 0, exponent = 0;
    for (; p < end && is_digit(*p); p++, digits++) {
        if (significant < 19)
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        significant += significant > 0 || *p != '0';
    }
    if (p < end && *p == '.') {
        for (p++; p < end && is_digit(*p); p++, digits++) {
            if (significant < 19) {
                mantissa = mantissa * 10 + (uint64_t)(*p - '0');
                exponent--;
            }
            significant += significant > 0 || *p != '0';
        }
    }
    if (digits == 0)
        return NULL;
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *q = p + 1;
        bool negative_exponent = false;
        if (q < end && (*q == '-' || *q == '+'))
            negative_exponent = *q++ == '-';
        int value = 0;
        if (q < end && is_digit(*q)) {
            for (; q < end && is_digit(*q); q++)
                value = value < 100000 ? value * 10 + (*q - '0') : value;
            exponent += negative_exponent ? -value : value;
            p = q;
        }
    }
    double value;
    if (significant <= 15 && exponent >= -22 && exponent <= 22) {
        value = (double)mantissa;
        value = exponent < 0 ? value / powers_of_ten[-exponent]
                             : value * powers_of_ten[exponent];
        value = negative ? -value : value;
    } else if (p - start > LONGEST_NUMBER) {
        return NULL;
    } else {
        value = convert_long(start, p);
    }
    *ret_value = value;
    return p;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **p, const char **end)
{
    while (*p < *end && is_blank(**p))
        (*p)++;
    while (*end > *p && is_blank((*end)[-1]))
        (*end)--;
}

bool asim_number_field(const char *p, const char *end, double *ret_value)
{
    double value;
    trim(&p, &end);
    if (asim_number_read(p, end, &value) != end || p == end)
        return false;
    *ret_value = value;
    return true;
}

bool asim_integer_field(const char *p, const char *end, long *ret_value)
{
    trim(&p, &end);
    bool negative = false;
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    if (p == end || end - p > 18)
        return false;
    long value = 0;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        value = value * 10 + (*p - '0');
    }
    *ret_value = negative ? -value : value;
    return true;
}
