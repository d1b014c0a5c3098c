/* One pass over every sample: the exact gradient of the MBAR equations, and the bins.
 */
#ifndef PMF_RAW_PASS_H
#define PMF_RAW_PASS_H

#include "pmf/lattice.h"
#include "pmf/mbar.h"

/*
 * ret_gradient[k] = sum over all samples p_k(x) - N_k; ret_log_sum[bin] = ln sum over
 * the bin's samples 1/D(x), -INFINITY in an empty bin. `centres` are the nodes at the
 * middles of the lattice's cells.
 */
int asim_raw_pass(const struct asim_lattice *lattice,
                  const struct asim_mbar_nodes *centres,
                  const struct asim_reduced_bias *biases, const double *a,
                  int thread_count, double *ret_gradient, double *ret_log_sum,
                  struct asim_error *err);

#endif
