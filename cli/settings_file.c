/* The reader and writer of autosim.ini. */
#include "settings_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "options.h"

enum { MOST_BYTES = 1 << 20, MOST_FILES = 1000 };

struct section {
    const char *name;
    unsigned groups;
    const char *what;
};

static const struct section sections[] = {
    {"system", 0, "the simulation: its run input and its trajectory"},
    {"pca", OPTIONS_PCA, "which atoms, which frames"},
    {"windows", OPTIONS_PLAN, "the umbrella windows along PC1"},
    {"run", OPTIONS_RUN | OPTIONS_UNTIL | OPTIONS_GROMACS, "how GROMACS is run"},
    {"slurm", OPTIONS_SLURM, "on a cluster"},
    {"pmf", OPTIONS_PMF | OPTIONS_UNTIL, "the free-energy profile"},
};

enum { SECTION_COUNT = sizeof sections / sizeof *sections };

struct settings_file {
    char **texts; /* owned: values that settings point to */
    size_t text_count, text_capacity;
    char *topology;      /* NULL: not named; owned by texts, as are these */
    char **trajectories; /* [trajectory_count] */
    size_t trajectory_count;
    char **arguments; /* topology, trajectories */
};

/* One reading of a file. */
struct reader {
    const char *path;
    size_t line;
    const struct section *section;
    size_t first_line[OPTION_LIMIT]; /* where an option was set; 0: not yet */
    const struct command *command;
    struct settings *settings;
    struct settings scratch; /* takes what the command does not: to check it */
    struct settings_file *file;
};

void settings_file_free(struct settings_file *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < file->text_count; i++)
        free(file->texts[i]);
    free(file->texts);
    free(file->trajectories);
    free(file->arguments);
    free(file);
}

int settings_file_arguments(const struct settings_file *file, char ***ret_arguments)
{
    if (!file || !file->arguments)
        return 0;
    *ret_arguments = file->arguments;
    return (int)file->trajectory_count + 1;
}

static int fail(const struct reader *reader, const char *message,
                struct asim_error *err)
{
    return asim_fail(err, ASIM_EUSAGE, "%s:%zu: %s", reader->path, reader->line,
                     message);
}

/* Takes `text` over, on failure too. */
static char *keep(struct settings_file *file, char *text, struct asim_error *err)
{
    if (!text || asim_grow(&file->texts, &file->text_capacity, file->text_count + 1,
                           sizeof *file->texts, err) < 0) {
        free(text);
        return NULL;
    }
    return file->texts[file->text_count++] = text;
}

/* Files are named as seen from the folder that the settings file is in. */
static char *beside(const struct reader *reader, const char *name,
                    struct asim_error *err)
{
    const char *slash = strrchr(reader->path, '/');
    if (!slash || name[0] == '/')
        return asim_strdup(name, err);
    return asim_format(err, "%.*s/%s", (int)(slash - reader->path), reader->path, name);
}

static bool same_key(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        int x = *a == '_' ? '-' : tolower((unsigned char)*a);
        int y = *b == '_' ? '-' : tolower((unsigned char)*b);
        if (x != y)
            return false;
    }
    return *a == *b;
}

static bool is_setting(const struct option_spec *option, const struct section *section)
{
    return option->kind != KIND_FLAG && option->groups & section->groups;
}

static int open_section(struct reader *reader, char *line, struct asim_error *err)
{
    const char *names[SECTION_COUNT];
    char *end = strchr(line, ']');
    if (!end || end[1 + strspn(end + 1, " \t")] != '\0')
        return fail(reader, "a section is written [NAME], alone in its line", err);
    *end = '\0';
    const char *name = line + 1;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        names[i] = sections[i].name;
        if (same_key(name, names[i])) {
            reader->section = &sections[i];
            return 0;
        }
    }
    const char *nearest = asim_nearest_word(name, names, SECTION_COUNT);
    return asim_fail(err, ASIM_EUSAGE, "%s:%zu: there is no section [%.60s]%s%s%s",
                     reader->path, reader->line, name,
                     nearest ? "; did you mean ["
                             : "; 'autosim init' writes a file "
                               "with all of them",
                     nearest ? nearest : "", nearest ? "]?" : "");
}

