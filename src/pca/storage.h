/* Where the results that grow with the number of frames live: times, frame numbers and
 * projections, on the heap or in a mapped file. */
#ifndef PCA_STORAGE_H
#define PCA_STORAGE_H

#include <stdbool.h>

#include <autosim/pca.h>

enum { ASIM_RELEASE_FRAMES = 1 << 16 }; /* between two calls of release */

/* Room for `frames` frames and `components` components; time_ps, frame_indices and
 * projections_nm are set, and are zeros. `folder`: see asim_spill_create. */
int asim_pca_storage_create(struct asim_pca *pca, size_t frames, size_t components,
                            bool spilled, const char *folder, struct asim_error *err);
void asim_pca_storage_finish(struct asim_pca *pca);
/* What was touched leaves memory, where it is in a file. */
void asim_pca_storage_release(const struct asim_pca *pca);
/* Bytes for so many frames and components. */
uint64_t asim_pca_storage_bytes(uint64_t frames, uint64_t components);

#endif
