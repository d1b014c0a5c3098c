/* How far components can be trusted: cosine content, overlap of subspaces. */
#include "pca/quality.h"

#include <math.h>
#include <stdio.h>

#include "pca/turning.h"

enum { EXACT_WAVES = 256 };

static const double COSINE_LIMIT = 0.5;
/* Of the variance of PC1. Sampling leaves an error of some sqrt(2 / independent frames)
 * of an eigenvalue, and mixes neighbours whose gap is of that size (North et al. 1982,
 * Mon. Weather Rev. 110, 699): a fifth, with 50 independent frames. */
static const double GAP_LIMIT = 0.2;

bool asim_pca_doubt(const struct asim_pca *pca, size_t index, char *ret_text,
                    size_t size)
{
    if (pca->component_count == 0)
        return false;
    if (pca->cosine_content && pca->cosine_content[0] > COSINE_LIMIT && index-- == 0) {
        snprintf(ret_text, size,
                 "PC1 has cosine content %.2f: it moves like free diffusion, the "
                 "trajectory is too short to sample it",
                 pca->cosine_content[0]);
        return true;
    }
    if (pca->force_error > ASIM_FORCE_ERROR_LIMIT && index-- == 0) {
        snprintf(ret_text, size,
                 "The fit's rotation carries much of PC1, <w^2> = %.2f: the .edi bias "
                 "is refused along it (above %.1f), and colvars or plumed are needed; "
                 "or select more atoms, or a larger, stiffer part",
                 pca->force_error, ASIM_FORCE_ERROR_LIMIT);
        return true;
    }
    if (pca->force_error > ASIM_FORCE_ERROR_WARNING &&
        pca->force_error <= ASIM_FORCE_ERROR_LIMIT && index-- == 0) {
        snprintf(ret_text, size,
                 "The fit's rotation carries part of PC1, <w^2> = %.3f: the .edi bias "
                 "would make the PMF too steep by some %.1f%%; colvars and plumed are "
                 "exact",
                 pca->force_error, 100 * pca->force_error);
        return true;
    }
    if (pca->component_count < 2 || !pca->eigenvalues_nm2)
        return false;
    double first = pca->eigenvalues_nm2[0], second = pca->eigenvalues_nm2[1];
    if (first - second < GAP_LIMIT * first && index-- == 0) {
        snprintf(
            ret_text, size,
            "PC2 has %.0f%% of the variance of PC1: which direction of their plane "
            "is PC1 is hardly determined, and another trajectory may give another",
            100 * second / first);
        return true;
    }
    return false;
}

void asim_cosine_add(struct asim_cosine *cosine, const double *projection, size_t count)
{
    /* 2/T (int cos(i pi t/T) p dt)^2 / int p^2 dt with frames at the middle of their
     * intervals, where the cosines are exactly orthogonal. */
    double step = (double)(cosine->component + 1) * M_PI / (double)cosine->count;
    double turn_cos = cos(step), turn_sin = sin(step), wave = 0.0, other = 0.0;
    for (size_t t = 0; t < count; t++, cosine->done++) {
        /* By angle sums, which lose an epsilon a step, from exact values now and then.
         */
        if (t == 0 || cosine->done % EXACT_WAVES == 0) {
            double angle = step * ((double)cosine->done + 0.5);
            wave = cos(angle);
            other = sin(angle);
        }
        double p = projection[t], next = wave * turn_cos - other * turn_sin;
        cosine->sum += p;
        cosine->square += p * p;
        cosine->product += wave * p;
        cosine->wave += wave;
        other = other * turn_cos + wave * turn_sin;
        wave = next;
    }
}

double asim_cosine_value(const struct asim_cosine *cosine)
{
    double count = (double)cosine->count, mean = cosine->sum / count;
    double product = cosine->product - mean * cosine->wave;
    double square = cosine->square - count * mean * mean;
    /* Below that the difference is rounding: it does not move. */
    if (!(square > 1e-15 * cosine->square))
        return 0.0;
    return 2.0 / count * product * product / square;
}

double asim_cosine_content(const double *projection, size_t count, size_t component)
{
    struct asim_cosine cosine = {.count = count, .component = component};
    asim_cosine_add(&cosine, projection, count);
    return asim_cosine_value(&cosine);
}

double asim_rmsip(const double *a, const double *b, size_t k, size_t size)
{
    double sum = 0.0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) {
            double product = 0.0;
            for (size_t s = 0; s < size; s++)
                product += a[i * size + s] * b[j * size + s];
            sum += product * product;
        }
    return sqrt(sum / (double)k);
}
