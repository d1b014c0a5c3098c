/*
 * A few largest eigenpairs of a symmetric operator: the Lanczos method with thick
 * restarts (Wu and Simon 2000, SIAM J. Matrix Anal. Appl. 22, 602) and full
 * reorthogonalisation.
 *
 * Invariant: the basis q_0 .. q_m is orthonormal to rounding, and A Q = Q T + b q_m
 * e_m^T, so that |b s_m| of an eigenvector s of T is the residual of its Ritz pair. The
 * start vector is fixed: the same input gives the same bits. Knows neither matrices nor
 * frames.
 */
#include "pca/eigen.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

enum {
    FIRST_LOOK = 6,   /* steps past k before convergence is looked at */
    LOOK_PART = 16,   /* m / LOOK_PART steps at least between two looks, */
    LOOK_MOST = 16,   /* and at most so many */
    BASIS_EXTRA = 30, /* vectors of the basis are 5k and so many */
    KEPT_EXTRA = 6,   /* Ritz vectors beyond k that a restart keeps */
};

/* A step this small, relative to the operator, ends an invariant space. */
static const double BREAKDOWN = 1e-14;

struct lanczos {
    size_t n, k, most; /* size; pairs wanted; vectors of the basis */
    double *basis;     /* [most + 1][n] */
    double *t;         /* [most][most] the operator on the basis, upper triangle */
    double *small;     /* [most][most] work, then eigenvectors as columns */
    double *values;    /* [most] ascending */
    double *overlap;   /* [most + 1] */
    double *rotated;   /* [k + KEPT_EXTRA][n] */
    struct asim_random random;
};

static size_t basis_limit(size_t n, size_t k)
{
    size_t most = 5 * k + BASIS_EXTRA;
    return most < n ? most : n;
}

/* A look costs as the cube of the basis, a step as the data; a step seldom brings the
 * residual, `excess` times what is wanted, down by more than ten. */
static size_t next_look(size_t m, double excess)
{
    double steps = fmax(ceil(log10(fmax(excess, 1.0))), (double)(m / LOOK_PART));
    return m + (size_t)fmax(1.0, fmin(steps, LOOK_MOST));
}

static size_t kept_limit(size_t n, size_t k)
{
    size_t most = basis_limit(n, k);
    return k + KEPT_EXTRA < most ? k + KEPT_EXTRA : most - 1;
}

size_t asim_eigen_work_doubles(size_t n, size_t k)
{
    size_t most = basis_limit(n, k);
    return (most + 1 + k + KEPT_EXTRA) * n + 2 * most * most + 2 * most + 1;
}

static void lanczos_finish(struct lanczos *lanczos)
{
    free(lanczos->basis);
    free(lanczos->t);
    free(lanczos->small);
    free(lanczos->values);
    free(lanczos->overlap);
    free(lanczos->rotated);
}

static int lanczos_init(size_t n, size_t k, struct lanczos *ret, struct asim_error *err)
{
    size_t most = basis_limit(n, k);
    *ret = (struct lanczos){.n = n, .k = k, .most = most};
    ret->basis = asim_alloc_array(most + 1, n * sizeof(double), err);
    if (ret->basis)
        ret->t = asim_alloc_array(most, most * sizeof(double), err);
    if (ret->t)
        ret->small = asim_alloc_array(most, most * sizeof(double), err);
    if (ret->small)
        ret->values = asim_alloc_array(most, sizeof(double), err);
    if (ret->values)
        ret->overlap = asim_alloc_array(most + 1, sizeof(double), err);
    if (ret->overlap)
        ret->rotated = asim_alloc_array(k + KEPT_EXTRA, n * sizeof(double), err);
    if (!ret->rotated) {
        lanczos_finish(ret);
        return -1;
    }
    asim_random_seed(&ret->random, 1);
    return 0;
}

/* w loses its components along the first `count` basis vectors; twice, which is enough
 * (Giraud, Langou, Rozloznik 2005). The last overlap of the first pass is returned. */
static double orthogonalise(struct lanczos *lanczos, size_t count, double *w)
{
    int n = (int)lanczos->n, m = (int)count;
    double last = 0.0;
    for (int pass = 0; pass < 2 && m > 0; pass++) {
        cblas_dgemv(CblasRowMajor, CblasNoTrans, m, n, 1.0, lanczos->basis, n, w, 1,
                    0.0, lanczos->overlap, 1);
        cblas_dgemv(CblasRowMajor, CblasTrans, m, n, -1.0, lanczos->basis, n,
                    lanczos->overlap, 1, 1.0, w, 1);
        if (pass == 0)
            last = lanczos->overlap[m - 1];
    }
    return last;
}

/* A unit vector at right angles to the first `count`, in place `count`; false where
 * there is none. */
static bool fresh_vector(struct lanczos *lanczos, size_t count)
{
    double *q = lanczos->basis + count * lanczos->n;
    for (int attempt = 0; attempt < 3; attempt++) {
        for (size_t i = 0; i < lanczos->n; i++)
            q[i] = asim_random_uniform(&lanczos->random) - 0.5;
        double before = cblas_dnrm2((int)lanczos->n, q, 1);
        orthogonalise(lanczos, count, q);
        double length = cblas_dnrm2((int)lanczos->n, q, 1);
        if (length > 1e-8 * before) {
            cblas_dscal((int)lanczos->n, 1.0 / length, q, 1);
            orthogonalise(lanczos, count, q);
            return true;
        }
    }
    return false;
}

