/*
 * Tokens to a tree.
 *
 *     chain:   operand { and|or operand }
 *     operand: { not } ( '(' chain ')' | operator operand | clause )
 *     clause:  keyword { value }
 *
 * Keywords are lower case, as MDAnalysis has them (chainID as it is written there);
 * AND, OR and NOT are accepted too. A list of values ends at the next keyword or
 * parenthesis. The recursion is bounded by ASIM_SELECT_MAX_DEPTH.
 */
#include "structure/select.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

struct parser {
    struct asim_select_query *query;
    size_t at;       /* token */
    int depth;       /* of operators and parentheses */
    int parentheses; /* that are open */
    struct asim_error *err;
};

static const struct asim_select_token *peek(const struct parser *p)
{
    return &p->query->tokens[p->at];
}

static bool at_word(const struct parser *p)
{
    return peek(p)->kind == ASIM_SELECT_WORD;
}

static bool at_value(const struct parser *p)
{
    return peek(p)->kind == ASIM_SELECT_QUOTED ||
           (at_word(p) && !asim_select_is_keyword(peek(p)->word));
}

static int add_node(struct parser *p, const struct asim_select_node *node,
                    size_t *ret_node)
{
    struct asim_select_query *query = p->query;
    if (asim_grow(&query->nodes, &query->node_capacity, query->node_count + 1,
                  sizeof *query->nodes, p->err) < 0)
        return -1;
    query->nodes[query->node_count] = *node;
    *ret_node = query->node_count++;
    return 0;
}

static int fail_unknown_keyword(struct parser *p)
{
    const char *word = peek(p)->word;
    const char *hint = asim_select_hint(word);
    if (hint)
        return asim_select_fail_token(p->query, p->at, p->err,
                                      "'%s' is no keyword of selections; %s", word,
                                      hint);
    const char *nearest = asim_select_nearest_keyword(word);
    if (nearest)
        return asim_select_fail_token(p->query, p->at, p->err,
                                      "unknown keyword '%.60s': did you mean '%s'?",
                                      word, nearest);
    return asim_select_fail_token(p->query, p->at, p->err,
                                  "unknown keyword '%.60s': expected one such as name, "
                                  "resname, resid, protein or group \"NAME\"",
                                  word);
}

/* `5 > mass` is `mass < 5`. */
static enum asim_select_compare mirrored(enum asim_select_compare compare)
{
    switch (compare) {
    case ASIM_SELECT_LESS:
        return ASIM_SELECT_GREATER;
    case ASIM_SELECT_LESS_EQUAL:
        return ASIM_SELECT_GREATER_EQUAL;
    case ASIM_SELECT_GREATER:
        return ASIM_SELECT_LESS;
    case ASIM_SELECT_GREATER_EQUAL:
        return ASIM_SELECT_LESS_EQUAL;
    default:
        return compare;
    }
}

static int parse_compare_token(struct parser *p, enum asim_select_compare *ret_compare)
{
    return asim_select_parse_compare(p->query, &p->at, ret_compare, p->err);
}

static int parse_real_token(struct parser *p, double *ret_value)
{
    if (peek(p)->kind != ASIM_SELECT_WORD ||
        !asim_select_real(peek(p)->word, ret_value))
        return asim_select_fail_token(p->query, p->at, p->err,
                                      "expected a number here");
    p->at++;
    return 0;
}

static bool is_coordinate(const char *word)
{
    return *word >= 'x' && *word <= 'z' && word[1] == '\0';
}

static enum asim_select_field coordinate_field(const char *word)
{
    return *word == 'x' ? ASIM_SELECT_X : *word == 'y' ? ASIM_SELECT_Y : ASIM_SELECT_Z;
}

static bool is_position(enum asim_select_field field)
{
    return field == ASIM_SELECT_X || field == ASIM_SELECT_Y || field == ASIM_SELECT_Z;
}

/* Lengths from here on; returns as asim_select_read_length. */
static int parse_lengths(struct parser *p, struct asim_select_node *node, size_t count)
{
    node->first_length = p->query->length_count;
    for (; node->length_count < count; node->length_count++)
        if (asim_select_read_length(p->query, &p->at, p->err) < 0)
            return -1;
    return 0;
}

