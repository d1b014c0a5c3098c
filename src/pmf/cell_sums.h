/* Sums over the samples of one cell: the inner loop of the pass over the raw data. */
#ifndef PMF_CELL_SUMS_H
#define PMF_CELL_SUMS_H

#include <stddef.h>

enum { ASIM_LANES = 8 };

/* exp(a_k - u_k) near the middle of a cell: value * exp((linear + quadratic d) d). */
struct asim_cell_term {
    double value, linear, quadratic;
    int degree; /* of the exponential's Taylor polynomial; -1: call exp() */
};

/* The least degree that is exact to double precision of D (which is 1 or more) for
 * |d| <= reach. */
int asim_cell_degree(double value, double linear, double quadratic, double reach);

/*
 * `distance` holds `count` samples' d, aligned to 64 bytes, with room up to a multiple
 * of ASIM_LANES. Adds sum p_k to ret_p[k]; returns sum 1/D. `work`: 2 * ASIM_LANES *
 * term_count doubles, aligned to 64 bytes. The same bits on every processor.
 */
double asim_cell_sums(double *distance, size_t count,
                      const struct asim_cell_term *terms, size_t term_count,
                      double *ret_p, double *work);

/* The variants that this processor can run, the portable one first; for tests. */
int asim_cell_variant_count(void);
double asim_cell_sums_variant(int variant, double *distance, size_t count,
                              const struct asim_cell_term *terms, size_t term_count,
                              double *ret_p, double *work);

#endif
