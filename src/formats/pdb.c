/*
 * PDB files as trajectories.
 * Invariant: every frame has the first one's number of atom records, and those that the
 * first one's alternate locations leave out are left out of all. The text of a model is
 * pdb_text.c's business.
 */
#include "formats/pdb.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/gro_text.h"
#include "formats/pdb_text.h"
#include "formats/trajectory_format.h"

struct pdb_file {
    size_t record_count; /* of a model */
    uint8_t *kept;       /* [record_count], or NULL: all */
    float box_nm[3][3];  /* the first model's */
};

static int bad(char what[ASIM_DAMAGE_TEXT], const char *format, ...) ASIM_PRINTF(2, 3);
static int bad(char what[ASIM_DAMAGE_TEXT], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, ASIM_DAMAGE_TEXT, format, arguments);
    va_end(arguments);
    return -1;
}

static void pdb_close(void *state)
{
    struct pdb_file *file = state;
    free(file->kept);
    free(file);
}

static int pdb_open(const struct asim_byte_source *source,
                    struct asim_decode_scratch *scratch, void **ret_state,
                    size_t *ret_atom_count, uint64_t *ret_first_offset,
                    struct asim_error *err)
{
    struct asim_pdb_model model;
    enum asim_pdb_scan scan;
    char what[ASIM_PDB_WHAT];
    if (asim_pdb_load_model(source, &scratch->window, 0, 0, &model, &scan, err) < 0)
        return -1;
    if (scan != ASIM_PDB_WHOLE || model.atom_count == 0)
        return asim_fail(err, ASIM_EINPUT, "'%s' has no atoms%s", source->name,
                         scan == ASIM_PDB_WHOLE ? " in its first model" : "");
    struct pdb_file *file = asim_alloc_array(1, sizeof *file, err);
    if (!file)
        return -1;
    file->record_count = model.atom_count;
    if (model.has_box && asim_pdb_parse_box(model.box, file->box_nm, what) < 0) {
        asim_fail(err, ASIM_EINPUT, "'%s': CRYST1 is damaged: %s", source->name, what);
        goto fail;
    }
    if (asim_pdb_choose_locations(&model, &file->kept, ret_atom_count, err) < 0)
        goto fail;
    *ret_state = file;
    *ret_first_offset = 0;
    return 0;
fail:
    pdb_close(file);
    return -1;
}

/* "MODEL 3", or where the file does not number them "frame 3". */
static void name_model(const struct asim_pdb_model *model, uint64_t offset,
                       char name[80])
{
    if (model->has_number)
        snprintf(name, 80, "MODEL %ld", model->number);
    else
        snprintf(name, 80, "the frame at byte %llu", (unsigned long long)offset);
}

static enum asim_locate pdb_locate(const void *state,
                                   const struct asim_byte_source *source,
                                   struct asim_decode_scratch *scratch, uint64_t offset,
                                   struct asim_frame_span *ret_span,
                                   char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const struct pdb_file *file = state;
    struct asim_pdb_model model;
    enum asim_pdb_scan scan;
    char name[80], box_what[ASIM_PDB_WHAT];
    float box_nm[3][3];
    if (offset >= source->size)
        return ASIM_LOCATE_END;
    if (asim_pdb_load_model(source, &scratch->window, offset, scratch->ahead, &model,
                            &scan, err) < 0)
        return ASIM_LOCATE_FAILED;
    if (scan == ASIM_PDB_NONE)
        return ASIM_LOCATE_END;
    name_model(&model, offset, name);
    if (model.atom_count < file->record_count && !model.closed) {
        bad(what, "the file ends in %s, after %zu of %zu atom records", name,
            model.atom_count, file->record_count);
        return ASIM_LOCATE_DAMAGE;
    }
    if (model.atom_count != file->record_count) {
        bad(what,
            "%s has %zu atom records, the first model %zu; models of another system "
            "belong into a file of their own",
            name, model.atom_count, file->record_count);
        return ASIM_LOCATE_DAMAGE;
    }
    if (model.has_box && asim_pdb_parse_box(model.box, box_nm, box_what) < 0) {
        bad(what, "CRYST1 of %s is damaged: %.120s", name, box_what);
        return ASIM_LOCATE_DAMAGE;
    }
    scratch->ahead = model.size;
    *ret_span = (struct asim_frame_span){.offset = offset, .size = model.size};
    return ASIM_LOCATE_FRAME;
}

