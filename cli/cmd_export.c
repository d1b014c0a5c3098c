/* autosim export: the profile for other programs, the windows' bias for use elsewhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "pipeline.h"
#include "windows/bias_method.h"

static const char colvars_words[] =
    "Each folder holds bias.colvars, a configuration for the Colvars module.\n"
    "\n"
    "GROMACS 2024 or newer: put\n"
    "\n"
    "    colvars-active     = yes\n"
    "    colvars-configfile = bias.colvars\n"
    "\n"
    "into the .mdp file, give grompp the window's start structure with whole "
    "molecules\n"
    "(`-c`), and run `gmx mdrun`. The samples come out as NAME.colvars.traj.\n"
    "\n"
    "Lengths are in nm and energies in kJ/mol. Other programs with Colvars have other\n"
    "units (NAMD: Angstrom and kcal/mol): positions, centre and force constant must "
    "be\n"
    "converted for them.\n";

static const char plumed_words[] =
    "Each folder holds plumed.dat and the two structures it names, avg.pdb and "
    "vec.pdb.\n"
    "\n"
    "    gmx mdrun -s topol.tpr -plumed plumed.dat -ntmpi 1\n"
    "\n"
    "runs a window, with GROMACS 2025 or newer (or one patched with PLUMED) and\n"
    "PLUMED_KERNEL set to libplumedKernel.so. Run it inside its folder. `p` is the\n"
    "coordinate in nm, the samples come out as COLVAR. Give `-plumed` again when going "
    "on\n"
    "from a checkpoint: without it mdrun goes on without the bias and does not say "
    "so.\n";

static const char edi_words[] =
    "Each folder holds bias.edi, input for essential-dynamics sampling.\n"
    "\n"
    "    gmx mdrun -s topol.tpr -ei bias.edi -eo bias.xvg\n"
    "\n"
    "runs a window with any GROMACS; the samples come out as bias.xvg. Its force "
    "leaves "
    "out\nthe derivative of the superposition's rotation, so that profiles come out "
    "too "
    "steep\nby the factor (1 + <w^2>).\n";

static const char *words_of(enum asim_bias_engine engine)
{
    return engine == ASIM_BIAS_COLVARS  ? colvars_words
           : engine == ASIM_BIAS_PLUMED ? plumed_words
                                        : edi_words;
}

static int write_readme(const char *folder, const struct asim_bias_method *method,
                        const struct asim_plan *plan, const struct asim_pca *pca,
                        struct asim_error *err)
{
    struct asim_output output = {0};
    char *path = asim_path_join(folder, "README.md", err);
    int rc = -1;
    if (!path || asim_output_open(path, &output, err) < 0)
        goto out;
    fprintf(output.stream,
            "# Umbrella windows along PC1\n\n"
            "V = k/2 (p - p0)^2, p the projection on the first principal component of "
            "%zu atoms\n(%s), of a system of %zu atoms, at %g K. <w^2> = %.4f over the "
            "frames it was\nmade from.\n\n%s\n"
            "| folder | p0 (nm) | k (kJ/mol/nm^2) |\n|---|---|---|\n",
            pca->atom_count, pca->selection, plan->system_atom_count,
            plan->temperature_kelvin, plan->force_error, words_of(method->engine));
    for (size_t i = 0; i < plan->window_count; i++)
        fprintf(output.stream, "| %03d | %.10g | %.10g |\n", plan->windows[i].window_id,
                plan->windows[i].bias.centre_nm,
                plan->windows[i].bias.force_constant_kj_mol_nm2);
    rc = asim_output_commit(&output, err);
out:
    asim_output_close(&output);
    free(path);
    return rc;
}

static int write_window(const char *folder, const struct asim_bias_method *method,
                        const struct asim_plan *plan, const struct asim_window *window,
                        const struct asim_pca *pca, struct asim_error *err)
{
    struct asim_bias_request request = {
        .pca = pca,
        .bias = window->bias,
        .steering = method->exact ? window->steering : (struct asim_steering){0},
        .dt_ps = plan->dt_ps,
        .system_atom_count = plan->system_atom_count,
        .sample_steps = plan->sample_steps,
        .temperature_kelvin = plan->temperature_kelvin,
    };
    struct asim_bias_texts texts = {0};
    char *path = asim_format(err, "%s/%03d", folder, window->window_id);
    int rc = -1;
    if (path && asim_bias_compose(method, &request, &texts, err) == 0 &&
        asim_make_folder(path, err) == 0)
        rc = asim_bias_write(&texts, path, err);
    asim_bias_texts_finish(&texts);
    free(path);
    return rc < 0 ? asim_wrap(err, "window %d", window->window_id) : 0;
}

/* What pmf/ has already, to standard output, or to a file. */
static int export_profile(const struct settings *settings, const char *kind,
                          struct asim_error *err)
{
    const char *target = settings->argument_count > 1 ? settings->arguments[1] : NULL;
    char *data = NULL,
         *path = asim_format(err, "%s/pmf/pmf.%s", settings->folder, kind);
    size_t size;
    int rc = -1;
    if (!path)
        return -1;
    if (!asim_file_exists(path))
        asim_fail(err, ASIM_EINPUT,
                  "'%s' holds no profile yet: 'autosim pmf -C %s' makes it",
                  settings->folder, settings->folder);
    else if (!target && strcmp(kind, "npz") == 0 && isatty(STDOUT_FILENO))
        asim_fail(err, ASIM_EUSAGE,
                  "a terminal cannot show .npz: 'autosim export npz FILE', or take "
                  "'%s' as it is",
                  path);
    else
        rc = asim_file_read(path, (uint64_t)1 << 32, &data, &size, err);
    if (rc == 0 && target)
        rc = asim_file_replace(target, data, size, err);
    else if (rc == 0)
        fwrite(data, 1, size, stdout);
    free(data);
    free(path);
    return rc;
}

