/*
 * Threads that stay between parallel loops.
 *
 * Invariants: all of a team but `threads` is read and written under its mutex; a loop
 * is over when no thread is inside it any more, so that what it points to may go. Which
 * thread runs a task is left to chance; the error returned is not.
 */
#include "base/thread_team.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"

struct member {
    struct asim_team *team;
    int index;
};

struct asim_team {
    pthread_mutex_t mutex;
    pthread_cond_t work_came, work_ended;
    pthread_t *threads;
    struct member *members;
    int thread_count, started; /* the creator included */
    pid_t owner;
    bool closing;
    asim_task_fn task; /* of the loop that runs */
    void *context;
    size_t task_count, next_task;
    size_t failed_task; /* lowest so far; SIZE_MAX: none */
    int inside;         /* threads that are in a task */
    struct asim_error error;
};

/* Takes tasks while there are any; the mutex is held at call and return. */
static void take_tasks(struct asim_team *team, int index)
{
    while (team->next_task < team->task_count && team->failed_task == SIZE_MAX) {
        const size_t number = team->next_task++;
        struct asim_error error = {0};
        team->inside++;
        pthread_mutex_unlock(&team->mutex);
        int rc = team->task(team->context, number, index, &error);
        pthread_mutex_lock(&team->mutex);
        team->inside--;
        if (rc < 0 && number < team->failed_task) {
            team->failed_task = number;
            team->error = error;
        }
    }
}

static void *serve(void *argument)
{
    struct member *member = argument;
    struct asim_team *team = member->team;
    pthread_mutex_lock(&team->mutex);
    while (!team->closing) {
        take_tasks(team, member->index);
        if (team->inside == 0)
            pthread_cond_signal(&team->work_ended);
        pthread_cond_wait(&team->work_came, &team->mutex);
    }
    pthread_mutex_unlock(&team->mutex);
    return NULL;
}

int asim_team_create(int thread_count, struct asim_team **ret_team,
                     struct asim_error *err)
{
    if (thread_count < 1)
        thread_count = 1;
    struct asim_team *team = asim_alloc_array(1, sizeof *team, err);
    if (!team)
        return -1;
    *team = (struct asim_team){.mutex = PTHREAD_MUTEX_INITIALIZER,
                               .work_came = PTHREAD_COND_INITIALIZER,
                               .work_ended = PTHREAD_COND_INITIALIZER,
                               .thread_count = thread_count,
                               .started = 1,
                               .failed_task = SIZE_MAX,
                               .owner = getpid()};
    team->threads = asim_alloc_array((size_t)thread_count, sizeof *team->threads, err);
    team->members = asim_alloc_array((size_t)thread_count, sizeof *team->members, err);
    if (!team->threads || !team->members) {
        asim_team_destroy(team);
        return -1;
    }
    for (int i = 1; i < thread_count; i++) {
        team->members[i] = (struct member){team, i};
        if (pthread_create(&team->threads[i], NULL, serve, &team->members[i]) != 0)
            break;
        team->started++;
    }
    *ret_team = team;
    return 0;
}

void asim_team_destroy(struct asim_team *team)
{
    if (!team)
        return;
    if (team->owner == getpid()) {
        pthread_mutex_lock(&team->mutex);
        team->closing = true;
        pthread_cond_broadcast(&team->work_came);
        pthread_mutex_unlock(&team->mutex);
        for (int i = 1; i < team->started; i++)
            pthread_join(team->threads[i], NULL);
        pthread_cond_destroy(&team->work_came);
        pthread_cond_destroy(&team->work_ended);
        pthread_mutex_destroy(&team->mutex);
    }
    free(team->threads);
    free(team->members);
    free(team);
}

int asim_team_thread_count(const struct asim_team *team)
{
    return team->thread_count;
}

int asim_team_run(struct asim_team *team, size_t task_count, asim_task_fn task,
                  void *context, struct asim_error *err)
{
    if (team->started == 1 || task_count < 2 || team->owner != getpid())
        return asim_parallel(task_count, 1, task, context, err);
    pthread_mutex_lock(&team->mutex);
    team->task = task;
    team->context = context;
    team->failed_task = SIZE_MAX;
    team->next_task = 0;
    team->task_count = task_count;
    if (task_count - 1 < (size_t)(team->started - 1))
        for (size_t i = 1; i < task_count; i++)
            pthread_cond_signal(&team->work_came);
    else
        pthread_cond_broadcast(&team->work_came);
    take_tasks(team, 0);
    while (team->inside > 0)
        pthread_cond_wait(&team->work_ended, &team->mutex);
    const bool failed = team->failed_task != SIZE_MAX;
    if (failed && err)
        *err = team->error;
    team->task_count = 0;
    pthread_mutex_unlock(&team->mutex);
    return failed ? -1 : 0;
}
