/*
 * Principal components of deviations in memory, by the cheapest of three ways.
 * Invariant: sums run in an order that depends on the sizes only, never on threads.
 * Knows rows of numbers: no trajectories, no units.
 */
#include "pca/components.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"
#include "pca/eigen.h"
#include "pca/rows.h"
#include "pca/scatter.h"
#include "pca/sizes.h"

enum {
    GRAM_FRAMES = 128,     /* up to so many frames F x F is the least work */
    GRAM_PANEL = 512,      /* coordinates widened to double at a time */
    ORTHO_VECTORS = 64,    /* made orthogonal to the ones before at a time */
    PRODUCT_VECTORS = 512, /* about so many sums of rows at a time */
    PARTS = 16,            /* of a large view, one task each */
    LARGE_VIEW = 1 << 22,  /* floats from which threads pay for their start */
    LANCZOS_RESTARTS = 200,
};

enum asim_method asim_method_choose(size_t frame_count, size_t atom_count, size_t k)
{
    size_t size = 3 * atom_count;
    size_t least = frame_count < size ? frame_count : size;
    /* Lanczos pays where few of many components are wanted. */
    if (frame_count <= GRAM_FRAMES || k > least / 6)
        return frame_count <= size ? ASIM_METHOD_GRAM : ASIM_METHOD_COVARIANCE;
    return frame_count <= 9 * atom_count ? ASIM_METHOD_MATRIX_FREE
                                         : ASIM_METHOD_COVARIANCE;
}

const char *asim_method_name(enum asim_method method)
{
    static const char *const names[] = {"products of frames", "matrix-free Lanczos",
                                        "covariance matrix"};
    return names[method];
}

/* Each part has products of its own: not too many where components are. */
static size_t product_parts(size_t k)
{
    size_t parts = PRODUCT_VECTORS / (k + 1) + 1;
    return parts < PARTS ? parts : PARTS;
}

uint64_t asim_method_bytes(enum asim_method method, uint64_t frame_count,
                           uint64_t atom_count, uint64_t k, bool exact,
                           uint64_t thread_count)
{
    uint64_t size = asim_size_times(3, atom_count);
    uint64_t doubles = 0, bytes = 0;
    switch (method) {
    case ASIM_METHOD_GRAM:
        doubles = asim_size_times(frame_count,
                                  frame_count + GRAM_PANEL +
                                      asim_eigen_rows((size_t)frame_count, (size_t)k));
        doubles = asim_size_add(doubles, asim_size_times(k, ORTHO_VECTORS));
        doubles = asim_size_add(
            doubles, asim_eigen_dense_doubles((size_t)frame_count, (size_t)k));
        break;
    case ASIM_METHOD_MATRIX_FREE:
        doubles = asim_size_times(size, PARTS + 2);
        doubles =
            asim_size_add(doubles, asim_eigen_work_doubles((size_t)size, (size_t)k));
        doubles = asim_size_add(
            doubles,
            asim_size_times(size, asim_size_times(k, product_parts((size_t)k))));
        break;
    case ASIM_METHOD_COVARIANCE:
        /* Two states, one per half of the frames. */
        bytes = asim_size_times(2, asim_scatter_bytes(size));
        bytes = asim_size_add(
            bytes, asim_size_times(thread_count, asim_scatter_work_bytes(exact)));
        doubles = asim_eigen_dense_doubles((size_t)size, (size_t)k);
        doubles = asim_size_add(
            doubles,
            asim_size_times(size, asim_eigen_rows((size_t)size, (size_t)k) - k));
        break;
    }
    /* Vectors of the halves. */
    doubles = asim_size_add(doubles, asim_size_times(20, size));
    return asim_size_add(bytes, asim_size_times(doubles, sizeof(double)));
}

/* The longest run of rows from frame `at` that lies in one block. */
struct run {
    const float *rows;
    size_t count;
    const struct asim_block *block;
};

/* A run has been worked through. */
static void run_done(const struct asim_view *view, const struct run *run)
{
    asim_block_release(view->layout, run->block);
}

