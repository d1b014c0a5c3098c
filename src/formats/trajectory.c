/*
 * Trajectories: the table of formats, the frame index, seeking, and the damage list.
 *
 * Invariants: a frame is handed out only after the place behind it was looked at, so
 * that a cut frame with another one written into its place is never taken for whole;
 * the index grows in file order and each frame keeps its number. What a frame looks
 * like inside is known to the formats alone.
 */
#include <autosim/trajectory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "formats/sniff.h"
#include "formats/trajectory_internal.h"

static const struct asim_trajectory_format *const formats[] = {
    &asim_xtc_format, &asim_trr_format, &asim_dcd_format,
    &asim_gro_format, &asim_pdb_format,
};
enum { FORMAT_COUNT = sizeof formats / sizeof *formats };

enum {
    MOST_DAMAGES = 10000, /* kept; a file with more is described well enough */
};

void asim_frame_finish(struct asim_frame *frame)
{
    if (!frame)
        return;
    free(frame->x_nm);
    *frame = (struct asim_frame){0};
}

int asim_frame_reserve(struct asim_frame *frame, size_t atom_count,
                       struct asim_error *err)
{
    if (frame->x_nm && atom_count <= frame->capacity)
        return 0;
    size_t with_slack;
    if (__builtin_add_overflow(atom_count, (size_t)ASIM_FRAME_SLACK_ATOMS, &with_slack))
        return asim_fail(err, ASIM_ENOMEM, "no memory for a frame of %zu atoms",
                         atom_count);
    float(*x_nm)[3] = asim_alloc_aligned(with_slack, sizeof *x_nm, err);
    if (!x_nm)
        return -1;
    /* The atoms of the frame that is there stay, as realloc would keep them. */
    if (frame->x_nm && frame->atom_count)
        memcpy(x_nm, frame->x_nm, frame->atom_count * sizeof *x_nm);
    free(frame->x_nm);
    frame->x_nm = x_nm;
    frame->capacity = atom_count;
    return 0;
}

int asim_trajectory_add_damage(struct asim_trajectory *traj, size_t frame_index,
                               uint64_t offset, const char *what,
                               struct asim_error *err)
{
    if (traj->damage_count >= MOST_DAMAGES)
        return 0;
    if (asim_grow(&traj->damage, &traj->damage_capacity, traj->damage_count + 1,
                  sizeof *traj->damage, err) < 0)
        return -1;
    struct asim_damage *damage = &traj->damage[traj->damage_count++];
    *damage = (struct asim_damage){.frame_index = frame_index, .offset_bytes = offset};
    snprintf(damage->what, sizeof damage->what, "%s", what);
    return 0;
}

/* The next place after `from` that holds a whole frame: 1 found, 0 none, -1 failure. */
static int find_frame(struct asim_trajectory *traj, uint64_t from,
                      struct asim_frame_span *ret_span, struct asim_error *err)
{
    char ignored[ASIM_DAMAGE_TEXT];
    if (!traj->format->resync)
        return 0;
    for (;;) {
        uint64_t offset;
        int rc = traj->format->resync(traj->state, &traj->source, &traj->walk, from,
                                      &offset, err);
        if (rc <= 0)
            return rc;
        enum asim_locate found = traj->format->locate(
            traj->state, &traj->source, &traj->walk, offset, ret_span, ignored, err);
        if (found == ASIM_LOCATE_FAILED)
            return -1;
        if (found == ASIM_LOCATE_FRAME)
            return 1;
        from = offset + 1;
    }
}

/* What follows the index is no frame, `what` says why. Looks for the next one, from
 * within the last frame on: if that was cut, its own size leads too far. */
static int pass_damage(struct asim_trajectory *traj, const char *what,
                       struct asim_error *err)
{
    struct asim_frame_span span, *last = NULL;
    uint64_t bad_offset = traj->walk_offset, from = bad_offset + 1;
    if (traj->index_count > 0) {
        last = &traj->index[traj->index_count - 1].span;
        from = last->offset + 1;
    }
    int found = find_frame(traj, from, &span, err);
    if (found < 0)
        return -1;
    char text[ASIM_DAMAGE_TEXT];
    size_t frame_index = traj->index_count;
    if (!found) {
        snprintf(text, sizeof text, "%.140s; no frame follows in the last %llu bytes",
                 what, (unsigned long long)(traj->source.size - bad_offset));
        traj->walk_done = true;
        return asim_trajectory_add_damage(traj, frame_index, bad_offset, text, err);
    }
    if (last && span.offset < bad_offset) {
        snprintf(text, sizeof text,
                 "the frame is cut: %llu bytes after its start another frame starts",
                 (unsigned long long)(span.offset - last->offset));
        frame_index = --traj->index_count;
        bad_offset = last->offset;
    } else {
        snprintf(text, sizeof text, "%.140s; %llu bytes skipped", what,
                 (unsigned long long)(span.offset - bad_offset));
    }
    traj->walk_offset = span.offset;
    return asim_trajectory_add_damage(traj, frame_index, bad_offset, text, err);
}

