/* GPUs, hours and simulated time, as they are divided among windows. */
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
#include "base/file.h"
#include "campaign/driver.h"
#include "engine/gpus.h"
#include "fixture.h"
#include "two_cores.h"

static const char OK_TPR[] = "100 10 20 100 3\n";

static struct asim_run_options free_options(void)
{
    struct asim_run_options options = ASIM_RUN_OPTIONS_INIT;
    options.gromacs = getenv("CAMPAIGN_GMX");
    return options;
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
    int jobs = two_cores_count;
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
    assert_true(fixture_command_has(folder, 0, "-gpu_id 5\n"));
    assert_true(
        fixture_command_has(folder, 1, jobs == 2 ? "-gpu_id 7\n" : "-gpu_id 5\n"));
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
    assert_true(fixture_command_has(folder, 0, "-maxh 0.5\n"));
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
    if (!two_cores_choose()) {
        printf("skipped: no core of this topology may be used\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpus),
        cmocka_unit_test(test_windows_take_gpus_in_turn),
        cmocka_unit_test(test_hours_of_a_window),
        cmocka_unit_test(test_simulated_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
