/* Values of options: from text into the settings, and back. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "options.h"

static int wrong_value(const struct option_spec *spec, const char *value,
                       const char *expected, struct asim_error *err)
{
    return asim_fail(err, ASIM_EUSAGE, "--%s '%s': %s was expected", spec->name, value,
                     expected);
}

bool option_word(const struct option_spec *spec, size_t index, char *ret_word,
                 size_t word_size)
{
    const char *text = spec->argument ? spec->argument : "";
    for (;;) {
        size_t length = strcspn(text, "|");
        bool literal = length > 0 && islower((unsigned char)*text);
        if (literal && index-- == 0) {
            snprintf(ret_word, word_size, "%.*s", (int)length, text);
            return true;
        }
        if (text[length] == '\0')
            return false;
        text += length + 1;
    }
}

/* Index of `value` among the words, or a usage error that lists them. */
static int parse_word(const struct option_spec *spec, const char *value, int *ret_index,
                      struct asim_error *err)
{
    char words[16][32];
    const char *names[16];
    size_t count = 0;
    for (; count < 16 && option_word(spec, count, words[count], sizeof *words);
         count++) {
        names[count] = words[count];
        if (strcmp(value, words[count]) == 0) {
            *ret_index = (int)count;
            return 0;
        }
    }
    const char *nearest = asim_nearest_word(value, names, count);
    if (nearest)
        return asim_fail(err, ASIM_EUSAGE,
                         "--%s '%s': %s was expected; did you mean %s?", spec->name,
                         value, spec->argument, nearest);
    return wrong_value(spec, value, spec->argument, err);
}

static int parse_number(const struct option_spec *spec, const char *value,
                        double *ret_number, struct asim_error *err)
{
    char expected[80];
    snprintf(expected, sizeof expected, "a number from %g to %g", spec->least,
             spec->most);
    double number;
    if (!asim_parse_double(value, &number) || number < spec->least ||
        number > spec->most)
        return wrong_value(spec, value, expected, err);
    *ret_number = number;
    return 0;
}

static int parse_count(const struct option_spec *spec, const char *value,
                       int64_t *ret_count, struct asim_error *err)
{
    char expected[80];
    snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f", spec->least,
             spec->most);
    int64_t count;
    if (!asim_parse_int64(value, &count) || (double)count < spec->least ||
        (double)count > spec->most)
        return wrong_value(spec, value, expected, err);
    *ret_count = count;
    return 0;
}

static int parse_range(const struct option_spec *spec, const char *value, double *range,
                       struct asim_error *err)
{
    static const char expected[] = "a range A:B in nm with A below B";
    char first[64];
    const char *colon = strchr(value, ':');
    if (!colon || (size_t)(colon - value) >= sizeof first)
        return wrong_value(spec, value, expected, err);
    snprintf(first, sizeof first, "%.*s", (int)(colon - value), value);
    double begin, end;
    if (!asim_parse_double(first, &begin) || !asim_parse_double(colon + 1, &end) ||
        !(begin < end))
        return wrong_value(spec, value, expected, err);
    range[0] = begin;
    range[1] = end;
    return 0;
}

static int parse_memory(const struct option_spec *spec, const char *value,
                        struct asim_pca_options *pca, struct asim_error *err)
{
    static const char units[] = "KMGT";
    pca->memory = ASIM_MEMORY_AUTO;
    pca->memory_limit_bytes = 0;
    if (strcmp(value, "auto") == 0)
        return 0;
    if (strcmp(value, "stream") == 0) {
        pca->memory = ASIM_MEMORY_STREAM;
        return 0;
    }
    char *end;
    double size = strtod(value, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit)
        size *= pow(1024, (double)(unit - units + 1));
    bool ended =
        *end == '\0' || (unit && (end[1] == '\0' || strcmp(end + 1, "B") == 0 ||
                                  strcmp(end + 1, "iB") == 0));
    if (end == value || !ended || !(size >= 1 << 20) || size > 1e18)
        return wrong_value(spec, value, "auto, stream, or a size of at least 1M", err);
    pca->memory_limit_bytes = (uint64_t)size;
    return 0;
}

/* Whether the value names a file, rather than being one of the words. */
bool option_names_file(const struct option_spec *spec, const char *value)
{
    char word[32];
    if (spec->kind != KIND_REFERENCE)
        return spec->kind == KIND_FILE;
    for (size_t i = 0; option_word(spec, i, word, sizeof word); i++)
        if (strcmp(value, word) == 0)
            return false;
    return true;
}

static int parse_reference(const struct option_spec *spec, const char *value,
                           struct asim_pca_options *pca, struct asim_error *err)
{
    pca->reference_path = NULL;
    if (option_names_file(spec, value)) {
        if (!*value)
            return wrong_value(spec, value, spec->argument, err);
        pca->reference = ASIM_REFERENCE_FILE;
        pca->reference_path = value;
        return 0;
    }
    pca->reference =
        strcmp(value, "first") == 0 ? ASIM_REFERENCE_FIRST : ASIM_REFERENCE_MEAN;
    return 0;
}

