/* What can be asked of a campaign while it runs: extensions, cancels, pauses,
 * priorities, new windows; by its owner, by another thread, from outside; and the
 * asynchronous interface on top. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "campaign/requests.h"
#include "campaign/spool.h"
#include "fixture.h"

static const char SHORT_TPR[] = "100 10 20 100 3\n";
/* 20 s, unless it is stopped. */
static const char LONG_TPR[] = "100000 10 20 200 3\n";

struct place {
    char *folder;
    struct asim_campaign *campaign;
};

static struct asim_window_status status_of(const struct asim_campaign *campaign,
                                           size_t i)
{
    struct asim_window_status status;
    assert_int_equal(asim_campaign_window(campaign, i, &status, NULL), 0);
    return status;
}

static struct place open_place(size_t count, const char *tpr, long steps)
{
    struct place place = {.folder = fixture_create_folder()};
    for (size_t i = 0; i < count; i++)
        fixture_write_window(place.folder, i, tpr);
    place.campaign = fixture_open(place.folder, count, steps, NULL);
    return place;
}

static void close_place(struct place *place)
{
    asim_campaign_close(place->campaign);
    fixture_remove_folder(place->folder);
}

static void start(struct place *place, int jobs)
{
    struct asim_error err = {0};
    if (fixture_start(place->campaign, jobs, 3, &err) < 0)
        fail_msg("%s", err.text);
}

static void run_to_end(struct place *place)
{
    struct asim_error err = {0};
    int rc = fixture_run(place->campaign, 30, &err);
    if (rc != 0)
        fail_msg("rc %d: %s", rc, err.text);
}

/* Dispatches until window i is in a state. */
static void wait_for(struct place *place, size_t i, enum asim_window_state state)
{
    double end = asim_monotonic_seconds() + 20;
    while (status_of(place->campaign, i).state != state) {
        struct asim_error err = {0};
        struct pollfd watched = {asim_campaign_event_fd(place->campaign), POLLIN, 0};
        poll(&watched, 1, 100);
        if (asim_campaign_dispatch(place->campaign, &err) < 0)
            fail_msg("%s", err.text);
        if (asim_monotonic_seconds() > end)
            fail_msg("window %zu is %s: %s", i,
                     asim_window_state_name(status_of(place->campaign, i).state),
                     status_of(place->campaign, i).cause);
    }
}

