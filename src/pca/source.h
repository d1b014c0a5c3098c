/* Frames of a trajectory file, made whole and reduced to the chosen atoms. */
#ifndef PCA_SOURCE_H
#define PCA_SOURCE_H

#include <autosim/pca.h>

#include "pca/core.h"
#include "structure/whole.h"

struct asim_trajectory_source {
    const struct asim_topology *top;
    struct asim_trajectory *traj;
    const struct asim_pca_options *options;
    struct asim_log *log;
    struct asim_atom_list atoms, align; /* borrowed; align is atoms where same */
    struct asim_layout layout;
    struct asim_whole *whole;  /* NULL: coordinates are taken as they are */
    struct asim_frame *frames; /* [frame_room] decoded at once */
    size_t frame_room;
    size_t *kept; /* [frame_room] those that are wanted, and which frame each is */
    uint64_t *ordinals;
    size_t atom_limit; /* atoms in a decoded frame */
    uint32_t *needed;  /* [needed_count] those of them that are decoded */
    size_t needed_count;
    size_t file_frames; /* whole frames in the file */
    size_t stride;      /* at least 1 */
    size_t first_index; /* of the first frame wanted */
    size_t stop_index;  /* behind the last one that is not after `end` */
    bool first_known;
    size_t ordinal;             /* frames wanted since the rewind */
    bool stepped;               /* a frame has been read since the rewind */
    bool ended;                 /* the last one wanted has been read */
    bool placed;                /* the first frame has fixed where molecules lie */
    size_t last_index;          /* of the last one read */
    size_t judged_count;        /* up to the last one whose time was looked at */
    uint64_t looked_at;         /* frames that were looked at for broken molecules */
    struct asim_parts parts[2]; /* of atoms and align, where these are looked at */
    double start_time_ps;       /* of the file's first frame */
    double last_time_ps;        /* the latest of the run that is being read */
    bool said_repeated, said_again;
};

/* The lists are borrowed until finish. Checks that topology, trajectory and options fit
 * each other. */
int asim_trajectory_source_init(struct asim_trajectory_source *source,
                                const struct asim_topology *top,
                                struct asim_trajectory *traj,
                                const struct asim_pca_options *options,
                                const struct asim_atom_list *atoms,
                                const struct asim_atom_list *align, bool same,
                                struct asim_log *log, struct asim_error *err);
void asim_trajectory_source_finish(struct asim_trajectory_source *source);

/* The functions of an asim_frame_source over it. */
struct asim_frame_source
asim_trajectory_source_frames(struct asim_trajectory_source *source);

/* Where frames were left out since they cannot be read. */
void asim_trajectory_log_damage(const struct asim_trajectory *traj,
                                struct asim_log *log);

#endif
