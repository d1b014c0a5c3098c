/*
 * The report of a campaign folder: one self-contained HTML file with inline SVG, made
 * from pca/pca.json, plan.json, the journal, the samples and pmf/pmf.json; parts that
 * do not exist yet are left out and said so.
 */
#ifndef AUTOSIM_REPORT_H
#define AUTOSIM_REPORT_H

#include <autosim/campaign.h>
#include <autosim/pca.h>
#include <autosim/pmf.h>
#include <autosim/samples.h>
#include <autosim/windows.h>

struct asim_report {
    const char *title;          /* e.g. the name of the TPR */
    const struct asim_pca *pca; /* each may be NULL */
    const struct asim_plan *plan;
    const struct asim_pmf *pmf;
    const struct asim_along *along;   /* the profile along another coordinate */
    const struct asim_series *series; /* [plan->window_count], without the rows of
                                         steering (steered_count) */
    const struct asim_window_status *statuses; /* [plan->window_count] */
    const char *const *decisions; /* [decision_count] sentences: what was extended or
                                     inserted, and why; in the order of time */
    size_t decision_count;
    const char *provenance_json;            /* text shown as it is */
    const struct asim_window_check *checks; /* [plan->window_count]; NULL: left out */
};

/* Writes the HTML beside and renames. No network, no scripts; every text is escaped, so
 * names and messages from files cannot become markup. ASIM_EIO where it cannot be
 * written, ASIM_ENOMEM; what was at `path` stays then. */
ASIM_API int asim_report_write(const struct asim_report *report, const char *path,
                               struct asim_error *err);
/* Every figure that there is data for as an .svg file of its own in an existing folder:
 * pmf, convergence, variance, along, pmf2d, scree, projection, plane (PC1 and PC2),
 * histograms, drift, overlap, neighbours. A file of a figure that has no data is
 * removed. */
ASIM_API int asim_report_write_figures(const struct asim_report *report,
                                       const char *folder, struct asim_error *err);
/* The profile with its band alone, as an .svg file. */
ASIM_API int asim_report_write_pmf_svg(const struct asim_pmf *pmf, const char *path,
                                       struct asim_error *err);
/* The status of windows as text, for a terminal and for Markdown: columns Window ID,
 * Status, ns/day, Exit Code, Energy (kJ/mol), Time (s); "-" where not known. Ends with
 * a newline; free with free(). NULL on ASIM_ENOMEM. */
ASIM_API char *asim_window_status_table(const struct asim_window_status *statuses,
                                        size_t count, struct asim_error *err);

#endif
