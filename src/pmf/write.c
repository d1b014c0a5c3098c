/*
 * The profile as files: pmf.xvg, pmf.csv, overlap.csv, pmf.npz, pmf.json. Text files
 * carry enough digits to plot, pmf.json all of them (asim_pmf_read gets the same
 * doubles back).
 */
#include <autosim/pmf.h>

#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "formats/npz.h"

static void write_xvg(const struct asim_pmf *pmf, FILE *stream)
{
    char label[240];
    asim_coordinate_label(pmf->coordinate, pmf->unit, label, sizeof label);
    fprintf(stream,
            "# Free-energy profile at %g K; errors are one standard error against the\n"
            "# profile's mean offset. %s\n"
            "@    title \"Free-energy profile\"\n"
            "@    xaxis  label \"%s\"\n"
            "@    yaxis  label \"PMF (kJ/mol)\"\n"
            "@TYPE xydy\n"
            "@ s0 legend \"PMF (kJ/mol), standard error (kJ/mol)\"\n",
            pmf->temperature_kelvin, pmf->verdict, label);
    for (size_t bin = 0; bin < pmf->bin_count; bin++) {
        if (bin > 0 && pmf->segment[bin] != pmf->segment[bin - 1])
            fputs("&\n", stream); /* another data set, with a zero of its own */
        if (isfinite(pmf->pmf_kj_mol[bin]))
            fprintf(stream, "%14.8g %14.8g %14.6g\n", pmf->x_nm[bin],
                    pmf->pmf_kj_mol[bin], pmf->error_kj_mol[bin]);
        else
            fprintf(stream, "# no sample at %.8g\n", pmf->x_nm[bin]);
    }
}

static void write_csv(const struct asim_pmf *pmf, FILE *stream)
{
    const double *bootstrap = pmf->bootstrap_error_kj_mol;
    fprintf(stream, "x_nm,pmf_kj_mol,error_kj_mol,band_kj_mol%s\n",
            bootstrap ? ",bootstrap_error_kj_mol" : "");
    for (size_t bin = 0; bin < pmf->bin_count; bin++) {
        fprintf(stream, "%.10g", pmf->x_nm[bin]);
        const double values[] = {pmf->pmf_kj_mol[bin], pmf->error_kj_mol[bin],
                                 pmf->band_kj_mol[bin],
                                 bootstrap ? bootstrap[bin] : NAN};
        for (size_t i = 0; i < (bootstrap ? 4 : 3); i++) {
            if (isfinite(values[i]))
                fprintf(stream, ",%.10g", values[i]);
            else
                fputc(',', stream); /* an empty field: no value */
        }
        fputc('\n', stream);
    }
}

static void write_overlap(const struct asim_pmf *pmf, FILE *stream)
{
    fputs("window", stream);
    for (size_t k = 0; k < pmf->window_count; k++)
        fprintf(stream, ",%zu", k);
    fputc('\n', stream);
    for (size_t i = 0; i < pmf->window_count; i++) {
        fprintf(stream, "%zu", i);
        for (size_t j = 0; j < pmf->window_count; j++)
            fprintf(stream, ",%.6g", pmf->overlap[i * pmf->window_count + j]);
        fputc('\n', stream);
    }
}

static int write_text(const struct asim_pmf *pmf, const char *folder, const char *name,
                      void (*write)(const struct asim_pmf *, FILE *),
                      struct asim_error *err)
{
    struct asim_output output = {0};
    int rc = -1;
    char *path = asim_path_join(folder, name, err);
    if (!path)
        return -1;
    if (asim_output_open(path, &output, err) < 0)
        goto out;
    write(pmf, output.stream);
    rc = asim_output_commit(&output, err);
    asim_output_close(&output);
out:
    free(path);
    return rc;
}

static json_t *overlap_json(const struct asim_pmf *pmf)
{
    json_t *rows = json_array();
    for (size_t i = 0; rows && i < pmf->window_count; i++)
        if (json_array_append_new(
                rows, asim_json_number_array(&pmf->overlap[i * pmf->window_count],
                                             pmf->window_count)) < 0) {
            json_decref(rows);
            return NULL;
        }
    return rows;
}

