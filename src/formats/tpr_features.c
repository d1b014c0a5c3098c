/*
 * Run parameters that are in a TPR only where a feature is used: pulling, AWH, enforced
 * rotation, ion swapping, and the key-value trees of modules. Walked; only the pull
 * coordinates are kept.
 */
#include "base/memory.h"
#include "formats/tpr_layout.h"

enum { EXTERNAL_POTENTIAL = 5, TREE_DEPTH = 64 };

static void skip_string(struct asim_tpr_reader *reader)
{
    size_t length;
    (void)asim_tpr_read_string(reader, &length);
}

static void skip_ints(struct asim_tpr_reader *reader)
{
    size_t count = asim_tpr_read_count(reader, 4);
    asim_tpr_skip_bytes(reader, count, 4);
}

static void skip_pull_group(struct asim_tpr_reader *reader)
{
    skip_ints(reader); /* atoms */
    size_t weights = asim_tpr_read_count(reader, real_bytes(reader));
    asim_tpr_skip_bytes(reader, weights, real_bytes(reader));
    asim_tpr_skip(reader, "i");
    if (reader->file_version < 95) /* groups were coordinates then */
        asim_tpr_skip(reader, "vv rrr");
}

static void read_pull_coordinate(struct asim_tpr_reader *reader,
                                 struct asim_tpr_pull_coordinate *coordinate)
{
    int version = reader->file_version;
    if (version >= 107) {
        coordinate->type = read_int(reader);
        if (version >= 110 && coordinate->type == EXTERNAL_POTENTIAL)
            skip_string(reader);
        coordinate->geometry = read_int(reader);
        skip_ints(reader); /* groups */
        asim_tpr_skip(reader, "iii");
        if (version >= 124)
            skip_string(reader); /* expression of a transformation */
    } else {
        asim_tpr_skip(reader, "ii");
        if (version >= 101) {
            coordinate->type = read_int(reader);
            coordinate->geometry = read_int(reader);
            if (coordinate->geometry == ASIM_PULL_DIRECTION_RELATIVE)
                asim_tpr_skip(reader, "ii");
            asim_tpr_skip(reader, "iii");
        }
    }
    asim_tpr_skip(reader, "vv");
    if (version >= 101)
        asim_tpr_skip(reader, "b");
    coordinate->init = read_real(reader);
    coordinate->rate_per_ps = read_real(reader);
    coordinate->k = read_real(reader);
    asim_tpr_skip(reader, "r");
}

void asim_tpr_walk_pull(struct asim_tpr_reader *reader, struct asim_tpr *tpr)
{
    int version = reader->file_version;
    reader->section = "the pull parameters";
    size_t groups = version >= 95 ? asim_tpr_read_count(reader, 12) : 0;
    size_t coordinates = asim_tpr_read_count(reader, 12);
    if (version < 95)
        groups = coordinates + 1;
    if (version < 101)
        asim_tpr_skip(reader, "i iii r");
    asim_tpr_skip(reader, "rr");
    if (version >= 95)
        asim_tpr_skip(reader, "b");
    if (version >= 109)
        asim_tpr_skip(reader, "bb");
    else if (version >= 101)
        asim_tpr_skip(reader, "ibb");
    asim_tpr_skip(reader, "ii");
    if (version >= 114)
        asim_tpr_skip(reader, "b");
    for (size_t i = 0; i < groups && !reader->failed; i++)
        skip_pull_group(reader);
    struct asim_tpr_pull_coordinate *kept = NULL;
    if (version >= 101 && !reader->failed && !tpr->pull_coordinates) {
        kept = asim_alloc_array(coordinates, sizeof *kept, reader->err);
        if (!kept)
            reader->failed = true;
        tpr->pull_coordinates = kept;
        tpr->pull_coordinate_count = kept ? coordinates : 0;
    }
    for (size_t i = 0; version >= 95 && i < coordinates && !reader->failed; i++) {
        struct asim_tpr_pull_coordinate ignored = {0};
        read_pull_coordinate(reader, kept ? &kept[i] : &ignored);
    }
    if (version >= 116)
        asim_tpr_skip(reader, "bb");
    reader->section = "the run parameters";
}

