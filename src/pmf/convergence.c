/*
 * Forward and backward convergence (Klimovich, Shirts & Mobley 2015): one number of the
 * profile, its height, from the first parts of all runs and from the last. Its places
 * are those of the whole profile: the largest of each part would only ever be too high.
 */
#include "pmf/convergence.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/threads.h"
#include "pmf/resample.h"

enum { PARTS = 8 };

struct parts {
    const struct asim_problem *problem;
    size_t low_bin, high_bin;
    double *heights_kt; /* [2 PARTS] forward, then backward */
};

static int solve_part(void *context, size_t task, int thread_index,
                      struct asim_error *err)
{
    (void)thread_index;
    const struct parts *parts = context;
    const struct asim_lattice *lattice = &parts->problem->lattice;
    bool backward = task >= PARTS;
    double share = (double)(task % PARTS + 1) / PARTS;
    int rc = -1;
    double *weights = NULL;
    double *profile = asim_alloc_array(lattice->bin_count, sizeof *profile, err);
    size_t *offsets = asim_alloc_array(lattice->window_count, sizeof *offsets, err);
    if (!profile || !offsets)
        goto out;
    weights =
        asim_alloc_array(asim_resample_offsets(lattice, offsets), sizeof *weights, err);
    if (!weights)
        goto out;
    for (size_t k = 0; k < lattice->window_count; k++) {
        size_t blocks = lattice->windows[k].block_count;
        size_t used = (size_t)fmax(1, nearbyint(share * (double)blocks));
        bool whole = lattice->windows[k].count < blocks;
        for (size_t block = 0; block < blocks; block++)
            weights[offsets[k] + block] =
                whole || (backward ? block >= blocks - used : block < used) ? 1 : 0;
    }
    rc = asim_resample_profile(lattice, &parts->problem->estimate, weights, offsets,
                               profile, err);
    if (rc == 0)
        parts->heights_kt[task] = profile[parts->high_bin] - profile[parts->low_bin];
out:
    free(profile);
    free(offsets);
    free(weights);
    return rc;
}

/* The extremes of the profile, among the bins whose influences were kept and, with
 * segments, of the first one. */
static bool find_extremes(const struct asim_influence *influence,
                          const struct asim_pmf *pmf, size_t *ret_low, size_t *ret_high)
{
    size_t low = SIZE_MAX, high = SIZE_MAX;
    for (size_t i = 0; i < influence->selected_count; i++) {
        size_t bin = influence->selected[i];
        double value = pmf->pmf_kj_mol[bin];
        if (!isfinite(value) || bin < pmf->first_bin || bin > pmf->last_bin ||
            pmf->segment[bin] != 0)
            continue;
        if (low == SIZE_MAX || value < pmf->pmf_kj_mol[influence->selected[low]])
            low = i;
        if (high == SIZE_MAX || value > pmf->pmf_kj_mol[influence->selected[high]])
            high = i;
    }
    *ret_low = low;
    *ret_high = high;
    return low != high;
}

int asim_convergence_find(const struct asim_problem *problem,
                          const struct asim_influence *influence, struct asim_pmf *pmf,
                          struct asim_error *err)
{
    double heights[2 * PARTS] = {0}, square = 0;
    size_t low, high, width = influence->selected_count;
    if (!find_extremes(influence, pmf, &low, &high))
        return 0;
    struct parts parts = {.problem = problem,
                          .low_bin = influence->selected[low],
                          .high_bin = influence->selected[high],
                          .heights_kt = heights};
    pmf->share = asim_alloc_array(PARTS, sizeof(double), err);
    pmf->forward_kj_mol = asim_alloc_array(PARTS, sizeof(double), err);
    pmf->backward_kj_mol = asim_alloc_array(PARTS, sizeof(double), err);
    if (!pmf->share || !pmf->forward_kj_mol || !pmf->backward_kj_mol ||
        asim_parallel(2 * (size_t)PARTS, problem->options.thread_count, solve_part,
                      &parts, err) < 0)
        return -1;
    for (size_t row = 0; row < influence->row_count; row++) {
        const double *psi = &influence->rows[row * width];
        square += (psi[high] - psi[low]) * (psi[high] - psi[low]);
    }
    pmf->height_error_kj_mol = problem->kt_kj_mol * sqrt(square);
    pmf->from_nm = pmf->x_nm[parts.low_bin];
    pmf->to_nm = pmf->x_nm[parts.high_bin];
    pmf->convergence_count = PARTS;
    for (size_t i = 0; i < PARTS; i++) {
        pmf->share[i] = (double)(i + 1) / PARTS;
        pmf->forward_kj_mol[i] = problem->kt_kj_mol * heights[i];
        pmf->backward_kj_mol[i] = problem->kt_kj_mol * heights[PARTS + i];
    }
    return 0;
}
