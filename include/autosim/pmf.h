/*
 * The free-energy profile along the coordinate from umbrella windows: MBAR (Shirts &
 * Chodera 2008, J. Chem. Phys. 129, 124105) for harmonic biases at one temperature,
 * with errors from block influences, and the gates that say when not to believe it.
 */
#ifndef AUTOSIM_PMF_H
#define AUTOSIM_PMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <autosim/samples.h>

struct asim_pmf_window {
    struct asim_bias bias;
    const double *value_nm; /* borrowed, time order */
    size_t count;
};

struct asim_pmf_options {
    double temperature_kelvin; /* must be given */
    double begin_nm, end_nm; /* the profile's range; NAN: one sigma beyond the outermost
                                centre, less the bins at that end with fewer than 50
                                effective samples that lie beyond that centre, or
                                between it and samples that a wall holds back */
    double period_nm;   /* of the coordinate, e.g. 360 for a dihedral in degrees (all
                           lengths here are in the coordinate's unit then): biases act the
                           shortest way round, the profile goes once round, centres lie
                           within one period; 0: none */
    size_t bin_count;   /* of the range before its ends are shortened; 0: a bin is
                           about sigma/4 */
    size_t block_count; /* per window for the errors; default 32 */
    size_t bootstrap_count;  /* Bayesian block bootstrap as a check; default 0 */
    unsigned long long seed; /* for the bootstrap and the simultaneous band */
    int thread_count;
    double minimum_overlap; /* gate; default 0.03, Klimovich et al. 2015 */
    const char *coordinate; /* what labels and sentences call it; borrowed; NULL: PC1 */
    const char *unit;       /* its unit, "" for none; borrowed; NULL: nm */
    const int *window_ids;  /* [window_count] what sentences call the windows; borrowed;
                               NULL: by their position */
    double target_kj_mol;   /* half width wanted of the simultaneous band; 0: none is
                               asked for, and none of the advice is given */
    size_t most_samples;    /* that the advice may ask for in all; 0: no limit */
};

#define ASIM_PMF_OPTIONS_INIT                                                          \
    {                                                                                  \
        .begin_nm = __builtin_nan(""), .end_nm = __builtin_nan(""), .block_count = 32, \
        .seed = 1, .minimum_overlap = 0.03                                             \
    }

struct asim_gate {
    char name[32];
    bool pass;
    double value;
    double limit;
    char sentence[240]; /* what it means, and what to do where it fails */
};

/* What to simulate next, so that the band becomes as narrow as was asked for. */
enum asim_advice_kind {
    ASIM_ADVICE_EXTEND, /* a window that is there */
    ASIM_ADVICE_INSERT, /* a new one behind window_index */
};

struct asim_advice {
    enum asim_advice_kind kind;
    size_t window_index;
    struct asim_bias bias;        /* of the window to be extended, or of the new one */
    size_t sample_count;          /* to add */
    double predicted_band_kj_mol; /* largest half width once all advice is followed;
                                     0: cannot be told */
    char reason[200];
};

struct asim_pmf {
    size_t bin_count;
    double *x_nm;         /* [bin_count] bin centres */
    size_t segment_count; /* 1, or more where windows do not connect: then only the
                             shape within each segment is known */
    uint32_t *segment;    /* [bin_count] 0 .. segment_count-1 */
    double *pmf_kj_mol;   /* [bin_count] minimum 0 in each segment; NAN where a bin has
                             no sample */
    double *error_kj_mol; /* [bin_count] one standard error (pointwise) of the profile
                             less its segment's mean over the bins with samples */
    double *band_kj_mol;  /* [bin_count] half width of the simultaneous 95% band */
    double *bootstrap_error_kj_mol; /* [bin_count], or NULL without bootstrap */
    size_t window_count;
    int *window_ids;    /* [window_count] as given */
    double *f_k_kj_mol; /* [window_count], f_0 = 0 */
    double *overlap;    /* [window_count][window_count] overlap matrix, rows sum to 1 */
    double *neighbour_overlap; /* [window_count] the lesser overlap of window k and the
                                  next one, in both directions, as if these two were
                                  the only ones: what the gate judges; of the last with
                                  the first, 0 but on a coordinate with a period */
    double *inefficiency;    /* [window_count] statistical inefficiency g, in samples */
    double *mean_nm, *sd_nm; /* [window_count] of the samples */
    double residual; /* max |gradient_k| / N_k of the MBAR equations over the raw
                        data: the share of its samples by which a window misses */
    int iterations;
    double temperature_kelvin;
    double period_nm;              /* 0: none */
    char coordinate[160];          /* as given; "": PC1, in nm */
    char unit[64];                 /* as given; "": none */
    struct asim_bias *window_bias; /* [window_count] */
    size_t *sample_count;          /* [window_count] */
    double *variance_share; /* [window_count] of the squared errors of all bins; adds up
                               to 1 */
    double target_kj_mol;   /* as asked for; 0: none */
    size_t first_bin, last_bin; /* what the target is for: bins with samples between the
                                   outermost centres (all bins, where there are none) */
    double widest_band_kj_mol;  /* largest band_kj_mol of these */
    bool reached; /* a target is set, the widest band is below it, every gate passed */
    size_t advice_count;
    struct asim_advice *advice;
    /* The height of the profile at to_nm over that at from_nm, where it is largest and
       least, from the first `share` of each run and from its last. */
    size_t convergence_count;
    double *share, *forward_kj_mol, *backward_kj_mol; /* [convergence_count] */
    double from_nm, to_nm, height_error_kj_mol; /* one standard error of the whole */
    size_t gate_count;
    struct asim_gate *gates;
    bool trustworthy;  /* every gate passed */
    bool connected;    /* one segment */
    char verdict[600]; /* in words */
};

