/*
 * Kill anything at any time: a driver is killed (-9) at random moments, and its shims
 * and gmx with it now and then, and started again until the campaign is done. Then
 * every window must have completed exactly once, never with two gmx in its folder at
 * once, and its samples must be whole.
 *
 * kill_test [KILLS] (seed: $CAMPAIGN_SEED, else random; it is printed); as `kill_test
 * drive FOLDER COUNT STEPS` the driver that is killed.
 */
#include <errno.h>
#include <signal.h>
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
#include "drive.h"
#include "engine/process.h"
#include "fixture.h"

enum {
    STEPS = 500,
    SHORT_KILLS = 150,
    WINDOWS_FOR_SHORT = 16,
    LONGEST_LIFE_MS = 120,
    YOUNG_LIFE_MS = 30,
};

static void sleep_ms(double ms)
{
    struct timespec left = {(time_t)(ms / 1000),
                            (long)((ms - 1000 * (double)(int)(ms / 1000)) * 1e6)};
    nanosleep(&left, NULL);
}

/* Kills the shim or the gmx of some running window; never by a bare number. */
static int kill_inside(struct asim_random *random, const char *folder, size_t windows)
{
    size_t first = asim_random_u64(random) % windows;
    bool whole_group = asim_random_u64(random) % 2;
    for (size_t k = 0; k < windows; k++) {
        char path[300];
        snprintf(path, sizeof path, "%s/windows/%03zu", folder, (first + k) % windows);
        char fence[20];
        fixture_read_text(fixture_window_path(folder, (first + k) % windows, "fence"),
                          fence, sizeof fence);
        int attempt = atoi(fence) > 0 ? atoi(fence) : 1;
        struct asim_process process = ASIM_PROCESS_INIT;
        if (asim_process_adopt(path, attempt, &process, NULL) != 1)
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

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "drive") == 0)
        return drive_here(argv[2], (size_t)atol(argv[3]), atol(argv[4]));
    supervise();
    int kills = argc > 1 ? atoi(argv[1]) : SHORT_KILLS;
    size_t windows =
        (size_t)(WINDOWS_FOR_SHORT * (kills + SHORT_KILLS - 1) / SHORT_KILLS);
    const char *named = getenv("CAMPAIGN_SEED");
    uint64_t seed = named ? strtoull(named, NULL, 10) : asim_random_entropy() % 1000000;
    struct asim_random random;
    asim_random_seed(&random, seed);
    printf("seed %llu\n", (unsigned long long)seed);
    prctl(PR_SET_CHILD_SUBREAPER, 1);

    char *folder = fixture_create_folder();
    for (size_t i = 0; i < windows; i++)
        fixture_write_window(folder, i, "500 10 40 1000 3\n");
    int driver_kills = 0, inner_kills = 0, starts = 0, result = 1;
    double begin = asim_monotonic_seconds();
    for (;;) {
        pid_t driver = drive_spawn(folder, windows, STEPS);
        bool killed = false;
        int status = 0;
        starts++;
        if (driver_kills + inner_kills < kills) {
            /* Half of them die young: opening, adopting and the first spawns. */
            int longest =
                asim_random_u64(&random) % 2 ? LONGEST_LIFE_MS : YOUNG_LIFE_MS;
            sleep_ms(longest * asim_random_uniform(&random));
            if (asim_random_u64(&random) % 2 == 0)
                inner_kills += kill_inside(&random, folder, windows);
            killed = waitpid(driver, &status, WNOHANG) == 0;
            if (killed) {
                kill(driver, SIGKILL);
                driver_kills++;
            }
        }
        if ((driver_kills + inner_kills >= kills || killed) && status == 0)
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
    struct drive_result found = drive_check(folder, windows, STEPS);
    printf("%zu windows, %d starts, %d drivers killed, %d shims or gmx killed, %.1f s: "
           "%d lost, %d run twice at once, %d wrong rows\n",
           windows, starts, driver_kills, inner_kills, asim_monotonic_seconds() - begin,
           found.lost, found.twice, found.wrong_rows);
    result = found.lost + found.twice + found.wrong_rows > 0;
    if (driver_kills + inner_kills < kills) {
        fprintf(stderr, "the campaign was done before %d kills\n", kills);
        result = 1;
    }
out:
    if (result == 0)
        fixture_remove_folder(folder);
    else
        fprintf(stderr, "left for looking: %s\n", folder);
    return result;
}
