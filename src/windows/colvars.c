/*
 * Colvars configuration text.
 *
 * Its component `eigenvector` is sum_i v_i . (y_i - r_i), y the atoms superposed on the
 * reference in the block `atoms` and r the positions beside the vector. With r the mean
 * structure of the PCA that is p itself, so the centre needs no shift. Colvars takes
 * the mean out of the vector, which changes nothing: that of a principal component is
 * zero where the fit and the analysis are of the same atoms. The lines of the fit are
 * written out because without them GROMACS before 2025.4 leaves the derivative of the
 * rotation out of the force (Colvars manual, section on fitting atom groups).
 */
#include "windows/colvars.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

static void write_vectors(FILE *out, const char *key, const double *x, size_t count)
{
    fprintf(out, "%s", key);
    for (size_t i = 0; i < count; i++)
        fprintf(out, " (%.17g, %.17g, %.17g)", x[3 * i], x[3 * i + 1], x[3 * i + 2]);
    fprintf(out, "\n");
}

int asim_colvars_compose(const struct asim_pca *pca, const struct asim_bias *bias,
                         int64_t sample_steps, char **ret_text, struct asim_error *err)
{
    char *text = NULL;
    size_t size = 0;
    if (!pca->align_same)
        return asim_fail(err, ASIM_EINPUT,
                         "the colvars bias needs the same atoms for the fit ('%s') and "
                         "the analysis ('%s'): leave out --align",
                         pca->align_selection, pca->selection);
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return asim_fail(err, ASIM_ENOMEM, "no memory for a Colvars configuration");
    fprintf(out, "colvarsTrajFrequency %" PRId64 "\n", sample_steps);
    fprintf(out, "colvarsRestartFrequency %" PRId64 "\n",
            ASIM_COLVARS_FLUSH_ROWS * sample_steps);
    fprintf(out, "colvar {\n  name p\n  eigenvector {\n    atoms {\n      atomNumbers");
    for (size_t i = 0; i < pca->atom_count; i++)
        fprintf(out, " %" PRIu32, pca->atom_indices[i] + 1);
    fprintf(out, "\n      centerToReference on\n      rotateToReference on\n"
                 "      enableFitGradients on\n");
    write_vectors(out, "      refPositions", pca->reference_nm, pca->align_count);
    fprintf(out, "    }\n");
    write_vectors(out, "    refPositions", pca->mean_nm, pca->atom_count);
    write_vectors(out, "    vector", pca->eigenvectors, pca->atom_count);
    fprintf(out, "  }\n}\n");
    fprintf(out,
            "harmonic {\n  name bias\n  colvars p\n  centers %.17g\n"
            "  forceConstant %.17g\n  outputEnergy on\n}\n",
            bias->centre_nm, bias->force_constant_kj_mol_nm2);
    if (fclose(out) != 0) {
        free(text);
        return asim_fail(err, ASIM_ENOMEM, "no memory for a Colvars configuration");
    }
    *ret_text = text;
    return 0;
}
