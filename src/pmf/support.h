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

/*
 * Of the bins below `lowest_nm` and above `highest_nm` leaves out those at the ends
 * with too few effective samples: steep walls keep windows from sampling there, and
 * single samples say nothing. Bins in between always stay: what they lack is for a gate
 * to tell. `begin`, `end`: which ends may be shortened. Returns how many bins went.
 */
int asim_support_trim(struct asim_lattice *lattice, double lowest_nm, double highest_nm,
                      bool begin, bool end, size_t *ret_trimmed,
                      struct asim_error *err);

#endif
