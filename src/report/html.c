/*
 * The report's page: one file, no network, no scripts; verdict first.
 * Invariants: text from files is escaped; parts without data are named as missing;
 * numbers are written in the C locale whatever the caller's is.
 */
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/units.h"
#include "pca/quality.h"
#include "report/figures.h"
#include "report/html.h"
#include "report/markup.h"
#include "report/page.h"
#include "report/table.h"
#include "report/write_file.h"

static double largest_finite(const double *values, size_t count)
{
    double largest = NAN;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            largest = fmax(largest, values[i]);
    return largest;
}

static void fact(FILE *stream, const char *name)
{
    fprintf(stream, "</dd></div>\n<div><dt>%s</dt><dd>", name);
}

static void write_facts(FILE *stream, const struct asim_report *report)
{
    const struct asim_pmf *pmf = report->pmf;
    const struct asim_plan *plan = report->plan;
    fputs("<dl class=\"facts\">\n<div><dt>Windows</dt><dd>", stream);
    if (plan && report->statuses) {
        size_t completed = 0;
        double simulated_ps = 0.0;
        for (size_t i = 0; i < plan->window_count; i++) {
            completed += report->statuses[i].state == ASIM_WINDOW_COMPLETED;
            simulated_ps += (double)report->statuses[i].step * plan->dt_ps;
        }
        fprintf(stream, "%zu of %zu completed", completed, plan->window_count);
        fact(stream, "Simulated");
        asim_html_number(stream, simulated_ps / 1000.0, 4);
        fputs(" ns", stream);
    } else if (plan) {
        fprintf(stream, "%zu planned", plan->window_count);
    } else {
        fputs("none planned", stream);
    }
    if (asim_html_has_profile(pmf)) {
        fact(stream, "Temperature");
        asim_html_number(stream, pmf->temperature_kelvin, 4);
        fputs(" K", stream);
        fact(stream, "Height of the profile");
        asim_html_number(stream, largest_finite(pmf->pmf_kj_mol, pmf->bin_count), 3);
        fputs(" kJ/mol", stream);
        fact(stream, "Widest 95% band");
        fputs("\u00B1 ", stream);
        asim_html_number(stream, largest_finite(pmf->band_kj_mol, pmf->bin_count), 2);
        fputs(" kJ/mol", stream);
    }
    fputs("</dd></div>\n</dl>\n", stream);
}

static void write_verdict(FILE *stream, const struct asim_report *report)
{
    const struct asim_pmf *pmf = report->pmf;
    size_t failed = 0;
    for (size_t i = 0; pmf && i < pmf->gate_count; i++)
        failed += !pmf->gates[i].pass;
    /* A file that contradicts itself is not to be trusted. */
    bool trusted = pmf && pmf->trustworthy && pmf->connected && failed == 0;
    const char *kind = !pmf ? "open" : trusted ? "pass" : "fail";
    const char *words = !pmf             ? "No profile yet"
                        : trusted        ? "The profile can be trusted"
                        : pmf->connected ? "Not to be trusted yet"
                                         : "No single profile: the windows do not "
                                           "connect";
    fprintf(stream,
            "<section id=\"verdict\" class=\"verdict %s\" aria-labelledby=\"v\">\n"
            "<h2 id=\"v\">%s</h2>\n<p>",
            kind, words);
    asim_markup_text(stream, pmf ? pmf->verdict
                                 : "The windows have not been analysed; run "
                                   "\u201Cautosim pmf\u201D when they have samples.");
    fputs("</p>\n", stream);
    if (failed > 0)
        fputs("<ul>\n", stream);
    for (size_t i = 0; pmf && i < pmf->gate_count; i++) {
        if (pmf->gates[i].pass)
            continue;
        fputs("<li><b>", stream);
        asim_markup_text(stream, pmf->gates[i].name);
        fputs(":</b> ", stream);
        asim_markup_text(stream, pmf->gates[i].sentence);
        fputs("</li>\n", stream);
    }
    if (failed > 0)
        fputs("</ul>\n", stream);
    fputs("</section>\n", stream);
    write_facts(stream, report);
}

