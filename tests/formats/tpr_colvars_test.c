/* A Colvars bias put into a TPR, against the TPR that grompp wrote for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/tpr.h"

struct bytes {
    char *data;
    size_t size;
};

static bool read_file(const char *folder, const char *name, struct bytes *ret_file)
{
    char *path = asim_path_join(folder, name, NULL);
    bool read =
        asim_file_read(path, 1u << 30, &ret_file->data, &ret_file->size, NULL) == 0;
    free(path);
    return read;
}

static struct bytes read_seed_file(const char *name)
{
    struct bytes file = {0};
    char *folder = asim_path_join(getenv("AUTOSIM_CORPUS"), "tpr", NULL);
    assert_true(read_file(folder, name, &file));
    free(folder);
    return file;
}

static const char *data_folder(void)
{
    const char *folder = getenv("AUTOSIM_TEST_DATA");
    return folder ? folder : getenv("AUTOSIM_TEST_DATA_DEFAULT");
}

/* The configuration and start coordinates as grompp put them, the same system. */
static void equals_the_file_of_grompp(void **state)
{
    (void)state;
    static const uint32_t atoms[] = {1, 5, 6, 7, 9, 11, 15, 16, 17, 19};
    enum { COUNT = sizeof atoms / sizeof *atoms };
    struct bytes plain = {0}, wanted = {0};
    struct asim_tpr tpr, wanted_tpr;
    struct asim_tpr_colvars_found found;
    struct asim_error err = {0};
    double x[3 * COUNT];
    char *folder = asim_path_join(data_folder(), "ala", NULL);
    if (!read_file(folder, "system-2025.tpr", &plain) ||
        !read_file(folder, "colvars-2025.tpr", &wanted)) {
        print_message("skipped: AUTOSIM_TEST_DATA has no ala/colvars-2025.tpr\n");
        free(plain.data);
        free(folder);
        skip();
    }
    assert_int_equal(asim_tpr_parse(plain.data, plain.size, &tpr, NULL, &err), 0);
    assert_int_equal(asim_tpr_parse(wanted.data, wanted.size, &wanted_tpr, NULL, &err),
                     0);
    asim_tpr_find_colvars(wanted.data, &wanted_tpr, &found);
    assert_true(found.active);
    assert_int_equal(found.number_count, 3 * COUNT);
    char *text = strndup(found.text, found.length);
    for (int i = 0; i < COUNT; i++)
        for (int d = 0; d < 3; d++)
            x[3 * i + d] = (double)tpr.x_nm[atoms[i] - 1][d];
    struct asim_tpr_colvars colvars = {
        .text = text,
        .name = "cv.dat",
        .atom_count = COUNT,
        .x_nm = x,
        .ensemble_kelvin = 300,
        .seed = -1,
    };
    /* The files have different random seeds; 8 bytes since version 97. */
    memcpy(plain.data + tpr.offset.ld_seed, wanted.data + wanted_tpr.offset.ld_seed, 8);
    struct bytes copy;
    assert_int_equal(asim_tpr_add_colvars(plain.data, plain.size, &colvars,
                                          (void **)&copy.data, &copy.size, &err),
                     0);
    assert_int_equal(copy.size, wanted.size);
    assert_memory_equal(copy.data, wanted.data, wanted.size);

    /* And not twice. */
    void *twice;
    size_t twice_size;
    assert_int_equal(
        asim_tpr_add_colvars(copy.data, copy.size, &colvars, &twice, &twice_size, &err),
        -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "of its own"));
    asim_tpr_finish(&tpr);
    asim_tpr_finish(&wanted_tpr);
    free(text);
    free(copy.data);
    free(plain.data);
    free(wanted.data);
    free(folder);
}

/* What was there before stays as it was, with and without a colvars entry to replace.
 */
static void small_files_of_2022(void **state)
{
    (void)state;
    static const char *const names[] = {"tri-2022-single.tpr", "tri-2022-double.tpr",
                                        "triangles-awh.tpr", "triangles-qmmm.tpr"};
    static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bytes file = read_seed_file(names[i]);
        struct asim_error err = {0};
        struct asim_tpr before, after;
        struct asim_tpr_colvars_found found;
        struct asim_tpr_colvars colvars = {
            .text = "colvar {\n}\n",
            .name = "bias.colvars",
            .atom_count = 3,
            .x_nm = x,
            .ensemble_kelvin = -1,
            .seed = -1,
            .double_precision = i == 1,
        };
        void *copy;
        size_t size;
        assert_int_equal(asim_tpr_parse(file.data, file.size, &before, NULL, &err), 0);
        asim_tpr_find_colvars(file.data, &before, &found);
        assert_false(found.active);
        assert_null(found.text);
        assert_int_equal(
            asim_tpr_add_colvars(file.data, file.size, &colvars, &copy, &size, &err),
            0);
        assert_int_equal(asim_tpr_parse(copy, size, &after, NULL, &err), 0);
        asim_tpr_find_colvars(copy, &after, &found);
        assert_true(found.active);
        assert_int_equal(found.length, strlen(colvars.text));
        assert_int_equal(found.number_count, 9);
        /* Everything up to the trees but the body's size is untouched. */
        size_t field = before.offset.body_size_field;
        assert_memory_equal(copy, file.data, field);
        assert_memory_equal((char *)copy + field + 8, file.data + field + 8,
                            before.offset.modules - field - 8);
        assert_int_equal(after.offset.modules, before.offset.modules);
        asim_tpr_finish(&before);
        asim_tpr_finish(&after);
        free(copy);
        free(file.data);
    }
}

static void old_files_and_wrong_numbers_are_refused(void **state)
{
    (void)state;
    struct bytes file = read_seed_file("tri-2022-single.tpr");
    struct bytes old = {0};
    struct asim_error err = {0};
    double x[] = {1, 2, 3};
    struct asim_tpr_colvars colvars = {
        .text = "", .name = "", .atom_count = 1, .x_nm = x, .seed = -1};
    void *copy;
    size_t size;
    x[1] = NAN;
    assert_int_equal(
        asim_tpr_add_colvars(file.data, file.size, &colvars, &copy, &size, &err), -1);
    assert_non_null(strstr(err.text, "not finite"));
    x[1] = 2;
    colvars.atom_count = 0;
    assert_int_equal(
        asim_tpr_add_colvars(file.data, file.size, &colvars, &copy, &size, &err), -1);
    colvars.atom_count = 1;
    assert_int_equal(
        asim_tpr_add_colvars(file.data, file.size / 2, &colvars, &copy, &size, &err),
        -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    free(file.data);
    if (!read_file(data_folder(), "tpr/2lyz_gmx_2018.tpr", &old)) {
        print_message(
            "without the part on a TPR of 2018: AUTOSIM_TEST_DATA has none\n");
        return;
    }
    assert_int_equal(
        asim_tpr_add_colvars(old.data, old.size, &colvars, &copy, &size, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "2020 or newer"));
    free(old.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_file_of_grompp),
        cmocka_unit_test(small_files_of_2022),
        cmocka_unit_test(old_files_and_wrong_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
