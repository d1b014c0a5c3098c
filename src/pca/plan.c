/*
 * The memory governor: counts coordinates, matrices and buffers in 64 bits, compares
 * them with what machine, cgroup and user allow, and says what it chose.
 */
#include "pca/plan.h"

#include <stdio.h>

#include "base/memory.h"
#include "pca/scatter.h"
#include "pca/sizes.h"
#include "pca/storage.h"

static const double MB = 1024.0 * 1024.0;

static uint64_t allowed_bytes(const struct asim_pca_options *options)
{
    if (options->memory_limit_bytes)
        return options->memory_limit_bytes;
    /* The rest is for decoders, the page cache and whoever else is on the machine. */
    return asim_memory_available_bytes() / 10 * 6;
}

/* The result's arrays that do not grow with frames. */
static uint64_t result_bytes(const struct asim_layout *layout, uint64_t k)
{
    uint64_t vectors = asim_size_times(k, layout->atom_count);
    uint64_t atoms = asim_size_add(layout->atom_count, layout->align_count);
    return asim_size_times(3 * sizeof(double),
                           asim_size_add(vectors, asim_size_times(6, atoms)));
}

/* What is touched of a file before it is released. */
static uint64_t window_bytes(uint64_t frames, uint64_t k)
{
    return asim_pca_storage_bytes(
        frames < ASIM_RELEASE_FRAMES ? frames : ASIM_RELEASE_FRAMES, k);
}

static uint64_t memory_bytes(const struct asim_layout *layout, uint64_t frames,
                             const struct asim_pca_options *options, int threads,
                             uint64_t *ret_coordinates)
{
    uint64_t k = options->component_count;
    uint64_t blocks = (frames + ASIM_BLOCK_FRAMES - 1) / ASIM_BLOCK_FRAMES;
    uint64_t kept = frames < ASIM_BLOCK_FRAMES
                        ? frames
                        : asim_size_times(blocks, ASIM_BLOCK_FRAMES);
    enum asim_method method =
        asim_method_choose((size_t)frames, layout->atom_count, (size_t)k);
    bool exact = options->precision == ASIM_PRECISION_DOUBLE;
    uint64_t eigen = asim_method_bytes(method, frames, layout->atom_count, k, exact,
                                       (uint64_t)threads);
    uint64_t wave = asim_wave_bytes(layout, frames);
    *ret_coordinates = asim_block_bytes(layout, kept);
    /* Partial sums are gone before eigenpairs are looked for. */
    uint64_t total = asim_size_add(*ret_coordinates, eigen > wave ? eigen : wave);
    total = asim_size_add(total, asim_pca_storage_bytes(frames, k));
    return asim_size_add(total, result_bytes(layout, k));
}

static uint64_t stream_bytes(const struct asim_layout *layout, uint64_t frames,
                             const struct asim_pca_options *options, int threads,
                             bool halves)
{
    uint64_t k = options->component_count;
    bool exact = options->precision == ASIM_PRECISION_DOUBLE;
    uint64_t size = asim_size_times(3, layout->atom_count);
    uint64_t total = asim_block_bytes(layout, ASIM_BLOCK_FRAMES);
    total = asim_size_add(total, asim_wave_bytes(layout, ASIM_BLOCK_FRAMES));
    total = asim_size_add(total, asim_method_bytes(ASIM_METHOD_MATRIX_FREE, 0,
                                                   layout->atom_count, k, exact, 1));
    total =
        asim_size_add(total, asim_size_times(halves ? 2 : 1, asim_scatter_bytes(size)));
    total = asim_size_add(
        total, asim_size_times((uint64_t)threads, asim_scatter_work_bytes(exact)));
    total = asim_size_add(total, window_bytes(frames, k));
    return asim_size_add(total, result_bytes(layout, k));
}

/* Coordinates in a file: one block a thread, twice, is in memory, and what the search
 * for eigenpairs needs. */
static uint64_t spill_bytes(const struct asim_layout *layout, uint64_t frames,
                            const struct asim_pca_options *options, int threads,
                            enum asim_method method)
{
    uint64_t k = options->component_count;
    uint64_t blocks = asim_size_times(2 * (uint64_t)threads,
                                      asim_block_bytes(layout, ASIM_BLOCK_FRAMES));
    uint64_t total = asim_size_times(frames, sizeof(struct asim_fit));
    total = asim_size_add(total, blocks);
    total = asim_size_add(total, asim_wave_bytes(layout, frames));
    total = asim_size_add(total,
                          asim_method_bytes(method, frames, layout->atom_count, k,
                                            options->precision == ASIM_PRECISION_DOUBLE,
                                            (uint64_t)threads));
    total = asim_size_add(total, window_bytes(frames, k));
    return asim_size_add(total, result_bytes(layout, k));
}

