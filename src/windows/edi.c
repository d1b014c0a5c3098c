/*
 * Essential-dynamics input for `gmx mdrun -ei`.
 *
 * Layout: `#NAME` comment lines alternate with values, in the order gmx make_edi
 * writes them; the reader of mdrun goes by position. Restraints are "flooding" vectors
 * of group 7 with HARMONIC 1: k stands in the field of the flooding strength.
 * Coordinates and vector components are free-format and carry 9 digits; the restraint's
 * own line is read with %7d%12lf%12lf%12lf and must keep to these widths.
 */
#include "windows/edi.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/units.h"

enum { EDI_MAGIC = 670, RESTRAINT_FIELD = 12, VECTOR_GROUPS = 7 };

double asim_edi_round_centre(double centre_nm)
{
    return round(centre_nm * 1e6) / 1e6;
}

double asim_edi_round_force_constant(double force_constant_kj_mol_nm2)
{
    /* 4 digits say all there is to say about a stiffness. */
    char text[32];
    snprintf(text, sizeof text, "%.3e", force_constant_kj_mol_nm2);
    return strtod(text, NULL);
}

void asim_edi_finish(struct asim_edi *edi)
{
    if (!edi)
        return;
    free(edi->atom_indices);
    free(edi->reference_nm);
    free(edi->average_nm);
    free(edi->vector);
    *edi = (struct asim_edi){0};
}

static void write_structure(FILE *out, const char *names, const uint32_t *atoms,
                            const double *x_nm, size_t count)
{
    fprintf(out, "#%s\n %zu\n", names, count);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%" PRIu32 " %.9f %.9f %.9f\n", atoms[i] + 1, x_nm[3 * i],
                x_nm[3 * i + 1], x_nm[3 * i + 2]);
}

/* A number for a field of 12 characters: the most decimals, up to 6, that fit. */
static int restraint_number(double value, char ret_text[32], struct asim_error *err)
{
    for (int decimals = 6; decimals >= 0; decimals--) {
        int length = snprintf(ret_text, 32, "%.*f", decimals, value);
        if (length <= RESTRAINT_FIELD && strtod(ret_text, NULL) == value)
            return 0;
    }
    return asim_fail(
        err, ASIM_EINPUT,
        "the number %.17g does not fit a field of %d characters of an .edi "
        "file without loss",
        value, RESTRAINT_FIELD);
}

static int compose(const struct asim_pca *pca, const struct asim_bias *bias,
                   size_t system_atom_count, int64_t sample_steps,
                   double temperature_kelvin, char **ret_text, struct asim_error *err)
{
    char centre[32], force_constant[32];
    if (restraint_number(bias->centre_nm, centre, err) < 0 ||
        restraint_number(bias->force_constant_kj_mol_nm2, force_constant, err) < 0)
        return -1;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return asim_fail(err, ASIM_ENOMEM, "no memory for an .edi file");
    fprintf(out, "#MAGIC\n %d\n#NINI\n %zu\n#FITMAS\n 0\n#ANALYSIS_MAS\n 0\n",
            EDI_MAGIC, system_atom_count);
    fprintf(out, "#OUTFRQ\n %" PRId64 "\n#MAXLEN\n 0\n#SLOPECRIT\n 0.0\n",
            sample_steps);
    fprintf(out, "#PRESTEPS\n 0\n#DELTA_F0\n 0.0\n#INIT_DELTA_F\n 0.0\n#TAU\n 0.0\n");
    fprintf(out, "#EFL_NULL\n -1.0\n#ALPHA2\n -1.0\n#KT\n %.6f\n#HARMONIC\n 1\n",
            ASIM_KB_KJ_MOL_K * temperature_kelvin);
    fprintf(out, "#CONST_FORCE_FLOODING\n 0\n");
    write_structure(out, "NREF, XREF", pca->align_indices, pca->reference_nm,
                    pca->align_count);
    write_structure(out, "NAV, XAV", pca->atom_indices, pca->mean_nm, pca->atom_count);
    for (int group = 1; group < VECTOR_GROUPS; group++)
        fprintf(out, "# NUMBER OF EIGENVECTORS + COMPONENTS GROUP %d\n 0\n", group);
    fprintf(out, "# NUMBER OF EIGENVECTORS + COMPONENTS GROUP %d\n 1\n", VECTOR_GROUPS);
    fprintf(out, "%7d %s %s 0.0\n", 1, force_constant, centre);
    for (size_t i = 0; i < pca->atom_count; i++)
        fprintf(out, " %.9f %.9f %.9f\n", pca->eigenvectors[3 * i],
                pca->eigenvectors[3 * i + 1], pca->eigenvectors[3 * i + 2]);
    fprintf(out, "#NTARGET, XTARGET\n 0\n#NORIGIN, XORIGIN\n 0\n");
    if (fclose(out) != 0) {
        free(text);
        return asim_fail(err, ASIM_ENOMEM, "no memory for an .edi file");
    }
    *ret_text = text;
    return 0;
}

