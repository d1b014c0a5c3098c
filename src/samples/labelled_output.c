/*
 * Outputs of Colvars and PLUMED: tables whose columns are named by header lines.
 *
 *     # step         p                      E_bias
 *     #! FIELDS time p c.residual r.bias
 *
 * Headers come again after restarts and in between, possibly with other columns; other
 * lines that begin with '#' are comments. What may have been cut while it was written
 * is never taken for data: a last line without a line break is passed over, and so is a
 * wrong row right in front of a header, which is what a killed run leaves for the next
 * one. Must not know how rows become a series.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "formats/number.h"
#include "samples/rows.h"

const struct asim_labelled_layout asim_colvars_layout = {
    .header = "# step", .axis = "step", .value = "p", .energy = "E_bias", .digits = 15};
const struct asim_labelled_layout asim_plumed_layout = {.header = "#! FIELDS",
                                                        .axis = "time",
                                                        .value = "p",
                                                        .energy = "r.bias",
                                                        .digits = 10};

enum { COLUMNS_MOST = 64 };
/* A moving centre may be summed up step by step, each with its rounding. */
static const double STEPS_SUMMED = 1e6;

struct columns {
    size_t count; /* 0: no header yet */
    size_t axis, value, energy;
};

struct table {
    const struct asim_labelled_layout *layout;
    double axis_ps;
    const struct asim_bias *bias;
    const struct asim_steering *steering;
    struct asim_sample_rows *rows;
    struct columns columns;
    size_t line_number;
    struct asim_error pending; /* of a row; forgiven where a header follows */
};

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

static const char *word_end(const char *at, const char *end)
{
    while (at < end && *at != ' ' && *at != '\t' && *at != '\r')
        at++;
    return at;
}

static bool is_word(const char *at, const char *end, const char *word)
{
    return (size_t)(end - at) == strlen(word) && memcmp(at, word, strlen(word)) == 0;
}

/* `at` is behind the marks that begin a header. */
static int read_header(struct table *table, const char *at, const char *end,
                       struct asim_error *err)
{
    const struct asim_labelled_layout *layout = table->layout;
    const char *const labels[3] = {layout->axis, layout->value, layout->energy};
    struct columns columns = {0};
    size_t *const places[3] = {&columns.axis, &columns.value, &columns.energy};
    size_t found[3] = {0};
    for (at = skip_blanks(at, end); at < end; at = skip_blanks(at, end)) {
        const char *stop = word_end(at, end);
        for (int i = 0; i < 3; i++) {
            if (is_word(at, stop, labels[i])) {
                *places[i] = columns.count;
                found[i]++;
            }
        }
        if (++columns.count > COLUMNS_MOST)
            return asim_fail(err, ASIM_EINPUT, "line %zu names more than %d columns",
                             table->line_number, COLUMNS_MOST);
        at = stop;
    }
    for (int i = 0; i < 3; i++)
        if (found[i] != 1)
            return asim_fail(err, ASIM_EINPUT,
                             "line %zu names %zu columns '%s', where one was expected: "
                             "this is not the output of the window's bias",
                             table->line_number, found[i], labels[i]);
    table->columns = columns;
    return 0;
}

static int read_numbers(const struct table *table, const char *at, const char *end,
                        double *numbers, struct asim_error *err)
{
    size_t count = 0;
    for (at = skip_blanks(at, end); at < end; at = skip_blanks(at, end)) {
        const char *stop = word_end(at, end);
        if (count == table->columns.count)
            return asim_fail(err, ASIM_EINPUT,
                             "line %zu has more than the %zu columns that its header "
                             "names",
                             table->line_number, table->columns.count);
        if (asim_number_read(at, end, &numbers[count]) != stop)
            return asim_fail(err, ASIM_EINPUT, "line %zu: '%.*s' is not a number",
                             table->line_number, (int)(stop - at > 30 ? 30 : stop - at),
                             at);
        count++;
        at = stop;
    }
    if (count < table->columns.count)
        return asim_fail(err, ASIM_EINPUT,
                         "line %zu has %zu columns; its header names %zu",
                         table->line_number, count, table->columns.count);
    return 0;
}

