/* The report's parts against exact answers. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "report/figures.h"
#include "report/markup.h"
#include "report/svg.h"
#include "sample_data.h"

static void test_ticks(void **state)
{
    (void)state;
    static const struct {
        double low, high;
        int largest_count;
        bool whole;
        const char *labels;
    } rows[] = {
        {0, 1, 6, false, "0.0 0.2 0.4 0.6 0.8 1.0"},
        {0, 1, 5, false, "0.0 0.5 1.0"},
        {0, 10, 11, false, "0 1 2 3 4 5 6 7 8 9 10"},
        {-0.27, 0.21, 6, false, "\u22120.2 \u22120.1 0.0 0.1 0.2"},
        {0.13, 0.37, 6, false, "0.15 0.20 0.25 0.30 0.35"},
        {0, 250000, 6, false, "0 50 100 150 200 250"}, /* x 10^3 */
        {0, 0.014, 4, false, "0 5 10"},                /* x 10^-3 */
        {1e-300, 3e-300, 5, false, "1.0 1.5 2.0 2.5 3.0"},
        {-1e300, 1e300, 5, false, "\u22121.0 \u22120.5 0.0 0.5 1.0"},
        {-0.5, 2.5, 10, true, "0 1 2"},
        {-0.4, 0.4, 10, true, "0"},
        {-0.5, 10.5, 6, true, "0 2 4 6 8 10"},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        struct asim_ticks ticks;
        char all[400] = "", label[64];
        asim_ticks_choose(rows[r].low, rows[r].high, rows[r].largest_count,
                          rows[r].whole, &ticks);
        for (int i = 0; i < ticks.count; i++) {
            double position = asim_ticks_position(&ticks, i);
            double room = 1e-6 * (rows[r].high - rows[r].low);
            assert_true(position >= rows[r].low - room &&
                        position <= rows[r].high + room);
            asim_ticks_label(&ticks, i, label, sizeof label);
            strcat(all, i ? " " : "");
            strcat(all, label);
        }
        assert_string_equal(all, rows[r].labels);
    }
}

static void test_axis_settle(void **state)
{
    (void)state;
    struct asim_axis axis;
    asim_axis_start(&axis, "");
    asim_axis_include(&axis, NAN);
    asim_axis_include(&axis, INFINITY);
    asim_axis_settle(&axis, 0.1);
    assert_true(axis.low == 0.0 && axis.high == 1.0);
    static const double constants[] = {0.0, 7.0, -3.0, 1e300, -1e300, 1e-300, 5e-324};
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        asim_axis_start(&axis, "");
        asim_axis_include(&axis, constants[i]);
        asim_axis_settle(&axis, 0.1);
        assert_true(isfinite(axis.low) && isfinite(axis.high - axis.low));
        assert_true(axis.low < constants[i] && constants[i] < axis.high);
    }
    asim_axis_start(&axis, "");
    asim_axis_include(&axis, 2.0);
    asim_axis_include(&axis, 4.0);
    asim_axis_settle(&axis, 0.25);
    assert_true(axis.low == 1.5 && axis.high == 4.5);
}

/* What `write` wrote, as a string to be freed. */
#define WRITTEN(stream, statement)                                                     \
    ({                                                                                 \
        char *written = NULL;                                                          \
        size_t written_size = 0;                                                       \
        FILE *stream = open_memstream(&written, &written_size);                        \
        assert_non_null(stream);                                                       \
        statement;                                                                     \
        fclose(stream);                                                                \
        written;                                                                       \
    })

static void test_markup_text(void **state)
{
    (void)state;
#define BAD "\xEF\xBF\xBD"
    static const struct {
        const char *in, *out;
    } rows[] = {
        {NULL, ""},
        {"plain 25% \u00C5", "plain 25% \u00C5"},
        {"<script>&'\"", "&lt;script&gt;&amp;&#39;&quot;"},
        {"&amp;", "&amp;amp;"},
        {"a\tb\nc", "a\tb\nc"},
        {"\x01\x1b\r\x7f", BAD BAD BAD BAD},
        {"\xff\xfe", BAD BAD},
        {"\xc0\x80", BAD BAD},                             /* overlong NUL */
        {"\xed\xa0\x80", BAD BAD BAD},                     /* a surrogate */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD},             /* beyond U+10FFFF */
        {"\xe2\x82", BAD BAD},                             /* cut off */
        {"\xe2\x80\xae\xc2\x85\xef\xbf\xbe", BAD BAD BAD}, /* reverses, controls */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        char *text = WRITTEN(stream, asim_markup_text(stream, rows[r].in));
        assert_string_equal(text, rows[r].out);
        free(text);
    }
}

