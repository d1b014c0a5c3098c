/* Windows and options, checked and laid out, with MBAR's solution. */
#ifndef PMF_PROBLEM_H
#define PMF_PROBLEM_H

#include "pmf/estimate.h"
#include "pmf/support.h"

struct asim_problem {
    const struct asim_pmf_window *windows; /* of a coordinate with a period: with each
                                              sample on the side of its centre */
    size_t window_count;
    struct asim_pmf_options options; /* with every default filled in */
    double kt_kj_mol;
    struct asim_trim trim; /* of default ends */
    double sigma_nm;       /* narrowest width that a bias allows in a flat profile */
    struct asim_reduced_bias *biases;
    struct asim_lattice lattice;
    struct asim_estimate estimate;
    bool default_begin, default_end;
    struct asim_pmf_window *unwrapped; /* of a coordinate with a period */
    double *values;                    /* theirs */
};

/* Borrows the windows. Errors are those of asim_pmf_compute. */
int asim_problem_make(const struct asim_pmf_window *windows, size_t window_count,
                      const struct asim_pmf_options *options,
                      struct asim_problem *ret_problem, struct asim_error *err);
void asim_problem_finish(struct asim_problem *problem);

#endif
