/*
 * Finding gmx and reading what `gmx --version` says of it.
 *
 * Names are looked up in the text, never positions; an unknown value stays 0 or empty.
 * The program is asked once, with a time limit, because it may be a script that waits.
 */
#include <autosim/engine.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

enum { VERSION_TEXT_LARGEST = 64 * 1024, VERSION_SECONDS = 20 };

extern char **environ;

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

static bool find_on_path(const char *name, char *ret_path, size_t size)
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

static int start_version(const char *path, int output_fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char *argv[] = {(char *)path, (char *)"--version", NULL};
    sigemptyset(&none);
    sigfillset(&all);
    int cause = posix_spawn_file_actions_init(&actions);
    if (cause)
        return cause;
    cause = posix_spawnattr_init(&attributes);
    if (cause)
        goto out;
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    cause = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID |
                                                      POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETSIGDEF);
    if (!cause)
        cause = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                                 O_RDONLY, 0);
    if (!cause)
        cause = posix_spawn_file_actions_adddup2(&actions, output_fd, STDOUT_FILENO);
    if (!cause)
        cause = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                                 O_WRONLY, 0);
    if (!cause)
        cause = posix_spawn(ret_pid, path, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
out:
    posix_spawn_file_actions_destroy(&actions);
    return cause;
}

/* What the program prints, up to the end or the deadline; false at the deadline. */
static bool collect(int fd, double deadline, char *text, size_t size)
{
    size_t length = 0;
    for (;;) {
        double left = deadline - asim_monotonic_seconds();
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        int ready = left > 0 ? poll(&watched, 1, (int)(left * 1000) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return false;
        char block[4096];
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size_t kept = (size_t)got < size - 1 - length ? (size_t)got : size - 1 - length;
        memcpy(text + length, block, kept);
        length += kept;
    }
    text[length] = '\0';
    return true;
}

static int ask_version(const char *path, char *text, size_t size,
                       struct asim_error *err)
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return asim_fail(err, ASIM_EIO, "cannot make a pipe: %s", strerror(errno));
    int cause = start_version(path, ends[1], &pid);
    close(ends[1]);
    if (cause) {
        close(ends[0]);
        return asim_fail(err, ASIM_EENV, "cannot run '%s': %s", path, strerror(cause));
    }
    bool done =
        collect(ends[0], asim_monotonic_seconds() + VERSION_SECONDS, text, size);
    close(ends[0]);
    /* Its own session: the group is the program and what it started. After the end of
     * the output nothing useful can come, so nothing may linger either. */
    kill(-pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!done)
        return asim_fail(err, ASIM_EENV,
                         "'%s --version' did not answer within %d seconds", path,
                         VERSION_SECONDS);
    return 0;
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
    if (!read_value(text, "GROMACS version", gromacs->version, sizeof gromacs->version))
        return asim_fail(err, ASIM_EENV,
                         "'%s --version' names no GROMACS version; is it GROMACS?",
                         gromacs->path);
    parse_version(gromacs);
    if (read_value(text, "MPI library", value, sizeof value)) {
        gromacs->thread_mpi = strncasecmp(value, "thread_mpi", 10) == 0;
        gromacs->mpi = strncasecmp(value, "MPI", 3) == 0;
    }
    if (read_value(text, "Precision", value, sizeof value))
        gromacs->double_precision = strncasecmp(value, "double", 6) == 0;
    if (read_value(text, "Colvars support", value, sizeof value))
        gromacs->colvars = strncasecmp(value, "enabled", 7) == 0;
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
        found = find_on_path(name, gromacs.path, sizeof gromacs.path);
    for (size_t i = 0; !name && !found && i < sizeof usual / sizeof *usual; i++)
        found = find_on_path(usual[i], gromacs.path, sizeof gromacs.path);
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
