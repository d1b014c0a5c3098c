/*
 * Every cause of an end is recognised from what gmx leaves. The texts are gmx 2022.5's
 * own, shortened where it repeats itself.
 */
#include "engine_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/md_log.h"
#include "engine/mdrun.h"

#define REPORT(headline_and_text)                                                      \
    "-------------------------------------------------------\n"                        \
    "Program:     gmx mdrun, version 2022.5-Debian_2022.5_2\n"                         \
    "Source file: src/gromacs/fileio/checkpoint.cpp (line 400)\n\n" headline_and_text  \
    "\n\nFor more information and tips for troubleshooting, please check the "         \
    "GROMACS\nwebsite at http://www.gromacs.org/Documentation/Errors\n"                \
    "-------------------------------------------------------\n"
#define STARTED "starting mdrun 'Protein'\n1000 steps,      2.0 ps.\n"
#define FINAL STARTED "\nWriting final coordinates.\n"
#define LOG_OPEN "Log file opened on Sun Nov 22 14:54:54 2026\n"
#define LOG_STEP(step) "           Step           Time\n" step "        2.00000\n\n"
#define LOG_END                                                                        \
    "               Core t (s)   Wall t (s)        (%)\n"                              \
    "       Time:        1.788        1.788      100.0\n"                              \
    "                 (ns/day)    (hour/ns)\n"                                         \
    "Performance:     9664.109        0.002\n"                                         \
    "Finished mdrun on rank 0 Sun Nov 22 14:55:01 2026\n"

enum gro { GRO_NONE, GRO_GOOD, GRO_STALE, GRO_TORN, GRO_OTHER };

struct row {
    const char *name;
    const char *said;
    const char *log;
    int exit_code, signal_number;
    bool no_record;
    enum gro gro;
    enum asim_run_end end;
    const char *cause; /* part of it */
};

