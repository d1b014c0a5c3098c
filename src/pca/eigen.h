/* A few largest eigenpairs of symmetric matrices, given as a function or as numbers. */
#ifndef PCA_EIGEN_H
#define PCA_EIGEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * Between begin and end BLAS runs on the calling thread alone. The setting belongs to
 * the process (OpenBLAS 0.3.21 has no per-thread one): the first to begin saves it, the
 * last to end restores it, so that computations on several threads do not disturb each
 * other, and the host program finds its own setting again.
 */
void asim_blas_begin(void);
void asim_blas_end(void);

/* OpenBLAS takes its slowest kernels on a processor that is newer than it. Then those
 * it could use, as a value of OPENBLAS_CORETYPE, which it reads when it is loaded; else
 * NULL. */
const char *asim_blas_faster_kernels(void);

/* y = A x for a symmetric A of the size agreed. */
typedef int (*asim_operator_fn)(void *context, const double *x, double *y,
                                struct asim_error *err);

/*
 * The k largest eigenpairs by Lanczos with thick restarts, descending; `vectors`
 * [k][n]. |A v - l v| is below `tolerance` times the largest eigenvalue. 0 < k < n.
 * 0: found; 1: not found within `restarts`; -1: an error. Of eigenvalues that are equal
 * to the last bit it may find one.
 */
int asim_eigen_lanczos(size_t n, size_t k, asim_operator_fn apply, void *context,
                       double tolerance, int restarts, double *values, double *vectors,
                       struct asim_error *err);

/* The k largest eigenpairs of the matrix in `a` (n x n, row-major, upper triangle
 * read), 0 < k <= n: Lanczos where k is a small part, else LAPACK's dsyevr, to which
 * answers that fail the residual check |A v - l v| <= 1e-8 l1 go as well. `vectors` has
 * asim_eigen_rows rows of n, of which the first k are the answer. The contents of `a`
 * may be lost, except where `keep` (dsyevr then works on a copy). */
int asim_eigen_dense(double *a, bool keep, size_t n, size_t k, double *values,
                     double *vectors, struct asim_error *err);

/* k, or n where finding all is the way to k: LAPACK's search for a part of the spectrum
 * takes many times longer where that part is large. */
size_t asim_eigen_rows(size_t n, size_t k);

/* Doubles of work space that asim_eigen_lanczos, asim_eigen_dense take. */
size_t asim_eigen_work_doubles(size_t n, size_t k);
size_t asim_eigen_dense_doubles(size_t n, size_t k);

#endif