/* ---- reading, as mdrun does ---- */

struct cursor {
    const char *next;
    size_t line_number;
    char line[256]; /* the current one */
};

/* The next line that is no `#` comment. */
static int next_line(struct cursor *cursor, struct asim_error *err)
{
    for (;;) {
        if (*cursor->next == '\0')
            return asim_fail(err, ASIM_EINPUT, ".edi line %zu: the file ends too early",
                             cursor->line_number);
        size_t length = strcspn(cursor->next, "\n");
        cursor->line_number++;
        if (length >= sizeof cursor->line)
            return asim_fail(err, ASIM_EINPUT,
                             ".edi line %zu: longer than %zu characters",
                             cursor->line_number, sizeof cursor->line - 1);
        memcpy(cursor->line, cursor->next, length);
        cursor->line[length] = '\0';
        cursor->next += length + (cursor->next[length] == '\n');
        if (cursor->line[0] != '#')
            return 0;
    }
}

static int next_number(struct cursor *cursor, const char *name, double *ret_value,
                       struct asim_error *err)
{
    if (next_line(cursor, err) < 0)
        return -1;
    if (sscanf(cursor->line, "%lf", ret_value) != 1 || !isfinite(*ret_value))
        return asim_fail(err, ASIM_EINPUT, ".edi line %zu: no number for %s: '%s'",
                         cursor->line_number, name, cursor->line);
    return 0;
}

static int next_count(struct cursor *cursor, const char *name, size_t limit,
                      size_t *ret_count, struct asim_error *err)
{
    double value;
    if (next_number(cursor, name, &value, err) < 0)
        return -1;
    if (value < 0 || value > (double)limit || value != floor(value))
        return asim_fail(
            err, ASIM_EINPUT,
            ".edi line %zu: %s is %g; a whole number up to %zu was expected",
            cursor->line_number, name, value, limit);
    *ret_count = (size_t)value;
    return 0;
}

/* Numbers that must have one value, because this kind of restraint needs it. */
static int expect_numbers(struct cursor *cursor, const char *const *names,
                          const double *values, size_t count, struct asim_error *err)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        if (next_number(cursor, names[i], &value, err) < 0)
            return -1;
        if (value != values[i])
            return asim_fail(err, ASIM_EINPUT,
                             ".edi line %zu: %s is %g; %g was expected",
                             cursor->line_number, names[i], value, values[i]);
    }
    return 0;
}

