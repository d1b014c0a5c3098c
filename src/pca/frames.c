/* Blocks of frames: fitting and deviations. */
#include "pca/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"
#include "pca/kernels.h"
#include "pca/sizes.h"
#include "structure/superpose.h"

enum { GROUPS_PER_BLOCK = ASIM_BLOCK_FRAMES / ASIM_GROUP_FRAMES };

struct asim_layout asim_layout_make(size_t atom_count, size_t align_count, bool same)
{
    return (struct asim_layout){.atom_count = atom_count,
                                .padded = (atom_count + 15) / 16 * 16,
                                .align_count = align_count,
                                .align_padded = (align_count + 15) / 16 * 16,
                                .same = same};
}

size_t asim_row_width(const struct asim_layout *layout)
{
    return 3 * layout->padded;
}

size_t asim_align_width(const struct asim_layout *layout)
{
    return 3 * layout->align_padded;
}

uint64_t asim_block_bytes(const struct asim_layout *layout, uint64_t frames)
{
    uint64_t floats = asim_row_width(layout);
    if (!layout->same)
        floats += asim_align_width(layout);
    uint64_t row =
        asim_size_add(asim_size_times(floats, sizeof(float)), sizeof(struct asim_fit));
    return asim_size_times(frames, row);
}

uint64_t asim_wave_bytes(const struct asim_layout *layout, uint64_t frames)
{
    uint64_t most = (uint64_t)ASIM_WAVE_BLOCKS * ASIM_BLOCK_FRAMES;
    uint64_t groups = (frames < most ? frames : most) / ASIM_GROUP_FRAMES + 1;
    uint64_t doubles = asim_row_width(layout);
    if (!layout->same)
        doubles += asim_align_width(layout);
    return asim_size_times(groups, asim_size_times(doubles, sizeof(double)));
}

int asim_block_init(const struct asim_layout *layout, size_t capacity,
                    struct asim_block *ret_block, struct asim_error *err)
{
    struct asim_block block = {.capacity = capacity};
    size_t width = asim_row_width(layout), align_width = asim_align_width(layout);
    if (width > SIZE_MAX / sizeof(float) || align_width > SIZE_MAX / sizeof(float))
        return asim_fail(err, ASIM_ENOMEM, "too many atoms: a row does not fit memory");
    block.rows = asim_alloc_aligned(capacity, width * sizeof(float), err);
    block.fits =
        block.rows ? asim_alloc_array(capacity, sizeof *block.fits, err) : NULL;
    if (!block.rows || !block.fits)
        goto fail;
    if (!layout->same) {
        block.align_rows =
            asim_alloc_aligned(capacity, align_width * sizeof(float), err);
        if (!block.align_rows)
            goto fail;
    }
    *ret_block = block;
    return 0;
fail:
    asim_block_finish(&block);
    return -1;
}

void asim_block_finish(struct asim_block *block)
{
    if (!block)
        return;
    free(block->rows);
    free(block->align_rows);
    free(block->fits);
    *block = (struct asim_block){0};
}

const float *asim_block_align_row(const struct asim_layout *layout,
                                  const struct asim_block *block, size_t row)
{
    return layout->same ? block->rows + row * asim_row_width(layout)
                        : block->align_rows + row * asim_align_width(layout);
}

struct group {
    struct asim_block *block;
    size_t block_index, first, end;
};

/* The frames of group `task`, counted through the blocks; only the last may be short.
 */
static struct group group_of(struct asim_block *blocks, size_t task)
{
    size_t block_index = task / GROUPS_PER_BLOCK;
    struct group group = {&blocks[block_index], block_index,
                          task % GROUPS_PER_BLOCK * ASIM_GROUP_FRAMES, 0};
    group.end = group.first + ASIM_GROUP_FRAMES;
    if (group.end > group.block->count)
        group.end = group.block->count;
    return group;
}

static size_t group_count(const struct asim_block *blocks, size_t block_count)
{
    if (block_count == 0)
        return 0;
    return (block_count - 1) * GROUPS_PER_BLOCK +
           (blocks[block_count - 1].count + ASIM_GROUP_FRAMES - 1) / ASIM_GROUP_FRAMES;
}

/* Why the fast rotation gave up: points on a line, or just an awkward pair of sets. */
static int fit_slowly(const float *row, size_t padded, size_t count,
                      const double centre[3], const double products[3][3],
                      uint64_t frame_index, double ret_rotation[3][3],
                      struct asim_error *err)
{
    double spread[3][3] = {{0.0}};
    for (size_t a = 0; a < count; a++)
        for (size_t i = 0; i < 3; i++)
            for (size_t j = 0; j < 3; j++)
                spread[i][j] += ((double)row[i * padded + a] - centre[i]) *
                                ((double)row[j * padded + a] - centre[j]);
    if (asim_on_a_line(spread))
        return asim_fail(err, ASIM_EINPUT,
                         "frame %llu: the %zu atoms of the fit lie on a line, so that "
                         "their superposition is not unique; fit on more atoms",
                         (unsigned long long)frame_index, count);
    asim_rotation_jacobi(products, ret_rotation);
    return 0;
}

struct fit_pass {
    const struct asim_layout *layout;
    struct asim_block *blocks;
    const double *reference;
    const uint64_t *frame_indices;
    double *partials; /* [group][partial width] */
    size_t partial_width;
};

