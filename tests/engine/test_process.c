/*
 * Processes: ends are recorded, kills of any kind leave a truthful lock, at most one
 * gmx runs in a folder, attempts outlive their orchestrator and are adopted.
 */
#include "engine_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/affinity.h"
#include "engine/record.h"

static struct asim_exit_record read_record(const char *folder, int attempt)
{
    struct asim_exit_record record;
    struct asim_error err = {0};
    if (asim_exit_record_read(folder, attempt, &record, &err) != 1)
        fail_msg("no record: %s", err.text);
    return record;
}

static void test_ends_are_recorded(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int exit_code, signal_number;
    } rows[] = {
        {"exit 0", 0, 0},
        {"exit 3", 3, 0},
        {"kill 9", 0, 9},
        {"kill 11", 0, 11},
        {"sleep 50\nstderr gone\nexit 139", 139, 0},
    };
    char *folder = folder_create();
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        struct asim_process process = spawn_fake(folder, i + 1, rows[i].script);
        assert_int_equal(wait_process(&process, 10), ASIM_SHIM_RECORDED);
        struct asim_exit_record record = read_record(folder, i + 1);
        assert_int_equal(record.exit_code, rows[i].exit_code);
        assert_int_equal(record.signal_number, rows[i].signal_number);
        assert_false(record.refused || record.spawn_failed);
        assert_true(record.runtime_seconds > 0 && record.runtime_seconds < 10);
        assert_true(is_free(folder));
    }
    char text[100];
    read_text(folder, "attempt-5.stderr", text, sizeof text);
    assert_string_equal(text, "gone\n");
    assert_true(read_record(folder, 5).runtime_seconds >= 0.05);
    folder_remove(folder);
}

static void test_program_missing(void **state)
{
    (void)state;
    char *folder = folder_create();
    const char *argv[] = {"/no/such/gmx", NULL};
    struct asim_spawn spawn = {
        .folder = folder, .attempt = 1, .argv = argv, .server = shim_server()};
    struct asim_process process = ASIM_PROCESS_INIT;
    assert_int_equal(asim_process_spawn(&spawn, &process, NULL), 0);
    assert_int_equal(wait_process(&process, 10), ASIM_SHIM_RECORDED);
    struct asim_exit_record record = read_record(folder, 1);
    assert_true(record.spawn_failed);
    assert_int_equal(record.exit_code, 2); /* ENOENT */
    assert_non_null(strstr(record.reason, "cannot execute"));
    folder_remove(folder);
}

/* Kills of every kind: the lock tells the truth, gmx gets its chance to checkpoint. */
static void test_kill_shim(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct asim_process process = spawn_fake(folder, 1, "obey\nmark up\nsleep 60000");
    wait_file(folder, "up");
    assert_false(is_free(folder));
    pid_t gmx = recorded_pid(folder, 1, "gmx_pid");
    kill(process.pid, SIGKILL);
    assert_int_equal(wait_process(&process, 10), -SIGKILL);
    wait_gone(gmx, 10);
    assert_true(has_file(folder, "state.cpt"));
    assert_true(is_free(folder));
    struct asim_exit_record record;
    assert_int_equal(asim_exit_record_read(folder, 1, &record, NULL), 0);
    folder_remove(folder);
}

static void test_kill_shim_deaf_gmx(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct asim_process process = spawn_fake(folder, 1, "ignore\nmark up\nsleep 60000");
    struct asim_process adopted = ASIM_PROCESS_INIT;
    wait_file(folder, "up");
    pid_t gmx = recorded_pid(folder, 1, "gmx_pid");
    kill(process.pid, SIGKILL);
    wait_process(&process, 10);
    sleep_ms(50);
    assert_false(is_free(folder)); /* gmx holds it alone now */
    struct asim_process second = spawn_fake(folder, 2, "mark twice");
    assert_int_equal(wait_process(&second, 10), ASIM_SHIM_REFUSED);
    assert_true(read_record(folder, 2).refused);
    assert_false(has_file(folder, "twice"));
    assert_int_equal(asim_process_adopt(folder, 1, &adopted, NULL), 1);
    assert_int_equal(adopted.pid, gmx);
    assert_int_equal(asim_process_reap(&adopted, NULL, NULL), 0);
    assert_true(asim_process_signal(folder, 1, SIGKILL));
    assert_int_equal(wait_process(&adopted, 10), 0);
    assert_true(is_free(folder));
    assert_false(asim_process_signal(folder, 1, SIGKILL));
    folder_remove(folder);
}

