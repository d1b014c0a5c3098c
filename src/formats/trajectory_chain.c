/*
 * Several trajectory files as one. The chain is a format of its own, whose places are
 * the frames kept; each frame is read by the trajectory of its file.
 *
 * Invariants: times ascend strictly; the list of frames does not change after opening,
 * nor do the members, so that any number of threads may decode. It must not know any
 * file format.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/trajectory_internal.h"

struct chain_frame {
    size_t member;
    size_t index; /* in its file */
    double time_ps;
};

struct chain {
    struct asim_trajectory **member; /* owned */
    struct asim_trajectory_part *part;
    size_t member_count;
    struct chain_frame *frame; /* owned */
    size_t frame_count, frame_capacity;
};

static void chain_close(void *state)
{
    struct chain *chain = state;
    if (!chain)
        return;
    for (size_t i = 0; chain->member && i < chain->member_count; i++)
        asim_trajectory_close(chain->member[i]);
    free(chain->member);
    free(chain->part);
    free(chain->frame);
    free(chain);
}

/* Files of one simulation often differ in the ends of their paths alone. */
static void name_damage(const char *path, const char *why, char what[ASIM_DAMAGE_TEXT])
{
    enum { MOST_PATH = 60 };
    size_t length = strlen(path);
    const char *tail = length > MOST_PATH ? path + length - MOST_PATH : path;
    while (((unsigned char)*tail & 0xc0) == 0x80)
        tail++; /* not into the middle of a character */
    snprintf(what, ASIM_DAMAGE_TEXT, "'%s%s': %.130s", tail > path ? "..." : "", tail,
             why);
}

static enum asim_locate chain_locate(const void *state,
                                     const struct asim_byte_source *source,
                                     struct asim_decode_scratch *scratch,
                                     uint64_t offset, struct asim_frame_span *ret_span,
                                     char what[ASIM_DAMAGE_TEXT],
                                     struct asim_error *err)
{
    const struct chain *chain = state;
    (void)source;
    (void)scratch;
    (void)what;
    (void)err;
    if (offset >= chain->frame_count)
        return ASIM_LOCATE_END;
    *ret_span = (struct asim_frame_span){.offset = offset, .size = 1};
    return ASIM_LOCATE_FRAME;
}

static int chain_decode(const void *state, const struct asim_byte_source *source,
                        struct asim_decode_scratch *scratch,
                        struct asim_frame_span span, size_t atom_limit,
                        struct asim_frame *frame, char what[ASIM_DAMAGE_TEXT],
                        struct asim_error *err)
{
    const struct chain *chain = state;
    const struct chain_frame *wanted = &chain->frame[span.offset];
    const struct asim_trajectory *member = chain->member[wanted->member];
    const struct asim_frame_span place = member->index[wanted->index].span;
    const size_t frame_index = frame->frame_index;
    char why[ASIM_DAMAGE_TEXT];
    (void)source;
    /* Where a file gives no times, the numbers of its frames stand for them. */
    frame->frame_index = wanted->index;
    frame->offset_bytes = place.offset;
    int rc = member->format->decode(member->state, &member->source, scratch, place,
                                    atom_limit, frame, why, err);
    frame->frame_index = frame_index;
    if (rc == 0)
        name_damage(chain->part[wanted->member].path, why, what);
    return rc;
}

static const struct asim_trajectory_format chain_format = {
    .name = "several files",
    .close = chain_close,
    .locate = chain_locate,
    .decode = chain_decode,
};

/* All frames of one more file, with their times. */
static int read_times(struct chain *chain, size_t m, struct asim_error *err)
{
    struct asim_trajectory *member = chain->member[m];
    struct asim_trajectory_part *part = &chain->part[m];
    struct asim_frame frame = {0};
    int rc;
    part->path = asim_trajectory_path(member);
    asim_trajectory_limit_atoms(member, 1);
    while ((rc = asim_trajectory_next(member, &frame, err)) == 1) {
        if (asim_grow(&chain->frame, &chain->frame_capacity, chain->frame_count + 1,
                      sizeof *chain->frame, err) < 0) {
            rc = -1;
            break;
        }
        chain->frame[chain->frame_count++] = (struct chain_frame){
            .member = m, .index = frame.frame_index, .time_ps = frame.time_ps};
        if (part->frame_count++ == 0)
            part->first_time_ps = frame.time_ps;
        part->last_time_ps = frame.time_ps;
    }
    asim_frame_finish(&frame);
    return rc;
}

