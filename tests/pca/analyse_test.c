/*
 * The analysis on synthetic frames against a plain one: Kabsch by singular values, the
 * full covariance, all its eigenpairs; and what has no answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "array_source.h"
#include "pca/quality.h"

struct plain {
    double *values, *vectors, *mean; /* [3N] descending, [3N][3N] rows, [3N] */
    double total;
};

/* Superposes x (centred in place) on y (centred): x becomes R x. */
static void plain_fit(double *x, const double *y, size_t n)
{
    double c[3] = {0.0}, m[9] = {0.0}, s[3], u[9], vt[9], work[3], r[9];
    for (size_t i = 0; i < 3 * n; i++)
        c[i % 3] += x[i] / (double)n;
    for (size_t i = 0; i < 3 * n; i++)
        x[i] -= c[i % 3];
    for (size_t p = 0; p < n; p++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                m[3 * i + j] += x[3 * p + i] * y[3 * p + j];
    assert_int_equal(
        LAPACKE_dgesvd(LAPACK_ROW_MAJOR, 'A', 'A', 3, 3, m, 3, s, u, 3, vt, 3, work),
        0);
    double sign = 1.0;
    for (int attempt = 0; attempt < 2; attempt++) {
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                r[3 * i + j] = vt[i] * u[3 * j] + vt[3 + i] * u[3 * j + 1] +
                               sign * vt[6 + i] * u[3 * j + 2];
        double d = r[0] * (r[4] * r[8] - r[5] * r[7]) -
                   r[1] * (r[3] * r[8] - r[5] * r[6]) +
                   r[2] * (r[3] * r[7] - r[4] * r[6]);
        if (d > 0.0)
            break;
        sign = -1.0;
    }
    for (size_t p = 0; p < n; p++) {
        double t[3];
        for (int i = 0; i < 3; i++)
            t[i] = r[3 * i] * x[3 * p] + r[3 * i + 1] * x[3 * p + 1] +
                   r[3 * i + 2] * x[3 * p + 2];
        memcpy(x + 3 * p, t, sizeof t);
    }
}

static void *need(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

/* `first`: superpose on the first frame only. */
static struct plain plain_pca(const float *frames, size_t count, size_t atoms,
                              int first)
{
    size_t n = 3 * atoms;
    double *x = need(count * n, sizeof *x), *reference = need(n, sizeof *reference);
    struct plain plain = {need(n, sizeof(double)), need(n * n, sizeof(double)),
                          need(n, sizeof(double)), 0.0};
    for (size_t i = 0; i < n; i++)
        reference[i] = (double)frames[i];
    double c[3] = {0.0};
    for (size_t i = 0; i < n; i++)
        c[i % 3] += reference[i] / (double)atoms;
    for (size_t i = 0; i < n; i++)
        reference[i] -= c[i % 3];
    for (int pass = 0; pass < 60; pass++) {
        memset(plain.mean, 0, n * sizeof(double));
        for (size_t f = 0; f < count; f++) {
            for (size_t i = 0; i < n; i++)
                x[f * n + i] = (double)frames[f * n + i];
            plain_fit(x + f * n, reference, atoms);
            for (size_t i = 0; i < n; i++)
                plain.mean[i] += x[f * n + i] / (double)count;
        }
        double change = 0.0;
        for (size_t i = 0; i < n; i++)
            change += (plain.mean[i] - reference[i]) * (plain.mean[i] - reference[i]);
        if (first || sqrt(change / (double)atoms) < 1e-6)
            break;
        memcpy(reference, plain.mean, n * sizeof(double));
    }
    double *covariance = need(n * n, sizeof *covariance);
    for (size_t f = 0; f < count; f++)
        for (size_t i = 0; i < n; i++) {
            double di = x[f * n + i] - plain.mean[i];
            for (size_t j = 0; j < n; j++)
                covariance[i * n + j] +=
                    di * (x[f * n + j] - plain.mean[j]) / (double)(count - 1);
        }
    for (size_t i = 0; i < n; i++)
        plain.total += covariance[i * n + i];
    double *ascending = need(n, sizeof *ascending);
    assert_int_equal(LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', (int)n, covariance,
                                   (int)n, ascending),
                     0);
    for (size_t k = 0; k < n; k++) {
        plain.values[k] = ascending[n - 1 - k];
        memcpy(plain.vectors + k * n, covariance + (n - 1 - k) * n, n * sizeof(double));
    }
    free(ascending);
    free(covariance);
    free(x);
    free(reference);
    return plain;
}

static void plain_finish(struct plain *plain)
{
    free(plain->values);
    free(plain->vectors);
    free(plain->mean);
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void check_conventions(const struct asim_pca *pca)
{
    size_t n = 3 * pca->atom_count, frames = pca->frame_count;
    for (size_t k = 0; k < pca->component_count; k++) {
        const double *v = pca->eigenvectors + k * n;
        const double *p = pca->projections_nm + k * frames;
        size_t largest = 0;
        for (size_t i = 1; i < n; i++)
            if (fabs(v[i]) > fabs(v[largest]))
                largest = i;
        assert_true(v[largest] > 0.0);
        assert_true(fabs(dot(v, v, n) - 1.0) < 1e-13);
        if (k > 0) {
            assert_true(pca->eigenvalues_nm2[k] <= pca->eigenvalues_nm2[k - 1]);
            assert_true(fabs(dot(v, v - n, n)) < 1e-8);
        }
        double mean = 0.0, variance = 0.0;
        for (size_t f = 0; f < frames; f++)
            mean += p[f] / (double)frames;
        for (size_t f = 0; f < frames; f++)
            variance += (p[f] - mean) * (p[f] - mean) / (double)(frames - 1);
        assert_true(fabs(mean) < 1e-8);
        assert_true(fabs(variance - pca->eigenvalues_nm2[k]) <
                    2e-6 * pca->eigenvalues_nm2[0]);
        assert_true(fabs(pca->cosine_content[k] - asim_cosine_content(p, frames, k)) <
                    1e-12);
    }
    double centre[3] = {0.0};
    for (size_t i = 0; i < 3 * pca->align_count; i++)
        centre[i % 3] += pca->reference_nm[i];
    for (int d = 0; d < 3; d++)
        assert_true(fabs(centre[d]) < 1e-10);
}

struct row {
    const char *name;
    size_t frames, atoms, components;
    enum asim_memory_mode memory;
    enum asim_precision precision;
    enum asim_reference reference;
    double limit; /* relative, of eigenvalues; vectors are 1 - overlap below it too */
};

/* Sizes that reach every way of finding eigenpairs. */
static const struct row rows[] = {
    {"products of frames", 60, 50, 10, ASIM_MEMORY_AUTO, 0, 0, 1e-8},
    {"all components of few frames", 12, 30, 100, ASIM_MEMORY_AUTO, 0, 0, 1e-8},
    {"matrix-free", 400, 60, 10, ASIM_MEMORY_AUTO, 0, 0, 1e-8},
    {"matrix-free, many threads' worth", 1000, 40, 5, ASIM_MEMORY_AUTO, 0, 0, 1e-8},
    {"covariance in memory", 700, 20, 8, ASIM_MEMORY_AUTO, 1, 0, 1e-8},
    {"covariance, Lanczos", 700, 70, 8, ASIM_MEMORY_STREAM, 1, 0, 1e-8},
    {"covariance in float", 700, 20, 8, ASIM_MEMORY_AUTO, 0, 0, 2e-6},
    {"streaming", 300, 40, 10, ASIM_MEMORY_STREAM, 1, 0, 1e-8},
    {"streaming in float", 600, 100, 10, ASIM_MEMORY_STREAM, 0, 0, 2e-6},
    {"streaming, few frames", 5, 40, 10, ASIM_MEMORY_STREAM, 1, 0, 1e-8},
    {"one block exactly", 256, 33, 10, ASIM_MEMORY_AUTO, 0, 0, 1e-8},
    {"three atoms", 50, 3, 10, ASIM_MEMORY_AUTO, 0, 0, 1e-7},
    {"first frame as reference", 200, 48, 10, ASIM_MEMORY_AUTO, 0, 1, 1e-8},
    {"two frames", 2, 10, 10, ASIM_MEMORY_AUTO, 0, 0, 1e-7},
};

static void test_against_plain(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        const struct row *row = &rows[r];
        float *x = synthetic_motion(row->frames, row->atoms, 100 + r);
        struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
        options.component_count = row->components;
        options.memory = row->memory;
        options.precision = row->precision;
        options.reference = row->reference;
        options.thread_count = 1;
        struct asim_pca pca = {0};
        array_compute(x, row->frames, row->atoms, 0, &options, &pca);
        struct plain plain = plain_pca(x, row->frames, row->atoms,
                                       row->reference == ASIM_REFERENCE_FIRST);
        size_t n = 3 * row->atoms;
        size_t most = row->frames - 1 < n - 6 ? row->frames - 1 : n - 6;
        assert_int_equal(pca.component_count,
                         row->components < most ? row->components : most);
        assert_int_equal(pca.streaming, row->memory == ASIM_MEMORY_STREAM);
        double worst = 0.0, worst_overlap = 0.0;
        for (size_t k = 0; k < pca.component_count; k++) {
            double error =
                fabs(pca.eigenvalues_nm2[k] - plain.values[k]) / plain.values[0];
            worst = fmax(worst, error);
            double overlap =
                fabs(dot(pca.eigenvectors + k * n, plain.vectors + k * n, n));
            /* A vector is as good as its eigenvalue stands apart. */
            double apart = plain.values[k] - plain.values[k + 1];
            if (k > 0)
                apart = fmin(apart, plain.values[k - 1] - plain.values[k]);
            if (apart > 0.01 * plain.values[0])
                worst_overlap = fmax(worst_overlap, fabs(1.0 - overlap));
        }
        double trace_error = fabs(pca.total_variance_nm2 - plain.total) / plain.total;
        print_message("%-32s eigenvalues %.1e, overlaps 1 - %.1e, trace %.1e\n",
                      row->name, worst, worst_overlap, trace_error);
        assert_true(worst < row->limit);
        assert_true(worst_overlap < row->limit);
        assert_true(trace_error < 1e-7);
        for (size_t i = 0; i < n; i++)
            assert_true(fabs(pca.mean_nm[i] - plain.mean[i]) < 1e-8);
        check_conventions(&pca);
        plain_finish(&plain);
        asim_pca_finish(&pca);
        free(x);
    }
}

/* A fit on other atoms than are analysed: a hinge whose first half is the fit. All of
 * the motion is then in the second half, by an exactly known amount. */
static void test_fit_on_other_atoms(void **state)
{
    (void)state;
    enum { ATOMS = 20, FRAMES = 100 };
    static float x[FRAMES][ATOMS][3];
    struct asim_random random;
    asim_random_seed(&random, 8);
    double base[ATOMS][3], variance = 0.0;
    for (int a = 0; a < ATOMS; a++)
        for (int d = 0; d < 3; d++)
            base[a][d] = asim_random_gaussian(&random);
    for (int f = 0; f < FRAMES; f++) {
        double move = sin(0.1 * f), angle = 0.05 * f;
        for (int a = 0; a < ATOMS; a++) {
            double p[3] = {base[a][0], base[a][1], base[a][2] + (a >= 10 ? move : 0.0)};
            x[f][a][0] = (float)(cos(angle) * p[0] - sin(angle) * p[1] + 0.1 * f);
            x[f][a][1] = (float)(sin(angle) * p[0] + cos(angle) * p[1]);
            x[f][a][2] = (float)p[2];
        }
    }
    double mean = 0.0;
    for (int f = 0; f < FRAMES; f++)
        mean += sin(0.1 * f) / FRAMES;
    for (int f = 0; f < FRAMES; f++)
        variance += (sin(0.1 * f) - mean) * (sin(0.1 * f) - mean) / (FRAMES - 1);
    for (int memory = 0; memory < 2; memory++) {
        struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
        struct asim_pca pca = {0};
        options.memory = memory ? ASIM_MEMORY_STREAM : ASIM_MEMORY_AUTO;
        options.precision = ASIM_PRECISION_DOUBLE;
        options.component_count = 1;
        array_compute(&x[0][0][0], FRAMES, ATOMS, 10, &options, &pca);
        assert_false(pca.align_same);
        assert_true(fabs(pca.eigenvalues_nm2[0] - 10.0 * variance) < 1e-5 * variance);
        for (int a = 0; a < ATOMS; a++) {
            double length =
                sqrt(dot(pca.eigenvectors + 3 * a, pca.eigenvectors + 3 * a, 3));
            assert_true(fabs(length - (a >= 10 ? sqrt(0.1) : 0.0)) < 1e-5);
        }
        asim_pca_finish(&pca);
    }
}

static void assert_refused(const float *x, size_t frames, size_t atoms,
                           const struct asim_pca_options *options,
                           enum asim_status status, const char *word)
{
    for (int memory = 0; memory < 2; memory++) {
        struct array_source source = {.x = x, .frames = frames, .atoms = atoms};
        struct asim_frame_source from = array_source(&source, atoms, 0);
        struct asim_pca_options own = *options;
        own.memory = memory ? ASIM_MEMORY_STREAM : ASIM_MEMORY_AUTO;
        struct asim_error err = {0};
        struct asim_pca pca = {0};
        assert_int_equal(asim_pca_analyse(&from, &own, NULL, &pca, &err), -1);
        assert_int_equal(err.status, status);
        if (!strstr(err.text, word))
            fail_msg("'%s' does not say '%s'", err.text, word);
        assert_null(pca.eigenvectors);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    float *x = synthetic_motion(50, 20, 77);
    assert_refused(x, 1, 20, &options, ASIM_EINPUT, "at least 2");
    assert_refused(x, 0, 20, &options, ASIM_EINPUT, "at least 2");
    assert_refused(x, 50, 2, &options, ASIM_EINPUT, "at least 3");
    /* One frame over and over. */
    for (size_t f = 1; f < 50; f++)
        memcpy(x + f * 60, x, 60 * sizeof *x);
    assert_refused(x, 50, 20, &options, ASIM_EINPUT, "nothing moves");
    /* Frame 7 on a line. */
    float *y = synthetic_motion(50, 20, 78);
    for (size_t a = 0; a < 20; a++)
        for (size_t d = 0; d < 3; d++)
            y[7 * 60 + 3 * a + d] = (float)a * (float)(d + 1);
    assert_refused(y, 50, 20, &options, ASIM_EINPUT, "frame 7");
    options.memory_limit_bytes = 10000;
    assert_refused(y, 50, 20, &options, ASIM_ENOMEM, "0.0 MB are allowed");
    options.memory_limit_bytes = 0;
    options.component_count = 0;
    assert_refused(y, 50, 20, &options, ASIM_EUSAGE, "component_count");
    free(x);
    free(y);
}

/* Frames that move in fewer directions than were asked for. */
static void test_empty_directions(void **state)
{
    (void)state;
    enum { ATOMS = 30, FRAMES = 300 };
    float *few = synthetic_motion(4, ATOMS, 12);
    float *x = need(FRAMES * ATOMS * 3, sizeof *x);
    for (size_t f = 0; f < FRAMES; f++)
        memcpy(x + f * ATOMS * 3, few + f % 4 * ATOMS * 3, ATOMS * 3 * sizeof *x);
    for (int memory = 0; memory < 2; memory++) {
        struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
        options.memory = memory ? ASIM_MEMORY_STREAM : ASIM_MEMORY_AUTO;
        options.precision = ASIM_PRECISION_DOUBLE;
        struct asim_pca pca = {0};
        array_compute(x, FRAMES, ATOMS, 0, &options, &pca);
        assert_int_equal(pca.component_count, 3);
        asim_pca_finish(&pca);
    }
    free(few);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_fit_on_other_atoms),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_empty_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
