/*
 * The option table: every option once, with its group, its help and where its value
 * goes. getopt_long does the parsing. What a value means is in option_values.c.
 */
#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "settings_file.h"

#define AT(member) offsetof(struct settings, member)

static const struct option_spec table[] = {
    {"folder", 'C', "DIR", OPTIONS_COMMON, KIND_FOLDER, AT(folder), 0, 0,
     "the campaign's folder (default ./autosim)"},
    {"help", 'h', NULL, OPTIONS_COMMON, KIND_FLAG, AT(help), 0, 0, "this help"},
    {"quiet", 'q', NULL, OPTIONS_COMMON, KIND_FLAG, AT(quiet), 0, 0,
     "only warnings and errors on the terminal; the log file has all"},
    {"settings", 0, "FILE", OPTIONS_SETTINGS, KIND_FILE, AT(settings_path), 0, 0,
     "settings to read (default: autosim.ini of this folder, where there is one); the "
     "command line wins"},
    {"json", 0, NULL, OPTIONS_JSON, KIND_FLAG, AT(json), 0, 0,
     "machine-readable output on stdout"},
    {"to", 0, "N", OPTIONS_PRIORITY, KIND_INT, AT(priority), -1e6, 1e6,
     "their priority: windows of a higher one start first (0: as planned)"},
    {"watch", 0, NULL, OPTIONS_WATCH, KIND_FLAG, AT(watch), 0, 0,
     "again every two seconds, until no window is left"},
    {"atoms", 0, NULL, OPTIONS_INFO, KIND_FLAG, AT(atoms), 0, 0, "list every atom"},
    {"sel", 0, "SELECTION", OPTIONS_PCA | OPTIONS_INFO, KIND_TEXT, AT(pca.selection), 0,
     0,
     "atoms to analyse, e.g. \"protein and name CA\" (default: the alpha carbons of a "
     "protein, the heavy atoms of a small molecule)"},
    {"align", 0, "SELECTION", OPTIONS_PCA, KIND_TEXT, AT(pca.align_selection), 0, 0,
     "atoms to superpose on (default: those of --sel)"},
    {"ndx", 0, "FILE[:GROUP]", OPTIONS_PCA | OPTIONS_INFO, KIND_FILE, AT(ndx), 0, 0,
     "index file; selects its GROUP, or serves selections of the form: group \"NAME\""},
    {"residues", 0, "KIND:NAMES|FILE", OPTIONS_PCA | OPTIONS_INFO, KIND_TEXT,
     AT(pca.residues), 0, 0,
     "residues that count as protein, nucleic, water, ion or other, e.g. "
     "\"protein:ABC,DEF;water:TIP7\", or a file such as residuetypes.dat"},
    {"begin", 'b', "PS", OPTIONS_PCA | OPTIONS_FRAMES, KIND_REAL, AT(pca.begin_ps),
     -1e15, 1e15, "leave out frames before this time"},
    {"end", 'e', "PS", OPTIONS_PCA | OPTIONS_FRAMES, KIND_REAL, AT(pca.end_ps), -1e15,
     1e15, "leave out frames after this time"},
    {"stride", 0, "N", OPTIONS_PCA | OPTIONS_FRAMES, KIND_SIZE, AT(pca.stride), 1, 1e9,
     "take every N-th frame"},
    {"components", 0, "K|all", OPTIONS_PCA, KIND_SIZE_OR_ALL, AT(pca.component_count),
     1, 1e5, "principal components to keep (default 10)"},
    {"modes", 0, "N", OPTIONS_PCA, KIND_SIZE, AT(modes), 1, 1000,
     "draw the motion along the first N components: mode1.pdb .. modeN.pdb (default "
     "1)"},
    {"pbc", 0, "auto|whole|nojump|cluster|none", OPTIONS_PCA | OPTIONS_FRAMES,
     KIND_CHOICE, AT(pca.pbc), 0, 0,
     "periodic boundaries: auto makes molecules whole along their bonds and refuses "
     "what "
     "looks broken without; nojump follows atoms from frame to frame; cluster joins "
     "nearest neighbours; none takes coordinates as they are"},
    {"reference", 0, "mean|first|FILE", OPTIONS_PCA, KIND_REFERENCE, AT(pca.reference),
     0, 0,
     "structure to superpose on: the mean, iterated (default), the first frame, or "
     "that "
     "of a file with the whole system or the atoms of the fit; the edi bias needs the "
     "mean"},
    {"fit-weights", 0, "none|mass", OPTIONS_PCA, KIND_CHOICE, AT(pca.fit_weights), 0, 0,
     "weights of the superposition (default none); windows need none"},
    {"pca-weights", 0, "none|mass", OPTIONS_PCA, KIND_CHOICE, AT(pca.pca_weights), 0, 0,
     "weights of the analysis (default none); mass multiplies deviations by "
     "sqrt(m/mean "
     "m); windows need none"},
    {"mean-tolerance", 0, "NM", OPTIONS_PCA, KIND_REAL, AT(pca.mean_tolerance_nm),
     1e-12, 1,
     "rms change of the mean structure that ends its iteration (default 1e-6)"},
    {"mean-iterations", 0, "N", OPTIONS_PCA, KIND_INT, AT(pca.mean_iterations), 1, 1e6,
     "iterations of the mean structure, at most (default 50)"},
    {"memory", 0, "auto|stream|SIZE", OPTIONS_PCA, KIND_MEMORY, AT(pca.memory), 0, 0,
     "memory the PCA may use, e.g. 500M or 8G; stream holds no coordinates"},
    {"windows", 0, "N|auto", OPTIONS_PLAN, KIND_COUNT_OR_AUTO, AT(plan.window_count), 1,
     10000, "number of windows (default auto: spacing sqrt(lambda1)/3)"},
    {"range", 0, "A:B", OPTIONS_PLAN, KIND_RANGE, AT(plan.begin_nm), 0, 0,
     "first and last centre along PC1 in nm (default: where 99% of the frames lie)"},
    {"force-constant", 0, "K|auto", OPTIONS_PLAN, KIND_REAL_OR_AUTO,
     AT(plan.force_constant_kj_mol_nm2), 1e-6, 1e8,
     "in kJ/mol/nm^2 (default auto: 2 kT/spacing^2)"},
    {"ns", 0, "X", OPTIONS_PLAN, KIND_REAL, AT(window_ns), 1e-9, 1e9,
     "length of each window in ns (default 1)"},
    {"ns", 0, "X", OPTIONS_EXTEND, KIND_REAL, AT(extend_ns), 1e-9, 1e9,
     "how much longer each window becomes, in ns"},
    {"sample", 0, "PS", OPTIONS_PLAN, KIND_REAL, AT(plan.sample_ps), 1e-6, 1e6,
     "time between samples of the coordinate (default 0.1, longer for long windows)"},
    {"temperature", 0, "K", OPTIONS_PLAN, KIND_REAL, AT(plan.temperature_kelvin), 1e-3,
     1e5, "of the ensemble (default: ref-t of the TPR)"},
    {"seed", 0, "N", OPTIONS_PLAN, KIND_UINT64, AT(plan.seed), 0, 0,
     "makes the windows' random numbers repeatable"},
    {"bias", 0, "auto|edi|colvars|plumed", OPTIONS_PLAN, KIND_CHOICE, AT(plan.bias), 0,
     0, "how GROMACS applies the restraint"},
    {"mdp", 0, "FILE", OPTIONS_PLAN, KIND_FILE, AT(grompp.mdp_path), 0, 0,
     "run parameters of the simulation: with --top, the windows' run inputs are made "
     "by "
     "gmx grompp, not from the TPR alone"},
    {"top", 0, "FILE", OPTIONS_PLAN, KIND_FILE, AT(grompp.top_path), 0, 0,
     "topology of the simulation, for --mdp"},
    {"mdp-ndx", 0, "FILE", OPTIONS_PLAN, KIND_FILE, AT(grompp.ndx_path), 0, 0,
     "index file with groups that the .mdp names (grompp -n)"},
    {"posres", 0, "FILE", OPTIONS_PLAN, KIND_FILE, AT(grompp.posres_path), 0, 0,
     "structure that position restraints refer to (grompp -r)"},
    {"maxwarn", 0, "N", OPTIONS_PLAN, KIND_INT, AT(grompp.warnings_most), 0, 1000,
     "warnings of grompp that are accepted (default 0)"},
    {"gmx", 0, "PROGRAM", OPTIONS_GROMACS, KIND_TEXT, AT(gromacs), 0, 0,
     "the GROMACS program (default: $AUTOSIM_GMX, or gmx on the PATH)"},
    {"jobs", 'j', "N", OPTIONS_RUN | OPTIONS_SLOT, KIND_INT, AT(run.jobs), 1, 1e5,
     "windows at once (default: as many as the cores carry)"},
    {"ntmpi", 0, "N", OPTIONS_RUN | OPTIONS_SLOT, KIND_INT, AT(run.ntmpi), 1, 1e4,
     "thread-MPI ranks a window (default 1)"},
    {"ntomp", 0, "N", OPTIONS_RUN | OPTIONS_SLOT, KIND_INT, AT(run.ntomp), 1, 1e4,
     "OpenMP threads a rank (default: what was measured to be fastest, see "
     "--calibrate; "
     "else 1, more where cores would idle)"},
    {"retries", 0, "N", OPTIONS_RUN | OPTIONS_SLOT, KIND_INT, AT(run.retries), 0, 1000,
     "attempts after a failed one before a window is given up (default 3)"},
    {"maxh", 0, "H", OPTIONS_RUN, KIND_REAL, AT(run.maxh), 1e-6, 1e6,
     "stop cleanly after this many hours; the same command goes on later"},
    {"maxh-window", 0, "H", OPTIONS_RUN | OPTIONS_SLOT, KIND_REAL, AT(run.window_maxh),
     1e-6, 1e6,
     "hours a window may run, all its attempts together; one that has used them up is "
     "given up (default: no limit)"},
    {"gpus", 0, "LIST|auto|none", OPTIONS_RUN | OPTIONS_SLOT, KIND_TEXT, AT(run.gpus),
     0, 0,
     "GPUs that windows take in turn, as gmx counts them, e.g. 0,1 (default: all that "
     "gmx can use)"},
    {"calibrate", 0, "S", OPTIONS_RUN, KIND_REAL, AT(run.calibrate_seconds), 0, 3600,
     "seconds, at most, to try how many windows at once, with how many threads each, "
     "are fastest; 0: not tried (default 20, where -j, --ntmpi and --ntomp are not "
     "given and the work is at least 100 times as long)"},
    {"cpt", 0, "MIN", OPTIONS_RUN | OPTIONS_SLOT, KIND_REAL, AT(run.checkpoint_minutes),
     0.01, 1e4, "minutes between checkpoints of a window (default 5)"},
    {"backend", 0, "local|slurm", OPTIONS_SLURM, KIND_CHOICE, AT(run.backend), 0, 0,
     "where windows run: on this machine, or in jobs of a Slurm cluster"},
    {"partition", 0, "NAME", OPTIONS_SLURM, KIND_TEXT, AT(run.slurm.partition), 0, 0,
     "Slurm partition (default: the cluster's)"},
    {"account", 0, "NAME", OPTIONS_SLURM, KIND_TEXT, AT(run.slurm.account), 0, 0,
     "Slurm account"},
    {"time", 0, "TIME", OPTIONS_SLURM, KIND_TEXT, AT(run.slurm.time), 0, 0,
     "time limit of a job, as Slurm writes it: 90, 24:00:00, 2-12"},
    {"slots", 0, "N", OPTIONS_SLURM, KIND_INT, AT(run.slurm.slots), 1, 1e4,
     "jobs at once (default: enough for all windows, at most 16)"},
    {"nodes", 0, "N", OPTIONS_SLURM, KIND_INT, AT(run.slurm.nodes), 1, 1e4,
     "nodes of one job (default 1)"},
    {"cpus", 0, "N", OPTIONS_SLURM, KIND_INT, AT(run.slurm.cpus), 1, 1e5,
     "cores a job takes of a node (default: those of one window)"},
    {"gres", 0, "LIST", OPTIONS_SLURM, KIND_TEXT, AT(run.slurm.gres), 0, 0,
     "generic resources of a node, e.g. gpu:1"},
    {"modules", 0, "NAMES", OPTIONS_SLURM, KIND_TEXT, AT(run.slurm.modules), 0, 0,
     "environment modules a job loads, e.g. \"gcc/12 gromacs/2024\""},
    {"sbatch", 0, "WORDS", OPTIONS_SLURM, KIND_TEXT, AT(run.slurm.extra), 0, 0,
     "further #SBATCH options, e.g. \"--qos=long --constraint=avx512\""},
    {"poll", 0, "S", OPTIONS_SLURM, KIND_REAL, AT(run.slurm.poll_seconds), 10, 3600,
     "seconds between two looks at the queue (default 30)"},
    {"lease", 0, "S", OPTIONS_SLURM | OPTIONS_SLOT, KIND_REAL,
     AT(run.slurm.lease_seconds), 1, 3600,
     "a job that cannot write for so long gives its windows up (default 60)"},
    {"token", 0, "WORD", OPTIONS_SLOT, KIND_TEXT, AT(slot.token), 0, 0,
     "which submission this job belongs to"},
    {"usable", 0, "S", OPTIONS_SLOT, KIND_REAL, AT(slot.usable_seconds), 0, 1e9,
     "seconds from now until windows must stop (default: no limit)"},
    {"requeue", 0, NULL, OPTIONS_SLOT, KIND_FLAG, AT(requeue), 0, 0,
     "queue this job again where windows are left then"},
    {"retry-failed", 0, NULL, OPTIONS_RUN, KIND_FLAG, AT(retry_failed), 0, 0,
     "give windows that were given up another try, after their cause is mended"},
    {"dry-run", 'n', NULL, OPTIONS_RUN, KIND_FLAG, AT(dry_run), 0, 0,
     "print the exact gmx commands and run none"},
    {"until", 0, "ERR", OPTIONS_UNTIL, KIND_REAL, AT(until_kj_mol), 1e-6, 1e6,
     "go on until the 95% band of the whole profile is narrower than +-ERR kJ/mol and "
     "every check passes, twice in a row"},
    {"max-ns", 0, "X", OPTIONS_UNTIL | OPTIONS_SLOT, KIND_REAL, AT(most_ns), 1e-9, 1e12,
     "at most so much simulated time, all windows together: then windows write their "
     "checkpoints and leave (default: what is planned; with --until ten times that)"},
    {"apply", 0, NULL, OPTIONS_CHECK, KIND_FLAG, AT(apply), 0, 0,
     "do what is advised: extend windows, insert new ones"},
    {"from", 0, "KIND", OPTIONS_FROM, KIND_TEXT, AT(from), 0, 0,
     "samples made elsewhere: gmx-wham TPRS PULLFILES (lists as gmx wham takes them), "
     "or "
     "meta LIST (a line per window: file, centre nm, k kJ/mol/nm^2 [, correlation "
     "time, "
     "temperature])"},
    {"temperature", 0, "K", OPTIONS_FROM, KIND_REAL, AT(from_kelvin), 1e-3, 1e5,
     "with --from meta: of the ensemble, where the list does not say it"},
    {"periodic", 0, "PERIOD", OPTIONS_FROM, KIND_REAL, AT(pmf.period_nm), 1e-6, 1e6,
     "with --from meta: the coordinate has this period, in its own unit (360 for a "
     "dihedral in degrees, force constants in kJ/mol/deg^2); dihedrals of gmx-wham "
     "have "
     "it by themselves"},
    {"require", 0, "ERR", OPTIONS_FROM, KIND_REAL, AT(require_kj_mol), 1e-6, 1e6,
     "exit with code 6 unless every check passes and the 95% band is narrower than "
     "+-ERR kJ/mol between the outermost centres"},
    {"along", 0, "WHAT", OPTIONS_PMF, KIND_TEXT, AT(along), 0, 0,
     "also the profile along another coordinate, and the 2-D profile, reweighted: pc2, "
     "pc3, ... of the windows' trajectories, or FILE or FILE:COLUMN, a table in every "
     "window's folder; with --from: COLUMN of the files of samples"},
    {"bins", 0, "N", OPTIONS_PMF, KIND_SIZE, AT(pmf.bin_count), 2, 1e6,
     "points of the profile (default: a quarter of a window's width each)"},
    {"bootstrap", 0, "N", OPTIONS_PMF, KIND_SIZE, AT(pmf.bootstrap_count), 0, 1e5,
     "check the errors with N Bayesian block bootstraps (default 0)"},
    {"discard", 0, "PS", OPTIONS_PMF, KIND_REAL, AT(pmf_begin_ps), 0, 1e12,
     "leave out the first PS of every window, counted from where it stands at its "
     "centre (default: a tenth of it, more where it drifts)"},
    {"begin", 'b', "PS", OPTIONS_FROM, KIND_REAL, AT(pmf_begin_ps), 0, 1e12,
     "the same as --discard"},
    {"man", 0, NULL, OPTIONS_HELP, KIND_FLAG, AT(manual), 0, 0,
     "as the source of a man page"},
    {"html", 0, "FILE", OPTIONS_REPORT, KIND_FILE, AT(html_path), 0, 0,
     "where to write the report (default DIR/report.html)"},
};

