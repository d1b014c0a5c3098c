/* The files a finished run leaves. Must not know why a run ended. */
#include "engine/final_files.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "engine/mdrun.h"
#include "engine/record.h"
#include "formats/edr.h"
#include "formats/gro.h"
#include "windows/bias_method.h"

static bool has_hole(const char *path)
{
    char block[65536];
    size_t got;
    bool hole = false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    while (!hole && (got = fread(block, 1, sizeof block, file)) > 0)
        hole = memchr(block, '\0', got) != NULL;
    fclose(file);
    return hole;
}

static bool is_older(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec != b->st_mtim.tv_sec
               ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
               : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* Title, number of atoms, atoms, box: gmx wrote all of it. */
static bool has_all_lines(const char *path, size_t atom_count)
{
    char block[65536];
    size_t got, lines = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        for (size_t i = 0; i < got; i++)
            lines += block[i] == '\n';
    fclose(file);
    return lines == atom_count + 3;
}

static enum asim_structure_state
look_at_structure(const char *path, const char *process_path, size_t atom_count)
{
    struct stat structure, started;
    size_t found;
    if (stat(path, &structure) < 0)
        return ASIM_STRUCTURE_MISSING;
    /* Both times are of one file system, so clocks of machines do not matter. */
    if (stat(process_path, &started) == 0 && is_older(&structure, &started))
        return ASIM_STRUCTURE_STALE;
    if (asim_gro_check(path, &found, NULL) < 0)
        return has_all_lines(path, atom_count) ? ASIM_STRUCTURE_OVERFLOWN
                                               : ASIM_STRUCTURE_DAMAGED;
    return found == atom_count ? ASIM_STRUCTURE_WHOLE : ASIM_STRUCTURE_OTHER_ATOMS;
}

int asim_final_files_look(const char *folder, int attempt, size_t atom_count,
                          struct asim_final_files *ret_files, struct asim_error *err)
{
    struct asim_final_files files = {.energy_step = -1, .potential_kj_mol = NAN};
    char *gro = asim_path_join(folder, ASIM_MDRUN_GRO, err);
    char *process = asim_attempt_path(folder, attempt, "process.json", err);
    int rc = -1;
    char *bias = asim_path_join(folder, asim_bias_method(ASIM_BIAS_EDI)->output, err);
    char *energies = asim_path_join(folder, ASIM_MDRUN_EDR, err);
    struct asim_edr_last last;
    if (!gro || !process || !bias || !energies)
        goto out;
    files.structure = look_at_structure(gro, process, atom_count);
    files.bias_hole = has_hole(bias);
    /* No energies yet, or damaged ones: the log may still know. */
    if (asim_edr_read_last(energies, &last, NULL) == 0) {
        files.energy_step = last.step;
        files.potential_kj_mol = last.potential_kj_mol;
    }
    *ret_files = files;
    rc = 0;
out:
    free(energies);
    free(bias);
    free(process);
    free(gro);
    return rc;
}

const char *asim_structure_state_name(enum asim_structure_state state)
{
    static const char *const names[] = {
        "confout.gro is whole",
        "confout.gro is missing",
        "confout.gro is older than this attempt",
        "confout.gro is damaged",
        "confout.gro has another number of atoms",
        "confout.gro holds numbers that are not finite or do not fit their fields"};
    return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}
