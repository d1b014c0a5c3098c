/*
 * The numbers behind resid, index, mass ...: single values and ranges `1:10`, `1-10`,
 * `1 to 10`, with blanks around the separator or not, negative numbers (`-5--2`),
 * insertion codes behind residue numbers (`100A`), and comparisons (`> 5`).
 *
 * The rules for blanks are MDAnalysis': `1 -10` is the two numbers 1 and -10, but
 * `1 - 10`, `1- 10` and `1 --10` are ranges.
 */
#include "structure/select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { LONGEST_VALUE = 100 };

/* Numbers of atoms and residues are 32-bit in every file format. */
#define LARGEST_INTEGER INT64_C(4294967296)

/* One value, perhaps of several words: their letters without the blanks, `to` as ':'.
 */
struct value {
    char text[LONGEST_VALUE + 1];
    size_t length;
    size_t first_token, last_token;
};

static bool is_separator(const char *word)
{
    return strcmp(word, "to") == 0 || strcmp(word, ":") == 0 || strcmp(word, "-") == 0;
}

static bool value_append(struct value *value, const char *word)
{
    if (strcmp(word, "to") == 0)
        word = ":";
    size_t length = strlen(word);
    if (value->length + length > LONGEST_VALUE)
        return false;
    memcpy(value->text + value->length, word, length + 1);
    value->length += length;
    return true;
}

/* Does the word continue the value before it? */
static bool continues(const struct value *value, const char *word)
{
    char last = value->length ? value->text[value->length - 1] : '\0';
    return is_separator(word) || word[0] == ':' || strncmp(word, "--", 2) == 0 ||
           last == ':' || last == '-';
}

static int next_value(const struct asim_select_query *query, size_t *token, size_t end,
                      struct value *ret_value, struct asim_error *err)
{
    struct value value = {.first_token = *token};
    do {
        const struct asim_select_token *t = &query->tokens[*token];
        if (!value_append(&value, t->word))
            return asim_select_fail_token(query, *token, err,
                                          "this is too long for a number or a range");
        value.last_token = (*token)++;
    } while (*token < end && continues(&value, query->tokens[*token].word));
    *ret_value = value;
    return 0;
}

static int fail_value(const struct asim_select_query *query, const struct value *value,
                      struct asim_error *err, const char *what)
{
    size_t begin = query->tokens[value->first_token].offset;
    const struct asim_select_token *last = &query->tokens[value->last_token];
    return asim_select_fail_at(query, begin, last->offset + last->length - begin, err,
                               "%s", what);
}

/* Reads -?[0-9]+ at *at; false where it is none or out of bounds. */
static bool read_integer(const char **at, int64_t *ret_value)
{
    const char *p = *at;
    bool negative = *p == '-';
    if (negative)
        p++;
    if (*p < '0' || *p > '9')
        return false;
    int64_t number = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        number = number * 10 + (*p - '0');
        if (number > LARGEST_INTEGER)
            return false;
    }
    *ret_value = negative ? -number : number;
    *at = p;
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A number with its insertion code as a key (see struct asim_select_range). */
static bool read_key(const char **at, bool residues, int64_t *ret_key)
{
    int64_t key;
    if (!read_integer(at, &key))
        return false;
    if (residues) {
        key *= 256;
        if (is_letter(**at))
            key += *(*at)++;
    }
    *ret_key = key;
    return true;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct asim_select_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Sorted and without overlaps, so that a lookup is one binary search however many
 * values were typed. */
static void merge_ranges(struct asim_select_range *ranges, size_t *count)
{
    qsort(ranges, *count, sizeof *ranges, compare_ranges);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (kept > 0 && ranges[i].first <= ranges[kept - 1].last) {
            if (ranges[i].last > ranges[kept - 1].last)
                ranges[kept - 1].last = ranges[i].last;
        } else {
            ranges[kept++] = ranges[i];
        }
    }
    *count = kept;
}

