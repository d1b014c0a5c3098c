/*
 * Why an attempt ended, from everything it left behind.
 *
 * gmx's exit code says little: 0 also after -maxh and with a wrong step count, 1 also
 * after a TERM that was obeyed. So: completed is proved (own end, last step, final
 * structure of this attempt), anything else is named by what gmx said, most specific
 * first, and by the signal or code only where it said nothing. Phrases are those of
 * GROMACS 2018 to 2026. Must not decide what happens next; that is the campaign's.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/memory.h"
#include "engine/final_files.h"
#include "engine/md_log.h"
#include "engine/mdrun.h"
#include "engine/record.h"

enum {
    OUTPUT_TAIL_BYTES = 256 * 1024, /* a blow-up repeats its warnings at length */
    LOG_TAIL_BYTES = 1024 * 1024,
    FULL_DISK_BYTES = 1024 * 1024, /* too little for frames and a checkpoint */
};

struct symptom {
    const char *phrase; /* blanks stand for any white space: gmx wraps its lines */
    enum asim_run_end end;
    const char *cause; /* NULL: gmx's own words */
};

/* In order of precedence. The checkpoint comes before the disk: of a damaged one gmx
 * says "or maybe you are out of disk space". */
static const struct symptom symptoms[] = {
    {"Checkpoint file corrupted/truncated", ASIM_END_RESTART,
     "the checkpoint is damaged"},
    {"The checkpoint file is empty/corrupted", ASIM_END_RESTART,
     "the checkpoint is damaged"},
    {"checkpoint file is corrupted or not a checkpoint", ASIM_END_RESTART,
     "the checkpoint is damaged"},
    {"Cannot read/write checkpoint; corrupt file", ASIM_END_RESTART,
     "the checkpoint is damaged"},
    {"To keep your simulation files safe", ASIM_END_RESTART,
     "output files that the checkpoint names are missing"},
    {"to compute checksum", ASIM_END_RESTART,
     "an output file is shorter than it was at the checkpoint"},
    {"Checksum wrong for", ASIM_END_RESTART,
     "an output file is not what it was at the checkpoint"},
    {"contents have been modified", ASIM_END_RESTART,
     "an output file is not what it was at the checkpoint"},
    {"Checkpoint file is for a system of", ASIM_END_RESTART,
     "the checkpoint is of another system"},
    {"appending is not possible", ASIM_END_RESTART, NULL},

    {"maybe you are out of disk space", ASIM_END_DISK_FULL, "the disk is full"},
    {"No space left on device", ASIM_END_DISK_FULL, "the disk is full"},
    {"Disk quota exceeded", ASIM_END_DISK_FULL, "the disk quota is used up"},
    {"maybe you are out of quota", ASIM_END_DISK_FULL, "the disk quota is used up"},

    {"Too many LINCS warnings", ASIM_END_PHYSICS,
     "blow-up: bonds rotated too far (too many LINCS warnings)"},
    {"Too many iterations in routine JACOBI", ASIM_END_PHYSICS,
     "blow-up: coordinates are no longer finite (JACOBI)"},
    {"atoms moved too far", ASIM_END_PHYSICS, "blow-up: atoms moved too far"},
    {"moved further than the distance limit", ASIM_END_PHYSICS,
     "blow-up: atoms moved too far"},
    {"moved more than the distance required", ASIM_END_PHYSICS,
     "blow-up: atoms moved too far"},
    {"communicated to PME rank", ASIM_END_PHYSICS, "blow-up: atoms moved too far"},
    {"which is extremely high", ASIM_END_PHYSICS,
     "overlapping atoms: the potential energy is extremely high"},
    {"The total potential energy is", ASIM_END_PHYSICS,
     "blow-up: the potential energy is not finite"},
    {"can not be settled", ASIM_END_PHYSICS, "blow-up: a water molecule broke"},
    {"Bond length not finite", ASIM_END_PHYSICS, "blow-up: a bond is not finite"},
    {"not finite", ASIM_END_PHYSICS, "blow-up: coordinates are not finite"},

    {"Not enough memory", ASIM_END_MACHINE, NULL},
    {"Memory allocation failed", ASIM_END_MACHINE, NULL},
    {"Cannot allocate memory", ASIM_END_MACHINE, NULL},
    {"Resource temporarily unavailable", ASIM_END_MACHINE, NULL},
    {"Stale file handle", ASIM_END_MACHINE, NULL},
    {"Input/output error", ASIM_END_MACHINE, NULL},

    {"does not match nr of md atoms", ASIM_END_INPUT,
     "the bias file is for another number of atoms"},
    {"reading tpx file", ASIM_END_INPUT,
     "window.tpr was written by a newer GROMACS than this gmx"},
    {"Invalid command-line options", ASIM_END_INPUT, NULL},
};

