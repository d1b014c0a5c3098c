/*
 * XVG files: lines of '#' (comments, headers of PLUMED and Colvars among them), '@'
 * (directives of Grace, legends among them) and rows of numbers.
 *
 * Invariants: every row has the first row's number of columns; what may have been cut
 * while it was written (a last line without newline, or of zero bytes) is never taken
 * for data.
 */
#include "formats/xvg.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/number.h"

enum {
    MOST_COLUMNS = 1000000,
    INFLATE_STEP = 1 << 18,
    /* Rows compress 3 to 20 times, rows of zeros not 100 times; deflate could do 1032
     * times, and a file made to exhaust memory does. */
    MOST_INFLATION = 200,
};
static const uint64_t most_bytes = (uint64_t)1 << 38;

struct legend {
    size_t column;
    char *text;
};

struct parser {
    const char *name;
    size_t line_number;
    struct asim_xvg xvg;
    size_t value_capacity;
    struct legend *legends;
    size_t legend_count, legend_capacity;
    bool set_ended; /* by '&' */
};

void asim_xvg_finish(struct asim_xvg *xvg)
{
    if (!xvg)
        return;
    for (size_t i = 0; xvg->legends && i < xvg->column_count; i++)
        free(xvg->legends[i]);
    free(xvg->legends);
    free(xvg->y_label);
    free(xvg->values);
    *xvg = (struct asim_xvg){0};
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

/* `@    yaxis  label "text"` */
static int parse_axis_label(struct parser *parser, const char *p, const char *end,
                            struct asim_error *err)
{
    static const char word[] = "yaxis";
    if ((size_t)(end - p) < sizeof word || memcmp(p, word, sizeof word - 1) != 0)
        return 0;
    p = skip_blanks(p + sizeof word - 1, end);
    if (end - p < 6 || memcmp(p, "label", 5) != 0)
        return 0;
    p = skip_blanks(p + 5, end);
    if (p == end || *p++ != '"')
        return 0;
    const char *close = memrchr(p, '"', (size_t)(end - p));
    if (!close)
        return 0;
    free(parser->xvg.y_label);
    parser->xvg.y_label =
        asim_format(err, "%.*s", (int)(close - p > 1000 ? 1000 : close - p), p);
    return parser->xvg.y_label ? 0 : -1;
}

static int add_legend(struct parser *parser, size_t column, const char *p,
                      const char *end, struct asim_error *err)
{
    char *text = asim_format(err, "%.*s", (int)(end - p > 10000 ? 10000 : end - p), p);
    if (!text)
        return -1;
    if (asim_grow(&parser->legends, &parser->legend_capacity, parser->legend_count + 1,
                  sizeof *parser->legends, err) < 0) {
        free(text);
        return -1;
    }
    parser->legends[parser->legend_count++] =
        (struct legend){.column = column, .text = text};
    return 0;
}

static bool begins_with(const char *p, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - p) >= length && memcmp(p, word, length) == 0;
}

/* `#! FIELDS time a b` of PLUMED, `# step a b` of Colvars: names of the columns. */
static int parse_comment(struct parser *parser, const char *p, const char *end,
                         struct asim_error *err)
{
    static const char plumed[] = "#! FIELDS ", colvars[] = "# step ";
    bool steps = begins_with(p, end, colvars);
    if (!steps && !begins_with(p, end, plumed))
        return 0;
    parser->xvg.steps = steps;
    p += steps ? 2 : sizeof plumed - 1;
    p = skip_blanks(p, end);
    for (size_t column = 0; p < end && column < MOST_COLUMNS; column++) {
        const char *word = p;
        while (p < end && *p != ' ' && *p != '\t' && *p != '\r')
            p++;
        if (column > 0 && add_legend(parser, column, word, p, err) < 0)
            return -1;
        p = skip_blanks(p, end);
    }
    return 0;
}

