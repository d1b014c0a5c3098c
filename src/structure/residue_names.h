/*
 * What residue names mean: the names by which force fields call amino acids,
 * nucleotides, water and ions.
 */
#ifndef STRUCTURE_RESIDUE_NAMES_H
#define STRUCTURE_RESIDUE_NAMES_H

#include <stdbool.h>

enum asim_residue_kind {
    ASIM_RESIDUE_PROTEIN,
    ASIM_RESIDUE_NUCLEIC,
    ASIM_RESIDUE_WATER,
    ASIM_RESIDUE_ION,
};

/* Case matters, as in the files. */
bool asim_residue_is(enum asim_residue_kind kind, const char *name);

#endif
