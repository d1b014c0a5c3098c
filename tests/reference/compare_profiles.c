/*
 * A campaign's PMF against a reference profile along the same motion.
 *
 *   compare_profiles CAMPAIGN REFERENCE.json HIGHEST_KJ_MOL LARGEST_RMS_KJ_MOL
 *
 * PC1 of two trajectories of one system differ a little, and so do their mean
 * structures, from which projections are counted. The reference's coordinate is carried
 * over to first order: its mean structure, and a point ahead of it along its PC1, are
 * projected on the campaign's PC1, which gives p = shift + slope p_ref; the slope is
 * the overlap of the two eigenvectors. Profiles are compared after their mean
 * difference is taken out, over the points below HIGHEST_KJ_MOL of the reference.
 */
#include <autosim/autosim.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"

struct reference {
    double *mean_nm, *vector, *x_nm, *pmf_kj_mol;
    size_t coordinate_count, bin_count;
};

static int read_reference(const char *path, struct reference *ret,
                          struct asim_error *err)
{
    json_t *root = NULL;
    size_t vector_count, f_count;
    int rc = -1;
    if (asim_json_read(path, &root, err) < 0)
        return -1;
    if (asim_json_doubles(root, "mean_nm", &ret->mean_nm, &ret->coordinate_count, err) <
            0 ||
        asim_json_doubles(root, "pc1_eigenvector", &ret->vector, &vector_count, err) <
            0 ||
        asim_json_doubles(root, "x_nm", &ret->x_nm, &ret->bin_count, err) < 0 ||
        asim_json_doubles(root, "pmf_kj_mol", &ret->pmf_kj_mol, &f_count, err) < 0)
        goto out;
    if (vector_count != ret->coordinate_count || f_count != ret->bin_count) {
        asim_fail(err, ASIM_EINPUT, "'%s': arrays of different lengths", path);
        goto out;
    }
    rc = 0;
out:
    json_decref(root);
    return rc;
}

/* p of the structure mean + ahead * vector. */
static int project(const struct asim_pca *pca, const struct reference *reference,
                   double ahead, double *ret_nm, struct asim_error *err)
{
    size_t atoms = 0;
    for (size_t i = 0; i < pca->atom_count; i++)
        if (pca->atom_indices[i] >= atoms)
            atoms = pca->atom_indices[i] + 1;
    float(*x)[3] = asim_alloc_array(atoms, sizeof *x, err);
    if (!x)
        return -1;
    for (size_t i = 0; i < 3 * pca->atom_count; i++)
        x[pca->atom_indices[i / 3]][i % 3] =
            (float)(reference->mean_nm[i] + ahead * reference->vector[i]);
    int rc = asim_pca_project(pca, (const float(*)[3])x, 0, ret_nm, err);
    free(x);
    return rc;
}

/* The reference at p of the campaign, linear between its points; NAN outside. */
static double interpolate(const struct reference *reference, double p_nm, double shift,
                          double slope)
{
    double x = (p_nm - shift) / slope;
    double width = reference->x_nm[1] - reference->x_nm[0];
    double position = (x - reference->x_nm[0]) / width;
    if (!(position >= 0 && position < (double)(reference->bin_count - 1)))
        return NAN;
    size_t below = (size_t)position;
    double part = position - (double)below;
    return (1 - part) * reference->pmf_kj_mol[below] +
           part * reference->pmf_kj_mol[below + 1];
}

static int compare(char **argv, bool *ret_agrees, struct asim_error *err)
{
    const double ahead_nm = 0.02, highest = strtod(argv[3], NULL);
    struct asim_pca pca = {0};
    struct asim_pmf pmf = {0};
    struct reference reference = {0};
    double shift = 0, point = 0;
    int rc = -1;
    char *pca_folder = asim_format(err, "%s/pca", argv[1]);
    char *pmf_folder = asim_format(err, "%s/pmf", argv[1]);
    if (!pca_folder || !pmf_folder || asim_pca_read(pca_folder, &pca, err) < 0 ||
        asim_pmf_read(pmf_folder, &pmf, err) < 0 ||
        read_reference(argv[2], &reference, err) < 0)
        goto out;
    if (reference.coordinate_count != 3 * pca.atom_count) {
        asim_fail(err, ASIM_EINPUT, "the reference has %zu atoms and the PCA %zu",
                  reference.coordinate_count / 3, pca.atom_count);
        goto out;
    }
    if (project(&pca, &reference, 0, &shift, err) < 0 ||
        project(&pca, &reference, ahead_nm, &point, err) < 0)
        goto out;
    double slope = (point - shift) / ahead_nm;
    double sum = 0, squares = 0, largest = 0;
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < pmf.bin_count; i++) {
            double expected = interpolate(&reference, pmf.x_nm[i], shift, slope);
            if (!(expected < highest) || isnan(pmf.pmf_kj_mol[i]))
                continue;
            double difference = pmf.pmf_kj_mol[i] - expected;
            if (pass == 0) {
                sum += difference;
                count++;
            } else {
                difference -= sum / (double)count;
                squares += difference * difference;
                largest = fmax(largest, fabs(difference));
            }
        }
    }
    double rms = count > 0 ? sqrt(squares / (double)count) : NAN;
    printf("rms difference %.3f kJ/mol, largest %.3f, over %zu points below %g kJ/mol "
           "(overlap of PC1 with the reference's %.4f)\n",
           rms, largest, count, highest, slope);
    *ret_agrees = rms <= strtod(argv[4], NULL) && fabs(slope) > 0.95;
    rc = 0;
out:
    free(reference.mean_nm);
    free(reference.vector);
    free(reference.x_nm);
    free(reference.pmf_kj_mol);
    asim_pmf_finish(&pmf);
    asim_pca_finish(&pca);
    free(pca_folder);
    free(pmf_folder);
    return rc;
}

int main(int argc, char **argv)
{
    struct asim_error err = {0};
    bool agrees = false;
    if (argc != 5) {
        fprintf(stderr, "compare_profiles CAMPAIGN REFERENCE.json HIGHEST_KJ_MOL "
                        "LARGEST_RMS_KJ_MOL\n");
        return 2;
    }
    if (compare(argv, &agrees, &err) < 0) {
        fprintf(stderr, "compare_profiles: %s\n", err.text);
        return 1;
    }
    return agrees ? 0 : 6;
}
