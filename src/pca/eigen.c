/*
 * A few largest eigenpairs of a symmetric matrix by Lanczos steps or LAPACK, and the
 * thread count of BLAS, the only process-wide object here.
 */
#include "pca/eigen.h"

#include <cblas.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/simd.h"

enum { DENSE_SIZE = 64, DENSE_PART = 6, RESTARTS = 300 };

static pthread_mutex_t blas_lock = PTHREAD_MUTEX_INITIALIZER;
static int blas_users, blas_saved_threads;

void asim_blas_begin(void)
{
    pthread_mutex_lock(&blas_lock);
    if (blas_users++ == 0) {
        blas_saved_threads = openblas_get_num_threads();
        if (blas_saved_threads != 1)
            openblas_set_num_threads(1);
    }
    pthread_mutex_unlock(&blas_lock);
}

void asim_blas_end(void)
{
    pthread_mutex_lock(&blas_lock);
    if (--blas_users == 0 && blas_saved_threads != 1)
        openblas_set_num_threads(blas_saved_threads);
    pthread_mutex_unlock(&blas_lock);
}

const char *asim_blas_faster_kernels(void)
{
#if defined(__x86_64__)
    if (strcmp(openblas_get_corename(), "Prescott") == 0) {
        if (asim_simd_available(ASIM_SIMD_AVX512))
            return "SkylakeX";
        if (asim_simd_available(ASIM_SIMD_AVX2))
            return "Haswell";
    }
#endif
    return NULL;
}

struct dense {
    const double *a;
    size_t n;
};

static int dense_apply(void *context, const double *x, double *y,
                       struct asim_error *err)
{
    (void)err;
    const struct dense *dense = context;
    int n = (int)dense->n;
    cblas_dsymv(CblasRowMajor, CblasUpper, n, 1.0, dense->a, n, x, 1, 0.0, y, 1);
    return 0;
}

/* 1 where every pair satisfies the matrix, 0 where one does not, -1 on error. */
static int dense_check(struct dense *dense, size_t k, const double *values,
                       const double *vectors, struct asim_error *err)
{
    double *y = asim_alloc_array(dense->n, sizeof *y, err);
    if (!y)
        return -1;
    int good = 1;
    for (size_t i = 0; i < k && good; i++) {
        const double *v = vectors + i * dense->n;
        dense_apply(dense, v, y, err);
        double square = 0.0;
        for (size_t j = 0; j < dense->n; j++) {
            double r = y[j] - values[i] * v[j];
            square += r * r;
        }
        good = sqrt(square) <= 1e-8 * fabs(values[0]);
    }
    free(y);
    return good;
}

static bool few_wanted(size_t n, size_t k)
{
    return n > DENSE_SIZE && k <= n / DENSE_PART;
}

size_t asim_eigen_rows(size_t n, size_t k)
{
    return k <= n / DENSE_PART ? k : n;
}

size_t asim_eigen_dense_doubles(size_t n, size_t k)
{
    /* dsyevr asks for (block + 6) n, and integers. */
    return few_wanted(n, k) ? asim_eigen_work_doubles(n, k) : 100 * n;
}

static void swap_rows(double *a, double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static int dense_lapack(double *a, size_t n, size_t k, double *values, double *vectors,
                        struct asim_error *err)
{
    int rc = -1;
    size_t rows = asim_eigen_rows(n, k);
    lapack_int found = 0;
    double *ascending = asim_alloc_array(n, sizeof *ascending, err);
    lapack_int *support =
        ascending ? asim_alloc_array(2 * n, sizeof *support, err) : NULL;
    if (!support)
        goto out;
    /* Row-major upper is column-major lower. */
    lapack_int info = LAPACKE_dsyevr(
        LAPACK_COL_MAJOR, 'V', rows == n ? 'A' : 'I', 'L', (lapack_int)n, a,
        (lapack_int)n, 0.0, 0.0, (lapack_int)(n - rows + 1), (lapack_int)n, 0.0, &found,
        ascending, vectors, (lapack_int)n, support);
    if (info != 0 || found != (lapack_int)rows) {
        asim_fail(err, info == LAPACK_WORK_MEMORY_ERROR ? ASIM_ENOMEM : ASIM_EFAIL,
                  "LAPACK dsyevr on a %zu x %zu covariance: info %d, %d of %zu "
                  "eigenvalues found",
                  n, n, (int)info, (int)found, rows);
        goto out;
    }
    for (size_t i = 0; i < rows / 2; i++)
        swap_rows(vectors + i * n, vectors + (rows - 1 - i) * n, n);
    for (size_t i = 0; i < k; i++)
        values[i] = ascending[rows - 1 - i];
    rc = 0;
out:
    free(support);
    free(ascending);
    return rc;
}

int asim_eigen_dense(double *a, bool keep, size_t n, size_t k, double *values,
                     double *vectors, struct asim_error *err)
{
    if (n > INT_MAX / 4)
        return asim_fail(err, ASIM_ENOMEM, "a covariance of %zu rows is too large", n);
    if (few_wanted(n, k)) {
        struct dense dense = {a, n};
        int rc = asim_eigen_lanczos(n, k, dense_apply, &dense, 1e-10, RESTARTS, values,
                                    vectors, err);
        int good = rc == 0 ? dense_check(&dense, k, values, vectors, err) : 0;
        if (rc < 0 || good < 0)
            return -1;
        if (good)
            return 0;
    }
    if (!keep)
        return dense_lapack(a, n, k, values, vectors, err);
    double *copy = asim_alloc_array(n, n * sizeof *copy, err);
    if (!copy)
        return -1;
    memcpy(copy, a, n * n * sizeof *copy);
    int rc = dense_lapack(copy, n, k, values, vectors, err);
    free(copy);
    return rc;
}