/* The place of `phrase` in `text`, any white space matching a blank. */
static const char *find_phrase(const char *text, const char *phrase)
{
    for (const char *at = strchr(text, phrase[0]); at; at = strchr(at + 1, phrase[0])) {
        const char *in = at;
        const char *want = phrase;
        while (*want && *in) {
            if (*want == ' ') {
                size_t blanks = strspn(in, " \t\r\n");
                if (blanks == 0)
                    break;
                in += blanks;
            } else if (*in++ != *want) {
                break;
            }
            want++;
        }
        if (*want == '\0')
            return at;
    }
    return NULL;
}

/* gmx's error report: a bar of dashes, "Program:" and source lines, a blank line, a
 * headline such as "Fatal error:", the message, a bar. Gives the headline, or NULL. */
static const char *find_report(const char *text)
{
    const char *program = strstr(text, "---\nProgram:");
    const char *gap = program ? strstr(program, "\n\n") : NULL;
    return gap ? gap + 2 : program;
}

/* One line of at most `size` - 1 printable characters from gmx's words. */
static void copy_words(const char *text, char *ret_words, size_t size)
{
    size_t length = 0;
    const char *end = strstr(text, "\n\nFor more information");
    const char *bar = strstr(text, "\n------");
    if (!end || (bar && bar < end))
        end = bar;
    for (; *text && text != end && length + 1 < size; text++) {
        bool blank = *text == ' ' || *text == '\n' || *text == '\t' || *text == '\r';
        if (blank && (length == 0 || ret_words[length - 1] == ' '))
            continue;
        if (!blank && ((unsigned char)*text < 32 || (unsigned char)*text == 127))
            continue;
        ret_words[length++] = blank ? ' ' : *text;
    }
    while (length > 0 && ret_words[length - 1] == ' ')
        length--;
    ret_words[length] = '\0';
}

/* What is known of the attempt. */
struct evidence {
    const struct asim_exit_record *record; /* NULL: none */
    char *said;                            /* stderr, then stdout */
    struct asim_md_log log;
    struct asim_final_files files;
    bool checkpoint;
    bool disk_full;
    int64_t nsteps;
    int64_t step;
    bool finished_before; /* the final structure is of an earlier attempt */
};

static int read_said(const char *folder, int attempt, char **ret_said,
                     struct asim_error *err)
{
    static const char *const streams[2] = {"stderr", "stdout"};
    char *text[2] = {NULL, NULL};
    int rc = -1;
    for (int i = 0; i < 2; i++) {
        char *path = asim_attempt_path(folder, attempt, streams[i], err);
        int read = path ? asim_file_tail(path, OUTPUT_TAIL_BYTES, &text[i], err) : -1;
        free(path);
        if (read < 0)
            goto out;
    }
    *ret_said = asim_format(err, "%s\n%s", text[0], text[1]);
    rc = *ret_said ? 0 : -1;
out:
    free(text[0]);
    free(text[1]);
    return rc;
}

