/*
 * Ways of computing against each other: in memory and streaming, any number of threads,
 * several at once, less and less memory; and what is measured on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASIM_ADDRESS_SANITIZER
#endif
#endif

#include "array_source.h"
#include "base/memory.h"
#include "structure/superpose.h"
#include "windows/force_error.h"

/* The merit of a merge state: in double, streaming and memory say the same. */
static void test_memory_and_streaming(void **state)
{
    (void)state;
    const size_t frames = 900, atoms = 100;
    float *x = synthetic_motion(frames, atoms, 5);
    /* The halves differ in their means: RMSIP must not see that. */
    for (size_t i = frames / 2 * atoms * 3; i < frames * atoms * 3; i++)
        x[i] *= 1.3f;
    struct asim_pca pca[2] = {{0}, {0}};
    for (int s = 0; s < 2; s++) {
        struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
        options.memory = s ? ASIM_MEMORY_STREAM : ASIM_MEMORY_AUTO;
        options.precision = ASIM_PRECISION_DOUBLE;
        array_compute(x, frames, atoms, 0, &options, &pca[s]);
    }
    for (size_t k = 0; k < 10; k++)
        assert_true(fabs(pca[0].eigenvalues_nm2[k] - pca[1].eigenvalues_nm2[k]) <
                    1e-12 * pca[0].eigenvalues_nm2[0]);
    for (size_t i = 0; i < 10 * frames; i++)
        assert_true(fabs(pca[0].projections_nm[i] - pca[1].projections_nm[i]) < 1e-7);
    assert_memory_equal(pca[0].mean_nm, pca[1].mean_nm, 3 * atoms * sizeof(double));
    assert_true(pca[0].total_variance_nm2 == pca[1].total_variance_nm2 ||
                fabs(pca[0].total_variance_nm2 / pca[1].total_variance_nm2 - 1.0) <
                    1e-14);
    assert_true(fabs(pca[0].rmsip - pca[1].rmsip) < 1e-4);
    asim_pca_finish(&pca[0]);
    asim_pca_finish(&pca[1]);
    free(x);
}

static void assert_same_bits(const struct asim_pca *a, const struct asim_pca *b)
{
    size_t k = a->component_count, n = 3 * a->atom_count, f = a->frame_count;
    assert_int_equal(k, b->component_count);
    assert_memory_equal(a->eigenvalues_nm2, b->eigenvalues_nm2, k * sizeof(double));
    assert_memory_equal(a->eigenvectors, b->eigenvectors, k * n * sizeof(double));
    assert_memory_equal(a->mean_nm, b->mean_nm, n * sizeof(double));
    assert_memory_equal(a->reference_nm, b->reference_nm,
                        3 * a->align_count * sizeof(double));
    assert_memory_equal(a->projections_nm, b->projections_nm, k * f * sizeof(double));
    assert_memory_equal(&a->total_variance_nm2, &b->total_variance_nm2, sizeof(double));
    assert_memory_equal(&a->rmsip, &b->rmsip, sizeof(double));
}

static void test_threads(void **state)
{
    (void)state;
    /* The second is large enough for matrix-free steps on several threads. */
    static const size_t sizes[][2] = {{700, 100}, {1200, 1200}, {3000, 100}, {90, 300}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        float *x = synthetic_motion(sizes[s][0], sizes[s][1], 40 + s);
        for (int memory = 0; memory < 2; memory++) {
            if (memory == 1 && s == 1)
                continue;
            struct asim_pca first = {0};
            for (int threads = 1; threads <= 3; threads++) {
                struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
                options.memory = memory ? ASIM_MEMORY_STREAM : ASIM_MEMORY_AUTO;
                options.thread_count = threads;
                struct asim_pca pca = {0};
                array_compute(x, sizes[s][0], sizes[s][1], 0, &options,
                              threads == 1 ? &first : &pca);
                if (threads > 1)
                    assert_same_bits(&first, &pca);
                asim_pca_finish(&pca);
            }
            asim_pca_finish(&first);
        }
        free(x);
    }
}

struct job {
    const float *x;
    const struct asim_pca *expected;
    bool same;
};

static void *run_job(void *argument)
{
    struct job *job = argument;
    struct array_source source = {.x = job->x, .frames = 400, .atoms = 60};
    struct asim_frame_source from = array_source(&source, 60, 0);
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    options.thread_count = 1;
    job->same = true;
    for (int i = 0; i < 5 && job->same; i++) {
        struct asim_pca pca = {0};
        job->same = asim_pca_analyse(&from, &options, NULL, &pca, NULL) == 0 &&
                    memcmp(pca.eigenvectors, job->expected->eigenvectors,
                           10 * 180 * sizeof(double)) == 0;
        asim_pca_finish(&pca);
    }
    return NULL;
}

/* BLAS settings are global: two analyses at once must not
 * disturb each other. */
