/* Every (event, phase) of a window's life, and every limit, row by row. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "campaign/window_state.h"

/* One letter a phase: Planned Intended watched(R) Lost Waiting Completed Failed
 * cancelled(X); '.' is not allowed. One row an event, one column the phase it comes in.
 */
static const char phase_letters[] = "PIRLWCFX";
static const struct {
    enum asim_window_event event;
    const char *next;
    enum asim_window_action action;
    const char *actions; /* where they depend on the phase: Queue, Stop, none */
} rows[] = {
    {ASIM_EVENT_START, "I...I...", ASIM_ACTION_SPAWN, NULL},
    {ASIM_EVENT_COMPLETED, ".CCC....", ASIM_ACTION_FINISH, NULL},
    {ASIM_EVENT_WALLTIME, ".WWW....", ASIM_ACTION_QUEUE, NULL},
    {ASIM_EVENT_STOPPED, ".WWW....", ASIM_ACTION_QUEUE, NULL},
    {ASIM_EVENT_MACHINE, ".WWW....", ASIM_ACTION_QUEUE, NULL},
    {ASIM_EVENT_DISK_FULL, ".WWW....", ASIM_ACTION_PAUSE, NULL},
    {ASIM_EVENT_PHYSICS, ".WWW....", ASIM_ACTION_QUEUE, NULL},
    {ASIM_EVENT_INPUT, ".FFF....", ASIM_ACTION_GIVE_UP, NULL},
    {ASIM_EVENT_RESTART, ".WWW....", ASIM_ACTION_QUEUE, NULL},
    {ASIM_EVENT_RELAXED, ".WWW....", ASIM_ACTION_QUEUE, NULL},
    {ASIM_EVENT_REFUSED, "F...F...", ASIM_ACTION_GIVE_UP, NULL},
    {ASIM_EVENT_RETRY, "......W.", ASIM_ACTION_QUEUE, NULL},
    {ASIM_EVENT_EXTEND, "PIRLWWFX", ASIM_ACTION_NONE, ".....Q.."},
    {ASIM_EVENT_CANCEL, "XIRLX.X.", ASIM_ACTION_NONE, ".SSS...."},
    {ASIM_EVENT_RESTORE, ".IRL..WW", ASIM_ACTION_NONE, "......QQ"},
    {ASIM_EVENT_PRIORITY, "PIRLWCFX", ASIM_ACTION_NONE, NULL},
    {ASIM_EVENT_SPAWNED, ".R......", ASIM_ACTION_NONE, NULL},
    {ASIM_EVENT_SPAWN_FAILED, ".L......", ASIM_ACTION_PROBE, NULL},
    {ASIM_EVENT_REOPENED, ".LLL....", ASIM_ACTION_PROBE, NULL},
    {ASIM_EVENT_ADOPTED, "...R....", ASIM_ACTION_NONE, NULL},
    {ASIM_EVENT_SHIM_ENDED, "..L.....", ASIM_ACTION_PROBE, NULL},
    {ASIM_EVENT_LOCK_HELD, "...L....", ASIM_ACTION_PROBE_SOON, NULL},
    {ASIM_EVENT_LOCK_FREE, "...L....", ASIM_ACTION_JUDGE, NULL},
};

static struct asim_window_life life_in(enum asim_window_phase phase, int attempts)
{
    struct asim_window_life life;
    asim_window_life_init(&life, 1000);
    life.phase = phase;
    life.attempts = attempts;
    return life;
}

static struct asim_window_change change_of(enum asim_window_event event, int attempt,
                                           int64_t step)
{
    return (struct asim_window_change){.event = event,
                                       .attempt = attempt,
                                       .retries = 3,
                                       .step = step,
                                       .ns_per_day = NAN,
                                       .samples_bytes = -1};
}

static void test_every_event_in_every_phase(void **state)
{
    (void)state;
    assert_int_equal(sizeof rows / sizeof rows[0], ASIM_EVENT_COUNT);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        for (int phase = 0; phase < ASIM_PHASE_COUNT; phase++) {
            struct asim_window_life life = life_in((enum asim_window_phase)phase, 2);
            struct asim_window_life before = life;
            int attempt = rows[r].event == ASIM_EVENT_START ? 3 : 2;
            struct asim_window_change change = change_of(rows[r].event, attempt, 10);
            change.nsteps = 2000;
            enum asim_window_action action = ASIM_ACTION_NONE;
            int rc = asim_window_apply(&life, &change, &action);
            char expected = rows[r].next[phase];
            if (expected == '.') {
                if (rc != -1 || memcmp(&life, &before, sizeof life) != 0)
                    fail_msg("%s in %s is not refused",
                             asim_window_event_name(rows[r].event),
                             asim_window_phase_name((enum asim_window_phase)phase));
                continue;
            }
            enum asim_window_action wanted = rows[r].action;
            if (rows[r].actions && rows[r].actions[phase] != '.')
                wanted = rows[r].actions[phase] == 'Q' ? ASIM_ACTION_QUEUE
                                                       : ASIM_ACTION_STOP;
            if (rc != 0 || phase_letters[life.phase] != expected || action != wanted)
                fail_msg("%s in %s leads to %s, action %d",
                         asim_window_event_name(rows[r].event),
                         asim_window_phase_name((enum asim_window_phase)phase),
                         asim_window_phase_name(life.phase), (int)action);
        }
    }
}