static struct run run_at(const struct asim_view *view, size_t at, size_t end)
{
    size_t frame = view->first + at;
    const struct asim_block *block = &view->blocks[frame / ASIM_BLOCK_FRAMES];
    size_t row = frame % ASIM_BLOCK_FRAMES;
    size_t left = ASIM_BLOCK_FRAMES - row;
    return (struct run){block->rows + row * asim_row_width(view->layout),
                        left < end - at ? left : end - at, block};
}

/* The same, of rows before frame `at` back to `begin`. */
static struct run run_before(const struct asim_view *view, size_t begin, size_t at)
{
    size_t last = view->first + at - 1, row = last % ASIM_BLOCK_FRAMES + 1;
    size_t count = row < at - begin ? row : at - begin;
    const struct asim_block *block = &view->blocks[last / ASIM_BLOCK_FRAMES];
    return (struct run){block->rows + (row - count) * asim_row_width(view->layout),
                        count, block};
}

static int view_mean(const struct asim_view *view, double *ret_mean,
                     struct asim_error *err)
{
    size_t width = asim_row_width(view->layout);
    memset(ret_mean, 0, width * sizeof *ret_mean);
    if (view->centred)
        return 0;
    double *ones = asim_alloc_array(ASIM_BLOCK_FRAMES, sizeof *ones, err);
    if (!ones)
        return -1;
    for (size_t i = 0; i < ASIM_BLOCK_FRAMES; i++)
        ones[i] = 1.0;
    for (size_t at = 0; at < view->count;) {
        struct run run = run_at(view, at, view->count);
        const struct asim_panel panel = {run.rows, width, run.count, width};
        view->layout->kernels->combine(&panel, ones, 0, 1, ret_mean, width);
        run_done(view, &run);
        at += run.count;
    }
    for (size_t i = 0; i < width; i++)
        ret_mean[i] /= (double)view->count;
    free(ones);
    return 0;
}

struct normal {
    const struct asim_view *view;
    size_t parts;
    bool backwards; /* every other time, which finds in the caches what was read last */
    double *mean, *v, *y;     /* [width], [width], [parts][width] */
    float *rough_v, *rough_y; /* the same in float; NULL where not rough */
};

static int normal_part(void *context, size_t task, int thread_index,
                       struct asim_error *err)
{
    (void)thread_index;
    (void)err;
    const struct normal *normal = context;
    const struct asim_view *view = normal->view;
    size_t width = asim_row_width(view->layout);
    double *y = normal->y + task * width;
    size_t at = view->count * task / normal->parts;
    size_t end = view->count * (task + 1) / normal->parts;
    float *rough_y = normal->rough_y ? normal->rough_y + task * width : NULL;
    const struct asim_kernels *kernels = view->layout->kernels;
    memset(y, 0, width * sizeof *y);
    if (rough_y)
        memset(rough_y, 0, width * sizeof *rough_y);
    while (at < end) {
        struct run run =
            normal->backwards ? run_before(view, at, end) : run_at(view, at, end);
        if (rough_y)
            kernels->normal_float(run.rows, width, run.count, normal->rough_v, rough_y);
        else
            kernels->normal(run.rows, width, run.count, normal->v, y);
        run_done(view, &run);
        if (normal->backwards)
            end -= run.count;
        else
            at += run.count;
    }
    for (size_t i = 0; rough_y && i < width; i++)
        y[i] = (double)rough_y[i];
    return 0;
}