static int write_overlap(FILE *stream, const struct asim_pmf *pmf,
                         struct asim_error *err)
{
    fputs("<section id=\"overlap\"><h2>Overlap of the windows</h2>\n", stream);
    if (!pmf || !pmf->overlap || pmf->window_count < 2) {
        asim_html_missing(
            stream, "There is no overlap to show: it needs a profile made from two "
                    "windows or more.");
        fputs("</section>\n", stream);
        return 0;
    }
    double limit = asim_overlap_limit(pmf), least = NAN;
    size_t poor = 0, least_index = 0;
    for (size_t i = 0; i + 1 < pmf->window_count; i++) {
        double overlap = asim_overlap_neighbours(pmf, i);
        poor += overlap < limit;
        if (!isnan(overlap) && !(overlap >= least)) {
            least = overlap;
            least_index = i;
        }
    }
    fputs("<div class=\"pair\">\n<figure>\n", stream);
    if (asim_figure_neighbours(stream, pmf, &asim_page_square, err) < 0)
        return -1;
    fputs("<figcaption>Each window must share samples with the next one; below ",
          stream);
    asim_html_number(stream, limit, 2);
    fputs(" (dashed) the profile is not reliable there. ", stream);
    if (poor == 0)
        fputs("All neighbours are above it; ", stream);
    else
        fprintf(stream, "Below it: %zu of %zu pairs; ", poor, pmf->window_count - 1);
    fputs("the least, ", stream);
    asim_html_number(stream, least, 2);
    fprintf(stream, ", is between windows %zu and %zu.", least_index, least_index + 1);
    if (pmf->window_count - 1 > ASIM_OVERLAP_BARS)
        fputs(" A bar stands for several neighbours and shows the least of them.",
              stream);
    fputs("</figcaption>\n</figure>\n<figure>\n", stream);
    if (asim_figure_overlap(stream, pmf, &asim_page_square, err) < 0)
        return -1;
    fputs("<figcaption>The share of a window\u2019s samples (row) that could as well "
          "have come from another (column). A band along the diagonal without grey or "
          "red-framed cells beside it is what to look for.",
          stream);
    if (pmf->window_count > ASIM_OVERLAP_CELLS)
        fputs(" A cell stands for several windows and shows the largest overlap among "
              "them.",
              stream);
    fputs("</figcaption>\n</figure>\n</div>\n</section>\n", stream);
    return 0;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static int write_drift(FILE *stream, const struct asim_plan *plan,
                       const struct asim_series *series, struct asim_error *err)
{
    size_t unknown = 0, outside = 0;
    for (size_t k = 0; k < plan->window_count; k++) {
        double drift = asim_series_drift(&series[k]);
        unknown += isnan(drift);
        outside += fabs(drift) > 2.0;
    }
    if (unknown == plan->window_count) {
        asim_html_missing(stream,
                          "The windows have too few samples to compare their halves.");
        return 0;
    }
    fputs("<figure>\n", stream);
    if (asim_figure_drift(stream, plan, series, &asim_page_low_wide, err) < 0 ||
        asim_figure_drift(stream, plan, series, &asim_page_narrow, err) < 0)
        return -1;
    fprintf(stream,
            "<figcaption>One window in twenty lies outside the dashed lines by chance; "
            "here %zu of %zu. More of them, or a row of neighbours on one side, say "
            "that windows have not settled. Errors are from %d blocks a half.",
            outside, plan->window_count - unknown, ASIM_DRIFT_BLOCKS);
    if (unknown > 0)
        fprintf(stream, " Windows with too few samples for it: %zu.", unknown);
    fputs("</figcaption>\n</figure>\n", stream);
    return 0;
}

static int write_samples(FILE *stream, const struct asim_report *report,
                         struct asim_error *err)
{
    const struct asim_plan *plan = report->plan;
    fputs("<section id=\"samples\"><h2>Samples</h2>\n", stream);
    if (!plan || !report->series || plan->window_count == 0) {
        asim_html_missing(
            stream, "There are no samples of windows yet, so their histograms are "
                    "left out.");
        fputs("</section>\n", stream);
        return 0;
    }
    struct asim_histograms histograms;
    if (asim_histograms_build(plan, report->series, &histograms, err) < 0)
        return -1;
    fputs("<figure>\n", stream);
    asim_figure_histograms(stream, &histograms, plan, &asim_page_wide);
    asim_figure_histograms(stream, &histograms, plan, &asim_page_narrow);
    fprintf(stream,
            "<figcaption>%zu sample%s of %zu window%s. Neighbouring windows (blue and "
            "green in turn) should overlap, and the grey line of all windows together "
            "should nowhere come near zero between the first and the last centre.",
            histograms.sample_count, plural(histograms.sample_count),
            plan->window_count, plural(plan->window_count));
    if (histograms.window_stride > 1)
        fprintf(stream, " One window in %zu is drawn on its own.",
                histograms.window_stride);
    if (histograms.empty_windows > 0)
        fprintf(stream, " Windows without samples: %zu.", histograms.empty_windows);
    if (histograms.outside_count > 0)
        fprintf(stream, " Samples far outside, not shown: %zu.",
                histograms.outside_count);
    fputs("</figcaption>\n</figure>\n", stream);
    asim_histograms_finish(&histograms);
    if (write_drift(stream, plan, report->series, err) < 0)
        return -1;
    fputs("</section>\n", stream);
    return 0;
}

static void write_scree_caption(FILE *stream, const struct asim_pca *pca)
{
    double sum = 0.0;
    size_t shown = pca->component_count < 3 ? pca->component_count : 3;
    for (size_t i = 0; i < shown; i++)
        sum += pca->eigenvalues_nm2[i];
    fputs("<figcaption>PC1 carries ", stream);
    asim_html_number(stream, 100.0 * pca->eigenvalues_nm2[0] / pca->total_variance_nm2,
                     3);
    fprintf(stream, "%% of the total variance, the first %zu together ", shown);
    asim_html_number(stream, 100.0 * sum / pca->total_variance_nm2, 3);
    fputs("%. A clear step behind the first bar means that one coordinate describes "
          "the motion well.</figcaption>\n",
          stream);
}

/* Why PC1 may be no usable coordinate. */
static void write_doubts(FILE *stream, const struct asim_pca *pca)
{
    char doubt[300];
    for (size_t i = 0; asim_pca_doubt(pca, i, doubt, sizeof doubt); i++) {
        fputs("<p class=\"missing\">", stream);
        asim_markup_text(stream, doubt);
        fputs(".</p>\n", stream);
    }
}

static int write_components(FILE *stream, const struct asim_pca *pca,
                            struct asim_error *err)
{
    fputs("<section id=\"components\"><h2>Principal components</h2>\n", stream);
    if (!pca || pca->component_count == 0) {
        asim_html_missing(
            stream, "There is no principal component analysis yet, so its figures "
                    "are left out.");
        fputs("</section>\n", stream);
        return 0;
    }
    bool has_frames = pca->frame_count > 0 && pca->projections_nm && pca->time_ps;
    fprintf(stream, "<p>%zu frames, %zu atoms: \u201C", pca->frame_count,
            pca->atom_count);
    asim_markup_text(stream, pca->selection);
    fputs("\u201D", stream);
    if (!pca->align_same) {
        fputs(", superposed on \u201C", stream);
        asim_markup_text(stream, pca->align_selection);
        fputs("\u201D", stream);
    }
    if (isfinite(pca->rmsip)) {
        fputs(". RMSIP of the two halves: ", stream);
        fprintf(stream, "%.3f", pca->rmsip);
    }
    fputs(".</p>\n", stream);
    write_doubts(stream, pca);
    fputs("<div class=\"pair\">\n<figure>\n", stream);
    asim_figure_scree(stream, pca, &asim_page_half);
    write_scree_caption(stream, pca);
    fputs("</figure>\n", stream);
    if (pca->component_count > 1 && has_frames) {
        fputs("<figure>\n", stream);
        if (asim_figure_scatter(stream, pca, &asim_page_half, err) < 0)
            return -1;
        fputs(pca->frame_count > ASIM_SCATTER_DOTS
                  ? "<figcaption>How often the trajectory visited each place, on a "
                    "logarithmic scale. "
                  : "<figcaption>A dot for each frame. ",
              stream);
        fputs("Separate clouds are separate states; a curved one says that PC1 alone "
              "does not describe the path between them.</figcaption>\n</figure>\n",
              stream);
    }
    fputs("</div>\n", stream);
    if (has_frames) {
        fputs("<figure>\n", stream);
        if (asim_figure_projection(stream, pca, &asim_page_wide, err) < 0 ||
            asim_figure_projection(stream, pca, &asim_page_narrow, err) < 0)
            return -1;
        fputs("<figcaption>Many crossings between the extremes are good sampling; a "
              "single slow sweep is not.",
              stream);
        if (pca->cosine_content && isfinite(pca->cosine_content[0])) {
            fputs(" Cosine content ", stream);
            asim_html_number(stream, pca->cosine_content[0], 2);
            fputs(pca->cosine_content[0] > 0.5
                      ? ": above 0.5, so this may be free diffusion and no motion "
                        "between states."
                      : " (above 0.5 it would look like free diffusion).",
                  stream);
        }
        fputs("</figcaption>\n</figure>\n", stream);
    }
    fputs("</section>\n", stream);
    return 0;
}

/* What the closed loop did; nothing where there was none. */
static void write_decisions(FILE *stream, const struct asim_report *report)
{
    if (report->decision_count == 0)
        return;
    fputs(
        "<section id=\"decisions\"><h2>Decisions</h2>\n<p>Windows were made longer or "
        "added until the profile was known as well as asked for:</p>\n<ul>\n",
        stream);
    for (size_t i = 0; i < report->decision_count; i++) {
        fputs("<li>", stream);
        asim_markup_text(stream, report->decisions[i]);
        fputs("</li>\n", stream);
    }
    fputs("</ul>\n</section>\n", stream);
}

/* Whether the engine restrained what was meant: PC1 of the windows' own frames. */
static void write_bias(FILE *stream, const struct asim_report *report)
{
    const struct asim_plan *plan = report->plan;
    if (!plan || !report->checks || plan->window_count == 0)
        return;
    fprintf(stream,
            "<section id=\"bias\"><h2>The bias</h2>\n<p>Engine: %s. PC1 was computed "
            "again from the frames of each window\u2019s own trajectory and compared "
            "with the engine\u2019s value of the same time; a difference that the "
            "rounding of the file does not explain fails the window. The error of the "
            "force is that of what was applied against the exact gradient, relative, "
            "root mean square over these frames",
            asim_bias_engine_name(plan->bias));
    if (plan->bias == ASIM_BIAS_EDI)
        fputs("; edi leaves out the rotation of the fit, so slopes of the profile come "
              "out too steep by the factor 1 + &lt;w<sup>2</sup>&gt;",
              stream);
    fputs(".</p>\n", stream);
    asim_html_bias(stream, plan, report->checks);
    fputs("</section>\n", stream);
}

static void write_windows(FILE *stream, const struct asim_report *report)
{
    fputs("<section id=\"windows\"><h2>Windows</h2>\n", stream);
    if (report->plan && report->statuses && report->plan->window_count > 0)
        asim_html_windows(stream, report->plan, report->statuses);
    else
        asim_html_missing(stream,
                          report->plan
                              ? "The windows have not been run, so their table is left "
                                "out."
                              : "No windows are planned, so their table is left out.");
    fputs("</section>\n<section id=\"provenance\"><h2>Provenance</h2>\n", stream);
    if (report->provenance_json) {
        fputs("<details><summary>Versions, arguments, checksums, seeds</summary>\n"
              "<pre>",
              stream);
        asim_markup_text(stream, report->provenance_json);
        fputs("</pre></details>\n", stream);
    } else {
        asim_html_missing(stream, "No provenance is recorded.");
    }
    fputs("</section>\n", stream);
}

static int write_page(FILE *stream, const struct asim_report *report,
                      struct asim_error *err)
{
    const char *title = report->title ? report->title : "untitled";
    fputs(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        /* A browser then holds the page to what it promises: no script, no network. */
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'\">\n<title>",
        stream);
    asim_markup_text(stream, title);
    fprintf(stream,
            " \u2013 autosim report</title>\n<style>\n%s%s</style>\n</head>\n<body>\n"
            "<header><p class=\"kind\">autosim report</p><h1>",
            asim_svg_style(), asim_page_style());
    asim_markup_text(stream, title);
    fputs("</h1></header>\n<main>\n", stream);
    write_verdict(stream, report);
    if (asim_html_profile(stream, report, err) < 0 ||
        asim_html_along(stream, report->along, err) < 0 ||
        write_overlap(stream, report->pmf, err) < 0 ||
        write_samples(stream, report, err) < 0 ||
        write_components(stream, report->pca, err) < 0)
        return -1;
    write_decisions(stream, report);
    write_bias(stream, report);
    write_windows(stream, report);
    fputs("</main>\n</body>\n</html>\n", stream);
    return 0;
}

static int write_report(FILE *stream, const void *what, struct asim_error *err)
{
    return write_page(stream, what, err);
}

int asim_report_write(const struct asim_report *report, const char *path,
                      struct asim_error *err)
{
    return asim_report_write_file(path, write_report, report, err);
}
