/* jansson with our errors. */
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { JSON_LARGEST_BYTES = 1 << 30 };

int asim_json_read(const char *path, json_t **ret_root, struct asim_error *err)
{
    char *data;
    size_t size;
    if (asim_file_read(path, JSON_LARGEST_BYTES, &data, &size, err) < 0)
        return -1;
    json_error_t cause;
    json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &cause);
    free(data);
    if (!root)
        return asim_fail(err, ASIM_EINPUT, "'%s' line %d: not valid JSON: %s", path,
                         cause.line, cause.text);
    *ret_root = root;
    return 0;
}

int asim_json_write(const char *path, const json_t *root, struct asim_error *err)
{
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    if (!text)
        return asim_fail(err, ASIM_ENOMEM, "no memory to write '%s'", path);
    size_t length = strlen(text);
    text[length] = '\n'; /* in place of the NUL: files end with a newline */
    int rc = asim_file_replace(path, text, length + 1, err);
    free(text);
    return rc;
}

static int wrong_member(const char *key, const char *expected, const json_t *value,
                        struct asim_error *err)
{
    return asim_fail(err, ASIM_EINPUT, "member '%s' %s; %s was expected", key,
                     value ? "has the wrong type" : "is missing", expected);
}

int asim_json_double(const json_t *object, const char *key, double *ret_value,
                     struct asim_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value))
        *ret_value = json_number_value(value);
    else if (json_is_null(value))
        *ret_value = NAN;
    else
        return wrong_member(key, "a number", value, err);
    return 0;
}

int asim_json_int64(const json_t *object, const char *key, int64_t *ret_value,
                    struct asim_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return wrong_member(key, "a whole number", value, err);
    *ret_value = json_integer_value(value);
    return 0;
}

int asim_json_text(const json_t *object, const char *key, char *ret_text, size_t size,
                   struct asim_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return wrong_member(key, "a text", value, err);
    if (json_string_length(value) >= size)
        return asim_fail(err, ASIM_EINPUT, "member '%s' is longer than %zu characters",
                         key, size - 1);
    memcpy(ret_text, json_string_value(value), json_string_length(value) + 1);
    return 0;
}

int asim_json_doubles(const json_t *object, const char *key, double **ret_values,
                      size_t *ret_count, struct asim_error *err)
{
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array))
        return wrong_member(key, "an array of numbers", array, err);
    size_t count = json_array_size(array);
    double *values = asim_alloc_array(count, sizeof *values, err);
    if (!values)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_number(value) && !json_is_null(value)) {
            free(values);
            return wrong_member(key, "an array of numbers", value, err);
        }
        values[i] = json_is_null(value) ? NAN : json_number_value(value);
    }
    *ret_values = values;
    *ret_count = count;
    return 0;
}

json_t *asim_json_string(const char *text)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    char *whole = asim_alloc_array(strlen(text) + 1, sizeof replacement - 1, NULL);
    size_t used = 0;
    uint32_t character;
    if (!whole)
        return NULL;
    while (*text) {
        size_t length = asim_utf8_sequence(text, &character);
        memcpy(whole + used, length ? text : replacement,
               length ? length : sizeof replacement - 1);
        used += length ? length : sizeof replacement - 1;
        text += length ? length : 1;
    }
    json_t *string = json_stringn(whole, used);
    free(whole);
    return string;
}

json_t *asim_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *asim_json_number_array(const double *values, size_t count)
{
    json_t *array = json_array();
    if (!array)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(array, asim_json_number(values[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
