/*
 * The text of PDB files.
 *
 * Layout (wwPDB format 3.3, columns from 1): record name 1-6; ATOM and HETATM: serial
 * 7-11, name 13-16, altLoc 17, resName 18-20 (21 too in CHARMM's files), chainID 22,
 * resSeq 23-26, iCode 27, x y z 31-38 39-46 47-54 in Angstrom, segment 67-76 (CHARMM),
 * element 77-78. CRYST1: a b c 7-15 16-24 25-33, angles 34-40 41-47 48-54. Hybrid-36
 * (cctbx): past 9..9 numbers go on as A0..0 to Z..Z, a0..0 to z..z in base 36.
 *
 * Invariants: nothing is read outside the bytes given; a field that is cut or shifted
 * is reported, never taken for another number.
 */
#include "formats/pdb_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "formats/number.h"

enum { FIRST_READ_BYTES = 1 << 18, POSITION_END = 54 };

static const double longest_box_angstrom = 1e6;

static int bad(char what[ASIM_PDB_WHAT], const char *format, ...) ASIM_PRINTF(2, 3);
static int bad(char what[ASIM_PDB_WHAT], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, ASIM_PDB_WHAT, format, arguments);
    va_end(arguments);
    return -1;
}

bool asim_pdb_take_line(const char **p, const char *end, bool at_end,
                        struct asim_pdb_line *ret_line)
{
    const char *newline = *p < end ? memchr(*p, '\n', (size_t)(end - *p)) : NULL;
    if (!newline && (!at_end || *p >= end))
        return false;
    const char *line_end = newline ? newline : end;
    ret_line->p = *p;
    ret_line->has_newline = newline != NULL;
    *p = newline ? newline + 1 : end;
    if (line_end > ret_line->p && line_end[-1] == '\r')
        line_end--;
    ret_line->end = line_end;
    return true;
}

/* Whether the line starts with the word, and a blank or nothing follows. */
static bool is_record(struct asim_pdb_line line, const char *word, size_t length)
{
    if ((size_t)(line.end - line.p) < length || memcmp(line.p, word, length) != 0)
        return false;
    return line.p + length == line.end || line.p[length] == ' ' ||
           line.p[length] == '\t';
}

/* Columns 5-6 of ATOM are blank, or hold the first digit of a serial of six. */
static bool is_atom(struct asim_pdb_line line)
{
    if (line.end - line.p < 6)
        return false;
    if (memcmp(line.p, "HETATM", 6) == 0)
        return true;
    return memcmp(line.p, "ATOM", 4) == 0 && (line.p[4] == ' ' || line.p[4] == '\t') &&
           (line.p[5] == ' ' || line.p[5] == '\t' ||
            (line.p[5] >= '0' && line.p[5] <= '9'));
}

enum asim_pdb_record asim_pdb_record_of(struct asim_pdb_line line)
{
    if (line.p == line.end)
        return ASIM_PDB_OTHER;
    switch (*line.p) {
    case 'A':
    case 'H':
        return is_atom(line) ? ASIM_PDB_ATOM : ASIM_PDB_OTHER;
    case 'T':
        return is_record(line, "TER", 3)     ? ASIM_PDB_TER
               : is_record(line, "TITLE", 5) ? ASIM_PDB_TITLE
                                             : ASIM_PDB_OTHER;
    case 'M':
        return is_record(line, "MODEL", 5) ? ASIM_PDB_MODEL : ASIM_PDB_OTHER;
    case 'E':
        return is_record(line, "ENDMDL", 6) ? ASIM_PDB_ENDMDL
               : is_record(line, "END", 3)  ? ASIM_PDB_END
                                            : ASIM_PDB_OTHER;
    case 'C':
        /* A serial of five digits follows CONECT without a blank. */
        return line.end - line.p > 6 && memcmp(line.p, "CONECT", 6) == 0
                   ? ASIM_PDB_CONECT
               : is_record(line, "CRYST1", 6) ? ASIM_PDB_CRYST1
                                              : ASIM_PDB_OTHER;
    default:
        return ASIM_PDB_OTHER;
    }
}

