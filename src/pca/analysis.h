/* The state of one analysis, shared by its stages: passes.c (frames, fits, reference),
 * solve.c (components), core.c (the whole). */
#ifndef PCA_ANALYSIS_H
#define PCA_ANALYSIS_H

#include "pca/core.h"
#include "pca/plan.h"

struct asim_analysis {
    const struct asim_frame_source *source;
    const struct asim_layout *layout;
    const struct asim_pca_options *options;
    struct asim_log *log;
    struct asim_plan plan;
    struct asim_pca pca; /* under construction */
    int threads;
    struct asim_block *blocks; /* all of them, or the one that is refilled */
    size_t block_count, block_capacity;
    size_t block_used; /* that hold frames */
    struct asim_target target;
    double *sum;       /* [row width] */
    double *align_sum; /* [align width]; the same array as sum where layout->same */
    double *mean;      /* [row width] */
    float *scales;     /* [row width] of deviations; NULL: all 1 */
    double square_sum; /* of all deviations */
    double force_error_sum; /* of w^2 over the frames sampled for it */
    size_t force_error_count;
    bool frames_known; /* a whole pass has been made */
    bool target_known;
    int pass;          /* over the source, from 1 */
    double pass_start; /* monotonic seconds */
    double last_said;  /* when the log heard of memory and frames */
};

/* More blocks, empty, for so many frames. */
int asim_analysis_new_blocks(struct asim_analysis *an, size_t frame_count,
                             struct asim_error *err);
/* All frames into blocks; the reference is the first frame. */
int asim_analysis_read_all(struct asim_analysis *an, struct asim_error *err);

/* What a streaming pass does with each block; `first` counts the frames before it. */
typedef int (*asim_block_fn)(struct asim_analysis *an, struct asim_block *block,
                             size_t first, void *context, struct asim_error *err);
int asim_analysis_stream_pass(struct asim_analysis *an, asim_block_fn visit,
                              void *context, struct asim_error *err);

/* Fits a block to the settled reference and turns it into deviations. */
int asim_analysis_deviate_block(struct asim_analysis *an, struct asim_block *block,
                                size_t first, double *square_sum,
                                struct asim_error *err);

int asim_analysis_require_frames(const struct asim_analysis *an,
                                 struct asim_error *err);

/* Fits and moves the reference to the mean until it stays; leaves the fits of the last
 * pass and the mean of the analysed atoms under them. */
int asim_analysis_settle_reference(struct asim_analysis *an, struct asim_error *err);

/* Adds w^2 (turning.h) along PC1 of those frames of a block of deviations that
 * belong to the sample; `first` counts the frames before it. */
void asim_analysis_sample_force(struct asim_analysis *an,
                                const struct asim_block *block, size_t first);

/* Eigenvalues (not yet divided by frames - 1), vectors, projections and RMSIP. */
int asim_analysis_solve(struct asim_analysis *an, struct asim_error *err);

#endif
