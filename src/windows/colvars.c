/*
 * Colvars configuration text.
 *
 * Its component `eigenvector` is sum_i v_i . (y_i - r_i), y the atoms superposed on the
 * reference in the block `atoms` and r the positions beside the vector. With r the mean
 * structure of the PCA that is p itself, so the centre needs no shift. Colvars takes
 * the mean out of the vector, which changes nothing where the fit and the analysis are
 * of the same atoms: that of a principal component is zero then. With other fit atoms
 * it is not, and would be lost. So those get a part in the vector: each of the F the
 * same, -1/F sum_i v_i, which makes the mean zero, and which adds nothing to the value,
 * for the fit puts their centre where that of the reference is. The lines of the fit
 * are written out because without them GROMACS before 2025.4 leaves the derivative of
 * the rotation out of the force (Colvars manual, section on fitting atom groups).
 */
#include "windows/colvars.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "windows/bias_atoms.h"

static void write_vectors(FILE *out, const char *key, const double *x, size_t count)
{
    fprintf(out, "%s", key);
    for (size_t i = 0; i < count; i++)
        fprintf(out, " (%.17g, %.17g, %.17g)", x[3 * i], x[3 * i + 1], x[3 * i + 2]);
    fprintf(out, "\n");
}

static void write_numbers(FILE *out, const char *key, const uint32_t *atoms,
                          size_t count)
{
    fprintf(out, "%s", key);
    for (size_t i = 0; i < count; i++)
        fprintf(out, " %" PRIu32, atoms[i] + 1);
    fprintf(out, "\n");
}

/* Vector and origin over all atoms of the bias: w, and q with sum w . (y - q) = p. */
struct projected {
    double *w, *q; /* [3 atoms->count] */
};

static void spread_vector(const struct asim_pca *pca,
                          const struct asim_bias_atoms *atoms, struct projected *to)
{
    const double *v = pca->eigenvectors;
    size_t n = 3 * pca->atom_count;
    double part[3] = {0}, origin = 0, has = 0, norm = 0;
    memcpy(to->w, v, n * sizeof *v);
    memcpy(to->q, pca->mean_nm, n * sizeof *v);
    if (pca->align_same)
        return;
    for (size_t i = 0; i < n; i++) {
        part[i % 3] -= v[i] / (double)pca->align_count;
        origin += v[i] * pca->mean_nm[i];
    }
    for (size_t i = 0; i < pca->align_count; i++) {
        size_t place = atoms->fit_place[i];
        for (size_t a = 0; a < 3; a++) {
            to->w[3 * place + a] += part[a];
            origin += part[a] * pca->reference_nm[3 * i + a];
            if (place >= pca->atom_count)
                to->q[3 * place + a] = pca->reference_nm[3 * i + a];
        }
    }
    /* Only sum w . q counts; it is brought to what it must be along w. */
    for (size_t i = 0; i < 3 * atoms->count; i++) {
        has += to->w[i] * to->q[i];
        norm += to->w[i] * to->w[i];
    }
    for (size_t i = 0; i < 3 * atoms->count; i++)
        to->q[i] += (origin - has) / norm * to->w[i];
}

static void write_colvar(FILE *out, const struct asim_pca *pca,
                         const struct asim_bias_atoms *atoms,
                         const struct projected *projected)
{
    fprintf(out, "colvar {\n  name p\n  eigenvector {\n    atoms {\n");
    write_numbers(out, "      atomNumbers", atoms->index, atoms->count);
    fprintf(out, "      centerToReference on\n      rotateToReference on\n"
                 "      enableFitGradients on\n");
    if (!pca->align_same) {
        fprintf(out, "      fittingGroup {\n");
        write_numbers(out, "        atomNumbers", pca->align_indices, pca->align_count);
        fprintf(out, "      }\n");
    }
    write_vectors(out, "      refPositions", pca->reference_nm, pca->align_count);
    fprintf(out, "    }\n");
    write_vectors(out, "    refPositions", projected->q, atoms->count);
    write_vectors(out, "    vector", projected->w, atoms->count);
    fprintf(out, "  }\n}\n");
}

/* With a target the restraint moves its centre there in so many steps, evenly from step
 * 0 on, and holds it then. */
static void write_restraint(FILE *out, const struct asim_bias_request *request)
{
    int64_t steps = asim_bias_steering_steps(request);
    double centre = request->bias.centre_nm;
    fprintf(out, "harmonic {\n  name bias\n  colvars p\n");
    if (steps > 0)
        fprintf(out,
                "  centers %.17g\n  targetCenters %.17g\n  targetNumSteps %" PRId64
                "\n",
                request->steering.from_nm, centre, steps);
    else
        fprintf(out, "  centers %.17g\n", centre);
    fprintf(out, "  forceConstant %.17g\n  outputEnergy on\n}\n",
            request->bias.force_constant_kj_mol_nm2);
}

int asim_colvars_compose(const struct asim_bias_request *request, char **ret_text,
                         struct asim_error *err)
{
    const struct asim_pca *pca = request->pca;
    struct asim_bias_atoms atoms = {0};
    struct projected projected = {0};
    char *text = NULL;
    size_t size = 0;
    int rc = -1;
    if (asim_bias_atoms_init(pca, &atoms, err) < 0)
        return -1;
    projected.w = asim_alloc_array(atoms.count, 3 * sizeof *projected.w, err);
    projected.q = asim_alloc_array(atoms.count, 3 * sizeof *projected.q, err);
    if (!projected.w || !projected.q)
        goto out;
    spread_vector(pca, &atoms, &projected);
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        asim_fail(err, ASIM_ENOMEM, "no memory for a Colvars configuration");
        goto out;
    }
    fprintf(out, "colvarsTrajFrequency %" PRId64 "\n", request->sample_steps);
    fprintf(out, "colvarsRestartFrequency %" PRId64 "\n",
            ASIM_COLVARS_FLUSH_ROWS * request->sample_steps);
    write_colvar(out, pca, &atoms, &projected);
    write_restraint(out, request);
    if (fclose(out) != 0) {
        free(text);
        asim_fail(err, ASIM_ENOMEM, "no memory for a Colvars configuration");
        goto out;
    }
    *ret_text = text;
    rc = 0;
out:
    free(projected.w);
    free(projected.q);
    asim_bias_atoms_finish(&atoms);
    return rc;
}
