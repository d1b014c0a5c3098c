/*
 * GROMACS as installed: where it is and what it can do. Nothing is linked from it.
 */
#ifndef AUTOSIM_ENGINE_H
#define AUTOSIM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include <autosim/bias.h>
#include <autosim/error.h>
#include <autosim/log.h>
#include <autosim/windows.h>

struct asim_gromacs {
    char path[4096];  /* absolute path of the program */
    char version[64]; /* e.g. "2022.5-Debian_2022.5_2" */
    int year;         /* 2022; 0: unknown */
    int patch;        /* 5 */
    bool thread_mpi;  /* -ntmpi is understood */
    bool mpi;         /* built with a real MPI library */
    bool double_precision;
    bool colvars; /* the Colvars module is compiled in */
    bool plumed;  /* mdrun takes -plumed, and a PLUMED kernel was loaded */
    char colvars_why[160], plumed_why[160]; /* in words, for people */
    char simd[32];
    char gpu[32]; /* "disabled", "CUDA", "OpenCL", "SYCL" */
};

/* `name` is a program name or path (NULL: $AUTOSIM_GMX, then gmx, then gmx_d on PATH).
 * Runs `gmx --version`, which does not tell all: see asim_gromacs_try. ASIM_EENV where
 * there is none. */
ASIM_API int asim_gromacs_find(const char *name, struct asim_gromacs *ret_gromacs,
                               struct asim_error *err);

/*
 * Finds out by trial what the version text does not say: whether Colvars is compiled in
 * (where GROMACS is new enough to have it) and whether mdrun -plumed finds a kernel
 * (see PLUMED_KERNEL). Two simulations of a few atoms for one step in a temporary
 * folder, a second at most as a rule. Failures are findings, not errors.
 */
ASIM_API void asim_gromacs_try(struct asim_gromacs *gromacs);

/*
 * Which engine shall apply the bias. AUTO: colvars where `gromacs` has it and the TPR
 * can hold it, else plumed where a kernel was found, else edi. Another one is checked:
 * ASIM_EENV where this GROMACS cannot do it, ASIM_EINPUT where the TPR cannot. The
 * reason in words goes to `ret_why`. `tpr_path` may be NULL. Wants asim_gromacs_try's
 * findings.
 */
ASIM_API int asim_bias_choose(const struct asim_gromacs *gromacs, const char *tpr_path,
                              enum asim_bias_engine wanted,
                              enum asim_bias_engine *ret_engine, char *ret_why,
                              size_t why_size, struct asim_error *err);

/*
 * Whether this GROMACS can simulate that TPR, as far as the two say beforehand: the
 * file is not of a newer version than mdrun reads, and its cutoff-scheme is not the one
 * that GROMACS 2020 dropped. ASIM_EINPUT where not. A GROMACS of an unknown version
 * passes. asim_campaign_start does the same with the windows' own run inputs.
 */
ASIM_API int asim_gromacs_check_tpr(const struct asim_gromacs *gromacs,
                                    const char *tpr_path, struct asim_error *err);

/*
 * Run inputs by grompp, for TPRs that cannot be changed or shall not be: from the .mdp
 * and .top of the simulation.
 */
struct asim_grompp_inputs {
    const char *mdp_path, *top_path;
    const char *ndx_path;    /* of groups that the .mdp names; NULL: none */
    const char *posres_path; /* positions that restraints refer to; NULL: none */
    int warnings_most;       /* of grompp that are accepted (-maxwarn) */
};

/*
 * Takes them over into `folder`/grompp: one grompp, run where the caller is, spells the
 * topology out, so that windows need nothing from elsewhere, later ones too.
 * ASIM_EINPUT with grompp's own words where it refuses, where its atoms are not those
 * of the TPR, in order, or time step or temperature differ, and where the .mdp has a
 * Colvars bias of its own. Warnings that are accepted go to `log`; all that grompp said
 * is in `folder`/grompp/grompp.log.
 */
ASIM_API int asim_grompp_adopt(const struct asim_gromacs *gromacs,
                               const struct asim_grompp_inputs *inputs,
                               const char *tpr_path, const char *folder,
                               struct asim_log *log, struct asim_error *err);

/* Who makes the run inputs of the campaign in `folder`; the context of
 * asim_grompp_make, which is the `make` of an asim_run_input_maker. What grompp said is
 * in windows/NNN/grompp.log. */
struct asim_grompp {
    const struct asim_gromacs *gromacs;
    const char *folder;
};
ASIM_API int asim_grompp_make(void *grompp, const struct asim_plan *plan,
                              const struct asim_window *window,
                              const char *window_folder, struct asim_error *err);

/* The cores this process may use: hwloc's allowed set, the affinity mask, the cgroup's
 * CPU quota and SLURM_CPUS_ON_NODE, whichever is least. */
ASIM_API int asim_cores_available(void);

/* Frees a NULL-terminated argument array and its strings. */
ASIM_API void asim_argv_free(char **argv);

#endif
