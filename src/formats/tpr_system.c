/*
 * The topology of a TPR as it is stored: symbols, molecule types, molecule blocks.
 *
 * After a walk that did not fail every index in the result is inside its array, and the
 * molecules hold exactly the atoms that the header announced.
 */
#include "formats/tpr_layout.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    GROUP_KINDS = 10, /* temperature coupling, freezing, output, ... */
    WRITTEN_KIND = 7, /* CompressedPositionOutput of topology/topology.h in GROMACS */
};

void asim_tpr_system_finish(struct asim_tpr_system *system)
{
    if (!system)
        return;
    for (size_t i = 0; i < system->type_count; i++) {
        free(system->types[i].atoms);
        free(system->types[i].residues);
        free(system->types[i].bonds.pairs);
    }
    free(system->types);
    free(system->symbols);
    free(system->blocks);
    free(system->bonds.pairs);
    free(system->written);
    *system = (struct asim_tpr_system){0};
}

static void *allocate(struct asim_tpr_reader *reader, size_t count, size_t size)
{
    if (reader->failed)
        return NULL;
    void *memory = asim_alloc_array(count, size, reader->err);
    if (!memory)
        reader->failed = true;
    return memory;
}

static void read_symbols(struct asim_tpr_reader *reader, struct asim_tpr_system *system)
{
    reader->section = "the symbol table";
    size_t count = asim_tpr_read_count(reader, 8);
    system->symbols = allocate(reader, count, sizeof system->symbols[0]);
    if (!system->symbols)
        return;
    system->symbol_count = count;
    for (size_t i = 0; i < count && !reader->failed; i++)
        system->symbols[i].text =
            asim_tpr_read_string(reader, &system->symbols[i].length);
}

static uint32_t read_symbol(struct asim_tpr_reader *reader,
                            const struct asim_tpr_system *system)
{
    int32_t index = read_int(reader);
    if (!reader->failed && (index < 0 || (size_t)index >= system->symbol_count))
        asim_tpr_reader_fail(reader, "name %d is not one of the %zu names of the table",
                             index, system->symbol_count);
    return reader->failed ? 0 : (uint32_t)index;
}

static void read_atoms(struct asim_tpr_reader *reader,
                       const struct asim_tpr_system *system,
                       struct asim_tpr_molecule_type *type)
{
    size_t real = real_bytes(reader);
    size_t record = 4 * real + (reader->packed ? 4 : 8) + 12;
    reader->section = "the atoms of a molecule type";
    size_t atoms = asim_tpr_read_count(reader, 0);
    size_t residues = asim_tpr_read_count(reader, 4);
    if (!asim_tpr_reader_has(reader, atoms, record + 12))
        return;
    type->atoms = allocate(reader, atoms, sizeof type->atoms[0]);
    type->residues = allocate(reader, residues, sizeof type->residues[0]);
    bool *used = allocate(reader, residues, sizeof *used);
    if (reader->failed)
        goto out;
    type->atom_count = atoms;
    type->residue_count = residues;
    for (size_t i = 0; i < atoms && !reader->failed; i++) {
        struct asim_tpr_atom *atom = &type->atoms[i];
        atom->mass_amu = (float)read_real(reader);
        atom->charge_e = (float)read_real(reader);
        asim_tpr_skip_bytes(reader, 1, 2 * real);              /* of the B state */
        asim_tpr_skip_bytes(reader, 1, record - 4 * real - 8); /* types, particle */
        uint32_t residue = (uint32_t)read_int(reader);
        int32_t number = read_int(reader);
        if (!reader->failed && residue >= residues)
            asim_tpr_reader_fail(reader, "an atom is in residue %u of %zu", residue,
                                 residues);
        if (reader->failed)
            break;
        used[residue] = true;
        atom->residue = residue;
        atom->atomic_number = number > 0 && number < 256 ? (uint8_t)number : 0;
    }
    for (size_t i = 0; i < atoms && !reader->failed; i++)
        type->atoms[i].name = read_symbol(reader, system);
    for (size_t i = 0; i < atoms && !reader->failed; i++)
        type->atoms[i].type = read_symbol(reader, system);
    asim_tpr_skip_bytes(reader, atoms, 4); /* types of the B state */
    for (size_t i = 0; i < residues && !reader->failed; i++) {
        struct asim_tpr_residue *residue = &type->residues[i];
        residue->name = read_symbol(reader, system);
        residue->number = (int32_t)i + 1;
        residue->insertion_code = ' ';
        if (reader->file_version >= 63) {
            residue->number = read_int(reader);
            uint8_t code = read_uchar(reader);
            residue->insertion_code = code > 32 && code < 127 ? (char)code : ' ';
        }
        type->used_residue_count += used[i];
    }
out:
    free(used);
}

