/*
 * The analysis: reference, deviations, components, quality, with coordinates in memory
 * or in passes over the source.
 *
 * Invariant: both ways sum the same rounded deviations in the same order; they differ
 * only in how eigenpairs are found. Must not know files or topologies.
 */
#include "pca/analysis.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "pca/eigen.h"
#include "pca/quality.h"

/* Directions with less of the largest variance than this hold rounding, not motion:
 * deviations are floats, whose squared relative error is 4e-15. */
static const double EMPTY_FRACTION = 1e-12;

static int default_threads(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

/* From x0 x1 .. y0 .. z0 .. to x0 y0 z0 x1 .. */
static void interleave(double *v, size_t atoms, double *scratch)
{
    memcpy(scratch, v, 3 * atoms * sizeof *v);
    for (size_t a = 0; a < atoms; a++)
        for (size_t d = 0; d < 3; d++)
            v[3 * a + d] = scratch[d * atoms + a];
}

/* Order, units, norm and sign of the components; those without variance are dropped. */
static int settle_components(struct asim_analysis *an, struct asim_error *err)
{
    struct asim_pca *pca = &an->pca;
    size_t size = 3 * an->layout->atom_count, frames = pca->frame_count;
    size_t found = pca->component_count, kept = 0;
    double divisor = (double)(frames - 1);
    double *scratch = asim_alloc_array(size, sizeof *scratch, err);
    if (!scratch)
        return -1;
    while (kept < found &&
           pca->eigenvalues_nm2[kept] > EMPTY_FRACTION * pca->eigenvalues_nm2[0])
        kept++;
    if (kept < found)
        asim_log_write(an->log, ASIM_LOG_INFO,
                       "the frames move in %zu directions only: %zu of %zu components "
                       "are kept",
                       kept, kept, found);
    pca->component_count = kept;
    for (size_t i = 0; i < kept; i++) {
        double *v = pca->eigenvectors + i * size;
        double *p = pca->projections_nm + i * frames;
        double square = 0.0;
        size_t largest = 0;
        interleave(v, an->layout->atom_count, scratch);
        for (size_t j = 0; j < size; j++) {
            square += v[j] * v[j];
            if (fabs(v[j]) > fabs(v[largest]))
                largest = j;
        }
        double factor = copysign(1.0 / sqrt(square), v[largest]);
        for (size_t j = 0; j < size; j++)
            v[j] *= factor;
        for (size_t f = 0; f < frames; f++)
            p[f] *= factor;
        pca->eigenvalues_nm2[i] /= divisor;
        pca->cosine_content[i] = asim_cosine_content(p, frames, i);
    }
    pca->total_variance_nm2 = an->square_sum / divisor;
    if (pca->cosine_content[0] > 0.5)
        asim_log_write(an->log, ASIM_LOG_WARNING,
                       "PC1 has cosine content %.2f: it moves like free diffusion, the "
                       "trajectory is too short to sample it",
                       pca->cosine_content[0]);
    free(scratch);
    return 0;
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

static int prepare(struct asim_analysis *an, struct asim_error *err)
{
    const struct asim_layout *layout = an->layout;
    size_t width = asim_row_width(layout), align_width = asim_align_width(layout);
    if (layout->atom_count < 1 || layout->align_count < 3)
        return asim_fail(err, ASIM_EINPUT,
                         "the fit has %zu atoms; at least 3 that are not on a line are "
                         "needed",
                         layout->align_count);
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
    an->sum = asim_alloc_aligned(width, sizeof(double), err);
    if (an->sum)
        an->mean = asim_alloc_aligned(width, sizeof(double), err);
    if (!an->mean)
        return -1;
    an->align_sum =
        layout->same ? an->sum : asim_alloc_aligned(align_width, sizeof(double), err);
    return an->align_sum ? asim_target_init(layout, NULL, &an->target, err) : -1;
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
    struct asim_analysis an = {.source = source,
                               .layout = source->layout,
                               .options = options,
                               .log = log,
                               .pca = {.rmsip = NAN, .pbc = ASIM_PBC_NONE}};
    an.threads = options->thread_count > 0 ? options->thread_count : default_threads();
    int rc = -1;
    asim_blas_begin();
    if (prepare(&an, err) < 0)
        goto out;
    if ((an.plan.streaming ? asim_analysis_new_blocks(&an, block_frames(source), err)
                           : asim_analysis_read_all(&an, err)) < 0)
        goto out;
    if (!an.plan.streaming && asim_analysis_require_frames(&an, err) < 0)
        goto out;
    if (asim_analysis_settle_reference(&an, err) < 0 ||
        asim_analysis_solve(&an, err) < 0)
        goto out;
    if (settle_components(&an, err) < 0)
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
    free(pca->projections_nm);
    free(pca->time_ps);
    free(pca->frame_indices);
    free(pca->cosine_content);
    *pca = (struct asim_pca){0};
}
