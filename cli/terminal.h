/* What the user sees while autosim works: log lines, and a progress line. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <autosim/campaign.h>
#include <autosim/log.h>
#include <autosim/pca.h>

struct terminal {
    bool quiet;
    bool interactive;   /* stderr is a terminal */
    bool line_open;     /* a progress line stands there */
    double last_update; /* monotonic seconds */
};

void terminal_init(struct terminal *terminal, bool quiet);
/* A log listener: `context` is the struct terminal. */
void terminal_log(void *context, enum asim_log_level level, const char *message,
                  const char *line);
/* Shows progress: a line that is redrawn on a terminal, a line a minute elsewhere. */
void terminal_progress(struct terminal *terminal,
                       const struct asim_campaign_progress *progress);
/* The same while a PCA reads: `context` is the struct terminal. Nothing is shown of
 * what takes less than a second. */
void terminal_pca_progress(void *context, const struct asim_pca_progress *progress);
void terminal_close_line(struct terminal *terminal);

#endif
