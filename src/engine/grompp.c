/*
 * Windows' run inputs by grompp.
 *
 * What the user gave is taken over once: grompp reads it where the user is, so that all
 * it includes is found, and writes the topology out in full. Every window's grompp then
 * runs in the window's folder, on that topology and a copy of the .mdp that differs in
 * what the window decides. Start coordinates and velocities come as a TPR, which keeps
 * all their digits.
 * Invariant: nothing outside of the campaign's folder is written.
 */
#include <autosim/engine.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "engine/ask.h"
#include "formats/mdp.h"
#include "formats/tpr.h"
#include "windows/bias_method.h"
#include "windows/plan_file.h"

enum {
    GROMPP_SECONDS = 3600,
    ANSWER_LARGEST = 1 << 22,
    MDP_LARGEST = 1 << 20,
    REASON_LENGTH = 500,
};
/* Warnings were judged when the input was taken over; a window's has the same. */
#define ANY_WARNINGS "1000"

static const uint64_t INPUT_LARGEST = (uint64_t)4 << 30;
static const char *const structure_endings[] = {".gro", ".g96", ".pdb",
                                                ".ent", ".brk", ".tpr"};
enum { STRUCTURE_ENDINGS = sizeof structure_endings / sizeof *structure_endings };

/* ---- one grompp ---- */

/* The paragraph behind the first `mark` at the beginning of a line, as one line. */
static bool copy_paragraph(const char *text, const char *mark, char *ret_words,
                           size_t size)
{
    const char *at = strstr(text, mark);
    while (at && at != text && at[-1] != '\n')
        at = strstr(at + 1, mark);
    if (!at)
        return false;
    size_t length = 0;
    for (bool blank = false; *at && strncmp(at, "\n\n", 2) != 0; at++) {
        bool space = *at == ' ' || *at == '\n' || *at == '\t' || *at == '\r';
        if (space) {
            blank = length > 0;
            continue;
        }
        if (length + 3 > size)
            break;
        if (blank)
            ret_words[length++] = ' ';
        blank = false;
        ret_words[length++] = *at < ' ' ? '?' : *at;
    }
    ret_words[length] = '\0';
    return length > 0;
}

