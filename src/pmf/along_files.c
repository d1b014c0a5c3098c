/*
 * The profile along another coordinate as files: along.csv, along.json, and of the
 * plane pmf2d.csv and pmf2d.npz. along.json has all digits and comes back.
 */
#include <autosim/pmf.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "formats/npz.h"

static const char *const names[] = {"along.csv", "along.json", "pmf2d.csv",
                                    "pmf2d.npz"};

static void write_number(FILE *stream, double value)
{
    if (isfinite(value))
        fprintf(stream, ",%.10g", value);
    else
        fputc(',', stream); /* an empty field: no value */
}

static void write_profile(const struct asim_along *along, FILE *stream)
{
    fputs("y,pmf_kj_mol,error_kj_mol,band_kj_mol,effective_samples\n", stream);
    for (size_t bin = 0; bin < along->bin_count; bin++) {
        fprintf(stream, "%.10g", along->y[bin]);
        write_number(stream, along->pmf_kj_mol[bin]);
        write_number(stream, along->error_kj_mol[bin]);
        write_number(stream, along->band_kj_mol[bin]);
        fprintf(stream, ",%.6g\n", along->effective_samples[bin]);
    }
}

static void write_plane(const struct asim_along *along, FILE *stream)
{
    fputs("x_nm,y,pmf_kj_mol,error_kj_mol\n", stream);
    for (size_t i = 0; i < along->x_count; i++)
        for (size_t bin = 0; bin < along->bin_count; bin++) {
            size_t cell = i * along->bin_count + bin;
            fprintf(stream, "%.10g,%.10g", along->x_nm[i], along->y[bin]);
            write_number(stream, along->plane_kj_mol[cell]);
            write_number(stream, along->plane_error_kj_mol[cell]);
            fputc('\n', stream);
        }
}

static int write_text(const struct asim_along *along, const char *folder,
                      const char *name,
                      void (*write)(const struct asim_along *, FILE *),
                      struct asim_error *err)
{
    struct asim_output output = {0};
    char *path = asim_path_join(folder, name, err);
    int rc = -1;
    if (path && asim_output_open(path, &output, err) == 0) {
        write(along, output.stream);
        rc = asim_output_commit(&output, err);
        asim_output_close(&output);
    }
    free(path);
    return rc;
}

static json_t *gates_json(const struct asim_along *along)
{
    json_t *gates = json_array();
    for (size_t i = 0; gates && i < along->gate_count; i++) {
        const struct asim_gate *gate = &along->gates[i];
        json_t *object =
            json_pack("{s:s, s:b, s:o, s:o, s:s}", "name", gate->name, "pass",
                      (int)gate->pass, "value", asim_json_number(gate->value), "limit",
                      asim_json_number(gate->limit), "sentence", gate->sentence);
        if (json_array_append_new(gates, object) < 0) {
            json_decref(gates);
            return NULL;
        }
    }
    return gates;
}

static int write_json(const struct asim_along *along, const char *folder,
                      struct asim_error *err)
{
    size_t bins = along->bin_count, cells = along->x_count * bins;
    const struct {
        const char *key;
        json_t *value;
    } members[] = {
        {"x_coordinate", asim_json_string(along->x_coordinate)},
        {"x_unit", asim_json_string(along->x_unit)},
        {"coordinate", asim_json_string(along->coordinate)},
        {"unit", asim_json_string(along->unit)},
        {"temperature_kelvin", asim_json_number(along->temperature_kelvin)},
        {"sample_count", json_integer((json_int_t)along->sample_count)},
        {"y", asim_json_number_array(along->y, bins)},
        {"pmf_kj_mol", asim_json_number_array(along->pmf_kj_mol, bins)},
        {"error_kj_mol", asim_json_number_array(along->error_kj_mol, bins)},
        {"band_kj_mol", asim_json_number_array(along->band_kj_mol, bins)},
        {"effective_samples", asim_json_number_array(along->effective_samples, bins)},
        {"x_nm", asim_json_number_array(along->x_nm, along->x_count)},
        {"plane_kj_mol", asim_json_number_array(along->plane_kj_mol, cells)},
        {"plane_error_kj_mol",
         asim_json_number_array(along->plane_error_kj_mol, cells)},
        {"gates", gates_json(along)},
        {"trustworthy", json_boolean(along->trustworthy)},
        {"verdict", asim_json_string(along->verdict)},
    };
    int rc = 0;
    json_t *root = json_object();
    char *path = asim_path_join(folder, "along.json", err);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (json_object_set_new(root, members[i].key, members[i].value) < 0)
            rc = -1;
    if (rc < 0)
        asim_fail(err, ASIM_ENOMEM, "no memory to write the profile to '%s'", folder);
    else
        rc = path ? asim_json_write(path, root, err) : -1;
    free(path);
    json_decref(root);
    return rc;
}

