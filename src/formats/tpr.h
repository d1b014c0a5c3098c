/*
 * TPR files: what a simulation is, and copies of it that start from elsewhere.
 *
 * Layout facts: docs/formats.md. A file is accepted only if every byte of it is
 * consumed by the layout of its version; versions are never whitelisted.
 */
#ifndef FORMATS_TPR_H
#define FORMATS_TPR_H

#include <stdbool.h>
#include <stdint.h>

#include <autosim/topology.h>

/* Numbers of GROMACS' enumerations of what is pulled how. */
enum { ASIM_PULL_UMBRELLA = 0 };
enum asim_pull_geometry {
    ASIM_PULL_DISTANCE,
    ASIM_PULL_DIRECTION,
    ASIM_PULL_CYLINDER,
    ASIM_PULL_DIRECTION_PERIODIC,
    ASIM_PULL_DIRECTION_RELATIVE,
    ASIM_PULL_ANGLE, /* this and the following ones are no lengths */
    ASIM_PULL_DIHEDRAL,
};

struct asim_tpr_pull_coordinate {
    int type, geometry;
    double init; /* in nm where the geometry is a length, else in degrees */
    double rate_per_ps;
    double k; /* kJ/mol/nm^2, or kJ/mol/rad^2 */
};

struct asim_tpr {
    char gromacs_version[64]; /* the file's "VERSION ..." text, without that word */
    int file_version;         /* e.g. 127 */
    int generation;
    int real_bytes; /* 4 or 8 */
    size_t atom_count;
    float box_nm[3][3];
    float (*x_nm)[3];    /* [atom_count] */
    float (*v_nm_ps)[3]; /* [atom_count], or NULL */
    int64_t nsteps;
    double dt_ps;
    int integrator;           /* number in GROMACS' enumeration of integrators */
    char integrator_name[24]; /* "md", "sd", ... */
    bool group_cutoffs;       /* cutoff-scheme = group, which GROMACS 2020 dropped */
    int64_t ld_seed;
    size_t temperature_group_count;
    double ref_t_kelvin;  /* of the group with most degrees of freedom; 0: none */
    bool one_temperature; /* every group has the same ref_t */
    size_t pull_coordinate_count; /* none of files before version 101 (GROMACS 5.1) */
    struct asim_tpr_pull_coordinate *pull_coordinates;
    int pbc_type; /* 0 xyz, 1 none, 2 xy, 3 screw (epbc of GROMACS) */
    /* Bytes of the file at which patches are made; internal. `box` is 0 where the file
     * has none, `body_size_field` where the body is XDR; `v` is where velocities are or
     * would be inserted; `modules` and `prepared` are the two trees at the end, 0 where
     * the version has none. */
    struct {
        uint64_t body, body_size, box, x, v, nsteps, dt, ld_seed, continuation;
        uint64_t v_flag, body_size_field, modules, prepared;
    } offset;
};

void asim_tpr_finish(struct asim_tpr *tpr);

/* Do these first bytes of a file (15 are enough) begin a TPR? */
bool asim_tpr_recognise(const void *head, size_t size);

/* Reads a TPR from memory: `ret_top` and `ret_tpr` may each be NULL. ASIM_EINPUT names
 * the byte where the file stops making sense and what was expected there. */
int asim_tpr_parse(const void *data, size_t size, struct asim_tpr *ret_tpr,
                   struct asim_topology *ret_top, struct asim_error *err);
int asim_tpr_read(const char *path, struct asim_tpr *ret_tpr,
                  struct asim_topology *ret_top, struct asim_error *err);

/* How a copy differs from its original. */
struct asim_tpr_patch {
    const float (*x_nm)[3];   /* [atom_count] */
    const float (*box_nm)[3]; /* [3]; NULL: the original's */
    int64_t nsteps;
    int32_t ld_seed;
    uint64_t velocity_seed;
    double temperature_kelvin; /* of the Maxwell velocities */
    double dt_ps;              /* 0: the original's */
};

/*
 * A patched copy in memory (owned by the caller): coordinates, box, nsteps, ld_seed,
 * continuation = 0, and fresh Maxwell-Boltzmann velocities with the centre-of-mass
 * motion removed. A velocity block is inserted where the original has none. The copy is
 * parsed again and compared with what was asked before it is handed out.
 */
int asim_tpr_patch(const void *data, size_t size, const struct asim_tpr_patch *patch,
                   void **ret_data, size_t *ret_size, struct asim_error *err);

/* A Colvars bias as GROMACS 2024 and newer keep it inside the TPR. */
struct asim_tpr_colvars {
    const char *text;   /* the configuration */
    const char *name;   /* of the file grompp would have read it from */
    size_t atom_count;  /* atoms of the configuration, once each */
    const double *x_nm; /* [3 atom_count] in order of their first use in the text, of
                           a whole structure */
    double ensemble_kelvin; /* of the thermostat; -1: none */
    int32_t seed;           /* -1: none */
    bool double_precision;  /* of the mdrun that will read it */
};

/*
 * A copy of a TPR (owned by the caller) that has this bias, as grompp would have made
 * it: its module parameters say that Colvars is active, and what grompp prepares for it
 * stands behind what is prepared for other modules. ASIM_EINPUT for a TPR from before
 * GROMACS 2020, which has no place for it, and for one that has a Colvars bias already.
 * The copy is parsed again and its bias compared before it is handed out.
 */
int asim_tpr_add_colvars(const void *data, size_t size,
                         const struct asim_tpr_colvars *colvars, void **ret_data,
                         size_t *ret_size, struct asim_error *err);

/* Whether its version has a place for such a bias. */
bool asim_tpr_holds_colvars(const struct asim_tpr *tpr);

/* Whether a TPR has an active Colvars bias; its configuration (inside `data`, not
 * terminated) and how many start coordinates it has. `data` was parsed into `tpr`. */
struct asim_tpr_colvars_found {
    bool active;
    const char *text;
    size_t length;
    size_t number_count;
};
void asim_tpr_find_colvars(const void *data, const struct asim_tpr *tpr,
                           struct asim_tpr_colvars_found *ret_found);

#endif
