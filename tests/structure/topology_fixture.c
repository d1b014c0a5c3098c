/* Topologies for tests. */
#include "topology_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grown(void *array, size_t count, size_t size)
{
    void *bigger = realloc(array, (count | 1023) * size + size);
    if (!bigger)
        abort();
    return bigger;
}

static uint32_t intern(struct asim_topology *top, const char *text)
{
    for (size_t i = 0; i < top->string_count; i++)
        if (strcmp(top->strings[i], text) == 0)
            return (uint32_t)i;
    top->strings = grown(top->strings, top->string_count, sizeof *top->strings);
    top->strings[top->string_count] = strdup(text);
    return (uint32_t)top->string_count++;
}

void fixture_add(struct asim_topology *top, const struct fixture_atom *atom)
{
    size_t i = top->atom_count;
    intern(top, "");
    uint32_t resname = intern(top, atom->resname);
    uint32_t chain = intern(top, atom->chain ? atom->chain : "");
    struct asim_residue *last =
        top->residue_count ? &top->residues[top->residue_count - 1] : NULL;
    char code = atom->insertion_code ? atom->insertion_code : ' ';
    if (!last || last->resid != atom->resid || last->resnum != atom->resnum ||
        last->insertion_code != code || last->name != resname || last->chain != chain ||
        top->molecule[i - 1] != atom->molecule) {
        top->residues = grown(top->residues, top->residue_count, sizeof *top->residues);
        last = &top->residues[top->residue_count++];
        *last = (struct asim_residue){
            .name = resname,
            .resid = atom->resid,
            .resnum = atom->resnum,
            .insertion_code = code,
            .segment = intern(top, atom->segment ? atom->segment : ""),
            .chain = chain,
            .first_atom = i,
        };
    }
    last->atom_count++;
    top->name = grown(top->name, i, sizeof *top->name);
    top->type = grown(top->type, i, sizeof *top->type);
    top->residue = grown(top->residue, i, sizeof *top->residue);
    top->molecule = grown(top->molecule, i, sizeof *top->molecule);
    top->atomic_number = grown(top->atomic_number, i, sizeof *top->atomic_number);
    top->mass_amu = grown(top->mass_amu, i, sizeof *top->mass_amu);
    top->charge_e = grown(top->charge_e, i, sizeof *top->charge_e);
    top->name[i] = intern(top, atom->name);
    top->type[i] = intern(top, atom->type ? atom->type : "");
    top->residue[i] = (uint32_t)top->residue_count - 1;
    top->molecule[i] = atom->molecule;
    top->atomic_number[i] = (uint8_t)atom->atomic_number;
    top->mass_amu[i] = atom->mass;
    top->charge_e[i] = atom->charge;
    top->atom_count++;
    if (top->molecule_count <= atom->molecule)
        top->molecule_count = atom->molecule + 1u;
}

void fixture_bond(struct asim_topology *top, unsigned a, unsigned b)
{
    top->bonds = grown(top->bonds, top->bond_count, sizeof *top->bonds);
    top->bonds[top->bond_count][0] = a;
    top->bonds[top->bond_count][1] = b;
    top->bond_count++;
    top->has_bonds = true;
}

void fixture_finish(struct asim_topology *top)
{
    for (size_t i = 0; i < top->string_count; i++)
        free(top->strings[i]);
    free(top->strings);
    free(top->name);
    free(top->type);
    free(top->residue);
    free(top->molecule);
    free(top->atomic_number);
    free(top->mass_amu);
    free(top->charge_e);
    free(top->residues);
    free(top->bonds);
    *top = (struct asim_topology){0};
}

static unsigned element_of(const char *name, const char *resname)
{
    if (strcmp(name, "NA") == 0)
        return 11;
    if (strcmp(name, "CA") == 0 && strcmp(resname, "CA") == 0)
        return 20;
    switch (name[0]) {
    case 'H':
        return 1;
    case 'C':
        return 6;
    case 'N':
        return 7;
    case 'O':
        return 8;
    case 'P':
        return 15;
    default:
        return 0;
    }
}

void fixture_small(struct asim_topology *top)
{
    static const struct {
        const char *resname, *segment, *chain;
        int resid, resnum;
        char code;
        unsigned molecule;
        const char *names[6];
    } residues[] = {
        {"ALA", "PROA", "A", 1, 99, ' ', 0, {"N", "CA", "C", "O", "CB"}},
        {"GLY", "PROA", "A", 2, 100, ' ', 0, {"N", "H", "CA", "C", "O"}},
        {"SER", "PROA", "A", 3, 100, 'A', 0, {"N", "CA", "C", "O", "OG"}},
        {"DA", "DNA", "B", 4, 1, ' ', 1, {"P", "C5'", "N9", "O5'"}},
        {"SOL", "", "", 5, 1, ' ', 2, {"OW", "HW1", "HW2"}},
        {"SOL", "", "", 6, 2, ' ', 3, {"OW", "HW1", "HW2"}},
        {"NA", "", "", 7, 1, ' ', 4, {"NA"}},
        {"CA", "", "", 8, 1, ' ', 5, {"CA"}},
    };
    static const float masses[] = {
        [1] = 1.008f,   [6] = 12.011f,  [7] = 14.007f, [8] = 15.999f,
        [11] = 22.990f, [15] = 30.974f, [20] = 40.08f};
    for (size_t r = 0; r < sizeof residues / sizeof *residues; r++) {
        for (const char *const *name = residues[r].names; *name; name++) {
            unsigned z = element_of(*name, residues[r].resname);
            char type[16];
            snprintf(type, sizeof type, "t%u", z);
            struct fixture_atom atom = {
                .name = *name,
                .type = type,
                .resname = residues[r].resname,
                .segment = residues[r].segment,
                .chain = residues[r].chain,
                .resid = residues[r].resid,
                .resnum = residues[r].resnum,
                .insertion_code = residues[r].code,
                .molecule = residues[r].molecule,
                .atomic_number = z,
                .mass = masses[z],
                .charge = z == 11   ? 1.0f
                          : z == 20 ? 2.0f
                          : z == 8  ? -0.5f
                                    : 0.1f,
            };
            fixture_add(top, &atom);
        }
    }
    static const unsigned bonds[][2] = {
        {0, 1},   {1, 2},   {2, 3},   {1, 4},   {2, 5},   {5, 6},   {5, 7},
        {7, 8},   {8, 9},   {8, 10},  {10, 11}, {11, 12}, {12, 13}, {11, 14},
        {15, 18}, {18, 16}, {16, 17}, {19, 20}, {19, 21}, {22, 23}, {22, 24}};
    for (size_t i = 0; i < sizeof bonds / sizeof *bonds; i++)
        fixture_bond(top, bonds[i][0], bonds[i][1]);
}