static int parse_prop_name(struct parser *p, enum asim_select_field *ret_field)
{
    const char *word = peek(p)->word;
    const struct asim_select_keyword *keyword =
        at_word(p) ? asim_select_find_keyword(word) : NULL;
    if (keyword && keyword->values == ASIM_SELECT_REALS)
        *ret_field = keyword->field;
    else if (at_word(p) && is_coordinate(word))
        *ret_field = coordinate_field(word);
    else
        return asim_select_fail_token(p->query, p->at, p->err,
                                      "expected mass, charge, occupancy, bfactor, x, "
                                      "y or z after prop");
    p->at++;
    return 0;
}

static int add_real(struct parser *p, struct asim_select_node *node,
                    const struct asim_select_real *real)
{
    struct asim_select_query *query = p->query;
    if (asim_grow(&query->reals, &query->real_capacity, query->real_count + 1,
                  sizeof *query->reals, p->err) < 0)
        return -1;
    node->first_real = query->real_count;
    node->real_count = 1;
    query->reals[query->real_count++] = *real;
    return 0;
}

/* [abs] mass > 1.5, or the number first. */
static int parse_prop(struct parser *p, struct asim_select_node *node)
{
    struct asim_select_real real = {0};
    if (at_word(p) && strcmp(peek(p)->word, "abs") == 0) {
        real.absolute = true;
        p->at++;
    }
    const char *digits = peek(p)->word + strspn(peek(p)->word, "+-.");
    if (at_word(p) && *digits >= '0' && *digits <= '9') {
        /* What the number is shows behind the comparison, or behind its unit. */
        size_t number = p->at++, end = 0;
        if (at_word(p))
            p->at++;
        if (parse_compare_token(p, &real.compare) < 0 ||
            parse_prop_name(p, &node->field) < 0)
            return -1;
        end = p->at;
        p->at = number;
        if (is_position(node->field) ? parse_lengths(p, node, 1) < 0
                                     : parse_real_token(p, &real.low) < 0)
            return -1;
        if (peek(p)->kind != ASIM_SELECT_COMPARE)
            return parse_compare_token(p, &real.compare);
        p->at = end;
        real.compare = mirrored(real.compare);
    } else if (parse_prop_name(p, &node->field) < 0 ||
               parse_compare_token(p, &real.compare) < 0 ||
               (is_position(node->field) ? parse_lengths(p, node, 1) < 0
                                         : parse_real_token(p, &real.low) < 0)) {
        return -1;
    }
    return add_real(p, node, &real);
}

/* point x y z radius */
static int parse_point(struct parser *p, struct asim_select_node *node)
{
    size_t first = p->at - 1;
    if (parse_lengths(p, node, 4) < 0)
        return -1;
    return p->query->lengths[node->first_length + 3].value < 0.0
               ? asim_select_fail_token(p->query, first, p->err,
                                        "a distance cannot be negative")
               : 0;
}

/* atom SEGMENT RESID NAME */
static int parse_address(struct parser *p, struct asim_select_node *node)
{
    struct asim_select_node number = {
        .field = ASIM_SELECT_RESID, .first_token = p->at + 1, .token_count = 1};
    for (; node->token_count < 3; node->token_count++, p->at++)
        if (!at_word(p) && peek(p)->kind != ASIM_SELECT_QUOTED)
            return asim_select_fail_token(p->query, p->at, p->err,
                                          "expected a segment, a residue number and a "
                                          "name after 'atom'");
    if (asim_select_read_integers(p->query, &number, p->err) < 0)
        return -1;
    node->first_range = number.first_range;
    node->range_count = number.range_count;
    return 0;
}

static int parse_values(struct parser *p, const struct asim_select_keyword *keyword,
                        struct asim_select_node *node)
{
    node->first_token = p->at;
    if (keyword->values == ASIM_SELECT_REALS && peek(p)->kind == ASIM_SELECT_COMPARE) {
        struct asim_select_real real = {0};
        if (parse_compare_token(p, &real.compare) < 0 ||
            parse_real_token(p, &real.low) < 0)
            return -1;
        return add_real(p, node, &real);
    }
    if (keyword->values == ASIM_SELECT_INTEGERS && peek(p)->kind == ASIM_SELECT_COMPARE)
        return asim_select_compare_integers(p->query, &p->at, node, p->err);
    if (keyword->values == ASIM_SELECT_LENGTHS)
        return parse_point(p, node);
    if (keyword->values == ASIM_SELECT_ADDRESS)
        return parse_address(p, node);
    if (keyword->values == ASIM_SELECT_GROUP_NAME) {
        /* One word, whatever it is. */
        if (at_word(p) || peek(p)->kind == ASIM_SELECT_QUOTED)
            node->token_count = 1;
        p->at += node->token_count;
    }
    while (keyword->values != ASIM_SELECT_GROUP_NAME && at_value(p)) {
        node->token_count++;
        p->at++;
    }
    if (node->token_count == 0)
        return asim_select_fail_token(
            p->query, p->at, p->err,
            keyword->values == ASIM_SELECT_STRINGS
                ? "expected a name after '%s' (quote it where it is a keyword)"
            : keyword->values == ASIM_SELECT_GROUP_NAME
                ? "expected a group name after '%s'"
                : "expected a number after '%s'",
            keyword->word);
    if (keyword->values == ASIM_SELECT_INTEGERS)
        return asim_select_read_integers(p->query, node, p->err);
    if (keyword->values == ASIM_SELECT_REALS)
        return asim_select_read_reals(p->query, node, p->err);
    return 0;
}

