/*
 * What is drawn inside the axes: lines, bands, bars, histograms, dots, cells.
 * Invariants: every number written is finite; the number of points is bounded by the
 * pixels of the figure wherever the data may be large.
 */
#include <math.h>

#include "report/svg.h"

static void path_start(FILE *stream, const char *style)
{
    fprintf(stream, "<path class=\"%s\" d=\"", style);
}

static void path_end(FILE *stream)
{
    fputs("\"/>\n", stream);
}

/* The points of a line that fall into one pixel column. */
struct column {
    double x, first, least, largest, last;
    size_t count;
    bool pen_down; /* a point before this column belongs to the same line */
};

static void column_flush(FILE *stream, struct column *column)
{
    if (column->count == 0)
        return;
    double x = column->x;
    fprintf(stream, "%c%.1f %.1f", column->pen_down ? 'L' : 'M', x, column->first);
    if (column->count > 1)
        fprintf(stream, "V%.1fV%.1fV%.1f", column->least, column->largest,
                column->last);
    else if (!column->pen_down)
        fputs("h0", stream); /* should it stay alone: round line caps make a dot */
    column->pen_down = true;
    column->count = 0;
}

void asim_plot_line(struct asim_plot *plot, const double *x, const double *y,
                    size_t count, const char *style)
{
    FILE *stream = plot->stream;
    struct column column = {0};
    /* Points closer than half a pixel share a column only where there are many. */
    double tolerance = (double)count > 2.0 * plot->inner_width ? 0.5 : 0.0;
    path_start(stream, style);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) {
            column_flush(stream, &column);
            column.pen_down = false;
            continue;
        }
        double at_x = asim_plot_x(plot, x[i]), at_y = asim_plot_y(plot, y[i]);
        if (column.count > 0 && !(fabs(at_x - column.x) < tolerance))
            column_flush(stream, &column);
        if (column.count == 0) {
            column.x = at_x;
            column.first = column.least = column.largest = at_y;
        }
        column.least = fmin(column.least, at_y);
        column.largest = fmax(column.largest, at_y);
        column.last = at_y;
        column.count++;
    }
    column_flush(stream, &column);
    path_end(stream);
}

static bool band_point(const double *x, const double *centre, const double *half,
                       double factor, size_t i)
{
    return isfinite(x[i]) && isfinite(centre[i]) && isfinite(factor * half[i]);
}

void asim_plot_band(struct asim_plot *plot, const double *x, const double *centre,
                    const double *half, size_t count, double factor, const char *style)
{
    FILE *stream = plot->stream;
    /* Two points a pixel are enough; the last point of a run is always drawn. */
    size_t stride = 1 + (size_t)((double)count / (2.0 * plot->inner_width));
    path_start(stream, style);
    for (size_t begin = 0; begin < count; begin++) {
        if (!band_point(x, centre, half, factor, begin))
            continue;
        size_t end = begin + 1;
        while (end < count && band_point(x, centre, half, factor, end))
            end++;
        /* A run of one bin is as wide as a dot of the line. */
        double widen = end - begin == 1 ? 1.5 : 0.0;
        for (size_t i = begin; i < end;) {
            double y = asim_plot_y(plot, centre[i] + factor * half[i]);
            fprintf(stream, "%c%.1f %.1f", i == begin ? 'M' : 'L',
                    asim_plot_x(plot, x[i]) - widen, y);
            if (widen > 0)
                fprintf(stream, "h%.1f", 2.0 * widen);
            i = i + 1 < end && i + stride >= end ? end - 1 : i + stride;
        }
        for (size_t i = end; i > begin;) {
            double y = asim_plot_y(plot, centre[i - 1] - factor * half[i - 1]);
            fprintf(stream, "L%.1f %.1f", asim_plot_x(plot, x[i - 1]) + widen, y);
            if (widen > 0)
                fprintf(stream, "h-%.1f", 2.0 * widen);
            i = i > begin + 1 && i <= begin + stride ? begin + 1
                : i > stride                         ? i - stride
                                                     : 0;
        }
        fputc('Z', stream);
        begin = end;
    }
    path_end(stream);
}

