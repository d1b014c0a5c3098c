/*
 * Figures of the windows' samples: histograms, and drift between their halves.
 * Invariant: the size of a figure is bounded, however many windows and samples.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "report/figures.h"

enum { BINS_LEAST = 160, BINS_MOST = 320 };
enum { HISTOGRAMS_LARGEST = 120, DRIFT_DOTS = 5000 };

/* The bins cover the centres and this much of their range at either end; a sample
 * further off is a matter for the gates and would press all others together. */
static const double reach_beyond_centres = 0.5;

static int histogram_range(const struct asim_plan *plan,
                           const struct asim_series *series, double *ret_low,
                           double *ret_high)
{
    struct asim_axis centres, samples;
    asim_axis_start(&centres, "");
    asim_axis_start(&samples, "");
    double widest = 0.0;
    for (size_t k = 0; k < plan->window_count; k++) {
        const struct asim_bias *bias = &plan->windows[k].bias;
        asim_axis_include(&centres, bias->centre_nm);
        asim_axis_include_all(&samples, series[k].value_nm, series[k].count);
        /* 8 standard deviations that the bias alone would allow at 300 K (2.5 kJ/mol)
         */
        double reach = 8.0 * sqrt(2.5 / bias->force_constant_kj_mol_nm2);
        if (isfinite(reach))
            widest = fmax(widest, reach);
    }
    if (!(samples.low <= samples.high))
        return -1;
    double room = fmax(reach_beyond_centres * (centres.high - centres.low), widest);
    double low = samples.low, high = samples.high;
    if (isfinite(room) && room > 0) {
        low = fmax(low, centres.low - room);
        high = fmin(high, centres.high + room);
    }
    if (!(low <= high)) { /* no sample anywhere near its window: show where they are */
        low = samples.low;
        high = samples.high;
    }
    samples.low = low;
    samples.high = high;
    asim_axis_settle(&samples, 0.01);
    *ret_low = samples.low;
    *ret_high = samples.high;
    return 0;
}

int asim_histograms_build(const struct asim_plan *plan,
                          const struct asim_series *series,
                          struct asim_histograms *ret_histograms,
                          struct asim_error *err)
{
    /* About 12 bins a window, within what the figure can show. */
    size_t bins = plan->window_count * 12;
    bins = bins < BINS_LEAST ? BINS_LEAST : bins > BINS_MOST ? BINS_MOST : bins;
    struct asim_histograms histograms = {.bin_count = bins};
    double low = 0.0, high = 1.0;
    histogram_range(plan, series, &low, &high);
    histograms.low_nm = low;
    histograms.step_nm = (high - low) / (double)bins;
    histograms.window_stride = 1 + (plan->window_count - 1) / HISTOGRAMS_LARGEST;
    histograms.kept_count = 1 + (plan->window_count - 1) / histograms.window_stride;
    histograms.counts =
        asim_alloc_array(histograms.kept_count * bins, sizeof(double), err);
    histograms.total = asim_alloc_array(bins, sizeof(double), err);
    if (!histograms.counts || !histograms.total) {
        asim_histograms_finish(&histograms);
        return -1;
    }
    for (size_t k = 0; k < plan->window_count; k++) {
        double *counts = k % histograms.window_stride == 0
                             ? histograms.counts + k / histograms.window_stride * bins
                             : NULL;
        histograms.empty_windows += series[k].count == 0;
        for (size_t i = 0; i < series[k].count; i++) {
            double at = (series[k].value_nm[i] - low) / histograms.step_nm;
            if (!isfinite(at))
                continue;
            histograms.sample_count++;
            if (at < 0 || at >= (double)bins) {
                histograms.outside_count++;
                continue;
            }
            histograms.total[(size_t)at]++;
            if (counts)
                counts[(size_t)at]++;
        }
    }
    *ret_histograms = histograms;
    return 0;
}

void asim_histograms_finish(struct asim_histograms *histograms)
{
    if (!histograms)
        return;
    free(histograms->counts);
    free(histograms->total);
    *histograms = (struct asim_histograms){0};
}