static int gather(const char *folder, int attempt, size_t atom_count,
                  struct evidence *evidence, struct asim_error *err)
{
    struct statvfs space;
    char *log_path = asim_path_join(folder, ASIM_MDRUN_LOG, err);
    char *cpt_path = asim_path_join(folder, ASIM_MDRUN_CPT, err);
    int rc = -1;
    if (!log_path || !cpt_path ||
        read_said(folder, attempt, &evidence->said, err) < 0 ||
        asim_md_log_read(log_path, LOG_TAIL_BYTES, &evidence->log, err) < 0 ||
        asim_final_files_look(folder, attempt, atom_count, &evidence->files, err) < 0)
        goto out;
    evidence->checkpoint = asim_file_exists(cpt_path);
    evidence->disk_full = statvfs(folder, &space) == 0 &&
                          (uint64_t)space.f_bavail * space.f_frsize < FULL_DISK_BYTES;
    evidence->step = evidence->log.step > evidence->files.energy_step
                         ? evidence->log.step
                         : evidence->files.energy_step;
    rc = 0;
out:
    free(cpt_path);
    free(log_path);
    return rc;
}

static enum asim_run_end conclude(struct asim_run_outcome *outcome,
                                  enum asim_run_end end, const char *format, ...)
    ASIM_PRINTF(3, 4);

static enum asim_run_end conclude(struct asim_run_outcome *outcome,
                                  enum asim_run_end end, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(outcome->cause, sizeof outcome->cause, format, arguments);
    va_end(arguments);
    return end;
}

static const char *checkpoint_words(const struct evidence *evidence)
{
    return evidence->checkpoint ? "a checkpoint is there"
                                : "there is no checkpoint yet";
}

/* gmx never ran, or could not be executed. */
static enum asim_run_end judge_unstarted(const struct evidence *evidence,
                                         struct asim_run_outcome *outcome)
{
    const struct asim_exit_record *record = evidence->record;
    if (record->refused)
        return conclude(outcome, ASIM_END_MACHINE, "not started: %.180s",
                        record->reason);
    enum asim_run_end end = ASIM_END_MACHINE;
    if (record->exit_code == ENOSPC || record->exit_code == EDQUOT)
        end = ASIM_END_DISK_FULL;
    else if (record->exit_code == ENOENT || record->exit_code == EACCES ||
             record->exit_code == ENOEXEC || record->exit_code == ENOTDIR)
        end = ASIM_END_INPUT;
    return conclude(outcome, end, "gmx could not be started: %.160s", record->reason);
}

static bool own_end(const struct evidence *evidence)
{
    return evidence->record ? evidence->record->exit_code == 0 &&
                                  evidence->record->signal_number == 0
                            : evidence->log.finished;
}

/* The step is judged too: a window.tpr shorter than planned also ends happily. */
static bool is_completed(const struct evidence *evidence)
{
    return own_end(evidence) && evidence->step >= evidence->nsteps &&
           (strstr(evidence->said, "Writing final coordinates") ||
            evidence->finished_before) &&
           evidence->files.structure == ASIM_STRUCTURE_WHOLE;
}

/* gmx that finds itself at the last step already leaves with 0 and, depending on the
 * step, does not write the final structure again. */
static bool began_at_end(const struct evidence *evidence)
{
    char phrase[64];
    snprintf(phrase, sizeof phrase, "(continuing from step %lld,",
             (long long)evidence->nsteps);
    return own_end(evidence) && strstr(evidence->said, phrase) != NULL;
}

/* Whether confout.gro is of an earlier attempt that ran to step nsteps. */
static int look_at_earlier(const char *folder, int attempt, size_t atom_count,
                           struct evidence *evidence, struct asim_error *err)
{
    char phrase[64];
    snprintf(phrase, sizeof phrase, "\n%lld steps,", (long long)evidence->nsteps);
    while (--attempt > 0 && !evidence->finished_before) {
        char *said;
        if (read_said(folder, attempt, &said, err) < 0)
            return -1;
        bool final = strstr(said, phrase) && strstr(said, "Writing final coordinates");
        free(said);
        if (!final)
            continue;
        if (asim_final_files_look(folder, attempt, atom_count, &evidence->files, err) <
            0)
            return -1;
        evidence->finished_before = evidence->files.structure == ASIM_STRUCTURE_WHOLE;
    }
    return 0;
}