/* Why grompp gave up, in its own words. */
static void find_reason(const char *text, char ret_words[REASON_LENGTH])
{
    static const char *const marks[] = {"ERROR ",
                                        "WARNING ",
                                        "Fatal error:",
                                        "Error in user input:",
                                        "Inconsistency in user",
                                        "Error in command-line"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (copy_paragraph(text, marks[i], ret_words, REASON_LENGTH))
            return;
    snprintf(ret_words, REASON_LENGTH, "it does not say why");
}

static void log_warnings(struct asim_log *log, const char *text)
{
    char words[REASON_LENGTH];
    for (const char *at = text; (at = strstr(at, "\nWARNING ")); at++)
        if (copy_paragraph(at + 1, "WARNING ", words, sizeof words))
            asim_log_write(log, ASIM_LOG_WARNING, "grompp: %s", words);
}

/* `arguments` are grompp's, NULL-terminated; what it says goes to `log_path`. */
static int run_grompp(const struct asim_gromacs *gromacs, const char *run_folder,
                      const char *const *arguments, const char *log_path,
                      struct asim_log *log, struct asim_error *err)
{
    enum { ARGUMENTS_MOST = 40 };
    const char *argv[ARGUMENTS_MOST] = {gromacs->path, "-quiet", "grompp"};
    for (size_t i = 0; arguments[i]; i++)
        argv[i + 3] = arguments[i];
    const struct asim_question question = {.argv = argv,
                                           .folder = run_folder,
                                           .with_stderr = true,
                                           .seconds = GROMPP_SECONDS};
    struct asim_answer answer = {.size = ANSWER_LARGEST};
    char reason[REASON_LENGTH];
    answer.text = asim_alloc_array(answer.size, 1, err);
    if (!answer.text)
        return -1;
    int rc = asim_ask(&question, &answer, err);
    if (rc == 0)
        rc = asim_file_replace(log_path, answer.text, strlen(answer.text), err);
    if (rc == 0 && !answer.in_time) {
        rc = asim_fail(err, ASIM_EENV, "grompp did not end within %d seconds; see '%s'",
                       GROMPP_SECONDS, log_path);
    } else if (rc == 0 && !answer.succeeded) {
        find_reason(answer.text, reason);
        bool warnings = strstr(answer.text, "Too many warnings") != NULL;
        rc =
            asim_fail(err, ASIM_EINPUT, "grompp refuses: %s; all it said is in '%s'%s",
                      reason, log_path,
                      warnings ? "; where its warnings are harmless, --maxwarn accepts "
                                 "that many"
                               : "");
    } else if (rc == 0) {
        log_warnings(log, answer.text);
    }
    free(answer.text);
    return rc;
}

/* ---- taking the input over ---- */

static int check_atoms(const struct asim_topology *top,
                       const struct asim_topology *made, struct asim_error *err)
{
    if (top->atom_count != made->atom_count)
        return asim_fail(err, ASIM_EINPUT,
                         "the topology has %zu atoms and the TPR %zu: they are of "
                         "different systems",
                         made->atom_count, top->atom_count);
    for (size_t i = 0; i < top->atom_count; i++) {
        const char *name = asim_topology_atom_name(top, i);
        const char *residue = asim_topology_residue_name(top, i);
        const char *made_name = asim_topology_atom_name(made, i);
        const char *made_residue = asim_topology_residue_name(made, i);
        if (strcmp(name, made_name) != 0 || strcmp(residue, made_residue) != 0)
            return asim_fail(err, ASIM_EINPUT,
                             "atom %zu is %s of %s in the topology and %s of %s in the "
                             "TPR: the order of the atoms must be the same",
                             i + 1, made_name, made_residue, name, residue);
    }
    return 0;
}

/* What grompp made of the input must be the simulation that the TPR is of. */
static int check_same_simulation(const char *tpr_path, const char *made_path,
                                 struct asim_error *err)
{
    struct asim_tpr tpr = {0}, made = {0};
    struct asim_topology top = {0}, made_top = {0};
    int rc = -1;
    if (asim_tpr_read(tpr_path, &tpr, &top, err) < 0 ||
        asim_tpr_read(made_path, &made, &made_top, err) < 0 ||
        check_atoms(&top, &made_top, err) < 0)
        goto out;
    if (fabs(tpr.dt_ps - made.dt_ps) > 1e-9 * tpr.dt_ps)
        asim_fail(err, ASIM_EINPUT,
                  "the .mdp has a time step of %g ps and the TPR one of %g ps",
                  made.dt_ps, tpr.dt_ps);
    else if (fabs(tpr.ref_t_kelvin - made.ref_t_kelvin) > 1e-4)
        asim_fail(err, ASIM_EINPUT, "the .mdp has ref-t = %g K and the TPR %g K",
                  made.ref_t_kelvin, tpr.ref_t_kelvin);
    else if (strcmp(tpr.integrator_name, made.integrator_name) != 0)
        asim_fail(err, ASIM_EINPUT, "the .mdp has the integrator %s and the TPR %s",
                  made.integrator_name, tpr.integrator_name);
    else
        rc = 0;
out:
    asim_tpr_finish(&tpr);
    asim_tpr_finish(&made);
    asim_topology_finish(&top);
    asim_topology_finish(&made_top);
    return rc;
}

/* The .mdp without what is spelled out in the topology by now: grompp warns of defines
 * that it does not find in use. */
static int adopt_mdp(const char *path, const char *folder, struct asim_error *err)
{
    static const struct asim_mdp_setting spelled_out[] = {
        {"define", NULL}, {"include", NULL}, {NULL, NULL}};
    char *text = NULL, *copy = NULL, *active = NULL;
    size_t size;
    int rc = -1;
    char *target = asim_path_join(folder, "md.mdp", err);
    if (!target || asim_file_read(path, MDP_LARGEST, &text, &size, err) < 0 ||
        asim_mdp_get(text, "colvars-active", &active, err) < 0)
        goto out;
    if (active && asim_mdp_is_yes(active)) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' has a Colvars bias of its own (colvars-active = %s); the "
                  "windows need the simulation without bias",
                  path, active);
        goto out;
    }
    if (asim_mdp_set(text, spelled_out, &copy, err) == 0)
        rc = asim_file_replace(target, copy, strlen(copy), err);
