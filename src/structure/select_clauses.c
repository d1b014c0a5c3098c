/*
 * Clauses that a topology answers: names, numbers, kinds of residues, groups.
 *
 * Each distinct string is matched once against the values of a clause; atoms then only
 * look up a table. Numbers are found by binary search in sorted ranges.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "formats/element.h"
#include "structure/residue_names.h"
#include "structure/select.h"

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

/* Alternate locations are one letter; an atom without has the empty text. */
static int eval_locations(const struct asim_topology *top,
                          const struct asim_select_query *query,
                          const struct asim_select_node *node, uint8_t *mask,
                          struct asim_error *err)
{
    if (!top->altloc)
        return asim_select_fail_at(query, node->begin, node->end - node->begin, err,
                                   "this topology file has no alternate locations: "
                                   "give a PDB file that has them");
    for (size_t i = 0; i < top->atom_count; i++) {
        char letter[2] = {top->altloc[i], '\0'};
        mask[i] = value_fits(query, node, *letter == ' ' ? "" : letter);
    }
    return 0;
}

/* Insertion codes are one letter; a residue without one has the empty text. */
static int eval_insertion_codes(const struct asim_topology *top,
                                const struct asim_select_query *query,
                                const struct asim_select_node *node, uint8_t *mask,
                                struct asim_error *err)
{
    uint8_t *residues = asim_alloc_array(top->residue_count, 1, err);
    if (!residues)
        return -1;
    for (size_t i = 0; i < top->residue_count; i++) {
        char code[2] = {top->residues[i].insertion_code, '\0'};
        residues[i] = value_fits(query, node, *code == ' ' ? "" : code);
    }
    spread_residues(top, residues, mask);
    free(residues);
    return 0;
}

/* The NAME of a segment seg_NUMBER_NAME, as readers of TPR files call molecule blocks;
 * NULL: it is called otherwise. */
static const char *molecule_type(const char *segment)
{
    if (strncmp(segment, "seg_", 4) != 0)
        return NULL;
    size_t digits = strspn(segment + 4, "0123456789");
    return digits > 0 && segment[4 + digits] == '_' ? segment + 5 + digits : NULL;
}

