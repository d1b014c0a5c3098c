/* The restraint along the coordinate that a window is given. */
#ifndef AUTOSIM_BIAS_H
#define AUTOSIM_BIAS_H

/* V = k/2 (p - p0)^2 */
struct asim_bias {
    double centre_nm;                 /* p0 */
    double force_constant_kj_mol_nm2; /* k */
};

#endif