static int parse_clause(struct parser *p, size_t *ret_node)
{
    const struct asim_select_token *token = peek(p);
    struct asim_select_node node = {.begin = token->offset,
                                    .next = ASIM_SELECT_NO_NODE};
    if (token->kind == ASIM_SELECT_END)
        return asim_select_fail_token(p->query, p->at, p->err,
                                      p->at == 0 ? "the selection is empty"
                                                 : "the selection ends too early: "
                                                   "expected a keyword here");
    if (token->kind == ASIM_SELECT_CLOSE)
        return asim_select_fail_token(p->query, p->at, p->err,
                                      "expected a keyword before this parenthesis");
    if (token->kind != ASIM_SELECT_WORD)
        return asim_select_fail_token(p->query, p->at, p->err,
                                      "expected a keyword such as name, resname, resid "
                                      "or protein here");
    if (asim_select_is_and(token->word) || asim_select_is_or(token->word))
        return asim_select_fail_token(p->query, p->at, p->err,
                                      "expected a keyword before '%s'", token->word);
    if (asim_select_is_unsupported(token->word))
        return asim_select_fail_token(p->query, p->at, p->err,
                                      "'%s' is not supported in selections: use gmx "
                                      "select or MDAnalysis to write "
                                      "an .ndx group",
                                      token->word);
    const struct asim_select_keyword *keyword = asim_select_find_keyword(token->word);
    bool prop = strcmp(token->word, "prop") == 0;
    if (prop || (is_coordinate(token->word) && token[1].kind == ASIM_SELECT_COMPARE)) {
        p->at += prop;
        if (parse_prop(p, &node) < 0)
            return -1;
    } else if (keyword) {
        node.field = keyword->field;
        p->at++;
        if (keyword->values != ASIM_SELECT_NO_VALUES &&
            parse_values(p, keyword, &node) < 0)
            return -1;
    } else {
        return fail_unknown_keyword(p);
    }
    const struct asim_select_token *last = &p->query->tokens[p->at - 1];
    node.end = last->offset + last->length;
    return add_node(p, &node, ret_node);
}

static int parse_chain(struct parser *p, size_t *ret_node);

static int parse_operand(struct parser *p, size_t *ret_node);

static int parse_parenthesis(struct parser *p, size_t *ret_node)
{
    size_t open = p->at++;
    if (parse_chain(p, ret_node) < 0)
        return -1;
    if (peek(p)->kind != ASIM_SELECT_CLOSE)
        return asim_select_fail_token(p->query, open, p->err,
                                      "this parenthesis is not closed");
    p->at++;
    p->query->nodes[*ret_node].closed = true;
    return 0;
}

static int parse_operator(struct parser *p,
                          const struct asim_select_operator_word *word,
                          size_t *ret_node)
{
    struct asim_select_node node = {.begin = peek(p)->offset,
                                    .next = ASIM_SELECT_NO_NODE};
    if (asim_select_read_operator(p->query, &p->at, word, &node, p->err) < 0 ||
        parse_operand(p, &node.operand) < 0)
        return -1;
    const struct asim_select_token *last = &p->query->tokens[p->at - 1];
    node.end = last->offset + last->length;
    return add_node(p, &node, ret_node);
}

