/* The driver with real processes: every way a window can end, stops, refusals. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "campaign/driver.h"
#include "engine/process.h"
#include "fixture.h"

static const char OK_TPR[] = "100 10 20 100 3\n";

static enum asim_window_state state_of(const struct asim_campaign *campaign, size_t i)
{
    struct asim_window_status status;
    assert_int_equal(asim_campaign_window(campaign, i, &status, NULL), 0);
    return status.state;
}

static struct asim_window_status status_of(const struct asim_campaign *campaign,
                                           size_t i)
{
    struct asim_window_status status;
    assert_int_equal(asim_campaign_window(campaign, i, &status, NULL), 0);
    return status;
}

/* Runs a campaign of windows with the given TPR texts to its end. */
static struct asim_campaign *run_all(char *folder, const char *const *tprs,
                                     size_t count, int retries, int expected_rc,
                                     struct asim_error *ret_err)
{
    struct asim_log *log;
    char path[300];
    for (size_t i = 0; i < count; i++)
        fixture_write_window(folder, i, tprs[i]);
    snprintf(path, sizeof path, "%s/autosim_compute.log", folder);
    assert_int_equal(asim_log_open(path, &log, NULL), 0);
    struct asim_campaign *campaign = fixture_open(folder, count, 100, log);
    struct asim_error err = {0};
    if (fixture_start(campaign, 1, retries, &err) < 0)
        fail_msg("%s", err.text);
    int rc = fixture_run(campaign, 60, &err);
    if (rc != expected_rc)
        fail_msg("rc %d: %s", rc, err.text);
    campaign->log = NULL;
    asim_log_close(log);
    if (ret_err)
        *ret_err = err;
    return campaign;
}

static bool log_has(const char *folder, const char *text)
{
    static char log[100000];
    char path[300];
    snprintf(path, sizeof path, "%s/autosim_compute.log", folder);
    fixture_read_text(path, log, sizeof log);
    return strstr(log, text) != NULL;
}