static enum asim_run_end judge_silence(const struct evidence *evidence,
                                       struct asim_run_outcome *outcome)
{
    const struct asim_exit_record *record = evidence->record;
    const char *checkpoint = checkpoint_words(evidence);
    long long step = evidence->step;
    if (evidence->disk_full)
        return conclude(outcome, ASIM_END_DISK_FULL, "the disk is full");
    if (!record)
        return conclude(outcome, ASIM_END_MACHINE,
                        "lost: no exit record, the processes were killed or the "
                        "machine went down; %s",
                        checkpoint);
    int signal_number = record->signal_number;
    if (!signal_number && record->exit_code > 128 && record->exit_code < 128 + NSIG)
        signal_number = record->exit_code - 128; /* a wrapper script's way to say it */
    if (signal_number == SIGTERM || signal_number == SIGINT)
        return conclude(outcome, ASIM_END_STOPPED, "stopped by signal %d; %s",
                        signal_number, checkpoint);
    if (signal_number == SIGKILL && record->out_of_memory)
        return conclude(outcome, ASIM_END_MACHINE,
                        "killed (signal 9) at step %lld, out of memory it seems: the "
                        "kernel killed for memory here while it ran (peak %.0f MB); %s",
                        step, record->peak_memory_mb, checkpoint);
    if (signal_number == SIGKILL)
        return conclude(outcome, ASIM_END_MACHINE,
                        "killed (signal 9) at step %lld: by hand, or for memory (peak "
                        "%.0f MB); %s",
                        step, record->peak_memory_mb, checkpoint);
    if ((signal_number == SIGSEGV || signal_number == SIGABRT ||
         signal_number == SIGFPE || signal_number == SIGBUS) &&
        !strstr(evidence->said, "starting mdrun"))
        return conclude(outcome, ASIM_END_INPUT,
                        "gmx crashed (signal %d) while reading its input; window.tpr "
                        "or bias.edi is damaged",
                        signal_number);
    if ((signal_number == SIGSEGV || signal_number == SIGFPE) &&
        strstr(evidence->said, "LINCS WARNING"))
        return conclude(outcome, ASIM_END_PHYSICS,
                        "blow-up: gmx crashed (signal %d) after LINCS warnings",
                        signal_number);
    if (signal_number)
        return conclude(outcome, ASIM_END_MACHINE,
                        "ended by signal %d at step %lld; %s", signal_number, step,
                        checkpoint);
    if (record->exit_code)
        return conclude(outcome, ASIM_END_MACHINE,
                        "gmx left with code %d at step %lld and said no reason; %s",
                        record->exit_code, step, checkpoint);
    return conclude(outcome, ASIM_END_MACHINE, "gmx ended at step %lld of %lld, %s",
                    step, (long long)evidence->nsteps,
                    asim_structure_state_name(evidence->files.structure));
}

/* A report of which no phrase is known. */
static enum asim_run_end judge_report(const struct evidence *evidence,
                                      const char *report, const char *words,
                                      struct asim_run_outcome *outcome)
{
    bool warned = strstr(evidence->said, "LINCS WARNING") != NULL;
    if (find_phrase(report, "you are out of disk space, or a simulation with")) {
        /* gmx cannot tell either (an XTC frame that could not be written). Coordinates
         * without bounds come with warnings; a pause does least harm in doubt. */
        if (warned && !evidence->disk_full)
            return conclude(outcome, ASIM_END_PHYSICS,
                            "blow-up: coordinates are too large to be written");
        return conclude(outcome, ASIM_END_DISK_FULL, "the disk is full");
    }
    if (evidence->disk_full)
        return conclude(outcome, ASIM_END_DISK_FULL, "the disk is full; %s", words);
    /* What gmx finds wrong before the first step, it will find wrong again. */
    bool started = strstr(evidence->said, "starting mdrun") != NULL;
    return conclude(outcome, started ? ASIM_END_MACHINE : ASIM_END_INPUT, "%s", words);
}

