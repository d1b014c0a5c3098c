/* The analysis itself, on frames from anywhere. */
#ifndef PCA_CORE_H
#define PCA_CORE_H

#include <autosim/pca.h>

#include "pca/frames.h"

/* Where frames come from: a trajectory file, or an array. */
struct asim_frame_source {
    void *context;
    const struct asim_layout *layout;
    size_t frame_bound; /* never more frames than this */
    int (*rewind)(void *context, struct asim_error *err);
    /* Writes the next frames, at most `count`, into rows (kernels.h) that follow each
     * other; `align_rows` is NULL where the fit uses the analysed atoms. What stands
     * behind the last atom of a row is left alone. *ret_count is below `count` only at
     * the end. The same frames come after each rewind. */
    int (*read)(void *context, size_t count, int thread_count, float *rows,
                float *align_rows, double *times_ps, uint64_t *frame_indices,
                size_t *ret_count, struct asim_error *err);
    /* NULL, or replaces frame_bound by the exact number, at the cost of a pass. */
    int (*count)(void *context, size_t *ret_count, struct asim_error *err);
    const double *fit_weights;  /* [align_count] above 0; NULL: all 1 */
    const double *pca_weights;  /* [atom_count] above 0; NULL: all 1 */
    const double *reference_nm; /* [align_count][3]; for ASIM_REFERENCE_FILE */
};

/* Fills everything of `ret_pca` but names and atom indices. Tests its input: at least 2
 * frames, atoms that can be superposed. */
int asim_pca_analyse(const struct asim_frame_source *source,
                     const struct asim_pca_options *options, struct asim_log *log,
                     struct asim_pca *ret_pca, struct asim_error *err);

#endif
