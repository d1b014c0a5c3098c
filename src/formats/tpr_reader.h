/*
 * A bounded big-endian cursor over the bytes of a TPR.
 *
 * The two encodings: XDR (file versions below 119, and every header), where bool,
 * unsigned char and unsigned short take 4 bytes and strings are padded to 4; and the
 * packed one, where they take 1, 1 and 2 bytes and nothing is padded.
 *
 * The first failure is kept and every later read gives 0, so that a walk reads like the
 * layout it follows; counts are bounded by the bytes that are left, so that loops over
 * a count end. It must not know what the bytes mean.
 */
#ifndef FORMATS_TPR_READER_H
#define FORMATS_TPR_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "formats/big_endian.h"

struct asim_tpr_reader {
    const uint8_t *data;
    size_t end; /* bytes behind it are not read */
    size_t position;
    bool packed;
    bool double_precision;
    int file_version;
    bool failed;
    const char *section; /* where the walk is, for messages */
    struct asim_error *err;
};

/* Fails at the reader's position unless it failed before. */
void asim_tpr_reader_fail(struct asim_tpr_reader *reader, const char *format, ...)
    ASIM_PRINTF(2, 3);

/* Makes sure that `count` elements of `size` bytes are left; false after failing. */
bool asim_tpr_reader_has(struct asim_tpr_reader *reader, uint64_t count, size_t size);

void asim_tpr_skip_bytes(struct asim_tpr_reader *reader, uint64_t count, size_t size);

/*
 * Skips fields by a template: i int, l int64, r real, v three reals, d double, b bool,
 * u unsigned char; blanks are free.
 */
void asim_tpr_skip(struct asim_tpr_reader *reader, const char *fields);

/* A count that is followed by at least `element_bytes` bytes for each element. */
size_t asim_tpr_read_count(struct asim_tpr_reader *reader, size_t element_bytes);

/* A string inside the data, not terminated. */
const char *asim_tpr_read_string(struct asim_tpr_reader *reader, size_t *ret_length);

static inline size_t real_bytes(const struct asim_tpr_reader *reader)
{
    return reader->double_precision ? 8 : 4;
}

static inline size_t bool_bytes(const struct asim_tpr_reader *reader)
{
    return reader->packed ? 1 : 4;
}

static inline const uint8_t *take(struct asim_tpr_reader *reader, size_t size)
{
    if (!asim_tpr_reader_has(reader, 1, size))
        return NULL;
    const uint8_t *bytes = reader->data + reader->position;
    reader->position += size;
    return bytes;
}

static inline int32_t read_int(struct asim_tpr_reader *reader)
{
    const uint8_t *bytes = take(reader, 4);
    return bytes ? (int32_t)load_u32(bytes) : 0;
}

static inline int64_t read_int64(struct asim_tpr_reader *reader)
{
    const uint8_t *bytes = take(reader, 8);
    return bytes ? (int64_t)load_u64(bytes) : 0;
}

static inline double read_double(struct asim_tpr_reader *reader)
{
    const uint8_t *bytes = take(reader, 8);
    return bytes ? load_double(bytes) : 0;
}

static inline double read_real(struct asim_tpr_reader *reader)
{
    const uint8_t *bytes = take(reader, real_bytes(reader));
    return bytes ? load_real(bytes, reader->double_precision) : 0;
}

static inline bool read_bool(struct asim_tpr_reader *reader)
{
    size_t size = bool_bytes(reader);
    const uint8_t *bytes = take(reader, size);
    return bytes && (size == 1 ? bytes[0] != 0 : load_u32(bytes) != 0);
}

static inline uint8_t read_uchar(struct asim_tpr_reader *reader)
{
    size_t size = bool_bytes(reader);
    const uint8_t *bytes = take(reader, size);
    return bytes ? bytes[size - 1] : 0;
}

#endif