static const struct row rows[] = {
    {"success", FINAL, LOG_OPEN LOG_STEP("           1000") LOG_END, 0, 0, false,
     GRO_GOOD, ASIM_END_COMPLETED, ""},
    {"success, shim lost", FINAL, LOG_OPEN LOG_STEP("           1000") LOG_END, 0, 0,
     true, GRO_GOOD, ASIM_END_COMPLETED, ""},
    {"killed after the end of a shorter run", STARTED,
     LOG_OPEN LOG_STEP("            500"), 0, 9, false, GRO_STALE, ASIM_END_MACHINE,
     "killed"},
    {"stale structure", FINAL, LOG_OPEN LOG_STEP("           1000") LOG_END, 0, 0,
     false, GRO_STALE, ASIM_END_MACHINE, "older than this attempt"},
    {"torn structure", FINAL, LOG_OPEN LOG_STEP("           1000") LOG_END, 0, 0, false,
     GRO_TORN, ASIM_END_MACHINE, "damaged"},
    {"other atoms", FINAL, LOG_OPEN LOG_STEP("           1000") LOG_END, 0, 0, false,
     GRO_OTHER, ASIM_END_MACHINE, "another number of atoms"},
    {"short TPR", FINAL, LOG_OPEN LOG_STEP("            900") LOG_END, 0, 0, false,
     GRO_GOOD, ASIM_END_INPUT, "ends at step 900"},
    {"-maxh",
     STARTED "\nStep 500: Run time exceeded 0.990 hours, will terminate the run within "
             "80 steps\n",
     LOG_OPEN LOG_STEP("            500") LOG_END, 0, 0, false, GRO_NONE,
     ASIM_END_WALLTIME, "-maxh"},
    {"TERM", STARTED "\n\nReceived the TERM signal, stopping within 80 steps\n\n",
     LOG_OPEN LOG_STEP("            500") LOG_END, 1, 0, false, GRO_NONE,
     ASIM_END_STOPPED, "at step 500"},
    {"second TERM",
     STARTED "\n\nReceived the second INT/TERM signal, stopping within 1 steps\n",
     LOG_OPEN LOG_STEP("            500") LOG_END, 2, 0, false, GRO_NONE,
     ASIM_END_STOPPED, "at step 500"},
    {"TERM before mdrun listens", "", "", 0, 15, false, GRO_NONE, ASIM_END_STOPPED,
     "no checkpoint"},
    {"KILL", STARTED, LOG_OPEN LOG_STEP("            500"), 0, 9, false, GRO_NONE,
     ASIM_END_MACHINE, "signal 9"},
    {"137 by a wrapper", STARTED, LOG_OPEN, 137, 0, false, GRO_NONE, ASIM_END_MACHINE,
     "signal 9"},
    {"HUP", STARTED, LOG_OPEN, 0, 1, false, GRO_NONE, ASIM_END_MACHINE, "signal 1"},
    {"shim killed, gmx stopped by PDEATHSIG",
     STARTED "\n\nReceived the TERM signal, stopping within 80 steps\n\n", LOG_OPEN, 0,
     0, true, GRO_NONE, ASIM_END_MACHINE, "lost"},
    {"LINCS",
     STARTED "Step 12, time 0.024 (ps)  LINCS WARNING\n" REPORT(
         "Fatal error:\nToo many LINCS warnings (1000)\nIf you know what you are "
         "doing..."),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_PHYSICS, "LINCS"},
    {"JACOBI",
     STARTED REPORT("Fatal error:\nError: Too many iterations in routine JACOBI\n"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_PHYSICS, "JACOBI"},
    {"moved too far",
     STARTED REPORT("Fatal error:\n1 particles communicated to PME rank 0 are more "
                    "than 2/3 times the cut-off"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_PHYSICS, "moved too far"},
    {"overlap",
     STARTED REPORT("Internal error (bug):\nStep 0: The total potential energy is "
                    "2.16591e+08, which is extremely high.\nThe LJ and"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_PHYSICS, "extremely high"},
    {"SEGV after warnings", STARTED "Step 1, time 0.002 (ps)  LINCS WARNING\n",
     LOG_OPEN, 0, 11, false, GRO_NONE, ASIM_END_PHYSICS, "blow-up"},
    {"disk full, trajectory",
     STARTED REPORT(
         "Fatal error:\nXTC error. This indicates you are out of disk space, "
         "or a simulation with\nmajor instabilities resulting in "
         "coordinates that are NaN"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_DISK_FULL, "disk"},
    {"NaN in the trajectory",
     STARTED "Step 1, time 0.002 (ps)  LINCS WARNING\n" REPORT(
         "Fatal error:\nXTC error. This indicates you are out of disk space, or a "
         "simulation with\nmajor instabilities"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_PHYSICS, "blow-up"},
    {"disk full, log",
     STARTED REPORT("Fatal error:\nCannot write trajectory; maybe you are out of disk "
                    "space?"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_DISK_FULL, "disk"},
    {"half a checkpoint",
     REPORT(
         "Fatal error:\nCheckpoint file corrupted/truncated, or maybe you are out of "
         "disk space?"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_RESTART, "checkpoint is damaged"},
    {"empty checkpoint",
     REPORT(
         "Fatal error:\nThe checkpoint file is empty/corrupted, or maybe you are out "
         "of disk space?"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_RESTART, "checkpoint is damaged"},
    {"no checkpoint but noise",
     REPORT("Fatal error:\nStart of file magic number mismatch, checkpoint file has "
            "1263436048, should be\n171817\nThe checkpoint file is corrupted or not a "
            "checkpoint file"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_RESTART, "checkpoint is damaged"},
    {"outputs missing",
     REPORT("Inconsistency in user input:\nSome output files listed in the checkpoint "
            "file state.cpt are not present or not\nnamed as the output files by the "
            "current program:)\n  traj.xtc\nTo keep your simulation files safe, this "
            "simulation will not restart. Either"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_RESTART, "missing"},
    {"output too short",
     REPORT("Inconsistency in user input:\nCan't read 30304 bytes of 'ener.edr' to "
            "compute checksum. The file has been\nreplaced or its contents have been "
            "modified."),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_RESTART, "shorter"},
    {"edi for other atoms",
     REPORT("Fatal error:\nNr of atoms in bias.edi (23) does not match nr of md atoms "
            "(22)"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_INPUT, "bias file"},
    {"edi broken",
     REPORT("Fatal error:\nCould not find input parameter NAV at expected position in "
            "edsam input-file\n(.edi)\nline read instead is 0"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_INPUT, "parameter NAV at expected"},
    {"newer TPR",
     REPORT("Fatal error:\nreading tpx file (window.tpr) version 137 with version 127 "
            "program"),
     LOG_OPEN, 1, 0, false, GRO_NONE, ASIM_END_INPUT, "newer GROMACS"},
    {"truncated TPR", "Command line:\n  gmx mdrun\n\n", "", 0, 11, false, GRO_NONE,
     ASIM_END_INPUT, "reading its input"},
    {"truncated TPR, by a wrapper", "", "", 139, 0, false, GRO_NONE, ASIM_END_INPUT,
     "reading its input"},
    {"unknown before the start",
     REPORT("Fatal error:\nsc-r-power=48 is no longer supported"), LOG_OPEN, 1, 0,
     false, GRO_NONE, ASIM_END_INPUT, "sc-r-power=48 is no longer supported"},
    {"unknown on the way", STARTED REPORT("Fatal error:\nThe moon is full"), LOG_OPEN,
     1, 0, false, GRO_NONE, ASIM_END_MACHINE, "Fatal error: The moon is full"},
    {"no memory",
     REPORT("Fatal error:\nNot enough memory. Failed to calloc 7 elements"), LOG_OPEN,
     1, 0, false, GRO_NONE, ASIM_END_MACHINE, "Not enough memory"},
    {"silence", STARTED, LOG_OPEN LOG_STEP("            500"), 1, 0, false, GRO_NONE,
     ASIM_END_MACHINE, "said no reason"},
};

static void write_structure(const char *folder, enum gro gro)
{
    static const char line[] = "    1ALA     CA    1   0.100   0.200   0.300\n";
    char text[300];
    if (gro == GRO_NONE)
        return;
    snprintf(text, sizeof text, "t\n%5d\n%s%s   3.0 3.0 3.0\n",
             gro == GRO_OTHER ? 1 : 2, line, gro == GRO_OTHER ? "" : line);
    if (gro == GRO_TORN)
        text[strlen(text) - 30] = '\0';
    write_text(folder, ASIM_MDRUN_GRO, text);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        char *folder = folder_create();
        struct asim_exit_record record = {.exit_code = row->exit_code,
                                          .signal_number = row->signal_number};
        struct asim_run_outcome outcome;
        struct asim_error err = {0};
        if (row->gro == GRO_STALE) {
            write_structure(folder, row->gro);
            sleep_ms(20);
        }
        write_text(folder, "attempt-1.process.json", "{}");
        if (row->gro != GRO_STALE)
            write_structure(folder, row->gro);
        write_text(folder, "attempt-1.stderr", row->said);
        write_text(folder, "md.log", row->log);
        if (asim_mdrun_judge(folder, 1, row->no_record ? NULL : &record, 1000, 2,
                             &outcome, &err) < 0)
            fail_msg("%s: %s", row->name, err.text);
        if (outcome.end != row->end || !strstr(outcome.cause, row->cause))
            fail_msg("'%s' was judged %s: %s", row->name,
                     asim_run_end_name(outcome.end), outcome.cause);
        folder_remove(folder);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct asim_run_outcome outcome;
    struct asim_exit_record refused = {.refused = true, .reason = "overtaken"};
    assert_int_equal(asim_mdrun_judge(folder, 1, &refused, 10, 2, &outcome, NULL), 0);
    assert_int_equal(outcome.end, ASIM_END_MACHINE);
    struct asim_exit_record missing = {.spawn_failed = true, .exit_code = 2};
    assert_int_equal(asim_mdrun_judge(folder, 1, &missing, 10, 2, &outcome, NULL), 0);
    assert_int_equal(outcome.end, ASIM_END_INPUT);
    struct asim_exit_record full = {.spawn_failed = true, .exit_code = 28};
    assert_int_equal(asim_mdrun_judge(folder, 1, &full, 10, 2, &outcome, NULL), 0);
    assert_int_equal(outcome.end, ASIM_END_DISK_FULL);
    folder_remove(folder);
}

/* A hole in bias.xvg, which gmx makes without a word, must not pass as completed. */
static void test_bias_hole(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct asim_run_outcome outcome;
    struct asim_exit_record record = {0};
    write_text(folder, "attempt-1.process.json", "{}");
    write_structure(folder, GRO_GOOD);
    write_text(folder, "attempt-1.stderr", rows[0].said);
    write_text(folder, "md.log", rows[0].log);
    char path[4096];
    snprintf(path, sizeof path, "%s/bias.xvg", folder);
    FILE *file = fopen(path, "we");
    fwrite("# a\n1 2\0\0 3\n", 1, 13, file);
    fclose(file);
    assert_int_equal(asim_mdrun_judge(folder, 1, &record, 1000, 2, &outcome, NULL), 0);
    assert_int_equal(outcome.end, ASIM_END_RESTART);
    folder_remove(folder);
}

static void test_log(void **state)
{
    (void)state;
    struct asim_md_log log;
    asim_md_log_parse(
        LOG_OPEN LOG_STEP("              0") LOG_END
        "Restarting from checkpoint, appending to previous log file.\n"
        "           Step           Time\n         100000      200.00000\n\n"
        "   Energies (kJ/mol)\n"
        "          Angle    Proper Dih.  Improper Dih.          LJ-14     Coulomb-14\n"
        "    2.81245e+01    4.57513e+01    2.19246e+00    2.12403e+01    1.29374e+02\n"
        "      Potential    Kinetic En.   Total Energy\n"
        "   -2.70720e+01    6.73000e+01    4.02280e+01\n\n"
        "\t<====  A V E R A G E S  ====>\n"
        "           Step           Time\n          77777      100.00000\n"
        "   Energies (kJ/mol)\n      Potential\n    1.00000e+00\n\n"
        "                 (ms/step)     (ns/day)    (hour/ns)\n"
        "Performance:        0.100      374.174        0.064\n",
        &log);
    assert_int_equal(log.step, 100000);
    assert_true(log.potential_kj_mol == -27.072);
    assert_true(log.ns_per_day == 374.174);
    assert_false(log.finished); /* that was the attempt before */
    asim_md_log_parse("", &log);
    assert_int_equal(log.step, -1);
    assert_true(isnan(log.ns_per_day) && isnan(log.potential_kj_mol));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bias_hole),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
