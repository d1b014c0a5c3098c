/*
 * The memory governor: counts coordinates, matrices and buffers in 64 bits, compares
 * them with what machine, cgroup and user allow, and says what it chose.
 */
#include "pca/plan.h"

#include <stdio.h>

#include "base/memory.h"
#include "pca/scatter.h"
#include "pca/sizes.h"

static const double MB = 1024.0 * 1024.0;

static uint64_t allowed_bytes(const struct asim_pca_options *options)
{
    if (options->memory_limit_bytes)
        return options->memory_limit_bytes;
    /* The rest is for decoders, the page cache and whoever else is on the machine. */
    return asim_memory_available_bytes() / 10 * 6;
}

/* Times, frame numbers, projections and the result's own arrays. */
static uint64_t result_bytes(const struct asim_layout *layout, uint64_t frames,
                             uint64_t k)
{
    uint64_t per_frame = asim_size_times(k + 3, sizeof(double));
    uint64_t atoms = asim_size_add(layout->atom_count, layout->align_count);
    uint64_t vectors =
        asim_size_times(3 * sizeof(double), asim_size_times(k + 6, atoms));
    return asim_size_add(asim_size_times(frames, per_frame), vectors);
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
    return asim_size_add(total, result_bytes(layout, frames, k));
}

static uint64_t stream_bytes(const struct asim_layout *layout, uint64_t frames,
                             const struct asim_pca_options *options, int threads,
                             bool halves, bool covariance)
{
    uint64_t k = options->component_count;
    bool exact = options->precision == ASIM_PRECISION_DOUBLE;
    uint64_t size = asim_size_times(3, layout->atom_count);
    uint64_t total = asim_block_bytes(layout, ASIM_BLOCK_FRAMES);
    total = asim_size_add(total, asim_wave_bytes(layout, ASIM_BLOCK_FRAMES));
    total = asim_size_add(total, asim_method_bytes(ASIM_METHOD_MATRIX_FREE, 0,
                                                   layout->atom_count, k, exact, 1));
    if (covariance) {
        total = asim_size_add(
            total, asim_size_times(halves ? 2 : 1, asim_scatter_bytes(size)));
        total = asim_size_add(
            total, asim_size_times((uint64_t)threads, asim_scatter_work_bytes(exact)));
    }
    return asim_size_add(total, result_bytes(layout, frames, k));
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
        plan.halves = true;
        plan.needed_bytes = in_memory;
        snprintf(ret_words, words_size,
                 "in memory: up to %zu frames of %zu atoms, coordinates %.1f MB, all "
                 "together %.1f MB of %.1f MB allowed (%s)",
                 frame_count, layout->atom_count, (double)coordinates / MB,
                 (double)in_memory / MB, allowed_mb, why);
        *ret_plan = plan;
        return 0;
    }
    plan.streaming = true;
    uint64_t least = 0;
    for (int way = 0; way < 3; way++) { /* halves; one covariance; none at all */
        plan.halves = way == 0;
        plan.method = way < 2 ? ASIM_METHOD_COVARIANCE : ASIM_METHOD_MATRIX_FREE;
        least =
            stream_bytes(layout, frame_count, options, thread_count, way == 0, way < 2);
        plan.needed_bytes = least;
        if (least > plan.allowed_bytes)
            continue;
        static const char *const words[] = {
            "the covariance of each half is kept",
            "one covariance is kept, RMSIP is left out",
            ("no covariance fits, each step of the eigenvalue search reads the file "
             "again, RMSIP is left out")};
        snprintf(
            ret_words, words_size,
            "streaming%s: blocks of %d frames of %zu atoms, %s, %.1f MB of %.1f MB "
            "allowed (%s)",
            options->memory == ASIM_MEMORY_STREAM ? " on request" : "",
            ASIM_BLOCK_FRAMES, layout->atom_count, words[way], (double)least / MB,
            allowed_mb, why);
        *ret_plan = plan;
        return 0;
    }
    return asim_fail(err, ASIM_ENOMEM,
                     "the analysis of %zu atoms needs at least %.1f MB, %.1f MB are "
                     "allowed (%s); select fewer atoms, ask for fewer components or "
                     "raise the limit",
                     layout->atom_count, (double)least / MB, allowed_mb, why);
}
