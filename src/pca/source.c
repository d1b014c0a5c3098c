/*
 * Frames of a trajectory file for the analysis: begin, end and stride, periodic
 * boundaries, the chosen atoms as rows.
 *
 * Invariant: every pass hands out the same frames. Asks for the atoms needed only, and
 * for one where only the time is looked at. Knows nothing of what is computed.
 */
#include "pca/source.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/threads.h"
#include "formats/trajectory_internal.h"

enum { FRAMES_A_THREAD = 16, MOST_FRAMES = 256 };

/* Decoded frames that wait for their atoms to be taken: what stays in a cache. */
static const size_t FRAME_BYTES_A_THREAD = (size_t)1 << 19;

static size_t last_atom(const struct asim_atom_list *list)
{
    uint32_t last = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->index[i] > last)
            last = list->index[i];
    return last;
}

static int check_options(const struct asim_trajectory_source *source,
                         struct asim_error *err)
{
    const struct asim_pca_options *options = source->options;
    size_t in_topology = source->top->atom_count;
    if (options->stride < 1)
        return asim_fail(err, ASIM_EUSAGE, "the stride must be at least 1");
    if (options->begin_ps > options->end_ps)
        return asim_fail(err, ASIM_EUSAGE,
                         "begin (%g ps) is after end (%g ps): no frame is left",
                         options->begin_ps, options->end_ps);
    if (asim_trajectory_match(source->traj, source->top, err) < 0)
        return -1;
    if (last_atom(&source->atoms) >= in_topology ||
        last_atom(&source->align) >= in_topology)
        return asim_fail(
            err, ASIM_EINPUT,
            "the selection asks for an atom beyond the %zu of the topology",
            in_topology);
    return 0;
}

/* One tree over analysed and fit atoms together: their images must agree. */
static int create_whole(struct asim_trajectory_source *source, struct asim_error *err)
{
    size_t count = source->atoms.count + source->align.count;
    uint32_t *both = asim_alloc_array(count, sizeof *both, err);
    if (!both)
        return -1;
    memcpy(both, source->atoms.index, source->atoms.count * sizeof *both);
    if (!source->layout.same)
        memcpy(both + source->atoms.count, source->align.index,
               source->align.count * sizeof *both);
    else
        count = source->atoms.count;
    int rc = asim_whole_create(source->top, source->options->pbc, both, count,
                               &source->whole, err);
    free(both);
    if (rc == 0 && asim_whole_atom_limit(source->whole) > source->atom_limit)
        source->atom_limit = asim_whole_atom_limit(source->whole);
    return rc;
}

/* The atoms that are analysed, fitted on, or on the way between those. */
static int list_needed(struct asim_trajectory_source *source, struct asim_error *err)
{
    uint32_t *whole = NULL;
    size_t whole_count = 0, count = source->atoms.count;
    if (source->whole &&
        asim_whole_list_atoms(source->whole, &whole, &whole_count, err) < 0)
        return -1;
    const size_t align_count = source->layout.same ? 0 : source->align.count;
    source->needed = asim_alloc_array(count + align_count + whole_count,
                                      sizeof *source->needed, err);
    if (source->needed) {
        memcpy(source->needed, source->atoms.index, count * sizeof *source->needed);
        if (align_count > 0)
            memcpy(source->needed + count, source->align.index,
                   align_count * sizeof *source->needed);
        count += align_count;
        if (whole_count > 0)
            memcpy(source->needed + count, whole, whole_count * sizeof *whole);
        source->needed_count = count + whole_count;
    }
    free(whole);
    return source->needed ? 0 : -1;
}

/* Room for a few frames a thread. */
static int make_room(struct asim_trajectory_source *source, struct asim_error *err)
{
    size_t threads = (size_t)asim_thread_count(source->options->thread_count);
    size_t room = FRAME_BYTES_A_THREAD / (source->atom_limit * 3 * sizeof(float)) + 1;
    room = threads * (room < FRAMES_A_THREAD ? room : FRAMES_A_THREAD);
    source->frame_room = room < MOST_FRAMES ? room : MOST_FRAMES;
    source->frames = asim_alloc_array(source->frame_room, sizeof *source->frames, err);
    if (source->frames)
        source->kept = asim_alloc_array(source->frame_room, sizeof *source->kept, err);
    if (source->kept)
        source->ordinals =
            asim_alloc_array(source->frame_room, sizeof *source->ordinals, err);
    return source->ordinals ? 0 : -1;
}

