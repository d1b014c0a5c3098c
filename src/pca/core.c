/*
 * The analysis: reference, deviations, components, quality, with coordinates in memory
 * or in passes over the source.
 *
 * Invariant: both ways sum the same rounded deviations in the same order; they differ
 * only in how eigenpairs are found. Must not know files or topologies.
 */
#include "pca/analysis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/threads.h"
#include "pca/eigen.h"
#include "pca/quality.h"
#include "pca/storage.h"

/* Of so many and more LAPACK finds all or most, and the time is its. */
enum { MANY_COMPONENTS = 500 };

/* From x0 x1 .. y0 .. z0 .. to x0 y0 z0 x1 .. */
static int interleave_vectors(struct asim_analysis *an, struct asim_error *err)
{
    size_t atoms = an->layout->atom_count;
    double *scratch = asim_alloc_array(3 * atoms, sizeof *scratch, err);
    if (!scratch)
        return -1;
    for (size_t k = 0; k < an->pca.component_count; k++) {
        double *v = an->pca.eigenvectors + k * 3 * atoms;
        memcpy(scratch, v, 3 * atoms * sizeof *v);
        for (size_t a = 0; a < atoms; a++)
            for (size_t d = 0; d < 3; d++)
                v[3 * a + d] = scratch[d * atoms + a];
    }
    free(scratch);
    return 0;
}

static void measure_cosines(struct asim_analysis *an)
{
    struct asim_pca *pca = &an->pca;
    for (size_t k = 0; k < pca->component_count; k++) {
        const double *p = pca->projections_nm + k * pca->frame_count;
        struct asim_cosine cosine = {.count = pca->frame_count, .component = k};
        for (size_t f = 0; f < pca->frame_count; f += ASIM_RELEASE_FRAMES) {
            size_t left = pca->frame_count - f;
            asim_cosine_add(&cosine, p + f,
                            left < ASIM_RELEASE_FRAMES ? left : ASIM_RELEASE_FRAMES);
            asim_pca_storage_release(pca);
        }
        pca->cosine_content[k] = asim_cosine_value(&cosine);
    }
}

static void settle_result(struct asim_analysis *an)
{
    struct asim_pca *pca = &an->pca;
    double divisor = (double)(pca->frame_count - 1);
    for (size_t k = 0; k < pca->component_count; k++)
        pca->eigenvalues_nm2[k] /= divisor;
    pca->total_variance_nm2 = an->square_sum / divisor;
    if (an->force_error_count > 0)
        pca->force_error = an->force_error_sum / (double)an->force_error_count;
    measure_cosines(an);
    char doubt[300];
    for (size_t i = 0; asim_pca_doubt(pca, i, doubt, sizeof doubt); i++)
        asim_log_write(an->log, ASIM_LOG_WARNING, "%s", doubt);
}

/* From x[] y[] z[] to x0 y0 z0 x1 .. */
static double *interleaved(const double *from, size_t padded, size_t count,
                           struct asim_error *err)
{
    double *to = asim_alloc_array(count, 3 * sizeof *to, err);
    if (to)
        for (size_t a = 0; a < count; a++)
            for (size_t d = 0; d < 3; d++)
                to[3 * a + d] = from[d * padded + a];
    return to;
}

static double *copy_weights(const double *weights, size_t count, struct asim_error *err)
{
    double sum = 0.0;
    double *copy = asim_alloc_array(count, sizeof *copy, err);
    for (size_t a = 0; copy && a < count; a++)
        sum += weights[a];
    for (size_t a = 0; copy && a < count; a++)
        copy[a] = weights[a] * (double)count / sum;
    return copy;
}

/* Weights of mean 1, and what deviations are multiplied by. */
static int settle_weights(struct asim_analysis *an, struct asim_error *err)
{
    const struct asim_layout *layout = an->layout;
    struct asim_pca *pca = &an->pca;
    if (an->source->fit_weights) {
        pca->fit_weights =
            copy_weights(an->source->fit_weights, layout->align_count, err);
        if (!pca->fit_weights)
            return -1;
    }
    if (!an->source->pca_weights)
        return 0;
    pca->pca_scales = copy_weights(an->source->pca_weights, layout->atom_count, err);
    if (pca->pca_scales)
        an->scales = asim_alloc_aligned(asim_row_width(layout), sizeof(float), err);
    if (!an->scales)
        return -1;
    for (size_t a = 0; a < layout->atom_count; a++) {
        /* Exactly what rows are multiplied by, so that projections agree. */
        float scale = (float)sqrt(pca->pca_scales[a]);
        pca->pca_scales[a] = (double)scale;
        for (size_t d = 0; d < 3; d++)
            an->scales[d * layout->padded + a] = scale;
    }
    return 0;
}