out:
    free(text);
    free(copy);
    free(active);
    free(target);
    return rc;
}

/* `path` (NULL: none) as `name` in the folder, in place of what is there. */
static int adopt_file(const char *path, const char *folder, const char *name,
                      struct asim_error *err)
{
    char *data = NULL;
    size_t size;
    int rc = -1;
    char *target = asim_path_join(folder, name, err);
    if (!target)
        return -1;
    if (path) {
        if (asim_file_read(path, INPUT_LARGEST, &data, &size, err) == 0)
            rc = asim_file_replace(target, data, size, err);
    } else {
        unlink(target);
        rc = 0;
    }
    free(data);
    free(target);
    return rc;
}

static bool ends_with(const char *path, const char *ending)
{
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcasecmp(path + length - tail, ending) == 0;
}

/* grompp knows formats by their endings, so the copy keeps its own. */
static int adopt_positions(const char *path, const char *folder, struct asim_error *err)
{
    bool known = !path;
    for (int i = 0; i < STRUCTURE_ENDINGS; i++) {
        char name[24];
        bool this_one = path && ends_with(path, structure_endings[i]);
        snprintf(name, sizeof name, "posres%s", structure_endings[i]);
        if (adopt_file(this_one ? path : NULL, folder, name, err) < 0)
            return -1;
        known = known || this_one;
    }
    return known ? 0
                 : asim_fail(err, ASIM_EINPUT,
                             "'%s' holds no structure that grompp knows by its name: "
                             ".gro, .g96, .pdb, .ent, .brk or .tpr was expected",
                             path);
}

static int spell_out(const struct asim_gromacs *gromacs,
                     const struct asim_grompp_inputs *inputs, const char *tpr_path,
                     const char *folder, struct asim_log *log, struct asim_error *err)
{
    static const char *const names[] = {"topol.top", "first.mdp", "first.tpr",
                                        "grompp.log"};
    char *paths[4] = {NULL}, warnings[16];
    int rc = -1;
    snprintf(warnings, sizeof warnings, "%d", inputs->warnings_most);
    for (size_t i = 0; i < 4; i++)
        if (!(paths[i] = asim_path_join(folder, names[i], err)))
            goto out;
    const char *arguments[24] = {"-f",       inputs->mdp_path, "-p",  inputs->top_path,
                                 "-c",       tpr_path,         "-pp", paths[0],
                                 "-po",      paths[1],         "-o",  paths[2],
                                 "-maxwarn", warnings};
    size_t count = 14;
    if (inputs->ndx_path) {
        arguments[count++] = "-n";
        arguments[count++] = inputs->ndx_path;
    }
    if (inputs->posres_path) {
        arguments[count++] = "-r";
        arguments[count++] = inputs->posres_path;
    }
    if (run_grompp(gromacs, NULL, arguments, paths[3], log, err) < 0 ||
        check_same_simulation(tpr_path, paths[2], err) < 0) {
        asim_wrap(err, "'%s' with '%s'", inputs->mdp_path, inputs->top_path);
        goto out;
    }
    unlink(paths[1]);
    unlink(paths[2]);
    rc = 0;
out:
    for (size_t i = 0; i < 4; i++)
        free(paths[i]);
    return rc;
}

int asim_grompp_adopt(const struct asim_gromacs *gromacs,
                      const struct asim_grompp_inputs *inputs, const char *tpr_path,
                      const char *folder, struct asim_log *log, struct asim_error *err)
{
    int rc = -1;
    char *own = asim_path_join(folder, "grompp", err);
    if (own && asim_make_folder(own, err) == 0 &&
        adopt_mdp(inputs->mdp_path, own, err) == 0 &&
        adopt_file(inputs->ndx_path, own, "index.ndx", err) == 0 &&
        adopt_positions(inputs->posres_path, own, err) == 0)
        rc = spell_out(gromacs, inputs, tpr_path, own, log, err);
    free(own);
    return rc;
}

