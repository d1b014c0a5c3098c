/* A bias whose fit is on other atoms than are analysed: the gradient against
 * differences of the coordinate, and the coordinate that the Colvars configuration
 * says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "structure/superpose.h"
#include "windows/bias_method.h"
#include "windows/gradient.h"

#include "numbers.h"
#include "random_mode.h"

enum { SYSTEM = 12, ANALYSED = 5, FIT = 6, TOGETHER = 8, N = 3 * ANALYSED };

static const uint32_t analysed[ANALYSED] = {3, 9, 4, 0, 7};
static const uint32_t fit[FIT] = {11, 4, 2, 9, 6, 3}; /* three of them are analysed */
static const uint32_t together[TOGETHER] = {3, 9, 4, 0, 7, 11, 2, 6};

struct fixture {
    struct random_mode mode;
    struct asim_pca pca;
    uint32_t fit[FIT];
    double reference[3 * FIT];
};

/* Analysed atoms whose vector has a mean: what other fit atoms bring about. */
static void set_up(struct fixture *fixture)
{
    struct random_mode other;
    random_mode_set_up(&other, FIT, 0.3, 0.05, 5);
    random_mode_set_up(&fixture->mode, ANALYSED, 0.3, 0.05, 9);
    memcpy(fixture->mode.atoms, analysed, sizeof analysed);
    memcpy(fixture->fit, fit, sizeof fit);
    memcpy(fixture->reference, other.reference, sizeof fixture->reference);
    for (int i = 0; i < N; i++) {
        fixture->mode.vector[i] += 0.1 * (i % 3 + 1);
        fixture->mode.mean[i] += 0.2;
    }
    fixture->pca = fixture->mode.pca;
    fixture->pca.align_count = FIT;
    fixture->pca.align_indices = fixture->fit;
    fixture->pca.reference_nm = fixture->reference;
    fixture->pca.align_same = false;
}

/* sum v . (y - origin) over atoms of a structure that is fitted by others. */
static double project(const double x[SYSTEM][3], const uint32_t *atoms, size_t count,
                      const double *v, const double *origin, const double *reference)
{
    double moved[3 * FIT], rotation[3][3], c[3], rc[3], p = 0;
    for (int i = 0; i < FIT; i++)
        for (int d = 0; d < 3; d++)
            moved[3 * i + d] = x[fit[i]][d];
    assert_int_equal(asim_superpose(moved, reference, FIT, rotation, c, rc, NULL), 0);
    for (size_t i = 0; i < 3 * count; i++) {
        double y = rc[i % 3];
        for (int b = 0; b < 3; b++)
            y += rotation[i % 3][b] * (x[atoms[i / 3]][b] - c[b]);
        p += v[i] * (y - origin[i]);
    }
    return p;
}

/* Near the reference where there is one, moved and turned about z. */
static void make_structure(const struct fixture *fixture, struct asim_random *random,
                           float x_nm[SYSTEM][3], double x[SYSTEM][3])
{
    double turn = 6 * asim_random_uniform(random);
    for (int i = 0; i < SYSTEM; i++)
        for (int d = 0; d < 3; d++)
            x[i][d] = 0.3 * asim_random_gaussian(random);
    for (int i = 0; i < FIT; i++)
        for (int d = 0; d < 3; d++)
            x[fit[i]][d] =
                fixture->reference[3 * i + d] + 0.03 * asim_random_gaussian(random);
    for (int i = 0; i < SYSTEM; i++) {
        x_nm[i][0] = (float)(2 + cos(turn) * x[i][0] - sin(turn) * x[i][1]);
        x_nm[i][1] = (float)(3 + sin(turn) * x[i][0] + cos(turn) * x[i][1]);
        x_nm[i][2] = (float)(1 + x[i][2]);
        for (int d = 0; d < 3; d++)
            x[i][d] = (double)x_nm[i][d];
    }
}

