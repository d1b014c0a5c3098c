/*
 * Errors of the profile from the influence of every block of samples.
 *
 * A block b of window k that were weighted by 1 + e instead of 1 would move the profile
 * by e times its influence (in kT), to first order
 *     psi_b(i) = -dS_i / S_i - q_i^T H^-1 G_b,   G_b = sum_{n in b} (p(x_n) - e_k),
 * dS_i being the block's part of S_i = sum_{n in bin i} 1/D, q_i the mean of p in the
 * bin under those weights. Blocks of one window that are longer than its correlation
 * are independent repeats, so their spread is the error. Here functions of x are taken
 * at the middles of cells (a relative error of some 1e-3 in an error).
 */
#ifndef PMF_INFLUENCE_H
#define PMF_INFLUENCE_H

#include "pmf/estimate.h"

enum asim_block_level {
    ASIM_LEVEL_DOUBLE,
    ASIM_LEVEL_LONG,
    ASIM_LEVEL_SHORT,
    ASIM_LEVEL_COUNT
};

struct asim_influence_window {
    size_t first, width; /* windows within reach of its samples */
    double *gradients;   /* [block_count][width] G_b of the short blocks */
};

struct asim_influence {
    size_t bin_count, window_count;
    double *p;               /* laid out as centres.terms */
    double *log_d;           /* [node] */
    double *node_count;      /* [node] samples */
    double *mean_offset;     /* [bin] 1/number of the segment's bins with samples; 0
                                where a bin has none */
    double *solved;          /* [window][bin] H^-1 q_i */
    double *log_share;       /* [bin] ln S_i of the counts */
    double *variance;        /* [bin] lugsail, kT^2, against the mean offset */
    double *long_variance;   /* [bin] of the long blocks alone */
    double *window_variance; /* [window][bin] what each window adds to that */
    /* Variance by blocks twice as long as the long ones, long, and short, in this
     * order, summed over the bins; the first NAN where blocks are too few to join. */
    double level_variance[ASIM_LEVEL_COUNT];
    struct asim_influence_window *windows;
    /* Centred influences of the long blocks on a selection of bins, for the band. */
    size_t row_count, selected_count;
    size_t *selected; /* [selected_count] bins */
    double *rows;     /* [row_count][selected_count] */
};

int asim_influence_make(const struct asim_lattice *lattice,
                        const struct asim_estimate *estimate, int thread_count,
                        struct asim_influence *ret_influence, struct asim_error *err);
void asim_influence_finish(struct asim_influence *influence);

/*
 * Half width of the simultaneous band in standard errors: the 95% quantile over
 * multiplier bootstraps of the largest |deviation| / error over the bins.
 */
int asim_influence_band(const struct asim_influence *influence, unsigned long long seed,
                        int thread_count, double *ret_quantile, struct asim_error *err);

#endif