void asim_plot_bars(struct asim_plot *plot, double first, double step, double fill,
                    const double *heights, size_t count, const char *style)
{
    FILE *stream = plot->stream;
    double foot = asim_plot_y(plot, 0.0);
    path_start(stream, style);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(heights[i]))
            continue;
        double at = first + (double)i * step;
        fprintf(stream, "M%.1f %.1fV%.1fH%.1fV%.1fZ",
                asim_plot_x(plot, at - 0.5 * fill * step), foot,
                asim_plot_y(plot, heights[i]),
                asim_plot_x(plot, at + 0.5 * fill * step), foot);
    }
    path_end(stream);
}

void asim_plot_steps(struct asim_plot *plot, double low, double step,
                     const double *heights, size_t count, const char *style)
{
    FILE *stream = plot->stream;
    double foot = asim_plot_y(plot, 0.0);
    bool pen_down = false;
    path_start(stream, style);
    for (size_t i = 0; i <= count; i++) {
        bool drawn = i < count && isfinite(heights[i]) && heights[i] > 0;
        double x = asim_plot_x(plot, low + (double)i * step);
        if (pen_down)
            fprintf(stream, "H%.1f", x);
        if (drawn && !pen_down)
            fprintf(stream, "M%.1f %.1f", x, foot);
        if (drawn)
            fprintf(stream, "V%.1f", asim_plot_y(plot, heights[i]));
        else if (pen_down)
            fprintf(stream, "V%.1f", foot);
        pen_down = drawn;
    }
    path_end(stream);
}

void asim_plot_dots(struct asim_plot *plot, const double *x, const double *y,
                    size_t count, const char *style)
{
    path_start(plot->stream, style);
    for (size_t i = 0; i < count; i++)
        if (isfinite(x[i]) && isfinite(y[i]))
            fprintf(plot->stream, "M%.1f %.1fh0", asim_plot_x(plot, x[i]),
                    asim_plot_y(plot, y[i]));
    path_end(plot->stream);
}

void asim_plot_horizontal(struct asim_plot *plot, double y, const char *style)
{
    if (!isfinite(y))
        return;
    path_start(plot->stream, style);
    fprintf(plot->stream, "M%.1f %.1fh%.1f", plot->left, asim_plot_y(plot, y),
            plot->inner_width);
    path_end(plot->stream);
}

void asim_plot_foot_marks(struct asim_plot *plot, const double *x, size_t stride_bytes,
                          size_t count, const char *style)
{
    double foot = plot->top + plot->inner_height, last = -1e9;
    path_start(plot->stream, style);
    for (size_t i = 0; i < count; i++) {
        double value = *(const double *)((const char *)x + i * stride_bytes);
        if (!(value >= plot->x.low && value <= plot->x.high))
            continue;
        double at = asim_plot_x(plot, value);
        if (fabs(at - last) < 4.0) /* nearer ones would run together */
            continue;
        fprintf(plot->stream, "M%.1f %.1fv-7", at, foot);
        last = at;
    }
    path_end(plot->stream);
}

void asim_plot_cells(struct asim_plot *plot, const unsigned char *levels,
                     size_t column_count, size_t row_count)
{
    FILE *stream = plot->stream;
    bool downward = plot->y.low > plot->y.high;
    unsigned char highest = 0;
    for (size_t i = 0; i < column_count * row_count; i++)
        highest = levels[i] > highest ? levels[i] : highest;
    double width = plot->inner_width / (double)column_count;
    double height = plot->inner_height / (double)row_count;
    for (int level = 1; level <= highest; level++) {
        fprintf(stream, "<path class=\"cell l%d\" d=\"", level);
        for (size_t row = 0; row < row_count; row++) {
            const unsigned char *cells = levels + row * column_count;
            size_t from_top = downward ? row : row_count - 1 - row;
            double y = plot->top + (double)from_top * height;
            for (size_t i = 0; i < column_count; i++) {
                if (cells[i] != level)
                    continue;
                size_t end = i + 1;
                while (end < column_count && cells[end] == level)
                    end++;
                fprintf(stream, "M%.1f %.1fH%.1fV%.1fH%.1fZ",
                        plot->left + (double)i * width, y,
                        plot->left + (double)end * width, y + height,
                        plot->left + (double)i * width);
                i = end;
            }
        }
        path_end(stream);
    }
}