static int fit_group(void *context, size_t task, int thread_index,
                     struct asim_error *err)
{
    (void)thread_index;
    struct fit_pass *pass = context;
    const struct asim_layout *layout = pass->layout;
    struct group group = group_of(pass->blocks, task);
    double *sum = pass->partials + task * pass->partial_width;
    double *align_sum = sum + asim_row_width(layout);
    for (size_t f = group.first; f < group.end; f++) {
        const float *row = group.block->rows + f * asim_row_width(layout);
        const float *align = asim_block_align_row(layout, group.block, f);
        double centre[3], products[3][3];
        struct asim_fit fit;
        asim_row_sum(align, layout->align_padded, centre);
        for (int d = 0; d < 3; d++)
            centre[d] /= (double)layout->align_count;
        /* The reference is centred, so that the row need not be. */
        asim_row_products(align, pass->reference, layout->align_padded, products);
        if (!asim_rotation_fast(products, fit.rotation) &&
            fit_slowly(align, layout->align_padded, layout->align_count, centre,
                       products,
                       pass->frame_indices[group.block_index * ASIM_BLOCK_FRAMES + f],
                       fit.rotation, err) < 0)
            return -1;
        for (int d = 0; d < 3; d++)
            fit.shift[d] =
                -(fit.rotation[d][0] * centre[0] + fit.rotation[d][1] * centre[1] +
                  fit.rotation[d][2] * centre[2]);
        group.block->fits[f] = fit;
        asim_row_rotate_add(row, layout->padded, fit.rotation, fit.shift, sum);
        if (!layout->same)
            asim_row_rotate_add(align, layout->align_padded, fit.rotation, fit.shift,
                                align_sum);
    }
    return 0;
}

int asim_blocks_fit(const struct asim_layout *layout, struct asim_block *blocks,
                    size_t block_count, const double *reference,
                    const uint64_t *frame_indices, int thread_count, double *sum,
                    double *align_sum, struct asim_error *err)
{
    size_t width = asim_row_width(layout);
    size_t partial_width = width + (layout->same ? 0 : asim_align_width(layout));
    size_t most = block_count < ASIM_WAVE_BLOCKS ? block_count : ASIM_WAVE_BLOCKS;
    size_t capacity = group_count(blocks, most);
    double *partials =
        asim_alloc_aligned(capacity, partial_width * sizeof(double), err);
    if (!partials)
        return -1;
    int rc = 0;
    for (size_t first = 0; first < block_count && rc == 0; first += ASIM_WAVE_BLOCKS) {
        size_t count = block_count - first < most ? block_count - first : most;
        size_t groups = group_count(blocks + first, count);
        struct fit_pass pass = {layout,    blocks + first,
                                reference, frame_indices + first * ASIM_BLOCK_FRAMES,
                                partials,  partial_width};
        if (first > 0)
            memset(partials, 0, groups * partial_width * sizeof *partials);
        rc = asim_parallel(groups, thread_count, fit_group, &pass, err);
        for (size_t g = 0; g < groups && rc == 0; g++) {
            const double *partial = partials + g * partial_width;
            for (size_t i = 0; i < width; i++)
                sum[i] += partial[i];
            if (!layout->same)
                for (size_t i = 0; i < asim_align_width(layout); i++)
                    align_sum[i] += partial[width + i];
        }
    }
    free(partials);
    return rc;
}

struct deviate_pass {
    const struct asim_layout *layout;
    struct asim_block *blocks;
    const double *mean;
    double *scratch; /* [thread][row width] */
    double *squares; /* [group] */
};

static int deviate_group(void *context, size_t task, int thread_index,
                         struct asim_error *err)
{
    (void)err;
    struct deviate_pass *pass = context;
    size_t padded = pass->layout->padded, count = pass->layout->atom_count;
    size_t width = 3 * padded;
    struct group group = group_of(pass->blocks, task);
    double *x = pass->scratch + (size_t)thread_index * width;
    double squares = 0.0;
    for (size_t f = group.first; f < group.end; f++) {
        float *row = group.block->rows + f * width;
        const struct asim_fit *fit = &group.block->fits[f];
        for (size_t i = 0; i < width; i++)
            x[i] = -pass->mean[i];
        asim_row_rotate_add(row, padded, fit->rotation, fit->shift, x);
        for (size_t a = 0; a < count; a++)
            for (size_t d = 0; d < 3; d++)
                row[3 * a + d] = (float)x[d * padded + a];
        memset(row + 3 * count, 0, (width - 3 * count) * sizeof *row);
        squares += asim_row_square(row, width);
    }
    pass->squares[task] = squares;
    return 0;
}

int asim_blocks_deviate(const struct asim_layout *layout, struct asim_block *blocks,
                        size_t block_count, const double *mean, int thread_count,
                        double *square_sum, struct asim_error *err)
{
    size_t groups = group_count(blocks, block_count);
    size_t width = asim_row_width(layout);
    double *squares = asim_alloc_array(groups, sizeof *squares, err);
    double *scratch =
        squares ? asim_alloc_aligned((size_t)thread_count, width * sizeof *scratch, err)
                : NULL;
    int rc = -1;
    if (!squares || !scratch)
        goto out;
    struct deviate_pass pass = {layout, blocks, mean, scratch, squares};
    rc = asim_parallel(groups, thread_count, deviate_group, &pass, err);
    for (size_t g = 0; g < groups && rc == 0; g++)
        *square_sum += squares[g];
out:
    free(scratch);
    free(squares);
    return rc;
}
