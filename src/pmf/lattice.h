/*
 * Samples on a fine lattice of the coordinate: cells for counting and interpolating,
 * bins made of whole cells, and blocks in time.
 */
#ifndef PMF_LATTICE_H
#define PMF_LATTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <autosim/pmf.h>

enum {
    ASIM_LATTICE_POINTS = 8, /* of one cell's Lagrange interpolation */
    ASIM_NO_BIN = -1,
};

/* What the lattice keeps of one window. */
struct asim_lattice_window {
    const double *value_nm; /* borrowed */
    size_t count;
    size_t first_node, node_count; /* its cells are these nodes */
    size_t block_count;            /* an even number, blocks in time order */
    uint32_t *counts;              /* [block_count][node_count] samples */
    double mean_nm, sd_nm, inefficiency;
};

/*
 * Node g is the lattice point x_nm[g], and also the cell from there to the next point.
 * Only stretches of the coordinate with samples have nodes.
 */
struct asim_lattice {
    bool periodic;        /* bins go once round, and cells beyond them belong to the
                             bins a period away */
    double begin_nm;      /* a lattice point, from which cells are counted */
    double spacing_nm;    /* of points, the width of a cell */
    double bins_begin_nm; /* lower edge of bin 0 */
    size_t cells_per_bin, bin_count;
    size_t node_count;
    double *x_nm;  /* [node_count] */
    double *mass;  /* [node_count] interpolation masses of the points, all samples */
    int64_t *cell; /* [node_count] cell number, counted from begin_nm */
    int32_t *bin;  /* [node_count] of the cell, or ASIM_NO_BIN */
    size_t window_count;
    struct asim_lattice_window *windows;
};

struct asim_lattice_options {
    double begin_nm, end_nm;
    bool periodic; /* the period is end_nm - begin_nm */
    size_t bin_count;
    double cell_limit_nm; /* cells are not wider */
    size_t block_count;   /* pairs of blocks a window; fewer where samples are few */
    int thread_count;
};

/* ASIM_EINPUT where a window's samples spread over more cells than any harmonic window
 * can reach. */
int asim_lattice_make(const struct asim_pmf_window *windows, size_t window_count,
                      const struct asim_lattice_options *options,
                      struct asim_lattice *ret_lattice, struct asim_error *err);
void asim_lattice_finish(struct asim_lattice *lattice);

/* Middle of a bin. */
static inline double asim_lattice_bin_nm(const struct asim_lattice *lattice, size_t bin)
{
    double width = lattice->spacing_nm * (double)lattice->cells_per_bin;
    return lattice->bins_begin_nm + ((double)bin + 0.5) * width;
}

/* Only bins first .. first+count-1 stay, as 0 .. count-1. Cells stay as they are. */
void asim_lattice_keep_bins(struct asim_lattice *lattice, size_t first, size_t count);

/* The node of the cell in which a sample of this window lies. */
static inline size_t asim_lattice_node(const struct asim_lattice *lattice,
                                       const struct asim_lattice_window *window,
                                       double value_nm)
{
    /* Truncation of a non-negative number is its floor; the window's first cell makes
     * it so. The same expression everywhere, so that a sample has one cell. */
    double first = (double)lattice->cell[window->first_node];
    double position = (value_nm - lattice->begin_nm) / lattice->spacing_nm - first;
    size_t index = position > 0 ? (size_t)position : 0;
    if (index >= window->node_count)
        index = window->node_count - 1;
    return window->first_node + index;
}

#endif