int asim_trajectory_source_init(struct asim_trajectory_source *source,
                                const struct asim_topology *top,
                                struct asim_trajectory *traj,
                                const struct asim_pca_options *options,
                                const struct asim_atom_list *atoms,
                                const struct asim_atom_list *align, bool same,
                                struct asim_log *log, struct asim_error *err)
{
    *source = (struct asim_trajectory_source){.top = top,
                                              .traj = traj,
                                              .options = options,
                                              .log = log,
                                              .atoms = *atoms,
                                              .align = *align,
                                              .stride = options->stride};
    source->layout = asim_layout_make(atoms->count, align->count, same);
    if (check_options(source, err) < 0)
        return -1;
    source->atom_limit =
        1 + (last_atom(atoms) > last_atom(align) ? last_atom(atoms) : last_atom(align));
    if (options->pbc != ASIM_PBC_NONE &&
        (options->pbc != ASIM_PBC_AUTO || top->has_bonds) &&
        create_whole(source, err) < 0)
        return -1;
    if (options->pbc == ASIM_PBC_AUTO && !source->whole &&
        (asim_parts_init(top, atoms->index, atoms->count, &source->parts[0], err) < 0 ||
         (!same && asim_parts_init(top, align->index, align->count, &source->parts[1],
                                   err) < 0)))
        return -1;
    if (asim_trajectory_frame_count(traj, &source->file_frames, err) < 0)
        return -1;
    if (list_needed(source, err) < 0)
        return -1;
    return make_room(source, err);
}

void asim_trajectory_source_finish(struct asim_trajectory_source *source)
{
    if (!source)
        return;
    asim_whole_destroy(source->whole);
    asim_parts_finish(&source->parts[0]);
    asim_parts_finish(&source->parts[1]);
    for (size_t i = 0; source->frames && i < source->frame_room; i++)
        asim_frame_finish(&source->frames[i]);
    free(source->frames);
    free(source->needed);
    free(source->kept);
    free(source->ordinals);
    if (source->traj)
        asim_trajectory_set_range(source->traj, NAN, NAN, 1, NULL);
    *source = (struct asim_trajectory_source){0};
}

/* Looks for the first frame at or after `begin` and the last one at or before `end`; 0:
 * there is none. Times may start again, so that frames behind one that is after `end`
 * can be before it. */
static int find_first(struct asim_trajectory_source *source, struct asim_error *err)
{
    double begin = source->options->begin_ps, end = source->options->end_ps;
    struct asim_frame *frame = &source->frames[0];
    bool found = isnan(begin);
    source->first_index = 0;
    source->stop_index = isnan(end) ? SIZE_MAX : 0;
    if (!isnan(begin) || !isnan(end)) {
        int got;
        asim_trajectory_limit_atoms(source->traj, 1);
        if (asim_trajectory_seek(source->traj, 0, err) < 0)
            return -1;
        while ((got = asim_trajectory_next(source->traj, frame, err)) > 0) {
            if (frame->frame_index == 0)
                source->start_time_ps = frame->time_ps;
            if (!found && frame->time_ps >= begin - asim_trajectory_slack_ps(begin)) {
                source->first_index = frame->frame_index;
                found = true;
            }
            if (isnan(end) && found)
                break;
            if (frame->time_ps <= end + asim_trajectory_slack_ps(end))
                source->stop_index = frame->frame_index + 1;
        }
        if (got < 0 || !found)
            return got;
    }
    source->first_known = true;
    return 1;
}

/* A stride that is counted from somewhere within the file. */
static bool strides_alone(const struct asim_trajectory_source *source)
{
    return source->stride > 1 && !isnan(source->options->begin_ps);
}

