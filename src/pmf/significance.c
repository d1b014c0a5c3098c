/* p-values and what many of them together allow. */
#include <math.h>
#include <stdlib.h>

#include "pmf/gates.h"

double asim_student_p_value(double t, double degrees_of_freedom)
{
    /* The normal deviate of the same probability (Wallace 1959, Ann. Math. Stat. 30,
     * 1124), within a few per cent of the p-value from 10 degrees of freedom on. */
    double n = degrees_of_freedom;
    double normal = (8 * n + 1) / (8 * n + 3) * sqrt(n * log1p(t * t / n));
    return erfc(normal / M_SQRT2);
}

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
