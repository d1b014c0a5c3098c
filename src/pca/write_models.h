/* Structures along a component as PDB text. */
#ifndef PCA_WRITE_MODELS_H
#define PCA_WRITE_MODELS_H

#include <autosim/pca.h>

/* `count` models from the smallest to the largest projection that was seen, numbered
 * from 0 like the component; 1: the mean alone, without MODEL records. */
int asim_pca_write_models(const struct asim_pca *pca, const struct asim_topology *top,
                          size_t component, const char *path, int count,
                          struct asim_error *err);

#endif
