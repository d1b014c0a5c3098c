/*
 * Reads an analysis back from pca.json, eigenvec.npy, frames.npy and proj.npy.
 * Every count is compared with what the files really hold before it is believed.
 */
#include <autosim/pca.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "formats/npy.h"
#include "pca/reference.h"
#include "pca/storage.h"

static int read_count(const json_t *root, const char *key, size_t *ret_count,
                      struct asim_error *err)
{
    int64_t value;
    if (asim_json_int64(root, key, &value, err) < 0)
        return -1;
    /* Enough for any trajectory, and 3N and K 3N cannot overflow. */
    if (value < 1 || value > INT64_C(1) << 40)
        return asim_fail(err, ASIM_EINPUT, "member '%s' is %" PRId64, key, value);
    *ret_count = (size_t)value;
    return 0;
}

static int read_doubles(const json_t *root, const char *key, size_t expected,
                        double **ret_values, struct asim_error *err)
{
    size_t count;
    double *values;
    if (asim_json_doubles(root, key, &values, &count, err) < 0)
        return -1;
    if (count != expected) {
        free(values);
        return asim_fail(err, ASIM_EINPUT,
                         "member '%s' holds %zu numbers; %zu were expected", key, count,
                         expected);
    }
    *ret_values = values;
    return 0;
}

/* An array of whole numbers of 0 .. largest. */
static int read_indices(const json_t *root, const char *key, uint64_t largest,
                        size_t *ret_count, uint64_t **ret_values,
                        struct asim_error *err)
{
    const json_t *array = json_object_get(root, key);
    if (!json_is_array(array))
        return asim_fail(err, ASIM_EINPUT,
                         "member '%s' is missing or no array of whole numbers", key);
    size_t count = json_array_size(array);
    uint64_t *values = asim_alloc_array(count, sizeof *values, err);
    if (!values)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            (uint64_t)json_integer_value(value) > largest) {
            free(values);
            return asim_fail(err, ASIM_EINPUT,
                             "member '%s': element %zu is no whole number from 0 to "
                             "%" PRIu64,
                             key, i, largest);
        }
        values[i] = (uint64_t)json_integer_value(value);
    }
    *ret_count = count;
    *ret_values = values;
    return 0;
}

static int read_atoms(const json_t *root, const char *key, size_t *ret_count,
                      uint32_t **ret_atoms, struct asim_error *err)
{
    uint64_t *values = NULL;
    size_t count = 0;
    if (read_indices(root, key, UINT32_MAX, &count, &values, err) < 0)
        return -1;
    uint32_t *atoms = asim_alloc_array(count, sizeof *atoms, err);
    for (size_t i = 0; atoms && i < count; i++)
        atoms[i] = (uint32_t)values[i];
    free(values);
    if (!atoms)
        return -1;
    *ret_count = count;
    *ret_atoms = atoms;
    return 0;
}

static int read_word(const json_t *root, const char *key, const char *yes,
                     const char *no, bool *ret_value, struct asim_error *err)
{
    char word[32];
    if (asim_json_text(root, key, word, sizeof word, err) < 0)
        return -1;
    if (strcmp(word, yes) != 0 && strcmp(word, no) != 0)
        return asim_fail(err, ASIM_EINPUT,
                         "member '%s' is '%s'; '%s' or '%s' was "
                         "expected",
                         key, word, yes, no);
    *ret_value = strcmp(word, yes) == 0;
    return 0;
}

/* What was done, so never "auto". */
static int read_pbc(const json_t *root, enum asim_pbc_mode *ret_mode,
                    struct asim_error *err)
{
    char word[32];
    if (asim_json_text(root, "pbc", word, sizeof word, err) < 0)
        return -1;
    for (int mode = ASIM_PBC_WHOLE; mode <= ASIM_PBC_NONE; mode++) {
        if (strcmp(word, asim_pbc_mode_name((enum asim_pbc_mode)mode)) == 0) {
            *ret_mode = (enum asim_pbc_mode)mode;
            return 0;
        }
    }
    return asim_fail(
        err, ASIM_EINPUT,
        "member 'pbc' is '%s'; whole, nojump, cluster or none was expected", word);
}

static int read_reference(const json_t *root, enum asim_reference *ret_reference,
                          struct asim_error *err)
{
    char word[32];
    if (asim_json_text(root, "reference", word, sizeof word, err) < 0)
        return -1;
    for (int i = ASIM_REFERENCE_MEAN; i <= ASIM_REFERENCE_FILE; i++)
        if (strcmp(word, asim_reference_name((enum asim_reference)i)) == 0) {
            *ret_reference = (enum asim_reference)i;
            return 0;
        }
    return asim_fail(err, ASIM_EINPUT,
                     "member 'reference' is '%s'; mean, first or file was expected",
                     word);
}