enum asim_pdb_scan asim_pdb_scan_model(const char *p, size_t size, bool at_end,
                                       struct asim_pdb_model *ret_model)
{
    struct asim_pdb_model model = {.start = p};
    struct asim_pdb_line line;
    const char *end = p + size, *line_start = p;
    const char *header = NULL; /* a box or title behind a MODEL record without atoms */
    while (asim_pdb_take_line(&p, end, at_end, &line)) {
        bool begun = model.has_number || model.atom_count > 0;
        bool closes = false, next_begins = false;
        switch (asim_pdb_record_of(line)) {
        case ASIM_PDB_ATOM:
            model.atom_count++;
            break;
        case ASIM_PDB_MODEL:
            if (begun) {
                next_begins = true;
                if (header && model.atom_count == 0)
                    line_start = header;
                break;
            }
            model.has_number = true;
            if (!asim_integer_field(line.p + 5, line.end, &model.number))
                model.number = 0;
            break;
        case ASIM_PDB_ENDMDL:
            closes = begun;
            break;
        case ASIM_PDB_END:
            closes = model.atom_count > 0;
            break;
        case ASIM_PDB_CRYST1:
            next_begins = model.atom_count > 0;
            header = begun && !header ? line_start : header;
            model.box = next_begins ? model.box : line;
            model.has_box = model.has_box || !next_begins;
            break;
        case ASIM_PDB_TITLE:
            next_begins = model.atom_count > 0;
            header = begun && !header ? line_start : header;
            model.title = next_begins ? model.title : line;
            model.has_title = model.has_title || !next_begins;
            break;
        default:
            break;
        }
        /* Boxes and titles stand before atoms: behind them they are the next model's.
         */
        if (next_begins)
            p = line_start;
        if (closes || next_begins) {
            model.closed = true;
            break;
        }
        line_start = p;
    }
    if (!model.closed && !at_end)
        return ASIM_PDB_MORE;
    if (!model.has_number && model.atom_count == 0)
        return ASIM_PDB_NONE;
    model.size = (size_t)(p - model.start);
    *ret_model = model;
    return ASIM_PDB_WHOLE;
}

int asim_pdb_load_model(const struct asim_byte_source *source,
                        struct asim_byte_window *window, uint64_t offset, size_t ahead,
                        struct asim_pdb_model *ret_model, enum asim_pdb_scan *ret_scan,
                        struct asim_error *err)
{
    /* The line behind a model's end is looked at too. What is in the window is tried
     * first: small models must not move all of it. */
    size_t want = 1;
    ahead += ASIM_PDB_COLUMNS;
    if (ahead < FIRST_READ_BYTES)
        ahead = FIRST_READ_BYTES;
    for (;;) {
        const unsigned char *p;
        size_t available;
        if (asim_byte_window_get(window, source, offset, want, ahead, &p, &available,
                                 err) < 0)
            return -1;
        bool at_end = available < want || offset + available >= source->size;
        *ret_scan = asim_pdb_scan_model((const char *)p, available, at_end, ret_model);
        if (*ret_scan != ASIM_PDB_MORE)
            return 0;
        want = available * 4;
    }
}

bool asim_pdb_hybrid36(const char *columns, size_t width, int32_t *ret_value)
{
    char first = columns[0];
    bool is_upper = first >= 'A' && first <= 'Z';
    if (!is_upper && !(first >= 'a' && first <= 'z')) {
        long decimal;
        if (!asim_integer_field(columns, columns + width, &decimal))
            return false;
        *ret_value = (int32_t)decimal;
        return true;
    }
    int64_t value = 0, power_of_36 = 1, power_of_10 = 10;
    for (size_t i = 0; i < width; i++) {
        char c = columns[i];
        int digit = c >= '0' && c <= '9'                ? c - '0'
                    : is_upper && c >= 'A' && c <= 'Z'  ? c - 'A' + 10
                    : !is_upper && c >= 'a' && c <= 'z' ? c - 'a' + 10
                                                        : -1;
        if (digit < 0)
            return false;
        value = value * 36 + digit;
        if (i > 0) {
            power_of_36 *= 36;
            power_of_10 *= 10;
        }
    }
    /* A0..0 follows 9..9; a0..0 follows Z..Z, which is 26 leading letters later. */
    value += power_of_10 - 10 * power_of_36 + (is_upper ? 0 : 26 * power_of_36);
    *ret_value = (int32_t)value;
    return true;
}

/* Text may be in any encoding, but columns can only be counted where a byte is one. */
static int check_ascii(const char *p, size_t size, char what[ASIM_PDB_WHAT])
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)p[i];
        if ((byte < 0x20 && byte != '\t') || byte >= 0x7f)
            return bad(what,
                       "byte 0x%02x in column %zu; PDB records are ASCII, else their "
                       "columns cannot be counted",
                       byte, i + 1);
    }
    return 0;
}

