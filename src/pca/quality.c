/* How far components can be trusted: cosine content, overlap of subspaces. */
#include "pca/quality.h"

#include <math.h>

double asim_cosine_content(const double *projection, size_t count, size_t component)
{
    double mean = 0.0, product = 0.0, square = 0.0;
    for (size_t t = 0; t < count; t++)
        mean += projection[t];
    mean /= (double)count;
    /* 2/T (int cos(i pi t/T) p dt)^2 / int p^2 dt with frames at the middle of their
     * intervals, where the cosines are exactly orthogonal. */
    double step = (double)(component + 1) * M_PI / (double)count;
    for (size_t t = 0; t < count; t++) {
        double p = projection[t] - mean;
        product += cos(step * ((double)t + 0.5)) * p;
        square += p * p;
    }
    if (!(square > 0.0))
        return 0.0;
    return 2.0 / (double)count * product * product / square;
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
