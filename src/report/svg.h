/*
 * A small plotting layer: one figure is one <svg> element with axes, drawn into a
 * stream. Colours are classes; asim_svg_style() gives them their values for light and
 * dark. Write errors are left to the stream's owner. Everything is NaN-safe: values
 * that are not finite leave gaps.
 */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { ASIM_TICKS_LARGEST = 24 };

/* Positions first_multiple * step, (first_multiple + 1) * step, ...; a label is
 * position / 10^exponent with `decimals` decimals. */
struct asim_ticks {
    double step;
    double first_multiple;
    int count;
    int decimals;
    int exponent; /* 0 or a multiple of 3: belongs behind the axis label */
};

/* Steps of 1, 2 or 5 times a power of ten, at most `largest_count` (2 to
 * ASIM_TICKS_LARGEST) of them in [low, high]; `whole` allows whole numbers only. */
void asim_ticks_choose(double low, double high, int largest_count, bool whole,
                       struct asim_ticks *ret_ticks);
double asim_ticks_position(const struct asim_ticks *ticks, int i);
void asim_ticks_label(const struct asim_ticks *ticks, int i, char *ret_text,
                      size_t size);

struct asim_axis {
    double low, high;  /* y may run downward: low > high */
    const char *label; /* with the unit */
    bool whole;        /* ticks at whole numbers only */
    bool bare;         /* no tick marks, no grid lines */
};

/* An axis that has seen nothing yet; include what shall be seen, then settle. */
void asim_axis_start(struct asim_axis *axis, const char *label);
void asim_axis_include(struct asim_axis *axis, double value);
void asim_axis_include_all(struct asim_axis *axis, const double *values, size_t count);
/* Makes the range usable whatever came: nothing gives 0 to 1, a constant gets room
 * around it; `margin` is added at both ends as a fraction of the range. */
void asim_axis_settle(struct asim_axis *axis, double margin);

enum asim_mark { ASIM_MARK_LINE, ASIM_MARK_AREA, ASIM_MARK_DOT };

struct asim_legend_entry {
    enum asim_mark mark;
    const char *style; /* class */
    const char *text;
};

struct asim_plot {
    FILE *stream;
    double width, height; /* px, the unit of the viewBox */
    struct asim_axis x, y;
    const char *title;       /* said by screen readers, and shown by browsers */
    const char *description; /* the rest of what screen readers say */
    const char *style;       /* class of the element: "wide", "narrow", ... */
    bool standalone;         /* a whole .svg file: names the namespace, brings style */
    const struct asim_legend_entry *legend;
    size_t legend_count;
    double left, top, inner_width, inner_height; /* set by begin: where data go */
};

/* Style rules as text, for <style>: variables on the class `autosim`. */
const char *asim_svg_style(void);

void asim_plot_begin(struct asim_plot *plot);
void asim_plot_end(struct asim_plot *plot);

/* Pixels of a value, kept within some reach of the figure. */
double asim_plot_x(const struct asim_plot *plot, double value);
double asim_plot_y(const struct asim_plot *plot, double value);

/* A line through the points, broken at values that are not finite. Points that share a
 * pixel column are drawn as first, least, largest, last, so that a line with ascending
 * x has at most 4 points a pixel. */
void asim_plot_line(struct asim_plot *plot, const double *x, const double *y,
                    size_t count, const char *style);
/* The area between centre - half and centre + half, broken in the same way. */
void asim_plot_band(struct asim_plot *plot, const double *x, const double *centre,
                    const double *half, size_t count, double factor, const char *style);
/* Bars from y = 0; bar i covers first + i * step +- fill * step / 2. */
void asim_plot_bars(struct asim_plot *plot, double first, double step, double fill,
                    const double *heights, size_t count, const char *style);
/* The outline of a histogram: bin i is from low + i * step; empty bins are left out. */
void asim_plot_steps(struct asim_plot *plot, double low, double step,
                     const double *heights, size_t count, const char *style);
void asim_plot_dots(struct asim_plot *plot, const double *x, const double *y,
                    size_t count, const char *style);
void asim_plot_horizontal(struct asim_plot *plot, double y, const char *style);
/* Short marks at the foot of the figure, e.g. window centres. */
void asim_plot_foot_marks(struct asim_plot *plot, const double *x, size_t stride_bytes,
                          size_t count, const char *style);
/* Text at data coordinates, moved by dx, dy pixels; anchor start, middle or end. */
void asim_plot_text(struct asim_plot *plot, double x, double y, double dx, double dy,
                    const char *anchor, const char *style, const char *text);

/* Cells of a column_count x row_count grid that fills the figure; level 0 is not drawn,
 * level n gets class "ln". Row 0 is at the bottom, or on top where y runs downward.
 * Equal neighbours in a row become one rectangle. */
void asim_plot_cells(struct asim_plot *plot, const unsigned char *levels,
                     size_t column_count, size_t row_count);

#endif
