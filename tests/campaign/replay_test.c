/*
 * Property: the replay of the journal, cut at any record, is the live state at that
 * record, for random sequences of durable and live events over several windows.
 * Seed: $CAMPAIGN_SEED, else random; it is printed.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/random.h"
#include "fixture.h"

enum { WINDOWS = 4, RECORDS = 300, SEQUENCES = 4 };

static double sometimes_unknown(struct asim_random *random)
{
    return asim_random_u64(random) % 4 ? asim_random_gaussian(random) * 1e3 : NAN;
}

static struct asim_window_change random_change(struct asim_random *random,
                                               const struct asim_window_life *life)
{
    struct asim_window_change change = {
        .event = (enum asim_window_event)(asim_random_u64(random) % ASIM_EVENT_COUNT),
        .attempt = life->attempts + (int)(asim_random_u64(random) % 2),
        .retries = (int)(asim_random_u64(random) % 4),
        .exit_code = (int)(asim_random_u64(random) % 300) - 20,
        .step = (int64_t)(asim_random_u64(random) % 1000) - 1,
        .ns_per_day = sometimes_unknown(random),
        .final_potential_energy_kj_mol = sometimes_unknown(random),
        .runtime_seconds = 100 * asim_random_uniform(random),
        .samples_bytes = (int64_t)(asim_random_u64(random) % 1000) - 1,
    };
    /* Quotes, backslashes and commas must not confuse a line. */
    snprintf(change.cause, sizeof change.cause, "cause \"%d\", \\ {\"crc\":\"%d\"}",
             change.exit_code, change.retries);
    memset(change.samples_sha256, 'a' + (int)(asim_random_u64(random) % 6), 64);
    return change;
}