static void test_windows_complete(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    const char *tprs[] = {OK_TPR, OK_TPR, OK_TPR};
    struct asim_campaign *campaign = run_all(folder, tprs, 3, 3, 0, NULL);
    for (size_t i = 0; i < 3; i++) {
        struct asim_window_status status = status_of(campaign, i);
        assert_int_equal(status.state, ASIM_WINDOW_COMPLETED);
        assert_int_equal(status.attempts, 1);
        assert_int_equal(status.step, 100);
        assert_int_equal(status.exit_code, 0);
        assert_true(status.ns_per_day > 12.33 && status.ns_per_day < 12.35);
        assert_int_equal(
            fixture_count_lines(fixture_window_path(folder, i, "bias.xvg")), 11);
    }
    struct asim_campaign_progress progress;
    asim_campaign_progress(campaign, &progress);
    assert_int_equal(progress.completed, 3);
    assert_true(progress.fraction == 1 && progress.eta_seconds == 0);
    assert_true(log_has(folder, "| INFO     | Window 0: Completed successfully in "));
    assert_true(log_has(folder, "Window 2: Performance = 12.34 ns/day"));
    char text[2000];
    fixture_read_text(fixture_window_path(folder, 0, "cmd.sh"), text, sizeof text);
    assert_non_null(strstr(text, "-pin off"));
    assert_null(strstr(text, folder)); /* true wherever the campaign is moved */
    asim_campaign_close(campaign);

    /* The journal knows the samples' checksum, and a new opening knows it all. */
    char sha256[65];
    assert_int_equal(
        asim_file_sha256(fixture_window_path(folder, 1, "bias.xvg"), sha256, NULL), 0);
    campaign = fixture_open(folder, 3, 100, NULL);
    assert_string_equal(campaign->windows[1].life.samples_sha256, sha256);
    struct asim_error err;
    assert_int_equal(asim_campaign_check_samples(campaign, 1, &err), 0);
    const char *samples = fixture_window_path(folder, 1, "bias.xvg");
    char *kept;
    size_t size;
    assert_int_equal(asim_file_read(samples, 100000, &kept, &size, NULL), 0);
    kept[size - 2] ^= 1; /* the last digit */
    assert_int_equal(asim_file_replace(samples, kept, size, NULL), 0);
    assert_int_equal(asim_campaign_check_samples(campaign, 1, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    free(kept);
    assert_int_equal(fixture_start(campaign, 1, 3, &err), 0);
    assert_int_equal(fixture_run(campaign, 5, &err), 0);
    assert_int_equal(status_of(campaign, 0).attempts, 1);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

/* As a real reseeding, but for the text TPRs of this test: the blow-up is gone. */
static int reseed_text(const char *folder, const struct asim_plan *plan,
                       const struct asim_window *window,
                       const struct asim_window_start *start, struct asim_error *err)
{
    (void)plan, (void)window;
    char path[400], text[100];
    int length =
        snprintf(text, sizeof text, "%lld 10 20 0 3 %s\n", (long long)start->nsteps,
                 start->reseed_index < 2 ? "blowup" : "ok");
    snprintf(path, sizeof path, "%s/window.tpr", folder);
    return asim_file_replace(path, text, (size_t)length, err);
}

/* A host program that forks while windows run keeps copies of what is watched: their
 * ends are told once all the same, and nobody is woken for nothing. */
static void test_host_forks(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    struct asim_error err = {0};
    struct epoll_event events[8];
    fixture_write_window(folder, 0, "100 10 20 2000 3\n");
    struct asim_campaign *campaign = fixture_open(folder, 1, 100, NULL);
    assert_int_equal(fixture_start(campaign, 1, 0, &err), 0);
    assert_int_equal(asim_campaign_dispatch(campaign, &err), 1);
    assert_non_null(campaign->windows[0].runner);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(fixture_run(campaign, 60, &err), 0);
    int count = epoll_wait(campaign->driver->epoll_fd, events, 8, 0);
    for (int k = 0; k < count; k++)
        assert_true(events[k].data.u64 > 0); /* the window's */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

static void test_physics_starts_afresh_with_new_velocities(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    fixture_write_window(folder, 0, "100 10 20 0 3 blowup\n");
    struct asim_campaign *campaign = fixture_open(folder, 1, 100, NULL);
    campaign->make_tpr = reseed_text;
    struct asim_error err;
    assert_int_equal(fixture_start(campaign, 1, 3, &err), 0);
    assert_int_equal(fixture_run(campaign, 30, &err), 0);
    struct asim_window_status status = status_of(campaign, 0);
    assert_int_equal(status.state, ASIM_WINDOW_COMPLETED);
    /* As planned, from the checkpoint before, relaxed, and from there. */
    assert_int_equal(status.attempts, 4);
    assert_int_equal(status.failures, 2);
    /* Afresh: no samples of the failed attempts remain; the planned TPR is kept. */
    assert_int_equal(fixture_count_lines(fixture_window_path(folder, 0, "bias.xvg")),
                     11);
    char text[100];
    fixture_read_text(fixture_window_path(folder, 0, "planned.tpr"), text, sizeof text);
    assert_string_equal(text, "100 10 20 0 3 blowup\n");
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

static void test_retry_does_not_repeat_velocities(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    fixture_write_window(folder, 0, "100 10 20 0 3 blowup\n");
    for (int round = 0; round < 2; round++) {
        struct asim_campaign *campaign = fixture_open(folder, 1, 100, NULL);
        struct asim_error err;
        campaign->make_tpr = reseed_text;
        assert_int_equal(asim_campaign_retry(campaign, 0, &err), 0);
        assert_int_equal(fixture_start(campaign, 1, round == 0 ? 1 : 0, &err), 0);
        assert_int_equal(fixture_run(campaign, 30, &err), 0);
        struct asim_window_status status = status_of(campaign, 0);
        /* The planned TPR and reseeding 1 blow up; the retry begins with 2, and with a
         * relaxation. */
        assert_int_equal(status.attempts, round == 0 ? 2 : 4);
        assert_int_equal(status.state,
                         round == 0 ? ASIM_WINDOW_FAILED : ASIM_WINDOW_COMPLETED);
        asim_campaign_close(campaign);
    }
    fixture_remove_folder(folder);
}

static void test_causes_and_limits(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    const char *tprs[] = {"100 10 20 0 3 input\n", OK_TPR, "100 10 200 0 3 die\n",
                          "100 10 20 0 3 diefirst\n"};
    struct asim_campaign *campaign = run_all(folder, tprs, 4, 2, 0, NULL);
    /* Wrong input: no retry. */
    assert_int_equal(status_of(campaign, 0).state, ASIM_WINDOW_FAILED);
    assert_int_equal(status_of(campaign, 0).attempts, 1);
    /* A window given up does not stop the others. */
    assert_int_equal(status_of(campaign, 1).state, ASIM_WINDOW_COMPLETED);
    /* Killed at the same place each time: the first and two retries. */
    assert_int_equal(status_of(campaign, 2).state, ASIM_WINDOW_FAILED);
    assert_int_equal(status_of(campaign, 2).attempts, 3);
    assert_int_equal(status_of(campaign, 2).exit_code, -SIGKILL);
    /* Killed once: goes on from the checkpoint. */
    assert_int_equal(status_of(campaign, 3).state, ASIM_WINDOW_COMPLETED);
    assert_int_equal(status_of(campaign, 3).attempts, 2);
    assert_true(log_has(folder, "Window 2: Given up after 3 attempts (machine): "));
    asim_campaign_close(campaign);

    /* A window that was given up stays so, until another try is asked for. */
    campaign = fixture_open(folder, 4, 100, NULL);
    assert_int_equal(state_of(campaign, 2), ASIM_WINDOW_FAILED);
    struct asim_error err;
    assert_int_equal(asim_campaign_retry(campaign, 2, &err), 0);
    assert_int_equal(fixture_start(campaign, 1, 0, &err), 0);
    assert_int_equal(fixture_run(campaign, 30, &err), 0);
    assert_int_equal(status_of(campaign, 2).attempts, 4);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

static struct asim_log *open_log(const char *folder)
{
    struct asim_log *log;
    char path[300];
    snprintf(path, sizeof path, "%s/autosim_compute.log", folder);
    assert_int_equal(asim_log_open(path, &log, NULL), 0);
    return log;
}

static void test_full_disk_pauses_until_there_is_space(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    fixture_write_window(folder, 0, "100 10 20 0 3 full\n");
    fixture_write_window(folder, 1, OK_TPR);
    struct asim_log *log = open_log(folder);
    struct asim_campaign *campaign = fixture_open(folder, 2, 100, log);
    struct asim_error err = {0};
    campaign->timing.disk = 1000;
    assert_int_equal(fixture_start(campaign, 1, 2, &err), 0);
    for (int i = 0; i < 200 && !log_has(folder, "Campaign paused: the disk of"); i++)
        assert_int_equal(fixture_run(campaign, 0.05, &err), -2);
    assert_int_equal(fixture_run(campaign, 0.1, &err), -2); /* held, not over */
    assert_int_equal(status_of(campaign, 0).state, ASIM_WINDOW_WAITING);
    assert_int_equal(status_of(campaign, 0).failures, 0);
    assert_int_equal(status_of(campaign, 1).state, ASIM_WINDOW_PLANNED);
    FILE *space = fopen(fixture_window_path(folder, 0, "space"), "w");
    assert_non_null(space);
    fclose(space);
    campaign->driver->disk_until = campaign->driver->next_disk =
        0; /* time has passed */
    assert_int_equal(fixture_run(campaign, 30, &err), 0);
    assert_true(log_has(folder, "Campaign goes on"));
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(state_of(campaign, i), ASIM_WINDOW_COMPLETED);
    asim_campaign_close(campaign);
    asim_log_close(log);
    fixture_remove_folder(folder);
}

static void test_hung_gmx_is_killed(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    fixture_write_window(folder, 0, "100 10 20 0 3 hang\n");
    fixture_write_window(folder, 1, "2000 10 20 1000 3\n"); /* slow, not hung */
    struct asim_campaign *campaign = fixture_open(folder, 2, 100, NULL);
    struct asim_error err = {0};
    campaign->plan.windows[1].nsteps = campaign->windows[1].life.nsteps = 2000;
    campaign->timing.hang = 0.5;
    campaign->timing.grace = 0.2;
    assert_int_equal(fixture_start(campaign, 2, 1, &err), 0);
    assert_int_equal(fixture_run(campaign, 30, &err), 0);
    struct asim_window_status status = status_of(campaign, 0);
    assert_int_equal(status.state, ASIM_WINDOW_FAILED);
    assert_int_equal(status.attempts, 2);
    assert_int_equal(status.exit_code, -SIGKILL);
    assert_non_null(strstr(status.cause, "hung: gmx wrote nothing for"));
    assert_int_equal(state_of(campaign, 1), ASIM_WINDOW_COMPLETED);
    assert_int_equal(status_of(campaign, 1).attempts, 1);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

static void test_changed_and_missing_files_are_refused(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    for (size_t i = 0; i < 4; i++)
        fixture_write_window(folder, i, OK_TPR);
    struct asim_campaign *campaign = fixture_open(folder, 4, 100, NULL);
    fixture_write_window(folder, 0, "200 10 20 0 3\n");
    unlink(fixture_window_path(folder, 1, "bias.edi"));
    char away[300], path[300];
    snprintf(path, sizeof path, "%s/windows/002", folder);
    snprintf(away, sizeof away, "%s/away", folder);
    assert_int_equal(rename(path, away), 0);
    struct asim_error err;
    assert_int_equal(fixture_start(campaign, 2, 3, &err), 0);
    assert_int_equal(fixture_run(campaign, 30, &err), 0);
    static const char *const words[] = {"window.tpr' is not the planned file",
                                        "bias.edi' is missing", "folder"};
    for (size_t i = 0; i < 3; i++) {
        struct asim_window_status status = status_of(campaign, i);
        assert_int_equal(status.state, ASIM_WINDOW_FAILED);
        assert_int_equal(status.attempts, 0);
        if (!strstr(status.cause, words[i]))
            fail_msg("%s", status.cause);
    }
    assert_int_equal(state_of(campaign, 3), ASIM_WINDOW_COMPLETED);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

/* Runs until the first window has written samples: its gmx takes signals then. */
static void run_into_samples(struct asim_campaign *campaign, const char *folder)
{
    struct asim_error err = {0};
    for (int i = 0; i < 1000; i++) {
        int rc = fixture_run(campaign, 0.03, &err);
        if (rc != -2)
            fail_msg("rc %d: %s", rc, err.text);
        if (fixture_count_lines(fixture_window_path(folder, 0, "bias.xvg")) > 2)
            return;
    }
    fail_msg("no samples appeared");
}

static void test_stop_and_go_on(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    for (size_t i = 0; i < 2; i++)
        fixture_write_window(folder, i, "1000 10 100000 1000 3\n");
    struct asim_campaign *campaign = fixture_open(folder, 2, 1000, NULL);
    struct asim_error err;
    assert_int_equal(fixture_start(campaign, 1, 3, &err), 0);
    run_into_samples(campaign, folder);
    asim_campaign_stop(campaign);
    assert_int_equal(fixture_run(campaign, 10, &err), 0);
    struct asim_window_status status = status_of(campaign, 0);
    assert_int_equal(status.state, ASIM_WINDOW_WAITING);
    assert_int_equal(status.failures, 0);
    assert_true(status.step > 0 && status.step < 1000);
    assert_int_equal(state_of(campaign, 1), ASIM_WINDOW_PLANNED);
    asim_campaign_close(campaign);

    campaign = fixture_open(folder, 2, 1000, NULL);
    assert_int_equal(fixture_start(campaign, 2, 3, &err), 0);
    assert_int_equal(fixture_run(campaign, 30, &err), 0);
    assert_int_equal(state_of(campaign, 0), ASIM_WINDOW_COMPLETED);
    assert_int_equal(status_of(campaign, 0).attempts, 2);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

static void test_grace_and_second_stop(void **state)
{
    (void)state;
    for (int requests = 1; requests <= 2; requests++) {
        char *folder = fixture_create_folder();
        fixture_write_window(folder, 0, "1000000 10 100000 1000 3 deaf\n");
        struct asim_campaign *campaign = fixture_open(folder, 1, 1000000, NULL);
        struct asim_error err;
        assert_int_equal(fixture_start(campaign, 1, 3, &err), 0);
        run_into_samples(campaign, folder);
        campaign->timing.grace = requests == 1 ? 1 : 60;
        double start = asim_monotonic_seconds();
        for (int i = 0; i < requests; i++)
            asim_campaign_stop(campaign);
        assert_int_equal(fixture_run(campaign, 40, &err), 0);
        double waited = asim_monotonic_seconds() - start;
        assert_true(requests == 1 ? waited >= 0.99 : waited < 30);
        assert_int_equal(state_of(campaign, 0), ASIM_WINDOW_WAITING);
        assert_int_equal(status_of(campaign, 0).failures, 0);
        asim_campaign_close(campaign);
        fixture_remove_folder(folder);
    }
}

static void test_closed_campaign_is_adopted(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    fixture_write_window(folder, 0, "500 10 100000 1000 3\n");
    struct asim_campaign *campaign = fixture_open(folder, 1, 500, NULL);
    struct asim_error err;
    assert_int_equal(fixture_start(campaign, 1, 3, &err), 0);
    run_into_samples(campaign, folder);
    asim_campaign_close(campaign);
    campaign = fixture_open(folder, 1, 500, NULL);
    assert_int_equal(state_of(campaign, 0), ASIM_WINDOW_RUNNING);
    assert_int_equal(fixture_start(campaign, 1, 3, &err), 0);
    assert_int_equal(fixture_run(campaign, 10, &err), 0);
    assert_int_equal(status_of(campaign, 0).attempts, 1);
    assert_int_equal(state_of(campaign, 0), ASIM_WINDOW_COMPLETED);
    assert_int_equal(fixture_count_lines(fixture_window_path(folder, 0, "begins")), 1);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

static void test_second_driver_and_other_plan_are_refused(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    fixture_write_window(folder, 0, OK_TPR);
    struct asim_campaign *first = fixture_open(folder, 1, 100, NULL), *second;
    struct asim_plan plan;
    struct asim_error err;
    fixture_make_plan(folder, 1, 100, &plan);
    assert_int_equal(
        asim_campaign_open_plan(folder, &plan, "the plan", false, NULL, &second, &err),
        -1);
    assert_int_equal(err.status, ASIM_ELOCKED);
    char owner[40];
    snprintf(owner, sizeof owner, "process %ld on ", (long)getpid());
    assert_non_null(strstr(err.text, owner));
    /* Looking is allowed all the time. */
    assert_int_equal(
        asim_campaign_open_plan(folder, &plan, "the plan", true, NULL, &second, &err),
        0);
    assert_int_equal(asim_campaign_window_count(second), 1);
    asim_campaign_close(second);
    asim_campaign_close(first);
    fixture_make_plan(folder, 1, 100, &plan);
    assert_int_equal(asim_campaign_open_plan(folder, &plan, "another plan", false, NULL,
                                             &second, &err),
                     -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    assert_non_null(strstr(err.text, "plan.json was changed"));
    asim_plan_finish(&plan);
    fixture_remove_folder(folder);
}

static void test_full_journal_starts_nothing(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    fixture_write_window(folder, 0, OK_TPR);
    struct asim_campaign *campaign = fixture_open(folder, 1, 100, NULL);
    struct asim_error err;
    assert_int_equal(fixture_start(campaign, 1, 3, &err), 0);
    /* Room for the small files of the window's folder, none behind the journal. */
    struct rlimit saved, limit;
    getrlimit(RLIMIT_FSIZE, &saved);
    limit = (struct rlimit){300, saved.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    int rc = fixture_run(campaign, 5, &err);
    setrlimit(RLIMIT_FSIZE, &saved);
    assert_int_equal(rc, -1);
    assert_non_null(strstr(err.text, "cannot write"));
    assert_int_equal(fixture_count_lines(fixture_window_path(folder, 0, "begins")), 0);
    assert_int_equal(asim_campaign_dispatch(campaign, &err), -1);
    asim_campaign_close(campaign);
    campaign = fixture_open(folder, 1, 100, NULL);
    assert_int_equal(state_of(campaign, 0), ASIM_WINDOW_PLANNED);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

static void test_maxh_stops(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    fixture_write_window(folder, 0, "100000 10 100000 1000 3\n");
    struct asim_campaign *campaign = fixture_open(folder, 1, 100000, NULL);
    struct asim_run_options options = ASIM_RUN_OPTIONS_INIT;
    options.gromacs = getenv("CAMPAIGN_GMX");
    options.jobs = options.ntmpi = options.ntomp = 1;
    options.maxh = 0.3 / 3600;
    struct asim_error err;
    assert_int_equal(asim_campaign_start(campaign, &options, &err), 0);
    assert_int_equal(fixture_run(campaign, 10, &err), 0);
    assert_int_equal(state_of(campaign, 0), ASIM_WINDOW_WAITING);
    asim_campaign_close(campaign);
    fixture_remove_folder(folder);
}

int main(void)
{
    supervise();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_complete),
        cmocka_unit_test(test_host_forks),
        cmocka_unit_test(test_physics_starts_afresh_with_new_velocities),
        cmocka_unit_test(test_retry_does_not_repeat_velocities),
        cmocka_unit_test(test_causes_and_limits),
        cmocka_unit_test(test_full_disk_pauses_until_there_is_space),
        cmocka_unit_test(test_hung_gmx_is_killed),
        cmocka_unit_test(test_changed_and_missing_files_are_refused),
        cmocka_unit_test(test_stop_and_go_on),
        cmocka_unit_test(test_grace_and_second_stop),
        cmocka_unit_test(test_closed_campaign_is_adopted),
        cmocka_unit_test(test_second_driver_and_other_plan_are_refused),
        cmocka_unit_test(test_full_journal_starts_nothing),
        cmocka_unit_test(test_maxh_stops),
    };
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
