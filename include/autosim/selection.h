/*
 * The selection language: what users of MDAnalysis type, and groups of .ndx files.
 * doc: docs/selection.md.
 */
#ifndef AUTOSIM_SELECTION_H
#define AUTOSIM_SELECTION_H

#include <autosim/topology.h>
#include <autosim/trajectory.h>

/* A list of atoms, 0-based; owned. Zero-initialised is empty. */
struct asim_atom_list {
    size_t count;
    uint32_t *index;
};

ASIM_API void asim_atom_list_finish(struct asim_atom_list *list);

/*
 * What a selection may draw on besides the topology. Zero-initialised: nothing. All of
 * it is borrowed for the call.
 *
 * Positions (around, within, prop x ...) are those of one frame, so that the atoms are
 * the same in all of them: `frame`, or else the first frame of `traj`, which is read
 * only where the text asks for positions and leaves `traj` at its start. They are taken
 * as they are, with periodic boundaries.
 */
struct asim_selection_context {
    const char *ndx_path; /* of group "X" */
    const char *residues; /* names of residues beyond the lists of the library:
                             "protein:ABC,DEF;water:TIP7", or the path of a file of
                             GROMACS' format residuetypes.dat */
    const struct asim_frame *frame;
    struct asim_trajectory *traj;
};

/*
 * Atoms of `text`, ascending and without repeats; `group "X"` alone keeps the order of
 * the .ndx file. `context` may be NULL. ASIM_EINPUT with a caret under the offending
 * token for a text that cannot be read or can be read in two ways, and where nothing is
 * selected, with the count of each clause.
 */
ASIM_API int asim_selection_evaluate(const struct asim_topology *top, const char *text,
                                     const struct asim_selection_context *context,
                                     struct asim_atom_list *ret_list,
                                     struct asim_error *err);

/*
 * The atoms whose motion is analysed when the user names none: the alpha carbons where
 * there are at least 10; else the heavy atoms of protein and nucleic acid where there
 * are at least 3; else every heavy atom that is not water or a lone ion. `ret_text`
 * receives the selection it stands for, for the log. `context` may be NULL.
 */
ASIM_API int asim_selection_default(const struct asim_topology *top,
                                    const struct asim_selection_context *context,
                                    struct asim_atom_list *ret_list, char *ret_text,
                                    size_t text_size, struct asim_error *err);

/*
 * Atoms named CA are alpha carbons or calcium ions. True where `list` holds both, which
 * is rarely meant; `ret_why` says so in a sentence, for a warning.
 */
ASIM_API bool asim_selection_calcium(const struct asim_topology *top,
                                     const struct asim_atom_list *list, char *ret_why,
                                     size_t why_size);

#endif