static enum asim_window_phase durable_phase(enum asim_window_phase phase)
{
    return phase == ASIM_PHASE_WATCHED || phase == ASIM_PHASE_LOST ? ASIM_PHASE_INTENDED
                                                                   : phase;
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void compare(const struct asim_window_life *live,
                    const struct asim_window_life *replayed, uint64_t record)
{
    if (durable_phase(live->phase) != replayed->phase ||
        live->attempts != replayed->attempts ||
        live->machine_failures != replayed->machine_failures ||
        live->physics_failures != replayed->physics_failures ||
        live->restarts != replayed->restarts || live->nsteps != replayed->nsteps ||
        live->attempt_nsteps != replayed->attempt_nsteps ||
        live->priority != replayed->priority ||
        live->cancelled != replayed->cancelled || live->fresh != replayed->fresh ||
        live->best_step != replayed->best_step ||
        live->exit_code != replayed->exit_code || live->step != replayed->step ||
        !same_number(live->ns_per_day, replayed->ns_per_day) ||
        !same_number(live->final_potential_energy_kj_mol,
                     replayed->final_potential_energy_kj_mol) ||
        live->runtime_seconds != replayed->runtime_seconds ||
        strcmp(live->cause, replayed->cause) != 0 ||
        live->samples_bytes != replayed->samples_bytes ||
        strcmp(live->samples_sha256, replayed->samples_sha256) != 0)
        fail_msg("record %llu: live %s, attempt %d; replayed %s, attempt %d",
                 (unsigned long long)record, asim_window_phase_name(live->phase),
                 live->attempts, asim_window_phase_name(replayed->phase),
                 replayed->attempts);
}

/* The same of several windows in one record. */
static void live_order(struct asim_campaign *campaign, struct asim_random *random,
                       enum asim_window_event event, int record)
{
    size_t windows[WINDOWS];
    int64_t values[WINDOWS];
    struct asim_order order = {event, 1 + asim_random_u64(random) % WINDOWS, windows,
                               values};
    char request[ASIM_REQUEST_ID_BYTES];
    struct asim_error err;
    snprintf(request, sizeof request, "request %d", record);
    for (size_t k = 0; k < order.count; k++) {
        windows[k] = (k + (size_t)record) % WINDOWS;
        values[k] =
            (int64_t)(asim_random_u64(random) % 3) +
            (event == ASIM_EVENT_EXTEND ? campaign->windows[windows[k]].life.nsteps
                                        : -1);
    }
    if (asim_campaign_record_order(campaign, &order, request, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

/* lives[r] is the live state after r records of windows. */
static void live_through(const char *folder, struct asim_random *random,
                         struct asim_window_life lives[RECORDS + 1][WINDOWS])
{
    struct asim_campaign *campaign = fixture_open(folder, WINDOWS, 1000, NULL);
    struct asim_error err;
    for (int record = 0;;) {
        for (size_t i = 0; i < WINDOWS; i++)
            lives[record][i] = campaign->windows[i].life;
        if (record == RECORDS)
            break;
        size_t i = asim_random_u64(random) % WINDOWS;
        struct asim_window_change change =
            random_change(random, &campaign->windows[i].life);
        enum asim_window_action action;
        const int cpus[] = {(int)i, 7};
        /* Nothing follows a completion: only the last windows may have one, at the end.
         */
        if (change.event == ASIM_EVENT_COMPLETED && (i == 0 || record < RECORDS - 20))
            continue;
        if (change.event >= ASIM_EVENT_EXTEND && change.event <= ASIM_EVENT_PRIORITY) {
            live_order(campaign, random, change.event, record);
            record++;
            continue;
        }
        int rc = asim_campaign_record(campaign, i, &change, cpus, 2, &action, &err);
        if (rc == 0 && asim_window_event_durable(change.event)) {
            record++;
            if (asim_random_u64(random) % 3 == 0)
                assert_int_equal(asim_journal_commit(campaign->journal, &err), 0);
        }
    }
    assert_int_equal(asim_journal_commit(campaign->journal, &err), 0);
    asim_campaign_close(campaign);
}

static void replay_prefix(const char *folder, const char *data, size_t size, int record,
                          const struct asim_window_life *lives)
{
    char path[300];
    struct asim_plan plan;
    struct asim_campaign *campaign;
    struct asim_error err;
    snprintf(path, sizeof path, "%s/journal.jsonl", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
    fixture_make_plan(folder, WINDOWS, 1000, &plan);
    if (asim_campaign_open_plan(folder, &plan, "the plan", true, NULL, &campaign,
                                &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < WINDOWS; i++)
        compare(&lives[i], &campaign->windows[i].life, (uint64_t)record);
    asim_campaign_close(campaign);
}

static void test_replay_of_every_prefix(void **state)
{
    static struct asim_window_life lives[RECORDS + 1][WINDOWS];
    struct asim_random *random = *state;
    for (int sequence = 0; sequence < SEQUENCES; sequence++) {
        char *folder = fixture_create_folder(), *data, path[300];
        size_t size, at = 0;
        struct asim_error err;
        for (size_t i = 0; i < WINDOWS; i++)
            fixture_write_window(folder, i, "1000 1 1 1 3\n");
        live_through(folder, random, lives);
        snprintf(path, sizeof path, "%s/journal.jsonl", folder);
        assert_int_equal(asim_file_read(path, 1 << 24, &data, &size, &err), 0);
        for (int record = 0; record <= RECORDS; record++) {
            at = (size_t)(strchr(data + at, '\n') - data) + 1; /* head, then records */
            replay_prefix(folder, data, at, record, lives[record]);
            /* Torn in the next record: the same state. */
            if (at < size)
                replay_prefix(folder, data, at + 1 + asim_random_u64(random) % 40,
                              record, lives[record]);
        }
        assert_int_equal(at, size);
        free(data);
        fixture_remove_folder(folder);
    }
}

int main(void)
{
    const char *named = getenv("CAMPAIGN_SEED");
    uint64_t seed = named ? strtoull(named, NULL, 10) : asim_random_entropy() % 1000000;
    struct asim_random random;
    asim_random_seed(&random, seed);
    printf("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_replay_of_every_prefix, &random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
