/* The output of mdrun -eo: a real file, and every variant of its legends. */
#include <math.h>
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

static const char plain[] = "@ s0 legend \"  RMSD to ref (nm)\"\n"
                            "@ s1 legend \"  EV1prjFLOOD (nm)\"\n"
                            "@ s2 legend \"  EV1-Vfl (kJ/mol)\"\n"
                            "@ s3 legend \"  EV1-FLforces (kJ/mol/nm)\"\n";

#define ROW_0                                                                          \
    "    0.000000         0.000030     -2.58397e-01      2.50895e+01      3.16793e+02"
#define ROW_1                                                                          \
    "    0.100000         0.025458     -1.98540e-01      9.71021e+00      1.97081e+02"
#define ROW_2                                                                          \
    "    0.200000         0.071879     -6.23213e-02      1.41968e+00     -7.53574e+01"

static int read_text(const char *text, struct asim_series *series,
                     struct asim_error *err)
{
    char path[] = "edi-test-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (int)strlen(text));
    close(descriptor);
    int rc = asim_series_read_file(path, ASIM_BIAS_EDI, &bias, 0.002, series, err);
    unlink(path);
    return rc;
}

static void assert_reads(const char *text, size_t count, size_t duplicates,
                         double last_value)
{
    struct asim_series series = {0};
    struct asim_error err = {0};
    if (read_text(text, &series, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(series.count, count);
    assert_int_equal(series.duplicate_count, duplicates);
    assert_true(series.value_nm[count - 1] == last_value);
    for (size_t i = 1; i < count; i++)
        assert_true(series.time_ps[i] > series.time_ps[i - 1]);
    asim_series_finish(&series);
}

static void assert_refuses(const char *text, const char *words)
{
    struct asim_series series = {.count = 77};
    struct asim_error err = {0};
    assert_int_equal(read_text(text, &series, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    if (!strstr(err.text, words))
        fail_msg("%s", err.text);
    assert_int_equal(series.count, 77);
}

static void test_real_file(void **state)
{
    (void)state;
    char path[4096];
    const char *folder = getenv("AUTOSIM_TEST_DATA");
    struct asim_series series = {0};
    struct asim_error err = {0};
    if (!folder)
        folder = getenv("AUTOSIM_TEST_DATA_DEFAULT");
    snprintf(path, sizeof path, "%s/ala/window3-2022.xvg", folder ? folder : ".");
    if (access(path, R_OK) != 0) {
        print_message("skipped: '%s' is not there\n", path);
        skip();
    }
    if (asim_series_read_file(path, ASIM_BIAS_EDI, &bias, 0.002, &series, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(series.count, 2959);
    assert_int_equal(series.duplicate_count, 0);
    assert_true(series.value_nm[0] == -2.58397e-01 && series.time_ps[1] == 0.1);
    assert_true(series.bias_kj_mol[2958] == 4.97222e-01);
    asim_series_finish(&series);
    /* The smallest differences of centre and force constant that the check must see. */
    const struct asim_bias wrong[] = {{-0.10001, 2000}, {-0.1, 2000.1}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            asim_series_read_file(path, ASIM_BIAS_EDI, &wrong[i], 0.002, &series, &err),
            -1);
        assert_non_null(strstr(err.text, "row"));
    }
}

static void test_rows(void **state)
{
    (void)state;
    char text[4000];
    snprintf(text, sizeof text, "%s%s\n%s\n%s\n", plain, ROW_0, ROW_1, ROW_2);
    assert_reads(text, 3, 0, -6.23213e-02);
    /* A torn last line is dropped. */
    snprintf(text, sizeof text, "%s%s\n%s\n    0.200000   0.071", plain, ROW_0, ROW_1);
    assert_reads(text, 2, 0, -1.98540e-01);
    /* mdrun ends a row when it writes the next: the last one is whole without. */
    snprintf(text, sizeof text, "%s%s\n%s", plain, ROW_0, ROW_1);
    assert_reads(text, 2, 0, -1.98540e-01);
    /* A restart from an older checkpoint: the last row of each time is kept. */
    snprintf(text, sizeof text, "%s%s\n%s\n%s\n%s\n%s\n", plain, ROW_0, ROW_1, ROW_2,
             "    0.100000         0.025480     -1.98481e-01      9.69858e+00      "
             "1.96962e+02",
             "    0.200000         0.072038     -6.18175e-02      1.45790e+00     "
             "-7.63650e+01");
    assert_reads(text, 3, 2, -6.18175e-02);
    snprintf(text, sizeof text, "%s%s\n%s\n", plain, ROW_0,
             "    0.100000         0.025458     -1.98540e-01      9.72021e+00      "
             "1.97081e+02");
    assert_refuses(text, "row 2 (time 0.1 ps)");
    snprintf(text, sizeof text, "%s%s\n%s\n", plain, ROW_0,
             "    0.100000         0.025458     nan      9.72021e+00      1.97081e+02");
    assert_refuses(text, "");
    assert_refuses(plain, "no rows");
}

static void test_columns(void **state)
{
    (void)state;
    static const char slope_legends[] = "@ s0 legend \"  RMSD to ref (nm)\"\n"
                                        "@ s1 legend \"  EV1prjFLOOD (nm)\"\n"
                                        "@ s2 legend \"  EV1 ref.prj. (nm)\"\n"
                                        "@ s3 legend \"  EV1-Vfl (kJ/mol)\"\n"
                                        "@ s4 legend \"  EV1-FLforces (kJ/mol/nm)\"\n";
    char text[4000];
    /* A slope so small that the centre's print stays the same. */
    snprintf(text, sizeof text, "%s%s", slope_legends,
             "0.0 0.000030 -2.58397e-01 -1.00000e-01 2.50895e+01 3.16793e+02\n");
    assert_reads(text, 1, 0, -2.58397e-01);
    snprintf(text, sizeof text, "%s%s", slope_legends,
             "0.0 0.000030 -2.58397e-01 -1.00000e-01 2.50895e+01 3.16793e+02\n"
             "0.1 0.025480 -1.98481e-01 -9.95000e-02 9.79727e+00 1.97962e+02\n");
    assert_refuses(text, "moves");
    /* A second vector, monitored only, whose last columns have no legend. */
    snprintf(text, sizeof text, "%s%s%s", plain,
             "@ s4 legend \"  RMSD to ref (nm)\"\n@ s5 legend \"  EV1prjMON (nm)\"\n",
             "0.1 0.025458 -1.98540e-01 9.71021e+00 1.97081e+02 0.026296 -1.96530e-01 "
             "0.026293 -1.96538e-01\n");
    assert_reads(text, 1, 0, -1.98540e-01);
    /* Columns in another order are found by their legends, here of the second group. */
    assert_reads("@ s0 legend \"B EV4-Vfl (kJ/mol)\"\n"
                 "@ s1 legend \"A RMSD to ref (nm)\"\n"
                 "@ s2 legend \"B EV4prjFLOOD (nm)\"\n"
                 "0.1 9.71021e+00 0.025458 -1.98540e-01\n",
                 1, 0, -1.98540e-01);
    snprintf(text, sizeof text, "%s%s", plain,
             "@ s4 legend \"  EV3prjFLOOD (nm)\"\n"
             "@ s5 legend \"  EV3-Vfl (kJ/mol)\"\n"
             "@ s6 legend \"  EV3-FLforces (kJ/mol/nm)\"\n"
             "0.0 0.000030 -2.58397e-01 2.60841e+01 3.16793e+02 -1.30756e-02 "
             "2.60841e+01 3.15378e+01\n");
    assert_refuses(text, "both are flooding vectors");
    assert_refuses("@ s0 legend \"RMSD to ref (nm)\"\n0.0 0.1\n", "no legend like");
    assert_refuses("@ s0 legend \"EV1prjFLOOD (nm)\"\n0.0 0.1\n", "-Vfl (kJ/mol)'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_file),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
