/*
 * requests/, see the header.
 *
 * Files of request ID: ID.json, ID.plan (of an insertion), ID.answer. IDs begin with
 * the time in nanoseconds as 16 hex digits, so that their order is that of asking; a
 * clock that was set back changes no more than this order. Names that do not look like
 * ours are left alone. It must not know what requests do.
 */
#include "campaign/spool.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "campaign/changes.h"
#include "engine/record.h"

enum { ID_LENGTH = 16 + 1 + 8, WINDOWS_MOST = 1 << 24 };

static const uint64_t LARGEST_PLAN_BYTES = (uint64_t)1 << 30;
static const time_t ANSWER_SECONDS = 3600;

static const char *const kind_names[] = {
    [ASIM_REQUEST_STOP] = "stop",         [ASIM_REQUEST_PAUSE] = "pause",
    [ASIM_REQUEST_RESUME] = "resume",     [ASIM_REQUEST_CANCEL] = "cancel",
    [ASIM_REQUEST_RESTORE] = "restore",   [ASIM_REQUEST_EXTEND] = "extend",
    [ASIM_REQUEST_PRIORITY] = "priority", [ASIM_REQUEST_INSERT] = "insert",
};
enum { KIND_COUNT = sizeof kind_names / sizeof *kind_names };

static char *spool_path(const char *folder, const char *id, const char *suffix,
                        struct asim_error *err)
{
    return asim_format(err, "%s/" ASIM_SPOOL_FOLDER "/%s%s", folder, id, suffix);
}

static bool is_id(const char *name)
{
    static const char digits[] = "0123456789abcdef";
    return strspn(name, digits) == 16 && name[16] == '-' &&
           strspn(name + 17, digits) == 8;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

int asim_spool_list(const char *folder, char (**ret_ids)[ASIM_REQUEST_ID_BYTES],
                    size_t *ret_count, struct asim_error *err)
{
    char(*ids)[ASIM_REQUEST_ID_BYTES] = NULL;
    size_t count = 0, capacity = 0;
    char *path = asim_path_join(folder, ASIM_SPOOL_FOLDER, err);
    DIR *entries = path ? opendir(path) : NULL;
    free(path);
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry;
         entry = readdir(entries)) {
        if (!is_id(entry->d_name) || strcmp(entry->d_name + ID_LENGTH, ".json") != 0)
            continue;
        if (asim_grow(&ids, &capacity, count + 1, sizeof *ids, err) < 0) {
            closedir(entries);
            free(ids);
            return -1;
        }
        snprintf(ids[count++], sizeof *ids, "%.*s", ID_LENGTH, entry->d_name);
    }
    if (entries)
        closedir(entries);
    if (count > 0)
        qsort(ids, count, sizeof *ids, compare_ids);
    *ret_ids = ids;
    *ret_count = count;
    return 0;
}

void asim_spooled_finish(struct asim_spooled *spooled)
{
    free(spooled->window_ids);
    free(spooled->plan_path);
    *spooled = (struct asim_spooled){0};
}

static int decode_windows(const json_t *json, struct asim_spooled *spooled,
                          struct asim_error *err)
{
    const json_t *array = json_object_get(json, "windows");
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count > WINDOWS_MOST)
        return asim_fail(err, ASIM_EINPUT, "member 'windows' is no list of windows");
    spooled->window_ids = asim_alloc_array(count, sizeof *spooled->window_ids, err);
    if (!spooled->window_ids)
        return -1;
    for (size_t i = 0; i < count; i++) {
        json_int_t id = json_integer_value(json_array_get(array, i));
        if (!json_is_integer(json_array_get(array, i)) || id < 0 || id > INT_MAX)
            return asim_fail(err, ASIM_EINPUT, "entry %zu of 'windows' is no id", i);
        spooled->window_ids[i] = (int)id;
    }
    spooled->request.window_ids = spooled->window_ids;
    spooled->request.window_count = count;
    return 0;
}

int asim_spool_decode(const json_t *json, struct asim_spooled *spooled,
                      struct asim_error *err)
{
    char kind[16];
    int64_t priority = 0;
    int k = 0;
    if (asim_json_text(json, "kind", kind, sizeof kind, err) < 0 ||
        asim_json_int64(json, "steps", &spooled->request.steps, err) < 0 ||
        asim_json_int64(json, "priority", &priority, err) < 0 ||
        decode_windows(json, spooled, err) < 0)
        return -1;
    while (k < KIND_COUNT && strcmp(kind_names[k], kind) != 0)
        k++;
    if (k == KIND_COUNT || priority < INT_MIN || priority > INT_MAX)
        return asim_fail(err, ASIM_EINPUT,
                         "unknown request '%s' of priority %lld; a newer autosim may "
                         "have written it",
                         kind, (long long)priority);
    spooled->request.kind = (enum asim_request_kind)k;
    spooled->request.priority = (int)priority;
    return 0;
}

int asim_spool_read(const char *folder, const char *id,
                    struct asim_spooled *ret_spooled, struct asim_error *err)
{
    struct asim_spooled spooled = {0};
    json_t *json = NULL;
    char *path = spool_path(folder, id, ".json", err);
    int rc = -1;
    spooled.plan_path = spool_path(folder, id, ".plan", err);
    if (!path || !spooled.plan_path)
        goto out;
    int found = asim_record_read(path, &json, err);
    if (found == 0)
        asim_fail(err, ASIM_EINPUT, "there is no request '%s'", path);
    if (found <= 0)
        goto out;
    if (asim_spool_decode(json, &spooled, err) < 0) {
        asim_wrap(err, "'%s'", path);
        goto out;
    }
    spooled.request.plan_path = spooled.plan_path;
    *ret_spooled = spooled;
    spooled = (struct asim_spooled){0};
    rc = 0;
out:
    asim_spooled_finish(&spooled);
    json_decref(json);
    free(path);
    return rc;
}

