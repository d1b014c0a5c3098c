/* The header of a TPR: version, precision, what the body holds and how long it is. */
#include "formats/tpr_layout.h"

#include <inttypes.h>
#include <stdio.h>

static void read_version_text(struct asim_tpr_reader *reader, struct asim_tpr *tpr)
{
    static const char word[] = "VERSION ";
    size_t length;
    const char *text = asim_tpr_read_string(reader, &length);
    if (!reader->failed &&
        (length < sizeof word || memcmp(text, word, sizeof word - 1) != 0))
        asim_tpr_reader_fail(reader, "this is not a TPR file: it does not begin with "
                                     "the text 'VERSION ...'");
    if (reader->failed)
        return;
    text += sizeof word - 1;
    length -= sizeof word - 1;
    /* It goes into messages and reports: plain characters only. */
    size_t n = 0;
    for (size_t i = 0; i < length && n + 1 < sizeof tpr->gromacs_version; i++) {
        if (text[i] == '\0')
            break;
        tpr->gromacs_version[n++] = text[i] >= 32 && text[i] < 127 ? text[i] : '?';
    }
    tpr->gromacs_version[n] = '\0';
}

static void skip_tag(struct asim_tpr_reader *reader)
{
    size_t length;
    (void)asim_tpr_read_string(reader, &length);
}

/* The body's own length is in the file since version 119, and mdrun trusts it. */
static void read_body_size(struct asim_tpr_reader *reader, struct asim_tpr *tpr)
{
    tpr->offset.body_size_field = reader->position;
    int64_t size = read_int64(reader);
    if (reader->failed)
        return;
    uint64_t left = reader->end - reader->position;
    uint64_t padded = ((uint64_t)size + 3) / 4 * 4;
    if (size > 0 && size <= INT64_MAX / 4 && left == 4 * (uint64_t)size && size > 3)
        asim_tpr_reader_fail(reader, "the file was written by a beta version of "
                                     "GROMACS 2020; make it again with a release");
    else if (size <= 0 || size > INT64_MAX - 3 || padded != left)
        asim_tpr_reader_fail(reader,
                             "the header announces a body of %" PRId64
                             " bytes, but %" PRIu64 " follow; the file is truncated or "
                             "damaged",
                             size, left);
    if (reader->failed)
        return;
    tpr->offset.body_size = (uint64_t)size;
    reader->end = reader->position + (size_t)size;
    reader->packed = true;
}

void asim_tpr_walk_header(struct asim_tpr_reader *reader, struct asim_tpr *tpr,
                          struct asim_tpr_header *ret_header)
{
    struct asim_tpr_header header = {0};
    reader->section = "the header";
    read_version_text(reader, tpr);
    tpr->real_bytes = read_int(reader);
    if (!reader->failed && tpr->real_bytes != 4 && tpr->real_bytes != 8)
        asim_tpr_reader_fail(
            reader,
            "a real takes %d bytes; expected 4 (single precision) or 8 "
            "(double)",
            tpr->real_bytes);
    reader->double_precision = tpr->real_bytes == 8;
    int version = read_int(reader);
    if (!reader->failed && version < ASIM_TPR_OLDEST_VERSION)
        asim_tpr_reader_fail(reader,
                             "file version %d is older than GROMACS 4.0 (version %d); "
                             "make the TPR again with grompp",
                             version, ASIM_TPR_OLDEST_VERSION);
    reader->file_version = version;
    if (version >= 77 && version <= 79)
        skip_tag(reader);
    header.generation = read_int(reader);
    if (version >= 81)
        skip_tag(reader);
    /* Every atom has at least its coordinates in the file. */
    header.atom_count = asim_tpr_read_count(reader, 3 * real_bytes(reader));
    if (!reader->failed && header.atom_count == 0)
        asim_tpr_reader_fail(reader, "the file has no atoms");
    header.temperature_count = asim_tpr_read_count(reader, real_bytes(reader));
    if (version < 62)
        asim_tpr_skip(reader, "ir");
    if (version >= 79)
        asim_tpr_skip(reader, "i"); /* state of the free-energy path */
    asim_tpr_skip(reader, "r");     /* lambda */
    bool has_run_parameters = read_int(reader) != 0;
    bool has_topology = read_int(reader) != 0;
    bool has_x = read_int(reader) != 0;
    tpr->offset.v_flag = reader->position;
    header.has_v = read_int(reader) != 0;
    header.has_f = read_int(reader) != 0;
    header.has_box = read_int(reader) != 0;
    if (!reader->failed && !(has_run_parameters && has_topology && has_x))
        asim_tpr_reader_fail(
            reader, "the file lacks its %s; a TPR that mdrun can run is needed",
            !has_topology         ? "topology"
            : !has_run_parameters ? "run parameters"
                                  : "coordinates");
    tpr->offset.body_size_field = 0;
    if (version >= 119 && header.generation >= 27)
        read_body_size(reader, tpr);
    else
        tpr->offset.body_size = reader->end - reader->position;
    tpr->offset.body = reader->position;
    if (reader->failed)
        return;
    header.file_version = version;
    tpr->file_version = version;
    tpr->generation = header.generation;
    tpr->atom_count = header.atom_count;
    *ret_header = header;
}
