/* A bounded big-endian cursor over the bytes of a TPR: the parts that are not inline.
 */
#include "formats/tpr_reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void asim_tpr_reader_fail(struct asim_tpr_reader *reader, const char *format, ...)
{
    if (reader->failed)
        return;
    char what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    asim_fail(reader->err, ASIM_EINPUT, "at byte %zu, in %s: %s", reader->position,
              reader->section, what);
    reader->failed = true;
}

bool asim_tpr_reader_has(struct asim_tpr_reader *reader, uint64_t count, size_t size)
{
    if (reader->failed)
        return false;
    uint64_t bytes;
    uint64_t left = reader->end - reader->position;
    if (__builtin_mul_overflow(count, (uint64_t)size, &bytes) || bytes > left) {
        asim_tpr_reader_fail(reader,
                             "%" PRIu64 " elements of %zu bytes are expected, but only "
                             "%" PRIu64 " bytes are left; the file is truncated or its "
                             "layout is not known",
                             count, size, left);
        return false;
    }
    return true;
}

void asim_tpr_skip_bytes(struct asim_tpr_reader *reader, uint64_t count, size_t size)
{
    if (asim_tpr_reader_has(reader, count, size))
        reader->position += (size_t)count * size;
}

void asim_tpr_skip(struct asim_tpr_reader *reader, const char *fields)
{
    size_t bytes = 0;
    for (; *fields; fields++) {
        switch (*fields) {
        case 'i':
            bytes += 4;
            break;
        case 'l':
        case 'd':
            bytes += 8;
            break;
        case 'r':
            bytes += real_bytes(reader);
            break;
        case 'v':
            bytes += 3 * real_bytes(reader);
            break;
        case 'b':
        case 'u':
            bytes += bool_bytes(reader);
            break;
        default:
            break;
        }
    }
    asim_tpr_skip_bytes(reader, 1, bytes);
}

size_t asim_tpr_read_count(struct asim_tpr_reader *reader, size_t element_bytes)
{
    size_t start = reader->position;
    int32_t count = read_int(reader);
    if (count < 0) {
        reader->position = start;
        asim_tpr_reader_fail(reader, "a count of %" PRId32 " is not possible", count);
        return 0;
    }
    if (!asim_tpr_reader_has(reader, (uint64_t)count, element_bytes))
        return 0;
    return (size_t)count;
}

const char *asim_tpr_read_string(struct asim_tpr_reader *reader, size_t *ret_length)
{
    uint64_t length;
    size_t padding = 0;
    *ret_length = 0;
    if (reader->packed) {
        length = (uint64_t)read_int64(reader);
    } else {
        /* The length is stored twice: with the final NUL, then as XDR does. */
        int32_t with_nul = read_int(reader);
        int32_t bare = read_int(reader);
        if (bare < 0 || with_nul != (int64_t)bare + 1) {
            asim_tpr_reader_fail(reader,
                                 "a string's lengths are %" PRId32 " and %" PRId32
                                 "; the first should be one more than the second",
                                 with_nul, bare);
            return "";
        }
        length = (uint64_t)bare;
        padding = (4 - length % 4) % 4;
    }
    if (!asim_tpr_reader_has(reader, length, 1))
        return "";
    const char *text = (const char *)reader->data + reader->position;
    reader->position += (size_t)length;
    asim_tpr_skip_bytes(reader, padding, 1);
    if (reader->failed)
        return "";
    *ret_length = (size_t)length;
    return text;
}
