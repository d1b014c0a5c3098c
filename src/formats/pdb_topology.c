/*
 * Topologies from PDB files.
 * Invariant: a topology that is handed out is complete; what PDB does not know (masses,
 * charges) is left absent, and what was guessed or left out is said in `note`.
 */
#include "formats/pdb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/element.h"
#include "formats/molecules.h"
#include "formats/pdb_bonds.h"
#include "formats/pdb_text.h"
#include "formats/sniff.h"
#include "formats/topology_builder.h"

enum {
    WRAP = 10000,     /* four columns hold 0 to 9999 */
    WRAP_FALL = 5000, /* a number that falls by more starts anew, as in MDAnalysis */
};

/* What holds for all atoms of the model, known before the first is built. */
struct model_traits {
    const uint8_t *kept;
    bool has_segments, names_aligned;
};

/* Walks atom records: 1 one is in *ret_atom, 0 no more, -1 an error. */
struct atom_walk {
    const struct asim_byte_source *source;
    const char *p, *end;
    const uint8_t *kept;
    size_t record; /* counted from 1 */
    bool after_ter;
};

static int next_atom(struct atom_walk *walk, struct asim_pdb_atom *ret_atom,
                     struct asim_error *err)
{
    struct asim_pdb_line line;
    char what[ASIM_PDB_WHAT];
    while (asim_pdb_take_line(&walk->p, walk->end, true, &line)) {
        enum asim_pdb_record record = asim_pdb_record_of(line);
        walk->after_ter = walk->after_ter || record == ASIM_PDB_TER;
        if (record != ASIM_PDB_ATOM)
            continue;
        walk->record++;
        if (walk->kept && !walk->kept[walk->record - 1])
            continue;
        if (asim_pdb_parse_atom(line, ret_atom, what) < 0)
            return asim_fail(err, ASIM_EINPUT, "'%s', atom record %zu: %s",
                             walk->source->name, walk->record, what);
        return 1;
    }
    return 0;
}

static int find_traits(struct atom_walk walk, struct model_traits *traits,
                       struct asim_error *err)
{
    struct asim_pdb_atom atom;
    int got;
    while ((got = next_atom(&walk, &atom, err)) == 1) {
        char second = atom.columns[13];
        traits->has_segments = traits->has_segments || atom.segment_length > 0;
        traits->names_aligned =
            traits->names_aligned || (atom.columns[12] == ' ' && second != ' ');
    }
    return got;
}

/* The number counted on where four columns start anew. */
static int32_t count_on(const struct asim_topology *top,
                        const struct asim_residue *next)
{
    const struct asim_residue *last =
        top->residue_count ? &top->residues[top->residue_count - 1] : NULL;
    if (!last || last->chain != next->chain || last->segment != next->segment)
        return next->resnum;
    int64_t resid = next->resnum, lowest = (int64_t)last->resid - WRAP_FALL;
    if (resid < lowest)
        resid += (lowest - resid + WRAP - 1) / WRAP * WRAP;
    return resid > INT32_MAX ? next->resnum : (int32_t)resid;
}

static int add_atom(struct asim_topology_builder *builder,
                    const struct model_traits *traits, const struct asim_pdb_atom *atom,
                    bool after_ter, struct asim_error *err)
{
    struct asim_topology *top = &builder->top;
    struct asim_string_table *names = &builder->names;
    size_t i = builder->added;
    struct asim_residue residue = {.resnum = atom->resnum,
                                   .insertion_code = atom->insertion_code};
    size_t chain_length = atom->chain != ' ';
    if (asim_string_table_add(names, atom->name, atom->name_length, &top->name[i],
                              err) < 0 ||
        asim_string_table_add(names, atom->residue_name, atom->residue_name_length,
                              &residue.name, err) < 0 ||
        asim_string_table_add(names, &atom->chain, chain_length, &residue.chain, err) <
            0)
        return -1;
    residue.segment = residue.chain;
    if (traits->has_segments &&
        asim_string_table_add(names, atom->segment, atom->segment_length,
                              &residue.segment, err) < 0)
        return -1;
    uint8_t element = asim_element_number(atom->element, atom->element_length);
    if (!element)
        element =
            asim_element_of_pdb_name(atom->columns + 12, atom->residue_name,
                                     atom->residue_name_length, traits->names_aligned);
    const char *type =
        atom->element_length ? atom->element : asim_element_name(element);
    size_t type_length = atom->element_length ? atom->element_length : strlen(type);
    if (asim_string_table_add(names, type, type_length, &top->type[i], err) < 0)
        return -1;
    top->atomic_number[i] = element;
    top->occupancy[i] = atom->occupancy;
    top->bfactor[i] = atom->bfactor;
    top->altloc[i] = atom->altloc;
    top->serial[i] = atom->has_serial ? atom->serial : INT32_MIN;
    residue.resid = count_on(top, &residue);
    return asim_topology_builder_add(builder, &residue, after_ter, err);
}

static int make_columns(struct asim_topology *top, struct asim_error *err)
{
    top->occupancy = asim_alloc_array(top->atom_count, sizeof *top->occupancy, err);
    if (top->occupancy)
        top->bfactor = asim_alloc_array(top->atom_count, sizeof *top->bfactor, err);
    if (top->bfactor)
        top->altloc = asim_alloc_array(top->atom_count, sizeof *top->altloc, err);
    return top->altloc ? 0 : -1;
}

