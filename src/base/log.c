/* The log file: one line an event, written whole by one write call. */
#include <autosim/log.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

struct asim_log {
    int fd; /* -1: no file */
    pthread_mutex_t mutex;
    asim_log_listener_fn listener;
    void *context;
};

int asim_log_open(const char *path, struct asim_log **ret_log, struct asim_error *err)
{
    struct asim_log *log = asim_alloc_array(1, sizeof *log, err);
    if (!log)
        return -1;
    log->fd = -1;
    if (path) {
        log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (log->fd < 0) {
            asim_fail(err, ASIM_EIO, "cannot write '%s': %s", path, strerror(errno));
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
        ssize_t written = write(log->fd, line, (size_t)length);
        (void)written; /* a full disk must not stop a campaign for its log's sake */
    }
    if (log->listener) {
        line[length - 1] = '\0';
        log->listener(log->context, level, message, line);
    }
    pthread_mutex_unlock(&log->mutex);
}
