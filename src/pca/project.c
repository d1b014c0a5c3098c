/*
 * Projections on components that are known: of one frame, and of a whole trajectory.
 * Invariant: frames are superposed on the reference that the components live on.
 */
#include <autosim/pca.h>

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "pca/frames.h"
#include "pca/reference.h"
#include "pca/rows.h"
#include "pca/source.h"
#include "structure/superpose.h"

/* The same as asim_superpose on the reference, by the weights of the fit. */
static int superpose(const struct asim_pca *pca, const double *x, double rotation[3][3],
                     double centre[3], double reference_centre[3],
                     struct asim_error *err)
{
    const double *weights = pca->fit_weights, *y = pca->reference_nm;
    if (!weights)
        return asim_superpose(x, y, pca->align_count, rotation, centre,
                              reference_centre, err);
    double sum = 0.0, products[3][3] = {{0.0}}, spread[3][3] = {{0.0}};
    for (size_t d = 0; d < 3; d++)
        centre[d] = reference_centre[d] = 0.0;
    for (size_t a = 0; a < pca->align_count; a++) {
        sum += weights[a];
        for (size_t d = 0; d < 3; d++) {
            centre[d] += weights[a] * x[3 * a + d];
            reference_centre[d] += weights[a] * y[3 * a + d];
        }
    }
    for (size_t d = 0; d < 3; d++) {
        centre[d] /= sum;
        reference_centre[d] /= sum;
    }
    for (size_t a = 0; a < pca->align_count; a++)
        for (size_t i = 0; i < 3; i++)
            for (size_t j = 0; j < 3; j++) {
                double at = x[3 * a + i] - centre[i];
                products[i][j] +=
                    weights[a] * at * (y[3 * a + j] - reference_centre[j]);
                spread[i][j] += weights[a] * at * (x[3 * a + j] - centre[j]);
            }
    if (asim_rotation_fast(products, rotation))
        return 0;
    if (asim_on_a_line(spread))
        return asim_fail(err, ASIM_EINPUT,
                         "%zu atoms that lie on a line cannot be superposed",
                         pca->align_count);
    asim_rotation_jacobi(products, rotation);
    return 0;
}

int asim_pca_project(const struct asim_pca *pca, const float (*x_nm)[3],
                     size_t component, double *ret_nm, struct asim_error *err)
{
    if (component >= pca->component_count)
        return asim_fail(err, ASIM_EUSAGE,
                         "component %zu was asked for (numbered from 0); %zu are known",
                         component, pca->component_count);
    double *x = asim_alloc_array(pca->align_count, 3 * sizeof *x, err);
    if (!x)
        return -1;
    for (size_t a = 0; a < pca->align_count; a++)
        for (size_t d = 0; d < 3; d++)
            x[3 * a + d] = (double)x_nm[pca->align_indices[a]][d];
    double rotation[3][3], centre[3], reference_centre[3];
    int rc = superpose(pca, x, rotation, centre, reference_centre, err);
    free(x);
    if (rc < 0)
        return -1;
    const double *v = pca->eigenvectors + component * 3 * pca->atom_count;
    double projection = 0.0;
    for (size_t a = 0; a < pca->atom_count; a++) {
        const float *from = x_nm[pca->atom_indices[a]];
        double scale = pca->pca_scales ? pca->pca_scales[a] : 1.0;
        for (size_t d = 0; d < 3; d++) {
            double turned = rotation[d][0] * ((double)from[0] - centre[0]) +
                            rotation[d][1] * ((double)from[1] - centre[1]) +
                            rotation[d][2] * ((double)from[2] - centre[2]) +
                            reference_centre[d];
            projection += v[3 * a + d] * scale * (turned - pca->mean_nm[3 * a + d]);
        }
    }
    *ret_nm = projection;
    return 0;
}

/* A saved analysis, laid out for the passes over blocks. */
struct projector {
    struct asim_layout layout;
    struct asim_target target;
    double *mean;    /* [row width] */
    float *scales;   /* [row width]; NULL: all 1 */
    double *vectors; /* [K][3N], plain as deviations are */
    double *sum;     /* [row width + align width], not looked at */
    double *values;  /* [K][block frames] */
    double *row;     /* [K] */
    struct asim_block block;
    double times_ps[ASIM_BLOCK_FRAMES];
    uint64_t indices[ASIM_BLOCK_FRAMES];
};

static void projector_finish(struct projector *projector)
{
    if (!projector)
        return;
    asim_target_finish(&projector->target);
    asim_block_finish(&projector->block);
    free(projector->mean);
    free(projector->scales);
    free(projector->vectors);
    free(projector->sum);
    free(projector->values);
    free(projector->row);
    free(projector);
}

/* From x0 y0 z0 x1 .. to rows with `stride` floats between x, y and z. */
static void lay_out(const double *from, size_t count, size_t stride, double *to)
{
    for (size_t a = 0; a < count; a++)
        for (size_t d = 0; d < 3; d++)
            to[d * stride + a] = from[3 * a + d];
}

