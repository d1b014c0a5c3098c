/*
 * Figures of the overlap between windows: the matrix, and neighbours against the limit.
 * Invariant: the size of a figure is bounded, however many windows there are.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/figures.h"

enum { CELL_NUMBERS_LARGEST = 12 };

double asim_overlap_limit(const struct asim_pmf *pmf)
{
    for (size_t i = 0; i < pmf->gate_count; i++)
        if (strstr(pmf->gates[i].name, "overlap") && pmf->gates[i].limit > 0 &&
            pmf->gates[i].limit < 1)
            return pmf->gates[i].limit;
    return 0.03;
}

static double overlap_at(const struct asim_pmf *pmf, size_t i, size_t j)
{
    return pmf->overlap[i * pmf->window_count + j];
}

double asim_overlap_neighbours(const struct asim_pmf *pmf, size_t i)
{
    if (pmf->neighbour_overlap)
        return pmf->neighbour_overlap[i];
    double one = overlap_at(pmf, i, i + 1), other = overlap_at(pmf, i + 1, i);
    return isnan(one) || isnan(other) ? NAN : fmin(one, other);
}

/* 0: none; 1: some, below the limit; 2 to 5: above it, ever more. */
static unsigned char overlap_level(double overlap, double limit)
{
    static const double steps[] = {0.1, 0.2, 0.35};
    if (!(overlap >= 0.001))
        return 0;
    if (overlap < limit)
        return 1;
    unsigned char level = 2;
    for (int i = 0; i < 3; i++)
        level = (unsigned char)(level + (overlap >= steps[i]));
    return level;
}

static void write_cell_numbers(struct asim_plot *plot, const struct asim_pmf *pmf,
                               double limit)
{
    for (size_t i = 0; i < pmf->window_count; i++) {
        for (size_t j = 0; j < pmf->window_count; j++) {
            double overlap = overlap_at(pmf, i, j);
            if (!(overlap >= 0.005) || overlap > 1.01)
                continue;
            char text[16];
            snprintf(text, sizeof text, "%.2f", overlap);
            asim_plot_text(plot, (double)j, (double)i, 0.0, 3.5, "middle",
                           overlap_level(overlap, limit) >= 4 ? "inside deep"
                                                              : "inside pale",
                           text[0] == '0' ? text + 1 : text);
        }
    }
}

/* Frames around the neighbours that overlap too little. */
static void outline_poor_neighbours(struct asim_plot *plot, const struct asim_pmf *pmf,
                                    double limit)
{
    fputs("<path class=\"outline\" d=\"", plot->stream);
    for (size_t i = 0; i + 1 < pmf->window_count; i++) {
        if (asim_overlap_neighbours(pmf, i) >= limit)
            continue;
        for (int mirrored = 0; mirrored < 2; mirrored++) {
            double row = (double)i + mirrored, column = (double)i + 1 - mirrored;
            fprintf(plot->stream, "M%.1f %.1fH%.1fV%.1fH%.1fZ",
                    asim_plot_x(plot, column - 0.5), asim_plot_y(plot, row - 0.5),
                    asim_plot_x(plot, column + 0.5), asim_plot_y(plot, row + 0.5),
                    asim_plot_x(plot, column - 0.5));
        }
    }
    fputs("\"/>\n", plot->stream);
}

