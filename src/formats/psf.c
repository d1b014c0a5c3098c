/*
 * PSF files.
 *
 * Layout (CHARMM, source psfres; VMD's psfplugin for NAMD): "PSF" and flags; sections
 * of a line "count !NAME" and what it counts. Atoms in columns from 0: number 0-7,
 * segment 9-12, residue 14-17, residue name 19-22, name 24-27; with EXT 0-9, 11-18,
 * 20-27, 29-36, 38-45; then type, charge (e), mass (amu), a mark, and what CHEQ and
 * DRUDE add. NAMD files, and some written without that flag, hold the same separated by
 * blanks. Types have 4, 6 or more columns, so what follows the name is read by blanks
 * always.
 *
 * Invariants: a count sizes memory only where the file has room for what it counts; an
 * atom's number is its place; fields are taken by column only where no text crosses a
 * column's edge.
 */
#include "formats/psf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/molecules.h"
#include "formats/number.h"
#include "formats/topology_builder.h"

enum {
    LEAST_ATOM_BYTES = 16, /* "1 A 1 A A A 0 0\n" */
    LEAST_BOND_BYTES = 4,  /* "1 2 " */
    HEAD_FIELDS = 5,       /* number, segment, residue, residue name, name */
    ATOM_FIELDS = 8,
};

static const uint64_t most_bytes = (uint64_t)1 << 36;

struct span {
    const char *p, *end;
};

struct psf_text {
    const char *name; /* of the file */
    const char *p, *end;
    size_t line_number;
    bool free_format, extended; /* flags NAMD, EXT */
};

static int fail_at(const struct psf_text *text, struct asim_error *err,
                   const char *expected)
{
    return asim_fail(err, ASIM_EINPUT, "'%s', line %zu: %s", text->name,
                     text->line_number, expected);
}

