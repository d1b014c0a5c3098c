/*
 * The command of one window's run, and its folder before a run. Must not know how
 * processes are started or why runs end.
 */
#include "engine/mdrun.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "engine/md_log.h"
#include "engine/record.h"
#include "windows/bias_method.h"

#define MDRUN_CPT_PREVIOUS "state_prev.cpt"
#define MDRUN_TRR "traj.trr"
#define COLVARS_TRAJ "ener.colvars.traj"
#define COLVARS_ALL "bias.colvars.traj"
#define COLVARS_STATE "ener.colvars.state"
#define COLVARS_STATE_PREVIOUS "ener.colvars_prev.state"

/* Enough for several step blocks behind the tables of a finished attempt (~10 kB). */
enum { STEP_TAIL_BYTES = 64 * 1024 };

/* Of bias.xvg: its legend is some 3 kB, a row some 40 bytes, more with more vectors. */
enum { HEAD_BYTES = 16 * 1024, ROWS_TAIL_BYTES = 4 * 1024 };
static const uint64_t LARGEST_SAMPLES_BYTES = (uint64_t)1 << 38;

void asim_argv_free(char **argv)
{
    for (char **argument = argv; argument && *argument; argument++)
        free(*argument);
    free(argv);
}

struct arguments {
    char **list;
    size_t count, capacity;
    bool failed;
};

static void add(struct arguments *arguments, char *text, struct asim_error *err)
{
    if (!text || arguments->failed ||
        asim_grow(&arguments->list, &arguments->capacity, arguments->count + 2,
                  sizeof *arguments->list, err) < 0) {
        free(text);
        arguments->failed = true;
        return;
    }
    arguments->list[arguments->count++] = text;
    arguments->list[arguments->count] = NULL;
}

static void add_option(struct arguments *arguments, const char *option,
                       const char *value, struct asim_error *err)
{
    add(arguments, asim_strdup(option, err), err);
    add(arguments, asim_strdup(value, err), err);
}

static void add_files(struct arguments *arguments, struct asim_error *err)
{
    add_option(arguments, "-g", ASIM_MDRUN_LOG, err);
    add_option(arguments, "-e", ASIM_MDRUN_EDR, err);
    add_option(arguments, "-x", ASIM_MDRUN_XTC, err);
    add_option(arguments, "-o", MDRUN_TRR, err);
}

static void add_resources(struct arguments *arguments, const struct asim_mdrun *mdrun,
                          struct asim_error *err)
{
    /* A build with a real MPI library has no thread-MPI ranks and refuses the option.
     */
    if (mdrun->gromacs->thread_mpi) {
        add(arguments, asim_strdup("-ntmpi", err), err);
        add(arguments, asim_format(err, "%d", mdrun->ntmpi > 0 ? mdrun->ntmpi : 1),
            err);
    }
    add(arguments, asim_strdup("-ntomp", err), err);
    add(arguments, asim_format(err, "%d", mdrun->ntomp > 0 ? mdrun->ntomp : 1), err);
    add_option(arguments, "-pin", "off", err);
    if (mdrun->gpu_id) {
        add(arguments, asim_strdup("-gpu_id", err), err);
        add(arguments, asim_format(err, "%d", *mdrun->gpu_id), err);
    }
    if (mdrun->maxh > 0) {
        add(arguments, asim_strdup("-maxh", err), err);
        add(arguments, asim_format(err, "%.9g", mdrun->maxh), err);
    }
}

static int make_command(const struct asim_mdrun *mdrun, bool trial, char ***ret_argv,
                        struct asim_error *err)
{
    struct arguments arguments = {0};
    if (mdrun->ntmpi < 0 || mdrun->ntomp < 0 || !(mdrun->checkpoint_minutes > 0) ||
        !(mdrun->maxh >= 0))
        return asim_fail(err, ASIM_EUSAGE,
                         "mdrun needs thread counts of at least 0 (%d, %d), a "
                         "checkpoint interval above 0 (%g min) and maxh of at least 0 "
                         "(%g h)",
                         mdrun->ntmpi, mdrun->ntomp, mdrun->checkpoint_minutes,
                         mdrun->maxh);
    add(&arguments, asim_strdup(mdrun->gromacs->path, err), err);
    add(&arguments, asim_strdup("mdrun", err), err);
    add_option(&arguments, "-s", ASIM_MDRUN_TPR, err);
    const struct asim_bias_method *method = asim_bias_method(mdrun->bias);
    for (size_t i = 0; method->arguments[i]; i++)
        add(&arguments, asim_strdup(method->arguments[i], err), err);
    if (!trial) {
        add_option(&arguments, "-cpi", ASIM_MDRUN_CPT, err);
        add_option(&arguments, "-cpo", ASIM_MDRUN_CPT, err);
        add(&arguments, asim_strdup("-cpt", err), err);
        add(&arguments, asim_format(err, "%.9g", mdrun->checkpoint_minutes), err);
    }
    add_files(&arguments, err);
    if (trial)
        add(&arguments, asim_strdup("-noconfout", err), err);
    else
        add_option(&arguments, "-c", ASIM_MDRUN_GRO, err);
    add_resources(&arguments, mdrun, err);
    if (arguments.failed) {
        asim_argv_free(arguments.list);
        return -1;
    }
    *ret_argv = arguments.list;
    return 0;
}