/* null, or numbers above 0. */
static int read_weights(const json_t *root, const char *key, size_t count,
                        double **ret_weights, struct asim_error *err)
{
    if (json_is_null(json_object_get(root, key)))
        return 0;
    if (read_doubles(root, key, count, ret_weights, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (!((*ret_weights)[i] > 0.0))
            return asim_fail(err, ASIM_EINPUT,
                             "member '%s': number %zu is %g; above 0 was expected", key,
                             i, (*ret_weights)[i]);
    return 0;
}

/* What was written before it was measured has none. */
static int read_force_error(const json_t *root, struct asim_pca *pca,
                            struct asim_error *err)
{
    pca->force_error = NAN;
    return json_object_get(root, "force_error")
               ? asim_json_double(root, "force_error", &pca->force_error, err)
               : 0;
}

static int read_members(const json_t *root, struct asim_pca *pca,
                        struct asim_error *err)
{
    char format[64];
    size_t atoms;
    int64_t system;
    if (asim_json_text(root, "format", format, sizeof format, err) < 0)
        return -1;
    if (strcmp(format, "autosim-pca 3") != 0)
        return asim_fail(
            err, ASIM_EINPUT,
            "member 'format' is '%s'; 'autosim-pca 3' was expected; run 'autosim "
            "pca' again",
            format);
    if (asim_json_int64(root, "n_system_atoms", &system, err) < 0)
        return -1;
    if (system < 0)
        return asim_fail(err, ASIM_EINPUT, "member 'n_system_atoms' is negative");
    pca->system_atom_count = (size_t)system;
    if (read_count(root, "n_frames", &pca->frame_count, err) < 0 ||
        read_count(root, "n_atoms", &pca->atom_count, err) < 0 ||
        read_count(root, "n_components", &pca->component_count, err) < 0 ||
        read_atoms(root, "atom_indices", &atoms, &pca->atom_indices, err) < 0 ||
        read_atoms(root, "align_atom_indices", &pca->align_count, &pca->align_indices,
                   err) < 0)
        return -1;
    if (atoms != pca->atom_count || pca->align_count < 3)
        return asim_fail(err, ASIM_EINPUT,
                         "%zu atom_indices and %zu align_atom_indices do not fit "
                         "n_atoms %zu",
                         atoms, pca->align_count, pca->atom_count);
    if (read_doubles(root, "eigenvalues_nm2", pca->component_count,
                     &pca->eigenvalues_nm2, err) < 0 ||
        read_doubles(root, "cosine_content", pca->component_count, &pca->cosine_content,
                     err) < 0 ||
        read_doubles(root, "mean_nm", 3 * pca->atom_count, &pca->mean_nm, err) < 0 ||
        read_doubles(root, "reference_nm", 3 * pca->align_count, &pca->reference_nm,
                     err) < 0 ||
        asim_json_double(root, "total_variance_nm2", &pca->total_variance_nm2, err) <
            0 ||
        asim_json_double(root, "rmsip", &pca->rmsip, err) < 0 ||
        read_force_error(root, pca, err) < 0 ||
        asim_json_double(root, "computation_time_ms", &pca->computation_time_ms, err) <
            0 ||
        asim_json_double(root, "peak_memory_mb", &pca->peak_memory_mb, err) < 0 ||
        asim_json_text(root, "selection", pca->selection, sizeof pca->selection, err) <
            0 ||
        asim_json_text(root, "align_selection", pca->align_selection,
                       sizeof pca->align_selection, err) < 0 ||
        asim_json_text(root, "memory_plan", pca->plan, sizeof pca->plan, err) < 0 ||
        read_pbc(root, &pca->pbc, err) < 0 ||
        read_reference(root, &pca->reference, err) < 0 ||
        read_weights(root, "fit_weights", pca->align_count, &pca->fit_weights, err) <
            0 ||
        read_weights(root, "pca_scales", pca->atom_count, &pca->pca_scales, err) < 0 ||
        read_word(root, "mode", "streaming", "memory", &pca->streaming, err) < 0)
        return -1;
    const json_t *same = json_object_get(root, "align_same");
    if (!json_is_boolean(same))
        return asim_fail(err, ASIM_EINPUT,
                         "member 'align_same' is missing or neither true nor false");
    pca->align_same = json_is_true(same);
    return 0;
}

/* Opens folder/name, which must hold rows x columns numbers. */
static FILE *open_matrix(const char *folder, const char *name, size_t rows,
                         size_t columns, struct asim_error *err)
{
    char *path = asim_path_join(folder, name, err);
    FILE *file = NULL;
    size_t shape[2];
    int dimensions;
    if (!path || asim_npy_open(path, &file, shape, &dimensions, err) < 0)
        goto out;
    if (dimensions != 2 || shape[0] != rows || shape[1] != columns) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' does not hold the %zu x %zu numbers that pca.json beside it "
                  "promises",
                  path, rows, columns);
        fclose(file);
        file = NULL;
    }
out:
    free(path);
    return file;
}