/* y = sum (d - m) ((d - m) . x) = X^T (X x) - n m (m . x) */
static int normal_apply(void *context, const double *x, double *y,
                        struct asim_error *err)
{
    struct normal *normal = context;
    size_t size = 3 * normal->view->layout->atom_count;
    size_t width = asim_row_width(normal->view->layout);
    memcpy(normal->v, x, size * sizeof *x);
    for (size_t i = 0; normal->rough_v && i < size; i++)
        normal->rough_v[i] = (float)x[i];
    int threads = normal->parts > 1 ? normal->view->thread_count : 1;
    if (asim_parallel(normal->parts, threads, normal_part, normal, err) < 0)
        return -1;
    normal->backwards = !normal->backwards;
    double shift = 0.0;
    for (size_t i = 0; i < size; i++)
        shift += normal->mean[i] * x[i];
    shift *= (double)normal->view->count;
    for (size_t i = 0; i < size; i++) {
        double sum = 0.0;
        for (size_t p = 0; p < normal->parts; p++)
            sum += normal->y[p * width + i];
        y[i] = sum - shift * normal->mean[i];
    }
    return 0;
}

static int normal_init(const struct asim_view *view, struct normal *normal,
                       struct asim_error *err)
{
    size_t width = asim_row_width(view->layout);
    *normal = (struct normal){.view = view, .parts = 1};
    if (width * view->count >= LARGE_VIEW)
        normal->parts = PARTS;
    normal->mean = asim_alloc_aligned(2, width * sizeof(double), err);
    if (normal->mean)
        normal->y = asim_alloc_aligned(normal->parts, width * sizeof(double), err);
    if (!normal->y)
        return -1;
    normal->v = normal->mean + width;
    if (view->rough) {
        normal->rough_v =
            asim_alloc_aligned(normal->parts + 1, width * sizeof(float), err);
        if (!normal->rough_v)
            return -1;
        normal->rough_y = normal->rough_v + width;
    }
    return view_mean(view, normal->mean, err);
}

static void normal_finish(struct normal *normal)
{
    free(normal->mean);
    free(normal->y);
    free(normal->rough_v);
}

static void normalise(int n, double *v)
{
    double length = cblas_dnrm2(n, v, 1);
    if (length > 0.0)
        cblas_dscal(n, 1.0 / length, v, 1);
}

/* Vectors to norm 1 and, for those that came out of a nearly empty direction, at right
 * angles to the larger ones: a few at a time to all before them, then one by one.
 * `overlaps` has ORTHO_VECTORS times k numbers. */
static void orthonormalise(size_t size, size_t k, double *vectors, double *overlaps)
{
    int n = (int)size;
    for (size_t first = 0; first < k; first += ORTHO_VECTORS) {
        size_t count = k - first < ORTHO_VECTORS ? k - first : ORTHO_VECTORS;
        double *block = vectors + first * size;
        int m = (int)count, before = (int)first;
        for (size_t i = 0; i < count; i++)
            normalise(n, block + i * size);
        for (int pass = 0; pass < 2 && first > 0; pass++) {
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, before, n, 1.0,
                        block, n, vectors, n, 0.0, overlaps, before);
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, before, -1.0,
                        overlaps, before, vectors, n, 1.0, block, n);
        }
        for (size_t i = 0; i < count; i++) {
            double *v = block + i * size;
            for (int pass = 0; pass < 2; pass++)
                for (size_t j = 0; j < i; j++) {
                    const double *w = block + j * size;
                    cblas_daxpy(n, -cblas_ddot(n, v, 1, w, 1), w, 1, v, 1);
                }
            normalise(n, v);
        }
    }
}

/* Coordinates i0 .. i0 + in of all frames, widened: [frames][GRAM_PANEL]. */
static void fill_panel(const struct asim_view *view, size_t i0, size_t in,
                       double *panel)
{
    size_t width = asim_row_width(view->layout);
    for (size_t at = 0; at < view->count;) {
        struct run run = run_at(view, at, view->count);
        for (size_t f = 0; f < run.count; f++)
            for (size_t i = 0; i < in; i++)
                panel[(at + f) * GRAM_PANEL + i] = run.rows[f * width + i0 + i];
        run_done(view, &run);
        at += run.count;
    }
}

