/*
 * provenance.json: which files and settings a campaign was made from. It is what lets
 * `autosim run` go on without being told anything again, and refuse other input.
 */
#ifndef CLI_PROVENANCE_H
#define CLI_PROVENANCE_H

#include <jansson.h>

#include <autosim/engine.h>

#include "cli.h"
#include "input_files.h"

struct provenance {
    struct input_file topology;
    struct input_file *trajectories; /* [trajectory_count], in order of time; owned */
    size_t trajectory_count;
    char *text;       /* the file as it is, for the report; owned */
    json_t *restored; /* what restored settings point to; owned, NULL at first */
};

void provenance_finish(struct provenance *provenance);

/* Writes the file; `inputs` are settings->arguments, described. */
int provenance_write(const struct settings *settings, const struct input_file *inputs,
                     struct asim_error *err);
int provenance_read(const char *folder, struct provenance *ret_provenance,
                    struct asim_error *err);

/* The inputs are still what they were; ASIM_EINPUT names the one that is not. */
int provenance_check_inputs(const struct provenance *provenance,
                            struct asim_error *err);
/* What the user gives now agrees with what the campaign was made from: files by
 * content, options of the groups by value; ASIM_EUSAGE names the difference. What only
 * the settings file says is a warning: the command line may have overruled it then. */
int provenance_check_settings(const struct provenance *provenance,
                              const struct settings *settings, unsigned option_groups,
                              struct asim_log *log, struct asim_error *err);

/* Options of the plan on record that are not given now: a plan that was interrupted is
 * made as it was asked for first. */
int provenance_restore_plan(struct provenance *provenance, struct settings *settings,
                            struct asim_error *err);
/* Puts the given options of the plan on record in place of those before, with what made
 * the plan; `gromacs` is NULL where there was none. */
int provenance_record_plan(const struct settings *settings,
                           const struct asim_plan *plan,
                           const struct asim_gromacs *gromacs, struct asim_error *err);

/* provenance_facts.c: parts of the record. */
json_t *provenance_command_line(void);
json_t *provenance_host(void);
json_t *provenance_gromacs(const struct asim_gromacs *gromacs);

#endif