static void test_attempt_numbers_must_fit(void **state)
{
    (void)state;
    enum asim_window_action action;
    struct asim_window_life life = life_in(ASIM_PHASE_WAITING, 4);
    struct asim_window_change change = change_of(ASIM_EVENT_START, 4, 0);
    assert_int_equal(asim_window_apply(&life, &change, &action), -1);
    change.attempt = 6;
    assert_int_equal(asim_window_apply(&life, &change, &action), -1);
    change.attempt = 5;
    assert_int_equal(asim_window_apply(&life, &change, &action), 0);
    change = change_of(ASIM_EVENT_COMPLETED, 4, 0);
    assert_int_equal(asim_window_apply(&life, &change, &action), -1);
    assert_int_equal(life.attempts, 5);
    assert_int_equal(life.phase, ASIM_PHASE_INTENDED);
}

/* Starts and ends attempts by the same event, step by step; gives the number of
 * attempts after which the window was given up, or `limit`. */
static int attempts_until_given_up(enum asim_window_event event, int64_t step_each,
                                   int limit)
{
    struct asim_window_life life = life_in(ASIM_PHASE_PLANNED, 0);
    enum asim_window_action action;
    for (int attempt = 1; attempt <= limit; attempt++) {
        struct asim_window_change start = change_of(ASIM_EVENT_START, attempt, 0);
        assert_int_equal(asim_window_apply(&life, &start, &action), 0);
        struct asim_window_change end = change_of(event, attempt, step_each * attempt);
        assert_int_equal(asim_window_apply(&life, &end, &action), 0);
        if (life.phase == ASIM_PHASE_FAILED) {
            assert_int_equal(action, ASIM_ACTION_GIVE_UP);
            return attempt;
        }
        bool repair = event == ASIM_EVENT_PHYSICS || event == ASIM_EVENT_RESTART;
        assert_int_equal(life.rewind, repair && attempt == 1);
        assert_int_equal(life.fresh, repair && attempt > 1);
        assert_int_equal(life.relax, event == ASIM_EVENT_PHYSICS && attempt > 1);
    }
    return limit;
}

static void test_limits(void **state)
{
    (void)state;
    /* retries 3: the fourth failure gives up; the first attempt at step 0 got further
     * than none. */
    assert_int_equal(attempts_until_given_up(ASIM_EVENT_MACHINE, 0, 50), 4);
    assert_int_equal(attempts_until_given_up(ASIM_EVENT_MACHINE, 1, 50), 50);
    assert_int_equal(attempts_until_given_up(ASIM_EVENT_PHYSICS, 1, 50), 4);
    assert_int_equal(attempts_until_given_up(ASIM_EVENT_RESTART, 1, 50), 4);
    assert_int_equal(attempts_until_given_up(ASIM_EVENT_INPUT, 1, 50), 1);
    assert_int_equal(attempts_until_given_up(ASIM_EVENT_WALLTIME, 0, 50), 50);
    assert_int_equal(attempts_until_given_up(ASIM_EVENT_STOPPED, 0, 50), 50);
    assert_int_equal(attempts_until_given_up(ASIM_EVENT_DISK_FULL, 0, 50), 50);
}

static void test_retry_starts_counting_anew(void **state)
{
    (void)state;
    struct asim_window_life life = life_in(ASIM_PHASE_FAILED, 4);
    life.machine_failures = 4;
    life.physics_failures = life.restarts = 1;
    struct asim_window_change change = change_of(ASIM_EVENT_RETRY, 0, 0);
    enum asim_window_action action;
    assert_int_equal(asim_window_apply(&life, &change, &action), 0);
    assert_int_equal(life.machine_failures + life.physics_failures + life.restarts, 0);
    assert_int_equal(life.attempts, 4);
}

static void test_start_consumes_fresh(void **state)
{
    (void)state;
    struct asim_window_life life = life_in(ASIM_PHASE_WAITING, 1);
    life.fresh = true;
    struct asim_window_change change = change_of(ASIM_EVENT_START, 2, 0);
    enum asim_window_action action;
    assert_int_equal(asim_window_apply(&life, &change, &action), 0);
    assert_false(life.fresh);
}

