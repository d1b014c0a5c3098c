/*
 * What the shim and the library must agree on.
 *
 * Invariant: a record is written once, whole, and carries the SHA-256 of its own text,
 * so that a torn or edited one is never taken for an outcome.
 */
#include "engine/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

enum { RECORD_LARGEST_BYTES = 1 << 16 };

char *asim_attempt_path(const char *folder, int attempt, const char *suffix,
                        struct asim_error *err)
{
    return asim_format(err, "%s/attempt-%d.%s", folder, attempt, suffix);
}

static char *record_text(const json_t *object, struct asim_error *err)
{
    char *text =
        json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    if (!text)
        asim_fail(err, ASIM_ENOMEM, "no memory for a record");
    return text;
}

char *asim_record_seal(json_t *object, struct asim_error *err)
{
    char hex[65];
    json_object_del(object, "sha256");
    char *text = record_text(object, err);
    if (!text)
        return NULL;
    asim_sha256(text, strlen(text), hex);
    free(text);
    if (json_object_set_new(object, "sha256", json_string(hex)) < 0) {
        asim_fail(err, ASIM_ENOMEM, "no memory for a record");
        return NULL;
    }
    text = record_text(object, err);
    char *line = text ? asim_format(err, "%s\n", text) : NULL;
    free(text);
    return line;
}

int asim_record_read(const char *path, json_t **ret_object, struct asim_error *err)
{
    char *data = NULL, *text = NULL, claimed[65], hex[65];
    json_t *object = NULL;
    size_t size;
    int rc = -1;
    if (!asim_file_exists(path))
        return 0;
    if (asim_file_read(path, RECORD_LARGEST_BYTES, &data, &size, err) < 0)
        return -1;
    object = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
    if (!object ||
        asim_json_text(object, "sha256", claimed, sizeof claimed, NULL) < 0) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' is not a whole record (%zu bytes): one JSON object with its "
                  "checksum was expected",
                  path, size);
        goto out;
    }
    json_object_del(object, "sha256");
    text = record_text(object, err);
    if (!text)
        goto out;
    asim_sha256(text, strlen(text), hex);
    if (strcmp(hex, claimed) != 0) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' is damaged: its checksum does not fit its content", path);
        goto out;
    }
    *ret_object = object;
    object = NULL;
    rc = 1;
out:
    json_decref(object);
    free(text);
    free(data);
    return rc;
}

bool asim_process_identify(pid_t pid, struct asim_process_identity *ret_identity)
{
    char path[64], text[1024];
    if (pid <= 0)
        return false;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return false;
    text[got] = '\0';
    /* The second field is the program's name in parentheses and may hold anything;
     * after the last ')' come the state (field 3) and numbers, 22 the start time. */
    const char *at = strrchr(text, ')');
    char state;
    if (!at || sscanf(at + 1, " %c", &state) != 1 || state == 'Z' || state == 'X')
        return false;
    at++;
    for (int field = 2; field < 22; field++) {
        at = strchr(at, ' ');
        if (!at)
            return false;
        at++;
    }
    uint64_t ticks;
    if (sscanf(at, "%" SCNu64, &ticks) != 1)
        return false;
    *ret_identity = (struct asim_process_identity){.pid = pid, .start_ticks = ticks};
    return true;
}

void asim_boot_id(char ret_text[64])
{
    ret_text[0] = '\0';
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t got = read(fd, ret_text, 63);
    close(fd);
    ret_text[got > 0 ? got : 0] = '\0';
    ret_text[strcspn(ret_text, "\n")] = '\0';
}

int asim_fence_read(const char *folder, int *ret_attempt, struct asim_error *err)
{
    char *path = asim_path_join(folder, ASIM_FENCE_NAME, err);
    char *data = NULL;
    size_t size;
    int rc = -1;
    if (!path)
        return -1;
    if (!asim_file_exists(path)) {
        *ret_attempt = 0;
        rc = 0;
        goto out;
    }
    if (asim_file_read(path, 32, &data, &size, err) < 0)
        goto out;
    data[strcspn(data, "\n")] = '\0';
    int64_t attempt;
    if (!asim_parse_int64(data, &attempt) || attempt < 0 || attempt > INT32_MAX) {
        asim_fail(err, ASIM_EINPUT, "'%s' holds no attempt number", path);
        goto out;
    }
    *ret_attempt = (int)attempt;
    rc = 0;
out:
    free(data);
    free(path);
    return rc;
}
