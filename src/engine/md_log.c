/*
 * Reading gmx mdrun's log by names, never by positions: columns come and go between
 * versions. Appended attempts share one file; each begins with its own headline.
 *
 * Layout (GROMACS 4.5 to 2026): a headline "Step Time" with the numbers in the next
 * line; "Energies (kJ/mol)" with rows of up to five names, each 15 characters wide, and
 * a row of values below each; the averages of a finished run come after "A V E R A G E
 * S" in the same dress.
 */
#include "engine/md_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum { ENERGY_COLUMN = 15, ENERGY_COLUMNS = 5, LINE_LONGEST = 512 };

int asim_file_tail(const char *path, size_t tail_bytes, char **ret_text,
                   struct asim_error *err)
{
    struct stat status;
    int rc = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT)
        return asim_fail(err, ASIM_EIO, "cannot open '%s': %s", path, strerror(errno));
    if (fd >= 0 && (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        return asim_fail(err, ASIM_EIO, "'%s' is not a regular file", path);
    }
    size_t size = fd < 0 ? 0 : (size_t)status.st_size, done = 0;
    size_t wanted = size < tail_bytes ? size : tail_bytes;
    char *text = asim_alloc_array(wanted + 1, 1, err);
    if (!text)
        goto out;
    if (fd >= 0) {
        while (done < wanted) {
            ssize_t got =
                pread(fd, text + done, wanted - done, (off_t)(size - wanted + done));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0) {
                asim_fail(err, ASIM_EIO, "cannot read '%s': %s", path, strerror(errno));
                goto out;
            }
            if (got == 0)
                break;
            done += (size_t)got;
        }
        /* A NUL inside would hide what follows it. */
        for (size_t i = 0; i < done; i++)
            if (text[i] == '\0')
                text[i] = ' ';
    }
    *ret_text = text;
    text = NULL;
    rc = 0;
out:
    free(text);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Copies the line at `at` without its newline; the next line, or NULL at the end. */
static const char *take_line(const char *at, char ret_line[LINE_LONGEST])
{
    size_t length = strcspn(at, "\n");
    size_t kept = length < LINE_LONGEST - 1 ? length : LINE_LONGEST - 1;
    memcpy(ret_line, at, kept);
    ret_line[kept] = '\0';
    return at[length] == '\n' ? at + length + 1 : NULL;
}

/* The position of `word` among the blank-separated words of a line, or -1. */
static int word_position(const char *line, const char *word)
{
    size_t length = strlen(word);
    for (int position = 0;; position++) {
        line += strspn(line, " \t");
        size_t size = strcspn(line, " \t");
        if (size == 0)
            return -1;
        if (size == length && strncmp(line, word, size) == 0)
            return position;
        line += size;
    }
}

static double number_at(const char *line, int position)
{
    for (int i = 0; i < position; i++) {
        line += strspn(line, " \t");
        line += strcspn(line, " \t");
    }
    char *end;
    double value = strtod(line, &end);
    return end == line ? NAN : value;
}

/* The value below `name` in the block whose first row of names is at `at`. */
static double energy_named(const char *at, const char *name)
{
    char names[LINE_LONGEST], values[LINE_LONGEST];
    while (at) {
        at = take_line(at, names);
        if (!at || names[strspn(names, " ")] == '\0')
            return NAN;
        at = take_line(at, values);
        for (int i = 0; i < ENERGY_COLUMNS; i++) {
            size_t from = (size_t)(i * ENERGY_COLUMN);
            if (strlen(names) <= from || strlen(values) <= from)
                break;
            char column[ENERGY_COLUMN + 1], number[ENERGY_COLUMN + 1];
            snprintf(column, sizeof column, "%s", names + from);
            snprintf(number, sizeof number, "%s", values + from);
            const char *word = column + strspn(column, " ");
            char *end;
            double value = strtod(number, &end);
            if (strcmp(word, name) == 0 && end != number)
                return value;
        }
    }
    return NAN;
}

static bool starts_attempt(const char *line)
{
    return strncmp(line, "Log file opened on", 18) == 0 ||
           strstr(line, "Restarting from checkpoint, appending") != NULL;
}

/* A "Step Time" headline with its numbers below. */
static bool parse_step(const char *line, const char *next, int64_t *ret_step)
{
    char numbers[LINE_LONGEST];
    char *end;
    if (!next || word_position(line, "Step") != 0 || word_position(line, "Time") != 1)
        return false;
    take_line(next, numbers);
    errno = 0;
    long long step = strtoll(numbers, &end, 10);
    if (end == numbers || *end != ' ' || errno || step < 0)
        return false;
    *ret_step = step;
    return true;
}

void asim_md_log_parse(const char *text, struct asim_md_log *ret_log)
{
    struct asim_md_log log = {.step = -1, .potential_kj_mol = NAN, .ns_per_day = NAN};
    char line[LINE_LONGEST], above[LINE_LONGEST] = "";
    bool averages = false;
    for (const char *at = text; at;) {
        const char *next = take_line(at, line);
        int64_t step;
        if (starts_attempt(line)) {
            log.ns_per_day = NAN;
            log.finished = log.run_time_exceeded = log.stop_received = false;
            averages = false;
        } else if (strstr(line, "A V E R A G E S")) {
            averages = true;
        } else if (!averages && parse_step(line, next, &step)) {
            log.step = step;
        } else if (!averages && next && strstr(line, "Energies (kJ/mol)")) {
            double potential = energy_named(next, "Potential");
            if (!isnan(potential))
                log.potential_kj_mol = potential;
        } else if (strncmp(line, "Performance:", 12) == 0) {
            int column = word_position(above, "(ns/day)");
            if (column >= 0)
                log.ns_per_day = number_at(line + 12, column);
        } else if (strncmp(line, "Finished mdrun", 14) == 0) {
            log.finished = true;
        } else if (strstr(line, "Run time exceeded")) {
            log.run_time_exceeded = true;
        } else if (strstr(line, "Received the ") && strstr(line, " signal")) {
            log.stop_received = true;
        }
        memcpy(above, line, sizeof above);
        at = next;
    }
    *ret_log = log;
}

int asim_md_log_read(const char *path, size_t tail_bytes, struct asim_md_log *ret_log,
                     struct asim_error *err)
{
    char *text;
    if (asim_file_tail(path, tail_bytes, &text, err) < 0)
        return -1;
    asim_md_log_parse(text, ret_log);
    free(text);
    return 0;
}
