/*
 * TRR frames as bytes; the layout is described in trr.c.
 * Invariant: a frame is appended as a whole or not at all.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/trr.h"

enum { MOST_HEADER_BYTES = 92 };

static void put_u32(unsigned char **p, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *(*p)++ = (unsigned char)(value >> shift);
}

static void put_real(unsigned char **p, double value, bool of_doubles)
{
    if (of_doubles) {
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        put_u32(p, (uint32_t)(bits >> 32));
        put_u32(p, (uint32_t)bits);
    } else {
        float narrow = (float)value;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        put_u32(p, bits);
    }
}

static int check_vectors(const float (*vectors)[3], size_t count, const char *what,
                         struct asim_error *err)
{
    for (size_t i = 0; i < count; i++)
        for (int d = 0; d < 3; d++)
            if (!isfinite(vectors[i][d]))
                return asim_fail(err, ASIM_EINPUT,
                                 "atom %zu has a %s that is not a number", i + 1, what);
    return 0;
}

static void put_vectors(unsigned char **p, const float (*vectors)[3], size_t count,
                        bool of_doubles)
{
    for (size_t i = 0; i < count; i++)
        for (int d = 0; d < 3; d++)
            put_real(p, (double)vectors[i][d], of_doubles);
}

static int check(const struct asim_frame *frame, const struct asim_trr_extra *extra,
                 struct asim_error *err)
{
    size_t real_size = extra->of_doubles ? 8 : 4, count = frame->atom_count;
    if (count == 0 || count > INT32_MAX / (3 * real_size))
        return asim_fail(err, ASIM_EINPUT, "a TRR frame cannot have %zu atoms", count);
    if (frame->step < INT32_MIN || frame->step > INT32_MAX)
        return asim_fail(err, ASIM_EINPUT, "step %lld does not fit a TRR file",
                         (long long)frame->step);
    double time_ps = frame->time_ps, lambda = extra->lambda;
    if (!isfinite(extra->of_doubles ? time_ps : (double)(float)time_ps) ||
        !isfinite(extra->of_doubles ? lambda : (double)(float)lambda))
        return asim_fail(err, ASIM_EINPUT,
                         "the time or lambda of a frame is not a number");
    for (int i = 0; i < 9; i++)
        if (!isfinite(frame->box_nm[i / 3][i % 3]))
            return asim_fail(err, ASIM_EINPUT, "the box of a frame is not a number");
    if (check_vectors((const float(*)[3])frame->x_nm, count, "coordinate", err) < 0 ||
        (extra->v_nm_ps && check_vectors(extra->v_nm_ps, count, "velocity", err) < 0) ||
        (extra->f_kj_mol_nm &&
         check_vectors(extra->f_kj_mol_nm, count, "force", err) < 0))
        return -1;
    return 0;
}

int asim_trr_append(struct asim_trr_bytes *bytes, const struct asim_frame *frame,
                    const struct asim_trr_extra *extra, struct asim_error *err)
{
    static const struct asim_trr_extra nothing;
    if (!extra)
        extra = &nothing;
    if (check(frame, extra, err) < 0)
        return -1;
    const bool of_doubles = extra->of_doubles;
    const size_t real_size = of_doubles ? 8 : 4, count = frame->atom_count;
    const size_t block = 3 * real_size * count; /* fits 31 bits: checked above */
    size_t most;
    if (__builtin_add_overflow(bytes->size, 3 * block + 9 * real_size, &most) ||
        __builtin_add_overflow(most, (size_t)MOST_HEADER_BYTES, &most))
        return asim_fail(err, ASIM_ENOMEM, "the frames exceed the address space");
    if (asim_grow(&bytes->data, &bytes->capacity, most, 1, err) < 0)
        return -1;
    unsigned char *p = bytes->data + bytes->size;
    put_u32(&p, 1993);
    put_u32(&p, 13); /* the text's length with its NUL, then without */
    put_u32(&p, 12);
    memcpy(p, "GMX_trn_file", 12);
    p += 12;
    const uint32_t words[13] = {
        [2] = (uint32_t)(9 * real_size),
        [7] = (uint32_t)block,
        [8] = extra->v_nm_ps ? (uint32_t)block : 0,
        [9] = extra->f_kj_mol_nm ? (uint32_t)block : 0,
        [10] = (uint32_t)count,
        [11] = (uint32_t)(int32_t)frame->step,
    };
    for (size_t k = 0; k < 13; k++)
        put_u32(&p, words[k]);
    put_real(&p, frame->time_ps, of_doubles);
    put_real(&p, extra->lambda, of_doubles);
    put_vectors(&p, (const float(*)[3])frame->box_nm, 3, of_doubles);
    put_vectors(&p, (const float(*)[3])frame->x_nm, count, of_doubles);
    if (extra->v_nm_ps)
        put_vectors(&p, extra->v_nm_ps, count, of_doubles);
    if (extra->f_kj_mol_nm)
        put_vectors(&p, extra->f_kj_mol_nm, count, of_doubles);
    bytes->size = (size_t)(p - bytes->data);
    return 0;
}

void asim_trr_bytes_finish(struct asim_trr_bytes *bytes)
{
    if (!bytes)
        return;
    free(bytes->data);
    *bytes = (struct asim_trr_bytes){0};
}
