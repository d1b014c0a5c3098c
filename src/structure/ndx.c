/*
 * Reading index files. Every number is bounded to 32 bits before it is kept; nothing
 * here knows how many atoms the system has.
 */
#include "structure/ndx.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

/* The index of a 10 M atom system takes 90 MB a group. */
#define LARGEST_FILE (UINT64_C(4) << 30)

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

static int parse_header(const char *p, const char *end, const char *path, size_t line,
                        struct asim_ndx *ndx, struct asim_error *err)
{
    const char *name = skip_blanks(p + 1, end);
    const char *close = memrchr(p, ']', (size_t)(end - p));
    if (!close)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' line %zu: a group header must end with ']'", path, line);
    if (close < name)
        close = name;
    while (close > name && (close[-1] == ' ' || close[-1] == '\t'))
        close--;
    if (close == name)
        return asim_fail(err, ASIM_EINPUT, "'%s' line %zu: a group without a name",
                         path, line);
    size_t length = (size_t)(close - name);
    if (memchr(name, '\0', length))
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' line %zu: a NUL byte in a group name; this is not an "
                         "index file",
                         path, line);
    if (asim_grow(&ndx->groups, &ndx->group_capacity, ndx->group_count + 1,
                  sizeof *ndx->groups, err) < 0)
        return -1;
    char *copy = asim_alloc_array(length + 1, 1, err);
    if (!copy)
        return -1;
    memcpy(copy, name, length);
    ndx->groups[ndx->group_count++] =
        (struct asim_ndx_group){.name = copy, .line = line, .first = ndx->number_count};
    return 0;
}

static int parse_numbers(const char *p, const char *end, const char *path, size_t line,
                         struct asim_ndx *ndx, struct asim_error *err)
{
    const char *line_start = p;
    p = skip_blanks(p, end);
    if (ndx->group_count == 0 && p < end)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' line %zu: expected a group header '[ name ]' before the "
                         "first atom number; this is not an index file",
                         path, line);
    while (p < end) {
        uint64_t number = 0;
        const char *start = p;
        for (; p < end && *p >= '0' && *p <= '9' && number <= UINT32_MAX; p++)
            number = number * 10 + (uint64_t)(*p - '0');
        if (p == start || number == 0 || number > UINT32_MAX ||
            (p < end && *p != ' ' && *p != '\t' && *p != '\r'))
            return asim_fail(
                err, ASIM_EINPUT,
                "'%s' line %zu, column %zu: expected an atom number from 1 "
                "on",
                path, line, (size_t)(start - line_start) + 1);
        if (asim_grow(&ndx->numbers, &ndx->number_capacity, ndx->number_count + 1,
                      sizeof *ndx->numbers, err) < 0)
            return -1;
        ndx->numbers[ndx->number_count++] = (uint32_t)number;
        ndx->groups[ndx->group_count - 1].count++;
        p = skip_blanks(p, end);
    }
    return 0;
}

int asim_ndx_parse(const char *data, size_t size, const char *path,
                   struct asim_ndx *ret_ndx, struct asim_error *err)
{
    struct asim_ndx ndx = {0};
    int rc = -1;
    const char *p = data, *data_end = data + size;
    for (size_t line = 1; p < data_end; line++) {
        const char *newline = memchr(p, '\n', (size_t)(data_end - p));
        const char *line_end = newline ? newline : data_end;
        const char *comment = memchr(p, ';', (size_t)(line_end - p));
        const char *end = comment ? comment : line_end;
        const char *first = skip_blanks(p, end);
        if (first < end && *first == '[') {
            if (parse_header(first, end, path, line, &ndx, err) < 0)
                goto out;
        } else if (parse_numbers(p, end, path, line, &ndx, err) < 0) {
            goto out;
        }
        p = newline ? newline + 1 : data_end;
    }
    if (ndx.group_count == 0) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' holds no group: an index file has '[ name ]' lines followed by "
                  "atom numbers",
                  path);
        goto out;
    }
    *ret_ndx = ndx;
    ndx = (struct asim_ndx){0};
    rc = 0;
out:
    asim_ndx_finish(&ndx);
    return rc;
}

int asim_ndx_read(const char *path, struct asim_ndx *ret_ndx, struct asim_error *err)
{
    char *data;
    size_t size;
    if (asim_file_read(path, LARGEST_FILE, &data, &size, err) < 0)
        return -1;
    int rc = asim_ndx_parse(data, size, path, ret_ndx, err);
    free(data);
    return rc;
}

void asim_ndx_finish(struct asim_ndx *ndx)
{
    if (!ndx)
        return;
    for (size_t i = 0; i < ndx->group_count; i++)
        free(ndx->groups[i].name);
    free(ndx->groups);
    free(ndx->numbers);
    *ndx = (struct asim_ndx){0};
}