int option_store(struct settings *settings, const struct option_spec *spec,
                 const char *value, struct asim_error *err)
{
    void *target = (char *)settings + spec->offset;
    int64_t count = 0;
    int word = 0;
    switch (spec->kind) {
    case KIND_FLAG:
        *(bool *)target = true;
        return 0;
    case KIND_TEXT:
    case KIND_FILE:
    case KIND_FOLDER:
        *(const char **)target = value;
        return 0;
    case KIND_COUNT_OR_AUTO:
        if (strcmp(value, "auto") == 0) {
            *(int *)target = 0;
            return 0;
        }
        /* fall through */
    case KIND_INT:
        if (parse_count(spec, value, &count, err) < 0)
            return -1;
        *(int *)target = (int)count;
        return 0;
    case KIND_SIZE_OR_ALL:
        if (strcmp(value, "all") == 0) {
            *(size_t *)target = SIZE_MAX;
            return 0;
        }
        /* fall through */
    case KIND_SIZE:
        if (parse_count(spec, value, &count, err) < 0)
            return -1;
        *(size_t *)target = (size_t)count;
        return 0;
    case KIND_UINT64:
        if (!asim_parse_int64(value, &count) || count < 1)
            return wrong_value(spec, value, "a positive whole number", err);
        *(uint64_t *)target = (uint64_t)count;
        return 0;
    case KIND_REAL_OR_AUTO:
        if (strcmp(value, "auto") == 0) {
            *(double *)target = 0;
            return 0;
        }
        /* fall through */
    case KIND_REAL:
        return parse_number(spec, value, target, err);
    case KIND_RANGE:
        return parse_range(spec, value, target, err);
    case KIND_REFERENCE:
        return parse_reference(spec, value, &settings->pca, err);
    case KIND_MEMORY:
        return parse_memory(spec, value, &settings->pca, err);
    case KIND_CHOICE:
        if (parse_word(spec, value, &word, err) < 0)
            return -1;
        *(int *)target = word; /* an enum that starts at 0 */
        return 0;
    }
    return 0;
}

void option_format(const struct settings *settings, const struct option_spec *spec,
                   char *ret_value, size_t value_size)
{
    const void *source = (const char *)settings + spec->offset;
    switch (spec->kind) {
    case KIND_FLAG:
        snprintf(ret_value, value_size, "%s", *(const bool *)source ? "true" : "false");
        break;
    case KIND_TEXT:
    case KIND_FILE:
    case KIND_FOLDER:
        snprintf(ret_value, value_size, "%s",
                 *(const char *const *)source ? *(const char *const *)source : "");
        break;
    case KIND_CHOICE:
        if (!option_word(spec, (size_t) * (const int *)source, ret_value, value_size))
            snprintf(ret_value, value_size, "?");
        break;
    case KIND_COUNT_OR_AUTO:
        if (*(const int *)source == 0) {
            snprintf(ret_value, value_size, "auto");
            break;
        }
        /* fall through */
    case KIND_INT:
        snprintf(ret_value, value_size, "%d", *(const int *)source);
        break;
    case KIND_REFERENCE:
        snprintf(ret_value, value_size, "%s",
                 settings->pca.reference == ASIM_REFERENCE_FILE
                     ? settings->pca.reference_path
                 : settings->pca.reference == ASIM_REFERENCE_FIRST ? "first"
                                                                   : "mean");
        break;
    case KIND_SIZE_OR_ALL:
        if (*(const size_t *)source == SIZE_MAX) {
            snprintf(ret_value, value_size, "all");
            break;
        }
        /* fall through */
    case KIND_SIZE:
        snprintf(ret_value, value_size, "%zu", *(const size_t *)source);
        break;
    case KIND_UINT64:
        snprintf(ret_value, value_size, "%llu",
                 (unsigned long long)*(const uint64_t *)source);
        break;
    case KIND_REAL_OR_AUTO:
        if (*(const double *)source == 0) {
            snprintf(ret_value, value_size, "auto");
            break;
        }
        /* fall through */
    case KIND_REAL:
        snprintf(ret_value, value_size, "%.10g", *(const double *)source);
        break;
    case KIND_RANGE:
        snprintf(ret_value, value_size, "%.10g:%.10g", ((const double *)source)[0],
                 ((const double *)source)[1]);
        break;
    case KIND_MEMORY:
        if (settings->pca.memory == ASIM_MEMORY_STREAM) {
            snprintf(ret_value, value_size, "stream");
            break;
        }
        if (settings->pca.memory_limit_bytes == 0) {
            snprintf(ret_value, value_size, "auto");
            break;
        }
        snprintf(ret_value, value_size, "%llu",
                 (unsigned long long)settings->pca.memory_limit_bytes);
        break;
    }
}
