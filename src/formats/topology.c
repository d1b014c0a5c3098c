/* Topologies of any format: recognising the file by its content, and small accessors.
 */
#include <autosim/topology.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "formats/gro.h"
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
    free(top->residues);
    free(top->bonds);
    *top = (struct asim_topology){0};
}

int asim_topology_read(const char *path, struct asim_topology *ret_top,
                       struct asim_error *err)
{
    unsigned char head[ASIM_SNIFF_BYTES];
    FILE *file = fopen(path, "rb");
    if (!file)
        return asim_fail(err, ASIM_EIO, "cannot open '%s': %s", path, strerror(errno));
    size_t size = fread(head, 1, sizeof head, file);
    int failure = ferror(file) ? errno : 0;
    fclose(file);
    if (failure)
        return asim_fail(err, ASIM_EIO, "cannot read '%s': %s", path,
                         strerror(failure));
    if (asim_tpr_recognise(head, size))
        return asim_tpr_read(path, NULL, ret_top, err);
    if (asim_sniff_gro(head, size))
        return asim_gro_read_topology(path, ret_top, err);
    const char *kind = asim_sniff(head, size);
    return asim_fail(err, ASIM_EINPUT,
                     "'%s' is %s, not a topology that can be read; expected a TPR or a "
                     "GRO file",
                     path, kind ? kind : "a file of an unknown kind");
}

const char *asim_topology_atom_name(const struct asim_topology *top, size_t i)
{
    return top->strings[top->name[i]];
}

const char *asim_topology_residue_name(const struct asim_topology *top, size_t i)
{
    return top->strings[top->residues[top->residue[i]].name];
}
