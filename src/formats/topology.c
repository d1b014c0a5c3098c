/*
 * Topologies of any format: the table of formats, recognising a file by its content,
 * and small accessors. A new format is one file and one row. What a file looks like
 * inside is known to the formats alone.
 */
#include <autosim/topology.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "formats/byte_source.h"
#include "formats/gro.h"
#include "formats/pdb.h"
#include "formats/pdb_text.h"
#include "formats/psf.h"
#include "formats/sniff.h"
#include "formats/tpr.h"

void asim_topology_finish(struct asim_topology *top)
{
    if (!top)
        return;
    if (top->strings)
        for (size_t i = 0; i < top->string_count; i++)
            free(top->strings[i]);
    free(top->strings);
    free(top->name);
    free(top->type);
    free(top->residue);
    free(top->molecule);
    free(top->atomic_number);
    free(top->mass_amu);
    free(top->charge_e);
    free(top->occupancy);
    free(top->bfactor);
    free(top->altloc);
    free(top->serial);
    free(top->note);
    free(top->residues);
    free(top->bonds);
    free(top->written);
    *top = (struct asim_topology){0};
}

static int read_tpr(const char *path, struct asim_topology *ret_top,
                    struct asim_error *err)
{
    return asim_tpr_read(path, NULL, ret_top, err);
}

static bool recognise_tpr(const unsigned char *head, size_t size)
{
    return asim_tpr_recognise(head, size);
}

static bool recognise_gro(const unsigned char *head, size_t size)
{
    return asim_sniff_gro(head, size);
}

/* The first one that recognises a file reads it: GRO, which needs two lines of a shape,
 * stands before PSF and PDB, for which a word is enough: a title may begin with it. */
static const struct topology_format {
    const char *name;
    bool (*recognise)(const unsigned char *head, size_t size);
    int (*read)(const char *path, struct asim_topology *ret_top,
                struct asim_error *err);
} formats[] = {
    {"TPR", recognise_tpr, read_tpr},
    {"GRO", recognise_gro, asim_gro_read_topology},
    {"PSF", asim_psf_recognise, asim_psf_read_topology},
    {"PDB", asim_pdb_recognise, asim_pdb_read_topology},
};
enum { FORMAT_COUNT = sizeof formats / sizeof *formats };

/* The row of the file, or NULL; `head` is what was looked at. */
static int find_format(const char *path, unsigned char head[ASIM_SNIFF_BYTES],
                       size_t *ret_size, const struct topology_format **ret_format,
                       struct asim_error *err)
{
    struct asim_byte_source source;
    struct asim_byte_window window = {0};
    const unsigned char *bytes;
    size_t size;
    if (asim_byte_source_open(path, &source, err) < 0)
        return -1;
    int rc = asim_byte_window_get(&window, &source, 0, ASIM_SNIFF_BYTES, 0, &bytes,
                                  &size, err);
    if (rc == 0)
        memcpy(head, bytes, size);
    asim_byte_window_finish(&window);
    asim_byte_source_close(&source);
    if (rc < 0)
        return -1;
    const struct topology_format *found = NULL;
    for (size_t i = 0; i < FORMAT_COUNT && !found; i++)
        if (formats[i].recognise(head, size))
            found = &formats[i];
    *ret_size = size;
    *ret_format = found;
    return 0;
}

int asim_topology_recognise(const char *path, const char **ret_format,
                            struct asim_error *err)
{
    unsigned char head[ASIM_SNIFF_BYTES];
    const struct topology_format *format;
    size_t size;
    if (find_format(path, head, &size, &format, err) < 0)
        return -1;
    *ret_format = format ? format->name : NULL;
    return 0;
}

int asim_topology_read(const char *path, struct asim_topology *ret_top,
                       struct asim_error *err)
{
    unsigned char head[ASIM_SNIFF_BYTES];
    const struct topology_format *format;
    size_t size;
    if (find_format(path, head, &size, &format, err) < 0)
        return -1;
    if (format)
        return format->read(path, ret_top, err);
    char names[64] = "";
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s",
                 i == 0                 ? ""
                 : i + 1 < FORMAT_COUNT ? ", "
                                        : " or ",
                 formats[i].name);
    }
    const char *kind = asim_sniff(head, size);
    return asim_fail(err, ASIM_EINPUT,
                     "'%s' is %s, not a topology that can be read; expected a %s file",
                     path, kind ? kind : "a file of an unknown kind", names);
}

const char *asim_topology_atom_name(const struct asim_topology *top, size_t i)
{
    return top->strings[top->name[i]];
}

const char *asim_topology_residue_name(const struct asim_topology *top, size_t i)
{
    return top->strings[top->residues[top->residue[i]].name];
}
