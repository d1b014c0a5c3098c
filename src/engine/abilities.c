/*
 * What a GROMACS can do that its version text does not say, found out by doing it: a
 * simulation of two atoms with Colvars, and one with PLUMED.
 */
#include <autosim/engine.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "engine/ask.h"
#include "formats/tpr.h"
#include "windows/bias_method.h"

enum { TRY_SECONDS = 60, ANSWER_LARGEST = 256 * 1024 };

struct small_file {
    const char *name, *text;
};

static const struct small_file system_files[] = {
    {"try.gro", "two atoms\n"
                "    2\n"
                "    1X      X    1   1.000   1.000   1.000\n"
                "    2X      X    2   1.500   1.000   1.000\n"
                "   3.00000   3.00000   3.00000\n"},
    {"try.top", "[ defaults ]\n1 2\n"
                "[ atomtypes ]\nX 18 40.0 0.0 A 0.3 1.0\n"
                "[ moleculetype ]\nX 1\n[ atoms ]\n1 X 1 X X 1 0.0\n"
                "[ system ]\ntwo atoms\n[ molecules ]\nX 2\n"},
    {"try.colvars", "colvarsTrajFrequency 1\n"
                    "colvar {\n  name d\n  distance {\n"
                    "    group1 { atomNumbers 1 }\n    group2 { atomNumbers 2 }\n"
                    "  }\n}\n"},
    {"try.plumed", "d: DISTANCE ATOMS=1,2\nPRINT ARG=d FILE=try.colvar\n"},
};

#define TRY_MDP "integrator = md\nnsteps = 1\nrvdw = 1.0\nrcoulomb = 1.0\n"
static const char plain_mdp[] = TRY_MDP;
static const char colvars_mdp[] =
    TRY_MDP "colvars-active = yes\ncolvars-configfile = try.colvars\n";

static int write_file(const char *folder, const char *name, const char *text)
{
    char *path = asim_path_join(folder, name, NULL);
    FILE *file = path ? fopen(path, "we") : NULL;
    int rc = file && fputs(text, file) >= 0 ? 0 : -1;
    if (file && fclose(file) != 0)
        rc = -1;
    free(path);
    return rc;
}

