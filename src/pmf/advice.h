/* What to simulate next, from an analysis that is at hand. */
#ifndef PMF_ADVICE_H
#define PMF_ADVICE_H

#include "pmf/influence.h"

struct asim_advice_input {
    const struct asim_lattice *lattice;
    const struct asim_reduced_bias *biases;
    const struct asim_estimate *estimate;
    const struct asim_influence *influence;
    const struct asim_pmf *pmf; /* with gates, profile and band */
    const double *need;         /* [window] more samples that gates ask for, in parts of
                                   the window's own */
    double kt_kj_mol, target_kj_mol, minimum_overlap;
    size_t most_samples; /* of all advice together */
};

/* A new array; *ret_count is 0 where nothing is to be done. */
int asim_advice_make(const struct asim_advice_input *input,
                     struct asim_advice **ret_advice, size_t *ret_count,
                     struct asim_error *err);

/*
 * How many more samples each window should get so that the largest band falls to
 * `target`, with the least samples in all: V_k(i) is what window k of N_k samples adds
 * to the squared band of bin i, and falls as 1/N_k. No window gets more than
 * growth N_k, all together not more than `most`. ret_more: [window_count]. Returns the
 * largest band that is predicted.
 */
double asim_advice_allocate(const double *variance, const double *count,
                            size_t window_count, size_t bin_count, double target,
                            double growth, double most, double *ret_more);

#endif
