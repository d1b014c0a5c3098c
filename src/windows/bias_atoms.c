/* Analysed atoms and those of the fit, each once. */
#include "windows/bias_atoms.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void asim_bias_atoms_finish(struct asim_bias_atoms *atoms)
{
    if (!atoms)
        return;
    free(atoms->index);
    free(atoms->fit_place);
    *atoms = (struct asim_bias_atoms){0};
}

/* An atom and its place in the list. */
struct placed {
    uint32_t atom;
    size_t place;
};

static int by_atom(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    return (x->atom > y->atom) - (x->atom < y->atom);
}

int asim_bias_atoms_init(const struct asim_pca *pca, struct asim_bias_atoms *ret_atoms,
                         struct asim_error *err)
{
    size_t n = pca->atom_count;
    struct asim_bias_atoms atoms = {.count = n};
    struct placed *sorted = asim_alloc_array(n, sizeof *sorted, err);
    int rc = -1;
    atoms.index = asim_alloc_array(n + pca->align_count, sizeof *atoms.index, err);
    atoms.fit_place = asim_alloc_array(pca->align_count, sizeof *atoms.fit_place, err);
    if (!sorted || !atoms.index || !atoms.fit_place)
        goto out;
    memcpy(atoms.index, pca->atom_indices, n * sizeof *atoms.index);
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct placed){pca->atom_indices[i], i};
    qsort(sorted, n, sizeof *sorted, by_atom);
    for (size_t i = 0; i < pca->align_count; i++) {
        struct placed wanted = {pca->align_indices[i], atoms.count};
        const struct placed *found =
            pca->align_same ? NULL
                            : bsearch(&wanted, sorted, n, sizeof *sorted, by_atom);
        if (pca->align_same)
            wanted.place = i;
        else if (found)
            wanted.place = found->place;
        else
            atoms.index[atoms.count++] = wanted.atom;
        atoms.fit_place[i] = wanted.place;
    }
    *ret_atoms = atoms;
    atoms = (struct asim_bias_atoms){0};
    rc = 0;
out:
    free(sorted);
    asim_bias_atoms_finish(&atoms);
    return rc;
}
