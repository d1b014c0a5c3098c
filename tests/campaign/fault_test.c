/*
 * What a machine does to a campaign, other than killing it: the disk fills, turns
 * read-only, the clock jumps, memory runs out, two orchestrators start on one folder.
 * One row each, with what must hold for all: no window lost, none run twice at once, no
 * wrong row. A row that this machine does not let us produce says so.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "drive.h"
#include "engine/process.h"
#include "fixture.h"

enum { WINDOWS = 6, STEPS = 500, DISK_BYTES = 4 << 20, LINES_TO_DAMAGE = 6 };
static const char TPR[] = "500 10 40 1000 3\n";

static void sleep_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&left, NULL);
}

static void write_windows(const char *folder)
{
    for (size_t i = 0; i < WINDOWS; i++)
        fixture_write_window(folder, i, TPR);
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static size_t completed_count(const char *folder)
{
    size_t count = 0;
    for (size_t i = 0; i < WINDOWS; i++)
        count += fixture_count_lines(fixture_window_path(folder, i, "confout.gro")) > 0;
    return count;
}

/* Drives until the campaign is done; true where it is. */
static bool finish(const char *folder)
{
    for (int i = 0; i < 20; i++)
        if (wait_for(drive_spawn(folder, WINDOWS, STEPS)) == 0)
            return true;
    return false;
}

static bool mount_small(const char *folder)
{
    char options[40];
    snprintf(options, sizeof options, "size=%d", DISK_BYTES);
    return mount("tmpfs", folder, "tmpfs", 0, options) == 0;
}

/* The rows: 1 produced, 0 cannot be produced here, -1 went wrong. */

static int fill_disk(const char *folder)
{
    char path[300], block[4096] = "";
    if (!mount_small(folder))
        return 0;
    write_windows(folder);
    pid_t driver = drive_spawn(folder, WINDOWS, STEPS);
    snprintf(path, sizeof path, "%s/filler", folder);
    for (int round = 0; round < 3; round++) {
        sleep_ms(300);
        FILE *file = fopen(path, "w");
        while (file && fwrite(block, sizeof block, 1, file) == 1 && fflush(file) == 0)
            continue;
        if (file)
            fclose(file);
        sleep_ms(500);
        unlink(path);
    }
    /* It goes on by itself; where space was gone at an evil moment, a new start does.
     */
    int code = wait_for(driver);
    printf("    the driver that met the full disk ended with %d, %zu windows done\n",
           code, completed_count(folder));
    return code == 0 || finish(folder) ? 1 : -1;
}

static int turn_read_only(const char *folder)
{
    if (!mount_small(folder))
        return 0;
    write_windows(folder);
    pid_t driver = drive_spawn(folder, WINDOWS, STEPS);
    sleep_ms(400);
    /* What writes keeps a disk from turning read-only by hand; an error of the disk
     * does it by force, for which a lazy unmount of the writers stands: they are
     * killed. */
    bool turned = false;
    for (int i = 0; i < 100 && !turned; i++) {
        turned = mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0;
        if (!turned)
            sleep_ms(5);
    }
    if (!turned) {
        for (size_t i = 0; i < WINDOWS; i++) {
            char path[300];
            snprintf(path, sizeof path, "%s/windows/%03zu", folder, i);
            for (int attempt = 1; attempt < 4; attempt++)
                asim_process_signal(path, attempt, SIGKILL);
        }
        kill(driver, SIGKILL);
        wait_for(driver);
        for (int i = 0; i < 200 && !turned; i++) {
            turned = mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0;
            if (!turned)
                sleep_ms(10);
        }
        driver = drive_spawn(folder, WINDOWS, STEPS);
    }
    int code = wait_for(driver);
    printf("    read-only %d: the driver ended with %d\n", turned, code);
    if (!turned || code == 0 || mount(NULL, folder, NULL, MS_REMOUNT, NULL) < 0)
        return -1;
    return finish(folder) ? 1 : -1;
}

static int jump_clock(const char *folder)
{
    const char *library = getenv("CLOCK_JUMPS");
    if (!library || strstr(getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "", "san"))
        return 0;
    write_windows(folder);
    setenv("LD_PRELOAD", library, 1);
    for (int i = 0; i < 8; i++) {
        pid_t driver = drive_spawn(folder, WINDOWS, STEPS);
        sleep_ms(60 + 20 * i);
        kill(driver, SIGKILL);
        wait_for(driver);
    }
    bool done = finish(folder);
    unsetenv("LD_PRELOAD");
    return done ? 1 : -1;
}

