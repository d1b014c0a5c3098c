/*
 * A program for tests that compare TPR files with other programs:
 *   tpr_tool dump FILE                      everything as text, floats as %a
 *   tpr_tool patch IN OUT NSTEPS SEED VSEED KELVIN SHIFT [BOX]   coordinates moved by
 *                                           SHIFT, the box made larger by the factor
 * BOX tpr_tool energy FILE                    step, time, frames, potential, torn tail
 *   tpr_tool colvars IN OUT NAME CONFIG ATOM...   with the bias of file CONFIG; atoms
 *                                           (from 1) by first use, start as in the TPR
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "formats/edr.h"
#include "formats/tpr.h"

static int report(const struct asim_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return asim_status_exit_code(err->status);
}

static int dump(const char *path)
{
    struct asim_error err = {0};
    struct asim_tpr tpr = {0};
    struct asim_topology top = {0};
    if (asim_tpr_read(path, &tpr, &top, &err) < 0)
        return report(&err);
    printf("tpr %s|%d|%d|%d\n", tpr.gromacs_version, tpr.file_version, tpr.generation,
           tpr.real_bytes);
    printf("run %s|%" PRId64 "|%a|%" PRId64 "|%zu|%a|%d|%d\n", tpr.integrator_name,
           tpr.nsteps, tpr.dt_ps, tpr.ld_seed, tpr.temperature_group_count,
           tpr.ref_t_kelvin, tpr.one_temperature, tpr.pbc_type);
    printf("counts %zu %zu %zu %zu\n", top.atom_count, top.residue_count,
           top.molecule_count, top.bond_count);
    for (size_t i = 0; i < top.atom_count; i++) {
        const struct asim_residue *r = &top.residues[top.residue[i]];
        printf("atom %s|%s|%s|%d|%d|%s|%u|%d|%a|%a|%a|%a|%a\n",
               asim_topology_atom_name(&top, i), top.strings[top.type[i]],
               asim_topology_residue_name(&top, i), r->resid, r->resnum,
               top.strings[r->segment], top.molecule[i], top.atomic_number[i],
               (double)top.mass_amu[i], (double)top.charge_e[i], (double)tpr.x_nm[i][0],
               (double)tpr.x_nm[i][1], (double)tpr.x_nm[i][2]);
    }
    for (size_t i = 0; i < top.bond_count; i++)
        printf("bond %u %u\n", top.bonds[i][0], top.bonds[i][1]);
    asim_topology_finish(&top);
    asim_tpr_finish(&tpr);
    return 0;
}

static int patch(int argc, char **argv)
{
    struct asim_error err = {0};
    struct asim_tpr tpr = {0};
    char *data = NULL;
    void *copy = NULL;
    size_t size, copy_size;
    int rc = 1;
    if (asim_file_read(argv[0], UINT64_C(1) << 32, &data, &size, &err) < 0)
        return report(&err);
    if (asim_tpr_parse(data, size, &tpr, NULL, &err) < 0)
        goto out;
    float shift = strtof(argv[6], NULL);
    for (size_t i = 0; i < tpr.atom_count; i++)
        for (int d = 0; d < 3; d++)
            tpr.x_nm[i][d] += shift;
    for (int i = 0; argc > 7 && i < 9; i++)
        tpr.box_nm[i / 3][i % 3] *= strtof(argv[7], NULL);
    struct asim_tpr_patch how = {
        .x_nm = (const float(*)[3])tpr.x_nm,
        .box_nm = argc > 7 ? (const float(*)[3])tpr.box_nm : NULL,
        .nsteps = strtoll(argv[2], NULL, 10),
        .ld_seed = (int32_t)strtol(argv[3], NULL, 10),
        .velocity_seed = strtoull(argv[4], NULL, 10),
        .temperature_kelvin = strtod(argv[5], NULL),
    };
    if (asim_tpr_patch(data, size, &how, &copy, &copy_size, &err) < 0 ||
        asim_file_replace(argv[1], copy, copy_size, &err) < 0)
        goto out;
    rc = 0;
out:
    if (rc)
        rc = report(&err);
    free(copy);
    free(data);
    asim_tpr_finish(&tpr);
    return rc;
}

static int energy(const char *path)
{
    struct asim_error err = {0};
    struct asim_edr_last last;
    if (asim_edr_read_last(path, &last, &err) < 0)
        return report(&err);
    printf("%" PRId64 " %.17g %zu %.17g %d %" PRIu64 "\n", last.step, last.time_ps,
           last.frame_count, last.potential_kj_mol, last.torn_tail, last.end_bytes);
    return 0;
}

static int add_colvars(int argc, char **argv)
{
    enum { MOST_ATOMS = 1000 };
    struct asim_error err = {0};
    struct asim_tpr tpr = {0};
    char *data = NULL, *text = NULL;
    void *copy = NULL;
    size_t size, text_size, copy_size;
    double x[3 * MOST_ATOMS];
    int rc = 1;
    if (asim_file_read(argv[0], UINT64_C(1) << 32, &data, &size, &err) < 0 ||
        asim_file_read(argv[3], 1 << 24, &text, &text_size, &err) < 0 ||
        asim_tpr_parse(data, size, &tpr, NULL, &err) < 0)
        goto out;
    size_t count = (size_t)argc - 4;
    for (size_t i = 0; i < count && i < MOST_ATOMS; i++) {
        size_t atom = strtoul(argv[4 + i], NULL, 10) - 1;
        if (atom >= tpr.atom_count)
            goto out;
        for (int d = 0; d < 3; d++)
            x[3 * i + d] = (double)tpr.x_nm[atom][d];
    }
    struct asim_tpr_colvars colvars = {
        .text = text,
        .name = argv[2],
        .atom_count = count,
        .x_nm = x,
        .ensemble_kelvin = tpr.ref_t_kelvin,
        .seed = -1,
    };
    if (asim_tpr_add_colvars(data, size, &colvars, &copy, &copy_size, &err) < 0 ||
        asim_file_replace(argv[1], copy, copy_size, &err) < 0)
        goto out;
    rc = 0;
out:
    if (rc)
        rc = report(&err);
    free(copy);
    free(text);
    free(data);
    asim_tpr_finish(&tpr);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "dump") == 0)
        return dump(argv[2]);
    if (argc == 3 && strcmp(argv[1], "energy") == 0)
        return energy(argv[2]);
    if ((argc == 9 || argc == 10) && strcmp(argv[1], "patch") == 0)
        return patch(argc - 2, argv + 2);
    if (argc > 6 && strcmp(argv[1], "colvars") == 0)
        return add_colvars(argc - 2, argv + 2);
    fprintf(stderr, "usage: tpr_tool dump|energy FILE | patch IN OUT NSTEPS SEED VSEED "
                    "KELVIN SHIFT [BOX] | colvars IN OUT NAME CONFIG "
                    "ATOM...\n");
    return 2;
}
