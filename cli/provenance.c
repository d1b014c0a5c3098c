/* provenance.json: writing, reading, comparing. */
#include "provenance.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "options.h"

void provenance_finish(struct provenance *provenance)
{
    free(provenance->trajectories);
    free(provenance->text);
    json_decref(provenance->restored);
    *provenance = (struct provenance){0};
}

static json_t *input_to_json(const struct input_file *input)
{
    return json_pack("{s:s, s:s, s:I, s:I}", "path", input->path, "sha256",
                     input->sha256, "size_bytes", (json_int_t)input->size_bytes,
                     "modified_ns", (json_int_t)input->modified_ns);
}

static int put_options(json_t *options, const struct settings *settings,
                       unsigned option_groups, struct asim_error *err)
{
    char value[4096];
    const char *name;
    for (size_t i = 0;
         (name = options_given_name(settings, option_groups, ORIGIN_RECORD, i, value,
                                    sizeof value));
         i++)
        if (json_object_set_new(options, name, json_string(value)) < 0)
            return asim_fail(err, ASIM_EUSAGE,
                             "--%s '%s' is not UTF-8 and cannot be put on record", name,
                             value);
    return 0;
}

int provenance_write(const struct settings *settings, const struct input_file *inputs,
                     struct asim_error *err)
{
    json_t *root = NULL, *trajectories = json_array(), *options = json_object();
    char now[40];
    int rc = -1;
    char *path = asim_path_join(settings->folder, "provenance.json", err);
    if (!path || !trajectories ||
        put_options(options, settings, OPTIONS_PCA | OPTIONS_PLAN, err) < 0)
        goto out;
    for (int i = 1; i < settings->argument_count; i++)
        if (json_array_append_new(trajectories, input_to_json(&inputs[i])) < 0)
            goto out;
    asim_utc_time_text(now, sizeof now);
    root = json_pack("{s:s, s:s, s:o, s:o, s:o, s:O, s:O}", "autosim_version",
                     asim_version(), "created", now, "command_line",
                     provenance_command_line(), "host", provenance_host(), "topology",
                     input_to_json(&inputs[0]), "trajectories", trajectories, "options",
                     options);
    if (!root) {
        asim_fail(err, ASIM_ENOMEM, "no memory to write '%s'", path);
        goto out;
    }
    rc = asim_json_write(path, root, err);
out:
    json_decref(options);
    json_decref(trajectories);
    json_decref(root);
    free(path);
    return rc;
}

static int input_from_json(const json_t *object, struct input_file *input,
                           struct asim_error *err)
{
    if (asim_json_text(object, "path", input->path, sizeof input->path, err) < 0 ||
        asim_json_text(object, "sha256", input->sha256, sizeof input->sha256, err) <
            0 ||
        asim_json_int64(object, "size_bytes", &input->size_bytes, err) < 0)
        return -1;
    return asim_json_int64(object, "modified_ns", &input->modified_ns, err);
}

static int inputs_from_json(const json_t *root, struct provenance *provenance,
                            struct asim_error *err)
{
    const json_t *list = json_object_get(root, "trajectories");
    if (input_from_json(json_object_get(root, "topology"), &provenance->topology, err) <
        0)
        return asim_wrap(err, "topology");
    /* A member 'trajectory' for a single file is the form of earlier campaigns. */
    const json_t *single = list ? NULL : json_object_get(root, "trajectory");
    size_t count = single ? 1 : json_array_size(list);
    if (count == 0)
        return asim_fail(
            err, ASIM_EINPUT,
            "'trajectories' is no list of files; if the record was edited, "
            "restore it, else begin again in a new folder");
    provenance->trajectories =
        asim_alloc_array(count, sizeof *provenance->trajectories, err);
    if (!provenance->trajectories)
        return -1;
    provenance->trajectory_count = count;
    for (size_t i = 0; i < count; i++)
        if (input_from_json(single ? single : json_array_get(list, i),
                            &provenance->trajectories[i], err) < 0)
            return asim_wrap(err, "trajectories, item %zu", i + 1);
    return 0;
}

int provenance_read(const char *folder, struct provenance *ret_provenance,
                    struct asim_error *err)
{
    struct provenance provenance = {0};
    json_t *root = NULL;
    size_t size;
    int rc = -1;
    char *path = asim_path_join(folder, "provenance.json", err);
    if (!path)
        return -1;
    if (!asim_file_exists(path)) {
        asim_fail(err, ASIM_EINPUT,
                  "'%s' is no campaign folder: start one with 'autosim run system.tpr "
                  "traj.xtc', or name its folder with -C",
                  folder);
        goto out;
    }
    if (asim_json_read(path, &root, err) < 0)
        goto out;
    if (inputs_from_json(root, &provenance, err) < 0) {
        asim_wrap(err, "'%s'", path);
        goto out;
    }
    if (asim_file_read(path, 1 << 24, &provenance.text, &size, err) < 0)
        goto out;
    *ret_provenance = provenance;
    provenance = (struct provenance){0};
    rc = 0;
out:
    provenance_finish(&provenance);
    json_decref(root);
    free(path);
    return rc;
}

/* Size and time tell mostly; the checksum decides where the time differs. */
static int check_input(const struct input_file *recorded, struct asim_error *err)
{
    struct input_file now = *recorded;
    if (input_file_stat(&now, err) < 0)
        return asim_wrap(err, "an input of this campaign");
    if (now.size_bytes == recorded->size_bytes &&
        now.modified_ns == recorded->modified_ns)
        return 0;
    if (now.size_bytes == recorded->size_bytes &&
        asim_file_sha256(now.path, now.sha256, err) < 0)
        return -1;
    if (now.size_bytes != recorded->size_bytes ||
        strcmp(now.sha256, recorded->sha256) != 0)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' has changed since this campaign was begun: put the file "
                         "back, or begin another campaign with -C FOLDER",
                         recorded->path);
    return 0;
}

