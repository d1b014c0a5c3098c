/*
 * NumPy .npy files, version 1.0 (layout: NumPy's documentation of the format): the
 * magic string, the version, a 16-bit header length, a Python dictionary padded so that
 * the data start at a multiple of 64, the data. Invariant: only little-endian doubles
 * in C order, of one or two dimensions, pass in or out.
 */
#include "formats/npy.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "npy.c copies doubles as they lie in memory and needs a little-endian machine"
#endif

enum { PREFIX_BYTES = 10, HEADER_BYTES = 128 };
static const char magic[8] = "\x93NUMPY\x01";
static const uint64_t most_bytes = (uint64_t)1 << 40;

static int value_count(const size_t *shape, int dimension_count, size_t *ret_count)
{
    size_t bytes;
    *ret_count = 1;
    for (int d = 0; d < dimension_count; d++)
        if (__builtin_mul_overflow(*ret_count, shape[d], ret_count))
            return -1;
    return __builtin_mul_overflow(*ret_count, sizeof(double), &bytes) ? -1 : 0;
}

int asim_npy_begin(const char *path, const size_t *shape, int dimension_count,
                   struct asim_output *ret_output, struct asim_error *err)
{
    size_t count;
    if (dimension_count < 1 || dimension_count > 2 ||
        value_count(shape, dimension_count, &count) < 0)
        return asim_fail(err, ASIM_EUSAGE,
                         "'%s': an array of one or two dimensions was expected", path);
    char header[HEADER_BYTES + 1];
    char shape_text[64];
    if (dimension_count == 1)
        snprintf(shape_text, sizeof shape_text, "(%zu,)", shape[0]);
    else
        snprintf(shape_text, sizeof shape_text, "(%zu, %zu)", shape[0], shape[1]);
    memcpy(header, magic, sizeof magic);
    /* 128 bytes in all hold any shape; the rest is blanks and a newline. */
    header[8] = HEADER_BYTES - PREFIX_BYTES;
    header[9] = 0;
    int length =
        snprintf(header + PREFIX_BYTES, sizeof header - PREFIX_BYTES,
                 "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", shape_text);
    memset(header + PREFIX_BYTES + length, ' ',
           (size_t)(HEADER_BYTES - PREFIX_BYTES - length));
    header[HEADER_BYTES - 1] = '\n';
    if (asim_output_open(path, ret_output, err) < 0)
        return -1;
    fwrite(header, 1, HEADER_BYTES, ret_output->stream);
    return 0;
}

int asim_npy_write(const char *path, const double *values, const size_t *shape,
                   int dimension_count, struct asim_error *err)
{
    size_t count;
    struct asim_output output;
    if (asim_npy_begin(path, shape, dimension_count, &output, err) < 0)
        return -1;
    value_count(shape, dimension_count, &count);
    if (count > 0)
        fwrite(values, sizeof *values, count, output.stream);
    int rc = asim_output_commit(&output, err);
    asim_output_close(&output);
    return rc;
}

/* The text behind "'key':" in the dictionary, or NULL. */
static const char *dictionary_value(const char *dictionary, const char *key)
{
    const char *p = strstr(dictionary, key);
    if (!p)
        return NULL;
    p += strlen(key);
    p += strspn(p, " ");
    if (*p++ != ':')
        return NULL;
    return p + strspn(p, " ");
}

static bool parse_shape(const char *p, size_t ret_shape[2], int *ret_dimension_count)
{
    int count = 0;
    if (*p++ != '(')
        return false;
    for (;;) {
        p += strspn(p, " ");
        if (*p == ')')
            break;
        if (count == 2 || *p < '0' || *p > '9')
            return false;
        uint64_t value = 0;
        for (; *p >= '0' && *p <= '9'; p++) {
            if (value > most_bytes)
                return false;
            value = value * 10 + (uint64_t)(*p - '0');
        }
        ret_shape[count++] = (size_t)value;
        p += strspn(p, " ");
        if (*p == ',')
            p++;
        else if (*p != ')')
            return false;
    }
    *ret_dimension_count = count;
    return count >= 1;
}

/* What the dictionary says, or an error. */
static int parse_dictionary(const char *path, const char *dictionary,
                            size_t ret_shape[2], int *ret_dimension_count,
                            size_t *ret_count, struct asim_error *err)
{
    const char *descr = dictionary_value(dictionary, "'descr'");
    const char *order = dictionary_value(dictionary, "'fortran_order'");
    const char *shape_text = dictionary_value(dictionary, "'shape'");
    ret_shape[0] = ret_shape[1] = 1;
    if (descr && strncmp(descr, "'<f8'", 5) == 0 && order &&
        strncmp(order, "False", 5) == 0 && shape_text &&
        parse_shape(shape_text, ret_shape, ret_dimension_count) &&
        value_count(ret_shape, *ret_dimension_count, ret_count) == 0)
        return 0;
    return asim_fail(err, ASIM_EINPUT,
                     "'%s' does not hold little-endian doubles in C order of one or "
                     "two dimensions",
                     path);
}

static int read_header(const char *path, FILE *file, size_t size, size_t ret_shape[2],
                       int *ret_dimension_count, struct asim_error *err)
{
    unsigned char prefix[PREFIX_BYTES];
    size_t count = 0;
    if (fread(prefix, 1, sizeof prefix, file) != sizeof prefix ||
        memcmp(prefix, magic, sizeof magic) != 0)
        return asim_fail(err, ASIM_EINPUT, "'%s' is not a NumPy file of version 1.0",
                         path);
    size_t length = (size_t)prefix[9] << 8 | prefix[8];
    char *dictionary = asim_alloc_array(length + 1, 1, err);
    if (!dictionary)
        return -1;
    int rc = fread(dictionary, 1, length, file) == length
                 ? parse_dictionary(path, dictionary, ret_shape, ret_dimension_count,
                                    &count, err)
                 : asim_fail(err, ASIM_EINPUT, "'%s' ends inside its header", path);
    free(dictionary);
    if (rc < 0)
        return -1;
    size_t data = size - PREFIX_BYTES - length;
    if (data % sizeof(double) != 0 || data / sizeof(double) != count)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' has %zu bytes of data; its shape needs %zu", path, data,
                         count * sizeof(double));
    return 0;
}

int asim_npy_open(const char *path, FILE **ret_file, size_t ret_shape[2],
                  int *ret_dimension_count, struct asim_error *err)
{
    FILE *file;
    uint64_t size;
    if (asim_file_open_stream(path, &file, &size, err) < 0)
        return -1;
    size_t shape[2];
    int dimensions = 0;
    if (read_header(path, file, (size_t)size, shape, &dimensions, err) < 0) {
        fclose(file);
        return -1;
    }
    *ret_file = file;
    ret_shape[0] = shape[0];
    ret_shape[1] = shape[1];
    *ret_dimension_count = dimensions;
    return 0;
}
