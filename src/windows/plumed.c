/*
 * PLUMED input: PCARMSD on an average structure and a vector, and a restraint.
 *
 * PCARMSD superposes on the average a and gives sum_i v_i . (y_i - a_i), so the average
 * is the fit reference of the PCA, and p is that less sum_i v_i . (mean_i - a_i). Both
 * PDB files are in Angstrom and PLUMED scales the vector as it does positions, hence
 * 10 v. It checks neither the order of atoms nor the width of numbers: each takes eight
 * columns without a blank between. So what is written has as many decimals as fit, is
 * read back, and the shift is that of the rounded numbers. Atoms above 99,999 are
 * numbered in hybrid-36, which PLUMED reads since 2.5: A0000 is 100,000, and letters
 * count as in base 36 from there.
 */
#include "windows/plumed.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { ANGSTROM_PER_NM = 10, COLUMNS = 8, LARGEST_DECIMAL = 99999 };

/* The most decimals, up to five, that fit; fewer than three are too few. */
static bool column_number(double value, char ret_text[40])
{
    for (int decimals = 5; decimals >= 3; decimals--)
        if (snprintf(ret_text, 40, "%8.*f", decimals, value) == COLUMNS)
            return isfinite(value);
    return false;
}

/* An atom's number in five columns; false where it has none. */
static bool column_serial(uint32_t serial, char ret_text[6])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const uint32_t letters = 10 * 36 * 36 * 36 * 36; /* A0000 in base 36 */
    if (serial <= LARGEST_DECIMAL) {
        snprintf(ret_text, 6, "%5" PRIu32, serial);
        return true;
    }
    uint32_t number = serial - LARGEST_DECIMAL - 1 + letters;
    if (serial - LARGEST_DECIMAL > letters / 10 * 26)
        return false;
    for (int i = 4; i >= 0; i--, number /= 36)
        ret_text[i] = digits[number % 36];
    ret_text[5] = '\0';
    return true;
}

/* Writes `x` times ten, and leaves in `x` what PLUMED will make of it. */
static int write_atoms(FILE *out, const char *name, const uint32_t *atoms, double *x,
                       size_t count, struct asim_error *err)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t serial = atoms[i] + 1;
        char number[6];
        if (!column_serial(serial, number))
            return asim_fail(err, ASIM_EINPUT,
                             "atom number %" PRIu32 " does not fit the five columns of "
                             "the PDB files that PLUMED reads; use another bias",
                             serial);
        fprintf(out, "ATOM  %s  X   MOL A   1    ", number);
        for (size_t d = 0; d < 3; d++) {
            char text[40];
            double value = ANGSTROM_PER_NM * x[3 * i + d];
            if (!column_number(value, text))
                return asim_fail(err, ASIM_EINPUT,
                                 "%s of atom %" PRIu32 ": %.3f Angstrom does not fit "
                                 "the eight columns of a PDB file, and PLUMED would "
                                 "read another number; use another bias",
                                 name, serial, value);
            fputs(text, out);
            x[3 * i + d] = strtod(text, NULL) / ANGSTROM_PER_NM;
        }
        fprintf(out, "  1.00  1.00\n");
    }
    fprintf(out, "END\n");
    return 0;
}

static int compose_pdb(const struct asim_pca *pca, const char *name, double *x,
                       char **ret_text, struct asim_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return asim_fail(err, ASIM_ENOMEM, "no memory for PLUMED input");
    int rc = write_atoms(out, name, pca->atom_indices, x, pca->atom_count, err);
    if (fclose(out) != 0 && rc == 0)
        rc = asim_fail(err, ASIM_ENOMEM, "no memory for PLUMED input");
    if (rc < 0)
        free(text);
    else
        *ret_text = text;
    return rc;
}

static char *compose_restraint(const struct asim_bias_request *request,
                               struct asim_error *err)
{
    int64_t steps = asim_bias_steering_steps(request);
    double centre = request->bias.centre_nm;
    double k = request->bias.force_constant_kj_mol_nm2;
    return steps > 0
               ? asim_format(err,
                             "r: MOVINGRESTRAINT ARG=p STEP0=0 AT0=%.17g KAPPA0=%.17g "
                             "STEP1=%" PRId64 " AT1=%.17g KAPPA1=%.17g\n",
                             request->steering.from_nm, k, steps, centre, k)
               : asim_format(err, "r: RESTRAINT ARG=p AT=%.17g KAPPA=%.17g\n", centre,
                             k);
}

int asim_plumed_compose(const struct asim_bias_request *request, char *ret_texts[3],
                        struct asim_error *err)
{
    const struct asim_pca *pca = request->pca;
    char *texts[3] = {NULL, NULL, NULL}, *restraint = NULL;
    size_t n = 3 * pca->atom_count;
    int rc = -1;
    if (!pca->align_same)
        return asim_fail(err, ASIM_EINPUT,
                         "the plumed bias needs the same atoms for the fit ('%s') and "
                         "the analysis ('%s'): leave out --align",
                         pca->align_selection, pca->selection);
    double *average = asim_alloc_array(n, sizeof *average, err);
    double *vector = asim_alloc_array(n, sizeof *vector, err);
    if (!average || !vector)
        goto out;
    memcpy(average, pca->reference_nm, n * sizeof *average);
    memcpy(vector, pca->eigenvectors, n * sizeof *vector);
    if (compose_pdb(pca, "the reference", average, &texts[1], err) < 0 ||
        compose_pdb(pca, "the vector", vector, &texts[2], err) < 0)
        goto out;
    double shift = 0;
    for (size_t i = 0; i < n; i++)
        shift += vector[i] * (pca->mean_nm[i] - average[i]);
    restraint = compose_restraint(request, err);
    if (!restraint)
        goto out;
    texts[0] = asim_format(err,
                           "c: PCARMSD AVERAGE=avg.pdb EIGENVECTORS=vec.pdb\n"
                           "p: COMBINE ARG=c.eig-0 PARAMETERS=%.17g PERIODIC=NO\n"
                           "%s"
                           "PRINT ARG=p,c.residual,r.bias FILE=COLVAR STRIDE=%" PRId64
                           " FMT=%%.10g\n",
                           shift, restraint, request->sample_steps);
    if (!texts[0])
        goto out;
    memcpy(ret_texts, texts, sizeof texts);
    memset(texts, 0, sizeof texts);
    rc = 0;
out:
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
    free(restraint);
    free(average);
    free(vector);
    return rc;
}
