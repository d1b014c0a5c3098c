/*
 * Components of the deviations: in memory by the way that is cheapest, streaming by the
 * merge state of the covariance or by passes; RMSIP of the two halves.
 */
#include "pca/analysis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"
#include "pca/components.h"
#include "pca/eigen.h"
#include "pca/quality.h"
#include "pca/rows.h"
#include "pca/scatter.h"

enum { RMSIP_COMPONENTS = 10 };

/* RMSIP is read to two digits. */
static const double ROUGH_TOLERANCE = 1e-4;

/* Directions with less of the largest variance than this hold rounding, not motion:
 * deviations are floats, whose squared relative error is 4e-15. */
static const double EMPTY_FRACTION = 1e-12;

/* Residuals of an accepted component, relative to the largest eigenvalue. */
static const double RESIDUAL_LIMIT = 1e-8;

/* The most components that can exist, of those asked for. */
static size_t component_limit(const struct asim_analysis *an, size_t frames)
{
    size_t degrees = 3 * an->layout->atom_count;
    if (an->layout->same)
        degrees -= 6;
    size_t limit = frames - 1 < degrees ? frames - 1 : degrees;
    return limit;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int allocate_components(struct asim_analysis *an, struct asim_error *err)
{
    struct asim_pca *pca = &an->pca;
    size_t size = 3 * an->layout->atom_count;
    size_t k =
        smaller(an->options->component_count, component_limit(an, pca->frame_count));
    pca->component_count = k;
    pca->eigenvalues_nm2 = asim_alloc_array(k, sizeof(double), err);
    if (pca->eigenvalues_nm2)
        pca->eigenvectors = asim_alloc_array(k, size * sizeof(double), err);
    if (pca->eigenvectors)
        pca->cosine_content = asim_alloc_array(k, sizeof(double), err);
    return pca->cosine_content ? 0 : -1;
}

/* Norm and sign of the vectors; those without variance are dropped. */
static void settle_vectors(struct asim_analysis *an)
{
    struct asim_pca *pca = &an->pca;
    size_t atoms = an->layout->atom_count, size = 3 * atoms;
    size_t found = pca->component_count, kept = 0;
    while (kept < found &&
           pca->eigenvalues_nm2[kept] > EMPTY_FRACTION * pca->eigenvalues_nm2[0])
        kept++;
    if (kept < found)
        asim_log_write(an->log, ASIM_LOG_INFO,
                       "the frames move in %zu directions only: %zu of %zu components "
                       "are kept",
                       kept, kept, found);
    pca->component_count = kept;
    for (size_t k = 0; k < kept; k++) {
        double *v = pca->eigenvectors + k * size;
        double square = 0.0;
        size_t largest = 0;
        for (size_t a = 0; a < atoms; a++)
            for (size_t d = 0; d < 3; d++) {
                size_t i = d * atoms + a;
                square += v[i] * v[i];
                if (fabs(v[i]) > fabs(v[largest]))
                    largest = i;
            }
        double factor = copysign(1.0 / sqrt(square), v[largest]);
        for (size_t i = 0; i < size; i++)
            v[i] *= factor;
    }
}

/* Vectors of the two halves, for RMSIP. */
struct half_vectors {
    size_t k;
    double *values;
    double *vectors[2];
};

static void half_vectors_finish(struct half_vectors *halves)
{
    free(halves->values);
    free(halves->vectors[0]);
    free(halves->vectors[1]);
}

/* k = 0 where the halves hold too little for RMSIP. */
static int half_vectors_init(const struct asim_analysis *an,
                             struct half_vectors *halves, struct asim_error *err)
{
    size_t size = 3 * an->layout->atom_count, half = an->pca.frame_count / 2;
    size_t rows = asim_eigen_rows(size, RMSIP_COMPONENTS);
    *halves = (struct half_vectors){0};
    if (half < 2 || component_limit(an, half) < RMSIP_COMPONENTS || !an->plan.halves)
        return 0;
    halves->values = asim_alloc_array(RMSIP_COMPONENTS, sizeof(double), err);
    if (!halves->values)
        return -1;
    for (int h = 0; h < 2; h++) {
        halves->vectors[h] = asim_alloc_array(rows, size * sizeof(double), err);
        if (!halves->vectors[h])
            return -1;
    }
    halves->k = RMSIP_COMPONENTS;
    return 0;
}

/* Merge states of the first and second half, or of everything in the first. */
struct states {
    struct asim_scatter part[2];
    size_t boundary; /* frames before it belong to the first */
};

static int states_init(const struct asim_analysis *an, struct states *states,
                       struct asim_error *err)
{
    size_t size = 3 * an->layout->atom_count, frames = an->pca.frame_count;
    *states = (struct states){.boundary = an->plan.halves ? frames / 2 : frames};
    if (asim_scatter_init(size, &states->part[0], err) < 0)
        return -1;
    return an->plan.halves ? asim_scatter_init(size, &states->part[1], err) : 0;
}

static void states_finish(struct states *states)
{
    asim_scatter_finish(&states->part[0]);
    asim_scatter_finish(&states->part[1]);
}

static int states_add(const struct asim_analysis *an, struct states *states,
                      const struct asim_block *block, size_t first,
                      struct asim_error *err)
{
    bool exact = an->options->precision == ASIM_PRECISION_DOUBLE;
    size_t cut =
        states->boundary > first ? smaller(states->boundary - first, block->count) : 0;
    if (asim_scatter_add(&states->part[0], an->layout, block, 0, cut, exact,
                         an->threads, err) < 0)
        return -1;
    return cut < block->count
               ? asim_scatter_add(&states->part[1], an->layout, block, cut,
                                  block->count, exact, an->threads, err)
               : 0;
}

static int states_solve(struct asim_analysis *an, struct states *states,
                        struct asim_error *err)
{
    struct asim_pca *pca = &an->pca;
    size_t size = 3 * an->layout->atom_count;
    struct half_vectors halves = {0};
    int rc = -1;
    asim_scatter_centre(&states->part[0]);
    if (an->plan.halves) {
        asim_scatter_centre(&states->part[1]);
        if (half_vectors_init(an, &halves, err) < 0)
            goto out;
        for (int h = 0; h < 2 && halves.k; h++)
            if (asim_eigen_dense(states->part[h].products, true, size, halves.k,
                                 halves.values, halves.vectors[h], err) < 0)
                goto out;
        if (halves.k)
            pca->rmsip =
                asim_rmsip(halves.vectors[0], halves.vectors[1], halves.k, size);
        asim_scatter_merge_centred(&states->part[0], &states->part[1]);
        asim_scatter_finish(&states->part[1]);
    }
    /* Room for what is found on the way. */
    size_t k = pca->component_count;
    free(pca->eigenvectors);
    pca->eigenvectors =
        asim_alloc_array(asim_eigen_rows(size, k), size * sizeof(double), err);
    if (pca->eigenvectors)
        rc = asim_eigen_dense(states->part[0].products, false, size, k,
                              pca->eigenvalues_nm2, pca->eigenvectors, err);
out:
    half_vectors_finish(&halves);
    return rc;
}

static int require_motion(const struct asim_analysis *an, struct asim_error *err)
{
    /* Less than 1e-9 nm an atom is below what a float can say. */
    if (an->square_sum > 1e-18 * (double)an->layout->atom_count)
        return 0;
    return asim_fail(err, ASIM_EINPUT,
                     "all %zu frames show the same structure: nothing moves, so there "
                     "are no principal components",
                     an->pca.frame_count);
}

static int solve_covariance_in_memory(struct asim_analysis *an, struct asim_error *err)
{
    struct states states;
    int rc = -1;
    if (states_init(an, &states, err) < 0)
        goto out;
    for (size_t b = 0; b < an->block_used; b++)
        if (states_add(an, &states, &an->blocks[b], b * ASIM_BLOCK_FRAMES, err) < 0)
            goto out;
    rc = states_solve(an, &states, err);
out:
    states_finish(&states);
    return rc;
}

static int rmsip_in_memory(struct asim_analysis *an, const struct asim_view *view,
                           struct asim_error *err)
{
    struct half_vectors halves;
    size_t size = 3 * an->layout->atom_count, half = view->count / 2;
    int rc = half_vectors_init(an, &halves, err);
    for (int h = 0; h < 2 && halves.k && rc == 0; h++) {
        struct asim_view part = *view;
        part.first = h ? half : 0;
        part.count = h ? view->count - half : half;
        part.rough = true;
        part.centred = false;
        rc = asim_view_components(
            &part, asim_method_choose(part.count, an->layout->atom_count, halves.k),
            halves.k, ROUGH_TOLERANCE, halves.values, halves.vectors[h], err);
    }
    if (rc == 0 && halves.k)
        an->pca.rmsip =
            asim_rmsip(halves.vectors[0], halves.vectors[1], halves.k, size);
    half_vectors_finish(&halves);
    return rc;
}

static int solve_in_memory(struct asim_analysis *an, struct asim_error *err)
{
    struct asim_pca *pca = &an->pca;
    size_t k = pca->component_count, frames = pca->frame_count;
    struct asim_view view = {.layout = an->layout,
                             .blocks = an->blocks,
                             .count = frames,
                             .exact = an->options->precision == ASIM_PRECISION_DOUBLE,
                             .centred = true,
                             .thread_count = an->threads};
    if (asim_blocks_deviate(an->layout, an->blocks, an->block_used, an->mean,
                            an->scales, an->threads, &an->square_sum, err) < 0 ||
        require_motion(an, err) < 0)
        return -1;
    enum asim_method method =
        an->plan.spilled ? an->plan.method
                         : asim_method_choose(frames, an->layout->atom_count, k);
    for (;;) {
        pca->component_count = k;
        int rc =
            method == ASIM_METHOD_COVARIANCE
                ? solve_covariance_in_memory(an, err)
                : asim_view_components(&view, method, k, 1e-9, pca->eigenvalues_nm2,
                                       pca->eigenvectors, err);
        double residual = 0.0;
        if (rc < 0)
            return -1;
        settle_vectors(an);
        /* LAPACK and the search in a matrix look at residuals themselves, and float
         * products of a covariance have their own, larger error. */
        bool direct = method == ASIM_METHOD_MATRIX_FREE;
        if (asim_view_project(&view, pca->component_count, pca->eigenvalues_nm2,
                              pca->eigenvectors, pca->projections_nm,
                              direct ? &residual : NULL, err) < 0)
            return -1;
        if (!direct || residual <= RESIDUAL_LIMIT * pca->eigenvalues_nm2[0])
            break;
        asim_log_write(an->log, ASIM_LOG_WARNING,
                       "components found by %s leave residuals of %.1e; they are "
                       "computed again from a matrix",
                       asim_method_name(method), residual / pca->eigenvalues_nm2[0]);
        method = frames <= 3 * an->layout->atom_count ? ASIM_METHOD_GRAM
                                                      : ASIM_METHOD_COVARIANCE;
    }
    asim_log_write(an->log, ASIM_LOG_DEBUG, "components by %s",
                   asim_method_name(method));
    for (size_t b = 0; b < an->block_used; b++) {
        asim_analysis_sample_force(an, &an->blocks[b], b * ASIM_BLOCK_FRAMES);
        asim_block_release(an->layout, &an->blocks[b]);
    }
    return method == ASIM_METHOD_COVARIANCE ? 0 : rmsip_in_memory(an, &view, err);
}

static int covariance_block(struct asim_analysis *an, struct asim_block *block,
                            size_t first, void *context, struct asim_error *err)
{
    if (asim_analysis_deviate_block(an, block, first, &an->square_sum, err) < 0)
        return -1;
    return states_add(an, context, block, first, err);
}

struct project_task {
    const struct asim_analysis *an;
    const struct asim_block *block;
    size_t first;
};

static int project_group(void *context, size_t task, int thread_index,
                         struct asim_error *err)
{
    (void)thread_index;
    (void)err;
    const struct project_task *project = context;
    const struct asim_layout *layout = project->an->layout;
    const struct asim_pca *pca = &project->an->pca;
    size_t first = task * ASIM_GROUP_FRAMES;
    asim_rows_project(layout, project->block->rows + first * asim_row_width(layout),
                      smaller(project->block->count - first, ASIM_GROUP_FRAMES),
                      pca->component_count, pca->eigenvectors,
                      pca->projections_nm + project->first + first, pca->frame_count);
    return 0;
}

static int project_block(struct asim_analysis *an, struct asim_block *block,
                         size_t first, void *context, struct asim_error *err)
{
    (void)context;
    double squares = 0.0;
    if (asim_analysis_deviate_block(an, block, first, &squares, err) < 0)
        return -1;
    asim_analysis_sample_force(an, block, first);
    struct project_task project = {an, block, first};
    return asim_parallel((block->count + ASIM_GROUP_FRAMES - 1) / ASIM_GROUP_FRAMES,
                         an->threads, project_group, &project, err);
}

static int solve_streaming(struct asim_analysis *an, struct asim_error *err)
{
    struct states states;
    int rc = states_init(an, &states, err);
    if (rc == 0)
        rc = asim_analysis_stream_pass(an, covariance_block, &states, err);
    if (rc == 0)
        rc = require_motion(an, err);
    if (rc == 0)
        rc = states_solve(an, &states, err);
    states_finish(&states);
    if (rc < 0)
        return -1;
    settle_vectors(an);
    return asim_analysis_stream_pass(an, project_block, NULL, err);
}

int asim_analysis_solve(struct asim_analysis *an, struct asim_error *err)
{
    if (allocate_components(an, err) < 0)
        return -1;
    return an->plan.streaming ? solve_streaming(an, err) : solve_in_memory(an, err);
}
