/* What the inputs of the bias engines say, computed again independently of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "structure/superpose.h"
#include "windows/bias_method.h"

#include "numbers.h"
#include "random_mode.h"

enum { ATOMS = 6, N = 3 * ATOMS };

static void set_up(struct random_mode *fixture, double spread_nm)
{
    random_mode_set_up(fixture, ATOMS, spread_nm, 0.05, 7);
    for (uint32_t i = 0; i < ATOMS; i++)
        fixture->atoms[i] = 4 * i + 2;
}

static struct asim_bias_texts compose(const struct random_mode *fixture,
                                      enum asim_bias_engine engine,
                                      struct asim_bias bias)
{
    struct asim_bias_texts texts;
    struct asim_error err = {0};
    struct asim_bias_request request = {
        .pca = &fixture->pca,
        .bias = bias,
        .system_atom_count = 40,
        .sample_steps = 50,
        .temperature_kelvin = 300,
    };
    if (asim_bias_compose(asim_bias_method(engine), &request, &texts, &err) < 0)
        fail_msg("%s", err.text);
    return texts;
}

static void colvars_has_every_number_exactly(void **state)
{
    (void)state;
    struct random_mode fixture;
    struct asim_bias bias = {-0.12345678901234567, 1234.5678901234567};
    double numbers[2 * N];
    set_up(&fixture, 0.3);
    struct asim_bias_texts texts = compose(&fixture, ASIM_BIAS_COLVARS, bias);
    const char *text = texts.text[0];
    assert_int_equal(numbers_behind(text, "      refPositions", numbers), N);
    assert_memory_equal(numbers, fixture.reference, N * sizeof(double));
    assert_int_equal(numbers_behind(text, "\n    refPositions", numbers), N);
    assert_memory_equal(numbers, fixture.mean, N * sizeof(double));
    assert_int_equal(numbers_behind(text, "\n    vector", numbers), N);
    assert_memory_equal(numbers, fixture.vector, N * sizeof(double));
    assert_int_equal(numbers_behind(text, "atomNumbers", numbers), ATOMS);
    for (int i = 0; i < ATOMS; i++)
        assert_true(numbers[i] == 4 * i + 3); /* from 1 */
    assert_int_equal(numbers_behind(text, "centers", numbers), 1);
    assert_true(numbers[0] == bias.centre_nm);
    assert_int_equal(numbers_behind(text, "forceConstant", numbers), 1);
    assert_true(numbers[0] == bias.force_constant_kj_mol_nm2);
    assert_int_equal(numbers_behind(text, "colvarsTrajFrequency", numbers), 1);
    assert_true(numbers[0] == 50);
    /* Without these GROMACS before 2025.4 leaves out a part of the force. */
    assert_non_null(strstr(text, "centerToReference on"));
    assert_non_null(strstr(text, "rotateToReference on"));
    asim_bias_texts_finish(&texts);
}

/* sum v . (R x - origin), x superposed on `reference`. */
static double project(const double *x, const double *reference, const double *origin,
                      const double *v)
{
    double r[3][3], x_centre[3], reference_centre[3], p = 0;
    assert_int_equal(
        asim_superpose(x, reference, ATOMS, r, x_centre, reference_centre, NULL), 0);
    for (int i = 0; i < N; i++) {
        double y = 0;
        for (int b = 0; b < 3; b++)
            y += r[i % 3][b] * (x[i / 3 * 3 + b] - x_centre[b]);
        p += v[i] * (y - origin[i]);
    }
    return p;
}

/* The columns of an ATOM line, as PLUMED reads them: by place. */
static void read_pdb(const char *text, double *x)
{
    char column[9] = "";
    for (int i = 0; i < ATOMS; i++) {
        assert_int_equal(strcspn(text, "\n"), 66);
        assert_memory_equal(text, "ATOM  ", 6);
        assert_int_equal(strtol(text + 6, NULL, 10), 4 * i + 3);
        for (int d = 0; d < 3; d++) {
            memcpy(column, text + 30 + 8 * d, 8);
            x[3 * i + d] = strtod(column, NULL);
        }
        assert_memory_equal(text + 54, "  1.00  1.00", 12);
        text += 67;
    }
    assert_string_equal(text, "END\n");
}

