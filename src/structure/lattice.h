/*
 * A periodic box as a lattice: the image of a difference that is the shortest.
 *
 * Boxes are GROMACS': a along x, b in the xy plane, c anywhere above it. A difference
 * is reduced by multiples of c chosen by its z, then of b by its y, then of a by its x.
 * That finds the shortest image of every difference that has one shorter than half the
 * smallest of a_x, b_y and c_z, since no lattice vector is shorter than that smallest.
 * Knows no atoms.
 */
#ifndef STRUCTURE_LATTICE_H
#define STRUCTURE_LATTICE_H

#include <stdbool.h>

#include "base/error.h"

/* The box in the form that reduction needs. */
struct asim_lattice {
    double row[3][3];
    float half[3]; /* of a_x, b_y, c_z; FLT_MAX where the box is open */
    double inverse[3];
    double safe_squared; /* a difference shorter than its root is the shortest image */
    bool open;           /* no box at all */
};

/* ASIM_EINPUT for a box that is not finite or not oriented as above. An edge of zero
 * makes its direction open. */
int asim_lattice_init(const float box[3][3], struct asim_lattice *ret_lattice,
                      struct asim_error *err);
/* Reduces d by c, b, a in turn; `shift` is what has to be added to the position. False
 * where d is not finite or so far away that its image cannot be told. */
bool asim_lattice_reduce(const struct asim_lattice *lattice, double d[3],
                         double shift[3]);
/* The shortest image of d of any length. */
bool asim_lattice_shortest(const struct asim_lattice *lattice, double d[3],
                           double shift[3]);
double asim_squared_length(const double d[3]);

#endif
