/* pmf.json back into memory: every double as it was, null as NAN. */
#include <autosim/pmf.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

/* A list that must have `count` elements. */
static int read_list(const json_t *root, const char *key, size_t count,
                     double **ret_values, struct asim_error *err)
{
    size_t found;
    double *values;
    if (asim_json_doubles(root, key, &values, &found, err) < 0)
        return -1;
    if (found != count) {
        free(values);
        return asim_fail(err, ASIM_EINPUT,
                         "member '%s' has %zu numbers; %zu were expected", key, found,
                         count);
    }
    *ret_values = values;
    return 0;
}

static int read_flag(const json_t *object, const char *key, bool *ret_flag,
                     struct asim_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value))
        return asim_fail(err, ASIM_EINPUT,
                         "member '%s' is missing or not true or false", key);
    *ret_flag = json_is_true(value);
    return 0;
}

static int read_overlap(const json_t *root, struct asim_pmf *pmf,
                        struct asim_error *err)
{
    const json_t *rows = json_object_get(root, "overlap");
    size_t count = pmf->window_count;
    if (!json_is_array(rows) || json_array_size(rows) != count)
        return asim_fail(err, ASIM_EINPUT, "member 'overlap' is not a list of %zu rows",
                         count);
    pmf->overlap = asim_alloc_array(count, count * sizeof(double), err);
    if (!pmf->overlap)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const json_t *row = json_array_get(rows, i);
        if (!json_is_array(row) || json_array_size(row) != count)
            return asim_fail(err, ASIM_EINPUT,
                             "row %zu of member 'overlap' has not %zu numbers", i,
                             count);
        for (size_t j = 0; j < count; j++) {
            const json_t *value = json_array_get(row, j);
            if (!json_is_number(value) && !json_is_null(value))
                return asim_fail(err, ASIM_EINPUT,
                                 "row %zu of member 'overlap' holds what is no number",
                                 i);
            pmf->overlap[i * count + j] =
                json_is_null(value) ? NAN : json_number_value(value);
        }
    }
    return 0;
}

/* Segments are numbered without gaps; bin_count bounds them. */
static int read_segments(const json_t *root, struct asim_pmf *pmf,
                         struct asim_error *err)
{
    double *values = NULL;
    if (read_list(root, "segment", pmf->bin_count, &values, err) < 0)
        return -1;
    pmf->segment = asim_alloc_array(pmf->bin_count, sizeof *pmf->segment, err);
    for (size_t bin = 0; pmf->segment && bin < pmf->bin_count; bin++) {
        if (!(values[bin] >= 0 && values[bin] < (double)pmf->bin_count &&
              values[bin] == floor(values[bin]))) {
            asim_fail(err, ASIM_EINPUT,
                      "member 'segment': %g is no number of a segment", values[bin]);
            free(values);
            return -1;
        }
        pmf->segment[bin] = (uint32_t)values[bin];
        if (pmf->segment[bin] >= pmf->segment_count)
            pmf->segment_count = pmf->segment[bin] + (size_t)1;
    }
    free(values);
    return pmf->segment ? 0 : -1;
}

static int read_gates(const json_t *root, struct asim_pmf *pmf, struct asim_error *err)
{
    const json_t *gates = json_object_get(root, "gates");
    if (!json_is_array(gates))
        return asim_fail(err, ASIM_EINPUT, "member 'gates' is missing or not a list");
    pmf->gate_count = json_array_size(gates);
    pmf->gates = asim_alloc_array(pmf->gate_count, sizeof *pmf->gates, err);
    if (!pmf->gates)
        return -1;
    for (size_t i = 0; i < pmf->gate_count; i++) {
        const json_t *object = json_array_get(gates, i);
        struct asim_gate *gate = &pmf->gates[i];
        if (asim_json_text(object, "name", gate->name, sizeof gate->name, err) < 0 ||
            read_flag(object, "pass", &gate->pass, err) < 0 ||
            asim_json_double(object, "value", &gate->value, err) < 0 ||
            asim_json_double(object, "limit", &gate->limit, err) < 0 ||
            asim_json_text(object, "sentence", gate->sentence, sizeof gate->sentence,
                           err) < 0)
            return asim_wrap(err, "gate %zu", i);
    }
    return 0;
}

static int read_windows(const json_t *root, struct asim_pmf *pmf,
                        struct asim_error *err)
{
    size_t count = pmf->window_count;
    double *lists[4] = {NULL};
    static const char *const keys[] = {"window_ids", "centre_nm",
                                       "force_constant_kj_mol_nm2", "sample_count"};
    int rc = -1;
    for (size_t i = 0; i < 4; i++)
        if (read_list(root, keys[i], count, &lists[i], err) < 0)
            goto out;
    pmf->window_ids = asim_alloc_array(count, sizeof *pmf->window_ids, err);
    pmf->window_bias = asim_alloc_array(count, sizeof *pmf->window_bias, err);
    pmf->sample_count = asim_alloc_array(count, sizeof *pmf->sample_count, err);
    if (!pmf->window_ids || !pmf->window_bias || !pmf->sample_count)
        goto out;
    for (size_t k = 0; k < count; k++) {
        if (!(fabs(lists[0][k]) <= INT32_MAX && lists[3][k] >= 0 &&
              lists[3][k] <= UINT32_MAX)) {
            asim_fail(err, ASIM_EINPUT, "window %zu: id or sample_count out of range",
                      k);
            goto out;
        }
        pmf->window_ids[k] = (int)lists[0][k];
        pmf->window_bias[k] = (struct asim_bias){lists[1][k], lists[2][k]};
        pmf->sample_count[k] = (size_t)lists[3][k];
    }
    rc = 0;
out:
    for (size_t i = 0; i < 4; i++)
        free(lists[i]);
    return rc;
}