int asim_select_read_integers(struct asim_select_query *query,
                              struct asim_select_node *node, struct asim_error *err)
{
    bool residues =
        node->field == ASIM_SELECT_RESID || node->field == ASIM_SELECT_RESNUM;
    size_t token = node->first_token, end = token + node->token_count;
    node->first_range = query->range_count;
    while (token < end) {
        struct value value;
        if (next_value(query, &token, end, &value, err) < 0)
            return -1;
        const char *at = value.text;
        struct asim_select_range range;
        bool good = read_key(&at, residues, &range.first);
        range.last = range.first;
        if (good && (*at == ':' || *at == '-')) {
            at++;
            good = read_key(&at, residues, &range.last);
        }
        if (!good || *at != '\0')
            return fail_value(query, &value, err,
                              residues ? "expected residue numbers such as 5, 1:10, "
                                         "1-10, 1 to 10 or 100A, separated by blanks"
                                       : "expected whole numbers such as 5, 1:10, 1-10 "
                                         "or 1 to 10, separated by blanks");
        if (range.last < range.first)
            return fail_value(query, &value, err,
                              "this range runs backwards: the smaller number comes "
                              "first");
        if (asim_grow(&query->ranges, &query->range_capacity, query->range_count + 1,
                      sizeof *query->ranges, err) < 0)
            return -1;
        query->ranges[query->range_count++] = range;
    }
    node->range_count = query->range_count - node->first_range;
    merge_ranges(query->ranges + node->first_range, &node->range_count);
    query->range_count = node->first_range + node->range_count;
    return 0;
}

int asim_select_parse_compare(const struct asim_select_query *query, size_t *at,
                              enum asim_select_compare *ret_compare,
                              struct asim_error *err)
{
    static const struct {
        const char *word;
        enum asim_select_compare compare;
    } table[] = {
        {"<", ASIM_SELECT_LESS},    {"<=", ASIM_SELECT_LESS_EQUAL},
        {">", ASIM_SELECT_GREATER}, {">=", ASIM_SELECT_GREATER_EQUAL},
        {"==", ASIM_SELECT_EQUAL},  {"!=", ASIM_SELECT_NOT_EQUAL},
    };
    const struct asim_select_token *token = &query->tokens[*at];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (token->kind == ASIM_SELECT_COMPARE &&
            strcmp(token->word, table[i].word) == 0) {
            *ret_compare = table[i].compare;
            ++*at;
            return 0;
        }
    }
    return asim_select_fail_token(query, *at, err,
                                  "expected one of < <= > >= == != here");
}

int asim_select_compare_integers(struct asim_select_query *query, size_t *at,
                                 struct asim_select_node *node, struct asim_error *err)
{
    /* A residue's number stands for all its insertion codes. */
    int64_t codes =
        node->field == ASIM_SELECT_RESID || node->field == ASIM_SELECT_RESNUM ? 256 : 1;
    int64_t largest = (LARGEST_INTEGER + 1) * codes, number;
    enum asim_select_compare compare = ASIM_SELECT_EQUAL;
    if (asim_select_parse_compare(query, at, &compare, err) < 0)
        return -1;
    const struct asim_select_token *token = &query->tokens[*at];
    const char *word = token->word;
    if (token->kind != ASIM_SELECT_WORD || !read_integer(&word, &number) ||
        *word != '\0')
        return asim_select_fail_token(query, *at, err, "expected a whole number here");
    ++*at;
    int64_t first = number * codes, last = first + codes - 1;
    struct asim_select_range below = {-largest, first - 1}, above = {last + 1, largest};
    struct asim_select_range exactly = {first, last};
    if (asim_grow(&query->ranges, &query->range_capacity, query->range_count + 2,
                  sizeof *query->ranges, err) < 0)
        return -1;
    struct asim_select_range *ranges = query->ranges + query->range_count;
    bool less = compare == ASIM_SELECT_LESS || compare == ASIM_SELECT_LESS_EQUAL ||
                compare == ASIM_SELECT_NOT_EQUAL;
    bool greater = compare == ASIM_SELECT_GREATER ||
                   compare == ASIM_SELECT_GREATER_EQUAL ||
                   compare == ASIM_SELECT_NOT_EQUAL;
    bool equal = compare == ASIM_SELECT_EQUAL || compare == ASIM_SELECT_LESS_EQUAL ||
                 compare == ASIM_SELECT_GREATER_EQUAL;
    node->first_range = query->range_count;
    if (less)
        ranges[node->range_count++] = below;
    if (equal)
        ranges[node->range_count++] = exactly;
    if (greater)
        ranges[node->range_count++] = above;
    query->range_count += node->range_count;
    return 0;
}

