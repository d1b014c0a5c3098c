/* What the topology and a structure file say about the atoms of the fit. */
#ifndef PCA_REFERENCE_H
#define PCA_REFERENCE_H

#include <autosim/pbc.h>
#include <autosim/pca.h>

/* "mean", "first", "file"; NULL for a number that is none. */
const char *asim_reference_name(enum asim_reference reference);

/* Masses of the atoms; ASIM_EINPUT where the topology has none or one is not above 0.
 * free() them. */
int asim_masses_of(const struct asim_topology *top, const struct asim_atom_list *atoms,
                   double **ret_masses, struct asim_error *err);

/*
 * [count][3] nm of the atoms, from the first frame of a file that holds the whole
 * system (made whole along bonds unless `pbc` is none) or these atoms alone, in their
 * order (taken as they are). Where the file has names, those of the atoms must be the
 * topology's. free() them.
 */
int asim_reference_read(const char *path, const struct asim_topology *top,
                        enum asim_pbc_mode pbc, const struct asim_atom_list *atoms,
                        double **ret_reference_nm, struct asim_error *err);

/* Before the first frame: molecules lie relative to each other as the analysis had
 * them, whichever frame comes first. */
int asim_pca_arrange(const struct asim_pca *pca, struct asim_whole *whole,
                     struct asim_error *err);

#endif
