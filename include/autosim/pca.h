/*
 * Principal components of the motion of selected atoms.
 *
 * Frames are made whole, superposed (unit weights by default, Kabsch optimum by the
 * quaternion method of Theobald 2005, Acta Cryst. A61, 478) on the mean structure,
 * which is iterated from the first frame until it moves by less than
 * `mean_tolerance_nm`.
 * Covariance is 1/(F-1) over frames. An eigenvector has norm 1 over its 3N numbers
 * x0 y0 z0 x1 ...; its largest component by magnitude is positive (the lowest index on
 * ties). Units nm, nm^2. At most min(F-1, 3N-6) components exist (min(F-1, 3N) where
 * the fit has its own atoms); those with less than 1e-12 of the largest variance are
 * rounding and are left out. Deviations from the mean are kept as floats (6e-8 of a
 * deviation); every sum is in double, in an order that does not depend on threads. Safe
 * to call from several threads at once, each with its own trajectory.
 */
#ifndef AUTOSIM_PCA_H
#define AUTOSIM_PCA_H

#include <autosim/log.h>
#include <autosim/pbc.h>
#include <autosim/selection.h>
#include <autosim/topology.h>
#include <autosim/trajectory.h>

enum asim_memory_mode {
    ASIM_MEMORY_AUTO,   /* keep superposed coordinates where they fit, else stream */
    ASIM_MEMORY_STREAM, /* never keep more than one block of frames */
};

enum asim_reference {
    ASIM_REFERENCE_MEAN,
    ASIM_REFERENCE_FIRST,
    ASIM_REFERENCE_FILE, /* the first frame of `reference_path` */
};

/* MASS needs masses of the topology, above 0 for every atom concerned. */
enum asim_weights { ASIM_WEIGHTS_NONE, ASIM_WEIGHTS_MASS };

enum asim_precision {
    ASIM_PRECISION_MIXED,  /* products of 256 frames in float, summed in double; only
                              where a covariance is formed: relative error below 1e-6 */
    ASIM_PRECISION_DOUBLE, /* everything in double */
};

/* How far the reading of frames is. */
struct asim_pca_progress {
    int pass;              /* over the trajectory, from 1 */
    size_t frame_count;    /* read in this pass */
    size_t frame_bound;    /* never more than this */
    double seconds;        /* since the pass began */
    double peak_memory_mb; /* of the process so far */
};
typedef void (*asim_pca_progress_fn)(void *context,
                                     const struct asim_pca_progress *progress);

struct asim_pca_options {
    const char *selection;       /* NULL: asim_selection_default() */
    const char *align_selection; /* NULL: the analysed atoms */
    const char *ndx_path;        /* for group "X"; NULL: none */
    const char *residues;        /* as in struct asim_selection_context; NULL: none */
    const struct asim_atom_list *atoms; /* instead of a selection; NULL: by selection */
    const struct asim_atom_list *align_atoms; /* the same for the fit */
    enum asim_pbc_mode pbc;
    enum asim_reference reference;
    enum asim_memory_mode memory;
    enum asim_precision precision;
    uint64_t memory_limit_bytes; /* 0: 60% of what machine and cgroup offer */
    double begin_ps, end_ps;     /* NAN: from the first, to the last frame */
    size_t stride;               /* 1: every frame */
    size_t component_count;      /* how many eigenpairs to keep; default 10; SIZE_MAX:
                                    all that exist */
    double mean_tolerance_nm;    /* rms change that ends the iteration; default 1e-6 */
    int mean_iterations;         /* limit; default 50 */
    int thread_count;            /* 0: the cores this process may use */
    const char *scratch_folder;  /* for what memory does not hold; NULL: $TMPDIR, or
                                    /var/tmp */
    /* For ASIM_REFERENCE_FILE: a GRO, PDB or trajectory file of the whole system, or of
     * just the atoms of the fit in their order. */
    const char *reference_path;
    enum asim_weights fit_weights; /* of the superposition */
    /* MASS: components of s (x - mean), s = sqrt(mass / mean mass of the atoms), so
     * that variances stay in nm^2 */
    enum asim_weights pca_weights;
    /* Called between blocks of frames by the thread that called; NULL: nobody. */
    asim_pca_progress_fn progress;
    void *progress_context;
    bool skip_rmsip; /* the halves are not analysed on their own: rmsip is NAN */
};

#define ASIM_PCA_OPTIONS_INIT                                                          \
    {                                                                                  \
        .begin_ps = __builtin_nan(""), .end_ps = __builtin_nan(""), .stride = 1,       \
        .component_count = 10, .mean_tolerance_nm = 1e-6, .mean_iterations = 50        \
    }