static int source_rewind(void *context, struct asim_error *err)
{
    struct asim_trajectory_source *source = context;
    source->ordinal = 0;
    source->stepped = false;
    source->ended = false;
    source->placed = false;
    source->judged_count = 0;
    if (source->whole)
        asim_whole_restart(source->whole);
    if (!source->first_known && find_first(source, err) < 0)
        return -1;
    if (asim_trajectory_select_atoms(source->traj, source->needed, source->needed_count,
                                     err) < 0)
        return -1;
    if (!source->first_known)
        return 0;
    if (asim_trajectory_set_range(source->traj, NAN, NAN,
                                  strides_alone(source) ? 1 : source->stride, err) < 0)
        return -1;
    return asim_trajectory_seek(source->traj, source->first_index, err);
}

/* Decodes the next frames that the stride asks for; fewer than `count`: the end. */
static int read_some(struct asim_trajectory_source *source, size_t count,
                     int thread_count, size_t *ret_count, struct asim_error *err)
{
    if (!strides_alone(source))
        return asim_trajectory_read_block(source->traj, source->frames, count,
                                          thread_count, ret_count, err);
    size_t done = 0;
    for (; done < count; done++) {
        if (source->stepped) {
            if (source->file_frames - source->last_index <= source->stride)
                break;
            if (asim_trajectory_seek(source->traj, source->last_index + source->stride,
                                     err) < 0)
                return -1;
        }
        int got = asim_trajectory_next(source->traj, &source->frames[done], err);
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        source->stepped = true;
        source->last_index = source->frames[done].frame_index;
    }
    *ret_count = done;
    return 0;
}

/*
 * A run that was restarted repeats the time since its last checkpoint; what was there
 * counts once. A time that goes back to the very first, or before it, begins another
 * run, and all of its frames count, as do those of a file whose times are all alike.
 * Whether it went back so far, a frame may tell that the stride passes over. 1 wanted,
 * 0 not, -1 failure.
 */
static int is_wanted(struct asim_trajectory_source *source,
                     const struct asim_frame *frame, struct asim_error *err)
{
    double time_ps = frame->time_ps;
    double begin = source->options->begin_ps, end = source->options->end_ps;
    const char *path = asim_trajectory_path(source->traj);
    size_t unseen = source->judged_count;
    source->judged_count = frame->frame_index + 1;
    if (frame->frame_index == 0)
        source->start_time_ps = time_ps;
    if (source->ordinal > 0 && time_ps <= source->last_time_ps) {
        double earliest_ps;
        if (asim_trajectory_earliest_ps(source->traj, unseen, frame->frame_index,
                                        &earliest_ps, err) < 0)
            return -1;
        bool repeated = fmin(earliest_ps, time_ps) > source->start_time_ps;
        if (repeated && !source->said_repeated)
            asim_log_write(source->log, ASIM_LOG_WARNING,
                           "'%s': the time goes back from %g to %g ps at frame %zu, as "
                           "after a restart; frames of a time that was there already "
                           "are left out",
                           path, source->last_time_ps, time_ps, frame->frame_index);
        else if (!repeated && !source->said_again && time_ps < source->last_time_ps)
            asim_log_write(source->log, ASIM_LOG_WARNING,
                           "'%s': the time starts again at frame %zu (%g ps); what "
                           "follows counts as another run",
                           path, frame->frame_index, time_ps);
        source->said_repeated |= repeated;
        source->said_again |= !repeated && time_ps < source->last_time_ps;
        if (repeated)
            return 0;
    }
    source->last_time_ps = time_ps;
    if ((!isnan(begin) && time_ps < begin - asim_trajectory_slack_ps(begin)) ||
        (!isnan(end) && time_ps > end + asim_trajectory_slack_ps(end)))
        return 0;
    source->ordinal++;
    return 1;
}

/* Decodes some frames, at most `count` (and frame_room), and lists in `kept` those that
 * are wanted. Sets `ended` where there are no more. */
static int read_wanted(struct asim_trajectory_source *source, size_t count,
                       int thread_count, size_t *ret_kept, struct asim_error *err)
{
    size_t got, kept = 0;
    if (count > source->frame_room)
        count = source->frame_room;
    if (read_some(source, count, thread_count, &got, err) < 0)
        return -1;
    source->ended = got < count;
    for (size_t i = 0; i < got; i++) {
        if (source->frames[i].frame_index >= source->stop_index) {
            source->ended = true;
            break;
        }
        int wanted = is_wanted(source, &source->frames[i], err);
        if (wanted < 0)
            return -1;
        if (!wanted)
            continue;
        source->kept[kept] = i;
        source->ordinals[kept++] = source->ordinal - 1;
    }
    *ret_kept = kept;
    return 0;
}