/* Columns that no atom has are none. */
static void drop_empty_columns(struct asim_topology *top)
{
    bool occupancy = false, bfactor = false, altloc = false;
    for (size_t i = 0; i < top->atom_count; i++) {
        occupancy = occupancy || !isnan(top->occupancy[i]);
        bfactor = bfactor || !isnan(top->bfactor[i]);
        altloc = altloc || top->altloc[i] != ' ';
    }
    if (!occupancy)
        free(top->occupancy);
    if (!bfactor)
        free(top->bfactor);
    if (!altloc)
        free(top->altloc);
    top->occupancy = occupancy ? top->occupancy : NULL;
    top->bfactor = bfactor ? top->bfactor : NULL;
    top->altloc = altloc ? top->altloc : NULL;
}

static int build(const struct asim_byte_source *source,
                 const struct asim_pdb_model *model, const struct model_traits *traits,
                 struct asim_topology_builder *builder, struct asim_error *err)
{
    struct atom_walk walk = {.source = source,
                             .p = model->start,
                             .end = model->start + model->size,
                             .kept = traits->kept};
    struct model_traits all = *traits;
    struct asim_pdb_atom atom;
    int got;
    builder->top.serial =
        asim_alloc_array(builder->top.atom_count, sizeof *builder->top.serial, err);
    if (!builder->top.serial || make_columns(&builder->top, err) < 0 ||
        find_traits(walk, &all, err) < 0)
        return -1;
    while ((got = next_atom(&walk, &atom, err)) == 1) {
        if (add_atom(builder, &all, &atom, walk.after_ter, err) < 0)
            return -1;
        walk.after_ter = false;
    }
    drop_empty_columns(&builder->top);
    return got;
}

/* Sentences about what the topology does not show by itself. */
static int write_note(struct asim_topology *top, bool closed, bool serials_repeat,
                      struct asim_error *err)
{
    char dropped[120] = "";
    if (top->altloc_dropped_count == 0 && closed && !serials_repeat)
        return 0;
    if (top->altloc_dropped_count > 0)
        snprintf(dropped, sizeof dropped,
                 "%zu atom records at further alternate locations were left out; ",
                 top->altloc_dropped_count);
    top->note = asim_format(err, "%s%s%s", dropped,
                            serials_repeat ? "CONECT records were not used, because "
                                             "serial numbers repeat; "
                                           : "",
                            closed ? ""
                                   : "no END or ENDMDL record follows the atoms, so "
                                     "the file may be cut; ");
    if (!top->note)
        return -1;
    top->note[strlen(top->note) - 2] = '\0';
    return 0;
}

static int read_source(const struct asim_byte_source *source,
                       struct asim_topology *ret_top, struct asim_error *err)
{
    struct asim_byte_window window = {0};
    struct asim_topology_builder builder = {0};
    struct asim_pdb_model model;
    enum asim_pdb_scan scan;
    struct model_traits traits = {0};
    uint8_t *kept = NULL;
    size_t kept_count;
    bool serials_repeat = false;
    int rc = -1;
    if (asim_pdb_load_model(source, &window, 0, 0, &model, &scan, err) < 0)
        goto out;
    if (scan != ASIM_PDB_WHOLE || model.atom_count == 0 ||
        model.atom_count >= UINT32_MAX) {
        const char *looks_like =
            asim_sniff(window.data,
                       window.size < ASIM_SNIFF_BYTES ? window.size : ASIM_SNIFF_BYTES);
        asim_fail(err, ASIM_EINPUT,
                  "'%s' has no ATOM or HETATM records in its first model; it looks "
                  "like %s",
                  source->name, looks_like ? looks_like : "no format known here");
        goto out;
    }
    if (asim_pdb_choose_locations(&model, &kept, &kept_count, err) < 0 ||
        asim_topology_builder_init(&builder, kept_count, err) < 0)
        goto out;
    traits.kept = kept;
    if (build(source, &model, &traits, &builder, err) < 0)
        goto out;
    struct asim_topology top;
    asim_topology_builder_take(&builder, &top);
    builder.top = top; /* so that it is freed below unless handed out */
    builder.top.altloc_dropped_count = model.atom_count - kept_count;
    if (asim_pdb_read_bonds(source, &window, &builder.top, &serials_repeat, err) < 0 ||
        (builder.top.has_bonds && asim_molecules_from_bonds(&builder.top, err) < 0) ||
        write_note(&builder.top, model.closed, serials_repeat, err) < 0)
        goto out;
    *ret_top = builder.top;
    builder.top = (struct asim_topology){0};
    rc = 0;
out:
    free(kept);
    asim_topology_builder_finish(&builder);
    asim_byte_window_finish(&window);
    return rc;
}

int asim_pdb_parse_topology(const void *data, size_t size, const char *name,
                            struct asim_topology *ret_top, struct asim_error *err)
{
    struct asim_byte_source source;
    asim_byte_source_from_memory(data, size, name, &source);
    return read_source(&source, ret_top, err);
}

int asim_pdb_read_topology(const char *path, struct asim_topology *ret_top,
                           struct asim_error *err)
{
    struct asim_byte_source source;
    if (asim_byte_source_open(path, &source, err) < 0)
        return -1;
    int rc = read_source(&source, ret_top, err);
    asim_byte_source_close(&source);
    return rc;
}
