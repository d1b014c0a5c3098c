/*
 * Bonds of a PDB file.
 * Layout (wwPDB format 3.3): CONECT has serials of five columns from column 7 on, the
 * first bonded to each of the others. Files of format 2 hold hydrogen bonds behind the
 * four columns of bonds, which are then blank in part: reading stops at a blank one.
 * Memory is proportional to the atoms and records; time to that and one sort.
 */
#include "formats/pdb_bonds.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/pdb_text.h"

enum { CHUNK_BYTES = 1 << 20, SERIAL_COLUMNS = 5, MOST_FIELDS = 64 };
#define NO_ATOM UINT32_MAX

struct numbered_atom {
    int32_t serial;
    uint32_t atom;
};

struct bond_list {
    struct numbered_atom *atoms; /* by ascending serial */
    size_t atom_count;
    uint32_t (*bonds)[2];
    size_t count, capacity;
    bool repeated;
};

static int compare_serials(const void *a, const void *b)
{
    const struct numbered_atom *x = a, *y = b;
    return x->serial != y->serial ? (x->serial > y->serial) - (x->serial < y->serial)
                                  : (x->atom > y->atom) - (x->atom < y->atom);
}

static int compare_bonds(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return x[0] != y[0] ? (x[0] > y[0]) - (x[0] < y[0]) : (x[1] > y[1]) - (x[1] < y[1]);
}

static int sort_serials(const struct asim_topology *top, struct bond_list *list,
                        struct asim_error *err)
{
    bool ascending = true;
    list->atoms = asim_alloc_array(top->atom_count, sizeof *list->atoms, err);
    if (!list->atoms)
        return -1;
    for (size_t i = 0; i < top->atom_count; i++) {
        if (top->serial[i] == INT32_MIN)
            continue;
        size_t n = list->atom_count++;
        list->atoms[n] = (struct numbered_atom){top->serial[i], (uint32_t)i};
        ascending = ascending && (n == 0 || list->atoms[n - 1].serial < top->serial[i]);
    }
    if (!ascending)
        qsort(list->atoms, list->atom_count, sizeof *list->atoms, compare_serials);
    return 0;
}

static bool find_atom(struct bond_list *list, int32_t serial, uint32_t *ret_atom)
{
    size_t low = 0, high = list->atom_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->atoms[middle].serial < serial)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == list->atom_count || list->atoms[low].serial != serial)
        return false;
    if (low + 1 < list->atom_count && list->atoms[low + 1].serial == serial)
        list->repeated = true;
    *ret_atom = list->atoms[low].atom;
    return true;
}

static int read_record(struct asim_pdb_line line, struct bond_list *list,
                       struct asim_error *err)
{
    const char *p = line.p + 6;
    uint32_t first = 0;
    bool has_first = false;
    for (int field = 0; field < MOST_FIELDS && p < line.end; field++) {
        char columns[SERIAL_COLUMNS];
        size_t left = (size_t)(line.end - p);
        size_t width = left < SERIAL_COLUMNS ? left : SERIAL_COLUMNS;
        int32_t serial;
        uint32_t atom;
        memset(columns, ' ', sizeof columns);
        memcpy(columns, p, width);
        p += width;
        if (!asim_pdb_hybrid36(columns, SERIAL_COLUMNS, &serial))
            return 0;
        bool found = find_atom(list, serial, &atom);
        if (field == 0) {
            has_first = found;
            if (found)
                first = atom;
        } else if (has_first && found && atom != first) {
            if (asim_grow(&list->bonds, &list->capacity, list->count + 1,
                          sizeof *list->bonds, err) < 0)
                return -1;
            list->bonds[list->count][0] = atom < first ? atom : first;
            list->bonds[list->count][1] = atom < first ? first : atom;
            list->count++;
        }
    }
    return 0;
}

/* Sorts, and takes out what is there twice: each bond stands at both of its atoms. */
static void make_unique(struct bond_list *list)
{
    size_t kept = 0;
    if (list->count == 0)
        return;
    qsort(list->bonds, list->count, sizeof *list->bonds, compare_bonds);
    for (size_t i = 0; i < list->count; i++)
        if (i == 0 || compare_bonds(list->bonds[i], list->bonds[kept - 1]) != 0) {
            memmove(list->bonds[kept], list->bonds[i], sizeof *list->bonds);
            kept++;
        }
    list->count = kept;
}