static json_t *segment_json(const struct asim_pmf *pmf)
{
    json_t *list = json_array();
    for (size_t bin = 0; list && bin < pmf->bin_count; bin++)
        if (json_array_append_new(list, json_integer(pmf->segment[bin])) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *ids_json(const struct asim_pmf *pmf)
{
    json_t *list = json_array();
    for (size_t k = 0; list && k < pmf->window_count; k++)
        if (json_array_append_new(list, json_integer(pmf->window_ids[k])) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* Centre, force constant and number of samples of each window, as a list each. */
static json_t *window_json(const struct asim_pmf *pmf, int what)
{
    json_t *list = json_array();
    for (size_t k = 0; list && k < pmf->window_count; k++) {
        double value = what == 0   ? pmf->window_bias[k].centre_nm
                       : what == 1 ? pmf->window_bias[k].force_constant_kj_mol_nm2
                                   : (double)pmf->sample_count[k];
        if (json_array_append_new(list, asim_json_number(value)) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *gates_json(const struct asim_pmf *pmf)
{
    json_t *gates = json_array();
    for (size_t i = 0; gates && i < pmf->gate_count; i++) {
        const struct asim_gate *gate = &pmf->gates[i];
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

/* The lists first: members of a wrong type (no memory) make json_object_set fail. */
static int write_json(const struct asim_pmf *pmf, const char *folder,
                      struct asim_error *err)
{
    size_t bins = pmf->bin_count, count = pmf->window_count;
    const struct {
        const char *key;
        json_t *value;
    } members[] = {
        {"temperature_kelvin", asim_json_number(pmf->temperature_kelvin)},
        {"period", pmf->period_nm > 0 ? asim_json_number(pmf->period_nm) : json_null()},
        {"coordinate", asim_json_string(pmf->coordinate)},
        {"unit", asim_json_string(pmf->unit)},
        {"x_nm", asim_json_number_array(pmf->x_nm, bins)},
        {"segment", segment_json(pmf)},
        {"pmf_kj_mol", asim_json_number_array(pmf->pmf_kj_mol, bins)},
        {"error_kj_mol", asim_json_number_array(pmf->error_kj_mol, bins)},
        {"band_kj_mol", asim_json_number_array(pmf->band_kj_mol, bins)},
        {"bootstrap_error_kj_mol",
         pmf->bootstrap_error_kj_mol
             ? asim_json_number_array(pmf->bootstrap_error_kj_mol, bins)
             : json_null()},
        {"window_ids", ids_json(pmf)},
        {"centre_nm", window_json(pmf, 0)},
        {"force_constant_kj_mol_nm2", window_json(pmf, 1)},
        {"sample_count", window_json(pmf, 2)},
        {"variance_share", asim_json_number_array(pmf->variance_share, count)},
        {"target_kj_mol",
         pmf->target_kj_mol > 0 ? asim_json_number(pmf->target_kj_mol) : json_null()},
        {"widest_band_kj_mol", asim_json_number(pmf->widest_band_kj_mol)},
        {"f_k_kj_mol", asim_json_number_array(pmf->f_k_kj_mol, count)},
        {"residual", asim_json_number(pmf->residual)},
        {"iterations", json_integer(pmf->iterations)},
        {"overlap", overlap_json(pmf)},
        {"neighbour_overlap", asim_json_number_array(pmf->neighbour_overlap, count)},
        {"inefficiency", asim_json_number_array(pmf->inefficiency, count)},
        {"mean_nm", asim_json_number_array(pmf->mean_nm, count)},
        {"sd_nm", asim_json_number_array(pmf->sd_nm, count)},
        {"share", asim_json_number_array(pmf->share, pmf->convergence_count)},
        {"forward_kj_mol",
         asim_json_number_array(pmf->forward_kj_mol, pmf->convergence_count)},
        {"backward_kj_mol",
         asim_json_number_array(pmf->backward_kj_mol, pmf->convergence_count)},
        {"from_nm", asim_json_number(pmf->from_nm)},
        {"to_nm", asim_json_number(pmf->to_nm)},
        {"height_error_kj_mol", asim_json_number(pmf->height_error_kj_mol)},
        {"gates", gates_json(pmf)},
        {"trustworthy", json_boolean(pmf->trustworthy)},
        {"connected", json_boolean(pmf->connected)},
        {"verdict", asim_json_string(pmf->verdict)},
    };
    int rc = 0;
    json_t *root = json_object();
    char *path = asim_path_join(folder, "pmf.json", err);
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

static int write_npz(const struct asim_pmf *pmf, const char *folder,
                     struct asim_error *err)
{
    size_t bins = pmf->bin_count, count = pmf->window_count;
    const struct asim_npz_array arrays[] = {
        {"x_nm", pmf->x_nm, {bins, 0}, 1},
        {"pmf_kj_mol", pmf->pmf_kj_mol, {bins, 0}, 1},
        {"error_kj_mol", pmf->error_kj_mol, {bins, 0}, 1},
        {"band_kj_mol", pmf->band_kj_mol, {bins, 0}, 1},
        {"f_k_kj_mol", pmf->f_k_kj_mol, {count, 0}, 1},
        {"overlap", pmf->overlap, {count, count}, 2},
    };
    char *path = asim_path_join(folder, "pmf.npz", err);
    int rc =
        path ? asim_npz_write(path, arrays, sizeof arrays / sizeof *arrays, err) : -1;
    free(path);
    return rc;
}

int asim_pmf_write(const struct asim_pmf *pmf, const char *folder,
                   struct asim_error *err)
{
    if (write_text(pmf, folder, "pmf.xvg", write_xvg, err) < 0 ||
        write_text(pmf, folder, "pmf.csv", write_csv, err) < 0 ||
        write_npz(pmf, folder, err) < 0 ||
        write_text(pmf, folder, "overlap.csv", write_overlap, err) < 0 ||
        write_json(pmf, folder, err) < 0)
        return -1;
    return 0;
}
