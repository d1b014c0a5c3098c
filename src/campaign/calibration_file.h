/* Between calibrate.c, which measures, and calibration_file.c, which keeps. */
#ifndef CAMPAIGN_CALIBRATION_FILE_H
#define CAMPAIGN_CALIBRATION_FILE_H

#include "campaign/calibrate.h"
#include "campaign/options.h"

/* How many of the cores windows of one thread would use. */
int asim_calibration_cores(const struct asim_cores *cores);
void asim_calibration_host(char *ret_host, size_t size);
int asim_calibration_keep(const struct asim_campaign *campaign,
                          const struct asim_gromacs *gromacs, int gpu_count,
                          const struct asim_cores *cores,
                          const struct asim_split *splits, size_t count,
                          struct asim_error *err);

#endif