enum { OPTION_COUNT = sizeof table / sizeof *table };

_Static_assert((int)OPTION_COUNT <= (int)OPTION_LIMIT,
               "struct settings has a place for each");

void settings_init(struct settings *settings)
{
    *settings = (struct settings){
        .folder = "autosim",
        .pca = ASIM_PCA_OPTIONS_INIT,
        .plan = ASIM_PLAN_OPTIONS_INIT,
        .run = ASIM_RUN_OPTIONS_INIT,
        .pmf = ASIM_PMF_OPTIONS_INIT,
        .window_ns = 1.0,
        .modes = 1,
        .pmf_begin_ps = NAN,
        .priority = INT_MIN,
    };
}

void settings_finish(struct settings *settings)
{
    settings_file_free(settings->file);
}

/* "did you mean" over the options that this command takes. */
static int unknown_option(const char *given, const struct command *command,
                          struct asim_error *err)
{
    const char *names[OPTION_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (table[i].groups & command->option_groups)
            names[count++] = table[i].name;
    const char *word = given + strspn(given, "-");
    char bare[64];
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="), word);
    const char *nearest = asim_nearest_word(bare, names, count);
    if (nearest)
        return asim_fail(err, ASIM_EUSAGE,
                         "'%s' is no option of 'autosim %s'; did you mean --%s?", given,
                         command->name, nearest);
    return asim_fail(err, ASIM_EUSAGE,
                     "'%s' is no option of 'autosim %s'; 'autosim help %s' lists them",
                     given, command->name, command->name);
}

static enum option_origin origin_of(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(table[i].name, name) == 0)
            return settings->origin[i];
    return ORIGIN_DEFAULT;
}

