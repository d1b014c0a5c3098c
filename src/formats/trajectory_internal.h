/*
 * What the files behind autosim/trajectory.h share.
 *
 * Invariant: a frame is decoded, timed or handed out only after the place behind it was
 * looked at: only the last frame of the index may still be taken back.
 */
#ifndef FORMATS_TRAJECTORY_INTERNAL_H
#define FORMATS_TRAJECTORY_INTERNAL_H

#include "base/spill.h"
#include "base/thread_team.h"
#include "formats/trajectory_format.h"

/* The frames that reading hands out. */
struct asim_trajectory_range {
    double begin_ps, end_ps; /* NaN: open */
    size_t stride;
    size_t ranged_count; /* frames of the index that were judged: the first ones */
    size_t inside_count; /* of these, the ones between begin and end */
};

struct frame_entry {
    struct asim_frame_span span;
    bool damaged;     /* known from an earlier try to decode it */
    double latest_ps; /* largest time of this frame and those before it; once timed */
    double time_ps;   /* NaN: damaged; once timed */
    bool in_range;    /* once ranged, see asim_trajectory_set_range */
};

struct asim_trajectory {
    const struct asim_trajectory_format *format;
    void *state;
    char *path;
    struct asim_byte_source source;
    struct asim_decode_scratch walk;  /* headers */
    struct asim_decode_scratch frame; /* whole frames */
    struct asim_decode_scratch probe; /* times */
    struct asim_frame probed;
    struct asim_decode_scratch *workers; /* one a thread of the team */
    size_t worker_count;
    struct asim_team *team; /* of blocks and visits; NULL: one thread */
    size_t atom_count;
    size_t atom_limit;
    uint32_t *place;       /* owned, [file_atoms]: see trajectory_subset.c; NULL: the
                              file holds all atoms */
    size_t file_atoms;     /* atoms of a frame in the file */
    size_t file_limit;     /* of these, the ones in front of atom_limit */
    unsigned char *wanted; /* owned, by atoms of the file; see asim_decode_scratch */
    size_t next;           /* the frame that is read next */
    struct frame_entry *index; /* on the heap, or in the file where it is long */
    size_t index_count, index_capacity;
    struct asim_spill index_file;
    uint64_t walk_offset; /* where the frame behind the index should start */
    bool walk_done;
    size_t timed_count; /* frames of the index whose time is known: the first ones */
    struct asim_trajectory_range range;
    struct asim_damage *damage;
    size_t damage_count, damage_capacity;
};

/* Extends the index until it holds `count` frames or the file ends. */
int asim_trajectory_walk_to(struct asim_trajectory *traj, size_t count,
                            struct asim_error *err);

int asim_trajectory_add_damage(struct asim_trajectory *traj, size_t frame_index,
                               uint64_t offset, const char *what,
                               struct asim_error *err);

/* Threads and what each of them needs, kept for the next call, which mostly wants as
 * many. */
int asim_trajectory_have_team(struct asim_trajectory *traj, size_t count,
                              struct asim_error *err);

void asim_trajectory_range_init(struct asim_trajectory_range *range);

/* The first frame from `from` on that is in the range and not known as damaged: 1 found
 * (and known to be whole), 0 none, -1 failure. */
int asim_trajectory_find_wanted(struct asim_trajectory *traj, size_t from,
                                size_t *ret_index, struct asim_error *err);

/* What equality of times can mean: formats keep them, or the step, as 32-bit floats,
 * good to 6e-8, and programs differ by as much in what a DCD's unit of time is in ps.
 */
double asim_trajectory_slack_ps(double time_ps);

/* The earliest time of the frames [from, end) of the index, INFINITY where there is
 * none that is whole. */
int asim_trajectory_earliest_ps(struct asim_trajectory *traj, size_t from, size_t end,
                                double *ret_time_ps, struct asim_error *err);

/* Decodes the first atom_limit atoms of a frame, as the format's decode does. */
int asim_trajectory_decode(const struct asim_trajectory *traj,
                           struct asim_decode_scratch *scratch,
                           struct asim_frame_span span, struct asim_frame *frame,
                           char what[ASIM_DAMAGE_TEXT], struct asim_error *err);

/* The number of atoms of the file in front of atom `atom` of the system. */
size_t asim_trajectory_place_below(const struct asim_trajectory *traj, size_t atom);

/* Forgets nothing, but memory need not hold the index: called now and then. */
void asim_trajectory_release_index(struct asim_trajectory *traj, size_t at);

#endif
