/* The merge state of a covariance. Knows deviations only: no frames, no fits. */
#include "pca/scatter.h"

#include <cblas.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/threads.h"
#include "pca/sizes.h"

/* A task's side of the matrix, and the coordinates of a block that it needs. */
enum { TILE = 5 * ASIM_TILE_COLUMNS, PANEL = ASIM_BLOCK_FRAMES * TILE };

uint64_t asim_scatter_bytes(uint64_t size)
{
    return asim_size_times(asim_size_add(asim_size_times(size, size), size),
                           sizeof(double));
}

uint64_t asim_scatter_work_bytes(bool exact)
{
    return exact ? 2 * PANEL * sizeof(double) : 0;
}

int asim_scatter_init(size_t size, struct asim_scatter *ret_scatter,
                      struct asim_error *err)
{
    struct asim_scatter scatter = {.size = size};
    if (size > SIZE_MAX / sizeof(double))
        return asim_fail(err, ASIM_ENOMEM, "a covariance of %zu rows is too large",
                         size);
    scatter.sum = asim_alloc_array(size, sizeof(double), err);
    if (scatter.sum)
        scatter.products = asim_alloc_array(size, size * sizeof(double), err);
    if (!scatter.products) {
        asim_scatter_finish(&scatter);
        return -1;
    }
    *ret_scatter = scatter;
    return 0;
}

void asim_scatter_finish(struct asim_scatter *scatter)
{
    if (!scatter)
        return;
    free(scatter->sum);
    free(scatter->products);
    *scatter = (struct asim_scatter){0};
}

struct add_pass {
    struct asim_scatter *scatter;
    const float *rows;
    size_t width, count;
    size_t tiles;   /* on a side */
    double *panels; /* [thread][2][PANEL]; NULL: products in float */
    const struct asim_kernels *kernels;
};

static void widen(const float *rows, size_t width, size_t count, size_t columns,
                  double *to)
{
    for (size_t f = 0; f < count; f++)
        for (size_t i = 0; i < columns; i++)
            to[f * TILE + i] = rows[f * width + i];
}

static void add_tile_exact(const struct add_pass *pass, double *panels, size_t i0,
                           size_t in, size_t j0, size_t jn)
{
    size_t n = pass->scatter->size;
    double *left = panels, *right = i0 == j0 ? panels : panels + PANEL;
    widen(pass->rows + i0, pass->width, pass->count, in, left);
    if (i0 != j0)
        widen(pass->rows + j0, pass->width, pass->count, jn, right);
    double *c = pass->scatter->products + i0 * n + j0;
    if (i0 == j0)
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)in, (int)pass->count,
                    1.0, left, TILE, 1.0, c, (int)n);
    else
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)in, (int)jn,
                    (int)pass->count, 1.0, left, TILE, right, TILE, 1.0, c, (int)n);
}

static void add_tile_float(const struct add_pass *pass, size_t i0, size_t in, size_t j0,
                           size_t jn)
{
    size_t n = pass->scatter->size;
    float tile[ASIM_TILE_ROWS][ASIM_TILE_COLUMNS];
    for (size_t j = j0; j < j0 + jn; j += ASIM_TILE_COLUMNS)
        for (size_t i = i0; i < i0 + in && i < j + ASIM_TILE_COLUMNS;
             i += ASIM_TILE_ROWS) {
            pass->kernels->outer(pass->rows + i, pass->rows + j, pass->width,
                                 pass->count, tile);
            for (size_t r = i; r < i + ASIM_TILE_ROWS && r < n; r++)
                for (size_t c = j > r ? j : r; c < j + ASIM_TILE_COLUMNS && c < n; c++)
                    pass->scatter->products[r * n + c] += (double)tile[r - i][c - j];
        }
}

static int add_tile(void *context, size_t task, int thread_index,
                    struct asim_error *err)
{
    (void)err;
    const struct add_pass *pass = context;
    size_t n = pass->scatter->size;
    /* Tasks count the tiles of the upper triangle row by row. */
    size_t row = 0, rest = task;
    while (rest >= pass->tiles - row) {
        rest -= pass->tiles - row;
        row++;
    }
    size_t i0 = row * TILE, j0 = (row + rest) * TILE;
    size_t in = n - i0 < TILE ? n - i0 : TILE, jn = n - j0 < TILE ? n - j0 : TILE;
    if (pass->panels)
        add_tile_exact(pass, pass->panels + (size_t)thread_index * 2 * PANEL, i0, in,
                       j0, jn);
    else
        add_tile_float(pass, i0, in, j0, jn);
    if (i0 == j0)
        for (size_t f = 0; f < pass->count; f++)
            for (size_t i = i0; i < i0 + in; i++)
                pass->scatter->sum[i] += (double)pass->rows[f * pass->width + i];
    return 0;
}

int asim_scatter_add(struct asim_scatter *scatter, const struct asim_layout *layout,
                     const struct asim_block *block, size_t first, size_t end,
                     bool exact, int thread_count, struct asim_error *err)
{
    if (first >= end)
        return 0;
    double *panels = NULL;
    if (exact) {
        panels = asim_alloc_aligned((size_t)thread_count,
                                    (size_t)asim_scatter_work_bytes(exact), err);
        if (!panels)
            return -1;
    }
    size_t width = asim_row_width(layout), tiles = (scatter->size + TILE - 1) / TILE;
    struct add_pass pass = {
        scatter,        block->rows + first * width, width, end - first, tiles, panels,
        layout->kernels};
    int rc = asim_parallel(tiles * (tiles + 1) / 2, thread_count, add_tile, &pass, err);
    free(panels);
    if (rc == 0)
        scatter->count += end - first;
    return rc;
}

void asim_scatter_centre(struct asim_scatter *scatter)
{
    if (scatter->count == 0)
        return;
    int n = (int)scatter->size;
    cblas_dsyr(CblasRowMajor, CblasUpper, n, -1.0 / (double)scatter->count,
               scatter->sum, 1, scatter->products, n);
}

void asim_scatter_merge_centred(struct asim_scatter *scatter,
                                const struct asim_scatter *other)
{
    double a = (double)scatter->count, b = (double)other->count;
    if (other->count == 0)
        return;
    size_t n = scatter->size;
    for (size_t i = 0; i < n; i++) {
        double di = a > 0.0 ? scatter->sum[i] / a - other->sum[i] / b : 0.0;
        for (size_t j = i; j < n; j++) {
            double dj = a > 0.0 ? scatter->sum[j] / a - other->sum[j] / b : 0.0;
            scatter->products[i * n + j] +=
                other->products[i * n + j] + a * b / (a + b) * di * dj;
        }
    }
    for (size_t i = 0; i < n; i++)
        scatter->sum[i] += other->sum[i];
    scatter->count += other->count;
}
