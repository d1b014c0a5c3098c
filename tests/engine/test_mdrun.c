/* The command line, the folder before a run, the sharing out of cores. */
#include "engine_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/affinity.h"
#include "engine/mdrun.h"

static void join(char **argv, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    for (char **argument = argv; *argument; argument++) {
        size_t length = strlen(ret_text);
        snprintf(ret_text + length, size - length, "%s%s", length ? " " : "",
                 *argument);
    }
}

static void test_command(void **state)
{
    (void)state;
    struct asim_gromacs gromacs = {.path = "/usr/bin/gmx", .thread_mpi = true};
    struct asim_mdrun mdrun = {.gromacs = &gromacs,
                               .bias = ASIM_BIAS_EDI,
                               .ntmpi = 1,
                               .ntomp = 4,
                               .checkpoint_minutes = 5,
                               .maxh = 23.5};
    char **argv, text[1000];
    assert_int_equal(asim_mdrun_command(&mdrun, &argv, NULL), 0);
    join(argv, text, sizeof text);
    asim_argv_free(argv);
    assert_string_equal(
        text,
        "/usr/bin/gmx mdrun -s window.tpr -ei bias.edi -eo bias.xvg -cpi state.cpt "
        "-cpo state.cpt -cpt 5 -g md.log -e ener.edr -x traj.xtc -o traj.trr -c "
        "confout.gro -ntmpi 1 -ntomp 4 -pin off -maxh 23.5");
    gromacs.thread_mpi = false;
    mdrun.bias = ASIM_BIAS_COLVARS;
    mdrun.maxh = 0;
    assert_int_equal(asim_mdrun_command(&mdrun, &argv, NULL), 0);
    join(argv, text, sizeof text);
    asim_argv_free(argv);
    assert_null(strstr(text, "-ntmpi"));
    assert_null(strstr(text, "-ei"));
    assert_null(strstr(text, "-maxh"));
    assert_non_null(strstr(text, "-ntomp 4 -pin off"));
    mdrun.checkpoint_minutes = 0;
    struct asim_error err = {0};
    assert_int_equal(asim_mdrun_command(&mdrun, &argv, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
}

static void test_prepare(void **state)
{
    (void)state;
    char *folder = folder_create();
    char text[100], name[64];
    assert_int_equal(asim_mdrun_prepare(folder, 1, ASIM_FROM_CHECKPOINT, NULL), 0);
    /* A checkpoint: everything stays. */
    write_text(folder, "md.log", "1");
    write_text(folder, "traj.xtc", "1");
    write_text(folder, "state.cpt", "new");
    write_text(folder, "state_prev.cpt", "old");
    assert_int_equal(asim_mdrun_prepare(folder, 2, ASIM_FROM_CHECKPOINT, NULL), 0);
    assert_true(has_file(folder, "md.log") && has_file(folder, "state_prev.cpt"));
    /* A kill between gmx's two renames: the previous one counts. */
    char path[4200];
    snprintf(path, sizeof path, "%s/state.cpt", folder);
    remove(path);
    assert_int_equal(asim_mdrun_prepare(folder, 2, ASIM_FROM_CHECKPOINT, NULL), 0);
    read_text(folder, "state.cpt", text, sizeof text);
    assert_string_equal(text, "old");
    /* Afresh, five times: three whole sets stay, of older ones the log. */
    for (int attempt = 3; attempt < 8; attempt++) {
        write_text(folder, "md.log", "1");
        write_text(folder, "traj.xtc", "1");
        assert_int_equal(asim_mdrun_prepare(folder, attempt, ASIM_FROM_START, NULL), 0);
        assert_false(has_file(folder, "md.log") || has_file(folder, "traj.xtc") ||
                     has_file(folder, "state.cpt"));
    }
    for (int attempt = 2; attempt < 7; attempt++) {
        snprintf(name, sizeof name, "attempt-%d.files/md.log", attempt);
        assert_true(has_file(folder, name));
        snprintf(name, sizeof name, "attempt-%d.files/traj.xtc", attempt);
        assert_int_equal(has_file(folder, name), attempt >= 4);
    }
    folder_remove(folder);
}

static void test_leftovers_go(void **state)
{
    (void)state;
    char *folder = folder_create();
    static const char *const gone[] = {
        "fence.Ab12Cd", "attempt-1.process.part", "window.tpr.000000",
        "attempt-12.process.json.zzzzzz", "attempt-1.refused.json.Q1w2E3"};
    static const char *const kept[] = {
        "fence",        "window.tpr",          "fence.Ab12C",        "fence.Ab12C-",
        "mine.Ab12Cd",  "attempt-1.exit.json", "attempt-1.stdout",   "bias.xvg",
        "my.fence.abc", "attempt-1.json",      "attempt-1.exit.part"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        write_text(folder, gone[i], "half");
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        write_text(folder, kept[i], "1\n");
    write_text(folder, "state.cpt", "x");
    assert_int_equal(asim_mdrun_prepare(folder, 2, ASIM_FROM_CHECKPOINT, NULL), 0);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_false(has_file(folder, gone[i]));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        assert_true(has_file(folder, kept[i]));
    folder_remove(folder);
}

static void test_prepare_locked(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct asim_error err = {0};
    struct asim_process process = spawn_fake(folder, 1, "mark up\nsleep 60000");
    wait_file(folder, "up");
    assert_int_equal(asim_mdrun_prepare(folder, 2, ASIM_FROM_START, &err), -1);
    assert_int_equal(err.status, ASIM_ELOCKED);
    asim_process_signal(folder, 1, 9);
    wait_process(&process, 10);
    folder_remove(folder);
}

static void test_slots(void **state)
{
    (void)state;
    struct asim_core_slots slots;
    struct asim_error err = {0};
    struct asim_cores pool;
    int cores = asim_cores_available();
    assert_true(cores >= 1);
    assert_int_equal(asim_cores_look(&pool, NULL), 0);
    assert_int_equal(pool.limit, cores);
    assert_int_equal(asim_core_slots_create(&pool, cores, 1, &slots, NULL), 0);
    assert_int_equal(slots.at_once, cores);
    assert_int_equal(slots.slot_count, cores);
    for (int i = 0; i < cores; i++) {
        assert_int_equal(asim_core_slots_take(&slots, NULL), i);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(slots.cpus[i], slots.cpus[j]);
    }
    assert_int_equal(asim_core_slots_take(&slots, NULL), -1);
    asim_core_slots_give(&slots, 0);
    assert_int_equal(asim_core_slots_take(&slots, NULL), 0);
    asim_core_slots_finish(&slots);
    assert_int_equal(asim_core_slots_create(&pool, cores + 1, 1, &slots, &err), -1);
    assert_int_equal(err.status, ASIM_EUSAGE);
    assert_int_equal(asim_core_slots_create(&pool, 0, cores, &slots, NULL), 0);
    assert_int_equal(slots.slot_count, 1);
    asim_core_slots_finish(&slots);
    /* A share of the machine only: counted, but not bound. */
    size_t count = 9;
    setenv("SLURM_CPUS_ON_NODE", "1", 1);
    assert_int_equal(asim_cores_available(), 1);
    asim_cores_finish(&pool);
    assert_int_equal(asim_cores_look(&pool, NULL), 0);
    assert_int_equal(asim_core_slots_create(&pool, 0, 1, &slots, NULL), 0);
    unsetenv("SLURM_CPUS_ON_NODE");
    assert_int_equal(slots.at_once, 1);
    assert_int_equal(slots.slot_count, 1);
    if (cores > 1) {
        assert_null(asim_core_slots_cpus(&slots, 0, &count));
        assert_int_equal(count, 0);
    }
    asim_core_slots_finish(&slots);
    asim_cores_finish(&pool);
}

static void test_step_of_a_quiet_log(void **state)
{
    (void)state;
    char *folder = folder_create();
    assert_int_equal(asim_mdrun_step(folder, 0.002), -1);
    write_text(folder, "bias.xvg", "# gmx\n@ s0 legend \"RMSD\"\n");
    assert_int_equal(asim_mdrun_step(folder, 0.002), -1);
    /* The first time need not be 0; the last line is torn as a rule. */
    write_text(folder, "bias.xvg",
               "# gmx\n@ s0 legend \"RMSD\"\n"
               "   10.000000  0.1  0.2\n   10.100000  0.1  0.2\n   10.2");
    assert_int_equal(asim_mdrun_step(folder, 0.002), 50);
    write_text(folder, "md.log",
               "           Step           Time\n"
               "            150       10.30000\n\n");
    assert_int_equal(asim_mdrun_step(folder, 0.002), 150);
    folder_remove(folder);
}

int main(void)
{
    supervise();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command),      cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_leftovers_go), cmocka_unit_test(test_prepare_locked),
        cmocka_unit_test(test_slots),        cmocka_unit_test(test_step_of_a_quiet_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
