/* Parallel loops over tasks. Results must not depend on which thread runs a task. */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include <stddef.h>

#include "base/error.h"

/* `wanted` where that is above 0, else the cores this process may use. */
int asim_thread_count(int wanted);

/* A task: 0 or -1 with `err` filled in. `thread_index` is in [0, thread_count). */
typedef int (*asim_task_fn)(void *context, size_t task_index, int thread_index,
                            struct asim_error *err);

/* Runs tasks 0 .. task_count-1 on up to thread_count threads (this one included),
 * claimed in order. After a failure no new task starts; the error of the lowest failed
 * task is returned. */
int asim_parallel(size_t task_count, int thread_count, asim_task_fn task, void *context,
                  struct asim_error *err);

#endif
