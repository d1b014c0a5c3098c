/* Folders that tell of writes into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "campaign/changes.h"
#include "fixture.h"

struct told {
    int watch, times;
};

static void note(void *context, int watch)
{
    struct told *told = context;
    told->watch = watch;
    told->times++;
}

static void append(const char *folder, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/md.log", folder);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* A watch tells once, however much is written, and again when it is set again. */
static void test_a_watch_tells_once(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    int fd = asim_changes_open(folder);
    if (fd < 0) {
        print_message("skipped: this file system does not tell of changes\n");
        fixture_remove_folder(folder);
        skip();
    }
    for (int round = 0; round < 3; round++) {
        struct told told = {.watch = -1};
        int watch = asim_changes_watch(fd, folder);
        assert_true(watch >= 0);
        assert_true(asim_changes_read(fd, note, &told));
        assert_int_equal(told.times, 0);
        for (int i = 0; i < 100; i++)
            append(folder, "a step\n");
        assert_true(asim_changes_read(fd, note, &told));
        assert_int_equal(told.times, 1);
        assert_int_equal(told.watch, watch);
        append(folder, "a step\n");
        assert_true(asim_changes_read(fd, note, &told));
        assert_int_equal(told.times, 1);
    }
    struct told told = {.watch = -1};
    asim_changes_forget(fd, asim_changes_watch(fd, folder));
    append(folder, "a step\n");
    assert_true(asim_changes_read(fd, note, &told));
    assert_int_equal(told.times, 0);
    close(fd);
    fixture_remove_folder(folder);
}

static void test_what_cannot_be_watched(void **state)
{
    (void)state;
    struct told told = {.watch = -1};
    assert_false(asim_changes_are_told("/nowhere/at/all"));
    assert_int_equal(asim_changes_open("/nowhere/at/all"), -1);
    assert_int_equal(asim_changes_watch(-1, "/"), -1);
    asim_changes_forget(-1, 3);
    assert_true(asim_changes_read(-1, note, &told));
    assert_int_equal(told.times, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_watch_tells_once),
        cmocka_unit_test(test_what_cannot_be_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
