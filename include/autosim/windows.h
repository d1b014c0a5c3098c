/*
 * The umbrella windows along PC1: where they are, how stiff, where each starts from,
 * and the files with which GROMACS runs them.
 */
#ifndef AUTOSIM_WINDOWS_H
#define AUTOSIM_WINDOWS_H

#include <autosim/bias.h>
#include <autosim/pca.h>

struct asim_plan_options {
    int window_count;        /* 0: by the spacing rule s = sqrt(lambda1)/3 */
    double begin_nm, end_nm; /* NAN: 0.5 and 99.5 percentile of the projections */
    double force_constant_kj_mol_nm2; /* 0: 2 kT / s^2 */
    double window_ps;                 /* length of a window */
    double sample_ps; /* between samples of the coordinate; 0: 0.1 ps, longer where
                         a window would have more than 50,000 */
    double temperature_kelvin; /* 0: the TPR's reference temperature */
    uint64_t seed;             /* all seeds of the windows derive from it; 0: random */
    /* AUTO stands for edi, which any GROMACS can do; asim_bias_choose (engine.h) finds
     * a better one. */
    enum asim_bias_engine bias;
    bool double_precision; /* the GROMACS that will run the windows is */
};

#define ASIM_PLAN_OPTIONS_INIT                                                         \
    {                                                                                  \
        .begin_nm = __builtin_nan(""), .end_nm = __builtin_nan(""),                    \
        .window_ps = 1000.0                                                            \
    }

struct asim_window {
    int window_id; /* 0, 1, ... in order of the centres */
    struct asim_bias bias;
    uint64_t start_frame_index; /* trajectory frame the window starts from; 0 where it
                                   is steered from the TPR's own coordinates */
    double start_time_ps;
    double start_nm; /* the projection of what it starts from */
    int64_t nsteps;  /* all, those of the steering among them */
    struct asim_steering steering;
    int32_t ld_seed;        /* for the thermostat's noise, written into the TPR */
    uint64_t velocity_seed; /* of the Maxwell velocities */
    char tpr_sha256[65];
    char bias_sha256[65];
};

struct asim_plan {
    size_t window_count;
    struct asim_window *windows; /* owned */
    double temperature_kelvin;
    double spacing_nm;
    double dt_ps;
    int64_t sample_steps; /* steps between samples */
    size_t system_atom_count;
    enum asim_bias_engine bias; /* never AUTO */
    bool double_precision;      /* of the GROMACS that the TPRs are for */
    double force_error;     /* <w^2> over the frames: mean relative squared error that
                               the force of the edi bias has or, where an exact one is
                               used, would have */
    double force_error_max; /* the largest window mean of it */
    uint64_t seed;
    bool by_grompp; /* run inputs are grompp's; see asim_run_input_maker */
    bool steered; /* windows start from the TPR's own coordinates: the frames that were
                     analysed lack atoms */
};

ASIM_API void asim_plan_finish(struct asim_plan *plan);

/*
 * Places the windows and measures the force error. `traj` is the trajectory the PCA was
 * made from; where it lacks atoms of the system, windows start from the coordinates of
 * the TPR and are steered to their centres, which needs an exact bias. ASIM_EINPUT
 * where the bias would be wrong: <w^2> above 0.1 with an .edi
 * bias, fit atoms that are not the analysed atoms; and for a range without frames.
 */
ASIM_API int asim_plan_compute(const struct asim_pca *pca,
                               const struct asim_topology *top, const char *tpr_path,
                               struct asim_trajectory *traj,
                               const struct asim_plan_options *options,
                               struct asim_log *log, struct asim_plan *ret_plan,
                               struct asim_error *err);

/*
 * Who makes a window's run input where that is not done by changing a copy of the TPR:
 * asim_grompp_make (engine.h) runs grompp.
 */
struct asim_run_input_maker {
    void *context;
    /* Makes windows/NNN/window.tpr, in the folder given, from start.tpr and the bias'
     * files there. start.tpr is the run input without a bias: it has the window's
     * coordinates, velocities, seed and length. */
    int (*make)(void *context, const struct asim_plan *plan,
                const struct asim_window *window, const char *folder,
                struct asim_error *err);
};

struct asim_plan_sources {
    const struct asim_pca *pca;
    const struct asim_topology *top;
    const char *tpr_path;
    struct asim_trajectory *traj; /* the one the PCA was made from */
    const struct asim_run_input_maker
        *maker; /* needed where plan->by_grompp, else NULL */
};

/*
 * Writes windows/NNN/window.tpr and the bias' files in windows/NNN/ below `folder` and
 * fills in their checksums, then plan.json. Files that exist are replaced. What a maker
 * made is read back and must start as the window does.
 */
ASIM_API int asim_plan_write(struct asim_plan *plan,
                             const struct asim_plan_sources *sources,
                             const char *folder, struct asim_error *err);
/* Both from files: places the windows and writes all of a campaign's folder that is
 * needed to run it. The topology must be the TPR; the trajectories are those of the
 * PCA, in the same order. */
ASIM_API int asim_plan_windows(const struct asim_pca *pca, const char *tpr_path,
                               const char *const *trajectory_paths,
                               size_t trajectory_count,
                               const struct asim_plan_options *options,
                               const char *folder, struct asim_log *log,
                               struct asim_plan *ret_plan, struct asim_error *err);
/*
 * One window alone, where and as stiff as `bias` says and of `nsteps` steps, written as
 * a campaign of its own below `folder`. It starts from the frame of `pca` nearest to
 * the centre, which may lie outside the range that was sampled, or is steered there
 * where the frames lack atoms (see asim_plan_compute); without a trajectory (NULL) it
 * starts from the coordinates of the TPR, and the frames of `pca` are passed
 * over. Of `options`, seed, temperature, sample_ps and bias count.
 */
ASIM_API int asim_plan_one_window(const struct asim_pca *pca, const char *tpr_path,
                                  const char *const *trajectory_paths,
                                  size_t trajectory_count, const struct asim_bias *bias,
                                  int64_t nsteps,
                                  const struct asim_plan_options *options,
                                  const char *folder, struct asim_log *log,
                                  struct asim_plan *ret_plan, struct asim_error *err);
ASIM_API int asim_plan_read(const char *folder, struct asim_plan *ret_plan,
                            struct asim_error *err);
/* The same from any file of a plan. */
ASIM_API int asim_plan_read_file(const char *path, struct asim_plan *ret_plan,
                                 struct asim_error *err);

/*
 * A plan that grows. asim_plan_add_window appends a window with the next free id: its
 * start is the frame of `pca` nearest to the centre, its seeds derive from the plan's.
 * asim_plan_write_more then writes the folders of the windows from index `first` on,
 * and the whole plan to the file `plan_path`; the plan.json in use is not touched. A
 * campaign takes that file by ASIM_REQUEST_INSERT (campaign.h).
 */
ASIM_API int asim_plan_add_window(struct asim_plan *plan, const struct asim_pca *pca,
                                  const struct asim_bias *bias, int64_t nsteps,
                                  struct asim_error *err);
ASIM_API int asim_plan_write_more(struct asim_plan *plan, size_t first,
                                  const struct asim_plan_sources *sources,
                                  const char *folder, const char *plan_path,
                                  struct asim_error *err);

#endif
