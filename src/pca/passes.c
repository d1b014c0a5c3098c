/*
 * Frames into blocks, fits, and the reference that is the mean.
 * Invariant: every pass over the source must give the same frames; a source that does
 * not is refused.
 */
#include "pca/analysis.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "pca/storage.h"

/* Between lines about frames and memory in the log. */
static const double LOG_SECONDS = 60.0;

/* Times and numbers of the frames of a block: kept in the first pass, compared in later
 * ones. */
static int check_frames(struct asim_analysis *an, size_t first, size_t count,
                        const double *times_ps, const uint64_t *indices,
                        struct asim_error *err)
{
    struct asim_pca *pca = &an->pca;
    if (!an->frames_known) {
        if (count > an->source->frame_bound - first)
            return asim_fail(err, ASIM_EINPUT,
                             "there are more than the %zu frames counted: the "
                             "trajectory changed while it was read",
                             an->source->frame_bound);
        memcpy(pca->time_ps + first, times_ps, count * sizeof *times_ps);
        memcpy(pca->frame_indices + first, indices, count * sizeof *indices);
        pca->frame_count = first + count;
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        if (first + i >= pca->frame_count ||
            pca->frame_indices[first + i] != indices[i])
            return asim_fail(err, ASIM_EINPUT,
                             "frame %llu was not there in the first pass: the "
                             "trajectory changed while it was read",
                             (unsigned long long)indices[i]);
    return 0;
}

static void begin_pass(struct asim_analysis *an)
{
    an->pass_start = asim_monotonic_seconds();
    if (an->pass++ == 0)
        an->last_said = an->pass_start;
}

static void say_progress(struct asim_analysis *an, size_t frames)
{
    double now = asim_monotonic_seconds();
    struct asim_pca_progress progress = {
        .pass = an->pass,
        .frame_count = frames,
        .frame_bound = an->frames_known ? an->pca.frame_count : an->source->frame_bound,
        .seconds = now - an->pass_start,
        .peak_memory_mb = asim_memory_peak_mb()};
    if (an->options->progress)
        an->options->progress(an->options->progress_context, &progress);
    if (now - an->last_said < LOG_SECONDS)
        return;
    an->last_said = now;
    asim_log_write(an->log, ASIM_LOG_INFO,
                   "pass %d: %zu of at most %zu frames, %.0f frames/s, peak memory "
                   "%.1f MB",
                   progress.pass, frames, progress.frame_bound,
                   (double)frames / fmax(progress.seconds, 1e-9),
                   progress.peak_memory_mb);
}

/* Fills one block from the source; 1: more may follow, 0: the source is at its end. */
static int fill_block(struct asim_analysis *an, struct asim_block *block, size_t first,
                      struct asim_error *err)
{
    double times_ps[ASIM_BLOCK_FRAMES];
    uint64_t indices[ASIM_BLOCK_FRAMES];
    size_t count = 0;
    block->count = 0;
    if (an->source->read(an->source->context, block->capacity, an->threads, block->rows,
                         block->align_rows, times_ps, indices, &count, err) < 0 ||
        check_frames(an, first, count, times_ps, indices, err) < 0)
        return -1;
    block->count = count;
    asim_block_clear_padding(an->layout, block);
    say_progress(an, first + count);
    return count == block->capacity;
}

int asim_analysis_new_blocks(struct asim_analysis *an, size_t frame_count,
                             struct asim_error *err)
{
    size_t count = (frame_count + ASIM_BLOCK_FRAMES - 1) / ASIM_BLOCK_FRAMES;
    if (asim_grow(&an->blocks, &an->block_capacity, an->block_count + count,
                  sizeof *an->blocks, err) < 0 ||
        asim_blocks_init(an->layout, frame_count, an->plan.spilled,
                         an->options->scratch_folder, an->blocks + an->block_count,
                         err) < 0)
        return -1;
    an->block_count += count;
    return 0;
}

static int target_from_given(struct asim_analysis *an, struct asim_error *err)
{
    const struct asim_layout *layout = an->layout;
    for (size_t a = 0; a < layout->align_count; a++)
        for (size_t d = 0; d < 3; d++)
            an->align_sum[d * layout->align_padded + a] =
                an->source->reference_nm[3 * a + d];
    asim_target_set(layout, an->align_sum, &an->target);
    if (asim_target_check(layout, &an->target, err) < 0)
        return asim_wrap(err, "'%s'", an->options->reference_path);
    an->target_known = true;
    return 0;
}

/* The first target is the first frame, unless it is given. */
static int target_from_first(struct asim_analysis *an, struct asim_error *err)
{
    if (an->options->reference == ASIM_REFERENCE_FILE)
        return target_from_given(an, err);
    const float *row = asim_block_align_row(an->layout, &an->blocks[0], 0);
    for (size_t i = 0; i < asim_align_width(an->layout); i++)
        an->align_sum[i] = (double)row[i];
    asim_target_set(an->layout, an->align_sum, &an->target);
    if (asim_target_check(an->layout, &an->target, err) < 0)
        return asim_wrap(err, "frame %llu",
                         (unsigned long long)an->pca.frame_indices[0]);
    an->target_known = true;
    return 0;
}

int asim_analysis_stream_pass(struct asim_analysis *an, asim_block_fn visit,
                              void *context, struct asim_error *err)
{
    begin_pass(an);
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
        if (visit(an, block, first, context, err) < 0)
            return -1;
        if (first / ASIM_RELEASE_FRAMES != (first + block->count) / ASIM_RELEASE_FRAMES)
            asim_pca_storage_release(&an->pca);
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

/* Frames of which memory is asked for at once: some 32 MB, whole blocks; one file. */
static size_t slab_frames(const struct asim_analysis *an, size_t left)
{
    const struct asim_layout *layout = an->layout;
    if (an->plan.spilled)
        return left;
    size_t bytes = (size_t)asim_block_bytes(layout, ASIM_BLOCK_FRAMES);
    size_t blocks = ((size_t)32 << 20) / bytes + 1;
    return left / ASIM_BLOCK_FRAMES < blocks ? left : blocks * ASIM_BLOCK_FRAMES;
}

int asim_analysis_read_all(struct asim_analysis *an, struct asim_error *err)
{
    size_t bound = an->source->frame_bound, frames = 0, filled = 0;
    begin_pass(an);
    if (an->source->rewind(an->source->context, err) < 0)
        return -1;
    for (int more = 1; more && frames < bound;) {
        if (filled == an->block_count &&
            asim_analysis_new_blocks(an, slab_frames(an, bound - frames), err) < 0)
            return -1;
        struct asim_block *block = &an->blocks[filled];
        more = fill_block(an, block, frames, err);
        if (more < 0)
            return -1;
        frames += block->count;
        filled += block->count > 0;
        asim_block_release(an->layout, block);
        if (frames % ASIM_RELEASE_FRAMES == 0)
            asim_pca_storage_release(&an->pca);
    }
    an->frames_known = true;
    an->block_used = filled;
    return frames > 0 ? target_from_first(an, err) : 0;
}

static int fit_block(struct asim_analysis *an, struct asim_block *block, size_t first,
                     void *context, struct asim_error *err)
{
    (void)context;
    if (!an->target_known) {
        if (target_from_first(an, err) < 0)
            return -1;
        memset(an->align_sum, 0, asim_align_width(an->layout) * sizeof(double));
    }
    return asim_blocks_fit(an->layout, block, 1, &an->target,
                           an->pca.frame_indices + first, ASIM_FORWARDS, an->threads,
                           an->sum, an->align_sum, err);
}

static int fit_everything(struct asim_analysis *an, enum asim_direction direction,
                          struct asim_error *err)
{
    memset(an->sum, 0, asim_row_width(an->layout) * sizeof *an->sum);
    memset(an->align_sum, 0, asim_align_width(an->layout) * sizeof *an->align_sum);
    if (an->plan.streaming)
        return asim_analysis_stream_pass(an, fit_block, NULL, err);
    return asim_blocks_fit(an->layout, an->blocks, an->block_used, &an->target,
                           an->pca.frame_indices, direction, an->threads, an->sum,
                           an->align_sum, err);
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

/* Sums become means; returns the weighted rms distance of the mean of the fit's atoms
 * from the target. */
static double take_means(struct asim_analysis *an)
{
    const struct asim_layout *layout = an->layout;
    size_t padded = layout->align_padded;
    double square = 0.0, frames = (double)an->pca.frame_count;
    for (size_t d = 0; d < 3; d++)
        for (size_t a = 0; a < layout->atom_count; a++)
            an->mean[d * layout->padded + a] = an->sum[d * layout->padded + a] / frames;
    for (size_t d = 0; d < 3; d++)
        for (size_t a = 0; a < layout->align_count; a++) {
            double *mean = &an->align_sum[d * padded + a];
            *mean /= frames;
            double difference = *mean - an->target.atoms[d * padded + a];
            square += an->target.weights[a] * difference * difference;
        }
    return sqrt(square / an->target.weight_sum);
}

static void log_settled(const struct asim_analysis *an, double change, int passes)
{
    if (an->options->reference == ASIM_REFERENCE_FILE)
        asim_log_write(an->log, ASIM_LOG_INFO,
                       "%zu frames superposed on '%s' (%.3g nm rms from the mean)",
                       an->pca.frame_count, an->options->reference_path, change);
    else if (an->options->reference == ASIM_REFERENCE_FIRST)
        asim_log_write(an->log, ASIM_LOG_INFO,
                       "%zu frames superposed on the first (%.3g nm rms from the mean)",
                       an->pca.frame_count, change);
    else if (change < an->options->mean_tolerance_nm)
        asim_log_write(an->log, ASIM_LOG_INFO,
                       "%zu frames superposed on their mean, which settled to %.2g nm "
                       "in %d passes",
                       an->pca.frame_count, change, passes);
    else
        asim_log_write(an->log, ASIM_LOG_WARNING,
                       "the mean structure still moved by %.2g nm after %d passes "
                       "(tolerance %.2g nm)",
                       change, passes, an->options->mean_tolerance_nm);
}

int asim_analysis_settle_reference(struct asim_analysis *an, struct asim_error *err)
{
    double change = INFINITY;
    for (int pass = 1;; pass++) {
        /* The first pass names the first frame that cannot be fitted. */
        enum asim_direction direction = pass % 2 ? ASIM_FORWARDS : ASIM_BACKWARDS;
        if (fit_everything(an, direction, err) < 0 ||
            asim_analysis_require_frames(an, err) < 0)
            return -1;
        change = take_means(an);
        if (an->options->reference != ASIM_REFERENCE_MEAN ||
            change < an->options->mean_tolerance_nm ||
            pass > an->options->mean_iterations) {
            log_settled(an, change, pass);
            return 0;
        }
        asim_target_set(an->layout, an->align_sum, &an->target);
    }
}

int asim_analysis_deviate_block(struct asim_analysis *an, struct asim_block *block,
                                size_t first, double *square_sum,
                                struct asim_error *err)
{
    if (fit_block(an, block, first, NULL, err) < 0)
        return -1;
    return asim_blocks_deviate(an->layout, block, 1, an->mean, an->scales, an->threads,
                               square_sum, err);
}
