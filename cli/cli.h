/* The command line: one table of commands, one of options, one file a command. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <autosim/autosim.h>
#include <stdbool.h>
#include <stdint.h>

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
    struct asim_run_options run;
    struct asim_pmf_options pmf;
    double window_ns;
    double pmf_begin_ps;
    bool json;
    bool quiet;
    bool dry_run;
    bool retry_failed;
    bool atoms;
    bool help;
    uint64_t given; /* bit i: option i of the option table was given */
    char **arguments;
    int argument_count;
};

/* Which options a command takes. */
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
int cmd_doctor(const struct settings *settings, struct asim_error *err);
int cmd_info(const struct settings *settings, struct asim_error *err);
int cmd_log(const struct settings *settings, struct asim_error *err);
int cmd_pca(const struct settings *settings, struct asim_error *err);
int cmd_plan(const struct settings *settings, struct asim_error *err);
int cmd_pmf(const struct settings *settings, struct asim_error *err);
int cmd_report(const struct settings *settings, struct asim_error *err);
int cmd_run(const struct settings *settings, struct asim_error *err);
int cmd_status(const struct settings *settings, struct asim_error *err);

/* options.c */
void settings_init(struct settings *settings);
int options_parse(int argc, char **argv, const struct command *command,
                  struct settings *ret_settings, struct asim_error *err);
void options_print_help(unsigned option_groups);
/* The given options of these groups as "--name value" pairs, in the table's order, for
 * the provenance; `index` counts from 0 until NULL comes back. */
const char *options_given_name(const struct settings *settings, unsigned option_groups,
                               size_t index, char *ret_value, size_t value_size);
/* The options of these groups, given or not, until NULL comes back. */
const char *options_name(unsigned option_groups, size_t index);
/* Takes such a pair over where the user did not give that option now; names of other
 * groups are passed over. `value` is borrowed. */
int options_restore(struct settings *settings, unsigned option_groups, const char *name,
                    const char *value, struct asim_error *err);

#endif
