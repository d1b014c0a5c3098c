/* The command line: one table of commands, one of options, one file a command. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <autosim/autosim.h>
#include <stdbool.h>
#include <stdint.h>

enum { OPTION_LIMIT = 160 }; /* options that there can be */

/* Where the value of an option is from; a later one wins. */
enum option_origin { ORIGIN_DEFAULT, ORIGIN_RECORD, ORIGIN_FILE, ORIGIN_COMMAND_LINE };

/* What the user said. Initialised by settings_init to the documented defaults. */
struct settings {
    const char *folder;
    const char *gromacs;
    const char *html_path;
    const char *ndx; /* as given: FILE or FILE:GROUP; pca.ndx_path points behind it */
    char ndx_path[4096];
    char ndx_selection[256];
    struct asim_pca_options pca;
    struct asim_plan_options plan;
    struct asim_grompp_inputs grompp; /* no mdp_path: run inputs without grompp */
    char grompp_paths[4][4096];       /* what these point to, made absolute */
    struct asim_run_options run;
    struct asim_pmf_options pmf;
    size_t modes; /* components whose motion is drawn */
    double window_ns;
    double extend_ns;
    int priority;            /* INT_MIN: not given */
    const int *run_windows;  /* [run_window_count], run: these alone */
    size_t run_window_count; /* 0: all */
    bool watch;
    double pmf_begin_ps;
    const char *along;     /* pmf: another coordinate; NULL: none */
    const char *from;      /* pmf: samples that were made elsewhere */
    double from_kelvin;    /* 0: as the input says */
    double require_kj_mol; /* 0: no quality is asked for */
    double until_kj_mol;   /* 0: not asked for */
    double most_ns;        /* 0: the default */
    bool apply;
    bool json;
    bool quiet;
    bool dry_run;
    struct asim_slot_options slot;
    bool requeue;
    char program[4096]; /* this one's absolute path */
    bool retry_failed;
    bool atoms;
    bool help;
    bool manual;
    const char *settings_path;          /* --settings */
    struct settings_file *file;         /* what keeps texts from it alive; NULL: none */
    unsigned char origin[OPTION_LIMIT]; /* [i]: of option i of the option table */
    char **arguments;
    int argument_count;
};

/* Which options a command takes. Options of a group that has a section in autosim.ini
 * (settings_file.c) are keys of that section too. */
enum option_group {
    OPTIONS_COMMON = 1 << 0,
    OPTIONS_PCA = 1 << 1,
    OPTIONS_PLAN = 1 << 2,
    OPTIONS_RUN = 1 << 3,
    OPTIONS_PMF = 1 << 4,
    OPTIONS_REPORT = 1 << 5,
    OPTIONS_JSON = 1 << 6,
    OPTIONS_INFO = 1 << 7,
    OPTIONS_GROMACS = 1 << 8,
    OPTIONS_SLURM = 1 << 9,
    OPTIONS_SETTINGS = 1 << 10, /* reads autosim.ini */
    OPTIONS_HELP = 1 << 11,
    OPTIONS_EXTEND = 1 << 12,
    OPTIONS_WATCH = 1 << 17,
    OPTIONS_UNTIL = 1 << 13,
    OPTIONS_CHECK = 1 << 14,
    OPTIONS_SLOT = 1 << 15,
    OPTIONS_FROM = 1 << 16,
    OPTIONS_PRIORITY = 1 << 18,
    OPTIONS_FRAMES = 1 << 19, /* which frames: a part of OPTIONS_PCA */
};

struct command {
    const char *name;
    const char *synopsis; /* behind "autosim NAME " */
    const char *summary;  /* one line */
    const char *details;  /* examples first, then what it does */
    unsigned option_groups;
    int arguments_least, arguments_most;
    int (*run)(const struct settings *settings, struct asim_error *err);
};

/* Commands return an exit code, or -1 with `err` set. */
int cmd_check(const struct settings *settings, struct asim_error *err);
int cmd_cancel(const struct settings *settings, struct asim_error *err);
int cmd_completion(const struct settings *settings, struct asim_error *err);
int cmd_doctor(const struct settings *settings, struct asim_error *err);
int cmd_export(const struct settings *settings, struct asim_error *err);
int cmd_extend(const struct settings *settings, struct asim_error *err);
int cmd_help(const struct settings *settings, struct asim_error *err);
int cmd_info(const struct settings *settings, struct asim_error *err);
int cmd_init(const struct settings *settings, struct asim_error *err);
int cmd_log(const struct settings *settings, struct asim_error *err);
int cmd_priority(const struct settings *settings, struct asim_error *err);
int cmd_pause(const struct settings *settings, struct asim_error *err);
int cmd_pca(const struct settings *settings, struct asim_error *err);
int cmd_plan(const struct settings *settings, struct asim_error *err);
int cmd_pmf(const struct settings *settings, struct asim_error *err);
int cmd_project(const struct settings *settings, struct asim_error *err);
int cmd_report(const struct settings *settings, struct asim_error *err);
int cmd_resume(const struct settings *settings, struct asim_error *err);
int cmd_run(const struct settings *settings, struct asim_error *err);
int cmd_slot(const struct settings *settings, struct asim_error *err);
int cmd_status(const struct settings *settings, struct asim_error *err);

/* main.c: the command table. */
const struct command *commands_list(size_t *ret_count);
const struct command *command_find(const char *name, struct asim_error *err);

#endif