int asim_mdrun_command(const struct asim_mdrun *mdrun, char ***ret_argv,
                       struct asim_error *err)
{
    return make_command(mdrun, false, ret_argv, err);
}

int asim_mdrun_trial_command(const struct asim_mdrun *mdrun, char ***ret_argv,
                             struct asim_error *err)
{
    return make_command(mdrun, true, ret_argv, err);
}

/* The number that begins a whole line of data, or NAN. */
static double row_time(const char *line)
{
    char *end;
    line += strspn(line, " ");
    if (!strchr(line, '\n') || *line == '#' || *line == '@')
        return NAN;
    double time_ps = strtod(line, &end);
    return end != line && (*end == ' ' || *end == '\t') ? time_ps : NAN;
}

/* From the first time, that of step 0, to the last one; `dt_ps` 0: the file has steps.
 * It ends in the middle of a line as a rule: gmx writes it by blocks. */
static int64_t bias_output_step(const char *path, double dt_ps)
{
    char head[HEAD_BYTES + 1], *tail = NULL;
    double first_ps = NAN, last_ps = NAN;
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    head[fread(head, 1, HEAD_BYTES, file)] = '\0';
    fclose(file);
    for (const char *line = head; line && isnan(first_ps);) {
        first_ps = row_time(line);
        const char *newline = strchr(line, '\n');
        line = newline ? newline + 1 : NULL;
    }
    if (asim_file_tail(path, ROWS_TAIL_BYTES, &tail, NULL) < 0)
        return -1;
    /* What the tail begins with may be the end of a line. */
    for (const char *line = strchr(tail, '\n'); line; line = strchr(line, '\n')) {
        double time_ps = row_time(++line);
        last_ps = isnan(time_ps) ? last_ps : time_ps;
    }
    free(tail);
    double step = dt_ps > 0 ? (last_ps - first_ps) / dt_ps : last_ps;
    return step >= 0 && step < 1e18 ? (int64_t)llround(step) : -1;
}

/* The engine that runs here is the one whose output is there. */
static int64_t newest_sample_step(const char *folder, double dt_ps)
{
    static const enum asim_bias_engine engines[] = {ASIM_BIAS_EDI, ASIM_BIAS_COLVARS,
                                                    ASIM_BIAS_PLUMED};
    int64_t step = -1;
    for (size_t i = 0; i < sizeof engines / sizeof *engines && step < 0; i++) {
        const struct asim_bias_method *method = asim_bias_method(engines[i]);
        char *path = asim_path_join(folder, method->output, NULL);
        if (path)
            step = bias_output_step(path, method->output_in_steps ? 0 : dt_ps);
        free(path);
    }
    return step;
}

int64_t asim_mdrun_step(const char *folder, double dt_ps)
{
    struct asim_md_log log;
    char *path = asim_path_join(folder, ASIM_MDRUN_LOG, NULL);
    int64_t step = -1, rows = newest_sample_step(folder, dt_ps);
    if (path && asim_md_log_read(path, STEP_TAIL_BYTES, &log, NULL) == 0)
        step = log.step;
    free(path);
    return rows > step ? rows : step;
}

/* What one attempt writes and a new beginning must not find; the log comes first, it is
 * kept longest, then the checkpoints. */
static const char *const run_files[] = {
    ASIM_MDRUN_LOG, ASIM_MDRUN_CPT, MDRUN_CPT_PREVIOUS, ASIM_MDRUN_EDR,
    ASIM_MDRUN_XTC, MDRUN_TRR,      ASIM_MDRUN_GRO,     "bias.xvg",
    COLVARS_TRAJ,   COLVARS_ALL,    COLVARS_STATE,      COLVARS_STATE_PREVIOUS,
    "COLVAR",       "PLUMED.OUT",
};
enum { RUN_FILE_COUNT = sizeof run_files / sizeof *run_files };

