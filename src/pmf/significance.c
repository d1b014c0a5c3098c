/* What many p-values together allow. */
#include <stdlib.h>

#include "pmf/gates.h"

static int compare_doubles(const void *first, const void *second)
{
    double a = *(const double *)first, b = *(const double *)second;
    return a < b ? -1 : a > b;
}

double asim_false_discovery_limit(double *p, size_t count, double rate)
{
    double limit = 0;
    qsort(p, count, sizeof *p, compare_doubles);
    for (size_t i = 0; i < count; i++)
        if (p[i] <= rate * (double)(i + 1) / (double)count)
            limit = p[i];
    return limit;
}
