/*
 * Blocks of frames: coordinates of the chosen atoms, fitted to a reference, then turned
 * into deviations from the mean.
 *
 * Life of a row: raw coordinates as a structure of arrays (kernels.h), exactly the
 * file's floats; after asim_blocks_deviate the superposed deviation from the mean,
 * plain: x0 x1 .. y0 y1 .. z0 z1 .., rounded to float once, zeros behind. Work is cut
 * into groups of 16 frames whose partial sums are added in frame order: results do not
 * depend on thread count, nor on how many blocks are passed at a time.
 */
#ifndef PCA_FRAMES_H
#define PCA_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/spill.h"
#include "pca/kernels.h"

enum { ASIM_BLOCK_FRAMES = 256, ASIM_GROUP_FRAMES = 16, ASIM_WAVE_BLOCKS = 16 };

/* How rows look. */
struct asim_layout {
    size_t atom_count, padded;        /* analysed atoms; rounded up to 16 */
    size_t align_count, align_padded; /* atoms of the fit */
    bool same;                        /* the fit uses the analysed atoms */
    const struct asim_kernels *kernels;
};

struct asim_layout asim_layout_make(size_t atom_count, size_t align_count, bool same);
/* Floats of a row of analysed, of fit atoms. */
size_t asim_row_width(const struct asim_layout *layout);
size_t asim_align_width(const struct asim_layout *layout);

struct asim_block {
    size_t count, capacity;             /* frames */
    bool borrowed;                      /* the memory is that of a block in front */
    bool spilled;                       /* rows are in a file */
    struct asim_spill file, align_file; /* of the first of them */
    float *rows;                        /* [capacity][row width], 64-byte aligned */
    float *align_rows;     /* [capacity][align width]; NULL where layout.same */
    struct asim_fit *fits; /* [capacity] */
};

/* Blocks for `frame_count` frames, the last one shorter, in one piece of memory that
 * the first one owns, or in a file in `folder` where `spilled`. Their contents are not
 * initialised. */
int asim_blocks_init(const struct asim_layout *layout, size_t frame_count, bool spilled,
                     const char *folder, struct asim_block *ret_blocks,
                     struct asim_error *err);
/* The rows leave memory, where they are in a file. */
void asim_block_release(const struct asim_layout *layout,
                        const struct asim_block *block);
void asim_block_finish(struct asim_block *block);
/* What stands behind the last atom of each row becomes zero, as every sum needs it. */
void asim_block_clear_padding(const struct asim_layout *layout,
                              struct asim_block *block);
const float *asim_block_align_row(const struct asim_layout *layout,
                                  const struct asim_block *block, size_t row);

/* What frames are superposed on, with the weights of the fit. */
struct asim_target {
    double *atoms;     /* [align width], weighted centre at 0, zeros behind */
    double *weighted;  /* [align width] weight times atoms */
    double *weights;   /* [align_padded], zeros behind the last atom */
    double weight_sum; /* of all atoms of the fit */
};

/* `weights` [align_count], above 0, or NULL: all 1. The structure is all zeros. */
int asim_target_init(const struct asim_layout *layout, const double *weights,
                     struct asim_target *ret_target, struct asim_error *err);
void asim_target_finish(struct asim_target *target);
/* Takes the structure from `x` [align width] and moves its centre to 0. */
void asim_target_set(const struct asim_layout *layout, const double *x,
                     struct asim_target *target);
/* ASIM_EINPUT where the atoms of the structure are on a line. */
int asim_target_check(const struct asim_layout *layout,
                      const struct asim_target *target, struct asim_error *err);

/* The order in which blocks are gone through, which changes no result: every other pass
 * backwards finds in the caches what the one before left there. */
enum asim_direction { ASIM_FORWARDS, ASIM_BACKWARDS };

/*
 * Fits every frame to the target and adds the superposed coordinates to `sum` [row
 * width] and, where the fit has its own atoms, to `align_sum` [align width].
 * `frame_indices` of these blocks' frames name a frame that cannot be fitted.
 */
int asim_blocks_fit(const struct asim_layout *layout, struct asim_block *blocks,
                    size_t block_count, const struct asim_target *target,
                    const uint64_t *frame_indices, enum asim_direction direction,
                    int thread_count, double *sum, double *align_sum,
                    struct asim_error *err);

/* Rows become plain deviations from `mean` ([row width]), times `scales` [row width]
 * unless NULL; their squares are added to *square_sum. */
int asim_blocks_deviate(const struct asim_layout *layout, struct asim_block *blocks,
                        size_t block_count, const double *mean, const float *scales,
                        int thread_count, double *square_sum, struct asim_error *err);

/* Bytes of a block, and of what asim_blocks_fit needs for a wave of blocks. */
uint64_t asim_block_bytes(const struct asim_layout *layout, uint64_t frames);
uint64_t asim_wave_bytes(const struct asim_layout *layout, uint64_t frames);

#endif
