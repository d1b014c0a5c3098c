/*
 * Frames by time: seeking, and the range of frames that reading hands out.
 *
 * The time of a frame is learnt by decoding one atom of it, and kept in the index.
 * Times need not grow; the largest time so far does, and the first frame that reaches a
 * time is also the first whose largest time so far does: that makes a binary search
 * right for any order of times.
 */
#include <math.h>

#include "formats/trajectory_internal.h"

void asim_trajectory_range_init(struct asim_trajectory_range *range)
{
    *range =
        (struct asim_trajectory_range){.begin_ps = NAN, .end_ps = NAN, .stride = 1};
}

double asim_trajectory_slack_ps(double time_ps)
{
    return 1e-6 + 1.3e-7 * fabs(time_ps);
}

/* Decodes one atom of frame `i` of the index into `probed`; as the format's decode. */
static int probe_frame(struct asim_trajectory *traj, size_t i,
                       char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    struct asim_frame_span span = traj->index[i].span;
    if (asim_frame_reserve(&traj->probed, 1, err) < 0)
        return -1;
    traj->probed.frame_index = i;
    traj->probed.offset_bytes = span.offset;
    return traj->format->decode(traj->state, &traj->source, &traj->probe, span, 1,
                                &traj->probed, what, err);
}

/* Learns the time of frame `i`, the first one without; it is known to be whole. */
static int time_frame(struct asim_trajectory *traj, size_t i, struct asim_error *err)
{
    struct frame_entry *entry = &traj->index[i];
    double time_ps = NAN;
    if (!entry->damaged) {
        char what[ASIM_DAMAGE_TEXT];
        int rc = probe_frame(traj, i, what, err);
        if (rc < 0)
            return -1;
        if (rc > 0) {
            time_ps = traj->probed.time_ps;
        } else {
            if (asim_trajectory_add_damage(traj, i, traj->probed.offset_bytes, what,
                                           err) < 0)
                return -1;
            entry->damaged = true;
        }
    }
    entry->time_ps = time_ps;
    /* Where one of the two is no number, fmax gives the other. */
    entry->latest_ps = fmax(i ? traj->index[i - 1].latest_ps : -INFINITY, time_ps);
    traj->timed_count = i + 1;
    return 0;
}

/* Makes sure that frame `i` is in the index and timed: 1, 0 past the end, -1. */
static int know_time(struct asim_trajectory *traj, size_t i, struct asim_error *err)
{
    while (traj->timed_count <= i) {
        size_t next = traj->timed_count;
        if (asim_trajectory_walk_to(traj, next + 2, err) < 0)
            return -1;
        if (next >= traj->index_count)
            return 0;
        if (time_frame(traj, next, err) < 0)
            return -1;
    }
    return 1;
}

int asim_trajectory_earliest_ps(struct asim_trajectory *traj, size_t from, size_t end,
                                double *ret_time_ps, struct asim_error *err)
{
    char what[ASIM_DAMAGE_TEXT];
    *ret_time_ps = INFINITY;
    for (size_t i = from; i < end && i < traj->index_count; i++) {
        if (traj->index[i].damaged)
            continue;
        int rc = probe_frame(traj, i, what, err);
        if (rc < 0)
            return -1;
        if (rc > 0)
            *ret_time_ps = fmin(*ret_time_ps, traj->probed.time_ps);
    }
    return 0;
}

int asim_trajectory_seek_time(struct asim_trajectory *traj, double time_ps,
                              struct asim_error *err)
{
    if (isnan(time_ps))
        return asim_fail(err, ASIM_EUSAGE, "a time to seek must be a number");
    const double least_ps = time_ps - asim_trajectory_slack_ps(time_ps);
    size_t low = 0, high = traj->timed_count;
    /* The first one in [low, high) that reaches the time, or high. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (traj->index[middle].latest_ps >= least_ps)
            high = middle;
        else
            low = middle + 1;
    }
    for (;; low++) {
        int known = know_time(traj, low, err);
        if (known < 0)
            return -1;
        if (known == 0)
            break;
        if (traj->index[low].latest_ps >= least_ps) {
            traj->next = low;
            return 0;
        }
    }
    return asim_fail(err, ASIM_EINPUT,
                     "'%s' has no frame at %g ps or later; its latest time is %g ps",
                     traj->source.name, time_ps,
                     low ? traj->index[low - 1].latest_ps : (double)NAN);
}

int asim_trajectory_set_range(struct asim_trajectory *traj, double begin_ps,
                              double end_ps, size_t stride, struct asim_error *err)
{
    if (stride == 0)
        return asim_fail(err, ASIM_EUSAGE, "the stride must be at least 1");
    if (begin_ps > end_ps)
        return asim_fail(err, ASIM_EUSAGE,
                         "begin (%g ps) is after end (%g ps): no frame is left",
                         begin_ps, end_ps);
    traj->range = (struct asim_trajectory_range){
        .begin_ps = begin_ps, .end_ps = end_ps, .stride = stride};
    return 0;
}

/* Judges frame `i`, the first one that was not. */
static void judge(struct asim_trajectory *traj, size_t i, bool timed)
{
    struct asim_trajectory_range *range = &traj->range;
    struct frame_entry *entry = &traj->index[i];
    bool inside = !timed || !isnan(entry->time_ps);
    if (!isnan(range->begin_ps))
        inside = inside && entry->time_ps >= range->begin_ps - asim_trajectory_slack_ps(
                                                                   range->begin_ps);
    if (!isnan(range->end_ps))
        inside = inside && entry->time_ps <=
                               range->end_ps + asim_trajectory_slack_ps(range->end_ps);
    entry->in_range = inside && range->inside_count % range->stride == 0;
    range->inside_count += inside;
    range->ranged_count = i + 1;
}

int asim_trajectory_find_wanted(struct asim_trajectory *traj, size_t from,
                                size_t *ret_index, struct asim_error *err)
{
    struct asim_trajectory_range *range = &traj->range;
    const bool timed = !isnan(range->begin_ps) || !isnan(range->end_ps);
    for (size_t i = from;; i++) {
        asim_trajectory_release_index(traj, i);
        /* One more than is wanted: see the invariant in trajectory_internal.h. */
        if (asim_trajectory_walk_to(traj, i + 2, err) < 0)
            return -1;
        if (i >= traj->index_count)
            return 0;
        while (range->ranged_count <= i) {
            size_t next = range->ranged_count;
            if (timed && know_time(traj, next, err) < 0)
                return -1;
            judge(traj, next, timed);
        }
        if (traj->index[i].in_range && !traj->index[i].damaged) {
            *ret_index = i;
            return 1;
        }
    }
}
