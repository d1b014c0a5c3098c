/* The floor that everything stands on: errors, memory, files, words, numbers, threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <autosim/log.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log_limit.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "base/thread_team.h"

static char folder[] = "/tmp/autosim-test-XXXXXX";

static char *in_folder(const char *name)
{
    char *path = asim_path_join(folder, name, NULL);
    assert_non_null(path);
    return path;
}

static void errors_are_wrapped_from_the_inside_out(void **state)
{
    (void)state;
    struct asim_error err = {0};
    assert_int_equal(asim_fail(&err, ASIM_EINPUT, "line %d: no number", 7), -1);
    assert_int_equal(asim_wrap(&err, "'%s'", "a.xvg"), -1);
    assert_string_equal(err.text, "'a.xvg': line 7: no number");
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_int_equal(asim_fail(NULL, ASIM_EIO, "nobody listens"), -1);
}

static void exit_codes_are_the_documented_ones(void **state)
{
    (void)state;
    static const struct {
        enum asim_status status;
        int code;
    } rows[] = {{ASIM_OK, 0},       {ASIM_EFAIL, 1},       {ASIM_EUSAGE, 2},
                {ASIM_EINPUT, 3},   {ASIM_EIO, 4},         {ASIM_ENOMEM, 4},
                {ASIM_EENV, 4},     {ASIM_EWINDOWS, 5},    {ASIM_EQUALITY, 6},
                {ASIM_ELOCKED, 75}, {ASIM_ECANCELLED, 130}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(asim_status_exit_code(rows[i].status), rows[i].code);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct asim_error err = {0};
    assert_null(asim_alloc_array(SIZE_MAX / 2, 3, &err));
    assert_int_equal(err.status, ASIM_ENOMEM);
    int *array = NULL;
    size_t capacity = 0;
    assert_int_equal(asim_grow(&array, &capacity, SIZE_MAX / 2, 4, &err), -1);
    assert_null(array);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(asim_grow(&array, &capacity, i + 1, sizeof *array, &err), 0);
        array[i] = (int)i;
    }
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(array[i], (int)i);
    free(array);
}

static void a_file_is_replaced_whole_or_not_at_all(void **state)
{
    (void)state;
    struct asim_error err = {0};
    char *path = in_folder("replaced");
    char *data;
    size_t size;
    assert_int_equal(asim_file_replace(path, "old", 3, &err), 0);
    struct asim_output output;
    assert_int_equal(asim_output_open(path, &output, &err), 0);
    fputs("half of the new", output.stream);
    asim_output_close(&output); /* never committed */
    assert_int_equal(asim_file_read(path, 100, &data, &size, &err), 0);
    assert_string_equal(data, "old");
    free(data);
    assert_int_equal(asim_file_replace(path, "newer", 5, &err), 0);
    assert_int_equal(asim_file_read(path, 100, &data, &size, &err), 0);
    assert_int_equal(size, 5);
    assert_string_equal(data, "newer");
    free(data);
    assert_int_equal(asim_file_read(path, 4, &data, &size, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_int_equal(asim_file_replace("/nowhere/at/all", "x", 1, &err), -1);
    assert_int_equal(err.status, ASIM_EIO);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    char pipe_path[4200];
    struct stat status;
    snprintf(pipe_path, sizeof pipe_path, "%s.pipe", path);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_int_equal(asim_file_replace(pipe_path, "x", 1, &err), -1);
    assert_int_equal(stat(pipe_path, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    /* Nor a link to one. */
    char link_path[4300];
    snprintf(link_path, sizeof link_path, "%s.link", path);
    assert_int_equal(symlink(pipe_path, link_path), 0);
    assert_int_equal(asim_file_replace(link_path, "x", 1, &err), -1);
    assert_int_equal(lstat(link_path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(unlink(pipe_path), 0);
    free(path);
}

/* Makes private files as a host program would; leaves at once when one was not. */
static void *make_private_files(void *context)
{
    atomic_int *state = context; /* 0: go on; 1: enough; 2: one was readable */
    char path[] = "private-XXXXXX";
    close(mkstemp(path));
    while (atomic_load(state) == 0) {
        struct stat status;
        unlink(path);
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0666);
        if (fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & 077))
            atomic_store(state, 2);
        close(fd);
    }
    unlink(path);
    return NULL;
}

/* What is replaced has the permissions that the umask leaves, and at no moment does the
 * program have another umask, which would be that of its other threads too. */
static void the_umask_is_obeyed_and_never_changed(void **state)
{
    (void)state;
    char *path = in_folder("umask");
    struct stat status;
    pthread_t thread;
    atomic_int going = 0;
    mode_t before = umask(077);
    assert_int_equal(pthread_create(&thread, NULL, make_private_files, &going), 0);
    for (int i = 0; i < 4000 && atomic_load(&going) == 0; i++) {
        struct asim_output output;
        assert_int_equal(asim_output_open(path, &output, NULL), 0);
        asim_output_close(&output);
    }
    assert_int_equal(atomic_exchange(&going, 1), 0);
    pthread_join(thread, NULL);
    umask(027);
    assert_int_equal(asim_file_replace(path, "x", 1, NULL), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    umask(before);
    free(path);
}

static void folders_are_made_with_all_above_them(void **state)
{
    (void)state;
    struct asim_error err = {0};
    char *path = in_folder("a/b/c");
    char *file = in_folder("a/file");
    char *below = in_folder("a/file/d");
    assert_int_equal(asim_make_folder(path, &err), 0);
    assert_int_equal(asim_make_folder(path, &err), 0);
    assert_int_equal(asim_file_replace(file, "", 0, &err), 0);
    assert_int_equal(asim_make_folder(below, &err), -1);
    assert_non_null(strstr(err.text, "a file of that name"));
    free(path);
    free(file);
    free(below);
}

static void checksums_are_sha256(void **state)
{
    (void)state;
    char hex[65];
    /* FIPS 180-2, appendix B.1 */
    asim_sha256("abc", 3, hex);
    assert_string_equal(
        hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* What the shell makes of a quoted word must be the word. */
static void quoted_words_come_through_a_shell(void **state)
{
    (void)state;
    static const char *const words[] = {
        "plain", "",  "two words", "it's", "$(reboot)", "`x`",  "a\"b",  "a\\b",
        "*",     "~", "a\nb",      "'",    "''",        "-n;x", "&|<>!#"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char *quoted = asim_shell_quote(words[i], NULL);
        char *script = asim_format(NULL, "printf '%%s' %s", quoted);
        FILE *pipe = popen(script, "r");
        char out[100] = {0};
        size_t got = fread(out, 1, sizeof out - 1, pipe);
        assert_int_equal(pclose(pipe), 0);
        assert_int_equal(got, strlen(words[i]));
        assert_string_equal(out, words[i]);
        free(script);
        free(quoted);
    }
}

static void the_nearest_word_is_suggested(void **state)
{
    (void)state;
    static const char *const words[] = {"windows", "range", "temperature", "ns"};
    assert_string_equal(asim_nearest_word("window", words, 4), "windows");
    assert_string_equal(asim_nearest_word("rnage", words, 4), "range");
    assert_string_equal(asim_nearest_word("Temprature", words, 4), "temperature");
    assert_null(asim_nearest_word("quux", words, 4));
    assert_null(asim_nearest_word("anything", words, 0));
}

static void numbers_are_read_whole(void **state)
{
    (void)state;
    double real;
    int64_t count;
    assert_true(asim_parse_double("-1.5e3", &real) && real == -1500);
    assert_false(asim_parse_double("1.5x", &real));
    assert_false(asim_parse_double("", &real));
    assert_false(asim_parse_double("nan", &real));
    assert_false(asim_parse_double("inf", &real));
    assert_true(asim_parse_int64("-42", &count) && count == -42);
    assert_false(asim_parse_int64("1e3", &count));
    assert_false(asim_parse_int64("99999999999999999999", &count));
}

static void json_gives_back_every_double(void **state)
{
    (void)state;
    struct asim_error err = {0};
    struct asim_random random;
    double values[200], *back;
    size_t count;
    json_t *root;
    char *path = in_folder("numbers.json");
    asim_random_seed(&random, 7);
    for (size_t i = 0; i < 200; i++)
        values[i] = ldexp(asim_random_uniform(&random) - 0.5, (int)i * 10 - 1000);
    values[0] = NAN;
    root =
        json_pack("{s:o, s:i}", "values", asim_json_number_array(values, 200), "n", 3);
    assert_int_equal(asim_json_write(path, root, &err), 0);
    json_decref(root);
    assert_int_equal(asim_json_read(path, &root, &err), 0);
    assert_int_equal(asim_json_doubles(root, "values", &back, &count, &err), 0);
    assert_int_equal(count, 200);
    assert_true(isnan(back[0]));
    for (size_t i = 1; i < count; i++)
        assert_true(back[i] == values[i]);
    free(back);
    double missing;
    assert_int_equal(asim_json_double(root, "x", &missing, &err), -1);
    assert_non_null(strstr(err.text, "'x' is missing"));
    json_decref(root);
    assert_int_equal(asim_file_replace(path, "{\"a\": 1,\n oops", 14, &err), 0);
    assert_int_equal(asim_json_read(path, &root, &err), -1);
    assert_non_null(strstr(err.text, "line 2"));
    free(path);
}

/* Moments of a million numbers; bounds are 5 standard errors. */
static void json_text_is_always_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } rows[] = {
        {"", ""},
        {"CA", "CA"},
        {"\xc3\xa5", "\xc3\xa5"},
        {"T\xe9I", "T\xef\xbf\xbdI"},
        {"\xe9", "\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* too long */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *text = asim_json_string(rows[i].bytes);
        assert_non_null(text);
        assert_string_equal(json_string_value(text), rows[i].text);
        json_decref(text);
    }
}

static void random_numbers_have_their_distribution(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    struct asim_random random;
    double sum = 0, squares = 0, fourth = 0, exponential = 0;
    asim_random_seed(&random, 2026);
    for (int i = 0; i < COUNT; i++) {
        double g = asim_random_gaussian(&random);
        sum += g;
        squares += g * g;
        fourth += g * g * g * g;
        exponential += asim_random_exponential(&random);
    }
    double root = sqrt((double)COUNT);
    assert_true(fabs(sum / COUNT) < 5 / root);
    assert_true(fabs(squares / COUNT - 1) < 5 * sqrt(2) / root);
    assert_true(fabs(fourth / COUNT - 3) < 5 * sqrt(96) / root);
    assert_true(fabs(exponential / COUNT - 1) < 5 / root);
    assert_true(asim_random_derive(1, 0) != asim_random_derive(1, 1));
    assert_true(asim_random_derive(1, 0) != asim_random_derive(2, 0));
}

static int square_task(void *context, size_t task, int thread, struct asim_error *err)
{
    size_t *squares = context;
    (void)thread;
    if (task == 700 || task == 901)
        return asim_fail(err, ASIM_EFAIL, "task %zu", task);
    squares[task] = task * task;
    return 0;
}

static void parallel_loops_do_every_task_and_report_the_first_failure(void **state)
{
    (void)state;
    struct asim_error err = {0};
    size_t squares[1000] = {0};
    assert_int_equal(asim_parallel(700, 4, square_task, squares, &err), 0);
    for (size_t i = 0; i < 700; i++)
        assert_int_equal(squares[i], i * i);
    assert_int_equal(asim_parallel(1000, 3, square_task, squares, &err), -1);
    assert_string_equal(err.text, "task 700");
    assert_int_equal(asim_parallel(0, 3, square_task, squares, &err), 0);
}

static void threads_of_a_team_do_one_loop_after_the_other(void **state)
{
    (void)state;
    struct asim_error err = {0};
    struct asim_team *team;
    assert_int_equal(asim_team_create(3, &team, &err), 0);
    assert_int_equal(asim_team_thread_count(team), 3);
    for (size_t count = 0; count < 300; count++) {
        size_t squares[1000] = {0};
        assert_int_equal(asim_team_run(team, count, square_task, squares, &err), 0);
        for (size_t i = 0; i < 1000; i++)
            assert_int_equal(squares[i], i < count ? i * i : 0);
        if (count % 50 == 0) {
            assert_int_equal(asim_team_run(team, 1000, square_task, squares, &err), -1);
            assert_string_equal(err.text, "task 700");
        }
    }
    /* A child has the team's memory, not its threads. */
    pid_t child = fork();
    if (child == 0) {
        size_t squares[10] = {0};
        int rc = asim_team_run(team, 10, square_task, squares, &err);
        asim_team_destroy(team);
        _exit(rc == 0 && squares[9] == 81 ? 0 : 1);
    }
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
    asim_team_destroy(team);
    asim_team_destroy(NULL);
}

static void hear(void *context, enum asim_log_level level, const char *message,
                 const char *line)
{
    char *heard = context;
    assert_int_equal(level, ASIM_LOG_WARNING);
    assert_non_null(strstr(line, " | WARNING  | "));
    strcpy(heard, message);
}

static void log_is_renamed_when_it_is_long(void **state)
{
    (void)state;
    struct asim_log *logs[2];
    char *path = in_folder("long.log");
    char *data;
    size_t size, lines = 0;
    for (int i = 0; i < 2; i++) { /* as two processes */
        assert_int_equal(asim_log_open(path, &logs[i], NULL), 0);
        asim_log_limit(logs[i], 1000);
    }
    for (int i = 0; i < 90; i++)
        asim_log_write(logs[i % 2], ASIM_LOG_INFO, "line %d", i);
    for (int kept = 0; kept <= 3; kept++) {
        char name[40];
        snprintf(name, sizeof name, kept ? "long.log.%d" : "long.log", kept);
        char *one = in_folder(name);
        assert_int_equal(asim_file_read(one, 10000, &data, &size, NULL), 0);
        assert_true(size < 1100);
        for (size_t i = 0; i < size; i++)
            lines += data[i] == '\n';
        free(data);
        free(one);
    }
    assert_int_equal(lines, 90); /* none is lost */
    for (int i = 0; i < 2; i++)
        asim_log_close(logs[i]);
    free(path);
}

static void log_lines_have_the_documented_form(void **state)
{
    (void)state;
    struct asim_error err = {0};
    struct asim_log *log;
    char heard[100] = "", *data;
    size_t size;
    char *path = in_folder("test.log");
    assert_int_equal(asim_log_open(path, &log, &err), 0);
    asim_log_write(log, ASIM_LOG_INFO, "PCA complete: PC1 explains %.2f%%", 67.23);
    asim_log_set_listener(log, hear, heard);
    asim_log_write(log, ASIM_LOG_WARNING, "two\nlines");
    asim_log_close(log);
    asim_log_write(NULL, ASIM_LOG_INFO, "nowhere");
    assert_string_equal(heard, "two lines");
    assert_int_equal(asim_file_read(path, 1000, &data, &size, &err), 0);
    int year, month, day, hour, minute, second, end = 0;
    sscanf(data,
           "%4d-%2d-%2d %2d:%2d:%2d | INFO     | PCA complete: PC1 explains 67.23%%%n",
           &year, &month, &day, &hour, &minute, &second, &end);
    assert_true(end > 0 && data[end] == '\n');
    free(data);
    free(path);
}

static void memory_that_is_there_is_found(void **state)
{
    (void)state;
    uint64_t available = asim_memory_available_bytes();
    assert_true(available > (uint64_t)1 << 20 && available < (uint64_t)1 << 50);
    assert_true(asim_memory_peak_mb() > 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_wrapped_from_the_inside_out),
        cmocka_unit_test(exit_codes_are_the_documented_ones),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(a_file_is_replaced_whole_or_not_at_all),
        cmocka_unit_test(the_umask_is_obeyed_and_never_changed),
        cmocka_unit_test(folders_are_made_with_all_above_them),
        cmocka_unit_test(checksums_are_sha256),
        cmocka_unit_test(quoted_words_come_through_a_shell),
        cmocka_unit_test(the_nearest_word_is_suggested),
        cmocka_unit_test(numbers_are_read_whole),
        cmocka_unit_test(json_gives_back_every_double),
        cmocka_unit_test(json_text_is_always_utf8),
        cmocka_unit_test(random_numbers_have_their_distribution),
        cmocka_unit_test(parallel_loops_do_every_task_and_report_the_first_failure),
        cmocka_unit_test(threads_of_a_team_do_one_loop_after_the_other),
        cmocka_unit_test(log_lines_have_the_documented_form),
        cmocka_unit_test(log_is_renamed_when_it_is_long),
        cmocka_unit_test(memory_that_is_there_is_found),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests_name("base", tests, NULL, NULL);
    char *command = asim_format(NULL, "rm -r %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s is left\n", folder);
    free(command);
    return failed;
}
