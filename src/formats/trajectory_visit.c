/*
 * All frames that are left, each decoded and used by the thread that claimed it.
 *
 * Threads claim the next few frames under a mutex, where their headers are walked too;
 * nothing else is shared, nobody waits for a block to be full, and a frame stays in the
 * caches of the thread that decoded it: every thread has one frame, used again and
 * again.
 *
 * Invariants: the index is touched under the mutex only, for walking may move it;
 * frames are claimed in their order and a failure stops only those behind it, so that
 * the failure of the lowest frame is the one returned, whatever the threads did.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "formats/trajectory_internal.h"

enum {
    MOST_CLAIMED = 16,     /* frames that a thread takes at once, */
    CLAIMED_BYTES = 65536, /* up to so many bytes; at least one frame */
};

struct claim {
    size_t frame_index;
    struct asim_frame_span span;
};

struct visit {
    struct asim_trajectory *traj;
    asim_visit_fn visit;
    void *context;
    struct asim_frame *frames; /* one a thread */
    pthread_mutex_t mutex;     /* of traj, but for its workers, and what follows */
    size_t next;
    struct asim_error error; /* of the failed frame */
    atomic_size_t failed;    /* the lowest frame that failed; SIZE_MAX: none */
};

/* The mutex is held. */
static void fail_at(struct visit *visit, size_t frame_index,
                    const struct asim_error *error)
{
    if (frame_index >= visit->failed)
        return;
    visit->failed = frame_index;
    visit->error = *error;
}

/* The next frames, in their order; 0: there are none, or one failed. */
static size_t claim_frames(struct visit *visit, struct claim claims[MOST_CLAIMED])
{
    struct asim_trajectory *traj = visit->traj;
    size_t count = 0;
    pthread_mutex_lock(&visit->mutex);
    for (uint64_t bytes = 0;
         count < MOST_CLAIMED && bytes < CLAIMED_BYTES && visit->failed == SIZE_MAX;) {
        struct asim_error error;
        struct claim *claim = &claims[count];
        int found =
            asim_trajectory_find_wanted(traj, visit->next, &claim->frame_index, &error);
        if (found < 0)
            fail_at(visit, visit->next, &error);
        if (found <= 0)
            break;
        claim->span = traj->index[claim->frame_index].span;
        visit->next = claim->frame_index + 1;
        bytes += claim->span.size;
        count++;
    }
    pthread_mutex_unlock(&visit->mutex);
    return count;
}

/* A frame that does not decode is passed over. */
static int note_damage(struct visit *visit, const struct claim *claim, const char *what,
                       struct asim_error *err)
{
    struct asim_trajectory *traj = visit->traj;
    pthread_mutex_lock(&visit->mutex);
    traj->index[claim->frame_index].damaged = true;
    int rc = asim_trajectory_add_damage(traj, claim->frame_index, claim->span.offset,
                                        what, err);
    pthread_mutex_unlock(&visit->mutex);
    return rc;
}

static int visit_frame(struct visit *visit, const struct claim *claim, int thread_index,
                       struct asim_error *err)
{
    const struct asim_trajectory *traj = visit->traj;
    struct asim_frame *frame = &visit->frames[thread_index];
    char what[ASIM_DAMAGE_TEXT];
    if (asim_frame_reserve(frame, traj->atom_limit, err) < 0)
        return -1;
    frame->frame_index = claim->frame_index;
    frame->offset_bytes = claim->span.offset;
    int rc = asim_trajectory_decode(traj, &traj->workers[thread_index], claim->span,
                                    frame, what, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return note_damage(visit, claim, what, err);
    return visit->visit(visit->context, frame, thread_index, err);
}

/* One thread's share: all it can get. */
static int visit_frames(void *context, size_t task_index, int thread_index,
                        struct asim_error *err)
{
    struct visit *visit = context;
    struct claim claims[MOST_CLAIMED];
    size_t count;
    (void)task_index;
    (void)err;
    while ((count = claim_frames(visit, claims)) > 0)
        for (size_t k = 0; k < count && claims[k].frame_index < visit->failed; k++) {
            struct asim_error error = {0};
            if (visit_frame(visit, &claims[k], thread_index, &error) == 0)
                continue;
            pthread_mutex_lock(&visit->mutex);
            fail_at(visit, claims[k].frame_index, &error);
            pthread_mutex_unlock(&visit->mutex);
        }
    return 0;
}

/* Damage in the order of the file, whichever thread met it first. Mostly it is. */
static void sort_damage(struct asim_damage *damage, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct asim_damage moved = damage[i];
        size_t k = i;
        for (; k > 0 && damage[k - 1].frame_index > moved.frame_index; k--)
            damage[k] = damage[k - 1];
        damage[k] = moved;
    }
}

int asim_trajectory_visit(struct asim_trajectory *traj, int thread_count,
                          asim_visit_fn function, void *context, struct asim_error *err)
{
    const size_t threads = thread_count > 1 ? (size_t)thread_count : 1;
    struct visit visit = {.traj = traj,
                          .visit = function,
                          .context = context,
                          .mutex = PTHREAD_MUTEX_INITIALIZER,
                          .next = traj->next,
                          .failed = SIZE_MAX};
    int rc = -1;
    visit.frames = asim_alloc_array(threads, sizeof *visit.frames, err);
    if (!visit.frames || asim_trajectory_have_team(traj, threads, err) < 0)
        goto out;
    rc = threads > 1 ? asim_team_run(traj->team, threads, visit_frames, &visit, err)
                     : visit_frames(&visit, 0, 0, err);
    sort_damage(traj->damage, traj->damage_count);
    if (rc == 0 && visit.failed != SIZE_MAX) {
        if (err)
            *err = visit.error;
        rc = -1;
    }
    if (rc == 0)
        traj->next = visit.next;
out:
    for (size_t i = 0; visit.frames && i < threads; i++)
        asim_frame_finish(&visit.frames[i]);
    free(visit.frames);
    pthread_mutex_destroy(&visit.mutex);
    return rc;
}