/* `@ s0 legend "text"`: set 0 is column 1, for column 0 is the x axis. */
static int parse_directive(struct parser *parser, const char *p, const char *end,
                           struct asim_error *err)
{
    p = skip_blanks(p + 1, end);
    if (p < end && *p == 'y')
        return parse_axis_label(parser, p, end, err);
    if (p == end || *p++ != 's' || p == end || *p < '0' || *p > '9')
        return 0;
    size_t set = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if (set <= MOST_COLUMNS)
            set = set * 10 + (size_t)(*p - '0');
    p = skip_blanks(p, end);
    if (set >= MOST_COLUMNS || end - p < 6 || memcmp(p, "legend", 6) != 0)
        return 0;
    p = skip_blanks(p + 6, end);
    if (p == end || *p++ != '"')
        return 0;
    const char *close = memrchr(p, '"', (size_t)(end - p));
    if (!close)
        return 0;
    return add_legend(parser, set + 1, p, close, err);
}

/* 1: a row; 0: too few columns; -1: an error. */
static int parse_row(struct parser *parser, const char *p, const char *end,
                     struct asim_error *err)
{
    struct asim_xvg *xvg = &parser->xvg;
    size_t start = xvg->row_count * xvg->column_count, count = 0;
    while (p < end) {
        double value;
        const char *next = asim_number_read(p, end, &value);
        if (!next || (next < end && *next != ' ' && *next != '\t' && *next != '\r'))
            return asim_fail(err, ASIM_EINPUT, "'%s', line %zu: '%.*s' is not a number",
                             parser->name, parser->line_number,
                             (int)(end - p > 30 ? 30 : end - p), p);
        if (xvg->row_count > 0 && count == xvg->column_count)
            return asim_fail(err, ASIM_EINPUT,
                             "'%s', line %zu: more than the %zu columns of the rows "
                             "above",
                             parser->name, parser->line_number, xvg->column_count);
        if (count == MOST_COLUMNS)
            return asim_fail(err, ASIM_EINPUT, "'%s', line %zu: more than %d columns",
                             parser->name, parser->line_number, MOST_COLUMNS);
        if (asim_grow(&xvg->values, &parser->value_capacity, start + count + 1,
                      sizeof *xvg->values, err) < 0)
            return -1;
        xvg->values[start + count++] = value;
        p = skip_blanks(next, end);
    }
    if (xvg->row_count > 0 && count < xvg->column_count)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s', line %zu: %zu columns; the rows above have %zu",
                         parser->name, parser->line_number, count, xvg->column_count),
               0;
    xvg->column_count = count;
    xvg->row_count++;
    return 1;
}

static int parse_line(struct parser *parser, const char *p, const char *end,
                      bool is_last, struct asim_error *err)
{
    p = skip_blanks(p, end);
    if (p == end)
        return 0;
    if (*p == '#')
        return parse_comment(parser, p, end, err);
    if (*p == '@')
        return parse_directive(parser, p, end, err);
    if (*p == '&') {
        parser->set_ended = true;
        return 0;
    }
    if (parser->set_ended)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s', line %zu: a second data set starts here; files with "
                         "one were expected",
                         parser->name, parser->line_number);
    int rc = parse_row(parser, p, end, err);
    if (rc == 0 && is_last) {
        parser->xvg.torn_tail = true;
        if (err)
            *err = (struct asim_error){0};
        return 0;
    }
    return rc == 1 ? 0 : -1;
}

static int place_legends(struct parser *parser, struct asim_error *err)
{
    struct asim_xvg *xvg = &parser->xvg;
    /* Without rows the legends say how many columns there are; a file that names the
     * 900,000th set alone does not have so many. */
    if (xvg->row_count == 0) {
        xvg->column_count = 1;
        for (size_t i = 0; i < parser->legend_count; i++)
            if (parser->legends[i].column >= xvg->column_count &&
                parser->legends[i].column <= parser->legend_count)
                xvg->column_count = parser->legends[i].column + 1;
    }
    xvg->legends = asim_alloc_array(xvg->column_count, sizeof *xvg->legends, err);
    if (!xvg->legends)
        return -1;
    for (size_t i = 0; i < parser->legend_count; i++) {
        struct legend *legend = &parser->legends[i];
        if (legend->column >= xvg->column_count)
            continue;
        free(xvg->legends[legend->column]);
        xvg->legends[legend->column] = legend->text;
        legend->text = NULL;
    }
    return 0;
}

static bool only_zeros(const char *p, const char *end)
{
    while (p < end && *p == '\0')
        p++;
    return p == end;
}