static int unknown_key(const struct reader *reader, const char *key,
                       struct asim_error *err)
{
    size_t count, name_count = 0;
    const struct option_spec *options = options_list(&count);
    const char *names[OPTION_LIMIT + 2];
    for (size_t s = 0; s < SECTION_COUNT; s++)
        for (size_t i = 0; i < count; i++)
            if (is_setting(&options[i], &sections[s]) && same_key(options[i].name, key))
                return asim_fail(err, ASIM_EUSAGE,
                                 "%s:%zu: '%s' belongs in section [%s], not in [%s]",
                                 reader->path, reader->line, key, sections[s].name,
                                 reader->section->name);
    for (size_t i = 0; i < count; i++)
        if (is_setting(&options[i], reader->section))
            names[name_count++] = options[i].name;
    if (reader->section->groups == 0) {
        names[name_count++] = "topology";
        names[name_count++] = "trajectory";
    }
    const char *nearest = asim_nearest_word(key, names, name_count);
    return asim_fail(err, ASIM_EUSAGE, "%s:%zu: unknown key '%.60s' in [%s]%s%s%s",
                     reader->path, reader->line, key, reader->section->name,
                     nearest ? "; did you mean '"
                             : "; 'autosim init' writes a file "
                               "with all of them",
                     nearest ? nearest : "", nearest ? "'?" : "");
}

static int set_system(struct reader *reader, const char *key, const char *value,
                      struct asim_error *err)
{
    struct settings_file *file = reader->file;
    bool topology = same_key(key, "topology"), trajectory = same_key(key, "trajectory");
    if (!topology && !trajectory)
        return unknown_key(reader, key, err);
    if (topology && file->topology)
        return fail(reader, "'topology' stands here a second time", err);
    if (file->trajectory_count == MOST_FILES)
        return fail(reader, "more than 1000 trajectories", err);
    char *path = keep(file, beside(reader, value, err), err);
    if (!path)
        return -1;
    if (topology)
        file->topology = path;
    else
        file->trajectories[file->trajectory_count++] = path;
    return 0;
}

static int set_option(struct reader *reader, size_t index, const char *value,
                      struct asim_error *err)
{
    size_t count;
    const struct option_spec *option = &options_list(&count)[index];
    if (reader->first_line[index] > 0)
        return asim_fail(err, ASIM_EUSAGE, "%s:%zu: '%s' stands in line %zu already",
                         reader->path, reader->line, option->name,
                         reader->first_line[index]);
    reader->first_line[index] = reader->line;
    char *text = keep(reader->file,
                      option_names_file(option, value) ? beside(reader, value, err)
                                                       : asim_strdup(value, err),
                      err);
    if (!text)
        return -1;
    bool wanted =
        reader->section->groups & option->groups & reader->command->option_groups;
    /* Into the scratch first: a value that the command line overrides is checked too.
     */
    if (option_store(&reader->scratch, option, text, err) < 0) {
        if (err && strncmp(err->text, "--", 2) == 0)
            memmove(err->text, err->text + 2, strlen(err->text + 2) + 1);
        return asim_wrap(err, "%s:%zu", reader->path, reader->line);
    }
    return wanted ? options_set(reader->settings, index, text, ORIGIN_FILE, err) : 0;
}

/* The value without the comment behind it, or what stands between double quotes. */
static char *clean_value(char *value)
{
    size_t length = strlen(value);
    if (value[0] == '"') {
        char *end = strchr(value + 1, '"');
        size_t rest = end ? strspn(end + 1, " \t") : 0;
        if (end && (end[1 + rest] == '\0' || strchr("#;", end[1 + rest]))) {
            *end = '\0';
            return value + 1;
        }
    }
    for (size_t i = 0; i < length; i++)
        if (strchr("#;", value[i]) && (i == 0 || isspace((unsigned char)value[i - 1])))
            length = i;
    while (length > 0 && isspace((unsigned char)value[length - 1]))
        length--;
    value[length] = '\0';
    return value;
}