static int read_row(struct table *table, const char *at, const char *end,
                    struct asim_error *err)
{
    const struct columns *columns = &table->columns;
    double numbers[COLUMNS_MOST];
    if (columns->count == 0)
        return asim_fail(err, ASIM_EINPUT, "line %zu comes before any header '%s ...'",
                         table->line_number, table->layout->header);
    if (read_numbers(table, at, end, numbers, err) < 0)
        return -1;
    double time_ps = numbers[columns->axis] * table->axis_ps;
    double value = numbers[columns->value], energy = numbers[columns->energy], expected;
    if (!isfinite(time_ps) || !isfinite(value) || !isfinite(energy))
        return asim_fail(err, ASIM_EINPUT, "line %zu holds a number that is not finite",
                         table->line_number);
    struct asim_bias bias = *table->bias;
    bias.centre_nm = asim_bias_centre_nm(table->bias, table->steering, time_ps);
    double dp = asim_print_rounding(value, table->layout->digits) +
                DBL_EPSILON * (fabs(value) + fabs(bias.centre_nm));
    if (table->steering && time_ps <= table->steering->duration_ps)
        dp += STEPS_SUMMED * DBL_EPSILON *
              (fabs(table->steering->from_nm) + fabs(table->bias->centre_nm));
    double dv = asim_print_rounding(energy, table->layout->digits) +
                8 * DBL_EPSILON * fabs(energy);
    if (!asim_energy_fits(&bias, value, energy, dp, dv, &expected))
        return asim_fail(
            err, ASIM_EINPUT,
            "line %zu (time %g ps): at projection %.10g nm the bias is %.10g "
            "kJ/mol, and %.10g was expected for centre %.10g nm and force "
            "constant %.10g kJ/mol/nm^2; the run used another bias",
            table->line_number, time_ps, value, energy, expected, bias.centre_nm,
            bias.force_constant_kj_mol_nm2);
    return asim_sample_rows_add(table->rows, time_ps, value, energy, err);
}

/* Where the names of the columns begin: the axis' label ends Colvars' mark. */
static const char *header_names(const struct asim_labelled_layout *layout,
                                const char *line)
{
    size_t mark = strlen(layout->header), axis = strlen(layout->axis);
    bool has_axis =
        mark > axis && strcmp(layout->header + mark - axis, layout->axis) == 0;
    return line + (has_axis ? mark - axis : mark);
}

static int fail_pending(const struct table *table, struct asim_error *err)
{
    return table->pending.status
               ? asim_fail(err, table->pending.status, "%s", table->pending.text)
               : 0;
}

static int read_line(struct table *table, const char *at, const char *end,
                     struct asim_error *err)
{
    const char *mark = table->layout->header;
    const char *header = memmem(at, (size_t)(end - at), mark, strlen(mark));
    if (header) { /* in front of it may be a row that was cut */
        table->pending = (struct asim_error){0};
        return read_header(table, header_names(table->layout, header), end, err);
    }
    if (*at == '#')
        return 0;
    if (fail_pending(table, err) < 0)
        return -1;
    if (read_row(table, at, end, &table->pending) == 0 ||
        table->pending.status == ASIM_EINPUT)
        return 0;
    return fail_pending(table, err);
}

int asim_labelled_parse(const char *data, size_t size,
                        const struct asim_labelled_layout *layout, double axis_ps,
                        const struct asim_bias *bias,
                        const struct asim_steering *steering,
                        struct asim_sample_rows *rows, struct asim_error *err)
{
    struct table table = {.layout = layout,
                          .axis_ps = axis_ps,
                          .bias = bias,
                          .steering = steering,
                          .rows = rows};
    const char *at = data, *end = data + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline)
            break;
        table.line_number++;
        const char *begin = skip_blanks(at, newline);
        if (begin < newline && read_line(&table, begin, newline, err) < 0)
            return -1;
        at = newline + 1;
    }
    return fail_pending(&table, err);
}
