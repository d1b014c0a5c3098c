/* Any text as a selection on a small topology: no crash, no leak, an ordered list. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <autosim/selection.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ATOMS = 6, RESIDUES = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
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
                                .strings = strings};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    struct asim_atom_list list = {0};
    struct asim_error err;
    if (asim_selection_evaluate(&top, text, NULL, &list, &err) == 0) {
        for (size_t i = 0; i < list.count; i++)
            if (list.index[i] >= ATOMS || (i > 0 && list.index[i] <= list.index[i - 1]))
                abort();
        asim_atom_list_finish(&list);
    } else if (err.status == ASIM_OK || strlen(err.text) >= sizeof err.text) {
        abort();
    }
    free(text);
    return 0;
}