void asim_figure_histograms(FILE *stream, const struct asim_histograms *histograms,
                            const struct asim_plan *plan,
                            const struct asim_figure_size *size)
{
    static const struct asim_legend_entry legend[] = {
        {ASIM_MARK_AREA, "hist s1", "windows"},
        {ASIM_MARK_LINE, "line thin total", "all windows together"},
        {ASIM_MARK_LINE, "foot", "window centres"},
    };
    struct asim_plot plot = {.stream = stream,
                             .width = size->width,
                             .height = size->height,
                             .style = size->style,
                             .standalone = size->standalone,
                             .legend = legend,
                             .legend_count = 3};
    plot.title = "Samples of the windows";
    plot.description = "Histograms of the coordinate, one for each window, and the "
                       "histogram of all windows together; marks show the centres.";
    size_t bins = histograms->bin_count;
    asim_axis_start(&plot.x, "PC1 (nm)");
    plot.x.low = histograms->low_nm;
    plot.x.high = histograms->low_nm + (double)bins * histograms->step_nm;
    char label[64];
    snprintf(label, sizeof label, "Samples in %.2g nm", histograms->step_nm);
    asim_axis_start(&plot.y, label);
    asim_axis_include(&plot.y, 0.0);
    asim_axis_include_all(&plot.y, histograms->total, bins);
    asim_axis_settle(&plot.y, 0.0);
    plot.y.low = 0.0;
    plot.y.high *= 1.03;
    plot.y.whole = true;
    asim_plot_begin(&plot);
    for (size_t k = 0; k < histograms->kept_count; k++)
        asim_plot_steps(&plot, histograms->low_nm, histograms->step_nm,
                        histograms->counts + k * bins, bins,
                        k % 2 == 0 ? "hist s1" : "hist s3");
    asim_plot_steps(&plot, histograms->low_nm, histograms->step_nm, histograms->total,
                    bins, "line thin total");
    asim_plot_foot_marks(&plot, &plan->windows[0].bias.centre_nm,
                         sizeof plan->windows[0], plan->window_count, "foot");
    asim_plot_end(&plot);
}

/* Mean and squared standard error of one half from the means of its blocks. */
static void half_statistics(const double *values, size_t block_size, double *ret_mean,
                            double *ret_variance)
{
    double means[ASIM_DRIFT_BLOCKS], mean = 0.0, variance = 0.0;
    for (size_t b = 0; b < ASIM_DRIFT_BLOCKS; b++) {
        double sum = 0.0;
        for (size_t i = 0; i < block_size; i++)
            sum += values[b * block_size + i];
        means[b] = sum / (double)block_size;
        mean += means[b] / ASIM_DRIFT_BLOCKS;
    }
    for (size_t b = 0; b < ASIM_DRIFT_BLOCKS; b++)
        variance += (means[b] - mean) * (means[b] - mean);
    *ret_mean = mean;
    *ret_variance = variance / (ASIM_DRIFT_BLOCKS * (ASIM_DRIFT_BLOCKS - 1.0));
}

double asim_series_drift(const struct asim_series *series)
{
    size_t block_size = series->count / (2 * (size_t)ASIM_DRIFT_BLOCKS);
    if (block_size < 2)
        return NAN;
    /* What does not fill the blocks is left out at the beginning. */
    size_t half = block_size * ASIM_DRIFT_BLOCKS;
    double means[2], variances[2];
    for (size_t h = 0; h < 2; h++)
        half_statistics(series->value_nm + series->count - (2 - h) * half, block_size,
                        &means[h], &variances[h]);
    double drift = (means[1] - means[0]) / sqrt(variances[0] + variances[1]);
    return isfinite(drift) ? drift : NAN;
}

int asim_figure_drift(FILE *stream, const struct asim_plan *plan,
                      const struct asim_series *series,
                      const struct asim_figure_size *size, struct asim_error *err)
{
    static const struct asim_legend_entry legend[] = {
        {ASIM_MARK_DOT, "dots solid s1", "second half less first half"},
        {ASIM_MARK_LINE, "limit", "\u00B1 2 standard errors"},
    };
    size_t count = plan->window_count, stride = 1 + (count - 1) / DRIFT_DOTS;
    double *x = asim_alloc_array(2 * count, sizeof *x, err);
    if (!x)
        return -1;
    double *y = x + count;
    struct asim_plot plot = {.stream = stream,
                             .width = size->width,
                             .height = size->height,
                             .style = size->style,
                             .standalone = size->standalone,
                             .legend = legend,
                             .legend_count = 2};
    plot.title = "Drift between the halves of each window";
    plot.description = "A dot for each window: how far the mean of the second half of "
                       "its samples is from that of the first, in standard errors.";
    asim_axis_start(&plot.y, "Difference (standard errors)");
    asim_axis_include(&plot.y, -3.0);
    asim_axis_include(&plot.y, 3.0);
    for (size_t k = 0; k < count; k++) {
        x[k] = (double)k;
        double drift = asim_series_drift(&series[k]);
        /* Of many windows every one that stands out is drawn, of the others a part. */
        y[k] = k % stride == 0 || fabs(drift) > 3.0 ? drift : NAN;
        asim_axis_include(&plot.y, y[k]);
    }
    asim_axis_settle(&plot.y, 0.04);
    asim_axis_start(&plot.x, "Window");
    plot.x.low = -0.6;
    plot.x.high = (double)count - 0.4;
    plot.x.whole = plot.x.bare = true;
    asim_plot_begin(&plot);
    asim_plot_horizontal(&plot, 2.0, "limit");
    asim_plot_horizontal(&plot, -2.0, "limit");
    asim_plot_dots(&plot, x, y, count, count > 200 ? "dots s1" : "dots solid s1");
    asim_plot_end(&plot);
    free(x);
    return 0;
}
