/* Numbers from text, XVG files, NumPy files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/random.h"
#include "formats/npy.h"
#include "formats/number.h"
#include "formats/xvg.h"

static void numbers_are_those_of_strtod(void **state)
{
    (void)state;
    static const char *const formats[] = {"%.3f",  "%.6f", "%.0f",  "%.15g",
                                          "%.17g", "%.4e", "%.12e", "%.25f"};
    struct asim_random random;
    asim_random_seed(&random, 11);
    for (int k = 0; k < 200000; k++) {
        char text[400];
        double magnitude = pow(10, 40 * asim_random_uniform(&random) - 20);
        double number = (2 * asim_random_uniform(&random) - 1) * magnitude, value;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int length = snprintf(text, sizeof text, formats[k % 8], number);
#pragma GCC diagnostic pop
        const char *end = asim_number_read(text, text + length, &value);
        if (end != text + length || value != strtod(text, NULL))
            fail_msg("'%s' became %.17g", text, value);
    }
}

static void number_edges(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
        long used; /* -1: no number */
    } rows[] = {
        {"1", 1, 1},
        {"-.5", -0.5, 3},
        {"5.", 5, 2},
        {"", 0, -1},
        {"-", 0, -1},
        {".", 0, -1},
        {"e5", 0, -1},
        {"1e", 1, 1},
        {"1e+", 1, 1},
        {"1e5x", 1e5, 3},
        {"+2", 2, 2},
        {"0x10", 0, 1},
        {"1e999", INFINITY, 5},
        {"1e-999", 0, 6},
        {"-inf", -INFINITY, 4},
        {"000000000000000000000000000001.5", 1.5, 32},
        {"99999999999999999999", 1e20, 20},
        {"1e99999999999999999999", INFINITY, 22},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        double value = 0;
        const char *end =
            asim_number_read(rows[k].text, rows[k].text + strlen(rows[k].text), &value);
        long used = end ? end - rows[k].text : -1;
        if (used != rows[k].used || (used >= 0 && value != rows[k].value))
            fail_msg("row %zu: %ld %g", k, used, value);
    }
    double value = 0;
    static const char nan_text[] = "NaN";
    assert_true(asim_number_read(nan_text, nan_text + 3, &value) == nan_text + 3);
    assert_true(isnan(value));
}

static int parse(const char *text, struct asim_xvg *ret_xvg, struct asim_error *err)
{
    size_t size = strlen(text);
    char *copy = malloc(size ? size : 1);
    memcpy(copy, text, size);
    int rc = asim_xvg_parse(copy, size, "x.xvg", ret_xvg, err);
    free(copy);
    return rc;
}

static void xvg_rows(void **state)
{
    (void)state;
    struct asim_error err;
    struct asim_xvg xvg;
    assert_int_equal(parse("# comment\n@ title \"x\"\n@ s1 legend \"b \\\"q\\\"\"\n"
                           "@ s0 legend \"a\"\n@ s9 legend \"none\"\n"
                           "0.0  1.5 -2e-3\r\n\n  1.0\t2.5 nan\n&\n",
                           &xvg, &err),
                     0);
    assert_int_equal(xvg.row_count, 2);
    assert_int_equal(xvg.column_count, 3);
    assert_true(xvg.values[1] == 1.5 && xvg.values[2] == -2e-3 && xvg.values[3] == 1);
    assert_true(isnan(xvg.values[5]));
    assert_null(xvg.legends[0]);
    assert_string_equal(xvg.legends[1], "a");
    assert_string_equal(xvg.legends[2], "b \\\"q\\\"");
    assert_false(xvg.torn_tail);
    asim_xvg_finish(&xvg);
}

static void xvg_tails_and_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        size_t rows;
        int torn;
        const char *expected;
    } rows[] = {
        {"0 1\n1 2\n", 0, 2, 0, NULL},
        {"0 1\n1 2", 0, 2, 0, NULL},
        {"0 1.5\n1 2", 0, 1, 1, NULL},
        {"0 1", 0, 0, 1, NULL},
        {"0 1\n1\n", 0, 1, 1, NULL},
        {"0 1\n1\n2 3\n", -1, 0, 0, "line 2"},
        {"0 1\n1 2 3\n", -1, 0, 0, "line 2"},
        {"0 1\n1 x\n2 3\n", -1, 0, 0, "line 2"},
        {"0 1\n1 2\n&\n0 1\n", -1, 0, 0, "second data set"},
        {"", 0, 0, 0, NULL},
        {"# nothing\n", 0, 0, 0, NULL},
        {"0 1.2.3\n", -1, 0, 0, "line 1"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct asim_error err = {0};
        struct asim_xvg xvg = {0};
        int rc = parse(rows[k].text, &xvg, &err);
        if (rc != rows[k].rc || xvg.row_count != rows[k].rows ||
            xvg.torn_tail != rows[k].torn ||
            (rc < 0 && !strstr(err.text, rows[k].expected)))
            fail_msg("row %zu: %d, %zu rows: %s", k, rc, xvg.row_count, err.text);
        asim_xvg_finish(&xvg);
    }
    struct asim_error err;
    struct asim_xvg xvg;
    static const char zeros[] = "0 1\n1 2\n\0\0\0\0\0\0";
    assert_int_equal(asim_xvg_parse(zeros, sizeof zeros, "x", &xvg, &err), 0);
    assert_true(xvg.row_count == 2 && xvg.torn_tail);
    asim_xvg_finish(&xvg);
}