static int read_line(struct reader *reader, char *line, struct asim_error *err)
{
    line += strspn(line, " \t\r");
    size_t length = strlen(line);
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        line[--length] = '\0';
    if (length == 0 || strchr("#;", line[0]))
        return 0;
    if (line[0] == '[')
        return open_section(reader, line, err);
    char *equals = strchr(line, '=');
    if (!equals)
        return fail(reader, "'key = value' was expected, a [section], or a comment",
                    err);
    if (!reader->section)
        return fail(reader, "a section such as [pca] must come before the first key",
                    err);
    size_t key_length = (size_t)(equals - line);
    while (key_length > 0 && isspace((unsigned char)line[key_length - 1]))
        key_length--;
    line[key_length] = '\0';
    char *value = clean_value(equals + 1 + strspn(equals + 1, " \t"));
    if (*value == '\0')
        return asim_fail(err, ASIM_EUSAGE,
                         "%s:%zu: '%.60s' has no value: give one, or put # before it "
                         "for the default",
                         reader->path, reader->line, line);
    if (reader->section->groups == 0)
        return set_system(reader, line, value, err);
    size_t count;
    const struct option_spec *options = options_list(&count);
    for (size_t i = 0; i < count; i++)
        if (is_setting(&options[i], reader->section) && same_key(options[i].name, line))
            return set_option(reader, i, value, err);
    return unknown_key(reader, line, err);
}

static int read_lines(struct reader *reader, char *data, size_t size,
                      struct asim_error *err)
{
    char *end = data + size;
    if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        data += 3; /* byte-order mark of editors on other systems */
    while (data < end) {
        char *newline = memchr(data, '\n', (size_t)(end - data));
        size_t length = (size_t)((newline ? newline : end) - data);
        reader->line++;
        if (memchr(data, '\0', length))
            return fail(reader, "a byte 0: this is no text file", err);
        data[length] = '\0';
        if (read_line(reader, data, err) < 0)
            return -1;
        data += length + 1;
    }
    return 0;
}

static int list_arguments(const struct reader *reader, struct asim_error *err)
{
    struct settings_file *file = reader->file;
    if (!file->topology && file->trajectory_count == 0)
        return 0;
    if (!file->topology || file->trajectory_count == 0)
        return asim_fail(err, ASIM_EUSAGE,
                         "%s: [system] names a %s but no %s: a run needs both",
                         reader->path, file->topology ? "topology" : "trajectory",
                         file->topology ? "trajectory" : "topology");
    file->arguments =
        asim_alloc_array(file->trajectory_count + 2, sizeof *file->arguments, err);
    if (!file->arguments)
        return -1;
    file->arguments[0] = file->topology;
    memcpy(file->arguments + 1, file->trajectories,
           file->trajectory_count * sizeof *file->trajectories);
    return 0;
}

int settings_file_parse(const char *data, size_t size, const char *path,
                        const struct command *command, struct settings *settings,
                        struct asim_error *err)
{
    struct reader *reader = asim_alloc_array(1, sizeof *reader, err);
    char *copy = asim_alloc_array(size + 1, 1, err);
    int rc = -1;
    if (!reader || !copy)
        goto out;
    memcpy(copy, data, size);
    reader->path = path;
    reader->command = command;
    reader->settings = settings;
    settings_init(&reader->scratch);
    reader->file = asim_alloc_array(1, sizeof *reader->file, err);
    if (!reader->file)
        goto out;
    reader->file->trajectories =
        asim_alloc_array(MOST_FILES, sizeof *reader->file->trajectories, err);
    if (!reader->file->trajectories)
        goto out;
    if (read_lines(reader, copy, size, err) < 0 || list_arguments(reader, err) < 0)
        goto out;
    rc = 0;
out:
    if (reader) { /* settings may point into it, whatever came of it */
        settings_file_free(settings->file);
        settings->file = reader->file;
    }
    free(reader);
    free(copy);
    return rc;
}

