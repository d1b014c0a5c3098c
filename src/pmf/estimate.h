/* The point estimate: MBAR's solution on the raw data, and what describes it. */
#ifndef PMF_ESTIMATE_H
#define PMF_ESTIMATE_H

#include "pmf/lattice.h"
#include "pmf/mbar.h"

struct asim_estimate {
    double *a;            /* [window] f_k + ln N_k, a_0 = ln N_0 */
    double *weight;       /* [window] N_k */
    double *log_sum;      /* [bin] ln sum 1/D over the bin's samples; -INFINITY: none */
    double *overlap;      /* [window][window] */
    double *pair_overlap; /* [window][window] the same as if these two were the only
                             windows, whatever others share their samples; 1 on the
                             diagonal */
    uint32_t *window_segment; /* [window] see segments.h */
    uint32_t *bin_segment;    /* [bin] that of the window with the least bias there */
    size_t segment_count;
    double residual;                /* over the raw data */
    int iterations;                 /* Newton steps, those on the raw data included */
    struct asim_mbar_nodes points;  /* the lattice points, reference near a */
    struct asim_mbar_nodes centres; /* the cells' middles, reference near a */
    struct asim_band_matrix factor; /* of the Hessian at a, a_0 held */
};

int asim_estimate_make(const struct asim_lattice *lattice,
                       const struct asim_reduced_bias *biases, double minimum_overlap,
                       int thread_count, struct asim_estimate *ret_estimate,
                       struct asim_error *err);
void asim_estimate_finish(struct asim_estimate *estimate);

#endif
