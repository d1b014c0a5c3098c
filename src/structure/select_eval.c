/*
 * A tree to a mask of atoms, one byte an atom, linear in the atoms.
 *
 * A chain evaluates its operands one after another into a scratch mask, so that nesting
 * costs one mask a level. Chains must be of one kind; texts that can be read in more
 * than one way come here as one of their readings.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "structure/select.h"

size_t asim_select_count(const uint8_t *mask, size_t atom_count)
{
    size_t count = 0;
    for (size_t i = 0; i < atom_count; i++)
        count += mask[i];
    return count;
}

static void mask_and(uint8_t *restrict mask, const uint8_t *restrict other,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        mask[i] &= other[i];
}

static void mask_or(uint8_t *restrict mask, const uint8_t *restrict other, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mask[i] |= other[i];
}

static int eval_chain(struct asim_select_scope *scope,
                      const struct asim_select_query *query, size_t first,
                      uint8_t *mask, struct asim_error *err)
{
    size_t atom_count = scope->top->atom_count;
    if (asim_select_evaluate(scope, query, first, mask, err) < 0)
        return -1;
    uint8_t *operand = asim_alloc_array(atom_count, 1, err);
    if (!operand)
        return -1;
    int rc = 0;
    for (size_t i = query->nodes[first].next; i != ASIM_SELECT_NO_NODE;
         i = query->nodes[i].next) {
        rc = asim_select_evaluate(scope, query, i, operand, err);
        if (rc < 0)
            break;
        if (query->nodes[i].after_or)
            mask_or(mask, operand, atom_count);
        else
            mask_and(mask, operand, atom_count);
    }
    free(operand);
    return rc;
}

static int eval_operator(struct asim_select_scope *scope,
                         const struct asim_select_query *query, size_t node_index,
                         uint8_t *mask, struct asim_error *err)
{
    const struct asim_select_node *node = &query->nodes[node_index];
    if (asim_select_evaluate(scope, query, node->operand, mask, err) < 0)
        return -1;
    switch (node->op) {
    case ASIM_SELECT_GLOBAL:
        return 0;
    case ASIM_SELECT_BYRES:
    case ASIM_SELECT_SAME:
    case ASIM_SELECT_BONDED:
        return asim_select_relate(scope, query, node_index, mask, err);
    default:
        return asim_select_place(scope, query, node_index, mask, err);
    }
}

int asim_select_evaluate(struct asim_select_scope *scope,
                         const struct asim_select_query *query, size_t node_index,
                         uint8_t *mask, struct asim_error *err)
{
    const struct asim_select_node *node = &query->nodes[node_index];
    int rc;
    if (node->kind == ASIM_SELECT_NODE_CHAIN)
        rc = eval_chain(scope, query, node->first_child, mask, err);
    else if (node->kind == ASIM_SELECT_NODE_OPERATOR)
        rc = eval_operator(scope, query, node_index, mask, err);
    else
        rc = asim_select_clause(scope, query, node_index, mask, err);
    if (rc < 0)
        return -1;
    if (node->negated)
        for (size_t i = 0; i < scope->top->atom_count; i++)
            mask[i] ^= 1;
    return 0;
}
