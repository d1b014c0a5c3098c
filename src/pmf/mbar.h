/*
 * The MBAR equations on weighted points of the coordinate ("nodes"), for harmonic
 * biases at one temperature.
 *
 * The unknowns are a_k = f_k + ln N_k, in which N_k appears nowhere else:
 *     D(x) = sum_k exp(a_k - u_k(x)),   p_k(x) = exp(a_k - u_k(x)) / D(x),
 *     minimise Phi(a) = sum_g m_g ln D(x_g) - sum_k W_k a_k,
 * W_k being the weight of window k's samples (Tan 2012; Zhu & Hummer 2012). a_0 is
 * held.
 */
#ifndef PMF_MBAR_H
#define PMF_MBAR_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "pmf/band_matrix.h"

/* u_k(x) = reduced_k / 2 d^2, reduced_k = beta k in nm^-2, d = x - centre or, on a
 * coordinate with a period, the shortest way round. */
struct asim_reduced_bias {
    double centre_nm;
    double reduced_k_per_nm2;
    double period_nm; /* 0: none */
};

/* The difference of two values, the shortest way round where there is a period. */
static inline double asim_wrapped_difference(double difference, double period)
{
    return period > 0 ? difference - period * nearbyint(difference / period)
                      : difference;
}

static inline double asim_bias_distance(const struct asim_reduced_bias *bias, double x)
{
    return asim_wrapped_difference(x - bias->centre_nm, bias->period_nm);
}

/*
 * Every node's terms exp(a_k - u_k(x)) at one reference a, relative to the node's
 * largest: another a only multiplies them by exp(a_k - reference_k), so iterations need
 * no exponentials per node. Terms below e^-60 of the largest are left out.
 */
struct asim_mbar_nodes {
    size_t count, window_count;
    double *x_nm;           /* [count] */
    double *log_largest;    /* [count] largest exponent at the reference */
    uint32_t *first, *last; /* [count] windows kept: first .. last-1 */
    size_t *offset;         /* [count] of window `first` in terms */
    double *terms;
    double *reference; /* [window_count] */
    size_t half_width; /* largest last - first - 1 */
};

void asim_mbar_nodes_finish(struct asim_mbar_nodes *nodes);
int asim_mbar_nodes_make(const double *x_nm, size_t count,
                         const struct asim_reduced_bias *biases, size_t window_count,
                         const double *a, struct asim_mbar_nodes *ret_nodes,
                         struct asim_error *err);

/* p_first .. p_last-1 of a node (room for half_width + 1), given scale_k = exp(a_k -
 * reference_k); returns ln D less log_largest. */
double asim_mbar_probabilities(const struct asim_mbar_nodes *nodes, size_t node,
                               const double *scale, double *ret_p);
void asim_mbar_scale(const struct asim_mbar_nodes *nodes, const double *a,
                     double *ret_scale);

/* Memory for one solver; one a thread. */
struct asim_mbar_work {
    struct asim_band_matrix hessian;
    double *gradient, *step, *trial, *scale, *p;
};

int asim_mbar_work_init(struct asim_mbar_work *work,
                        const struct asim_mbar_nodes *nodes, struct asim_error *err);
void asim_mbar_work_finish(struct asim_mbar_work *work);

/* Phi, its gradient and its Hessian (row and column 0 replaced by those of the
 * identity) at a, into work. Returns Phi. */
double asim_mbar_evaluate(const struct asim_mbar_nodes *nodes, const double *mass,
                          const double *weight, const double *a,
                          struct asim_mbar_work *work);

/* max |gradient_k| / weight_k: the share of its samples by which a window misses. */
double asim_mbar_residual(const double *gradient, const double *weight, size_t count);

/*
 * Damped Newton from a, in place, for as long as it improves the residual or until that
 * is below `tolerance`; returns the number of iterations. Stops early where a moves so
 * far from the nodes' reference that terms left out begin to matter; make the nodes
 * again then (asim_mbar_reference_is_far).
 */
int asim_mbar_solve(const struct asim_mbar_nodes *nodes, const double *mass,
                    const double *weight, double tolerance, double *a,
                    struct asim_mbar_work *work, double *ret_residual);
int asim_mbar_reference_is_far(const struct asim_mbar_nodes *nodes, const double *a);

#endif