int settings_file_read(const char *path, const struct command *command,
                       struct settings *settings, struct asim_error *err)
{
    char *data;
    size_t size;
    if (!asim_file_exists(path))
        return asim_fail(err, ASIM_EINPUT,
                         "there is no settings file '%s'; 'autosim init --settings "
                         "%s' writes one",
                         path, path);
    if (asim_file_read(path, MOST_BYTES, &data, &size, err) < 0)
        return asim_wrap(err, "settings");
    int rc = settings_file_parse(data, size, path, command, settings, err);
    free(data);
    return rc;
}

/* A comment of lines that are not too long. */
static void write_comment(FILE *out, const char *text)
{
    int column = 0;
    for (const char *word = text; *word;) {
        int length = (int)strcspn(word, " ");
        if (column == 0 || column + length > 86) {
            fprintf(out, "%s#", column ? "\n" : "");
            column = 1;
        }
        fprintf(out, " %.*s", length, word);
        column += length + 1;
        word += length + (word[length] == ' ');
    }
    fprintf(out, "\n");
}

/* As seen from the file that is written: as given beside it, else absolute. */
static void write_file_name(FILE *out, const struct settings *settings,
                            const char *name)
{
    bool elsewhere = settings->settings_path && strchr(settings->settings_path, '/');
    char *absolute = elsewhere ? realpath(name, NULL) : NULL;
    fprintf(out, "%s\n", absolute ? absolute : name);
    free(absolute);
}

static void write_setting(FILE *out, const struct settings *settings,
                          const struct option_spec *option, bool given)
{
    char value[4096], head[4200];
    struct settings scratch;
    settings_init(&scratch);
    option_format(settings, option, value, sizeof value);
    /* A default that could not be given, as "not a number", is shown by its kind. */
    bool shown = value[0] && option_store(&scratch, option, value, NULL) == 0;
    snprintf(head, sizeof head, "%s: %s", option->argument, option->help);
    fprintf(out, "\n");
    write_comment(out, head);
    fprintf(out, "%s%s = ", given ? "" : "# ", option->name);
    const char *quote = strpbrk(value, "#;") && !strchr(value, '"') ? "\"" : "";
    if (given && option_names_file(option, value))
        write_file_name(out, settings, value);
    else
        fprintf(out, "%s%s%s\n", quote, shown ? value : option->argument, quote);
}

static void write_system(FILE *out, const struct settings *settings)
{
    fprintf(out, "\n# Run input of the simulation (.tpr), as seen from this file's "
                 "folder\n");
    if (settings->argument_count > 0)
        fprintf(out, "topology = ");
    else
        fprintf(out, "# topology = ");
    write_file_name(out, settings,
                    settings->argument_count > 0 ? settings->arguments[0]
                                                 : "system.tpr");
    fprintf(out, "\n# Its trajectory; a line for each file, in order of time\n");
    for (int i = 1; i < settings->argument_count; i++) {
        fprintf(out, "trajectory = ");
        write_file_name(out, settings, settings->arguments[i]);
    }
    if (settings->argument_count < 2)
        fprintf(out, "# trajectory = traj.xtc\n");
}

char *settings_file_template(const struct settings *settings, struct asim_error *err)
{
    char *text = NULL;
    size_t size, count;
    const struct option_spec *options = options_list(&count);
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        asim_fail(err, ASIM_ENOMEM, "no memory for the settings");
        return NULL;
    }
    fprintf(out, "# Settings of autosim for this folder: 'autosim run' reads them; the "
                 "command line wins.\n# A line that begins with # is a comment, and "
                 "shows the default.\n");
    for (size_t s = 0; s < SECTION_COUNT; s++) {
        bool any = sections[s].groups == 0;
        for (size_t i = 0; i < count; i++)
            any = any || is_setting(&options[i], &sections[s]);
        if (!any)
            continue;
        fprintf(out, "\n\n[%s]\n# %s\n", sections[s].name, sections[s].what);
        if (sections[s].groups == 0)
            write_system(out, settings);
        for (size_t i = 0; i < count; i++)
            if (is_setting(&options[i], &sections[s]))
                write_setting(out, settings, &options[i],
                              settings->origin[i] != ORIGIN_DEFAULT);
    }
    if (fclose(out) != 0) {
        free(text);
        asim_fail(err, ASIM_ENOMEM, "no memory for the settings");
        return NULL;
    }
    return text;
}
