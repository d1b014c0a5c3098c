/*
 * Frames of a trajectory file for the analysis: begin, end and stride, periodic
 * boundaries, the chosen atoms as rows.
 *
 * Invariant: every pass hands out the same frames. Decodes no further than the last
 * atom needed, and of the frames before `begin` only one atom. Knows nothing of what
 * is computed.
 */
#include "pca/source.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { BROKEN_CHECKS = 16 };

static size_t last_atom(const struct asim_atom_list *list)
{
    uint32_t last = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->index[i] > last)
            last = list->index[i];
    return last;
}

/* Times are kept as floats in XTC: 6e-8 of the time is what equality can mean. */
static double time_slack(double time_ps)
{
    return 1e-6 + 2e-7 * fabs(time_ps);
}

static int check_options(const struct asim_trajectory_source *source,
                         struct asim_error *err)
{
    const struct asim_pca_options *options = source->options;
    size_t in_topology = source->top->atom_count;
    size_t in_trajectory = asim_trajectory_atom_count(source->traj);
    if (options->stride < 1)
        return asim_fail(err, ASIM_EUSAGE, "the stride must be at least 1");
    if (options->begin_ps > options->end_ps)
        return asim_fail(err, ASIM_EUSAGE,
                         "begin (%g ps) is after end (%g ps): no frame is left",
                         options->begin_ps, options->end_ps);
    if (in_topology != in_trajectory)
        return asim_fail(
            err, ASIM_EINPUT,
            "the topology has %zu atoms, the trajectory '%s' has %zu; give "
            "the topology that this trajectory was written with",
            in_topology, asim_trajectory_path(source->traj), in_trajectory);
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
    if (asim_trajectory_frame_count(traj, &source->file_frames, err) < 0)
        return -1;
    size_t wanted = (source->file_frames + source->stride - 1) / source->stride;
    source->check_step = wanted / BROKEN_CHECKS + 1;
    return 0;
}

void asim_trajectory_source_finish(struct asim_trajectory_source *source)
{
    if (!source)
        return;
    asim_whole_destroy(source->whole);
    asim_frame_finish(&source->frame);
    source->whole = NULL;
}

/* Walks to the first frame at or after `begin`; 0: there is none. */
static int find_first(struct asim_trajectory_source *source, struct asim_error *err)
{
    double begin = source->options->begin_ps;
    source->first_index = 0;
    if (!isnan(begin)) {
        int got;
        asim_trajectory_limit_atoms(source->traj, 1);
        if (asim_trajectory_seek(source->traj, 0, err) < 0)
            return -1;
        while ((got = asim_trajectory_next(source->traj, &source->frame, err)) > 0) {
            if (source->frame.frame_index == 0)
                source->start_time_ps = source->frame.time_ps;
            if (source->frame.time_ps >= begin - time_slack(begin))
                break;
        }
        if (got <= 0)
            return got;
        source->first_index = source->frame.frame_index;
    }
    source->first_known = true;
    return 1;
}

static int source_rewind(void *context, struct asim_error *err)
{
    struct asim_trajectory_source *source = context;
    source->ordinal = 0;
    source->stepped = false;
    if (source->whole)
        asim_whole_restart(source->whole);
    if (!source->first_known && find_first(source, err) < 0)
        return -1;
    asim_trajectory_limit_atoms(source->traj, source->atom_limit);
    return source->first_known
               ? asim_trajectory_seek(source->traj, source->first_index, err)
               : 0;
}

/* The next frame that the stride asks for; 0: none is left. */
static int read_next(struct asim_trajectory_source *source, struct asim_error *err)
{
    if (source->stepped && source->stride > 1) {
        if (source->file_frames - source->last_index <= source->stride)
            return 0;
        if (asim_trajectory_seek(source->traj, source->last_index + source->stride,
                                 err) < 0)
            return -1;
    }
    int got = asim_trajectory_next(source->traj, &source->frame, err);
    if (got > 0) {
        source->stepped = true;
        source->last_index = source->frame.frame_index;
    }
    return got;
}

