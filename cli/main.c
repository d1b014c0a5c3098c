/* The command table, help, and exit codes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli.h"

#ifndef AUTOSIM_VERSION
#error "the build defines AUTOSIM_VERSION"
#endif

static const struct command commands[] = {
    {"run", "[TPR TRAJECTORY]", "everything: PCA, windows, GROMACS, PMF, report",
     "  autosim run system.tpr traj.xtc\n"
     "  autosim run system.tpr traj.xtc --sel \"protein and name CA\" --ns 5 -j 4\n"
     "  autosim run                    (goes on where the last run stopped)\n"
     "\n"
     "Kill it anywhere, any time: the same command, or 'autosim run' alone, goes on.\n",
     OPTIONS_COMMON | OPTIONS_PCA | OPTIONS_PLAN | OPTIONS_RUN | OPTIONS_PMF |
         OPTIONS_GROMACS,
     0, 2, cmd_run},
    {"pca", "TPR TRAJECTORY", "principal components of the selected atoms",
     "  autosim pca system.tpr traj.xtc\n"
     "  autosim pca system.tpr traj.xtc --sel \"protein and backbone\" -b 1000\n"
     "  autosim pca system.tpr traj.xtc --ndx index.ndx:Core --json\n",
     OPTIONS_COMMON | OPTIONS_PCA | OPTIONS_JSON, 2, 2, cmd_pca},
    {"plan", "", "place the umbrella windows along PC1 and write their inputs",
     "  autosim plan\n"
     "  autosim plan --windows 20 --range -0.5:0.8\n"
     "  autosim plan --force-constant 2000 --ns 5\n",
     OPTIONS_COMMON | OPTIONS_PLAN, 0, 0, cmd_plan},
    {"status", "", "the windows: state, speed, energy, what went wrong",
     "  autosim status\n  autosim status --json\n  autosim status -C other/folder\n",
     OPTIONS_COMMON | OPTIONS_JSON, 0, 0, cmd_status},
    {"pmf", "", "the free-energy profile from the windows' samples",
     "  autosim pmf\n  autosim pmf --bootstrap 200\n  autosim pmf --discard 500 "
     "--json\n",
     OPTIONS_COMMON | OPTIONS_PMF | OPTIONS_JSON, 0, 0, cmd_pmf},
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
    {"doctor", "[TPR [TRAJECTORY]]", "check GROMACS, cores, disk, and the input",
     "  autosim doctor\n  autosim doctor system.tpr\n"
     "  autosim doctor system.tpr traj.xtc\n",
     OPTIONS_COMMON | OPTIONS_PCA | OPTIONS_GROMACS, 0, 2, cmd_doctor},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_overview(FILE *stream)
{
    fprintf(stream,
            "autosim %s: a free-energy profile along the principal motion of a "
            "trajectory\n\n"
            "Examples\n"
            "  autosim run system.tpr traj.xtc    from a trajectory to a PMF, in "
            "./autosim/\n"
            "  autosim status                     how the windows are doing\n"
            "  autosim help run                   the options of a command\n\n"
            "Commands\n",
            AUTOSIM_VERSION);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fprintf(stream,
            "  %-8s %s\n"
            "\nExit codes: 0 ok, 1 failure, 2 usage, 3 bad input, 4 environment, 5 "
            "windows failed,\n"
            "6 result below the quality asked for, 75 campaign locked by another "
            "process,\n128+N stopped by signal N.\n",
            "help", "help on a command");
}

static void print_command_help(const struct command *command)
{
    printf("autosim %s %s\n%s\n\nExamples\n%s\nOptions\n", command->name,
           command->synopsis, command->summary, command->details);
    options_print_help(command->option_groups);
}

static const struct command *find_command(const char *name, struct asim_error *err)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        names[i] = commands[i].name;
    }
    const char *nearest = asim_nearest_word(name, names, COMMAND_COUNT);
    if (nearest)
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

static int run_command(const struct command *command, int argc, char **argv)
{
    struct asim_error err = {0};
    struct settings settings;
    settings_init(&settings);
    if (options_parse(argc, argv, command, &settings, &err) < 0)
        return complain(&err);
    if (settings.help) {
        print_command_help(command);
        return 0;
    }
    if (settings.argument_count < command->arguments_least ||
        settings.argument_count > command->arguments_most) {
        asim_fail(&err, ASIM_EUSAGE, "%d arguments; usage: autosim %s %s",
                  settings.argument_count, command->name, command->synopsis);
        return complain(&err);
    }
    int code = command->run(&settings, &err);
    return code < 0 ? complain(&err) : code;
}

static int dispatch(int argc, char **argv)
{
    struct asim_error err = {0};
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("autosim %s\n", AUTOSIM_VERSION);
        return 0;
    }
    bool asks_help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
                     strcmp(name, "-h") == 0;
    if (asks_help && argc <= 2) {
        print_overview(argc > 1 ? stdout : stderr);
        return argc > 1 ? 0 : 2;
    }
    const struct command *command = find_command(asks_help ? argv[2] : name, &err);
    if (!command)
        return complain(&err);
    if (asks_help) {
        print_command_help(command);
        return 0;
    }
    return run_command(command, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    int code = dispatch(argc, argv);
    if (fflush(stdout) != 0 && code == 0 && errno != EPIPE) {
        fprintf(stderr, "autosim: cannot write to standard output: %s\n",
                strerror(errno));
        code = 4;
    }
    return code;
}
