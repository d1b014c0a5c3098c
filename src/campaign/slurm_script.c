/*
 * Writing the job script. Invariant: no text of the user's reaches the shell unquoted.
 * It must not run anything.
 */
#include "campaign/slurm_script.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "campaign/fold.h"
#include "campaign/slurm_jobs.h"

static const double MARGIN_PART = 0.1; /* of the time limit, */
static const double MARGIN_LEAST = 20, MARGIN_MOST = 300;
/* Where the limit is the partition's, Slurm itself warns; up to a minute early. */
enum { WARN_SECONDS = 240 };

bool asim_slurm_time(const char *text, double *ret_seconds)
{
    static const char *const unlimited[] = {"UNLIMITED", "INFINITE", "unlimited",
                                            "infinite"};
    double part[3], days = 0;
    int count = 0;
    char *end;
    for (size_t i = 0; i < sizeof unlimited / sizeof *unlimited; i++) {
        if (strcmp(text, unlimited[i]) == 0) {
            *ret_seconds = 0;
            return true;
        }
    }
    const char *dash = strchr(text, '-');
    if (strspn(text, "0123456789:-") != strlen(text))
        return false;
    if (dash) {
        days = (double)strtoul(text, &end, 10);
        if (end == text || end != dash)
            return false;
        text = dash + 1;
    }
    for (;;) {
        if (count == 3)
            return false;
        part[count++] = (double)strtoul(text, &end, 10);
        if (end == text || (*end != '\0' && *end != ':'))
            return false;
        if (*end == '\0')
            break;
        text = end + 1;
    }
    double seconds;
    if (dash) /* D-H, D-H:M, D-H:M:S */
        seconds = 86400 * days + 3600 * part[0] + (count > 1 ? 60 * part[1] : 0) +
                  (count > 2 ? part[2] : 0);
    else if (count == 3)
        seconds = 3600 * part[0] + 60 * part[1] + part[2];
    else /* M, M:S */
        seconds = 60 * part[0] + (count > 1 ? part[1] : 0);
    if (!(seconds < 1e9))
        return false;
    *ret_seconds = seconds;
    return true;
}

double asim_slurm_margin(double limit_seconds)
{
    return fmin(fmax(MARGIN_PART * limit_seconds, MARGIN_LEAST), MARGIN_MOST);
}

int asim_slurm_cpus(const struct asim_slurm_options *options, int width)
{
    return options->cpus > 0 ? options->cpus : width;
}

/* One line: a line break would begin a line of its own in the script. */
static int check_text(const char *name, const char *text, struct asim_error *err)
{
    for (const char *at = text; at && *at; at++)
        if ((unsigned char)*at < ' ')
            return asim_fail(err, ASIM_EUSAGE,
                             "--%s holds a control character, which a job script "
                             "cannot carry",
                             name);
    return 0;
}

int asim_slurm_options_check(const struct asim_run_options *options,
                             struct asim_error *err)
{
    const struct asim_slurm_options *slurm = &options->slurm;
    double seconds;
    if (!slurm->program || slurm->program[0] != '/')
        return asim_fail(err, ASIM_EUSAGE,
                         "the absolute path of autosim is needed for job scripts");
    if (check_text("partition", slurm->partition, err) < 0 ||
        check_text("account", slurm->account, err) < 0 ||
        check_text("gres", slurm->gres, err) < 0 ||
        check_text("modules", slurm->modules, err) < 0 ||
        check_text("gmx", options->gromacs, err) < 0)
        return -1;
    for (const char *at = slurm->extra; at && *at; at++)
        if ((unsigned char)*at < ' ' && *at != '\n')
            return check_text("sbatch", slurm->extra, err);
    if (slurm->time && !asim_slurm_time(slurm->time, &seconds))
        return asim_fail(err, ASIM_EUSAGE,
                         "--time '%s': minutes, MIN:S, H:M:S, D-H, D-H:M or D-H:M:S "
                         "was expected",
                         slurm->time);
    if (slurm->time && seconds > 0 && seconds < 60)
        return asim_fail(err, ASIM_EUSAGE,
                         "--time '%s' is %.0f s; a job needs at least a minute",
                         slurm->time, seconds);
    if (options->maxh > 0)
        return asim_fail(err, ASIM_EUSAGE,
                         "--maxh limits a run on this machine; the time of jobs is "
                         "limited with --time");
    if (slurm->nodes < 0 || slurm->cpus < 0 || slurm->slots < 0 ||
        !(slurm->poll_seconds >= 10) || !(slurm->lease_seconds >= 1))
        return asim_fail(
            err, ASIM_EUSAGE,
            "nodes, cpus and slots must not be negative, the queue is "
            "looked at every 10 s at most, and a lease lasts 1 s at least");
    return 0;
}

static void add_option(FILE *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    char *quoted = asim_shell_quote(value, NULL);
    fprintf(out, "#SBATCH --%s=%s\n", name, quoted ? quoted : "");
    free(quoted);
}

static void add_word(FILE *out, const char *word)
{
    char *quoted = asim_shell_quote(word, NULL);
    fprintf(out, " %s", quoted ? quoted : "''");
    free(quoted);
}