static int write_sealed(const char *path, json_t *json, struct asim_error *err)
{
    char *line = json ? asim_record_seal(json, err)
                      : (asim_fail(err, ASIM_ENOMEM, "no memory for '%s'", path), NULL);
    int rc = line ? asim_file_replace(path, line, strlen(line), err) : -1;
    free(line);
    json_decref(json);
    return rc;
}

static int copy_plan(const char *from, const char *to, struct asim_error *err)
{
    char *data;
    size_t size;
    if (asim_file_read(from, LARGEST_PLAN_BYTES, &data, &size, err) < 0)
        return -1;
    int rc = asim_file_replace(to, data, size, err);
    free(data);
    return rc;
}

int asim_spool_write(const char *folder, const struct asim_request *request,
                     char ret_id[ASIM_REQUEST_ID_BYTES], struct asim_error *err)
{
    struct timespec now;
    char id[ASIM_REQUEST_ID_BYTES];
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    snprintf(id, sizeof id, "%016llx-%08x", (unsigned long long)nanoseconds,
             (unsigned)asim_random_entropy());
    json_t *windows = json_array(), *json = NULL;
    for (size_t i = 0; i < request->window_count; i++)
        json_array_append_new(windows, json_integer(request->window_ids[i]));
    if (json_array_size(windows) == request->window_count)
        json = json_pack("{s:s, s:O, s:I, s:i}", "kind", kind_names[request->kind],
                         "windows", windows, "steps", (json_int_t)request->steps,
                         "priority", request->priority);
    json_decref(windows);
    char *place = asim_path_join(folder, ASIM_SPOOL_FOLDER, err);
    char *path = spool_path(folder, id, ".json", err);
    char *plan = spool_path(folder, id, ".plan", err);
    int rc = -1;
    if (!place || !path || !plan || asim_make_folder(place, err) < 0 ||
        (request->kind == ASIM_REQUEST_INSERT &&
         copy_plan(request->plan_path, plan, err) < 0))
        json_decref(json);
    else
        rc = write_sealed(path, json, err);
    if (rc == 0)
        memcpy(ret_id, id, sizeof id);
    free(plan);
    free(path);
    free(place);
    return rc;
}

int asim_spool_answer(const char *folder, const char *id,
                      const struct asim_answer *answer,
                      const struct asim_error *failure, struct asim_error *err)
{
    char *path = spool_path(folder, id, ".json", err);
    char *plan = spool_path(folder, id, ".plan", err);
    char *reply = spool_path(folder, id, ".answer", err);
    int rc = -1;
    if (!path || !plan || !reply)
        goto out;
    /* A sender that is not answered finds its request gone, which tells as much. */
    const char *text = failure ? failure->text : "";
    write_sealed(reply,
                 json_pack("{s:I, s:i, s:s%}", "changed", (json_int_t)answer->changed,
                           "status", failure ? (int)failure->status : ASIM_OK, "text",
                           text, strlen(text)),
                 NULL);
    unlink(plan);
    rc = unlink(path) < 0 && errno != ENOENT
             ? asim_fail(err, ASIM_EIO, "cannot remove '%s': %s", path, strerror(errno))
             : 0;
out:
    free(reply);
    free(plan);
    free(path);
    return rc;
}

int asim_spool_take_answer(const char *folder, const char *id,
                           struct asim_answer *ret_answer, struct asim_error *err)
{
    json_t *json = NULL;
    struct asim_error said = {0};
    int64_t changed = 0, status = 0;
    char *reply = spool_path(folder, id, ".answer", err);
    if (!reply)
        return -1;
    int rc = asim_record_read(reply, &json, err);
    if (rc > 0 && (asim_json_int64(json, "changed", &changed, err) < 0 ||
                   asim_json_int64(json, "status", &status, err) < 0 ||
                   asim_json_text(json, "text", said.text, sizeof said.text, err) < 0))
        rc = asim_wrap(err, "'%s'", reply);
    if (rc != 0)
        unlink(reply);
    if (rc > 0 && status != ASIM_OK)
        rc = asim_fail(err, (enum asim_status)status, "%s", said.text);
    if (rc > 0)
        *ret_answer = (struct asim_answer){.changed = (size_t)changed};
    json_decref(json);
    free(reply);
    return rc;
}

void asim_spool_clean(const char *folder)
{
    char *path = asim_path_join(folder, ASIM_SPOOL_FOLDER, NULL);
    DIR *entries = path ? opendir(path) : NULL;
    time_t now = time(NULL);
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry;
         entry = readdir(entries)) {
        struct stat status;
        if (is_id(entry->d_name) && strcmp(entry->d_name + ID_LENGTH, ".json") != 0 &&
            fstatat(dirfd(entries), entry->d_name, &status, 0) == 0 &&
            now - status.st_mtime > ANSWER_SECONDS)
            unlinkat(dirfd(entries), entry->d_name, 0);
    }
    if (entries)
        closedir(entries);
    free(path);
}

int asim_spool_watch(const char *folder)
{
    int fd = -1;
    char *path = asim_path_join(folder, ASIM_SPOOL_FOLDER, NULL);
    if (path && asim_make_folder(path, NULL) == 0 && asim_changes_are_told(path)) {
        fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd >= 0 && inotify_add_watch(fd, path, IN_MOVED_TO) < 0) {
            close(fd);
            fd = -1;
        }
    }
    free(path);
    return fd;
}