static void test_kill_gmx(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct asim_process process = spawn_fake(folder, 1, "ignore\nmark up\nsleep 60000");
    wait_file(folder, "up");
    assert_true(asim_process_signal(folder, 1, SIGKILL));
    assert_int_equal(wait_process(&process, 10), ASIM_SHIM_RECORDED);
    assert_int_equal(read_record(folder, 1).signal_number, SIGKILL);
    assert_true(is_free(folder));
    folder_remove(folder);
}

static void test_kill_both(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct asim_process process = spawn_fake(folder, 1, "ignore\nmark up\nsleep 60000");
    wait_file(folder, "up");
    pid_t gmx = recorded_pid(folder, 1, "gmx_pid");
    kill(process.pid, SIGSTOP);
    kill(gmx, SIGKILL);
    kill(process.pid, SIGKILL);
    wait_process(&process, 10);
    wait_gone(gmx, 10);
    assert_true(is_free(folder));
    struct asim_process adopted = ASIM_PROCESS_INIT;
    assert_int_equal(asim_process_adopt(folder, 1, &adopted, NULL), 0);
    struct asim_process next = spawn_fake(folder, 2, "exit 7");
    wait_process(&next, 10);
    assert_int_equal(read_record(folder, 2).exit_code, 7);
    folder_remove(folder);
}

static void test_stop(void **state)
{
    (void)state;
    char *folder = folder_create(), text[200];
    struct asim_process process = spawn_fake(folder, 1, "obey\nmark up\nsleep 60000");
    wait_file(folder, "up");
    assert_true(asim_process_signal(folder, 1, SIGTERM));
    assert_int_equal(wait_process(&process, 10), ASIM_SHIM_RECORDED);
    struct asim_exit_record record = read_record(folder, 1);
    assert_int_equal(record.exit_code, 1);
    assert_int_equal(record.signal_number, 0);
    read_text(folder, "attempt-1.stderr", text, sizeof text);
    assert_non_null(strstr(text, "Received the TERM signal"));
    /* At once after the spawn: stopped before gmx starts or just after, never lost. */
    for (int attempt = 2; attempt < 22; attempt++) {
        process = spawn_fake(folder, attempt, "obey\nsleep 60000");
        sleep_ms(attempt % 5);
        assert_true(asim_process_stop(&process));
        assert_int_equal(wait_process(&process, 10), ASIM_SHIM_RECORDED);
        record = read_record(folder, attempt);
        assert_true(record.signal_number == SIGTERM || record.exit_code == 1);
    }
    folder_remove(folder);
}

/* Two shims in one folder at the same time: one gmx, whatever their numbers. */
static void test_two_shims(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        char *folder = folder_create(), text[16];
        const char *script = "alone 5\nmark ran";
        bool same = i % 2;
        struct asim_process a = spawn_fake(folder, 1, script);
        struct asim_process b = spawn_fake(folder, same ? 1 : 2, script);
        int a_code = wait_process(&a, 20), b_code = wait_process(&b, 20);
        read_text(folder, "ran", text, sizeof text);
        assert_false(has_file(folder, "collision"));
        assert_true(is_free(folder));
        if (same) {
            assert_int_equal(a_code + b_code, ASIM_SHIM_REFUSED);
            assert_string_equal(text, "x");
            assert_false(read_record(folder, 1).refused);
        } else {
            /* The newer one always runs: the older was refused or is soon done. */
            assert_int_equal(b_code, ASIM_SHIM_RECORDED);
            assert_int_equal(strlen(text), a_code == ASIM_SHIM_RECORDED ? 2 : 1);
        }
        folder_remove(folder);
    }
}

