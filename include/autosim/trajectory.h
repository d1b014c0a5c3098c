/*
 * Reading trajectories: frames in file order, by one reader at a time.
 *
 * Units: nm, ps. Coordinates are the file's own 32-bit floats, bit for bit; a format in
 * Angstrom is converted by its reader. Formats are recognised by content.
 */
#ifndef AUTOSIM_TRAJECTORY_H
#define AUTOSIM_TRAJECTORY_H

#include <stddef.h>
#include <stdint.h>

#include <autosim/error.h>

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

/* Opens, recognises the format, reads the first frame's header. ASIM_EIO where the file
 * cannot be opened; ASIM_EINPUT where it is no known trajectory or holds no whole
 * frame. */
ASIM_API int asim_trajectory_open(const char *path, struct asim_trajectory **ret_traj,
                                  struct asim_error *err);
ASIM_API void asim_trajectory_close(struct asim_trajectory *traj);

ASIM_API const char *asim_trajectory_path(const struct asim_trajectory *traj);
ASIM_API const char *asim_trajectory_format(const struct asim_trajectory *traj);
ASIM_API size_t asim_trajectory_atom_count(const struct asim_trajectory *traj);

/* Decode only the first `atom_count` atoms of every following frame (0: all). */
ASIM_API void asim_trajectory_limit_atoms(struct asim_trajectory *traj,
                                          size_t atom_count);

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

/* The number of frames that are there as a whole, by their headers; walks these the
 * first time it is asked. */
ASIM_API int asim_trajectory_frame_count(struct asim_trajectory *traj,
                                         size_t *ret_count, struct asim_error *err);

/* Damage met so far (all of it after frame_count or reading to the end). Borrowed. */
ASIM_API const struct asim_damage *
asim_trajectory_damage(const struct asim_trajectory *traj, size_t *ret_count);

#endif
