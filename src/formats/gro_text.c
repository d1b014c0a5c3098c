/*
 * The text of one GRO frame.
 *
 * Layout (GROMACS manual, file formats): a title, the number of atoms, one line an atom
 * (residue number, residue name, atom name, atom number of five columns each; three
 * coordinates and perhaps three velocities), the box as 3 or 9 free numbers. The width
 * of a number is the distance between two decimal points.
 *
 * Invariants: nothing is read outside the bytes given; a line too short or a field that
 * is no number is reported with its line.
 */
#include "formats/gro_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <autosim/error.h>

#include "formats/number.h"

enum { WIDEST_NUMBER = 40 };

static enum asim_gro_scan bad(char what[ASIM_GRO_WHAT], const char *format, ...)
    ASIM_PRINTF(2, 3);
static enum asim_gro_scan bad(char what[ASIM_GRO_WHAT], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, ASIM_GRO_WHAT, format, arguments);
    va_end(arguments);
    return ASIM_GRO_BAD;
}

/* The line at *p; false where it does not end within the bytes. The last line of a file
 * may lack its newline. */
bool asim_gro_take_line(const char **p, const char *end, bool at_end,
                        struct asim_gro_line *ret)
{
    const char *newline = *p < end ? memchr(*p, '\n', (size_t)(end - *p)) : NULL;
    if (!newline && (!at_end || *p >= end))
        return false;
    const char *line_end = newline ? newline : end;
    ret->p = *p;
    *p = newline ? newline + 1 : end;
    if (line_end > ret->p && line_end[-1] == '\r')
        line_end--;
    ret->end = line_end;
    return true;
}

static enum asim_gro_scan need_more(bool at_end, size_t line_number,
                                    char what[ASIM_GRO_WHAT])
{
    if (!at_end)
        return ASIM_GRO_MORE;
    return bad(what, "the file ends before line %zu of the frame", line_number);
}

static size_t width_of_numbers(struct asim_gro_line line)
{
    if (line.end - line.p <= ASIM_GRO_NAME_COLUMNS)
        return 0;
    const char *numbers = line.p + ASIM_GRO_NAME_COLUMNS;
    const char *first = memchr(numbers, '.', (size_t)(line.end - numbers));
    if (!first)
        return 0;
    const char *second = memchr(first + 1, '.', (size_t)(line.end - first - 1));
    size_t width = second ? (size_t)(second - first) : 0;
    return width >= 2 && width <= WIDEST_NUMBER ? width : 0;
}