/* FILE:GROUP into the file and the selection of the group. */
static int split_ndx(struct settings *settings, struct asim_error *err)
{
    const char *colon = strrchr(settings->ndx, ':');
    bool whole = !colon || asim_file_exists(settings->ndx);
    int path_length = whole ? (int)strlen(settings->ndx) : (int)(colon - settings->ndx);
    const char *group = whole ? "" : colon + 1;
    if ((size_t)path_length >= sizeof settings->ndx_path ||
        strlen(group) + sizeof "group \"\"" > sizeof settings->ndx_selection)
        return asim_fail(err, ASIM_EUSAGE, "--ndx '%s' is too long", settings->ndx);
    enum option_origin sel = origin_of(settings, "sel");
    if (!whole && sel > ORIGIN_DEFAULT && sel == origin_of(settings, "ndx"))
        return asim_fail(err, ASIM_EUSAGE,
                         "--sel and --ndx '%s' both say which atoms: leave out one, or "
                         "write --ndx %.*s --sel 'group \"%s\" and ...'",
                         settings->ndx, path_length, settings->ndx, group);
    snprintf(settings->ndx_path, sizeof settings->ndx_path, "%.*s", path_length,
             settings->ndx);
    settings->pca.ndx_path = settings->ndx_path;
    if (!whole && sel <= origin_of(settings, "ndx")) {
        snprintf(settings->ndx_selection, sizeof settings->ndx_selection,
                 "group \"%s\"", group);
        settings->pca.selection = settings->ndx_selection;
    }
    return 0;
}