static void trim(const char *columns, size_t width, const char **ret_text,
                 uint8_t *ret_length)
{
    const char *end = columns + width;
    while (columns < end && *columns == ' ')
        columns++;
    while (end > columns && end[-1] == ' ')
        end--;
    *ret_text = columns;
    *ret_length = (uint8_t)(end - columns);
}

static bool are_digits(const char *p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (p[i] < '0' || p[i] > '9')
            return false;
    return true;
}

static bool are_blank(const char *p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (p[i] != ' ')
            return false;
    return true;
}

/* A serial of six digits starts in the column before its own or ends in that behind. */
static void parse_serial(struct asim_pdb_atom *atom)
{
    const char *columns = atom->columns;
    const char *six = are_digits(columns + 5, 6)   ? columns + 5
                      : are_digits(columns + 6, 6) ? columns + 6
                                                   : NULL;
    long value;
    if (six && asim_integer_field(six, six + 6, &value)) {
        atom->serial = (int32_t)value;
        atom->has_serial = true;
    } else {
        atom->has_serial = asim_pdb_hybrid36(columns + 6, 5, &atom->serial);
    }
}

/* Files without residue numbers exist; all their atoms are then of residue 1. Numbers
 * of five digits take the column of the insertion code, which is a letter otherwise. */
static int parse_resnum(struct asim_pdb_atom *atom, char what[ASIM_PDB_WHAT])
{
    const char *number = atom->columns + 22;
    atom->insertion_code = atom->columns[26];
    atom->resnum = 1;
    if (are_digits(number, 5)) {
        long value;
        asim_integer_field(number, number + 5, &value);
        atom->resnum = (int32_t)value;
        atom->insertion_code = ' ';
    } else if (!are_blank(number, 4) && !asim_pdb_hybrid36(number, 4, &atom->resnum)) {
        return bad(what, "'%.4s' in columns 23-26, where a residue number was expected",
                   number);
    }
    return 0;
}

/* NAN where the columns are blank or hold no number. */
static float number_or_nan(const char *columns, size_t width)
{
    double value;
    return asim_number_field(columns, columns + width, &value) ? (float)value : NAN;
}

int asim_pdb_parse_atom(struct asim_pdb_line line, struct asim_pdb_atom *ret_atom,
                        char what[ASIM_PDB_WHAT])
{
    struct asim_pdb_atom *atom = ret_atom;
    size_t length = (size_t)(line.end - line.p);
    if (length > ASIM_PDB_COLUMNS)
        length = ASIM_PDB_COLUMNS;
    if (check_ascii(line.p, length, what) < 0)
        return -1;
    memset(atom->columns, ' ', ASIM_PDB_COLUMNS);
    for (size_t i = 0; i < length; i++)
        atom->columns[i] = line.p[i] == '\t' ? ' ' : line.p[i];
    trim(atom->columns + 12, 4, &atom->name, &atom->name_length);
    trim(atom->columns + 17, 4, &atom->residue_name, &atom->residue_name_length);
    trim(atom->columns + 66, 10, &atom->segment, &atom->segment_length);
    trim(atom->columns + 76, 2, &atom->element, &atom->element_length);
    atom->altloc = atom->columns[16];
    atom->chain = atom->columns[21];
    atom->occupancy = number_or_nan(atom->columns + 54, 6);
    atom->bfactor = number_or_nan(atom->columns + 60, 6);
    parse_serial(atom);
    return parse_resnum(atom, what);
}

int asim_pdb_parse_position(struct asim_pdb_line line, float ret_x_nm[3],
                            char what[ASIM_PDB_WHAT])
{
    size_t length = (size_t)(line.end - line.p);
    if (check_ascii(line.p, length < POSITION_END ? length : POSITION_END, what) < 0)
        return -1;
    if (!line.has_newline && length < POSITION_END)
        return bad(what, "the file ends in column %zu of an atom record", length);
    for (size_t k = 0; k < 3; k++) {
        size_t first = 30 + 8 * k;
        size_t last = first + 8 < length ? first + 8 : length;
        double value;
        if (first >= length ||
            !asim_number_field(line.p + first, line.p + last, &value) ||
            !isfinite((float)value))
            return bad(what,
                       "'%.*s' in columns %zu-%zu, where a coordinate in Angstrom was "
                       "expected",
                       first < length ? (int)(last - first) : 0,
                       first < length ? line.p + first : "", first + 1, first + 8);
        ret_x_nm[k] = (float)(value / ASIM_ANGSTROM_PER_NM);
    }
    return 0;
}