/* Files from before there were other coordinates have no labels. */
static int read_label(const json_t *root, const char *key, const char *usual,
                      char *ret_text, size_t size, struct asim_error *err)
{
    if (json_object_get(root, key))
        return asim_json_text(root, key, ret_text, size, err);
    snprintf(ret_text, size, "%s", usual);
    return 0;
}

/* Older files have none of it. */
static int read_convergence(const json_t *root, struct asim_pmf *pmf,
                            struct asim_error *err)
{
    if (!json_object_get(root, "share"))
        return 0;
    if (asim_json_doubles(root, "share", &pmf->share, &pmf->convergence_count, err) < 0)
        return -1;
    size_t count = pmf->convergence_count;
    if (read_list(root, "forward_kj_mol", count, &pmf->forward_kj_mol, err) < 0 ||
        read_list(root, "backward_kj_mol", count, &pmf->backward_kj_mol, err) < 0 ||
        asim_json_double(root, "from_nm", &pmf->from_nm, err) < 0 ||
        asim_json_double(root, "to_nm", &pmf->to_nm, err) < 0)
        return -1;
    return asim_json_double(root, "height_error_kj_mol", &pmf->height_error_kj_mol,
                            err);
}

static int read_members(const json_t *root, struct asim_pmf *pmf,
                        struct asim_error *err)
{
    int64_t iterations;
    if (asim_json_doubles(root, "x_nm", &pmf->x_nm, &pmf->bin_count, err) < 0 ||
        asim_json_doubles(root, "f_k_kj_mol", &pmf->f_k_kj_mol, &pmf->window_count,
                          err) < 0)
        return -1;
    size_t bins = pmf->bin_count, count = pmf->window_count;
    const json_t *target = json_object_get(root, "target_kj_mol");
    const json_t *period = json_object_get(root, "period");
    const json_t *bootstrap = json_object_get(root, "bootstrap_error_kj_mol");
    if (read_segments(root, pmf, err) < 0 ||
        read_list(root, "pmf_kj_mol", bins, &pmf->pmf_kj_mol, err) < 0 ||
        read_list(root, "error_kj_mol", bins, &pmf->error_kj_mol, err) < 0 ||
        read_list(root, "band_kj_mol", bins, &pmf->band_kj_mol, err) < 0 ||
        read_list(root, "inefficiency", count, &pmf->inefficiency, err) < 0 ||
        read_list(root, "mean_nm", count, &pmf->mean_nm, err) < 0 ||
        read_list(root, "sd_nm", count, &pmf->sd_nm, err) < 0)
        return -1;
    if (bootstrap && !json_is_null(bootstrap) &&
        read_list(root, "bootstrap_error_kj_mol", bins, &pmf->bootstrap_error_kj_mol,
                  err) < 0)
        return -1;
    if (read_overlap(root, pmf, err) < 0 || read_gates(root, pmf, err) < 0 ||
        asim_json_double(root, "residual", &pmf->residual, err) < 0 ||
        asim_json_double(root, "temperature_kelvin", &pmf->temperature_kelvin, err) <
            0 ||
        asim_json_int64(root, "iterations", &iterations, err) < 0 ||
        read_flag(root, "trustworthy", &pmf->trustworthy, err) < 0 ||
        read_flag(root, "connected", &pmf->connected, err) < 0 ||
        asim_json_text(root, "verdict", pmf->verdict, sizeof pmf->verdict, err) < 0)
        return -1;
    if (read_list(root, "variance_share", count, &pmf->variance_share, err) < 0 ||
        read_windows(root, pmf, err) < 0 ||
        asim_json_double(root, "widest_band_kj_mol", &pmf->widest_band_kj_mol, err) < 0)
        return -1;
    if (json_object_get(root, "neighbour_overlap") && /* not in older files */
        read_list(root, "neighbour_overlap", count, &pmf->neighbour_overlap, err) < 0)
        return -1;
    if (read_convergence(root, pmf, err) < 0 ||
        read_label(root, "coordinate", "PC1", pmf->coordinate, sizeof pmf->coordinate,
                   err) < 0 ||
        read_label(root, "unit", "nm", pmf->unit, sizeof pmf->unit, err) < 0)
        return -1;
    pmf->period_nm = json_is_number(period) ? json_number_value(period) : 0;
    pmf->target_kj_mol = json_is_number(target) ? json_number_value(target) : 0;
    if (iterations < 0 || iterations > INT32_MAX)
        return asim_fail(err, ASIM_EINPUT, "member 'iterations' is out of range");
    pmf->iterations = (int)iterations;
    return 0;
}

int asim_pmf_read(const char *folder, struct asim_pmf *ret_pmf, struct asim_error *err)
{
    struct asim_pmf pmf = {0};
    json_t *root = NULL;
    int rc = -1;
    char *path = asim_path_join(folder, "pmf.json", err);
    if (!path)
        return -1;
    if (asim_json_read(path, &root, err) < 0)
        goto out;
    if (read_members(root, &pmf, err) < 0) {
        asim_wrap(err, "'%s'", path);
        goto out;
    }
    *ret_pmf = pmf;
    pmf = (struct asim_pmf){0};
    rc = 0;
out:
    json_decref(root);
    free(path);
    asim_pmf_finish(&pmf);
    return rc;
}
