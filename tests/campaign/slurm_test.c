/* Parts of the cluster backend that need no cluster: queue, script, claims, leases,
 * joined journals. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "campaign/claim.h"
#include "campaign/lease.h"
#include "campaign/slurm_jobs.h"
#include "campaign/slurm_script.h"
#include "fixture.h"

#define TOKEN_A "00112233aabb"
#define TOKEN_B "ffeeddccbbaa"

static void test_queue_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int ours;
        enum asim_element_state state;
        const char *id, *node;
    } rows[] = {
        {"12_3|PENDING|autosim:" TOKEN_A "||Priority", 1, ASIM_ELEMENT_QUEUED, "12_3",
         ""},
        {"12_3|RUNNING|autosim:" TOKEN_A "|n[1-2]|None\nmore", 1, ASIM_ELEMENT_RUNNING,
         "12_3", "n[1-2]"},
        {"7|COMPLETING|autosim:" TOKEN_A "|n1|a|b", 1, ASIM_ELEMENT_RUNNING, "7", "n1"},
        {"7|NODE_FAIL|autosim:" TOKEN_A "|n1|", 1, ASIM_ELEMENT_ENDED, "7", "n1"},
        {"7|REQUEUED|autosim:" TOKEN_A "||", 1, ASIM_ELEMENT_QUEUED, "7", ""},
        {"7|PENDING|autosim:" TOKEN_A "||launch failed requeued held", 1,
         ASIM_ELEMENT_HELD, "7", ""},
        {"7|PENDING|autosim:" TOKEN_A "||JobHoldMaxRequeue", 1, ASIM_ELEMENT_HELD, "7",
         ""},
        {"7|REQUEUE_HOLD|autosim:" TOKEN_A "||job requeued in held state", 1,
         ASIM_ELEMENT_HELD, "7", ""},
        {"7|RUNNING|autosim:" TOKEN_A "|n1|launch failed requeued held", 1,
         ASIM_ELEMENT_RUNNING, "7", "n1"},
        {"7|PENDING|autosim:" TOKEN_A "||JobHeldUser", 1, ASIM_ELEMENT_QUEUED, "7", ""},
        {"7|PENDING|autosim:" TOKEN_A "|", 0, 0, "", ""},
        {"7|RUNNING|(null)|n1|", 0, 0, "", ""},
        {"7|RUNNING|autosim:" TOKEN_A "x|n1|", 0, 0, "", ""},
        {"7|RUNNING|autosim:00112233AABB|n1|", 0, 0, "", ""},
        {"7|RUNNING", 0, 0, "", ""},
        {"", 0, 0, "", ""},
        {"||||||", 0, 0, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asim_element element = {0};
        assert_int_equal(asim_queue_line(rows[i].line, &element), rows[i].ours);
        assert_int_equal(element.state, rows[i].state);
        assert_string_equal(element.id, rows[i].id);
        assert_string_equal(element.node, rows[i].node);
    }
}

static void test_submission_fates(void **state)
{
    (void)state;
    struct asim_jobs jobs = {0};
    struct asim_error err;
    int queued;
    assert_int_equal(asim_jobs_add(&jobs, TOKEN_A, 4, &err), 0);
    const struct asim_submission *one = asim_jobs_find(&jobs, TOKEN_A);
    assert_null(asim_jobs_find(&jobs, TOKEN_B));
    /* Submitted, not seen yet: its elements count, so that no second is submitted. */
    assert_int_equal(asim_jobs_live(&jobs, &queued), 4);
    asim_jobs_look(&jobs, "");
    assert_int_equal(asim_submission_fate(one, false), ASIM_SUBMISSION_INTENDED);
    assert_int_equal(asim_jobs_live(&jobs, &queued), 4);
    /* A second answer without it: lost, unless a slot of it began. */
    asim_jobs_look(&jobs, "1|RUNNING|autosim:" TOKEN_B "|n1|\n");
    assert_int_equal(asim_submission_fate(one, false), ASIM_SUBMISSION_LOST);
    assert_int_equal(asim_submission_fate(one, true), ASIM_SUBMISSION_ENDED);
    /* It comes up after all. */
    asim_jobs_look(&jobs, "5_0|RUNNING|autosim:" TOKEN_A "|n1|\n"
                          "5_1|PENDING|autosim:" TOKEN_A "||\n"
                          "5_2|FAILED|autosim:" TOKEN_A "|n2|\n");
    assert_int_equal(asim_submission_fate(one, false), ASIM_SUBMISSION_SEEN);
    assert_int_equal(asim_jobs_live(&jobs, &queued), 2);
    assert_int_equal(queued, 1);
    /* Its number now belongs to another job, by another token. */
    asim_jobs_look(&jobs, "5_0|RUNNING|autosim:" TOKEN_B "|n1|\n");
    assert_int_equal(asim_submission_fate(one, false), ASIM_SUBMISSION_INTENDED);
    asim_jobs_look(&jobs, "");
    assert_int_equal(asim_submission_fate(one, false), ASIM_SUBMISSION_ENDED);
    /* What Slurm holds does not keep others from being submitted. */
    asim_jobs_look(&jobs, "5_0|RUNNING|autosim:" TOKEN_A "|n1|None\n"
                          "5_1|PENDING|autosim:" TOKEN_A "||Priority\n"
                          "5_2|PENDING|autosim:" TOKEN_A "||JobHoldMaxRequeue\n");
    assert_int_equal(asim_jobs_live(&jobs, &queued), 2);
    assert_int_equal(queued, 1);
    assert_int_equal(asim_jobs_held(&jobs), 1);
    assert_string_equal(one->reason, "Priority");
    asim_jobs_look(&jobs, "5_2|PENDING|autosim:" TOKEN_A "||JobHoldMaxRequeue\n");
    assert_int_equal(asim_submission_fate(one, false), ASIM_SUBMISSION_ENDED);
    assert_int_equal(asim_jobs_live(&jobs, &queued), 0);
    assert_int_equal(asim_jobs_held(&jobs), 1);
    /* A suspended job neither takes a place nor has it ended. */
    asim_jobs_look(&jobs, "5_0|SUSPENDED|autosim:" TOKEN_A "|n1|None\n");
    assert_int_equal(asim_submission_fate(one, false), ASIM_SUBMISSION_SEEN);
    assert_int_equal(asim_jobs_live(&jobs, &queued), 0);
    asim_jobs_look(&jobs, "5_2|PENDING|autosim:" TOKEN_A "||JobHoldMaxRequeue\n");
    /* People released it. */
    asim_jobs_look(&jobs, "5_2|RUNNING|autosim:" TOKEN_A "|n1|None\n");
    assert_int_equal(one->state, ASIM_SUBMISSION_SEEN);
    assert_int_equal(asim_jobs_held(&jobs), 0);
    asim_jobs_look(&jobs, "5_0|CANCELLED|autosim:" TOKEN_A "|n1|\n");
    assert_int_equal(asim_submission_fate(one, false), ASIM_SUBMISSION_ENDED);
    asim_jobs_finish(&jobs);
}