static int read_row(FILE *file, const char *name, double *row, size_t columns,
                    struct asim_error *err)
{
    if (fread(row, sizeof *row, columns, file) == columns)
        return 0;
    return asim_fail(err, ASIM_EIO, "cannot read '%s'", name);
}

static int read_frames(const char *folder, struct asim_pca *pca, struct asim_error *err)
{
    FILE *file = open_matrix(folder, "frames.npy", pca->frame_count, 2, err);
    int rc = file ? 0 : -1;
    for (size_t f = 0; rc == 0 && f < pca->frame_count; f++) {
        double row[2];
        rc = read_row(file, "frames.npy", row, 2, err);
        if (rc < 0)
            break;
        if (!(row[1] >= 0.0 && row[1] < 9007199254740992.0 && row[1] == floor(row[1])))
            rc = asim_fail(err, ASIM_EINPUT,
                           "'frames.npy': row %zu (from 0) has frame number %g", f,
                           row[1]);
        else if (!isfinite(row[0]))
            rc = asim_fail(err, ASIM_EINPUT,
                           "'frames.npy': row %zu (from 0) has time %g", f, row[0]);
        pca->time_ps[f] = row[0];
        pca->frame_indices[f] = rc == 0 ? (uint64_t)row[1] : 0;
        if (f % ASIM_RELEASE_FRAMES == ASIM_RELEASE_FRAMES - 1)
            asim_pca_storage_release(pca);
    }
    if (file)
        fclose(file);
    return rc;
}

static int read_projections(const char *folder, struct asim_pca *pca,
                            struct asim_error *err)
{
    size_t k = pca->component_count, frames = pca->frame_count;
    double *row = asim_alloc_array(k, sizeof *row, err);
    FILE *file = row ? open_matrix(folder, "proj.npy", frames, k, err) : NULL;
    int rc = file ? 0 : -1;
    for (size_t f = 0; rc == 0 && f < frames; f++) {
        rc = read_row(file, "proj.npy", row, k, err);
        for (size_t i = 0; i < k; i++)
            pca->projections_nm[i * frames + f] = row[i];
        if (f % ASIM_RELEASE_FRAMES == ASIM_RELEASE_FRAMES - 1)
            asim_pca_storage_release(pca);
    }
    if (file)
        fclose(file);
    free(row);
    return rc;
}

static int read_vectors(const char *folder, struct asim_pca *pca,
                        struct asim_error *err)
{
    size_t k = pca->component_count, size = 3 * pca->atom_count;
    FILE *file = open_matrix(folder, "eigenvec.npy", k, size, err);
    if (!file)
        return -1;
    pca->eigenvectors = asim_alloc_array(k, size * sizeof(double), err);
    int rc = pca->eigenvectors ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < k; i++)
        rc = read_row(file, "eigenvec.npy", pca->eigenvectors + i * size, size, err);
    fclose(file);
    return rc;
}

/* Larger arrays than this stay in a file. */
static const uint64_t HEAP_BYTES = (uint64_t)64 << 20;

static int read_arrays(const char *folder, struct asim_pca *pca, struct asim_error *err)
{
    size_t k = pca->component_count, frames = pca->frame_count;
    if (read_vectors(folder, pca, err) < 0)
        return -1;
    /* The file must be as long as is promised before room is made for that. */
    FILE *file = open_matrix(folder, "proj.npy", frames, k, err);
    if (!file)
        return -1;
    fclose(file);
    bool spilled = asim_pca_storage_bytes(frames, k) > HEAP_BYTES;
    if (asim_pca_storage_create(pca, frames, k, spilled, NULL, err) < 0 ||
        read_frames(folder, pca, err) < 0)
        return -1;
    return read_projections(folder, pca, err);
}

int asim_pca_read(const char *folder, struct asim_pca *ret_pca, struct asim_error *err)
{
    struct asim_pca pca = {0};
    json_t *root = NULL;
    int rc = -1;
    char *path = asim_path_join(folder, "pca.json", err);
    if (!path || asim_json_read(path, &root, err) < 0)
        goto out;
    if (read_members(root, &pca, err) < 0) {
        asim_wrap(err, "'%s'", path);
        goto out;
    }
    if (read_arrays(folder, &pca, err) < 0)
        goto out;
    *ret_pca = pca;
    pca = (struct asim_pca){0};
    rc = 0;
out:
    json_decref(root);
    free(path);
    asim_pca_finish(&pca);
    return rc;
}