static void test_at_once(void **state)
{
    (void)state;
    float *x[2];
    struct asim_pca pca[2] = {{0}, {0}};
    struct job jobs[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
        options.thread_count = 1;
        x[i] = synthetic_motion(400, 60, 900 + (uint64_t)i);
        array_compute(x[i], 400, 60, 0, &options, &pca[i]);
        jobs[i] = (struct job){x[i], &pca[i], false};
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_job, &jobs[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(jobs[i].same);
        asim_pca_finish(&pca[i]);
        free(x[i]);
    }
}

/* Room for less and less: each plan gives the same answer. */
static void test_memory_plans(void **state)
{
    (void)state;
    const size_t frames = 6000, atoms = 120;
    float *x = synthetic_motion(frames, atoms, 31);
    static const struct {
        uint64_t limit;
        const char *word;
        bool rmsip;
    } plans[] = {{UINT64_C(1) << 33, "in memory", true},
                 {UINT64_C(6) << 20, "covariance of each half", true},
                 {UINT64_C(3500) << 10, "one covariance", false},
                 {UINT64_C(3000) << 10, "because no covariance fits", true}};
    struct asim_pca first = {0};
    for (size_t p = 0; p < sizeof plans / sizeof *plans; p++) {
        struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
        options.memory_limit_bytes = plans[p].limit;
        options.precision = ASIM_PRECISION_DOUBLE;
        options.component_count = 4;
        options.thread_count = 1;
        struct asim_pca pca = {0};
        array_compute(x, frames, atoms, 0, &options, p == 0 ? &first : &pca);
        const struct asim_pca *now = p == 0 ? &first : &pca;
        if (!strstr(now->plan, plans[p].word))
            fail_msg("plan %zu: %s", p, now->plan);
        assert_int_equal(!isnan(now->rmsip), plans[p].rmsip);
        for (size_t k = 0; k < 4; k++)
            assert_true(fabs(now->eigenvalues_nm2[k] - first.eigenvalues_nm2[k]) <
                        1e-11 * first.eigenvalues_nm2[0]);
        assert_true(fabs(now->total_variance_nm2 / first.total_variance_nm2 - 1.0) <
                    1e-13);
        for (size_t f = 0; f < frames; f++)
            assert_true(fabs(now->projections_nm[f] - first.projections_nm[f]) < 1e-6);
        asim_pca_finish(&pca);
    }
    asim_pca_finish(&first);
    free(x);
}

/* Coordinates that go to a file: memory grows by no more than was allowed, whichever
 * way the passes go. First of all tests, for the peak is the process's. */
static void test_memory_limit(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(ASIM_ADDRESS_SANITIZER)
    print_message("skipped: the sanitizer has memory beside every allocation\n");
    skip();
#endif
    const size_t frames = 4000, atoms = 2000;
    const double mb = 1024.0 * 1024.0, allowed_mb = 48.0;
    float *x = synthetic_motion(frames, atoms, 3);
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    struct asim_pca pca = {0};
    options.memory_limit_bytes = (uint64_t)(allowed_mb * mb);
    options.component_count = 4;
    options.thread_count = 2;
    double before_mb = asim_memory_peak_mb();
    array_compute(x, frames, atoms, 0, &options, &pca);
    assert_non_null(strstr(pca.plan, "in a mapped file"));
    double grown_mb = pca.peak_memory_mb - before_mb;
    print_message("%.1f MB of coordinates in %.1f MB\n",
                  (double)(frames * atoms * 3 * sizeof(float)) / mb, grown_mb);
    /* What libraries keep for themselves is not in the plan. */
    assert_true(grown_mb < allowed_mb + 8.0);
    asim_pca_finish(&pca);
    free(x);
}

/* <w^2> of the analysis against superposition and formula frame by frame. */
static void test_force_error(void **state)
{
    (void)state;
    enum { FRAMES = 64, ATOMS = 12, N = 3 * ATOMS };
    float *x = synthetic_motion(FRAMES, ATOMS, 19);
    for (int memory = 0; memory < 2; memory++) {
        struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
        struct asim_pca pca = {0};
        options.memory = memory ? ASIM_MEMORY_STREAM : ASIM_MEMORY_AUTO;
        array_compute(x, FRAMES, ATOMS, 0, &options, &pca);
        double sum = 0.0;
        for (size_t f = 0; f < FRAMES; f++) {
            double from[N], y[N], rotation[3][3], centre[3], to_centre[3], h[N], w2;
            for (size_t i = 0; i < N; i++)
                from[i] = (double)x[f * N + i];
            assert_int_equal(asim_superpose(from, pca.reference_nm, ATOMS, rotation,
                                            centre, to_centre, NULL),
                             0);
            for (size_t i = 0; i < N; i++) {
                size_t a = i / 3 * 3;
                y[i] = 0.0;
                for (size_t d = 0; d < 3; d++)
                    y[i] += rotation[i % 3][d] * (from[a + d] - centre[d]);
            }
            const struct asim_fitted fitted = {y, pca.eigenvectors, ATOMS,
                                               y, pca.reference_nm, ATOMS};
            assert_int_equal(asim_force_error(&fitted, h, &w2, NULL), 0);
            sum += w2;
        }
        assert_true(sum / FRAMES > 1e-4);
        assert_true(fabs(pca.force_error - sum / FRAMES) < 1e-4 * sum / FRAMES);
        asim_pca_finish(&pca);
        array_compute(x, FRAMES, ATOMS, 6, &options, &pca);
        assert_true(isnan(pca.force_error));
        asim_pca_finish(&pca);
    }
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_memory_and_streaming),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_memory_plans),
        cmocka_unit_test(test_force_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
