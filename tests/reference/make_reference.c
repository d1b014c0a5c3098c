/*
 * The free-energy profile of an unbiased trajectory along PC1 of a campaign: a
 * histogram, F = -kT ln count, with standard errors from blocks of the trajectory.
 *
 *   make_reference CAMPAIGN TPR TRAJECTORY BINS OUTPUT.json
 */
#include <autosim/autosim.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/units.h"
#include "formats/tpr.h"
#include "structure/whole.h"

enum { BLOCKS = 20 };

/* Projections of every frame; grown as the trajectory is read. */
static int project_all(const struct asim_pca *pca, const struct asim_topology *top,
                       struct asim_trajectory *traj, double **ret_values,
                       size_t *ret_count, struct asim_error *err)
{
    struct asim_whole *whole = NULL;
    struct asim_frame frame = {0};
    double *values = NULL;
    size_t count = 0, capacity = 0;
    int rc = -1, got;
    if (asim_whole_create(top, pca->pbc, pca->atom_indices, pca->atom_count, &whole,
                          err) < 0)
        goto out;
    while ((got = asim_trajectory_next(traj, &frame, err)) == 1) {
        if (asim_whole_apply(whole, &frame, err) < 0 ||
            asim_grow(&values, &capacity, count + 1, sizeof *values, err) < 0 ||
            asim_pca_project(pca, (const float(*)[3])frame.x_nm, 0, &values[count],
                             err) < 0)
            goto out;
        count++;
    }
    if (got < 0)
        goto out;
    *ret_values = values;
    *ret_count = count;
    values = NULL;
    rc = 0;
out:
    free(values);
    asim_frame_finish(&frame);
    asim_whole_destroy(whole);
    return rc;
}

static double free_energy(double kt, double count, double frames, double width)
{
    return count > 0 ? -kt * log(count / (frames * width)) : NAN;
}

/* Standard error of each bin's F from the spread of BLOCKS block histograms, taken
 * relative to the block's mean offset; NAN where a block has no count. */
static void block_errors(const size_t *block_counts, size_t bin_count, double kt,
                         double *ret_error)
{
    for (size_t bin = 0; bin < bin_count; bin++) {
        double sum = 0, squares = 0;
        for (size_t block = 0; block < BLOCKS; block++) {
            double f =
                free_energy(kt, (double)block_counts[block * bin_count + bin], 1, 1);
            sum += f;
            squares += f * f;
        }
        double mean = sum / BLOCKS;
        ret_error[bin] = sqrt((squares / BLOCKS - mean * mean) / (BLOCKS - 1));
    }
}

static json_t *profile(const struct asim_pca *pca, const double *values, size_t count,
                       size_t bin_count, double kelvin, struct asim_error *err)
{
    double lowest = INFINITY, highest = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        lowest = fmin(lowest, values[i]);
        highest = fmax(highest, values[i]);
    }
    double width = (highest - lowest) / (double)bin_count,
           kt = ASIM_KB_KJ_MOL_K * kelvin;
    size_t *counts = asim_alloc_array(bin_count, sizeof *counts, err);
    size_t *block_counts = asim_alloc_array(bin_count * BLOCKS, sizeof *counts, err);
    double *x = asim_alloc_array(bin_count, sizeof *x, err);
    double *f = asim_alloc_array(bin_count, sizeof *f, err);
    double *error = asim_alloc_array(bin_count, sizeof *error, err);
    json_t *root = NULL;
    if (!counts || !block_counts || !x || !f || !error)
        goto out;
    for (size_t i = 0; i < count; i++) {
        size_t bin = (size_t)((values[i] - lowest) / width);
        bin = bin < bin_count ? bin : bin_count - 1;
        counts[bin]++;
        block_counts[i * BLOCKS / count * bin_count + bin]++;
    }
    double least = INFINITY;
    for (size_t bin = 0; bin < bin_count; bin++) {
        x[bin] = lowest + ((double)bin + 0.5) * width;
        f[bin] = free_energy(kt, (double)counts[bin], (double)count, width);
        least = fmin(least, f[bin]);
    }
    for (size_t bin = 0; bin < bin_count; bin++)
        f[bin] -= least;
    block_errors(block_counts, bin_count, kt, error);
    root = json_pack(
        "{s:I, s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "frame_count", (json_int_t)count,
        "temperature_kelvin", kelvin, "bin_width_nm", width, "mean_nm",
        asim_json_number_array(pca->mean_nm, 3 * pca->atom_count), "pc1_eigenvector",
        asim_json_number_array(pca->eigenvectors, 3 * pca->atom_count), "x_nm",
        asim_json_number_array(x, bin_count), "pmf_kj_mol",
        asim_json_number_array(f, bin_count), "error_kj_mol",
        asim_json_number_array(error, bin_count));
    if (!root)
        asim_fail(err, ASIM_ENOMEM, "no memory for the profile");
out:
    free(counts);
    free(block_counts);
    free(x);
    free(f);
    free(error);
    return root;
}

static int make(char **argv, struct asim_error *err)
{
    struct asim_pca pca = {0};
    struct asim_tpr tpr = {0};
    struct asim_topology top = {0};
    struct asim_trajectory *traj = NULL;
    double *values = NULL;
    size_t count;
    json_t *root = NULL;
    int rc = -1;
    char *folder = asim_format(err, "%s/pca", argv[1]);
    if (!folder || asim_pca_read(folder, &pca, err) < 0 ||
        asim_tpr_read(argv[2], &tpr, &top, err) < 0 ||
        asim_trajectory_open(argv[3], &traj, err) < 0 ||
        project_all(&pca, &top, traj, &values, &count, err) < 0)
        goto out;
    root = profile(&pca, values, count, (size_t)strtoul(argv[4], NULL, 10),
                   tpr.ref_t_kelvin, err);
    rc = root ? asim_json_write(argv[5], root, err) : -1;
out:
    json_decref(root);
    free(values);
    asim_trajectory_close(traj);
    asim_topology_finish(&top);
    asim_tpr_finish(&tpr);
    asim_pca_finish(&pca);
    free(folder);
    return rc;
}

int main(int argc, char **argv)
{
    struct asim_error err = {0};
    if (argc != 6 || strtoul(argv[4], NULL, 10) < 2) {
        fprintf(stderr, "make_reference CAMPAIGN TPR TRAJECTORY BINS OUTPUT.json\n");
        return 2;
    }
    if (make(argv, &err) < 0) {
        fprintf(stderr, "make_reference: %s\n", err.text);
        return 1;
    }
    return 0;
}
