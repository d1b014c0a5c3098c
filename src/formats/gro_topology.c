/*
 * Topologies from GRO files, and whether such a file is whole.
 * Invariant: a topology that is handed out is complete; what GRO does not know (masses,
 * bonds, molecules) is left absent, never guessed.
 */
#include "formats/gro.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/gro_text.h"
#include "formats/number.h"
#include "formats/sniff.h"
#include "formats/string_table.h"

enum { WRAP = 100000 }; /* five columns hold 0 to 99999 */

/* Memory is gigabytes before a GRO file of this size is of use. */
static const uint64_t most_bytes = (uint64_t)1 << 36;

static int allocate(struct asim_topology *top, size_t atom_count,
                    struct asim_error *err)
{
    top->atom_count = atom_count;
    top->molecule_count = 1;
    top->name = asim_alloc_array(atom_count, sizeof *top->name, err);
    top->type = asim_alloc_array(atom_count, sizeof *top->type, err);
    top->residue = asim_alloc_array(atom_count, sizeof *top->residue, err);
    top->molecule = asim_alloc_array(atom_count, sizeof *top->molecule, err);
    top->atomic_number = asim_alloc_array(atom_count, sizeof *top->atomic_number, err);
    return top->name && top->type && top->residue && top->molecule && top->atomic_number
               ? 0
               : -1;
}

/* A name's five columns without the blanks around it. */
static int add_name(struct asim_string_table *names, const char *columns,
                    uint32_t *ret_number, struct asim_error *err)
{
    const char *end = columns + 5;
    while (columns < end && *columns == ' ')
        columns++;
    while (end > columns && end[-1] == ' ')
        end--;
    if (memchr(columns, '\0', (size_t)(end - columns)))
        return asim_fail(err, ASIM_EINPUT, "a zero byte inside a name");
    return asim_string_table_add(names, columns, (size_t)(end - columns), ret_number,
                                 err);
}

static int add_atom(struct asim_topology *top, size_t *residue_capacity,
                    struct asim_string_table *names, const char *columns, size_t atom,
                    struct asim_error *err)
{
    long number;
    uint32_t residue_name;
    if (!asim_integer_field(columns, columns + 5, &number))
        return asim_fail(err, ASIM_EINPUT,
                         "'%.5s' in columns 1-5, where a residue number was expected",
                         columns);
    if (add_name(names, columns + 5, &residue_name, err) < 0 ||
        add_name(names, columns + 10, &top->name[atom], err) < 0)
        return -1;
    struct asim_residue *last =
        top->residue_count ? &top->residues[top->residue_count - 1] : NULL;
    if (!last || last->resnum != number || last->name != residue_name) {
        /* Counting goes on where the five columns start anew. */
        int32_t above = last ? last->resid - last->resnum : 0;
        if (last && last->resnum == WRAP - 1 && number == 0 &&
            above <= INT32_MAX - 2 * WRAP)
            above += WRAP;
        if (asim_grow(&top->residues, residue_capacity, top->residue_count + 1,
                      sizeof *top->residues, err) < 0)
            return -1;
        top->residues[top->residue_count++] = (struct asim_residue){
            .name = residue_name,
            .resid = (int32_t)number + above,
            .resnum = (int32_t)number,
            .insertion_code = ' ',
            .first_atom = atom,
        };
    }
    top->residue[atom] = (uint32_t)(top->residue_count - 1);
    top->residues[top->residue_count - 1].atom_count++;
    return 0;
}

static int wrong_file(const char *name, const void *data, size_t size, const char *what,
                      struct asim_error *err)
{
    size_t head = size < ASIM_SNIFF_BYTES ? size : ASIM_SNIFF_BYTES;
    const char *looks_like = asim_sniff(data, head);
    if (!asim_sniff_gro(data, head) && looks_like)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' looks like %s; a GRO file was expected", name,
                         looks_like);
    return asim_fail(err, ASIM_EINPUT, "'%s' is not a whole GRO file: %s", name, what);
}

int asim_gro_parse_topology(const void *data, size_t size, const char *name,
                            struct asim_topology *ret_top, struct asim_error *err)
{
    struct asim_topology top = {0};
    struct asim_string_table names = {0};
    struct asim_gro_text text;
    char what[ASIM_GRO_WHAT];
    size_t residue_capacity = 0;
    int rc = -1;
    if (asim_gro_scan_frame(data, size, true, &text, what) != ASIM_GRO_OK)
        return wrong_file(name, data, size, what, err);
    if (text.atom_count == 0 || text.atom_count >= UINT32_MAX)
        return asim_fail(err, ASIM_EINPUT, "'%s' says it has %zu atoms", name,
                         text.atom_count);
    if (asim_string_table_init(&names, err) < 0 ||
        allocate(&top, text.atom_count, err) < 0)
        goto out;
    const char *p = text.atoms;
    for (size_t i = 0; i < text.atom_count; i++) {
        struct asim_gro_line line = {0};
        asim_gro_take_line(&p, text.box.p, true, &line);
        if (add_atom(&top, &residue_capacity, &names, line.p, i, err) < 0) {
            asim_wrap(err, "'%s', line %zu", name, i + 3);
            goto out;
        }
    }
    top.strings = asim_string_table_take(&names, &top.string_count);
    *ret_top = top;
    top = (struct asim_topology){0};
    rc = 0;
out:
    asim_topology_finish(&top);
    asim_string_table_finish(&names);
    return rc;
}

int asim_gro_read_topology(const char *path, struct asim_topology *ret_top,
                           struct asim_error *err)
{
    char *data;
    size_t size;
    if (asim_file_read(path, most_bytes, &data, &size, err) < 0)
        return -1;
    int rc = asim_gro_parse_topology(data, size, path, ret_top, err);
    free(data);
    return rc;
}

int asim_gro_check(const char *path, size_t *ret_atom_count, struct asim_error *err)
{
    char *data;
    size_t size;
    struct asim_gro_text text;
    char what[ASIM_GRO_WHAT];
    float box_nm[3][3];
    if (asim_file_read(path, most_bytes, &data, &size, err) < 0)
        return -1;
    int rc = -1;
    if (asim_gro_scan_frame(data, size, true, &text, what) != ASIM_GRO_OK ||
        asim_gro_parse_box(text.box, box_nm, what) < 0 ||
        asim_gro_parse_numbers(&text, text.atom_count, true, NULL, what) < 0) {
        wrong_file(path, data, size, what, err);
    } else if (!text.ends_with_newline) {
        /* A writer that was stopped inside the box line leaves a shorter number. */
        asim_fail(err, ASIM_EINPUT,
                  "'%s' ends inside its box line; it was not written to its end", path);
    } else if (text.size != size) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' goes on behind its first frame (byte %zu); one frame was "
                  "expected",
                  path, text.size);
    } else {
        *ret_atom_count = text.atom_count;
        rc = 0;
    }
    free(data);
    return rc;
}