static void test_job_records(void **state)
{
    (void)state;
    struct asim_jobs jobs = {0};
    struct asim_error err;
    json_t *records[] = {asim_record_submit(TOKEN_A, 3), asim_record_job(TOKEN_A, "17"),
                         asim_record_submit(TOKEN_B, 2),
                         asim_record_job_end(TOKEN_A, ASIM_SUBMISSION_LOST)};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(asim_jobs_replay(&jobs, records[i], &err), 0);
        json_decref(records[i]);
    }
    assert_int_equal(jobs.count, 2);
    assert_string_equal(jobs.submissions[0].job_id, "17");
    assert_int_equal(jobs.submissions[0].state, ASIM_SUBMISSION_LOST);
    assert_int_equal(jobs.submissions[1].state, ASIM_SUBMISSION_INTENDED);
    json_t *stray = asim_record_job("123456789012", "18");
    assert_int_equal(asim_jobs_replay(&jobs, stray, &err), -1);
    json_decref(stray);
    json_t *large = asim_record_submit("123456789012", 1 << 30);
    assert_int_equal(asim_jobs_replay(&jobs, large, &err), -1);
    json_decref(large);
    asim_jobs_finish(&jobs);
}

static void test_time_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds; /* NAN: none */
    } rows[] = {{"90", 5400},     {"90:30", 5430},  {"1:02:03", 3723},
                {"2-0", 172800},  {"2-12", 216000}, {"1-2:30", 95400},
                {"0-0:1:5", 65},  {"UNLIMITED", 0}, {"0", 0},
                {"", NAN},        {"-", NAN},       {"1-", NAN},
                {"1:2:3:4", NAN}, {"ten", NAN},     {"1:", NAN},
                {"1-2-3", NAN},   {":5", NAN},      {"99999999999999999999", NAN},
                {"1 2", NAN},     {"-5", NAN}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double seconds = -1;
        bool valid = asim_slurm_time(rows[i].text, &seconds);
        assert_int_equal(valid, !isnan(rows[i].seconds));
        if (valid)
            assert_true(seconds == rows[i].seconds);
    }
}