/* Entries that may stand on the heap, and after how many of them those that were used
 * leave memory. */
enum { HEAP_ENTRIES = 1 << 16 };

void asim_trajectory_release_index(struct asim_trajectory *traj, size_t at)
{
    if (at % HEAP_ENTRIES == 0 && traj->index_file.data)
        asim_spill_release(traj->index, traj->index_file.bytes);
}

/* Room for one more entry. A long index goes to a file: what a reader holds in memory
 * must not grow with the trajectory. */
static int grow_index(struct asim_trajectory *traj, struct asim_error *err)
{
    if (traj->index_count < traj->index_capacity)
        return 0;
    if (traj->index_count < HEAP_ENTRIES)
        return asim_grow(&traj->index, &traj->index_capacity, traj->index_count + 1,
                         sizeof *traj->index, err);
    size_t capacity = traj->index_capacity + HEAP_ENTRIES + traj->index_capacity / 2;
    struct asim_spill *file = &traj->index_file;
    if (file->data) {
        if (asim_spill_grow(file, capacity * sizeof *traj->index, err) < 0)
            return -1;
    } else {
        if (asim_spill_create(NULL, capacity * sizeof *traj->index, file, err) < 0)
            return -1;
        memcpy(file->data, traj->index, traj->index_count * sizeof *traj->index);
        free(traj->index);
    }
    traj->index = file->data;
    traj->index_capacity = capacity;
    return 0;
}

int asim_trajectory_walk_to(struct asim_trajectory *traj, size_t count,
                            struct asim_error *err)
{
    while (!traj->walk_done && traj->index_count < count) {
        struct asim_frame_span span;
        char what[ASIM_DAMAGE_TEXT];
        switch (traj->format->locate(traj->state, &traj->source, &traj->walk,
                                     traj->walk_offset, &span, what, err)) {
        case ASIM_LOCATE_FAILED:
            return -1;
        case ASIM_LOCATE_END:
            traj->walk_done = true;
            break;
        case ASIM_LOCATE_DAMAGE:
            if (pass_damage(traj, what, err) < 0)
                return -1;
            break;
        case ASIM_LOCATE_FRAME:
            if (grow_index(traj, err) < 0)
                return -1;
            asim_trajectory_release_index(traj, traj->index_count);
            traj->index[traj->index_count++] = (struct frame_entry){.span = span};
            traj->walk_offset = span.offset + span.size;
            break;
        }
    }
    return 0;
}

static int unknown_format(const char *name, const unsigned char *head, size_t size,
                          struct asim_error *err)
{
    const char *looks_like = asim_sniff(head, size);
    char names[80] = "";
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s",
                 i == 0                 ? ""
                 : i + 1 < FORMAT_COUNT ? ", "
                                        : " or ",
                 formats[i]->name);
    }
    return asim_fail(err, ASIM_EINPUT,
                     "'%s' is not a trajectory that can be read: it looks like %s; an "
                     "%s file was expected",
                     name, looks_like ? looks_like : "no format known here", names);
}

/* Takes over the source of a half-built trajectory. */
static int start(struct asim_trajectory *traj, struct asim_error *err)
{
    const unsigned char *head;
    size_t size;
    if (asim_byte_window_get(&traj->walk.window, &traj->source, 0, ASIM_SNIFF_BYTES, 0,
                             &head, &size, err) < 0)
        return -1;
    for (size_t i = 0; i < FORMAT_COUNT && !traj->format; i++)
        if (formats[i]->recognise(head, size))
            traj->format = formats[i];
    if (!traj->format)
        return unknown_format(traj->source.name, head, size, err);
    if (traj->format->open(&traj->source, &traj->walk, &traj->state, &traj->atom_count,
                           &traj->walk_offset, err) < 0)
        return -1;
    if (asim_trajectory_walk_to(traj, 1, err) < 0)
        return -1;
    if (traj->index_count == 0)
        return asim_fail(
            err, ASIM_EINPUT, "'%s' holds no whole frame: at byte %llu, %s",
            traj->source.name,
            traj->damage_count ? (unsigned long long)traj->damage[0].offset_bytes
                               : 0ULL,
            traj->damage_count ? traj->damage[0].what : "the file ends");
    traj->atom_limit = traj->file_atoms = traj->file_limit = traj->atom_count;
    asim_trajectory_range_init(&traj->range);
    return 0;
}

