/*
 * Two campaigns on one machine: no core is ever in two of their windows, and both come
 * to their end. One driver is killed on the way: its windows keep their cores.
 *
 * As `claims_test drive FOLDER COUNT STEPS` one of the drivers.
 */
#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <autosim/engine.h>

#include "base/clock.h"
#include "drive.h"
#include "engine/record.h"
#include "fixture.h"

enum { WINDOWS = 6, STEPS = 400, RUNNING_MOST = 64, KILL_AFTER_SEEN = 40 };
static const double LIMIT_SECONDS = 240;

struct running {
    struct asim_process_identity identity;
    cpu_set_t cpus;
};

static bool runs(pid_t pid, const char *program)
{
    char link[64], target[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%ld/exe", (long)pid);
    ssize_t length = readlink(link, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    return strcmp(target, program) == 0;
}

static pid_t parent_of(pid_t pid)
{
    char path[64], text[512] = "";
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    if (file) {
        size_t length = fread(text, 1, sizeof text - 1, file);
        text[length] = '\0';
        fclose(file);
    }
    const char *name_end = strrchr(text, ')');
    return name_end && sscanf(name_end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* Whether it is a stand-in for gmx that works for one of our two campaigns. What a
 * stand-in forks itself, as the sanitizers do to look for leaks, is no second one. */
static bool is_ours(pid_t pid, const char *gmx, const char *const folders[2])
{
    char link[64], target[PATH_MAX];
    if (!runs(pid, gmx) || runs(parent_of(pid), gmx))
        return false;
    snprintf(link, sizeof link, "/proc/%ld/cwd", (long)pid);
    ssize_t length = readlink(link, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    return strstr(target, folders[0]) || strstr(target, folders[1]);
}

static size_t list_running(const char *gmx, const char *const folders[2],
                           struct running ret_running[RUNNING_MOST])
{
    size_t count = 0;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(processes));) {
        struct running *one = &ret_running[count];
        pid_t pid = (pid_t)atol(entry->d_name);
        if (pid > 1 && count < RUNNING_MOST && is_ours(pid, gmx, folders) &&
            asim_process_identify(pid, &one->identity) &&
            sched_getaffinity(pid, sizeof one->cpus, &one->cpus) == 0)
            count++;
    }
    closedir(processes);
    return count;
}

static bool lives(const struct running *one)
{
    struct asim_process_identity now;
    return asim_process_identify(one->identity.pid, &now) &&
           now.start_ticks == one->identity.start_ticks;
}

/* Pairs that live both and share a core. Who lives after all masks were read lived
 * when each of them was. */
static int count_shared(const char *gmx, const char *const folders[2], int *ret_seen)
{
    struct running running[RUNNING_MOST];
    size_t count = list_running(gmx, folders, running), living = 0;
    int shared = 0;
    for (size_t i = 0; i < count; i++)
        if (lives(&running[i]))
            running[living++] = running[i];
    for (size_t i = 0; i < living; i++)
        for (size_t j = 0; j < i; j++) {
            cpu_set_t both;
            CPU_AND(&both, &running[i].cpus, &running[j].cpus);
            shared += CPU_COUNT(&both) > 0;
        }
    *ret_seen += (int)living;
    return shared;
}

static int run_both(const char *const folders[2])
{
    char gmx[PATH_MAX];
    pid_t drivers[2];
    int shared = 0, seen = 0, looks = 0, over = 0;
    bool killed = false;
    if (!realpath(getenv("CAMPAIGN_GMX"), gmx))
        return 1;
    for (int k = 0; k < 2; k++)
        drivers[k] = drive_spawn(folders[k], WINDOWS, STEPS);
    double limit = asim_monotonic_seconds() + LIMIT_SECONDS;
    while (over < 2 && asim_monotonic_seconds() < limit) {
        shared += count_shared(gmx, folders, &seen);
        looks++;
        if (!killed && seen > KILL_AFTER_SEEN) {
            kill(drivers[0], SIGKILL);
            waitpid(drivers[0], NULL, 0);
            drivers[0] = drive_spawn(folders[0], WINDOWS, STEPS);
            killed = true;
        }
        for (int k = 0; k < 2; k++) {
            int status;
            if (drivers[k] == 0 || waitpid(drivers[k], &status, WNOHANG) != drivers[k])
                continue;
            over++;
            drivers[k] = 0;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fprintf(stderr, "driver %d ended with status %d\n", k, status);
        }
        struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
    }
    printf("%d looks, %d running windows seen, %d pairs with a core in common%s\n",
           looks, seen, shared, killed ? "" : "; the driver was not killed");
    return shared + (over < 2) + !killed;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "drive") == 0)
        return drive_here(argv[2], (size_t)atol(argv[3]), atol(argv[4]));
    supervise();
    if (asim_cores_available() < 2) {
        printf("skipped: it takes two cores\n");
        return 77;
    }
    char *folders[2], claims[PATH_MAX];
    for (int k = 0; k < 2; k++) {
        char text[100];
        folders[k] = fixture_create_folder();
        snprintf(text, sizeof text, "%d 10 50 500 3", STEPS);
        for (size_t i = 0; i < WINDOWS; i++)
            fixture_write_window(folders[k], i, text);
    }
    snprintf(claims, sizeof claims, "%s/cores", folders[0]);
    if (!getenv("CLAIMS_TEST_WITHOUT"))
        setenv("AUTOSIM_CORE_CLAIMS", claims, 1);
    int bad = run_both((const char *const *)folders);
    for (int k = 0; k < 2; k++) {
        struct drive_result found = drive_check(folders[k], WINDOWS, STEPS);
        bad += found.lost + found.twice + found.wrong_rows;
        fixture_remove_folder(folders[k]);
    }
    return bad > 0;
}