static bool file_in(const char *folder, const char *name)
{
    char *path = asim_path_join(folder, name, NULL);
    bool there = path && asim_file_exists(path);
    free(path);
    return there;
}

static int move_file(const char *from_folder, const char *from_name,
                     const char *to_folder, const char *to_name, struct asim_error *err)
{
    int rc = -1;
    char *from = asim_path_join(from_folder, from_name, err);
    char *to = asim_path_join(to_folder, to_name, err);
    if (from && to)
        rc = rename(from, to) == 0 || errno == ENOENT
                 ? 0
                 : asim_fail(err, ASIM_EIO, "cannot move '%s' to '%s': %s", from, to,
                             strerror(errno));
    free(to);
    free(from);
    return rc;
}

/* Of a set that is no longer among the newest only the log stays. */
static int thin_set(const char *folder, int attempt, struct asim_error *err)
{
    char *set = asim_attempt_path(folder, attempt, "files", err);
    if (!set)
        return -1;
    int rc = 0;
    for (int i = 1; i < RUN_FILE_COUNT && rc == 0; i++) {
        char *path = asim_path_join(set, run_files[i], err);
        if (!path || (unlink(path) < 0 && errno != ENOENT))
            rc = path ? asim_fail(err, ASIM_EIO, "cannot remove '%s': %s", path,
                                  strerror(errno))
                      : -1;
        free(path);
    }
    free(set);
    return rc;
}

static int set_aside(const char *folder, int previous, struct asim_error *err)
{
    int rc = -1;
    char *set = asim_attempt_path(folder, previous, "files", err);
    if (!set || asim_make_folder(set, err) < 0)
        goto out;
    /* The checkpoints, second in the table, go first: a kill in between must not leave
     * one without its outputs, which gmx would refuse to go on with. */
    for (int i = 1; i <= RUN_FILE_COUNT; i++) {
        const char *name = run_files[i % RUN_FILE_COUNT];
        if (move_file(folder, name, set, name, err) < 0)
            goto out;
    }
    int kept = 0;
    for (int attempt = previous; attempt > 0; attempt--) {
        char *older = asim_attempt_path(folder, attempt, "files", err);
        if (!older)
            goto out;
        bool there = asim_file_exists(older);
        free(older);
        if (there && ++kept > ASIM_MDRUN_KEPT && thin_set(folder, attempt, err) < 0)
            goto out;
    }
    rc = asim_folder_sync(folder, err);
out:
    free(set);
    return rc;
}

int asim_mdrun_collect(const char *folder, struct asim_error *err)
{
    char *from = asim_path_join(folder, COLVARS_TRAJ, err);
    char *to = asim_path_join(folder, COLVARS_ALL, err);
    char *before = NULL, *newest = NULL, *all = NULL;
    size_t before_size = 0, newest_size;
    int rc = -1;
    if (!from || !to)
        goto out;
    if (!asim_file_exists(from)) {
        rc = 0;
        goto out;
    }
    if (asim_file_read(from, LARGEST_SAMPLES_BYTES, &newest, &newest_size, err) < 0 ||
        (asim_file_exists(to) &&
         asim_file_read(to, LARGEST_SAMPLES_BYTES, &before, &before_size, err) < 0))
        goto out;
    const char *newline = memrchr(newest, '\n', newest_size);
    newest_size = newline ? (size_t)(newline - newest) + 1 : 0;
    all = asim_alloc_array(before_size + newest_size, 1, err);
    if (!all)
        goto out;
    if (before)
        memcpy(all, before, before_size);
    memcpy(all + before_size, newest, newest_size);
    if (asim_file_replace(to, all, before_size + newest_size, err) < 0)
        goto out;
    rc = unlink(from) == 0 ? asim_folder_sync(folder, err)
                           : asim_fail(err, ASIM_EIO, "cannot remove '%s': %s", from,
                                       strerror(errno));
out:
    free(all);
    free(newest);
    free(before);
    free(from);
    free(to);
    return rc;
}

/* "fence.Ab12Cd" and the like: what a write-and-rename that was killed leaves behind.
 */