static void request(struct place *place, const struct asim_request *wanted,
                    size_t changed)
{
    struct asim_error err = {0};
    struct asim_answer answer = {0};
    if (asim_campaign_request(place->campaign, wanted, &answer, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(answer.changed, changed);
}

static void reopen(struct place *place, size_t count, long steps)
{
    asim_campaign_close(place->campaign);
    place->campaign = fixture_open(place->folder, count, steps, NULL);
}

static void test_extend_planned_and_completed(void **state)
{
    (void)state;
    struct place place = open_place(2, SHORT_TPR, 100);
    assert_int_equal(asim_campaign_extend(place.campaign, 1, 50, NULL), 0);
    start(&place, 1);
    run_to_end(&place);
    assert_int_equal(status_of(place.campaign, 0).step, 100);
    assert_int_equal(status_of(place.campaign, 1).step, 150);
    /* Completed ones go on where they ended, and a new opening knows how far. */
    struct asim_request all = {.kind = ASIM_REQUEST_EXTEND, .steps = 100};
    request(&place, &all, 2);
    assert_int_equal(status_of(place.campaign, 0).state, ASIM_WINDOW_WAITING);
    reopen(&place, 2, 100);
    assert_int_equal(status_of(place.campaign, 1).nsteps, 250);
    start(&place, 2);
    run_to_end(&place);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(status_of(place.campaign, i).state, ASIM_WINDOW_COMPLETED);
        assert_int_equal(status_of(place.campaign, i).step, 200 + 50 * (int)i);
        assert_int_equal(
            fixture_count_lines(fixture_window_path(place.folder, i, "ends")), 2);
        /* From the checkpoint: each row once, that of the old end twice. */
        assert_int_equal(
            fixture_count_lines(fixture_window_path(place.folder, i, "bias.xvg")),
            (200 + 50 * i) / 10 + 1 + 1);
    }
    close_place(&place);
}

static void test_extend_running(void **state)
{
    (void)state;
    struct place place = open_place(1, "100 10 20 2000 3\n", 100);
    start(&place, 1);
    wait_for(&place, 0, ASIM_WINDOW_RUNNING);
    assert_int_equal(asim_campaign_extend(place.campaign, 0, 60, NULL), 0);
    run_to_end(&place);
    struct asim_window_status status = status_of(place.campaign, 0);
    assert_int_equal(status.state, ASIM_WINDOW_COMPLETED);
    assert_int_equal(status.step, 160);
    assert_int_equal(status.attempts, 2);
    close_place(&place);
}

static void test_extend_refuses_nonsense(void **state)
{
    (void)state;
    struct place place = open_place(1, SHORT_TPR, 100);
    struct asim_error err;
    assert_int_equal(asim_campaign_extend(place.campaign, 0, 0, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    assert_int_equal(asim_campaign_extend(place.campaign, 0, INT64_MAX, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    assert_int_equal(asim_campaign_extend(place.campaign, 1, 10, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    assert_int_equal(asim_campaign_extend(place.campaign, -1, 10, &err), -1);
    assert_int_equal(status_of(place.campaign, 0).nsteps, 100);
    close_place(&place);
}

static void test_cancel_running_and_waiting(void **state)
{
    (void)state;
    struct place place = open_place(3, LONG_TPR, 100000);
    start(&place, 1);
    wait_for(&place, 0, ASIM_WINDOW_RUNNING);
    const int ids[] = {0, 2, 2};
    struct asim_request cancel = {
        .kind = ASIM_REQUEST_CANCEL, .window_ids = ids, .window_count = 3};
    request(&place, &cancel, 2);
    assert_int_equal(status_of(place.campaign, 2).state, ASIM_WINDOW_CANCELLED);
    wait_for(&place, 1, ASIM_WINDOW_RUNNING); /* its core is free for the next */
    assert_int_equal(status_of(place.campaign, 0).state, ASIM_WINDOW_CANCELLED);
    assert_int_equal(asim_cancel(place.campaign, 1, NULL), 0);
    run_to_end(&place);
    struct asim_campaign_progress progress;
    asim_campaign_progress(place.campaign, &progress);
    assert_int_equal(progress.cancelled, 3);
    /* What was done is kept, and one can be taken back. */
    struct asim_request restore = {
        .kind = ASIM_REQUEST_RESTORE, .window_ids = ids, .window_count = 1};
    request(&place, &restore, 1);
    wait_for(&place, 0, ASIM_WINDOW_RUNNING);
    assert_int_equal(status_of(place.campaign, 0).attempts, 2);
    assert_int_equal(status_of(place.campaign, 1).state, ASIM_WINDOW_CANCELLED);
    asim_campaign_stop(place.campaign);
    run_to_end(&place);
    close_place(&place);
}

static void test_pause_and_resume(void **state)
{
    (void)state;
    struct place place = open_place(2, "500 10 20 1000 3\n", 500);
    start(&place, 1);
    wait_for(&place, 0, ASIM_WINDOW_RUNNING);
    assert_int_equal(asim_campaign_pause(place.campaign, NULL), 0);
    wait_for(&place, 0, ASIM_WINDOW_WAITING);
    for (int i = 0; i < 5; i++) { /* paused is not over */
        assert_int_equal(asim_campaign_dispatch(place.campaign, NULL), 1);
        assert_int_equal(status_of(place.campaign, 1).state, ASIM_WINDOW_PLANNED);
    }
    struct asim_campaign_progress progress;
    asim_campaign_progress(place.campaign, &progress);
    assert_true(progress.paused);
    assert_int_equal(asim_campaign_resume(place.campaign, NULL), 0);
    run_to_end(&place);
    assert_int_equal(status_of(place.campaign, 0).state, ASIM_WINDOW_COMPLETED);
    assert_int_equal(status_of(place.campaign, 1).state, ASIM_WINDOW_COMPLETED);
    /* A pause is on record; a start ends it. */
    assert_int_equal(asim_campaign_pause(place.campaign, NULL), 0);
    reopen(&place, 2, 500);
    assert_true(place.campaign->paused);
    start(&place, 1);
    assert_false(place.campaign->paused);
    close_place(&place);
}

static void test_priorities_choose_the_next(void **state)
{
    (void)state;
    struct place place = open_place(4, SHORT_TPR, 100);
    assert_int_equal(asim_campaign_set_priority(place.campaign, 3, 5, NULL), 0);
    start(&place, 1);
    assert_int_equal(asim_campaign_set_priority(place.campaign, 2, 7, NULL), 0);
    assert_int_equal(asim_campaign_set_priority(place.campaign, 0, -1, NULL), 0);
    run_to_end(&place);
    char journal[20000], path[300], order[5] = "";
    snprintf(path, sizeof path, "%s/journal.jsonl", place.folder);
    fixture_read_text(path, journal, sizeof journal);
    for (char *at = journal; (at = strstr(at, "\"event\":\"start\",\"window\":")); at++)
        strncat(order, at + 25, 1);
    assert_string_equal(order, "2310");
    close_place(&place);
}

/* A plan with one window more, as a file. */
static void write_longer_plan(const char *folder, const char *name, size_t count,
                              long steps, size_t added)
{
    struct asim_plan plan;
    char path[300];
    for (size_t i = count; i < count + added; i++)
        fixture_write_window(folder, i, SHORT_TPR);
    fixture_make_plan(folder, count + added, steps, &plan);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    fixture_write_plan(&plan, path);
    asim_plan_finish(&plan);
}

static void test_insert_windows(void **state)
{
    (void)state;
    struct place place = open_place(2, SHORT_TPR, 100);
    char path[300];
    start(&place, 2);
    wait_for(&place, 0, ASIM_WINDOW_RUNNING);
    write_longer_plan(place.folder, "more", 2, 100, 2);
    snprintf(path, sizeof path, "%s/more", place.folder);
    struct asim_error err = {0};
    if (asim_campaign_insert(place.campaign, path, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(asim_campaign_window_count(place.campaign), 4);
    run_to_end(&place);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(status_of(place.campaign, i).state, ASIM_WINDOW_COMPLETED);
    /* Made from the plan as it was: no longer true. */
    assert_int_equal(asim_campaign_insert(place.campaign, path, &err), -1);
    assert_int_equal(err.status, ASIM_EINPUT);
    asim_campaign_close(place.campaign);
    /* The folder opens by itself, for work and for looking. */
    if (asim_campaign_open(place.folder, NULL, &place.campaign, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(asim_campaign_window_count(place.campaign), 4);
    close_place(&place);
}

static void test_insert_survives_a_crash_before_the_renaming(void **state)
{
    (void)state;
    struct place place = open_place(1, SHORT_TPR, 100);
    char plan[300], next[300];
    snprintf(plan, sizeof plan, "%s/plan.json", place.folder);
    snprintf(next, sizeof next, "%s/plan.next.json", place.folder);
    write_longer_plan(place.folder, "more", 1, 100, 1);
    struct asim_plan old;
    fixture_make_plan(place.folder, 1, 100, &old);
    char more[300];
    snprintf(more, sizeof more, "%s/more", place.folder);
    assert_int_equal(asim_campaign_insert(place.campaign, more, NULL), 0);
    asim_campaign_close(place.campaign);
    /* As if the process had ended between the record and the renaming. */
    assert_int_equal(rename(plan, next), 0);
    fixture_write_plan(&old, plan);
    asim_plan_finish(&old);
    struct asim_error err = {0};
    for (int readonly = 1; readonly >= 0; readonly--) {
        int rc = readonly
                     ? asim_campaign_open_readonly(place.folder, &place.campaign, &err)
                     : asim_campaign_open(place.folder, NULL, &place.campaign, &err);
        if (rc < 0)
            fail_msg("%s", err.text);
        assert_int_equal(asim_campaign_window_count(place.campaign), 2);
        assert_int_equal(access(next, F_OK), readonly ? 0 : -1);
        if (readonly)
            asim_campaign_close(place.campaign);
    }
    close_place(&place);
}

/* Another process: it has nothing but the folder. */
struct sender {
    const char *folder;
    struct asim_request request;
    struct asim_answer answer;
    struct asim_error err;
    int rc;
    bool done;
};

static void *send(void *context)
{
    struct sender *sender = context;
    sender->rc = asim_request_send(sender->folder, &sender->request, 10,
                                   &sender->answer, &sender->err);
    __atomic_store_n(&sender->done, true, __ATOMIC_RELEASE);
    return NULL;
}

static void send_while_dispatching(struct place *place, struct sender *sender)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send, sender), 0);
    while (!__atomic_load_n(&sender->done, __ATOMIC_ACQUIRE)) {
        struct pollfd watched = {asim_campaign_event_fd(place->campaign), POLLIN, 0};
        poll(&watched, 1, 20);
        assert_true(asim_campaign_dispatch(place->campaign, NULL) >= 0);
    }
    pthread_join(thread, NULL);
}

static size_t spool_count(const char *folder)
{
    char(*ids)[ASIM_REQUEST_ID_BYTES];
    size_t count;
    assert_int_equal(asim_spool_list(folder, &ids, &count, NULL), 0);
    free(ids);
    return count;
}

static void test_requests_from_outside(void **state)
{
    (void)state;
    struct place place = open_place(2, LONG_TPR, 100000);
    const int one = 1, none = 7;
    start(&place, 1);
    wait_for(&place, 0, ASIM_WINDOW_RUNNING);
    struct sender extend = {.folder = place.folder,
                            .request = {.kind = ASIM_REQUEST_EXTEND, .steps = 10}};
    send_while_dispatching(&place, &extend);
    if (extend.rc < 0)
        fail_msg("%s", extend.err.text);
    assert_int_equal(extend.answer.changed, 2);
    assert_int_equal(status_of(place.campaign, 1).nsteps, 100010);
    struct sender wrong = {.folder = place.folder,
                           .request = {.kind = ASIM_REQUEST_CANCEL,
                                       .window_ids = &none,
                                       .window_count = 1}};
    send_while_dispatching(&place, &wrong);
    assert_int_equal(wrong.rc, -1);
    assert_int_equal(wrong.err.status, ASIM_EUSAGE);
    struct sender cancel = {.folder = place.folder,
                            .request = {.kind = ASIM_REQUEST_CANCEL,
                                        .window_ids = &one,
                                        .window_count = 1}};
    send_while_dispatching(&place, &cancel);
    assert_int_equal(status_of(place.campaign, 1).state, ASIM_WINDOW_CANCELLED);
    struct sender stop = {.folder = place.folder,
                          .request = {.kind = ASIM_REQUEST_STOP}};
    send_while_dispatching(&place, &stop);
    assert_int_equal(stop.rc, 0);
    run_to_end(&place);
    assert_int_equal(status_of(place.campaign, 0).state, ASIM_WINDOW_WAITING);
    assert_int_equal(spool_count(place.folder), 0);
    close_place(&place);
}

/* The journal has it, the file is still there: a crash fell between. */
static void test_a_request_is_followed_once(void **state)
{
    (void)state;
    struct place place = open_place(1, SHORT_TPR, 100);
    struct asim_request extend = {.kind = ASIM_REQUEST_EXTEND, .steps = 10};
    char id[ASIM_REQUEST_ID_BYTES], path[300], kept[300];
    assert_int_equal(asim_spool_write(place.folder, &extend, id, NULL), 0);
    snprintf(path, sizeof path, "%s/requests/%s.json", place.folder, id);
    snprintf(kept, sizeof kept, "%s/kept", place.folder);
    assert_int_equal(link(path, kept), 0);
    assert_int_equal(asim_requests_take(place.campaign, false, NULL), 0);
    assert_int_equal(status_of(place.campaign, 0).nsteps, 110);
    assert_int_equal(rename(kept, path), 0);
    reopen(&place, 1, 100);
    assert_int_equal(asim_requests_take(place.campaign, false, NULL), 0);
    assert_int_equal(status_of(place.campaign, 0).nsteps, 110);
    assert_int_equal(spool_count(place.folder), 0);
    /* Another one with the same words is another request. */
    assert_int_equal(asim_spool_write(place.folder, &extend, id, NULL), 0);
    assert_int_equal(asim_requests_take(place.campaign, false, NULL), 0);
    assert_int_equal(status_of(place.campaign, 0).nsteps, 120);
    close_place(&place);
}

static void test_damaged_requests_are_refused(void **state)
{
    (void)state;
    struct place place = open_place(1, SHORT_TPR, 100);
    struct asim_request extend = {.kind = ASIM_REQUEST_EXTEND, .steps = 10};
    char id[ASIM_REQUEST_ID_BYTES], path[300], *text;
    size_t size;
    assert_int_equal(asim_spool_write(place.folder, &extend, id, NULL), 0);
    snprintf(path, sizeof path, "%s/requests/%s.json", place.folder, id);
    assert_int_equal(asim_file_read(path, 10000, &text, &size, NULL), 0);
    for (size_t at = 0; at < size; at += 3) {
        char saved = text[at];
        text[at] ^= 1;
        assert_int_equal(asim_file_replace(path, text, size, NULL), 0);
        text[at] = saved;
        assert_int_equal(asim_requests_take(place.campaign, false, NULL), 0);
        /* The newline at the end is not sealed. */
        assert_int_equal(status_of(place.campaign, 0).nsteps, 100);
        assert_int_equal(spool_count(place.folder), 0);
        struct asim_answer answer;
        struct asim_error err;
        assert_int_equal(asim_spool_take_answer(place.folder, id, &answer, &err), -1);
        assert_int_equal(err.status, ASIM_EINPUT);
    }
    free(text);
    close_place(&place);
}

static void test_request_without_a_driver(void **state)
{
    (void)state;
    struct place place = open_place(1, SHORT_TPR, 100);
    struct asim_plan plan;
    char path[300];
    asim_campaign_close(place.campaign);
    snprintf(path, sizeof path, "%s/journal.jsonl", place.folder);
    unlink(path); /* it is of another plan */
    fixture_make_plan(place.folder, 1, 100, &plan);
    snprintf(path, sizeof path, "%s/plan.json", place.folder);
    fixture_write_plan(&plan, path);
    asim_plan_finish(&plan);
    struct asim_request extend = {.kind = ASIM_REQUEST_EXTEND, .steps = 10};
    struct asim_answer answer = {0};
    struct asim_error err = {0};
    if (asim_request_send(place.folder, &extend, 5, &answer, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(answer.changed, 1);
    assert_false(answer.pending);
    if (asim_campaign_open_readonly(place.folder, &place.campaign, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(status_of(place.campaign, 0).nsteps, 110);
    close_place(&place);
}

/* Events in a host's own loop, from another thread than the one that launches. */
struct host {
    struct place *place;
    int windows_completed;
    bool failed;
};

static void *host_loop(void *context)
{
    struct host *host = context;
    struct asim_campaign *campaign = host->place->campaign;
    double end = asim_monotonic_seconds() + 20;
    for (;;) {
        struct asim_event event;
        struct asim_error err;
        struct pollfd watched = {asim_event_fd(campaign), POLLIN, 0};
        poll(&watched, 1, 1000);
        int rc;
        while ((rc = asim_next_event(campaign, &event, &err)) == 1) {
            if (event.kind == ASIM_NEWS_IDLE && host->windows_completed >= 3)
                return NULL;
            host->windows_completed += event.kind == ASIM_NEWS_WINDOW &&
                                       event.window.state == ASIM_WINDOW_COMPLETED;
        }
        if (rc < 0 || asim_monotonic_seconds() > end) {
            host->failed = true;
            return NULL;
        }
    }
}

static void test_launches_and_events(void **state)
{
    (void)state;
    struct place place = open_place(5, SHORT_TPR, 100);
    struct asim_run_options options = ASIM_RUN_OPTIONS_INIT;
    struct asim_error err = {0};
    size_t launched = 0;
    options.gromacs = getenv("CAMPAIGN_GMX");
    options.jobs = options.ntomp = 1;
    options.launch_all = false;
    assert_int_equal(asim_launch_umbrella_window(place.campaign, 0, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    if (asim_campaign_start(place.campaign, &options, &err) < 0)
        fail_msg("%s", err.text);
    struct host host = {.place = &place};
    pthread_t thread;
    pthread_create(&thread, NULL, host_loop, &host);
    if (asim_launch_umbrella_window(place.campaign, 4, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(asim_launch_umbrella_window(place.campaign, 9, &err), -1);
    assert_int_equal(asim_execute_batch(place.campaign, 2, &launched, &err), 0);
    assert_int_equal(launched, 2);
    pthread_join(thread, NULL);
    assert_false(host.failed);
    assert_int_equal(host.windows_completed, 3);
    const enum asim_window_state expected[] = {
        ASIM_WINDOW_COMPLETED, ASIM_WINDOW_COMPLETED, ASIM_WINDOW_PLANNED,
        ASIM_WINDOW_PLANNED, ASIM_WINDOW_COMPLETED};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(status_of(place.campaign, i).state, expected[i]);
    /* A window that ended cannot be launched again. */
    assert_int_equal(asim_launch_umbrella_window(place.campaign, 4, &err), -1);
    char *text;
    assert_int_equal(asim_status_json(place.campaign, &text, &err), 0);
    assert_non_null(strstr(text, "\"total_ns_per_day\""));
    assert_non_null(strstr(text, "\"status\": \"Planned\""));
    free(text);
    assert_int_equal(asim_cancel(place.campaign, ASIM_ALL_WINDOWS, &err), 0);
    assert_int_equal(asim_launch_umbrella_window(place.campaign, 2, &err), -1);
    assert_int_equal(err.status, ASIM_ECANCELLED);
    close_place(&place);
}

int main(void)
{
    supervise();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extend_planned_and_completed),
        cmocka_unit_test(test_extend_running),
        cmocka_unit_test(test_extend_refuses_nonsense),
        cmocka_unit_test(test_cancel_running_and_waiting),
        cmocka_unit_test(test_pause_and_resume),
        cmocka_unit_test(test_priorities_choose_the_next),
        cmocka_unit_test(test_insert_windows),
        cmocka_unit_test(test_insert_survives_a_crash_before_the_renaming),
        cmocka_unit_test(test_requests_from_outside),
        cmocka_unit_test(test_a_request_is_followed_once),
        cmocka_unit_test(test_damaged_requests_are_refused),
        cmocka_unit_test(test_request_without_a_driver),
        cmocka_unit_test(test_launches_and_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
