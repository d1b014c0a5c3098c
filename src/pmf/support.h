/* How many samples speak for each bin of the profile. */
#ifndef PMF_SUPPORT_H
#define PMF_SUPPORT_H

#include "pmf/lattice.h"

/* Effective samples that a bin of the profile needs: its own counting error is then a
 * seventh of kT. */
static const double ASIM_SUPPORT_SAMPLES = 50;

struct asim_support {
    double *samples; /* [bin] over all windows, each count divided by the window's
                        statistical inefficiency */
    size_t *windows; /* [bin] windows with at least one effective sample */
};

int asim_support_count(const struct asim_lattice *lattice,
                       struct asim_support *ret_support, struct asim_error *err);
void asim_support_finish(struct asim_support *support);

/* Bins that were left out at the ends. */
struct asim_trim {
    size_t beyond; /* the outermost centres */
    size_t within; /* them, where walls hold the windows back */
};

/*
 * Leaves out the bins at the ends that have too few effective samples: those beyond the
 * outermost centres, where single samples say nothing, and those between such a centre
 * and samples that a wall keeps away from it, half of the range at most. Bins in
 * between always stay: what they lack is for a gate to tell. `begin`, `end`: which ends
 * may be shortened.
 */
int asim_support_trim(struct asim_lattice *lattice, double first_centre_nm,
                      double last_centre_nm, bool begin, bool end,
                      struct asim_trim *ret_trim, struct asim_error *err);

#endif
