/*
 * autosim.ini: the options of a campaign in a file. Sections are groups of the option
 * table; the keys are the names of the options, `-` and `_` alike. [system] names the
 * input files.
 */
#ifndef CLI_SETTINGS_FILE_H
#define CLI_SETTINGS_FILE_H

#include "cli.h"

struct settings_file;

/* Takes the keys of those sections that the command has options of; the others are
 * checked too. ASIM_EUSAGE with file and line. The texts live until
 * settings_file_free. */
int settings_file_read(const char *path, const struct command *command,
                       struct settings *settings, struct asim_error *err);
/* The same from memory; `path` is for messages, and files are found beside it. */
int settings_file_parse(const char *data, size_t size, const char *path,
                        const struct command *command, struct settings *settings,
                        struct asim_error *err);
void settings_file_free(struct settings_file *file);

/* The arguments (topology, then trajectories) that [system] names, borrowed; 0 where it
 * names none. */
int settings_file_arguments(const struct settings_file *file, char ***ret_arguments);

/* The commented file with every setting, those given filled in; free with free(). */
char *settings_file_template(const struct settings *settings, struct asim_error *err);

#endif
