/* Messages go to stderr; stdout is for data. */
#include "terminal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum { BAR_WIDTH = 24 };

void terminal_init(struct terminal *terminal, bool quiet)
{
    bool interactive = isatty(STDERR_FILENO) == 1;
    *terminal = (struct terminal){
        .quiet = quiet,
        .interactive = interactive,
        .last_update = interactive ? -INFINITY : asim_monotonic_seconds()};
}

void terminal_close_line(struct terminal *terminal)
{
    if (terminal->line_open)
        fprintf(stderr, "\r\033[K");
    terminal->line_open = false;
}

void terminal_log(void *context, enum asim_log_level level, const char *message,
                  const char *line)
{
    static const char *const prefixes[] = {"debug: ", "", "warning: ", "error: "};
    struct terminal *terminal = context;
    if (level == ASIM_LOG_DEBUG || (terminal->quiet && level == ASIM_LOG_INFO))
        return;
    terminal_close_line(terminal);
    if (terminal->interactive)
        fprintf(stderr, "%s%s\n", prefixes[level], message);
    else
        fprintf(stderr, "%s\n", line);
}

static void format_duration(double seconds, char *ret_text, size_t size)
{
    if (!isfinite(seconds)) {
        snprintf(ret_text, size, "unknown");
        return;
    }
    long total = (long)(seconds + 0.5);
    if (total >= 86400)
        snprintf(ret_text, size, "%ld d %ld h", total / 86400, total % 86400 / 3600);
    else if (total >= 3600)
        snprintf(ret_text, size, "%ld h %02ld min", total / 3600, total % 3600 / 60);
    else
        snprintf(ret_text, size, "%ld:%02ld min", total / 60, total % 60);
}

/* A line that wrapped could not be redrawn: the bar takes what the text leaves, and the
 * text is cut. */
static void draw_line(double fraction, const char *text)
{
    struct winsize size;
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
                      ? size.ws_col
                      : 80;
    char bar[BAR_WIDTH + 1] = "";
    int width = columns - 4 - (int)strlen(text); /* "[", "] " and the last column */
    width = width < BAR_WIDTH ? width : BAR_WIDTH;
    int filled = (int)(fraction * width + 0.5);
    for (int i = 0; i < width; i++)
        bar[i] = i < filled ? '#' : '.';
    if (width >= 5)
        fprintf(stderr, "\r\033[K[%s] %s", bar, text);
    else
        fprintf(stderr, "\r\033[K%.*s", columns - 1, text);
}

/* Is it time to show something? */
static bool is_due(struct terminal *terminal)
{
    const double interval = terminal->interactive ? 0.2 : 60;
    double now = asim_monotonic_seconds();
    if (terminal->quiet || now - terminal->last_update < interval)
        return false;
    terminal->last_update = now;
    return true;
}

static void show(struct terminal *terminal, double fraction, const char *text)
{
    char time[40];
    if (terminal->interactive) {
        draw_line(fraction, text);
    } else {
        asim_local_time_text(time, sizeof time);
        fprintf(stderr, "%s | INFO     | %s\n", time, text + strspn(text, " "));
    }
    terminal->line_open = terminal->interactive;
}

void terminal_progress(struct terminal *terminal,
                       const struct asim_campaign_progress *progress)
{
    char eta[40], text[200];
    if (!is_due(terminal))
        return;
    format_duration(progress->eta_seconds, eta, sizeof eta);
    snprintf(text, sizeof text,
             "%3.0f%%  %zu of %zu windows, %zu running%s  %.4g ns/day  ETA %s",
             100 * progress->fraction, progress->completed, progress->window_count,
             progress->running, progress->failed ? ", some given up" : "",
             progress->total_ns_per_day, eta);
    show(terminal, progress->fraction, text);
}

void terminal_pca_progress(void *context, const struct asim_pca_progress *progress)
{
    struct terminal *terminal = context;
    char eta[40], text[200];
    /* Elsewhere than on a terminal the log has a line a minute. */
    if (!terminal->interactive || progress->seconds < 1 || progress->frame_count == 0 ||
        progress->frame_bound == 0 || !is_due(terminal))
        return;
    double fraction = (double)progress->frame_count / (double)progress->frame_bound;
    double rate = (double)progress->frame_count / progress->seconds;
    format_duration((double)(progress->frame_bound - progress->frame_count) / rate, eta,
                    sizeof eta);
    snprintf(text, sizeof text,
             "%3.0f%%  pass %d: %zu of %zu frames  %.0f frames/s  %.0f MB  ETA %s",
             100 * fraction, progress->pass, progress->frame_count,
             progress->frame_bound, rate, progress->peak_memory_mb, eta);
    show(terminal, fraction, text);
}