static void test_number_text(void **state)
{
    (void)state;
    static const struct {
        double value;
        int digits;
        const char *text;
    } rows[] = {
        {0, 3, "0"},
        {1.2345, 3, "1.23"},
        {-0.0312, 2, "\u22120.031"},
        {1234.5, 2, "1234"},
        {0.03, 3, "0.03"},
        {-1.004, 3, "\u22121"},
        {9.996e-7, 3, "1.00\u00A0\u00D7\u00A010\u207B\u2076"},
        {3.1e-13, 2, "3.1\u00A0\u00D7\u00A010\u207B\u00B9\u00B3"},
        {NAN, 3, "\u2013"},
        {1e300, 2, "1.0\u00A0\u00D7\u00A010\u00B3\u2070\u2070"},
        {300, 4, "300"},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        char text[64];
        asim_number_text(rows[r].value, rows[r].digits, text, sizeof text);
        assert_string_equal(text, rows[r].text);
    }
}

static struct asim_plot unit_plot(FILE *stream)
{
    /* One data unit is one pixel; data (0, 0) is pixel (0, 100). */
    return (struct asim_plot){.stream = stream,
                              .width = 100,
                              .height = 100,
                              .x = {.low = 0, .high = 100},
                              .y = {.low = 0, .high = 100},
                              .inner_width = 100,
                              .inner_height = 100};
}

static void test_marks(void **state)
{
    (void)state;
    double x[] = {0, 10, 20, 30, 40}, y[] = {10, 20, NAN, 30, NAN};
    double half[] = {1, 2, 3, 4, NAN}, heights[] = {0, 5, 5, 0, 2};
    char *text;
    text = WRITTEN(stream, struct asim_plot plot = unit_plot(stream);
                   asim_plot_line(&plot, x, y, 5, "line"));
    assert_string_equal(
        text, "<path class=\"line\" d=\"M0.0 90.0h0L10.0 80.0M30.0 70.0h0\"/>\n");
    free(text);
    text = WRITTEN(stream, struct asim_plot plot = unit_plot(stream);
                   asim_plot_band(&plot, x, y, half, 5, 2.0, "band"));
    assert_string_equal(text, "<path class=\"band\" d=\"M0.0 88.0L10.0 76.0L10.0 84.0"
                              "L0.0 92.0ZM28.5 62.0h3.0L31.5 78.0h-3.0Z\"/>\n");
    free(text);
    text = WRITTEN(stream, struct asim_plot plot = unit_plot(stream);
                   asim_plot_steps(&plot, 0, 10, heights, 5, "hist"));
    assert_string_equal(text, "<path class=\"hist\" d=\"M10.0 100.0V95.0H20.0V95.0H30.0"
                              "V100.0M40.0 100.0V98.0H50.0V100.0\"/>\n");
    free(text);
    unsigned char levels[] = {1, 1, 0, 2};
    text = WRITTEN(stream, struct asim_plot plot = unit_plot(stream);
                   asim_plot_cells(&plot, levels, 2, 2));
    assert_string_equal(text,
                        "<path class=\"cell l1\" d=\"M0.0 50.0H100.0V100.0H0.0Z\"/>\n"
                        "<path class=\"cell l2\" d=\"M50.0 0.0H100.0V50.0H50.0Z\"/>\n");
    free(text);
}

/* A spike of one sample among a million stays in the drawing. */
static void test_line_decimation(void **state)
{
    (void)state;
    size_t count = 1000000;
    double *x = calloc(count, sizeof *x), *y = calloc(count, sizeof *y);
    assert_non_null(x);
    assert_non_null(y);
    for (size_t i = 0; i < count; i++) {
        x[i] = (double)i * 100.0 / (double)count;
        y[i] = 50.0 + (double)(i % 7);
    }
    y[123457] = 99.0;
    char *text = WRITTEN(stream, struct asim_plot plot = unit_plot(stream);
                         asim_plot_line(&plot, x, y, count, "line"));
    assert_true(strlen(text) < 20000);
    assert_non_null(strstr(text, "V1.0V"));
    free(text);
    free(x);
    free(y);
}

