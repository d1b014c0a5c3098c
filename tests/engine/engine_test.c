/* What the tests of the engine share. */
#include "engine_test.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/record.h"

char *folder_create(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = NULL;
    assert_true(asprintf(&folder, "%s/engine-XXXXXX", base ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char name[4096];
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (lstat(name, &status) == 0 && S_ISDIR(status.st_mode))
            remove_tree(name);
        else
            unlink(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

void folder_remove(char *folder)
{
    remove_tree(folder);
    free(folder);
}

void write_text(const char *folder, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

bool has_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

void read_text(const char *folder, const char *name, char *ret_text, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    size_t got = file ? fread(ret_text, 1, size - 1, file) : 0;
    ret_text[got] = '\0';
    if (file)
        fclose(file);
}

struct asim_shim_server *shim_server(void)
{
    static struct asim_shim_server server = ASIM_SHIM_SERVER_INIT;
    return getenv("ENGINE_TEST_SERVER") ? &server : NULL;
}

struct asim_process spawn_fake(const char *folder, int attempt, const char *script)
{
    struct asim_process process = ASIM_PROCESS_INIT;
    struct asim_error err = {0};
    const char *argv[] = {getenv("FAKE_GMX"), "mdrun", NULL};
    struct asim_spawn spawn = {
        .folder = folder, .attempt = attempt, .argv = argv, .server = shim_server()};
    write_text(folder, "script", script);
    if (asim_process_spawn(&spawn, &process, &err) < 0)
        fail_msg("%s", err.text);
    return process;
}

int wait_process(struct asim_process *process, double seconds)
{
    struct pollfd watched = {.fd = process->pidfd, .events = POLLIN};
    int code = -1000;
    assert_int_equal(poll(&watched, 1, (int)(seconds * 1000)), 1);
    assert_int_equal(asim_process_reap(process, &code, NULL), 1);
    asim_process_finish(process);
    return code;
}

void sleep_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&left, NULL);
}

void wait_file(const char *folder, const char *name)
{
    for (int i = 0; i < 2000; i++) {
        if (has_file(folder, name))
            return;
        sleep_ms(5);
    }
    fail_msg("'%s' did not appear in '%s'", name, folder);
}

pid_t recorded_pid(const char *folder, int attempt, const char *key)
{
    char *path = asim_attempt_path(folder, attempt, "process.json", NULL);
    json_t *object = NULL;
    int64_t pid = 0;
    assert_int_equal(asim_record_read(path, &object, NULL), 1);
    assert_int_equal(asim_json_int64(object, key, &pid, NULL), 0);
    json_decref(object);
    free(path);
    return (pid_t)pid;
}

void wait_gone(pid_t pid, double seconds)
{
    struct asim_process_identity identity;
    double deadline = asim_monotonic_seconds() + seconds;
    while (asim_process_identify(pid, &identity)) {
        if (asim_monotonic_seconds() > deadline)
            fail_msg("process %ld is still there", (long)pid);
        sleep_ms(5);
    }
}

bool is_free(const char *folder)
{
    enum asim_window_lock state;
    assert_int_equal(asim_window_lock_probe(folder, &state, NULL), 0);
    return state == ASIM_WINDOW_FREE;
}
