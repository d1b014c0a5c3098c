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