/* What belongs to --mdp is given with it, and as names that hold in every folder. */
static int complete_grompp(struct settings *settings, struct asim_error *err)
{
    struct asim_grompp_inputs *grompp = &settings->grompp;
    const char **paths[] = {&grompp->mdp_path, &grompp->top_path, &grompp->ndx_path,
                            &grompp->posres_path};
    if (!grompp->mdp_path != !grompp->top_path)
        return asim_fail(err, ASIM_EUSAGE,
                         "--mdp and --top belong together: grompp needs both");
    if (!grompp->mdp_path &&
        (grompp->ndx_path || grompp->posres_path || grompp->warnings_most))
        return asim_fail(
            err, ASIM_EUSAGE,
            "--mdp-ndx, --posres and --maxwarn are for grompp, which takes "
            "part where --mdp and --top are given");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (*paths[i] && realpath(*paths[i], settings->grompp_paths[i]))
            *paths[i] = settings->grompp_paths[i];
    return 0;
}

/* The texts of getopt_long for the options that a command takes. */
struct getopt_tables {
    struct option longs[OPTION_COUNT + 1];
    char shorts[2 * OPTION_COUNT + 2];
};

static void make_getopt_tables(const struct command *command,
                               struct getopt_tables *tables)
{
    size_t long_count = 0, short_length = 1;
    *tables = (struct getopt_tables){.shorts = ":"};
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (!(table[i].groups & command->option_groups))
            continue;
        tables->longs[long_count++] = (struct option){
            table[i].name, table[i].argument ? required_argument : no_argument, NULL,
            256 + i};
        if (table[i].letter) {
            tables->shorts[short_length++] = table[i].letter;
            if (table[i].argument)
                tables->shorts[short_length++] = ':';
        }
    }
}

