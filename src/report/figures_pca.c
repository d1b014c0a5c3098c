/*
 * Figures of the principal components: scree, PC1 against time, PC1 against PC2.
 * Invariant: the size of a figure does not grow with the number of frames.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "report/figures.h"

enum {
    SCREE_LARGEST = 20,
    DENSITY_COLUMNS = 68,
    DENSITY_ROWS = 60,
    DENSITY_LEVELS = 5
};

static struct asim_plot plot_of_size(FILE *stream, const struct asim_figure_size *size)
{
    return (struct asim_plot){.stream = stream,
                              .width = size->width,
                              .height = size->height,
                              .style = size->style,
                              .standalone = size->standalone};
}

void asim_figure_scree(FILE *stream, const struct asim_pca *pca,
                       const struct asim_figure_size *size)
{
    size_t count = pca->component_count;
    if (count > SCREE_LARGEST)
        count = SCREE_LARGEST;
    struct asim_plot plot = plot_of_size(stream, size);
    plot.title = "Eigenvalues of the covariance";
    plot.description = "Bars, one for each principal component in falling order; the "
                       "share of the total variance is written above each bar.";
    asim_axis_start(&plot.x, "Component");
    plot.x.low = 0.4;
    plot.x.high = (double)count + 0.6;
    plot.x.whole = true;
    plot.x.bare = true;
    asim_axis_start(&plot.y, "Eigenvalue (nm\u00B2)");
    asim_axis_include(&plot.y, 0.0);
    asim_axis_include_all(&plot.y, pca->eigenvalues_nm2, count);
    asim_axis_settle(&plot.y, 0.0);
    plot.y.high += 0.08 * (plot.y.high - plot.y.low); /* for the text above the bars */
    asim_plot_begin(&plot);
    asim_plot_bars(&plot, 1.0, 1.0, 0.72, pca->eigenvalues_nm2, count, "bar");
    double share_width = 28.0; /* "46%" and a gap */
    for (size_t i = 0; i < count; i++) {
        double share = 100.0 * pca->eigenvalues_nm2[i] / pca->total_variance_nm2;
        if (!isfinite(share) || share < -100.0 || share > 1000.0 ||
            plot.inner_width / (double)count < share_width)
            continue;
        char text[32];
        snprintf(text, sizeof text, share < 9.95 ? "%.1f%%" : "%.0f%%", share);
        asim_plot_text(&plot, (double)i + 1.0, pca->eigenvalues_nm2[i], 0.0, -5.0,
                       "middle", "inside", text);
    }
    asim_plot_end(&plot);
}

int asim_figure_projection(FILE *stream, const struct asim_pca *pca,
                           const struct asim_figure_size *size, struct asim_error *err)
{
    size_t count = pca->frame_count;
    const double *pc1 = pca->projections_nm;
    double *x = asim_alloc_array(count, sizeof *x, err);
    if (!x)
        return -1;
    struct asim_plot plot = plot_of_size(stream, size);
    plot.title = "PC1 against time";
    plot.description = "Line: the projection of every frame on the first component.";
    /* Joined trajectories may count their time anew: then the frame is the abscissa. */
    bool ascending = true;
    for (size_t i = 0; i < count; i++)
        ascending = ascending && isfinite(pca->time_ps[i]) &&
                    (i == 0 || pca->time_ps[i] > pca->time_ps[i - 1]);
    bool nanoseconds = ascending && fabs(pca->time_ps[count - 1]) >= 5000.0;
    for (size_t i = 0; i < count; i++)
        x[i] = !ascending    ? (double)i
               : nanoseconds ? pca->time_ps[i] / 1000.0
                             : pca->time_ps[i];
    asim_axis_start(&plot.x, !ascending    ? "Frame"
                             : nanoseconds ? "Time (ns)"
                                           : "Time (ps)");
    asim_axis_include_all(&plot.x, x, count);
    asim_axis_settle(&plot.x, 0.0);
    asim_axis_start(&plot.y, "PC1 (nm)");
    asim_axis_include_all(&plot.y, pc1, count);
    asim_axis_settle(&plot.y, 0.05);
    asim_plot_begin(&plot);
    asim_plot_line(&plot, x, pc1, count, "line thin s1");
    asim_plot_end(&plot);
    free(x);
    return 0;
}

/* Which cell of `count` between low and high; count where outside or NaN. */
static size_t cell_of(double value, double low, double high, size_t count)
{
    double cell = (value - low) / (high - low) * (double)count;
    return cell >= 0 && cell < (double)count ? (size_t)cell : count;
}

static int draw_density(struct asim_plot *plot, const double *x, const double *y,
                        size_t count, struct asim_error *err)
{
    size_t cells = (size_t)DENSITY_COLUMNS * DENSITY_ROWS;
    uint64_t *counts = asim_alloc_array(cells, sizeof *counts, err);
    unsigned char *levels = asim_alloc_array(cells, 1, err);
    int rc = -1;
    if (!counts || !levels)
        goto out;
    uint64_t largest = 1;
    for (size_t i = 0; i < count; i++) {
        size_t column = cell_of(x[i], plot->x.low, plot->x.high, DENSITY_COLUMNS);
        size_t row = cell_of(y[i], plot->y.low, plot->y.high, DENSITY_ROWS);
        if (column == DENSITY_COLUMNS || row == DENSITY_ROWS)
            continue;
        uint64_t *cell = &counts[row * DENSITY_COLUMNS + column];
        (*cell)++;
        largest = *cell > largest ? *cell : largest;
    }
    for (size_t i = 0; i < cells; i++) {
        /* Logarithmic, so that rarely visited places are seen beside the basins. */
        double share = log1p((double)counts[i]) / log1p((double)largest);
        if (counts[i] > 0)
            levels[i] =
                (unsigned char)fmin(1.0 + share * DENSITY_LEVELS, DENSITY_LEVELS);
    }
    asim_plot_cells(plot, levels, DENSITY_COLUMNS, DENSITY_ROWS);
    rc = 0;
out:
    free(counts);
    free(levels);
    return rc;
}

int asim_figure_scatter(FILE *stream, const struct asim_pca *pca,
                        const struct asim_figure_size *size, struct asim_error *err)
{
    size_t count = pca->frame_count;
    const double *pc1 = pca->projections_nm, *pc2 = pca->projections_nm + count;
    bool dense = count > ASIM_SCATTER_DOTS;
    struct asim_plot plot = plot_of_size(stream, size);
    plot.title = "PC1 against PC2";
    plot.description = dense ? "Density of the frames in the plane of the first two "
                               "components, on a logarithmic scale."
                             : "A dot for each frame in the plane of the first two "
                               "components.";
    asim_axis_start(&plot.x, "PC1 (nm)");
    asim_axis_include_all(&plot.x, pc1, count);
    asim_axis_settle(&plot.x, 0.04);
    asim_axis_start(&plot.y, "PC2 (nm)");
    asim_axis_include_all(&plot.y, pc2, count);
    asim_axis_settle(&plot.y, 0.04);
    asim_plot_begin(&plot);
    int rc = 0;
    if (dense)
        rc = draw_density(&plot, pc1, pc2, count, err);
    else
        asim_plot_dots(&plot, pc1, pc2, count, "dots s1");
    asim_plot_end(&plot);
    return rc;
}