int cmd_export(const struct settings *settings, struct asim_error *err)
{
    static const char *const profiles[] = {"xvg", "csv", "npz"};
    const char *name = settings->arguments[0];
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(name, profiles[i]) == 0)
            return export_profile(settings, name, err);
    enum asim_bias_engine engine = ASIM_BIAS_AUTO;
    struct asim_plan plan = {0};
    struct asim_pca pca = {0};
    int rc = -1;
    if (asim_bias_engine_from_name(name, &engine) < 0 || engine == ASIM_BIAS_AUTO)
        return asim_fail(err, ASIM_EUSAGE,
                         "'%s' cannot be exported; xvg, csv, npz, colvars, plumed or "
                         "edi was expected",
                         name);
    if (check_campaign(settings, err) < 0)
        return -1;
    const struct asim_bias_method *method = asim_bias_method(engine);
    char *pca_folder = asim_path_join(settings->folder, "pca", err);
    char *folder = settings->argument_count > 1
                       ? asim_strdup(settings->arguments[1], err)
                       : asim_format(err, "%s/export/%s", settings->folder, name);
    if (!pca_folder || !folder || asim_plan_read(settings->folder, &plan, err) < 0 ||
        asim_pca_read(pca_folder, &pca, err) < 0 || asim_make_folder(folder, err) < 0)
        goto out;
    for (size_t i = 0; i < plan.window_count; i++)
        if (write_window(folder, method, &plan, &plan.windows[i], &pca, err) < 0)
            goto out;
    if (write_readme(folder, method, &plan, &pca, err) < 0)
        goto out;
    printf("%s: %zu windows, %s/README.md says how to run them\n", name,
           plan.window_count, folder);
    rc = 0;
out:
    asim_pca_finish(&pca);
    asim_plan_finish(&plan);
    free(pca_folder);
    free(folder);
    return rc;
}
