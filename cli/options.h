/*
 * The option table: every option once. Parsing, help, man pages, completion, the
 * settings file and the provenance are all made from it.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdio.h>

#include "cli.h"

enum option_kind {
    KIND_FLAG, /* takes no value; never a setting of autosim.ini */
    KIND_TEXT,
    KIND_FILE, /* a text that names a file */
    KIND_FOLDER,
    KIND_INT,
    KIND_SIZE,
    KIND_UINT64,
    KIND_REAL,
    KIND_SIZE_OR_ALL,
    KIND_REFERENCE, /* a word, or a file */
    KIND_RANGE,     /* A:B into two doubles */
    KIND_MEMORY,    /* auto, stream, or a size */
    KIND_CHOICE, /* one of the words of `argument`, "auto|none", in their enum's order
                  */
    KIND_COUNT_OR_AUTO,
    KIND_REAL_OR_AUTO,
};

struct option_spec {
    const char *name;
    char letter;
    const char *argument; /* NULL: takes none */
    unsigned groups;
    enum option_kind kind;
    size_t offset;      /* in struct settings */
    double least, most; /* of numbers */
    const char *help;
};

/* options.c */
const struct option_spec *options_list(size_t *ret_count);
void settings_init(struct settings *settings);
void settings_finish(struct settings *settings);
/* The settings file, where the command reads one, then the command line. */
int options_parse(int argc, char **argv, const struct command *command,
                  struct settings *settings, struct asim_error *err);
/* Takes the value of option `index` over unless one of more weight is there. */
int options_set(struct settings *settings, size_t index, const char *value,
                enum option_origin origin, struct asim_error *err);
/* The options of these groups that were given there or with more weight, as "--name
 * value" pairs, in the table's order; `index` counts from 0 until NULL comes back. */
const char *options_given_name(const struct settings *settings, unsigned option_groups,
                               enum option_origin least, size_t index, char *ret_value,
                               size_t value_size);
/* The options of these groups, given or not, until NULL comes back. */
const char *options_name(unsigned option_groups, size_t index);
/* Takes such a pair over where the user did not give that option now; names of other
 * groups are passed over. `value` is borrowed. */
int options_restore(struct settings *settings, unsigned option_groups, const char *name,
                    const char *value, struct asim_error *err);

/* option_values.c */
bool option_names_file(const struct option_spec *spec, const char *value);
int option_store(struct settings *settings, const struct option_spec *spec,
                 const char *value, struct asim_error *err);
/* The value as it could be given again. */
void option_format(const struct settings *settings, const struct option_spec *spec,
                   char *ret_value, size_t value_size);
/* The words of a KIND_CHOICE and others, "auto" of "N|auto": the `index`th alternative
 * that is written in small letters, until false comes back. */
bool option_word(const struct option_spec *spec, size_t index, char *ret_word,
                 size_t word_size);

/* help.c */
void help_overview(FILE *stream);
void help_command(const struct command *command);
/* A man1 page as troff: of a command, or of autosim (NULL). */
void help_manual(const struct command *command);

#endif