/* The kernel's choice is the largest: gmx, at any moment. */
static int run_out_of_memory(const char *folder)
{
    write_windows(folder);
    pid_t driver = drive_spawn(folder, WINDOWS, STEPS);
    int killed = 0;
    for (int round = 0; round < 60; round++) {
        char path[300], fence[20];
        size_t i = (size_t)round % WINDOWS;
        sleep_ms(20);
        snprintf(path, sizeof path, "%s/windows/%03zu", folder, i);
        fixture_read_text(fixture_window_path(folder, i, "fence"), fence, sizeof fence);
        int attempt = atoi(fence) > 0 ? atoi(fence) : 1;
        killed += asim_process_signal(path, attempt, SIGKILL);
    }
    printf("    %d gmx killed\n", killed);
    return wait_for(driver) == 0 && killed > 0 ? 1 : -1;
}

static int start_together(const char *folder)
{
    enum { TOGETHER = 8 };
    pid_t drivers[TOGETHER];
    int worked = 0, refused = 0;
    write_windows(folder);
    for (int i = 0; i < TOGETHER; i++)
        drivers[i] = drive_spawn(folder, WINDOWS, STEPS);
    for (int i = 0; i < TOGETHER; i++) {
        int code = wait_for(drivers[i]); /* not yet reaped by anybody */
        worked += code == 0;
        refused += code == 75;
    }
    printf("    %d worked, %d were refused\n", worked, refused);
    return worked >= 1 && worked + refused == TOGETHER ? 1 : -1;
}

/* Bits of the journal flip between two runs: it is refused, and accepted when mended.
 */
static int damage_journal(const char *folder)
{
    char path[300], *text = NULL;
    struct stat status;
    write_windows(folder);
    pid_t driver = drive_spawn(folder, WINDOWS, STEPS);
    snprintf(path, sizeof path, "%s/journal.jsonl", folder);
    for (int i = 0; i < 2000 && fixture_count_lines(path) < LINES_TO_DAMAGE; i++)
        sleep_ms(10);
    kill(driver, SIGKILL);
    wait_for(driver);
    if (stat(path, &status) < 0 || !(text = malloc((size_t)status.st_size + 1)))
        return -1;
    size_t size = (size_t)status.st_size;
    FILE *file = fopen(path, "r+");
    int accepted = 0, tried = 0;
    if (!file || fread(text, 1, size, file) != size)
        return -1;
    for (size_t at = 7; at + 1 < size; at += 1 + size / 40, tried++) {
        fseek(file, (long)at, SEEK_SET);
        fputc(text[at] ^ 4, file);
        fflush(file);
        accepted += wait_for(drive_spawn(folder, WINDOWS, STEPS)) != 3;
        fseek(file, (long)at, SEEK_SET);
        fputc(text[at], file);
        fflush(file);
    }
    /* Torn in the middle of the last line, as by a power cut. */
    bool torn = size > 5 && ftruncate(fileno(file), (off_t)size - 5) == 0;
    fclose(file);
    free(text);
    printf("    %d of %d flipped bits accepted\n", accepted, tried);
    return torn && tried > 0 && accepted == 0 && finish(folder) ? 1 : -1;
}

static const struct {
    const char *fault;
    int (*produce)(const char *folder);
} rows[] = {
    {"disk full on a small tmpfs", fill_disk},
    {"read-only remount", turn_read_only},
    {"out of memory, gmx killed", run_out_of_memory},
    {"journal torn and bits flipped", damage_journal},
    {"eight orchestrators at once", start_together},
    {"clock jumps of up to a day", jump_clock},
};

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "drive") == 0)
        return drive_here(argv[2], (size_t)atol(argv[3]), atol(argv[4]));
    supervise();
    int bad = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *folder = fixture_create_folder();
        double begin = asim_monotonic_seconds();
        int produced = rows[i].produce(folder);
        struct drive_result found = {0};
        if (produced > 0)
            found = drive_check(folder, WINDOWS, STEPS);
        bool wrong = produced < 0 || found.lost || found.twice || found.wrong_rows;
        printf("%s %-32s %s%d lost, %d run twice at once, %d wrong rows, %.1f s\n",
               wrong ? "!!" : "  ", rows[i].fault,
               produced ? "" : "(cannot be produced here) ", found.lost, found.twice,
               found.wrong_rows, asim_monotonic_seconds() - begin);
        bad += wrong;
        umount(folder);
        fixture_remove_folder(folder);
    }
    return bad > 0;
}
