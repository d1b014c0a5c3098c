/*
 * Finding gmx and reading what `gmx --version` says of it.
 *
 * Names are looked up in the text, never positions; an unknown value stays 0 or empty.
 * The program is asked once, with a time limit, because it may be a script that waits.
 */
#include <autosim/engine.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "engine/ask.h"

enum { VERSION_TEXT_LARGEST = 64 * 1024, VERSION_SECONDS = 20 };

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           access(path, X_OK) == 0;
}

/* `folder`/`name` made absolute, where it is a program. */
static bool try_place(const char *folder, size_t folder_length, const char *name,
                      char *ret_path, size_t size)
{
    char here[4096] = "";
    if (folder_length == 0 || folder[0] != '/') {
        if (!getcwd(here, sizeof here - 1))
            return false;
        strcat(here, "/");
    }
    int length = snprintf(ret_path, size, "%s%.*s%s%s", here, (int)folder_length,
                          folder, folder_length > 0 ? "/" : "", name);
    return length > 0 && (size_t)length < size && is_program(ret_path);
}

bool asim_program_find(const char *name, char *ret_path, size_t size)
{
    if (name[0] == '/') {
        int length = snprintf(ret_path, size, "%s", name);
        return (size_t)length < size && is_program(ret_path);
    }
    if (strchr(name, '/'))
        return try_place("", 0, name, ret_path, size);
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t length = strcspn(at, ":");
        if (try_place(at, length, name, ret_path, size))
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

static int ask_version(const char *path, char *text, size_t size,
                       struct asim_error *err)
{
    const char *const argv[] = {path, "--version", NULL};
    const struct asim_question question = {
        .argv = argv, .with_stderr = true, .seconds = VERSION_SECONDS};
    struct asim_answer answer = {.text = text, .size = size};
    if (asim_ask(&question, &answer, err) < 0)
        return -1;
    return answer.in_time ? 0
                          : asim_fail(err, ASIM_EENV,
                                      "'%s --version' did not answer within %d seconds",
                                      path, VERSION_SECONDS);
}

/* The text behind "key:" at the start of a line, without blanks around it; false where
 * the key is not there. */
static bool read_value(const char *text, const char *key, char *ret_value, size_t size)
{
    size_t key_length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, key_length) != 0 || line[key_length] != ':')
            continue;
        const char *value = line + key_length + 1;
        value += strspn(value, " \t");
        size_t length = strcspn(value, "\r\n");
        while (length > 0 && value[length - 1] == ' ')
            length--;
        if (length > size - 1)
            length = size - 1;
        memcpy(ret_value, value, length);
        ret_value[length] = '\0';
        return true;
    }
    return false;
}

/* "2022.5-Debian_2022.5_2" and "2025-beta" name a year; "5.1.4" none. */
static void parse_version(struct asim_gromacs *gromacs)
{
    int year = 0, patch = 0;
    if (sscanf(gromacs->version, "%4d.%4d", &year, &patch) < 1 || year < 2016 ||
        year > 9999)
        return;
    gromacs->year = year;
    gromacs->patch = patch > 0 ? patch : 0;
}

static int parse_abilities(const char *text, struct asim_gromacs *gromacs,
                           struct asim_error *err)
{
    char value[128];
    if (!read_value(text, "GROMACS version", gromacs->version,
                    sizeof gromacs->version)) {
        const char *said = text + strspn(text, " \t\r\n");
        int length = (int)strcspn(said, "\r\n");
        snprintf(value, sizeof value, "%.*s", length, said);
        for (char *at = value; *at; at++)
            if (*at < ' ' || *at > '~')
                *at = '?';
        return asim_fail(err, ASIM_EENV,
                         "'%s --version' names no GROMACS version, it says '%s'; is it "
                         "GROMACS, and does it run?",
                         gromacs->path, value);
    }
    parse_version(gromacs);
    if (read_value(text, "MPI library", value, sizeof value)) {
        gromacs->thread_mpi = strncasecmp(value, "thread_mpi", 10) == 0;
        gromacs->mpi = strncasecmp(value, "MPI", 3) == 0;
    }
    if (read_value(text, "Precision", value, sizeof value))
        gromacs->double_precision = strncasecmp(value, "double", 6) == 0;
    if (read_value(text, "Colvars support", value, sizeof value))
        gromacs->colvars = strncasecmp(value, "enabled", 7) == 0;
    snprintf(gromacs->colvars_why, sizeof gromacs->colvars_why, "%s",
             gromacs->colvars                            ? "built in"
             : gromacs->year > 0 && gromacs->year < 2024 ? "comes with GROMACS 2024"
                                                         : "not tried");
    snprintf(gromacs->plumed_why, sizeof gromacs->plumed_why, "not tried");
    read_value(text, "SIMD instructions", gromacs->simd, sizeof gromacs->simd);
    read_value(text, "GPU support", gromacs->gpu, sizeof gromacs->gpu);
    return 0;
}

int asim_gromacs_find(const char *name, struct asim_gromacs *ret_gromacs,
                      struct asim_error *err)
{
    static const char *const usual[] = {"gmx", "gmx_mpi", "gmx_d"};
    struct asim_gromacs gromacs = {0};
    const char *source = "";
    if (!name) {
        name = getenv("AUTOSIM_GMX");
        if (name && !*name)
            name = NULL;
        source = name ? " (from $AUTOSIM_GMX)" : "";
    }
    bool found = false;
    if (name)
        found = asim_program_find(name, gromacs.path, sizeof gromacs.path);
    for (size_t i = 0; !name && !found && i < sizeof usual / sizeof *usual; i++)
        found = asim_program_find(usual[i], gromacs.path, sizeof gromacs.path);
    if (!found && name)
        return asim_fail(err, ASIM_EENV, "GROMACS program '%s'%s cannot be run: %s",
                         name, source,
                         strchr(name, '/') ? "no executable file of that name"
                                           : "it is not on PATH");
    if (!found)
        return asim_fail(err, ASIM_EENV,
                         "no GROMACS found: none of gmx, gmx_mpi, gmx_d is on PATH; "
                         "install GROMACS, or name the program with --gmx or "
                         "$AUTOSIM_GMX");
    char *text = asim_alloc_array(VERSION_TEXT_LARGEST, 1, err);
    if (!text)
        return -1;
    int rc = ask_version(gromacs.path, text, VERSION_TEXT_LARGEST, err);
    if (rc == 0)
        rc = parse_abilities(text, &gromacs, err);
    free(text);
    if (rc == 0)
        *ret_gromacs = gromacs;
    return rc;
}