void asim_tpr_walk_awh(struct asim_tpr_reader *reader)
{
    int version = reader->file_version;
    reader->section = "the AWH parameters";
    size_t biases = asim_tpr_read_count(reader, 40);
    asim_tpr_skip(reader, "i l iii b");
    for (size_t i = 0; i < biases && !reader->failed; i++) {
        asim_tpr_skip(reader, "i dd i"); /* target distribution, growth */
        if (version >= 130)
            asim_tpr_skip(reader, "d");
        asim_tpr_skip(reader, "i");
        if (version >= 132)
            asim_tpr_skip(reader, "bd");
        asim_tpr_skip(reader, "d");
        size_t dimensions = asim_tpr_read_count(reader, 64);
        asim_tpr_skip(reader, "ib");
        if (version >= 138)
            asim_tpr_skip(reader, "d");
        asim_tpr_skip_bytes(reader, dimensions, 2 * 4 + 7 * 8);
    }
    reader->section = "the run parameters";
}

void asim_tpr_walk_rotation(struct asim_tpr_reader *reader)
{
    reader->section = "the rotation parameters";
    size_t groups = asim_tpr_read_count(reader, 12);
    asim_tpr_skip(reader, "ii");
    for (size_t i = 0; i < groups && !reader->failed; i++) {
        asim_tpr_skip(reader, "ii");
        size_t atoms = asim_tpr_read_count(reader, 4);
        asim_tpr_skip_bytes(reader, atoms, 4 + 3 * real_bytes(reader));
        asim_tpr_skip(reader, "vv rrrrr ii r");
    }
    reader->section = "the run parameters";
}

void asim_tpr_walk_swap(struct asim_tpr_reader *reader)
{
    reader->section = "the ion swapping parameters";
    if (reader->file_version >= 105) {
        size_t groups = asim_tpr_read_count(reader, 12);
        for (size_t i = 0; i < groups && !reader->failed; i++) {
            skip_string(reader);
            skip_ints(reader);
            asim_tpr_skip(reader, "ii"); /* wanted in compartments A and B */
        }
        asim_tpr_skip(reader, "bb ii r rrr rrr");
    } else {
        size_t anions = asim_tpr_read_count(reader, 4);
        size_t solvent = asim_tpr_read_count(reader, 4);
        size_t first = asim_tpr_read_count(reader, 4);
        asim_tpr_skip(reader, "b");
        size_t second = asim_tpr_read_count(reader, 4);
        asim_tpr_skip(reader, "b ii r rrr rrr");
        asim_tpr_skip_bytes(reader, anions + solvent + first + second, 4);
        asim_tpr_skip(reader, "iiii");
    }
    if (reader->file_version >= 104)
        asim_tpr_skip(reader, "rr");
    reader->section = "the last part of the run parameters";
}

static void walk_object(struct asim_tpr_reader *reader, int depth);

static void walk_value(struct asim_tpr_reader *reader, int depth)
{
    uint8_t tag = read_uchar(reader);
    if (reader->failed)
        return;
    switch (tag) {
    case 'O':
        walk_object(reader, depth + 1);
        return;
    case 'A': {
        if (depth >= TREE_DEPTH) {
            asim_tpr_reader_fail(reader, "the tree is nested more than %d deep",
                                 TREE_DEPTH);
            return;
        }
        size_t count = asim_tpr_read_count(reader, 2);
        for (size_t i = 0; i < count && !reader->failed; i++)
            walk_value(reader, depth + 1);
        return;
    }
    case 's':
        skip_string(reader);
        return;
    case 'b':
    case 'c':
    case 'u':
        asim_tpr_skip(reader, "u");
        return;
    case 'i':
        asim_tpr_skip(reader, "i");
        return;
    case 'l':
    case 'd':
        asim_tpr_skip(reader, "l");
        return;
    case 'f':
        asim_tpr_skip_bytes(reader, 1, 4);
        return;
    default:
        asim_tpr_reader_fail(reader,
                             "a value has the unknown tag %u; expected one of "
                             "O A s b c u i l f d",
                             tag);
    }
}

static void walk_object(struct asim_tpr_reader *reader, int depth)
{
    if (depth >= TREE_DEPTH) {
        asim_tpr_reader_fail(reader, "the tree is nested more than %d deep",
                             TREE_DEPTH);
        return;
    }
    size_t count = asim_tpr_read_count(reader, 10);
    for (size_t i = 0; i < count && !reader->failed; i++) {
        skip_string(reader);
        walk_value(reader, depth);
    }
}

void asim_tpr_walk_value(struct asim_tpr_reader *reader)
{
    walk_value(reader, 0);
}

void asim_tpr_walk_key_values(struct asim_tpr_reader *reader)
{
    const char *before = reader->section;
    reader->section = "a key-value tree of the run parameters";
    walk_object(reader, 0);
    reader->section = before;
}
