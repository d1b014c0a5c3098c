/* Which GPUs windows may be given, in turn. */
#ifndef ENGINE_GPUS_H
#define ENGINE_GPUS_H

#include <autosim/engine.h>

#include "base/error.h"

enum { ASIM_GPUS_MOST = 64 };

/* Numbers for -gpu_id, as gmx counts the devices that it can see. */
struct asim_gpus {
    int count; /* 0: nothing is assigned, gmx chooses by itself */
    int ids[ASIM_GPUS_MOST];
};

/*
 * What `wanted` says: "0,2", each number once, or "none". NULL or "auto": all devices,
 * where `gromacs` was built for GPUs and they can be counted: from the variables by
 * which queueing systems and people hand devices out (CUDA_VISIBLE_DEVICES,
 * ROCR_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES), else from `nvidia-smi -L`. None where
 * GMX_GPU_ID is set: gmx follows it. ASIM_EUSAGE for a text that is no list, ASIM_EENV
 * for numbers where `gromacs` has no GPU support.
 */
int asim_gpus_choose(const struct asim_gromacs *gromacs, const char *wanted,
                     struct asim_gpus *ret_gpus, struct asim_error *err);

#endif
