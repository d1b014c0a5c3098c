/* What must hold for any trajectory: seeds are printed, AUTOSIM_TEST_SEED sets one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <autosim/pca.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array_source.h"

static uint64_t first_seed(void)
{
    const char *given = getenv("AUTOSIM_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20240601;
    print_message("seed %" PRIu64 "\n", seed);
    return seed;
}

static float *need_floats(size_t count)
{
    float *memory = calloc(count, sizeof *memory);
    if (!memory)
        abort();
    return memory;
}

static void analyse(const float *x, size_t frames, size_t atoms,
                    const struct asim_pca_options *options, struct asim_pca *ret_pca)
{
    struct asim_error err = {0};
    if (asim_pca_compute_array(x, frames, atoms, NULL, options, NULL, ret_pca, &err) <
        0)
        fail_msg("%s", err.text);
}

static void random_rotation(struct asim_random *random, double r[3][3])
{
    double q[4], norm = 0.0;
    for (int i = 0; i < 4; i++) {
        q[i] = asim_random_gaussian(random);
        norm += q[i] * q[i];
    }
    double w = q[0], a = q[1], b = q[2], c = q[3];
    double m[3][3] = {
        {w * w + a * a - b * b - c * c, 2 * (a * b - w * c), 2 * (a * c + w * b)},
        {2 * (a * b + w * c), w * w - a * a + b * b - c * c, 2 * (b * c - w * a)},
        {2 * (a * c - w * b), 2 * (b * c + w * a), w * w - a * a - b * b + c * c}};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            r[i][j] = m[i][j] / norm;
}

/* Turned and shifted, each frame by its own; the first only shifted: it orients all. */
static float *move_frames(const float *x, size_t frames, size_t atoms,
                          struct asim_random *random)
{
    float *moved = need_floats(frames * atoms * 3);
    for (size_t f = 0; f < frames; f++) {
        double r[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, shift[3];
        if (f > 0)
            random_rotation(random, r);
        for (int d = 0; d < 3; d++)
            shift[d] = asim_random_gaussian(random);
        for (size_t a = 0; a < atoms; a++) {
            const float *from = x + (f * atoms + a) * 3;
            for (int d = 0; d < 3; d++)
                moved[(f * atoms + a) * 3 + (size_t)d] =
                    (float)(r[d][0] * (double)from[0] + r[d][1] * (double)from[1] +
                            r[d][2] * (double)from[2] + shift[d]);
        }
    }
    return moved;
}

static double overlap(const struct asim_pca *a, const struct asim_pca *b, size_t k)
{
    double sum = 0.0;
    size_t size = 3 * a->atom_count;
    for (size_t i = 0; i < size; i++)
        sum += a->eigenvectors[k * size + i] * b->eigenvectors[k * size + i];
    return fabs(sum);
}

static void test_rigid_motion(void **state)
{
    (void)state;
    uint64_t seed = first_seed();
    for (uint64_t round = 0; round < 6; round++) {
        size_t frames = 40 + 97 * round, atoms = 7 + 13 * round;
        struct asim_random random;
        asim_random_seed(&random, seed + round);
        float *x = synthetic_motion(frames, atoms, seed + round);
        float *moved = move_frames(x, frames, atoms, &random);
        struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
        struct asim_pca a = {0}, b = {0};
        analyse(x, frames, atoms, &options, &a);
        analyse(moved, frames, atoms, &options, &b);
        assert_int_equal(a.component_count, b.component_count);
        for (size_t k = 0; k < a.component_count; k++)
            assert_true(fabs(a.eigenvalues_nm2[k] - b.eigenvalues_nm2[k]) <
                        2e-5 * a.eigenvalues_nm2[0]);
        assert_true(fabs(a.total_variance_nm2 / b.total_variance_nm2 - 1) < 2e-5);
        /* Only where the gap makes the vector one of its own. */
        for (size_t k = 0; k < 2; k++)
            if (a.eigenvalues_nm2[k] > 1.1 * a.eigenvalues_nm2[k + 1] &&
                (k == 0 || a.eigenvalues_nm2[k - 1] > 1.1 * a.eigenvalues_nm2[k]))
                assert_true(overlap(&a, &b, k) > 1.0 - 1e-5);
        asim_pca_finish(&a);
        asim_pca_finish(&b);
        free(x);
        free(moved);
    }
}

/* Motion along orthonormal directions that neither shift nor turn the structure (to
 * first order), with amplitudes of exactly known covariance. */
static void test_known_covariance(void **state)
{
    (void)state;
    enum { FRAMES = 64, ATOMS = 12, SIZE = 3 * ATOMS, MODES = 3 };
    uint64_t seed = first_seed();
    struct asim_random random;
    asim_random_seed(&random, seed);
    double base[SIZE], v[6 + MODES][SIZE] = {{0.0}};
    for (size_t i = 0; i < SIZE; i++)
        base[i] = asim_random_gaussian(&random);
    for (size_t d = 0; d < 3; d++) {
        double centre = 0.0;
        for (size_t a = 0; a < ATOMS; a++)
            centre += base[3 * a + d] / ATOMS;
        for (size_t a = 0; a < ATOMS; a++)
            base[3 * a + d] -= centre;
    }
    for (size_t a = 0; a < ATOMS; a++)
        for (size_t d = 0; d < 3; d++) {
            size_t e = (d + 1) % 3, g = (d + 2) % 3;
            v[d][3 * a + d] = 1.0;
            v[3 + d][3 * a + e] = -base[3 * a + g];
            v[3 + d][3 * a + g] = base[3 * a + e];
        }
    for (size_t m = 0; m < 6 + MODES; m++) {
        for (size_t i = 0; m >= 6 && i < SIZE; i++)
            v[m][i] = asim_random_gaussian(&random);
        for (int twice = 0; twice < 2; twice++)
            for (size_t o = 0; o < m; o++) {
                double dot = 0.0;
                for (size_t i = 0; i < SIZE; i++)
                    dot += v[m][i] * v[o][i];
                for (size_t i = 0; i < SIZE; i++)
                    v[m][i] -= dot * v[o][i];
            }
        double square = 0.0;
        for (size_t i = 0; i < SIZE; i++)
            square += v[m][i] * v[m][i];
        for (size_t i = 0; i < SIZE; i++)
            v[m][i] /= sqrt(square);
    }
    /* cos(2 pi m f/F): orthogonal over the frames, sum of squares F/2, mean 0. */
    float *x = need_floats((size_t)FRAMES * SIZE);
    static const double amplitude[MODES] = {4e-3, 2e-3, 1e-3};
    for (size_t f = 0; f < FRAMES; f++)
        for (size_t i = 0; i < SIZE; i++) {
            double at = base[i];
            for (size_t m = 0; m < MODES; m++)
                at += amplitude[m] * v[6 + m][i] *
                      cos(2 * M_PI * (double)((m + 1) * f) / FRAMES);
            x[f * SIZE + i] = (float)at;
        }
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    options.component_count = MODES;
    struct asim_pca pca = {0};
    analyse(x, FRAMES, ATOMS, &options, &pca);
    for (size_t m = 0; m < MODES; m++) {
        double expected = amplitude[m] * amplitude[m] * FRAMES / 2 / (FRAMES - 1);
        /* Rotations of second order in the amplitudes are what is left. */
        assert_true(fabs(pca.eigenvalues_nm2[m] / expected - 1) < 1e-3);
        double dot = 0.0;
        for (size_t i = 0; i < SIZE; i++)
            dot += pca.eigenvectors[m * SIZE + i] * v[6 + m][i];
        assert_true(fabs(dot) > 0.9999);
    }
    asim_pca_finish(&pca);
    free(x);
}

static void test_thread_counts(void **state)
{
    (void)state;
    enum { FRAMES = 700, ATOMS = 70 };
    float *x = synthetic_motion(FRAMES, ATOMS, first_seed());
    for (int memory = ASIM_MEMORY_AUTO; memory <= ASIM_MEMORY_STREAM; memory++) {
        static const int counts[] = {1, 2, 3, 5};
        struct asim_pca one = {0};
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
            options.memory = (enum asim_memory_mode)memory;
            options.thread_count = counts[c];
            struct asim_pca now = {0};
            analyse(x, FRAMES, ATOMS, &options, &now);
            size_t k = now.component_count;
            if (c == 0) {
                one = now;
                continue;
            }
            assert_int_equal(k, one.component_count);
            assert_memory_equal(one.eigenvalues_nm2, now.eigenvalues_nm2,
                                k * sizeof(double));
            assert_memory_equal(one.eigenvectors, now.eigenvectors,
                                k * 3 * ATOMS * sizeof(double));
            assert_memory_equal(one.projections_nm, now.projections_nm,
                                k * FRAMES * sizeof(double));
            assert_memory_equal(&one.rmsip, &now.rmsip, sizeof one.rmsip);
            asim_pca_finish(&now);
        }
        asim_pca_finish(&one);
    }
    free(x);
}

