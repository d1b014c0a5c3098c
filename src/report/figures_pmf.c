/*
 * The figure of the free-energy profile with its pointwise and simultaneous bands.
 * Invariant: bins without a value are gaps; no line bridges them.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "report/figures.h"

void asim_figure_pmf(FILE *stream, const struct asim_pmf *pmf,
                     const struct asim_plan *plan, const struct asim_figure_size *size)
{
    static const struct asim_legend_entry legend[] = {
        {ASIM_MARK_LINE, "line s1", "PMF"},
        {ASIM_MARK_AREA, "band inner", "95% pointwise"},
        {ASIM_MARK_AREA, "band outer", "95% simultaneous"},
        {ASIM_MARK_LINE, "foot", "window centres"},
    };
    struct asim_plot plot = {.stream = stream,
                             .width = size->width,
                             .height = size->height,
                             .style = size->style,
                             .standalone = size->standalone,
                             .legend = legend,
                             .legend_count = plan ? 4 : 3};
    char title[200], label[240];
    bool named = pmf->coordinate[0];
    const char *coordinate = named ? pmf->coordinate : "PC1";
    snprintf(title, sizeof title, "Free-energy profile along %s", coordinate);
    asim_coordinate_label(coordinate, named ? pmf->unit : "nm", label, sizeof label);
    plot.title = title;
    plot.description = "Line: the potential of mean force, least value 0. Bands: 95% "
                       "confidence for each point and for the profile as a whole.";
    asim_axis_start(&plot.x, label);
    asim_axis_include_all(&plot.x, pmf->x_nm, pmf->bin_count);
    for (size_t k = 0; plan && k < plan->window_count; k++) /* bins may be left out */
        asim_axis_include(&plot.x, plan->windows[k].bias.centre_nm);
    asim_axis_settle(&plot.x, 0.01);
    asim_axis_start(&plot.y, "PMF (kJ/mol)");
    asim_axis_include_all(&plot.y, pmf->pmf_kj_mol, pmf->bin_count);
    asim_axis_settle(&plot.y, 0.02);
    /* The bands are seen whole unless they would press the profile flat. */
    double span = plot.y.high - plot.y.low;
    double lowest = plot.y.low - 0.5 * span, highest = plot.y.high + span;
    for (size_t i = 0; i < pmf->bin_count; i++) {
        double half =
            fmax(pmf->band_kj_mol[i], ASIM_POINTWISE_FACTOR * pmf->error_kj_mol[i]);
        double low = pmf->pmf_kj_mol[i] - half, high = pmf->pmf_kj_mol[i] + half;
        if (!isfinite(half) || !isfinite(low))
            continue;
        asim_axis_include(&plot.y, fmax(low, lowest));
        asim_axis_include(&plot.y, fmin(high, highest));
    }
    if (plan)
        plot.y.low -= 0.04 * (plot.y.high - plot.y.low); /* for the marks at the foot */
    asim_plot_begin(&plot);
    asim_plot_band(&plot, pmf->x_nm, pmf->pmf_kj_mol, pmf->band_kj_mol, pmf->bin_count,
                   1.0, "band outer");
    asim_plot_band(&plot, pmf->x_nm, pmf->pmf_kj_mol, pmf->error_kj_mol, pmf->bin_count,
                   ASIM_POINTWISE_FACTOR, "band inner");
    asim_plot_line(&plot, pmf->x_nm, pmf->pmf_kj_mol, pmf->bin_count, "line s1");
    if (plan && plan->window_count > 0)
        asim_plot_foot_marks(&plot, &plan->windows[0].bias.centre_nm,
                             sizeof plan->windows[0], plan->window_count, "foot");
    asim_plot_end(&plot);
}

int asim_figure_variance(FILE *stream, const struct asim_pmf *pmf,
                         const struct asim_figure_size *size, struct asim_error *err)
{
    struct asim_plot plot = {.stream = stream,
                             .width = size->width,
                             .height = size->height,
                             .style = size->style,
                             .standalone = size->standalone};
    size_t count = pmf->window_count;
    double *percent = asim_alloc_array(count, sizeof *percent, err);
    if (!percent)
        return -1;
    for (size_t k = 0; k < count; k++)
        percent[k] = 100 * pmf->variance_share[k];
    plot.title = "Where the error comes from";
    plot.description = "Bars: the share of each window in the squared errors of the "
                       "profile, in the order of the centres.";
    asim_axis_start(&plot.x, "Window, in the order of the centres");
    asim_axis_include(&plot.x, -0.6);
    asim_axis_include(&plot.x, (double)count - 0.4);
    asim_axis_settle(&plot.x, 0);
    plot.x.whole = true;
    asim_axis_start(&plot.y, "Share of the squared error (%)");
    asim_axis_include(&plot.y, 0);
    asim_axis_include_all(&plot.y, percent, count);
    asim_axis_settle(&plot.y, 0);
    asim_plot_begin(&plot);
    asim_plot_bars(&plot, 0, 1, 0.7, percent, count, "bar");
    asim_plot_end(&plot);
    free(percent);
    return 0;
}
