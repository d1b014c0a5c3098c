/* Energy files of GROMACS (.edr), as far as a campaign needs them. */
#ifndef FORMATS_EDR_H
#define FORMATS_EDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The last whole frame of an energy file; a torn tail is normal while gmx writes. */
struct asim_edr_last {
    int64_t step;
    double time_ps;
    size_t frame_count;
    double potential_kj_mol; /* the term "Potential"; NAN where there is none */
};

int asim_edr_read_last(const char *path, struct asim_edr_last *ret_last,
                       struct asim_error *err);

#endif