static bool is_leftover(const char *name)
{
    static const char *const ours[] = {ASIM_FENCE_NAME, ASIM_MDRUN_TPR, "planned.tpr",
                                       "made"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const char *dot = strrchr(name, '.');
    if (dot && strncmp(name, "attempt-", 8) == 0 && dot - name >= 8 &&
        strcmp(dot, ".part") == 0 && strncmp(dot - 8, ".process", 8) == 0)
        return true;
    if (!dot || strlen(dot + 1) != 6 || strspn(dot + 1, letters) != 6)
        return false;
    size_t length = (size_t)(dot - name);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strlen(ours[i]) == length && strncmp(name, ours[i], length) == 0)
            return true;
    return strncmp(name, "attempt-", 8) == 0 && length > 5 &&
           strncmp(dot - 5, ".json", 5) == 0;
}

static bool is_run_file(const char *name)
{
    for (int i = 0; i < RUN_FILE_COUNT; i++)
        if (strcmp(name, run_files[i]) == 0)
            return true;
    return false;
}

/* Where one cannot be removed it does no harm. Tells whether there are files of a run:
 * one look at the folder is cheaper than one for each of them. */
static int remove_leftovers(const char *folder, bool *ret_has_run_files,
                            struct asim_error *err)
{
    bool found = false;
    DIR *entries = opendir(folder);
    if (!entries)
        return asim_fail(err, ASIM_EIO, "cannot read the folder '%s': %s", folder,
                         strerror(errno));
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        found |= is_run_file(entry->d_name);
        if (is_leftover(entry->d_name))
            unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
    *ret_has_run_files = found;
    return 0;
}

static int use_previous(const char *folder, struct asim_error *err)
{
    return move_file(folder, MDRUN_CPT_PREVIOUS, folder, ASIM_MDRUN_CPT, err);
}

/* 1: state.cpt is the checkpoint before the last one now; 0: there is none before. The
 * last one is kept with the files of its attempt, which also tells a second call after
 * a crash that this was done. */
static int rewind_checkpoint(const char *folder, int previous, struct asim_error *err)
{
    int rc = -1;
    char *set = asim_attempt_path(folder, previous, "files", err);
    if (!set)
        return -1;
    if (!file_in(folder, MDRUN_CPT_PREVIOUS)) {
        rc = file_in(set, ASIM_MDRUN_CPT) && file_in(folder, ASIM_MDRUN_CPT);
        goto out;
    }
    if (asim_make_folder(set, err) < 0 ||
        (!file_in(set, ASIM_MDRUN_CPT) &&
         move_file(folder, ASIM_MDRUN_CPT, set, ASIM_MDRUN_CPT, err) < 0) ||
        use_previous(folder, err) < 0)
        goto out;
    rc = 1;
out:
    free(set);
    return rc;
}

int asim_mdrun_prepare(const char *folder, int attempt, enum asim_mdrun_from from,
                       struct asim_error *err)
{
    enum asim_window_lock lock;
    int previous = attempt > 1 ? attempt - 1 : 0;
    if (asim_window_lock_probe(folder, &lock, err) < 0)
        return -1;
    if (lock == ASIM_WINDOW_HELD)
        return asim_fail(err, ASIM_ELOCKED,
                         "attempt %d cannot be prepared: a process still runs in '%s'",
                         attempt, folder);
    bool has_run_files = false;
    if (remove_leftovers(folder, &has_run_files, err) < 0)
        return -1;
    int rewound = 0;
    if (from == ASIM_FROM_PREVIOUS &&
        (rewound = rewind_checkpoint(folder, previous, err)) < 0)
        return -1;
    if (from == ASIM_FROM_CHECKPOINT && !file_in(folder, ASIM_MDRUN_CPT) &&
        file_in(folder, MDRUN_CPT_PREVIOUS) && use_previous(folder, err) < 0)
        return -1;
    if (rewound || (from == ASIM_FROM_CHECKPOINT && file_in(folder, ASIM_MDRUN_CPT)))
        return asim_mdrun_collect(folder, err);
    return has_run_files ? set_aside(folder, previous, err) : 0;
}

uint64_t asim_mdrun_activity(const char *folder)
{
    uint64_t sum = 0;
    for (int i = 0; i < RUN_FILE_COUNT; i++) {
        struct stat status;
        char *path = asim_path_join(folder, run_files[i], NULL);
        if (path && stat(path, &status) == 0)
            sum = 31 * sum + (uint64_t)status.st_size +
                  (uint64_t)status.st_mtim.tv_sec * 1000003u +
                  (uint64_t)status.st_mtim.tv_nsec;
        free(path);
    }
    return sum;
}
