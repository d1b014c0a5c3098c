/*
 * A tree to a mask of atoms, one byte an atom, linear in the atoms.
 *
 * Each distinct string is matched once against the values of a clause; atoms then only
 * look up a table. Numbers are found by binary search in sorted ranges. A chain
 * evaluates its operands one after another into a scratch mask, so that nesting costs
 * one or two masks a level.
 */
#include "formats/element.h"
#include "structure/select.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "structure/residue_names.h"

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

static bool equal_ignoring_case(const char *a, const char *b)
{
    while (*a && tolower((unsigned char)*a) == tolower((unsigned char)*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Does a value of the clause fit this text? */
static bool value_fits(const struct asim_select_query *query,
                       const struct asim_select_node *node, const char *text)
{
    for (size_t i = 0; i < node->token_count; i++) {
        const struct asim_select_token *token = &query->tokens[node->first_token + i];
        if (token->kind == ASIM_SELECT_QUOTED ? strcmp(token->word, text) == 0
                                              : asim_select_matches(token->word, text))
            return true;
        if (node->field == ASIM_SELECT_ELEMENT &&
            equal_ignoring_case(token->word, text))
            return true;
    }
    return false;
}

/* The strings that the clause's field can hold, as an index by atom or by residue. */
static bool is_residue_field(enum asim_select_field field)
{
    return field == ASIM_SELECT_RESNAME || field == ASIM_SELECT_SEGID ||
           field == ASIM_SELECT_CHAIN;
}

static uint32_t residue_string(const struct asim_residue *residue,
                               enum asim_select_field field)
{
    return field == ASIM_SELECT_RESNAME ? residue->name
           : field == ASIM_SELECT_SEGID ? residue->segment
                                        : residue->chain;
}

static void spread_residues(const struct asim_topology *top, const uint8_t *residues,
                            uint8_t *mask)
{
    for (size_t i = 0; i < top->atom_count; i++)
        mask[i] = residues[top->residue[i]];
}

static int eval_strings(const struct asim_topology *top,
                        const struct asim_select_query *query,
                        const struct asim_select_node *node, uint8_t *mask,
                        struct asim_error *err)
{
    int rc = -1;
    uint8_t *residues = NULL;
    uint8_t *table = asim_alloc_array(top->string_count, 1, err);
    if (!table)
        return -1;
    for (size_t i = 0; i < top->string_count; i++)
        table[i] = value_fits(query, node, top->strings[i]);
    if (is_residue_field(node->field)) {
        residues = asim_alloc_array(top->residue_count, 1, err);
        if (!residues)
            goto out;
        for (size_t i = 0; i < top->residue_count; i++)
            residues[i] = table[residue_string(&top->residues[i], node->field)];
        spread_residues(top, residues, mask);
    } else {
        const uint32_t *strings =
            node->field == ASIM_SELECT_NAME ? top->name : top->type;
        for (size_t i = 0; i < top->atom_count; i++)
            mask[i] = table[strings[i]];
    }
    rc = 0;
out:
    free(table);
    free(residues);
    return rc;
}

static void eval_elements(const struct asim_topology *top,
                          const struct asim_select_query *query,
                          const struct asim_select_node *node, uint8_t *mask)
{
    uint8_t table[256];
    for (unsigned z = 0; z < 256; z++)
        table[z] = *asim_element_name((uint8_t)z) != '\0' &&
                   value_fits(query, node, asim_element_name((uint8_t)z));
    for (size_t i = 0; i < top->atom_count; i++)
        mask[i] = table[top->atomic_number[i]];
}

static bool in_ranges(const struct asim_select_range *ranges, size_t count, int64_t key)
{
    size_t low = 0, high = count; /* the last range that starts at or before the key */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].first <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && key <= ranges[low - 1].last;
}

static int eval_residue_numbers(const struct asim_topology *top,
                                const struct asim_select_query *query,
                                const struct asim_select_node *node, uint8_t *mask,
                                struct asim_error *err)
{
    uint8_t *residues = asim_alloc_array(top->residue_count, 1, err);
    if (!residues)
        return -1;
    for (size_t i = 0; i < top->residue_count; i++) {
        const struct asim_residue *residue = &top->residues[i];
        bool resnum = node->field == ASIM_SELECT_RESNUM;
        int64_t number = resnum ? residue->resnum : residue->resid;
        unsigned char code = (unsigned char)residue->insertion_code;
        /* The code belongs to the file's number; a number counted through the system
         * is unique without it. */
        if (!resnum && residue->resid != residue->resnum)
            code = ' ';
        residues[i] = in_ranges(query->ranges + node->first_range, node->range_count,
                                number * 256 + (code == ' ' ? 0 : code));
    }
    spread_residues(top, residues, mask);
    free(residues);
    return 0;
}

/* What the first atom is called by this field. For id, MDAnalysis gives the number the
 * file has: TPR and PSF files (the ones that have masses) count from 0, GRO files from
 * 1. */
static int64_t first_atom_number(const struct asim_topology *top,
                                 enum asim_select_field field)
{
    if (field == ASIM_SELECT_BYNUM)
        return 1;
    return field == ASIM_SELECT_ID && !top->mass_amu ? 1 : 0;
}

static void eval_atom_numbers(const struct asim_topology *top,
                              const struct asim_select_query *query,
                              const struct asim_select_node *node, uint8_t *mask)
{
    int64_t offset = first_atom_number(top, node->field);
    int64_t last_atom = (int64_t)top->atom_count - 1;
    if (node->field == ASIM_SELECT_ID && top->serial) {
        for (size_t i = 0; i < top->atom_count; i++)
            mask[i] = top->serial[i] != INT32_MIN &&
                      in_ranges(query->ranges + node->first_range, node->range_count,
                                top->serial[i]);
        return;
    }
    memset(mask, 0, top->atom_count);
    for (size_t i = 0; i < node->range_count; i++) {
        struct asim_select_range range = query->ranges[node->first_range + i];
        int64_t first = range.first - offset > 0 ? range.first - offset : 0;
        int64_t last =
            range.last - offset < last_atom ? range.last - offset : last_atom;
        if (first <= last)
            memset(mask + first, 1, (size_t)(last - first + 1));
    }
}

/* As numpy's isclose, which decides equality in MDAnalysis. */
static bool is_close(double a, double b)
{
    return fabs(a - b) <= 1e-8 + 1e-5 * fabs(b);
}

static bool real_fits(const struct asim_select_real *real, double value)
{
    if (real->absolute)
        value = fabs(value);
    switch (real->compare) {
    case ASIM_SELECT_LESS:
        return value < real->low;
    case ASIM_SELECT_LESS_EQUAL:
        return value <= real->low;
    case ASIM_SELECT_GREATER:
        return value > real->low;
    case ASIM_SELECT_GREATER_EQUAL:
        return value >= real->low;
    case ASIM_SELECT_EQUAL:
        return is_close(value, real->low);
    case ASIM_SELECT_NOT_EQUAL:
        return !is_close(value, real->low);
    case ASIM_SELECT_WITHIN:
        return real->low <= value && value <= real->high;
    }
    return false;
}

static int eval_reals(const struct asim_topology *top,
                      const struct asim_select_query *query,
                      const struct asim_select_node *node, uint8_t *mask,
                      struct asim_error *err)
{
    bool mass = node->field == ASIM_SELECT_MASS;
    const float *values = mass ? top->mass_amu : top->charge_e;
    if (!values)
        return asim_select_fail_at(query, node->begin, node->end - node->begin, err,
                                   "this topology file has no %s: give a TPR file",
                                   mass ? "masses" : "charges");
    memset(mask, 0, top->atom_count);
    for (size_t k = 0; k < node->real_count; k++) {
        const struct asim_select_real *real = &query->reals[node->first_real + k];
        for (size_t i = 0; i < top->atom_count; i++)
            mask[i] |= real_fits(real, (double)values[i]);
    }
    return 0;
}

/* An atom that is not hydrogen, and not a massless interaction site either. */
static bool is_heavy(const struct asim_topology *top, size_t i)
{
    if (top->atomic_number[i] > 0)
        return top->atomic_number[i] > 1;
    if (top->mass_amu)
        return top->mass_amu[i] > 3.0f;
    const char *name = top->strings[top->name[i]];
    while (*name >= '0' && *name <= '9')
        name++;
    return *name != 'H' && *name != '\0';
}

/* A monatomic ion by its residue's name, or a charged atom that is a molecule of its
 * own. */
static bool is_ion(const struct asim_topology *top, const struct asim_residue *residue,
                   bool listed)
{
    if (residue->atom_count != 1)
        return false;
    if (listed)
        return true;
    size_t i = residue->first_atom;
    if (!top->charge_e || fabsf(top->charge_e[i]) < 0.5f)
        return false;
    bool first = i == 0 || top->molecule[i - 1] != top->molecule[i];
    bool last = i + 1 >= top->atom_count || top->molecule[i + 1] != top->molecule[i];
    return first && last;
}

/* Residues of a kind by name; a table of the strings, then of the residues. */
static int eval_residue_kind(const struct asim_topology *top,
                             enum asim_residue_kind kind, uint8_t *mask,
                             struct asim_error *err)
{
    int rc = -1;
    uint8_t *residues = NULL;
    uint8_t *table = asim_alloc_array(top->string_count, 1, err);
    if (!table)
        return -1;
    residues = asim_alloc_array(top->residue_count, 1, err);
    if (!residues)
        goto out;
    for (size_t i = 0; i < top->string_count; i++)
        table[i] = asim_residue_is(kind, top->strings[i]);
    for (size_t i = 0; i < top->residue_count; i++) {
        const struct asim_residue *residue = &top->residues[i];
        residues[i] = kind == ASIM_RESIDUE_ION
                          ? is_ion(top, residue, table[residue->name])
                          : table[residue->name];
    }
    spread_residues(top, residues, mask);
    rc = 0;
out:
    free(table);
    free(residues);
    return rc;
}

/* Keeps only atoms whose name is in the list (NULL-terminated). */
static int keep_names(const struct asim_topology *top, const char *const *names,
                      uint8_t *mask, struct asim_error *err)
{
    uint8_t *table = asim_alloc_array(top->string_count, 1, err);
    if (!table)
        return -1;
    for (size_t i = 0; i < top->string_count; i++)
        for (const char *const *name = names; *name; name++)
            table[i] |= strcmp(top->strings[i], *name) == 0;
    for (size_t i = 0; i < top->atom_count; i++)
        mask[i] &= table[top->name[i]];
    free(table);
    return 0;
}

/* Atom names of MDAnalysis' keywords; the base's are CHARMM's. */
static const char *const backbone_names[] = {"N", "CA", "C", "O", NULL};
static const char *const nucleic_backbone_names[] = {"P",   "C5'", "C3'",
                                                     "O3'", "O5'", NULL};
static const char *const nucleic_sugar_names[] = {"C1'", "C2'", "C3'",
                                                  "C4'", "O4'", NULL};
static const char *const nucleic_base_names[] = {"N9", "N7", "C8", "C5",  "C4", "N3",
                                                 "C2", "N1", "C6", "O6",  "N2", "N6",
                                                 "O2", "N4", "O4", "C5M", NULL};

static int eval_residue_atoms(const struct asim_topology *top,
                              enum asim_residue_kind kind, const char *const *names,
                              uint8_t *mask, struct asim_error *err)
{
    if (eval_residue_kind(top, kind, mask, err) < 0)
        return -1;
    return names ? keep_names(top, names, mask, err) : 0;
}

static int eval_group(struct asim_select_scope *scope,
                      const struct asim_select_query *query, size_t node_index,
                      uint8_t *mask, struct asim_error *err)
{
    const struct asim_ndx_group *group;
    if (asim_select_find_group(scope, query, node_index, &group, err) < 0)
        return -1;
    memset(mask, 0, scope->top->atom_count);
    for (size_t i = 0; i < group->count; i++)
        mask[scope->ndx.numbers[group->first + i] - 1] = 1;
    return 0;
}

static int eval_clause(struct asim_select_scope *scope,
                       const struct asim_select_query *query, size_t node_index,
                       uint8_t *mask, struct asim_error *err)
{
    const struct asim_topology *top = scope->top;
    const struct asim_select_node *node = &query->nodes[node_index];
    switch (node->field) {
    case ASIM_SELECT_ALL:
        memset(mask, 1, top->atom_count);
        return 0;
    case ASIM_SELECT_NONE:
        memset(mask, 0, top->atom_count);
        return 0;
    case ASIM_SELECT_PROTEIN:
        return eval_residue_atoms(top, ASIM_RESIDUE_PROTEIN, NULL, mask, err);
    case ASIM_SELECT_BACKBONE:
        return eval_residue_atoms(top, ASIM_RESIDUE_PROTEIN, backbone_names, mask, err);
    case ASIM_SELECT_NUCLEIC:
        return eval_residue_atoms(top, ASIM_RESIDUE_NUCLEIC, NULL, mask, err);
    case ASIM_SELECT_NUCLEIC_BACKBONE:
        return eval_residue_atoms(top, ASIM_RESIDUE_NUCLEIC, nucleic_backbone_names,
                                  mask, err);
    case ASIM_SELECT_NUCLEIC_BASE:
        return eval_residue_atoms(top, ASIM_RESIDUE_NUCLEIC, nucleic_base_names, mask,
                                  err);
    case ASIM_SELECT_NUCLEIC_SUGAR:
        return eval_residue_atoms(top, ASIM_RESIDUE_NUCLEIC, nucleic_sugar_names, mask,
                                  err);
    case ASIM_SELECT_WATER:
        return eval_residue_atoms(top, ASIM_RESIDUE_WATER, NULL, mask, err);
    case ASIM_SELECT_ION:
        return eval_residue_atoms(top, ASIM_RESIDUE_ION, NULL, mask, err);
    case ASIM_SELECT_HEAVY:
        for (size_t i = 0; i < top->atom_count; i++)
            mask[i] = is_heavy(top, i);
        return 0;
    case ASIM_SELECT_NAME:
    case ASIM_SELECT_TYPE:
    case ASIM_SELECT_RESNAME:
    case ASIM_SELECT_SEGID:
    case ASIM_SELECT_CHAIN:
        return eval_strings(top, query, node, mask, err);
    case ASIM_SELECT_ELEMENT:
        eval_elements(top, query, node, mask);
        return 0;
    case ASIM_SELECT_RESID:
    case ASIM_SELECT_RESNUM:
        return eval_residue_numbers(top, query, node, mask, err);
    case ASIM_SELECT_INDEX:
    case ASIM_SELECT_BYNUM:
    case ASIM_SELECT_ID:
        eval_atom_numbers(top, query, node, mask);
        return 0;
    case ASIM_SELECT_MASS:
    case ASIM_SELECT_CHARGE:
        return eval_reals(top, query, node, mask, err);
    case ASIM_SELECT_GROUP:
        return eval_group(scope, query, node_index, mask, err);
    }
    return asim_fail(err, ASIM_EFAIL, "a clause of unknown kind");
}

/*
 * A chain as runs: the operands of the operator that binds tighter are gathered in
 * `run`, the runs are joined in `mask` by the other one. Left to right there is one run
 * of everything.
 */
static int eval_chain(struct asim_select_scope *scope,
                      const struct asim_select_query *query, size_t node_index,
                      enum asim_select_reading reading, uint8_t *mask,
                      struct asim_error *err)
{
    const struct asim_select_node *chain = &query->nodes[node_index];
    size_t atom_count = scope->top->atom_count;
    bool left_to_right = !chain->mixed || reading == ASIM_SELECT_LEFT_TO_RIGHT;
    bool or_is_loose = reading == ASIM_SELECT_AND_FIRST;
    int rc = -1;
    uint8_t *run = NULL;
    uint8_t *operand = asim_alloc_array(atom_count, 1, err);
    if (!operand)
        return -1;
    if (!left_to_right) {
        run = asim_alloc_array(atom_count, 1, err);
        if (!run)
            goto out;
    }
    uint8_t *into = left_to_right ? mask : run;
    bool mask_started = false;
    for (size_t i = chain->first_child; i != ASIM_SELECT_NO_NODE;
         i = query->nodes[i].next) {
        const struct asim_select_node *child = &query->nodes[i];
        bool first = i == chain->first_child;
        bool closes_run = !first && !left_to_right && child->after_or == or_is_loose;
        if (closes_run) {
            if (!mask_started)
                memcpy(mask, run, atom_count);
            else if (or_is_loose)
                mask_or(mask, run, atom_count);
            else
                mask_and(mask, run, atom_count);
            mask_started = true;
        }
        bool starts = first || closes_run;
        if (asim_select_evaluate(scope, query, i, reading, starts ? into : operand,
                                 err) < 0)
            goto out;
        if (!starts && child->after_or)
            mask_or(into, operand, atom_count);
        else if (!starts)
            mask_and(into, operand, atom_count);
    }
    if (!left_to_right && !mask_started)
        memcpy(mask, run, atom_count);
    else if (!left_to_right && or_is_loose)
        mask_or(mask, run, atom_count);
    else if (!left_to_right)
        mask_and(mask, run, atom_count);
    rc = 0;
out:
    free(operand);
    free(run);
    return rc;
}

int asim_select_evaluate(struct asim_select_scope *scope,
                         const struct asim_select_query *query, size_t node_index,
                         enum asim_select_reading reading, uint8_t *mask,
                         struct asim_error *err)
{
    const struct asim_select_node *node = &query->nodes[node_index];
    int rc = node->is_chain ? eval_chain(scope, query, node_index, reading, mask, err)
                            : eval_clause(scope, query, node_index, mask, err);
    if (rc < 0)
        return -1;
    if (node->negated)
        for (size_t i = 0; i < scope->top->atom_count; i++)
            mask[i] ^= 1;
    return 0;
}
