/* The restraint along the coordinate that a window is given, and who applies it. */
#ifndef AUTOSIM_BIAS_H
#define AUTOSIM_BIAS_H

#include <autosim/error.h>

/* V = k/2 (p - p0)^2 */
struct asim_bias {
    double centre_nm;                 /* p0 */
    double force_constant_kj_mol_nm2; /* k */
};

/* How the centre comes to its place where a window starts from far: evenly from
 * `from_nm` to p0 in the first `duration_ps` of a run; 0: it stands. */
struct asim_steering {
    double from_nm, duration_ps;
};

/* p0 at a time since the start. */
ASIM_API double asim_bias_centre_nm(const struct asim_bias *bias,
                                    const struct asim_steering *steering,
                                    double time_ps);

/* What applies it inside GROMACS. */
enum asim_bias_engine {
    ASIM_BIAS_AUTO,    /* the best that is there */
    ASIM_BIAS_EDI,     /* essential dynamics: any GROMACS; leaves out a torque */
    ASIM_BIAS_COLVARS, /* the Colvars module of GROMACS 2024 and newer: exact */
    ASIM_BIAS_PLUMED,  /* mdrun -plumed with a PLUMED kernel: exact */
};

/* "auto", "edi", "colvars", "plumed". */
ASIM_API const char *asim_bias_engine_name(enum asim_bias_engine engine);
/* -1 where no engine has that name. */
ASIM_API int asim_bias_engine_from_name(const char *name,
                                        enum asim_bias_engine *ret_engine);

#endif
