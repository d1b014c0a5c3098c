/*
 * The figures of the report. Each draws one <svg> of the given size; the stream's owner
 * looks for write errors. Data come from files that others wrote: any number may be
 * NaN, any count 0.
 */
#ifndef REPORT_FIGURES_H
#define REPORT_FIGURES_H

#include <stdint.h>
#include <stdio.h>

#include <autosim/report.h>

#include "report/svg.h"

/* Half the width of a pointwise band over the standard error: two-sided 95% of the
 * normal distribution. */
#define ASIM_POINTWISE_FACTOR 1.959964

struct asim_figure_size {
    double width, height;
    const char *style;
    bool standalone;
};

/* figures_pca.c; at least one component and one frame. */
void asim_figure_scree(FILE *stream, const struct asim_pca *pca,
                       const struct asim_figure_size *size);
int asim_figure_projection(FILE *stream, const struct asim_pca *pca,
                           const struct asim_figure_size *size, struct asim_error *err);
/* At least two components. More frames than ASIM_SCATTER_DOTS become a density. */
enum { ASIM_SCATTER_DOTS = 2500 };
int asim_figure_scatter(FILE *stream, const struct asim_pca *pca,
                        const struct asim_figure_size *size, struct asim_error *err);

/* Histograms of the windows' samples on common bins. */
struct asim_histograms {
    double low_nm, step_nm;
    size_t bin_count;
    size_t window_stride; /* every window_stride-th window is kept */
    size_t kept_count;
    double *counts;       /* [kept_count][bin_count] */
    double *total;        /* [bin_count] of all windows */
    size_t sample_count;  /* of all windows, finite */
    size_t outside_count; /* not within the bins: far off every window */
    size_t empty_windows; /* without a sample */
};
int asim_histograms_build(const struct asim_plan *plan,
                          const struct asim_series *series,
                          struct asim_histograms *ret_histograms,
                          struct asim_error *err);
void asim_histograms_finish(struct asim_histograms *histograms);

/* figures_windows.c */
void asim_figure_histograms(FILE *stream, const struct asim_histograms *histograms,
                            const struct asim_plan *plan,
                            const struct asim_figure_size *size);
/* Mean of the second half of a window's samples less that of the first, in standard
 * errors from ASIM_DRIFT_BLOCKS blocks a half; NAN where they are too few, constant or
 * not finite. */
enum { ASIM_DRIFT_BLOCKS = 16 };
double asim_series_drift(const struct asim_series *series);
int asim_figure_drift(FILE *stream, const struct asim_plan *plan,
                      const struct asim_series *series,
                      const struct asim_figure_size *size, struct asim_error *err);
/* figures_overlap.c. The limit of the overlap gate; 0.03 (Klimovich et al. 2015) where
 * there is none. */
double asim_overlap_limit(const struct asim_pmf *pmf);
/* Of windows i and i + 1, as if they were the only ones; the lesser of both entries of
 * the overlap matrix where that is not known. */
double asim_overlap_neighbours(const struct asim_pmf *pmf, size_t i);
enum { ASIM_OVERLAP_CELLS = 120, ASIM_OVERLAP_BARS = 150 };
int asim_figure_overlap(FILE *stream, const struct asim_pmf *pmf,
                        const struct asim_figure_size *size, struct asim_error *err);
int asim_figure_neighbours(FILE *stream, const struct asim_pmf *pmf,
                           const struct asim_figure_size *size, struct asim_error *err);

/* figures_pmf.c; plan may be NULL. */
void asim_figure_pmf(FILE *stream, const struct asim_pmf *pmf,
                     const struct asim_plan *plan, const struct asim_figure_size *size);
/* What each window adds to the squared errors of the profile. */
int asim_figure_variance(FILE *stream, const struct asim_pmf *pmf,
                         const struct asim_figure_size *size, struct asim_error *err);
/* The change of the profile's height with the share of the runs that is used, from
 * their beginning and from their end; figures_convergence.c. */
void asim_figure_convergence(FILE *stream, const struct asim_pmf *pmf,
                             const struct asim_figure_size *size);

/* figures_along.c; at least one bin and one column. */
void asim_figure_along(FILE *stream, const struct asim_along *along,
                       const struct asim_figure_size *size);
int asim_figure_plane(FILE *stream, const struct asim_along *along,
                      const struct asim_figure_size *size, struct asim_error *err);

#endif
