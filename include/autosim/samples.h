/*
 * The coordinate's time series of one window, and its statistics.
 */
#ifndef AUTOSIM_SAMPLES_H
#define AUTOSIM_SAMPLES_H

#include <stddef.h>

#include <autosim/campaign.h>
#include <autosim/error.h>

struct asim_series {
    size_t count;
    double *time_ps;        /* ascending, no repeats */
    double *value_nm;       /* the coordinate p */
    double *bias_kj_mol;    /* V as the engine printed it; NULL where it prints none */
    size_t duplicate_count; /* rows dropped because a later row had the same time */
    size_t steered_count;   /* the first rows, in which the centre moved: no samples of
                               the window's bias */
};

ASIM_API void asim_series_finish(struct asim_series *series);

/*
 * Reads what a bias engine wrote: mdrun -eo (edi), NAME.colvars.traj, PLUMED's COLVAR
 * as the windows' inputs ask for it. Columns are found by name, never by number. The
 * last row of a time wins (rows repeat after a restart). What was cut while it was
 * written is dropped. Each row's bias is checked against V = k/2 (p-p0)^2 within the
 * rounding of the file; a mismatch is ASIM_EINPUT and names the row. So are, with edi,
 * a moving centre (a slope) and a second flooding vector, whose energy GROMACS adds to
 * that of the first; monitored vectors are passed over. `dt_ps` is a time step: Colvars
 * counts steps. ASIM_EINPUT too where there is no row.
 */
ASIM_API int asim_series_read_file(const char *path, enum asim_bias_engine engine,
                                   const struct asim_bias *bias, double dt_ps,
                                   struct asim_series *ret_series,
                                   struct asim_error *err);

/* The same of a window's folder, from all files of its samples; an empty series where
 * there are none yet. While the window is steered, V is that of the moving centre. */
ASIM_API int asim_series_read(const char *folder, const struct asim_plan *plan,
                              const struct asim_window *window,
                              struct asim_series *ret_series, struct asim_error *err);

/*
 * A window that ran to step nsteps has a row at step 0 and one every sample_steps.
 * Engines that keep rows to themselves for a while may have lost a few with each
 * attempt that was killed before the last; all others have all of them. ASIM_EINPUT
 * where more are missing, as they are where a part was run without bias.
 */
ASIM_API int asim_series_check_complete(const struct asim_series *series,
                                        const struct asim_plan *plan, int64_t nsteps,
                                        int attempts, struct asim_error *err);

/* What the frames of a window's own trajectory say of its samples and its bias. */
struct asim_window_check {
    size_t frame_count;           /* compared; 0: none could be, `why` says why */
    double largest_difference_nm; /* between p of the frame and p of the sample */
    double tolerance_nm;          /* what the rounding of the file explains there */
    double force_error;           /* |applied - exact| / |exact| of the bias' force, rms
                                     over these frames, the force by the engine's formula */
    double w2;                    /* <w^2> of these frames: that error with .edi */
    char why[160];                /* "" where frames were compared */
};

/*
 * Checks a window that ran to its end by what is in its folder: all samples are there
 * and fit the bias, and the coordinate that is computed here from its trajectory (up to
 * 200 frames, evenly spaced) is that of the samples within the precision of the file.
 * ASIM_EINPUT where the window is wrong, ASIM_EWINDOWS where samples are missing.
 */
ASIM_API int asim_window_check(const struct asim_ended_window *window,
                               const struct asim_pca *pca,
                               const struct asim_topology *top,
                               struct asim_window_check *ret_check,
                               struct asim_error *err);

/*
 * The look at every window that ends, for asim_campaign_set_check: asim_window_check,
 * whose figures go to check.json and to the log. All borrowed.
 */
struct asim_window_checker {
    const struct asim_pca *pca;
    const struct asim_topology *top; /* of a window's run input */
    struct asim_log *log;            /* may be NULL */
};
/* An asim_window_check_fn; `checker` is a struct asim_window_checker. */
ASIM_API int asim_window_checker_look(void *checker,
                                      const struct asim_ended_window *window,
                                      struct asim_error *err);

/* check.json in the window's folder; reading gives frame_count 0 where there is none.
 */
ASIM_API int asim_window_check_write(const struct asim_window_check *check,
                                     const char *window_folder, struct asim_error *err);
ASIM_API int asim_window_check_read(const char *window_folder,
                                    struct asim_window_check *ret_check,
                                    struct asim_error *err);

/* Another coordinate at the times of a window's samples. */
struct asim_companion {
    size_t count;
    double *value;
    size_t *sample_index; /* rising: which sample has the value's time */
};