ASIM_API void asim_pmf_finish(struct asim_pmf *pmf);

/* "PC1 (nm)": the coordinate and its unit, as axes have it. */
ASIM_API void asim_coordinate_label(const char *coordinate, const char *unit,
                                    char *ret_text, size_t size);

/* Windows in order of their centres. ASIM_EINPUT for empty windows, non-finite samples,
 * or a temperature that is not positive. Poor overlap is no error: see the gates. */
ASIM_API int asim_pmf_compute(const struct asim_pmf_window *windows,
                              size_t window_count,
                              const struct asim_pmf_options *options,
                              struct asim_pmf *ret_pmf, struct asim_error *err);

/* Another coordinate y of the samples of a window, which no bias holds. */
struct asim_pmf_companion {
    const double *value;        /* [count] borrowed, in the order of time */
    const size_t *sample_index; /* [count] rising: which sample of the window has it;
                                   borrowed; NULL: sample i */
    size_t count;
};

struct asim_along_options {
    const char *coordinate; /* what labels call y; NULL: y */
    const char *unit;       /* NULL: none */
    size_t bin_count;       /* over the whole range of y; 0: a bin is a third of the
                               spread within windows */
    size_t bootstrap_count; /* 0: 400 */
};

/*
 * The profile along y, over the x of the biased profile's range, and the plane:
 * F(y) = -kT ln sum over the bin of 1/D(x_n), and the same of a cell of x and y, MBAR's
 * weights (Shirts & Chodera 2008, eq. 13) of the windows' own free energies. Errors are
 * those of a Bayesian block bootstrap that solves MBAR anew each time.
 */
struct asim_along {
    char x_coordinate[160], x_unit[64], coordinate[160], unit[64];
    double temperature_kelvin;
    size_t sample_count;       /* that have a y */
    size_t bin_count;          /* of y */
    double *y;                 /* [bin_count] bin centres */
    double *pmf_kj_mol;        /* [bin_count] minimum 0; NAN: fewer than 10 effective
                                  samples */
    double *error_kj_mol;      /* [bin_count] one standard error less the mean offset */
    double *band_kj_mol;       /* [bin_count] half width of the simultaneous 95% band */
    double *effective_samples; /* [bin_count] */
    size_t x_count;
    double *x_nm;               /* [x_count] */
    double *plane_kj_mol;       /* [x_count][bin_count], minimum 0; NAN as above */
    double *plane_error_kj_mol; /* [x_count][bin_count] */
    size_t gate_count;
    struct asim_gate *gates;
    bool trustworthy;
    char verdict[700];
};

ASIM_API void asim_along_finish(struct asim_along *along);

/* The windows and options of `profile`, with the companions of the windows.
 * ASIM_EINPUT where companions are not finite or do not fit their samples, or too few;
 * ASIM_EQUALITY where windows do not hang together. */
ASIM_API int asim_pmf_along(const struct asim_pmf_window *windows,
                            const struct asim_pmf_companion *companions,
                            const struct asim_pmf *profile,
                            const struct asim_pmf_options *options,
                            const struct asim_along_options *along_options,
                            struct asim_along *ret_along, struct asim_error *err);

/* Writes along.csv, along.json, pmf2d.csv and pmf2d.npz into an existing folder; reads
 * along.json back. Removing takes away all four, where they are. */
ASIM_API int asim_along_write(const struct asim_along *along, const char *folder,
                              struct asim_error *err);
ASIM_API int asim_along_read(const char *folder, struct asim_along *ret_along,
                             struct asim_error *err);
ASIM_API int asim_along_remove(const char *folder, struct asim_error *err);

/* Writes pmf.xvg, pmf.csv, pmf.npz, overlap.csv and pmf.json into an existing folder.
 */
ASIM_API int asim_pmf_write(const struct asim_pmf *pmf, const char *folder,
                            struct asim_error *err);

/* Reads pmf.json of such a folder back, every number as it was written. */
ASIM_API int asim_pmf_read(const char *folder, struct asim_pmf *ret_pmf,
                           struct asim_error *err);

#endif