/* sum over coordinates of d_f d_g for all pairs of frames, about the view's mean. */
static int gram_matrix(const struct asim_view *view, double *panel, double *gram,
                       double *row_means)
{
    size_t frames = view->count, size = 3 * view->layout->atom_count;
    for (size_t i0 = 0; i0 < size; i0 += GRAM_PANEL) {
        size_t in = size - i0 < GRAM_PANEL ? size - i0 : GRAM_PANEL;
        fill_panel(view, i0, in, panel);
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, (int)frames, (int)in, 1.0,
                    panel, GRAM_PANEL, 1.0, gram, (int)frames);
    }
    double total = 0.0;
    for (size_t f = 0; f < frames; f++) {
        double sum = 0.0;
        for (size_t g = 0; g < frames; g++)
            sum += f <= g ? gram[f * frames + g] : gram[g * frames + f];
        row_means[f] = sum / (double)frames;
        total += row_means[f];
    }
    total /= (double)frames;
    for (size_t f = 0; f < frames; f++)
        for (size_t g = f; g < frames; g++)
            gram[f * frames + g] += total - row_means[f] - row_means[g];
    return 0;
}

static int gram_components(const struct asim_view *view, size_t k, double *values,
                           double *vectors, struct asim_error *err)
{
    size_t frames = view->count, size = 3 * view->layout->atom_count;
    double *gram = NULL, *panel = NULL, *row_means = NULL, *weights = NULL;
    double *overlaps = NULL;
    int rc = -1;
    gram = asim_alloc_array(frames, frames * sizeof *gram, err);
    if (gram)
        panel = asim_alloc_array(frames, GRAM_PANEL * sizeof *panel, err);
    if (panel)
        row_means = asim_alloc_array(frames, sizeof *row_means, err);
    if (row_means)
        weights =
            asim_alloc_array(asim_eigen_rows(frames, k), frames * sizeof *weights, err);
    if (weights)
        overlaps = asim_alloc_array(k, ORTHO_VECTORS * sizeof *overlaps, err);
    if (!overlaps)
        goto out;
    gram_matrix(view, panel, gram, row_means);
    if (asim_eigen_dense(gram, false, frames, k, values, weights, err) < 0)
        goto out;
    /* G u = l u with G = X X^T: X^T u is the component, of length sqrt(l). The u of a
     * nonzero l sum to zero, so that the mean drops out. */
    for (size_t i0 = 0; i0 < size; i0 += GRAM_PANEL) {
        size_t in = size - i0 < GRAM_PANEL ? size - i0 : GRAM_PANEL;
        fill_panel(view, i0, in, panel);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)k, (int)in,
                    (int)frames, 1.0, weights, (int)frames, panel, GRAM_PANEL, 0.0,
                    vectors + i0, (int)size);
    }
    orthonormalise(size, k, vectors, overlaps);
    rc = 0;
out:
    free(overlaps);
    free(weights);
    free(row_means);
    free(panel);
    free(gram);
    return rc;
}

static int covariance_components(const struct asim_view *view, size_t k, double *values,
                                 double *vectors, struct asim_error *err)
{
    size_t size = 3 * view->layout->atom_count;
    struct asim_scatter scatter = {0};
    double *found = NULL;
    int rc = -1;
    if (asim_scatter_init(size, &scatter, err) < 0)
        return -1;
    for (size_t at = 0; at < view->count;) {
        size_t frame = view->first + at, row = frame % ASIM_BLOCK_FRAMES;
        size_t count = run_at(view, at, view->count).count;
        if (asim_scatter_add(&scatter, view->layout,
                             &view->blocks[frame / ASIM_BLOCK_FRAMES], row, row + count,
                             view->exact, view->thread_count, err) < 0)
            goto out;
        at += count;
    }
    asim_scatter_centre(&scatter);
    found = asim_alloc_array(asim_eigen_rows(size, k), size * sizeof *found, err);
    if (!found ||
        asim_eigen_dense(scatter.products, false, size, k, values, found, err) < 0)
        goto out;
    memcpy(vectors, found, k * size * sizeof *vectors);
    rc = 0;
out:
    free(found);
    asim_scatter_finish(&scatter);
    return rc;
}