/* The result; owned by the caller. Zero-initialised is empty. */
struct asim_pca {
    size_t frame_count;
    size_t system_atom_count; /* of the topology; 0: there was none */
    size_t atom_count;        /* N, analysed atoms */
    size_t component_count;   /* K */
    uint32_t *atom_indices;   /* [N] 0-based in the topology */
    size_t align_count;
    uint32_t *align_indices;   /* [align_count]; the same as atom_indices by default */
    double *eigenvalues_nm2;   /* [K] descending */
    double *eigenvectors;      /* [K][3N] */
    double *mean_nm;           /* [3N] mean of the superposed analysed atoms */
    double *reference_nm;      /* [3 align_count] what frames are superposed on; its
                                  centroid, by the weights of the fit, is the
                                  origin */
    double *projections_nm;    /* [K][frame_count], on the mean: sum v . s (x - mean) */
    double *time_ps;           /* [frame_count] */
    uint64_t *frame_indices;   /* [frame_count] in the trajectory */
    double total_variance_nm2; /* trace of the covariance */
    double *cosine_content;    /* [K] Hess 2002; > 0.5: looks like free diffusion */
    double rmsip;              /* of the top 10 between the two halves; NAN: too few */
    enum asim_pbc_mode pbc;    /* what was done; AUTO has become WHOLE or NONE */
    bool streaming;
    bool align_same; /* align atoms are the analysed atoms */
    double computation_time_ms;
    double peak_memory_mb;
    char selection[400];
    char align_selection[400];
    char plan[400];                   /* the memory plan in words, with its numbers */
    struct asim_pca_storage *storage; /* NULL, or the file that holds the arrays of
                                         length frame_count; private */
    enum asim_reference reference;
    double *fit_weights; /* [align_count] of mean 1; NULL: all 1 */
    double *pca_scales;  /* [N] s above; NULL: all 1 */
    double force_error;  /* <w^2> over a sample of frames: what an .edi bias along
                            PC1 leaves out of the squared force (docs/bias.md);
                            NAN: the fit has weights or other atoms */
};

ASIM_API void asim_pca_finish(struct asim_pca *pca);

/* `log` may be NULL. The trajectory is read from its start; its atom count must equal
 * the topology's (ASIM_EINPUT otherwise). */
ASIM_API int asim_pca_compute(const struct asim_topology *top,
                              struct asim_trajectory *traj,
                              const struct asim_pca_options *options,
                              struct asim_log *log, struct asim_pca *ret_pca,
                              struct asim_error *err);

/* The same of frames in memory: x_nm [frame_count][atom_count][3], all atoms, taken as
 * they are (whole); times_ps [frame_count] or NULL: numbered from 0. Selections, pbc,
 * begin, end and stride of the options are not looked at; masses and a reference file
 * are ASIM_EUSAGE. */
ASIM_API int asim_pca_compute_array(const float *x_nm, size_t frame_count,
                                    size_t atom_count, const double *times_ps,
                                    const struct asim_pca_options *options,
                                    struct asim_log *log, struct asim_pca *ret_pca,
                                    struct asim_error *err);

/*
 * The same from files: reads the topology, opens the trajectories (one, or several in
 * order of time), computes.
 */
ASIM_API int asim_extract_reaction_coordinates(
    const char *topology_path, const char *const *trajectory_paths,
    size_t trajectory_count, const struct asim_pca_options *options,
    struct asim_log *log, struct asim_pca *ret_pca, struct asim_error *err);

/* Writes pca.json, eigenval.xvg, proj.xvg, proj.npy [frames][K], frames.npy [frames][2]
 * (time in ps, number in the trajectory), eigenvec.npy [K][3N], average.pdb, mode1.pdb
 * (20 models), extremes.pdb, group.ndx into an existing folder; pca.json last. */
ASIM_API int asim_pca_write(const struct asim_pca *pca, const struct asim_topology *top,
                            const char *folder, struct asim_error *err);
/* 20 models along a component (numbered from 0), from the smallest to the largest
 * projection that was seen. */
ASIM_API int asim_pca_write_mode(const struct asim_pca *pca,
                                 const struct asim_topology *top, size_t component,
                                 const char *path, struct asim_error *err);
/* Reads back what asim_pca_write left: every number exactly as it was. */
ASIM_API int asim_pca_read(const char *folder, struct asim_pca *ret_pca,
                           struct asim_error *err);

/* Superposes one frame's atoms on the reference and projects it on component
 * `component`. `x_nm` holds the whole frame (made whole by the caller where needed). */
ASIM_API int asim_pca_project(const struct asim_pca *pca, const float (*x_nm)[3],
                              size_t component, double *ret_nm, struct asim_error *err);

/* What is done with a frame's projections [component_count], nm; 0, or -1 with `err`.
 */
typedef int (*asim_projection_fn)(void *context, double time_ps, uint64_t frame_index,
                                  const double *projections_nm, struct asim_error *err);
/*
 * Projects another trajectory of the same topology on saved components, each frame
 * superposed on the saved reference, and visits the frames in their order. Of the
 * options pbc, begin, end, stride and threads count; pbc AUTO is what the analysis had.
 * ASIM_EINPUT where the atoms of topology, trajectory and analysis do not fit, and
 * where no frame is left.
 */
ASIM_API int asim_pca_project_trajectory(const struct asim_pca *pca,
                                         const struct asim_topology *top,
                                         struct asim_trajectory *traj,
                                         const struct asim_pca_options *options,
                                         struct asim_log *log, asim_projection_fn visit,
                                         void *context, struct asim_error *err);

#endif