/* PCARMSD, its shift and the restraint worked out from the files give p - p0. */
static void plumed_computes_the_coordinate(void **state)
{
    (void)state;
    static const double spreads[] = {0.1, 0.4, 3, 20};
    for (size_t s = 0; s < sizeof spreads / sizeof *spreads; s++) {
        struct random_mode fixture;
        struct asim_bias bias = {0.0625, 2000};
        double average[N], vector[N], x[N], shift, numbers[4];
        set_up(&fixture, spreads[s]);
        struct asim_bias_texts texts = compose(&fixture, ASIM_BIAS_PLUMED, bias);
        read_pdb(texts.text[1], average);
        read_pdb(texts.text[2], vector);
        for (int i = 0; i < N; i++) {
            average[i] /= 10;
            vector[i] /= 10;
        }
        assert_int_equal(numbers_behind(texts.text[0], "PARAMETERS=", &shift), 1);
        struct asim_random random;
        asim_random_seed(&random, 3);
        for (int i = 0; i < N; i++)
            x[i] = fixture.mean[i] + 0.02 * asim_random_gaussian(&random);
        double p = project(x, fixture.reference, fixture.mean, fixture.vector);
        double read = project(x, average, average, vector) - shift;
        /* Half a unit of the last column in vector and average. */
        assert_true(fabs(p - read) < (spreads[s] < 1 ? 3e-6 : 3e-4));
        assert_int_equal(numbers_behind(texts.text[0], "AT=", numbers), 2);
        assert_true(numbers[0] == bias.centre_nm);
        assert_true(numbers[1] == bias.force_constant_kj_mol_nm2);
        asim_bias_texts_finish(&texts);
    }
}

static int refused(const struct random_mode *fixture, enum asim_bias_engine engine,
                   const char *phrase)
{
    struct asim_error err = {0};
    struct asim_bias_texts texts;
    struct asim_bias_request request = {.pca = &fixture->pca, .bias = {0, 1000}};
    if (asim_bias_compose(asim_bias_method(engine), &request, &texts, &err) == 0)
        return 0;
    assert_int_equal(err.status, ASIM_EINPUT);
    return strstr(err.text, phrase) != NULL;
}

static void what_plumed_would_misread_is_refused(void **state)
{
    (void)state;
    struct random_mode fixture;
    set_up(&fixture, 0.3);
    fixture.reference[4] = 1000;
    assert_true(refused(&fixture, ASIM_BIAS_PLUMED, "eight columns"));
    fixture.reference[4] = -100;
    assert_true(refused(&fixture, ASIM_BIAS_PLUMED, "of atom 7:"));
    fixture.reference[4] = NAN;
    assert_true(refused(&fixture, ASIM_BIAS_PLUMED, "eight columns"));
    fixture.reference[4] = 0;
    fixture.atoms[ATOMS - 1] = 43770015;
    assert_true(refused(&fixture, ASIM_BIAS_PLUMED, "43770016"));
}

/* Values of the hybrid-36 definition. */
static void large_atom_numbers_are_hybrid_36(void **state)
{
    (void)state;
    static const struct {
        uint32_t serial;
        const char *columns;
    } rows[] = {{99999, "99999"},    {100000, "A0000"},  {100035, "A000Z"},
                {100036, "A0010"},   {719798, "ADA8M"},  {20929695, "MEGAN"},
                {31691119, "ST3V3"}, {43770015, "ZZZZZ"}};
    struct random_mode fixture;
    set_up(&fixture, 0.3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture.atoms[0] = rows[i].serial - 1;
        struct asim_bias_texts texts =
            compose(&fixture, ASIM_BIAS_PLUMED, (struct asim_bias){0, 1000});
        for (int file = 1; file <= 2; file++) {
            assert_memory_equal(texts.text[file], "ATOM  ", 6);
            assert_memory_equal(texts.text[file] + 6, rows[i].columns, 5);
        }
        asim_bias_texts_finish(&texts);
    }
}

