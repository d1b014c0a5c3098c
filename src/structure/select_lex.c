/*
 * Selection text to tokens: words, quoted values, parentheses, comparisons.
 *
 * Every token's word lies in one arena; a token takes at least one byte of text, so
 * words and their NULs fit in twice the text. Knows no keyword.
 */
#include "structure/select.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Length of the comparison that starts here, 0 where none does. A lone '!' belongs to
 * a wildcard such as [!H]. */
static size_t comparison_length(const char *text)
{
    if (text[0] == '<' || text[0] == '>')
        return text[1] == '=' ? 2 : 1;
    if ((text[0] == '=' || text[0] == '!') && text[1] == '=')
        return 2;
    return text[0] == '=' ? 1 : 0;
}

/* A bracket that is closed before the word ends keeps parentheses and comparisons
 * inside it as characters of the wildcard; returns its length, or 0. */
static size_t bracket_length(const char *text)
{
    size_t i = 1;
    if (text[i] == '!')
        i++;
    if (text[i] == ']')
        i++;
    while (text[i] && text[i] != ']' && !is_space(text[i]))
        i++;
    return text[i] == ']' ? i + 1 : 0;
}

static size_t word_length(const char *text)
{
    size_t i = 0;
    while (text[i] && !is_space(text[i]) && text[i] != '(' && text[i] != ')' &&
           comparison_length(text + i) == 0) {
        size_t bracket = text[i] == '[' ? bracket_length(text + i) : 0;
        i += bracket ? bracket : 1;
    }
    return i;
}

static int add_token(struct asim_select_query *query, enum asim_select_token_kind kind,
                     size_t offset, size_t length, char **arena_end,
                     struct asim_error *err)
{
    if (asim_grow(&query->tokens, &query->token_capacity, query->token_count + 1,
                  sizeof *query->tokens, err) < 0)
        return -1;
    size_t skip = kind == ASIM_SELECT_QUOTED ? 1 : 0;
    size_t word_size = length - 2 * skip;
    memcpy(*arena_end, query->text + offset + skip, word_size);
    (*arena_end)[word_size] = '\0';
    query->tokens[query->token_count++] =
        (struct asim_select_token){kind, offset, length, *arena_end};
    *arena_end += word_size + 1;
    return 0;
}

int asim_select_lex(const char *text, struct asim_select_query *query,
                    struct asim_error *err)
{
    size_t length = strnlen(text, ASIM_SELECT_MAX_TEXT + 1);
    if (length > ASIM_SELECT_MAX_TEXT)
        return asim_fail(err, ASIM_EINPUT,
                         "the selection is longer than %d bytes: put the atoms into "
                         "an .ndx file and select group \"NAME\"",
                         ASIM_SELECT_MAX_TEXT);
    query->text = text;
    query->text_length = length;
    query->root = ASIM_SELECT_NO_NODE;
    query->mixed_token = query->greedy_token = query->bare_token = SIZE_MAX;
    query->arena = asim_alloc_array(2 * length + 2, 1, err);
    if (!query->arena)
        return -1;
    char *arena_end = query->arena;
    size_t at = 0;
    while (at < length) {
        if (is_space(text[at])) {
            at++;
            continue;
        }
        enum asim_select_token_kind kind = ASIM_SELECT_WORD;
        size_t size = 1;
        if (text[at] == '(') {
            kind = ASIM_SELECT_OPEN;
        } else if (text[at] == ')') {
            kind = ASIM_SELECT_CLOSE;
        } else if (text[at] == '"') {
            const char *close = strchr(text + at + 1, '"');
            if (!close)
                return asim_select_fail_at(query, at, 1, err,
                                           "this quote is not closed");
            kind = ASIM_SELECT_QUOTED;
            size = (size_t)(close - (text + at)) + 1;
        } else if (comparison_length(text + at) > 0) {
            kind = ASIM_SELECT_COMPARE;
            size = comparison_length(text + at);
        } else {
            size = word_length(text + at);
        }
        if (add_token(query, kind, at, size, &arena_end, err) < 0)
            return -1;
        at += size;
    }
    return add_token(query, ASIM_SELECT_END, length, 0, &arena_end, err);
}

void asim_select_finish(struct asim_select_query *query)
{
    if (!query)
        return;
    free(query->arena);
    free(query->tokens);
    free(query->nodes);
    free(query->ranges);
    free(query->reals);
    free(query->lengths);
    *query = (struct asim_select_query){0};
}
