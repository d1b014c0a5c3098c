/*
 * The parts of a TPR and how they are walked; shared by the tpr_*.c files only.
 *
 * Facts: GROMACS' own reader (src/gromacs/fileio/tpxio.cpp of each release). Versions
 * are told apart by `file_version`; the newest layout known here is
 * ASIM_TPR_NEWEST_VERSION, and a newer file is tried with it.
 */
#ifndef FORMATS_TPR_LAYOUT_H
#define FORMATS_TPR_LAYOUT_H

#include <autosim/topology.h>

#include "formats/tpr.h"
#include "formats/tpr_reader.h"

#define ASIM_TPR_OLDEST_VERSION 58  /* GROMACS 4.0 */
#define ASIM_TPR_NEWEST_VERSION 139 /* GROMACS 2027 development */

struct asim_tpr_header {
    int file_version;
    int generation;
    size_t atom_count;
    size_t temperature_count; /* reals between box and topology */
    bool has_v, has_f, has_box;
};

struct asim_tpr_atom {
    float mass_amu, charge_e;
    uint32_t name, type; /* symbol indices */
    uint32_t residue;    /* in its molecule type */
    uint8_t atomic_number;
};

struct asim_tpr_residue {
    uint32_t name; /* symbol index */
    int32_t number;
    char insertion_code;
};

struct asim_tpr_bonds {
    size_t count, capacity;
    uint32_t (*pairs)[2]; /* smaller index first; sorted and unique after the walk */
};

struct asim_tpr_molecule_type {
    uint32_t name;
    size_t atom_count, residue_count;
    size_t used_residue_count; /* residues that have atoms */
    struct asim_tpr_atom *atoms;
    struct asim_tpr_residue *residues;
    struct asim_tpr_bonds bonds;
};

struct asim_tpr_molecule_block {
    uint32_t type;
    size_t molecule_count;
};

/* The topology as the file has it: molecule types, and how many of each. */
struct asim_tpr_system {
    size_t atom_count;
    size_t symbol_count;
    struct asim_tpr_symbol {
        const char *text; /* in the file's bytes */
        size_t length;
    } * symbols;
    size_t type_count;
    struct asim_tpr_molecule_type *types;
    size_t block_count;
    struct asim_tpr_molecule_block *blocks;
    struct asim_tpr_bonds bonds; /* between molecules; indices of the whole system */
    size_t written_count;        /* the atoms of its compressed trajectories, */
    uint32_t *written;           /* ascending; NULL: all */
};

void asim_tpr_system_finish(struct asim_tpr_system *system);

/* Fills in versions, precision, flags and their offsets; switches the reader to the
 * body's encoding and end. */
void asim_tpr_walk_header(struct asim_tpr_reader *reader, struct asim_tpr *tpr,
                          struct asim_tpr_header *ret_header);
/* The topology. `system` is to be finished by the caller, also after a failure. */
void asim_tpr_walk_system(struct asim_tpr_reader *reader, size_t atom_count,
                          struct asim_tpr_system *system);
/* Force-field parameters of the interaction types. */
void asim_tpr_walk_parameters(struct asim_tpr_reader *reader);
/* Interaction lists of a molecule type or between molecules; bonds are added. */
void asim_tpr_walk_interactions(struct asim_tpr_reader *reader, size_t atom_count,
                                struct asim_tpr_bonds *bonds);
/* Run parameters; sets nsteps, dt, temperatures, seed, integrator and their offsets. */
void asim_tpr_walk_run_parameters(struct asim_tpr_reader *reader, struct asim_tpr *tpr);

/* Parts of the run parameters that are there only where a feature is used. */
void asim_tpr_walk_pull(struct asim_tpr_reader *reader, struct asim_tpr *tpr);
void asim_tpr_walk_awh(struct asim_tpr_reader *reader);
void asim_tpr_walk_rotation(struct asim_tpr_reader *reader);
void asim_tpr_walk_swap(struct asim_tpr_reader *reader);
void asim_tpr_walk_key_values(struct asim_tpr_reader *reader);
/* One value of such a tree, from its tag on. */
void asim_tpr_walk_value(struct asim_tpr_reader *reader);

/* The topology with every molecule spelled out. */
int asim_tpr_expand(const struct asim_tpr_system *system, struct asim_topology *ret_top,
                    struct asim_error *err);

/* Whether the flag at offset.continuation is set; of a TPR that was parsed. */
bool asim_tpr_continuation(const void *data, const struct asim_tpr *tpr);

#endif
