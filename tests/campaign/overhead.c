/*
 * What a campaign costs: `campaign_overhead run N JOBS` runs N windows that end at
 * once, `campaign_overhead resume N` opens a campaign of N windows of three attempts
 * each, `campaign_overhead alone N` runs the stand-in for gmx in N folders one after
 * the other with nothing around it. Prints CPU and wall time; no test, timing never is
 * one.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/memory.h"
#include "fixture.h"

static double cpu_seconds(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int run(char *folder, size_t count, int jobs)
{
    struct asim_error err;
    struct asim_campaign *campaign = fixture_open(folder, count, 1, NULL);
    /* What it waits for and looks at is as in earnest. */
    campaign->timing = (struct asim_campaign_timing)ASIM_CAMPAIGN_TIMING_INIT;
    if (fixture_start(campaign, jobs, 0, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    double start = asim_monotonic_seconds(), cpu = cpu_seconds(RUSAGE_SELF);
    int rc = fixture_run(campaign, 3600, &err);
    double wall = asim_monotonic_seconds() - start;
    cpu = cpu_seconds(RUSAGE_SELF) - cpu;
    struct asim_campaign_progress progress;
    asim_campaign_progress(campaign, &progress);
    asim_campaign_close(campaign); /* its last child, the server of shims, counts too */
    printf("rc %d, %zu completed: %.0f windows/s, CPU a window: driver %.3f ms, shim "
           "and gmx %.3f ms; peak %.1f MB\n",
           rc, progress.completed, (double)count / wall, 1e3 * cpu / (double)count,
           1e3 * cpu_seconds(RUSAGE_CHILDREN) / (double)count, asim_memory_peak_mb());
    return rc != 0;
}

extern char **environ;

static int alone(const char *folder, size_t count)
{
    char *gmx = getenv("CAMPAIGN_GMX");
    char *argv[] = {gmx, "mdrun", NULL};
    double cpu = cpu_seconds(RUSAGE_CHILDREN), start = asim_monotonic_seconds();
    for (size_t i = 0; i < count; i++) {
        posix_spawn_file_actions_t actions;
        pid_t pid;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addchdir_np(&actions,
                                             fixture_window_path(folder, i, ""));
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY,
                                         0);
        if (!gmx || posix_spawn(&pid, gmx, &actions, NULL, argv, environ) != 0)
            return 1;
        waitpid(pid, NULL, 0);
        posix_spawn_file_actions_destroy(&actions);
    }
    printf("alone: %.0f/s, CPU %.3f ms each\n",
           (double)count / (asim_monotonic_seconds() - start),
           1e3 * (cpu_seconds(RUSAGE_CHILDREN) - cpu) / (double)count);
    return 0;
}

static int resume(char *folder, size_t count)
{
    struct asim_error err;
    struct asim_campaign *campaign = fixture_open(folder, count, 1, NULL);
    const int cpus[] = {0, 1, 2, 3};
    enum asim_window_action action;
    for (size_t i = 0; i < count; i++) {
        for (int attempt = 1; attempt <= 3; attempt++) {
            struct asim_window_change change = {.event = ASIM_EVENT_START,
                                                .attempt = attempt};
            if (asim_campaign_record(campaign, i, &change, cpus, 4, &action, &err) < 0)
                return 1;
            change = (struct asim_window_change){
                .event = attempt < 3 ? ASIM_EVENT_STOPPED : ASIM_EVENT_COMPLETED,
                .attempt = attempt,
                .step = attempt,
                .ns_per_day = 12.3,
                .runtime_seconds = 3,
                .cause = "stopped on request"};
            memset(change.samples_sha256, 'a', 64);
            if (asim_campaign_record(campaign, i, &change, NULL, 0, &action, &err) < 0)
                return 1;
        }
    }
    if (asim_journal_commit(campaign->journal, &err) < 0)
        return 1;
    asim_campaign_close(campaign);
    struct asim_plan plan;
    fixture_make_plan(folder, count, 1, &plan);
    double start = asim_monotonic_seconds(), cpu = cpu_seconds(RUSAGE_SELF);
    if (asim_campaign_open_plan(folder, &plan, "the plan", false, NULL, &campaign,
                                &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("opened %zu windows, %zu records, in %.4f s, CPU %.4f s; peak %.1f MB\n",
           count, 6 * count, asim_monotonic_seconds() - start,
           cpu_seconds(RUSAGE_SELF) - cpu, asim_memory_peak_mb());
    asim_campaign_close(campaign);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s run N JOBS | resume N | alone N\n", argv[0]);
        return 2;
    }
    size_t count = (size_t)atol(argv[2]);
    char *folder = fixture_create_folder();
    for (size_t i = 0; i < count; i++)
        fixture_write_window(folder, i, "1 1 1000 0 3\n");
    int rc = argc > 3                        ? run(folder, count, atoi(argv[3]))
             : strcmp(argv[1], "alone") == 0 ? alone(folder, count)
                                             : resume(folder, count);
    fixture_remove_folder(folder);
    return rc;
}
