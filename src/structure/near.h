/* Which atoms lie near to others, in a periodic box of any shape. */
#ifndef STRUCTURE_NEAR_H
#define STRUCTURE_NEAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * near[i] becomes 1 for each of the point_count points that has one of the
 * centre_count centres, or a periodic image of one, within cutoff_nm. Points whose
 * near[i] is 1 already are not looked at; the others must be 0. A
 * distance that equals the cutoff up to the rounding of floats is inside. An edge of
 * zeros makes its direction open. Cost: linear in the points at usual cutoffs.
 * ASIM_EINPUT for a box that is not GROMACS' or a position that is not finite.
 */
int asim_near(const float box_nm[3][3], const float (*centres_nm)[3],
              size_t centre_count, const float (*points_nm)[3], size_t point_count,
              double cutoff_nm, uint8_t *near, struct asim_error *err);

#endif
