/*
 * A topology: what each atom is, which residues and molecules it belongs to, and which
 * atoms are bonded. Read from a TPR (everything), a PSF (all but elements), a PDB
 * (names, residues, elements, some bonds) or a GRO (names and residues only).
 *
 * Atoms and residues are numbered from 0 in file order. Names are interned: an atom
 * holds an index into `strings`, so that a comparison is one integer comparison.
 */
#ifndef AUTOSIM_TOPOLOGY_H
#define AUTOSIM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <autosim/error.h>

struct asim_residue {
    uint32_t name;       /* string index */
    int32_t resid;       /* what `resid` selects: numbered through the system, from 1 */
    int32_t resnum;      /* the number the file gives, e.g. the PDB's */
    char insertion_code; /* ' ': none */
    uint32_t segment;    /* string index; "" where the file has none */
    uint32_t chain;      /* string index; "" where the file has none */
    size_t first_atom;
    size_t atom_count;
};

struct asim_topology {
    size_t atom_count;
    size_t residue_count;
    size_t molecule_count;
    size_t bond_count;
    size_t string_count;
    uint32_t *name;         /* [atom_count] string index */
    uint32_t *type;         /* [atom_count] string index of the force-field type */
    uint32_t *residue;      /* [atom_count] residue index */
    uint32_t *molecule;     /* [atom_count] molecule index, ascending */
    uint8_t *atomic_number; /* [atom_count] 0: unknown */
    float *mass_amu;        /* [atom_count], or NULL where the file has none */
    float *charge_e;        /* [atom_count], or NULL where the file has none */
    /* Of a PDB; each [atom_count], or NULL where no atom has one. Numbers as they stand
     * in the file, NAN where there is none; ' ': no location. */
    float *occupancy, *bfactor;
    char *altloc;
    int32_t *serial; /* [atom_count] the file's own numbers (INT32_MIN: unreadable),
                        or NULL where they only count the atoms */
    struct asim_residue *residues; /* [residue_count] */
    uint32_t (*bonds)[2]; /* [bond_count], or NULL; constraints count as bonds */
    char **strings;       /* [string_count]; strings[0] is "" */
    size_t written_count; /* TPR: the atoms that its compressed-x-grps put into .xtc */
    uint32_t *written;    /* [written_count] files, ascending; NULL: all of them */
    bool has_bonds;       /* the file says what is bonded (even if nothing is); false
                             with bonds: it lists only some, as most PDB files do */
    size_t altloc_dropped_count; /* PDB: records at further alternate locations */
    char *note; /* what was left out or may be missing, for people; or NULL */
};

ASIM_API void asim_topology_finish(struct asim_topology *top);

/* Whether the file is a topology that can be read: *ret_format is "TPR", "GRO", "PDB",
 * "PSF", or NULL where its first bytes are of none of these. ASIM_EIO where the file
 * cannot be read. */
ASIM_API int asim_topology_recognise(const char *path, const char **ret_format,
                                     struct asim_error *err);

/* Reads any known topology file; the format is recognised by content. */
ASIM_API int asim_topology_read(const char *path, struct asim_topology *ret_top,
                                struct asim_error *err);

/* Atoms of which nothing is known but their number: nothing can be selected by name,
 * and nothing is made whole. */
ASIM_API int asim_topology_of_atoms(size_t atom_count, struct asim_topology *ret_top,
                                    struct asim_error *err);

ASIM_API const char *asim_topology_atom_name(const struct asim_topology *top, size_t i);
ASIM_API const char *asim_topology_residue_name(const struct asim_topology *top,
                                                size_t i);

#endif