/* Each eigenvalue is the variance along its vector, and the vectors are orthonormal. */
static void check_spectrum(const struct asim_pca *pca)
{
    size_t size = 3 * pca->atom_count, frames = pca->frame_count;
    for (size_t k = 0; k < pca->component_count; k++) {
        const double *p = pca->projections_nm + k * frames;
        const double *v = pca->eigenvectors + k * size;
        double sum = 0.0, square = 0.0;
        for (size_t f = 0; f < frames; f++)
            sum += p[f];
        for (size_t f = 0; f < frames; f++) {
            double d = p[f] - sum / (double)frames;
            square += d * d;
        }
        double variance = square / (double)(frames - 1);
        assert_true(fabs(variance - pca->eigenvalues_nm2[k]) <
                    1e-6 * pca->eigenvalues_nm2[0]);
        for (size_t l = 0; l <= k; l++) {
            double dot = 0.0;
            for (size_t i = 0; i < size; i++)
                dot += v[i] * pca->eigenvectors[l * size + i];
            assert_true(fabs(dot - (k == l)) < 1e-9);
        }
    }
}

static void test_all_components(void **state)
{
    (void)state;
    /* Few frames, fewer than coordinates, more: small and not. */
    static const struct {
        size_t frames, atoms;
        bool double_precision;
    } rows[] = {{2, 9, false},     {20, 9, false},     {300, 9, false},
                {300, 150, false}, {1000, 150, false}, {1000, 150, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t frames = rows[i].frames, atoms = rows[i].atoms;
        float *x = synthetic_motion(frames, atoms, 3 + i);
        for (int memory = ASIM_MEMORY_AUTO; memory <= ASIM_MEMORY_STREAM; memory++) {
            struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
            options.memory = (enum asim_memory_mode)memory;
            options.precision =
                rows[i].double_precision ? ASIM_PRECISION_DOUBLE : ASIM_PRECISION_MIXED;
            struct asim_pca few = {0}, pca = {0};
            analyse(x, frames, atoms, &options, &few);
            options.component_count = SIZE_MAX;
            analyse(x, frames, atoms, &options, &pca);
            size_t most = 3 * atoms - 6;
            if (frames - 1 < most)
                most = frames - 1;
            assert_int_equal(pca.component_count, most);
            double sum = 0.0;
            for (size_t k = 0; k < pca.component_count; k++)
                sum += pca.eigenvalues_nm2[k];
            /* What the fit of a small molecule leaves beyond 3N - 6 directions. */
            assert_true(fabs(sum / pca.total_variance_nm2 - 1) <
                        (atoms < 10 ? 2e-2 : 1e-4));
            for (size_t k = 0; k < few.component_count; k++)
                assert_true(fabs(few.eigenvalues_nm2[k] - pca.eigenvalues_nm2[k]) <
                            1e-6 * pca.eigenvalues_nm2[0]);
            check_spectrum(&pca);
            asim_pca_finish(&few);
            asim_pca_finish(&pca);
        }
        free(x);
    }
}

static void assert_refused(const float *x, size_t frames, size_t atoms,
                           const char *words)
{
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    struct asim_pca pca = {0};
    struct asim_error err = {0};
    assert_int_equal(
        asim_pca_compute_array(x, frames, atoms, NULL, &options, NULL, &pca, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
}

static void test_refused_frames(void **state)
{
    (void)state;
    enum { FRAMES = 30, ATOMS = 8 };
    float *x = synthetic_motion(FRAMES, ATOMS, 9);
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        float *place = &x[(17 * ATOMS + ATOMS - 1) * 3 + i];
        float before = *place;
        *place = odd[i];
        assert_refused(x, FRAMES, ATOMS, "frame 17");
        *place = before;
    }
    assert_refused(x, 1, ATOMS, "at least 2");
    for (size_t f = 1; f < FRAMES; f++)
        memcpy(x + f * ATOMS * 3, x, ATOMS * 3 * sizeof *x);
    assert_refused(x, FRAMES, ATOMS, "same structure");
    for (size_t f = 0; f < FRAMES; f++)
        for (size_t a = 0; a < ATOMS; a++)
            for (size_t d = 0; d < 3; d++)
                x[(f * ATOMS + a) * 3 + d] = (float)(a * (d + 1)) * 0.1f;
    assert_refused(x, FRAMES, ATOMS, "line");
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rigid_motion),   cmocka_unit_test(test_known_covariance),
        cmocka_unit_test(test_thread_counts),  cmocka_unit_test(test_all_components),
        cmocka_unit_test(test_refused_frames),
    };
    return cmocka_run_group_tests_name("pca_property", tests, NULL, NULL);
}