static int read_structure(struct cursor *cursor, const char *name,
                          size_t system_atom_count, size_t *ret_count,
                          uint32_t **ret_atoms, double **ret_x_nm,
                          struct asim_error *err)
{
    size_t count;
    if (next_count(cursor, name, system_atom_count, &count, err) < 0)
        return -1;
    *ret_atoms = asim_alloc_array(count, sizeof **ret_atoms, err);
    *ret_x_nm = asim_alloc_array(count, 3 * sizeof **ret_x_nm, err);
    if (!*ret_atoms || !*ret_x_nm)
        return -1;
    for (size_t i = 0; i < count; i++) {
        double *x = *ret_x_nm + 3 * i;
        uint32_t atom;
        if (next_line(cursor, err) < 0)
            return -1;
        if (sscanf(cursor->line, "%" SCNu32 "%lf%lf%lf", &atom, &x[0], &x[1], &x[2]) !=
            4)
            return asim_fail(err, ASIM_EINPUT,
                             ".edi line %zu: atom number and three coordinates were "
                             "expected: '%s'",
                             cursor->line_number, cursor->line);
        if (atom < 1 || atom > system_atom_count)
            return asim_fail(err, ASIM_EINPUT,
                             ".edi line %zu: atom %" PRIu32 " of a system of %zu atoms",
                             cursor->line_number, atom, system_atom_count);
        (*ret_atoms)[i] = atom - 1;
    }
    *ret_count = count;
    return 0;
}

static int read_restraint(struct cursor *cursor, struct asim_edi *edi,
                          struct asim_error *err)
{
    for (int group = 1; group <= VECTOR_GROUPS; group++) {
        size_t count, wanted = group == VECTOR_GROUPS ? 1 : 0;
        if (next_count(cursor, "the number of vectors", 1, &count, err) < 0)
            return -1;
        if (count != wanted)
            return asim_fail(
                err, ASIM_EINPUT,
                ".edi line %zu: %zu vectors in group %d; %zu were expected",
                cursor->line_number, count, group, wanted);
    }
    int number;
    if (next_line(cursor, err) < 0)
        return -1;
    if (sscanf(cursor->line, "%7d%12lf%12lf%12lf", &number,
               &edi->bias.force_constant_kj_mol_nm2, &edi->bias.centre_nm,
               &edi->slope_nm_step) != 4)
        return asim_fail(err, ASIM_EINPUT,
                         ".edi line %zu: number, force constant, centre and slope were "
                         "expected: '%s'",
                         cursor->line_number, cursor->line);
    edi->vector = asim_alloc_array(edi->atom_count, 3 * sizeof *edi->vector, err);
    if (!edi->vector)
        return -1;
    for (size_t i = 0; i < edi->atom_count; i++) {
        double *v = edi->vector + 3 * i;
        if (next_line(cursor, err) < 0)
            return -1;
        if (sscanf(cursor->line, "%lf%lf%lf", &v[0], &v[1], &v[2]) != 3)
            return asim_fail(err, ASIM_EINPUT,
                             ".edi line %zu: three components were expected: '%s'",
                             cursor->line_number, cursor->line);
    }
    return 0;
}

