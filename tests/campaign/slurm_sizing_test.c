/* How many jobs are asked for: from windows, cores, speed and what waits already. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "campaign/slurm.h"
#include "fixture.h"

#define TOKEN "00112233aabb"

enum { WINDOWS = 100 };
/* 10 ns with the fixture's time step of 0.002 ps. */
static const long STEPS = 5000000;

struct place {
    char *folder;
    struct asim_slurm slurm;
};

static struct place open_place(int cpus, int slots)
{
    struct place place = {.folder = fixture_create_folder()};
    for (size_t i = 0; i < WINDOWS; i++)
        fixture_write_window(place.folder, i, "100 10 10 0 3\n");
    place.slurm.campaign = fixture_open(place.folder, WINDOWS, STEPS, NULL);
    place.slurm.options = (struct asim_run_options)ASIM_RUN_OPTIONS_INIT;
    place.slurm.options.slurm.cpus = cpus;
    place.slurm.options.slurm.slots = slots;
    place.slurm.options.slurm.program = "/usr/bin/autosim";
    place.slurm.width = 1;
    return place;
}

static void close_place(struct place *place)
{
    asim_campaign_close(place->slurm.campaign);
    fixture_remove_folder(place->folder);
}

static void measure(const struct place *place, double ns_per_day)
{
    place->slurm.campaign->windows[0].life.ns_per_day = ns_per_day;
}

static void test_before_a_speed_is_known(void **state)
{
    (void)state;
    static const struct {
        int cpus, slots, nodes, jobs, wanted;
    } rows[] = {{4, 30, 1, 0, 25}, /* four windows a job */
                {4, 0, 1, 0, 16},  /* no more than the default */
                {0, 200, 1, 0, 100},
                {4, 30, 2, 0, 13},
                {4, 60, 1, 2, 50}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place place = open_place(rows[i].cpus, rows[i].slots);
        place.slurm.options.slurm.nodes = rows[i].nodes;
        place.slurm.options.jobs = rows[i].jobs;
        assert_int_equal(asim_slurm_elements_wanted(&place.slurm), rows[i].wanted);
        assert_true(isnan(asim_slurm_limits_needed(&place.slurm, 4)));
        close_place(&place);
    }
}

static void test_from_the_measured_speed(void **state)
{
    (void)state;
    struct place place = open_place(4, 30);
    /* 1000 ns at 4 x 10,000 ns/day are 2160 s: four jobs of ten minutes. */
    measure(&place, 10000);
    assert_int_equal(asim_slurm_elements_wanted(&place.slurm), 4);
    /* Half of every window is done. */
    for (size_t i = 0; i < WINDOWS; i++)
        place.slurm.campaign->windows[i].life.step = STEPS / 2;
    assert_int_equal(asim_slurm_elements_wanted(&place.slurm), 2);
    /* 10,800 s of one job are 2700 s of each of four; the limit leaves 3300 s. */
    measure(&place, 1000);
    assert_true(isnan(asim_slurm_limits_needed(&place.slurm, 4)));
    place.slurm.options.slurm.time = "1:00:00";
    assert_float_equal(asim_slurm_limits_needed(&place.slurm, 4), 2700.0 / 3300, 1e-9);
    close_place(&place);
}

static void test_what_waits_or_runs_counts(void **state)
{
    (void)state;
    struct place place = open_place(4, 30);
    struct asim_campaign *campaign = place.slurm.campaign;
    struct asim_slot_view slots[] = {{.state = ASIM_LEASE_ALIVE},
                                     {.state = ASIM_LEASE_LAPSED, .ended = true}};
    assert_int_equal(asim_jobs_add(&campaign->jobs, TOKEN, 5, NULL), 0);
    assert_int_equal(asim_slurm_elements_wanted(&place.slurm), 20);
    asim_jobs_look(&campaign->jobs, "1_0|RUNNING|autosim:" TOKEN "|n1|\n"
                                    "1_1|PENDING|autosim:" TOKEN "||Priority\n");
    assert_int_equal(asim_slurm_elements_wanted(&place.slurm), 24);
    /* Windows of a slot that lives are not free, those of one that is gone are. */
    place.slurm.slots = slots;
    place.slurm.slot_count = 2;
    for (size_t i = 0; i < 8; i++) {
        campaign->windows[i].life.phase = ASIM_PHASE_WATCHED;
        campaign->windows[i].source_index = i < 4 ? 0 : 1;
    }
    assert_int_equal(asim_slurm_free_windows(&place.slurm), 96);
    assert_int_equal(asim_slurm_elements_wanted(&place.slurm), 23);
    place.slurm.options.slurm.slots = 6;
    assert_int_equal(asim_slurm_elements_wanted(&place.slurm), 4);
    close_place(&place);
}

static void test_script_that_would_be_submitted(void **state)
{
    (void)state;
    struct place place = open_place(4, 0);
    struct asim_error err = {0};
    char *text = NULL;
    place.slurm.options.slurm.gres = "gpu:2";
    if (asim_campaign_job_script(place.slurm.campaign, &place.slurm.options, &text,
                                 &err) < 0)
        fail_msg("%s", err.text);
    static const char *const lines[] = {"#SBATCH --array=0-15\n", "--cpus-per-task=4\n",
                                        "#SBATCH --gres=gpu:2\n",
                                        "\nexec /usr/bin/autosim slot -C "};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(text, lines[i]))
            fail_msg("'%s' is not in:\n%s", lines[i], text);
    free(text);
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_a_speed_is_known),
        cmocka_unit_test(test_from_the_measured_speed),
        cmocka_unit_test(test_what_waits_or_runs_counts),
        cmocka_unit_test(test_script_that_would_be_submitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
