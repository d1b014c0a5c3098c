/* The plan as a file. */
#ifndef WINDOWS_PLAN_FILE_H
#define WINDOWS_PLAN_FILE_H

#include <autosim/windows.h>

/* A window's run input before a maker (asim_run_input_maker) gives it its bias. */
#define ASIM_START_TPR "start.tpr"

/* Writes plan.json's text to any path, whole or not at all. */
int asim_plan_write_file(const struct asim_plan *plan, const char *path,
                         struct asim_error *err);

#endif