/*
 * A run that was restarted repeats the time since its last checkpoint; what was there
 * counts once. A time that goes back to the very first, or before it, begins another
 * run, and all of its frames count, as do those of a file whose times are all alike.
 */
static bool is_wanted(struct asim_trajectory_source *source)
{
    const struct asim_frame *frame = &source->frame;
    double time_ps = frame->time_ps, begin = source->options->begin_ps;
    const char *path = asim_trajectory_path(source->traj);
    if (source->ordinal > 0 && time_ps <= source->last_time_ps) {
        bool repeated = time_ps > source->start_time_ps;
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
            return false;
    }
    source->last_time_ps = time_ps;
    return isnan(begin) || time_ps >= begin - time_slack(begin);
}

/* Brings the next frame wanted into source->frame. */
static int advance(struct asim_trajectory_source *source, struct asim_error *err)
{
    double end = source->options->end_ps;
    if (!source->first_known)
        return 0; /* nothing at or after `begin` */
    do {
        int got = read_next(source, err);
        if (got <= 0)
            return got;
        if (!isnan(end) && source->frame.time_ps > end + time_slack(end))
            return 0;
        if (source->frame.frame_index == 0)
            source->start_time_ps = source->frame.time_ps;
    } while (!is_wanted(source));
    source->ordinal++;
    return 1;
}

static int refuse_broken(const struct asim_trajectory_source *source,
                         struct asim_error *err)
{
    char why[300] = "";
    if (!asim_looks_broken(source->top, source->atoms.index, source->atoms.count,
                           &source->frame, why, sizeof why) &&
        (source->layout.same ||
         !asim_looks_broken(source->top, source->align.index, source->align.count,
                            &source->frame, why, sizeof why)))
        return 0;
    return asim_fail(err, ASIM_EINPUT,
                     "'%s' frame %zu: %s, and without bonds molecules cannot be made "
                     "whole; give the .tpr of the simulation as topology, try --pbc "
                     "cluster, or --pbc none if the coordinates are whole",
                     asim_trajectory_path(source->traj), source->frame.frame_index,
                     why);
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

/* Without bonds: frames that must be whole as they are. */
static bool is_checked(const struct asim_trajectory_source *source)
{
    if (source->options->pbc == ASIM_PBC_AUTO)
        return !source->whole && (source->ordinal - 1) % source->check_step == 0;
    return source->options->pbc == ASIM_PBC_NOJUMP && !source->top->has_bonds &&
           source->ordinal == 1;
}

static int source_next(void *context, float *row, float *align_row, double *ret_time_ps,
                       uint64_t *ret_frame_index, struct asim_error *err)
{
    struct asim_trajectory_source *source = context;
    struct asim_frame *frame = &source->frame;
    int got = advance(source, err);
    if (got <= 0)
        return got;
    if (frame->atom_count < source->atom_limit)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' frame %zu holds %zu atoms; %zu are needed",
                         asim_trajectory_path(source->traj), frame->frame_index,
                         frame->atom_count, source->atom_limit);
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
                                 asim_trajectory_path(source->traj), frame->frame_index,
                                 lists[l]->index[bad]);
        }
        if (pass == 1 || !source->whole)
            break;
        if (asim_whole_apply(source->whole, frame, err) < 0)
            return asim_wrap(err, "'%s' frame %zu", asim_trajectory_path(source->traj),
                             frame->frame_index);
    }
    if (is_checked(source) && refuse_broken(source, err) < 0)
        return -1;
    *ret_time_ps = frame->time_ps;
    *ret_frame_index = frame->frame_index;
    return 1;
}

/* Exactly how many frames a pass gives, decoding one atom of each. */
static int source_count(void *context, size_t *ret_count, struct asim_error *err)
{
    struct asim_trajectory_source *source = context;
    if (source_rewind(source, err) < 0)
        return -1;
    asim_trajectory_limit_atoms(source->traj, 1);
    size_t count = 0;
    int got;
    while ((got = advance(source, err)) > 0)
        count++;
    if (got == 0)
        *ret_count = count;
    return got;
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
        .next = source_next,
        .count = cut ? source_count : NULL};
}