int asim_trajectory_open(const char *path, struct asim_trajectory **ret_traj,
                         struct asim_error *err)
{
    struct asim_trajectory *traj = asim_alloc_array(1, sizeof *traj, err);
    if (!traj)
        return -1;
    traj->source.fd = -1;
    traj->path = asim_strdup(path, err);
    if (!traj->path || asim_byte_source_open(traj->path, &traj->source, err) < 0 ||
        start(traj, err) < 0) {
        asim_trajectory_close(traj);
        return -1;
    }
    *ret_traj = traj;
    return 0;
}

int asim_trajectory_open_memory(const void *data, size_t size, const char *name,
                                struct asim_trajectory **ret_traj,
                                struct asim_error *err)
{
    struct asim_trajectory *traj = asim_alloc_array(1, sizeof *traj, err);
    if (!traj)
        return -1;
    asim_byte_source_from_memory(data, size, name, &traj->source);
    traj->path = asim_strdup(name, err);
    if (!traj->path || start(traj, err) < 0) {
        asim_trajectory_close(traj);
        return -1;
    }
    *ret_traj = traj;
    return 0;
}

int asim_trajectory_create(const struct asim_trajectory_format *format, void *state,
                           const char *name, size_t atom_count, uint64_t place_count,
                           struct asim_damage *damage, size_t damage_count,
                           struct asim_trajectory **ret_traj, struct asim_error *err)
{
    struct asim_trajectory *traj = asim_alloc_array(1, sizeof *traj, err);
    if (!traj) {
        format->close(state);
        free(damage);
        return -1;
    }
    traj->format = format;
    traj->state = state;
    traj->damage = damage;
    traj->damage_count = traj->damage_capacity = damage_count;
    traj->atom_count = traj->atom_limit = atom_count;
    traj->file_atoms = traj->file_limit = atom_count;
    asim_trajectory_range_init(&traj->range);
    traj->path = asim_strdup(name, err);
    if (!traj->path) {
        asim_trajectory_close(traj);
        return -1;
    }
    /* No byte of it is ever read: the format has none. */
    asim_byte_source_from_memory(traj->path, (size_t)place_count, traj->path,
                                 &traj->source);
    *ret_traj = traj;
    return 0;
}

const void *asim_trajectory_state(const struct asim_trajectory *traj,
                                  const struct asim_trajectory_format *format)
{
    return traj->format == format ? traj->state : NULL;
}

void asim_trajectory_close(struct asim_trajectory *traj)
{
    if (!traj)
        return;
    asim_team_destroy(traj->team);
    if (traj->format && traj->state)
        traj->format->close(traj->state);
    asim_byte_window_finish(&traj->walk.window);
    asim_byte_window_finish(&traj->frame.window);
    asim_byte_window_finish(&traj->probe.window);
    asim_frame_finish(&traj->probed);
    for (size_t i = 0; i < traj->worker_count; i++)
        asim_byte_window_finish(&traj->workers[i].window);
    free(traj->workers);
    free(traj->wanted);
    free(traj->place);
    asim_byte_source_close(&traj->source);
    if (traj->index_file.data)
        asim_spill_finish(&traj->index_file);
    else
        free(traj->index);
    free(traj->damage);
    free(traj->path);
    free(traj);
}

const char *asim_trajectory_path(const struct asim_trajectory *traj)
{
    return traj->path;
}

const char *asim_trajectory_format(const struct asim_trajectory *traj)
{
    return traj->format->name;
}

size_t asim_trajectory_atom_count(const struct asim_trajectory *traj)
{
    return traj->atom_count;
}

/* Takes over `wanted`. */
static void want_atoms(struct asim_trajectory *traj, size_t atom_limit,
                       unsigned char *wanted)
{
    free(traj->wanted);
    traj->wanted = wanted;
    traj->atom_limit = atom_limit;
    traj->file_limit = asim_trajectory_place_below(traj, atom_limit);
    /* What was learnt for another number of atoms. */
    traj->frame.ahead = 0;
    traj->frame.wanted = wanted;
    for (size_t i = 0; i < traj->worker_count; i++) {
        traj->workers[i].ahead = 0;
        traj->workers[i].wanted = wanted;
    }
}

