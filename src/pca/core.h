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
    /* Writes one frame into rows (kernels.h), which are zero; align_row is NULL where
     * the fit uses the analysed atoms. 1: a frame; 0: the end; -1: an error. The same
     * frames come after each rewind. */
    int (*next)(void *context, float *row, float *align_row, double *ret_time_ps,
                uint64_t *ret_frame_index, struct asim_error *err);
    /* NULL, or replaces frame_bound by the exact number, at the cost of a pass. */
    int (*count)(void *context, size_t *ret_count, struct asim_error *err);
};

/* Fills everything of `ret_pca` but names and atom indices. Tests its input: at least 2
 * frames, atoms that can be superposed. */
int asim_pca_analyse(const struct asim_frame_source *source,
                     const struct asim_pca_options *options, struct asim_log *log,
                     struct asim_pca *ret_pca, struct asim_error *err);

#endif
