/*
 * The log of a campaign: `2026-02-20 14:30:15 | INFO     | message`, one line an event,
 * appended to a file (autosim_compute.log), local time. Safe to use from any thread,
 * and from several processes on one file. A file that has become too long is renamed to
 * PATH.1, which was PATH.2 before it, and so on; the three newest of them are kept.
 */
#ifndef AUTOSIM_LOG_H
#define AUTOSIM_LOG_H

#include <autosim/error.h>

enum asim_log_level { ASIM_LOG_DEBUG, ASIM_LOG_INFO, ASIM_LOG_WARNING, ASIM_LOG_ERROR };

struct asim_log;

/* Called under the log's lock for each line, without the newline; `message` is the bare
 * text and `line` the text with time and level, as it goes to the file. */
typedef void (*asim_log_listener_fn)(void *context, enum asim_log_level level,
                                     const char *message, const char *line);

/* Opens for appending; `path` NULL makes a log that only feeds its listener. */
ASIM_API int asim_log_open(const char *path, struct asim_log **ret_log,
                           struct asim_error *err);
ASIM_API void asim_log_close(struct asim_log *log);
ASIM_API void asim_log_set_listener(struct asim_log *log, asim_log_listener_fn listener,
                                    void *context);

/* `log` may be NULL: nothing happens. A line that cannot be written is dropped; the
 * listener still gets it. */
ASIM_API void asim_log_write(struct asim_log *log, enum asim_log_level level,
                             const char *format, ...) ASIM_PRINTF(3, 4);

#endif
