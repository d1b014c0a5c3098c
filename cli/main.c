/* The command table, and exit codes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "cli.h"
#include "options.h"

static const struct command commands[] = {
    {"run", "[TPR TRAJECTORY...|WINDOW...]",
     "everything: PCA, windows, GROMACS, PMF, report",
     "  autosim run system.tpr traj.xtc\n"
     "  autosim run system.tpr traj.xtc --sel \"protein and name CA\" --ns 5 -j 4\n"
     "  autosim run --until 0.5        (goes on, until the profile is that exact)\n"
     "\n"
     "Several trajectory files are one, in order of time: autosim run system.tpr "
     "a.xtc b.xtc.\n"
     "Where they overlap, as after a restart, the later file counts; what is left "
     "out is said.\n"
     "Kill it anywhere, any time: the same command, or 'autosim run' alone, goes on;\n"
     "'autosim run 3 4 5' goes on with these windows alone.\n",
     OPTIONS_COMMON | OPTIONS_PCA | OPTIONS_PLAN | OPTIONS_RUN | OPTIONS_PMF |
         OPTIONS_UNTIL | OPTIONS_GROMACS | OPTIONS_SLURM | OPTIONS_SETTINGS,
     0, 1000, cmd_run},
    {"pca", "TPR TRAJECTORY...", "principal components of the selected atoms",
     "  autosim pca system.tpr part1.xtc part2.xtc part3.xtc\n"
     "  autosim pca system.tpr traj.xtc --sel \"protein and backbone\" -b 1000\n"
     "  autosim pca system.tpr traj.xtc --ndx index.ndx:Core --json\n",
     OPTIONS_COMMON | OPTIONS_PCA | OPTIONS_JSON | OPTIONS_SETTINGS, 2, 1000, cmd_pca},
    {"project", "TPR TRAJECTORY...",
     "another trajectory on the components of a campaign",
     "  autosim project system.tpr other.xtc > proj.xvg\n"
     "  autosim project system.tpr other.xtc -b 1000 --stride 10\n"
     "  autosim project system.tpr other.xtc -C folder\n"
     "\n"
     "Frames are superposed on the reference of DIR/pca and projected on its\n"
     "components; time and projections go to stdout. Atoms and fit are the saved "
     "ones.\n",
     OPTIONS_COMMON | OPTIONS_FRAMES, 2, 1000, cmd_project},
    {"plan", "", "place the umbrella windows along PC1 and write their inputs",
     "  autosim plan\n"
     "  autosim plan --windows 20 --range -0.5:0.8\n"
     "  autosim plan --force-constant 2000 --ns 5 --bias colvars\n",
     OPTIONS_COMMON | OPTIONS_PLAN | OPTIONS_GROMACS | OPTIONS_SETTINGS, 0, 0,
     cmd_plan},
    {"status", "", "the windows: state, speed, energy, what went wrong",
     "  autosim status\n  autosim status --watch\n  autosim status --json -C "
     "other/folder\n",
     OPTIONS_COMMON | OPTIONS_JSON | OPTIONS_WATCH, 0, 0, cmd_status},
    {"extend", "[WINDOW...]", "make windows longer, all of them or those named",
     "  autosim extend --ns 2\n  autosim extend --ns 5 3 4 11\n"
     "  autosim extend --ns 1 7 -C other/folder\n"
     "\n"
     "While 'autosim run' is at work it takes this up at once; otherwise the next one "
     "does.\nWindows go on from their last checkpoints.\n",
     OPTIONS_COMMON | OPTIONS_EXTEND, 0, 100000, cmd_extend},
    {"cancel", "[WINDOW...]", "stop the campaign at work, or give up windows for good",
     "  autosim cancel\n  autosim cancel 3 4\n  autosim cancel 3 -C other/folder\n"
     "\n"
     "Without numbers the run stops as by Ctrl-C: checkpoints, then 'autosim run' goes "
     "on.\nWindows named stop and are not run any more; 'autosim resume 3' takes that "
     "back.\n",
     OPTIONS_COMMON, 0, 100000, cmd_cancel},
    {"priority", "--to N WINDOW...", "which windows start first",
     "  autosim priority --to 1 3 4      (before the others)\n"
     "  autosim priority --to -1 0 1 2   (behind the others)\n"
     "  autosim priority --to 0 3 4 -C other/folder\n"
     "\n"
     "Windows that wait start in the order of their priority, then of the plan. Those "
     "that run already go on.\n",
     OPTIONS_COMMON | OPTIONS_PRIORITY, 1, 100000, cmd_priority},
    {"pause", "", "windows write their checkpoints and leave; the cores are free",
     "  autosim pause\n  autosim pause -C other/folder\n  autosim pause -q\n"
     "\n"
     "'autosim resume' goes on; so does a new 'autosim run'.\n",
     OPTIONS_COMMON, 0, 0, cmd_pause},
    {"resume", "[WINDOW...]", "end a pause, or take windows back that were cancelled",
     "  autosim resume\n  autosim resume 3 4\n  autosim resume -C other/folder\n",
     OPTIONS_COMMON, 0, 100000, cmd_resume},
    {"check", "",
     "is the profile to be trusted; which windows to extend or add, and why",
     "  autosim check\n  autosim check --until 0.5\n"
     "  autosim check --until 0.5 --apply && autosim run\n"
     "\n"
     "--until says how narrow the band shall be; without it only the checks ask for "
     "more.\n",
     OPTIONS_COMMON | OPTIONS_PMF | OPTIONS_UNTIL | OPTIONS_CHECK | OPTIONS_JSON |
         OPTIONS_SETTINGS,
     0, 0, cmd_check},
    {"pmf", "[LIST...]", "the free-energy profile from the windows' samples",
     "  autosim pmf --bootstrap 200 --along pc2\n"
     "  autosim pmf --from gmx-wham tpr-files.dat pullx-files.dat -C wham\n"
     "  autosim pmf --from meta metadata.dat --temperature 300 -C other\n"
     "\n"
     "Without --from the samples of the campaign in DIR, with it those that the lists "
     "name;\nthe profile goes to DIR/pmf.\n"
     "\n"
     "Exit code 6: the windows do not hang together, so that there is no profile but\n"
     "segments; or what --require asks for is missing. A check that fails is in the\n"
     "verdict and in pmf.json, and without --require the exit code is 0.\n",
     OPTIONS_COMMON | OPTIONS_PMF | OPTIONS_FROM | OPTIONS_JSON | OPTIONS_SETTINGS, 0,
     2, cmd_pmf},
    {"report", "", "one self-contained HTML file about the campaign",
     "  autosim report\n  autosim report --html share.html\n"
     "  autosim report -C other/folder\n",
     OPTIONS_COMMON | OPTIONS_REPORT, 0, 0, cmd_report},
    {"log", "[WINDOW]", "the log of the campaign, or what gmx said in a window",
     "  autosim log\n  autosim log 3\n  autosim log 3 -C other/folder\n",
     OPTIONS_COMMON, 0, 1, cmd_log},
    {"info", "FILE...", "what a topology or trajectory holds, and what is damaged",
     "  autosim info system.tpr traj.xtc\n"
     "  autosim info system.tpr --sel \"protein and name CA\"\n"
     "  autosim info system.tpr --atoms --json\n",
     OPTIONS_COMMON | OPTIONS_INFO | OPTIONS_JSON, 1, 1000, cmd_info},
    {"slot", "--token WORD", "run windows inside a job; job scripts call it",
     "  autosim slot --token 0123456789ab\n"
     "  autosim slot -C /scratch/me/autosim --token 0123456789ab --ntomp 8\n"
     "  autosim slot --token 0123456789ab --usable 3000 --requeue\n",
     OPTIONS_COMMON | OPTIONS_SLOT | OPTIONS_GROMACS, 0, 0, cmd_slot},
    {"export", "xvg|csv|npz|colvars|plumed|edi [FILE|DIR]",
     "the profile, or the windows' bias, for use elsewhere",
     "  autosim export csv profile.csv\n"
     "  autosim export plumed\n"
     "  autosim export colvars other/place -C other/folder\n"
     "\n"
     "The profile goes to standard output where no file is named.\n",
     OPTIONS_COMMON, 1, 2, cmd_export},
    {"doctor", "[TPR [TRAJECTORY...]]", "check GROMACS, cores, disk, and the input",
     "  autosim doctor\n  autosim doctor system.tpr traj.xtc\n"
     "  autosim doctor --gmx gmx_mpi --json\n",
     OPTIONS_COMMON | OPTIONS_PCA | OPTIONS_GROMACS | OPTIONS_SETTINGS | OPTIONS_JSON,
     0, 1000, cmd_doctor},
    {"init", "[TPR TRAJECTORY...]", "a commented settings file, autosim.ini",
     "  autosim init\n"
     "  autosim init system.tpr traj.xtc --ns 5 --sel \"backbone\"\n"
     "  autosim init --settings other.ini\n"
     "\n"
     "What is given is filled in; 'autosim run' in this folder then needs no "
     "arguments. "
     "The command line wins over the file.\n",
     OPTIONS_COMMON | OPTIONS_PCA | OPTIONS_PLAN | OPTIONS_RUN | OPTIONS_PMF |
         OPTIONS_UNTIL | OPTIONS_GROMACS | OPTIONS_SLURM | OPTIONS_SETTINGS,
     0, 1000, cmd_init},
    {"completion", "bash|zsh|fish", "a script that completes commands and options",
     "  autosim completion bash > ~/.local/share/bash-completion/completions/autosim\n"
     "  autosim completion zsh > ~/.zfunc/_autosim\n"
     "  autosim completion fish > ~/.config/fish/completions/autosim.fish\n",
     OPTIONS_COMMON, 1, 1, cmd_completion},
    {"help", "[COMMAND]", "help on a command",
     "  autosim help\n  autosim help run\n  autosim help run --man | man -l -\n",
     OPTIONS_COMMON | OPTIONS_HELP, 0, 1, cmd_help},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

const struct command *commands_list(size_t *ret_count)
{
    *ret_count = COMMAND_COUNT;
    return commands;
}

const struct command *command_find(const char *name, struct asim_error *err)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        names[i] = commands[i].name;
    }
    const char *nearest = asim_nearest_word(name, names, COMMAND_COUNT);
    if (*name == '-')
        asim_fail(err, ASIM_EUSAGE,
                  "'%s' stands before the command; options follow it, as in 'autosim "
                  "run %s'",
                  name, name);
    else if (nearest)
        asim_fail(err, ASIM_EUSAGE, "'%s' is no command; did you mean 'autosim %s'?",
                  name, nearest);
    else
        asim_fail(err, ASIM_EUSAGE, "'%s' is no command; 'autosim help' lists them",
                  name);
    return NULL;
}

static int complain(const struct asim_error *err)
{
    fprintf(stderr, "autosim: %s\n", err->text);
    return asim_status_exit_code(err->status);
}

static int check_arguments(const struct command *command,
                           const struct settings *settings, struct asim_error *err)
{
    if (settings->argument_count >= command->arguments_least &&
        settings->argument_count <= command->arguments_most)
        return 0;
    return asim_fail(err, ASIM_EUSAGE, "%d argument%s; usage: autosim %s%s%s",
                     settings->argument_count, settings->argument_count == 1 ? "" : "s",
                     command->name, *command->synopsis ? " " : "", command->synopsis);
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct asim_error err = {0};
    struct settings settings;
    settings_init(&settings);
    int code = options_parse(argc, argv, command, &settings, &err);
    if (code == 0 && settings.help) {
        help_command(command);
    } else if (code == 0) {
        code = check_arguments(command, &settings, &err);
        if (code == 0)
            code = command->run(&settings, &err);
    }
    settings_finish(&settings);
    return code < 0 ? complain(&err) : code;
}

static int dispatch(int argc, char **argv)
{
    struct asim_error err = {0};
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("autosim %s\n", asim_version());
        return 0;
    }
    if (argc <= 1) {
        help_overview(stderr);
        return 2;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    const struct command *command = command_find(name, &err);
    return command ? run_command(command, argc - 1, argv + 1) : complain(&err);
}

/* A standard stream that whoever started us has closed must not become a file that we
 * open: messages would be written into campaign.lock. Output to it still fails. */
static void keep_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) < 0)
            return;
}

/* Standard output is a pipe that nobody reads any more. */
static bool reader_is_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/* `autosim ... | head`: a reader that has seen enough is no failure. Commands that work
 * for hours ignore SIGPIPE (pipeline.c), so that their work does not end with it. */
int main(int argc, char **argv)
{
    keep_standard_streams();
    int code = dispatch(argc, argv);
    /* What was too much for the buffer has failed before; stdio kept only that it did,
     * so that the reader of a pipe is asked for. */
    bool failed_before = ferror(stdout) && !reader_is_gone();
    if ((fflush(stdout) != 0 ? errno != EPIPE : failed_before) && code == 0) {
        fprintf(stderr, "autosim: cannot write to standard output: %s\n",
                failed_before ? "not all that was printed has arrived"
                              : strerror(errno));
        code = 4;
    }
    return code;
}