static void test_histograms(void **state)
{
    (void)state;
    double one[] = {0.0, 0.1, 0.1, NAN}, two[] = {0.2, 1e6};
    struct asim_window windows[] = {
        {.bias = {0.0, 1000.0}}, {.bias = {0.2, 1000.0}}, {.bias = {0.4, 1000.0}}};
    struct asim_plan plan = {.window_count = 3, .windows = windows};
    struct asim_series series[] = {
        {.count = 4, .value_nm = one}, {.count = 2, .value_nm = two}, {.count = 0}};
    struct asim_histograms histograms;
    struct asim_error err = {0};
    assert_int_equal(asim_histograms_build(&plan, series, &histograms, &err), 0);
    assert_int_equal(histograms.sample_count, 5);
    assert_int_equal(histograms.outside_count, 1);
    assert_int_equal(histograms.empty_windows, 1);
    assert_int_equal(histograms.kept_count, 3);
    double sums[3] = {0};
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < histograms.bin_count; i++)
            sums[k] += histograms.counts[k * histograms.bin_count + i];
    assert_true(sums[0] == 3 && sums[1] == 1 && sums[2] == 0);
    size_t bin = (size_t)((0.1 - histograms.low_nm) / histograms.step_nm);
    assert_true(histograms.counts[bin] == 2 && histograms.total[bin] == 2);
    asim_histograms_finish(&histograms);
}

/* Alternating +-1 in blocks, and a step of 0.5 between the halves: block means are
 * +-1 around 0 and 0.5, their variance 16/15, so z = 0.5 / sqrt(2 * (16/15) / 16). */
static void test_series_drift(void **state)
{
    (void)state;
    double values[3 + 64];
    for (size_t i = 0; i < 3; i++)
        values[i] = 1e9; /* does not fill a block: left out */
    for (size_t i = 0; i < 64; i++)
        values[3 + i] = (i / 2 % 2 ? 1.0 : -1.0) + (i < 32 ? 0.0 : 0.5);
    struct asim_series series = {.count = 67, .value_nm = values};
    assert_true(fabs(asim_series_drift(&series) - 0.5 / sqrt(2.0 / 15.0)) < 1e-12);
    series.count = 63;
    assert_true(isnan(asim_series_drift(&series)));
    series.count = 67;
    values[40] = NAN;
    assert_true(isnan(asim_series_drift(&series)));
}

static void test_status_table(void **state)
{
    (void)state;
    struct asim_window_status statuses[] = {
        {.window_id = 0,
         .state = ASIM_WINDOW_COMPLETED,
         .attempts = 1,
         .ns_per_day = 182.416,
         .final_potential_energy_kj_mol = -31250.25,
         .runtime_seconds = 473.64},
        {.window_id = 10,
         .state = ASIM_WINDOW_PLANNED,
         .ns_per_day = NAN,
         .final_potential_energy_kj_mol = NAN},
        {.window_id = 11,
         .state = ASIM_WINDOW_FAILED,
         .attempts = 4,
         .exit_code = -11,
         .ns_per_day = 12345678.0,
         .final_potential_energy_kj_mol = NAN,
         .runtime_seconds = 3.0},
    };
    static const char expected[] = "| Window ID | Status    |      ns/day | Exit Code "
                                   "| Energy (kJ/mol) | Time (s) "
                                   "|\n"
                                   "|----------:|-----------|------------:|----------:|"
                                   "----------------:|---------:"
                                   "|\n"
                                   "|         0 | Completed |      182.42 |         0 "
                                   "|       -31250.25 |    473.6 "
                                   "|\n"
                                   "|        10 | Planned   |           - |         - "
                                   "|               - |        - "
                                   "|\n"
                                   "|        11 | Failed    | 12345678.00 |       -11 "
                                   "|               - |      3.0 "
                                   "|\n";
    struct asim_error err = {0};
    char *table = asim_window_status_table(statuses, 3, &err);
    assert_string_equal(table, expected);
    free(table);
    /* In its first attempt: no time of one that has ended. */
    statuses[1].state = ASIM_WINDOW_RUNNING;
    statuses[1].attempts = 1;
    table = asim_window_status_table(&statuses[1], 1, &err);
    assert_non_null(strstr(table, "|        10 | Running |      - |         - |"));
    assert_non_null(strstr(table, "|        - |\n"));
    free(table);
    table = asim_window_status_table(NULL, 0, &err);
    assert_non_null(table);
    assert_non_null(strstr(table, "| Window ID | Status | ns/day | Exit Code |"));
    free(table);
}

