/* One trajectory of the files that were given, and what was left out of them. */
#include "trajectory_files.h"

#include <stdlib.h>

#include "base/memory.h"

/* Restarts overlap, and nobody need worry; a file of which nothing is left is likely a
 * mistake: a copy, or an independent run, which cannot be joined by time. */
static void log_parts(struct asim_log *log, const struct asim_trajectory *traj)
{
    size_t count;
    const struct asim_trajectory_part *part = asim_trajectory_parts(traj, &count);
    for (size_t i = 0; i < count; i++)
        if (part[i].frame_count == 0)
            asim_log_write(log, ASIM_LOG_WARNING, "'%s' has no frame that is whole",
                           part[i].path);
        else if (part[i].kept_count == 0)
            asim_log_write(log, ASIM_LOG_WARNING,
                           "'%s', %zu frames from %g to %g ps: none is used, for "
                           "frames of these times come again in a later place; runs "
                           "that do not continue each other cannot be given as one",
                           part[i].path, part[i].frame_count, part[i].first_time_ps,
                           part[i].last_time_ps);
        else if (part[i].kept_count < part[i].frame_count)
            asim_log_write(log, ASIM_LOG_INFO,
                           "'%s', %zu frames from %g to %g ps: %zu left out, for "
                           "frames of their times come again in a later place",
                           part[i].path, part[i].frame_count, part[i].first_time_ps,
                           part[i].last_time_ps,
                           part[i].frame_count - part[i].kept_count);
        else
            asim_log_write(log, ASIM_LOG_INFO,
                           "'%s', %zu frames from %g to %g ps: all used", part[i].path,
                           part[i].frame_count, part[i].first_time_ps,
                           part[i].last_time_ps);
}

static int open_files(const char *const *paths, size_t count, struct asim_log *log,
                      struct asim_trajectory **ret_traj, struct asim_error *err)
{
    if (count == 1)
        return asim_trajectory_open(paths[0], ret_traj, err);
    if (asim_trajectory_open_many(paths, count, ret_traj, err) < 0)
        return -1;
    if (log)
        log_parts(log, *ret_traj);
    return 0;
}

int trajectory_files_open(const struct settings *settings, struct asim_log *log,
                          struct asim_trajectory **ret_traj, struct asim_error *err)
{
    return open_files((const char *const *)settings->arguments + 1,
                      (size_t)settings->argument_count - 1, log, ret_traj, err);
}

int trajectory_files_reopen(const struct provenance *provenance,
                            struct asim_trajectory **ret_traj, struct asim_error *err)
{
    size_t count = provenance->trajectory_count;
    const char **paths = asim_alloc_array(count, sizeof *paths, err);
    if (!paths)
        return -1;
    for (size_t i = 0; i < count; i++)
        paths[i] = provenance->trajectories[i].path;
    int rc = open_files(paths, count, NULL, ret_traj, err);
    free(paths);
    return rc;
}
