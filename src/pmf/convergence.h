/* How the profile comes out from a part of the runs. */
#ifndef PMF_CONVERGENCE_H
#define PMF_CONVERGENCE_H

#include "pmf/influence.h"
#include "pmf/problem.h"

/* Fills share, forward_kj_mol, backward_kj_mol, from_nm, to_nm, height_error_kj_mol and
 * their count; 0 of them where the profile has fewer than two bins with samples. */
int asim_convergence_find(const struct asim_problem *problem,
                          const struct asim_influence *influence, struct asim_pmf *pmf,
                          struct asim_error *err);

#endif