static struct projector *projector_create(const struct asim_pca *pca,
                                          struct asim_error *err)
{
    struct projector *projector = asim_alloc_array(1, sizeof *projector, err);
    if (!projector)
        return NULL;
    struct asim_layout *layout = &projector->layout;
    *layout = asim_layout_make(pca->atom_count, pca->align_count, pca->align_same);
    size_t width = asim_row_width(layout), align_width = asim_align_width(layout);
    size_t k = pca->component_count, size = 3 * pca->atom_count;
    double *reference = asim_alloc_array(align_width, sizeof *reference, err);
    bool made = reference && asim_target_init(layout, pca->fit_weights,
                                              &projector->target, err) == 0;
    if (made)
        projector->mean = asim_alloc_aligned(width, sizeof(double), err);
    if (projector->mean && pca->pca_scales) {
        projector->scales = asim_alloc_aligned(width, sizeof(float), err);
        if (!projector->scales)
            goto fail;
        for (size_t i = 0; i < 3 * pca->atom_count; i++)
            projector->scales[i % 3 * layout->padded + i / 3] =
                (float)pca->pca_scales[i / 3];
    }
    if (projector->mean)
        projector->vectors = asim_alloc_array(k, size * sizeof(double), err);
    if (projector->vectors)
        projector->sum = asim_alloc_aligned(width + align_width, sizeof(double), err);
    if (projector->sum)
        projector->values =
            asim_alloc_array(k, ASIM_BLOCK_FRAMES * sizeof(double), err);
    if (projector->values)
        projector->row = asim_alloc_array(k, sizeof(double), err);
    if (!projector->row || asim_blocks_init(layout, ASIM_BLOCK_FRAMES, false, NULL,
                                            &projector->block, err) < 0)
        goto fail;
    lay_out(pca->reference_nm, pca->align_count, layout->align_padded, reference);
    lay_out(pca->mean_nm, pca->atom_count, layout->padded, projector->mean);
    for (size_t i = 0; i < k; i++)
        lay_out(pca->eigenvectors + i * size, pca->atom_count, pca->atom_count,
                projector->vectors + i * size);
    asim_target_set(layout, reference, &projector->target);
    if (asim_target_check(layout, &projector->target, err) < 0)
        goto fail;
    free(reference);
    return projector;
fail:
    free(reference);
    projector_finish(projector);
    return NULL;
}

static int project_block(const struct asim_pca *pca, struct projector *projector,
                         int threads, asim_projection_fn visit, void *context,
                         struct asim_error *err)
{
    const struct asim_layout *layout = &projector->layout;
    struct asim_block *block = &projector->block;
    size_t width = asim_row_width(layout), k = pca->component_count;
    double squares = 0.0;
    if (asim_blocks_fit(layout, block, 1, &projector->target, projector->indices,
                        ASIM_FORWARDS, threads, projector->sum, projector->sum + width,
                        err) < 0 ||
        asim_blocks_deviate(layout, block, 1, projector->mean, projector->scales,
                            threads, &squares, err) < 0)
        return -1;
    asim_rows_project(layout, block->rows, block->count, k, projector->vectors,
                      projector->values, ASIM_BLOCK_FRAMES);
    for (size_t f = 0; f < block->count; f++) {
        for (size_t i = 0; i < k; i++)
            projector->row[i] = projector->values[i * ASIM_BLOCK_FRAMES + f];
        if (visit(context, projector->times_ps[f], projector->indices[f],
                  projector->row, err) < 0)
            return -1;
    }
    return 0;
}

/* Followed from where the analysis began to follow them, molecules come to lie as it
 * had them; the mean of those that drifted apart does not tell where they began. */
static bool follows_from_start(const struct asim_pca *pca,
                               const struct asim_pca_options *options)
{
    return options->pbc == ASIM_PBC_NOJUMP &&
           (isnan(options->begin_ps) ||
            (pca->frame_count > 0 && options->begin_ps <= pca->time_ps[0]));
}

int asim_pca_project_trajectory(const struct asim_pca *pca,
                                const struct asim_topology *top,
                                struct asim_trajectory *traj,
                                const struct asim_pca_options *options,
                                struct asim_log *log, asim_projection_fn visit,
                                void *context, struct asim_error *err)
{
    struct asim_atom_list atoms = {pca->atom_count, pca->atom_indices};
    struct asim_atom_list align = {pca->align_count, pca->align_indices};
    struct asim_trajectory_source source = {0};
    struct asim_pca_options own = *options;
    int threads = asim_thread_count(options->thread_count), rc = -1;
    if (pca->system_atom_count && pca->system_atom_count != top->atom_count)
        return asim_fail(err, ASIM_EINPUT,
                         "the components belong to a system of %zu atoms, the topology "
                         "has %zu: give the system that was analysed",
                         pca->system_atom_count, top->atom_count);
    struct projector *projector = projector_create(pca, err);
    /* As the analysis had it, unless asked otherwise. */
    if (own.pbc == ASIM_PBC_AUTO && pca->pbc != ASIM_PBC_WHOLE)
        own.pbc = pca->pbc;
    if (!projector ||
        asim_trajectory_source_init(&source, top, traj, &own, &atoms, &align,
                                    pca->align_same, log, err) < 0 ||
        (source.whole && !follows_from_start(pca, &own) &&
         asim_pca_arrange(pca, source.whole, err) < 0))
        goto out;
    struct asim_frame_source frames = asim_trajectory_source_frames(&source);
    struct asim_block *block = &projector->block;
    size_t visited = 0;
    if (frames.rewind(frames.context, err) < 0)
        goto out;
    do {
        if (frames.read(frames.context, ASIM_BLOCK_FRAMES, threads, block->rows,
                        block->align_rows, projector->times_ps, projector->indices,
                        &block->count, err) < 0)
            goto out;
        asim_block_clear_padding(&projector->layout, block);
        if (block->count > 0 &&
            project_block(pca, projector, threads, visit, context, err) < 0)
            goto out;
        visited += block->count;
    } while (block->count == ASIM_BLOCK_FRAMES);
    asim_trajectory_log_damage(traj, log);
    if (visited == 0) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s': 0 frames are left after begin, end and stride",
                  asim_trajectory_path(traj));
        goto out;
    }
    rc = 0;
out:
    asim_trajectory_source_finish(&source);
    projector_finish(projector);
    return rc;
}