static int check_members(const struct chain *chain, struct asim_error *err)
{
    size_t atom_count = asim_trajectory_atom_count(chain->member[0]);
    for (size_t m = 1; m < chain->member_count; m++) {
        const struct asim_trajectory_part *later = &chain->part[m];
        if (asim_trajectory_atom_count(chain->member[m]) != atom_count)
            return asim_fail(err, ASIM_EINPUT,
                             "'%s' has %zu atoms, '%s' has %zu; files that are read as "
                             "one trajectory must have the same atoms",
                             chain->part[0].path, atom_count, later->path,
                             asim_trajectory_atom_count(chain->member[m]));
        for (size_t k = 0; k < m; k++) {
            const struct asim_trajectory_part *part = &chain->part[k];
            if (part->frame_count > 0 && later->frame_count > 0 &&
                later->last_time_ps < part->first_time_ps)
                return asim_fail(err, ASIM_EINPUT,
                                 "'%s' ends at %g ps, before '%s' in front of it "
                                 "starts, at %g ps: give the files in the order of "
                                 "time",
                                 later->path, later->last_time_ps, part->path,
                                 part->first_time_ps);
        }
    }
    return 0;
}

/* Keeps the frames behind which all others are later. */
static void drop_overlaps(struct chain *chain)
{
    double earliest = INFINITY;
    size_t kept = chain->frame_count;
    for (size_t i = chain->frame_count; i-- > 0;) {
        struct chain_frame frame = chain->frame[i];
        if (!(frame.time_ps < earliest))
            continue;
        earliest = frame.time_ps;
        chain->part[frame.member].kept_count++;
        chain->frame[--kept] = frame;
    }
    chain->frame_count -= kept;
    if (kept == 0)
        return;
    memmove(chain->frame, chain->frame + kept,
            chain->frame_count * sizeof *chain->frame);
}

/* The damage of all files, numbered by the frames kept. */
static int join_damage(const struct chain *chain, struct asim_damage **ret_damage,
                       size_t *ret_count, struct asim_error *err)
{
    struct asim_damage *joined = NULL;
    size_t count = 0, capacity = 0, frame = 0;
    for (size_t m = 0; m < chain->member_count; m++) {
        size_t more;
        const struct asim_damage *damage =
            asim_trajectory_damage(chain->member[m], &more);
        if (asim_grow(&joined, &capacity, count + more + 1, sizeof *joined, err) < 0) {
            free(joined);
            return -1;
        }
        for (size_t i = 0; i < more; i++) {
            while (frame < chain->frame_count &&
                   (chain->frame[frame].member < m ||
                    (chain->frame[frame].member == m &&
                     chain->frame[frame].index < damage[i].frame_index)))
                frame++;
            struct asim_damage *target = &joined[count++];
            *target = damage[i];
            target->frame_index = frame;
            name_damage(chain->part[m].path, damage[i].what, target->what);
        }
    }
    *ret_damage = joined;
    *ret_count = count;
    return 0;
}

int asim_trajectory_open_many(const char *const *paths, size_t count,
                              struct asim_trajectory **ret_traj, struct asim_error *err)
{
    if (count == 0)
        return asim_fail(err, ASIM_EUSAGE, "no trajectory file was given");
    struct chain *chain = asim_alloc_array(1, sizeof *chain, err);
    if (!chain)
        return -1;
    struct asim_damage *damage;
    size_t damage_count;
    chain->member_count = count;
    chain->member = asim_alloc_array(count, sizeof *chain->member, err);
    chain->part = asim_alloc_array(count, sizeof *chain->part, err);
    if (!chain->member || !chain->part)
        goto failed;
    for (size_t m = 0; m < count; m++)
        if (asim_trajectory_open(paths[m], &chain->member[m], err) < 0 ||
            read_times(chain, m, err) < 0)
            goto failed;
    if (check_members(chain, err) < 0)
        goto failed;
    drop_overlaps(chain);
    if (chain->frame_count == 0) {
        asim_fail(err, ASIM_EINPUT, "no frame of '%s' and the files behind it is whole",
                  paths[0]);
        goto failed;
    }
    if (join_damage(chain, &damage, &damage_count, err) < 0)
        goto failed;
    char *name = count == 1
                     ? asim_strdup(paths[0], err)
                     : asim_format(err, "%s' to '%s", paths[0], paths[count - 1]);
    if (!name) {
        free(damage);
        goto failed;
    }
    int rc = asim_trajectory_create(
        &chain_format, chain, name, asim_trajectory_atom_count(chain->member[0]),
        chain->frame_count, damage, damage_count, ret_traj, err);
    free(name);
    return rc;
failed:
    chain_close(chain);
    return -1;
}

const struct asim_trajectory_part *
asim_trajectory_parts(const struct asim_trajectory *traj, size_t *ret_count)
{
    const struct chain *chain = asim_trajectory_state(traj, &chain_format);
    *ret_count = chain ? chain->member_count : 0;
    return chain ? chain->part : NULL;
}
