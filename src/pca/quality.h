/* How far components can be trusted. */
#ifndef PCA_QUALITY_H
#define PCA_QUALITY_H

#include <autosim/pca.h>

/* Why PC1 may not be a usable coordinate, as sentences without a full stop, numbered
 * from 0; false where there are no more. */
bool asim_pca_doubt(const struct asim_pca *pca, size_t index, char *ret_text,
                    size_t size);

/*
 * Cosine content of projection number `component` (from 0) on its mean (Hess 2002,
 * Phys. Rev. E 65, 031910): near 1 where it moves like free diffusion; 0 where it does
 * not move. Frames are taken as equally spaced.
 */
double asim_cosine_content(const double *projection, size_t count, size_t component);

/* The same piece by piece: count and component are set, the rest is zero. */
struct asim_cosine {
    size_t count, component;
    size_t done;
    double sum, square, product, wave;
};
void asim_cosine_add(struct asim_cosine *cosine, const double *projection,
                     size_t count);
double asim_cosine_value(const struct asim_cosine *cosine);

/* Root mean square inner product of two sets of k vectors [k][size] of norm 1 (Amadei,
 * Ceruso, Di Nola 1999): 1 where they span the same space. */
double asim_rmsip(const double *a, const double *b, size_t k, size_t size);

#endif
