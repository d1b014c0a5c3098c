/*
 * Writing .npz. Facts: PKWARE's APPNOTE 6.3 (local headers, central directory, end
 * record; method 0 is "stored") and NumPy's NEP 1 for the arrays. Archives of 4 GiB and
 * more would need ZIP64 and are refused.
 */
#include "formats/npz.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"

enum { HEADER_BYTES = 128, NAME_BYTES = 64, MOST_ARRAYS = 64 };

struct entry {
    char name[NAME_BYTES];
    uint32_t crc, size, offset;
};

static void put16(FILE *stream, unsigned value)
{
    fputc((int)(value & 255), stream);
    fputc((int)(value >> 8 & 255), stream);
}

static void put32(FILE *stream, uint32_t value)
{
    put16(stream, value & 65535);
    put16(stream, value >> 16);
}

/* The header of version 1.0, padded so that the data are aligned to 64 bytes. */
static void npy_header(const struct asim_npz_array *array,
                       unsigned char header[HEADER_BYTES])
{
    char text[HEADER_BYTES];
    int length =
        array->dimension_count == 1
            ? snprintf(text, sizeof text,
                       "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu,), }",
                       array->shape[0])
            : snprintf(
                  text, sizeof text,
                  "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu, %zu), }",
                  array->shape[0], array->shape[1]);
    memset(header, ' ', HEADER_BYTES);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = HEADER_BYTES - 10;
    header[9] = 0;
    memcpy(header + 10, text, (size_t)length);
    header[HEADER_BYTES - 1] = '\n';
}

static size_t value_count(const struct asim_npz_array *array)
{
    return array->shape[0] * (array->dimension_count == 1 ? 1 : array->shape[1]);
}

/* What local header and central directory have in common. */
static void put_description(FILE *stream, const struct entry *entry)
{
    put16(stream, 20); /* version 2.0 extracts it */
    put16(stream, 0);
    put16(stream, 0); /* stored */
    put16(stream, 0);
    put16(stream, 0x21); /* 1 January 1980: the same data give the same bytes */
    put32(stream, entry->crc);
    put32(stream, entry->size);
    put32(stream, entry->size);
    put16(stream, (unsigned)strlen(entry->name));
    put16(stream, 0);
}

static int put_array(FILE *stream, const struct asim_npz_array *array,
                     struct entry *ret_entry, uint64_t *offset, struct asim_error *err)
{
    unsigned char header[HEADER_BYTES];
    size_t bytes = value_count(array) * sizeof(double);
    if (*offset + bytes + 4096 > UINT32_MAX)
        return asim_fail(err, ASIM_EINPUT,
                         "array '%s' makes the file larger than 4 GiB", array->name);
    npy_header(array, header);
    struct entry entry = {.offset = (uint32_t)*offset,
                          .size = (uint32_t)(HEADER_BYTES + bytes)};
    snprintf(entry.name, sizeof entry.name, "%s.npy", array->name);
    entry.crc = (uint32_t)crc32_z(crc32_z(0, header, HEADER_BYTES),
                                  (const unsigned char *)array->values, bytes);
    put32(stream, 0x04034b50);
    put_description(stream, &entry);
    fputs(entry.name, stream);
    fwrite(header, 1, HEADER_BYTES, stream);
    fwrite(array->values, 1, bytes, stream);
    *offset += 30 + strlen(entry.name) + entry.size;
    *ret_entry = entry;
    return 0;
}

int asim_npz_write(const char *path, const struct asim_npz_array *arrays,
                   size_t array_count, struct asim_error *err)
{
    struct entry entries[MOST_ARRAYS];
    struct asim_output output = {0};
    uint64_t offset = 0;
    int rc = -1;
    if (array_count > MOST_ARRAYS)
        return asim_fail(err, ASIM_EUSAGE, "%zu arrays; at most %d go into a file",
                         array_count, MOST_ARRAYS);
    if (asim_output_open(path, &output, err) < 0)
        return -1;
    for (size_t i = 0; i < array_count; i++)
        if (put_array(output.stream, &arrays[i], &entries[i], &offset, err) < 0)
            goto out;
    uint32_t directory = (uint32_t)offset, directory_size = 0;
    for (size_t i = 0; i < array_count; i++) {
        put32(output.stream, 0x02014b50);
        put16(output.stream, 20);
        put_description(output.stream, &entries[i]);
        put16(output.stream, 0); /* comment, disk, attributes */
        put16(output.stream, 0);
        put16(output.stream, 0);
        put32(output.stream, 0);
        put32(output.stream, entries[i].offset);
        fputs(entries[i].name, output.stream);
        directory_size += 46 + (uint32_t)strlen(entries[i].name);
    }
    put32(output.stream, 0x06054b50);
    put16(output.stream, 0);
    put16(output.stream, 0);
    put16(output.stream, (unsigned)array_count);
    put16(output.stream, (unsigned)array_count);
    put32(output.stream, directory_size);
    put32(output.stream, directory);
    put16(output.stream, 0);
    rc = asim_output_commit(&output, err);
out:
    asim_output_close(&output);
    return rc;
}