int provenance_check_inputs(const struct provenance *provenance, struct asim_error *err)
{
    int rc = check_input(&provenance->topology, err);
    for (size_t i = 0; rc == 0 && i < provenance->trajectory_count; i++)
        rc = check_input(&provenance->trajectories[i], err);
    return rc;
}

static int same_file(const char *given, const struct input_file *recorded,
                     const struct settings *settings, struct asim_error *err)
{
    char absolute[PATH_MAX];
    if (realpath(given, absolute) && strcmp(absolute, recorded->path) == 0)
        return 0;
    struct input_file now = {0};
    if (input_file_describe(given, &now, err) < 0)
        return -1;
    if (strcmp(now.sha256, recorded->sha256) != 0)
        return asim_fail(err, ASIM_EUSAGE,
                         "'%s' is not the file that the campaign in '%s' was made from "
                         "('%s'): begin another with -C FOLDER",
                         given, settings->folder, recorded->path);
    return 0;
}

static int same_files(const struct provenance *provenance,
                      const struct settings *settings, struct asim_error *err)
{
    size_t count = (size_t)settings->argument_count;
    if (count == 0)
        return 0;
    if (same_file(settings->arguments[0], &provenance->topology, settings, err) < 0)
        return -1;
    if (count != provenance->trajectory_count + 1)
        return asim_fail(err, ASIM_EUSAGE,
                         "the campaign in '%s' was made from %zu trajectory file%s, "
                         "not %zu: begin another with -C FOLDER",
                         settings->folder, provenance->trajectory_count,
                         provenance->trajectory_count == 1 ? "" : "s", count - 1);
    for (size_t i = 1; i < count; i++)
        if (same_file(settings->arguments[i], &provenance->trajectories[i - 1],
                      settings, err) < 0)
            return -1;
    return 0;
}

int provenance_restore_plan(struct provenance *provenance, struct settings *settings,
                            struct asim_error *err)
{
    json_t *root = json_loads(provenance->text, 0, NULL);
    const char *name;
    json_t *value;
    int rc = 0;
    json_object_foreach(json_object_get(root, "options"), name, value)
    {
        if (rc == 0 && json_is_string(value))
            rc = options_restore(settings, OPTIONS_PLAN, name, json_string_value(value),
                                 err);
    }
    json_decref(provenance->restored);
    provenance->restored = root;
    return rc < 0 ? asim_wrap(err, "provenance.json") : 0;
}

int provenance_record_plan(const struct settings *settings,
                           const struct asim_plan *plan,
                           const struct asim_gromacs *gromacs, struct asim_error *err)
{
    json_t *root = NULL;
    char now[40];
    int rc = -1;
    char *path = asim_path_join(settings->folder, "provenance.json", err);
    if (!path || asim_json_read(path, &root, err) < 0)
        goto out;
    json_t *options = json_object_get(root, "options");
    const char *name;
    for (size_t i = 0; (name = options_name(OPTIONS_PLAN, i)); i++)
        json_object_del(options, name);
    if (put_options(options, settings, OPTIONS_PLAN, err) == 0)
        asim_utc_time_text(now, sizeof now);
    if (json_object_set_new(
            root, "plan",
            json_pack("{s:s, s:s, s:o, s:o, s:o, s:I}", "autosim_version",
                      asim_version(), "created", now, "command_line",
                      provenance_command_line(), "host", provenance_host(), "gromacs",
                      provenance_gromacs(gromacs), "seed", (json_int_t)plan->seed)) <
        0) {
        asim_fail(err, ASIM_ENOMEM, "no memory to write '%s'", path);
        goto out;
    }
    rc = asim_json_write(path, root, err);
out:
    json_decref(root);
    free(path);
    return rc;
}

/* The first option with at least this origin that is not as recorded, in words. */
static bool find_difference(const json_t *recorded, const struct settings *settings,
                            unsigned option_groups, enum option_origin least,
                            char *ret_difference, size_t size)
{
    char value[4096];
    const char *name;
    for (size_t i = 0; (name = options_given_name(settings, option_groups, least, i,
                                                  value, sizeof value));
         i++) {
        const char *before = json_string_value(json_object_get(recorded, name));
        if (before && strcmp(before, value) == 0)
            continue;
        snprintf(ret_difference, size, "%s %s: the campaign in '%s' was made with %s%s",
                 name, value, settings->folder, before ? "" : "the default",
                 before ? before : "");
        return true;
    }
    return false;
}

int provenance_check_settings(const struct provenance *provenance,
                              const struct settings *settings, unsigned option_groups,
                              struct asim_log *log, struct asim_error *err)
{
    if (same_files(provenance, settings, err) < 0)
        return -1;
    json_t *root = json_loads(provenance->text, 0, NULL);
    const json_t *recorded = json_object_get(root, "options");
    char difference[4400];
    int rc = 0;
    if (find_difference(recorded, settings, option_groups, ORIGIN_COMMAND_LINE,
                        difference, sizeof difference))
        rc = asim_fail(err, ASIM_EUSAGE,
                       "--%s; that cannot be changed now: begin another with -C FOLDER",
                       difference);
    else if (find_difference(recorded, settings, option_groups, ORIGIN_FILE, difference,
                             sizeof difference))
        asim_log_write(log, ASIM_LOG_WARNING,
                       "The settings file says %s; that stays, for it cannot be "
                       "changed now: begin another with -C FOLDER",
                       difference);
    json_decref(root);
    return rc;
}