/* ---- a window ---- */

/* window.mdp: the .mdp with what the window decides. */
static int write_mdp(const char *campaign_folder, const struct asim_plan *plan,
                     const struct asim_window *window, const char *window_folder,
                     struct asim_error *err)
{
    const struct asim_bias_method *method = asim_bias_method(plan->bias);
    char nsteps[24], seed[16];
    char *text = NULL, *copy = NULL;
    size_t size;
    int rc = -1;
    snprintf(nsteps, sizeof nsteps, "%" PRId64, window->nsteps);
    snprintf(seed, sizeof seed, "%" PRId32, window->ld_seed);
    /* Colvars last: a bias outside of the TPR takes no part in it. */
    const struct asim_mdp_setting settings[] = {
        {"nsteps", nsteps},
        {"init-step", "0"},
        {"tinit", "0"},
        {"continuation", "no"},
        {"unconstrained-start", NULL}, /* the name of that in early versions */
        {"gen-vel", "no"},
        {"ld-seed", seed},
        {method->inside_tpr ? "colvars-active" : NULL, "yes"},
        {"colvars-configfile", method->files[0]},
        {"colvars-seed", NULL},
        {NULL, NULL},
    };
    char *path = asim_path_join(campaign_folder, "grompp/md.mdp", err);
    char *target = asim_path_join(window_folder, "window.mdp", err);
    if (path && target && asim_file_read(path, MDP_LARGEST, &text, &size, err) == 0 &&
        asim_mdp_set(text, settings, &copy, err) == 0)
        rc = asim_file_replace(target, copy, strlen(copy), err);
    free(text);
    free(copy);
    free(path);
    free(target);
    return rc;
}

/* The absolute path of a file that was taken over; "" where there was none. */
static void adopted_path(const char *folder, const char *name, char ret_path[4096])
{
    int length = snprintf(ret_path, 4096, "%s/grompp/%s", folder, name);
    if (length >= 4096 || !asim_file_exists(ret_path))
        ret_path[0] = '\0';
}

static int make_window(const struct asim_grompp *grompp, const char *folder,
                       const char *window_folder, struct asim_error *err)
{
    char top[4096], index[4096], posres[4096] = "";
    adopted_path(folder, "topol.top", top);
    adopted_path(folder, "index.ndx", index);
    for (int i = 0; i < STRUCTURE_ENDINGS && !posres[0]; i++) {
        char name[24];
        snprintf(name, sizeof name, "posres%s", structure_endings[i]);
        adopted_path(folder, name, posres);
    }
    if (!top[0])
        return asim_fail(err, ASIM_EINPUT,
                         "'%s/grompp/topol.top' is missing, from which the run inputs "
                         "of this campaign are made",
                         folder);
    const char *arguments[24] = {"-f", "window.mdp",   "-p",       top,
                                 "-c", ASIM_START_TPR, "-po",      "mdout.mdp",
                                 "-o", "window.tpr",   "-maxwarn", ANY_WARNINGS};
    size_t count = 12;
    if (index[0]) {
        arguments[count++] = "-n";
        arguments[count++] = index;
    }
    if (posres[0]) {
        arguments[count++] = "-r";
        arguments[count++] = posres;
    }
    char *log_path = asim_path_join(window_folder, "grompp.log", err);
    if (!log_path)
        return -1;
    int rc = run_grompp(grompp->gromacs, window_folder, arguments, log_path, NULL, err);
    free(log_path);
    return rc;
}

int asim_grompp_make(void *context, const struct asim_plan *plan,
                     const struct asim_window *window, const char *window_folder,
                     struct asim_error *err)
{
    const struct asim_grompp *grompp = context;
    /* grompp runs in the window's folder, from where other names are not seen. */
    char *folder = realpath(grompp->folder, NULL);
    if (!folder)
        return asim_fail(err, ASIM_EIO, "cannot find the folder '%s'", grompp->folder);
    int rc = write_mdp(folder, plan, window, window_folder, err);
    if (rc == 0)
        rc = make_window(grompp, folder, window_folder, err);
    free(folder);
    return rc;
}