static char *script_text(const struct asim_run_options *options, const char *folder)
{
    struct asim_error err = {0};
    struct asim_job_script script = {.folder = folder,
                                     .name = "autosim-x",
                                     .token = TOKEN_A,
                                     .elements = 5,
                                     .width = 4,
                                     .excluded = "n3,n7"};
    assert_int_equal(asim_slurm_options_check(options, &err), 0);
    char *text = asim_job_script_text(&script, options, &err);
    assert_non_null(text);
    return text;
}

static void assert_has(const char *text, const char *line)
{
    if (!strstr(text, line))
        fail_msg("'%s' is not in:\n%s", line, text);
}

static void test_script(void **state)
{
    (void)state;
    struct asim_run_options options = ASIM_RUN_OPTIONS_INIT;
    options.slurm.program = "/opt/a b/autosim";
    options.slurm.partition = "cpu";
    options.slurm.time = "2:00:00";
    options.slurm.extra = "--qos=long\n#SBATCH --constraint=avx512";
    options.ntomp = 4;
    char *text = script_text(&options, "/data/50% $(x)");
    assert_has(text, "#!/bin/sh\n");
    assert_has(text, "#SBATCH --array=0-4\n");
    assert_has(text, "#SBATCH --comment=autosim:" TOKEN_A "\n");
    assert_has(text, "--cpus-per-task=4\n");
    assert_has(text, "#SBATCH --output='/data/50%% $(x)/slots/" TOKEN_A "-%a.out'\n");
    assert_has(text, "#SBATCH --qos=long\n#SBATCH --constraint=avx512\n");
    assert_has(text, "#SBATCH --exclude=n3,n7\n");
    assert_has(text, "\nexec '/opt/a b/autosim' slot -C '/data/50% $(x)' --token ");
    assert_has(text, " --usable 6900 --requeue\n"); /* 7200 s less the most, 300 s */
    assert_null(strstr(text, "--signal"));
    free(text);

    options.slurm.time = NULL;
    options.slurm.nodes = 2;
    options.slurm.modules = "gcc/12 'gro;macs'";
    text = script_text(&options, "/data");
    assert_has(text, "#!/bin/bash -l\n");
    assert_has(text, "module load gcc/12 || exit 1\n"
                     "module load ''\\''gro;macs'\\''' || exit 1\n");
    assert_has(text, "#SBATCH --signal=USR1@240\n");
    assert_has(text, "\nsrun --ntasks-per-node=1 ");
    assert_has(text, "scontrol requeue \"$SLURM_JOB_ID\"");
    free(text);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct asim_run_options good = ASIM_RUN_OPTIONS_INIT;
    struct asim_error err;
    good.slurm.program = "/autosim";
    struct asim_run_options bad = good;
    assert_int_equal(asim_slurm_options_check(&good, &err), 0);
    bad.slurm.partition = "a\nrm -rf";
    assert_int_equal(asim_slurm_options_check(&bad, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    bad = good;
    bad.slurm.time = "0:30";
    assert_int_equal(asim_slurm_options_check(&bad, &err), -1);
    bad = good;
    bad.maxh = 2;
    assert_int_equal(asim_slurm_options_check(&bad, &err), -1);
    bad = good;
    bad.slurm.poll_seconds = 5;
    assert_int_equal(asim_slurm_options_check(&bad, &err), -1);
    bad = good;
    bad.slurm.program = "autosim";
    assert_int_equal(asim_slurm_options_check(&bad, &err), -1);
}

/* Several processes want every window at once: each has exactly one owner. */
static void test_claim_race(void **state)
{
    (void)state;
    enum { PROCESSES = 6, WINDOWS = 60 };
    char *folder = fixture_create_folder();
    struct asim_error err;
    int won = 0;
    for (size_t i = 0; i < WINDOWS; i++)
        assert_int_equal(asim_make_folder(fixture_window_path(folder, i, ""), &err), 0);
    for (int p = 0; p < PROCESSES; p++) {
        if (fork() > 0)
            continue;
        char owner[20];
        int mine = 0;
        snprintf(owner, sizeof owner, "slot-%d", p);
        for (size_t i = 0; i < WINDOWS; i++) {
            int rc =
                asim_claim_take(fixture_window_path(folder, i, ""), 1, owner, &err);
            struct asim_claim claim = {0};
            int read =
                asim_claim_read(fixture_window_path(folder, i, ""), &claim, &err);
            bool is_owner = strcmp(claim.owner, owner) == 0;
            if (rc < 0 || read < 0 || claim.generation != 1 || is_owner != (rc == 1))
                _exit(255);
            mine += rc;
        }
        _exit(mine);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        wait(&status);
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), 255);
        won += WEXITSTATUS(status);
    }
    assert_int_equal(won, WINDOWS);
    /* The next generation is free again, and reading goes on from the last one seen. */
    struct asim_claim claim = {.generation = 1};
    assert_int_equal(
        asim_claim_take(fixture_window_path(folder, 0, ""), 2, "later", &err), 1);
    assert_int_equal(asim_claim_read(fixture_window_path(folder, 0, ""), &claim, &err),
                     0);
    assert_int_equal(claim.generation, 2);
    assert_string_equal(claim.owner, "later");
    fixture_remove_folder(folder);
}

