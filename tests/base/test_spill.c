/*
 * Arrays in files without a name: what they hold, that nothing of them is left whatever
 * happens, and a disk without room. Linked with --wrap, so that space and file systems
 * can fail; file offsets of 64 bits give the functions their names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spill.h"

int __real_posix_fallocate64(int file, off_t offset, off_t bytes);
int __wrap_posix_fallocate64(int file, off_t offset, off_t bytes);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

static off_t room = -1;    /* bytes that a file may have; -1: as the disk says */
static bool named = false; /* this file system makes no files without a name */

int __wrap_posix_fallocate64(int file, off_t offset, off_t bytes)
{
    return room >= 0 && offset + bytes > room
               ? ENOSPC
               : __real_posix_fallocate64(file, offset, bytes);
}

int __wrap_open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode =
        nameless || (flags & O_CREAT) ? (mode_t)va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    if (nameless && named) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_open64(path, flags, mode);
}

static char folder[] = "spill-test-XXXXXX";

static size_t count_names(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2; /* . and .. */
}

static size_t open_files(void)
{
    return count_names("/proc/self/fd");
}

enum { NUMBERS = 100000, BYTES = NUMBERS * 8 };

static void fill(uint64_t *numbers, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        assert_int_equal(numbers[i], 0);
        numbers[i] = i * i + 1;
    }
}

static void test_contents(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct asim_spill spill = {0};
        struct asim_error err = {0};
        size_t before = open_files();
        named = way == 1;
        assert_int_equal(asim_spill_create(folder, BYTES, &spill, &err), 0);
        named = false;
        assert_int_equal(count_names(folder), 0);
        fill(spill.data, 0, NUMBERS);
        asim_spill_release(spill.data, BYTES);
        assert_int_equal(asim_spill_grow(&spill, 3 * (size_t)BYTES, &err), 0);
        fill(spill.data, NUMBERS, 3 * NUMBERS);
        asim_spill_release((char *)spill.data + 12345, BYTES);
        for (uint64_t i = 0; i < 3 * NUMBERS; i++)
            assert_int_equal(((uint64_t *)spill.data)[i], i * i + 1);
        asim_spill_finish(&spill);
        asim_spill_finish(&spill);
        assert_int_equal(open_files(), before);
        assert_int_equal(count_names(folder), 0);
    }
}

static void test_full_disk(void **state)
{
    (void)state;
    struct asim_spill spill = {0};
    struct asim_error err = {0};
    size_t before = open_files();
    room = BYTES - 1;
    assert_int_equal(asim_spill_create(folder, BYTES, &spill, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
    assert_non_null(strstr(err.text, "no room on disk for 0.8 MB"));
    assert_non_null(strstr(err.text, "TMPDIR"));
    assert_null(spill.data);
    assert_int_equal(open_files(), before);
    room = BYTES;
    assert_int_equal(asim_spill_create(folder, BYTES, &spill, &err), 0);
    fill(spill.data, 0, NUMBERS);
    assert_int_equal(asim_spill_grow(&spill, 2 * (size_t)BYTES, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
    /* What was there is still there. */
    assert_int_equal(((uint64_t *)spill.data)[NUMBERS - 1],
                     (uint64_t)(NUMBERS - 1) * (NUMBERS - 1) + 1);
    room = -1;
    asim_spill_finish(&spill);
    assert_int_equal(asim_spill_create("no/such/folder", BYTES, &spill, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
    assert_non_null(strstr(err.text, "no/such/folder"));
    assert_int_equal(open_files(), before);
}

/* Killed without a chance to clean up. */
static void test_kill(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        pid_t child = fork();
        if (child == 0) {
            struct asim_spill spill = {0};
            named = way == 1;
            if (asim_spill_create(folder, BYTES, &spill, NULL) == 0) {
                memset(spill.data, 1, BYTES);
                raise(SIGKILL);
            }
            _exit(1);
        }
        int how;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        assert_int_equal(count_names(folder), 0);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_contents),
                                       cmocka_unit_test(test_full_disk),
                                       cmocka_unit_test(test_kill)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
