/*
 * What a trajectory format must offer; trajectory.c does everything else (index, seek,
 * damage list, limits). A new format is one file that defines a
 * `const struct asim_trajectory_format`, and one row of the table in trajectory.c.
 *
 * The work is split so that frames can be decoded side by side: `locate` walks headers
 * in order by one thread; `decode` turns one located frame into coordinates, with
 * everything it changes in its caller's scratch, so that any number of threads may
 * decode different frames of one file.
 */
#ifndef FORMATS_TRAJECTORY_FORMAT_H
#define FORMATS_TRAJECTORY_FORMAT_H

#include <stdbool.h>

#include <autosim/trajectory.h>

#include "formats/byte_source.h"

/* Atoms that decoders may write behind those asked for. */
enum { ASIM_FRAME_SLACK_ATOMS = 64 };

/* Where a frame lies in its file. */
struct asim_frame_span {
    uint64_t offset;
    uint64_t size; /* all bytes up to the next frame */
};

/* One thread's memory for locating and decoding; zero-initialised. */
struct asim_decode_scratch {
    struct asim_byte_window window;
    size_t ahead; /* bytes worth reading at once: what a frame took so far */
    /* The atoms that count, a bit each, 4 bytes behind the last one; NULL: all of them.
     * A decoder may leave the others as they are. Borrowed. */
    const unsigned char *wanted;
};

/* Is one of `count` atoms from `first` on, a multiple of 8, among those that count? */
static inline bool asim_any_wanted(const unsigned char *wanted, size_t first,
                                   size_t count)
{
    if (!wanted)
        return true;
    for (size_t i = first / 8; i <= (first + count - 1) / 8; i++)
        if (wanted[i])
            return true;
    return false;
}

enum asim_locate {
    ASIM_LOCATE_FAILED = -1, /* the system failed; err is filled */
    ASIM_LOCATE_END = 0,     /* exactly at the end of the file */
    ASIM_LOCATE_FRAME = 1,   /* a whole frame lies here; span is filled */
    ASIM_LOCATE_DAMAGE = 2,  /* no whole frame here; `what` says why */
};

enum { ASIM_DAMAGE_TEXT = sizeof((struct asim_damage *)0)->what };

struct asim_trajectory_format {
    const char *name; /* "XTC" */

    /* Could these first bytes of a file be of this format? */
    bool (*recognise)(const unsigned char *head, size_t size);

    /* Reads what holds for the whole file. `state` is the format's own, immutable after
     * this call. ASIM_EINPUT where it is not this format after all. */
    int (*open)(const struct asim_byte_source *source,
                struct asim_decode_scratch *scratch, void **ret_state,
                size_t *ret_atom_count, uint64_t *ret_first_offset,
                struct asim_error *err);
    void (*close)(void *state);

    /* Looks at the frame that should start at `offset`. */
    enum asim_locate (*locate)(const void *state, const struct asim_byte_source *source,
                               struct asim_decode_scratch *scratch, uint64_t offset,
                               struct asim_frame_span *ret_span,
                               char what[ASIM_DAMAGE_TEXT], struct asim_error *err);

    /* The next position at or after `from` where a frame may start (to be judged by
     * locate): 1 found, 0 none, -1 failure. The byte in front of `from` is where a
     * frame was located or tried. NULL: frames cannot be found by content. */
    int (*resync)(const void *state, const struct asim_byte_source *source,
                  struct asim_decode_scratch *scratch, uint64_t from,
                  uint64_t *ret_offset, struct asim_error *err);

    /*
     * Decodes a located frame: the first `atom_limit` atoms (at most the file's atom
     * count) into frame->x_nm, which has room for them and for the decoder's slack;
     * sets atom_count, box, time, step, precision; frame_index and offset_bytes are set
     * before. 1: done; 0: the frame is damaged, `what` says how; -1: the system failed.
     */
    int (*decode)(const void *state, const struct asim_byte_source *source,
                  struct asim_decode_scratch *scratch, struct asim_frame_span span,
                  size_t atom_limit, struct asim_frame *frame,
                  char what[ASIM_DAMAGE_TEXT], struct asim_error *err);
};

extern const struct asim_trajectory_format asim_xtc_format;
extern const struct asim_trajectory_format asim_trr_format;
extern const struct asim_trajectory_format asim_dcd_format;
extern const struct asim_trajectory_format asim_gro_format;
extern const struct asim_trajectory_format asim_pdb_format;

/*
 * A trajectory whose frames a format finds without bytes of its own: places 0 to
 * `place_count` - 1 are handed to it as offsets. `state` and `damage` are taken over,
 * on failure too; `name` is copied.
 */
int asim_trajectory_create(const struct asim_trajectory_format *format, void *state,
                           const char *name, size_t atom_count, uint64_t place_count,
                           struct asim_damage *damage, size_t damage_count,
                           struct asim_trajectory **ret_traj, struct asim_error *err);
/* The state of a trajectory if it is of this format, else NULL. */
const void *asim_trajectory_state(const struct asim_trajectory *traj,
                                  const struct asim_trajectory_format *format);

/* The same as asim_trajectory_open, from bytes that stay where they are. `name` stands
 * for the path in messages; both must outlive the trajectory. */
int asim_trajectory_open_memory(const void *data, size_t size, const char *name,
                                struct asim_trajectory **ret_traj,
                                struct asim_error *err);

#endif
