/*
 * The profile along a coordinate that no bias holds, and the plane of both coordinates
 * as a map with contour lines.
 * Invariant: cells without a value stay empty, and no contour crosses them.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "report/figures.h"

enum { LEVELS = 5 };
void asim_figure_along(FILE *stream, const struct asim_along *along,
                       const struct asim_figure_size *size)
{
    static const struct asim_legend_entry legend[] = {
        {ASIM_MARK_LINE, "line s1", "PMF"},
        {ASIM_MARK_AREA, "band inner", "95% pointwise"},
        {ASIM_MARK_AREA, "band outer", "95% simultaneous"},
    };
    struct asim_plot plot = {.stream = stream,
                             .width = size->width,
                             .height = size->height,
                             .style = size->style,
                             .standalone = size->standalone,
                             .legend = legend,
                             .legend_count = 3};
    char title[240], label[240];
    snprintf(title, sizeof title, "Free-energy profile along %s", along->coordinate);
    asim_coordinate_label(along->coordinate, along->unit, label, sizeof label);
    plot.title = title;
    plot.description = "Line: the potential of mean force, reweighted, least value 0. "
                       "Bands: 95% confidence for each point and for the profile as a "
                       "whole.";
    asim_axis_start(&plot.x, label);
    asim_axis_include_all(&plot.x, along->y, along->bin_count);
    asim_axis_settle(&plot.x, 0.01);
    asim_axis_start(&plot.y, "PMF (kJ/mol)");
    for (size_t i = 0; i < along->bin_count; i++) {
        asim_axis_include(&plot.y, along->pmf_kj_mol[i] - along->band_kj_mol[i]);
        asim_axis_include(&plot.y, along->pmf_kj_mol[i] + along->band_kj_mol[i]);
    }
    asim_axis_settle(&plot.y, 0.02);
    asim_plot_begin(&plot);
    asim_plot_band(&plot, along->y, along->pmf_kj_mol, along->band_kj_mol,
                   along->bin_count, 1.0, "band outer");
    asim_plot_band(&plot, along->y, along->pmf_kj_mol, along->error_kj_mol,
                   along->bin_count, ASIM_POINTWISE_FACTOR, "band inner");
    asim_plot_line(&plot, along->y, along->pmf_kj_mol, along->bin_count, "line s1");
    asim_plot_end(&plot);
}

/* Between contours: 1, 2 or 5 times a power of ten, so that LEVELS hold the plane. */
static double contour_step(const struct asim_along *along)
{
    static const double nice[] = {1, 2, 5, 10};
    double largest = 0;
    for (size_t i = 0; i < along->x_count * along->bin_count; i++)
        largest = fmax(largest, along->plane_kj_mol[i]); /* passes NAN over */
    double least = fmax(largest / LEVELS, 1e-6);
    double power = pow(10, floor(log10(least)));
    for (size_t i = 0; i < 4; i++)
        if (nice[i] * power >= least * (1 - 1e-9))
            return nice[i] * power;
    return 10 * power;
}

static double value_at(const struct asim_along *along, size_t i, size_t bin)
{
    return along->plane_kj_mol[i * along->bin_count + bin];
}

/* Where the line between two points has the value `level`. */
static void crossing(struct asim_plot *plot, const double from[3], const double to[3],
                     double level, int *count)
{
    double part = (level - from[2]) / (to[2] - from[2]);
    if ((from[2] < level) == (to[2] < level))
        return;
    fprintf(plot->stream, "%s%.1f %.1f", *count % 2 ? "L" : "M",
            asim_plot_x(plot, from[0] + part * (to[0] - from[0])),
            asim_plot_y(plot, from[1] + part * (to[1] - from[1])));
    (*count)++;
}

/* Straight pieces in each triangle of three neighbouring cells, between whose middles
 * the value is taken as linear. */
static void draw_contour(struct asim_plot *plot, const struct asim_along *along,
                         double level)
{
    fputs("<path class=\"contour\" d=\"", plot->stream);
    for (size_t i = 0; i + 1 < along->x_count; i++)
        for (size_t bin = 0; bin + 1 < along->bin_count; bin++)
            for (size_t half = 0; half < 2; half++) {
                const size_t corner[3][2] = {
                    {i, bin},
                    {i + 1, bin + 1},
                    {i + (half ? 1 : 0), bin + (half ? 0 : 1)}};
                double point[3][3];
                int count = 0;
                bool known = true;
                for (int c = 0; c < 3; c++) {
                    point[c][0] = along->x_nm[corner[c][0]];
                    point[c][1] = along->y[corner[c][1]];
                    point[c][2] = value_at(along, corner[c][0], corner[c][1]);
                    known = known && isfinite(point[c][2]);
                }
                for (int c = 0; known && c < 3; c++)
                    crossing(plot, point[c], point[(c + 1) % 3], level, &count);
            }
    fputs("\"/>\n", plot->stream);
}

static void set_range(struct asim_axis *axis, const char *label, const double *middles,
                      size_t count)
{
    double width = count > 1 ? middles[1] - middles[0] : 1;
    asim_axis_start(axis, label);
    axis->low = middles[0] - width / 2;
    axis->high = middles[count - 1] + width / 2;
}

int asim_figure_plane(FILE *stream, const struct asim_along *along,
                      const struct asim_figure_size *size, struct asim_error *err)
{
    size_t columns = along->x_count, rows = along->bin_count;
    unsigned char *levels = asim_alloc_array(columns, rows, err);
    char title[420], x_label[240], y_label[240], texts[LEVELS][48];
    if (!levels)
        return -1;
    double step = contour_step(along);
    struct asim_legend_entry legend[LEVELS];
    static const char *const styles[LEVELS] = {"cell l5", "cell l4", "cell l3",
                                               "cell l2", "cell l1"};
    for (int i = 0; i < LEVELS; i++) {
        if (i < LEVELS - 1)
            snprintf(texts[i], sizeof texts[i], "< %.3g kJ/mol", step * (i + 1));
        else
            snprintf(texts[i], sizeof texts[i], "above");
        legend[i] = (struct asim_legend_entry){ASIM_MARK_AREA, styles[i], texts[i]};
    }
    for (size_t i = 0; i < columns; i++)
        for (size_t bin = 0; bin < rows; bin++) {
            double value = value_at(along, i, bin);
            if (isfinite(value))
                levels[bin * columns + i] =
                    (unsigned char)fmin(fmax(LEVELS - floor(value / step), 1), LEVELS);
        }
    struct asim_plot plot = {.stream = stream,
                             .width = size->width,
                             .height = size->height,
                             .style = size->style,
                             .standalone = size->standalone,
                             .legend = legend,
                             .legend_count = LEVELS};
    snprintf(title, sizeof title, "Free energy over %s and %s", along->x_coordinate,
             along->coordinate);
    asim_coordinate_label(along->x_coordinate, along->x_unit, x_label, sizeof x_label);
    asim_coordinate_label(along->coordinate, along->unit, y_label, sizeof y_label);
    plot.title = title;
    plot.description = "A map: the deeper the colour of a cell, the lower its free "
                       "energy. Lines are contours. Cells without colour have too few "
                       "samples.";
    set_range(&plot.x, x_label, along->x_nm, columns);
    set_range(&plot.y, y_label, along->y, rows);
    asim_plot_begin(&plot);
    asim_plot_cells(&plot, levels, columns, rows);
    for (int i = 1; i < LEVELS; i++)
        draw_contour(&plot, along, step * i);
    asim_plot_end(&plot);
    free(levels);
    return 0;
}
