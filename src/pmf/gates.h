/* The gates: when not to believe the profile, and why. */
#ifndef PMF_GATES_H
#define PMF_GATES_H

#include "pmf/influence.h"

enum { ASIM_GATE_COUNT = 13 };

struct asim_gate_input {
    const struct asim_lattice *lattice;
    const struct asim_reduced_bias *biases;
    const struct asim_estimate *estimate;
    const struct asim_influence *influence;
    const int *window_ids; /* [window] for sentences */
    const char *unit;      /* behind a number: with a space, or "" */
    double minimum_overlap;
    int thread_count;
    double *need; /* [window] gets how many more samples a failed gate asks for, in
                     parts of the window's own */
};

/* Fills ret_gates[ASIM_GATE_COUNT]. */
int asim_gates_judge(const struct asim_gate_input *input, struct asim_gate *ret_gates,
                     struct asim_error *err);

/* The largest p-value that a false discovery rate admits (Benjamini & Hochberg 1995),
 * or 0 where none is significant. Sorts p. */
double asim_false_discovery_limit(double *p, size_t count, double rate);

#endif
