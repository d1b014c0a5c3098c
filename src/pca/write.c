/*
 * The files of an analysis. pca.json holds every number but those in eigenvec.npy
 * [K][3N], proj.npy [frames][K] and frames.npy [frames][time in ps, number in the
 * trajectory]; the rest is for eyes and other programs.
 * Invariant: pca.json is written last: where it is, the other files are whole.
 */
#include <autosim/pca.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/npy.h"
#include "pca/quality.h"
#include "pca/reference.h"
#include "pca/storage.h"
#include "pca/write_models.h"

enum { MODE_MODELS = 20, NDX_COLUMNS = 15, PROJECTION_DECIMALS = 9 };

static int write_eigenval(const struct asim_pca *pca, const char *path,
                          struct asim_error *err)
{
    struct asim_output output;
    if (asim_output_open(path, &output, err) < 0)
        return -1;
    fprintf(output.stream,
            "# Eigenvalues of the covariance, 1/(frames-1), trace %.10g nm^2\n"
            "@    title \"Eigenvalues of the covariance matrix\"\n"
            "@    xaxis  label \"Eigenvector index\"\n"
            "@    yaxis  label \"(nm\\S2\\N)\"\n@TYPE xy\n",
            pca->total_variance_nm2);
    for (size_t k = 0; k < pca->component_count; k++)
        fprintf(output.stream, "%6zu %.10g\n", k + 1, pca->eigenvalues_nm2[k]);
    int rc = asim_output_commit(&output, err);
    asim_output_close(&output);
    return rc;
}

static int write_proj_xvg(const struct asim_pca *pca, const char *path,
                          struct asim_error *err)
{
    struct asim_output output;
    if (asim_output_open(path, &output, err) < 0)
        return -1;
    fputs("# Projections of the superposed frames, minus the mean, on the components\n"
          "@    title \"Projections on the principal components\"\n"
          "@    xaxis  label \"Time (ps)\"\n@    yaxis  label \"(nm)\"\n@TYPE xy\n",
          output.stream);
    for (size_t k = 0; k < pca->component_count; k++)
        fprintf(output.stream, "@ s%zu legend \"PC%zu\"\n", k, k + 1);
    for (size_t f = 0; f < pca->frame_count; f++) {
        char text[ASIM_FIXED_TEXT];
        fprintf(output.stream, "%.10g", pca->time_ps[f]);
        for (size_t k = 0; k < pca->component_count; k++) {
            fputc(' ', output.stream);
            fwrite(text, 1,
                   asim_format_fixed(text,
                                     pca->projections_nm[k * pca->frame_count + f],
                                     PROJECTION_DECIMALS),
                   output.stream);
        }
        fputc('\n', output.stream);
        if (f % ASIM_RELEASE_FRAMES == ASIM_RELEASE_FRAMES - 1)
            asim_pca_storage_release(pca);
    }
    int rc = asim_output_commit(&output, err);
    asim_output_close(&output);
    return rc;
}

static int write_proj_npy(const struct asim_pca *pca, const char *path,
                          struct asim_error *err)
{
    size_t k = pca->component_count, frames = pca->frame_count;
    struct asim_output output;
    if (asim_npy_begin(path, (size_t[]){frames, k}, 2, &output, err) < 0)
        return -1;
    for (size_t f = 0; f < frames; f++) {
        for (size_t i = 0; i < k; i++)
            fwrite(&pca->projections_nm[i * frames + f], sizeof(double), 1,
                   output.stream);
        if (f % ASIM_RELEASE_FRAMES == ASIM_RELEASE_FRAMES - 1)
            asim_pca_storage_release(pca);
    }
    int rc = asim_output_commit(&output, err);
    asim_output_close(&output);
    return rc;
}

/* Time and number of each frame; numbers below 2^53 are exact in a double. */
static int write_frames_npy(const struct asim_pca *pca, const char *path,
                            struct asim_error *err)
{
    struct asim_output output;
    if (asim_npy_begin(path, (size_t[]){pca->frame_count, 2}, 2, &output, err) < 0)
        return -1;
    for (size_t f = 0; f < pca->frame_count; f++) {
        double row[2] = {pca->time_ps[f], (double)pca->frame_indices[f]};
        fwrite(row, sizeof row, 1, output.stream);
        if (f % ASIM_RELEASE_FRAMES == ASIM_RELEASE_FRAMES - 1)
            asim_pca_storage_release(pca);
    }
    int rc = asim_output_commit(&output, err);
    asim_output_close(&output);
    return rc;
}

