/* What the command and option tables say, for a terminal and as man pages. */
#include <stdio.h>
#include <string.h>

#include "options.h"

enum { HELP_COLUMN = 35, LAST_COLUMN = 87 };

static const struct {
    int code;
    const char *meaning;
} exit_codes[] = {
    {0, "ok"},
    {1, "failure"},
    {2, "usage: a wrong option, argument or setting"},
    {3, "bad input: a file or selection is wrong or damaged"},
    {4, "environment: gmx, memory, disk or permission is missing"},
    {5, "windows were given up"},
    {6, "the result is below the quality asked for"},
    {75, "another process works on the campaign"},
};

enum { EXIT_CODE_COUNT = sizeof exit_codes / sizeof *exit_codes };

static const char purpose[] =
    "a free-energy profile along the principal motion of a trajectory";

void help_overview(FILE *stream)
{
    size_t count;
    const struct command *commands = commands_list(&count);
    fprintf(stream,
            "autosim %s: %s\n\n"
            "Examples\n"
            "  autosim run system.tpr traj.xtc    from a trajectory to a PMF, in "
            "./autosim/\n"
            "  autosim status                     how the windows are doing\n"
            "  autosim help run                   the options of a command\n\n"
            "Commands\n",
            asim_version(), purpose);
    for (size_t i = 0; i < count; i++)
        fprintf(stream, "  %-11s %s\n", commands[i].name, commands[i].summary);
    fprintf(stream, "\nExit codes\n");
    for (int i = 0; i < EXIT_CODE_COUNT; i++)
        fprintf(stream, "  %-11d %s\n", exit_codes[i].code, exit_codes[i].meaning);
    fprintf(stream, "  %-11s stopped by signal N\n", "128+N");
}

/* `text` in lines of words, `column` being where the cursor stands. */
static void print_wrapped(const char *text, int indent, int column)
{
    bool first = true;
    for (const char *word = text; *word;) {
        int length = (int)strcspn(word, " \n");
        if (!first && column + 1 + length > LAST_COLUMN) {
            printf("\n%*s", indent, "");
            column = indent;
            first = true;
        }
        printf("%s%.*s", first ? "" : " ", length, word);
        column += length + !first;
        first = false;
        word += length + (word[length] != '\0');
    }
    printf("\n");
}

static void print_options(unsigned option_groups)
{
    size_t count;
    const struct option_spec *options = options_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (!(options[i].groups & option_groups))
            continue;
        char head[80], letter[5] = "    ";
        if (options[i].letter)
            snprintf(letter, sizeof letter, "-%c, ", options[i].letter);
        int width = snprintf(head, sizeof head, "  %s--%s%s%s", letter, options[i].name,
                             options[i].argument ? " " : "",
                             options[i].argument ? options[i].argument : "");
        printf("%s", head);
        if (width >= HELP_COLUMN)
            printf("\n%*s", HELP_COLUMN, "");
        else
            printf("%*s", HELP_COLUMN - width, "");
        print_wrapped(options[i].help, HELP_COLUMN, HELP_COLUMN);
    }
}

/* A command's details are lines of examples, then, behind an empty line, text. */
static const char *description_of(const struct command *command, int *ret_examples)
{
    const char *empty = strstr(command->details, "\n\n");
    *ret_examples = (int)(empty ? empty + 1 - command->details
                                : (ptrdiff_t)strlen(command->details));
    return empty ? empty + 2 : NULL;
}

void help_command(const struct command *command)
{
    int examples;
    const char *description = description_of(command, &examples);
    printf("autosim %s%s%s\n%s\n\nExamples\n%.*s\n", command->name,
           *command->synopsis ? " " : "", command->synopsis, command->summary, examples,
           command->details);
    if (description) {
        int length = (int)strlen(description);
        char text[4096];
        snprintf(text, sizeof text, "%.*s", length - (description[length - 1] == '\n'),
                 description);
        print_wrapped(text, 0, 0);
        printf("\n");
    }
    printf("Options\n");
    print_options(command->option_groups);
}

