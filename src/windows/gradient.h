/*
 * The coordinate of a structure, its exact gradient, and the force that an engine
 * applies along it. Symbols and formula: force_error.h.
 */
#ifndef WINDOWS_GRADIENT_H
#define WINDOWS_GRADIENT_H

#include <autosim/bias.h>
#include <autosim/pca.h>

#include "windows/bias_atoms.h"

/* Working space for one structure at a time. */
struct asim_gradient {
    const struct asim_pca *pca;   /* borrowed */
    struct asim_bias_atoms atoms; /* for which these are: */
    double *exact;   /* [3 atoms.count] gradient of p in the frame of the structure */
    double *applied; /* [3 atoms.count] what the engine takes for it */
    double *y_nm;    /* [3N] the structure on the reference */
    double
        *fit_nm; /* [3 align_count] the atoms of the fit, and then on the reference */
    double *fit_part; /* [3 align_count] what the fit adds to the gradient */
    double value_nm;  /* p */
    double w2;        /* of the edi bias */
};

void asim_gradient_finish(struct asim_gradient *gradient);
int asim_gradient_init(const struct asim_pca *pca, struct asim_gradient *ret_gradient,
                       struct asim_error *err);
/*
 * Fills everything in for component 0 and a whole frame (made whole by the caller where
 * needed). ASIM_EINPUT where the superposition is not unique.
 */
int asim_gradient_compute(struct asim_gradient *gradient, const float (*x_nm)[3],
                          enum asim_bias_engine engine, struct asim_error *err);

#endif