static void other_fit_atoms_are_refused(void **state)
{
    (void)state;
    struct random_mode fixture;
    set_up(&fixture, 0.3);
    fixture.pca.align_same = false;
    assert_true(refused(&fixture, ASIM_BIAS_EDI, "--align"));
    assert_true(refused(&fixture, ASIM_BIAS_PLUMED, "--align"));
}

static void names_and_engines_belong_together(void **state)
{
    (void)state;
    for (int engine = ASIM_BIAS_AUTO; engine <= ASIM_BIAS_PLUMED; engine++) {
        enum asim_bias_engine back;
        const char *name = asim_bias_engine_name((enum asim_bias_engine)engine);
        assert_int_equal(asim_bias_engine_from_name(name, &back), 0);
        assert_int_equal(back, engine);
    }
    enum asim_bias_engine none;
    assert_int_equal(asim_bias_engine_from_name("edit", &none), -1);
    assert_int_equal(asim_bias_method(ASIM_BIAS_AUTO)->engine, ASIM_BIAS_EDI);
}

/* Any change of any of a bias' files changes its checksum. */
static void the_checksum_is_of_all_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/autosim-test-XXXXXX", before[65], after[65];
    struct random_mode fixture;
    struct asim_error err = {0};
    const struct asim_bias_method *method = asim_bias_method(ASIM_BIAS_PLUMED);
    assert_non_null(mkdtemp(folder));
    set_up(&fixture, 0.3);
    struct asim_bias_texts texts =
        compose(&fixture, ASIM_BIAS_PLUMED, (struct asim_bias){0.1, 1000});
    assert_int_equal(asim_bias_write(&texts, folder, &err), 0);
    assert_int_equal(asim_bias_texts_sha256(&texts, before, &err), 0);
    assert_int_equal(asim_bias_files_sha256(method, folder, after, &err), 0);
    assert_string_equal(before, after);
    for (int i = 0; method->files[i]; i++) {
        char *path = asim_path_join(folder, method->files[i], NULL);
        size_t size = strlen(texts.text[i]);
        texts.text[i][size / 2] ^= 1;
        assert_int_equal(asim_file_replace(path, texts.text[i], size, &err), 0);
        assert_int_equal(asim_bias_files_sha256(method, folder, after, &err), 0);
        assert_string_not_equal(before, after);
        texts.text[i][size / 2] ^= 1;
        assert_int_equal(asim_file_replace(path, texts.text[i], size, &err), 0);
        free(path);
    }
    char *path = asim_path_join(folder, "vec.pdb", NULL);
    assert_int_equal(remove(path), 0);
    assert_int_equal(asim_bias_files_sha256(method, folder, after, &err), -1);
    assert_non_null(strstr(err.text, "vec.pdb"));
    free(path);
    for (int i = 0; i < 2; i++) {
        path = asim_path_join(folder, method->files[i], NULL);
        assert_int_equal(remove(path), 0);
        free(path);
    }
    assert_int_equal(remove(folder), 0);
    asim_bias_texts_finish(&texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colvars_has_every_number_exactly),
        cmocka_unit_test(plumed_computes_the_coordinate),
        cmocka_unit_test(what_plumed_would_misread_is_refused),
        cmocka_unit_test(large_atom_numbers_are_hybrid_36),
        cmocka_unit_test(other_fit_atoms_are_refused),
        cmocka_unit_test(names_and_engines_belong_together),
        cmocka_unit_test(the_checksum_is_of_all_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
