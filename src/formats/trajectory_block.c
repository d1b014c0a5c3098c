/*
 * Several frames at once, decoded side by side.
 *
 * One thread finds the frames by their headers, which costs far less than decoding;
 * then every thread takes a few neighbouring frames after the other, into the places
 * they have in the block. So the order is kept without any waiting, and the result does
 * not depend on the number of threads.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/thread_team.h"
#include "formats/trajectory_internal.h"

enum { MOST_CLAIMED = 16 }; /* frames that a thread takes at once */

struct slot {
    size_t frame_index;
    bool good;
    char what[ASIM_DAMAGE_TEXT];
};

struct block {
    struct asim_trajectory *traj;
    struct asim_frame *frames;
    struct slot *slots;
    size_t count, claim;
};

static int decode_claim(void *context, size_t task_index, int thread_index,
                        struct asim_error *err)
{
    const struct block *block = context;
    const struct asim_trajectory *traj = block->traj;
    size_t end = (task_index + 1) * block->claim;
    if (end > block->count)
        end = block->count;
    for (size_t k = task_index * block->claim; k < end; k++) {
        struct slot *slot = &block->slots[k];
        struct asim_frame *frame = &block->frames[k];
        struct asim_frame_span span = traj->index[slot->frame_index].span;
        if (asim_frame_reserve(frame, traj->atom_limit, err) < 0)
            return -1;
        frame->frame_index = slot->frame_index;
        frame->offset_bytes = span.offset;
        int rc = asim_trajectory_decode(traj, &traj->workers[thread_index], span, frame,
                                        slot->what, err);
        if (rc < 0)
            return -1;
        slot->good = rc > 0;
    }
    return 0;
}

static int have_workers(struct asim_trajectory *traj, size_t count,
                        struct asim_error *err)
{
    if (count <= traj->worker_count)
        return 0;
    struct asim_decode_scratch *workers = asim_alloc_array(count, sizeof *workers, err);
    if (!workers)
        return -1;
    for (size_t i = 0; i < traj->worker_count; i++)
        workers[i] = traj->workers[i];
    for (size_t i = traj->worker_count; i < count; i++)
        workers[i].wanted = traj->wanted;
    free(traj->workers);
    traj->workers = workers;
    traj->worker_count = count;
    return 0;
}

int asim_trajectory_have_team(struct asim_trajectory *traj, size_t count,
                              struct asim_error *err)
{
    if (have_workers(traj, count, err) < 0)
        return -1;
    if (count == 1 ||
        (traj->team && (size_t)asim_team_thread_count(traj->team) == count))
        return 0;
    struct asim_team *team;
    if (asim_team_create((int)count, &team, err) < 0)
        return -1;
    asim_team_destroy(traj->team);
    traj->team = team;
    return 0;
}

static int decode_all(struct block *block, size_t threads, struct asim_error *err)
{
    const size_t claims = (block->count + block->claim - 1) / block->claim;
    if (threads > 1)
        return asim_team_run(block->traj->team, claims, decode_claim, block, err);
    return asim_parallel(claims, 1, decode_claim, block, err);
}

/* Good frames move to the front in their order; the others are kept as damage. */
static int close_gaps(const struct block *block, size_t *ret_good,
                      struct asim_error *err)
{
    size_t good = 0;
    for (size_t k = 0; k < block->count; k++) {
        const struct slot *slot = &block->slots[k];
        if (slot->good) {
            struct asim_frame frame = block->frames[good];
            block->frames[good++] = block->frames[k];
            if (k + 1 != good)
                block->frames[k] = frame;
            continue;
        }
        struct frame_entry *entry = &block->traj->index[slot->frame_index];
        if (asim_trajectory_add_damage(block->traj, slot->frame_index,
                                       block->frames[k].offset_bytes, slot->what,
                                       err) < 0)
            return -1;
        entry->damaged = true;
    }
    *ret_good = good;
    return 0;
}

int asim_trajectory_read_block(struct asim_trajectory *traj, struct asim_frame *frames,
                               size_t count, int thread_count, size_t *ret_count,
                               struct asim_error *err)
{
    size_t done = 0, next = traj->next;
    size_t threads = thread_count > 1 ? (size_t)thread_count : 1;
    int rc = -1;
    struct slot *slots = asim_alloc_array(count, sizeof *slots, err);
    if (!slots || asim_trajectory_have_team(traj, threads, err) < 0)
        goto out;
    while (done < count) {
        struct block block = {.traj = traj, .frames = frames + done, .slots = slots};
        int found = 1;
        while (done + block.count < count) {
            size_t i;
            found = asim_trajectory_find_wanted(traj, next, &i, err);
            if (found <= 0)
                break;
            slots[block.count++] = (struct slot){.frame_index = i};
            next = i + 1;
        }
        if (found < 0)
            goto out;
        if (block.count == 0)
            break;
        /* Four claims a thread even out their speeds. */
        block.claim = block.count / (4 * threads) + 1;
        if (block.claim > MOST_CLAIMED)
            block.claim = MOST_CLAIMED;
        size_t good;
        if (decode_all(&block, threads, err) < 0 || close_gaps(&block, &good, err) < 0)
            goto out;
        done += good;
    }
    traj->next = next;
    *ret_count = done;
    rc = 0;
out:
    free(slots);
    return rc;
}
