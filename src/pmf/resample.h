/* The profile of reweighted blocks, solved anew: bootstrap and halves. */
#ifndef PMF_RESAMPLE_H
#define PMF_RESAMPLE_H

#include "pmf/estimate.h"

/*
 * The profile in kT, each segment less its mean over the bins with samples, NAN in the
 * other bins, where short block b of window k counts block_weights[offsets[k] + b]
 * times. Every window must keep a positive weight.
 */
int asim_resample_profile(const struct asim_lattice *lattice,
                          const struct asim_estimate *estimate,
                          const double *block_weights, const size_t *offsets,
                          double *ret_profile, struct asim_error *err);

/* MBAR's solution for reweighted blocks, and the memory for it; one a thread. */
struct asim_resample_work {
    double *mass;   /* [node of the centres] weight of the samples in its cell */
    double *weight; /* [window] W_k */
    double *a;      /* [window] f_k + ln W_k */
    struct asim_mbar_work mbar;
};

int asim_resample_work_init(struct asim_resample_work *work,
                            const struct asim_estimate *estimate,
                            struct asim_error *err);
void asim_resample_work_finish(struct asim_resample_work *work);
void asim_resample_solve(const struct asim_lattice *lattice,
                         const struct asim_estimate *estimate,
                         const double *block_weights, const size_t *offsets,
                         struct asim_resample_work *work);

/* Dirichlet weights (Rubin 1981) of each window's long blocks, for its short ones, of
 * mean 1. A mean over B blocks then spreads by (B-1)/(B+1) of its variance. */
void asim_resample_draw(const struct asim_lattice *lattice, const size_t *offsets,
                        uint64_t seed, double *ret_block_weights);
/* What undoes that (B+1)/(B-1), for the window with the fewest blocks. */
double asim_resample_variance_factor(const struct asim_lattice *lattice);

/* 1 for the short blocks of each window's first half, 0 for the others, or the other
 * way round; a window with less than a sample a block counts in both. */
void asim_resample_half(const struct asim_lattice *lattice, const size_t *offsets,
                        bool second, double *ret_block_weights);

/* Offsets of the windows' short blocks in one array; returns their number. */
size_t asim_resample_offsets(const struct asim_lattice *lattice, size_t *ret_offsets);

/* Standard errors (kT, against the mean offset) by a Bayesian bootstrap over the long
 * blocks (Rubin 1981): Dirichlet weights within each window. */
int asim_resample_bootstrap(const struct asim_lattice *lattice,
                            const struct asim_estimate *estimate, size_t repeat_count,
                            unsigned long long seed, int thread_count,
                            double *ret_errors, struct asim_error *err);

/* The profile of every window's first half less that of its second half, kT; NAN where
 * a half has no sample. */
int asim_resample_halves(const struct asim_lattice *lattice,
                         const struct asim_estimate *estimate, double *ret_difference,
                         struct asim_error *err);

#endif
