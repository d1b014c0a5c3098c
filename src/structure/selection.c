/*
 * The public functions of the selection language, groups of index files, and the
 * default selection.
 */
#include <autosim/selection.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "structure/residue_names.h"
#include "structure/select.h"

void asim_atom_list_finish(struct asim_atom_list *list)
{
    if (!list)
        return;
    free(list->index);
    *list = (struct asim_atom_list){0};
}

void asim_select_scope_finish(struct asim_select_scope *scope)
{
    asim_ndx_finish(&scope->ndx);
    asim_residue_lists_finish(&scope->residues);
    asim_frame_finish(&scope->own_frame);
}

enum { SHOWN_GROUPS = 12, SHOWN_GROUP_NAME = 40 };

/* "'System', 'Protein', ..." */
static void list_groups(const struct asim_ndx *ndx, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < ndx->group_count; i++) {
        int length = snprintf(text + used, size - used, "%s%s%.*s%s", i ? ", " : "",
                              i < SHOWN_GROUPS ? "'" : "", SHOWN_GROUP_NAME,
                              i < SHOWN_GROUPS ? ndx->groups[i].name : "...",
                              i < SHOWN_GROUPS ? "'" : "");
        if (length < 0 || (size_t)length >= size - used || i == SHOWN_GROUPS)
            return;
        used += (size_t)length;
    }
}

static int fail_no_group(const struct asim_select_scope *scope,
                         const struct asim_select_query *query, size_t token,
                         struct asim_error *err)
{
    const struct asim_ndx *ndx = &scope->ndx;
    const char *word = query->tokens[token].word;
    char groups[250];
    list_groups(ndx, groups, sizeof groups);
    const char **names = asim_alloc_array(ndx->group_count, sizeof *names, err);
    if (!names)
        return -1;
    for (size_t i = 0; i < ndx->group_count; i++)
        names[i] = ndx->groups[i].name;
    const char *nearest = asim_nearest_word(word, names, ndx->group_count);
    free(names);
    /* gmx select appends frame and time to the name it was given. */
    for (size_t i = 0; i < ndx->group_count && !nearest; i++)
        if (strncmp(ndx->groups[i].name, word, strlen(word)) == 0)
            nearest = ndx->groups[i].name;
    return asim_select_fail_token(
        query, token, err, "'%.100s' has no group '%.60s'%s%.*s%s; it has %s",
        scope->context.ndx_path, word, nearest ? ": did you mean '" : "",
        SHOWN_GROUP_NAME, nearest ? nearest : "", nearest ? "'?" : "", groups);
}

static bool same_atoms(const struct asim_ndx *ndx, const struct asim_ndx_group *a,
                       const struct asim_ndx_group *b)
{
    return a->count == b->count && a->count > 0 &&
           memcmp(ndx->numbers + a->first, ndx->numbers + b->first,
                  a->count * sizeof *ndx->numbers) == 0;
}

int asim_select_find_group(struct asim_select_scope *scope,
                           const struct asim_select_query *query, size_t node,
                           const struct asim_ndx_group **ret_group,
                           struct asim_error *err)
{
    size_t token = query->nodes[node].first_token;
    const char *word = query->tokens[token].word;
    if (!scope->context.ndx_path)
        return asim_select_fail_token(
            query, token, err, "no index file was given for group '%.60s'", word);
    if (!scope->ndx_loaded) {
        if (asim_ndx_read(scope->context.ndx_path, &scope->ndx, err) < 0)
            return -1;
        scope->ndx_loaded = true;
    }
    const struct asim_ndx *ndx = &scope->ndx;
    const struct asim_ndx_group *group = NULL;
    for (size_t i = 0; i < ndx->group_count; i++) {
        const struct asim_ndx_group *candidate = &ndx->groups[i];
        if (strcmp(candidate->name, word) != 0)
            continue;
        if (group && !same_atoms(ndx, group, candidate))
            return asim_select_fail_token(query, token, err,
                                          "'%.100s' has two different groups '%.60s', "
                                          "on lines %zu and %zu: rename one",
                                          scope->context.ndx_path, word, group->line,
                                          candidate->line);
        group = candidate;
    }
    if (!group)
        return fail_no_group(scope, query, token, err);
    for (size_t i = 0; i < group->count; i++) {
        uint32_t number = ndx->numbers[group->first + i];
        if (number > scope->top->atom_count)
            return asim_select_fail_token(
                query, token, err,
                "group '%.60s' ('%.100s' line %zu) holds atom "
                "%u but the topology has %zu atoms",
                word, scope->context.ndx_path, group->line, number,
                scope->top->atom_count);
    }
    *ret_group = group;
    return 0;
}

