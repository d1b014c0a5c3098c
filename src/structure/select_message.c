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
#include "base/text.h"

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

/* Adds one character of the text as it can be shown; returns the bytes it takes. */
static size_t add_character(struct builder *b, const char *text, size_t left)
{
    uint32_t character;
    size_t length = asim_utf8_sequence(text, &character);
    if (length == 0 || length > left ||
        (length == 1 && ((unsigned char)*text < 32 || *text == 127))) {
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

/* A part of the text, with the unit in which a reading takes a bare length. */
static void add_with_units(struct builder *b, const struct asim_select_query *query,
                           const struct asim_select_node *node, size_t end,
                           enum asim_select_unit bare_unit)
{
    size_t at = node->begin;
    for (size_t i = 0; i < node->length_count; i++) {
        const struct asim_select_length *length =
            &query->lengths[node->first_length + i];
        if (length->unit != ASIM_SELECT_NO_UNIT)
            continue;
        add_piece(b, query->text + at, length->end - at, SHOWN_READING);
        add(b, bare_unit == ASIM_SELECT_NM ? "nm" : "A");
        at = length->end;
    }
    add_piece(b, query->text + at, end - at, SHOWN_READING);
}

/* Writes a resolved tree so that it can be typed: chains within chains, and operators
 * that something follows, stand in parentheses. */
static void add_reading(struct builder *b, const struct asim_select_query *query,
                        size_t node_index, enum asim_select_unit bare_unit, bool closed)
{
    const struct asim_select_node *node = &query->nodes[node_index];
    if (b->used + 1 >= b->size)
        return;
    if (node->negated)
        add(b, "not ");
    if (node->kind == ASIM_SELECT_NODE_CLAUSE) {
        add_with_units(b, query, node, node->end, bare_unit);
        return;
    }
    closed |= node->negated && node->kind == ASIM_SELECT_NODE_CHAIN;
    if (closed)
        add(b, "(");
    if (node->kind == ASIM_SELECT_NODE_OPERATOR) {
        const struct asim_select_node *operand = &query->nodes[node->operand];
        add_with_units(b, query, node, node->head_end, bare_unit);
        add(b, " ");
        add_reading(b, query, node->operand, bare_unit,
                    operand->kind == ASIM_SELECT_NODE_CHAIN);
    } else {
        for (size_t i = node->first_child; i != ASIM_SELECT_NO_NODE;
             i = query->nodes[i].next) {
            const struct asim_select_node *child = &query->nodes[i];
            if (i != node->first_child)
                add(b, child->after_or ? " or " : " and ");
            add_reading(b, query, i, bare_unit,
                        child->kind == ASIM_SELECT_NODE_CHAIN ||
                            (child->kind == ASIM_SELECT_NODE_OPERATOR &&
                             child->next != ASIM_SELECT_NO_NODE));
        }
    }
    if (closed)
        add(b, ")");
}

bool asim_select_is_ambiguous(const struct asim_select_query *query)
{
    return query->mixed_token != SIZE_MAX || query->greedy_token != SIZE_MAX ||
           query->bare_token != SIZE_MAX;
}

/* One way to read a text: what it would be written as, and what it selects. */
struct shown_reading {
    char text[SHOWN_READING + 4];
    size_t atom_count;
    bool too_deep;
    bool failed; /* the other readings do not: their unit suits the box */
};

static int show_reading(struct asim_select_scope *scope,
                        struct asim_select_query *query,
                        const struct asim_select_reading *reading, bool first,
                        uint8_t *mask, struct shown_reading *ret,
                        struct asim_error *err)
{
    size_t root;
    if (asim_select_resolve(query, reading, &root, err) < 0)
        return -1;
    ret->too_deep = root == ASIM_SELECT_NO_NODE;
    if (ret->too_deep)
        return 0;
    scope->bare_unit = reading->bare_unit;
    if (asim_select_evaluate(scope, query, root, mask, err) < 0) {
        if (first || (err && err->status != ASIM_EINPUT))
            return -1;
        ret->failed = true;
        memset(mask, 0, scope->top->atom_count);
    }
    ret->atom_count = asim_select_count(mask, scope->top->atom_count);
    struct builder b = {ret->text, SHOWN_READING, 0};
    add_reading(&b, query, root, reading->bare_unit, false);
    if (b.used + 1 == b.size)
        strcpy(ret->text + b.used, "...");
    return 0;
}

static void add_shown(struct builder *b, const struct shown_reading *shown,
                      const char *reader)
{
    if (shown->failed)
        add(b, "\n  %s: not in this box (%s)", shown->text, reader);
    else
        add(b, "\n  %s: %zu atom%s (%s)", shown->text, shown->atom_count,
            shown->atom_count == 1 ? "" : "s", reader);
}

/* What is ambiguous, in words, and the token where. */
static const char *describe(const struct asim_select_query *query, size_t *ret_token)
{
    *ret_token = query->bare_token;
    if (query->mixed_token == SIZE_MAX && query->greedy_token == SIZE_MAX)
        return "a length needs a unit";
    *ret_token = query->greedy_token;
    if (query->greedy_token != SIZE_MAX)
        return "how far a distance, byres, bonded or same ... as reaches needs "
               "parentheses";
    *ret_token = query->mixed_token;
    return query->bare_token == SIZE_MAX
               ? "'and' and 'or' are mixed without parentheses"
               : "'and' and 'or' are mixed without parentheses, and a length has no "
                 "unit";
}

int asim_select_fail_ambiguous(struct asim_select_scope *scope,
                               struct asim_select_query *query, struct asim_error *err)
{
    bool greedy = query->greedy_token != SIZE_MAX;
    bool grouped = greedy || query->mixed_token != SIZE_MAX;
    bool bare = query->bare_token != SIZE_MAX;
    /* GROMACS' operators are greedy as well (gmx select 2022.5). */
    const struct asim_select_reading readings[3] = {
        {ASIM_SELECT_LEFT_TO_RIGHT, true, ASIM_SELECT_ANGSTROM},
        {ASIM_SELECT_AND_FIRST, true, ASIM_SELECT_NM},
        {greedy ? ASIM_SELECT_AND_FIRST : ASIM_SELECT_OR_FIRST, false,
         ASIM_SELECT_ANGSTROM},
    };
    struct shown_reading shown[3] = {{.atom_count = 0}};
    uint8_t *mask = asim_alloc_array(scope->top->atom_count, 1, err);
    if (!mask)
        return -1;
    for (size_t i = 0; i < 3; i++) {
        if (show_reading(scope, query, &readings[i], i == 0, mask, &shown[i], err) <
            0) {
            free(mask);
            return -1;
        }
    }
    free(mask);
    size_t token;
    const char *what = describe(query, &token);
    char text[sizeof err->text];
    struct builder b = {text, sizeof text, 0};
    add(&b, "cannot read the selection: %s", what);
    /* `a and b or c` is (a and b) or c to all programs; a reader may still mean
     * a and (b or c). */
    bool agree = strcmp(shown[0].text, shown[1].text) == 0;
    if (shown[0].too_deep || shown[1].too_deep || shown[2].too_deep) {
        add(&b, " here");
    } else {
        add(&b, "; write one of");
        if (!grouped)
            add_shown(&b, &shown[0], "Angstrom, as MDAnalysis and VMD have it");
        else if (agree)
            add_shown(&b, &shown[0],
                      greedy ? "as MDAnalysis and GROMACS read it"
                             : "as MDAnalysis, GROMACS and VMD read it");
        else
            add_shown(&b, &shown[0], "as MDAnalysis reads it");
        if (!grouped)
            add_shown(&b, &shown[1], "nm, as GROMACS has it");
        else if (!agree)
            add_shown(&b, &shown[1],
                      greedy || bare ? "as GROMACS reads it"
                                     : "as GROMACS and VMD read it");
        if (grouped && (agree || greedy))
            add_shown(&b, &shown[2], "as it may be meant");
    }
    add_caret(&b, query, query->tokens[token].offset, query->tokens[token].length);
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
        if (node->kind == ASIM_SELECT_NODE_CHAIN)
            continue;
        if (shown == SHOWN_CLAUSES) {
            add(&b, "; ...");
            break;
        }
        if (asim_select_evaluate(scope, query, i, mask, err) < 0) {
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
        const char *nearest = node->negated || node->kind != ASIM_SELECT_NODE_CLAUSE
                                  ? NULL
                                  : asim_select_nearest_value(scope->top, query, i);
        if (nearest)
            add(&b, " (did you mean '%.40s'?)", nearest);
    }
    free(mask);
    if (!any_empty)
        add(&b, "; no atom fits them together");
    return asim_fail(err, ASIM_EINPUT, "%s", text);
}
