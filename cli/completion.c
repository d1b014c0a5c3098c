/*
 * autosim completion: scripts for bash, zsh and fish, made from the command and option
 * tables. Each completes commands, the options of a command, the words that an option
 * takes, and files elsewhere.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "options.h"

/* A word between single quotes of a shell; fish knows \' there, sh and zsh do not. */
static void print_quoted(const char *text, bool fish)
{
    putchar('\'');
    for (; *text; text++) {
        if (*text == '\'')
            printf(fish ? "\\'" : "'\\''");
        else if (*text == '\\' && fish)
            printf("\\\\");
        else
            putchar(*text);
    }
    putchar('\'');
}

static void print_words(const struct option_spec *option)
{
    char word[40];
    for (size_t i = 0; option_word(option, i, word, sizeof word); i++)
        printf("%s%s", i > 0 ? " " : "", word);
}

static bool has_words(const struct option_spec *option)
{
    char word[40];
    return option_word(option, 0, word, sizeof word);
}

static void print_command_names(void)
{
    size_t count;
    const struct command *commands = commands_list(&count);
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? " " : "", commands[i].name);
}

/* What stands in place of a file: the words of the argument, if it is of words. */
static const char *argument_words(const struct command *command)
{
    if (strcmp(command->name, "completion") == 0)
        return "bash zsh fish";
    if (strcmp(command->name, "export") == 0)
        return "xvg csv npz colvars plumed edi";
    return strcmp(command->name, "help") == 0 ? "*" : NULL;
}

static void print_bash(void)
{
    size_t command_count, option_count;
    const struct command *commands = commands_list(&command_count);
    const struct option_spec *options = options_list(&option_count);
    printf("# bash completion of autosim %s\n_autosim()\n{\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} before= command= options= i\n"
           "    COMPREPLY=()\n"
           "    ((COMP_CWORD > 1)) && before=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "    if ((COMP_CWORD == 1)); then\n"
           "        COMPREPLY=($(compgen -W '",
           asim_version());
    print_command_names();
    printf(" --help --version' -- \"$word\"))\n        return\n    fi\n"
           "    command=${COMP_WORDS[1]}\n    case $before in\n");
    for (size_t i = 0; i < option_count; i++) {
        if (!options[i].argument)
            continue;
        printf("    --%s", options[i].name);
        if (options[i].letter)
            printf(" | -%c", options[i].letter);
        printf(") ");
        if (options[i].kind == KIND_FOLDER) {
            printf("compopt -o dirnames 2>/dev/null; return ;;\n");
        } else if (options[i].kind == KIND_FILE || options[i].kind == KIND_REFERENCE) {
            printf("compopt -o default 2>/dev/null; return ;;\n");
        } else {
            printf("COMPREPLY=($(compgen -W '");
            print_words(&options[i]);
            printf("' -- \"$word\")); return ;;\n");
        }
    }
    printf("    esac\n    case $command in\n");
    for (size_t c = 0; c < command_count; c++) {
        printf("    %s) options='", commands[c].name);
        for (size_t i = 0; i < option_count; i++)
            if (options[i].groups & commands[c].option_groups)
                printf("--%s ", options[i].name);
        printf("' ;;\n");
    }
    printf("    esac\n    if [[ $word == -* ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n        "
           "return\n    fi\n    case $command in\n");
    for (size_t c = 0; c < command_count; c++) {
        const char *words = argument_words(&commands[c]);
        if (!words)
            continue;
        printf("    %s) COMPREPLY=($(compgen -W '", commands[c].name);
        if (*words == '*')
            print_command_names();
        else
            printf("%s", words);
        printf("' -- \"$word\")) ;;\n");
    }
    printf("    *) compopt -o default 2>/dev/null ;;\n    esac\n}\n"
           "complete -F _autosim autosim\n");
}