static void write_group(FILE *out, const char *name, const uint32_t *indices,
                        size_t count)
{
    fprintf(out, "[ %s ]\n", name);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%" PRIu64 "%c", (uint64_t)indices[i] + 1,
                i + 1 == count || (i + 1) % NDX_COLUMNS == 0 ? '\n' : ' ');
}

static int write_ndx(const struct asim_pca *pca, const char *path,
                     struct asim_error *err)
{
    struct asim_output output;
    if (asim_output_open(path, &output, err) < 0)
        return -1;
    write_group(output.stream, "pca", pca->atom_indices, pca->atom_count);
    write_group(output.stream, "fit", pca->align_indices, pca->align_count);
    int rc = asim_output_commit(&output, err);
    asim_output_close(&output);
    return rc;
}

static json_t *index_array(const uint32_t *indices, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++)
        if (json_array_append_new(array, json_integer(indices[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *explained_array(const struct asim_pca *pca)
{
    json_t *array = json_array();
    for (size_t k = 0; array && k < pca->component_count; k++)
        if (json_array_append_new(array, asim_json_number(pca->eigenvalues_nm2[k] /
                                                          pca->total_variance_nm2)) <
            0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *weight_array(const double *weights, size_t count)
{
    return weights ? asim_json_number_array(weights, count) : json_null();
}

static json_t *doubt_array(const struct asim_pca *pca)
{
    char doubt[300];
    json_t *array = json_array();
    for (size_t i = 0; array && asim_pca_doubt(pca, i, doubt, sizeof doubt); i++)
        if (json_array_append_new(array, json_string(doubt)) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *pca_object(const struct asim_pca *pca)
{
    struct member {
        const char *key;
        json_t *value;
    } members[] = {
        {"format", json_string("autosim-pca 3")},
        {"n_frames", json_integer((json_int_t)pca->frame_count)},
        {"n_system_atoms", json_integer((json_int_t)pca->system_atom_count)},
        {"n_atoms", json_integer((json_int_t)pca->atom_count)},
        {"n_components", json_integer((json_int_t)pca->component_count)},
        {"eigenvalue_nm2", asim_json_number(pca->eigenvalues_nm2[0])},
        {"eigenvalues_nm2",
         asim_json_number_array(pca->eigenvalues_nm2, pca->component_count)},
        {"variance_explained",
         asim_json_number(pca->eigenvalues_nm2[0] / pca->total_variance_nm2)},
        {"variances_explained", explained_array(pca)},
        {"total_variance_nm2", asim_json_number(pca->total_variance_nm2)},
        {"cosine_content",
         asim_json_number_array(pca->cosine_content, pca->component_count)},
        {"doubts", doubt_array(pca)},
        {"rmsip", asim_json_number(pca->rmsip)},
        {"force_error", asim_json_number(pca->force_error)},
        {"selection", json_string(pca->selection)},
        {"align_selection", json_string(pca->align_selection)},
        {"align_same", json_boolean(pca->align_same)},
        {"reference", json_string(asim_reference_name(pca->reference))},
        {"fit_weights", weight_array(pca->fit_weights, pca->align_count)},
        {"pca_scales", weight_array(pca->pca_scales, pca->atom_count)},
        {"pbc", json_string(asim_pbc_mode_name(pca->pbc))},
        {"mode", json_string(pca->streaming ? "streaming" : "memory")},
        {"memory_plan", json_string(pca->plan)},
        {"computation_time_ms", asim_json_number(pca->computation_time_ms)},
        {"peak_memory_mb", asim_json_number(pca->peak_memory_mb)},
        {"atom_indices", index_array(pca->atom_indices, pca->atom_count)},
        {"align_atom_indices", index_array(pca->align_indices, pca->align_count)},
        {"pc1_eigenvector",
         asim_json_number_array(pca->eigenvectors, 3 * pca->atom_count)},
        {"mean_nm", asim_json_number_array(pca->mean_nm, 3 * pca->atom_count)},
        {"reference_nm",
         asim_json_number_array(pca->reference_nm, 3 * pca->align_count)},
    };
    json_t *object = json_object();
    bool whole = object != NULL;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (json_object_set_new(object, members[i].key, members[i].value) < 0)
            whole = false; /* set_new has given the value up in any case */
    if (whole)
        return object;
    json_decref(object);
    return NULL;
}

static int write_json(const struct asim_pca *pca, const char *path,
                      struct asim_error *err)
{
    json_t *object = pca_object(pca);
    if (!object)
        return asim_fail(err, ASIM_ENOMEM, "no memory to write '%s'", path);
    int rc = asim_json_write(path, object, err);
    json_decref(object);
    return rc;
}

static int check_atoms(const struct asim_pca *pca, const struct asim_topology *top,
                       struct asim_error *err)
{
    if (pca->component_count == 0 || pca->frame_count == 0)
        return asim_fail(err, ASIM_EUSAGE, "there are no components to write");
    for (size_t a = 0; a < pca->atom_count; a++) {
        if (pca->atom_indices[a] >= top->atom_count)
            return asim_fail(err, ASIM_EINPUT,
                             "the analysis holds atom %" PRIu32
                             " (numbered from 0), the topology %zu atoms: they do not "
                             "belong together",
                             pca->atom_indices[a], top->atom_count);
        for (size_t d = 0; d < 3; d++)
            /* 9999 Angstrom is what a PDB column holds. */
            if (!(fabs(pca->mean_nm[3 * a + d]) < 900.0))
                return asim_fail(err, ASIM_EINPUT,
                                 "the mean structure spans more than a PDB file can "
                                 "hold (900 nm); are the coordinates in nm?");
    }
    return 0;
}

static int write_average(const struct asim_pca *pca, const struct asim_topology *top,
                         const char *path, struct asim_error *err)
{
    return asim_pca_write_models(pca, top, 0, path, 1, err);
}

static int write_extremes(const struct asim_pca *pca, const struct asim_topology *top,
                          const char *path, struct asim_error *err)
{
    return asim_pca_write_models(pca, top, 0, path, 2, err);
}

static int write_mode1(const struct asim_pca *pca, const struct asim_topology *top,
                       const char *path, struct asim_error *err)
{
    return asim_pca_write_models(pca, top, 0, path, MODE_MODELS, err);
}

static int write_vectors(const struct asim_pca *pca, const char *path,
                         struct asim_error *err)
{
    return asim_npy_write(path, pca->eigenvectors,
                          (size_t[]){pca->component_count, 3 * pca->atom_count}, 2,
                          err);
}

int asim_pca_write_mode(const struct asim_pca *pca, const struct asim_topology *top,
                        size_t component, const char *path, struct asim_error *err)
{
    if (component >= pca->component_count)
        return asim_fail(err, ASIM_EUSAGE,
                         "the motion along PC%zu was asked for; %zu components are "
                         "known",
                         component + 1, pca->component_count);
    return check_atoms(pca, top, err) < 0
               ? -1
               : asim_pca_write_models(pca, top, component, path, MODE_MODELS, err);
}

int asim_pca_write(const struct asim_pca *pca, const struct asim_topology *top,
                   const char *folder, struct asim_error *err)
{
    static const struct {
        const char *name;
        int (*write)(const struct asim_pca *, const char *, struct asim_error *);
        int (*draw)(const struct asim_pca *, const struct asim_topology *, const char *,
                    struct asim_error *);
    } files[] = {
        {"eigenval.xvg", write_eigenval, NULL}, {"proj.xvg", write_proj_xvg, NULL},
        {"proj.npy", write_proj_npy, NULL},     {"frames.npy", write_frames_npy, NULL},
        {"eigenvec.npy", write_vectors, NULL},  {"average.pdb", NULL, write_average},
        {"mode1.pdb", NULL, write_mode1},       {"extremes.pdb", NULL, write_extremes},
        {"group.ndx", write_ndx, NULL},         {"pca.json", write_json, NULL},
    };
    if (check_atoms(pca, top, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = asim_path_join(folder, files[i].name, err);
        if (!path)
            return -1;
        int rc = files[i].write ? files[i].write(pca, path, err)
                                : files[i].draw(pca, top, path, err);
        free(path);
        if (rc < 0)
            return -1;
    }
    return 0;
}
