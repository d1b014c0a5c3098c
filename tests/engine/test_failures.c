/*
 * Every way in which gmx ends, produced with the installed gmx: the cause that is found
 * and what is done about it. One row an event. Skipped where there is no gmx; a row
 * that this machine cannot produce says so.
 */
#include "engine_test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/file.h"
#include "campaign/window_state.h"
#include "engine/mdrun.h"
#include "formats/tpr.h"

enum { ATOMS = 22, NSTEPS = 5000 };
static const int64_t ENDLESS = 2000000000;

static struct asim_gromacs gromacs;
static char data_folder[4096];

struct scene {
    char *folder;
    int attempt;
    int64_t nsteps;
    struct asim_process process;
};

static char *scene_path(const struct scene *scene, const char *name)
{
    static char path[4200];
    snprintf(path, sizeof path, "%s/%s", scene->folder, name);
    return path;
}

/* How window.tpr differs from a sound one. */
struct change {
    double dt_ps;
    bool overlap;  /* two atoms in one place */
    double kelvin; /* of the velocities; 0: 300 */
};

static void write_window(struct scene *scene, struct change change)
{
    char path[4200], *data = NULL;
    void *patched = NULL;
    size_t size, patched_size;
    struct asim_tpr tpr = {0};
    struct asim_error err = {0};
    snprintf(path, sizeof path, "%s/system-2022.tpr", data_folder);
    if (asim_file_read(path, 1 << 20, &data, &size, &err) < 0 ||
        asim_tpr_parse(data, size, &tpr, NULL, &err) < 0)
        fail_msg("%s", err.text);
    if (change.overlap) {
        memcpy(tpr.x_nm[10], tpr.x_nm[0], sizeof tpr.x_nm[0]);
        tpr.x_nm[10][0] += 1e-4f;
    }
    struct asim_tpr_patch patch = {.x_nm = (const float(*)[3])tpr.x_nm,
                                   .nsteps = scene->nsteps,
                                   .ld_seed = 7,
                                   .velocity_seed = 8,
                                   .temperature_kelvin =
                                       change.kelvin > 0 ? change.kelvin : 300,
                                   .dt_ps = change.dt_ps};
    if (asim_tpr_patch(data, size, &patch, &patched, &patched_size, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(asim_file_replace(scene_path(scene, ASIM_MDRUN_TPR), patched,
                                       patched_size, &err),
                     0);
    free(patched);
    free(data);
    asim_tpr_finish(&tpr);
    snprintf(path, sizeof path, "%s/window3.edi", data_folder);
    assert_int_equal(asim_file_read(path, 1 << 20, &data, &size, &err), 0);
    write_text(scene->folder, "bias.edi", data);
    free(data);
}

static void start(struct scene *scene, double maxh)
{
    struct asim_mdrun mdrun = {.gromacs = &gromacs,
                               .bias = ASIM_BIAS_EDI,
                               .ntmpi = 1,
                               .ntomp = 1,
                               .checkpoint_minutes = 0.005,
                               .maxh = maxh};
    struct asim_error err = {0};
    char **argv = NULL;
    scene->attempt++;
    if (asim_mdrun_prepare(scene->folder, scene->attempt, ASIM_FROM_CHECKPOINT, &err) <
            0 ||
        asim_mdrun_command(&mdrun, &argv, &err) < 0)
        fail_msg("%s", err.text);
    struct asim_spawn spawn = {.folder = scene->folder,
                               .attempt = scene->attempt,
                               .argv = (const char *const *)argv};
    if (asim_process_spawn(&spawn, &scene->process, &err) < 0)
        fail_msg("%s", err.text);
    asim_argv_free(argv);
}

static void end(struct scene *scene)
{
    wait_process(&scene->process, 60);
}

static void wait_step(const struct scene *scene)
{
    for (int i = 0; i < 4000 && asim_mdrun_step(scene->folder, 0.002) <= 0; i++)
        sleep_ms(10);
}

static pid_t gmx_pid(const struct scene *scene)
{
    return recorded_pid(scene->folder, scene->attempt, "gmx_pid");
}

/* What happens, event by event. */

static void sound(struct scene *scene)
{
    write_window(scene, (struct change){0});
    start(scene, 0);
    end(scene);
}

static void short_of_time(struct scene *scene)
{
    scene->nsteps = ENDLESS;
    write_window(scene, (struct change){0});
    start(scene, 0.0003);
    end(scene);
}

static void begin_endless(struct scene *scene)
{
    scene->nsteps = ENDLESS;
    write_window(scene, (struct change){0});
    start(scene, 0);
    wait_step(scene);
}

static void terminated(struct scene *scene)
{
    begin_endless(scene);
    assert_true(asim_process_signal(scene->folder, 1, SIGTERM));
    end(scene);
}

static void terminated_twice(struct scene *scene)
{
    begin_endless(scene);
    pid_t gmx = gmx_pid(scene);
    /* Stopped, so that the first is not yet obeyed when the second comes. */
    kill(gmx, SIGTERM);
    kill(gmx, SIGINT);
    end(scene);
}

static void killed(struct scene *scene)
{
    begin_endless(scene);
    wait_file(scene->folder, ASIM_MDRUN_CPT);
    assert_true(asim_process_signal(scene->folder, 1, SIGKILL));
    end(scene);
}

static void hung_up(struct scene *scene)
{
    begin_endless(scene);
    kill(gmx_pid(scene), SIGHUP);
    end(scene);
}

static void large_step(struct scene *scene)
{
    write_window(scene, (struct change){.dt_ps = 0.02});
    start(scene, 0);
    end(scene);
}

static void overlapping(struct scene *scene)
{
    write_window(scene, (struct change){.overlap = true});
    start(scene, 0);
    end(scene);
}

/* So few steps that nothing stops it before the end. */
static void far_too_hot(struct scene *scene)
{
    scene->nsteps = 5;
    write_window(scene, (struct change){.kelvin = 1e9});
    start(scene, 0);
    end(scene);
}

static void full_disk(struct scene *scene)
{
    if (mount("tmpfs", scene->folder, "tmpfs", 0, "size=600k") < 0) {
        print_message("    (no small disk to be had here: not produced)\n");
        scene->attempt = -1;
        return;
    }
    scene->nsteps = ENDLESS;
    write_window(scene, (struct change){0});
    start(scene, 0);
    /* The record's space is taken: what is left goes to somebody else. */
    wait_step(scene);
    FILE *file = fopen(scene_path(scene, "filler"), "w");
    assert_non_null(file);
    setvbuf(file, NULL, _IONBF, 0);
    while (fputc('x', file) != EOF)
        continue;
    fclose(file);
    end(scene);
}

/* As the kernel does it: gmx alone, without a word. */
static void out_of_memory(struct scene *scene)
{
    begin_endless(scene);
    kill(gmx_pid(scene), SIGKILL);
    end(scene);
}

/* The .edi's first number behind "#NINDEX"-like comments is left; its atoms change. */
static void replace_in_edi(struct scene *scene, const char *comment, const char *number)
{
    char *data, *copy;
    size_t size;
    const char *name = scene_path(scene, "bias.edi");
    assert_int_equal(asim_file_read(name, 1 << 20, &data, &size, NULL), 0);
    char *at = strstr(data, comment);
    assert_non_null(at);
    at = strchr(at, '\n');
    assert_non_null(at);
    char *rest = strchr(at + 1, '\n');
    assert_non_null(rest);
    assert_true(asprintf(&copy, "%.*s\n%s%s", (int)(at - data), data, number, rest) >
                0);
    write_text(scene->folder, "bias.edi", copy);
    free(copy);
    free(data);
}

static void other_atom_count(struct scene *scene)
{
    write_window(scene, (struct change){0});
    replace_in_edi(scene, "#NINI", " 9");
    start(scene, 0);
    end(scene);
}

/* The first index of the .edi's reference structure becomes an atom that does not
 * exist, so far behind the last one that no memory is there. (A near one reads whatever
 * lies behind the coordinates: gmx may then hang, end, or run on with a wrong bias.) */
static void missing_atom(struct scene *scene)
{
    write_window(scene, (struct change){0});
    char *data, *copy;
    size_t size;
    assert_int_equal(
        asim_file_read(scene_path(scene, "bias.edi"), 1 << 20, &data, &size, NULL), 0);
    char *at = strstr(data, "#NREF");
    for (int line = 0; at && line < 2; line++)
        at = strchr(at, '\n') + 1;
    assert_non_null(at);
    char *rest = at + strspn(at, " ");
    rest += strspn(rest, "0123456789"); /* "1  -0.24..." */
    assert_true(asprintf(&copy, "%.*s1000000000%s", (int)(at - data), data, rest) > 0);
    write_text(scene->folder, "bias.edi", copy);
    free(copy);
    free(data);
    start(scene, 0);
    end(scene);
}

/* Nothing is written and TERM is not obeyed: what the watchdog looks for. */
static void hanging(struct scene *scene)
{
    begin_endless(scene);
    kill(gmx_pid(scene), SIGSTOP);
    sleep_ms(100);
    uint64_t before = asim_mdrun_activity(scene->folder);
    asim_process_signal(scene->folder, 1, SIGTERM);
    sleep_ms(1000);
    assert_false(is_free(scene->folder));
    assert_true(asim_mdrun_activity(scene->folder) == before);
    asim_process_signal(scene->folder, 1, SIGKILL);
    end(scene);
}

static void newer_tpr(struct scene *scene)
{
    char *data;
    size_t size;
    write_window(scene, (struct change){0});
    const char *name = scene_path(scene, ASIM_MDRUN_TPR);
    assert_int_equal(asim_file_read(name, 1 << 20, &data, &size, NULL), 0);
    static const char version[] = {0, 0, 0, 127};
    char *at = memmem(data, 100, version, sizeof version);
    assert_non_null(at);
    at[3] = (char)250;
    assert_int_equal(asim_file_replace(name, data, size, NULL), 0);
    free(data);
    start(scene, 0);
    end(scene);
}

static void truncated_tpr(struct scene *scene)
{
    write_window(scene, (struct change){0});
    assert_int_equal(truncate(scene_path(scene, ASIM_MDRUN_TPR), 5000), 0);
    start(scene, 0);
    end(scene);
}

static void missing_output(struct scene *scene)
{
    terminated(scene);
    assert_int_equal(unlink(scene_path(scene, ASIM_MDRUN_XTC)), 0);
    start(scene, 0);
    end(scene);
}

static void damaged_checkpoint(struct scene *scene)
{
    begin_endless(scene);
    wait_file(scene->folder, "state_prev.cpt");
    assert_true(asim_process_signal(scene->folder, 1, SIGTERM));
    end(scene);
    assert_int_equal(truncate(scene_path(scene, ASIM_MDRUN_CPT), 700), 0);
    start(scene, 0);
    end(scene);
}

static const struct row {
    const char *event;
    void (*produce)(struct scene *scene);
    enum asim_run_end expected;
    const char *cause; /* words in it */
    enum asim_window_event recorded;
    const char *repair; /* words for the next attempt; NULL: there is none */
} rows[] = {
    {"success", sound, ASIM_END_COMPLETED, "", ASIM_EVENT_COMPLETED, NULL},
    {"-maxh reached", short_of_time, ASIM_END_WALLTIME, "-maxh", ASIM_EVENT_WALLTIME,
     "continues"},
    {"SIGTERM", terminated, ASIM_END_STOPPED, "stopped on request", ASIM_EVENT_STOPPED,
     "continues"},
    {"second signal", terminated_twice, ASIM_END_STOPPED, "stopped", ASIM_EVENT_STOPPED,
     "continues"},
    {"SIGKILL", killed, ASIM_END_MACHINE, "killed (signal 9)", ASIM_EVENT_MACHINE,
     "continues"},
    {"SIGHUP", hung_up, ASIM_END_MACHINE, "ended by signal 1", ASIM_EVENT_MACHINE,
     "continues"},
    {"dt too large", large_step, ASIM_END_PHYSICS, "blow-up", ASIM_EVENT_PHYSICS,
     "goes back to the checkpoint before the last"},
    {"overlap at start", overlapping, ASIM_END_PHYSICS, "", ASIM_EVENT_PHYSICS,
     "goes back to the checkpoint before the last"},
    {"blow-up with code 0", far_too_hot, ASIM_END_PHYSICS, "do not fit",
     ASIM_EVENT_PHYSICS, "goes back to the checkpoint before the last"},
    {"disk full", full_disk, ASIM_END_DISK_FULL, "disk", ASIM_EVENT_DISK_FULL,
     "continues"},
    {"out of memory", out_of_memory, ASIM_END_MACHINE, "for memory", ASIM_EVENT_MACHINE,
     "continues"},
    {".edi atom count wrong", other_atom_count, ASIM_END_INPUT, "atoms",
     ASIM_EVENT_INPUT, NULL},
    {".edi index > natoms", missing_atom, ASIM_END_INPUT, "bias.edi is damaged",
     ASIM_EVENT_INPUT, NULL},
    {"gmx hangs", hanging, ASIM_END_MACHINE, "killed", ASIM_EVENT_MACHINE, "continues"},
    {"TPR newer than gmx", newer_tpr, ASIM_END_INPUT, "newer GROMACS", ASIM_EVENT_INPUT,
     NULL},
    {"truncated TPR", truncated_tpr, ASIM_END_INPUT, "", ASIM_EVENT_INPUT, NULL},
    {"outputs missing on append", missing_output, ASIM_END_RESTART, "missing",
     ASIM_EVENT_RESTART, "goes back to the checkpoint before the last"},
    {"checkpoint damaged", damaged_checkpoint, ASIM_END_RESTART,
     "the checkpoint is damaged", ASIM_EVENT_RESTART,
     "goes back to the checkpoint before the last"},
};

static struct asim_run_outcome judge(const struct scene *scene, int *ret_exit_code)
{
    struct asim_exit_record record = {0};
    struct asim_run_outcome outcome = {0};
    struct asim_error err = {0};
    int there = asim_exit_record_read(scene->folder, scene->attempt, &record, &err);
    if (there < 0 ||
        asim_mdrun_judge(scene->folder, scene->attempt, there ? &record : NULL,
                         scene->nsteps, ATOMS, &outcome, &err) < 0)
        fail_msg("%s", err.text);
    *ret_exit_code = record.signal_number ? -record.signal_number : record.exit_code;
    return outcome;
}

static const char *act(const struct row *row)
{
    struct asim_window_life life;
    enum asim_window_action action;
    asim_window_life_init(&life, 1000);
    struct asim_window_change change = {.event = ASIM_EVENT_START, .attempt = 1};
    assert_int_equal(asim_window_apply(&life, &change, &action), 0);
    change = (struct asim_window_change){
        .event = row->recorded, .attempt = 1, .retries = 3, .ns_per_day = NAN};
    assert_int_equal(asim_window_apply(&life, &change, &action), 0);
    return action == ASIM_ACTION_QUEUE || action == ASIM_ACTION_PAUSE
               ? asim_window_repair_words(&life)
               : NULL;
}

static bool check_row(const struct row *row)
{
    struct scene scene = {
        .folder = folder_create(), .nsteps = NSTEPS, .process = ASIM_PROCESS_INIT};
    int exit_code = 0;
    bool right = true;
    row->produce(&scene);
    if (scene.attempt > 0) {
        struct asim_run_outcome outcome = judge(&scene, &exit_code);
        const char *repair = act(row);
        right = outcome.end == row->expected && strstr(outcome.cause, row->cause) &&
                (row->repair ? repair && strcmp(repair, row->repair) == 0 : !repair);
        print_message("%s %-26s code %4d  %-10s %s | %s\n", right ? "  " : "!!",
                      row->event, exit_code, asim_run_end_name(outcome.end),
                      outcome.cause, repair ? repair : "no retry");
    }
    umount(scene.folder);
    folder_remove(scene.folder);
    return right;
}

static void test_table(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        wrong += !check_row(&rows[i]);
    assert_int_equal(wrong, 0);
}

/* What was written up to the checkpoint before the last is kept and gone on with. */
static void test_rewinds_for_real(void **state)
{
    (void)state;
    struct scene scene = {.folder = folder_create(), .process = ASIM_PROCESS_INIT};
    damaged_checkpoint(&scene);
    int64_t before = asim_mdrun_step(scene.folder, 0.002);
    for (int again = 0; again < 2; again++) /* the second after a crash of ours */
        assert_int_equal(asim_mdrun_prepare(scene.folder, scene.attempt + 1,
                                            ASIM_FROM_PREVIOUS, NULL),
                         0);
    assert_true(has_file(scene.folder, "attempt-2.files/state.cpt"));
    start(&scene, 0.0003);
    end(&scene);
    int exit_code;
    assert_int_equal(judge(&scene, &exit_code).end, ASIM_END_WALLTIME);
    char said[10000];
    read_text(scene.folder, "attempt-3.stderr", said, sizeof said);
    print_message("step %lld before; %lld after\n", (long long)before,
                  (long long)asim_mdrun_step(scene.folder, 0.002));
    assert_false(has_file(scene.folder, "attempt-2.files/bias.xvg"));
    folder_remove(scene.folder);
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

int main(void)
{
    supervise();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_rewinds_for_real),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
