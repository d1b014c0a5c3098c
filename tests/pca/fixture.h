/* A small system for tests of files: residues of two atoms, one with a wide element. */
#ifndef TESTS_PCA_FIXTURE_H
#define TESTS_PCA_FIXTURE_H

#include <autosim/pca.h>

#include "array_source.h"

enum { FIXTURE_ATOMS = 24, FIXTURE_FRAMES = 40 };

struct fixture {
    uint32_t name[FIXTURE_ATOMS], type[FIXTURE_ATOMS], residue[FIXTURE_ATOMS],
        molecule[FIXTURE_ATOMS];
    uint8_t atomic_number[FIXTURE_ATOMS];
    struct asim_residue residues[FIXTURE_ATOMS / 2];
    char *strings[5];
    struct asim_topology top;
};

static inline void fixture_init(struct fixture *fixture)
{
    static char empty[] = "", ca[] = "CA", hg[] = "HG11", ala[] = "ALA", a[] = "A";
    *fixture = (struct fixture){.strings = {empty, ca, hg, ala, a}};
    for (uint32_t i = 0; i < FIXTURE_ATOMS; i++) {
        fixture->name[i] = 1 + i % 2;
        fixture->atomic_number[i] = i % 2 ? 1 : (i == 2 ? 20 : 6);
        fixture->residue[i] = i / 2;
    }
    for (int32_t r = 0; r < FIXTURE_ATOMS / 2; r++)
        fixture->residues[r] = (struct asim_residue){.name = 3,
                                                     .resid = r + 1,
                                                     .resnum = r == 3 ? -1234 : r + 7,
                                                     .insertion_code = ' ',
                                                     .chain = 4,
                                                     .first_atom = (size_t)(2 * r),
                                                     .atom_count = 2};
    fixture->top = (struct asim_topology){.atom_count = FIXTURE_ATOMS,
                                          .residue_count = FIXTURE_ATOMS / 2,
                                          .molecule_count = 1,
                                          .string_count = 5,
                                          .name = fixture->name,
                                          .type = fixture->type,
                                          .residue = fixture->residue,
                                          .molecule = fixture->molecule,
                                          .atomic_number = fixture->atomic_number,
                                          .residues = fixture->residues,
                                          .strings = fixture->strings};
}

/* The analysis of `x` [FIXTURE_FRAMES][FIXTURE_ATOMS][3] with all its names; a fit on
 * the first `align_count` atoms where that is not 0. */
static inline int fixture_analyse(const float *x, size_t align_count,
                                  enum asim_memory_mode memory,
                                  struct asim_pca *ret_pca, struct asim_error *err)
{
    struct array_source source = {
        .x = x, .frames = FIXTURE_FRAMES, .atoms = FIXTURE_ATOMS};
    struct asim_frame_source from = array_source(&source, FIXTURE_ATOMS, align_count);
    struct asim_pca_options options = ASIM_PCA_OPTIONS_INIT;
    options.memory = memory;
    options.thread_count = 1;
    struct asim_pca pca = {0};
    if (asim_pca_analyse(&from, &options, NULL, &pca, err) < 0)
        return -1;
    pca.atom_indices = calloc(pca.atom_count, sizeof *pca.atom_indices);
    pca.align_indices = calloc(pca.align_count, sizeof *pca.align_indices);
    if (!pca.atom_indices || !pca.align_indices) {
        asim_pca_finish(&pca);
        if (err)
            err->status = ASIM_ENOMEM;
        return -1;
    }
    for (uint32_t i = 0; i < pca.atom_count; i++)
        pca.atom_indices[i] = i;
    for (uint32_t i = 0; i < pca.align_count; i++)
        pca.align_indices[i] = i;
    strcpy(pca.selection, "name \"CA\" or name 'HG11' \\ and more");
    strcpy(pca.align_selection, "all");
    *ret_pca = pca;
    return 0;
}

#endif