static int compare_pairs(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    if (a[0] != b[0])
        return a[0] < b[0] ? -1 : 1;
    return a[1] < b[1] ? -1 : a[1] > b[1];
}

static void sort_bonds(struct asim_tpr_bonds *bonds)
{
    if (bonds->count < 2)
        return;
    qsort(bonds->pairs, bonds->count, sizeof bonds->pairs[0], compare_pairs);
    size_t kept = 1;
    for (size_t i = 1; i < bonds->count; i++) {
        if (compare_pairs(bonds->pairs[i], bonds->pairs[kept - 1]) == 0)
            continue;
        memmove(bonds->pairs[kept], bonds->pairs[i], sizeof bonds->pairs[0]);
        kept++;
    }
    bonds->count = kept;
}

static void read_molecule_types(struct asim_tpr_reader *reader,
                                struct asim_tpr_system *system)
{
    reader->section = "the molecule types";
    size_t count = asim_tpr_read_count(reader, 4);
    system->types = allocate(reader, count, sizeof system->types[0]);
    if (!system->types)
        return;
    system->type_count = count;
    for (size_t i = 0; i < count && !reader->failed; i++) {
        struct asim_tpr_molecule_type *type = &system->types[i];
        type->name = read_symbol(reader, system);
        read_atoms(reader, system, type);
        asim_tpr_walk_interactions(reader, type->atom_count, &type->bonds);
        sort_bonds(&type->bonds);
        reader->section = "the charge groups of a molecule type";
        size_t groups = asim_tpr_read_count(reader, 4);
        asim_tpr_skip_bytes(reader, groups + 1, 4);
        reader->section = "the exclusions of a molecule type";
        size_t lists = asim_tpr_read_count(reader, 4);
        size_t elements = asim_tpr_read_count(reader, 4);
        asim_tpr_skip_bytes(reader, lists + elements + 1, 4);
    }
}

static void read_molecule_blocks(struct asim_tpr_reader *reader, size_t atom_count,
                                 struct asim_tpr_system *system)
{
    reader->section = "the molecule blocks";
    size_t count = asim_tpr_read_count(reader, 20);
    system->blocks = allocate(reader, count, sizeof system->blocks[0]);
    if (!system->blocks)
        return;
    size_t total = 0;
    for (size_t i = 0; i < count && !reader->failed; i++) {
        uint32_t type = (uint32_t)read_int(reader);
        int32_t molecules = read_int(reader);
        asim_tpr_skip(reader, "i"); /* atoms of the molecule; the type says it too */
        for (int state = 0; state < 2; state++) { /* restraint positions, A and B */
            size_t restrained = asim_tpr_read_count(reader, 3 * real_bytes(reader));
            asim_tpr_skip_bytes(reader, restrained, 3 * real_bytes(reader));
        }
        if (reader->failed)
            return;
        if (type >= system->type_count || molecules < 0) {
            asim_tpr_reader_fail(reader,
                                 "block %zu has %d molecules of type %u; expected a "
                                 "count and a type below %zu",
                                 i, molecules, type, system->type_count);
            return;
        }
        size_t atoms = system->types[type].atom_count;
        if ((atoms == 0 && molecules > 0) ||
            (atoms > 0 && (size_t)molecules > (atom_count - total) / atoms)) {
            asim_tpr_reader_fail(reader,
                                 "block %zu (%d molecules of %zu atoms) does not fit "
                                 "the %zu atoms of the header",
                                 i, molecules, atoms, atom_count);
            return;
        }
        total += atoms * (size_t)molecules;
        system->blocks[i] = (struct asim_tpr_molecule_block){type, (size_t)molecules};
        system->block_count = i + 1;
    }
    size_t announced = (size_t)(uint32_t)read_int(reader);
    if (!reader->failed && (total != atom_count || announced != atom_count))
        asim_tpr_reader_fail(
            reader,
            "the molecules hold %zu atoms, the topology announces %zu, "
            "the header %zu",
            total, announced, atom_count);
    system->atom_count = total;
}

