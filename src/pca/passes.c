/*
 * Frames into blocks, fits, and the reference that is the mean.
 * Invariant: every pass over the source must give the same frames; a source that does
 * not is refused.
 */
#include "pca/analysis.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "pca/kernels.h"
#include "structure/superpose.h"

/* Fills one block from the source; 1: more may follow, 0: the source is at its end. */
static int fill_block(struct asim_analysis *an, struct asim_block *block, size_t first,
                      struct asim_error *err)
{
    struct asim_pca *pca = &an->pca;
    size_t width = asim_row_width(an->layout),
           align_width = asim_align_width(an->layout);
    block->count = 0;
    /* A block that is refilled has deviations where the padding must be zero. */
    if (an->plan.streaming)
        memset(block->rows, 0, block->capacity * width * sizeof(float));
    while (block->count < block->capacity) {
        float *align =
            an->layout->same ? NULL : block->align_rows + block->count * align_width;
        double time_ps = 0.0;
        uint64_t index = 0;
        int got =
            an->source->next(an->source->context, block->rows + block->count * width,
                             align, &time_ps, &index, err);
        if (got <= 0)
            return got;
        size_t frame = first + block->count;
        if (an->frames_known) {
            if (frame >= pca->frame_count || pca->frame_indices[frame] != index)
                return asim_fail(err, ASIM_EINPUT,
                                 "frame %llu was not there in the first pass: the "
                                 "trajectory changed while it was read",
                                 (unsigned long long)index);
        } else {
            if (asim_grow(&pca->time_ps, &an->time_capacity, frame + 1,
                          sizeof *pca->time_ps, err) < 0 ||
                asim_grow(&pca->frame_indices, &an->index_capacity, frame + 1,
                          sizeof *pca->frame_indices, err) < 0)
                return -1;
            pca->time_ps[frame] = time_ps;
            pca->frame_indices[frame] = index;
            pca->frame_count = frame + 1;
        }
        block->count++;
    }
    return 1;
}

int asim_analysis_new_block(struct asim_analysis *an, struct asim_error *err)
{
    size_t capacity = an->source->frame_bound < ASIM_BLOCK_FRAMES
                          ? an->source->frame_bound
                          : ASIM_BLOCK_FRAMES;
    if (asim_grow(&an->blocks, &an->block_capacity, an->block_count + 1,
                  sizeof *an->blocks, err) < 0 ||
        asim_block_init(an->layout, capacity, &an->blocks[an->block_count], err) < 0)
        return -1;
    an->block_count++;
    return 0;
}

/* The reference becomes the first frame's fit atoms, centred. */
static int reference_from_first(struct asim_analysis *an, struct asim_error *err)
{
    const struct asim_layout *layout = an->layout;
    size_t padded = layout->align_padded, count = layout->align_count;
    const float *row = asim_block_align_row(layout, &an->blocks[0], 0);
    double centre[3], spread[3][3] = {{0.0}};
    asim_row_sum(row, padded, centre);
    memset(an->reference, 0, 3 * padded * sizeof *an->reference);
    for (size_t d = 0; d < 3; d++)
        for (size_t a = 0; a < count; a++)
            an->reference[d * padded + a] =
                (double)row[d * padded + a] - centre[d] / (double)count;
    for (size_t a = 0; a < count; a++)
        for (size_t i = 0; i < 3; i++)
            for (size_t j = 0; j < 3; j++)
                spread[i][j] +=
                    an->reference[i * padded + a] * an->reference[j * padded + a];
    if (asim_on_a_line(spread))
        return asim_fail(err, ASIM_EINPUT,
                         "frame %llu: the %zu atoms of the fit lie on a line, so that "
                         "their superposition is not unique; fit on more atoms",
                         (unsigned long long)an->pca.frame_indices[0], count);
    return 0;
}

int asim_analysis_stream_pass(struct asim_analysis *an, asim_block_fn visit,
                              void *context, struct asim_error *err)
{
    if (an->source->rewind(an->source->context, err) < 0)
        return -1;
    size_t first = 0;
    for (int more = 1; more;) {
        struct asim_block *block = &an->blocks[0];
        more = fill_block(an, block, first, err);
        if (more < 0)
            return -1;
        if (block->count == 0)
            break;
        if (first == 0 && !an->frames_known && reference_from_first(an, err) < 0)
            return -1;
        if (visit(an, block, first, context, err) < 0)
            return -1;
        first += block->count;
    }
    if (an->frames_known && first != an->pca.frame_count)
        return asim_fail(err, ASIM_EINPUT,
                         "the trajectory had %zu frames in the first pass and %zu in a "
                         "later one: it changed while it was read",
                         an->pca.frame_count, first);
    an->frames_known = true;
    return 0;
}