static void the_gradient_is_that_of_the_coordinate(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_gradient exact, edi;
    struct asim_random random;
    const double step = 1e-5;
    set_up(&fixture);
    const double *v = fixture.mode.vector, *mean = fixture.mode.mean;
    asim_random_seed(&random, 8);
    assert_int_equal(asim_gradient_init(&fixture.pca, &exact, NULL), 0);
    assert_int_equal(asim_gradient_init(&fixture.pca, &edi, NULL), 0);
    assert_int_equal(exact.atoms.count, TOGETHER);
    assert_memory_equal(exact.atoms.index, together, sizeof together);
    for (int repeat = 0; repeat < 20; repeat++) {
        float x_nm[SYSTEM][3];
        double x[SYSTEM][3], missing = 0, norm = 0;
        make_structure(&fixture, &random, x_nm, x);
        const float(*frame)[3] = (const float(*)[3])x_nm;
        assert_int_equal(asim_gradient_compute(&exact, frame, ASIM_BIAS_COLVARS, NULL),
                         0);
        assert_int_equal(asim_gradient_compute(&edi, frame, ASIM_BIAS_EDI, NULL), 0);
        double p = project(x, analysed, ANALYSED, v, mean, fixture.reference);
        assert_true(fabs(exact.value_nm - p) < 1e-12);
        for (int i = 0; i < 3 * TOGETHER; i++) {
            double *moved = &x[together[i / 3]][i % 3], kept = *moved;
            *moved = kept + step;
            double up = project(x, analysed, ANALYSED, v, mean, fixture.reference);
            *moved = kept - step;
            double down = project(x, analysed, ANALYSED, v, mean, fixture.reference);
            *moved = kept;
            assert_true(fabs(exact.exact[i] - (up - down) / (2 * step)) < 1e-8);
            assert_true(exact.applied[i] == exact.exact[i]);
            missing += pow(edi.applied[i] - edi.exact[i], 2);
            norm += i < N ? v[i] * v[i] : 0;
        }
        assert_true(fabs(missing / norm - edi.w2) < 1e-12);
    }
    asim_gradient_finish(&exact);
    asim_gradient_finish(&edi);
}

static void colvars_has_the_coordinate(void **state)
{
    (void)state;
    struct fixture fixture;
    struct asim_bias_texts texts;
    struct asim_random random;
    double w[3 * TOGETHER], q[3 * TOGETHER], reference[3 * FIT], numbers[TOGETHER];
    set_up(&fixture);
    struct asim_bias_request request = {
        .pca = &fixture.pca, .bias = {0.1, 1000}, .sample_steps = 50};
    assert_int_equal(
        asim_bias_compose(asim_bias_method(ASIM_BIAS_COLVARS), &request, &texts, NULL),
        0);
    const char *text = texts.text[0];
    assert_int_equal(numbers_behind(text, "\n      atomNumbers", numbers), TOGETHER);
    for (int i = 0; i < TOGETHER; i++)
        assert_true(numbers[i] == together[i] + 1);
    assert_int_equal(numbers_behind(text, "\n        atomNumbers", numbers), FIT);
    for (int i = 0; i < FIT; i++)
        assert_true(numbers[i] == fit[i] + 1);
    assert_int_equal(numbers_behind(text, "\n      refPositions", reference), 3 * FIT);
    assert_memory_equal(reference, fixture.reference, sizeof reference);
    assert_int_equal(numbers_behind(text, "\n    refPositions", q), 3 * TOGETHER);
    assert_int_equal(numbers_behind(text, "\n    vector", w), 3 * TOGETHER);
    for (int a = 0; a < 3; a++) { /* Colvars would take a mean out of the vector */
        double sum = 0;
        for (int i = 0; i < TOGETHER; i++)
            sum += w[3 * i + a];
        assert_true(fabs(sum) < 1e-15);
    }
    asim_random_seed(&random, 4);
    for (int repeat = 0; repeat < 20; repeat++) {
        float x_nm[SYSTEM][3];
        double x[SYSTEM][3];
        make_structure(&fixture, &random, x_nm, x);
        double p = project(x, analysed, ANALYSED, fixture.mode.vector,
                           fixture.mode.mean, fixture.reference);
        assert_true(fabs(project(x, together, TOGETHER, w, q, reference) - p) < 1e-13);
    }
    asim_bias_texts_finish(&texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_is_that_of_the_coordinate),
        cmocka_unit_test(colvars_has_the_coordinate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
