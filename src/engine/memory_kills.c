/*
 * Kills for memory, as control groups count them: memory.oom_control (version 1, since
 * Linux 4.13) or memory.events (version 2), member oom_kill. SIGKILL itself does not
 * say who sent it.
 */
#include "engine/memory_kills.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_LARGEST = 4500, TEXT_LARGEST = 1024 };

static int open_file(const char *root, const char *group, const char *name)
{
    char path[PATH_LARGEST];
    snprintf(path, sizeof path, "%s%s/%s", root, group, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    /* In a container that sees only its own group the root is the group. */
    snprintf(path, sizeof path, "%s/%s", root, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* "4:memory:/group" or "0::/group". */
static int open_of_line(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group)
        return -1;
    *group++ = '\0';
    controllers++;
    if (strcmp(controllers, "memory") == 0)
        return open_file("/sys/fs/cgroup/memory", group, "memory.oom_control");
    return *controllers ? -1 : open_file("/sys/fs/cgroup", group, "memory.events");
}

int asim_memory_kills_open(void)
{
    char line[PATH_LARGEST - 100];
    int fd = -1;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fd < 0 && fgets(line, sizeof line, file))
        fd = open_of_line(line);
    if (file)
        fclose(file);
    return fd;
}

int64_t asim_memory_kills_read(int fd)
{
    char text[TEXT_LARGEST + 1] = "\n";
    ssize_t got = fd < 0 ? -1 : pread(fd, text + 1, TEXT_LARGEST - 1, 0);
    if (got <= 0)
        return -1;
    text[got + 1] = '\0';
    const char *found = strstr(text, "\noom_kill ");
    return found ? strtoll(found + strlen("\noom_kill "), NULL, 10) : -1;
}