static void skip_tables(struct asim_tpr_reader *reader)
{
    int version = reader->file_version;
    size_t real = real_bytes(reader);
    if (version < 128) {
        reader->section = "the atom types";
        size_t types = asim_tpr_read_count(reader, 4);
        if (version < 113) /* radii, volumes, surface tensions of implicit solvents */
            asim_tpr_skip_bytes(reader, types, 3 * real);
        asim_tpr_skip_bytes(reader, types, 4);
        if (version >= 60 && version < 113)
            asim_tpr_skip_bytes(reader, types, 2 * real);
    }
    if (version >= 65) {
        reader->section = "the correction maps";
        size_t grids = asim_tpr_read_count(reader, 0);
        size_t extent = asim_tpr_read_count(reader, 0);
        /* Both are below 2^31, so that extent^2 fits; value and three derivatives. */
        if (grids > 0 &&
            asim_tpr_reader_has(reader, (uint64_t)extent * extent, 4 * real))
            asim_tpr_skip_bytes(reader, grids, extent * extent * 4 * real);
    }
}

/* The group of each atom among those of compressed output: mdrun writes group 0, which
 * compressed-x-grps together make; what is in none of them is in the last. */
static void read_written(struct asim_tpr_reader *reader, size_t count,
                         struct asim_tpr_system *system)
{
    if (!asim_tpr_reader_has(reader, count, bool_bytes(reader)))
        return;
    if (count != system->atom_count) {
        asim_tpr_reader_fail(reader, "%zu group numbers for %zu atoms", count,
                             system->atom_count);
        return;
    }
    system->written = allocate(reader, count, sizeof *system->written);
    for (size_t i = 0; i < count && !reader->failed; i++)
        if (read_uchar(reader) == 0)
            system->written[system->written_count++] = (uint32_t)i;
    if (system->written_count == count) {
        free(system->written);
        system->written = NULL;
        system->written_count = 0;
    }
}

static void walk_groups(struct asim_tpr_reader *reader, struct asim_tpr_system *system)
{
    reader->section = "the groups";
    for (int kind = 0; kind < GROUP_KINDS; kind++) {
        size_t count = asim_tpr_read_count(reader, 4);
        asim_tpr_skip_bytes(reader, count, 4);
    }
    size_t names = asim_tpr_read_count(reader, 4);
    for (size_t i = 0; i < names && !reader->failed; i++)
        (void)read_symbol(reader, system);
    for (int kind = 0; kind < GROUP_KINDS; kind++) {
        size_t count = asim_tpr_read_count(reader, bool_bytes(reader));
        if (kind == WRITTEN_KIND && count > 0)
            read_written(reader, count, system);
        else
            asim_tpr_skip_bytes(reader, count, bool_bytes(reader));
    }
    if (reader->file_version >= 120) {
        int64_t excluded = read_int64(reader);
        asim_tpr_skip_bytes(reader, (uint64_t)excluded, 4);
    }
}

void asim_tpr_walk_system(struct asim_tpr_reader *reader, size_t atom_count,
                          struct asim_tpr_system *system)
{
    read_symbols(reader, system);
    (void)read_symbol(reader, system); /* the system's name */
    asim_tpr_walk_parameters(reader);
    read_molecule_types(reader, system);
    read_molecule_blocks(reader, atom_count, system);
    if (reader->file_version >= 103) {
        reader->section = "the interactions between molecules";
        if (read_bool(reader)) {
            asim_tpr_walk_interactions(reader, atom_count, &system->bonds);
            sort_bonds(&system->bonds);
        }
    }
    skip_tables(reader);
    walk_groups(reader, system);
}