int asim_xvg_parse(const void *data, size_t size, const char *name,
                   struct asim_xvg *ret_xvg, struct asim_error *err)
{
    struct parser parser = {.name = name};
    const char *p = data, *end = p + size;
    size_t previous_length = 0;
    int rc = -1;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *line_end = newline ? newline : end;
        size_t length = (size_t)(line_end - p);
        /* A crash can leave a tail of zero bytes, or half a line. But mdrun ends a row
         * of fixed width only when it writes the next, so its last one stays open:
         * it is whole where it is no shorter than the one before. */
        bool open_row = !newline && previous_length > 0 && length >= previous_length;
        if ((!newline && !open_row) || only_zeros(p, end)) {
            parser.xvg.torn_tail = true;
            break;
        }
        parser.line_number++;
        if (parse_line(&parser, p, line_end, !newline || newline + 1 == end, err) < 0)
            goto out;
        previous_length = length;
        p = newline ? newline + 1 : end;
    }
    if (place_legends(&parser, err) < 0)
        goto out;
    *ret_xvg = parser.xvg;
    parser.xvg = (struct asim_xvg){0};
    rc = 0;
out:
    for (size_t i = 0; i < parser.legend_count; i++)
        free(parser.legends[i].text);
    free(parser.legends);
    asim_xvg_finish(&parser.xvg);
    return rc;
}

static bool is_gzip(const char *data, size_t size)
{
    return size >= 2 && (unsigned char)data[0] == 0x1f &&
           (unsigned char)data[1] == 0x8b;
}

static int fail_inflation(const char *path, size_t size, struct asim_error *err)
{
    return asim_fail(err, ASIM_EINPUT,
                     "'%s' grows to more than %d times its %zu bytes when it is "
                     "decompressed, as no table of numbers does; if it is one, "
                     "decompress it with gunzip and give the file that this makes",
                     path, MOST_INFLATION, size);
}

/* All members of a gzip file, one behind the other. */
static int inflate_all(const char *path, char *data, size_t size, char **ret_text,
                       size_t *ret_size, struct asim_error *err)
{
    z_stream stream = {.next_in = (Bytef *)data};
    const uint64_t most = (uint64_t)MOST_INFLATION * size + INFLATE_STEP;
    char *text = NULL;
    size_t capacity = 0, used = 0, left = size;
    int code = inflateInit2(&stream, 15 + 16);
    if (code != Z_OK)
        return asim_fail(err, ASIM_ENOMEM, "no memory to decompress '%s'", path);
    while (code != Z_STREAM_END || left + stream.avail_in > 0) {
        if (code == Z_STREAM_END && inflateReset(&stream) != Z_OK)
            break;
        if (stream.avail_in == 0) {
            stream.avail_in = left > INFLATE_STEP ? INFLATE_STEP : (uInt)left;
            left -= stream.avail_in;
        }
        if (used > most
                ? fail_inflation(path, size, err)
                : asim_grow(&text, &capacity, used + INFLATE_STEP, 1, err) < 0) {
            inflateEnd(&stream);
            free(text);
            return -1;
        }
        stream.next_out = (Bytef *)text + used;
        stream.avail_out = INFLATE_STEP;
        code = inflate(&stream, Z_NO_FLUSH);
        used += INFLATE_STEP - stream.avail_out;
        if (code != Z_OK && code != Z_STREAM_END)
            break;
    }
    inflateEnd(&stream);
    if (code != Z_STREAM_END) {
        free(text);
        return asim_fail(err, ASIM_EINPUT,
                         "'%s': damaged gzip data after %zu bytes of text", path, used);
    }
    *ret_text = text;
    *ret_size = used;
    return 0;
}

int asim_xvg_read(const char *path, struct asim_xvg *ret_xvg, struct asim_error *err)
{
    char *data, *text = NULL;
    size_t size;
    if (asim_file_read(path, most_bytes, &data, &size, err) < 0)
        return -1;
    int rc = 0;
    if (is_gzip(data, size)) {
        rc = inflate_all(path, data, size, &text, &size, err);
        free(data);
        data = text;
    }
    if (rc == 0)
        rc = asim_xvg_parse(data, size, path, ret_xvg, err);
    free(data);
    return rc;
}
