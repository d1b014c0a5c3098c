/* How far components can be trusted: cosine content, overlap of subspaces. */
#include "pca/quality.h"

#include <math.h>

void asim_cosine_add(struct asim_cosine *cosine, const double *projection, size_t count)
{
    /* 2/T (int cos(i pi t/T) p dt)^2 / int p^2 dt with frames at the middle of their
     * intervals, where the cosines are exactly orthogonal. */
    double step = (double)(cosine->component + 1) * M_PI / (double)cosine->count;
    for (size_t t = 0; t < count; t++) {
        double p = projection[t], wave = cos(step * ((double)cosine->done++ + 0.5));
        cosine->sum += p;
        cosine->square += p * p;
        cosine->product += wave * p;
        cosine->wave += wave;
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