void asim_trajectory_limit_atoms(struct asim_trajectory *traj, size_t atom_count)
{
    bool all = atom_count == 0 || atom_count > traj->atom_count;
    want_atoms(traj, all ? traj->atom_count : atom_count, NULL);
}

int asim_trajectory_select_atoms(struct asim_trajectory *traj, const uint32_t *atoms,
                                 size_t count, struct asim_error *err)
{
    size_t limit = 0;
    for (size_t i = 0; i < count; i++)
        if (limit <= atoms[i])
            limit = (size_t)atoms[i] + 1;
    if (limit == 0 || limit > traj->atom_count)
        return asim_fail(err, ASIM_EUSAGE,
                         "the atoms to be read of '%s' must be some of its %zu; %zu "
                         "were given, up to number %zu",
                         traj->source.name, traj->atom_count, count, limit);
    if (asim_trajectory_check_atoms(traj, atoms, count, err) < 0)
        return -1;
    size_t bits = asim_trajectory_place_below(traj, limit);
    unsigned char *wanted = asim_alloc_array(bits / 8 + 1 + 4, 1, err);
    if (!wanted)
        return -1;
    size_t different = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = asim_trajectory_place_below(traj, atoms[i]);
        unsigned char bit = (unsigned char)(1u << at % 8);
        different += !(wanted[at / 8] & bit);
        wanted[at / 8] |= bit;
    }
    /* Where more than every eighth atom is wanted, most groups of atoms that XTC packs
     * together hold one, and decoding all of them is faster. */
    if (different > bits / 8) {
        free(wanted);
        wanted = NULL;
    }
    want_atoms(traj, limit, wanted);
    return 0;
}

int asim_trajectory_next(struct asim_trajectory *traj, struct asim_frame *frame,
                         struct asim_error *err)
{
    if (asim_frame_reserve(frame, traj->atom_limit, err) < 0)
        return -1;
    for (;;) {
        size_t i;
        int found = asim_trajectory_find_wanted(traj, traj->next, &i, err);
        if (found <= 0)
            return found;
        struct asim_frame_span span = traj->index[i].span;
        char what[ASIM_DAMAGE_TEXT];
        frame->frame_index = i;
        frame->offset_bytes = span.offset;
        int rc = asim_trajectory_decode(traj, &traj->frame, span, frame, what, err);
        if (rc < 0)
            return -1;
        traj->next = i + 1;
        if (rc > 0)
            return 1;
        traj->index[i].damaged = true;
        if (asim_trajectory_add_damage(traj, i, frame->offset_bytes, what, err) < 0)
            return -1;
    }
}

int asim_trajectory_seek(struct asim_trajectory *traj, size_t frame_index,
                         struct asim_error *err)
{
    /* One more than asked for, so that the frame is known to be whole. */
    size_t target = frame_index < SIZE_MAX - 1 ? frame_index + 2 : SIZE_MAX;
    if (asim_trajectory_walk_to(traj, target, err) < 0)
        return -1;
    if (frame_index >= traj->index_count)
        return asim_fail(err, ASIM_EINPUT,
                         "'%s' has %zu whole frames; there is no frame %zu (counted "
                         "from 0)",
                         traj->source.name, traj->index_count, frame_index);
    traj->next = frame_index;
    return 0;
}

int asim_trajectory_frame_count(struct asim_trajectory *traj, size_t *ret_count,
                                struct asim_error *err)
{
    if (asim_trajectory_walk_to(traj, SIZE_MAX, err) < 0)
        return -1;
    *ret_count = traj->index_count;
    return 0;
}

const struct asim_damage *asim_trajectory_damage(const struct asim_trajectory *traj,
                                                 size_t *ret_count)
{
    *ret_count = traj->damage_count;
    return traj->damage;
}

int asim_trajectory_recognise(const char *path, const char **ret_format,
                              struct asim_error *err)
{
    struct asim_byte_source source;
    struct asim_byte_window window = {0};
    const unsigned char *head;
    size_t size;
    if (asim_byte_source_open(path, &source, err) < 0)
        return -1;
    int rc = asim_byte_window_get(&window, &source, 0, ASIM_SNIFF_BYTES, 0, &head,
                                  &size, err);
    const char *format = NULL;
    for (size_t i = 0; rc == 0 && i < FORMAT_COUNT && !format; i++)
        if (formats[i]->recognise(head, size))
            format = formats[i]->name;
    if (rc == 0)
        *ret_format = format;
    asim_byte_window_finish(&window);
    asim_byte_source_close(&source);
    return rc;
}