/* In a specification of _arguments, these end a part. */
static void print_zsh_help(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            printf("'\\''");
        else if (strchr("[]:\\", *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void print_zsh_option(const struct option_spec *option)
{
    char names[2][64] = {"", ""};
    if (option->letter)
        snprintf(names[0], sizeof names[0], "-%c", option->letter);
    snprintf(names[1], sizeof names[1], "--%s", option->name);
    for (int i = 0; i < 2; i++) {
        if (!names[i][0])
            continue;
        printf("            '%s[", names[i]);
        print_zsh_help(option->help);
        printf("]");
        if (option->argument) {
            printf(":");
            print_zsh_help(option->argument);
            if (option->kind == KIND_FOLDER) {
                printf(":_files -/");
            } else if (option->kind == KIND_FILE || option->kind == KIND_REFERENCE) {
                printf(":_files");
            } else if (has_words(option)) {
                printf(":(");
                print_words(option);
                printf(")");
            } else {
                printf(": ");
            }
        }
        printf("' \\\n");
    }
}

static void print_zsh(void)
{
    size_t command_count, option_count;
    const struct command *commands = commands_list(&command_count);
    const struct option_spec *options = options_list(&option_count);
    printf("#compdef autosim\n# zsh completion of autosim %s\n_autosim()\n{\n"
           "    local -a commands\n    commands=(\n",
           asim_version());
    for (size_t c = 0; c < command_count; c++) {
        printf("        '%s:", commands[c].name);
        print_zsh_help(commands[c].summary);
        printf("'\n");
    }
    printf("    )\n    if ((CURRENT == 2)); then\n"
           "        _describe command commands\n        return\n    fi\n"
           "    local command=$words[2]\n    shift words\n    ((CURRENT--))\n"
           "    case $command in\n");
    for (size_t c = 0; c < command_count; c++) {
        const char *words = argument_words(&commands[c]);
        printf("    %s)\n        _arguments -s \\\n", commands[c].name);
        for (size_t i = 0; i < option_count; i++)
            if (options[i].groups & commands[c].option_groups)
                print_zsh_option(&options[i]);
        printf("            '*:");
        if (words && *words == '*') {
            printf("command:(");
            print_command_names();
            printf(")'\n");
        } else if (words) {
            printf("word:(%s)'\n", words);
        } else {
            printf("file:_files'\n");
        }
        printf("        ;;\n");
    }
    printf("    esac\n}\n"
           "if [ \"$funcstack[1]\" = _autosim ]; then\n    _autosim \"$@\"\nelse\n"
           "    compdef _autosim autosim\nfi\n");
}

static void print_fish(void)
{
    size_t command_count, option_count;
    const struct command *commands = commands_list(&command_count);
    const struct option_spec *options = options_list(&option_count);
    printf("# fish completion of autosim %s\n", asim_version());
    for (size_t c = 0; c < command_count; c++) {
        printf("complete -c autosim -f -n __fish_use_subcommand -a %s -d ",
               commands[c].name);
        print_quoted(commands[c].summary, true);
        printf("\n");
        const char *words = argument_words(&commands[c]);
        if (!words)
            continue;
        printf("complete -c autosim -f -n '__fish_seen_subcommand_from %s' -a '",
               commands[c].name);
        if (*words == '*')
            print_command_names();
        else
            printf("%s", words);
        printf("'\n");
    }
    for (size_t i = 0; i < option_count; i++) {
        printf("complete -c autosim -n '__fish_seen_subcommand_from");
        for (size_t c = 0; c < command_count; c++)
            if (options[i].groups & commands[c].option_groups)
                printf(" %s", commands[c].name);
        printf("' -l %s", options[i].name);
        if (options[i].letter)
            printf(" -s %c", options[i].letter);
        if (options[i].kind == KIND_FOLDER) {
            printf(" -x -a '(__fish_complete_directories)'");
        } else if (options[i].kind == KIND_FILE || options[i].kind == KIND_REFERENCE) {
            printf(" -r -F");
        } else if (options[i].argument) {
            printf(" -x");
            if (has_words(&options[i])) {
                printf(" -a '");
                print_words(&options[i]);
                printf("'");
            }
        }
        printf(" -d ");
        print_quoted(options[i].help, true);
        printf("\n");
    }
}

int cmd_completion(const struct settings *settings, struct asim_error *err)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    const char *names[3];
    const char *shell = settings->arguments[0];
    for (size_t i = 0; i < 3; i++) {
        names[i] = shells[i].shell;
        if (strcmp(shell, names[i]) == 0) {
            shells[i].print();
            return 0;
        }
    }
    const char *nearest = asim_nearest_word(shell, names, 3);
    return asim_fail(err, ASIM_EUSAGE, "'%s': bash, zsh or fish was expected%s%s%s",
                     shell, nearest ? "; did you mean " : "", nearest ? nearest : "",
                     nearest ? "?" : "");
}
