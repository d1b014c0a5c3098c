/* Programs of the cluster as they are started: their end, their output, whose settings
 * they see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "campaign/slurm_command.h"

static struct asim_command_result run(char *const *argv, double seconds)
{
    struct asim_command command = ASIM_COMMAND_INIT;
    struct asim_command_result result;
    struct asim_error err = {0};
    int rc;
    if (asim_command_start(argv, seconds, &command, &err) < 0)
        fail_msg("%s", err.text);
    while ((rc = asim_command_collect(&command, &result, &err)) == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        asim_command_check(&command, asim_monotonic_seconds());
    }
    if (rc < 0)
        fail_msg("%s", err.text);
    return result;
}

static void test_ends(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int exit_code;
        const char *out, *errors;
    } rows[] = {{"echo 17", 0, "17\n", ""},
                {"echo one; echo two >&2; echo three >&2; exit 4", 4, "one\n", "three"},
                {"kill -9 $$", -9, "", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *argv[] = {"sh", "-c", (char *)rows[i].script, NULL};
        struct asim_command_result result = run(argv, 60);
        assert_int_equal(result.exit_code, rows[i].exit_code);
        assert_string_equal(result.out, rows[i].out);
        assert_string_equal(result.errors, rows[i].errors);
        assert_false(result.timed_out);
        asim_command_result_finish(&result);
    }
}

static void test_time_is_over(void **state)
{
    (void)state;
    char *argv[] = {"sleep", "1000", NULL};
    struct asim_command_result result = run(argv, 0.05);
    assert_true(result.timed_out);
    assert_int_equal(result.exit_code, -9);
    asim_command_result_finish(&result);
}

static void test_missing_program(void **state)
{
    (void)state;
    struct asim_command command = ASIM_COMMAND_INIT;
    struct asim_error err = {0};
    char *argv[] = {"no-such-program-of-slurm", NULL};
    assert_int_equal(asim_command_start(argv, 1, &command, &err), -1);
    assert_int_equal(err.status, ASIM_EENV);
    assert_non_null(strstr(err.text, "no-such-program-of-slurm"));
    assert_int_equal(command.pidfd, -1);
}

/* What people set for their own squeue must not hide jobs from ours. */
static void test_settings_of_people(void **state)
{
    (void)state;
    static const char *const away[] = {"SQUEUE_PARTITION",    "SQUEUE_FORMAT",
                                       "SCANCEL_INTERACTIVE", "SBATCH_JOB_NAME",
                                       "SBATCH_COMMENT",      "SBATCH_WAIT"};
    static const char *const kept[] = {"SBATCH_ACCOUNT", "SLURM_CONF"};
    char line[64];
    for (size_t i = 0; i < sizeof away / sizeof *away; i++)
        setenv(away[i], "theirs", 1);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        setenv(kept[i], "theirs", 1);
    char *argv[] = {"env", NULL};
    struct asim_command_result result = run(argv, 60);
    assert_int_equal(result.exit_code, 0);
    for (size_t i = 0; i < sizeof away / sizeof *away; i++)
        assert_null(strstr(result.out, away[i]));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        snprintf(line, sizeof line, "%s=theirs\n", kept[i]);
        assert_non_null(strstr(result.out, line));
    }
    asim_command_result_finish(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_time_is_over),
        cmocka_unit_test(test_missing_program),
        cmocka_unit_test(test_settings_of_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