int asim_analysis_read_all(struct asim_analysis *an, struct asim_error *err)
{
    if (an->source->rewind(an->source->context, err) < 0)
        return -1;
    size_t frames = 0;
    for (int more = 1; more && frames < an->source->frame_bound;) {
        if (asim_analysis_new_block(an, err) < 0)
            return -1;
        struct asim_block *block = &an->blocks[an->block_count - 1];
        more = fill_block(an, block, frames, err);
        if (more < 0)
            return -1;
        frames += block->count;
        if (block->count == 0) {
            asim_block_finish(block);
            an->block_count--;
        }
    }
    an->frames_known = true;
    return frames > 0 ? reference_from_first(an, err) : 0;
}

static int fit_block(struct asim_analysis *an, struct asim_block *block, size_t first,
                     void *context, struct asim_error *err)
{
    (void)context;
    return asim_blocks_fit(an->layout, block, 1, an->reference,
                           an->pca.frame_indices + first, an->threads, an->sum,
                           an->align_sum, err);
}

static int fit_everything(struct asim_analysis *an, struct asim_error *err)
{
    memset(an->sum, 0, asim_row_width(an->layout) * sizeof *an->sum);
    if (!an->layout->same)
        memset(an->align_sum, 0, asim_align_width(an->layout) * sizeof *an->align_sum);
    if (an->plan.streaming)
        return asim_analysis_stream_pass(an, fit_block, NULL, err);
    return asim_blocks_fit(an->layout, an->blocks, an->block_count, an->reference,
                           an->pca.frame_indices, an->threads, an->sum, an->align_sum,
                           err);
}

int asim_analysis_require_frames(const struct asim_analysis *an, struct asim_error *err)
{
    if (an->pca.frame_count >= 2)
        return 0;
    return asim_fail(err, ASIM_EINPUT,
                     "%zu frame%s left after begin, end and stride; principal "
                     "components need at least 2",
                     an->pca.frame_count, an->pca.frame_count == 1 ? " is" : "s are");
}

int asim_analysis_settle_reference(struct asim_analysis *an, struct asim_error *err)
{
    const struct asim_layout *layout = an->layout;
    size_t padded = layout->align_padded, count = layout->align_count;
    double change = INFINITY;
    int pass = 0;
    for (;;) {
        if (fit_everything(an, err) < 0 || asim_analysis_require_frames(an, err) < 0)
            return -1;
        pass++;
        double square = 0.0, frames = (double)an->pca.frame_count;
        for (size_t d = 0; d < 3; d++)
            for (size_t a = 0; a < count; a++) {
                double difference = an->align_sum[d * padded + a] / frames -
                                    an->reference[d * padded + a];
                square += difference * difference;
            }
        change = sqrt(square / (double)count);
        if (an->options->reference == ASIM_REFERENCE_FIRST ||
            change < an->options->mean_tolerance_nm ||
            pass > an->options->mean_iterations)
            break;
        for (size_t d = 0; d < 3; d++) {
            double centre = 0.0;
            for (size_t a = 0; a < count; a++) {
                an->reference[d * padded + a] = an->align_sum[d * padded + a] / frames;
                centre += an->reference[d * padded + a];
            }
            for (size_t a = 0; a < count; a++)
                an->reference[d * padded + a] -= centre / (double)count;
        }
    }
    if (an->options->reference == ASIM_REFERENCE_FIRST)
        asim_log_write(an->log, ASIM_LOG_INFO,
                       "%zu frames superposed on the first (%.3g nm rms from the mean)",
                       an->pca.frame_count, change);
    else if (change < an->options->mean_tolerance_nm)
        asim_log_write(an->log, ASIM_LOG_INFO,
                       "%zu frames superposed on their mean, which settled to %.2g nm "
                       "in %d passes",
                       an->pca.frame_count, change, pass);
    else
        asim_log_write(an->log, ASIM_LOG_WARNING,
                       "the mean structure still moved by %.2g nm after %d passes "
                       "(tolerance %.2g nm)",
                       change, pass, an->options->mean_tolerance_nm);
    for (size_t d = 0; d < 3; d++)
        for (size_t a = 0; a < layout->padded; a++)
            an->mean[d * layout->padded + a] =
                a < layout->atom_count
                    ? an->sum[d * layout->padded + a] / (double)an->pca.frame_count
                    : 0.0;
    return 0;
}

int asim_analysis_deviate_block(struct asim_analysis *an, struct asim_block *block,
                                size_t first, double *square_sum,
                                struct asim_error *err)
{
    if (fit_block(an, block, first, NULL, err) < 0)
        return -1;
    return asim_blocks_deviate(an->layout, block, 1, an->mean, an->threads, square_sum,
                               err);
}
