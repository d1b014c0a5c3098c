/* Rows of deviations with many vectors: a panel of coordinates at a time, whose rows
 * and vectors stay in the caches. */
#include "pca/rows.h"

#include <string.h>

enum { PANEL_WIDTH = 512 };

void asim_rows_project(const struct asim_layout *layout, const float *rows,
                       size_t count, size_t k, const double *vectors, double *ret_dots,
                       size_t stride)
{
    size_t size = 3 * layout->atom_count;
    struct asim_panel panel = {rows, asim_row_width(layout), count, 0};
    for (size_t c = 0; c < k; c++)
        memset(ret_dots + c * stride, 0, count * sizeof *ret_dots);
    for (size_t i = 0; i < size; i += PANEL_WIDTH) {
        panel.rows = rows + i;
        panel.width = size - i < PANEL_WIDTH ? size - i : PANEL_WIDTH;
        layout->kernels->project(&panel, vectors + i, size, k, ret_dots, stride);
    }
}

void asim_rows_combine(const struct asim_layout *layout, const float *rows,
                       size_t count, size_t k, const double *dots, size_t stride,
                       double *vectors)
{
    size_t size = 3 * layout->atom_count;
    struct asim_panel panel = {rows, asim_row_width(layout), count, 0};
    for (size_t i = 0; i < size; i += PANEL_WIDTH) {
        panel.rows = rows + i;
        panel.width = size - i < PANEL_WIDTH ? size - i : PANEL_WIDTH;
        layout->kernels->combine(&panel, dots, stride, k, vectors + i, size);
    }
}
