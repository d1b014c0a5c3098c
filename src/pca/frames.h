/*
 * Blocks of frames: coordinates of the chosen atoms, fitted to a reference, then turned
 * into deviations from the mean.
 *
 * Life of a row: raw coordinates as a structure of arrays (kernels.h), exactly the
 * file's floats; after asim_blocks_deviate the superposed deviation x0 y0 z0 x1 .. from
 * the mean, rounded to float once, zeros behind. Work is cut into groups of 16 frames
 * whose partial sums are added in frame order: results do not depend on thread count,
 * nor on how many blocks are passed at a time.
 */
#ifndef PCA_FRAMES_H
#define PCA_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { ASIM_BLOCK_FRAMES = 256, ASIM_GROUP_FRAMES = 16, ASIM_WAVE_BLOCKS = 16 };

/* How rows look. */
struct asim_layout {
    size_t atom_count, padded;        /* analysed atoms; rounded up to 16 */
    size_t align_count, align_padded; /* atoms of the fit */
    bool same;                        /* the fit uses the analysed atoms */
};

struct asim_layout asim_layout_make(size_t atom_count, size_t align_count, bool same);
/* Floats of a row of analysed, of fit atoms. */
size_t asim_row_width(const struct asim_layout *layout);
size_t asim_align_width(const struct asim_layout *layout);

/* x -> rotation x + shift puts a frame on the reference. */
struct asim_fit {
    double rotation[3][3];
    double shift[3];
};

struct asim_block {
    size_t count, capacity; /* frames */
    float *rows;            /* [capacity][row width], 64-byte aligned */
    float *align_rows;      /* [capacity][align width]; NULL where layout.same */
    struct asim_fit *fits;  /* [capacity] */
};

int asim_block_init(const struct asim_layout *layout, size_t capacity,
                    struct asim_block *ret_block, struct asim_error *err);
void asim_block_finish(struct asim_block *block);
const float *asim_block_align_row(const struct asim_layout *layout,
                                  const struct asim_block *block, size_t row);

/*
 * Fits every frame to `reference` (fit atoms as x[align_padded] y[] z[], centred, zeros
 * behind) and adds the superposed coordinates to `sum` (analysed atoms, 3 padded) and,
 * where the fit has its own atoms, to `align_sum`. `frame_indices` of these blocks'
 * frames name a frame that cannot be fitted.
 */
int asim_blocks_fit(const struct asim_layout *layout, struct asim_block *blocks,
                    size_t block_count, const double *reference,
                    const uint64_t *frame_indices, int thread_count, double *sum,
                    double *align_sum, struct asim_error *err);

/* Rows become deviations from `mean` (3 padded); their squares are added to
 * *square_sum. */
int asim_blocks_deviate(const struct asim_layout *layout, struct asim_block *blocks,
                        size_t block_count, const double *mean, int thread_count,
                        double *square_sum, struct asim_error *err);

/* Bytes of a block, and of what asim_blocks_fit needs for a wave of blocks. */
uint64_t asim_block_bytes(const struct asim_layout *layout, uint64_t frames);
uint64_t asim_wave_bytes(const struct asim_layout *layout, uint64_t frames);

#endif