int asim_edi_parse(const char *text, struct asim_edi *ret_edi, struct asim_error *err)
{
    static const char *const head_names[] = {"FITMAS", "ANALYSIS_MAS"};
    static const char *const flood_names[] = {"MAXLEN",   "SLOPECRIT",    "PRESTEPS",
                                              "DELTA_F0", "INIT_DELTA_F", "TAU",
                                              "EFL_NULL", "ALPHA2"};
    static const double flood_values[] = {0, 0, 0, 0, 0, 0, -1, -1};
    static const char *const kind_names[] = {"HARMONIC", "CONST_FORCE_FLOODING"};
    struct cursor cursor = {.next = text};
    struct asim_edi edi = {0};
    uint32_t *average_atoms = NULL;
    size_t magic = 0, sample_steps = 0, average_count = 0;
    double kt;
    int rc = -1;
    if (next_count(&cursor, "MAGIC", 1000, &magic, err) < 0)
        goto out;
    if (magic != EDI_MAGIC) {
        asim_fail(err, ASIM_EINPUT, ".edi line %zu: magic %zu; %d was expected",
                  cursor.line_number, magic, EDI_MAGIC);
        goto out;
    }
    if (next_count(&cursor, "NINI", INT32_MAX, &edi.system_atom_count, err) < 0 ||
        expect_numbers(&cursor, head_names, (const double[]){0, 0}, 2, err) < 0 ||
        next_count(&cursor, "OUTFRQ", INT32_MAX, &sample_steps, err) < 0 ||
        expect_numbers(&cursor, flood_names, flood_values, 8, err) < 0 ||
        next_number(&cursor, "KT", &kt, err) < 0 ||
        expect_numbers(&cursor, kind_names, (const double[]){1, 0}, 2, err) < 0 ||
        read_structure(&cursor, "NREF", edi.system_atom_count, &edi.atom_count,
                       &edi.atom_indices, &edi.reference_nm, err) < 0 ||
        read_structure(&cursor, "NAV", edi.system_atom_count, &average_count,
                       &average_atoms, &edi.average_nm, err) < 0)
        goto out;
    if (average_count != edi.atom_count ||
        memcmp(average_atoms, edi.atom_indices,
               average_count * sizeof *average_atoms) != 0) {
        asim_fail(err, ASIM_EINPUT, ".edi: fit atoms and analysed atoms differ");
        goto out;
    }
    static const char *const tail_names[] = {"NTARGET", "NORIGIN"};
    if (read_restraint(&cursor, &edi, err) < 0 ||
        expect_numbers(&cursor, tail_names, (const double[]){0, 0}, 2, err) < 0)
        goto out;
    edi.sample_steps = (int64_t)sample_steps;
    *ret_edi = edi;
    edi = (struct asim_edi){0};
    rc = 0;
out:
    free(average_atoms);
    asim_edi_finish(&edi);
    return rc;
}

static double largest_difference(const double *a, const double *b, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(a[i] - b[i]));
    return largest;
}

/* What mdrun will read must be what was meant, to the digits written. */
static int verify(const char *text, const struct asim_pca *pca,
                  const struct asim_bias *bias, size_t system_atom_count,
                  int64_t sample_steps, struct asim_error *err)
{
    const double tolerance = 1e-9; /* half a unit of the 9th decimal, and its sum */
    struct asim_edi edi;
    if (asim_edi_parse(text, &edi, err) < 0)
        return asim_wrap(err, "the .edi file just written cannot be read back");
    size_t n = pca->atom_count;
    bool same =
        edi.system_atom_count == system_atom_count &&
        edi.sample_steps == sample_steps && edi.atom_count == n &&
        edi.slope_nm_step == 0 && edi.bias.centre_nm == bias->centre_nm &&
        edi.bias.force_constant_kj_mol_nm2 == bias->force_constant_kj_mol_nm2 &&
        memcmp(edi.atom_indices, pca->atom_indices, n * sizeof *edi.atom_indices) ==
            0 &&
        largest_difference(edi.reference_nm, pca->reference_nm, 3 * n) <= tolerance &&
        largest_difference(edi.average_nm, pca->mean_nm, 3 * n) <= tolerance &&
        largest_difference(edi.vector, pca->eigenvectors, 3 * n) <= tolerance;
    asim_edi_finish(&edi);
    if (!same)
        return asim_fail(
            err, ASIM_EFAIL,
            "the .edi file just written does not read back as it was meant");
    return 0;
}

int asim_edi_write(const struct asim_pca *pca, const struct asim_bias *bias,
                   size_t system_atom_count, int64_t sample_steps,
                   double temperature_kelvin, char **ret_text, struct asim_error *err)
{
    if (!pca->align_same)
        return asim_fail(
            err, ASIM_EINPUT,
            "the .edi bias needs the same atoms for the fit ('%s') and the "
            "analysis ('%s'): with others its force is wrong; leave out "
            "--align",
            pca->align_selection, pca->selection);
    char *text = NULL;
    if (compose(pca, bias, system_atom_count, sample_steps, temperature_kelvin, &text,
                err) < 0)
        return -1;
    if (verify(text, pca, bias, system_atom_count, sample_steps, err) < 0) {
        free(text);
        return -1;
    }
    *ret_text = text;
    return 0;
}
