/*
 * Escaping for XML and HTML, and numbers for people.
 * Invariant: whatever bytes come in, what goes out is well-formed XML 1.0 text.
 */
#include "report/markup.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* Char of XML 1.0, less the controls that HTML forbids and the two characters that
 * reverse the reading order unseen (U+202A-E, U+2066-9). */
static int is_plain(uint32_t character)
{
    if (character < 0x20)
        return character == '\t' || character == '\n';
    if (character >= 0x7F && character <= 0x9F)
        return 0;
    if ((character >= 0x202A && character <= 0x202E) ||
        (character >= 0x2066 && character <= 0x2069))
        return 0;
    return (character & 0xFFFE) != 0xFFFE; /* U+xFFFE and U+xFFFF are no characters */
}

void asim_markup_text(FILE *stream, const char *text)
{
    const unsigned char *in = (const unsigned char *)(text ? text : "");
    while (*in) {
        uint32_t character = 0;
        size_t length = asim_utf8_sequence((const char *)in, &character);
        if (length == 0 || !is_plain(character))
            fputs("\xEF\xBF\xBD", stream);
        else if (character == '&')
            fputs("&amp;", stream);
        else if (character == '<')
            fputs("&lt;", stream);
        else if (character == '>')
            fputs("&gt;", stream);
        else if (character == '"')
            fputs("&quot;", stream);
        else if (character == '\'')
            fputs("&#39;", stream);
        else
            fwrite(in, 1, length, stream);
        in += length ? length : 1;
    }
}

void asim_markup_printf(FILE *stream, const char *format, ...)
{
    char text[2000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    asim_markup_text(stream, text);
}

void asim_power_text(int exponent, char *ret_text, size_t size)
{
    static const char *const raised[] = {"\u2070", "\u00B9", "\u00B2", "\u00B3",
                                         "\u2074", "\u2075", "\u2076", "\u2077",
                                         "\u2078", "\u2079"};
    char digits[16];
    snprintf(digits, sizeof digits, "%d", exponent < 0 ? -exponent : exponent);
    size_t used =
        (size_t)snprintf(ret_text, size, "10%s", exponent < 0 ? "\u207B" : "");
    for (const char *digit = digits; *digit && used + 4 < size; digit++)
        used +=
            (size_t)snprintf(ret_text + used, size - used, "%s", raised[*digit - '0']);
}

void asim_number_text(double value, int digits, char *ret_text, size_t size)
{
    if (!isfinite(value)) {
        snprintf(ret_text, size, "\u2013");
        return;
    }
    double magnitude = fabs(value);
    const char *sign = value < 0 ? "\u2212" : "";
    if (magnitude == 0) {
        snprintf(ret_text, size, "0");
    } else if (magnitude >= 1e6 || magnitude < 1e-4) {
        int exponent = (int)floor(log10(magnitude));
        double mantissa = magnitude / pow(10.0, exponent);
        /* 9.996 at 3 digits is 10.0: one power up. */
        if (mantissa + 0.5 * pow(10.0, 1 - digits) >= 10.0) {
            mantissa /= 10.0;
            exponent++;
        }
        char power[64];
        asim_power_text(exponent, power, sizeof power);
        snprintf(ret_text, size, "%s%.*f\u00A0\u00D7\u00A0%s", sign, digits - 1,
                 mantissa, power);
    } else {
        int before = (int)floor(log10(magnitude)) + 1;
        int decimals = digits > before ? digits - before : 0;
        snprintf(ret_text, size, "%s%.*f", sign, decimals, magnitude);
        char *end = ret_text + strlen(ret_text);
        if (decimals > 0 && (size_t)(end - ret_text) + 1 < size) {
            while (end[-1] == '0')
                *--end = '\0';
            if (end[-1] == '.')
                *--end = '\0';
        }
    }
}