static enum asim_run_end judge_words(const struct evidence *evidence,
                                     struct asim_run_outcome *outcome)
{
    const char *said = evidence->said;
    const char *report = find_report(said);
    char words[120] = "";
    if (report)
        copy_words(report, words, sizeof words);
    for (size_t i = 0; report && i < sizeof symptoms / sizeof *symptoms; i++)
        if (find_phrase(report, symptoms[i].phrase))
            return conclude(outcome, symptoms[i].end, "%s",
                            symptoms[i].cause ? symptoms[i].cause : words);
    if (report)
        return judge_report(evidence, report, words, outcome);
    if (own_end(evidence) && evidence->files.structure == ASIM_STRUCTURE_OVERFLOWN)
        return conclude(outcome, ASIM_END_PHYSICS,
                        "blow-up: the final coordinates are not finite or do not fit "
                        "confout.gro");
    if (strstr(said, "Run time exceeded") && own_end(evidence))
        return conclude(outcome, ASIM_END_WALLTIME, "run time (-maxh) used up");
    if (evidence->record && strstr(said, "Received the ") &&
        evidence->record->signal_number != SIGKILL)
        return conclude(outcome, ASIM_END_STOPPED,
                        "stopped on request at step %lld; %s",
                        (long long)evidence->step, checkpoint_words(evidence));
    if (own_end(evidence) && strstr(said, "Writing final coordinates") &&
        evidence->step >= 0 && evidence->step < evidence->nsteps)
        return conclude(outcome, ASIM_END_INPUT,
                        "window.tpr ends at step %lld, the plan asks for %lld",
                        (long long)evidence->step, (long long)evidence->nsteps);
    if (began_at_end(evidence) && !strstr(said, "Writing final coordinates"))
        return conclude(outcome, ASIM_END_RESTART,
                        "the checkpoint is at the last step, but the final structure "
                        "was never written and gmx does not write it any more");
    return judge_silence(evidence, outcome);
}

int asim_mdrun_judge(const char *folder, int attempt,
                     const struct asim_exit_record *record, int64_t nsteps,
                     size_t atom_count, struct asim_run_outcome *ret_outcome,
                     struct asim_error *err)
{
    struct evidence evidence = {.record = record, .nsteps = nsteps};
    struct asim_run_outcome outcome = {.step = -1};
    if (gather(folder, attempt, atom_count, &evidence, err) < 0 ||
        (began_at_end(&evidence) &&
         look_at_earlier(folder, attempt, atom_count, &evidence, err) < 0)) {
        free(evidence.said);
        return asim_wrap(err, "attempt %d of '%s'", attempt, folder);
    }
    outcome.step = evidence.step;
    outcome.ns_per_day = evidence.log.ns_per_day;
    outcome.final_potential_energy_kj_mol = isnan(evidence.files.potential_kj_mol)
                                                ? evidence.log.potential_kj_mol
                                                : evidence.files.potential_kj_mol;
    if (record && (record->refused || record->spawn_failed))
        outcome.end = judge_unstarted(&evidence, &outcome);
    else if (is_completed(&evidence) && evidence.files.bias_hole)
        outcome.end = conclude(
            &outcome, ASIM_END_RESTART,
            "bias.xvg has a hole: it was shorter than its checkpoint said, and "
            "gmx went on without a word");
    else if (is_completed(&evidence))
        outcome.end = ASIM_END_COMPLETED;
    else
        outcome.end = judge_words(&evidence, &outcome);
    free(evidence.said);
    *ret_outcome = outcome;
    return 0;
}

const char *asim_run_end_name(enum asim_run_end end)
{
    static const char *const names[] = {"completed", "walltime", "stopped", "machine",
                                        "disk full", "physics",  "input",   "restart"};
    return (size_t)end < sizeof names / sizeof *names ? names[end] : "unknown";
}
