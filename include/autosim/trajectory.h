/*
 * Reading trajectories: frames in file order, by one reader at a time.
 *
 * Units: nm, ps. Coordinates are the file's own 32-bit floats, bit for bit; a format in
 * Angstrom is converted by its reader. Formats are recognised by content.
 */
#ifndef AUTOSIM_TRAJECTORY_H
#define AUTOSIM_TRAJECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <autosim/error.h>
#include <autosim/topology.h>

/* One frame. Zero-initialise, reuse for many frames, finish once. */
struct asim_frame {
    size_t atom_count;  /* atoms present in x_nm: the first ones of the file's frame */
    size_t capacity;    /* atoms that x_nm has room for */
    float (*x_nm)[3];   /* owned */
    float box_nm[3][3]; /* rows are the box vectors; all zero: no box */
    double time_ps;
    int64_t step;
    float precision;       /* 1/nm, as stored (XTC); 0: not lossy */
    size_t frame_index;    /* 0-based, counted over the whole frames of the file */
    uint64_t offset_bytes; /* where the frame starts in its file */
};

ASIM_API void asim_frame_finish(struct asim_frame *frame);
/* Makes room for atom_count atoms (and the slack that decoders may write past them). */
ASIM_API int asim_frame_reserve(struct asim_frame *frame, size_t atom_count,
                                struct asim_error *err);

/* A place where a file is not what its format promises; whole frames stay usable. */
struct asim_damage {
    size_t frame_index;    /* the frame that would have come here */
    uint64_t offset_bytes; /* where the damage starts */
    char what[200];        /* a sentence */
};

struct asim_trajectory;

/* Whether the file is a trajectory that can be read: *ret_format is "XTC", ..., or NULL
 * where its first bytes are of no known format. ASIM_EIO where it cannot be opened. */
ASIM_API int asim_trajectory_recognise(const char *path, const char **ret_format,
                                       struct asim_error *err);

/* Opens, recognises the format, reads the first frame's header. ASIM_EIO where the file
 * cannot be opened; ASIM_EINPUT where it is no known trajectory or holds no whole
 * frame. */
ASIM_API int asim_trajectory_open(const char *path, struct asim_trajectory **ret_traj,
                                  struct asim_error *err);
/*
 * Several files as one trajectory: the frames of all, in the order given, which must be
 * that of time. Where runs were restarted, frames overlap; a frame is dropped if one
 * with the same or an earlier time comes behind it in the same or a later file, so that
 * what was simulated last wins (as in gmx trjcat) and times ascend. Frame numbers are
 * those of the frames kept; offset_bytes is within a frame's own file. Formats may
 * differ, numbers of atoms may not. All times are read here. ASIM_EINPUT as for one
 * file, and where a file ends before one in front of it starts.
 */
ASIM_API int asim_trajectory_open_many(const char *const *paths, size_t count,
                                       struct asim_trajectory **ret_traj,
                                       struct asim_error *err);

/* One file of a trajectory of several. */
struct asim_trajectory_part {
    const char *path;
    size_t frame_count; /* in the file */
    size_t kept_count;  /* the others come again in a later place */
    double first_time_ps, last_time_ps;
};

/* The files of a trajectory; NULL and 0 if it was opened as one file. Borrowed. */
ASIM_API const struct asim_trajectory_part *
asim_trajectory_parts(const struct asim_trajectory *traj, size_t *ret_count);

/*
 * Frames that the caller has, or makes, as a trajectory. `read` is asked for one frame
 * at a time, in any order and more than once, possibly from another thread than the
 * one that opened; it points *ret_x to atom_count rows, which stay until it is called
 * again, gives the time, may fill in the box (rows in the same unit; all zero as
 * handed over: none), and returns 0; anything else ends the reading with ASIM_EINPUT.
 * Times must ascend.
 */
struct asim_frame_reader {
    void *context;
    size_t atom_count;
    size_t frame_count;
    float nm_per_unit; /* 1 for nm, 0.1f for Angstrom */
    int (*read)(void *context, size_t frame_index, const float (**ret_x)[3],
                float (*ret_box)[3], double *ret_time_ps);
};
/* `name` stands for a path in messages. The reader is copied, its context borrowed. */
ASIM_API int asim_trajectory_open_reader(const struct asim_frame_reader *reader,
                                         const char *name,
                                         struct asim_trajectory **ret_traj,
                                         struct asim_error *err);

ASIM_API void asim_trajectory_close(struct asim_trajectory *traj);

ASIM_API const char *asim_trajectory_path(const struct asim_trajectory *traj);
ASIM_API const char *asim_trajectory_format(const struct asim_trajectory *traj);
ASIM_API size_t asim_trajectory_atom_count(const struct asim_trajectory *traj);

/*
 * The topology that a trajectory goes with. The file must hold all of its atoms, or
 * those that the simulation wrote (asim_topology.written): then it counts as one of the
 * whole system from now on, whose frames have every atom at its own place, and NaN
 * where the file has none. ASIM_EINPUT where the numbers of atoms differ otherwise.
 */
