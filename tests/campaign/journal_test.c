/* The journal file: what is read back, what is dropped, what is refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "campaign/journal.h"

enum { RECORD_COUNT = 5 };

struct fixture {
    char folder[64];
    char path[96];
};

struct seen {
    int count;
    int64_t sum;
};

static int count_record(void *context, const json_t *record, struct asim_error *err)
{
    struct seen *seen = context;
    int64_t value = 0;
    if (asim_json_int64(record, "value", &value, err) < 0)
        return -1;
    seen->count++;
    seen->sum += value;
    return 0;
}

static void add_values(struct asim_journal *journal, int first, int count)
{
    struct asim_error err;
    for (int i = 0; i < count; i++)
        assert_int_equal(
            asim_journal_add(journal, json_pack("{s:i}", "value", first + i), &err), 0);
    assert_int_equal(asim_journal_commit(journal, &err), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->folder, "journal-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof fixture->path, "%s/journal.jsonl", fixture->folder);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

static void write_some(const struct fixture *fixture)
{
    struct asim_error err = {0};
    struct asim_journal *journal;
    struct asim_journal_info info;
    struct seen seen = {0};
    assert_int_equal(
        asim_journal_open(fixture->path, count_record, &seen, &journal, &info, &err),
        0);
    add_values(journal, 1, RECORD_COUNT);
    asim_journal_close(journal);
}

static void put_file(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    close(fd);
}

static int read_all(const char *path, struct seen *seen, struct asim_journal_info *info,
                    struct asim_error *err)
{
    *seen = (struct seen){0};
    *err = (struct asim_error){0};
    return asim_journal_read(path, count_record, seen, info, err);
}

static void test_what_is_committed_is_read_back(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    struct asim_journal_info info;
    struct asim_error err;
    assert_int_equal(read_all(fixture->path, &seen, &info, &err), 0);
    assert_int_equal(info.record_count, 0);
    write_some(fixture);
    assert_int_equal(read_all(fixture->path, &seen, &info, &err), 0);
    assert_int_equal(seen.count, RECORD_COUNT);
    assert_int_equal(seen.sum, 15);

    struct asim_journal *journal;
    assert_int_equal(
        asim_journal_open(fixture->path, count_record, &seen, &journal, &info, &err),
        0);
    assert_int_equal(info.record_count, RECORD_COUNT);
    add_values(journal, 6, 1);
    asim_journal_close(journal);
    assert_int_equal(read_all(fixture->path, &seen, &info, &err), 0);
    assert_int_equal(seen.sum, 21);
}

static void test_records_not_committed_are_not_there(void **state)
{
    struct fixture *fixture = *state;
    struct asim_error err;
    struct asim_journal *journal;
    struct asim_journal_info info;
    struct seen seen = {0};
    assert_int_equal(
        asim_journal_open(fixture->path, count_record, &seen, &journal, &info, &err),
        0);
    assert_int_equal(asim_journal_add(journal, json_pack("{s:i}", "value", 1), &err),
                     0);
    asim_journal_close(journal);
    assert_int_equal(read_all(fixture->path, &seen, &info, &err), 0);
    assert_int_equal(seen.count, 0);
}

static void test_torn_at_every_byte_of_the_last_line(void **state)
{
    struct fixture *fixture = *state;
    write_some(fixture);
    char *data;
    size_t size;
    struct asim_error err;
    assert_int_equal(asim_file_read(fixture->path, 1 << 20, &data, &size, &err), 0);
    size_t last = size - 1;
    while (data[last - 1] != '\n')
        last--;
    for (size_t cut = last; cut < size; cut++) {
        put_file(fixture->path, data, cut);
        struct seen seen;
        struct asim_journal_info info;
        assert_int_equal(read_all(fixture->path, &seen, &info, &err), 0);
        assert_int_equal(seen.count, RECORD_COUNT - 1);
        assert_int_equal(info.torn_bytes, cut - last);
        /* A writer cuts it off and goes on with the same sequence number. */
        struct asim_journal *journal;
        assert_int_equal(asim_journal_open(fixture->path, count_record, &seen, &journal,
                                           &info, &err),
                         0);
        add_values(journal, 100, 1);
        asim_journal_close(journal);
        assert_int_equal(read_all(fixture->path, &seen, &info, &err), 0);
        assert_int_equal(seen.count, RECORD_COUNT);
        assert_int_equal(seen.sum, 110);
        assert_int_equal(info.torn_bytes, 0);
    }
    free(data);
}

