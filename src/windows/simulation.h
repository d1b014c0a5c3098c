/* What a simulation must be so that windows of it give a profile. */
#ifndef WINDOWS_SIMULATION_H
#define WINDOWS_SIMULATION_H

#include <autosim/windows.h>

#include "formats/tpr.h"

/* Dynamics at one known temperature, which goes to `ret_kelvin`; ASIM_EINPUT where it
 * is not. Of `options`, the temperature counts. */
int asim_plan_check_simulation(const struct asim_tpr *tpr,
                               const struct asim_topology *top,
                               const struct asim_plan_options *options,
                               double *ret_kelvin, struct asim_error *err);

#endif
