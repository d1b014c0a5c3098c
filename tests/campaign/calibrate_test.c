/* Trials of how the cores are best divided among windows, and what is made of them. */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../supervise.h"
#include "base/clock.h"
#include "base/file.h"
#include "campaign/calibrate.h"
#include "campaign/driver.h"
#include "fixture.h"
#include "two_cores.h"

static const char OK_TPR[] = "100 10 20 100 3\n";

/* 12 cores, windows enough for all of them: halves each time, all cores in use. */
static void test_candidates(void **state)
{
    (void)state;
    static const struct {
        int cores;
        size_t windows_left, count;
        int windows[5], threads[5];
    } rows[] = {
        {1, 10, 1, {1}, {1}},
        {2, 10, 2, {2, 1}, {1, 2}},
        {2, 1, 1, {1}, {2}},
        {12, 40, 4, {12, 6, 3, 1}, {1, 2, 4, 12}},
        {12, 5, 3, {6, 2, 1}, {2, 6, 12}},
        {64, 3, 2, {3, 1}, {21, 64}},
        {128, 2, 1, {2}, {64}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asim_split splits[ASIM_SPLITS_MOST];
        size_t count =
            asim_calibration_candidates(rows[i].cores, rows[i].windows_left, splits);
        for (size_t k = 0; k < count && k < 5; k++) {
            assert_int_equal(splits[k].windows, rows[i].windows[k]);
            assert_int_equal(splits[k].threads, rows[i].threads[k]);
            assert_true(splits[k].windows * splits[k].threads <= rows[i].cores);
        }
        assert_int_equal(count, rows[i].count);
    }
}

static void test_choice(void **state)
{
    (void)state;
    const struct asim_split splits[] = {{2, 1, 100}, {1, 2, 90}};
    assert_int_equal(asim_calibration_choose(splits, 2, 2, 10), 0);
    /* Of three windows the third has one core beside it idle: 3 rounds of 90 end
     * before 2 of 50. */
    assert_int_equal(asim_calibration_choose(splits, 2, 2, 3), 1);
    assert_int_equal(asim_calibration_choose(splits, 2, 2, 11), 0);
    assert_int_equal(asim_calibration_choose(splits, 2, 2, 1), 1);
    const struct asim_split failed[] = {{2, 1, 100}, {1, 2, NAN}};
    assert_int_equal(asim_calibration_choose(failed, 2, 2, 1), 0);
    /* Two of hyperthreading's eight: more threads are more here. */
    const struct asim_split wide[] = {{8, 1, 80}, {4, 2, 96}, {2, 4, 60}};
    assert_int_equal(asim_calibration_choose(wide, 3, 8, 100), 1);
}

static const char *whole_path(const char *folder)
{
    static char path[PATH_MAX];
    assert_non_null(realpath(folder, path));
    return path;
}

static struct asim_log *log_of(const char *folder)
{
    char path[300];
    struct asim_log *log;
    snprintf(path, sizeof path, "%s/autosim_compute.log", folder);
    assert_int_equal(asim_log_open(path, &log, NULL), 0);
    return log;
}

static size_t log_count(const char *folder, const char *text)
{
    static char log[100000];
    char path[300];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/autosim_compute.log", folder);
    fixture_read_text(path, log, sizeof log);
    for (const char *at = log; (at = strstr(at, text)); at++)
        count++;
    return count;
}

/* Runs the campaign to its end as a user without wishes would; its log is of all runs
 * in the folder. */
static struct asim_campaign *run_free(const char *folder, size_t count,
                                      const struct asim_run_options *options)
{
    struct asim_log *log = log_of(folder);
    struct asim_campaign *campaign = fixture_open(folder, count, 100, log);
    struct asim_error err = {0};
    campaign->timing.trial = 0.1;
    campaign->timing.trial_worth = INFINITY; /* of a work of no length, too */
    if (asim_campaign_start(campaign, options, &err) < 0)
        fail_msg("%s", err.text);
    int rc = fixture_run(campaign, 60, &err);
    if (rc != 0)
        fail_msg("rc %d: %s", rc, err.text);
    campaign->log = NULL;
    asim_log_close(log);
    return campaign;
}

static struct asim_run_options free_options(void)
{
    struct asim_run_options options = ASIM_RUN_OPTIONS_INIT;
    options.gromacs = getenv("CAMPAIGN_GMX");
    return options;
}

static bool can_divide(void)
{
    if (two_cores_count == 2)
        return true;
    print_message("skipped: one core cannot be divided\n");
    return false;
}

/* The faster division is found, used, kept, used again without trials, and tried again
 * when gmx or the file is another one. */
static void test_calibration(void **state)
{
    (void)state;
    if (!can_divide())
        skip();
    char *folder = fixture_create_folder(), path[300];
    struct asim_run_options options = free_options();
    for (size_t i = 0; i < 4; i++)
        fixture_write_window(folder, i, OK_TPR);
    /* One window on all cores is much faster than any other number. */
    setenv("CAMPAIGN_GMX_SPEED", "1:1 2:1000", 1);
    struct asim_campaign *campaign = run_free(folder, 4, &options);
    struct asim_split splits[ASIM_SPLITS_MOST];
    char host[256];
    size_t count = asim_campaign_splits(campaign, splits, host, sizeof host);
    assert_int_equal(count, 2);
    assert_int_equal(splits[1].windows, 1);
    assert_true(splits[1].ns_per_day == 1000);
    for (size_t i = 0; i < 4; i++)
        assert_true(fixture_command_has(folder, i, "-ntomp 2 "));
    asim_campaign_close(campaign);
    assert_int_equal(log_count(folder, "Calibration: trying"), 1);
    assert_int_equal(log_count(folder, "is the fastest for the 4 windows left"), 1);
    snprintf(path, sizeof path, "%s/calibration", folder);
    assert_false(asim_file_exists(path)); /* trials leave nothing */

    /* Known: no trials, and what they said before holds for what is left. */
    setenv("CAMPAIGN_GMX_SPEED", "1:1", 1);
    campaign = fixture_open(folder, 4, 100, NULL);
    assert_int_equal(asim_campaign_extend(campaign, 0, 10, NULL), 0);
    asim_campaign_close(campaign);
    campaign = run_free(folder, 4, &options);
    asim_campaign_close(campaign);
    assert_true(fixture_command_has(folder, 0, "-ntomp 2 "));
    assert_int_equal(log_count(folder, "Calibration: trying"), 1);

    /* A damaged file counts as none; one window has nothing to choose. */
    snprintf(path, sizeof path, "%s/calibration.json", folder);
    assert_int_equal(truncate(path, 100), 0);
    campaign = fixture_open(folder, 4, 100, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(asim_campaign_extend(campaign, i, 20, NULL), 0);
    asim_campaign_close(campaign);
    setenv("CAMPAIGN_GMX_SPEED", "1:900 2:1", 1);
    campaign = run_free(folder, 4, &options);
    assert_int_equal(log_count(folder, "Calibration: trying"), 2);
    assert_true(fixture_command_has(folder, 0, "-ntomp 1 "));
    asim_campaign_close(campaign);
    unsetenv("CAMPAIGN_GMX_SPEED");
    fixture_remove_folder(folder);
}

/* Trials that fail, that hang, that are not wanted, that are not worth it. */
static void test_calibration_does_no_harm(void **state)
{
    (void)state;
    if (!can_divide())
        skip();
    static const struct {
        const char *speeds;
        double seconds;
        int ntomp;
        double worth;
        size_t tried;
    } rows[] = {
        {"", 20, 0, INFINITY, 1},      /* every trial fails */
        {"1:5", 20, 0, INFINITY, 1},   /* only the first does not */
        {"1:5", 0.01, 0, INFINITY, 0}, /* no time for them */
        {"1:5", 0, 0, INFINITY, 0},    /* not wanted */
        {"1:5", 20, 1, INFINITY, 0},   /* the user says how many threads */
        {"1:5", 20, 0, 0.01, 0},       /* the work takes less than a second */
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        char *folder = fixture_create_folder();
        struct asim_run_options options = free_options();
        struct asim_error err = {0};
        options.calibrate_seconds = rows[k].seconds;
        options.ntomp = rows[k].ntomp;
        setenv("CAMPAIGN_GMX_SPEED", rows[k].speeds, 1);
        for (size_t i = 0; i < 3; i++)
            fixture_write_window(folder, i, OK_TPR);
        struct asim_log *log = log_of(folder);
        struct asim_campaign *campaign = fixture_open(folder, 3, 100, log);
        campaign->timing.trial = 0.1;
        campaign->timing.trial_worth = rows[k].worth;
        assert_int_equal(asim_campaign_start(campaign, &options, &err), 0);
        int rc = fixture_run(campaign, 60, &err);
        if (rc != 0)
            fail_msg("row %zu: rc %d: %s", k, rc, err.text);
        struct asim_campaign_progress progress;
        asim_campaign_progress(campaign, &progress);
        assert_int_equal(progress.completed, 3);
        assert_int_equal(log_count(folder, "Calibration: trying"), rows[k].tried);
        campaign->log = NULL;
        asim_log_close(log);
        asim_campaign_close(campaign);
        fixture_remove_folder(folder);
    }
    unsetenv("CAMPAIGN_GMX_SPEED");
}

/* A stop in the middle of the trials ends at once and leaves nothing behind. */
static void test_calibration_is_stopped(void **state)
{
    (void)state;
    if (!can_divide())
        skip();
    char *folder = fixture_create_folder(), path[300];
    struct asim_run_options options = free_options();
    struct asim_error err = {0};
    for (size_t i = 0; i < 3; i++)
        fixture_write_window(folder, i, OK_TPR);
    struct asim_campaign *campaign = fixture_open(folder, 3, 100, NULL);
    campaign->timing.trial = 0.1;
    campaign->timing.trial_worth = INFINITY;
    assert_int_equal(asim_campaign_start(campaign, &options, &err), 0);
    assert_non_null(campaign->driver->calibration);
    asim_campaign_stop(campaign);
    assert_int_equal(fixture_run(campaign, 10, &err), 0);
    asim_campaign_close(campaign);
    snprintf(path, sizeof path, "%s/calibration", folder);
    assert_false(asim_file_exists(path));
    campaign = fixture_open(folder, 3, 100, NULL);
    struct asim_window_status status;
    asim_campaign_window(campaign, 0, &status, NULL);
    assert_int_equal(status.attempts, 0);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

/* Every gmx of the campaign was bound within these cores. */
static void assert_bound(const char *path, const int *allowed, int allowed_count)
{
    char text[20000], *at = text;
    fixture_read_text(path, text, sizeof text);
    assert_true(text[0] != '\0');
    for (char *end; (at += strspn(at, " \n")), *at; at = end) {
        int cpu = (int)strtol(at, &end, 10), k = 0;
        while (k < allowed_count && allowed[k] != cpu)
            k++;
        if (k == allowed_count)
            fail_msg("gmx was let onto core %d:\n%s", cpu, text);
    }
}

/* The cores are those that were given at the start, for trials, for windows, and for
 * what comes later; the thread goes elsewhere meanwhile. */
static void test_given_cores(void **state)
{
    (void)state;
    if (!can_divide())
        skip();
    char *folder = fixture_create_folder(), path[PATH_MAX + 20];
    struct asim_error err = {0};
    struct asim_run_options options = free_options();
    struct asim_split splits[ASIM_SPLITS_MOST];
    char host[256];
    cpu_set_t both = two_cores_set(two_cores, 2), elsewhere = two_cores_machine;
    CPU_CLR(two_cores[1], &elsewhere);
    snprintf(path, sizeof path, "%s/cpus", whole_path(folder));
    setenv("CAMPAIGN_GMX_CPUS", path, 1);
    setenv("CAMPAIGN_GMX_SPEED", "1:1 2:1000", 1);
    for (size_t i = 0; i < 4; i++)
        fixture_write_window(folder, i, OK_TPR);
    struct asim_campaign *campaign = fixture_open(folder, 4, 100, NULL);
    campaign->timing.trial = 0.1;
    campaign->timing.trial_worth = INFINITY;
    two_cores_use(&two_cores_machine);
    assert_int_equal(
        asim_campaign_start_on_cores(campaign, &options, two_cores, 2, &err), 0);
    unlink(path); /* of gmx --version */
    two_cores_use(&elsewhere);
    assert_int_equal(fixture_run(campaign, 60, &err), 0);
    assert_int_equal(asim_campaign_splits(campaign, splits, host, sizeof host), 2);
    assert_true(splits[1].threads == 2 && splits[1].ns_per_day == 1000);
    assert_bound(path, two_cores, 2);
    asim_campaign_close(campaign);

    /* Nothing to do at the start: the cores are divided when there is. */
    options.calibrate_seconds = 0;
    campaign = fixture_open(folder, 4, 100, NULL);
    two_cores_use(&both);
    assert_int_equal(
        asim_campaign_start_on_cores(campaign, &options, two_cores, 1, &err), 0);
    assert_int_equal(asim_campaign_extend(campaign, 0, 10, NULL), 0);
    unlink(path);
    assert_int_equal(fixture_run(campaign, 60, &err), 0);
    assert_true(fixture_command_has(folder, 0, "-ntomp 1 "));
    assert_bound(path, two_cores, 1);
    asim_campaign_close(campaign);
    unsetenv("CAMPAIGN_GMX_CPUS");
    unsetenv("CAMPAIGN_GMX_SPEED");
    fixture_remove_folder(folder);
}

static void put_program(const char *path, const char *text)
{
    assert_int_equal(asim_file_replace(path, text, strlen(text), NULL), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

/* Trials that do not end in time are killed, with what a wrapper of gmx has started,
 * before the next ones begin: those are measured as if nothing had been. Four cores, on
 * two. */
static void test_calibration_kills(void **state)
{
    (void)state;
    if (!can_divide())
        skip();
    char *folder = fixture_create_folder(), program[PATH_MAX + 20],
         hangs[PATH_MAX + 20];
    struct asim_error err = {0};
    struct asim_run_options options = free_options();
    struct asim_gromacs gromacs;
    struct asim_gpus gpus = {0};
    int units[4] = {two_cores[0], two_cores[1], two_cores[0], two_cores[1]},
        physical[4] = {0, 1, 2, 3};
    struct asim_cores cores = {4, units, physical, 4, 4};
    setenv("AUTOSIM_CORE_CLAIMS", "off", 1);
    setenv("CAMPAIGN_GMX_SPEED", "1:5 2:hang 4:50", 1);
    snprintf(hangs, sizeof hangs, "%s/hangs", whole_path(folder));
    setenv("CAMPAIGN_GMX_HANGS", hangs, 1);
    snprintf(program, sizeof program, "%s/gmx", whole_path(folder));
    put_program(program, "#!/bin/sh\n\"$CAMPAIGN_GMX\" \"$@\" &\nwait $!\n");
    assert_int_equal(asim_gromacs_find(program, &gromacs, &err), 0);
    for (size_t i = 0; i < 4; i++)
        fixture_write_window(folder, i, OK_TPR);
    struct asim_log *log = log_of(folder);
    struct asim_campaign *campaign = fixture_open(folder, 4, 100, log);
    campaign->timing.trial = 0.1;
    campaign->timing.trial_worth = INFINITY;
    options.calibrate_seconds = 6; /* 2 for each: a loaded machine is slow */
    struct asim_calibration_request request = {.campaign = campaign,
                                               .options = &options,
                                               .gromacs = &gromacs,
                                               .gpus = &gpus,
                                               .cores = &cores,
                                               .epoll_fd = epoll_create1(0)};
    struct asim_calibration *calibration = asim_calibration_begin(&request);
    assert_non_null(calibration);
    while (!asim_calibration_step(calibration, asim_monotonic_seconds())) {
        double left = asim_calibration_due(calibration) - asim_monotonic_seconds();
        struct epoll_event event;
        epoll_wait(request.epoll_fd, &event, 1, left > 0 ? (int)(1e3 * left) + 1 : 1);
    }
    asim_calibration_destroy(calibration);
    struct asim_split splits[ASIM_SPLITS_MOST];
    char host[256];
    assert_int_equal(asim_campaign_splits(campaign, splits, host, sizeof host), 3);
    assert_true(splits[0].ns_per_day == 20);
    assert_false(splits[1].ns_per_day > 0);
    assert_true(splits[2].ns_per_day == 50);
    snprintf(program, sizeof program, "%s/calibration", folder);
    assert_false(asim_file_exists(program));
    close(request.epoll_fd);
    campaign->log = NULL;
    asim_log_close(log);
    asim_campaign_close(campaign);
    unsetenv("CAMPAIGN_GMX_HANGS");
    unsetenv("CAMPAIGN_GMX_SPEED");
    fixture_remove_folder(folder);
}

int main(void)
{
    supervise();
    if (!two_cores_choose()) {
        printf("skipped: no core of this topology may be used\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_calibration_does_no_harm),
        cmocka_unit_test(test_calibration_is_stopped),
        cmocka_unit_test(test_given_cores),
        cmocka_unit_test(test_calibration_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
