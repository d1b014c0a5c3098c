/*
 * GROMACS as installed: where it is and what it can do. Nothing is linked from it.
 */
#ifndef AUTOSIM_ENGINE_H
#define AUTOSIM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include <autosim/error.h>

struct asim_gromacs {
    char path[4096];  /* absolute path of the program */
    char version[64]; /* e.g. "2022.5-Debian_2022.5_2" */
    int year;         /* 2022; 0: unknown */
    int patch;        /* 5 */
    bool thread_mpi;  /* -ntmpi is understood */
    bool mpi;         /* built with a real MPI library */
    bool double_precision;
    bool colvars; /* the Colvars module is compiled in */
    char simd[32];
    char gpu[32]; /* "disabled", "CUDA", "OpenCL", "SYCL" */
};

/* `name` is a program name or path (NULL: $AUTOSIM_GMX, then gmx, then gmx_d on PATH).
 * Runs `gmx --version`. ASIM_EENV where there is none. */
ASIM_API int asim_gromacs_find(const char *name, struct asim_gromacs *ret_gromacs,
                               struct asim_error *err);

/* The cores this process may use: hwloc's allowed set, the affinity mask, the cgroup's
 * CPU quota and SLURM_CPUS_ON_NODE, whichever is least. */
ASIM_API int asim_cores_available(void);

/* Frees a NULL-terminated argument array and its strings. */
ASIM_API void asim_argv_free(char **argv);

#endif