/* The way that needs the least memory of those that suit a file of coordinates. */
static enum asim_method spill_method(const struct asim_layout *layout, size_t frames,
                                     size_t k)
{
    size_t size = 3 * layout->atom_count;
    size_t least = frames < size ? frames : size;
    return k <= least / 2 ? ASIM_METHOD_MATRIX_FREE
                          : asim_method_choose(frames, layout->atom_count, k);
}

bool asim_plan_fits_memory(const struct asim_layout *layout, size_t frame_count,
                           const struct asim_pca_options *options, int thread_count)
{
    uint64_t coordinates;
    return memory_bytes(layout, frame_count, options, thread_count, &coordinates) <=
           allowed_bytes(options);
}

int asim_plan_choose(const struct asim_layout *layout, size_t frame_count,
                     const struct asim_pca_options *options, int thread_count,
                     struct asim_plan *ret_plan, char *ret_words, size_t words_size,
                     struct asim_error *err)
{
    struct asim_plan plan = {.allowed_bytes = allowed_bytes(options)};
    const char *why = options->memory_limit_bytes
                          ? "the limit given"
                          : "60% of what machine and cgroup offer";
    double allowed_mb = (double)plan.allowed_bytes / MB;
    uint64_t coordinates;
    uint64_t in_memory =
        memory_bytes(layout, frame_count, options, thread_count, &coordinates);
    if (options->memory != ASIM_MEMORY_STREAM && in_memory <= plan.allowed_bytes) {
        plan.method = asim_method_choose(frame_count, layout->atom_count,
                                         options->component_count);
        plan.halves = !options->skip_rmsip;
        plan.needed_bytes = in_memory;
        snprintf(ret_words, words_size,
                 "in memory: up to %zu frames of %zu atoms, coordinates %.1f MB, all "
                 "together %.1f MB of %.1f MB allowed (%s)",
                 frame_count, layout->atom_count, (double)coordinates / MB,
                 (double)in_memory / MB, allowed_mb, why);
        *ret_plan = plan;
        return 0;
    }
    /* With fewer frames than this the coordinates are smaller than the covariance. */
    bool few = frame_count <= 9 * layout->atom_count;
    uint64_t whole = stream_bytes(layout, frame_count, options, thread_count, true);
    uint64_t single = stream_bytes(layout, frame_count, options, thread_count, false);
    enum asim_method method =
        spill_method(layout, frame_count, options->component_count);
    uint64_t file = spill_bytes(layout, frame_count, options, thread_count, method);
    uint64_t file_bytes = asim_block_bytes(layout, frame_count);
    const char *asked = options->memory == ASIM_MEMORY_STREAM ? " on request" : "";
    bool spill =
        file <= plan.allowed_bytes &&
        (single > plan.allowed_bytes || (few && options->memory != ASIM_MEMORY_STREAM));
    if (spill) {
        plan.spilled = true;
        plan.halves = !options->skip_rmsip;
        plan.method = method;
        plan.needed_bytes = file;
        snprintf(ret_words, words_size,
                 "coordinates of up to %zu frames of %zu atoms, %.1f MB, in a mapped "
                 "file, %s%s; %.1f MB of %.1f MB allowed (%s)",
                 frame_count, layout->atom_count, (double)file_bytes / MB,
                 few ? "which is less than a covariance"
                     : "because no covariance fits memory",
                 asked, (double)file / MB, allowed_mb, why);
        *ret_plan = plan;
        return 0;
    }
    plan.streaming = true;
    plan.method = ASIM_METHOD_COVARIANCE;
    plan.halves = !options->skip_rmsip && whole <= plan.allowed_bytes;
    plan.needed_bytes = plan.halves ? whole : single;
    if (plan.needed_bytes > plan.allowed_bytes)
        return asim_fail(
            err, ASIM_ENOMEM,
            "the analysis of %zu atoms needs at least %.1f MB, %.1f MB are "
            "allowed (%s); select fewer atoms, ask for fewer components or "
            "raise the limit",
            layout->atom_count, (double)(file < single ? file : single) / MB,
            allowed_mb, why);
    snprintf(
        ret_words, words_size,
        "streaming%s: blocks of %d frames of %zu atoms, %s; times and projections "
        "of %zu frames, %.1f MB, in a mapped file; %.1f MB of %.1f MB allowed (%s)",
        asked, ASIM_BLOCK_FRAMES, layout->atom_count,
        plan.halves ? "the covariance of each half is kept"
                    : "one covariance is kept, RMSIP is left out",
        frame_count,
        (double)asim_pca_storage_bytes(frame_count, options->component_count) / MB,
        (double)plan.needed_bytes / MB, allowed_mb, why);
    *ret_plan = plan;
    return 0;
}