static int parse_command_line(int argc, char **argv, const struct command *command,
                              struct settings *settings, struct asim_error *err)
{
    struct getopt_tables tables;
    make_getopt_tables(command, &tables);
    opterr = 0;
    optind = 0; /* starts anew, also inside of an argument */
    for (;;) {
        int found = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);
        if (found == -1)
            break;
        const char *given = argv[optind - 1];
        if (found == '?') {
            char letter[3] = {'-', (char)optopt, '\0'};
            return unknown_option(optopt > 0 && optopt < 256 ? letter : given, command,
                                  err);
        }
        if (found == ':')
            return asim_fail(err, ASIM_EUSAGE, "option '%s' needs a value", given);
        int index = found - 256;
        for (int i = 0; i < OPTION_COUNT && index < 0; i++)
            if (table[i].letter == found && (table[i].groups & command->option_groups))
                index = i;
        if (options_set(settings, (size_t)index, optarg, ORIGIN_COMMAND_LINE, err) < 0)
            return -1;
    }
    settings->arguments = argv + optind;
    settings->argument_count = argc - optind;
    return 0;
}

/* The settings file that the command reads; NULL: none. */
static const char *settings_path(const struct settings *settings,
                                 const struct command *command)
{
    static const char usual[] = "autosim.ini";
    if (!(command->option_groups & OPTIONS_SETTINGS) || settings->help ||
        command->run == cmd_init) /* which writes it */
        return NULL;
    if (settings->settings_path)
        return settings->settings_path;
    return asim_file_exists(usual) ? usual : NULL;
}