ASIM_API int asim_trajectory_match(struct asim_trajectory *traj,
                                   const struct asim_topology *top,
                                   struct asim_error *err);
/* Whether the file holds only a part of the system's atoms. */
ASIM_API bool asim_trajectory_is_subset(const struct asim_trajectory *traj);
/* ASIM_EINPUT where one of these atoms is not in the file of a part. */
ASIM_API int asim_trajectory_check_atoms(const struct asim_trajectory *traj,
                                         const uint32_t *atoms, size_t count,
                                         struct asim_error *err);

/* Decode only the first `atom_count` atoms of every following frame (0: all). */
ASIM_API void asim_trajectory_limit_atoms(struct asim_trajectory *traj,
                                          size_t atom_count);

/*
 * Decode only these atoms (0-based, in any order) of every following frame. Frames hold
 * the atoms up to the last of them, each at its own place; those that were not asked
 * for have no particular position there, and what is damaged in them alone may go
 * unseen. Takes the place of a limit, and a limit takes its place. ASIM_EUSAGE where
 * there is none or one is not in the file.
 */
ASIM_API int asim_trajectory_select_atoms(struct asim_trajectory *traj,
                                          const uint32_t *atoms, size_t count,
                                          struct asim_error *err);

/*
 * 1: a frame was read; 0: the end; -1: an error. A damaged tail ends the trajectory
 * with 0 and is kept in the damage list. A frame whose header is right but whose
 * coordinates do not decode keeps its number, is passed over and kept in the damage
 * list too: frame_index then has a gap, and fewer frames come than frame_count says.
 * What is appended to the file after opening is not seen.
 */
ASIM_API int asim_trajectory_next(struct asim_trajectory *traj,
                                  struct asim_frame *frame, struct asim_error *err);

/* Position on a frame (0-based), so that the next call reads it. */
ASIM_API int asim_trajectory_seek(struct asim_trajectory *traj, size_t frame_index,
                                  struct asim_error *err);

/*
 * Position on the first frame, in the order of the file, whose time is at least
 * time_ps, up to the rounding of 32-bit floats (1e-6 ps + 2e-7 of it). Where times
 * repeat or go back, as after a restart, that is still the first one; frames of earlier
 * times may follow it. ASIM_EINPUT where all frames are earlier. Frames that do not
 * decode have no time and are passed over.
 */
ASIM_API int asim_trajectory_seek_time(struct asim_trajectory *traj, double time_ps,
                                       struct asim_error *err);

/*
 * From now on only frames with begin_ps <= time <= end_ps (NaN: no limit) are handed
 * out, and of these every `stride`th (at least 1), counted from the first of them in
 * the file whatever is sought in between. Times that equal a limit up to the same
 * rounding are inside. frame_index, seek and frame_count keep counting all frames; a
 * seek lands on the next frame of the range.
 * Without limits in time nothing is read of the frames that are passed over but their
 * headers. ASIM_EUSAGE where stride is 0 or the end is before the beginning.
 */
ASIM_API int asim_trajectory_set_range(struct asim_trajectory *traj, double begin_ps,
                                       double end_ps, size_t stride,
                                       struct asim_error *err);

/*
 * Reads the next frames, at most `count`, into `frames` (zero-initialised or used
 * before), decoding them on up to `thread_count` threads. They are the same, and in the
 * same order, as so many calls of asim_trajectory_next would give; *ret_count is below
 * `count` only at the end. A few frames a thread at once are enough, and stay in
 * caches; the threads wait in the trajectory for the next block, until it is closed or
 * another number of them is wanted. In a child made by fork() they are missing: there
 * one thread decodes. After a failure the position is as before the call.
 */
ASIM_API int asim_trajectory_read_block(struct asim_trajectory *traj,
                                        struct asim_frame *frames, size_t count,
                                        int thread_count, size_t *ret_count,
                                        struct asim_error *err);

/* What is done with a frame: 0, or -1 with `err` filled in. The frame may be changed
 * and is gone afterwards; `thread_index` is in [0, thread_count). */
typedef int (*asim_visit_fn)(void *context, struct asim_frame *frame, int thread_index,
                             struct asim_error *err);

/*
 * Hands every frame that asim_trajectory_next would still give to `visit`, on up to
 * `thread_count` threads: each decodes a frame and uses it where it is still in the
 * caches, so this is the fastest way through a file. Frames come in any order and side
 * by side, those of one thread in that of the file; `visit` must not use the
 * trajectory. A failure ends the reading: the error is that of the first frame that
 * fails, all in front of which were visited, and the position is as before the call.
 */
ASIM_API int asim_trajectory_visit(struct asim_trajectory *traj, int thread_count,
                                   asim_visit_fn visit, void *context,
                                   struct asim_error *err);

/* The number of frames that are there as a whole, by their headers; walks these the
 * first time it is asked. */
ASIM_API int asim_trajectory_frame_count(struct asim_trajectory *traj,
                                         size_t *ret_count, struct asim_error *err);

/* Damage met so far (all of it after frame_count or reading to the end). Borrowed. */
ASIM_API const struct asim_damage *
asim_trajectory_damage(const struct asim_trajectory *traj, size_t *ret_count);

#endif
