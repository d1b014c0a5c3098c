/* Parallel loops: threads claim task numbers in order from one counter. */
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"

int asim_thread_count(int wanted)
{
    cpu_set_t set;
    if (wanted > 0)
        return wanted;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

struct loop {
    asim_task_fn task;
    void *context;
    size_t task_count;
    atomic_size_t next_task;
    atomic_bool failed;
    pthread_mutex_t mutex;
    size_t failed_task; /* lowest so far, under the mutex */
    struct asim_error error;
};

struct worker {
    struct loop *loop;
    int index;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct loop *loop = worker->loop;
    while (!atomic_load_explicit(&loop->failed, memory_order_relaxed)) {
        size_t task = atomic_fetch_add(&loop->next_task, 1);
        if (task >= loop->task_count)
            break;
        struct asim_error error = {0};
        if (loop->task(loop->context, task, worker->index, &error) < 0) {
            pthread_mutex_lock(&loop->mutex);
            if (task < loop->failed_task) {
                loop->failed_task = task;
                loop->error = error;
            }
            pthread_mutex_unlock(&loop->mutex);
            atomic_store(&loop->failed, true);
        }
    }
    return NULL;
}

int asim_parallel(size_t task_count, int thread_count, asim_task_fn task, void *context,
                  struct asim_error *err)
{
    struct loop loop = {.task = task,
                        .context = context,
                        .task_count = task_count,
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .failed_task = SIZE_MAX};
    if (thread_count < 1)
        thread_count = 1;
    if ((size_t)thread_count > task_count)
        thread_count = task_count ? (int)task_count : 1;
    struct worker *workers = NULL;
    pthread_t *threads = NULL;
    int started = 1, rc = -1;
    workers = asim_alloc_array((size_t)thread_count, sizeof *workers, err);
    threads = asim_alloc_array((size_t)thread_count, sizeof *threads, err);
    if (!workers || !threads)
        goto out;
    for (int i = 0; i < thread_count; i++)
        workers[i] = (struct worker){&loop, i};
    /* A thread that cannot be had is no error: those that run do all the tasks. */
    while (started < thread_count &&
           pthread_create(&threads[started], NULL, work, &workers[started]) == 0)
        started++;
    work(&workers[0]);
    for (int i = 1; i < started; i++)
        pthread_join(threads[i], NULL);
    if (loop.failed_task == SIZE_MAX) {
        rc = 0;
    } else if (err) {
        *err = loop.error;
    }
out:
    pthread_mutex_destroy(&loop.mutex);
    free(workers);
    free(threads);
    return rc;
}
