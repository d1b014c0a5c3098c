/* Building a topology atom by atom. Invariant: atom_count of top is what was asked for;
 * `added` of them are filled. */
#include "formats/topology_builder.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

int asim_topology_builder_init(struct asim_topology_builder *builder, size_t atom_count,
                               struct asim_error *err)
{
    struct asim_topology *top = &builder->top;
    *builder = (struct asim_topology_builder){0};
    top->atom_count = atom_count;
    top->molecule_count = 1;
    top->name = asim_alloc_array(atom_count, sizeof *top->name, err);
    top->type = asim_alloc_array(atom_count, sizeof *top->type, err);
    top->residue = asim_alloc_array(atom_count, sizeof *top->residue, err);
    top->molecule = asim_alloc_array(atom_count, sizeof *top->molecule, err);
    top->atomic_number = asim_alloc_array(atom_count, sizeof *top->atomic_number, err);
    if (!top->name || !top->type || !top->residue || !top->molecule ||
        !top->atomic_number || asim_string_table_init(&builder->names, err) < 0) {
        asim_topology_builder_finish(builder);
        return -1;
    }
    return 0;
}

void asim_topology_builder_finish(struct asim_topology_builder *builder)
{
    asim_topology_finish(&builder->top);
    asim_string_table_finish(&builder->names);
}

int asim_topology_builder_add(struct asim_topology_builder *builder,
                              const struct asim_residue *residue, bool new_residue,
                              struct asim_error *err)
{
    struct asim_topology *top = &builder->top;
    const struct asim_residue *last =
        top->residue_count ? &top->residues[top->residue_count - 1] : NULL;
    if (new_residue || !last || last->resnum != residue->resnum ||
        last->name != residue->name || last->segment != residue->segment ||
        last->chain != residue->chain ||
        last->insertion_code != residue->insertion_code) {
        if (asim_grow(&top->residues, &builder->residue_capacity,
                      top->residue_count + 1, sizeof *top->residues, err) < 0)
            return -1;
        struct asim_residue *added = &top->residues[top->residue_count++];
        *added = *residue;
        added->first_atom = builder->added;
        added->atom_count = 0;
    }
    top->residue[builder->added++] = (uint32_t)(top->residue_count - 1);
    top->residues[top->residue_count - 1].atom_count++;
    return 0;
}

void asim_topology_builder_take(struct asim_topology_builder *builder,
                                struct asim_topology *ret_top)
{
    struct asim_topology *top = &builder->top;
    top->strings = asim_string_table_take(&builder->names, &top->string_count);
    *ret_top = *top;
    *top = (struct asim_topology){0};
}

int asim_topology_of_atoms(size_t atom_count, struct asim_topology *ret_top,
                           struct asim_error *err)
{
    static const struct asim_residue unknown = {
        .resid = 1, .resnum = 1, .insertion_code = ' '};
    struct asim_topology_builder builder;
    if (atom_count == 0)
        return asim_fail(err, ASIM_EINPUT, "a topology of no atoms");
    if (asim_topology_builder_init(&builder, atom_count, err) < 0)
        return -1;
    for (size_t i = 0; i < atom_count; i++)
        if (asim_topology_builder_add(&builder, &unknown, false, err) < 0) {
            asim_topology_builder_finish(&builder);
            return -1;
        }
    asim_topology_builder_take(&builder, ret_top);
    return 0;
}
