/*
 * Alternate locations in PDB files: which atom records of a model are kept.
 *
 * Rule: of the records of one residue (the same number, insertion code, chain and
 * segment, one after the other) that have the same name and different altLoc letters,
 * the first is kept; and where the letters belong to residues of different names, those
 * of the first residue. Records of the same name and letter are all kept: the file says
 * they are different atoms.
 */
#include "formats/pdb_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/string_table.h"

struct seen_name {
    size_t residue; /* where the name was seen last, from 1 */
    char altloc;
};

struct locations {
    struct asim_string_table names;
    struct seen_name *seen; /* by name */
    size_t seen_capacity;
    size_t residue;             /* counted from 1 */
    struct asim_pdb_atom first; /* of this residue */
};

static bool same_text(const char *a, uint8_t a_length, const char *b, uint8_t b_length)
{
    return a_length == b_length && memcmp(a, b, a_length) == 0;
}

static bool same_residue(const struct asim_pdb_atom *a, const struct asim_pdb_atom *b)
{
    return a->resnum == b->resnum && a->insertion_code == b->insertion_code &&
           a->chain == b->chain && memcmp(a->columns + 66, b->columns + 66, 10) == 0;
}

static int is_kept(struct locations *locations, const struct asim_pdb_atom *atom,
                   bool after_ter, bool *ret_kept, struct asim_error *err)
{
    size_t known = locations->names.count;
    uint32_t name;
    if (asim_string_table_add(&locations->names, atom->name, atom->name_length, &name,
                              err) < 0 ||
        asim_grow(&locations->seen, &locations->seen_capacity, (size_t)name + 1,
                  sizeof *locations->seen, err) < 0)
        return -1;
    if (name >= known)
        locations->seen[name] = (struct seen_name){0};
    const struct asim_pdb_atom *first = &locations->first;
    if (locations->residue == 0 || after_ter || !same_residue(first, atom)) {
        locations->residue++;
        locations->first = *atom;
        /* The names point into the copy's columns, not into the original's. */
        locations->first.residue_name =
            locations->first.columns + (atom->residue_name - atom->columns);
    }
    struct seen_name *seen = &locations->seen[name];
    bool repeated = seen->residue == locations->residue && seen->altloc != atom->altloc;
    bool other_residue = atom->altloc != ' ' && first->altloc != ' ' &&
                         first->altloc != atom->altloc &&
                         !same_text(first->residue_name, first->residue_name_length,
                                    atom->residue_name, atom->residue_name_length);
    *ret_kept = !repeated && !other_residue;
    if (*ret_kept && seen->residue != locations->residue)
        *seen = (struct seen_name){locations->residue, atom->altloc};
    return 0;
}

static bool has_altloc(const struct asim_pdb_model *model)
{
    const char *p = model->start, *end = p + model->size;
    struct asim_pdb_line line;
    while (asim_pdb_take_line(&p, end, true, &line))
        if (asim_pdb_record_of(line) == ASIM_PDB_ATOM && line.end - line.p > 16 &&
            line.p[16] != ' ' && line.p[16] != '\t')
            return true;
    return false;
}

int asim_pdb_choose_locations(const struct asim_pdb_model *model, uint8_t **ret_kept,
                              size_t *ret_kept_count, struct asim_error *err)
{
    struct locations locations = {0};
    struct asim_pdb_line line;
    char ignored[ASIM_PDB_WHAT];
    bool after_ter = false;
    size_t i = 0, kept_count = 0;
    int rc = -1;
    if (!has_altloc(model)) {
        *ret_kept = NULL;
        *ret_kept_count = model->atom_count;
        return 0;
    }
    uint8_t *kept = asim_alloc_array(model->atom_count, 1, err);
    locations.seen = asim_alloc_array(1, sizeof *locations.seen, err);
    locations.seen_capacity = 1;
    if (!kept || !locations.seen || asim_string_table_init(&locations.names, err) < 0)
        goto out;
    const char *p = model->start, *end = p + model->size;
    while (asim_pdb_take_line(&p, end, true, &line)) {
        enum asim_pdb_record record = asim_pdb_record_of(line);
        after_ter = after_ter || record == ASIM_PDB_TER;
        if (record != ASIM_PDB_ATOM)
            continue;
        struct asim_pdb_atom atom;
        bool keep = true;
        /* What cannot be read is kept here and reported by whoever needs it. */
        if (asim_pdb_parse_atom(line, &atom, ignored) == 0 &&
            is_kept(&locations, &atom, after_ter, &keep, err) < 0)
            goto out;
        after_ter = false;
        kept[i++] = keep;
        kept_count += keep;
    }
    if (kept_count == model->atom_count) {
        free(kept);
        kept = NULL;
    }
    *ret_kept = kept;
    *ret_kept_count = kept_count;
    kept = NULL;
    rc = 0;
out:
    free(kept);
    free(locations.seen);
    asim_string_table_finish(&locations.names);
    return rc;
}
