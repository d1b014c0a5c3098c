/*
 * The coordinate's time series of one window, and its statistics.
 */
#ifndef AUTOSIM_SAMPLES_H
#define AUTOSIM_SAMPLES_H

#include <stddef.h>

#include <autosim/bias.h>
#include <autosim/error.h>

struct asim_series {
    size_t count;
    double *time_ps;        /* ascending, no repeats */
    double *value_nm;       /* the coordinate p */
    double *bias_kj_mol;    /* V as the engine printed it; NULL where it prints none */
    size_t duplicate_count; /* rows dropped because a later row had the same time */
};

ASIM_API void asim_series_finish(struct asim_series *series);

/*
 * Reads what `gmx mdrun -eo` wrote. Columns are found by legend, never by number. The
 * last row of a time wins (rows repeat after a restart). A torn last line is dropped.
 * Each row's bias is checked against V = k/2 (p-p0)^2 within the rounding of the file;
 * a mismatch is ASIM_EINPUT and names the row. So are a moving centre (a slope) and a
 * second flooding vector, whose energy GROMACS adds to that of the first; monitored
 * vectors are passed over.
 */
ASIM_API int asim_series_read_edi_output(const char *path, const struct asim_bias *bias,
                                         struct asim_series *ret_series,
                                         struct asim_error *err);

/* Statistical inefficiency g >= 1 of a series (1 + 2 tau / dt), Chodera et al. 2007,
 * J. Chem. Theory Comput. 3, 26, by FFT or windowed sums: never O(N^2). A constant
 * series is one observation: g = count. */
ASIM_API double asim_statistical_inefficiency(const double *values, size_t count);

/* How often some window of a sound campaign may be said to drift: each is tested at
 * this level divided by the number of windows. */
#define ASIM_DRIFT_LEVEL 0.01

/*
 * Rows to leave out at the beginning of a series so that it no longer begins elsewhere
 * than it ends (Geweke 1992, first tenth against last half, at this level): 0 where it
 * does not drift to begin with, else the least number of tenths, up to half. 0 also
 * where no such start is found: then the series never settled.
 */
ASIM_API size_t asim_settled_start(const double *values, size_t count,
                                   size_t block_count, double level);

#endif
