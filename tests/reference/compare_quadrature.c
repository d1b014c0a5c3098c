/*
 * The PMF of the triatomic system along PC1 of a campaign, against quadrature.
 *
 *   compare_quadrature CAMPAIGN HIGHEST_KJ_MOL LARGEST_RMS_KJ_MOL
 *
 * The system (tests/reference/triatomic): three atoms, bonds of 0.3 nm with
 * k = 20000 kJ/mol/nm^2, and an angle with V = 12 - 96 d^2 + 192 d^4 kJ/mol,
 * d = angle - 105 degrees in radians: two wells at +-0.5 rad, a barrier of 12 kJ/mol.
 * Its density over the internal coordinates is exactly
 *     r1^2 r2^2 sin(angle) exp(-V(r1, r2, angle)/kT);
 * each point of a grid over them is superposed and projected as any frame, and its
 * weight goes into the bin of the profile that it falls into.
 */
#include <autosim/autosim.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/units.h"

enum { BOND_POINTS = 25, ANGLE_POINTS = 6000 };

static const double bond_nm = 0.3, bond_k = 20000, angle_0 = 105 * M_PI / 180;

static double weight(double r1, double r2, double angle, double kt)
{
    double d = angle - angle_0;
    double energy = 12 - 96 * d * d + 192 * d * d * d * d +
                    0.5 * bond_k * (r1 - bond_nm) * (r1 - bond_nm) +
                    0.5 * bond_k * (r2 - bond_nm) * (r2 - bond_nm);
    return r1 * r1 * r2 * r2 * sin(angle) * exp(-energy / kt);
}

/* Exact F of each bin, up to a constant. */
static int quadrature(const struct asim_pca *pca, const struct asim_pmf *pmf, double kt,
                      double *ret_f, struct asim_error *err)
{
    double width = pmf->x_nm[1] - pmf->x_nm[0], begin = pmf->x_nm[0] - 0.5 * width;
    double reach = 6 * sqrt(kt / bond_k); /* of a bond's length around its minimum */
    for (size_t i = 0; i < pmf->bin_count; i++)
        ret_f[i] = 0;
    for (int k = 0; k < ANGLE_POINTS; k++) {
        double angle = M_PI * (k + 0.5) / ANGLE_POINTS;
        for (int i = 0; i < BOND_POINTS; i++) {
            double r1 = bond_nm + reach * (2 * (i + 0.5) / BOND_POINTS - 1);
            for (int j = 0; j < BOND_POINTS; j++) {
                double r2 = bond_nm + reach * (2 * (j + 0.5) / BOND_POINTS - 1);
                float x[3][3] = {
                    {(float)r1, 0, 0},
                    {0, 0, 0},
                    {(float)(r2 * cos(angle)), (float)(r2 * sin(angle)), 0}};
                double p;
                if (asim_pca_project(pca, (const float(*)[3])x, 0, &p, err) < 0)
                    return -1;
                double bin = floor((p - begin) / width);
                if (bin >= 0 && bin < (double)pmf->bin_count)
                    ret_f[(size_t)bin] += weight(r1, r2, angle, kt);
            }
        }
    }
    for (size_t i = 0; i < pmf->bin_count; i++)
        ret_f[i] = ret_f[i] > 0 ? -kt * log(ret_f[i]) : NAN;
    return 0;
}

static void compare(const struct asim_pmf *pmf, const double *exact, double highest,
                    double *ret_rms)
{
    double least = INFINITY, sum = 0, squares = 0, largest = 0;
    size_t count = 0;
    for (size_t i = 0; i < pmf->bin_count; i++)
        least = fmin(least, exact[i]);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < pmf->bin_count; i++) {
            if (!(exact[i] - least < highest) || isnan(pmf->pmf_kj_mol[i]))
                continue;
            double difference = pmf->pmf_kj_mol[i] - exact[i];
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
    *ret_rms = count > 0 ? sqrt(squares / (double)count) : NAN;
    printf("rms difference %.3f kJ/mol, largest %.3f, over %zu points below %g kJ/mol "
           "of quadrature\n",
           *ret_rms, largest, count, highest);
}

static int run(char **argv, double *ret_rms, struct asim_error *err)
{
    struct asim_pca pca = {0};
    struct asim_pmf pmf = {0};
    double *exact = NULL;
    int rc = -1;
    char *pca_folder = asim_format(err, "%s/pca", argv[1]);
    char *pmf_folder = asim_format(err, "%s/pmf", argv[1]);
    if (!pca_folder || !pmf_folder || asim_pca_read(pca_folder, &pca, err) < 0 ||
        asim_pmf_read(pmf_folder, &pmf, err) < 0)
        goto out;
    exact = asim_alloc_array(pmf.bin_count, sizeof *exact, err);
    if (!exact || quadrature(&pca, &pmf, ASIM_KB_KJ_MOL_K * pmf.temperature_kelvin,
                             exact, err) < 0)
        goto out;
    compare(&pmf, exact, strtod(argv[2], NULL), ret_rms);
    rc = 0;
out:
    free(exact);
    asim_pmf_finish(&pmf);
    asim_pca_finish(&pca);
    free(pca_folder);
    free(pmf_folder);
    return rc;
}

int main(int argc, char **argv)
{
    struct asim_error err = {0};
    double rms = NAN;
    if (argc != 4) {
        fprintf(stderr,
                "compare_quadrature CAMPAIGN HIGHEST_KJ_MOL LARGEST_RMS_KJ_MOL\n");
        return 2;
    }
    if (run(argv, &rms, &err) < 0) {
        fprintf(stderr, "compare_quadrature: %s\n", err.text);
        return 1;
    }
    return rms <= strtod(argv[3], NULL) ? 0 : 6;
}
