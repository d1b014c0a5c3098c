/*
 * What stands between an operator and its operand: `around 5A`, `within 0.5nm of`,
 * `same residue as`, `sphlayer 3A 6A`.
 */
#include <string.h>

#include "base/error.h"
#include "structure/select.h"

static bool at_word(const struct asim_select_query *query, size_t at, const char *word)
{
    return query->tokens[at].kind == ASIM_SELECT_WORD &&
           strcmp(query->tokens[at].word, word) == 0;
}

static int read_property(struct asim_select_query *query, size_t *at,
                         struct asim_select_node *node, struct asim_error *err)
{
    const char *word = query->tokens[*at].word;
    if (query->tokens[*at].kind != ASIM_SELECT_WORD ||
        !asim_select_find_property(word, &node->property)) {
        const char *nearest = asim_select_nearest_property(word);
        return asim_select_fail_token(
            query, *at, err,
            "expected what the atoms share, such as residue, resname, segid, chain, "
            "name, type, molecule or fragment%s%s%s",
            nearest ? ": did you mean '" : "", nearest ? nearest : "",
            nearest ? "'?" : "");
    }
    ++*at;
    if (!at_word(query, *at, "as"))
        return asim_select_fail_token(query, *at, err, "expected 'as' here: same %s as",
                                      word);
    ++*at;
    return 0;
}

/* Radii are positive and the inner one is the smaller; heights are not checked by unit,
 * since a bare number has none yet. */
static int check_lengths(const struct asim_select_query *query, size_t token,
                         const struct asim_select_node *node, struct asim_error *err)
{
    const struct asim_select_length *lengths = query->lengths + node->first_length;
    bool layer = node->op == ASIM_SELECT_SPHLAYER || node->op == ASIM_SELECT_ISOLAYER ||
                 node->op == ASIM_SELECT_CYLAYER;
    size_t radii = layer ? 2 : 1;
    for (size_t i = 0; i < radii; i++)
        if (lengths[i].value < 0.0)
            return asim_select_fail_token(query, token, err,
                                          "a distance cannot be negative");
    enum asim_select_unit unit = ASIM_SELECT_NM;
    if (layer && asim_select_length_nm(&lengths[0], unit) >
                     asim_select_length_nm(&lengths[1], unit))
        return asim_select_fail_token(
            query, token, err, "the inner radius comes first and is the smaller");
    size_t heights = radii;
    if (node->length_count > radii &&
        asim_select_length_nm(&lengths[heights], unit) <
            asim_select_length_nm(&lengths[heights + 1], unit))
        return asim_select_fail_token(
            query, token, err,
            "the upper height comes first: %s, then above and below the centre",
            layer ? "two radii" : "the radius");
    return 0;
}

int asim_select_read_operator(struct asim_select_query *query, size_t *at,
                              const struct asim_select_operator_word *word,
                              struct asim_select_node *node, struct asim_error *err)
{
    size_t first = *at;
    node->kind = ASIM_SELECT_NODE_OPERATOR;
    node->op = word->op;
    node->first_length = query->length_count;
    ++*at;
    if (node->op == ASIM_SELECT_SAME && read_property(query, at, node, err) < 0)
        return -1;
    for (size_t i = 0; i < word->lengths; i++)
        if (asim_select_read_length(query, at, err) < 0)
            return -1;
    node->length_count = query->length_count - node->first_length;
    if (node->length_count > 0 && check_lengths(query, first, node, err) < 0)
        return -1;
    bool distance = node->op == ASIM_SELECT_AROUND || node->op == ASIM_SELECT_NEAR;
    if (distance && at_word(query, *at, "of"))
        ++*at;
    else if (distance && strstr(word->word, "within"))
        return asim_select_fail_token(query, *at, err, "expected 'of' here: %s 5A of",
                                      word->word);
    const struct asim_select_token *last = &query->tokens[*at - 1];
    node->head_end = last->offset + last->length;
    return 0;
}
