/* Between the parts of the profile along another coordinate. */
#ifndef PMF_ALONG_H
#define PMF_ALONG_H

#include "pmf/problem.h"

enum { ASIM_NO_CELL = UINT32_MAX };

/* A sample that has a y. */
struct asim_along_entry {
    uint32_t node;   /* of the lattice, where its x is */
    uint32_t block;  /* short block, counted over all windows */
    uint32_t window; /* whose sample it is */
    uint32_t cell;   /* of the plane; ASIM_NO_CELL: outside */
    double y;
    double share; /* 1/D(x) over the sum of that in the cell */
};

struct asim_along_samples {
    const struct asim_problem *problem;
    size_t count;
    struct asim_along_entry *entries;
    size_t *offsets; /* [window] short blocks before it */
    size_t block_total;
    double *block_counts; /* [block] entries */
    double *a;            /* [window] f_k + ln of its entries; -INFINITY: none */
    double *log_d;        /* [node] ln D at its middle for `a` */
    double *inefficiency; /* [window] of y; 1 where there are few */
    double y_begin, y_width;
    size_t y_count, x_count, bins_per_x; /* cell = x * y_count + y */
    double *cell_log_sum;                /* [x_count * y_count] ln S; -INFINITY: none */
    double *cell_effective;              /* [x_count * y_count] effective samples */
    double *bin_log_sum, *bin_effective; /* [y_count] the same over all x */
};

int asim_along_gather(const struct asim_problem *problem,
                      const struct asim_pmf_companion *companions, size_t bin_count,
                      struct asim_along_samples *ret_samples, struct asim_error *err);
void asim_along_samples_finish(struct asim_along_samples *samples);

/* Effective samples that a bin needs to have a value: its own counting error is then a
 * third of kT. */
static const double ASIM_ALONG_LEAST = 10;

/* What bootstrap repeats say. All against the mean offset over the bins that have a
 * value. */
struct asim_along_repeats {
    double *bin_error;    /* [y_count] kT */
    double *cell_error;   /* [cells] kT */
    double quantile;      /* half width of the simultaneous band in standard errors */
    double halves;        /* first less second halves, rms in standard errors */
    double *disagreement; /* [window] mean y less what all windows make of it, in
                             standard errors; NAN: cannot be told */
};

int asim_along_repeat(const struct asim_along_samples *samples, size_t repeat_count,
                      uint64_t seed, int thread_count,
                      struct asim_along_repeats *ret_repeats, struct asim_error *err);
void asim_along_repeats_finish(struct asim_along_repeats *repeats);

enum { ASIM_ALONG_GATES = 6 };
void asim_along_judge(const struct asim_along_samples *samples,
                      const struct asim_along_repeats *repeats,
                      const struct asim_pmf_companion *companions,
                      const struct asim_pmf *profile, struct asim_gate *ret_gates);

#endif
