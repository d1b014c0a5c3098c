/* Blocks of frames, and the structure that they are superposed on. */
#include "pca/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "pca/sizes.h"
#include "structure/superpose.h"

struct asim_layout asim_layout_make(size_t atom_count, size_t align_count, bool same)
{
    return (struct asim_layout){.atom_count = atom_count,
                                .padded = (atom_count + 15) / 16 * 16,
                                .align_count = align_count,
                                .align_padded = (align_count + 15) / 16 * 16,
                                .same = same,
                                .kernels = asim_kernels_best()};
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

/* Rows on the heap or in a file. */
static float *make_rows(size_t frames, size_t width, bool spilled, const char *folder,
                        struct asim_spill *ret_file, struct asim_error *err)
{
    size_t bytes;
    if (!spilled)
        return asim_alloc_large(frames, width * sizeof(float), err);
    if (__builtin_mul_overflow(frames, width * sizeof(float), &bytes)) {
        asim_fail(err, ASIM_ENOMEM, "%zu frames exceed the address space", frames);
        return NULL;
    }
    return asim_spill_create(folder, bytes, ret_file, err) < 0 ? NULL : ret_file->data;
}

int asim_blocks_init(const struct asim_layout *layout, size_t frame_count, bool spilled,
                     const char *folder, struct asim_block *ret_blocks,
                     struct asim_error *err)
{
    struct asim_block all = {.capacity = frame_count, .spilled = spilled};
    size_t width = asim_row_width(layout), align_width = asim_align_width(layout);
    if (width > SIZE_MAX / sizeof(float) || align_width > SIZE_MAX / sizeof(float))
        return asim_fail(err, ASIM_ENOMEM, "too many atoms: a row does not fit memory");
    all.rows = make_rows(frame_count, width, spilled, folder, &all.file, err);
    all.fits = all.rows ? asim_alloc_array(frame_count, sizeof *all.fits, err) : NULL;
    if (all.fits && !layout->same)
        all.align_rows =
            make_rows(frame_count, align_width, spilled, folder, &all.align_file, err);
    if (!all.fits || (!layout->same && !all.align_rows)) {
        asim_block_finish(&all);
        return -1;
    }
    for (size_t first = 0, b = 0; first < frame_count;
         first += ASIM_BLOCK_FRAMES, b++) {
        size_t left = frame_count - first;
        ret_blocks[b] = (struct asim_block){
            .capacity = left < ASIM_BLOCK_FRAMES ? left : ASIM_BLOCK_FRAMES,
            .borrowed = b > 0,
            .spilled = spilled,
            .rows = all.rows + first * width,
            .align_rows = layout->same ? NULL : all.align_rows + first * align_width,
            .fits = all.fits + first};
    }
    ret_blocks[0].file = all.file;
    ret_blocks[0].align_file = all.align_file;
    return 0;
}

void asim_block_finish(struct asim_block *block)
{
    if (!block)
        return;
    if (!block->borrowed) {
        if (!block->spilled) {
            free(block->rows);
            free(block->align_rows);
        }
        asim_spill_finish(&block->file);
        asim_spill_finish(&block->align_file);
        free(block->fits);
    }
    *block = (struct asim_block){0};
}

static void clear_rows(float *rows, size_t count, size_t atoms, size_t padded)
{
    for (size_t i = 0; rows && i < 3 * count; i++)
        memset(rows + i * padded + atoms, 0, (padded - atoms) * sizeof *rows);
}

void asim_block_clear_padding(const struct asim_layout *layout,
                              struct asim_block *block)
{
    clear_rows(block->rows, block->count, layout->atom_count, layout->padded);
    clear_rows(block->align_rows, block->count, layout->align_count,
               layout->align_padded);
}

void asim_block_release(const struct asim_layout *layout,
                        const struct asim_block *block)
{
    if (!block->spilled)
        return;
    asim_spill_release(block->rows,
                       block->count * asim_row_width(layout) * sizeof(float));
    if (block->align_rows)
        asim_spill_release(block->align_rows,
                           block->count * asim_align_width(layout) * sizeof(float));
}

const float *asim_block_align_row(const struct asim_layout *layout,
                                  const struct asim_block *block, size_t row)
{
    return layout->same ? block->rows + row * asim_row_width(layout)
                        : block->align_rows + row * asim_align_width(layout);
}

int asim_target_init(const struct asim_layout *layout, const double *weights,
                     struct asim_target *ret_target, struct asim_error *err)
{
    struct asim_target target = {0};
    size_t width = asim_align_width(layout);
    target.atoms = asim_alloc_aligned(width, sizeof(double), err);
    if (target.atoms)
        target.weighted = asim_alloc_aligned(width, sizeof(double), err);
    if (target.weighted)
        target.weights = asim_alloc_aligned(layout->align_padded, sizeof(double), err);
    if (!target.weights) {
        asim_target_finish(&target);
        return -1;
    }
    for (size_t a = 0; a < layout->align_count; a++) {
        target.weights[a] = weights ? weights[a] : 1.0;
        target.weight_sum += target.weights[a];
    }
    *ret_target = target;
    return 0;
}

void asim_target_finish(struct asim_target *target)
{
    free(target->atoms);
    free(target->weighted);
    free(target->weights);
    *target = (struct asim_target){0};
}

void asim_target_set(const struct asim_layout *layout, const double *x,
                     struct asim_target *target)
{
    size_t padded = layout->align_padded;
    for (size_t d = 0; d < 3; d++) {
        double centre = 0.0;
        for (size_t a = 0; a < layout->align_count; a++)
            centre += target->weights[a] * x[d * padded + a];
        centre /= target->weight_sum;
        for (size_t a = 0; a < layout->align_count; a++) {
            size_t i = d * padded + a;
            target->atoms[i] = x[i] - centre;
            target->weighted[i] = target->weights[a] * target->atoms[i];
        }
    }
}

int asim_target_check(const struct asim_layout *layout,
                      const struct asim_target *target, struct asim_error *err)
{
    size_t padded = layout->align_padded;
    double spread[3][3] = {{0.0}};
    for (size_t a = 0; a < layout->align_count; a++)
        for (size_t i = 0; i < 3; i++)
            for (size_t j = 0; j < 3; j++)
                spread[i][j] +=
                    target->weighted[i * padded + a] * target->atoms[j * padded + a];
    if (asim_on_a_line(spread))
        return asim_fail(err, ASIM_EINPUT,
                         "the %zu atoms of the fit lie on a line, so that their "
                         "superposition is not unique; fit on more atoms",
                         layout->align_count);
    return 0;
}