static int write_npz(const struct asim_along *along, const char *folder,
                     struct asim_error *err)
{
    size_t bins = along->bin_count, columns = along->x_count;
    const struct asim_npz_array arrays[] = {
        {"x_nm", along->x_nm, {columns, 0}, 1},
        {"y", along->y, {bins, 0}, 1},
        {"pmf_kj_mol", along->plane_kj_mol, {columns, bins}, 2},
        {"error_kj_mol", along->plane_error_kj_mol, {columns, bins}, 2},
    };
    char *path = asim_path_join(folder, "pmf2d.npz", err);
    int rc =
        path ? asim_npz_write(path, arrays, sizeof arrays / sizeof *arrays, err) : -1;
    free(path);
    return rc;
}

int asim_along_write(const struct asim_along *along, const char *folder,
                     struct asim_error *err)
{
    if (write_text(along, folder, "along.csv", write_profile, err) < 0 ||
        write_text(along, folder, "pmf2d.csv", write_plane, err) < 0 ||
        write_npz(along, folder, err) < 0)
        return -1;
    return write_json(along, folder, err);
}

int asim_along_remove(const char *folder, struct asim_error *err)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = asim_path_join(folder, names[i], err);
        if (!path)
            return -1;
        if (unlink(path) < 0 && errno != ENOENT) {
            asim_fail(err, ASIM_EIO, "cannot remove '%s': %s", path, strerror(errno));
            free(path);
            return -1;
        }
        free(path);
    }
    return 0;
}

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

static int read_gates(const json_t *root, struct asim_along *along,
                      struct asim_error *err)
{
    const json_t *gates = json_object_get(root, "gates");
    if (!json_is_array(gates))
        return asim_fail(err, ASIM_EINPUT, "member 'gates' is missing or not a list");
    along->gate_count = json_array_size(gates);
    along->gates = asim_alloc_array(along->gate_count, sizeof *along->gates, err);
    if (!along->gates)
        return -1;
    for (size_t i = 0; i < along->gate_count; i++) {
        const json_t *object = json_array_get(gates, i);
        struct asim_gate *gate = &along->gates[i];
        gate->pass = json_is_true(json_object_get(object, "pass"));
        if (asim_json_text(object, "name", gate->name, sizeof gate->name, err) < 0 ||
            asim_json_double(object, "value", &gate->value, err) < 0 ||
            asim_json_double(object, "limit", &gate->limit, err) < 0 ||
            asim_json_text(object, "sentence", gate->sentence, sizeof gate->sentence,
                           err) < 0)
            return asim_wrap(err, "gate %zu", i);
    }
    return 0;
}

static int read_members(const json_t *root, struct asim_along *along,
                        struct asim_error *err)
{
    int64_t sample_count;
    if (asim_json_doubles(root, "y", &along->y, &along->bin_count, err) < 0 ||
        asim_json_doubles(root, "x_nm", &along->x_nm, &along->x_count, err) < 0)
        return -1;
    size_t bins = along->bin_count, cells;
    if (__builtin_mul_overflow(along->x_count, bins, &cells))
        return asim_fail(err, ASIM_EINPUT, "members 'x_nm' and 'y' are too long");
    if (read_list(root, "pmf_kj_mol", bins, &along->pmf_kj_mol, err) < 0 ||
        read_list(root, "error_kj_mol", bins, &along->error_kj_mol, err) < 0 ||
        read_list(root, "band_kj_mol", bins, &along->band_kj_mol, err) < 0 ||
        read_list(root, "effective_samples", bins, &along->effective_samples, err) <
            0 ||
        read_list(root, "plane_kj_mol", cells, &along->plane_kj_mol, err) < 0 ||
        read_list(root, "plane_error_kj_mol", cells, &along->plane_error_kj_mol, err) <
            0 ||
        read_gates(root, along, err) < 0)
        return -1;
    if (asim_json_text(root, "x_coordinate", along->x_coordinate,
                       sizeof along->x_coordinate, err) < 0 ||
        asim_json_text(root, "x_unit", along->x_unit, sizeof along->x_unit, err) < 0 ||
        asim_json_text(root, "coordinate", along->coordinate, sizeof along->coordinate,
                       err) < 0 ||
        asim_json_text(root, "unit", along->unit, sizeof along->unit, err) < 0 ||
        asim_json_text(root, "verdict", along->verdict, sizeof along->verdict, err) <
            0 ||
        asim_json_double(root, "temperature_kelvin", &along->temperature_kelvin, err) <
            0 ||
        asim_json_int64(root, "sample_count", &sample_count, err) < 0)
        return -1;
    along->sample_count = sample_count > 0 ? (size_t)sample_count : 0;
    along->trustworthy = json_is_true(json_object_get(root, "trustworthy"));
    return 0;
}

int asim_along_read(const char *folder, struct asim_along *ret_along,
                    struct asim_error *err)
{
    struct asim_along along = {0};
    json_t *root = NULL;
    int rc = -1;
    char *path = asim_path_join(folder, "along.json", err);
    if (!path)
        return -1;
    if (asim_json_read(path, &root, err) < 0)
        goto out;
    if (read_members(root, &along, err) < 0) {
        asim_wrap(err, "'%s'", path);
        goto out;
    }
    *ret_along = along;
    along = (struct asim_along){0};
    rc = 0;
out:
    json_decref(root);
    free(path);
    asim_along_finish(&along);
    return rc;
}
