/* The passes over blocks of frames: fits to the target, deviations from the mean. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"
#include "pca/frames.h"
#include "structure/superpose.h"

enum { GROUPS_PER_BLOCK = ASIM_BLOCK_FRAMES / ASIM_GROUP_FRAMES };

/* Floats of a pass below which a second thread costs more than it brings. */
static const size_t THREAD_FLOATS = (size_t)1 << 18;

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

static int threads_for(const struct asim_layout *layout, size_t groups,
                       int thread_count)
{
    size_t floats = asim_row_width(layout) + asim_align_width(layout);
    return floats * ASIM_GROUP_FRAMES * groups < THREAD_FLOATS ? 1 : thread_count;
}

/* Why the fast rotation gave up: points on a line, or just an awkward pair of sets. */
static int fit_slowly(const float *row, const struct asim_layout *layout,
                      const double centre[3], const double products[3][3],
                      uint64_t frame_index, double ret_rotation[3][3],
                      struct asim_error *err)
{
    size_t padded = layout->align_padded, count = layout->align_count;
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
    const struct asim_target *target;
    const uint64_t *frame_indices;
    double *partials; /* [group][partial width] */
    size_t partial_width, groups;
    enum asim_direction direction;
};

/* The fits of the group's frames. */
static int fit_frames(const struct fit_pass *pass, const struct group *group,
                      struct asim_error *err)
{
    const struct asim_layout *layout = pass->layout;
    const struct asim_target *target = pass->target;
    const struct asim_kernels *kernels = layout->kernels;
    size_t count = group->end - group->first;
    const uint64_t *frame_indices =
        pass->frame_indices + group->block_index * ASIM_BLOCK_FRAMES + group->first;
    double centres[ASIM_GROUP_FRAMES][3], products[ASIM_GROUP_FRAMES][3][3];
    double rotations[ASIM_GROUP_FRAMES][3][3];
    bool sure[ASIM_GROUP_FRAMES];
    for (size_t f = 0; f < count; f++) {
        /* The target is centred, so that the row need not be. */
        kernels->products(asim_block_align_row(layout, group->block, group->first + f),
                          target->weights, target->weighted, layout->align_padded,
                          centres[f], products[f]);
        for (int d = 0; d < 3; d++)
            centres[f][d] /= target->weight_sum;
    }
    kernels->rotations((const double(*)[3][3])products, count, rotations, sure);
    for (size_t f = 0; f < count; f++) {
        const float *align =
            asim_block_align_row(layout, group->block, group->first + f);
        struct asim_fit *fit = &group->block->fits[group->first + f];
        if (!sure[f] &&
            fit_slowly(align, layout, centres[f], (const double(*)[3])products[f],
                       frame_indices[f], rotations[f], err) < 0)
            return -1;
        memcpy(fit->rotation, rotations[f], sizeof fit->rotation);
        for (int d = 0; d < 3; d++)
            fit->shift[d] = -(rotations[f][d][0] * centres[f][0] +
                              rotations[f][d][1] * centres[f][1] +
                              rotations[f][d][2] * centres[f][2]);
    }
    return 0;
}

static void add_rotated(const struct asim_kernels *kernels, const float *rows,
                        size_t width, size_t count, const struct asim_fit *fits,
                        double *sum)
{
    for (size_t f = 0; f < count; f += ASIM_KERNEL_FRAMES) {
        size_t now = count - f < ASIM_KERNEL_FRAMES ? count - f : ASIM_KERNEL_FRAMES;
        kernels->rotate_add(rows + f * width, width, now, width / 3, fits + f, sum);
    }
}

