/*
 * The tree of one way to read a text.
 *
 * Two things are read in more than one way: `and` beside `or`, and how far the operand
 * of an operator reaches (`around 5A protein and name CA`). The tree as typed keeps a
 * chain flat and gives an operator the shortest operand; here chains are split into
 * chains of one kind, and a greedy operator takes the rest of its chain. New nodes are
 * appended; the old ones stay as they are.
 */
#include "base/error.h"
#include "base/memory.h"
#include "structure/select.h"

/* Nesting that one reading may add: bounds the recursion of what walks its tree. */
enum { MOST_NESTING = 200 };

struct resolver {
    struct asim_select_query *query;
    const struct asim_select_reading *reading;
    size_t nesting;
    struct asim_error *err;
};

/* Operands in a row, joined by and/or as their after_or says. */
struct list {
    size_t first, last;
    size_t count;
    bool any_and, any_or;
};

bool asim_select_reaches(const struct asim_select_query *query, size_t index)
{
    const struct asim_select_node *node = &query->nodes[index];
    while (node->kind == ASIM_SELECT_NODE_OPERATOR && !node->closed &&
           node->op == ASIM_SELECT_GLOBAL)
        node = &query->nodes[node->operand];
    return node->kind == ASIM_SELECT_NODE_OPERATOR && !node->closed;
}

static int add_node(struct asim_select_query *query,
                    const struct asim_select_node *node, size_t *ret_index,
                    struct asim_error *err)
{
    struct asim_select_node copy = *node; /* the array may move */
    if (asim_grow(&query->nodes, &query->node_capacity, query->node_count + 1,
                  sizeof *query->nodes, err) < 0)
        return -1;
    query->nodes[query->node_count] = copy;
    *ret_index = query->node_count++;
    return 0;
}

static void append(struct asim_select_query *query, struct list *list, size_t index,
                   bool after_or)
{
    query->nodes[index].next = ASIM_SELECT_NO_NODE;
    query->nodes[index].after_or = list->count > 0 && after_or;
    if (list->count == 0) {
        list->first = index;
    } else {
        query->nodes[list->last].next = index;
        list->any_or |= after_or;
        list->any_and |= !after_or;
    }
    list->last = index;
    list->count++;
}

/* One node of a list of one kind. */
static int make_chain(struct asim_select_query *query, const struct list *list,
                      size_t *ret_index, struct asim_error *err)
{
    if (list->count == 1) {
        *ret_index = list->first;
        return 0;
    }
    struct asim_select_node chain = {.kind = ASIM_SELECT_NODE_CHAIN,
                                     .begin = query->nodes[list->first].begin,
                                     .end = query->nodes[list->last].end,
                                     .next = ASIM_SELECT_NO_NODE,
                                     .first_child = list->first};
    return add_node(query, &chain, ret_index, err);
}

/* ((a or b) and c) or d: a new chain wherever the operator changes. */
static int group_left_to_right(struct resolver *r, const struct list *list,
                               size_t *ret_index)
{
    struct asim_select_query *query = r->query;
    struct list run = {0};
    for (size_t i = list->first, next; i != ASIM_SELECT_NO_NODE; i = next) {
        bool after_or = query->nodes[i].after_or;
        next = query->nodes[i].next;
        if (after_or ? run.any_and : run.any_or) {
            size_t before;
            r->nesting++;
            if (make_chain(query, &run, &before, r->err) < 0)
                return -1;
            run = (struct list){0};
            append(query, &run, before, false);
        }
        append(query, &run, i, after_or);
    }
    return make_chain(query, &run, ret_index, r->err);
}

/* Runs of the operator that binds tighter, joined by the other one. */
static int group_runs(struct asim_select_query *query, const struct list *list,
                      bool or_first, size_t *ret_index, struct asim_error *err)
{
    struct list outer = {0}, run = {0};
    bool run_after_or = false;
    size_t index;
    for (size_t i = list->first, next; i != ASIM_SELECT_NO_NODE; i = next) {
        bool after_or = query->nodes[i].after_or;
        next = query->nodes[i].next;
        if (run.count > 0 && after_or != or_first) {
            if (make_chain(query, &run, &index, err) < 0)
                return -1;
            append(query, &outer, index, run_after_or);
            run = (struct list){0};
            run_after_or = after_or;
        }
        append(query, &run, i, after_or);
    }
    if (make_chain(query, &run, &index, err) < 0)
        return -1;
    append(query, &outer, index, run_after_or);
    return make_chain(query, &outer, ret_index, err);
}

static int resolve_operand(struct resolver *r, size_t index, size_t rest,
                           size_t *ret_index);

/* `head`, and behind it the chain that begins with `rest`. */
static int resolve_row(struct resolver *r, size_t head, size_t rest, size_t *ret_index)
{
    struct asim_select_query *query = r->query;
    struct list list = {0};
    bool after_or = false;
    for (size_t i = head; i != ASIM_SELECT_NO_NODE;) {
        size_t made, swallowed = ASIM_SELECT_NO_NODE;
        if (r->reading->greedy && asim_select_reaches(query, i))
            swallowed = rest;
        if (resolve_operand(r, i, swallowed, &made) < 0)
            return -1;
        append(query, &list, made, after_or);
        if (swallowed != ASIM_SELECT_NO_NODE)
            break;
        i = rest;
        if (i != ASIM_SELECT_NO_NODE) {
            after_or = query->nodes[i].after_or;
            rest = query->nodes[i].next;
        }
    }
    if (!list.any_and || !list.any_or)
        return make_chain(query, &list, ret_index, r->err);
    if (r->reading->order == ASIM_SELECT_LEFT_TO_RIGHT)
        return group_left_to_right(r, &list, ret_index);
    return group_runs(query, &list, r->reading->order == ASIM_SELECT_OR_FIRST,
                      ret_index, r->err);
}

static int resolve_operand(struct resolver *r, size_t index, size_t rest,
                           size_t *ret_index)
{
    struct asim_select_query *query = r->query;
    struct asim_select_node node = query->nodes[index];
    if (node.kind == ASIM_SELECT_NODE_CHAIN) {
        size_t first = node.first_child, made;
        if (resolve_row(r, first, query->nodes[first].next, &made) < 0)
            return -1;
        query->nodes[made].negated ^= node.negated;
        *ret_index = made;
        return 0;
    }
    if (node.kind == ASIM_SELECT_NODE_OPERATOR) {
        r->nesting += rest != ASIM_SELECT_NO_NODE;
        if (r->nesting > MOST_NESTING)
            rest = ASIM_SELECT_NO_NODE; /* the result is thrown away */
        if (resolve_row(r, node.operand, rest, &node.operand) < 0)
            return -1;
    }
    return add_node(query, &node, ret_index, r->err);
}

int asim_select_resolve(struct asim_select_query *query,
                        const struct asim_select_reading *reading, size_t *ret_root,
                        struct asim_error *err)
{
    struct resolver resolver = {.query = query, .reading = reading, .err = err};
    size_t root;
    if (resolve_row(&resolver, query->root, ASIM_SELECT_NO_NODE, &root) < 0)
        return -1;
    *ret_root = resolver.nesting > MOST_NESTING ? ASIM_SELECT_NO_NODE : root;
    return 0;
}
