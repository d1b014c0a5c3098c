/*
 * Structures along a component as PDB text.
 * Invariant: a line is 78 columns whatever its numbers are; all but the coordinates is
 * put together once for all models.
 */
#include "pca/write_models.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/units.h"
#include "pca/storage.h"

enum { LINE = 79, FIRST_COLUMN = 30, COLUMN = 8, DECIMALS = 3 };

struct line {
    char text[LINE]; /* with the line break */
};

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

/* Serial and residue numbers wrap round in their columns, as is custom. */
static void begin_line(const struct asim_pca *pca, const struct asim_topology *top,
                       size_t a, struct line *line)
{
    size_t atom = pca->atom_indices[a];
    const struct asim_residue *residue = &top->residues[top->residue[atom]];
    const char *element = element_symbol(top->atomic_number[atom]);
    const char *name = asim_topology_atom_name(top, atom);
    char padded_name[5], text[200];
    int resnum = residue->resnum % (residue->resnum < 0 ? 1000 : 10000);
    /* Elements of one letter leave column 13 free: " CA " is a carbon. */
    if (strlen(name) < 4 && strlen(element) < 2)
        snprintf(padded_name, sizeof padded_name, " %.3s", name);
    else
        snprintf(padded_name, sizeof padded_name, "%.4s", name);
    snprintf(text, sizeof text,
             "ATOM  %5zu %-4s %3.3s %c%4d%c   %24s  1.00  0.00          %2s\n",
             (a + 1) % 100000, padded_name, top->strings[residue->name],
             column_of(top->strings[residue->chain]), resnum,
             residue->insertion_code ? residue->insertion_code : ' ', "", element);
    memcpy(line->text, text, sizeof line->text);
}

/* What a column cannot hold becomes the largest that it can. */
static void put_number(double value, char *column)
{
    char text[ASIM_FIXED_TEXT];
    size_t length =
        asim_format_fixed(text, fmin(fmax(value, -999.999), 9999.999), DECIMALS);
    memset(column, ' ', COLUMN);
    memcpy(column + COLUMN - length, text, length);
}

/* mean + shift v / s, Angstrom. */
static void write_model(FILE *out, const struct asim_pca *pca, size_t component,
                        double shift, struct line *lines)
{
    const double *v = pca->eigenvectors + component * 3 * pca->atom_count;
    for (size_t a = 0; a < pca->atom_count; a++) {
        double scale = pca->pca_scales ? pca->pca_scales[a] : 1.0;
        for (size_t d = 0; d < 3; d++)
            put_number(ASIM_ANGSTROM_PER_NM *
                           (pca->mean_nm[3 * a + d] + shift * v[3 * a + d] / scale),
                       lines[a].text + FIRST_COLUMN + COLUMN * d);
    }
    fwrite(lines, sizeof *lines, pca->atom_count, out);
}

int asim_pca_write_models(const struct asim_pca *pca, const struct asim_topology *top,
                          size_t component, const char *path, int count,
                          struct asim_error *err)
{
    struct asim_output output;
    double least, most;
    struct line *lines = asim_alloc_array(pca->atom_count, sizeof *lines, err);
    if (!lines || asim_output_open(path, &output, err) < 0) {
        free(lines);
        return -1;
    }
    projection_range(pca, component, &least, &most);
    for (size_t a = 0; a < pca->atom_count; a++)
        begin_line(pca, top, a, &lines[a]);
    for (int m = 0; m < count; m++) {
        double shift = count > 1 ? least + (most - least) * m / (count - 1) : 0.0;
        if (count > 1)
            fprintf(output.stream, "MODEL     %4d\nREMARK    PC%zu %.6f NM\n", m + 1,
                    component + 1, shift);
        write_model(output.stream, pca, component, shift, lines);
        fputs(count > 1 ? "ENDMDL\n" : "", output.stream);
    }
    fputs("END\n", output.stream);
    int rc = asim_output_commit(&output, err);
    asim_output_close(&output);
    free(lines);
    return rc;
}
