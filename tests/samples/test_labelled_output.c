/* Outputs of Colvars and PLUMED as time series. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <autosim/samples.h>

static const struct asim_bias bias = {-0.1, 2000};

static int read_text(enum asim_bias_engine engine, const char *text,
                     struct asim_series *series, struct asim_error *err)
{
    char path[] = "/tmp/autosim-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    *err = (struct asim_error){0};
    int rc = asim_series_read_file(path, engine, &bias, 0.002, series, err);
    unlink(path);
    return rc;
}

#define COLVARS_HEAD "# step         p                      E_bias\n"
#define C0 "           0   -2.58396551258498e-01   2.50894674505861e+01\n"
#define C50 "          50   -1.92620547391397e-01   8.57856579908208e+00\n"
#define C100 "         100   -5.40554112465982e-02   2.11090523571921e+00\n"

static void colvars_rows(void **state)
{
    (void)state;
    struct asim_series series;
    struct asim_error err;
    assert_int_equal(
        read_text(ASIM_BIAS_COLVARS, COLVARS_HEAD C0 C50 C100, &series, &err), 0);
    assert_int_equal(series.count, 3);
    assert_true(series.time_ps[1] == 0.1 && series.time_ps[2] == 0.2);
    assert_true(series.value_nm[2] == -5.40554112465982e-02);
    assert_true(series.bias_kj_mol[0] == 25.0894674505861);
    asim_series_finish(&series);
    /* Columns by name: another order, and one more. */
    assert_int_equal(read_text(ASIM_BIAS_COLVARS,
                               "# step E_bias extra p\n"
                               " 50 8.57856579908208e+00 7 -1.92620547391397e-01\n",
                               &series, &err),
                     0);
    assert_true(series.value_nm[0] == -1.92620547391397e-01);
    asim_series_finish(&series);
}

static void a_restart_repeats_its_head_and_rows(void **state)
{
    (void)state;
    struct asim_series series;
    struct asim_error err;
    static const char *const texts[] = {
        COLVARS_HEAD C0 C50 COLVARS_HEAD C50 C100,
        COLVARS_HEAD C0 C50 C100 COLVARS_HEAD C50 C100,
        COLVARS_HEAD C0 C50 "         100   -5.4\n" COLVARS_HEAD C50 C100,
        COLVARS_HEAD C0 C50
        "         100   -5.40554112465982e-02   2.1\n" COLVARS_HEAD C100,
        COLVARS_HEAD C0 C50 "     100   -5.405" COLVARS_HEAD C100,
        COLVARS_HEAD C0 C50 C100 "         150   -5.4",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (read_text(ASIM_BIAS_COLVARS, texts[i], &series, &err) < 0)
            fail_msg("text %zu: %s", i, err.text);
        assert_int_equal(series.count, 3);
        assert_true(series.bias_kj_mol[2] == 2.11090523571921);
        asim_series_finish(&series);
    }
}

static void wrong_files_are_refused_by_line(void **state)
{
    (void)state;
    struct asim_series series;
    struct asim_error err;
    static const struct {
        const char *text, *phrase;
    } rows[] = {
        {"", "no rows"},
        {COLVARS_HEAD, "no rows"},
        {C0, "before any header"},
        {"# step q E_bias\n" C0, "columns 'p'"},
        {"# step p\n 0 1\n", "columns 'E_bias'"},
        {"# step p p E_bias\n 0 1 1 1\n", "2 columns 'p'"},
        {COLVARS_HEAD C0 "   50 -0.2\n" C100, "line 3 has 2 columns"},
        {COLVARS_HEAD C0 "   50 -0.2 10 11\n" C100, "line 3 has more"},
        {COLVARS_HEAD C0 "   50 -0.2x 10\n" C100, "line 3: '-0.2x' is not a number"},
        {COLVARS_HEAD C0 "   50 nan 10\n" C100, "line 3 holds a number"},
        /* V of another centre, of another k, of no bias. */
        {COLVARS_HEAD C0 "   50 -0.2 10.001\n" C100, "line 3 (time 0.1 ps)"},
        {COLVARS_HEAD C0 C50 "  100 -0.2 0\n", "line 4 (time 0.2 ps)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read_text(ASIM_BIAS_COLVARS, rows[i].text, &series, &err), -1);
        assert_int_equal(err.status, ASIM_EINPUT);
        if (!strstr(err.text, rows[i].phrase))
            fail_msg("row %zu: %s", i, err.text);
    }
}

/* A second FIELDS line, the restart's row doubled, stale rows of an older checkpoint.
 */
static void plumed_restarts(void **state)
{
    (void)state;
    struct asim_series series;
    struct asim_error err;
    static const char text[] = "#! FIELDS time p c.residual r.bias\n"
                               " 0.000000 -0.2583965513 0.0123 25.08946746\n"
                               " 0.100000 -0.1926205474 0.0120 8.578565801\n"
                               " 0.200000 -0.15 0.0119 2.5\n"
                               "#! FIELDS time p c.residual r.bias\n"
                               " 0.100000 -0.1926205474 0.0120 8.578565801\n"
                               " 0.100000 -0.1926205474 0.0120 8.578565801\n"
                               " 0.200000 -0.05405541125 0.0119 2.110905235\n";
    if (read_text(ASIM_BIAS_PLUMED, text, &series, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(series.count, 3);
    assert_int_equal(series.duplicate_count, 3);
    assert_true(series.time_ps[1] == 0.1);
    assert_true(series.value_nm[2] == -0.05405541125);
    asim_series_finish(&series);
    /* A difference in the last of ten digits passes, ten times that does not. */
    assert_int_equal(read_text(ASIM_BIAS_PLUMED,
                               "#! FIELDS time p r.bias\n 0 -0.2 10.00000001\n",
                               &series, &err),
                     0);
    asim_series_finish(&series);
    assert_int_equal(read_text(ASIM_BIAS_PLUMED,
                               "#! FIELDS time p r.bias\n 0 -0.2 10.0000001\n", &series,
                               &err),
                     -1);
}

/* The output of a real run, its columns named as here. */
static void a_real_file(void **state)
{
    (void)state;
    const char *folder = getenv("AUTOSIM_TEST_DATA");
    char path[4096], line[256];
    char copy[] = "/tmp/autosim-test-XXXXXX";
    snprintf(path, sizeof path, "%s/ala/colvars-2025.traj",
             folder ? folder : getenv("AUTOSIM_TEST_DATA_DEFAULT"));
    FILE *in = fopen(path, "r");
    if (!in) {
        print_message("skipped: AUTOSIM_TEST_DATA has no ala/colvars-2025.traj\n");
        skip();
    }
    int fd = mkstemp(copy);
    FILE *out = fdopen(fd, "w");
    size_t rows = 0;
    while (fgets(line, sizeof line, in)) {
        fputs(*line == '#' ? "# step p E_bias\n" : line, out);
        rows += *line != '#';
    }
    fclose(in);
    fclose(out);
    struct asim_series series;
    struct asim_error err = {0};
    if (asim_series_read_file(copy, ASIM_BIAS_COLVARS, &bias, 0.002, &series, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(series.count, rows);
    asim_series_finish(&series);
    struct asim_bias other = {-0.1000001, 2000};
    assert_int_equal(
        asim_series_read_file(copy, ASIM_BIAS_COLVARS, &other, 0.002, &series, &err),
        -1);
    unlink(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colvars_rows),
        cmocka_unit_test(a_restart_repeats_its_head_and_rows),
        cmocka_unit_test(wrong_files_are_refused_by_line),
        cmocka_unit_test(plumed_restarts),
        cmocka_unit_test(a_real_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