/* strtod, but only decimal notation: no inf, nan, hexadecimal. */
static bool read_real(const char **at, double *ret_value)
{
    const char *p = *at;
    if (*p == '-' || *p == '+')
        p++;
    if (!((*p >= '0' && *p <= '9') || *p == '.') || ((p[1] | 0x20) == 'x'))
        return false;
    char *end;
    double value = strtod(*at, &end);
    if (end == *at || !isfinite(value))
        return false;
    *at = end;
    *ret_value = value;
    return true;
}

bool asim_select_real(const char *word, double *ret_value)
{
    double value;
    if (!read_real(&word, &value) || *word != '\0')
        return false;
    *ret_value = value;
    return true;
}

/* False where it is no unit of length; `unit` may be written behind a blank. */
static bool read_unit(const char *unit, enum asim_select_unit *ret_unit)
{
    /* The letter A with a ring: U+00C5 and the sign U+212B. */
    static const char *const angstrom[] = {"A", "\xc3\x85", "\xe2\x84\xab", "Angstrom",
                                           "angstrom"};
    for (size_t i = 0; i < sizeof angstrom / sizeof *angstrom; i++) {
        if (strcmp(unit, angstrom[i]) == 0) {
            *ret_unit = ASIM_SELECT_ANGSTROM;
            return true;
        }
    }
    *ret_unit = ASIM_SELECT_NM;
    return strcmp(unit, "nm") == 0;
}

int asim_select_read_length(struct asim_select_query *query, size_t *at,
                            struct asim_error *err)
{
    const struct asim_select_token *token = &query->tokens[*at];
    struct asim_select_length length = {.unit = ASIM_SELECT_NO_UNIT};
    const char *word = token->word;
    if (token->kind != ASIM_SELECT_WORD || !read_real(&word, &length.value) ||
        !(fabs(length.value) < 1e6) || (*word && !read_unit(word, &length.unit)))
        return asim_select_fail_token(query, *at, err,
                                      "expected a length such as 5A or 0.5nm here");
    length.end = token->offset + (size_t)(word - token->word);
    bool has_unit = *word != '\0';
    size_t number = (*at)++;
    token = &query->tokens[*at];
    if (!has_unit && token->kind == ASIM_SELECT_WORD &&
        read_unit(token->word, &length.unit)) {
        has_unit = true;
        ++*at;
    }
    if (!has_unit) {
        /* 0 is the same length in any unit. */
        length.unit = length.value == 0.0 ? ASIM_SELECT_NM : ASIM_SELECT_NO_UNIT;
        if (length.value != 0.0 && query->bare_token == SIZE_MAX)
            query->bare_token = number;
    }
    if (asim_grow(&query->lengths, &query->length_capacity, query->length_count + 1,
                  sizeof *query->lengths, err) < 0)
        return -1;
    query->lengths[query->length_count++] = length;
    return 0;
}

double asim_select_length_nm(const struct asim_select_length *length,
                             enum asim_select_unit bare_unit)
{
    enum asim_select_unit unit =
        length->unit == ASIM_SELECT_NO_UNIT ? bare_unit : length->unit;
    return unit == ASIM_SELECT_ANGSTROM ? length->value / 10.0 : length->value;
}

int asim_select_read_reals(struct asim_select_query *query,
                           struct asim_select_node *node, struct asim_error *err)
{
    size_t token = node->first_token, end = token + node->token_count;
    node->first_real = query->real_count;
    while (token < end) {
        struct value value;
        if (next_value(query, &token, end, &value, err) < 0)
            return -1;
        const char *at = value.text;
        struct asim_select_real real = {.compare = ASIM_SELECT_EQUAL};
        bool good = read_real(&at, &real.low);
        if (good && (*at == ':' || *at == '-')) {
            at++;
            good = read_real(&at, &real.high);
            real.compare = ASIM_SELECT_WITHIN;
        }
        if (!good || *at != '\0')
            return fail_value(query, &value, err,
                              "expected numbers such as 12.011, 1:10 or 1 to 10, or a "
                              "comparison such as > 1.5");
        if (real.compare == ASIM_SELECT_WITHIN && real.high < real.low)
            return fail_value(query, &value, err,
                              "this range runs backwards: the smaller number comes "
                              "first");
        if (asim_grow(&query->reals, &query->real_capacity, query->real_count + 1,
                      sizeof *query->reals, err) < 0)
            return -1;
        query->reals[query->real_count++] = real;
    }
    node->real_count = query->real_count - node->first_real;
    return 0;
}