/* Rows of any number of zeros, compressed; returns the file's size. */
static size_t write_packed(const char *path, size_t row_count)
{
    gzFile file = gzopen(path, "wb9");
    assert_non_null(file);
    for (size_t i = 0; i < row_count; i++)
        assert_int_equal(gzwrite(file, "0 0 0 0 0 0 0 0\n", 16), 16);
    assert_int_equal(gzclose(file), Z_OK);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

/* What a file may grow to is bounded by its size: 4 MB in some kB are refused. */
static void xvg_packed(void **state)
{
    (void)state;
    char path[] = "xvg-test-XXXXXX";
    struct asim_xvg xvg;
    struct asim_error err = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_packed(path, 1000);
    assert_int_equal(asim_xvg_read(path, &xvg, &err), 0);
    assert_true(xvg.row_count == 1000 && xvg.column_count == 8);
    asim_xvg_finish(&xvg);
    assert_true(write_packed(path, 1 << 18) < (1 << 22) / 300);
    assert_int_equal(asim_xvg_read(path, &xvg, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "200 times"));
    remove(path);
}

/* A whole file, which must hold as many numbers as its shape says. */
static int read_npy(const char *path, double **ret_values, size_t ret_shape[2],
                    int *ret_dimension_count, struct asim_error *err)
{
    FILE *file;
    if (asim_npy_open(path, &file, ret_shape, ret_dimension_count, err) < 0)
        return -1;
    size_t count = ret_shape[0] * ret_shape[1];
    *ret_values = calloc(count + 1, sizeof **ret_values);
    assert_non_null(*ret_values);
    assert_int_equal(fread(*ret_values, sizeof **ret_values, count + 1, file), count);
    fclose(file);
    return 0;
}

static void npy(void **state)
{
    (void)state;
    static const double values[6] = {1, -2.5, 1e300, 0, NAN, 3};
    static const size_t shapes[][2] = {{6, 0}, {2, 3}, {3, 2}, {0, 0}, {0, 5}};
    static const int dimensions[] = {1, 2, 2, 1, 2};
    char folder[] = "npy-test-XXXXXX";
    struct asim_error err;
    assert_non_null(mkdtemp(folder));
    char *path = asim_path_join(folder, "x.npy", &err);
    for (int k = 0; k < 5; k++) {
        double *back;
        size_t shape[2];
        int count;
        assert_int_equal(asim_npy_write(path, values, shapes[k], dimensions[k], &err),
                         0);
        assert_int_equal(read_npy(path, &back, shape, &count, &err), 0);
        assert_int_equal(count, dimensions[k]);
        assert_int_equal(shape[0], shapes[k][0]);
        assert_int_equal(shape[1], count == 2 ? shapes[k][1] : 1);
        assert_memory_equal(back, values, shape[0] * shape[1] * sizeof *back);
        free(back);
    }
    assert_int_equal(asim_npy_write(path, values, shapes[1], 2, &err), 0);
    char *data;
    size_t size;
    assert_int_equal(asim_file_read(path, 10000, &data, &size, &err), 0);
    assert_int_equal((size - 48) % 64, 0);
    for (size_t cut = 0; cut < size; cut++) {
        double *back = NULL;
        size_t shape[2];
        int count;
        assert_int_equal(asim_file_replace(path, data, cut, &err), 0);
        assert_int_equal(read_npy(path, &back, shape, &count, &err), -1);
        assert_int_equal(err.status, ASIM_EINPUT);
        assert_null(back);
    }
    free(data);
    remove(path);
    remove(folder);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_strtod),
        cmocka_unit_test(number_edges),
        cmocka_unit_test(xvg_rows),
        cmocka_unit_test(xvg_tails_and_errors),
        cmocka_unit_test(xvg_packed),
        cmocka_unit_test(npy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