/* Marks the strings that the field uses, so that suggestions are ones that help. */
static bool mark_used(const struct asim_topology *top, enum asim_select_field field,
                      uint8_t *used)
{
    switch (field) {
    case ASIM_SELECT_NAME:
    case ASIM_SELECT_TYPE:
        for (size_t i = 0; i < top->atom_count; i++)
            used[field == ASIM_SELECT_NAME ? top->name[i] : top->type[i]] = 1;
        return true;
    case ASIM_SELECT_RESNAME:
    case ASIM_SELECT_SEGID:
    case ASIM_SELECT_CHAIN:
        for (size_t i = 0; i < top->residue_count; i++) {
            const struct asim_residue *residue = &top->residues[i];
            used[field == ASIM_SELECT_RESNAME ? residue->name
                 : field == ASIM_SELECT_SEGID ? residue->segment
                                              : residue->chain] = 1;
        }
        return true;
    default:
        return false;
    }
}

const char *asim_select_nearest_value(const struct asim_topology *top,
                                      const struct asim_select_query *query,
                                      size_t node_index)
{
    const struct asim_select_node *node = &query->nodes[node_index];
    const char *nearest = NULL;
    uint8_t *used = asim_alloc_array(top->string_count, 1, NULL);
    const char **names = asim_alloc_array(top->string_count, sizeof *names, NULL);
    if (used && names && node->token_count > 0 && mark_used(top, node->field, used)) {
        size_t count = 0;
        for (size_t i = 0; i < top->string_count; i++)
            if (used[i] && top->strings[i][0] != '\0')
                names[count++] = top->strings[i];
        nearest =
            asim_nearest_word(query->tokens[node->first_token].word, names, count);
    }
    free(used);
    free(names);
    return nearest;
}

/* The order of an index file is kept where the group is the whole selection. */
static int list_group(struct asim_select_scope *scope,
                      const struct asim_select_query *query, uint8_t *mask,
                      struct asim_atom_list *ret_list, struct asim_error *err)
{
    const struct asim_ndx_group *group;
    if (asim_select_find_group(scope, query, query->root, &group, err) < 0)
        return -1;
    uint32_t *index = asim_alloc_array(group->count, sizeof *index, err);
    if (!index)
        return -1;
    memset(mask, 0, scope->top->atom_count);
    for (size_t i = 0; i < group->count; i++) {
        uint32_t number = scope->ndx.numbers[group->first + i];
        if (mask[number - 1]) {
            free(index);
            return asim_fail(
                err, ASIM_EINPUT,
                "group '%s' ('%s' line %zu) holds atom %u twice: each atom "
                "may be selected once",
                group->name, scope->context.ndx_path, group->line, number);
        }
        mask[number - 1] = 1;
        index[i] = number - 1;
    }
    *ret_list = (struct asim_atom_list){group->count, index};
    return 0;
}

static int list_mask(const uint8_t *mask, size_t atom_count, size_t count,
                     struct asim_atom_list *ret_list, struct asim_error *err)
{
    uint32_t *index = asim_alloc_array(count, sizeof *index, err);
    if (!index)
        return -1;
    size_t used = 0;
    for (size_t i = 0; i < atom_count; i++)
        if (mask[i])
            index[used++] = (uint32_t)i;
    *ret_list = (struct asim_atom_list){count, index};
    return 0;
}