/* Finds the frame at p; reads its counts, not its numbers. */
enum asim_gro_scan asim_gro_scan_frame(const char *p, size_t size, bool at_end,
                                       struct asim_gro_text *ret_text,
                                       char what[ASIM_GRO_WHAT])
{
    struct asim_gro_text text = {0};
    const char *start = p, *end = p + size;
    struct asim_gro_line line;
    if (!asim_gro_take_line(&p, end, at_end, &text.title))
        return need_more(at_end, 1, what);
    if (!asim_gro_take_line(&p, end, at_end, &line))
        return need_more(at_end, 2, what);
    long count;
    if (!asim_integer_field(line.p, line.end, &count) || count < 0)
        return bad(what,
                   "line 2 of the frame is '%.*s'; the number of atoms was "
                   "expected",
                   (int)(line.end - line.p > 40 ? 40 : line.end - line.p), line.p);
    text.atom_count = (size_t)count;
    text.atoms = p;
    for (size_t i = 0; i < text.atom_count; i++) {
        if (!asim_gro_take_line(&p, end, at_end, &line))
            return need_more(at_end, i + 3, what);
        if (i == 0) {
            text.number_width = width_of_numbers(line);
            if (text.number_width == 0)
                return bad(what, "line 3 of the frame holds no coordinates with "
                                 "decimal points behind its first 20 columns");
        }
        if ((size_t)(line.end - line.p) < ASIM_GRO_NAME_COLUMNS + 3 * text.number_width)
            return bad(what,
                       "line %zu of the frame has %zu columns; an atom with "
                       "coordinates of %zu columns each was expected",
                       i + 3, (size_t)(line.end - line.p), text.number_width);
    }
    if (!asim_gro_take_line(&p, end, at_end, &text.box))
        return need_more(at_end, text.atom_count + 3, what);
    text.size = (size_t)(p - start);
    text.ends_with_newline = p[-1] == '\n';
    *ret_text = text;
    return ASIM_GRO_OK;
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

int asim_gro_parse_box(struct asim_gro_line line, float box_nm[3][3],
                       char what[ASIM_GRO_WHAT])
{
    /* v1(x) v2(y) v3(z) v1(y) v1(z) v2(x) v2(z) v3(x) v3(y) */
    static const int row[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2};
    static const int column[9] = {0, 1, 2, 1, 2, 0, 2, 0, 1};
    float box[3][3] = {{0}};
    int count = 0;
    const char *p = skip_blanks(line.p, line.end);
    while (p < line.end && count < 9) {
        double value;
        const char *next = asim_number_read(p, line.end, &value);
        if (!next || !isfinite((float)value))
            break;
        box[row[count]][column[count]] = (float)value;
        count++;
        p = skip_blanks(next, line.end);
    }
    if (p != line.end || (count != 3 && count != 9))
        return bad(what, "the box line is '%.*s'; 3 or 9 numbers were expected",
                   (int)(line.end - line.p > 80 ? 80 : line.end - line.p), line.p);
    memcpy(box_nm, box, sizeof box);
    return 0;
}

/* The number behind the last "t=" or "step=" of the title. */
bool asim_gro_title_number(struct asim_gro_line title, const char *key,
                           double *ret_value)
{
    size_t length = strlen(key);
    bool found = false;
    for (const char *p = title.p; p + length <= title.end; p++) {
        if (memcmp(p, key, length) != 0 || (p > title.p && p[-1] != ' '))
            continue;
        double value;
        if (asim_number_read(skip_blanks(p + length, title.end), title.end, &value) &&
            isfinite(value)) {
            *ret_value = value;
            found = true;
        }
    }
    return found;
}

size_t asim_gro_decimals(const struct asim_gro_text *text)
{
    const char *numbers = text->atoms + ASIM_GRO_NAME_COLUMNS;
    const char *point = memchr(numbers, '.', text->number_width);
    return point ? text->number_width - 1 - (size_t)(point - numbers) : 0;
}

/* Coordinates of the first atom_limit atoms; with check_velocities, of all columns. */
int asim_gro_parse_numbers(const struct asim_gro_text *text, size_t atom_limit,
                           bool check_velocities, float (*x_nm)[3],
                           char what[ASIM_GRO_WHAT])
{
    const char *p = text->atoms, *end = text->box.p;
    size_t width = text->number_width;
    for (size_t i = 0; i < atom_limit; i++) {
        struct asim_gro_line line;
        if (!asim_gro_take_line(&p, end, true, &line)) {
            bad(what, "the frame ends at line %zu", i + 3);
            return -1;
        }
        size_t columns = 3;
        if (check_velocities &&
            (size_t)(line.end - line.p) >= ASIM_GRO_NAME_COLUMNS + 6 * width)
            columns = 6;
        for (size_t d = 0; d < columns; d++) {
            const char *field = line.p + ASIM_GRO_NAME_COLUMNS + d * width;
            double value;
            if (!asim_number_field(field, field + width, &value) ||
                !isfinite((float)value))
                return bad(what,
                           "line %zu of the frame has '%.*s' where a number was "
                           "expected",
                           i + 3, (int)width, field);
            if (d < 3 && x_nm)
                x_nm[i][d] = (float)value;
        }
    }
    return 0;
}