ASIM_API void asim_companion_finish(struct asim_companion *companion);

/*
 * A principal component (numbered from 0) of the frames of a window's own trajectory,
 * traj.xtc or traj.trr in its folder: made whole and superposed as the analysis did.
 * Frames without a sample of their time are passed over. ASIM_EINPUT where there is no
 * trajectory, or no frame has a sample.
 */
ASIM_API int asim_companion_project(
    const char *folder, const struct asim_plan *plan, const struct asim_series *series,
    const struct asim_pca *pca, const struct asim_topology *top, size_t component,
    int thread_count, struct asim_companion *ret_companion, struct asim_error *err);

/* The same from a table with times in ps: of XVG, PLUMED's or Colvars' form, plain or
 * compressed by gzip. `column`: a name from the header or a number, 1 the first behind
 * the time; NULL where there is only one. */
ASIM_API int asim_companion_read(const char *path, const char *column,
                                 const struct asim_plan *plan,
                                 const struct asim_series *series,
                                 struct asim_companion *ret_companion,
                                 struct asim_error *err);

/* Windows of an umbrella campaign that was made elsewhere. */
struct asim_external_window {
    char *name; /* of its samples' file, and the pull coordinate where there are several
                 */
    struct asim_bias bias;
    struct asim_series series; /* bias_kj_mol NULL, and time_ps too: millions of times
                                  would say nothing that these two do not */
    double first_time_ps, spacing_ps; /* NAN spacing: steps of unknown length */
    double temperature_kelvin;        /* 0: not said */
    double *along; /* [series.count] another column of the same rows; NULL: none was
                      asked for */
};

struct asim_external {
    size_t count;
    struct asim_external_window *windows; /* in the order of their centres */
    double temperature_kelvin;            /* of all; 0: not said */
    double period; /* of the coordinate, in its unit: 360 for dihedrals; 0: none */
    char coordinate[48], unit[16]; /* what labels call it; unit "": not known */
    size_t duplicate_count; /* rows left out because a later row had the same time */
};

ASIM_API void asim_external_finish(struct asim_external *external);

/*
 * What `gmx wham` takes: a file that lists TPRs, and one that lists pullx or pullf
 * files
 * (-ix, -if), line by line in the same order; "#" begins a comment. Each harmonic pull
 * coordinate of a TPR is a window; a dihedral counts in degrees, with force constants
 * in kJ/mol/deg^2; its samples are found by legend, forces become positions by x = init
 * - F/k. XVG files may be compressed by gzip. Names are relative to where they are read
 * from. `along`: another column of the files of samples (see
 * asim_companion_read); NULL: none. ASIM_EINPUT for what cannot be an equilibrium
 * window in nm: a moving reference, an angle, no temperature or several of them, rows
 * of mixed spacing, headers with other units.
 */
ASIM_API int asim_external_read_gmx_wham(const char *tpr_list, const char *pull_list,
                                         const char *along, int thread_count,
                                         struct asim_external *ret_external,
                                         struct asim_error *err);

/*
 * Grossfield's list: a line per window with the file of its time series (time_ps and
 * value_nm columns; other units with a period, see asim_external_set_period), its
 * centre (nm), its force constant (kJ/mol/nm^2) and, where they are given, the
 * correlation time (not used: it is measured) and the temperature (K).
 */
ASIM_API int asim_external_read_meta(const char *list, double period, const char *along,
                                     int thread_count,
                                     struct asim_external *ret_external,
                                     struct asim_error *err);

/* The coordinate has a period, in its own unit: centres are moved into one turn, which
 * begins at -period/2, or at 0 where they all lie from 0 to one period. */
ASIM_API void asim_external_set_period(struct asim_external *external, double period);

/* Statistical inefficiency g >= 1 of a series (1 + 2 tau / dt), Chodera et al. 2007,
 * J. Chem. Theory Comput. 3, 26, by FFT or windowed sums: never O(N^2). A constant
 * series is one observation: g = count. */
ASIM_API double asim_statistical_inefficiency(const double *values, size_t count);

/* How often some window of a sound campaign may be said to drift: each is tested at
 * this level divided by the number of windows. */
#define ASIM_DRIFT_LEVEL 0.01

/*
 * Rows to leave out at the beginning of a series so that it no longer begins elsewhere
 * than it ends (Geweke 1992, first tenth against last half, at this level): 0 where it
 * does not drift to begin with, else the least number of tenths, up to half. 0 also
 * where no such start is found: then the series never settled.
 */
ASIM_API size_t asim_settled_start(const double *values, size_t count,
                                   size_t block_count, double level);

#endif
