/* How cores, GPUs and time are divided among windows: trials of their speed, what is
 * made of them, and limits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../supervise.h"
#include "base/clock.h"
#include "base/file.h"
#include "campaign/calibrate.h"
#include "campaign/driver.h"
#include "fixture.h"

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

static bool command_has(const char *folder, size_t i, const char *text)
{
    char command[4000];
    fixture_read_text(fixture_window_path(folder, i, "cmd.sh"), command,
                      sizeof command);
    return strstr(command, text) != NULL;
}

static bool two_cores(void)
{
    if (asim_cores_available() >= 2)
        return true;
    print_message("skipped: one core cannot be divided\n");
    return false;
}

/* The faster division is found, used, kept, used again without trials, and tried again
 * when gmx or the file is another one. */
static void test_calibration(void **state)
{
    (void)state;
    if (!two_cores())
        skip();
    char *folder = fixture_create_folder(), text[200], path[300];
    int cores = asim_cores_available();
    struct asim_run_options options = free_options();
    for (size_t i = 0; i < 4; i++)
        fixture_write_window(folder, i, OK_TPR);
    /* One window on all cores is much faster than any other number. */
    snprintf(text, sizeof text, "1:1 2:%d 4:1 %d:1000", cores == 2 ? 1000 : 1, cores);
    setenv("CAMPAIGN_GMX_SPEED", text, 1);
    struct asim_campaign *campaign = run_free(folder, 4, &options);
    struct asim_split splits[ASIM_SPLITS_MOST];
    char host[256], threads[20];
    size_t count = asim_campaign_splits(campaign, splits, host, sizeof host);
    assert_true(count >= 2);
    assert_int_equal(splits[count - 1].windows, 1);
    assert_true(splits[count - 1].ns_per_day == 1000);
    snprintf(threads, sizeof threads, "-ntomp %d ", cores);
    for (size_t i = 0; i < 4; i++)
        assert_true(command_has(folder, i, threads));
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
    assert_true(command_has(folder, 0, threads));
    assert_int_equal(log_count(folder, "Calibration: trying"), 1);

    /* A damaged file counts as none; one window has nothing to choose. */
    snprintf(path, sizeof path, "%s/calibration.json", folder);
    assert_int_equal(truncate(path, 100), 0);
    campaign = fixture_open(folder, 4, 100, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(asim_campaign_extend(campaign, i, 20, NULL), 0);
    asim_campaign_close(campaign);
    setenv("CAMPAIGN_GMX_SPEED", "1:900 2:1 4:1", 1);
    campaign = run_free(folder, 4, &options);
    assert_int_equal(log_count(folder, "Calibration: trying"), 2);
    if (cores <= 4)
        assert_true(command_has(folder, 0, "-ntomp 1 "));
    asim_campaign_close(campaign);
    unsetenv("CAMPAIGN_GMX_SPEED");
    fixture_remove_folder(folder);
}

/* Trials that fail, that hang, that are not wanted, that are not worth it. */
static void test_calibration_does_no_harm(void **state)
{
    (void)state;
    if (!two_cores())
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
    if (!two_cores())
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

static void put_program(const char *path, const char *text)
{
    assert_int_equal(asim_file_replace(path, text, strlen(text), NULL), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static void test_gpus(void **state)
{
    (void)state;
    char *folder = fixture_create_folder(), program[300], path[5000];
    struct asim_gromacs gromacs = {.gpu = "CUDA", .path = "gmx", .version = "2022.5"};
    struct asim_gromacs without = {.gpu = "disabled"};
    struct asim_gpus gpus;
    struct asim_error err;
    const char *searched = getenv("PATH");
    unsetenv("GMX_GPU_ID");
    setenv("CUDA_VISIBLE_DEVICES", "0,1,GPU-8f2a", 1);
    assert_int_equal(asim_gpus_choose(&gromacs, NULL, &gpus, &err), 0);
    assert_int_equal(gpus.count, 3);
    assert_int_equal(gpus.ids[2], 2); /* as gmx counts what it can see */
    assert_int_equal(asim_gpus_choose(&without, NULL, &gpus, &err), 0);
    assert_int_equal(gpus.count, 0);
    setenv("GMX_GPU_ID", "1", 1);
    assert_int_equal(asim_gpus_choose(&gromacs, NULL, &gpus, &err), 0);
    assert_int_equal(gpus.count, 0);
    unsetenv("GMX_GPU_ID");
    setenv("CUDA_VISIBLE_DEVICES", "", 1);
    assert_int_equal(asim_gpus_choose(&gromacs, NULL, &gpus, &err), 0);
    assert_int_equal(gpus.count, 0);
    setenv("CUDA_VISIBLE_DEVICES", "1,-1,2", 1);
    assert_int_equal(asim_gpus_choose(&gromacs, "auto", &gpus, &err), 0);
    assert_int_equal(gpus.count, 1);
    unsetenv("CUDA_VISIBLE_DEVICES");
    unsetenv("ROCR_VISIBLE_DEVICES");
    unsetenv("HIP_VISIBLE_DEVICES");
    snprintf(program, sizeof program, "%s/nvidia-smi", folder);
    put_program(program, "#!/bin/sh\n[ \"$1\" = -L ] || exit 1\n"
                         "echo 'GPU 0: A card (UUID: GPU-1)'\n"
                         "echo 'GPU 1: A card (UUID: GPU-2)'\n");
    snprintf(path, sizeof path, "%s:%s", folder, searched);
    setenv("PATH", path, 1);
    assert_int_equal(asim_gpus_choose(&gromacs, NULL, &gpus, &err), 0);
    assert_int_equal(gpus.count, 2);
    put_program(program, "#!/bin/sh\necho 'GPU 0: A card'\nexit 9\n");
    assert_int_equal(asim_gpus_choose(&gromacs, NULL, &gpus, &err), 0);
    assert_int_equal(gpus.count, 0);
    snprintf(path, sizeof path, "%s", strchr(getenv("PATH"), ':') + 1);
    setenv("PATH", path, 1);

    assert_int_equal(asim_gpus_choose(&gromacs, "3,1", &gpus, &err), 0);
    assert_int_equal(gpus.count, 2);
    assert_int_equal(gpus.ids[0], 3);
    assert_int_equal(asim_gpus_choose(&gromacs, "none", &gpus, &err), 0);
    assert_int_equal(gpus.count, 0);
    static const char *const wrong[] = {"",   "0,",  "0,,1", "a",
                                        "-1", "1,1", "0 1",  "99999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(asim_gpus_choose(&gromacs, wrong[i], &gpus, &err), -1);
        assert_int_equal(err.status, ASIM_EUSAGE);
    }
    assert_int_equal(asim_gpus_choose(&without, "0", &gpus, &err), -1);
    assert_int_equal(err.status, ASIM_EENV);
    fixture_remove_folder(folder);
}

/* Windows that run at once have GPUs of their own; the user's list counts. */
static void test_windows_take_gpus_in_turn(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    struct asim_error err = {0};
    struct asim_run_options options = free_options();
    int jobs = asim_cores_available() >= 2 ? 2 : 1;
    setenv("CAMPAIGN_GMX_GPU", "1", 1);
    setenv("CUDA_VISIBLE_DEVICES", "0,1", 1);
    options.jobs = jobs;
    options.ntomp = 1;
    options.gpus = "5,7";
    for (size_t i = 0; i < 2; i++)
        fixture_write_window(folder, i, OK_TPR);
    struct asim_campaign *campaign = fixture_open(folder, 2, 100, NULL);
    assert_int_equal(asim_campaign_start(campaign, &options, &err), 0);
    assert_int_equal(fixture_run(campaign, 60, &err), 0);
    assert_true(command_has(folder, 0, "-gpu_id 5\n"));
    assert_true(command_has(folder, 1, jobs == 2 ? "-gpu_id 7\n" : "-gpu_id 5\n"));
    asim_campaign_close(campaign);
    unsetenv("CAMPAIGN_GMX_GPU");
    unsetenv("CUDA_VISIBLE_DEVICES");
    fixture_remove_folder(folder);
}

static struct asim_window_status status_of(const struct asim_campaign *campaign,
                                           size_t i)
{
    struct asim_window_status status;
    assert_int_equal(asim_campaign_window(campaign, i, &status, NULL), 0);
    return status;
}

/* A window that has used up its hours is given up with that reason; with more it goes
 * on from where it was. What is left goes to gmx. */
static void test_hours_of_a_window(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    struct asim_error err = {0};
    struct asim_run_options options = free_options();
    options.jobs = options.ntomp = 1;
    options.window_maxh = 2;
    fixture_write_window(folder, 0, OK_TPR);
    struct asim_campaign *campaign = fixture_open(folder, 1, 100, NULL);
    campaign->windows[0].life.runtime_seconds = 1.99 * 3600;
    assert_int_equal(asim_campaign_start(campaign, &options, &err), 0);
    assert_int_equal(fixture_run(campaign, 60, &err), 0);
    struct asim_window_status status = status_of(campaign, 0);
    assert_int_equal(status.state, ASIM_WINDOW_FAILED);
    assert_non_null(strstr(status.cause, "used up its 2 h (--maxh-window)"));
    asim_campaign_close(campaign);

    campaign = fixture_open(folder, 1, 100, NULL);
    assert_int_equal(asim_campaign_retry(campaign, 0, &err), 0);
    campaign->windows[0].life.runtime_seconds = 1.5 * 3600;
    assert_int_equal(asim_campaign_start(campaign, &options, &err), 0);
    assert_int_equal(fixture_run(campaign, 60, &err), 0);
    assert_int_equal(status_of(campaign, 0).state, ASIM_WINDOW_COMPLETED);
    assert_true(command_has(folder, 0, "-maxh 0.5\n"));
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

/* --max-ns: what runs is stopped with its checkpoint, nothing is started any more; a
 * limit that the plan does not reach stops nothing. */
static void test_simulated_time(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    struct asim_error err = {0};
    struct asim_run_options options = free_options();
    options.jobs = options.ntomp = 1;
    options.most_ns = 0.00025; /* 125 steps of 200 */
    fixture_write_window(folder, 0, "100 1000 10 0 3\n");
    fixture_write_window(folder, 1, "100 1000 10 100000 3\n");
    struct asim_campaign *campaign = fixture_open(folder, 2, 100, NULL);
    assert_int_equal(asim_campaign_start(campaign, &options, &err), 0);
    assert_int_equal(fixture_run(campaign, 60, &err), 0);
    assert_int_equal(status_of(campaign, 0).state, ASIM_WINDOW_COMPLETED);
    struct asim_window_status status = status_of(campaign, 1);
    assert_int_equal(status.state, ASIM_WINDOW_WAITING);
    assert_true(status.step >= 25 && status.step < 100);
    asim_campaign_close(campaign);
    assert_int_equal(
        asim_make_folder(fixture_window_path(folder, 1, "../../hurry"), NULL), 0);
    options.most_ns = 0.0004;
    campaign = fixture_open(folder, 2, 100, NULL);
    assert_int_equal(asim_campaign_start(campaign, &options, &err), 0);
    assert_int_equal(fixture_run(campaign, 60, &err), 0);
    assert_int_equal(status_of(campaign, 1).state, ASIM_WINDOW_COMPLETED);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

int main(void)
{
    supervise();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_calibration_does_no_harm),
        cmocka_unit_test(test_calibration_is_stopped),
        cmocka_unit_test(test_gpus),
        cmocka_unit_test(test_windows_take_gpus_in_turn),
        cmocka_unit_test(test_hours_of_a_window),
        cmocka_unit_test(test_simulated_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