static int eval_molecule_types(const struct asim_topology *top,
                               const struct asim_select_query *query,
                               const struct asim_select_node *node, uint8_t *mask,
                               struct asim_error *err)
{
    uint8_t *residues = asim_alloc_array(top->residue_count, 1, err);
    int rc = -1;
    if (!residues)
        return -1;
    for (size_t i = 0; i < top->residue_count; i++) {
        const char *type = molecule_type(top->strings[top->residues[i].segment]);
        if (!type) {
            asim_select_fail_at(query, node->begin, node->end - node->begin, err,
                                "this topology file has no molecule types: give a TPR "
                                "file");
            goto out;
        }
        residues[i] = value_fits(query, node, type);
    }
    spread_residues(top, residues, mask);
    rc = 0;
out:
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

static int eval_address(const struct asim_topology *top,
                        const struct asim_select_query *query,
                        const struct asim_select_node *node, uint8_t *mask,
                        struct asim_error *err)
{
    const struct asim_select_token *tokens = query->tokens + node->first_token;
    struct asim_select_node number = *node;
    number.field = ASIM_SELECT_RESID;
    if (eval_residue_numbers(top, query, &number, mask, err) < 0)
        return -1;
    for (size_t i = 0; i < top->atom_count; i++) {
        const struct asim_residue *residue = &top->residues[top->residue[i]];
        mask[i] = mask[i] &&
                  strcmp(top->strings[residue->segment], tokens[0].word) == 0 &&
                  strcmp(top->strings[top->name[i]], tokens[2].word) == 0;
    }
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

/* Between these, in amu, a mass may be that of a hydrogen or of what it is bonded to:
 * repartitioned, hydrogens have 3.024 or 4.032, and the carbon of a methyl group 2.9.
 */
static const float heaviest_hydrogen = 4.5f, lightest_other = 2.5f;

/* An atom that is not hydrogen, and not a massless interaction site either. */
static bool is_heavy(const struct asim_topology *top, size_t i)
{
    if (top->atomic_number[i] > 0)
        return top->atomic_number[i] > 1;
    if (top->mass_amu &&
        !(top->mass_amu[i] > lightest_other && top->mass_amu[i] < heaviest_hydrogen))
        return top->mass_amu[i] > lightest_other;
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
static int eval_residue_kind(const struct asim_select_scope *scope,
                             enum asim_residue_kind kind, uint8_t *mask,
                             struct asim_error *err)
{
    const struct asim_topology *top = scope->top;
    int rc = -1;
    uint8_t *residues = NULL;
    uint8_t *table = asim_alloc_array(top->string_count, 1, err);
    if (!table)
        return -1;
    residues = asim_alloc_array(top->residue_count, 1, err);
    if (!residues)
        goto out;
    for (size_t i = 0; i < top->string_count; i++)
        table[i] = asim_residue_listed(&scope->residues, kind, top->strings[i]);
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

static int eval_residue_atoms(const struct asim_select_scope *scope,
                              enum asim_residue_kind kind, const char *const *names,
                              uint8_t *mask, struct asim_error *err)
{
    if (eval_residue_kind(scope, kind, mask, err) < 0)
        return -1;
    return names ? keep_names(scope->top, names, mask, err) : 0;
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

int asim_select_clause(struct asim_select_scope *scope,
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
        return eval_residue_atoms(scope, ASIM_RESIDUE_PROTEIN, NULL, mask, err);
    case ASIM_SELECT_BACKBONE:
        return eval_residue_atoms(scope, ASIM_RESIDUE_PROTEIN, backbone_names, mask,
                                  err);
    case ASIM_SELECT_NUCLEIC:
        return eval_residue_atoms(scope, ASIM_RESIDUE_NUCLEIC, NULL, mask, err);
    case ASIM_SELECT_NUCLEIC_BACKBONE:
        return eval_residue_atoms(scope, ASIM_RESIDUE_NUCLEIC, nucleic_backbone_names,
                                  mask, err);
    case ASIM_SELECT_NUCLEIC_BASE:
        return eval_residue_atoms(scope, ASIM_RESIDUE_NUCLEIC, nucleic_base_names, mask,
                                  err);
    case ASIM_SELECT_NUCLEIC_SUGAR:
        return eval_residue_atoms(scope, ASIM_RESIDUE_NUCLEIC, nucleic_sugar_names,
                                  mask, err);
    case ASIM_SELECT_WATER:
        return eval_residue_atoms(scope, ASIM_RESIDUE_WATER, NULL, mask, err);
    case ASIM_SELECT_ION:
        return eval_residue_atoms(scope, ASIM_RESIDUE_ION, NULL, mask, err);
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
    case ASIM_SELECT_ICODE:
        return eval_insertion_codes(top, query, node, mask, err);
    case ASIM_SELECT_ALTLOC:
        return eval_locations(top, query, node, mask, err);
    case ASIM_SELECT_MOLTYPE:
        return eval_molecule_types(top, query, node, mask, err);
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
    case ASIM_SELECT_OCCUPANCY:
    case ASIM_SELECT_BFACTOR:
        return asim_select_reals(top, query, node, mask, err);
    case ASIM_SELECT_ATOM:
        return eval_address(top, query, node, mask, err);
    case ASIM_SELECT_MOLECULE:
        for (size_t i = 0; i < top->atom_count; i++)
            mask[i] = in_ranges(query->ranges + node->first_range, node->range_count,
                                top->molecule[i]);
        return 0;
    case ASIM_SELECT_GROUP:
        return eval_group(scope, query, node_index, mask, err);
    case ASIM_SELECT_X:
    case ASIM_SELECT_Y:
    case ASIM_SELECT_Z:
    case ASIM_SELECT_POINT:
        return asim_select_place(scope, query, node_index, mask, err);
    }
    return asim_fail(err, ASIM_EFAIL, "a clause of unknown kind");
}