static void test_old_fence(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct asim_error err = {0};
    write_text(folder, "script", "mark ran");
    write_text(folder, "fence", "5\n");
    /* A shim that was held up while attempt 5 came and went. */
    pid_t late = fork();
    if (late == 0) {
        execl(getenv("AUTOSIM_SHIM"), "autosim-shim", folder, "4", "-", "-", "-",
              getenv("FAKE_GMX"), NULL);
        _exit(99);
    }
    int status;
    waitpid(late, &status, 0);
    assert_int_equal(WEXITSTATUS(status), ASIM_SHIM_REFUSED);
    assert_true(read_record(folder, 4).refused);
    assert_false(has_file(folder, "ran"));
    assert_false(has_file(folder, "attempt-4.stdout"));
    const char *argv[] = {getenv("FAKE_GMX"), NULL};
    struct asim_spawn spawn = {.folder = folder, .attempt = 4, .argv = argv};
    struct asim_process process = ASIM_PROCESS_INIT;
    assert_int_equal(asim_process_spawn(&spawn, &process, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    folder_remove(folder);
}

static void test_adoption(void **state)
{
    (void)state;
    char *folder = folder_create();
    pid_t parent = fork();
    if (parent == 0) {
        spawn_fake(folder, 1, "mark up\nsleep 1000\nexit 6");
        pause();
        _exit(0);
    }
    wait_file(folder, "up");
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    struct asim_process process = ASIM_PROCESS_INIT;
    assert_int_equal(asim_process_adopt(folder, 1, &process, NULL), 1);
    assert_int_equal(process.pid, recorded_pid(folder, 1, "shim_pid"));
    assert_false(is_free(folder));
    wait_process(&process, 10);
    assert_int_equal(read_record(folder, 1).exit_code, 6);
    folder_remove(folder);
}

/* A number that another process has by now is not taken for ours. */
static void test_reused_pid(void **state)
{
    (void)state;
    char *folder = folder_create(), path[4096], boot_id[64];
    asim_boot_id(boot_id);
    json_t *object = json_pack("{s:s, s:i, s:i, s:i, s:i}", "boot_id", boot_id,
                               "shim_pid", (int)getpid(), "shim_start_ticks", 1,
                               "gmx_pid", (int)getpid(), "gmx_start_ticks", 1);
    char *line = asim_record_seal(object, NULL);
    write_text(folder, "attempt-1.process.json", line);
    struct asim_process process = ASIM_PROCESS_INIT;
    struct asim_error err = {0};
    assert_int_equal(asim_process_adopt(folder, 1, &process, &err), 0);
    assert_false(asim_process_signal(folder, 1, SIGKILL));
    line[20] ^= 1;
    write_text(folder, "attempt-1.process.json", line);
    assert_int_equal(asim_process_adopt(folder, 1, &process, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    snprintf(path, sizeof path, "%s/attempt-1.exit.json", folder);
    struct asim_exit_record record;
    write_text(folder, "attempt-1.exit.json", "{\"exit_code\":0");
    assert_int_equal(asim_exit_record_read(folder, 1, &record, &err), -1);
    free(line);
    json_decref(object);
    folder_remove(folder);
}

/* What gmx has open: three streams and the lock, whatever the host had; its cores. */
static void test_what_gmx_inherits(void **state)
{
    (void)state;
    char *folder = folder_create(), path[4096], target[4096], text[8192], number[32];
    int leak = open("/dev/zero", O_RDONLY); /* not close-on-exec */
    struct asim_core_slots slots;
    struct asim_cores cores;
    assert_int_equal(asim_cores_look(&cores, NULL), 0);
    assert_int_equal(asim_core_slots_create(&cores, 1, 1, &slots, NULL), 0);
    asim_cores_finish(&cores);
    const char *argv[] = {getenv("FAKE_GMX"), NULL};
    struct asim_spawn spawn = {.folder = folder,
                               .attempt = 1,
                               .argv = argv,
                               .cpus = slots.cpus,
                               .cpu_count = 1,
                               .server = shim_server()};
    struct asim_process process = ASIM_PROCESS_INIT;
    write_text(folder, "script", "mark up\nsleep 60000");
    setenv("OMP_NUM_THREADS", "7", 1);
    assert_int_equal(asim_process_spawn(&spawn, &process, NULL), 0);
    unsetenv("OMP_NUM_THREADS");
    wait_file(folder, "up");
    long gmx = recorded_pid(folder, 1, "gmx_pid");
    int open_count = 0;
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/%ld/fd/%d", gmx, fd);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0)
            continue;
        target[length] = '\0';
        if (strcmp(target + length - strlen("/up"), "/up") == 0)
            continue; /* the mark that it is just making */
        open_count++;
        if (fd == 0)
            assert_string_equal(target, "/dev/null");
        assert_null(strstr(target, "/dev/zero"));
    }
    /* The fake gmx itself has its script open. */
    assert_int_equal(open_count, 5);
    snprintf(path, sizeof path, "/proc/%ld", gmx);
    read_text(path, "status", text, sizeof text);
    snprintf(number, sizeof number, "Cpus_allowed_list:\t%d\n", slots.cpus[0]);
    assert_non_null(strstr(text, number));
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
    /* posix_spawn of glibc leaves its own signals 32 and 33 ignored: bits 31, 32. */
    unsigned long long ignored = strtoull(strstr(text, "SigIgn:") + 7, NULL, 16);
    assert_true((ignored & ~0x180000000ULL) == 0);
    FILE *file = fopen(strcat(path, "/environ"), "re");
    size_t got = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_null(memmem(text, got, "OMP_NUM_THREADS", 15));
    assert_non_null(memmem(text, got, "GMX_MAXBACKUP=-1", 16));
    asim_process_signal(folder, 1, SIGKILL);
    wait_process(&process, 10);
    asim_core_slots_finish(&slots);
    close(leak);
    folder_remove(folder);
}

static long parent_of(long pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld", pid);
    read_text(path, "stat", text, sizeof text);
    const char *at = strrchr(text, ')');
    return at ? strtol(at + 4, NULL, 10) : -1;
}

/* A shim that a server made is a child of ours in a session of its own, as one that was
 * spawned; it does not need the server, nor do later ones. */
static void test_server(void **state)
{
    (void)state;
    char *folder = folder_create(), *other = folder_create();
    struct asim_shim_server server = ASIM_SHIM_SERVER_INIT;
    const char *argv[] = {getenv("FAKE_GMX"), NULL};
    int claim = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    struct asim_spawn spawn = {.folder = folder,
                               .attempt = 1,
                               .argv = argv,
                               .claim_fd = claim,
                               .bound = true,
                               .server = &server};
    struct asim_process process = ASIM_PROCESS_INIT, second = ASIM_PROCESS_INIT;
    write_text(folder, "script", "mark up\nsleep 300\nexit 7");
    assert_int_equal(asim_process_spawn(&spawn, &process, NULL), 0);
    wait_file(folder, "up");
    assert_true(server.fd >= 0);
    assert_int_not_equal(server.pid, process.pid);
    assert_int_equal(parent_of(process.pid), getpid());
    assert_int_equal(getsid(process.pid), process.pid);
    assert_int_equal(recorded_pid(folder, 1, "shim_pid"), process.pid);
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/%d",
             (long)recorded_pid(folder, 1, "gmx_pid"), ASIM_SHIM_CLAIM_FD);
    ssize_t length = readlink(path, target, sizeof target - 1);
    assert_int_equal(length, strlen("/dev/zero"));
    assert_memory_equal(target, "/dev/zero", strlen("/dev/zero"));

    kill(server.pid, SIGKILL);
    spawn.folder = other;
    spawn.claim_fd = 0;
    write_text(other, "script", "exit 8");
    assert_int_equal(asim_process_spawn(&spawn, &second, NULL), 0);
    assert_int_equal(server.fd, -1); /* it was asked, and is not asked again */
    assert_int_equal(wait_process(&second, 10), ASIM_SHIM_RECORDED);
    assert_int_equal(read_record(other, 1).exit_code, 8);
    assert_int_equal(wait_process(&process, 10), ASIM_SHIM_RECORDED);
    assert_int_equal(read_record(folder, 1).exit_code, 7);
    assert_true(waitpid(-1, NULL, WNOHANG) <= 0); /* nothing is left to reap */
    asim_shim_server_finish(&server);
    close(claim);
    folder_remove(other);
    folder_remove(folder);
}

/* One that is closed leaves; so does one whose parent is killed. */
static void test_server_leaves(void **state)
{
    (void)state;
    char *folder = folder_create(), text[32];
    pid_t parent = fork();
    if (parent == 0) {
        struct asim_shim_server server = ASIM_SHIM_SERVER_INIT;
        const char *argv[] = {getenv("FAKE_GMX"), NULL};
        struct asim_spawn spawn = {
            .folder = folder, .attempt = 1, .argv = argv, .server = &server};
        struct asim_process process = ASIM_PROCESS_INIT;
        write_text(folder, "script", "mark up\nsleep 60000");
        if (asim_process_spawn(&spawn, &process, NULL) < 0)
            _exit(1);
        snprintf(text, sizeof text, "%ld\n", (long)server.pid);
        write_text(folder, "server", text);
        write_text(folder, "told", "");
        pause();
        _exit(0);
    }
    wait_file(folder, "up");
    wait_file(folder, "told");
    read_text(folder, "server", text, sizeof text);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    wait_gone((pid_t)strtol(text, NULL, 10), 10);
    assert_false(is_free(folder)); /* the window goes on */
    asim_process_signal(folder, 1, SIGKILL);
    folder_remove(folder);
}

/* gmx fills the disk to the last byte; its record is written all the same. */
static void test_full_disk(void **state)
{
    (void)state;
    char *folder = folder_create();
    if (mount("none", folder, "tmpfs", 0, "size=256k") < 0) {
        print_message("skipped: no right to mount a small file system\n");
        folder_remove(folder);
        skip();
    }
    struct asim_process process = spawn_fake(folder, 1, "fill junk\nexit 5");
    int code = wait_process(&process, 30);
    struct asim_exit_record record = {0};
    int read = asim_exit_record_read(folder, 1, &record, NULL);
    /* Nothing fits any more: the next attempt cannot even be announced. */
    struct asim_error err = {0};
    const char *argv[] = {getenv("FAKE_GMX"), NULL};
    struct asim_spawn spawn = {.folder = folder, .attempt = 2, .argv = argv};
    int again = asim_process_spawn(&spawn, &process, &err);
    umount(folder);
    folder_remove(folder);
    assert_int_equal(code, ASIM_SHIM_RECORDED);
    assert_int_equal(read, 1);
    assert_int_equal(record.exit_code, 5);
    assert_int_equal(again, -1);
    assert_int_equal(err.status, ASIM_EIO);
}

int main(void)
{
    supervise();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_are_recorded),
        cmocka_unit_test(test_program_missing),
        cmocka_unit_test(test_kill_shim),
        cmocka_unit_test(test_kill_shim_deaf_gmx),
        cmocka_unit_test(test_kill_gmx),
        cmocka_unit_test(test_kill_both),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_two_shims),
        cmocka_unit_test(test_old_fence),
        cmocka_unit_test(test_adoption),
        cmocka_unit_test(test_reused_pid),
        cmocka_unit_test(test_what_gmx_inherits),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_server_leaves),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