static int fail_broken(const struct asim_trajectory_source *source,
                       const struct asim_frame *frame, const char *why,
                       struct asim_error *err)
{
    return asim_fail(err, ASIM_EINPUT,
                     "'%s' frame %zu: %s, and without bonds molecules cannot be made "
                     "whole; give the .tpr of the simulation as topology, try --pbc "
                     "cluster, or --pbc none if the coordinates are whole",
                     asim_trajectory_path(source->traj), frame->frame_index, why);
}

static int refuse_broken(const struct asim_trajectory_source *source,
                         const struct asim_frame *frame, struct asim_error *err)
{
    char why[300] = "";
    if (!asim_looks_broken(source->top, source->atoms.index, source->atoms.count, frame,
                           why, sizeof why) &&
        (source->layout.same ||
         !asim_looks_broken(source->top, source->align.index, source->align.count,
                            frame, why, sizeof why)))
        return 0;
    return fail_broken(source, frame, why, err);
}

/* Frames in their order, each once, whatever threads took them: do chains jump? */
static int refuse_jumps(struct asim_trajectory_source *source, size_t kept,
                        struct asim_error *err)
{
    char why[300] = "";
    for (size_t i = 0; i < kept; i++) {
        const struct asim_frame *frame = &source->frames[source->kept[i]];
        if (source->ordinals[i] < source->looked_at)
            continue;
        for (int l = 0; l < 2; l++)
            if (asim_parts_jumped(&source->parts[l], frame, why, sizeof why))
                return fail_broken(source, frame, why, err);
        source->looked_at = source->ordinals[i] + 1;
    }
    return 0;
}

/* Gathers atoms into a row; the number of the first one that is not finite, or count.
 */
static size_t gather(const float (*x_nm)[3], const struct asim_atom_list *list,
                     size_t padded, float *row)
{
    float *x = row, *y = row + padded, *z = row + 2 * padded;
    float zero = 0.0f; /* stays zero unless a number is NaN or infinite */
    for (size_t i = 0; i < list->count; i++) {
        const float *from = x_nm[list->index[i]];
        x[i] = from[0];
        y[i] = from[1];
        z[i] = from[2];
        zero += (from[0] - from[0]) + (from[1] - from[1]) + (from[2] - from[2]);
    }
    if (zero == 0.0f)
        return list->count;
    size_t i = 0;
    while (i < list->count && isfinite(x[i]) && isfinite(y[i]) && isfinite(z[i]))
        i++;
    return i;
}

/* Without bonds: a frame that must be whole as it is, and was not looked at before. */
static bool is_checked(const struct asim_trajectory_source *source, uint64_t ordinal)
{
    if (ordinal < source->looked_at)
        return false;
    if (source->options->pbc == ASIM_PBC_AUTO)
        return !source->whole;
    return source->options->pbc == ASIM_PBC_NOJUMP && !source->top->has_bonds &&
           ordinal == 0;
}

/* One frame made whole, its atoms into rows. */
static int take_frame(struct asim_trajectory_source *source, struct asim_frame *frame,
                      uint64_t ordinal, float *row, float *align_row,
                      struct asim_error *err)
{
    const char *path = asim_trajectory_path(source->traj);
    if (frame->atom_count < source->atom_limit)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' frame %zu holds %zu atoms; %zu are needed", path,
                         frame->frame_index, frame->atom_count, source->atom_limit);
    /* Before anything is moved: a NaN on the bond tree would spread. */
    const struct asim_atom_list *lists[2] = {&source->atoms, &source->align};
    float *rows[2] = {row, align_row};
    size_t padded[2] = {source->layout.padded, source->layout.align_padded};
    int list_count = source->layout.same ? 1 : 2;
    for (int pass = 0; pass < 2; pass++) {
        for (int l = 0; l < list_count; l++) {
            size_t bad = gather(frame->x_nm, lists[l], padded[l], rows[l]);
            if (bad < lists[l]->count)
                return asim_fail(err, ASIM_EINPUT,
                                 "'%s' frame %zu: atom %" PRIu32
                                 " (numbered from 0) has a coordinate that is not a "
                                 "finite number",
                                 path, frame->frame_index, lists[l]->index[bad]);
        }
        if (pass == 1 || !source->whole)
            break;
        if (asim_whole_apply(source->whole, frame, err) < 0)
            return asim_wrap(err, "'%s' frame %zu", path, frame->frame_index);
    }
    if (is_checked(source, ordinal) && refuse_broken(source, frame, err) < 0)
        return -1;
    return 0;
}

