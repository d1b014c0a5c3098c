/*
 * A window's folder before an attempt.
 *
 * Invariants: everything here can be done again after a crash at any point and comes to
 * the same files; the planned TPR is never lost. It must not know processes or the
 * journal. The caller has seen that nothing lives in the folder.
 */
#include "campaign/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "engine/mdrun.h"
#include "formats/tpr.h"
#include "windows/bias_method.h"

#define PLANNED_TPR "planned.tpr"
#define MADE_MARK "made" /* what window.tpr was made for */

enum { MARK_BYTES = 128 };

static const uint64_t LARGEST_TPR_BYTES = (uint64_t)1 << 32;

static int check_file(const char *folder, const char *name, const char *expected,
                      struct asim_error *err)
{
    char found[65];
    char *path = asim_path_join(folder, name, err);
    if (!path)
        return -1;
    int rc = -1;
    if (!asim_file_exists(path)) {
        asim_fail(err, ASIM_EINPUT, "'%s' is missing; plan the windows again", path);
        goto out;
    }
    if (asim_file_sha256(path, found, err) < 0)
        goto out;
    if (strcmp(found, expected) != 0) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' is not the planned file (sha256 %.12s..., planned %.12s...); "
                  "put the planned one back or plan the windows again",
                  path, found, expected);
        goto out;
    }
    rc = 0;
out:
    free(path);
    return rc;
}

static int check_bias(const char *folder, const struct asim_bias_method *method,
                      const char *expected, struct asim_error *err)
{
    char found[65];
    if (asim_bias_files_sha256(method, folder, found, err) < 0)
        return -1;
    if (strcmp(found, expected) != 0)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s/%s'%s not what was planned (sha256 %.12s..., planned "
                         "%.12s...); put the planned files back or plan the windows "
                         "again",
                         folder, method->files[0],
                         method->files[1] ? " or a file beside it is" : " is", found,
                         expected);
    return 0;
}

/* Keeps the planned TPR under a second name, once. */
static int keep_planned(const char *folder, const struct asim_window *window,
                        struct asim_error *err)
{
    int rc = -1;
    char *from = asim_path_join(folder, ASIM_MDRUN_TPR, err);
    char *to = asim_path_join(folder, PLANNED_TPR, err);
    char *data = NULL;
    size_t size;
    if (!from || !to)
        goto out;
    if (!asim_file_exists(to)) {
        if (check_file(folder, ASIM_MDRUN_TPR, window->tpr_sha256, err) < 0 ||
            asim_file_read(from, LARGEST_TPR_BYTES, &data, &size, err) < 0 ||
            asim_file_replace(to, data, size, err) < 0)
            goto out;
    }
    rc = check_file(folder, PLANNED_TPR, window->tpr_sha256, err);
out:
    free(data);
    free(from);
    free(to);
    return rc;
}

/* "RESEED NSTEPS RELAXING START-ATTEMPT SHA256\n". */
static void mark_text(const struct asim_window_start *start, const char *sha256,
                      char *ret_text, size_t size)
{
    snprintf(ret_text, size, "%d %lld %d %d %s\n", start->reseed_index,
             (long long)start->nsteps, start->relaxing, start->start_attempt, sha256);
}

/* The mark is written after window.tpr: where it fits, window.tpr is what was made. */
static bool is_made(const char *folder, const struct asim_window_start *start)
{
    bool done = false;
    char *mark = asim_path_join(folder, MADE_MARK, NULL);
    char *tpr = asim_path_join(folder, ASIM_MDRUN_TPR, NULL);
    char *text = NULL, expected[MARK_BYTES], sha256[65];
    size_t size;
    if (mark && tpr && asim_file_exists(mark) &&
        asim_file_read(mark, sizeof expected, &text, &size, NULL) == 0 &&
        asim_file_sha256(tpr, sha256, NULL) == 0) {
        mark_text(start, sha256, expected, sizeof expected);
        done = strcmp(text, expected) == 0;
    }
    free(text);
    free(mark);
    free(tpr);
    return done;
}

static int mark_made(const char *folder, const struct asim_window_start *start,
                     struct asim_error *err)
{
    char text[MARK_BYTES], sha256[65];
    int rc = -1;
    char *mark = asim_path_join(folder, MADE_MARK, err);
    char *tpr = asim_path_join(folder, ASIM_MDRUN_TPR, err);
    if (mark && tpr && asim_file_sha256(tpr, sha256, err) == 0) {
        mark_text(start, sha256, text, sizeof text);
        rc = asim_file_replace(mark, text, strlen(text), err);
    }
    free(mark);
    free(tpr);
    return rc;
}

int asim_window_prepare_inputs(const char *folder, const struct asim_plan *plan,
                               const struct asim_window *window,
                               const struct asim_window_start *start,
                               asim_make_tpr_fn make_tpr, struct asim_error *err)
{
    struct stat status;
    if (stat(folder, &status) < 0 || !S_ISDIR(status.st_mode))
        return asim_fail(err, ASIM_EINPUT,
                         "the window's folder '%s' is missing; plan the windows again",
                         folder);
    if (window->bias_sha256[0] &&
        check_bias(folder, asim_bias_method(plan->bias), window->bias_sha256, err) < 0)
        return -1;
    if (start->reseed_index == 0 && start->nsteps == window->nsteps &&
        !start->relaxing && start->start_attempt == 0)
        return check_file(folder, ASIM_MDRUN_TPR, window->tpr_sha256, err);
    if (keep_planned(folder, window, err) < 0)
        return -1;
    if (is_made(folder, start))
        return 0;
    if (make_tpr(folder, plan, window, start, err) < 0)
        return asim_wrap(err, "cannot make window.tpr of '%s' from the planned one",
                         folder);
    return mark_made(folder, start, err);
}

