/* Building a topology atom by atom, for formats that give names and residues so. */
#ifndef FORMATS_TOPOLOGY_BUILDER_H
#define FORMATS_TOPOLOGY_BUILDER_H

#include <autosim/topology.h>

#include "formats/string_table.h"

struct asim_topology_builder {
    struct asim_topology top; /* strings are in `names` until it is taken */
    struct asim_string_table names;
    size_t residue_capacity;
    size_t added; /* atoms so far */
};

/* Allocates the arrays that every topology has, and one molecule. */
int asim_topology_builder_init(struct asim_topology_builder *builder, size_t atom_count,
                               struct asim_error *err);
void asim_topology_builder_finish(struct asim_topology_builder *builder);

/* Adds the next atom to a residue like `residue` (name, resnum, insertion code,
 * segment, chain are compared; resid is its number where a new one is begun). */
int asim_topology_builder_add(struct asim_topology_builder *builder,
                              const struct asim_residue *residue, bool new_residue,
                              struct asim_error *err);

/* Hands the topology over; the builder is empty afterwards. */
void asim_topology_builder_take(struct asim_topology_builder *builder,
                                struct asim_topology *ret_top);

#endif