int asim_figure_overlap(FILE *stream, const struct asim_pmf *pmf,
                        const struct asim_figure_size *size, struct asim_error *err)
{
    size_t count = pmf->window_count;
    size_t side = count < ASIM_OVERLAP_CELLS ? count : ASIM_OVERLAP_CELLS;
    unsigned char *levels = asim_alloc_array(side * side, 1, err);
    if (!levels)
        return -1;
    double limit = asim_overlap_limit(pmf);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            /* Many windows share a cell: the largest overlap in it is drawn. */
            unsigned char *cell = &levels[i * side / count * side + j * side / count];
            unsigned char level = overlap_level(overlap_at(pmf, i, j), limit);
            *cell = level > *cell ? level : *cell;
        }
    }
    char below[32], above[32];
    snprintf(below, sizeof below, "< %.3g", limit);
    snprintf(above, sizeof above, "\u2265 %.3g", limit);
    const struct asim_legend_entry legend[] = {
        {ASIM_MARK_AREA, "cell l1", below},
        {ASIM_MARK_AREA, "cell l2", above},
        {ASIM_MARK_AREA, "cell l3", "\u2265 0.1"},
        {ASIM_MARK_AREA, "cell l4", "\u2265 0.2"},
        {ASIM_MARK_AREA, "cell l5", "\u2265 0.35"},
    };
    struct asim_plot plot = {.stream = stream,
                             .width = size->width,
                             .height = size->height,
                             .style = size->style,
                             .standalone = size->standalone,
                             .legend = legend,
                             .legend_count = 5};
    plot.title = "Overlap matrix";
    plot.description = "A cell for each pair of windows; the stronger its colour, the "
                       "more their samples overlap. Grey is below the limit.";
    asim_axis_start(&plot.x, "Window");
    plot.x.low = -0.5;
    plot.x.high = (double)count - 0.5;
    plot.x.whole = plot.x.bare = true;
    asim_axis_start(&plot.y, "Window");
    plot.y.low = (double)count - 0.5;
    plot.y.high = -0.5;
    plot.y.whole = plot.y.bare = true;
    asim_plot_begin(&plot);
    asim_plot_cells(&plot, levels, side, side);
    if (count <= CELL_NUMBERS_LARGEST)
        write_cell_numbers(&plot, pmf, limit);
    if (count <= ASIM_OVERLAP_CELLS)
        outline_poor_neighbours(&plot, pmf, limit);
    asim_plot_end(&plot);
    free(levels);
    return 0;
}

int asim_figure_neighbours(FILE *stream, const struct asim_pmf *pmf,
                           const struct asim_figure_size *size, struct asim_error *err)
{
    size_t pairs = pmf->window_count - 1;
    size_t group = 1 + (pairs - 1) / ASIM_OVERLAP_BARS;
    size_t bars = 1 + (pairs - 1) / group;
    double *good = asim_alloc_array(2 * bars, sizeof *good, err);
    if (!good)
        return -1;
    double *poor = good + bars, limit = asim_overlap_limit(pmf);
    char legend_text[64];
    snprintf(legend_text, sizeof legend_text, "limit %.3g", limit);
    const struct asim_legend_entry legend[] = {
        {ASIM_MARK_AREA, "bar", "overlap of neighbours"},
        {ASIM_MARK_LINE, "limit", legend_text},
    };
    struct asim_plot plot = {.stream = stream,
                             .width = size->width,
                             .height = size->height,
                             .style = size->style,
                             .standalone = size->standalone,
                             .legend = legend,
                             .legend_count = 2};
    plot.title = "Overlap of neighbouring windows";
    plot.description = "A bar for each window and the next one, and the limit as a "
                       "dashed line; bars below the limit are red.";
    asim_axis_start(&plot.y, group == 1 ? "Overlap" : "Least overlap");
    asim_axis_include(&plot.y, 0.0);
    asim_axis_include(&plot.y, 2.0 * limit);
    for (size_t bar = 0; bar < bars; bar++) {
        double least = INFINITY;
        for (size_t i = bar * group; i < (bar + 1) * group && i < pairs; i++)
            least = fmin(least, asim_overlap_neighbours(pmf, i));
        good[bar] = least >= limit ? least : NAN;
        poor[bar] = least < limit ? least : NAN;
        asim_axis_include(&plot.y, least);
    }
    asim_axis_settle(&plot.y, 0.0);
    plot.y.low = 0.0;
    plot.y.high *= 1.05;
    asim_axis_start(&plot.x, "Window, with the next one");
    plot.x.low = -0.6;
    plot.x.high = (double)(bars * group) - 0.4;
    plot.x.whole = plot.x.bare = true;
    double first = 0.5 * (double)(group - 1);
    double fill = bars > 60 ? 1.0 : 0.72; /* gaps of less than 2 px would flicker */
    asim_plot_begin(&plot);
    asim_plot_bars(&plot, first, (double)group, fill, good, bars, "bar");
    asim_plot_bars(&plot, first, (double)group, fill, poor, bars, "bar low");
    asim_plot_horizontal(&plot, limit, "limit");
    asim_plot_end(&plot);
    free(good);
    return 0;
}
