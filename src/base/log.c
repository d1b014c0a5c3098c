/* The log file: one line an event, written whole by one write call. */
#include <autosim/log.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log_limit.h"
#include "base/memory.h"

/* 16 MB are 200,000 lines; with the kept ones 64 MB at most. */
enum { LARGEST_BYTES = 16 << 20, KEPT = 3 };

struct asim_log {
    int fd; /* -1: no file */
    char *path;
    off_t largest_bytes;
    pthread_mutex_t mutex;
    asim_log_listener_fn listener;
    void *context;
};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

void asim_log_limit(struct asim_log *log, off_t largest_bytes)
{
    log->largest_bytes = largest_bytes;
}

/* PATH.2 -> PATH.3, PATH.1 -> PATH.2, PATH -> PATH.1 */
static void shift_files(const char *path)
{
    char *from = NULL, *to = NULL;
    for (int i = KEPT; i > 0; i--) {
        to = asim_format(NULL, "%s.%d", path, i);
        from = i > 1 ? asim_format(NULL, "%s.%d", path, i - 1)
                     : asim_format(NULL, "%s", path);
        if (from && to)
            rename(from, to); /* what is not there yet need not move */
        free(from);
        free(to);
    }
}

/* The lock of the old file makes one process of several rename it; the others see that
 * the path is another file then. Where anything fails, the old file goes on. */
static void rotate(struct asim_log *log)
{
    struct stat ours, named;
    if (fstat(log->fd, &ours) < 0 || ours.st_size < log->largest_bytes ||
        flock(log->fd, LOCK_EX) < 0)
        return;
    bool same = stat(log->path, &named) == 0 && named.st_ino == ours.st_ino &&
                named.st_dev == ours.st_dev;
    if (same)
        shift_files(log->path);
    int fd = open_file(log->path);
    flock(log->fd, LOCK_UN);
    if (fd < 0)
        return;
    close(log->fd);
    log->fd = fd;
}

int asim_log_open(const char *path, struct asim_log **ret_log, struct asim_error *err)
{
    struct asim_log *log = asim_alloc_array(1, sizeof *log, err);
    if (!log)
        return -1;
    log->fd = -1;
    log->largest_bytes = LARGEST_BYTES;
    if (path) {
        log->path = asim_strdup(path, err);
        log->fd = log->path ? open_file(path) : -1;
        if (log->fd < 0) {
            if (log->path)
                asim_fail(err, ASIM_EIO, "cannot write '%s': %s", path,
                          strerror(errno));
            free(log->path);
            free(log);
            return -1;
        }
    }
    pthread_mutex_init(&log->mutex, NULL);
    *ret_log = log;
    return 0;
}

void asim_log_close(struct asim_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0)
        close(log->fd);
    free(log->path);
    pthread_mutex_destroy(&log->mutex);
    free(log);
}

void asim_log_set_listener(struct asim_log *log, asim_log_listener_fn listener,
                           void *context)
{
    if (!log)
        return;
    pthread_mutex_lock(&log->mutex);
    log->listener = listener;
    log->context = context;
    pthread_mutex_unlock(&log->mutex);
}

void asim_log_write(struct asim_log *log, enum asim_log_level level, const char *format,
                    ...)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    if (!log)
        return;
    char message[2000], line[2100], now[32];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    for (char *c = message; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' '; /* one line an event */
    asim_local_time_text(now, sizeof now);
    int length =
        snprintf(line, sizeof line, "%s | %-8s | %s\n", now, names[level], message);
    pthread_mutex_lock(&log->mutex);
    if (log->fd >= 0) {
        rotate(log);
        ssize_t written = write(log->fd, line, (size_t)length);
        (void)written; /* a full disk must not stop a campaign for its log's sake */
    }
    if (log->listener) {
        line[length - 1] = '\0';
        log->listener(log->context, level, message, line);
    }
    pthread_mutex_unlock(&log->mutex);
}