static int fit_group(void *context, size_t task, int thread_index,
                     struct asim_error *err)
{
    (void)thread_index;
    struct fit_pass *pass = context;
    if (pass->direction == ASIM_BACKWARDS)
        task = pass->groups - 1 - task;
    const struct asim_layout *layout = pass->layout;
    struct group group = group_of(pass->blocks, task);
    struct asim_block *block = group.block;
    size_t width = asim_row_width(layout), align_width = asim_align_width(layout);
    size_t count = group.end - group.first;
    double *sum = pass->partials + task * pass->partial_width;
    if (fit_frames(pass, &group, err) < 0)
        return -1;
    add_rotated(layout->kernels, block->rows + group.first * width, width, count,
                block->fits + group.first, sum);
    if (!layout->same)
        add_rotated(layout->kernels, block->align_rows + group.first * align_width,
                    align_width, count, block->fits + group.first, sum + width);
    /* The last of the block's groups in this direction. */
    if (pass->direction == ASIM_BACKWARDS ? group.first == 0
                                          : group.end == block->count)
        asim_block_release(layout, block);
    return 0;
}

int asim_blocks_fit(const struct asim_layout *layout, struct asim_block *blocks,
                    size_t block_count, const struct asim_target *target,
                    const uint64_t *frame_indices, enum asim_direction direction,
                    int thread_count, double *sum, double *align_sum,
                    struct asim_error *err)
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
        struct fit_pass pass = {
            layout,   blocks + first, target, frame_indices + first * ASIM_BLOCK_FRAMES,
            partials, partial_width,  groups, direction};
        if (first > 0)
            memset(partials, 0, groups * partial_width * sizeof *partials);
        rc = asim_parallel(groups, threads_for(layout, groups, thread_count), fit_group,
                           &pass, err);
        for (size_t g = 0; g < groups && rc == 0; g++) {
            const double *partial = partials + g * partial_width;
            for (size_t i = 0; i < width; i++)
                sum[i] += partial[i];
            for (size_t i = width; i < partial_width; i++)
                align_sum[i - width] += partial[i];
        }
    }
    free(partials);
    return rc;
}

struct deviate_pass {
    const struct asim_layout *layout;
    struct asim_block *blocks;
    const double *mean;
    const float *scales;
    double *squares; /* [group] */
    size_t groups;
};

static int deviate_group(void *context, size_t task, int thread_index,
                         struct asim_error *err)
{
    (void)thread_index;
    (void)err;
    struct deviate_pass *pass = context;
    /* Backwards: the last pass of fits mostly went forwards. */
    task = pass->groups - 1 - task;
    size_t padded = pass->layout->padded, count = pass->layout->atom_count;
    size_t width = 3 * padded;
    struct group group = group_of(pass->blocks, task);
    double squares = 0.0;
    for (size_t f = group.first; f < group.end; f++) {
        float *row = group.block->rows + f * width;
        pass->layout->kernels->deviate(row, padded, &group.block->fits[f], pass->mean);
        if (pass->scales)
            for (size_t i = 0; i < width; i++)
                row[i] *= pass->scales[i];
        memmove(row + count, row + padded, count * sizeof *row);
        memmove(row + 2 * count, row + 2 * padded, count * sizeof *row);
        memset(row + 3 * count, 0, (width - 3 * count) * sizeof *row);
        squares += pass->layout->kernels->square(row, width);
    }
    pass->squares[task] = squares;
    if (group.first == 0)
        asim_block_release(pass->layout, group.block);
    return 0;
}

int asim_blocks_deviate(const struct asim_layout *layout, struct asim_block *blocks,
                        size_t block_count, const double *mean, const float *scales,
                        int thread_count, double *square_sum, struct asim_error *err)
{
    size_t groups = group_count(blocks, block_count);
    double *squares = asim_alloc_array(groups, sizeof *squares, err);
    if (!squares)
        return -1;
    struct deviate_pass pass = {layout, blocks, mean, scales, squares, groups};
    int rc = asim_parallel(groups, threads_for(layout, groups, thread_count),
                           deviate_group, &pass, err);
    for (size_t g = 0; g < groups && rc == 0; g++)
        *square_sum += squares[g];
    free(squares);
    return rc;
}
