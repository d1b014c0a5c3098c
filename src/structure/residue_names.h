/*
 * What residue names mean: the names by which force fields call amino acids,
 * nucleotides, water and ions, and names that a user adds to them.
 */
#ifndef STRUCTURE_RESIDUE_NAMES_H
#define STRUCTURE_RESIDUE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum asim_residue_kind {
    ASIM_RESIDUE_PROTEIN,
    ASIM_RESIDUE_NUCLEIC,
    ASIM_RESIDUE_WATER,
    ASIM_RESIDUE_ION,
    ASIM_RESIDUE_OTHER, /* none of these: takes a name out of the lists */
};

/* By the lists of the library. Case matters, as in the files. */
bool asim_residue_is(enum asim_residue_kind kind, const char *name);

/* Names of a user's own; zero-initialised: none. */
struct asim_residue_lists {
    char *text; /* owned; names point into it */
    struct asim_residue_entry {
        const char *name;
        enum asim_residue_kind kind;
    } * entries; /* ascending by name, each once */
    size_t count, capacity;
};

/*
 * Reads "protein:ABC,DEF;water:TIP7", kinds apart by ';' or blanks, or else the file of
 * this path in the format of GROMACS' residuetypes.dat: a name and Protein, DNA, RNA,
 * Nucleic, Water, Ion or Other on each line; lines of further types are passed over. A
 * name given twice with different kinds is ASIM_EINPUT. NULL or "" gives no names.
 */
int asim_residue_lists_read(const char *text, struct asim_residue_lists *ret_lists,
                            struct asim_error *err);
/* A file's content; `path` is for messages. */
int asim_residue_lists_parse(const char *data, size_t size, const char *path,
                             struct asim_residue_lists *ret_lists,
                             struct asim_error *err);
void asim_residue_lists_finish(struct asim_residue_lists *lists);

/* A name in `lists` is of the kind given there and of no other. */
bool asim_residue_listed(const struct asim_residue_lists *lists,
                         enum asim_residue_kind kind, const char *name);

#endif
