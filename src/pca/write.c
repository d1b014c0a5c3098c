/*
 * The files of an analysis. pca.json holds every number but those in eigenvec.npy
 * [K][3N], proj.npy [frames][K] and frames.npy [frames][time in ps, number in the
 * trajectory]; the rest is for eyes and other programs.
 * Invariant: pca.json is written last: where it is, the other files are whole.
 */
#include <autosim/pca.h>

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/units.h"
#include "formats/npy.h"
#include "pca/quality.h"
#include "pca/reference.h"
#include "pca/storage.h"

enum { MODE_MODELS = 20, NDX_COLUMNS = 15, PROJECTION_DECIMALS = 9 };

static void projection_range(const struct asim_pca *pca, size_t component,
                             double *ret_least, double *ret_most)
{
    const double *p = pca->projections_nm + component * pca->frame_count;
    double least = p[0], most = least;
    for (size_t f = 1; f < pca->frame_count; f++) {
        least = fmin(least, p[f]);
        most = fmax(most, p[f]);
        if (f % ASIM_RELEASE_FRAMES == 0)
            asim_pca_storage_release(pca);
    }
    *ret_least = least;
    *ret_most = most;
}

static const char *element_symbol(unsigned atomic_number)
{
    static const struct {
        unsigned number;
        const char *symbol;
    } table[] = {{1, "H"},   {3, "LI"},  {5, "B"},   {6, "C"},   {7, "N"},   {8, "O"},
                 {9, "F"},   {11, "NA"}, {12, "MG"}, {14, "SI"}, {15, "P"},  {16, "S"},
                 {17, "CL"}, {19, "K"},  {20, "CA"}, {25, "MN"}, {26, "FE"}, {27, "CO"},
                 {28, "NI"}, {29, "CU"}, {30, "ZN"}, {34, "SE"}, {35, "BR"}, {53, "I"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].number == atomic_number)
            return table[i].symbol;
    return "";
}

/* One column of PDB text: the first printable character, or a blank. */
static char column_of(const char *text)
{
    return isgraph((unsigned char)text[0]) ? text[0] : ' ';
}

/* mean + shift v / s as ATOM records, Angstrom. Serial and residue numbers wrap round
 * in their columns, as is custom. */
static void write_model(FILE *out, const struct asim_pca *pca,
                        const struct asim_topology *top, size_t component, double shift)
{
    const double *v = pca->eigenvectors + component * 3 * pca->atom_count;
    for (size_t a = 0; a < pca->atom_count; a++) {
        size_t atom = pca->atom_indices[a];
        const struct asim_residue *residue = &top->residues[top->residue[atom]];
        const char *element = element_symbol(top->atomic_number[atom]);
        const char *name = asim_topology_atom_name(top, atom);
        double x[3], scale = pca->pca_scales ? pca->pca_scales[a] : 1.0;
        for (size_t d = 0; d < 3; d++)
            x[d] = ASIM_ANGSTROM_PER_NM *
                   (pca->mean_nm[3 * a + d] + shift * v[3 * a + d] / scale);
        char padded_name[5];
        /* Elements of one letter leave column 13 free: " CA " is a carbon. */
        if (strlen(name) < 4 && strlen(element) < 2)
            snprintf(padded_name, sizeof padded_name, " %.3s", name);
        else
            snprintf(padded_name, sizeof padded_name, "%.4s", name);
        fprintf(out,
                "ATOM  %5zu %-4s %3.3s %c%4d%c   %8.3f%8.3f%8.3f  1.00  0.00          "
                "%2s\n",
                (a + 1) % 100000, padded_name, top->strings[residue->name],
                column_of(top->strings[residue->chain]), residue->resnum % 10000,
                residue->insertion_code ? residue->insertion_code : ' ', x[0], x[1],
                x[2], element);
    }
}

/* Models along a component, from the smallest to the largest projection; count 1: the
 * mean. */
static int write_pdb(const struct asim_pca *pca, const struct asim_topology *top,
                     size_t component, const char *path, int count,
                     struct asim_error *err)
{
    struct asim_output output;
    double least, most;
    projection_range(pca, component, &least, &most);
    if (asim_output_open(path, &output, err) < 0)
        return -1;
    for (int m = 0; m < count; m++) {
        double shift = count > 1 ? least + (most - least) * m / (count - 1) : 0.0;
        if (count > 1)
            fprintf(output.stream, "MODEL     %4d\nREMARK    PC%zu %.6f NM\n", m + 1,
                    component + 1, shift);
        write_model(output.stream, pca, top, component, shift);
        fputs(count > 1 ? "ENDMDL\n" : "", output.stream);
    }
    fputs("END\n", output.stream);
    int rc = asim_output_commit(&output, err);
    asim_output_close(&output);
    return rc;
}

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
    return write_pdb(pca, top, 0, path, 1, err);
}

static int write_extremes(const struct asim_pca *pca, const struct asim_topology *top,
                          const char *path, struct asim_error *err)
{
    return write_pdb(pca, top, 0, path, 2, err);
}

static int write_mode1(const struct asim_pca *pca, const struct asim_topology *top,
                       const char *path, struct asim_error *err)
{
    return write_pdb(pca, top, 0, path, MODE_MODELS, err);
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
               : write_pdb(pca, top, component, path, MODE_MODELS, err);
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
