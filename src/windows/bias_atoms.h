/*
 * The atoms a bias acts on: those that are analysed, in their order, and behind them
 * those of the fit that are not among them.
 */
#ifndef WINDOWS_BIAS_ATOMS_H
#define WINDOWS_BIAS_ATOMS_H

#include <autosim/pca.h>

struct asim_bias_atoms {
    size_t count;
    uint32_t *index;   /* [count] in the system */
    size_t *fit_place; /* [align_count] where each atom of the fit is in `index` */
};

void asim_bias_atoms_finish(struct asim_bias_atoms *atoms);
int asim_bias_atoms_init(const struct asim_pca *pca, struct asim_bias_atoms *ret_atoms,
                         struct asim_error *err);

#endif