static void sleep_seconds(double seconds)
{
    struct timespec left = {(time_t)seconds, (long)((seconds - (int)seconds) * 1e9)};
    nanosleep(&left, NULL);
}

/* A keeper that is stopped (SIGSTOP) for longer than its lease is killed by the kernel
 * while it is stopped, and by the time others call it lapsed it has been for long. */
static void test_stopped_keeper(void **state)
{
    (void)state;
    const double lease_seconds = 0.6;
    char *folder = fixture_create_folder();
    struct asim_error err;
    struct asim_lease_watch watch = {0};
    siginfo_t info = {0};
    pid_t keeper = fork();
    if (keeper == 0) {
        struct asim_lease *lease;
        if (asim_lease_keep(folder, lease_seconds, &lease, &err) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    sleep_seconds(0.3);
    assert_int_equal(asim_lease_look(folder, 60, &watch), ASIM_LEASE_UNSURE);
    sleep_seconds(0.3);
    assert_int_equal(asim_lease_look(folder, 60, &watch), ASIM_LEASE_ALIVE);
    sleep_seconds(1.5); /* as long as it beats it lives */
    assert_int_equal(asim_lease_look(folder, 60, &watch), ASIM_LEASE_ALIVE);
    kill(keeper, SIGSTOP);
    enum asim_lease_state seen;
    while ((seen = asim_lease_look(folder, 60, &watch)) != ASIM_LEASE_LAPSED) {
        assert_int_not_equal(seen, ASIM_LEASE_OVER);
        sleep_seconds(0.02);
    }
    assert_int_equal(waitid(P_PID, (id_t)keeper, &info, WEXITED | WNOHANG), 0);
    assert_int_equal(info.si_pid, keeper);
    assert_int_equal(info.si_code, CLD_KILLED);
    assert_int_equal(info.si_status, SIGKILL);
    /* Seen once, nobody has to wait again. */
    struct asim_lease_watch other = {0};
    assert_int_equal(asim_lease_look(folder, 60, &other), ASIM_LEASE_LAPSED);
    fixture_remove_folder(folder);
}

/* A keeper whose clock stood still while others gave it up leaves at its next beat. */
static void test_overruled_keeper(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    struct asim_error err;
    int status;
    pid_t keeper = fork();
    if (keeper == 0) {
        struct asim_lease *lease;
        if (asim_lease_keep(folder, 3, &lease, &err) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    sleep_seconds(0.2);
    char path[300];
    snprintf(path, sizeof path, "%s/lapsed", folder);
    fclose(fopen(path, "w"));
    sleep_seconds(1.3); /* the kernel would kill it a lease after the last beat only */
    assert_int_equal(waitpid(keeper, &status, WNOHANG), keeper);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    fixture_remove_folder(folder);
}

static void test_lease_end(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    struct asim_error err;
    struct asim_lease *lease;
    struct asim_lease_watch watch = {0};
    assert_int_equal(asim_lease_keep(folder, 1, &lease, &err), 0);
    asim_lease_end(lease, "walltime");
    assert_int_equal(asim_lease_look(folder, 60, &watch), ASIM_LEASE_OVER);
    assert_string_equal(watch.text, "over walltime");
    sleep_seconds(1.2); /* the kernel's promise went with it */
    fixture_remove_folder(folder);
}

/* A slot's journal with the given events of window 0 (and of window 1). */
static void write_slot(const char *folder, const char *id,
                       const struct asim_window_change *changes, size_t count)
{
    struct asim_journal *journal;
    struct asim_journal_info info;
    struct asim_error err;
    char path[300];
    snprintf(path, sizeof path, "%s/slots/%s", folder, id);
    assert_int_equal(asim_make_folder(path, &err), 0);
    snprintf(path, sizeof path, "%s/slots/%s/journal.jsonl", folder, id);
    assert_int_equal(asim_journal_open(path, NULL, NULL, &journal, &info, &err), 0);
    if (info.record_count == 0)
        asim_journal_add(journal, asim_record_head("the plan", 2), &err);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(asim_journal_add(journal,
                                          asim_record_window(0, &changes[i], NULL, 0),
                                          &err),
                         0);
    assert_int_equal(asim_journal_commit(journal, &err), 0);
    asim_journal_close(journal);
}

static void assert_life(const char *folder, bool readonly, enum asim_window_phase phase,
                        int attempts)
{
    struct asim_plan plan;
    struct asim_campaign *campaign;
    struct asim_error err = {0};
    fixture_make_plan(folder, 2, 100, &plan);
    if (asim_campaign_open_plan(folder, &plan, "the plan", readonly, NULL, &campaign,
                                &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(campaign->windows[0].life.phase, phase);
    assert_int_equal(campaign->windows[0].life.attempts, attempts);
    asim_campaign_close(campaign);
}

static void test_joined_journals(void **state)
{
    (void)state;
    char *folder = fixture_create_folder();
    for (size_t i = 0; i < 2; i++)
        fixture_write_window(folder, i, "100 10 10 0 3\n");
    const struct asim_window_change first[] = {
        {.event = ASIM_EVENT_START, .attempt = 1},
        {.event = ASIM_EVENT_STOPPED, .attempt = 1, .step = 40, .cause = "walltime"}};
    const struct asim_window_change second[] = {
        {.event = ASIM_EVENT_START, .attempt = 2},
        {.event = ASIM_EVENT_MACHINE, .attempt = 2, .retries = 3, .step = 60},
        {.event = ASIM_EVENT_REFUSED, .cause = "its files are gone"}};
    /* The later attempt's journal is found, and maybe read, first: it waits. */
    write_slot(folder, "a-later.0", second, 2);
    assert_life(folder, true, ASIM_PHASE_PLANNED, 0);
    write_slot(folder, "b-earlier.0", first, 2);
    assert_life(folder, true, ASIM_PHASE_WAITING, 2);
    /* The coordinator copies; a second opening, and onlookers, take nothing twice. */
    assert_life(folder, false, ASIM_PHASE_WAITING, 2);
    assert_life(folder, false, ASIM_PHASE_WAITING, 2);
    assert_life(folder, true, ASIM_PHASE_WAITING, 2);
    /* A refusal has no number of its own: only the copy's origin tells it is known. */
    write_slot(folder, "a-later.0", second + 2, 1);
    assert_life(folder, true, ASIM_PHASE_FAILED, 2);
    assert_life(folder, false, ASIM_PHASE_FAILED, 2);
    struct asim_error err;
    struct asim_campaign *campaign = fixture_open(folder, 2, 100, NULL);
    assert_int_equal(asim_campaign_retry(campaign, 0, &err), 0);
    asim_campaign_close(campaign);
    assert_life(folder, false, ASIM_PHASE_WAITING, 2);
    assert_life(folder, true, ASIM_PHASE_WAITING, 2);
    /* A record that is being written while it is read is left for the next time. */
    char path[300];
    snprintf(path, sizeof path, "%s/slots/a-later.0/journal.jsonl", folder);
    FILE *torn = fopen(path, "a");
    fputs("{\"event\":\"start\",\"win", torn);
    fclose(torn);
    assert_life(folder, true, ASIM_PHASE_WAITING, 2);
    fixture_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_lines),
        cmocka_unit_test(test_submission_fates),
        cmocka_unit_test(test_job_records),
        cmocka_unit_test(test_time_limits),
        cmocka_unit_test(test_script),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_claim_race),
        cmocka_unit_test(test_stopped_keeper),
        cmocka_unit_test(test_overruled_keeper),
        cmocka_unit_test(test_lease_end),
        cmocka_unit_test(test_joined_journals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