/* The first line of gmx's report, or the last line it printed. */
static void short_reason(const char *text, char *ret_why, size_t size)
{
    const char *report = strstr(text, "Fatal error:\n");
    if (!report)
        report = strstr(text, "Error in user input:\n");
    const char *line = report ? strchr(report, '\n') + 1 : text;
    for (const char *next = line; !report && *next;) {
        size_t length = strcspn(next, "\n");
        if (strspn(next, " -\t") < length)
            line = next;
        next += length + (next[length] == '\n');
    }
    int length = (int)strcspn(line, "\r\n");
    snprintf(ret_why, size, "%.*s", length < 120 ? length : 120, line);
    for (char *at = ret_why; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

static bool run_gmx(const struct asim_gromacs *gromacs, const char *folder,
                    const char *const *arguments, struct asim_answer *answer)
{
    enum { ARGUMENTS_MOST = 32 };
    const char *argv[ARGUMENTS_MOST] = {gromacs->path, "-quiet"};
    for (size_t i = 0; arguments[i]; i++)
        argv[i + 2] = arguments[i];
    const struct asim_question question = {
        .argv = argv, .folder = folder, .with_stderr = true, .seconds = TRY_SECONDS};
    return asim_ask(&question, answer, NULL) == 0 && answer->succeeded;
}

/* One step of the two atoms; true where `output` was written. */
static bool simulate(const struct asim_gromacs *gromacs, const char *folder,
                     const char *mdp, const char *plumed_input, const char *output,
                     struct asim_answer *answer)
{
    static const char *const grompp[] = {"grompp",  "-f",       "try.mdp", "-c",
                                         "try.gro", "-p",       "try.top", "-o",
                                         "try.tpr", "-maxwarn", "5",       NULL};
    const char *mdrun[16] = {"mdrun", "-deffnm", "try", "-ntomp", "1", "-pin", "off"};
    size_t count = 7;
    answer->text[0] = '\0';
    if (gromacs->thread_mpi) {
        mdrun[count++] = "-ntmpi";
        mdrun[count++] = "1";
    }
    if (plumed_input) {
        mdrun[count++] = "-plumed";
        mdrun[count++] = plumed_input;
    }
    if (write_file(folder, "try.mdp", mdp) < 0 ||
        !run_gmx(gromacs, folder, grompp, answer) ||
        !run_gmx(gromacs, folder, mdrun, answer))
        return false;
    char *path = asim_path_join(folder, output, NULL);
    bool written = path && asim_file_exists(path);
    free(path);
    return written;
}

static void try_colvars(struct asim_gromacs *gromacs, const char *folder,
                        struct asim_answer *answer)
{
    if (gromacs->colvars || (gromacs->year > 0 && gromacs->year < 2024))
        return;
    gromacs->colvars =
        simulate(gromacs, folder, colvars_mdp, NULL, "try.colvars.traj", answer);
    if (gromacs->colvars)
        snprintf(gromacs->colvars_why, sizeof gromacs->colvars_why, "built in");
    else
        short_reason(answer->text, gromacs->colvars_why, sizeof gromacs->colvars_why);
}

static void try_plumed(struct asim_gromacs *gromacs, const char *folder,
                       struct asim_answer *answer)
{
    static const char *const help[] = {"mdrun", "-h", NULL};
    char *why = gromacs->plumed_why;
    size_t size = sizeof gromacs->plumed_why;
    if (!run_gmx(gromacs, folder, help, answer) || !strstr(answer->text, "-plumed")) {
        snprintf(why, size, "mdrun has no option -plumed");
        return;
    }
    gromacs->plumed =
        simulate(gromacs, folder, plain_mdp, "try.plumed", "try.colvar", answer);
    const char *kernel = getenv("PLUMED_KERNEL");
    if (gromacs->plumed)
        snprintf(why, size, "kernel loaded%s%.120s", kernel ? ": " : "",
                 kernel ? kernel : "");
    else if (strstr(answer->text, "PLUMED_KERNEL") || !kernel || !*kernel)
        snprintf(why, size,
                 "mdrun takes -plumed, but no kernel loads; set "
                 "PLUMED_KERNEL to libplumedKernel.so");
    else
        short_reason(answer->text, why, size);
}

void asim_gromacs_try(struct asim_gromacs *gromacs)
{
    const char *where = getenv("TMPDIR");
    char *folder =
        asim_format(NULL, "%s/autosim-try-XXXXXX", where && *where ? where : "/tmp");
    struct asim_answer answer = {.size = ANSWER_LARGEST};
    answer.text = asim_alloc_array(ANSWER_LARGEST, 1, NULL);
    if (!folder || !answer.text || !mkdtemp(folder))
        goto out;
    int failed = 0;
    for (size_t i = 0; i < sizeof system_files / sizeof *system_files; i++)
        failed |= write_file(folder, system_files[i].name, system_files[i].text);
    if (!failed) {
        try_colvars(gromacs, folder, &answer);
        try_plumed(gromacs, folder, &answer);
    }
    asim_folder_remove(folder);
out:
    free(answer.text);
    free(folder);
}

/* ---- which engine ---- */

static int check_wanted(const struct asim_gromacs *gromacs,
                        enum asim_bias_engine wanted, bool tpr_fits,
                        const char *tpr_why, struct asim_error *err)
{
    if (wanted == ASIM_BIAS_COLVARS && !gromacs->colvars)
        return asim_fail(err, ASIM_EENV,
                         "the colvars bias needs a GROMACS with Colvars, and '%s' "
                         "(%s) has none: %s",
                         gromacs->path, gromacs->version, gromacs->colvars_why);
    if (wanted == ASIM_BIAS_COLVARS && !tpr_fits)
        return asim_fail(err, ASIM_EINPUT, "the colvars bias: %s", tpr_why);
    if (wanted == ASIM_BIAS_PLUMED && !gromacs->plumed)
        return asim_fail(err, ASIM_EENV,
                         "the plumed bias cannot be used with '%s' (%s): %s",
                         gromacs->path, gromacs->version, gromacs->plumed_why);
    return 0;
}

int asim_bias_choose(const struct asim_gromacs *gromacs, const char *tpr_path,
                     enum asim_bias_engine wanted, enum asim_bias_engine *ret_engine,
                     char *ret_why, size_t why_size, struct asim_error *err)
{
    struct asim_tpr tpr = {0};
    char tpr_why[160] = "";
    bool tpr_fits = true;
    if (tpr_path) {
        if (asim_tpr_read(tpr_path, &tpr, NULL, err) < 0)
            return -1;
        tpr_fits = asim_tpr_holds_colvars(&tpr);
        if (!tpr_fits)
            snprintf(tpr_why, sizeof tpr_why,
                     "the TPR is of GROMACS %.30s, and only those of 2020 and newer "
                     "have a place for Colvars: make it again with grompp",
                     tpr.gromacs_version);
        asim_tpr_finish(&tpr);
    }
    if (check_wanted(gromacs, wanted, tpr_fits, tpr_why, err) < 0)
        return -1;
    if (wanted != ASIM_BIAS_AUTO) {
        *ret_engine = wanted;
        snprintf(ret_why, why_size, "as asked for");
    } else if (gromacs->colvars && tpr_fits) {
        *ret_engine = ASIM_BIAS_COLVARS;
        snprintf(ret_why, why_size, "exact forces, and this GROMACS has Colvars");
    } else if (gromacs->plumed) {
        *ret_engine = ASIM_BIAS_PLUMED;
        snprintf(ret_why, why_size, "exact forces, and a PLUMED kernel is there; %s",
                 gromacs->colvars ? tpr_why : "this GROMACS has no Colvars");
    } else {
        *ret_engine = ASIM_BIAS_EDI;
        snprintf(ret_why, why_size, "neither Colvars nor PLUMED can be used: %s",
                 gromacs->colvars ? tpr_why : "this GROMACS has none");
    }
    return 0;
}