static int prepare(struct asim_analysis *an, struct asim_error *err)
{
    const struct asim_layout *layout = an->layout;
    size_t width = asim_row_width(layout), align_width = asim_align_width(layout);
    if (layout->atom_count < 1 || layout->align_count < 3)
        return asim_fail(
            err, ASIM_EINPUT,
            "the fit has %zu atom%s; at least 3 that are not on a line are "
            "needed",
            layout->align_count, layout->align_count == 1 ? "" : "s");
    if (an->options->component_count < 1)
        return asim_fail(err, ASIM_EUSAGE, "component_count must be at least 1");
    if (an->options->memory != ASIM_MEMORY_STREAM && an->source->count &&
        !asim_plan_fits_memory(layout, an->source->frame_bound, an->options,
                               an->threads))
        if (an->source->count(an->source->context, &an->pca.frame_count, err) < 0)
            return -1;
    size_t frames = an->pca.frame_count ? an->pca.frame_count : an->source->frame_bound;
    an->pca.frame_count = 0;
    if (asim_plan_choose(layout, frames, an->options, an->threads, &an->plan,
                         an->pca.plan, sizeof an->pca.plan, err) < 0)
        return -1;
    asim_log_write(an->log, ASIM_LOG_INFO, "memory plan: %s", an->pca.plan);
    size_t k = an->options->component_count;
    if (asim_pca_storage_create(&an->pca, an->source->frame_bound,
                                k < frames ? k : frames,
                                an->plan.streaming || an->plan.spilled,
                                an->options->scratch_folder, err) < 0)
        return -1;
    an->sum = asim_alloc_aligned(width, sizeof(double), err);
    if (an->sum)
        an->mean = asim_alloc_aligned(width, sizeof(double), err);
    if (!an->mean)
        return -1;
    an->align_sum =
        layout->same ? an->sum : asim_alloc_aligned(align_width, sizeof(double), err);
    if (!an->align_sum || settle_weights(an, err) < 0)
        return -1;
    return asim_target_init(layout, an->pca.fit_weights, &an->target, err);
}

/* No more components can exist than coordinates, or frames. */
static size_t most_components(const struct asim_frame_source *source, size_t wanted)
{
    size_t atoms = source->layout->atom_count;
    size_t most = source->frame_bound > 1 ? source->frame_bound - 1 : 1;
    if (atoms < most / 3)
        most = 3 * atoms;
    return wanted < most ? wanted : most;
}

/* Frames of the one block of a stream. */
static size_t block_frames(const struct asim_frame_source *source)
{
    size_t frames = source->frame_bound ? source->frame_bound : 1;
    return frames < ASIM_BLOCK_FRAMES ? frames : ASIM_BLOCK_FRAMES;
}

int asim_pca_analyse(const struct asim_frame_source *source,
                     const struct asim_pca_options *options, struct asim_log *log,
                     struct asim_pca *ret_pca, struct asim_error *err)
{
    double start = asim_monotonic_seconds();
    struct asim_pca_options own = *options;
    struct asim_analysis an = {
        .source = source,
        .layout = source->layout,
        .options = &own,
        .log = log,
        .pca = {.rmsip = NAN, .force_error = NAN, .pbc = ASIM_PBC_NONE}};
    an.threads = asim_thread_count(options->thread_count);
    own.component_count = most_components(source, options->component_count);
    int rc = -1;
    asim_blas_begin();
    if (prepare(&an, err) < 0)
        goto out;
    if (own.component_count >= MANY_COMPONENTS && asim_blas_faster_kernels())
        asim_log_write(
            log, ASIM_LOG_INFO,
            "OpenBLAS does not know this processor: with "
            "OPENBLAS_CORETYPE=%s in the environment %zu components take less "
            "time",
            asim_blas_faster_kernels(), own.component_count);
    if ((an.plan.streaming ? asim_analysis_new_blocks(&an, block_frames(source), err)
                           : asim_analysis_read_all(&an, err)) < 0)
        goto out;
    if (!an.plan.streaming && asim_analysis_require_frames(&an, err) < 0)
        goto out;
    if (asim_analysis_settle_reference(&an, err) < 0 ||
        asim_analysis_solve(&an, err) < 0)
        goto out;
    settle_result(&an);
    if (interleave_vectors(&an, err) < 0)
        goto out;
    an.pca.mean_nm =
        interleaved(an.mean, an.layout->padded, an.layout->atom_count, err);
    if (!an.pca.mean_nm)
        goto out;
    an.pca.reference_nm = interleaved(an.target.atoms, an.layout->align_padded,
                                      an.layout->align_count, err);
    if (!an.pca.reference_nm)
        goto out;
    an.pca.atom_count = an.layout->atom_count;
    an.pca.align_count = an.layout->align_count;
    an.pca.align_same = an.layout->same;
    an.pca.reference = options->reference;
    an.pca.streaming = an.plan.streaming;
    an.pca.computation_time_ms = (asim_monotonic_seconds() - start) * 1e3;
    an.pca.peak_memory_mb = asim_memory_peak_mb();
    *ret_pca = an.pca;
    an.pca = (struct asim_pca){0};
    rc = 0;
out:
    asim_blas_end();
    for (size_t b = 0; b < an.block_count; b++)
        asim_block_finish(&an.blocks[b]);
    free(an.blocks);
    if (!source->layout->same)
        free(an.align_sum);
    asim_target_finish(&an.target);
    free(an.sum);
    free(an.mean);
    free(an.scales);
    asim_pca_finish(&an.pca);
    return rc;
}

void asim_pca_finish(struct asim_pca *pca)
{
    if (!pca)
        return;
    free(pca->atom_indices);
    free(pca->align_indices);
    free(pca->eigenvalues_nm2);
    free(pca->eigenvectors);
    free(pca->mean_nm);
    free(pca->reference_nm);
    free(pca->fit_weights);
    free(pca->pca_scales);
    asim_pca_storage_finish(pca);
    free(pca->cosine_content);
    *pca = (struct asim_pca){0};
}
