/*
 * Kill anything at any time: a driver is killed (-9) at random moments, and its shims
 * and gmx with it now and then, and started again until the campaign is done. Then
 * every window must have completed exactly once, never with two gmx in its folder at
 * once, and its samples must be whole.
 *
 * Without arguments the test (seed: $CAMPAIGN_SEED, else random; it is printed); as
 * `kill_test drive FOLDER COUNT STEPS` the driver that is killed.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/process.h"
#include "fixture.h"

enum {
    WINDOWS = 16,
    STEPS = 500,
    SAMPLE_EVERY = 10,
    DRIVER_KILLS = 150,
    LONGEST_LIFE_MS = 120,
    YOUNG_LIFE_MS = 30,
    LIMIT_SECONDS = 150,
};

extern char **environ;

static int drive(const char *folder, size_t count, long steps)
{
    struct asim_error err;
    struct asim_campaign *campaign = fixture_open(folder, count, steps, NULL);
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

static pid_t spawn_driver(const char *folder)
{
    char count[20], steps[20];
    snprintf(count, sizeof count, "%d", WINDOWS);
    snprintf(steps, sizeof steps, "%d", STEPS);
    char *argv[] = {"kill_test", "drive", (char *)folder, count, steps, NULL};
    pid_t pid;
    if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) != 0)
        abort();
    return pid;
}

static void sleep_ms(double ms)
{
    struct timespec left = {(time_t)(ms / 1000),
                            (long)((ms - 1000 * (double)(int)(ms / 1000)) * 1e6)};
    nanosleep(&left, NULL);
}

/* Kills the shim or the gmx of some running window; never by a bare number. */
static int kill_inside(struct asim_random *random, const char *folder)
{
    size_t first = asim_random_u64(random) % WINDOWS;
    bool whole_group = asim_random_u64(random) % 2;
    for (size_t k = 0; k < WINDOWS; k++) {
        char path[300];
        snprintf(path, sizeof path, "%s/windows/%03zu", folder, (first + k) % WINDOWS);
        char fence[20];
        fixture_read_text(fixture_window_path(folder, (first + k) % WINDOWS, "fence"),
                          fence, sizeof fence);
        int attempt = atoi(fence);
        struct asim_process process = ASIM_PROCESS_INIT;
        if (attempt < 1 || asim_process_adopt(path, attempt, &process, NULL) != 1)
            continue;
        if (whole_group)
            asim_process_signal(path, attempt, SIGKILL);
        else
            syscall(SYS_pidfd_send_signal, process.pidfd, SIGKILL, NULL, 0);
        asim_process_finish(&process);
        return 1;
    }
    return 0;
}

static int check_samples(const char *folder, size_t i)
{
    char seen[STEPS + 1] = {0};
    long step, value;
    int bad = 0;
    FILE *file = fopen(fixture_window_path(folder, i, "bias.xvg"), "r");
    if (!file)
        return 1;
    while (fscanf(file, "%ld %ld", &step, &value) == 2) {
        if (step < 0 || step > STEPS || value != step * 7 % 1000)
            bad++;
        else
            seen[step] = 1; /* the last row of a step counts: duplicates are normal */
    }
    bad += !feof(file);
    fclose(file);
    for (long k = 0; k <= STEPS; k += SAMPLE_EVERY)
        bad += !seen[k];
    return bad;
}

static int check(const char *folder)
{
    int bad = 0;
    struct asim_campaign *campaign = fixture_open(folder, WINDOWS, STEPS, NULL);
    for (size_t i = 0; i < WINDOWS; i++) {
        struct asim_window_status status;
        asim_campaign_window(campaign, i, &status, NULL);
        char ends[10000];
        fixture_read_text(fixture_window_path(folder, i, "ends"), ends, sizeof ends);
        int completed = 0;
        for (char *at = ends; (at = strstr(at, "completed")); at++)
            completed++;
        size_t collisions =
            fixture_count_lines(fixture_window_path(folder, i, "collision"));
        int samples = check_samples(folder, i);
        if (status.state != ASIM_WINDOW_COMPLETED || completed != 1 || collisions ||
            samples) {
            bad++;
            fprintf(stderr,
                    "window %zu: %s after %d attempts, %d completions, %zu collisions, "
                    "%d wrong samples: %s\n",
                    i, asim_window_state_name(status.state), status.attempts, completed,
                    collisions, samples, status.cause);
        }
    }
    asim_campaign_close(campaign);
    return bad;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "drive") == 0)
        return drive(argv[2], (size_t)atol(argv[3]), atol(argv[4]));
    const char *named = getenv("CAMPAIGN_SEED");
    uint64_t seed = named ? strtoull(named, NULL, 10) : asim_random_entropy() % 1000000;
    struct asim_random random;
    asim_random_seed(&random, seed);
    printf("seed %llu\n", (unsigned long long)seed);
    prctl(PR_SET_CHILD_SUBREAPER, 1);

    char *folder = fixture_create_folder();
    for (size_t i = 0; i < WINDOWS; i++)
        fixture_write_window(folder, i, "500 10 40 1000 3\n");
    int driver_kills = 0, inner_kills = 0, starts = 0, result = 1;
    double end = asim_monotonic_seconds() + LIMIT_SECONDS;
    for (;;) {
        pid_t driver = spawn_driver(folder);
        bool killed = false;
        int status = 0;
        starts++;
        if (driver_kills < DRIVER_KILLS) {
            /* Half of them die young: opening, adopting and the first spawns. */
            int longest =
                asim_random_u64(&random) % 2 ? LONGEST_LIFE_MS : YOUNG_LIFE_MS;
            sleep_ms(longest * asim_random_uniform(&random));
            if (asim_random_u64(&random) % 4 == 0)
                inner_kills += kill_inside(&random, folder);
            killed = waitpid(driver, &status, WNOHANG) == 0;
            if (killed) {
                kill(driver, SIGKILL);
                driver_kills++;
            }
        }
        if (driver_kills >= DRIVER_KILLS || killed)
            if (status == 0)
                waitpid(driver, &status, 0);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue; /* orphans of killed drivers */
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            continue;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            break;
        fprintf(stderr, "a driver ended with status %#x\n", (unsigned)status);
        goto out;
    }
    printf("%d starts, %d drivers killed, %d shims or gmx killed, %.1f s\n", starts,
           driver_kills, inner_kills, asim_monotonic_seconds() - end + LIMIT_SECONDS);
    result = check(folder) > 0;
out:
    if (result == 0)
        fixture_remove_folder(folder);
    else
        fprintf(stderr, "left for looking: %s\n", folder);
    return result;
}
