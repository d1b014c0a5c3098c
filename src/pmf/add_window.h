/* What one more window would do to the error of a bin. */
#ifndef PMF_ADD_WINDOW_H
#define PMF_ADD_WINDOW_H

#include "pmf/advice.h"

struct asim_added_window {
    struct asim_reduced_bias bias; /* the best of the scan */
    size_t left;                   /* the window before it */
    double drop;                   /* of the bin's standard error, as a part of it */
    double drop_by_extension; /* the same samples in the best window that is there */
};

/*
 * Scans centres between neighbours and force constants of 1, 2 and 4 times theirs. A
 * window of N samples adds N (diag E[p] - E[p p^T]) to the Hessian, averages over its
 * distribution as the profile at hand has it; the variance of the bin is q^T H^-1 q.
 */
int asim_add_window_scan(const struct asim_advice_input *input, size_t bin,
                         double sample_count, struct asim_added_window *ret_added,
                         struct asim_error *err);

#endif