/* Slurm replaces %A and the like in file names. */
static void add_output(FILE *out, const struct asim_job_script *script)
{
    char *doubled = asim_alloc_array(2 * strlen(script->folder) + 1, 1, NULL);
    char *at = doubled;
    for (const char *c = script->folder; at && *c; c++) {
        if (*c == '%')
            *at++ = '%';
        *at++ = *c;
    }
    char *path = doubled ? asim_format(NULL, "%s/%s/%s-%%a.out", doubled,
                                       ASIM_SLOTS_FOLDER, script->token)
                         : NULL;
    add_option(out, "output", path);
    free(path);
    free(doubled);
}

static void add_extra(FILE *out, const char *lines)
{
    while (lines && *lines) {
        size_t length = strcspn(lines, "\n");
        const char *text = lines;
        if (strncmp(text, "#SBATCH ", 8) == 0 && length >= 8) {
            text += 8;
            length -= 8;
        }
        if (length > 0)
            fprintf(out, "#SBATCH %.*s\n", (int)length, text);
        lines = text + length + (text[length] == '\n');
    }
}

static void add_modules(FILE *out, const char *modules)
{
    char name[256];
    while (modules && *(modules += strspn(modules, " "))) {
        size_t length = strcspn(modules, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, modules);
        fprintf(out, "module load");
        add_word(out, name);
        fprintf(out, " || exit 1\n");
        modules += length;
    }
}

static void add_slot_command(FILE *out, const struct asim_job_script *script,
                             const struct asim_run_options *options)
{
    const struct asim_slurm_options *slurm = &options->slurm;
    double limit = 0;
    add_word(out, slurm->program);
    fprintf(out, " slot -C");
    add_word(out, script->folder);
    fprintf(out, " --token %s --lease %.10g --retries %d --cpt %.10g", script->token,
            slurm->lease_seconds, options->retries, options->checkpoint_minutes);
    if (options->gromacs) {
        fprintf(out, " --gmx");
        add_word(out, options->gromacs);
    }
    if (options->jobs > 0)
        fprintf(out, " -j %d", options->jobs);
    if (options->ntmpi > 0)
        fprintf(out, " --ntmpi %d", options->ntmpi);
    if (options->ntomp > 0)
        fprintf(out, " --ntomp %d", options->ntomp);
    if (options->window_maxh > 0)
        fprintf(out, " --maxh-window %.10g", options->window_maxh);
    if (options->most_ns > 0)
        fprintf(out, " --max-ns %.17g", options->most_ns);
    if (options->gpus) {
        fprintf(out, " --gpus");
        add_word(out, options->gpus);
    }
    if (slurm->time && asim_slurm_time(slurm->time, &limit) && limit > 0)
        fprintf(out, " --usable %.0f", limit - asim_slurm_margin(limit));
}

static void add_body(FILE *out, const struct asim_job_script *script,
                     const struct asim_run_options *options)
{
    if (options->slurm.nodes <= 1) {
        fprintf(out, "exec");
        add_slot_command(out, script, options);
        fprintf(out, " --requeue\n");
        return;
    }
    fprintf(out, "srun --ntasks-per-node=1 --kill-on-bad-exit=0");
    add_slot_command(out, script, options);
    /* 10: time is up and windows are left. */
    fprintf(out, "\ncode=$?\n"
                 "[ $code -eq 10 ] || exit $code\n"
                 "exec scontrol requeue \"$SLURM_JOB_ID\"\n");
}

char *asim_job_script_text(const struct asim_job_script *script,
                           const struct asim_run_options *options,
                           struct asim_error *err)
{
    const struct asim_slurm_options *slurm = &options->slurm;
    int nodes = slurm->nodes > 0 ? slurm->nodes : 1;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        asim_fail(err, ASIM_ENOMEM, "no memory for a job script");
        return NULL;
    }
    /* A login shell where modules are wanted: `module` is a function of it. */
    fprintf(out, "#!/bin/%s\n", slurm->modules ? "bash -l" : "sh");
    add_option(out, "job-name", script->name);
    fprintf(out, "#SBATCH --comment=%s%s\n", ASIM_COMMENT_PREFIX, script->token);
    fprintf(out, "#SBATCH --array=0-%d\n", script->elements - 1);
    fprintf(out, "#SBATCH --nodes=%d --ntasks-per-node=1 --cpus-per-task=%d\n", nodes,
            asim_slurm_cpus(slurm, script->width));
    fprintf(out, "#SBATCH --requeue --open-mode=append\n");
    add_output(out, script);
    add_option(out, "chdir", script->folder);
    add_option(out, "partition", slurm->partition);
    add_option(out, "account", slurm->account);
    add_option(out, "time", slurm->time);
    add_option(out, "gres", slurm->gres);
    add_option(out, "exclude", script->excluded);
    if (!slurm->time)
        fprintf(out, "#SBATCH --signal=%sUSR1@%d\n",
                nodes > 1 ? "" : "B:", WARN_SECONDS);
    add_extra(out, slurm->extra);
    add_modules(out, slurm->modules);
    add_body(out, script, options);
    if (fclose(out) != 0) {
        free(text);
        asim_fail(err, ASIM_ENOMEM, "no memory for a job script");
        return NULL;
    }
    return text;
}