/* Six numbers in their columns, else separated by blanks. */
static bool read_cell(struct asim_pdb_line line, double cell[6])
{
    static const int first[7] = {6, 15, 24, 33, 40, 47, 54};
    size_t length = (size_t)(line.end - line.p);
    int count = 0;
    while (count < 6 && (size_t)first[count] < length) {
        size_t last =
            (size_t)first[count + 1] < length ? (size_t)first[count + 1] : length;
        if (!asim_number_field(line.p + first[count], line.p + last, &cell[count]))
            break;
        count++;
    }
    if (count == 6)
        return true;
    const char *p = line.p + 6;
    for (count = 0; count < 6; count++) {
        while (p < line.end && (*p == ' ' || *p == '\t'))
            p++;
        p = p < line.end ? asim_number_read(p, line.end, &cell[count]) : NULL;
        if (!p || (p < line.end && *p != ' ' && *p != '\t'))
            return false;
    }
    return true;
}

static double cosine_of_degrees(double angle)
{
    return angle == 90.0 ? 0.0 : cos(angle * 3.14159265358979323846 / 180.0);
}

int asim_pdb_parse_box(struct asim_pdb_line line, float ret_box_nm[3][3],
                       char what[ASIM_PDB_WHAT])
{
    double cell[6], box[3][3] = {{0}};
    int shown = (int)(line.end - line.p > 60 ? 60 : line.end - line.p);
    if (!read_cell(line, cell))
        return bad(what, "six numbers were expected in '%.*s'", shown, line.p);
    bool none = true, unit = true;
    for (int i = 0; i < 3; i++) {
        if (!(cell[i] >= 0.0 && cell[i] <= longest_box_angstrom))
            return bad(what, "an edge is no length in '%.*s'", shown, line.p);
        none = none && cell[i] == 0.0;
        unit = unit && cell[i] == 1.0 && cell[3 + i] == 90.0;
    }
    /* The format demands the record; a cube of 1 Angstrom stands for no crystal. */
    if (!none && !unit) {
        double cosines[3];
        for (int i = 0; i < 3; i++) {
            if (!(cell[i] > 0.0 && cell[3 + i] > 0.0 && cell[3 + i] < 180.0))
                return bad(what, "no box has the edges and angles of '%.*s'", shown,
                           line.p);
            cosines[i] = cosine_of_degrees(cell[3 + i]);
        }
        double sine = sqrt(1.0 - cosines[2] * cosines[2]);
        double y = (cosines[0] - cosines[1] * cosines[2]) / sine;
        double z_squared = 1.0 - cosines[1] * cosines[1] - y * y;
        if (!(z_squared > 0.0))
            return bad(what, "no box has the angles of '%.*s'", shown, line.p);
        box[0][0] = cell[0];
        box[1][0] = cell[1] * cosines[2];
        box[1][1] = cell[1] * sine;
        box[2][0] = cell[2] * cosines[1];
        box[2][1] = cell[2] * y;
        box[2][2] = cell[2] * sqrt(z_squared);
    }
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            ret_box_nm[i][k] = (float)(box[i][k] / ASIM_ANGSTROM_PER_NM);
    return 0;
}

bool asim_pdb_recognise(const unsigned char *head, size_t size)
{
    static const char *const records[] = {
        "HEADER", "OBSLTE", "TITLE",  "SPLIT",  "CAVEAT", "COMPND", "SOURCE", "KEYWDS",
        "EXPDTA", "NUMMDL", "MDLTYP", "AUTHOR", "REVDAT", "SPRSDE", "JRNL",   "REMARK",
        "DBREF",  "SEQADV", "SEQRES", "MODRES", "HET",    "HETNAM", "FORMUL", "HELIX",
        "SHEET",  "TURN",   "SSBOND", "LINK",   "CISPEP", "SITE",   "CRYST1", "ORIGX1",
        "SCALE1", "MTRIX1", "MODEL",  "USER"};
    const char *p = (const char *)head, *end = p + size;
    struct asim_pdb_line line;
    while (asim_pdb_take_line(&p, end, true, &line)) {
        if (line.p == line.end)
            continue;
        if (is_atom(line))
            return true;
        for (size_t i = 0; i < sizeof records / sizeof *records; i++)
            if (is_record(line, records[i], strlen(records[i])))
                return true;
        return false;
    }
    return false;
}
