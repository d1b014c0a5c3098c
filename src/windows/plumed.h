/*
 * PLUMED input of one window: the harmonic restraint of a principal component, as the
 * files plumed.dat, avg.pdb and vec.pdb.
 */
#ifndef WINDOWS_PLUMED_H
#define WINDOWS_PLUMED_H

#include "windows/bias_method.h"

/*
 * The three texts in that order (each owned by the caller), for component 0 of `pca`.
 * ASIM_EINPUT where fit and analysed atoms differ, or a number does not fit its column:
 * PLUMED would read another one without a word.
 */
int asim_plumed_compose(const struct asim_bias_request *request, char *ret_texts[3],
                        struct asim_error *err);

#endif
