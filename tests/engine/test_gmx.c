/*
 * The whole path with the installed gmx: found, run to its end, killed, stopped,
 * resumed, refused by its own checks, begun afresh. Skipped where there is no gmx.
 */
#include "engine_test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/mdrun.h"
#include "formats/tpr.h"

static struct asim_gromacs gromacs;
static char data_folder[4096];
enum { ATOMS = 22 };

static char *window_create(int64_t nsteps)
{
    char path[4200], *data = NULL;
    void *patched = NULL;
    size_t size, patched_size;
    struct asim_tpr tpr = {0};
    struct asim_error err = {0};
    char *folder = folder_create();
    snprintf(path, sizeof path, "%s/system-2022.tpr", data_folder);
    if (asim_file_read(path, 1 << 20, &data, &size, &err) < 0 ||
        asim_tpr_parse(data, size, &tpr, NULL, &err) < 0)
        fail_msg("%s", err.text);
    struct asim_tpr_patch patch = {.x_nm = (const float(*)[3])tpr.x_nm,
                                   .nsteps = nsteps,
                                   .ld_seed = 7,
                                   .velocity_seed = 8,
                                   .temperature_kelvin = 300.0};
    if (asim_tpr_patch(data, size, &patch, &patched, &patched_size, &err) < 0)
        fail_msg("%s", err.text);
    snprintf(path, sizeof path, "%s/" ASIM_MDRUN_TPR, folder);
    assert_int_equal(asim_file_replace(path, patched, patched_size, &err), 0);
    free(patched);
    free(data);
    asim_tpr_finish(&tpr);
    snprintf(path, sizeof path, "%s/window3.edi", data_folder);
    assert_int_equal(asim_file_read(path, 1 << 20, &data, &size, &err), 0);
    write_text(folder, "bias.edi", data);
    free(data);
    return folder;
}

static struct asim_process start(const char *folder, int attempt, double maxh)
{
    struct asim_mdrun mdrun = {.gromacs = &gromacs,
                               .bias = ASIM_BIAS_EDI,
                               .ntmpi = 1,
                               .ntomp = 1,
                               .checkpoint_minutes = 0.01,
                               .maxh = maxh};
    struct asim_process process = ASIM_PROCESS_INIT;
    struct asim_error err = {0};
    char **argv = NULL;
    if (asim_mdrun_prepare(folder, attempt, ASIM_FROM_CHECKPOINT, &err) < 0 ||
        asim_mdrun_command(&mdrun, &argv, &err) < 0)
        fail_msg("%s", err.text);
    struct asim_spawn spawn = {
        .folder = folder, .attempt = attempt, .argv = (const char *const *)argv};
    if (asim_process_spawn(&spawn, &process, &err) < 0)
        fail_msg("%s", err.text);
    asim_argv_free(argv);
    return process;
}

static struct asim_run_outcome judge(const char *folder, int attempt, int64_t nsteps)
{
    struct asim_exit_record record;
    struct asim_run_outcome outcome = {0};
    struct asim_error err = {0};
    int there = asim_exit_record_read(folder, attempt, &record, &err);
    if (there < 0 || asim_mdrun_judge(folder, attempt, there ? &record : NULL, nsteps,
                                      ATOMS, &outcome, &err) < 0)
        fail_msg("%s", err.text);
    print_message("attempt %d: %s, step %lld: %s\n", attempt,
                  asim_run_end_name(outcome.end), (long long)outcome.step,
                  outcome.cause);
    return outcome;
}

static int setup(void **state)
{
    (void)state;
    struct asim_error err = {0};
    const char *data = getenv("AUTOSIM_TEST_DATA");
    if (!data)
        data = getenv("AUTOSIM_TEST_DATA_DEFAULT");
    snprintf(data_folder, sizeof data_folder, "%s/ala", data ? data : "../shared/data");
    if (access(data_folder, R_OK) < 0 || asim_gromacs_find(NULL, &gromacs, &err) < 0) {
        print_message("skipped: no gmx, or no test data in '%s'\n", data_folder);
        exit(77);
    }
    return 0;
}

static void test_found(void **state)
{
    (void)state;
    struct asim_error err = {0};
    struct asim_gromacs none;
    assert_true(gromacs.path[0] == '/');
    assert_true(gromacs.year >= 2018 && gromacs.patch >= 0);
    assert_true(gromacs.thread_mpi != gromacs.mpi);
    assert_true(strlen(gromacs.simd) > 0 && strlen(gromacs.gpu) > 0);
    assert_int_equal(asim_gromacs_find("no-such-gmx", &none, &err), -1);
    assert_int_equal(err.status, ASIM_EENV);
    assert_int_equal(asim_gromacs_find("/bin/echo", &none, &err), -1);
    assert_non_null(strstr(err.text, "is it GROMACS"));
}

