/*
 * Operators that follow what atoms share: byres, same ... as, bonded.
 *
 * Every property is a number for an atom; the numbers of the operand's atoms are sorted
 * once and looked up for all others.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "structure/select.h"

static int check_bonds(const struct asim_topology *top,
                       const struct asim_select_query *query,
                       const struct asim_select_node *node, struct asim_error *err)
{
    if (!top->has_bonds)
        return asim_select_fail_at(query, node->begin, node->head_end - node->begin,
                                   err,
                                   "this topology file does not say what is bonded: "
                                   "give a TPR or PSF file");
    for (size_t i = 0; i < top->bond_count; i++)
        if (top->bonds[i][0] >= top->atom_count || top->bonds[i][1] >= top->atom_count)
            return asim_fail(err, ASIM_EINPUT,
                             "bond %zu joins an atom beyond the %zu of the topology",
                             i + 1, top->atom_count);
    return 0;
}

static int mark_bonded(const struct asim_topology *top, uint8_t *mask,
                       struct asim_error *err)
{
    uint8_t *bonded = asim_alloc_array(top->atom_count, 1, err);
    if (!bonded)
        return -1;
    for (size_t i = 0; i < top->bond_count; i++) {
        uint32_t a = top->bonds[i][0], b = top->bonds[i][1];
        bonded[a] |= mask[b];
        bonded[b] |= mask[a];
    }
    memcpy(mask, bonded, top->atom_count);
    free(bonded);
    return 0;
}

static uint32_t find_root(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]]; /* halves the path for the next time */
        i = parent[i];
    }
    return i;
}

/* The lowest atom that bonds lead to, for each. */
static uint32_t *find_fragments(const struct asim_topology *top, struct asim_error *err)
{
    uint32_t *parent = asim_alloc_array(top->atom_count, sizeof *parent, err);
    if (!parent)
        return NULL;
    for (size_t i = 0; i < top->atom_count; i++)
        parent[i] = (uint32_t)i;
    for (size_t i = 0; i < top->bond_count; i++) {
        uint32_t a = find_root(parent, top->bonds[i][0]);
        uint32_t b = find_root(parent, top->bonds[i][1]);
        parent[a > b ? a : b] = a > b ? b : a;
    }
    for (size_t i = 0; i < top->atom_count; i++)
        parent[i] = find_root(parent, (uint32_t)i);
    return parent;
}

/* The bits of a float as a number; 0 and -0 are one. */
static int64_t float_key(float value)
{
    int32_t bits;
    value += 0.0f;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static int64_t key_of(const struct asim_topology *top,
                      enum asim_select_property property, const uint32_t *fragments,
                      size_t i)
{
    const struct asim_residue *residue = &top->residues[top->residue[i]];
    switch (property) {
    case ASIM_SELECT_SAME_RESIDUE:
        return top->residue[i];
    case ASIM_SELECT_SAME_RESNAME:
        return residue->name;
    case ASIM_SELECT_SAME_RESID:
        return residue->resid;
    case ASIM_SELECT_SAME_RESNUM:
        return residue->resnum;
    case ASIM_SELECT_SAME_SEGID:
        return residue->segment;
    case ASIM_SELECT_SAME_CHAIN:
        return residue->chain;
    case ASIM_SELECT_SAME_NAME:
        return top->name[i];
    case ASIM_SELECT_SAME_TYPE:
        return top->type[i];
    case ASIM_SELECT_SAME_ELEMENT:
        return top->atomic_number[i];
    case ASIM_SELECT_SAME_MASS:
        return float_key(top->mass_amu[i]);
    case ASIM_SELECT_SAME_CHARGE:
        return float_key(top->charge_e[i]);
    case ASIM_SELECT_SAME_MOLECULE:
        return top->molecule[i];
    case ASIM_SELECT_SAME_FRAGMENT:
        return fragments[i];
    }
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int mark_same(const struct asim_topology *top,
                     enum asim_select_property property, uint8_t *mask,
                     struct asim_error *err)
{
    uint32_t *fragments = NULL;
    int rc = -1;
    size_t count = 0;
    int64_t *keys =
        asim_alloc_array(asim_select_count(mask, top->atom_count), sizeof *keys, err);
    if (!keys)
        return -1;
    if (property == ASIM_SELECT_SAME_FRAGMENT) {
        fragments = find_fragments(top, err);
        if (!fragments)
            goto out;
    }
    for (size_t i = 0; i < top->atom_count; i++) {
        if (!mask[i])
            continue;
        int64_t key = key_of(top, property, fragments, i);
        if (count == 0 || keys[count - 1] != key)
            keys[count++] = key;
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 0; i < top->atom_count; i++) {
        if (mask[i])
            continue;
        int64_t key = key_of(top, property, fragments, i);
        mask[i] = bsearch(&key, keys, count, sizeof *keys, compare_keys) != NULL;
    }
    rc = 0;
out:
    free(keys);
    free(fragments);
    return rc;
}

int asim_select_relate(struct asim_select_scope *scope,
                       const struct asim_select_query *query, size_t node_index,
                       uint8_t *mask, struct asim_error *err)
{
    const struct asim_topology *top = scope->top;
    const struct asim_select_node *node = &query->nodes[node_index];
    enum asim_select_property property =
        node->op == ASIM_SELECT_BYRES ? ASIM_SELECT_SAME_RESIDUE : node->property;
    if (node->op == ASIM_SELECT_BONDED)
        return check_bonds(top, query, node, err) < 0 ? -1
                                                      : mark_bonded(top, mask, err);
    if (property == ASIM_SELECT_SAME_FRAGMENT && check_bonds(top, query, node, err) < 0)
        return -1;
    bool mass = property == ASIM_SELECT_SAME_MASS && !top->mass_amu;
    if (mass || (property == ASIM_SELECT_SAME_CHARGE && !top->charge_e))
        return asim_select_fail_at(query, node->begin, node->head_end - node->begin,
                                   err, "this topology file has no %s: give a TPR file",
                                   mass ? "masses" : "charges");
    return mark_same(top, property, mask, err);
}
