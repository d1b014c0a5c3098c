/*
 * The frame of a figure: margins, axes, legend, text; coordinates.
 * Invariants: every number written is finite; every text is escaped; an element that
 * is opened is closed. Knows nothing of what is plotted; marks are in marks.c.
 */
#include "report/svg.h"

#include <math.h>
#include <string.h>

#include "report/markup.h"

/* Widths are of the 12 px sans-serif text of the style: digits are 6.7 px wide, the
 * mean of running text is 6.2 px. */
static const double digit_width = 6.9, letter_width = 6.3;
static const double line_height = 18.0;

static double text_width(const char *text, double character_width)
{
    size_t characters = 0;
    for (; *text; text++)
        characters += ((unsigned char)*text & 0xC0) != 0x80;
    return (double)characters * character_width;
}

static double rim(double pixels, double size)
{
    /* Far outside is as good as infinitely far, and short to write. */
    return fmax(-size, fmin(2.0 * size, pixels));
}

double asim_plot_x(const struct asim_plot *plot, double value)
{
    double fraction = (value - plot->x.low) / (plot->x.high - plot->x.low);
    return rim(plot->left + fraction * plot->inner_width, plot->width);
}

double asim_plot_y(const struct asim_plot *plot, double value)
{
    double fraction = (plot->y.high - value) / (plot->y.high - plot->y.low);
    return rim(plot->top + fraction * plot->inner_height, plot->height);
}

/* The power of ten that the tick labels leave out, to go behind the axis label. */
static void factor_text(int exponent, char *ret_text, size_t size)
{
    char power[48] = "";
    if (exponent != 0)
        asim_power_text(exponent, power, sizeof power);
    snprintf(ret_text, size, "%s%s", exponent != 0 ? "  \u00D7 " : "", power);
}

static void put_text(FILE *stream, double x, double y, const char *anchor,
                     const char *style, const char *text, const char *suffix)
{
    fprintf(stream, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">",
            style, x, y, anchor);
    asim_markup_text(stream, text);
    asim_markup_text(stream, suffix);
    fputs("</text>\n", stream);
}

static double legend_entry_width(const struct asim_legend_entry *entry)
{
    return 26.0 + text_width(entry->text, letter_width) + 14.0;
}

/* Lays the legend out from the upper left corner; draws where `draw`; returns how many
 * rows it takes. */
static int legend_rows(struct asim_plot *plot, bool draw)
{
    FILE *stream = plot->stream;
    double x = 1.0;
    int row = 0;
    for (size_t i = 0; i < plot->legend_count; i++) {
        const struct asim_legend_entry *entry = &plot->legend[i];
        double needed = legend_entry_width(entry);
        if (x > 1.0 && x + needed - 14.0 > plot->width) {
            x = 1.0;
            row++;
        }
        double y = 9.0 + line_height * row;
        if (draw) {
            if (entry->mark == ASIM_MARK_AREA)
                fprintf(stream,
                        "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"18\" "
                        "height=\"10\" rx=\"1.5\"/>",
                        entry->style, x, y - 5.0);
            else
                fprintf(stream, "<path class=\"%s\" d=\"M%.1f %.1fh%d\"/>",
                        entry->style, entry->mark == ASIM_MARK_DOT ? x + 9.0 : x, y,
                        entry->mark == ASIM_MARK_DOT ? 0 : 18);
            put_text(stream, x + 24.0, y + 4.0, "start", "small", entry->text, "");
        }
        x += needed;
    }
    return plot->legend_count > 0 ? row + 1 : 0;
}

static void draw_axes(struct asim_plot *plot, const struct asim_ticks *x_ticks,
                      const struct asim_ticks *y_ticks)
{
    FILE *stream = plot->stream;
    double foot = plot->top + plot->inner_height;
    double right = plot->left + plot->inner_width;
    char label[64];
    fputs("<path class=\"grid\" d=\"", stream);
    for (int i = 0; i < y_ticks->count && !plot->y.bare; i++)
        fprintf(stream, "M%.1f %.1fH%.1f", plot->left,
                asim_plot_y(plot, asim_ticks_position(y_ticks, i)), right);
    fputs("\"/>\n<path class=\"axis\" d=\"", stream);
    fprintf(stream, "M%.1f %.1fH%.1f", plot->left, foot, right);
    for (int i = 0; i < x_ticks->count && !plot->x.bare; i++)
        fprintf(stream, "M%.1f %.1fv4",
                asim_plot_x(plot, asim_ticks_position(x_ticks, i)), foot);
    fputs("\"/>\n", stream);
    for (int i = 0; i < y_ticks->count; i++) {
        double position = asim_ticks_position(y_ticks, i);
        asim_ticks_label(y_ticks, i, label, sizeof label);
        put_text(stream, plot->left - 6.0, asim_plot_y(plot, position) + 4.0, "end",
                 "tick", label, "");
    }
    for (int i = 0; i < x_ticks->count; i++) {
        double position = asim_ticks_position(x_ticks, i);
        asim_ticks_label(x_ticks, i, label, sizeof label);
        /* Labels at the ends move inward where they would be cut off. */
        double half_width = 0.5 * text_width(label, digit_width);
        double at = asim_plot_x(plot, position);
        at = fmax(half_width, fmin(plot->width - half_width, at));
        put_text(stream, at, foot + 18.0, "middle", "tick", label, "");
    }
    factor_text(x_ticks->exponent, label, sizeof label);
    put_text(stream, right, foot + 36.0, "end", "label",
             plot->x.label ? plot->x.label : "", label);
    factor_text(y_ticks->exponent, label, sizeof label);
    put_text(stream, 0.0, plot->top - 12.0, "start", "label",
             plot->y.label ? plot->y.label : "", label);
}