static bool take_line(struct psf_text *text, struct span *ret_line)
{
    if (text->p >= text->end)
        return false;
    const char *newline = memchr(text->p, '\n', (size_t)(text->end - text->p));
    *ret_line = (struct span){text->p, newline ? newline : text->end};
    text->p = newline ? newline + 1 : text->end;
    if (ret_line->end > ret_line->p && ret_line->end[-1] == '\r')
        ret_line->end--;
    text->line_number++;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool take_word(struct span *rest, struct span *ret_word)
{
    while (rest->p < rest->end && is_blank(*rest->p))
        rest->p++;
    ret_word->p = rest->p;
    while (rest->p < rest->end && !is_blank(*rest->p))
        rest->p++;
    ret_word->end = rest->p;
    return ret_word->p < ret_word->end;
}

static bool is_word(struct span word, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(word.end - word.p) == length && memcmp(word.p, text, length) == 0;
}

/* The count of a line "count !NAME..."; -1 where the line is none such. */
static long section_count(struct span line, const char *name)
{
    struct span count, title;
    long value;
    size_t length = strlen(name);
    if (!take_word(&line, &count) || !take_word(&line, &title) ||
        !asim_integer_field(count.p, count.end, &value) || value < 0 ||
        (size_t)(title.end - title.p) < length || memcmp(title.p, name, length) != 0)
        return -1;
    const char *behind = title.p + length;
    return behind == title.end || *behind == ':' ? value : -1;
}

static int find_section(struct psf_text *text, const char *name, size_t least_bytes,
                        size_t *ret_count, struct asim_error *err)
{
    struct span line;
    while (take_line(text, &line)) {
        long count = section_count(line, name);
        if (count < 0)
            continue;
        size_t room = (size_t)(text->end - text->p) / least_bytes + 1;
        if ((unsigned long)count > room || (unsigned long)count >= UINT32_MAX)
            return asim_fail(err, ASIM_EINPUT,
                             "'%s', line %zu: the section %s says it has %ld entries, "
                             "for which the file is too short",
                             text->name, text->line_number, name, count);
        *ret_count = (size_t)count;
        return 0;
    }
    return asim_fail(err, ASIM_EINPUT,
                     "'%s' ends at line %zu without a section %s; the file is cut, or "
                     "no PSF file",
                     text->name, text->line_number, name);
}

static bool is_blank_span(const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    return p == end;
}

/* The fields up to the name by their columns; false where the line is not so. */
static bool split_columns(struct span line, bool extended,
                          struct span fields[HEAD_FIELDS], struct span *ret_rest)
{
    size_t first = 0, width = extended ? 10 : 8;
    for (int i = 0; i < HEAD_FIELDS; i++) {
        size_t length = (size_t)(line.end - line.p);
        if (first + width >= length || !is_blank(line.p[first + width]))
            return false;
        struct span column = {line.p + first, line.p + first + width};
        bool there = take_word(&column, &fields[i]);
        /* A segment may have no name; nothing holds two words. */
        if ((!there && i != 1) || !is_blank_span(column.p, column.end))
            return false;
        first += width + 1;
        width = extended ? 8 : 4;
    }
    *ret_rest = (struct span){line.p + first, line.end};
    return true;
}

static bool split_blanks(struct span line, struct span fields[HEAD_FIELDS],
                         struct span *ret_rest)
{
    for (int i = 0; i < HEAD_FIELDS; i++)
        if (!take_word(&line, &fields[i]))
            return false;
    *ret_rest = line;
    return true;
}

struct psf_atom {
    struct span fields[HEAD_FIELDS];
    struct span type;
    long number;
    int32_t resnum;
    char insertion_code;
    double charge, mass;
};

/* "12", "-3", "12A". */
static bool read_residue_number(struct span word, struct psf_atom *atom)
{
    char last = word.end[-1];
    bool has_code = (last >= 'A' && last <= 'Z') || (last >= 'a' && last <= 'z');
    long value;
    if (!asim_integer_field(word.p, word.end - has_code, &value) || value < INT32_MIN ||
        value > INT32_MAX)
        return false;
    atom->resnum = (int32_t)value;
    atom->insertion_code = has_code ? last : ' ';
    return true;
}

/* Whether the fields hold what they should; the rest is type, charge and mass. */
static bool read_fields(struct psf_atom *atom, struct span rest)
{
    struct span charge, mass;
    return asim_integer_field(atom->fields[0].p, atom->fields[0].end, &atom->number) &&
           read_residue_number(atom->fields[2], atom) &&
           take_word(&rest, &atom->type) && take_word(&rest, &charge) &&
           take_word(&rest, &mass) &&
           asim_number_field(charge.p, charge.end, &atom->charge) &&
           asim_number_field(mass.p, mass.end, &atom->mass) &&
           isfinite((float)atom->charge) && isfinite((float)atom->mass);
}

static bool parse_atom(const struct psf_text *text, struct span line,
                       struct psf_atom *ret_atom)
{
    struct span rest;
    if (!text->free_format &&
        split_columns(line, text->extended, ret_atom->fields, &rest) &&
        read_fields(ret_atom, rest))
        return true;
    return split_blanks(line, ret_atom->fields, &rest) && read_fields(ret_atom, rest);
}

static int add_word(struct asim_string_table *names, struct span word,
                    uint32_t *ret_number, struct asim_error *err)
{
    return asim_string_table_add(names, word.p, (size_t)(word.end - word.p), ret_number,
                                 err);
}

static int add_atom(struct asim_topology_builder *builder, const struct psf_atom *atom,
                    struct asim_error *err)
{
    struct asim_topology *top = &builder->top;
    struct asim_string_table *names = &builder->names;
    size_t i = builder->added;
    struct asim_residue residue = {.resid = atom->resnum,
                                   .resnum = atom->resnum,
                                   .insertion_code = atom->insertion_code};
    if (add_word(names, atom->fields[1], &residue.segment, err) < 0 ||
        add_word(names, atom->fields[3], &residue.name, err) < 0 ||
        add_word(names, atom->fields[4], &top->name[i], err) < 0 ||
        add_word(names, atom->type, &top->type[i], err) < 0)
        return -1;
    top->charge_e[i] = (float)atom->charge;
    top->mass_amu[i] = (float)atom->mass;
    return asim_topology_builder_add(builder, &residue, false, err);
}

static int read_atoms(struct psf_text *text, struct asim_topology_builder *builder,
                      struct asim_error *err)
{
    struct asim_topology *top = &builder->top;
    struct span line;
    top->charge_e = asim_alloc_array(top->atom_count, sizeof *top->charge_e, err);
    top->mass_amu = asim_alloc_array(top->atom_count, sizeof *top->mass_amu, err);
    if (!top->charge_e || !top->mass_amu)
        return -1;
    for (size_t i = 0; i < top->atom_count; i++) {
        struct psf_atom atom;
        if (!take_line(text, &line))
            return asim_fail(err, ASIM_EINPUT,
                             "'%s' ends at line %zu, after %zu of %zu atoms",
                             text->name, text->line_number, i, top->atom_count);
        if (memchr(line.p, '\0', (size_t)(line.end - line.p)))
            return fail_at(text, err, "a zero byte");
        if (!parse_atom(text, line, &atom))
            return fail_at(text, err,
                           "an atom was expected: number, segment, residue, residue "
                           "name, name, type, charge, mass");
        if (atom.number != (long)i + 1)
            return asim_fail(err, ASIM_EINPUT,
                             "'%s', line %zu: this is atom %ld; atom %zu was expected",
                             text->name, text->line_number, atom.number, i + 1);
        if (add_atom(builder, &atom, err) < 0)
            return -1;
    }
    return 0;
}

static int read_bonds(struct psf_text *text, struct asim_topology *top, size_t count,
                      struct asim_error *err)
{
    struct span line = {0}, word;
    top->bonds = asim_alloc_array(count, sizeof *top->bonds, err);
    if (!top->bonds)
        return -1;
    for (size_t i = 0; i < 2 * count; i++) {
        long number;
        while (!take_word(&line, &word))
            if (!take_line(text, &line))
                return asim_fail(err, ASIM_EINPUT,
                                 "'%s' ends at line %zu, after %zu of %zu bonds",
                                 text->name, text->line_number, i / 2, count);
        if (!asim_integer_field(word.p, word.end, &number) || number < 1 ||
            (unsigned long)number > top->atom_count)
            return asim_fail(err, ASIM_EINPUT,
                             "'%s', line %zu: '%.*s' where the number of an atom, 1 "
                             "to %zu, was expected",
                             text->name, text->line_number,
                             (int)(word.end - word.p > 40 ? 40 : word.end - word.p),
                             word.p, top->atom_count);
        top->bonds[i / 2][i % 2] = (uint32_t)(number - 1);
    }
    if (take_word(&line, &word))
        return fail_at(text, err, "more bonds than the section says it has");
    top->bond_count = count;
    top->has_bonds = true;
    return 0;
}

static int read_flags(struct psf_text *text, struct asim_error *err)
{
    struct span line = {0}, word;
    if (!take_line(text, &line) || !take_word(&line, &word) || !is_word(word, "PSF"))
        return asim_fail(err, ASIM_EINPUT, "'%s' does not start with PSF", text->name);
    while (take_word(&line, &word)) {
        text->free_format = text->free_format || is_word(word, "NAMD");
        text->extended = text->extended || is_word(word, "EXT");
    }
    return 0;
}

int asim_psf_parse_topology(const void *data, size_t size, const char *name,
                            struct asim_topology *ret_top, struct asim_error *err)
{
    struct psf_text text = {.name = name, .p = data, .end = (const char *)data + size};
    struct asim_topology_builder builder = {0};
    size_t atom_count, bond_count;
    int rc = -1;
    if (read_flags(&text, err) < 0 ||
        find_section(&text, "!NATOM", LEAST_ATOM_BYTES, &atom_count, err) < 0)
        return -1;
    if (atom_count == 0)
        return asim_fail(err, ASIM_EINPUT, "'%s' says it has no atoms", name);
    if (asim_topology_builder_init(&builder, atom_count, err) < 0)
        return -1;
    if (read_atoms(&text, &builder, err) < 0 ||
        find_section(&text, "!NBOND", LEAST_BOND_BYTES, &bond_count, err) < 0 ||
        read_bonds(&text, &builder.top, bond_count, err) < 0 ||
        asim_molecules_from_bonds(&builder.top, err) < 0)
        goto out;
    asim_topology_builder_take(&builder, ret_top);
    rc = 0;
out:
    asim_topology_builder_finish(&builder);
    return rc;
}

int asim_psf_read_topology(const char *path, struct asim_topology *ret_top,
                           struct asim_error *err)
{
    char *data;
    size_t size;
    if (asim_file_read(path, most_bytes, &data, &size, err) < 0)
        return -1;
    int rc = asim_psf_parse_topology(data, size, path, ret_top, err);
    free(data);
    return rc;
}

bool asim_psf_recognise(const unsigned char *head, size_t size)
{
    return size >= 4 && memcmp(head, "PSF", 3) == 0 &&
           (is_blank((char)head[3]) || head[3] == '\r' || head[3] == '\n');
}