static int parse_operand(struct parser *p, size_t *ret_node)
{
    bool negated = false;
    while (at_word(p) && asim_select_is_not(peek(p)->word)) {
        negated = !negated;
        p->at++;
    }
    size_t node = ASIM_SELECT_NO_NODE;
    const struct asim_select_operator_word *word =
        at_word(p) ? asim_select_find_operator(peek(p)->word) : NULL;
    if (!word && peek(p)->kind != ASIM_SELECT_OPEN) {
        if (parse_clause(p, &node) < 0)
            return -1;
    } else {
        if (p->depth == ASIM_SELECT_MAX_DEPTH)
            return asim_select_fail_token(p->query, p->at, p->err,
                                          word ? "operators nest deeper than %d"
                                               : "parentheses nest deeper than %d",
                                          ASIM_SELECT_MAX_DEPTH);
        p->depth++;
        p->parentheses += !word;
        if (word ? parse_operator(p, word, &node) < 0 : parse_parenthesis(p, &node) < 0)
            return -1;
        p->parentheses -= !word;
        p->depth--;
    }
    p->query->nodes[node].negated ^= negated;
    *ret_node = node;
    return 0;
}

/* What stands where and, or, ')' or the end must stand. */
static int fail_missing_operator(struct parser *p)
{
    static const char *const operators[] = {"and", "or"};
    const struct asim_select_token *token = peek(p);
    const struct asim_select_token *before = &p->query->tokens[p->at - 1];
    if (token->kind == ASIM_SELECT_CLOSE)
        return asim_select_fail_token(p->query, p->at, p->err,
                                      "this parenthesis was never opened");
    if (token->kind == ASIM_SELECT_COMPARE)
        return asim_select_fail_token(p->query, p->at, p->err,
                                      "comparisons are understood for numbers, as in: "
                                      "prop mass > 1.5");
    if (token->kind == ASIM_SELECT_WORD && !asim_select_is_keyword(token->word)) {
        const char *nearest = asim_nearest_word(token->word, operators, 2);
        if (nearest)
            return asim_select_fail_token(p->query, p->at, p->err,
                                          "expected 'and' or 'or' here, not '%s': did "
                                          "you mean '%s'?",
                                          token->word, nearest);
    }
    if (before->kind == ASIM_SELECT_WORD && strlen(before->word) >= 2) {
        const char *nearest = asim_nearest_word(before->word, operators, 2);
        if (nearest && strlen(before->word) <= 4)
            return asim_select_fail_token(p->query, p->at - 1, p->err,
                                          "expected 'and' or 'or' before '%.60s': did "
                                          "you mean '%s' for '%s'?",
                                          token->word, nearest, before->word);
    }
    return asim_select_fail_token(p->query, p->at, p->err,
                                  "expected 'and' or 'or' before '%.60s'",
                                  token->kind == ASIM_SELECT_OPEN ? "(" : token->word);
}

static int parse_chain(struct parser *p, size_t *ret_node)
{
    struct asim_select_query *query = p->query;
    size_t first = ASIM_SELECT_NO_NODE;
    size_t begin = peek(p)->offset;
    if (parse_operand(p, &first) < 0)
        return -1;
    size_t last = first;
    bool any_and = false, any_or = false;
    while (at_word(p) &&
           (asim_select_is_and(peek(p)->word) || asim_select_is_or(peek(p)->word))) {
        bool after_or = asim_select_is_or(peek(p)->word);
        size_t join = p->at++, operand;
        if (query->greedy_token == SIZE_MAX && asim_select_reaches(query, last))
            query->greedy_token = join;
        if (parse_operand(p, &operand) < 0)
            return -1;
        query->nodes[operand].after_or = after_or;
        query->nodes[operand].join_token = join;
        query->nodes[last].next = operand;
        last = operand;
        any_and |= !after_or;
        any_or |= after_or;
        if (any_and && any_or && query->mixed_token == SIZE_MAX)
            query->mixed_token = join;
    }
    if (peek(p)->kind != ASIM_SELECT_END &&
        !(peek(p)->kind == ASIM_SELECT_CLOSE && p->parentheses > 0))
        return fail_missing_operator(p);
    if (first == last) {
        *ret_node = first;
        return 0;
    }
    const struct asim_select_token *end = &query->tokens[p->at - 1];
    struct asim_select_node chain = {.kind = ASIM_SELECT_NODE_CHAIN,
                                     .begin = begin,
                                     .end = end->offset + end->length,
                                     .next = ASIM_SELECT_NO_NODE,
                                     .first_child = first};
    return add_node(p, &chain, ret_node);
}

int asim_select_parse(struct asim_select_query *query, struct asim_error *err)
{
    struct parser parser = {.query = query, .err = err};
    size_t root;
    if (parse_chain(&parser, &root) < 0)
        return -1;
    query->root = root;
    return 0;
}