static char *report_text(const struct asim_report *report)
{
    char folder[] = "asim-report-XXXXXX", path[64], *text;
    struct asim_error err = {0};
    size_t size;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/report.html", folder);
    assert_int_equal(asim_report_write(report, path, &err), 0);
    assert_int_equal(asim_file_read(path, 1 << 26, &text, &size, &err), 0);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
    return text;
}

static const struct sample_options small = {.window_count = 11,
                                            .samples_per_window = 60,
                                            .frame_count = 300,
                                            .bin_count = 50,
                                            .missing_window = SIZE_MAX};

static void test_parts_left_out(void **state)
{
    (void)state;
    char *text = report_text(&(struct asim_report){0});
    assert_non_null(strstr(text, "No profile yet"));
    assert_non_null(strstr(text, "histograms are left out"));
    assert_non_null(strstr(text, "No windows are planned"));
    assert_non_null(strstr(text, "No provenance is recorded"));
    assert_null(strstr(text, "<svg"));
    free(text);

    struct sample_data data;
    sample_data_init(&small, &data);
    text = report_text(&data.report);
    assert_non_null(strstr(text, "RMSIP of the two halves: 0.960"));
    free(text);
    data.report.statuses = NULL;
    data.report.pca = NULL;
    text = report_text(&data.report);
    assert_non_null(strstr(text, "The profile can be trusted"));
    assert_non_null(strstr(text, "The windows have not been run"));
    assert_non_null(strstr(text, "no principal component analysis yet"));
    assert_true(strstr(text, "id=\"verdict\"") < strstr(text, "id=\"profile\""));
    free(text);

    /* Results without their arrays, as from a file that lacks them. */
    struct asim_pmf bare_pmf = {.bin_count = 3, .window_count = 2};
    struct asim_pca bare_pca = {.frame_count = 9,
                                .component_count = 10,
                                .eigenvalues_nm2 = data.pca.eigenvalues_nm2};
    struct asim_report bare = {.pmf = &bare_pmf, .pca = &bare_pca};
    text = report_text(&bare);
    assert_non_null(strstr(text, "There is no profile yet"));
    assert_non_null(strstr(text, "There is no overlap to show"));
    free(text);

    /* One failed gate outweighs the flag. */
    data.pmf.gates[2].pass = false;
    text = report_text(&data.report);
    assert_null(strstr(text, "The profile can be trusted"));
    assert_non_null(strstr(text, "Not to be trusted yet"));
    assert_non_null(strstr(text, "<li><b>bin support:</b>"));
    free(text);
    sample_data_finish(&data);
}

static void test_bias_of_each_window(void **state)
{
    (void)state;
    struct sample_data data;
    sample_data_init(&small, &data);
    data.checks[1] = (struct asim_window_check){.why = "no <frames>"};
    char *text = report_text(&data.report);
    assert_non_null(
        strstr(text, "<tr><td>0<td>100<td>5.1\u00A0\u00D7\u00A010\u207B\u2077"
                     "<td>6.2\u00A0\u00D7\u00A010\u207B\u2076<td>0.062<td>0.0038\n"));
    assert_non_null(strstr(text, "<tr><td>1<td colspan=\"5\" class=w>no &lt;frames"));
    free(text);
    data.report.checks = NULL;
    text = report_text(&data.report);
    assert_null(strstr(text, "id=\"bias\""));
    free(text);
    sample_data_finish(&data);
}

/* Both figures of another coordinate, with cells that have no value and a name that
 * would be markup; and the figure of convergence. */
