/* The trajectory of a command: one file, or several that are read as one. */
#ifndef CLI_TRAJECTORY_FILES_H
#define CLI_TRAJECTORY_FILES_H

#include "cli.h"
#include "provenance.h"

/* Opens settings->arguments from the second on. What is left out of several files,
 * because a later place has the same times, goes to the log (NULL: nowhere). */
int trajectory_files_open(const struct settings *settings, struct asim_log *log,
                          struct asim_trajectory **ret_traj, struct asim_error *err);
/* The same files, as they are on record. */
int trajectory_files_reopen(const struct provenance *provenance,
                            struct asim_trajectory **ret_traj, struct asim_error *err);

#endif
