/* The figure of the profile's height from the first and the last parts of the runs. */
#include <math.h>

#include "report/figures.h"

void asim_figure_convergence(FILE *stream, const struct asim_pmf *pmf,
                             const struct asim_figure_size *size)
{
    static const struct asim_legend_entry legend[] = {
        {ASIM_MARK_LINE, "line s1", "from the first part of the runs"},
        {ASIM_MARK_LINE, "line s2", "from the last part"},
        {ASIM_MARK_AREA, "band outer", "95% of the whole"},
    };
    size_t count = pmf->convergence_count;
    struct asim_plot plot = {.stream = stream,
                             .width = size->width,
                             .height = size->height,
                             .style = size->style,
                             .standalone = size->standalone,
                             .legend = legend,
                             .legend_count = 3};
    double percent[64], whole[64], half[64];
    count = count < 64 ? count : 64;
    for (size_t i = 0; i < count; i++) {
        percent[i] = 100 * pmf->share[i];
        whole[i] = pmf->forward_kj_mol[count - 1];
        half[i] = ASIM_POINTWISE_FACTOR * pmf->height_error_kj_mol;
    }
    plot.title = "Convergence, forward and backward";
    plot.description = "Lines: the height of the profile from ever more of the runs, "
                       "from their beginning and from their end. Band: the 95% "
                       "confidence of the whole.";
    asim_axis_start(&plot.x, "Part of each run (%)");
    asim_axis_include(&plot.x, 0);
    asim_axis_include_all(&plot.x, percent, count);
    asim_axis_settle(&plot.x, 0);
    asim_axis_start(&plot.y, "Height of the profile (kJ/mol)");
    asim_axis_include_all(&plot.y, pmf->forward_kj_mol, count);
    asim_axis_include_all(&plot.y, pmf->backward_kj_mol, count);
    if (count > 0) {
        asim_axis_include(&plot.y, whole[0] - half[0]);
        asim_axis_include(&plot.y, whole[0] + half[0]);
    }
    asim_axis_settle(&plot.y, 0.05);
    asim_plot_begin(&plot);
    asim_plot_band(&plot, percent, whole, half, count, 1.0, "band outer");
    asim_plot_line(&plot, percent, pmf->forward_kj_mol, count, "line s1");
    asim_plot_line(&plot, percent, pmf->backward_kj_mol, count, "line s2");
    asim_plot_dots(&plot, percent, pmf->forward_kj_mol, count, "dots solid s1");
    asim_plot_dots(&plot, percent, pmf->backward_kj_mol, count, "dots solid s2");
    asim_plot_end(&plot);
}
