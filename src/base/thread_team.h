/*
 * Threads that stay between parallel loops, for loops too short to start threads for.
 *
 * A team belongs to whoever created it, who runs one loop at a time. After fork() the
 * child's copy has no threads: its loops run on the calling thread alone, and it may be
 * destroyed there.
 */
#ifndef BASE_THREAD_TEAM_H
#define BASE_THREAD_TEAM_H

#include "base/threads.h"

struct asim_team;

/* For loops on up to `thread_count` threads, the calling one included. Where the system
 * gives fewer threads, those that run do all the tasks. */
int asim_team_create(int thread_count, struct asim_team **ret_team,
                     struct asim_error *err);
void asim_team_destroy(struct asim_team *team);

int asim_team_thread_count(const struct asim_team *team);

/* As asim_parallel, on the team's threads. */
int asim_team_run(struct asim_team *team, size_t task_count, asim_task_fn task,
                  void *context, struct asim_error *err);

#endif