/* The final structure of a relaxation: still in the folder, or moved aside since. */
static int read_relaxed(const char *folder, int attempt, size_t atom_count,
                        struct asim_frame *frame, struct asim_error *err)
{
    struct asim_trajectory *traj = NULL;
    int rc = -1;
    char *path =
        asim_format(err, "%s/attempt-%d.files/" ASIM_MDRUN_GRO, folder, attempt);
    if (path && !asim_file_exists(path)) {
        free(path);
        path = asim_path_join(folder, ASIM_MDRUN_GRO, err);
    }
    if (!path || asim_trajectory_open(path, &traj, err) < 0)
        goto out;
    if (asim_trajectory_atom_count(traj) != atom_count) {
        asim_fail(err, ASIM_EINPUT, "'%s' holds %zu atoms, not the %zu of the TPR",
                  path, asim_trajectory_atom_count(traj), atom_count);
        goto out;
    }
    int got = asim_trajectory_next(traj, frame, err);
    if (got == 0)
        asim_fail(err, ASIM_EINPUT, "'%s' holds no structure", path);
    rc = got == 1 ? 0 : -1;
out:
    asim_trajectory_close(traj);
    free(path);
    return rc;
}

int asim_window_make_tpr(const char *folder, const struct asim_plan *plan,
                         const struct asim_window *window,
                         const struct asim_window_start *start, struct asim_error *err)
{
    char *data = NULL;
    void *patched = NULL;
    size_t size, patched_size;
    struct asim_tpr tpr = {0};
    struct asim_frame relaxed = {0};
    int rc = -1;
    char *from = asim_path_join(folder, PLANNED_TPR, err);
    char *to = asim_path_join(folder, ASIM_MDRUN_TPR, err);
    if (!from || !to || asim_file_read(from, LARGEST_TPR_BYTES, &data, &size, err) < 0)
        goto out;
    if (asim_tpr_parse(data, size, &tpr, NULL, err) < 0)
        goto out;
    struct asim_tpr_patch patch = {
        .x_nm = (const float(*)[3])tpr.x_nm,
        .nsteps = start->nsteps,
        .ld_seed = window->ld_seed,
        .velocity_seed = window->velocity_seed,
        .temperature_kelvin = plan->temperature_kelvin,
    };
    if (start->reseed_index > 0) {
        uint64_t index = (uint64_t)start->reseed_index;
        /* 31 bits: GROMACS takes a negative seed as "choose one". */
        patch.ld_seed =
            (int32_t)(asim_random_derive((uint64_t)window->ld_seed, index) & INT32_MAX);
        patch.velocity_seed = asim_random_derive(window->velocity_seed, index);
    }
    if (start->relaxing)
        patch.dt_ps = tpr.dt_ps / ASIM_RELAX_DT_DIVISOR;
    if (start->start_attempt > 0) {
        if (read_relaxed(folder, start->start_attempt, tpr.atom_count, &relaxed, err) <
            0)
            goto out;
        patch.x_nm = (const float(*)[3])relaxed.x_nm;
        patch.box_nm = tpr.offset.box ? (const float(*)[3])relaxed.box_nm : NULL;
    }
    if (asim_tpr_patch(data, size, &patch, &patched, &patched_size, err) < 0 ||
        asim_file_replace(to, patched, patched_size, err) < 0)
        goto out;
    rc = 0;
out:
    asim_frame_finish(&relaxed);
    asim_tpr_finish(&tpr);
    free(patched);
    free(data);
    free(from);
    free(to);
    return rc;
}

static int append_word(char **text, const char *before, const char *word,
                       struct asim_error *err)
{
    char *quoted = asim_shell_quote(word, err);
    char *longer = quoted ? asim_format(err, "%s%s%s", *text, before, quoted) : NULL;
    free(quoted);
    if (!longer)
        return -1;
    free(*text);
    *text = longer;
    return 0;
}

static int append_words(char **text, const char *const *words, struct asim_error *err)
{
    for (; *words; words++)
        if (append_word(text, " ", *words, err) < 0)
            return -1;
    return 0;
}

int asim_window_write_command(const char *folder, char *const *argv,
                              struct asim_error *err)
{
    int rc = -1, fd = -1;
    char *path = asim_path_join(folder, "cmd.sh", err);
    char *beside = asim_path_join(folder, "cmd.sh.new", err);
    /* Its own folder, so that a campaign that was moved keeps its commands. */
    char *text =
        asim_strdup("#!/bin/sh\ncd -- \"$(dirname -- \"$0\")\" || exit 1\nexec", err);
    if (!path || !beside || !text ||
        append_words(&text, asim_process_environment_command(), err) < 0)
        goto out;
    for (char *const *word = argv; *word; word++)
        if (append_word(&text, " ", *word, err) < 0)
            goto out;
    /* For people: it need not survive a power cut, so nothing waits for the disk. */
    size_t length = strlen(text);
    text[length] = '\n'; /* in place of the NUL: files end with a newline */
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0777);
    if (fd < 0 || write(fd, text, length + 1) != (ssize_t)length + 1 ||
        rename(beside, path) < 0) {
        asim_fail(err, errno == ENOSPC || errno == EDQUOT ? ASIM_EENV : ASIM_EIO,
                  "cannot write '%s': %s", path, strerror(errno));
        unlink(beside);
        goto out;
    }
    rc = 0;
out:
    if (fd >= 0)
        close(fd);
    free(path);
    free(beside);
    free(text);
    return rc;
}
