/*
 * Where the analysed frames lack atoms, windows start from the TPR's own coordinates,
 * and their centres move from where these are to their places first.
 */
#ifndef WINDOWS_STEERING_H
#define WINDOWS_STEERING_H

#include "formats/tpr.h"
#include "windows/bias_method.h"

/* 1 nm of PC1 is 0.07 nm an atom of 200; 0.2 ns is what a loop takes to move. */
static const double ASIM_STEERING_NM_PER_PS = 0.005;

/* ASIM_EINPUT where that would be needed and the bias cannot do it. */
int asim_steering_check(const struct asim_bias_method *method,
                        const struct asim_topology *top,
                        const struct asim_trajectory *traj, const char *tpr_path,
                        struct asim_error *err);

/* The projection of the TPR's own coordinates. */
int asim_steering_start(const struct asim_pca *pca, const struct asim_topology *top,
                        const struct asim_tpr *tpr, double *ret_nm,
                        struct asim_error *err);

/* The way to the window's centre, on top of its length, in whole samples; in place of
 * one that was planned for it before. */
void asim_steering_plan(const struct asim_plan *plan, struct asim_window *window,
                        double from_nm);

#endif
