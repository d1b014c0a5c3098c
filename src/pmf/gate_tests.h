/* The gates that are statistical tests. */
#ifndef PMF_GATE_TESTS_H
#define PMF_GATE_TESTS_H

#include "pmf/gates.h"

void asim_gate_set(struct asim_gate *gate, const char *name, bool pass, double value,
                   double limit, const char *format, ...) ASIM_PRINTF(6, 7);

/* A failed gate asks for more samples of a window: `part` of those that it has. */
void asim_gate_need(const struct asim_gate_input *input, size_t window, double part);

/* Gelman & Rubin's potential scale reduction of a series' two halves (Gelman et al.,
 * Bayesian Data Analysis, 3rd edition, section 11.4). */
double asim_split_reduction(const double *values, size_t count);

int asim_gate_drift(const struct asim_gate_input *input, struct asim_gate *ret_gate,
                    struct asim_error *err);
int asim_gate_halves(const struct asim_gate_input *input, struct asim_gate *ret_gate,
                     struct asim_error *err);
int asim_gate_consistency(const struct asim_gate_input *input,
                          struct asim_gate *ret_gate, struct asim_error *err);
int asim_gate_integration(const struct asim_gate_input *input,
                          struct asim_gate *ret_gate, struct asim_error *err);
int asim_gate_repeats(const struct asim_gate_input *input, struct asim_gate *ret_gate,
                      struct asim_error *err);
void asim_gate_plateau(const struct asim_gate_input *input, struct asim_gate *ret_gate);
void asim_gate_mixing(const struct asim_gate_input *input, struct asim_gate *ret_gate);
void asim_gate_replicas(const struct asim_gate_input *input,
                        struct asim_gate *ret_gate);

#endif