static void test_every_flipped_bit_is_found(void **state)
{
    struct fixture *fixture = *state;
    write_some(fixture);
    char *data;
    size_t size;
    struct asim_error err;
    assert_int_equal(asim_file_read(fixture->path, 1 << 20, &data, &size, &err), 0);
    uint64_t line = 1;
    /* Without the very last newline: losing that one is a torn line by definition. */
    for (size_t i = 0; i + 1 < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            data[i] = (char)(data[i] ^ (1 << bit));
            put_file(fixture->path, data, size);
            data[i] = (char)(data[i] ^ (1 << bit));
            struct seen seen;
            struct asim_journal_info info;
            char named[40];
            snprintf(named, sizeof named, "line %llu:", (unsigned long long)line);
            if (read_all(fixture->path, &seen, &info, &err) != -1 ||
                err.status != ASIM_EINPUT || !strstr(err.text, named))
                fail_msg("byte %zu bit %d: %s", i, bit, err.text);
        }
        line += data[i] == '\n';
    }
    free(data);
}

static void test_lost_and_repeated_lines_are_found(void **state)
{
    struct fixture *fixture = *state;
    write_some(fixture);
    char *data;
    size_t size;
    struct asim_error err;
    struct seen seen;
    struct asim_journal_info info;
    assert_int_equal(asim_file_read(fixture->path, 1 << 20, &data, &size, &err), 0);
    size_t first = (size_t)(strchr(data, '\n') - data) + 1;
    put_file(fixture->path, data + first, size - first);
    assert_int_equal(read_all(fixture->path, &seen, &info, &err), -1);
    assert_non_null(strstr(err.text, "sequence number"));
    char *twice = malloc(2 * size);
    memcpy(twice, data, size);
    memcpy(twice + size, data, size);
    put_file(fixture->path, twice, 2 * size);
    assert_int_equal(read_all(fixture->path, &seen, &info, &err), -1);
    assert_non_null(strstr(err.text, "line 6:"));
    free(twice);
    free(data);
}

/* A file-size limit makes write() come back short and then fail, as a full disk. */
static void test_a_failed_group_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct asim_error err;
    write_some(fixture);
    struct stat before, after;
    stat(fixture->path, &before);
    struct rlimit saved, limit;
    getrlimit(RLIMIT_FSIZE, &saved);
    struct asim_journal *journal;
    struct asim_journal_info info;
    struct seen seen = {0};
    for (rlim_t room = 0; room < 400; room += 7) {
        assert_int_equal(asim_journal_open(fixture->path, count_record, &seen, &journal,
                                           &info, &err),
                         0);
        for (int i = 0; i < 8; i++)
            assert_int_equal(
                asim_journal_add(journal, json_pack("{s:i}", "value", i), &err), 0);
        limit = (struct rlimit){(rlim_t)before.st_size + room, saved.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
        int rc = asim_journal_commit(journal, &err);
        setrlimit(RLIMIT_FSIZE, &saved);
        assert_int_equal(rc, -1);
        assert_int_equal(err.status, ASIM_EIO);
        /* Broken from now on, whatever happens to the disk. */
        assert_int_equal(asim_journal_commit(journal, &err), -1);
        assert_int_equal(
            asim_journal_add(journal, json_pack("{s:i}", "value", 1), &err), -1);
        asim_journal_close(journal);
        stat(fixture->path, &after);
        assert_int_equal(before.st_size, after.st_size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_committed_is_read_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_records_not_committed_are_not_there,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_at_every_byte_of_the_last_line,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_flipped_bit_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_lost_and_repeated_lines_are_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_group_leaves_nothing, set_up,
                                        tear_down),
    };
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