static void test_other_coordinate(void **state)
{
    (void)state;
    enum { COLUMNS = 6, BINS = 5 };
    double x[COLUMNS], y[BINS], f[BINS], error[BINS], plane[COLUMNS * BINS];
    struct asim_gate gates[] = {{.name = "mixing", .value = 2, .sentence = "a < b"}};
    for (int i = 0; i < COLUMNS; i++)
        x[i] = 0.1 * i;
    for (int j = 0; j < BINS; j++) {
        y[j] = j;
        f[j] = j == 4 ? (double)NAN : j;
        error[j] = 0.1;
        for (int i = 0; i < COLUMNS; i++)
            plane[i * BINS + j] = i == j ? (double)NAN : 3 * abs(i - j) + j;
    }
    plane[BINS] = -20; /* below the least that a plane of ours has */
    const struct asim_along along = {.coordinate = "<b>&",
                                     .x_coordinate = "PC1",
                                     .x_unit = "nm",
                                     .sample_count = 7,
                                     .bin_count = BINS,
                                     .y = y,
                                     .pmf_kj_mol = f,
                                     .error_kj_mol = error,
                                     .band_kj_mol = error,
                                     .x_count = COLUMNS,
                                     .x_nm = x,
                                     .plane_kj_mol = plane,
                                     .plane_error_kj_mol = plane,
                                     .gate_count = 1,
                                     .gates = gates,
                                     .verdict = "Do not trust <b>& yet"};
    struct sample_data data;
    sample_data_init(&small, &data);
    data.report.along = &along;
    char *text = report_text(&data.report);
    assert_non_null(strstr(text, "id=\"along\""));
    assert_non_null(strstr(text, "Along &lt;b&gt;&amp;"));
    assert_non_null(strstr(text, "class=\"contour\""));
    assert_non_null(strstr(text, "Convergence, forward and backward"));
    assert_null(strstr(text, "<b>&"));
    assert_null(strstr(text, " nan"));
    assert_null(strstr(text, "cell l9"));
    free(text);
    sample_data_finish(&data);
}

static void test_same_bytes_in_any_locale(void **state)
{
    (void)state;
    struct sample_data data;
    sample_data_init(&small, &data);
    char *one = report_text(&data.report);
    bool changed = setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
    char *two = report_text(&data.report);
    struct asim_error err = {0};
    data.statuses[0].ns_per_day = 1.25;
    char *table = asim_window_status_table(data.statuses, 1, &err);
    assert_non_null(strstr(table, "   1.25 |"));
    free(table);
    setlocale(LC_NUMERIC, "C");
    if (!changed)
        print_message("no locale with a decimal comma here: repeat only\n");
    assert_string_equal(one, two);
    free(one);
    free(two);
    sample_data_finish(&data);
}

static void test_write_failure(void **state)
{
    (void)state;
    struct asim_error err = {0};
    assert_int_equal(asim_report_write(&(struct asim_report){0},
                                       "nonexistent-folder/report.html", &err),
                     -1);
    assert_int_equal(err.status, ASIM_EIO);
    assert_non_null(strstr(err.text, "nonexistent-folder/report.html"));
}

/* A full disk, as a limit on file sizes: an error, the old file stays, no litter. */
static void test_full_disk(void **state)
{
    (void)state;
    char folder[] = "asim-report-XXXXXX", path[64], *text;
    struct asim_error err = {0};
    size_t size;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/report.html", folder);
    assert_int_equal(asim_file_replace(path, "old", 3, &err), 0);
    struct rlimit before, limited;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limited = before;
    limited.rlim_cur = 5000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limited), 0);
    int rc = asim_report_write(&(struct asim_report){0}, path, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_int_equal(rc, -1);
    assert_int_equal(err.status, ASIM_EIO);
    assert_int_equal(asim_file_read(path, 100, &text, &size, &err), 0);
    assert_string_equal(text, "old");
    free(text);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

static void test_overlap_measures(void **state)
{
    (void)state;
    double overlap[] = {0.9, 0.1, 0.0, 0.02, 0.9, 0.08, 0.0, 0.2, 0.8};
    struct asim_gate gates[] = {{.name = "neighbour overlap", .limit = 0.05}};
    struct asim_pmf pmf = {.window_count = 3, .overlap = overlap};
    assert_true(asim_overlap_limit(&pmf) == 0.03);
    pmf.gates = gates;
    pmf.gate_count = 1;
    assert_true(asim_overlap_limit(&pmf) == 0.05);
    assert_true(asim_overlap_neighbours(&pmf, 0) == 0.02);
    assert_true(asim_overlap_neighbours(&pmf, 1) == 0.08);
    overlap[1] = NAN;
    assert_true(isnan(asim_overlap_neighbours(&pmf, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_axis_settle),
        cmocka_unit_test(test_markup_text),
        cmocka_unit_test(test_number_text),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_line_decimation),
        cmocka_unit_test(test_histograms),
        cmocka_unit_test(test_series_drift),
        cmocka_unit_test(test_status_table),
        cmocka_unit_test(test_parts_left_out),
        cmocka_unit_test(test_bias_of_each_window),
        cmocka_unit_test(test_other_coordinate),
        cmocka_unit_test(test_same_bytes_in_any_locale),
        cmocka_unit_test(test_write_failure),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_overlap_measures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