/* Eigenpairs of T's leading m x m part, ascending, vectors as columns of `small`. */
static int solve_small(struct lanczos *lanczos, size_t m, struct asim_error *err)
{
    size_t most = lanczos->most;
    for (size_t i = 0; i < m; i++)
        for (size_t j = i; j < m; j++)
            lanczos->small[j * m + i] = lanczos->t[i * most + j];
    lapack_int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)m,
                                     lanczos->small, (lapack_int)m, lanczos->values);
    if (info != 0)
        return asim_fail(
            err, info == LAPACK_WORK_MEMORY_ERROR ? ASIM_ENOMEM : ASIM_EFAIL,
            "LAPACK dsyevd on a %zu x %zu matrix: info %d", m, m, (int)info);
    return 0;
}

/* Rows of `rotated`: the `count` largest Ritz vectors. */
static void ritz_vectors(struct lanczos *lanczos, size_t m, size_t count)
{
    int n = (int)lanczos->n;
    /* Column-major small is row-major transposed: its row m-1-i holds s_i. */
    for (size_t i = 0; i < count; i++)
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)m, n, 1.0, lanczos->basis, n,
                    lanczos->small + (m - 1 - i) * m, 1, 0.0,
                    lanczos->rotated + i * lanczos->n, 1);
}

/* The `kept` largest Ritz vectors and the last basis vector become the basis, T their
 * values bordered by the couplings. */
static void restart(struct lanczos *lanczos, size_t m, size_t kept, double beta)
{
    size_t n = lanczos->n, most = lanczos->most;
    ritz_vectors(lanczos, m, kept);
    memset(lanczos->t, 0, most * most * sizeof(double));
    for (size_t i = 0; i < kept; i++) {
        lanczos->t[i * most + i] = lanczos->values[m - 1 - i];
        lanczos->t[i * most + kept] = beta * lanczos->small[(m - 1 - i) * m + m - 1];
    }
    memcpy(lanczos->basis, lanczos->rotated, kept * n * sizeof(double));
    memmove(lanczos->basis + kept * n, lanczos->basis + m * n, n * sizeof(double));
}

/* The largest residual of the k largest pairs, in units of the largest value. */
static double worst_residual(const struct lanczos *lanczos, size_t m, double beta)
{
    double largest = fabs(lanczos->values[m - 1]), worst = 0.0;
    for (size_t i = 0; i < lanczos->k && i < m; i++)
        worst = fmax(worst, beta * fabs(lanczos->small[(m - 1 - i) * m + m - 1]));
    return worst > 0.0 ? worst / largest : 0.0;
}

int asim_eigen_lanczos(size_t n, size_t k, asim_operator_fn apply, void *context,
                       double tolerance, int restarts, double *values, double *vectors,
                       struct asim_error *err)
{
    struct lanczos lanczos;
    if (n > INT_MAX / 4)
        return asim_fail(err, ASIM_ENOMEM,
                         "%zu coordinates are more than the linear algebra library can "
                         "number",
                         n);
    if (lanczos_init(n, k, &lanczos, err) < 0)
        return -1;
    size_t m = 0, look = k + FIRST_LOOK;
    double scale = 0.0;
    int rc = -1;
    fresh_vector(&lanczos, 0);
    for (;;) {
        double *q = lanczos.basis + m * n, *w = q + n;
        if (apply(context, q, w, err) < 0)
            goto out;
        lanczos.t[m * lanczos.most + m] = orthogonalise(&lanczos, m + 1, w);
        double beta = cblas_dnrm2((int)n, w, 1);
        scale = fmax(scale, fabs(lanczos.t[m * lanczos.most + m]) + beta);
        m++;
        bool exhausted = m == n;
        if (beta > BREAKDOWN * scale && !exhausted) {
            cblas_dscal((int)n, 1.0 / beta, w, 1);
        } else {
            beta = 0.0;
            exhausted = exhausted || !fresh_vector(&lanczos, m);
        }
        bool full = m == lanczos.most;
        if (m >= look || full || exhausted) {
            if (solve_small(&lanczos, m, err) < 0)
                goto out;
            double residual = worst_residual(&lanczos, m, beta);
            if ((exhausted || residual <= tolerance) && m >= k)
                break;
            look = next_look(m, residual / tolerance);
            if (full) {
                if (restarts-- == 0) {
                    rc = 1;
                    goto out;
                }
                size_t kept = kept_limit(n, k);
                restart(&lanczos, m, kept, beta);
                m = kept;
                look = next_look(m, residual / tolerance);
                continue;
            }
        }
        lanczos.t[(m - 1) * lanczos.most + m] = beta;
    }
    ritz_vectors(&lanczos, m, k);
    for (size_t i = 0; i < k; i++)
        values[i] = lanczos.values[m - 1 - i];
    memcpy(vectors, lanczos.rotated, k * n * sizeof *vectors);
    rc = 0;
out:
    lanczos_finish(&lanczos);
    return rc;
}