static void test_to_the_end(void **state)
{
    (void)state;
    char *folder = window_create(20003);
    struct asim_process process = start(folder, 1, 0);
    assert_int_equal(wait_process(&process, 60), 0);
    struct asim_run_outcome outcome = judge(folder, 1, 20003);
    assert_int_equal(outcome.end, ASIM_END_COMPLETED);
    assert_int_equal(outcome.step, 20003);
    assert_true(outcome.ns_per_day > 0);
    assert_true(fabs(outcome.final_potential_energy_kj_mol) < 500);
    assert_int_equal(asim_mdrun_step(folder, 0.004), 20003);
    /* The plan asks for more than the TPR holds: its structure is not the final one. */
    assert_int_equal(judge(folder, 1, 30000).end, ASIM_END_INPUT);
    /* Again at the last step: completed again. */
    process = start(folder, 2, 0);
    assert_int_equal(wait_process(&process, 60), 0);
    assert_int_equal(judge(folder, 2, 20003).end, ASIM_END_COMPLETED);
    folder_remove(folder);
}

static void test_kill_stop_resume(void **state)
{
    (void)state;
    char *folder = window_create(2000000000);
    struct asim_process process = start(folder, 1, 0);
    wait_file(folder, ASIM_MDRUN_CPT);
    assert_true(asim_process_signal(folder, 1, SIGKILL));
    assert_int_equal(wait_process(&process, 20), 0);
    struct asim_run_outcome outcome = judge(folder, 1, 2000000000);
    assert_int_equal(outcome.end, ASIM_END_MACHINE);
    int64_t killed_at = outcome.step;

    process = start(folder, 2, 0);
    wait_file(folder, "attempt-2.process.json");
    sleep_ms(1500);
    assert_true(asim_process_signal(folder, 2, SIGTERM));
    assert_int_equal(wait_process(&process, 20), 0);
    outcome = judge(folder, 2, 2000000000);
    assert_int_equal(outcome.end, ASIM_END_STOPPED);
    assert_true(outcome.step > killed_at / 2);

    process = start(folder, 3, 0.0003);
    assert_int_equal(wait_process(&process, 20), 0);
    assert_int_equal(judge(folder, 3, 2000000000).end, ASIM_END_WALLTIME);

    process = start(folder, 4, 0);
    wait_file(folder, "attempt-4.process.json");
    sleep_ms(1000);
    kill(process.pid, SIGKILL); /* the shim: gmx stops by itself */
    pid_t gmx = recorded_pid(folder, 4, "gmx_pid");
    wait_process(&process, 20);
    wait_gone(gmx, 20);
    assert_true(is_free(folder));
    outcome = judge(folder, 4, 2000000000);
    assert_int_equal(outcome.end, ASIM_END_MACHINE);
    assert_non_null(strstr(outcome.cause, "a checkpoint is there"));

    char path[4200];
    snprintf(path, sizeof path, "%s/" ASIM_MDRUN_XTC, folder);
    unlink(path);
    process = start(folder, 5, 0);
    assert_int_equal(wait_process(&process, 20), 0);
    assert_int_equal(judge(folder, 5, 2000000000).end, ASIM_END_RESTART);
    assert_int_equal(asim_mdrun_prepare(folder, 6, ASIM_FROM_START, NULL), 0);
    assert_false(has_file(folder, ASIM_MDRUN_CPT));
    assert_true(has_file(folder, "attempt-5.files/md.log"));
    process = start(folder, 6, 0.0003);
    assert_int_equal(wait_process(&process, 20), 0);
    outcome = judge(folder, 6, 2000000000);
    assert_int_equal(outcome.end, ASIM_END_WALLTIME);
    folder_remove(folder);
}

static void test_damaged_inputs(void **state)
{
    (void)state;
    char path[4200];
    char *folder = window_create(1000);
    snprintf(path, sizeof path, "%s/" ASIM_MDRUN_TPR, folder);
    assert_int_equal(truncate(path, 5000), 0);
    struct asim_process process = start(folder, 1, 0);
    assert_int_equal(wait_process(&process, 20), 0);
    assert_int_equal(judge(folder, 1, 1000).end, ASIM_END_INPUT);
    folder_remove(folder);

    folder = window_create(1000);
    write_text(folder, ASIM_MDRUN_CPT, "half a checkpoint");
    process = start(folder, 1, 0);
    assert_int_equal(wait_process(&process, 20), 0);
    assert_int_equal(judge(folder, 1, 1000).end, ASIM_END_RESTART);
    folder_remove(folder);
}

int main(void)
{
    supervise();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_to_the_end),
        cmocka_unit_test(test_kill_stop_resume),
        cmocka_unit_test(test_damaged_inputs),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
