/* Checked allocation, and how much memory this process may use. */
#include "base/memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

static int array_bytes(size_t count, size_t element_size, size_t *ret_bytes,
                       struct asim_error *err)
{
    if (__builtin_mul_overflow(count, element_size, ret_bytes))
        return asim_fail(err, ASIM_ENOMEM,
                         "an array of %zu elements of %zu bytes exceeds the address "
                         "space",
                         count, element_size);
    if (*ret_bytes == 0)
        *ret_bytes = 1;
    return 0;
}

static void *out_of_memory(size_t bytes, struct asim_error *err)
{
    asim_fail(err, ASIM_ENOMEM, "no memory for %zu bytes (%.1f MB)", bytes,
              (double)bytes / 1e6);
    return NULL;
}

void *asim_alloc_array(size_t count, size_t element_size, struct asim_error *err)
{
    size_t bytes;
    if (array_bytes(count, element_size, &bytes, err) < 0)
        return NULL;
    void *memory = calloc(1, bytes);
    return memory ? memory : out_of_memory(bytes, err);
}

void *asim_alloc_aligned(size_t count, size_t element_size, struct asim_error *err)
{
    size_t bytes;
    if (array_bytes(count, element_size, &bytes, err) < 0)
        return NULL;
    void *memory;
    if (bytes > SIZE_MAX - 63 || posix_memalign(&memory, 64, (bytes + 63) / 64 * 64))
        return out_of_memory(bytes, err);
    memset(memory, 0, (bytes + 63) / 64 * 64);
    return memory;
}

void *asim_alloc_large(size_t count, size_t element_size, struct asim_error *err)
{
    const size_t page = (size_t)2 << 20;
    size_t bytes;
    void *memory;
    if (array_bytes(count, element_size, &bytes, err) < 0)
        return NULL;
    if (bytes < page)
        return asim_alloc_aligned(count, element_size, err);
    if (bytes > SIZE_MAX - 63 || posix_memalign(&memory, page, (bytes + 63) / 64 * 64))
        return out_of_memory(bytes, err);
    /* Whole pages only: the rest would round the memory in use up. */
    madvise(memory, bytes / page * page, MADV_HUGEPAGE);
    return memory;
}

int asim_grow(void *array_pointer, size_t *capacity, size_t needed, size_t element_size,
              struct asim_error *err)
{
    if (needed <= *capacity)
        return 0;
    size_t target = *capacity + *capacity / 2;
    if (target < needed)
        target = needed;
    if (target < 16)
        target = 16;
    size_t bytes;
    if (array_bytes(target, element_size, &bytes, err) < 0)
        return -1;
    void *old;
    memcpy(&old, array_pointer, sizeof old);
    void *grown = realloc(old, bytes);
    if (!grown) {
        out_of_memory(bytes, err);
        return -1;
    }
    memcpy(array_pointer, &grown, sizeof grown);
    *capacity = target;
    return 0;
}

char *asim_strdup(const char *text, struct asim_error *err)
{
    char *copy = strdup(text);
    return copy ? copy : out_of_memory(strlen(text) + 1, err);
}

char *asim_format(struct asim_error *err, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        asim_fail(err, ASIM_ENOMEM, "no memory for a text");
        return NULL;
    }
    return text;
}

/* The number behind `key` in a file of "key value" lines or of one number; false where
 * there is none ("max" included). */
static bool number_in_file(const char *path, const char *key, uint64_t *ret_value)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char line[256];
    size_t key_length = key ? strlen(key) : 0;
    bool found = false;
    while (!found && fgets(line, sizeof line, file)) {
        if (key && strncmp(line, key, key_length) != 0)
            continue;
        found = sscanf(line + key_length, " %" SCNu64, ret_value) == 1;
    }
    fclose(file);
    return found;
}

/* The room below one cgroup's limit; UINT64_MAX where it sets none. */
static uint64_t cgroup_room(const char *folder, const char *limit_name,
                            const char *usage_name)
{
    char path[4400];
    uint64_t limit, usage;
    snprintf(path, sizeof path, "%s/%s", folder, limit_name);
    if (!number_in_file(path, NULL, &limit))
        return UINT64_MAX;
    snprintf(path, sizeof path, "%s/%s", folder, usage_name);
    if (!number_in_file(path, NULL, &usage))
        return limit;
    return limit > usage ? limit - usage : 0;
}

/* Least room of the process's cgroup and all those above it. */
static uint64_t cgroup_room_to_root(const char *root, const char *group,
                                    const char *limit_name, const char *usage_name)
{
    char folder[4300];
    uint64_t least = UINT64_MAX;
    snprintf(folder, sizeof folder, "%s%s", root, group);
    size_t root_length = strlen(root);
    for (;;) {
        uint64_t room = cgroup_room(folder, limit_name, usage_name);
        if (room < least)
            least = room;
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < root_length)
            return least;
        *slash = '\0';
    }
}

uint64_t asim_memory_available_bytes(void)
{
    uint64_t available = UINT64_MAX, value;
    if (number_in_file("/proc/meminfo", "MemAvailable:", &value))
        available = value * 1024;
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file)
        return available;
    char line[4200];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        uint64_t room = UINT64_MAX;
        char *group = strrchr(line, ':');
        if (!group)
            continue;
        group++;
        if (strncmp(line, "0::", 3) == 0)
            room = cgroup_room_to_root("/sys/fs/cgroup", group, "memory.max",
                                       "memory.current");
        else if (strstr(line, ":memory:"))
            room =
                cgroup_room_to_root("/sys/fs/cgroup/memory", group,
                                    "memory.limit_in_bytes", "memory.usage_in_bytes");
        if (room < available)
            available = room;
    }
    fclose(file);
    return available;
}

double asim_memory_peak_mb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}