static int read_records(const struct asim_byte_source *source,
                        struct asim_byte_window *window,
                        const struct asim_topology *top, struct bond_list *list,
                        struct asim_error *err)
{
    uint64_t offset = 0;
    size_t want = CHUNK_BYTES;
    while (offset < source->size) {
        const unsigned char *bytes;
        size_t available;
        if (asim_byte_window_get(window, source, offset, want, 0, &bytes, &available,
                                 err) < 0)
            return -1;
        bool at_end = available < want || offset + available >= source->size;
        const char *start = (const char *)bytes, *p = start, *end = p + available;
        struct asim_pdb_line line;
        while (asim_pdb_take_line(&p, end, at_end, &line)) {
            if (asim_pdb_record_of(line) != ASIM_PDB_CONECT)
                continue;
            if (!list->atoms && sort_serials(top, list, err) < 0)
                return -1;
            if (read_record(line, list, err) < 0)
                return -1;
        }
        if (at_end)
            break;
        /* No line ends in the bytes: more of them are needed. */
        want = p == start ? available * 2 : CHUNK_BYTES;
        offset += (uint64_t)(p - start);
    }
    return 0;
}

static uint32_t find_root(uint32_t *parent, uint32_t atom)
{
    while (parent[atom] != atom) {
        parent[atom] = parent[parent[atom]];
        atom = parent[atom];
    }
    return atom;
}

static bool are_bonded(const struct bond_list *list, uint32_t a, uint32_t b)
{
    uint32_t bond[2] = {a < b ? a : b, a < b ? b : a};
    return bsearch(bond, list->bonds, list->count, sizeof *list->bonds,
                   compare_bonds) != NULL;
}

/* The residue's atom of this name, or NO_ATOM. */
static uint32_t atom_named(const struct asim_topology *top,
                           const struct asim_residue *residue, const char *name)
{
    for (size_t i = residue->first_atom; i < residue->first_atom + residue->atom_count;
         i++)
        if (strcmp(top->strings[top->name[i]], name) == 0)
            return (uint32_t)i;
    return NO_ATOM;
}

/* Residues that follow each other in a chain and have the atoms by which amino acids
 * and nucleotides are linked, but no bond between these. */
static bool lacks_link(const struct asim_topology *top, const struct bond_list *list,
                       const struct asim_residue *first,
                       const struct asim_residue *second)
{
    static const char *const links[][2] = {{"C", "N"}, {"O3'", "P"}, {"O3*", "P"}};
    if (first->chain != second->chain || first->segment != second->segment ||
        second->resnum != first->resnum + 1)
        return false;
    /* Models of alpha carbons alone. */
    if (first->atom_count == 1 && second->atom_count == 1) {
        uint32_t a = (uint32_t)first->first_atom, b = (uint32_t)second->first_atom;
        return strcmp(top->strings[top->name[a]], "CA") == 0 &&
               strcmp(top->strings[first->name], "CA") != 0 && !are_bonded(list, a, b);
    }
    for (size_t k = 0; k < sizeof links / sizeof *links; k++) {
        uint32_t a = atom_named(top, first, links[k][0]);
        uint32_t b = atom_named(top, second, links[k][1]);
        if (a != NO_ATOM && b != NO_ATOM)
            return !are_bonded(list, a, b);
    }
    return false;
}

/* Whether the bonds hold the atoms of every residue together, and those residues that
 * are a chain. */
static int are_complete(const struct asim_topology *top, const struct bond_list *list,
                        bool *ret_complete, struct asim_error *err)
{
    uint32_t *parent = asim_alloc_array(top->atom_count, sizeof *parent, err);
    if (!parent)
        return -1;
    for (size_t i = 0; i < top->atom_count; i++)
        parent[i] = (uint32_t)i;
    size_t apart = top->atom_count;
    for (size_t i = 0; i < list->count; i++) {
        const uint32_t *bond = list->bonds[i];
        if (top->residue[bond[0]] != top->residue[bond[1]])
            continue;
        uint32_t a = find_root(parent, bond[0]), b = find_root(parent, bond[1]);
        if (a != b) {
            parent[b] = a;
            apart--;
        }
    }
    free(parent);
    bool complete = apart == top->residue_count;
    for (size_t r = 1; complete && r < top->residue_count; r++)
        complete = !lacks_link(top, list, &top->residues[r - 1], &top->residues[r]);
    *ret_complete = complete;
    return 0;
}

int asim_pdb_read_bonds(const struct asim_byte_source *source,
                        struct asim_byte_window *window, struct asim_topology *top,
                        bool *ret_repeated, struct asim_error *err)
{
    struct bond_list list = {0};
    bool complete = false;
    int rc = -1;
    if (read_records(source, window, top, &list, err) < 0)
        goto out;
    *ret_repeated = list.repeated;
    if (!list.repeated && list.count > 0) {
        make_unique(&list);
        if (are_complete(top, &list, &complete, err) < 0)
            goto out;
        top->bonds = list.bonds;
        top->bond_count = list.count;
        top->has_bonds = complete;
        list.bonds = NULL;
    }
    rc = 0;
out:
    free(list.atoms);
    free(list.bonds);
    return rc;
}
