/*
 * A campaign in a process of its own, that can be killed, and what must be true of it
 * at its end whatever was done to it.
 */
#include "drive.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

enum { SAMPLE_EVERY = 10, LIMIT_SECONDS = 900 };

extern char **environ;

int drive_here(const char *folder, size_t count, long steps)
{
    struct asim_error err;
    struct asim_campaign *campaign;
    struct asim_plan plan;
    fixture_make_plan(folder, count, steps, &plan);
    if (asim_campaign_open_plan(folder, &plan, "the plan", false, NULL, &campaign,
                                &err) < 0) {
        asim_plan_finish(&plan);
        return asim_status_exit_code(err.status);
    }
    fixture_shorten(campaign);
    if (fixture_start(campaign, 2, 1000, &err) < 0) {
        fprintf(stderr, "drive: %s\n", err.text);
        return 2;
    }
    int rc = fixture_run(campaign, LIMIT_SECONDS, &err);
    if (rc < 0)
        fprintf(stderr, "drive: rc %d: %s\n", rc, err.text);
    asim_campaign_close(campaign);
    return rc == 0 ? 0 : 3;
}

pid_t drive_spawn(const char *folder, size_t windows, long steps)
{
    char count[20], length[20];
    snprintf(count, sizeof count, "%zu", windows);
    snprintf(length, sizeof length, "%ld", steps);
    char *argv[] = {"drive", "drive", (char *)folder, count, length, NULL};
    pid_t pid;
    if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) != 0)
        abort();
    return pid;
}

static int check_samples(const char *folder, size_t i, long steps)
{
    char *seen = calloc((size_t)steps + 1, 1);
    long step, value;
    int bad = 0;
    FILE *file = fopen(fixture_window_path(folder, i, "bias.xvg"), "r");
    if (!file || !seen)
        return 1;
    while (fscanf(file, "%ld %ld", &step, &value) == 2) {
        if (step < 0 || step > steps || value != step * 7 % 1000)
            bad++;
        else
            seen[step] = 1; /* the last row of a step counts: duplicates are normal */
    }
    bad += !feof(file);
    fclose(file);
    for (long k = 0; k <= steps; k += SAMPLE_EVERY)
        bad += !seen[k];
    free(seen);
    return bad;
}

struct drive_result drive_check(const char *folder, size_t windows, long steps)
{
    struct drive_result result = {0};
    struct asim_campaign *campaign = fixture_open(folder, windows, steps, NULL);
    for (size_t i = 0; i < windows; i++) {
        struct asim_window_status status;
        asim_campaign_window(campaign, i, &status, NULL);
        char ends[10000];
        fixture_read_text(fixture_window_path(folder, i, "ends"), ends, sizeof ends);
        int completed = 0;
        for (char *at = ends; (at = strstr(at, "completed")); at++)
            completed++;
        bool lost = status.state != ASIM_WINDOW_COMPLETED || completed != 1;
        bool twice =
            fixture_count_lines(fixture_window_path(folder, i, "collision")) > 0;
        int wrong = check_samples(folder, i, steps);
        if (lost || twice || wrong)
            fprintf(
                stderr,
                "window %zu: %s after %d attempts, %d completions, collision %d, %d "
                "wrong samples: %s\n",
                i, asim_window_state_name(status.state), status.attempts, completed,
                twice, wrong, status.cause);
        result.lost += lost;
        result.twice += twice;
        result.wrong_rows += wrong;
    }
    asim_campaign_close(campaign);
    return result;
}