static int run(struct asim_select_scope *scope, const char *text, bool empty_is_fine,
               struct asim_atom_list *ret_list, struct asim_error *err)
{
    size_t atom_count = scope->top->atom_count;
    struct asim_select_query query = {0};
    uint8_t *mask = NULL;
    int rc = -1;
    if (asim_select_lex(text, &query, err) < 0 || asim_select_parse(&query, err) < 0)
        goto out;
    mask = asim_alloc_array(atom_count, 1, err);
    if (!mask)
        goto out;
    if (asim_select_is_ambiguous(&query)) {
        asim_select_fail_ambiguous(scope, &query, err);
        goto out;
    }
    if (asim_select_evaluate(scope, &query, query.root, mask, err) < 0)
        goto out;
    size_t count = asim_select_count(mask, atom_count);
    if (count == 0 && !empty_is_fine) {
        asim_select_fail_empty(scope, &query, err);
        goto out;
    }
    const struct asim_select_node *root = &query.nodes[query.root];
    if (root->kind == ASIM_SELECT_NODE_CLAUSE && !root->negated &&
        root->field == ASIM_SELECT_GROUP)
        rc = list_group(scope, &query, mask, ret_list, err);
    else
        rc = list_mask(mask, atom_count, count, ret_list, err);
out:
    asim_select_finish(&query);
    free(mask);
    return rc;
}

static int scope_init(struct asim_select_scope *scope, const struct asim_topology *top,
                      const struct asim_selection_context *context,
                      struct asim_error *err)
{
    *scope = (struct asim_select_scope){.top = top};
    if (context)
        scope->context = *context;
    return asim_residue_lists_read(scope->context.residues, &scope->residues, err);
}

int asim_selection_evaluate(const struct asim_topology *top, const char *text,
                            const struct asim_selection_context *context,
                            struct asim_atom_list *ret_list, struct asim_error *err)
{
    struct asim_select_scope scope;
    int rc = scope_init(&scope, top, context, err);
    if (rc == 0)
        rc = run(&scope, text, false, ret_list, err);
    asim_select_scope_finish(&scope);
    return rc;
}

int asim_selection_default(const struct asim_topology *top,
                           const struct asim_selection_context *context,
                           struct asim_atom_list *ret_list, char *ret_text,
                           size_t text_size, struct asim_error *err)
{
    static const struct {
        const char *text;
        size_t least;
    } choices[] = {
        {"protein and name CA", 10},
        {"heavy and (protein or nucleic)", 3},
        {"heavy and not (water or ion)", 1},
    };
    struct asim_select_scope scope;
    int rc = scope_init(&scope, top, context, err);
    bool found = false;
    for (size_t i = 0; rc == 0 && !found && i < sizeof choices / sizeof *choices; i++) {
        struct asim_atom_list list;
        rc = run(&scope, choices[i].text, true, &list, err);
        if (rc < 0)
            break;
        found = list.count >= choices[i].least;
        if (found) {
            snprintf(ret_text, text_size, "%s", choices[i].text);
            *ret_list = list;
        } else {
            asim_atom_list_finish(&list);
        }
    }
    asim_select_scope_finish(&scope);
    if (rc < 0 || found)
        return rc;
    return asim_fail(err, ASIM_EINPUT,
                     "the topology of %zu atoms has no atom but water, ions and "
                     "hydrogen: say which atoms to analyse by a selection",
                     top->atom_count);
}

bool asim_selection_calcium(const struct asim_topology *top,
                            const struct asim_atom_list *list, char *ret_why,
                            size_t why_size)
{
    size_t calcium = 0, carbon = 0;
    for (size_t i = 0; i < list->count; i++) {
        uint32_t atom = list->index[i];
        if (strcmp(top->strings[top->name[atom]], "CA") != 0)
            continue;
        const struct asim_residue *residue = &top->residues[top->residue[atom]];
        bool ion = top->atomic_number[atom] == 20 ||
                   (residue->atom_count == 1 &&
                    asim_residue_is(ASIM_RESIDUE_ION, top->strings[residue->name]));
        calcium += ion;
        carbon += !ion;
    }
    if (calcium == 0 || carbon == 0)
        return false;
    snprintf(ret_why, why_size,
             "the selection holds %zu calcium ion%s besides %zu alpha carbons, since "
             "both are named CA: write 'protein and name CA' for the carbons",
             calcium, calcium == 1 ? "" : "s", carbon);
    return true;
}