static void apply(struct asim_window_life *life, struct asim_window_change change)
{
    enum asim_window_action action;
    assert_int_equal(asim_window_apply(life, &change, &action), 0);
}

/* A blow-up: the checkpoint before the last; a relaxation; its structure. */
static void test_repair_of_the_physics(void **state)
{
    (void)state;
    struct asim_window_life life = life_in(ASIM_PHASE_PLANNED, 0);
    apply(&life, change_of(ASIM_EVENT_START, 1, 0));
    apply(&life, change_of(ASIM_EVENT_PHYSICS, 1, 500));
    assert_true(life.rewind && !life.fresh && !life.relax && life.reseeds == 1);
    apply(&life, change_of(ASIM_EVENT_START, 2, 0));
    assert_false(life.rewind);
    assert_int_equal(life.attempt_nsteps, 1000);
    apply(&life, change_of(ASIM_EVENT_PHYSICS, 2, 500));
    assert_true(!life.rewind && life.fresh && life.relax && life.reseeds == 2);
    apply(&life, change_of(ASIM_EVENT_START, 3, 0));
    assert_int_equal(life.attempt_nsteps, ASIM_RELAX_STEPS);
    /* A relaxation that is stopped goes on; its steps are none of the window's. */
    apply(&life, change_of(ASIM_EVENT_STOPPED, 3, 9000));
    assert_true(life.relax && life.best_step == 500);
    apply(&life, change_of(ASIM_EVENT_START, 4, 0));
    apply(&life, change_of(ASIM_EVENT_RELAXED, 4, ASIM_RELAX_STEPS));
    assert_true(life.fresh && !life.relax && life.start_attempt == 4);
    apply(&life, change_of(ASIM_EVENT_START, 5, 0));
    assert_int_equal(life.attempt_nsteps, 1000);
    /* It blew up from there too: another relaxation, from the planned structure. */
    apply(&life, change_of(ASIM_EVENT_PHYSICS, 5, 10));
    assert_true(life.relax && life.start_attempt == 0);
}

static void test_extended_while_it_runs(void **state)
{
    (void)state;
    struct asim_window_life life = life_in(ASIM_PHASE_PLANNED, 0);
    struct asim_window_change extend = {.event = ASIM_EVENT_EXTEND, .nsteps = 1500};
    apply(&life, change_of(ASIM_EVENT_START, 1, 0));
    apply(&life, extend);
    /* The attempt comes to the end it was started for, the window goes on. */
    assert_int_equal(life.attempt_nsteps, 1000);
    apply(&life, change_of(ASIM_EVENT_COMPLETED, 1, 1000));
    assert_int_equal(life.phase, ASIM_PHASE_WAITING);
    assert_false(life.fresh);
    apply(&life, change_of(ASIM_EVENT_START, 2, 0));
    apply(&life, change_of(ASIM_EVENT_COMPLETED, 2, 1500));
    assert_int_equal(life.phase, ASIM_PHASE_COMPLETED);
    /* Never shorter. */
    enum asim_window_action action;
    extend.nsteps = 1499;
    assert_int_equal(asim_window_apply(&life, &extend, &action), -1);
}

static void test_cancelled_while_it_runs(void **state)
{
    (void)state;
    for (int restored = 0; restored < 2; restored++) {
        struct asim_window_life life = life_in(ASIM_PHASE_PLANNED, 0);
        apply(&life, change_of(ASIM_EVENT_START, 1, 0));
        apply(&life, change_of(ASIM_EVENT_CANCEL, 0, 0));
        if (restored)
            apply(&life, change_of(ASIM_EVENT_RESTORE, 0, 0));
        apply(&life, change_of(ASIM_EVENT_STOPPED, 1, 10));
        assert_int_equal(life.phase,
                         restored ? ASIM_PHASE_WAITING : ASIM_PHASE_CANCELLED);
        assert_false(life.cancelled);
    }
    /* One that came to its end all the same is completed. */
    struct asim_window_life life = life_in(ASIM_PHASE_PLANNED, 0);
    apply(&life, change_of(ASIM_EVENT_START, 1, 0));
    apply(&life, change_of(ASIM_EVENT_CANCEL, 0, 0));
    apply(&life, change_of(ASIM_EVENT_COMPLETED, 1, 1000));
    assert_int_equal(life.phase, ASIM_PHASE_COMPLETED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_event_in_every_phase),
        cmocka_unit_test(test_attempt_numbers_must_fit),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_retry_starts_counting_anew),
        cmocka_unit_test(test_start_consumes_fresh),
        cmocka_unit_test(test_repair_of_the_physics),
        cmocka_unit_test(test_extended_while_it_runs),
        cmocka_unit_test(test_cancelled_while_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
