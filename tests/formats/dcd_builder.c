/* DCD files of every flavour, built byte by byte. */
#include "dcd_builder.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

struct writer {
    const struct dcd_flavour *flavour;
    struct dcd_bytes *bytes;
};

static void put(struct writer *w, const void *value, size_t size)
{
    const unsigned char *p = value;
    for (size_t i = 0; i < size; i++)
        w->bytes->data[w->bytes->size++] =
            p[w->flavour->other_endian ? size - 1 - i : i];
}

static void put_i32(struct writer *w, int32_t value)
{
    put(w, &value, sizeof value);
}

static void put_marker(struct writer *w, uint64_t length)
{
    uint32_t narrow = (uint32_t)length;
    if (w->flavour->wide_markers)
        put(w, &length, sizeof length);
    else
        put(w, &narrow, sizeof narrow);
}

static void put_text(struct writer *w, const char *text, size_t size)
{
    memcpy(w->bytes->data + w->bytes->size, text, size);
    w->bytes->size += size;
}

static bool is_fixed(const struct dcd_flavour *flavour, int32_t atom)
{
    return atom % 3 == 0 && atom / 3 < flavour->fixed_count;
}

static void put_header(struct writer *w)
{
    const struct dcd_flavour *f = w->flavour;
    put_marker(w, 84);
    put_text(w, f->velocities ? "VELD" : "CORD", 4);
    put_i32(w, f->header_frame_count);
    put_i32(w, f->first_step);
    put_i32(w, f->step_interval);
    put_i32(w, f->step_interval * f->frame_count);
    for (int k = 4; k < 8; k++)
        put_i32(w, 0);
    put_i32(w, f->fixed_count);
    float step = (float)f->step_akma;
    if (f->charmm_version) {
        put(w, &step, sizeof step);
        put_i32(w, f->cell && !f->cell_unflagged);
    } else {
        put(w, &f->step_akma, sizeof f->step_akma);
    }
    put_i32(w, f->fourth);
    for (int k = 12; k < 19; k++)
        put_i32(w, 0);
    put_i32(w, f->charmm_version);
    put_marker(w, 84);

    uint64_t titles = 4 + 80 * (uint64_t)f->title_count;
    put_marker(w, titles);
    put_i32(w, f->title_count);
    for (int32_t k = 0; k < f->title_count; k++)
        put_text(w,
                 "* CORD IN A TITLE IS NO HEADER                                  "
                 "                ",
                 80);
    put_marker(w, titles);
    put_marker(w, 4);
    put_i32(w, f->atom_count);
    put_marker(w, 4);
    if (f->fixed_count > 0) {
        uint64_t size = 4 * (uint64_t)(f->atom_count - f->fixed_count);
        put_marker(w, size);
        for (int32_t i = 0; i < f->atom_count; i++)
            if (!is_fixed(f, i))
                put_i32(w, i + 1);
        put_marker(w, size);
    }
}

static void put_axis(struct writer *w, int32_t frame, int axis)
{
    const struct dcd_flavour *f = w->flavour;
    bool all = frame == 0 || f->fixed_count == 0;
    uint64_t size =
        4 * (uint64_t)(all ? f->atom_count : f->atom_count - f->fixed_count);
    put_marker(w, size);
    for (int32_t i = 0; i < f->atom_count; i++) {
        float fourth = 1e5f;
        if (all || !is_fixed(f, i))
            put(w,
                axis == 3 ? &fourth
                          : &w->bytes->x_angstrom[frame * f->atom_count + i][axis],
                sizeof fourth);
    }
    put_marker(w, size);
}

struct dcd_flavour dcd_flavour_plain(void)
{
    return (struct dcd_flavour){.charmm_version = 24,
                                .atom_count = 20,
                                .frame_count = 5,
                                .header_frame_count = 5,
                                .first_step = 100,
                                .step_interval = 50,
                                .step_akma = 0.02045482949774598,
                                .title_count = 2};
}

struct dcd_bytes dcd_build(const struct dcd_flavour *flavour, uint64_t seed)
{
    struct dcd_bytes bytes = {0};
    struct writer w = {flavour, &bytes};
    size_t atoms = (size_t)flavour->atom_count, frames = (size_t)flavour->frame_count;
    struct asim_random random;
    asim_random_seed(&random, seed);
    bytes.data = malloc(1000 + 80 * (size_t)flavour->title_count + 4 * atoms +
                        frames * (16 * atoms + 200));
    bytes.starts = malloc((frames + 1) * sizeof *bytes.starts);
    bytes.x_angstrom = malloc((frames * atoms + 1) * sizeof *bytes.x_angstrom);
    for (size_t k = 0; k < frames * atoms; k++)
        for (int d = 0; d < 3; d++)
            bytes.x_angstrom[k][d] =
                k >= atoms && is_fixed(flavour, (int32_t)(k % atoms))
                    ? bytes.x_angstrom[k % atoms][d]
                    : (float)(60 * asim_random_uniform(&random) - 20);
    put_header(&w);
    for (int32_t frame = 0; frame < flavour->frame_count; frame++) {
        bytes.starts[frame] = bytes.size;
        if (flavour->cell) {
            put_marker(&w, 48);
            for (int k = 0; k < 6; k++)
                put(&w, &flavour->cell_record[k], sizeof(double));
            put_marker(&w, 48);
        }
        for (int axis = 0; axis < (flavour->fourth ? 4 : 3); axis++)
            put_axis(&w, frame, axis);
    }
    bytes.starts[frames] = bytes.size;
    return bytes;
}

void dcd_bytes_finish(struct dcd_bytes *bytes)
{
    free(bytes->data);
    free(bytes->starts);
    free(bytes->x_angstrom);
    *bytes = (struct dcd_bytes){0};
}