/* What follows from several options together. */
static int complete(const struct command *command, struct settings *settings,
                    struct asim_error *err)
{
    if ((settings->ndx && split_ndx(settings, err) < 0) ||
        complete_grompp(settings, err) < 0)
        return -1;
    settings->plan.window_ps = 1000 * settings->window_ns;
    settings->run.gromacs = settings->gromacs;
    settings->run.most_ns = settings->most_ns;
    ssize_t length =
        readlink("/proc/self/exe", settings->program, sizeof settings->program - 1);
    settings->program[length > 0 ? length : 0] = '\0';
    settings->run.slurm.program = settings->program;
    if (settings->argument_count == 0 && command->arguments_most > 1)
        settings->argument_count =
            settings_file_arguments(settings->file, &settings->arguments);
    return 0;
}

int options_parse(int argc, char **argv, const struct command *command,
                  struct settings *settings, struct asim_error *err)
{
    if (parse_command_line(argc, argv, command, settings, err) < 0)
        return -1;
    const char *path = settings_path(settings, command);
    if (path && settings_file_read(path, command, settings, err) < 0)
        return -1;
    return complete(command, settings, err);
}

const struct option_spec *options_list(size_t *ret_count)
{
    *ret_count = OPTION_COUNT;
    return table;
}

int options_set(struct settings *settings, size_t index, const char *value,
                enum option_origin origin, struct asim_error *err)
{
    if (settings->origin[index] > origin)
        return 0;
    if (option_store(settings, &table[index], value, err) < 0)
        return -1;
    settings->origin[index] = (unsigned char)origin;
    return 0;
}

const char *options_name(unsigned option_groups, size_t index)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (table[i].groups & option_groups && index-- == 0)
            return table[i].name;
    return NULL;
}

int options_restore(struct settings *settings, unsigned option_groups, const char *name,
                    const char *value, struct asim_error *err)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (table[i].groups & option_groups && strcmp(table[i].name, name) == 0 &&
            options_set(settings, i, value, ORIGIN_RECORD, err) < 0)
            return -1;
    }
    settings->plan.window_ps = 1000 * settings->window_ns;
    return 0;
}

const char *options_given_name(const struct settings *settings, unsigned option_groups,
                               enum option_origin least, size_t index, char *ret_value,
                               size_t value_size)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!(table[i].groups & option_groups) || settings->origin[i] < least)
            continue;
        if (index-- > 0)
            continue;
        option_format(settings, &table[i], ret_value, value_size);
        return table[i].name;
    }
    return NULL;
}
