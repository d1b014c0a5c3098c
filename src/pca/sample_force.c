/*
 * How much of the force along PC1 a bias without the fit's rotation would leave out,
 * over a sample of frames. Formula: turning.h. Only where the fit is of the
 * analysed atoms by unit weights, as that bias demands.
 */
#include <math.h>

#include "pca/analysis.h"
#include "pca/turning.h"

/* Enough for a mean that decides between 0.02 and 0.1. */
enum { SAMPLED_FRAMES = 64 };

/* Deviations from the mean, plain (frames.h), and the vector likewise. */
static void add_products(const struct asim_analysis *an, const float *row,
                         struct asim_turning_sums *sums)
{
    size_t count = an->layout->atom_count, padded = an->layout->padded;
    const double *vector = an->pca.eigenvectors;
    for (size_t a = 0; a < 3; a++)
        for (size_t i = 0; i < count; i++) {
            double y = (double)row[a * count + i] + an->mean[a * padded + i];
            for (size_t b = 0; b < 3; b++) {
                sums->y_r[a][b] += y * an->target.atoms[b * padded + i];
                sums->y_v[a][b] += y * vector[b * count + i];
            }
        }
}

static struct asim_turning_sums sums_of_reference(const struct asim_analysis *an)
{
    struct asim_turning_sums sums = {.v_v = 1.0};
    size_t padded = an->layout->padded;
    for (size_t a = 0; a < 3; a++)
        for (size_t b = 0; b < 3; b++)
            for (size_t i = 0; i < an->layout->atom_count; i++)
                sums.r_r[a][b] +=
                    an->target.atoms[a * padded + i] * an->target.atoms[b * padded + i];
    return sums;
}

void asim_analysis_sample_force(struct asim_analysis *an,
                                const struct asim_block *block, size_t first)
{
    size_t stride = 1 + (an->pca.frame_count - 1) / SAMPLED_FRAMES;
    if (!an->layout->same || an->pca.fit_weights || an->scales ||
        an->pca.component_count == 0)
        return;
    const struct asim_turning_sums reference = sums_of_reference(an);
    for (size_t f = (stride - first % stride) % stride; f < block->count; f += stride) {
        struct asim_turning_sums sums = reference;
        double w2;
        add_products(an, block->rows + f * asim_row_width(an->layout), &sums);
        /* A frame that turns freely about the reference has no such number. */
        if (asim_turning_error(&sums, &w2, NULL) < 0)
            continue;
        an->force_error_sum += w2;
        an->force_error_count++;
    }
}
