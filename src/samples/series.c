/*
 * What a coordinate time series owns. Knows nothing of where it came from.
 */
#include <autosim/samples.h>

#include <stdlib.h>

void asim_series_finish(struct asim_series *series)
{
    if (!series)
        return;
    free(series->time_ps);
    free(series->value_nm);
    free(series->bias_kj_mol);
    *series = (struct asim_series){0};
}
