/*
 * Any text as a selection on a small topology with bonds and positions in a triclinic
 * box: no crash, no leak, an ordered list. A first byte of '=' makes what follows, up
 * to a line's end, a list of residues.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <autosim/selection.h>

#include "structure/residue_names.h"
#include "target.h"

enum { ATOMS = 6, RESIDUES = 3 };

void asim_fuzz_input(const uint8_t *data, size_t size)
{
    static char *strings[] = {"", "CA", "N", "H", "ALA", "SOL", "A", "opls_1", "OW"};
    uint32_t name[ATOMS] = {1, 2, 3, 1, 8, 3};
    uint32_t type[ATOMS] = {7, 7, 7, 7, 0, 0};
    uint32_t residue[ATOMS] = {0, 0, 0, 1, 2, 2};
    uint32_t molecule[ATOMS] = {0, 0, 0, 0, 1, 1};
    uint8_t atomic_number[ATOMS] = {6, 7, 1, 6, 8, 0};
    float mass[ATOMS] = {12.0f, 14.0f, 1.0f, 12.0f, 16.0f, 1.0f};
    float charge[ATOMS] = {0.1f, -0.3f, 0.2f, 0.0f, -0.8f, 0.4f};
    struct asim_residue residues[RESIDUES] = {{4, 1, 100, ' ', 6, 6, 0, 3},
                                              {4, 2, 100, 'A', 6, 6, 3, 1},
                                              {5, 3, 1, ' ', 0, 0, 4, 2}};
    uint32_t bonds[4][2] = {{0, 1}, {0, 2}, {1, 3}, {4, 5}};
    float x[ATOMS][3] = {{0.1f, 0.1f, 0.1f}, {0.2f, 0.1f, 2.9f}, {2.9f, 0.1f, 0.1f},
                         {0.3f, 0.2f, 2.8f}, {1.5f, 1.5f, 1.5f}, {1.6f, 1.5f, 1.5f}};
    struct asim_frame frame = {
        .atom_count = ATOMS, .x_nm = x, .box_nm = {{3, 0, 0}, {1, 3, 0}, {-1, 1, 3}}};
    struct asim_selection_context context = {.frame = &frame};
    struct asim_topology top = {.atom_count = ATOMS,
                                .residue_count = RESIDUES,
                                .molecule_count = 2,
                                .string_count = sizeof strings / sizeof *strings,
                                .name = name,
                                .type = type,
                                .residue = residue,
                                .molecule = molecule,
                                .atomic_number = atomic_number,
                                .mass_amu = mass,
                                .charge_e = charge,
                                .residues = residues,
                                .bonds = bonds,
                                .bond_count = 4,
                                .has_bonds = true,
                                .strings = strings};
    char *text = malloc(size + 1);
    if (!text)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    struct asim_atom_list list = {0};
    struct asim_error err;
    const char *selection = text;
    char *line_end = strchr(text, '\n');
    if (*text == '=' && line_end) {
        *line_end = '\0';
        selection = line_end + 1;
        /* Read as a file's content and as words, never as a path. */
        struct asim_residue_lists lists;
        if (asim_residue_lists_parse(text + 1, strlen(text + 1), "fuzz", &lists,
                                     &err) == 0)
            asim_residue_lists_finish(&lists);
        if (strchr(text, ':'))
            context.residues = text + 1;
    }
    if (asim_selection_evaluate(&top, selection, &context, &list, &err) == 0) {
        for (size_t i = 0; i < list.count; i++)
            if (list.index[i] >= ATOMS || (i > 0 && list.index[i] <= list.index[i - 1]))
                abort();
        asim_atom_list_finish(&list);
    } else if (err.status == ASIM_OK || strlen(err.text) >= sizeof err.text) {
        abort();
    }
    free(text);
}
