/*
 * Frames that a caller has, as a trajectory: a format of its own, whose places are the
 * frames. Only copies and scales; must not know where the frames come from.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "formats/trajectory_format.h"

struct reader_state {
    pthread_mutex_t lock; /* one frame is asked for at a time */
    struct asim_frame_reader reader;
};

static void reader_close(void *opaque)
{
    struct reader_state *state = opaque;
    if (state)
        pthread_mutex_destroy(&state->lock);
    free(state);
}

static enum asim_locate reader_locate(const void *opaque,
                                      const struct asim_byte_source *source,
                                      struct asim_decode_scratch *scratch,
                                      uint64_t offset, struct asim_frame_span *ret_span,
                                      char what[ASIM_DAMAGE_TEXT],
                                      struct asim_error *err)
{
    const struct reader_state *state = opaque;
    (void)source;
    (void)scratch;
    (void)what;
    (void)err;
    if (offset >= state->reader.frame_count)
        return ASIM_LOCATE_END;
    *ret_span = (struct asim_frame_span){.offset = offset, .size = 1};
    return ASIM_LOCATE_FRAME;
}

static void copy_scaled(const struct asim_frame_reader *reader, const float (*from)[3],
                        size_t atom_count, float (*to)[3])
{
    const float *in = &from[0][0];
    float *out = &to[0][0];
    for (size_t i = 0; i < 3 * atom_count; i++)
        out[i] = in[i] * reader->nm_per_unit;
}

static int reader_decode(const void *opaque, const struct asim_byte_source *source,
                         struct asim_decode_scratch *scratch,
                         struct asim_frame_span span, size_t atom_limit,
                         struct asim_frame *frame, char what[ASIM_DAMAGE_TEXT],
                         struct asim_error *err)
{
    const struct reader_state *state = opaque;
    const struct asim_frame_reader *reader = &state->reader;
    pthread_mutex_t *lock = (pthread_mutex_t *)&state->lock;
    const float(*positions)[3] = NULL;
    double time_ps = NAN;
    (void)source;
    (void)scratch;
    (void)what;
    pthread_mutex_lock(lock);
    float box[3][3] = {{0}};
    int rc =
        reader->read(reader->context, (size_t)span.offset, &positions, box, &time_ps);
    if (rc == 0 && positions) {
        copy_scaled(reader, positions, atom_limit, frame->x_nm);
        copy_scaled(reader, (const float(*)[3])box, 3, frame->box_nm);
    }
    pthread_mutex_unlock(lock);
    if (rc != 0 || !positions)
        return asim_fail(err, ASIM_EINPUT, "the caller could not give frame %llu",
                         (unsigned long long)span.offset);
    if (!isfinite(time_ps))
        return asim_fail(err, ASIM_EINPUT, "frame %llu has no time",
                         (unsigned long long)span.offset);
    frame->atom_count = atom_limit;
    frame->time_ps = time_ps;
    frame->step = 0;
    frame->precision = 0;
    return 1;
}

static const struct asim_trajectory_format reader_format = {
    .name = "frames of the caller",
    .close = reader_close,
    .locate = reader_locate,
    .decode = reader_decode,
};

int asim_trajectory_open_reader(const struct asim_frame_reader *reader,
                                const char *name, struct asim_trajectory **ret_traj,
                                struct asim_error *err)
{
    if (reader->frame_count == 0 || reader->atom_count == 0)
        return asim_fail(err, ASIM_EINPUT, "'%s' has %zu frames of %zu atoms", name,
                         reader->frame_count, reader->atom_count);
    struct reader_state *state = asim_alloc_array(1, sizeof *state, err);
    if (!state)
        return -1;
    pthread_mutex_init(&state->lock, NULL);
    state->reader = *reader;
    return asim_trajectory_create(&reader_format, state, name, reader->atom_count,
                                  reader->frame_count, NULL, 0, ret_traj, err);
}