/* The end of the model that was tried: models are passed one by one. */
static int pdb_resync(const void *state, const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, uint64_t from,
                      uint64_t *ret_offset, struct asim_error *err)
{
    struct asim_pdb_model model;
    enum asim_pdb_scan scan;
    uint64_t tried = from - 1;
    (void)state;
    if (asim_pdb_load_model(source, &scratch->window, tried, scratch->ahead, &model,
                            &scan, err) < 0)
        return -1;
    if (scan == ASIM_PDB_NONE)
        return 0;
    *ret_offset = tried + model.size;
    return *ret_offset < source->size;
}

/* Digits behind the point of the record's first coordinate, one more as nm. */
static double decimals_of(struct asim_pdb_line line)
{
    const char *end = line.end - line.p > 38 ? line.p + 38 : line.end;
    const char *point = line.end - line.p > 30
                            ? memchr(line.p + 30, '.', (size_t)(end - line.p - 30))
                            : NULL;
    return point ? (double)(end - point) : 1.0;
}

static int read_positions(const struct pdb_file *file,
                          const struct asim_pdb_model *model, size_t atom_limit,
                          struct asim_frame *frame, char what[ASIM_DAMAGE_TEXT])
{
    const char *p = model->start, *end = p + model->size;
    struct asim_pdb_line line;
    char name[80], field_what[ASIM_PDB_WHAT];
    size_t record = 0, atom = 0;
    while (atom < atom_limit && asim_pdb_take_line(&p, end, true, &line)) {
        if (asim_pdb_record_of(line) != ASIM_PDB_ATOM)
            continue;
        if (!file->kept || file->kept[record]) {
            if (asim_pdb_parse_position(line, frame->x_nm[atom], field_what) < 0) {
                name_model(model, frame->offset_bytes, name);
                return bad(what, "atom record %zu of %s: %.120s", record + 1, name,
                           field_what);
            }
            if (atom == 0)
                frame->precision = (float)pow(10.0, decimals_of(line));
            atom++;
        }
        record++;
    }
    return 0;
}

static int pdb_decode(const void *state, const struct asim_byte_source *source,
                      struct asim_decode_scratch *scratch, struct asim_frame_span span,
                      size_t atom_limit, struct asim_frame *frame,
                      char what[ASIM_DAMAGE_TEXT], struct asim_error *err)
{
    const struct pdb_file *file = state;
    const unsigned char *bytes;
    size_t available, size = (size_t)span.size;
    struct asim_pdb_model model;
    float box_nm[3][3];
    if (asim_byte_window_get(&scratch->window, source, span.offset, size, 0, &bytes,
                             &available, err) < 0)
        return -1;
    if (available < size)
        return bad(what, "the file was shortened while it was read"), 0;
    if (asim_pdb_scan_model((const char *)bytes, size, true, &model) !=
            ASIM_PDB_WHOLE ||
        model.atom_count != file->record_count)
        return bad(what, "the file changed while it was read"), 0;
    memcpy(box_nm, file->box_nm, sizeof box_nm);
    if (model.has_box && asim_pdb_parse_box(model.box, box_nm, what) < 0)
        return 0;
    if (read_positions(file, &model, atom_limit, frame, what) < 0)
        return 0;
    double time_ps = 0, step = 0;
    struct asim_gro_line title = {model.title.p, model.title.end};
    if (!model.has_title || !asim_gro_title_number(title, "t=", &time_ps))
        time_ps = (double)frame->frame_index;
    if (!model.has_title || !asim_gro_title_number(title, "step=", &step) ||
        fabs(step) > 9e15)
        step = 0;
    frame->atom_count = atom_limit;
    memcpy(frame->box_nm, box_nm, sizeof frame->box_nm);
    frame->time_ps = time_ps;
    frame->step = (int64_t)step;
    return 1;
}

const struct asim_trajectory_format asim_pdb_format = {
    .name = "PDB",
    .recognise = asim_pdb_recognise,
    .open = pdb_open,
    .close = pdb_close,
    .locate = pdb_locate,
    .resync = pdb_resync,
    .decode = pdb_decode,
};