struct take {
    struct asim_trajectory_source *source;
    float *rows, *align_rows;
};

static int take_task(void *context, size_t task, int thread_index,
                     struct asim_error *err)
{
    (void)thread_index;
    const struct take *take = context;
    struct asim_trajectory_source *source = take->source;
    return take_frame(
        source, &source->frames[source->kept[task]], source->ordinals[task],
        take->rows + task * asim_row_width(&source->layout),
        take->align_rows ? take->align_rows + task * asim_align_width(&source->layout)
                         : NULL,
        err);
}

/* Floats of frames below which starting a thread costs more than it brings. */
static const size_t THREAD_FLOATS = (size_t)1 << 18;

static int take_all(struct take *take, size_t count, int thread_count,
                    struct asim_error *err)
{
    struct asim_trajectory_source *source = take->source;
    if (source->atom_limit * 3 * count < THREAD_FLOATS)
        thread_count = 1;
    if (!source->whole || (source->placed && !asim_whole_in_order(source->whole)))
        return asim_parallel(count, thread_count, take_task, take, err);
    /* The first frame that is made whole says where molecules belong. */
    for (size_t task = 0; task < count; task++) {
        if (take_task(take, task, 0, err) < 0)
            return -1;
        source->placed = true;
    }
    return 0;
}

static int source_read(void *context, size_t count, int thread_count, float *rows,
                       float *align_rows, double *times_ps, uint64_t *frame_indices,
                       size_t *ret_count, struct asim_error *err)
{
    struct asim_trajectory_source *source = context;
    size_t done = 0;
    if (!source->first_known)
        source->ended = true; /* nothing at or after `begin` */
    while (done < count && !source->ended) {
        size_t kept;
        if (read_wanted(source, count - done, thread_count, &kept, err) < 0)
            return -1;
        struct take take = {
            source, rows + done * asim_row_width(&source->layout),
            align_rows ? align_rows + done * asim_align_width(&source->layout) : NULL};
        if (take_all(&take, kept, thread_count, err) < 0 ||
            refuse_jumps(source, kept, err) < 0)
            return -1;
        for (size_t i = 0; i < kept; i++) {
            const struct asim_frame *frame = &source->frames[source->kept[i]];
            times_ps[done] = frame->time_ps;
            frame_indices[done++] = frame->frame_index;
        }
    }
    *ret_count = done;
    return 0;
}

/* Exactly how many frames a pass gives, decoding one atom of each. */
static int source_count(void *context, size_t *ret_count, struct asim_error *err)
{
    struct asim_trajectory_source *source = context;
    if (source_rewind(source, err) < 0)
        return -1;
    asim_trajectory_limit_atoms(source->traj, 1);
    source->ended = !source->first_known;
    while (!source->ended) {
        size_t kept;
        if (read_wanted(source, source->frame_room, 1, &kept, err) < 0)
            return -1;
    }
    *ret_count = source->ordinal;
    return 0;
}

struct asim_frame_source
asim_trajectory_source_frames(struct asim_trajectory_source *source)
{
    bool cut = !isnan(source->options->begin_ps) || !isnan(source->options->end_ps);
    return (struct asim_frame_source){
        .context = source,
        .layout = &source->layout,
        .frame_bound = (source->file_frames + source->stride - 1) / source->stride,
        .rewind = source_rewind,
        .read = source_read,
        .count = cut ? source_count : NULL};
}
