/* Reading a TPR: the order of its parts, and the check that nothing is left over. */
#include "formats/tpr.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "formats/tpr_layout.h"

/* Larger than any TPR; a bound so that a wrong path cannot fill the memory. */
static const uint64_t max_file_bytes = UINT64_C(1) << 40;

void asim_tpr_finish(struct asim_tpr *tpr)
{
    if (!tpr)
        return;
    free(tpr->x_nm);
    free(tpr->v_nm_ps);
    free(tpr->pull_coordinates);
    *tpr = (struct asim_tpr){0};
}

bool asim_tpr_recognise(const void *head, size_t size)
{
    /* An XDR string (two lengths) that begins with this word. */
    return size >= 15 && memcmp((const char *)head + 8, "VERSION", 7) == 0;
}

static void walk_box(struct asim_tpr_reader *reader,
                     const struct asim_tpr_header *header, struct asim_tpr *tpr)
{
    reader->section = "the box";
    if (header->has_box) {
        tpr->offset.box = reader->position;
        for (int i = 0; i < 9; i++)
            tpr->box_nm[i / 3][i % 3] = (float)read_real(reader);
        asim_tpr_skip(reader, "vvv vvv"); /* relative box, box velocity */
    }
    if (header->file_version < 69) /* written twice then */
        asim_tpr_skip_bytes(reader, header->temperature_count, real_bytes(reader));
    asim_tpr_skip_bytes(reader, header->temperature_count, real_bytes(reader));
}

static float (*read_vectors(struct asim_tpr_reader *reader, size_t count))[3]
{
    size_t real = real_bytes(reader);
    if (!asim_tpr_reader_has(reader, count, 3 * real))
        return NULL;
    float(*vectors)[3] = asim_alloc_array(count, sizeof *vectors, reader->err);
    if (!vectors) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->data + reader->position;
    for (size_t i = 0; i < count; i++)
        for (int d = 0; d < 3; d++, bytes += real)
            vectors[i][d] = (float)load_real(bytes, reader->double_precision);
    reader->position += count * 3 * real;
    return vectors;
}

static void walk_state(struct asim_tpr_reader *reader,
                       const struct asim_tpr_header *header, struct asim_tpr *tpr)
{
    reader->section = "the coordinates";
    tpr->offset.x = reader->position;
    tpr->x_nm = read_vectors(reader, header->atom_count);
    reader->section = "the velocities";
    tpr->offset.v = reader->position; /* or where they would be */
    if (header->has_v)
        tpr->v_nm_ps = read_vectors(reader, header->atom_count);
    reader->section = "the forces";
    if (header->has_f)
        asim_tpr_skip_bytes(reader, header->atom_count, 3 * real_bytes(reader));
}

static void check_end(struct asim_tpr_reader *reader)
{
    if (!reader->failed && reader->position != reader->end)
        asim_tpr_reader_fail(
            reader,
            "the parameters end here, but %zu bytes are left; the file "
            "is damaged or its layout is not known",
            reader->end - reader->position);
}

static int explain(const struct asim_tpr *tpr, struct asim_error *err)
{
    if (err && err->status != ASIM_EINPUT)
        return -1;
    if (tpr->file_version > ASIM_TPR_NEWEST_VERSION)
        return asim_wrap(err,
                         "this TPR (GROMACS %s, file version %d) is newer than the "
                         "newest layout known here (%d) and differs from it; make it "
                         "with GROMACS 2026 or older",
                         tpr->gromacs_version, tpr->file_version,
                         ASIM_TPR_NEWEST_VERSION);
    if (tpr->file_version > 0)
        return asim_wrap(err, "TPR of GROMACS %s (file version %d)",
                         tpr->gromacs_version, tpr->file_version);
    return -1;
}

int asim_tpr_parse(const void *data, size_t size, struct asim_tpr *ret_tpr,
                   struct asim_topology *ret_top, struct asim_error *err)
{
    struct asim_tpr tpr = {0};
    struct asim_topology top = {0};
    struct asim_tpr_system system = {0};
    struct asim_tpr_header header = {0};
    struct asim_tpr_reader reader = {
        .data = data, .end = size, .section = "the header", .err = err};
    int rc = -1;
    asim_tpr_walk_header(&reader, &tpr, &header);
    if (!reader.failed)
        walk_box(&reader, &header, &tpr);
    if (!reader.failed)
        asim_tpr_walk_system(&reader, header.atom_count, &system);
    if (!reader.failed)
        walk_state(&reader, &header, &tpr);
    if (!reader.failed)
        asim_tpr_walk_run_parameters(&reader, &tpr);
    check_end(&reader);
    if (reader.failed) {
        explain(&tpr, err);
        goto out;
    }
    if (ret_top && asim_tpr_expand(&system, &top, err) < 0)
        goto out;
    if (ret_top) {
        *ret_top = top;
        top = (struct asim_topology){0};
    }
    if (ret_tpr) {
        *ret_tpr = tpr;
        tpr = (struct asim_tpr){0};
    }
    rc = 0;
out:
    asim_topology_finish(&top);
    asim_tpr_system_finish(&system);
    asim_tpr_finish(&tpr);
    return rc;
}

int asim_tpr_read(const char *path, struct asim_tpr *ret_tpr,
                  struct asim_topology *ret_top, struct asim_error *err)
{
    char *data;
    size_t size;
    if (asim_file_read(path, max_file_bytes, &data, &size, err) < 0)
        return -1;
    int rc = asim_tpr_parse(data, size, ret_tpr, ret_top, err);
    if (rc < 0)
        asim_wrap(err, "cannot read '%s'", path);
    free(data);
    return rc;
}

bool asim_tpr_continuation(const void *data, const struct asim_tpr *tpr)
{
    const uint8_t *bytes = (const uint8_t *)data + tpr->offset.continuation;
    return tpr->offset.body_size_field != 0 ? bytes[0] != 0 : load_u32(bytes) != 0;
}
