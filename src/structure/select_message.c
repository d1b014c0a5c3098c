/*
 * How the errors of selections look: the sentence, the text, a caret under the place;
 * readings with their counts; counts of clauses.
 *
 * An error's text is bounded, so a long selection is shown as a piece around the place.
 * Control characters and bytes that are no UTF-8 are shown as '?', so that the caret
 * stands right and the message is valid text whatever was passed in.
 */
#include "structure/select.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    SHOWN_COLUMNS = 76,
    SHOWN_BEFORE = 30,   /* columns before the caret where the text is cut */
    SHOWN_READING = 300, /* bytes of a reading */
    SHOWN_CLAUSE = 60,
    SHOWN_CLAUSES = 12,
};

/* Text that grows up to its room and is then cut. */
struct builder {
    char *text;
    size_t size, used;
};

static void add(struct builder *b, const char *format, ...) ASIM_PRINTF(2, 3);

static void add(struct builder *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(b->text + b->used, b->size - b->used, format, arguments);
    va_end(arguments);
    if (length > 0)
        b->used +=
            (size_t)length < b->size - b->used ? (size_t)length : b->size - b->used - 1;
}

/* The length of the UTF-8 character of at most `left` bytes, 0 where it is none. */
static size_t character_length(const char *text, size_t left)
{
    unsigned char c = (unsigned char)text[0];
    size_t length = c < 0x80                 ? 1
                    : c >= 0xc2 && c < 0xe0  ? 2
                    : (c & 0xf0u) == 0xe0    ? 3
                    : c >= 0xf0 && c <= 0xf4 ? 4
                                             : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if (((unsigned char)text[i] & 0xc0u) != 0x80)
            return 0;
    unsigned char second = length > 2 ? (unsigned char)text[1] : 0;
    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
        (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
        return 0;
    return length;
}

/* Adds one character of the text as it can be shown; returns the bytes it takes. */
static size_t add_character(struct builder *b, const char *text, size_t left)
{
    size_t length = character_length(text, left);
    if (length == 0 || (length == 1 && ((unsigned char)*text < 32 || *text == 127))) {
        bool blank = *text == '\t' || *text == '\n' || *text == '\r';
        add(b, "%s", blank ? " " : "?");
        return 1;
    }
    if (b->size - b->used > length)
        add(b, "%.*s", (int)length, text);
    return length;
}

/* A piece of the text of at most `columns` columns, "..." behind it where it is cut. */
static void add_piece(struct builder *b, const char *text, size_t length,
                      size_t columns)
{
    size_t at = 0;
    for (size_t column = 0; at < length && column < columns; column++)
        at += add_character(b, text + at, length - at);
    if (at < length)
        add(b, "...");
}

static void add_caret(struct builder *b, const struct asim_select_query *query,
                      size_t offset, size_t length)
{
    const char *text = query->text;
    size_t end = query->text_length;
    size_t start = 0;
    if (end > SHOWN_COLUMNS && offset > SHOWN_BEFORE) {
        start = offset - SHOWN_BEFORE;
        while (start < offset && ((unsigned char)text[start] & 0xc0u) == 0x80)
            start++; /* not inside a character */
    }
    add(b, "\n  ");
    size_t line_start = b->used;
    if (start > 0)
        add(b, "...");
    size_t column = b->used - line_start, caret = 0, caret_end = 0, at = start;
    for (; at < end && column < SHOWN_COLUMNS; column++) {
        if (at <= offset)
            caret = column;
        if (at < offset + length)
            caret_end = column + 1;
        at += add_character(b, text + at, end - at);
    }
    if (offset >= at) {
        caret = column;
        caret_end = column + 1;
    }
    if (at < end)
        add(b, "...");
    add(b, "\n  ");
    for (size_t i = 0; i < caret; i++)
        add(b, " ");
    add(b, "^");
    for (size_t i = caret + 1; i < caret_end; i++)
        add(b, "~");
}

static int fail_at(const struct asim_select_query *query, size_t offset, size_t length,
                   struct asim_error *err, const char *format, va_list arguments)
    ASIM_PRINTF(5, 0);

static int fail_at(const struct asim_select_query *query, size_t offset, size_t length,
                   struct asim_error *err, const char *format, va_list arguments)
{
    char raw[500], text[sizeof err->text];
    struct builder b = {text, sizeof text, 0};
    vsnprintf(raw, sizeof raw, format, arguments);
    add(&b, "cannot read the selection: ");
    add_piece(&b, raw, strlen(raw), sizeof raw);
    add_caret(&b, query, offset, length);
    return asim_fail(err, ASIM_EINPUT, "%s", text);
}

int asim_select_fail_at(const struct asim_select_query *query, size_t offset,
                        size_t length, struct asim_error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_at(query, offset, length, err, format, arguments);
    va_end(arguments);
    return -1;
}

int asim_select_fail_token(const struct asim_select_query *query, size_t token,
                           struct asim_error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_at(query, query->tokens[token].offset, query->tokens[token].length, err,
            format, arguments);
    va_end(arguments);
    return -1;
}

static void add_source(struct builder *b, const struct asim_select_query *query,
                       const struct asim_select_node *node, size_t columns)
{
    add_piece(b, query->text + node->begin, node->end - node->begin, columns);
}

static void add_reading(struct builder *b, const struct asim_select_query *query,
                        size_t node_index, enum asim_select_reading reading,
                        bool inner);

/* Left to right, a parenthesis closes wherever the operator changes; otherwise the runs
 * of the operator that binds tighter are parenthesised. */
static void add_chain(struct builder *b, const struct asim_select_query *query,
                      const struct asim_select_node *chain,
                      enum asim_select_reading reading)
{
    size_t first = chain->first_child;
    bool runs = chain->mixed && reading != ASIM_SELECT_LEFT_TO_RIGHT;
    bool tight_or = reading == ASIM_SELECT_OR_FIRST;
    bool in_run = false;
    if (!runs) {
        for (size_t i = query->nodes[first].next; i != ASIM_SELECT_NO_NODE;
             i = query->nodes[i].next) {
            size_t next = query->nodes[i].next;
            if (next != ASIM_SELECT_NO_NODE &&
                query->nodes[next].after_or != query->nodes[i].after_or)
                add(b, "(");
        }
    }
    for (size_t i = first; i != ASIM_SELECT_NO_NODE; i = query->nodes[i].next) {
        const struct asim_select_node *child = &query->nodes[i];
        size_t next = child->next;
        bool last = next == ASIM_SELECT_NO_NODE;
        bool next_or = !last && query->nodes[next].after_or;
        if (i != first)
            add(b, child->after_or ? " or " : " and ");
        bool opens = runs && !in_run && !last && next_or == tight_or;
        if (opens) {
            add(b, "(");
            in_run = true;
        }
        add_reading(b, query, i, reading, true);
        if (runs && in_run && (last || next_or != tight_or)) {
            add(b, ")");
            in_run = false;
        }
        if (!runs && i != first && !last && next_or != child->after_or)
            add(b, ")");
    }
}

static void add_reading(struct builder *b, const struct asim_select_query *query,
                        size_t node_index, enum asim_select_reading reading, bool inner)
{
    const struct asim_select_node *node = &query->nodes[node_index];
    if (b->used + 1 >= b->size)
        return;
    if (node->negated)
        add(b, "not ");
    if (!node->is_chain) {
        add_source(b, query, node, SHOWN_READING);
        return;
    }
    if (inner || node->negated)
        add(b, "(");
    add_chain(b, query, node, reading);
    if (inner || node->negated)
        add(b, ")");
}

int asim_select_fail_mixed(struct asim_select_scope *scope,
                           const struct asim_select_query *query,
                           struct asim_error *err)
{
    static const enum asim_select_reading readings[] = {
        ASIM_SELECT_LEFT_TO_RIGHT, ASIM_SELECT_AND_FIRST, ASIM_SELECT_OR_FIRST};
    static const char *const readers[] = {"as MDAnalysis reads it",
                                          "as GROMACS and VMD read it", "or so"};
    char shown[3][SHOWN_READING + 4];
    size_t counts[3] = {0};
    size_t atom_count = scope->top->atom_count;
    uint8_t *mask = asim_alloc_array(atom_count, 1, err);
    if (!mask)
        return -1;
    for (size_t i = 0; i < 3; i++) {
        if (asim_select_evaluate(scope, query, query->root, readings[i], mask, err) <
            0) {
            free(mask);
            return -1;
        }
        counts[i] = asim_select_count(mask, atom_count);
        struct builder b = {shown[i], SHOWN_READING, 0};
        add_reading(&b, query, query->root, readings[i], false);
        if (b.used + 1 == b.size)
            strcpy(shown[i] + b.used, "...");
    }
    free(mask);
    /* `a and b or c` is (a and b) or c to all programs; a reader may still mean
     * a and (b or c). */
    bool programs_agree = strcmp(shown[0], shown[1]) == 0;
    size_t other = programs_agree ? 2 : 1;
    const struct asim_select_token *join = &query->tokens[query->mixed_token];
    char text[sizeof err->text];
    struct builder b = {text, sizeof text, 0};
    add(&b, "cannot read the selection: 'and' and 'or' are mixed without parentheses; "
            "write one of");
    add(&b, "\n  %s: %zu atoms (%s)", shown[0], counts[0],
        programs_agree ? "as MDAnalysis, GROMACS and VMD read it" : readers[0]);
    add(&b, "\n  %s: %zu atoms (%s)", shown[other], counts[other],
        programs_agree ? "as it may be meant" : readers[1]);
    add_caret(&b, query, join->offset, join->length);
    return asim_fail(err, ASIM_EINPUT, "%s", text);
}

int asim_select_fail_empty(struct asim_select_scope *scope,
                           const struct asim_select_query *query,
                           struct asim_error *err)
{
    size_t atom_count = scope->top->atom_count;
    uint8_t *mask = asim_alloc_array(atom_count, 1, err);
    if (!mask)
        return -1;
    char text[sizeof err->text];
    struct builder b = {text, sizeof text, 0};
    add(&b, "the selection '");
    add_piece(&b, query->text, query->text_length, SHOWN_COLUMNS);
    add(&b, "' selects no atom: ");
    size_t shown = 0;
    bool any_empty = false;
    for (size_t i = 0; i < query->node_count; i++) {
        const struct asim_select_node *node = &query->nodes[i];
        if (node->is_chain)
            continue;
        if (shown == SHOWN_CLAUSES) {
            add(&b, "; ...");
            break;
        }
        if (asim_select_evaluate(scope, query, i, ASIM_SELECT_LEFT_TO_RIGHT, mask,
                                 err) < 0) {
            free(mask);
            return -1;
        }
        size_t count = asim_select_count(mask, atom_count);
        add(&b, "%s%s", shown++ ? "; " : "", node->negated ? "not " : "");
        add_source(&b, query, node, SHOWN_CLAUSE);
        add(&b, ": %zu atom%s", count, count == 1 ? "" : "s");
        if (count > 0)
            continue;
        any_empty = true;
        add(&b, " <- empty");
        const char *nearest =
            node->negated ? NULL : asim_select_nearest_value(scope->top, query, i);
        if (nearest)
            add(&b, " (did you mean '%.40s'?)", nearest);
    }
    free(mask);
    if (!any_empty)
        add(&b, "; no atom fits them together");
    return asim_fail(err, ASIM_EINPUT, "%s", text);
}