/* Text for troff: what it would take for its own is escaped. */
static void print_troff(const char *text, int length)
{
    bool line_start = true;
    for (int i = 0; i < length; i++) {
        if (line_start && (text[i] == '.' || text[i] == '\''))
            printf("\\&");
        if (text[i] == '\\')
            printf("\\e");
        else if (text[i] == '-')
            printf("\\-");
        else
            putchar(text[i]);
        line_start = text[i] == '\n';
    }
}

static void print_troff_text(const char *text)
{
    print_troff(text, (int)strlen(text));
}

static void print_manual_options(unsigned option_groups)
{
    size_t count;
    const struct option_spec *options = options_list(&count);
    printf(".SH OPTIONS\n");
    for (size_t i = 0; i < count; i++) {
        if (!(options[i].groups & option_groups))
            continue;
        printf(".TP\n");
        if (options[i].letter)
            printf("\\fB\\-%c\\fR, ", options[i].letter);
        printf("\\fB\\-\\-");
        print_troff_text(options[i].name);
        printf("\\fR");
        if (options[i].argument) {
            printf(" \\fI");
            print_troff_text(options[i].argument);
            printf("\\fR");
        }
        printf("\n");
        print_troff_text(options[i].help);
        printf("\n");
    }
}

static void print_manual_end(void)
{
    printf(".SH EXIT STATUS\n");
    for (int i = 0; i < EXIT_CODE_COUNT; i++) {
        printf(".TP\n.B %d\n", exit_codes[i].code);
        print_troff_text(exit_codes[i].meaning);
        printf("\n");
    }
    printf(".TP\n.B 128+N\nstopped by signal N\n");
}

static void print_manual_examples(const char *examples, int length)
{
    printf(".SH EXAMPLES\n.nf\n");
    print_troff(examples, length);
    printf(".fi\n");
}

static void print_command_manual(const struct command *command)
{
    int examples;
    const char *description = description_of(command, &examples);
    printf(".TH \"AUTOSIM\\-%s\" 1 \"\" \"autosim %s\" \"autosim\"\n.SH NAME\n"
           "autosim\\-%s \\- ",
           command->name, asim_version(), command->name);
    print_troff_text(command->summary);
    printf("\n.SH SYNOPSIS\n.B autosim %s\n[\\fIoptions\\fR] ", command->name);
    print_troff_text(command->synopsis);
    printf("\n");
    print_manual_examples(command->details, examples);
    if (description) {
        printf(".SH DESCRIPTION\n");
        print_troff_text(description);
    }
    print_manual_options(command->option_groups);
    print_manual_end();
    printf(".SH SEE ALSO\n.BR autosim (1)\n");
}

static void print_overview_manual(void)
{
    size_t count;
    const struct command *commands = commands_list(&count);
    printf(".TH AUTOSIM 1 \"\" \"autosim %s\" \"autosim\"\n.SH NAME\nautosim \\- ",
           asim_version());
    print_troff_text(purpose);
    static const char examples[] = "  autosim run system.tpr traj.xtc\n"
                                   "  autosim status\n"
                                   "  autosim help run\n";
    printf("\n.SH SYNOPSIS\n.B autosim\n\\fICOMMAND\\fR [\\fIoptions\\fR] "
           "[\\fIarguments\\fR]\n");
    print_manual_examples(examples, (int)strlen(examples));
    printf(".SH COMMANDS\n");
    for (size_t i = 0; i < count; i++) {
        printf(".TP\n.BR autosim\\-%s (1)\n", commands[i].name);
        print_troff_text(commands[i].summary);
        printf("\n");
    }
    printf(".SH FILES\n.TP\n.I autosim.ini\nsettings that the command line does not "
           "give; autosim\\-init(1) writes it with every key explained\n"
           ".TP\n.I autosim/\nthe campaign: everything that was computed\n"
           ".SH ENVIRONMENT\n.TP\n.B AUTOSIM_GMX\nthe GROMACS program to use\n");
    print_manual_end();
}

void help_manual(const struct command *command)
{
    if (command)
        print_command_manual(command);
    else
        print_overview_manual();
}

int cmd_help(const struct settings *settings, struct asim_error *err)
{
    const struct command *command = NULL;
    if (settings->argument_count > 0) {
        command = command_find(settings->arguments[0], err);
        if (!command)
            return -1;
    }
    if (settings->manual)
        help_manual(command);
    else if (command)
        help_command(command);
    else
        help_overview(stdout);
    return 0;
}
