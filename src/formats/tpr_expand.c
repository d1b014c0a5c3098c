/*
 * The topology of a TPR with every molecule spelled out.
 *
 * Names become interned strings: equal texts get equal indices. Linear in the number of
 * atoms. It trusts the indices that the walk has checked.
 */
#include "formats/tpr_layout.h"

#include <stdlib.h>

#include "base/memory.h"
#include "formats/string_table.h"

/* The number of every symbol among the interned strings. */
static int intern_symbols(const struct asim_tpr_system *system,
                          struct asim_string_table *table, uint32_t *ret_numbers,
                          struct asim_error *err)
{
    for (size_t i = 0; i < system->symbol_count; i++) {
        const char *text = system->symbols[i].text;
        /* A NUL inside a damaged name ends it. */
        size_t length = strnlen(text, system->symbols[i].length);
        if (asim_string_table_add(table, text, length, &ret_numbers[i], err) < 0)
            return -1;
    }
    return 0;
}

/* The segment's name is the one MDAnalysis gives to a molecule block. */
static int intern_segment(struct asim_string_table *table, size_t block, uint32_t type,
                          uint32_t *ret_number, struct asim_error *err)
{
    char *name = asim_format(err, "seg_%zu_%s", block, table->strings[type]);
    if (!name)
        return -1;
    int rc = asim_string_table_add(table, name, strlen(name), ret_number, err);
    free(name);
    return rc;
}

/* Runs of atoms with one residue index; a residue that is torn apart counts twice. */
static size_t count_residue_runs(const struct asim_tpr_molecule_type *type)
{
    size_t runs = 0;
    for (size_t i = 0; i < type->atom_count; i++)
        runs += i == 0 || type->atoms[i].residue != type->atoms[i - 1].residue;
    return runs;
}

static int count_all(const struct asim_tpr_system *system, struct asim_topology *top,
                     struct asim_error *err)
{
    size_t bonds = system->bonds.count;
    for (size_t b = 0; b < system->block_count; b++) {
        const struct asim_tpr_molecule_block *block = &system->blocks[b];
        const struct asim_tpr_molecule_type *type = &system->types[block->type];
        size_t block_bonds;
        if (__builtin_mul_overflow(type->bonds.count, block->molecule_count,
                                   &block_bonds) ||
            __builtin_add_overflow(bonds, block_bonds, &bonds))
            return asim_fail(err, ASIM_ENOMEM, "the bonds cannot be counted");
        if (block->molecule_count > 0)
            top->residue_count += block->molecule_count * count_residue_runs(type);
        top->molecule_count += block->molecule_count;
    }
    top->atom_count = system->atom_count;
    top->bond_count = bonds;
    return 0;
}

static int allocate_all(struct asim_topology *top, struct asim_error *err)
{
    size_t n = top->atom_count;
    return (top->name = asim_alloc_array(n, sizeof *top->name, err)) &&
                   (top->type = asim_alloc_array(n, sizeof *top->type, err)) &&
                   (top->residue = asim_alloc_array(n, sizeof *top->residue, err)) &&
                   (top->molecule = asim_alloc_array(n, sizeof *top->molecule, err)) &&
                   (top->atomic_number = asim_alloc_array(n, 1, err)) &&
                   (top->mass_amu = asim_alloc_array(n, sizeof(float), err)) &&
                   (top->charge_e = asim_alloc_array(n, sizeof(float), err)) &&
                   (top->residues = asim_alloc_array(top->residue_count,
                                                     sizeof *top->residues, err)) &&
                   (top->bonds =
                        asim_alloc_array(top->bond_count, sizeof *top->bonds, err))
               ? 0
               : -1;
}

/* Where the next molecule goes. */
struct cursor {
    size_t atom, residue, molecule, bond;
    int32_t resid; /* of the molecule's residue 0 */
};

static void put_molecule(const struct asim_tpr_molecule_type *type,
                         const uint32_t *strings, uint32_t segment, struct cursor *at,
                         struct asim_topology *top)
{
    for (size_t i = 0; i < type->atom_count; i++) {
        const struct asim_tpr_atom *atom = &type->atoms[i];
        size_t k = at->atom + i;
        if (i == 0 || atom->residue != atom[-1].residue) {
            const struct asim_tpr_residue *residue = &type->residues[atom->residue];
            top->residues[at->residue++] = (struct asim_residue){
                .name = strings[residue->name],
                .resid = at->resid + (int32_t)atom->residue,
                .resnum = residue->number,
                .insertion_code = residue->insertion_code,
                .segment = segment,
                .chain = 0, /* "": a TPR knows no chains */
                .first_atom = k,
            };
        }
        top->residues[at->residue - 1].atom_count++;
        top->name[k] = strings[atom->name];
        top->type[k] = strings[atom->type];
        top->residue[k] = (uint32_t)(at->residue - 1);
        top->molecule[k] = (uint32_t)at->molecule;
        top->atomic_number[k] = atom->atomic_number;
        top->mass_amu[k] = atom->mass_amu;
        top->charge_e[k] = atom->charge_e;
    }
    for (size_t i = 0; i < type->bonds.count; i++, at->bond++) {
        top->bonds[at->bond][0] = (uint32_t)(at->atom + type->bonds.pairs[i][0]);
        top->bonds[at->bond][1] = (uint32_t)(at->atom + type->bonds.pairs[i][1]);
    }
    at->atom += type->atom_count;
    at->resid += (int32_t)type->used_residue_count;
    at->molecule++;
}

int asim_tpr_expand(const struct asim_tpr_system *system, struct asim_topology *ret_top,
                    struct asim_error *err)
{
    struct asim_topology top = {.has_bonds = true};
    struct asim_string_table table = {0};
    struct cursor at = {.resid = 1};
    uint32_t *strings = asim_alloc_array(system->symbol_count, sizeof *strings, err);
    int rc = -1;
    if (!strings || asim_string_table_init(&table, err) < 0 ||
        intern_symbols(system, &table, strings, err) < 0 ||
        count_all(system, &top, err) < 0 || allocate_all(&top, err) < 0)
        goto out;
    for (size_t b = 0; b < system->block_count; b++) {
        const struct asim_tpr_molecule_block *block = &system->blocks[b];
        const struct asim_tpr_molecule_type *type = &system->types[block->type];
        uint32_t segment;
        if (block->molecule_count == 0)
            continue;
        if (intern_segment(&table, b, strings[type->name], &segment, err) < 0)
            goto out;
        for (size_t m = 0; m < block->molecule_count; m++)
            put_molecule(type, strings, segment, &at, &top);
    }
    for (size_t i = 0; i < system->bonds.count; i++, at.bond++)
        memcpy(top.bonds[at.bond], system->bonds.pairs[i], sizeof top.bonds[0]);
    if (system->written) {
        top.written = asim_alloc_array(system->written_count, sizeof *top.written, err);
        if (!top.written)
            goto out;
        memcpy(top.written, system->written,
               system->written_count * sizeof *top.written);
        top.written_count = system->written_count;
    }
    top.strings = asim_string_table_take(&table, &top.string_count);
    *ret_top = top;
    top = (struct asim_topology){0};
    rc = 0;
out:
    free(strings);
    asim_string_table_finish(&table);
    asim_topology_finish(&top);
    return rc;
}
