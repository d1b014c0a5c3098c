/*
 * A few largest eigenpairs of symmetric matrices by ARPACK and LAPACK.
 *
 * ARPACK keeps its state between calls in Fortran SAVE variables: one iteration at a
 * time may run in a process, and a lock (the only process-wide object here, together
 * with the BLAS thread count) sees to that. The start vector is fixed: the same input
 * gives the same bits.
 */
#include "pca/eigen.h"

#include <arpack/arpack.h>
#include <cblas.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

static const double ROUGH_TOLERANCE = 1e-6;

enum { DENSE_SIZE = 64, DENSE_PART = 6, RESTARTS = 300 };

static pthread_mutex_t arpack_lock = PTHREAD_MUTEX_INITIALIZER;
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

/* Basis vectors per restart: enough that most spectra of motion need few restarts, and
 * no more than a rough answer needs. */
static size_t basis_size(size_t n, size_t k, double tolerance)
{
    size_t basis = tolerance < ROUGH_TOLERANCE ? 2 * k + 12 : 2 * k + 2;
    return basis < n ? basis : n;
}

size_t asim_eigen_work_doubles(size_t n, size_t k)
{
    size_t basis = basis_size(n, k, 0.0);
    return n * (basis + 4) + basis * (basis + 8) + 2 * k;
}

struct lanczos {
    double *residual, *basis, *work, *small, *values;
    a_int *select;
};

static void lanczos_finish(struct lanczos *lanczos)
{
    free(lanczos->residual);
    free(lanczos->basis);
    free(lanczos->work);
    free(lanczos->small);
    free(lanczos->values);
    free(lanczos->select);
}

static int lanczos_init(size_t n, size_t k, size_t basis, struct lanczos *lanczos,
                        struct asim_error *err)
{
    lanczos->residual = asim_alloc_array(n, sizeof(double), err);
    if (lanczos->residual)
        lanczos->basis = asim_alloc_array(basis, n * sizeof(double), err);
    if (lanczos->basis)
        lanczos->work = asim_alloc_array(3, n * sizeof(double), err);
    if (lanczos->work)
        lanczos->small = asim_alloc_array(basis * (basis + 8), sizeof(double), err);
    if (lanczos->small)
        lanczos->values = asim_alloc_array(k, sizeof(double), err);
    if (lanczos->values)
        lanczos->select = asim_alloc_array(basis, sizeof(a_int), err);
    return lanczos->select ? 0 : -1;
}

int asim_eigen_lanczos(size_t n, size_t k, asim_operator_fn apply, void *context,
                       double tolerance, int restarts, double *values, double *vectors,
                       struct asim_error *err)
{
    size_t basis = basis_size(n, k, tolerance);
    if (n > INT_MAX / 4 || basis * (basis + 8) > INT_MAX)
        return asim_fail(err, ASIM_ENOMEM,
                         "%zu coordinates and %zu components are more than the "
                         "eigenvalue library can number",
                         n, k);
    struct lanczos lanczos = {0};
    int rc = -1;
    bool locked = false;
    if (lanczos_init(n, k, basis, &lanczos, err) < 0)
        goto out;
    struct asim_random random;
    asim_random_seed(&random, 1);
    for (size_t i = 0; i < n; i++)
        lanczos.residual[i] = asim_random_uniform(&random) - 0.5;

    a_int ido = 0, info = 1, pointers[11] = {0}, settings[11] = {0};
    a_int lwork = (a_int)(basis * (basis + 8));
    settings[0] = 1;        /* exact shifts */
    settings[2] = restarts; /* at most */
    settings[6] = 1;        /* y = A x */
    pthread_mutex_lock(&arpack_lock);
    locked = true;
    for (;;) {
        dsaupd_c(&ido, "I", (a_int)n, "LA", (a_int)k, tolerance, lanczos.residual,
                 (a_int)basis, lanczos.basis, (a_int)n, settings, pointers,
                 lanczos.work, lanczos.small, lwork, &info);
        if (ido != 1 && ido != -1)
            break;
        if (apply(context, lanczos.work + pointers[0] - 1,
                  lanczos.work + pointers[1] - 1, err) < 0)
            goto out;
    }
    if (info != 0) {
        rc = 1;
        goto out;
    }
    dseupd_c(1, "A", lanczos.select, lanczos.values, lanczos.basis, (a_int)n, 0.0, "I",
             (a_int)n, "LA", (a_int)k, tolerance, lanczos.residual, (a_int)basis,
             lanczos.basis, (a_int)n, settings, pointers, lanczos.work, lanczos.small,
             lwork, &info);
    if (info != 0 || settings[4] < (a_int)k) {
        rc = 1;
        goto out;
    }
    for (size_t i = 0; i < k; i++) { /* ascending there, descending here */
        values[i] = lanczos.values[k - 1 - i];
        memcpy(vectors + i * n, lanczos.basis + (k - 1 - i) * n, n * sizeof *vectors);
    }
    rc = 0;
out:
    if (locked)
        pthread_mutex_unlock(&arpack_lock);
    lanczos_finish(&lanczos);
    return rc;
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

static int dense_lapack(double *a, size_t n, size_t k, double *values, double *vectors,
                        struct asim_error *err)
{
    int rc = -1;
    lapack_int found = 0;
    double *ascending = NULL, *columns = NULL;
    lapack_int *support = NULL;
    ascending = asim_alloc_array(n, sizeof *ascending, err);
    if (ascending)
        columns = asim_alloc_array(k, n * sizeof *columns, err);
    if (columns)
        support = asim_alloc_array(2 * n, sizeof *support, err);
    if (!support)
        goto out;
    /* Row-major upper is column-major lower. */
    lapack_int info =
        LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'L', (lapack_int)n, a, (lapack_int)n,
                       0.0, 0.0, (lapack_int)(n - k + 1), (lapack_int)n, 0.0, &found,
                       ascending, columns, (lapack_int)n, support);
    if (info != 0 || found != (lapack_int)k) {
        asim_fail(err, info == LAPACK_WORK_MEMORY_ERROR ? ASIM_ENOMEM : ASIM_EFAIL,
                  "LAPACK dsyevr on a %zu x %zu covariance: info %d, %d of %zu "
                  "eigenvalues found",
                  n, n, (int)info, (int)found, k);
        goto out;
    }
    for (size_t i = 0; i < k; i++) {
        values[i] = ascending[k - 1 - i];
        memcpy(vectors + i * n, columns + (k - 1 - i) * n, n * sizeof *vectors);
    }
    rc = 0;
out:
    free(support);
    free(columns);
    free(ascending);
    return rc;
}

int asim_eigen_dense(double *a, bool keep, size_t n, size_t k, double *values,
                     double *vectors, struct asim_error *err)
{
    if (n > INT_MAX / 4)
        return asim_fail(err, ASIM_ENOMEM, "a covariance of %zu rows is too large", n);
    if (n > DENSE_SIZE && k <= n / DENSE_PART) {
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
