/*
 * The kernel kills gmx for memory: a campaign in a control group that has little of it.
 * The cause is named, the window goes on from its checkpoint, and a plain SIGKILL is
 * not taken for it. Skipped where no such group can be made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

enum { SKIPPED = 77 };
#define LIMIT "268435456" /* gmx takes all of it; the rest needs a tenth */

/* Where groups are made, what limits their memory, and what must not help out. */
static const struct version {
    const char *root, *limit, *swap, *no_swap;
} versions[] = {
    {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.swappiness", "0"},
    {"/sys/fs/cgroup", "memory.max", "memory.swap.max", "0"},
};

static char group[200];

static bool put(const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", group, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return done;
}

static bool make_group(void)
{
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        snprintf(group, sizeof group, "%s/autosim-test-%ld", versions[i].root,
                 (long)getpid());
        if (mkdir(group, 0755) < 0)
            continue;
        if (put(versions[i].limit, LIMIT)) {
            put(versions[i].swap, versions[i].no_swap);
            return true;
        }
        rmdir(group);
    }
    return false;
}

static int fail(const char *what, const char *found)
{
    fprintf(stderr, "%s: %s\n", what, found);
    return 1;
}

/* In a process of its own, which is put into the group. */
static int run_campaign(void)
{
    struct asim_error err = {0};
    struct asim_window_status status;
    char number[32], path[300], journal[20000];
    snprintf(number, sizeof number, "%ld", (long)getpid());
    if (!put("cgroup.procs", number))
        return SKIPPED;
    char *folder = fixture_create_folder();
    fixture_write_window(folder, 0, "100 10 20 100 3 eat\n");
    fixture_write_window(folder, 1, "100 10 20 100 3 diefirst\n");
    struct asim_campaign *campaign = fixture_open(folder, 2, 100, NULL);
    if (fixture_start(campaign, 1, 3, &err) < 0 ||
        fixture_run(campaign, 120, &err) != 0)
        return fail("the campaign", err.text);
    for (size_t i = 0; i < 2; i++) {
        asim_campaign_window(campaign, i, &status, NULL);
        if (status.state != ASIM_WINDOW_COMPLETED || status.attempts != 2)
            return fail("a window was to complete in two attempts", status.cause);
        if (fixture_count_lines(fixture_window_path(folder, i, "bias.xvg")) >= 2 * 11)
            return fail("a window began afresh", "its samples are there twice");
    }
    asim_campaign_close(campaign);
    snprintf(path, sizeof path, "%s/journal.jsonl", folder);
    fixture_read_text(path, journal, sizeof journal);
    const char *oom =
        strstr(journal, "at step 40, out of memory it seems: the kernel killed");
    const char *killed = strstr(journal, "killed (signal 9) at step 40: by hand");
    if (!oom || !killed || strstr(killed, "out of memory"))
        return fail("one was to be killed for memory, one by hand", journal);
    fixture_remove_folder(folder);
    return 0;
}

int main(void)
{
    supervise();
    if (!make_group()) {
        printf("skipped: no control group with little memory can be made (%s)\n",
               strerror(errno));
        return SKIPPED;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(run_campaign());
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    for (int i = 0; i < 100 && rmdir(group) < 0; i++)
        usleep(20000);
    if (!WIFEXITED(status))
        return fail("the kernel killed", "the campaign, not gmx");
    if (WEXITSTATUS(status) == SKIPPED)
        printf("skipped: no process may be put into a control group\n");
    return WEXITSTATUS(status);
}