int asim_view_components(const struct asim_view *view, enum asim_method method,
                         size_t k, double tolerance, double *values, double *vectors,
                         struct asim_error *err)
{
    size_t size = 3 * view->layout->atom_count;
    int rc = 1;
    if (method == ASIM_METHOD_MATRIX_FREE) {
        struct normal normal;
        rc = normal_init(view, &normal, err);
        if (rc == 0)
            rc = asim_eigen_lanczos(size, k, normal_apply, &normal, tolerance,
                                    LANCZOS_RESTARTS, values, vectors, err);
        normal_finish(&normal);
        /* Without convergence: the smaller of the two matrices settles it. */
        method = view->count <= size ? ASIM_METHOD_GRAM : ASIM_METHOD_COVARIANCE;
    }
    if (rc <= 0)
        return rc;
    return method == ASIM_METHOD_GRAM
               ? gram_components(view, k, values, vectors, err)
               : covariance_components(view, k, values, vectors, err);
}

struct project_pass {
    const struct asim_view *view;
    size_t k, parts;
    const double *vectors; /* [k][size] */
    double *projections;   /* [k][count] */
    double *products;      /* [parts][k][size]: sum of row (row . v); NULL: unwanted */
};

static int project_part(void *context, size_t task, int thread_index,
                        struct asim_error *err)
{
    (void)thread_index;
    (void)err;
    const struct project_pass *pass = context;
    const struct asim_view *view = pass->view;
    size_t size = 3 * view->layout->atom_count, k = pass->k;
    size_t at = view->count * task / pass->parts;
    size_t end = view->count * (task + 1) / pass->parts;
    while (at < end) {
        struct run run = run_at(view, at, end);
        double *dots = pass->projections + at;
        asim_rows_project(view->layout, run.rows, run.count, k, pass->vectors, dots,
                          view->count);
        if (pass->products)
            asim_rows_combine(view->layout, run.rows, run.count, k, dots, view->count,
                              pass->products + task * k * size);
        run_done(view, &run);
        at += run.count;
    }
    return 0;
}

/* The largest |A v - l v|, A = sum d d^T - n m m^T. */
static double largest_residual(const struct project_pass *pass, const double *values,
                               const double *mean)
{
    size_t size = 3 * pass->view->layout->atom_count;
    double largest = 0.0;
    for (size_t c = 0; c < pass->k; c++) {
        const double *v = pass->vectors + c * size;
        double square = 0.0;
        double shift = cblas_ddot((int)size, mean, 1, v, 1) * (double)pass->view->count;
        for (size_t i = 0; i < size; i++) {
            double r = -shift * mean[i] - values[c] * v[i];
            for (size_t p = 0; p < pass->parts; p++)
                r += pass->products[(p * pass->k + c) * size + i];
            square += r * r;
        }
        largest = fmax(largest, sqrt(square));
    }
    return largest;
}

int asim_view_project(const struct asim_view *view, size_t k, const double *values,
                      const double *vectors, double *ret_projections,
                      double *ret_residual, struct asim_error *err)
{
    size_t size = 3 * view->layout->atom_count, width = asim_row_width(view->layout);
    struct project_pass pass = {
        .view = view, .k = k, .vectors = vectors, .projections = ret_projections};
    pass.parts = width * view->count >= LARGE_VIEW ? product_parts(k) : 1;
    int threads = pass.parts > 1 ? view->thread_count : 1, rc = -1;
    double *mean = asim_alloc_array(width, sizeof *mean, err);
    if (mean && ret_residual)
        pass.products =
            asim_alloc_aligned(pass.parts * k, size * sizeof *pass.products, err);
    if (!mean || (ret_residual && !pass.products) || view_mean(view, mean, err) < 0 ||
        asim_parallel(pass.parts, threads, project_part, &pass, err) < 0)
        goto out;
    if (ret_residual)
        *ret_residual = largest_residual(&pass, values, mean);
    rc = 0;
out:
    free(pass.products);
    free(mean);
    return rc;
}