/* The most ticks along x whose labels keep a gap between them. */
static void choose_x_ticks(const struct asim_plot *plot, struct asim_ticks *ret_ticks)
{
    for (int count = plot->inner_width > 450.0 ? 10 : 6; count >= 2; count--) {
        asim_ticks_choose(plot->x.low, plot->x.high, count, plot->x.whole, ret_ticks);
        double widest = 0.0;
        char label[64];
        for (int i = 0; i < ret_ticks->count; i++) {
            asim_ticks_label(ret_ticks, i, label, sizeof label);
            widest = fmax(widest, text_width(label, digit_width));
        }
        double gap = plot->inner_width * ret_ticks->step / (plot->x.high - plot->x.low);
        if (ret_ticks->count < 2 || gap >= widest + 12.0)
            return;
    }
}

void asim_plot_begin(struct asim_plot *plot)
{
    FILE *stream = plot->stream;
    struct asim_ticks x_ticks, y_ticks;
    double legend_height = line_height * legend_rows(plot, false);
    plot->top = legend_height + (plot->legend_count > 0 ? 32.0 : 26.0);
    plot->inner_height = plot->height - plot->top - 44.0;
    int rows = (int)(plot->inner_height / 40.0);
    asim_ticks_choose(fmin(plot->y.low, plot->y.high), fmax(plot->y.low, plot->y.high),
                      rows > 8 ? 8 : rows, plot->y.whole, &y_ticks);
    plot->left = 0.0;
    for (int i = 0; i < y_ticks.count; i++) {
        char label[64];
        asim_ticks_label(&y_ticks, i, label, sizeof label);
        plot->left = fmax(plot->left, text_width(label, digit_width));
    }
    plot->left = fmin(plot->left + 8.0, 0.4 * plot->width);
    plot->inner_width = plot->width - plot->left - 10.0;
    choose_x_ticks(plot, &x_ticks);

    if (plot->standalone)
        fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", stream);
    fputs("<svg ", stream);
    if (plot->standalone) /* with a margin, as a figure on its own needs one */
        fprintf(stream,
                "xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                "viewBox=\"-16 -16 %.0f %.0f\"",
                plot->width + 32.0, plot->height + 32.0, plot->width + 32.0,
                plot->height + 32.0);
    else
        fprintf(stream, "viewBox=\"0 0 %.0f %.0f\"", plot->width, plot->height);
    fprintf(stream, " class=\"figure %s\" role=\"img\" aria-label=\"",
            plot->style ? plot->style : "");
    asim_markup_text(stream, plot->title);
    fputs(". ", stream);
    asim_markup_text(stream, plot->description);
    fputs("\">\n<title>", stream);
    asim_markup_text(stream, plot->title);
    fputs("</title>\n", stream);
    if (plot->standalone)
        fprintf(stream,
                "<style>%s</style>\n<rect class=\"paper\" x=\"-16\" y=\"-16\" "
                "width=\"%.0f\" height=\"%.0f\"/>\n",
                asim_svg_style(), plot->width + 32.0, plot->height + 32.0);
    legend_rows(plot, true);
    draw_axes(plot, &x_ticks, &y_ticks);
    /* A nested <svg> clips what is drawn outside the axes and needs no identifier. */
    fprintf(stream,
            "<svg x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
            "viewBox=\"%.1f %.1f %.1f %.1f\">\n",
            plot->left, plot->top - 2.0, plot->inner_width, plot->inner_height + 2.0,
            plot->left, plot->top - 2.0, plot->inner_width, plot->inner_height + 2.0);
}

void asim_plot_end(struct asim_plot *plot)
{
    fputs("</svg>\n</svg>\n", plot->stream);
}

void asim_plot_text(struct asim_plot *plot, double x, double y, double dx, double dy,
                    const char *anchor, const char *style, const char *text)
{
    if (!isfinite(x) || !isfinite(y))
        return;
    put_text(plot->stream, asim_plot_x(plot, x) + dx, asim_plot_y(plot, y) + dy, anchor,
             style, text, "");
}
