/* The files a finished run leaves: the energies' last frame, the final structure. */
#ifndef ENGINE_FINAL_FILES_H
#define ENGINE_FINAL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum asim_structure_state {
    ASIM_STRUCTURE_WHOLE,
    ASIM_STRUCTURE_MISSING,
    ASIM_STRUCTURE_STALE, /* older than the attempt: of an earlier, shorter run */
    ASIM_STRUCTURE_DAMAGED,
    ASIM_STRUCTURE_OTHER_ATOMS,
    ASIM_STRUCTURE_OVERFLOWN, /* every line is there, but no number fits its field */
};

struct asim_final_files {
    int64_t energy_step;     /* -1: no energies */
    double potential_kj_mol; /* NAN */
    enum asim_structure_state structure;
    /* NULs in bias.xvg: gmx cuts outputs to their length at the checkpoint, keeps no
     * checksum of this one, and cutting a file that is too short lengthens it. */
    bool bias_hole;
};

/* What is damaged is a finding, not an error. */
int asim_final_files_look(const char *folder, int attempt, size_t atom_count,
                          struct asim_final_files *ret_files, struct asim_error *err);

/* "confout.gro is missing", ... */
const char *asim_structure_state_name(enum asim_structure_state state);

#endif
