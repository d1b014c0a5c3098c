/*
 * Writes reports and figures of made-up data into a folder, for check_report.py and for
 * looking at: write_samples FOLDER.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/svg.h"
#include "sample_data.h"

static const char hostile[] =
    "</title></style></svg><script>alert('x')</script><img src=x onerror=\"a\"> & "
    "]]> --> \xff\xc0\x80 \x01\x1b[31m \xed\xa0\x80 \xe2\x80\xae \xef\xbf\xbf '\"&lt;";

static int failed;

static void expect(int rc, const struct asim_error *err, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", what, err->text);
        failed = 1;
    }
}

static void write_report(const char *folder, const char *name,
                         const struct asim_report *report)
{
    struct asim_error err = {0};
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    expect(asim_report_write(report, path, &err), &err, name);
}

static void write_with(const char *folder, const char *name,
                       const struct sample_options *options)
{
    struct sample_data data;
    struct asim_error err = {0};
    char path[4096];
    sample_data_init(options, &data);
    write_report(folder, name, &data.report);
    snprintf(path, sizeof path, "%s/%s.svg", folder, name);
    expect(asim_report_write_pmf_svg(&data.pmf, path, &err), &err, name);
    sample_data_finish(&data);
}

/* Numbers nobody sends on purpose, in every place. */
static void write_broken_numbers(const char *folder)
{
    static const double values[] = {NAN,    INFINITY, -INFINITY, 1e300,
                                    -1e300, 0.0,      5e-324};
    struct sample_options options = {.window_count = 5,
                                     .samples_per_window = 50,
                                     .frame_count = 60,
                                     .bin_count = 40,
                                     .missing_window = SIZE_MAX};
    for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
        struct sample_data data;
        sample_data_init(&options, &data);
        for (size_t i = 0; i < options.bin_count; i += v % 2 + 1)
            data.pmf.pmf_kj_mol[i] = data.pmf.error_kj_mol[i] =
                data.pmf.band_kj_mol[i] = values[v];
        for (size_t i = 0; i < 25; i += v % 2 + 1)
            data.pmf.overlap[i] = values[v];
        for (size_t i = 0; i < 60; i += 3)
            data.pca.projections_nm[i] = data.pca.projections_nm[60 + i] =
                data.pca.time_ps[i] = values[v];
        data.pca.eigenvalues_nm2[1] = data.pca.total_variance_nm2 = values[v];
        data.series[2].value_nm[7] = data.plan.windows[2].bias.centre_nm = values[v];
        data.plan.windows[1].bias.force_constant_kj_mol_nm2 = values[v];
        data.statuses[1].ns_per_day = data.statuses[1].runtime_seconds = values[v];
        data.pmf.gates[0].value = data.pmf.gates[0].limit = values[v];
        char name[64];
        snprintf(name, sizeof name, "broken%zu.html", v);
        write_report(folder, name, &data.report);
        sample_data_finish(&data);
    }
}

static void write_plots(const char *folder)
{
    static const struct {
        const char *name;
        size_t count;
        double x[4], y[4];
    } rows[] = {
        {"empty", 0, {0}, {0}},
        {"single", 1, {2.0}, {3.0}},
        {"constant", 3, {1, 2, 3}, {7, 7, 7}},
        {"nan", 4, {1, 2, 3, 4}, {NAN, 1, NAN, 2}},
        {"all-nan", 2, {NAN, NAN}, {NAN, INFINITY}},
        {"huge", 3, {-1e300, 0, 1e300}, {-1e308, 0, 1e308}},
        {"small", 3, {1e-300, 2e-300, 3e-300}, {1e-12, 2e-12, 5e-12}},
        {"offset", 3, {1e9, 1e9 + 1e-6, 1e9 + 2e-6}, {1, 1 + 1e-15, 1}},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        char path[4096];
        struct asim_error err = {0};
        struct asim_output output;
        snprintf(path, sizeof path, "%s/plot-%s.svg", folder, rows[r].name);
        if (asim_output_open(path, &output, &err) < 0) {
            expect(-1, &err, path);
            return;
        }
        struct asim_plot plot = {.stream = output.stream,
                                 .width = 343,
                                 .height = 300,
                                 .title = hostile,
                                 .description = hostile,
                                 .standalone = true};
        asim_axis_start(&plot.x, hostile);
        asim_axis_include_all(&plot.x, rows[r].x, rows[r].count);
        asim_axis_settle(&plot.x, 0.0);
        asim_axis_start(&plot.y, hostile);
        asim_axis_include_all(&plot.y, rows[r].y, rows[r].count);
        asim_axis_settle(&plot.y, 0.1);
        asim_plot_begin(&plot);
        asim_plot_band(&plot, rows[r].x, rows[r].y, rows[r].y, rows[r].count, 1.0,
                       "band outer");
        asim_plot_line(&plot, rows[r].x, rows[r].y, rows[r].count, "line s1");
        asim_plot_dots(&plot, rows[r].x, rows[r].y, rows[r].count, "dots s1");
        asim_plot_bars(&plot, 1.0, 1.0, 0.7, rows[r].y, rows[r].count, "bar");
        asim_plot_steps(&plot, 1.0, 1.0, rows[r].y, rows[r].count, "hist s1");
        asim_plot_end(&plot);
        expect(asim_output_commit(&output, &err), &err, path);
        asim_output_close(&output);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: write_samples FOLDER\n");
        return 2;
    }
    const char *folder = argv[1];
    struct sample_options options = {.window_count = 11,
                                     .samples_per_window = 5000,
                                     .frame_count = 12000,
                                     .bin_count = 96,
                                     .missing_window = SIZE_MAX};
    write_with(folder, "good.html", &options);
    options.missing_window = 6;
    options.frame_count = 1200;
    write_with(folder, "gap.html", &options);
    options.text = hostile;
    write_with(folder, "hostile.html", &options);
    write_report(folder, "empty.html", &(struct asim_report){0});
    write_with(folder, "large.html",
               &(struct sample_options){.window_count = 10000,
                                        .samples_per_window = 100,
                                        .frame_count = 200000,
                                        .bin_count = 20000,
                                        .missing_window = SIZE_MAX,
                                        .text = "out of disk space while writing the "
                                                "checkpoint; resumed when there was "
                                                "room again on the file system"});
    write_with(folder, "one.html",
               &(struct sample_options){.window_count = 1,
                                        .samples_per_window = 1,
                                        .frame_count = 1,
                                        .bin_count = 1,
                                        .missing_window = SIZE_MAX});
    write_broken_numbers(folder);
    write_plots(folder);
    return failed;
}
